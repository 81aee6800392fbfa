//! The pages of webhooks.

use super::{
    hooks::{self, Change, Create, List, Remove, Test},
    store,
};
use crate::tenancy::{Action, Allowed, InOrg, find_organization};
use api::{
    DeliveryId, OrgId, Time, WebhookId,
    webhooks::{DeliveryView, WebhookCreate, WebhookState, WebhookView},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, ago, badge, banner, code_block, col, danger, empty,
        html, icon, num, page_head, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/organizations/{org_id}/webhooks", page),
        Route::post("/access/organizations/{org_id}/webhooks", create_form).shows_secret(),
        Route::post("/access/organizations/{org_id}/webhooks/{webhook_id}/change", change_form),
        Route::post("/access/organizations/{org_id}/webhooks/{webhook_id}/test", test_form),
        Route::post("/access/organizations/{org_id}/webhooks/{webhook_id}/remove", remove_form),
    ]
}

/// The webhooks of an organization.
#[derive(Debug, Clone)]
pub struct WebhooksView {
    /// The organization.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its webhooks, each with its newest events.
    pub rows: Vec<(WebhookView, Vec<DeliveryView>)>,
    /// Whether one may make and change them.
    pub manages: bool,
    /// What was entered.
    pub entered: Entered,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

fn sample(state: WebhookState, last_ok: Option<bool>) -> WebhookView {
    WebhookView {
        id: WebhookId(uuid::Uuid::nil()),
        org_id: OrgId(uuid::Uuid::nil()),
        url: "https://hooks.example.com/a-long-path-that-somebody-chose/for/their/events".into(),
        actions: vec!["allocation.*".into(), "key.create".into()],
        state,
        created_at: Time(1_795_000_000_000_000),
        last_at: last_ok.map(|_| Time(1_795_000_100_000_000)),
        last_ok,
        waiting: 3,
    }
}

impl WebhooksView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let none = Self {
            id: OrgId(uuid::Uuid::nil()),
            name: "Analytical Engines".into(),
            rows: vec![],
            manages: true,
            entered: Entered::fresh(),
            now: Time(1_795_000_200_000_000),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let told = |status: Option<i64>, fault: Option<&str>, done| DeliveryView {
            id: DeliveryId(uuid::Uuid::nil()),
            action: "allocation.create".into(),
            created_at: Time(1_795_000_000_000_000),
            attempts: 2,
            done_at: done,
            status,
            fault: fault.map(str::to_owned),
            due_at: done.is_none().then_some(Time(1_795_000_300_000_000)),
        };
        let at = Some(Time(1_795_000_100_000_000));
        let rows = vec![
            (sample(WebhookState::Active, Some(true)), vec![told(Some(204), None, at)]),
            (
                sample(WebhookState::Active, Some(false)),
                vec![
                    told(Some(500), Some("answered 500"), None),
                    told(None, Some("no answer: connection refused"), at),
                ],
            ),
            (sample(WebhookState::Stopped, None), vec![]),
        ];
        let refused = Entered::fresh()
            .with("url", "http://10.0.0.1")
            .refused(&Error::field("url", "the address must begin with https://."));
        vec![
            none.clone(),
            Self { rows: rows.clone(), ..none.clone() },
            Self { rows, manages: false, ..none.clone() },
            Self { entered: refused, ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let base = format!("/access/organizations/{}", self.id);
        let back = html! { a class="button" href=(base) { "Members" } };
        html! {
            (page_head("Webhooks", &format!("Addresses of your own that are told what the audit record of {} says, as it happens: signed, and tried again for three days.", self.name), Some(back)))
            @if self.rows.is_empty() {
                (empty("send", "No webhook yet", "Make one to hear of launches, keys, people and refusals in a program of your own.", None))
            }
            div class="stack" { @for (row, told) in &self.rows { (self.card(&base, row, told)) } }
            @if self.manages { section class="section card flow" { h2 { "New webhook" } (self.form(&base)) } }
        }
    }

    fn form(&self, base: &str) -> Markup {
        html! {
            (self.entered.banner())
            form method="post" action={ (base) "/webhooks" } class="inline-form" {
                (self.form.hidden("create"))
                (Field { max: 2000, ..Field::text("url", "Address").kind("url", "off").hint("https://, and public") }.draw(&self.entered))
                (Field { max: 2000, ..Field::text("actions", "Of").hint("Actions, apart by blanks: allocation.* key.create, or * for all") }.draw(&self.entered))
                button class="button primary" { (icon("plus")) "Create webhook" }
            }
        }
    }

    fn card(&self, base: &str, row: &WebhookView, told: &[DeliveryView]) -> Markup {
        let tone = match row.state {
            WebhookState::Active => "good",
            WebhookState::Paused => "warn",
            WebhookState::Stopped => "bad",
        };
        html! {
            article class="card flow" {
                h2 class="wrap" { (row.url) " " (badge(tone, row.state.as_str())) }
                p { code { (row.actions.join(" ")) } }
                p class="muted small" {
                    @match (row.last_at, row.last_ok) {
                        (Some(at), Some(true)) => { "Took an event " (ago(at, self.now)) }
                        (Some(at), _) => { "Did not take an event " (ago(at, self.now)) }
                        _ => "Was not called yet",
                    }
                    " · " (row.waiting) " wait"
                }
                @if self.manages { (self.buttons(base, row)) }
                @if !told.is_empty() { details { summary { "Newest events" } (self.told(told)) } }
            }
        }
    }

    fn buttons(&self, base: &str, row: &WebhookView) -> Markup {
        let one = format!("{base}/webhooks/{}", row.id);
        let active = row.state == WebhookState::Active;
        html! {
            div class="links" {
                @if active {
                    form method="post" action={ (one) "/test" } {
                        (self.form.hidden(&format!("test-{}", row.id)))
                        button class="button" { "Send a test" }
                    }
                }
                form method="post" action={ (one) "/change" } {
                    (self.form.hidden(&format!("change-{}", row.id)))
                    input type="hidden" name="active" value=(!active);
                    button class="button" { @if active { "Pause" } @else { "Resume" } }
                }
                (danger("Remove", "Remove this webhook?", "What waits for it is not told any more.", html! {
                    form method="post" action={ (one) "/remove" } {
                        (self.form.hidden(&format!("remove-{}", row.id)))
                        button class="button danger-go" { "Remove webhook" }
                    }
                }))
            }
        }
    }

    fn told(&self, told: &[DeliveryView]) -> Markup {
        let row = |one: &DeliveryView| {
            let state = match (one.done_at, &one.fault) {
                (Some(_), None) => badge("good", "taken"),
                (Some(_), Some(_)) => badge("bad", "given up"),
                (None, _) => badge("warn", "waits"),
            };
            vec![
                html! { code { (one.action) } },
                ago(one.created_at, self.now),
                html! { (state) @if let Some(fault) = &one.fault { " " span class="muted small" { (fault) } } },
                html! { (one.attempts) },
            ]
        };
        let rows: Vec<Vec<Markup>> = told.iter().take(20).map(row).collect();
        table("Events", &[col("Action"), col("When"), col("State"), num("Attempts")], &rows)
    }
}

/// The page that shows the secret of a webhook, once.
#[derive(Debug, Clone)]
pub struct WebhookMadeView {
    /// The organization.
    pub org: OrgId,
    /// The secret.
    pub secret: String,
}

impl WebhookMadeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![Self { org: OrgId(uuid::Uuid::nil()), secret: format!("whsec_{}", "x".repeat(44)) }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("A new webhook", "Copy its secret now.", None))
            (banner("warn", "It is shown this once. Whoever receives events checks their signature with it.", None))
            section class="card flow" {
                (code_block(&self.secret))
                p class="muted small" { "Events are signed as Standard Webhooks says: HMAC-SHA256 over webhook-id, webhook-timestamp and the body. Every library of that name checks them." }
            }
            p class="section" { a class="button primary" href={ "/access/organizations/" (self.org) "/webhooks" } { (icon("check")) "I have stored it" } }
        }
    }
}

async fn view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
) -> Result<Page> {
    let id = who.scope().org_id();
    let mut tx = app.db.read().await?;
    let org = find_organization(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let manages = who.may("webhook.create");
    let mut rows = Vec::new();
    for hook in store::list(&mut tx, id).await? {
        let told = hooks::told(&mut tx, &hook).await?;
        rows.extend(
            hooks::views(&mut tx, vec![hook], manages)
                .await?
                .into_iter()
                .map(|view| (view, told.clone())),
        );
    }
    let view = WebhooksView {
        id,
        name: org.name,
        rows,
        manages,
        entered,
        now: tx.now(),
        form: who.form(app),
    };
    Ok(Page::new("Webhooks", view.draw()))
}

async fn page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn create_form(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Page> {
    let actions = fields.text("actions").split_whitespace().map(str::to_owned).collect();
    let ask = WebhookCreate { url: fields.text("url"), actions };
    match hooks::create(&app, &who, &ask).await {
        Ok((made, secret)) => {
            let view = WebhookMadeView { org: made.org_id, secret };
            Ok(Page::new("A new webhook", view.draw()))
        }
        Err(error) => {
            let entered = Entered::fresh()
                .with("url", fields.text("url"))
                .with("actions", fields.text("actions"))
                .refused(&error)
                .on_top();
            let page = view(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

fn back<A: Action<Scope = InOrg>>(who: &Allowed<A>) -> String {
    format!("/access/organizations/{}/webhooks", who.scope().org_id())
}

async fn change_form(who: Allowed<Change>, app: App, Form(fields): Form) -> Result<Go> {
    let active = fields.text("active") == "true";
    hooks::change(&app, &who, active).await?;
    Ok(Go::to(back(&who)).saying(if active { "Resumed." } else { "Paused." }))
}

async fn test_form(who: Allowed<Test>, app: App, _: Form) -> Result<Go> {
    hooks::test(&app, &who).await?;
    Ok(Go::to(back(&who)).saying("A test event is on its way."))
}

async fn remove_form(who: Allowed<Remove>, app: App, _: Form) -> Result<Go> {
    hooks::remove(&app, &who).await?;
    Ok(Go::to(back(&who)).saying("Removed."))
}
