//! Pages of tenancy: all projects, one project.

use super::{
    allowed::Allowed,
    http::{ListProjects, list_for},
    members, policy,
    projects::{self, Create, Delete, Read, Switch, Update},
    store,
};
use crate::identity::{Myself, return_target};
use api::{
    Code, OrgId, ProjectId, Time,
    people::{Holding, MemberView, Role},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, banner, col, danger, empty, facts, html,
        icon, id_copy, moment, page_head, select, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/projects", projects_page),
        Route::post("/access/projects", create_form),
        Route::post("/access/projects/switch", switch_form),
        Route::get("/access/projects/{project_id}", project_page),
        Route::post("/access/projects/{project_id}/rename", rename_form),
        Route::post("/access/projects/{project_id}/delete", delete_form),
        Route::post("/access/projects/{project_id}/members/{member_id}/role", role_form),
        Route::post("/access/projects/{project_id}/members/{member_id}/remove", remove_form),
    ]
}

/// All projects one may enter.
#[derive(Debug, Clone)]
pub struct ProjectsView {
    /// Id, organization, name, role, since.
    pub rows: Vec<(ProjectId, String, String, Role, Time)>,
    /// Organizations one may make projects in.
    pub orgs: Vec<(OrgId, String)>,
    /// The form below.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl ProjectsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let row = |name: &str, role| {
            (ProjectId(nil), "Ada".to_owned(), name.to_owned(), role, Time(1_795_000_000_000_000))
        };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let orgs = vec![(OrgId(nil), "Ada".to_owned())];
        let long = "A project with the longest name that anybody may give it here";
        let refused = Entered::fresh()
            .with("name", "")
            .refused(&Error::field("name", "Enter a name of 1 to 60 characters."));
        vec![
            Self {
                rows: vec![],
                orgs: orgs.clone(),
                entered: Entered::fresh(),
                form: form.clone(),
            },
            Self {
                rows: vec![row("Default", Role::Owner)],
                orgs: orgs.clone(),
                entered: refused,
                form: form.clone(),
            },
            Self {
                rows: vec![row("Default", Role::Viewer), row(long, Role::Admin)],
                orgs: vec![],
                entered: Entered::fresh(),
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|(id, org, name, role, since)| {
                vec![
                    html! { a href={ "/access/projects/" (id) } { strong { (name) } } },
                    html! { (org) },
                    badge("", role.as_str()),
                    moment(*since),
                    id_copy(&id.to_string()),
                ]
            })
            .collect();
        html! {
            (page_head("Projects", "Everything you run lives in a project. The organization owns it and pays for it.", None))
            @if rows.is_empty() {
                (empty("folder-kanban", "No project yet", "A project holds your workloads, its members and their roles. Make the first one below.", None))
            } @else {
                (table("Projects", &[col("Name"), col("Organization"), col("Your role"), col("Since"), col("Identifier")], &rows))
            }
            @if !self.orgs.is_empty() { section class="section card" id="new" { h2 { "New project" } (self.create_form()) } }
        }
    }

    fn create_form(&self) -> Markup {
        let options: Vec<(String, String)> =
            self.orgs.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
        html! {
            (self.entered.banner())
            form method="post" action="/access/projects" class="inline-form" {
                (self.form.hidden("create"))
                @if let [(only, _)] = options.as_slice() {
                    input type="hidden" name="org_id" value=(only);
                } @else {
                    (select("org_id", "Organization", self.entered.value("org_id"), &options))
                }
                (Field::text("name", "Name").draw(&self.entered))
                button class="button primary" { (icon("plus")) "Create project" }
            }
        }
    }
}

async fn projects_view(
    app: &App,
    caller: &crate::identity::Caller,
    entered: Entered,
) -> Result<ProjectsView> {
    let mut tx = app.db.read().await?;
    let orgs = store::list_organizations(&mut tx, caller.user_id()).await?;
    let names: std::collections::BTreeMap<OrgId, String> =
        orgs.iter().map(|(org, _)| (org.id, org.name.clone())).collect();
    let rows = list_for(&mut tx, caller).await?;
    Ok(ProjectsView {
        rows: rows
            .into_iter()
            .map(|row| {
                let org = names.get(&row.org_id).cloned().unwrap_or_default();
                (row.id, org, row.name, row.role.unwrap_or(Role::Viewer), row.created_at)
            })
            .collect(),
        orgs: orgs
            .iter()
            .filter(|(_, member)| policy::may(member.role, "project.create"))
            .map(|(org, _)| (org.id, org.name.clone()))
            .collect(),
        entered,
        form: caller.form(app),
    })
}

async fn projects_page(who: Myself<ListProjects>, app: App, (): ()) -> Result<Page> {
    let view = projects_view(&app, who.caller(), Entered::fresh()).await?;
    Ok(Page::new("Projects", view.draw()))
}

async fn create_form(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Go> {
    match projects::create(&app, &who, &fields.text("name")).await {
        Ok(project) => {
            let to = format!("/access/projects/{}", project.id);
            Ok(Go::to(to).saying(&format!("{} is ready.", project.name)))
        }
        Err(error) if matches!(error.code(), Code::ValidationError | Code::NameTaken) => {
            let entered = Entered::fresh()
                .with("name", fields.text("name"))
                .with("org_id", fields.text("org_id"))
                .refused(&error);
            let view = projects_view(&app, who.caller(), entered).await?;
            Err(error.showing(
                Page::new("Projects", view.draw()).status(::http::StatusCode::UNPROCESSABLE_ENTITY),
            ))
        }
        Err(error) => Err(error),
    }
}

async fn switch_form(who: Allowed<Switch>, app: App, Form(fields): Form) -> Result<Go> {
    projects::switch(&app, &who).await?;
    Ok(Go::to(return_target(&fields.text("return")))
        .saying(&format!("You are in {}.", who.row().name)))
}

/// One project.
#[derive(Debug, Clone)]
pub struct ProjectView {
    /// Identifier.
    pub id: ProjectId,
    /// Name.
    pub name: String,
    /// Slug.
    pub slug: String,
    /// Since.
    pub since: Time,
    /// Members.
    pub members: Vec<MemberView>,
    /// What it holds.
    pub held: Vec<Holding>,
    /// Whether one may rename and delete it.
    pub manages: bool,
    /// Whether one may change roles.
    pub sets_roles: bool,
    /// The rename form.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl ProjectView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let member = |role| MemberView {
            id: api::MemberId(nil),
            user_id: api::UserId(nil),
            email: "ada.lovelace.with.a.very.long.address@analytical-engines.example.com".into(),
            display_name: "Ada Lovelace, Countess".into(),
            role,
            created_at: Time(1_795_000_000_000_000),
        };
        let one = Self {
            id: ProjectId(nil),
            name: "Default".into(),
            slug: "default".into(),
            since: Time(1_795_000_000_000_000),
            members: vec![member(Role::Owner)],
            held: vec![],
            manages: true,
            sets_roles: true,
            entered: Entered::fresh().with("name", "Default"),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let held =
            vec![Holding { what: "allocations".into(), count: 3, href: "/workloads".into() }];
        vec![
            one.clone(),
            Self { members: vec![], held, ..one.clone() },
            Self {
                manages: false,
                sets_roles: false,
                members: vec![member(Role::Viewer), member(Role::Admin)],
                ..one
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head(&self.name, "Its members and their roles, its name, and what it holds.", None))
            div class="stack" {
                section class="card" { h2 { "About" } (facts(&[
                    ("Identifier", id_copy(&self.id.to_string())),
                    ("Name in addresses", html! { code { (self.slug) } }),
                    ("Since", moment(self.since)),
                ])) }
                section class="section" { h2 { "Members" } (self.members()) }
                @if self.manages {
                    section class="card" { h2 { "Rename" }
                        (self.entered.banner())
                        form method="post" action={ "/access/projects/" (self.id) "/rename" } class="inline-form" {
                            (self.form.hidden("rename"))
                            (Field::text("name", "Name").draw(&self.entered))
                            button class="button" { "Rename" }
                        }
                    }
                    section class="card" { h2 { "Delete" } (self.delete()) }
                }
            }
        }
    }

    fn members(&self) -> Markup {
        if self.members.is_empty() {
            return empty(
                "users",
                "Nobody has a role of their own here",
                "Owners and admins of the organization can still manage this project.",
                None,
            );
        }
        let rows: Vec<Vec<Markup>> = self
            .members
            .iter()
            .map(|member| {
                vec![
                    html! { strong { (member.display_name) } },
                    html! { (member.email) },
                    if self.sets_roles {
                        self.role_form(member)
                    } else {
                        badge("", member.role.as_str())
                    },
                    moment(member.created_at),
                    self.remove_form(member),
                ]
            })
            .collect();
        table("Members", &[col("Name"), col("E-mail"), col("Role"), col("Since"), col("")], &rows)
    }

    fn role_form(&self, member: &MemberView) -> Markup {
        html! {
            form method="post" class="inline-form" action={ "/access/projects/" (self.id) "/members/" (member.id) "/role" } {
                (self.form.hidden(&format!("role-{}", member.id)))
                select name="role" aria-label={ "Role of " (member.display_name) } {
                    @for (value, words) in members::view_roles() {
                        option value=(value) selected[value == member.role.as_str()] { (words) }
                    }
                }
                button class="button" { "Set" }
            }
        }
    }

    fn remove_form(&self, member: &MemberView) -> Markup {
        html! {
            @if self.sets_roles {
                form method="post" action={ "/access/projects/" (self.id) "/members/" (member.id) "/remove" } {
                    (self.form.hidden(&format!("remove-{}", member.id)))
                    button class="button danger-button" aria-label={ "Remove " (member.display_name) } { "Remove" }
                }
            }
        }
    }

    fn delete(&self) -> Markup {
        html! {
            @if self.held.is_empty() {
                (danger("Delete project", "Delete this project?", "It holds nothing now. Its past stays in the statement and the audit record.", html! {
                    form method="post" action={ "/access/projects/" (self.id) "/delete" } {
                        (self.form.hidden("delete"))
                        button class="button danger-go" { "Delete " (self.name) }
                    }
                }))
            } @else {
                (banner("info", "A project can be deleted when it holds nothing. It still holds:", None))
                ul class="error-list" {
                    @for holding in &self.held { li { a href=(holding.href) { (holding.what) ": " (holding.count) } } }
                }
            }
        }
    }
}

async fn project_view(app: &App, who: &Allowed<Read>) -> Result<ProjectView> {
    let mut tx = app.db.read().await?;
    Ok(ProjectView {
        id: who.row().id,
        name: who.row().name.clone(),
        slug: who.row().slug.clone(),
        since: who.row().created_at,
        members: members::list(&mut tx, who.scope()).await?,
        held: projects::holdings(app, &mut tx, who.scope()).await?,
        manages: who.may("project.update"),
        sets_roles: who.may("member.set_role"),
        entered: Entered::fresh().with("name", who.row().name.clone()),
        form: who.form(app),
    })
}

async fn project_page(who: Allowed<Read>, app: App, (): ()) -> Result<Page> {
    let view = project_view(&app, &who).await?;
    Ok(Page::new(who.row().name.clone(), view.draw()))
}

async fn rename_form(who: Allowed<Update>, app: App, Form(fields): Form) -> Result<Go> {
    let project = projects::rename(&app, &who, &fields.text("name")).await?;
    Ok(Go::to(format!("/access/projects/{}", project.id)).saying("The project has its new name."))
}

async fn delete_form(who: Allowed<Delete>, app: App, _: Form) -> Result<Go> {
    projects::delete(&app, &who).await?;
    Ok(Go::to("/access/projects").saying(&format!("{} is deleted.", who.row().name)))
}

async fn role_form(who: Allowed<members::SetRole>, app: App, Form(fields): Form) -> Result<Go> {
    let role = Role::parse(&fields.text("role"))
        .ok_or_else(|| Error::field("role", "Choose one from the list."))?;
    members::set_role(&app, &who, role).await?;
    Ok(Go::to(format!("/access/projects/{}", who.row().project_id)).saying("The role is set."))
}

async fn remove_form(who: Allowed<members::Remove>, app: App, _: Form) -> Result<Go> {
    members::remove(&app, &who).await?;
    Ok(Go::to(format!("/access/projects/{}", who.row().project_id))
        .saying("The member is removed."))
}
