//! The page of an organization's sign-in services.

use super::{
    forms::{entered, read, read_change, refused},
    maps,
    verbs::{
        self, Change, Check, ClaimDomain, Create, CreateMap, List, Remove, RemoveDomain, RemoveMap,
    },
    views::{Services, sample, set_up},
};
use crate::{
    identity::sso::{domains, providers},
    tenancy::{Action, Allowed, policy::Rights, standing, store as places},
};
use api::{
    Code, OrgId, ProjectId, ProviderId, Time,
    people::Role,
    sso::{
        DomainState, DomainView, ProviderCheck, ProviderState, ProviderView, RoleMapCreate,
        RoleMapView,
    },
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, col, html, icon, page_head, select,
        table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/organizations/{org_id}/sign-in", org_page),
        Route::post("/access/organizations/{org_id}/sign-in", create_form),
        Route::post("/access/organizations/{org_id}/sign-in/{provider_id}/change", change_form),
        Route::post("/access/organizations/{org_id}/sign-in/{provider_id}/check", check_form),
        Route::post("/access/organizations/{org_id}/sign-in/{provider_id}/remove", remove_form),
        Route::post("/access/organizations/{org_id}/role-maps", map_form),
        Route::post("/access/organizations/{org_id}/role-maps/{map_id}/remove", unmap_form),
        Route::post("/access/organizations/{org_id}/domains", claim_form),
        Route::post("/access/organizations/{org_id}/domains/{domain_id}/remove", give_up_form),
    ]
}

/// How people of an organization sign in.
#[derive(Debug, Clone)]
pub struct OrgSignInView {
    /// The organization.
    pub id: OrgId,
    /// Its name, and its short name.
    pub names: (String, String),
    /// Its services.
    pub services: Vec<ProviderView>,
    /// What their groups are worth.
    pub maps: Vec<RoleMapView>,
    /// Its mail domains.
    pub domains: Vec<DomainView>,
    /// Its projects.
    pub projects: Vec<(ProjectId, String)>,
    /// What was entered of a new one.
    pub entered: Entered,
    /// What a look just found.
    pub check: Option<(ProviderId, ProviderCheck)>,
    /// What the caller may.
    pub rights: Rights,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: FormCtx,
}

impl OrgSignInView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let (nil, now) = (uuid::Uuid::nil(), Time(1_795_000_200_000_000));
        let bare = Self {
            id: OrgId(nil),
            names: ("Analytical Engines".into(), "analytical-engines-x4k2m9".into()),
            services: vec![],
            maps: vec![],
            domains: vec![],
            projects: vec![(ProjectId(nil), "Vision".into())],
            entered: Entered::fresh(),
            check: None,
            rights: Rights::of(Role::Owner),
            now,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let down = ProviderView { last_fault: Some("no answer: timed out".into()), ..sample(now) };
        let off = ProviderView { state: ProviderState::Disabled, ..sample(now) };
        let finding = |ok| api::sso::ProviderFinding {
            what: "Discovery document".into(),
            ok,
            words: "It names another issuer. Look whether it is written exactly.".into(),
        };
        let check = ProviderCheck { ok: false, findings: vec![finding(true), finding(false)] };
        let map = |project_id, role| RoleMapView {
            id: api::RoleMapId(nil),
            provider_id: api::ProviderId(nil),
            group: "machine-learning-and-other-long-words".into(),
            project_id,
            role,
        };
        let domain = |state| DomainView {
            id: api::DomainId(nil),
            org_id: OrgId(nil),
            domain: "analytical-engines.example.com".into(),
            state,
            created_at: now,
        };
        let full = Self {
            services: vec![sample(now), down, off],
            maps: vec![map(None, Role::Viewer), map(Some(ProjectId(nil)), Role::Member)],
            domains: vec![domain(DomainState::Pending), domain(DomainState::Approved)],
            check: Some((api::ProviderId(nil), check)),
            ..bare.clone()
        };
        let refused = Entered::fresh()
            .with("issuer", "http://10.0.0.1")
            .refused(&Error::field("issuer", "This cannot be called from here."));
        vec![
            bare.clone(),
            full.clone(),
            Self { entered: refused, ..bare },
            Self { rights: Rights::of(Role::Admin), ..full },
        ]
    }

    fn may(&self, action: &str) -> bool {
        self.rights.may(action)
    }

    fn base(&self) -> String {
        format!("/access/organizations/{}/sign-in", self.id)
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let (base, may) = (self.base(), self.may("identity_provider.create"));
        let services = Services {
            all: &self.services,
            base: &base,
            may,
            check: self.check.as_ref(),
            now: self.now,
            form: &self.form,
        };
        let back =
            html! { a class="button" href={ "/access/organizations/" (self.id) } { "Members" } };
        html! {
            (page_head(&format!("How {} signs in", self.names.0), "Your own sign-in service (OpenID Connect): who comes from it has an account of this organization, and no rights but those you give.", Some(back)))
            (services.draw("With one, people sign in with the account they have at work, and leave when they leave there."))
            @if !self.services.is_empty() {
                section class="section card flow" { h2 { "What groups are worth" } (self.worth()) }
                section class="section card flow" { h2 { "The way there" } (self.way()) }
            }
            @if may {
                section class="section card flow" { h2 { "Set up a sign-in service" } (set_up(&base, &self.entered, &self.form, false, self.services.is_empty())) }
            }
        }
    }

    fn worth(&self) -> Markup {
        let place = |map: &RoleMapView| match map.project_id {
            None => "the organization".to_owned(),
            Some(id) => self
                .projects
                .iter()
                .find(|(one, _)| *one == id)
                .map_or("a project".to_owned(), |(_, name)| format!("project {name}")),
        };
        let label = |id: ProviderId| {
            self.services.iter().find(|one| one.id == id).map_or("", |one| one.label.as_str())
        };
        let rows: Vec<Vec<Markup>> = self
            .maps
            .iter()
            .map(|map| {
                vec![
                    html! { code { (map.group) } },
                    html! { (label(map.provider_id)) },
                    badge("", map.role.as_str()),
                    html! { (place(map)) },
                    html! { @if self.may("role_map.remove") {
                        form method="post" action={ "/access/organizations/" (self.id) "/role-maps/" (map.id) "/remove" } {
                            (self.form.hidden(&format!("unmap-{}", map.id)))
                            button class="button" { "Remove" }
                        }
                    } },
                ]
            })
            .collect();
        html! {
            p class="muted" { "Roles follow the groups at every sign-in, and while somebody is signed in as often as your service is asked. Whoever it has not vouched for in 30 days loses what it gave them. Roles given by hand stay. No group makes an owner." }
            @if rows.is_empty() { p { "No group has a role yet: whoever comes from your service must be invited." } }
            @else { (table("Groups", &[col("Group"), col("From"), col("Role"), col("In"), col("")], &rows)) }
            @if self.may("role_map.create") { (self.map_form()) }
        }
    }

    fn map_form(&self) -> Markup {
        let services: Vec<_> =
            self.services.iter().map(|one| (one.id.to_string(), one.label.clone())).collect();
        let roles = ["viewer", "member", "admin"].map(|role| (role.to_owned(), role.to_owned()));
        let places: Vec<_> = std::iter::once((String::new(), "the organization".to_owned()))
            .chain(
                self.projects.iter().map(|(id, name)| (id.to_string(), format!("project {name}"))),
            )
            .collect();
        html! {
            form method="post" class="inline-form" action={ "/access/organizations/" (self.id) "/role-maps" } {
                (self.form.hidden("map"))
                (select("provider_id", "From", "", &services))
                (Field::text("group", "Group").draw(&Entered::fresh()))
                (select("role", "Is", "member", &roles))
                (select("project_id", "In", "", &places))
                button class="button" { (icon("plus")) "Give the role" }
            }
        }
    }

    fn way(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .domains
            .iter()
            .map(|one| {
                let good = one.state == DomainState::Approved;
                vec![
                    html! { code { (one.domain) } },
                    badge(if good { "good" } else { "warn" }, if good { "leads here" } else { "being checked" }),
                    ago(one.created_at, self.now),
                    html! { @if self.may("domain.remove") {
                        form method="post" action={ "/access/organizations/" (self.id) "/domains/" (one.id) "/remove" } {
                            (self.form.hidden(&format!("domain-{}", one.id)))
                            button class="button" { "Give up" }
                        }
                    } },
                ]
            })
            .collect();
        html! {
            p { "On the sign-in page, people enter " code { (self.names.1) } " or their work address, once its domain leads here." }
            @if !rows.is_empty() { (table("Mail domains", &[col("Domain"), col("State"), col("Claimed"), col("")], &rows)) }
            @if self.may("domain.claim") {
                form method="post" class="inline-form" action={ "/access/organizations/" (self.id) "/domains" } {
                    (self.form.hidden("domain"))
                    (Field::text("domain", "Mail domain").hint("Whoever runs this site checks that it is yours.").draw(&Entered::fresh()))
                    button class="button" { "Claim" }
                }
            }
        }
    }
}

async fn org_view<A: Action>(
    app: &App,
    who: &Allowed<A>,
    org: OrgId,
    entered: Entered,
) -> Result<OrgSignInView> {
    let services = providers::list(app, Some(org)).await?;
    let mut tx = app.db.read().await?;
    let row = places::find_organization(&mut tx, org).await?.ok_or_else(Error::not_found)?;
    let projects = standing::list_projects(&mut tx, who.caller().user_id()).await?;
    Ok(OrgSignInView {
        id: org,
        names: (row.name, row.slug),
        services,
        maps: maps::list(&mut tx, org).await?.into_iter().map(maps::view).collect(),
        domains: domains::list_of(&mut tx, org)
            .await?
            .into_iter()
            .map(verbs::domain_view)
            .collect(),
        projects: projects
            .into_iter()
            .filter(|(project, _)| project.org_id == org)
            .map(|(project, _)| (project.id, project.name))
            .collect(),
        entered,
        check: None,
        rights: who.rights(),
        now: tx.now(),
        form: who.form(app),
    })
}

async fn org_page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    let view = org_view(&app, &who, who.row().id, Entered::fresh()).await?;
    Ok(Page::new("Sign-in", view.draw()))
}

fn back(org: OrgId) -> Go {
    Go::to(format!("/access/organizations/{org}/sign-in"))
}

async fn create_form(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Go> {
    let (by, org) = (who.caller().user_id(), who.row().id);
    match providers::create(&app, &who, by, Some(org), read(&fields)).await {
        Ok(made) => {
            Ok(back(org)
                .saying(&format!("{} is set up. Register its addresses there.", made.label)))
        }
        Err(error) if error.code() == Code::ValidationError => {
            let view = org_view(&app, &who, org, entered(&fields, &error)).await?;
            Err(refused(error, view.draw()))
        }
        Err(error) => Err(error),
    }
}

async fn change_form(who: Allowed<Change>, app: App, Form(fields): Form) -> Result<Go> {
    let org = who.scope().org_id();
    verbs::change(&app, &who, who.row(), read_change(&fields)).await?;
    Ok(back(org).saying("Saved."))
}

async fn check_form(who: Allowed<Check>, app: App, _: Form) -> Result<Page> {
    let (org, id) = (who.scope().org_id(), who.row().id);
    let found = providers::check(&app, who.row(), &who.caller().user_id().to_string()).await?;
    let mut view = org_view(&app, &who, org, Entered::fresh()).await?;
    view.check = Some((id, found));
    Ok(Page::new("Sign-in", view.draw()))
}

async fn remove_form(who: Allowed<Remove>, app: App, _: Form) -> Result<Go> {
    let org = who.scope().org_id();
    verbs::remove(&app, &who, who.row()).await?;
    Ok(back(org).saying("Removed."))
}

async fn map_form(who: Allowed<CreateMap>, app: App, Form(fields): Form) -> Result<Go> {
    let role = Role::parse(&fields.text("role"));
    let ask = RoleMapCreate {
        provider_id: fields.id("provider_id")?,
        group: fields.text("group"),
        project_id: fields.optional("project_id").map(|_| fields.id("project_id")).transpose()?,
        role: role.ok_or_else(|| Error::field("role", "Choose one from the list."))?,
    };
    verbs::create_map(&app, &who, ask).await?;
    Ok(back(who.row().id).saying("The group has its role."))
}

async fn unmap_form(who: Allowed<RemoveMap>, app: App, _: Form) -> Result<Go> {
    verbs::remove_map(&app, &who).await?;
    Ok(back(who.row().org_id).saying("Removed."))
}

async fn claim_form(who: Allowed<ClaimDomain>, app: App, Form(fields): Form) -> Result<Go> {
    verbs::claim(&app, &who, &fields.text("domain")).await?;
    Ok(back(who.row().id).saying("Claimed. It leads here once it is checked."))
}

async fn give_up_form(who: Allowed<RemoveDomain>, app: App, _: Form) -> Result<Go> {
    verbs::give_up(&app, &who).await?;
    Ok(back(who.row().org_id).saying("Given up."))
}
