//! All projects one may enter, and making one.

use super::makes_in;
use crate::{
    identity::{Myself, return_target},
    tenancy::{
        allowed::Allowed,
        http::{ListProjects, list_for},
        projects::{self, Create, Switch},
        store,
    },
};
use api::{Code, DeptId, OrgId, ProjectId, Time, authority::DepartmentView, people::Role};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, empty, html, icon, id_copy, moment,
        page_head, select, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/projects", projects_page),
        Route::post("/access/projects", create_form),
        Route::post("/access/projects/switch", switch_form),
    ]
}

/// All projects one may enter.
#[derive(Debug, Clone)]
pub struct ProjectsView {
    /// Id, organization, name, role, since, and whether it is archived.
    pub rows: Vec<(ProjectId, String, String, Option<Role>, Time, bool)>,
    /// Departments one may make projects in, by organization where that has a single one.
    pub places: Vec<(DeptId, String)>,
    /// The form below.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl ProjectsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let row = |name: &str, role: Role| {
            (
                ProjectId(nil),
                "Ada".to_owned(),
                name.to_owned(),
                Some(role),
                Time(1_795_000_000_000_000),
                role == Role::Admin,
            )
        };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let places = vec![(DeptId(nil), "Ada".to_owned())];
        let long = "A project with the longest name that anybody may give it here";
        let refused = Entered::fresh()
            .with("name", "")
            .refused(&Error::field("name", "Enter a name of 1 to 60 characters."));
        vec![
            Self {
                rows: vec![],
                places: places.clone(),
                entered: Entered::fresh(),
                form: form.clone(),
            },
            Self {
                rows: vec![row("Default", Role::Owner)],
                places: vec![
                    (DeptId(nil), "Ada, Default".into()),
                    (DeptId(nil), "Ada, Research".into()),
                ],
                entered: refused,
                form: form.clone(),
            },
            Self {
                rows: vec![row("Default", Role::Viewer), row(long, Role::Admin)],
                places: vec![],
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
            .map(|(id, org, name, role, since, archived)| {
                vec![
                    html! { a href={ "/access/projects/" (id) } { strong { (name) } } @if *archived { " " (badge("", "archived")) } },
                    html! { (org) },
                    badge("", role.map_or("given role", Role::as_str)),
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
            @if !self.places.is_empty() { section class="section card" id="new" { h2 { "New project" } (self.create_form()) } }
        }
    }

    fn create_form(&self) -> Markup {
        let options: Vec<(String, String)> =
            self.places.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
        html! {
            (self.entered.banner())
            form method="post" action="/access/projects" class="inline-form" {
                (self.form.hidden("create"))
                @if let [(only, _)] = options.as_slice() {
                    input type="hidden" name="department_id" value=(only);
                } @else {
                    (select("department_id", "In", self.entered.value("department_id"), &options))
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
    let mut places = Vec::new();
    for (org, _) in orgs.iter().filter(|(org, _)| org.archived_at.is_none()) {
        let (several, all) = makes_in(&mut tx, app, caller.user_id(), org.id).await?;
        let words = |one: &DepartmentView| {
            if several { format!("{}, {}", org.name, one.name) } else { org.name.clone() }
        };
        places.extend(all.iter().map(|one| (one.id, words(one))));
    }
    Ok(ProjectsView {
        rows: rows
            .into_iter()
            .map(|row| {
                let org = names.get(&row.org_id).cloned().unwrap_or_default();
                (row.id, org, row.name, row.role, row.created_at, row.archived_at.is_some())
            })
            .collect(),
        places,
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
                .with("department_id", fields.text("department_id"))
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
