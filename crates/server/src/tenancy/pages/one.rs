//! One project: its members, its department, its name, and its end.

use super::makes_in;
use crate::tenancy::{
    allowed::Allowed,
    members,
    projects::{self, Archive, Delete, Move, Read, Unarchive, Update},
};
use api::{
    DeptId, ProjectId, Time,
    people::{Holding, MemberView, Role},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, banner, col, danger, empty, facts, html,
        id_copy, moment, page_head, select, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/projects/{project_id}", project_page),
        Route::post("/access/projects/{project_id}/rename", rename_form),
        Route::post("/access/projects/{project_id}/delete", delete_form),
        Route::post("/access/projects/{project_id}/archive", archive_form),
        Route::post("/access/projects/{project_id}/unarchive", unarchive_form),
        Route::post("/access/projects/{project_id}/move", move_form),
        Route::post("/access/projects/{project_id}/members/{member_id}/role", role_form),
        Route::post("/access/projects/{project_id}/members/{member_id}/remove", remove_form),
    ]
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
    /// Its department, and where it can go; empty with a single department.
    pub departments: Vec<(DeptId, String)>,
    /// The one it is in.
    pub department: DeptId,
    /// Since when it is archived.
    pub archived_at: Option<Time>,
    /// Whether one may rename and delete it.
    pub manages: bool,
    /// Whether one may archive it, or take it out of the archive.
    pub archives: bool,
    /// Whether one may delete it.
    pub deletes: bool,
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
            departments: vec![],
            department: DeptId(nil),
            archived_at: None,
            manages: true,
            archives: true,
            deletes: true,
            sets_roles: true,
            entered: Entered::fresh().with("name", "Default"),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let departments = vec![(DeptId(nil), "Research".into()), (DeptId(nil), "Sales".into())];
        let held =
            vec![Holding { what: "allocations".into(), count: 3, href: "/workloads".into() }];
        vec![
            one.clone(),
            Self { members: vec![], held, departments, ..one.clone() },
            Self { archived_at: Some(Time(1_795_000_000_000_000)), ..one.clone() },
            Self {
                manages: false,
                archives: false,
                deletes: false,
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
            @if self.archived_at.is_some() { (banner("info", "This project is archived: it can be read, and nothing is made in it.", None)) }
            div class="stack" {
                section class="card" { h2 { "About" } (facts(&self.about())) }
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
                }
                @if self.manages || self.archives || self.deletes {
                    @if self.manages && !self.departments.is_empty() { section class="card flow" { h2 { "Department" } (self.relocate()) } }
                    @if self.archives { section class="card flow" { h2 { "Archive" } (self.archive()) } }
                    @if self.deletes { section class="card" { h2 { "Delete" } (self.delete()) } }
                }
            }
        }
    }

    fn about(&self) -> Vec<(&'static str, Markup)> {
        let department = self.departments.iter().find(|(id, _)| *id == self.department);
        let mut about = vec![
            ("Identifier", id_copy(&self.id.to_string())),
            ("Name in addresses", html! { code { (self.slug) } }),
            ("Since", moment(self.since)),
        ];
        about.extend(department.map(|(_, name)| ("Department", html! { (name) })));
        about.extend(self.archived_at.map(|at| ("Archived", moment(at))));
        about
    }

    fn relocate(&self) -> Markup {
        let options: Vec<_> =
            self.departments.iter().map(|(id, name)| (id.to_string(), name.clone())).collect();
        html! {
            p class="muted" { "Roles that are given in a department reach its projects." }
            form method="post" action={ "/access/projects/" (self.id) "/move" } class="inline-form" {
                (self.form.hidden("move"))
                (select("department_id", "Department", &self.department.to_string(), &options))
                button class="button" { "Move" }
            }
        }
    }

    fn archive(&self) -> Markup {
        let (to, words) = match self.archived_at {
            Some(_) => ("unarchive", "Unarchive"),
            None => ("archive", "Archive"),
        };
        html! {
            @if self.held.is_empty() || self.archived_at.is_some() {
                p class="muted" { "An archived project can be read by its members; nothing is launched or changed in it." }
                form method="post" action={ "/access/projects/" (self.id) "/" (to) } {
                    (self.form.hidden(to))
                    button class="button" { (words) " " (self.name) }
                }
            } @else {
                p class="muted" { "A project can be archived when it holds nothing." }
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
    let (user, org) = (who.caller().user_id(), who.scope().org_id());
    let (several, departments) = makes_in(&mut tx, app, user, org).await?;
    let here = who.row().department_id;
    // Moving takes rights in both departments.
    let moves = several && who.may("project.move") && departments.iter().any(|one| one.id == here);
    let departments = departments.into_iter().filter(|_| moves);
    Ok(ProjectView {
        departments: departments.map(|one| (one.id, one.name)).collect(),
        department: who.row().department_id,
        archived_at: who.row().archived_at,
        id: who.row().id,
        name: who.row().name.clone(),
        slug: who.row().slug.clone(),
        since: who.row().created_at,
        members: if who.may("member.list") {
            members::list(&mut tx, who.scope()).await?
        } else {
            Vec::new()
        },
        held: projects::holdings(app, &mut tx, who.scope()).await?,
        manages: who.may("project.update"),
        archives: who.may("project.archive")
            || (who.row().archived_at.is_some() && who.may("project.unarchive")),
        deletes: who.may("project.delete"),
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

async fn archive_form(who: Allowed<Archive>, app: App, _: Form) -> Result<Go> {
    projects::archive(&app, &who).await?;
    Ok(Go::to(format!("/access/projects/{}", who.row().id)).saying("The project is archived."))
}

async fn unarchive_form(who: Allowed<Unarchive>, app: App, _: Form) -> Result<Go> {
    projects::unarchive(&app, &who).await?;
    Ok(Go::to(format!("/access/projects/{}", who.row().id)).saying("The project is in use again."))
}

async fn move_form(who: Allowed<Move>, app: App, Form(fields): Form) -> Result<Go> {
    projects::relocate(&app, &who, fields.id("department_id")?).await?;
    Ok(Go::to(format!("/access/projects/{}", who.row().id)).saying("The project is moved."))
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
