//! The page of one's organizations.

use crate::{
    identity::{Caller, Myself, MyselfAction},
    tenancy::store,
};
use api::{
    OrgId,
    people::{OrgType, Role},
};
use kernel::{
    App, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, html, icon, id_copy, page_head, table,
    },
    http::Route,
};

/// Lists one's organizations.
pub struct ListOwn;
impl MyselfAction for ListOwn {
    const NAME: &'static str = "organization.list";
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/access/organizations", list_page)]
}

/// All organizations one belongs to.
#[derive(Debug, Clone)]
pub struct OrganizationsView {
    /// Id, name, how it came to be, role.
    pub rows: Vec<(OrgId, String, OrgType, Role)>,
    /// For the form.
    pub form: FormCtx,
}

impl OrganizationsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let id = OrgId(uuid::Uuid::nil());
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let long = "an organization with the longest name that it may have here.";
        vec![
            Self { rows: vec![], form: form.clone() },
            Self {
                rows: vec![
                    (id, "Ada".into(), OrgType::Personal, Role::Owner),
                    (id, long.into(), OrgType::Enterprise, Role::Viewer),
                ],
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|(id, name, kind, role)| {
                vec![
                    html! { a href={ "/access/organizations/" (id) } { strong { (name) } } },
                    html! { (kind) },
                    badge("", role.as_str()),
                    id_copy(&id.to_string()),
                ]
            })
            .collect();
        html! {
            (page_head("Organizations", "An organization owns projects and pays for them. Projects of others you were invited to are under Projects.", None))
            (table("Organizations", &[col("Name"), col("Kind"), col("Your role"), col("Identifier")], &rows))
            section class="section card flow" { h2 { "New organization" }
                p class="muted" { "For a company or a group: several people, one bill. Its owners need a second factor." }
                form method="post" action="/access/organizations" class="inline-form" {
                    (self.form.hidden("create"))
                    (Field::text("name", "Name").draw(&Entered::fresh()))
                    button class="button primary" { (icon("plus")) "Create organization" }
                }
            }
        }
    }
}

async fn list_page(who: Myself<ListOwn>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let rows = store::list_organizations(&mut tx, who.caller().user_id()).await?;
    let rows =
        rows.into_iter().map(|(org, member)| (org.id, org.name, org.kind, member.role)).collect();
    let form = Caller::form(who.caller(), &app);
    Ok(Page::new("Organizations", OrganizationsView { rows, form }.draw()))
}
