//! The page of the platform's sign-in services, and of mail domains that wait.

use super::{
    forms::{entered, read, read_change, refused},
    organization::OrgSignInView,
    verbs::{
        self, ApproveDomain, PlatformChange, PlatformCheck, PlatformCreate, PlatformList,
        PlatformRemove, RefuseDomain, TakeDomain,
    },
    views::{Services, set_up},
};
use crate::{
    identity::sso::{domains, providers},
    tenancy::{Operator, store as places},
};
use api::{
    Code, ProviderId, Time,
    sso::{DomainState, DomainView, ProviderCheck, ProviderView},
};
use kernel::{
    App, Result,
    html::{
        Entered, FormCtx, Markup, Page, ago, badge, banner, col, empty, html, page_head, table,
    },
    http::{Form, Go, Route},
};

const PLATFORM: &str = "/platform/sign-in";

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get(PLATFORM, platform_page),
        Route::post(PLATFORM, platform_create_form),
        Route::post("/platform/sign-in/{provider_id}/change", platform_change_form),
        Route::post("/platform/sign-in/{provider_id}/check", platform_check_form),
        Route::post("/platform/sign-in/{provider_id}/remove", platform_remove_form),
        Route::post("/platform/sign-in/domains/{domain_id}/approve", approve_form),
        Route::post("/platform/sign-in/domains/{domain_id}/refuse", refuse_form),
        Route::post("/platform/sign-in/domains/{domain_id}/take-back", take_back_form),
    ]
}

/// How everybody signs in, beside passwords and passkeys.
#[derive(Debug, Clone)]
pub struct PlatformSignInView {
    /// The platform's services.
    pub services: Vec<ProviderView>,
    /// Domains that wait: with the organization's name.
    pub domains: Vec<(DomainView, String)>,
    /// What was entered of a new one.
    pub entered: Entered,
    /// What a look just found.
    pub check: Option<(ProviderId, ProviderCheck)>,
    /// Now.
    pub now: Time,
    /// For the forms.
    pub form: FormCtx,
}

impl PlatformSignInView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        OrgSignInView::samples()
            .into_iter()
            .take(3)
            .map(|view| Self {
                services: view.services,
                domains: view
                    .domains
                    .into_iter()
                    .map(|one| (one, "Analytical Engines".into()))
                    .collect(),
                entered: view.entered,
                check: view.check,
                now: view.now,
                form: view.form,
            })
            .collect()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let services = Services {
            all: &self.services,
            base: PLATFORM,
            may: true,
            check: self.check.as_ref(),
            now: self.now,
            form: &self.form,
        };
        html! {
            (page_head("Sign-in services", "Services (OpenID Connect) that everybody may sign in with, and mail domains that organizations claim for theirs.", None))
            (services.draw("People sign in with passwords and passkeys. A service of yours stands beside them on the sign-in page."))
            section class="section card flow" { h2 { "Mail domains" } (self.waiting()) }
            section class="section card flow" { h2 { "Set up a sign-in service" } (set_up(PLATFORM, &self.entered, &self.form, true, self.services.is_empty())) }
        }
    }

    fn waiting(&self) -> Markup {
        if self.domains.is_empty() {
            return empty(
                "check",
                "Nothing waits",
                "When an organization claims a mail domain, it waits here: whoever controls it receives everybody of that domain who signs in.",
                None,
            );
        }
        let rows: Vec<Vec<Markup>> = self
            .domains
            .iter()
            .map(|(one, name)| {
                let base = format!("{PLATFORM}/domains/{}", one.id);
                let waits = one.state == DomainState::Pending;
                let act = |what: &str, words: &str| {
                    html! {
                        form method="post" action={ (base) "/" (what) } {
                            (self.form.hidden(&format!("{what}-{}", one.id)))
                            button class="button" { (words) }
                        }
                    }
                };
                vec![
                    html! { code { (one.domain) } },
                    html! { (name) },
                    badge(
                        if waits { "warn" } else { "good" },
                        if waits { "waits" } else { "leads there" },
                    ),
                    ago(one.created_at, self.now),
                    html! { div class="inline-form" {
                        @if waits { (act("approve", "It is theirs")) (act("refuse", "Refuse")) }
                        @else { (act("take-back", "Take back")) }
                    } },
                ]
            })
            .collect();
        html! {
            (banner("warn", "Check by another way that the organization owns the domain: people of it will be sent to that organization's sign-in page.", None))
            (table("Mail domains", &[col("Domain"), col("Claimed by"), col("State"), col("When"), col("")], &rows))
        }
    }
}

async fn platform_view(app: &App, form: FormCtx, entered: Entered) -> Result<PlatformSignInView> {
    let services = providers::list(app, None).await?;
    let mut tx = app.db.read().await?;
    let mut waiting = Vec::new();
    for row in domains::list_all(&mut tx).await? {
        let org = places::find_organization(&mut tx, row.org_id).await?;
        waiting.push((verbs::domain_view(row), org.map(|org| org.name).unwrap_or_default()));
    }
    Ok(PlatformSignInView { services, domains: waiting, entered, check: None, now: tx.now(), form })
}

async fn platform_page(who: Operator<PlatformList>, app: App, (): ()) -> Result<Page> {
    let view = platform_view(&app, who.form(&app), Entered::fresh()).await?;
    Ok(Page::new("Sign-in services", view.draw()).frozen(who.frozen("platform_provider.change")))
}

async fn platform_create_form(
    who: Operator<PlatformCreate>,
    app: App,
    Form(fields): Form,
) -> Result<Go> {
    match providers::create(&app, &who, who.caller().user_id(), None, read(&fields)).await {
        Ok(made) => Ok(Go::to(PLATFORM)
            .saying(&format!("{} is set up. Register its addresses there.", made.label))),
        Err(error) if error.code() == Code::ValidationError => {
            let view = platform_view(&app, who.form(&app), entered(&fields, &error)).await?;
            Err(refused(error, view.draw()))
        }
        Err(error) => Err(error),
    }
}

async fn platform_change_form(
    who: Operator<PlatformChange>,
    app: App,
    Form(fields): Form,
) -> Result<Go> {
    let row = verbs::of_platform(&app, who.head().id("provider_id")?).await?;
    verbs::change(&app, &who, &row, read_change(&fields)).await?;
    Ok(Go::to(PLATFORM).saying("Saved."))
}

async fn platform_check_form(who: Operator<PlatformCheck>, app: App, _: Form) -> Result<Page> {
    let row = verbs::of_platform(&app, who.head().id("provider_id")?).await?;
    let found = providers::check(&app, &row, &who.caller().user_id().to_string()).await?;
    let mut view = platform_view(&app, who.form(&app), Entered::fresh()).await?;
    view.check = Some((row.id, found));
    Ok(Page::new("Sign-in services", view.draw()))
}

async fn platform_remove_form(who: Operator<PlatformRemove>, app: App, _: Form) -> Result<Go> {
    let row = verbs::of_platform(&app, who.head().id("provider_id")?).await?;
    verbs::remove(&app, &who, &row).await?;
    Ok(Go::to(PLATFORM).saying("Removed."))
}

async fn approve_form(who: Operator<ApproveDomain>, app: App, _: Form) -> Result<Go> {
    let (by, id) = (who.caller().user_id(), who.head().id("domain_id")?);
    verbs::decide(&app, &who, by, id, true).await?;
    Ok(Go::to(PLATFORM).saying("It leads there now."))
}

async fn refuse_form(who: Operator<RefuseDomain>, app: App, _: Form) -> Result<Go> {
    let (by, id) = (who.caller().user_id(), who.head().id("domain_id")?);
    verbs::decide(&app, &who, by, id, false).await?;
    Ok(Go::to(PLATFORM).saying("Refused."))
}

async fn take_back_form(who: Operator<TakeDomain>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("domain_id")?;
    verbs::take_back(&app, &who, id).await?;
    Ok(Go::to(PLATFORM).saying("It leads there no longer."))
}
