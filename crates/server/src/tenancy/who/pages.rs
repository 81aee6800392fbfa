//! The page that says who may do what.

use super::{ask, http::WhoCan};
use crate::tenancy::{Allowed, authority, standing};
use api::{
    DeptId, OrgId, ProjectId, UserId,
    access::{Permission, Who},
    people::Role,
};
use kernel::{
    App, Error, Result,
    html::{Markup, Page, badge, col, empty, html, page_head, select, table},
    http::Route,
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/access/organizations/{org_id}/who-can", who_page)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct WhoView {
    /// The organization.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Every action.
    pub actions: Vec<Permission>,
    /// Its departments, where it has several.
    pub departments: Vec<(DeptId, String)>,
    /// Its projects.
    pub projects: Vec<(ProjectId, String)>,
    /// What was asked: the action, and in which project.
    pub action: String,
    /// In which project; in the organization itself when empty.
    pub project: String,
    /// Who may.
    pub found: Vec<Who>,
}

impl WhoView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let who = |role: Role, through: &str| Who {
            user_id: UserId(nil),
            email: "ada.lovelace.with.a.very.long.address@analytical-engines.example.com".into(),
            display_name: "Ada Lovelace, Countess".into(),
            role: role.to_string(),
            through: through.into(),
        };
        let none = Self {
            id: OrgId(nil),
            name: "Analytical Engines".into(),
            actions: ask::permissions(),
            departments: vec![(DeptId(nil), "Research".into())],
            projects: vec![(ProjectId(nil), "Vision".into())],
            action: "allocation.create".into(),
            project: String::new(),
            found: vec![],
        };
        let found = vec![who(Role::Owner, "organization"), who(Role::Member, "project")];
        vec![none.clone(), Self { project: ProjectId(nil).to_string(), found, ..none }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let actions: Vec<_> =
            self.actions.iter().map(|one| (one.action.clone(), one.action.clone())).collect();
        let places: Vec<_> = std::iter::once((String::new(), "the organization".to_owned()))
            .chain(
                self.departments
                    .iter()
                    .map(|(id, name)| (id.to_string(), format!("department {name}"))),
            )
            .chain(
                self.projects.iter().map(|(id, name)| (id.to_string(), format!("project {name}"))),
            )
            .collect();
        let back =
            html! { a class="button" href={ "/access/organizations/" (self.id) } { "Members" } };
        let least = self.actions.iter().find(|one| one.action == self.action);
        html! {
            (page_head(&format!("Who can in {}", self.name), "The policy, asked instead of tried: who may do something, and by which role.", Some(back)))
            form method="get" class="inline-form section" {
                (select("action", "Who can", &self.action, &actions))
                (select("project_id", "In", &self.project, &places))
                button class="button primary" { "Ask" }
            }
            @if let Some(least) = least { p class="muted section" { "It takes at least " (badge("", least.least.as_str())) " there." } }
            @if self.found.is_empty() {
                (empty("users", "Nobody can", "Nobody has a role there that allows it. Owners give roles.", None))
            } @else {
                (table("People", &[col("Name"), col("E-mail"), col("Role"), col("By")], &self.rows()))
            }
        }
    }

    fn rows(&self) -> Vec<Vec<Markup>> {
        let row = |one: &Who| {
            vec![
                html! { strong { (one.display_name) } },
                html! { (one.email) },
                badge("", &one.role),
                html! { (one.through) },
            ]
        };
        self.found.iter().map(row).collect()
    }
}

async fn who_page(who: Allowed<WhoCan>, app: App, (): ()) -> Result<Page> {
    let org = who.row();
    let action = who.head().query("action").unwrap_or_else(|| "allocation.create".to_owned());
    let project = who.head().query("project_id").unwrap_or_default();
    let missing = |_| Error::not_found();
    let named = match project.as_str() {
        "" => (None, None),
        text if text.starts_with("dept_") => (Some(text.parse().map_err(missing)?), None),
        text => (None, Some(text.parse().map_err(missing)?)),
    };
    let mut tx = app.db.read().await?;
    let projects: Vec<_> = standing::list_projects(&mut tx, who.caller().user_id())
        .await?
        .into_iter()
        .filter(|(project, _)| project.org_id == org.id)
        .map(|(project, _)| (project.id, project.name))
        .collect();
    let found = ask::who_can(&mut tx, org.id, named, &action).await?;
    let departments = authority::list_departments(&mut tx, org.id).await?;
    let several = departments.len() > 1;
    let departments: Vec<_> =
        departments.into_iter().filter(|_| several).map(|one| (one.id, one.name)).collect();
    let (id, name, actions) = (org.id, org.name.clone(), ask::permissions());
    let view = WhoView { id, name, actions, departments, projects, action, project, found };
    Ok(Page::new("Who can", view.draw()))
}
