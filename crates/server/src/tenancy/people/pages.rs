//! Pages of organizations and their people.

use super::{
    archive::{self, Archive, Unarchive},
    invitations::{self, Create, Revoke},
    links,
    members::{self, Leave, Read, Remove, SetRole, Update},
    store,
};
use crate::tenancy::{
    Allowed, authority,
    policy::{self, Rights},
    standing,
};
use api::{
    OrgId, Time,
    organizations::{
        InvitationCreate, InvitationView, MfaPolicy, OrgMemberView, OrganizationChange,
    },
    people::Role,
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, banner, code_block, col, danger, html,
        icon, moment, page_head, select, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/organizations/{org_id}", one_page),
        Route::post("/access/organizations/{org_id}/change", update_form),
        Route::post("/access/organizations/{org_id}/leave", leave_form),
        Route::post("/access/organizations/{org_id}/archive", archive_form),
        Route::post("/access/organizations/{org_id}/unarchive", unarchive_form),
        Route::post("/access/organizations/{org_id}/members/{member_id}/role", role_form),
        Route::post("/access/organizations/{org_id}/members/{member_id}/remove", remove_form),
        Route::post("/access/organizations/{org_id}/invitations", invite_form).shows_secret(),
        Route::post(
            "/access/organizations/{org_id}/invitations/{invitation_id}/revoke",
            revoke_form,
        ),
    ]
}

/// One organization.
#[derive(Debug, Clone)]
pub struct OrganizationPageView {
    /// Identifier.
    pub id: OrgId,
    /// Name.
    pub name: String,
    /// Of whom it asks a second factor.
    pub require_mfa: MfaPolicy,
    /// Its people.
    pub members: Vec<OrgMemberView>,
    /// Invitations that wait.
    pub invitations: Vec<InvitationView>,
    /// Its projects.
    pub projects: Vec<(String, String)>,
    /// How many departments it has.
    pub departments: usize,
    /// Since when it is archived.
    pub archived_at: Option<Time>,
    /// What the caller may.
    pub rights: Rights,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

impl OrganizationPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let now = Time(1_795_000_200_000_000);
        let member = |role, protected| OrgMemberView {
            id: api::MemberId(nil),
            email: "ada.lovelace.with.a.very.long.address@analytical-engines.example.com".into(),
            display_name: "Ada Lovelace, Countess".into(),
            role,
            created_at: Time(1_795_000_000_000_000),
            protected,
        };
        let waiting = InvitationView {
            id: api::InvitationId(nil),
            org_id: OrgId(nil),
            project_id: None,
            email: None,
            role: Role::Admin,
            created_at: now,
            expires_at: Time(1_795_600_000_000_000),
        };
        let owner = Self {
            id: OrgId(nil),
            name: "Analytical Engines".into(),
            require_mfa: MfaPolicy::Owners,
            members: vec![member(Role::Owner, true), member(Role::Viewer, false)],
            invitations: vec![waiting],
            projects: vec![("proj_x".into(), "Default".into())],
            departments: 2,
            archived_at: None,
            rights: Rights::of(Role::Owner),
            now,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let viewer = Self {
            rights: Rights::of(Role::Viewer),
            invitations: vec![],
            projects: vec![],
            departments: 1,
            ..owner.clone()
        };
        let archived = Self { archived_at: Some(now), ..owner.clone() };
        vec![owner, viewer, archived]
    }

    pub(super) fn may(&self, action: &str) -> bool {
        let refused = self.archived_at.is_some() && policy::changes(action);
        self.rights.may(action) && !refused
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head(&self.name, "Its people, who was invited, and what it asks of them.", Some(badge("", self.rights.words()))))
            (links::draw(self))
            @if self.archived_at.is_some() { (banner("info", "This organization is archived: it can be read, and nothing in it changes.", None)) }
            section class="section" { h2 { "Members" } (self.people()) }
            @if self.may("invitation.create") { section class="section card flow" { h2 { "Invite" } (self.invite()) } }
            @if self.may("organization.update") { section class="section card flow" { h2 { "Name and policy" } (self.change()) } }
            @if self.may("organization.archive") || (self.archived_at.is_some() && self.may("organization.unarchive")) { section class="section card flow" { h2 { "Archive" } (self.archive()) } }
            section class="section card flow" { h2 { "Leave" }
                p class="muted" { "What you made here stays here. The last owner cannot leave." }
                (danger("Leave organization", "Leave this organization?", "You lose its projects at once; keys you answer for stop working.", html! {
                    form method="post" action={ "/access/organizations/" (self.id) "/leave" } {
                        (self.form.hidden("leave"))
                        button class="button danger-go" { "Leave " (self.name) }
                    }
                }))
            }
        }
    }

    fn people(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.members.iter().map(|one| self.row(one)).collect();
        table(
            "Members",
            &[col("Name"), col("E-mail"), col("Role"), col("Second factor"), col("Since"), col("")],
            &rows,
        )
    }

    fn row(&self, member: &OrgMemberView) -> Vec<Markup> {
        let base = format!("/access/organizations/{}/members/{}", self.id, member.id);
        let sets = self.may("organization.set_role");
        let needed = self.require_mfa == MfaPolicy::Everyone || member.role == Role::Owner;
        vec![
            html! { strong { (member.display_name) } },
            html! { (member.email) },
            html! { @if sets {
                form method="post" class="inline-form" action={ (base) "/role" } {
                    (self.form.hidden(&format!("role-{}", member.id)))
                    select name="role" aria-label={ "Role of " (member.display_name) } {
                        @for role in Role::ALL { option value=(role) selected[*role == member.role] { (role) } }
                    }
                    button class="button" { "Set" }
                }
            } @else { (badge("", member.role.as_str())) } },
            match (member.protected, needed) {
                (true, _) => badge("good", "set up"),
                (false, true) => badge("bad", "missing"),
                (false, false) => badge("", "none"),
            },
            moment(member.created_at),
            html! { @if sets {
                form method="post" action={ (base) "/remove" } {
                    (self.form.hidden(&format!("remove-{}", member.id)))
                    button class="button danger-button" aria-label={ "Remove " (member.display_name) } { "Remove" }
                }
            } },
        ]
    }

    fn invite(&self) -> Markup {
        let roles: Vec<(String, String)> = Role::ALL
            .iter()
            .filter(|role| self.rights.cover(Rights::of(**role)))
            .map(|role| (role.to_string(), role.to_string()))
            .collect();
        let places: Vec<(String, String)> =
            std::iter::once((String::new(), "the organization".to_owned()))
                .chain(
                    self.projects.iter().map(|(id, name)| (id.clone(), format!("project {name}"))),
                )
                .collect();
        let rows: Vec<Vec<Markup>> = self
            .invitations
            .iter()
            .map(|one| {
                vec![
                    html! { (one.email.as_deref().unwrap_or("whoever has the link")) },
                    badge("", one.role.as_str()),
                    html! { @if one.project_id.is_some() { "a project" } @else { "the organization" } },
                    ago(one.expires_at, self.now),
                    html! {
                        form method="post" action={ "/access/organizations/" (self.id) "/invitations/" (one.id) "/revoke" } {
                            (self.form.hidden(&format!("revoke-{}", one.id)))
                            button class="button" { "Take back" }
                        }
                    },
                ]
            })
            .collect();
        html! {
            form method="post" action={ "/access/organizations/" (self.id) "/invitations" } class="inline-form" {
                (self.form.hidden("invite"))
                div class="field" {
                    label for="email" { "E-mail address" }
                    input id="email" name="email" type="email" autocomplete="off" maxlength="254" placeholder="empty: whoever has the link";
                }
                (select("role", "As", "member", &roles))
                (select("project_id", "Into", "", &places))
                button class="button primary" { (icon("plus")) "Invite" }
            }
            @if !rows.is_empty() { (table("Invitations", &[col("For"), col("As"), col("Into"), col("Ends"), col("")], &rows)) }
        }
    }

    fn archive(&self) -> Markup {
        let base = format!("/access/organizations/{}", self.id);
        html! {
            @if let Some(since) = self.archived_at {
                p class="muted" { "Since " (moment(since)) ". Nothing was lost." }
                form method="post" action={ (base) "/unarchive" } {
                    (self.form.hidden("unarchive"))
                    button class="button" { "Unarchive " (self.name) }
                }
            } @else {
                p class="muted" { "For an organization nobody works in any more. Its projects must hold nothing; its bills and its record stay." }
                (danger("Archive organization", "Archive this organization?", "Nothing can be launched or changed in it until an owner unarchives it.", html! {
                    form method="post" action={ (base) "/archive" } {
                        (self.form.hidden("archive"))
                        button class="button danger-go" { "Archive " (self.name) }
                    }
                }))
            }
        }
    }

    fn change(&self) -> Markup {
        let options = [("owners", "of owners"), ("everyone", "of everybody")]
            .map(|(value, words)| (value.to_owned(), words.to_owned()));
        html! {
            form method="post" action={ "/access/organizations/" (self.id) "/change" } class="inline-form" {
                (self.form.hidden("change"))
                (Field::text("name", "Name").draw(&Entered::fresh().with("name", &*self.name)))
                (select("require_mfa", "A second factor is asked", self.require_mfa.as_str(), &options))
                button class="button" { "Save" }
            }
        }
    }
}

/// The page that shows an invitation's link, once.
#[derive(Debug, Clone)]
pub struct InvitedView {
    /// The organization.
    pub org: OrgId,
    /// For whom.
    pub email: Option<String>,
    /// The link.
    pub link: String,
}

impl InvitedView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            org: OrgId(uuid::Uuid::nil()),
            email: Some("grace@example.com".into()),
            link: format!("https://cloud.example.com/auth/invite?token={}", "x".repeat(52)),
        };
        vec![one.clone(), Self { email: None, ..one }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Invited", "The link works once, for a week.", None))
            @match &self.email {
                Some(email) => (banner("info", &format!("It was mailed to {email}, and works for that address only."), None)),
                None => (banner("warn", "Whoever has it can use it. Send it by a way only they read; it is shown this once.", None)),
            }
            section class="card" { (code_block(&self.link)) }
            p class="section" { a class="button primary" href={ "/access/organizations/" (self.org) } { (icon("check")) "Back to the organization" } }
        }
    }
}

async fn one_page(who: Allowed<Read>, app: App, (): ()) -> Result<Page> {
    let org = who.row();
    let mut tx = app.db.read().await?;
    let invitations = if who.may("invitation.list") {
        store::list_open(&mut tx, org.id).await?.into_iter().map(invitations::view).collect()
    } else {
        Vec::new()
    };
    let projects = standing::list_projects(&mut tx, who.caller().user_id()).await?;
    let view = OrganizationPageView {
        id: org.id,
        name: org.name.clone(),
        require_mfa: org.require_mfa,
        members: members::list(&mut tx, who.scope()).await?,
        invitations,
        projects: projects
            .into_iter()
            .filter(|(project, _)| project.org_id == org.id)
            .map(|(project, _)| (project.id.to_string(), project.name))
            .collect(),
        departments: authority::list_departments(&mut tx, org.id).await?.len(),
        archived_at: org.archived_at,
        rights: who.rights(),
        now: tx.now(),
        form: who.form(&app),
    };
    Ok(Page::new(org.name.clone(), view.draw()))
}

fn back(org: OrgId) -> Go {
    Go::to(format!("/access/organizations/{org}"))
}

async fn update_form(who: Allowed<Update>, app: App, Form(fields): Form) -> Result<Go> {
    let require_mfa = MfaPolicy::parse(&fields.text("require_mfa"));
    let change = OrganizationChange { name: Some(fields.text("name")), require_mfa };
    members::update(&app, &who, change).await?;
    Ok(back(who.row().id).saying("Saved."))
}

async fn leave_form(who: Allowed<Leave>, app: App, _: Form) -> Result<Go> {
    members::leave(&app, &who).await?;
    Ok(Go::to("/access/organizations").saying(&format!("You left {}.", who.row().name)))
}

async fn archive_form(who: Allowed<Archive>, app: App, _: Form) -> Result<Go> {
    archive::archive(&app, &who).await?;
    Ok(back(who.row().id).saying(&format!("{} is archived.", who.row().name)))
}

async fn unarchive_form(who: Allowed<Unarchive>, app: App, _: Form) -> Result<Go> {
    archive::unarchive(&app, &who).await?;
    Ok(back(who.row().id).saying(&format!("{} is in use again.", who.row().name)))
}

async fn role_form(who: Allowed<SetRole>, app: App, Form(fields): Form) -> Result<Go> {
    let role = Role::parse(&fields.text("role"))
        .ok_or_else(|| Error::field("role", "Choose one from the list."))?;
    members::set_role(&app, &who, role).await?;
    Ok(back(who.row().org_id).saying("The role is set."))
}

async fn remove_form(who: Allowed<Remove>, app: App, _: Form) -> Result<Go> {
    members::remove(&app, &who).await?;
    Ok(back(who.row().org_id).saying("The member is removed."))
}

async fn invite_form(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Page> {
    let role = Role::parse(&fields.text("role"))
        .ok_or_else(|| Error::field("role", "Choose one from the list."))?;
    let project_id = fields.optional("project_id").map(|_| fields.id("project_id")).transpose()?;
    let ask = InvitationCreate { role, project_id, email: fields.optional("email") };
    let (invitation, link) = invitations::create(&app, &who, ask).await?;
    let view = InvitedView { org: who.row().id, email: invitation.email, link };
    Ok(Page::new("Invited", view.draw()))
}

async fn revoke_form(who: Allowed<Revoke>, app: App, _: Form) -> Result<Go> {
    invitations::revoke(&app, &who).await?;
    Ok(back(who.row().org_id).saying("The invitation is taken back."))
}
