//! `/launch/compute`: one page, what to take at the left, what it costs and what is in the way at the
//! right.

use super::keys;
use crate::{
    allocations::create::{self, Create, ReadLaunch},
    catalog::{describe, offers},
    ssh_keys,
    tenancy::Allowed,
};
use api::{
    Blocker, Currency, Micros, Money,
    allocations::{Agreed, Launch, Precheck},
    catalog::SkuView,
    price_books::rounding,
    time::span_words,
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, capacity_bar, empty, facts, html, icon,
        page_head, segments, simulated_badge,
    },
    http::{Fields, Form, Go, Route},
};
use std::time::Duration;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/launch/compute", launch_page), Route::post("/launch/compute", launch_form)]
}

/// The launch page.
#[derive(Debug, Clone)]
pub struct LaunchView {
    /// What can be taken.
    pub skus: Vec<SkuView>,
    /// What is chosen.
    pub chosen: Launch,
    /// What precheck says of it.
    pub check: Option<Precheck>,
    /// Whether the person may launch.
    pub may_launch: bool,
    /// Keys that can be chosen.
    pub keys: Vec<keys::Choice>,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl LaunchView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let check = Precheck {
            ready: true,
            blockers: vec![],
            price_per_hour: Some(eur(19_920_000)),
            list_price_per_hour: Some(eur(23_920_000)),
            increment_seconds: 60,
            minimum_seconds: 300,
            hold: Some(eur(4_980_000)),
            available_after: Some(eur(15_020_000)),
            lasts_seconds: Some(3614),
            simulated: true,
            outgoing: true,
        };
        let blocker = Blocker {
            code: "insufficient_balance".into(),
            message: "The balance of €0.20 does not cover it.".into(),
            owner: "organization_owner".into(),
            fix: "Add funds, take fewer, or release something.".into(),
            href: Some("/account/billing".into()),
        };
        let blocked = Precheck { ready: false, blockers: vec![blocker], ..check.clone() };
        let skus = crate::catalog::sample_skus();
        let chosen = Launch {
            sku: "sim-h100-slice".into(),
            count: 4,
            name: "training".into(),
            agreed: None,
            ssh_key_ids: None,
        };
        let choice = |own, name: &str| keys::Choice {
            id: api::SshKeyId(uuid::Uuid::nil()),
            name: name.into(),
            fingerprint: "SHA256:2yC0j7dXm7G4p0bTn1oE1dQv4b0Wj3b5k2mX0c9pR7s".into(),
            own,
            ticked: own,
        };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let one = Self {
            skus,
            chosen,
            check: Some(check),
            may_launch: true,
            keys: vec![choice(true, "laptop"), choice(false, "ada@example.com")],
            entered: Entered::fresh().with("name", "training"),
            form,
        };
        vec![
            one.clone(),
            Self { check: Some(blocked), ..one.clone() },
            Self { may_launch: false, check: None, ..one.clone() },
            Self { skus: vec![], check: None, ..one.clone() },
            Self { keys: vec![], ..one },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Launch compute", "Choose hardware and how many; see the price before anything starts.", None))
            @if self.skus.is_empty() {
                (empty("cpu", "No hardware yet", "Nothing is offered here right now. When an operator adds a machine it appears in the catalog.", Some(html! { a class="button" href="/compute" { "Catalog" } })))
            } @else {
                form method="post" action="/launch/compute" class="columns" id="launch" {
                    (self.form.hidden("launch"))
                    div class="stack" {
                        (self.entered.banner())
                        fieldset class="grid" { legend class="hidden" { "Hardware" } @for sku in &self.skus { (self.choice(sku)) } }
                        section class="card" { (self.count()) }
                        section class="card" { (Field::text("name", "Name").hint("So that you recognise it in lists and on the statement.").draw(&self.entered)) }
                        @if self.may_launch { (keys::draw(&self.keys)) }
                    }
                    (self.summary())
                }
            }
        }
    }

    fn choice(&self, sku: &SkuView) -> Markup {
        let chosen = sku.sku == self.chosen.sku;
        let first = sku.allowed_counts.first().copied().unwrap_or(1);
        let url = format!("/launch/compute?sku={}&count={first}", sku.sku);
        html! {
            label class={ "card sku-card sku-choice" @if sku.free == 0 { " off" } } {
                input type="radio" name="sku" value=(sku.sku) checked[chosen]
                    hx-get=(url) hx-include="#name, #launch-keys input" hx-target="#launch" hx-select="#launch" hx-swap="outerHTML" hx-trigger="change";
                div class="sku-head" { strong { (sku.display_name) } (crate::catalog::price(sku)) }
                p class="muted small" { (describe(sku)) }
                div class="sku-tags" { @if sku.simulated { (simulated_badge()) } (badge("", sku.isolation.as_str())) }
                (capacity_bar(sku.free, sku.total))
                span class="small num" { @if sku.free == 0 { "sold out right now" } @else { (sku.free) " of " (sku.total) " free" } }
            }
        }
    }

    fn count(&self) -> Markup {
        let Some(sku) = self.skus.iter().find(|sku| sku.sku == self.chosen.sku) else {
            return html! { p class="muted" { "Choose hardware first." } };
        };
        let options: Vec<(String, String, Option<String>)> = sku
            .allowed_counts
            .iter()
            .map(|count| {
                let reason = (*count > sku.largest)
                    .then(|| "not that many free on one machine right now".to_owned());
                (count.to_string(), count.to_string(), reason)
            })
            .collect();
        let url = format!("/launch/compute?sku={}", sku.sku);
        html! {
            div hx-get=(url) hx-include="#launch" hx-target="#launch" hx-select="#launch" hx-swap="outerHTML" hx-trigger="change" {
                (segments("count", "How many", &self.chosen.count.to_string(), &options))
            }
            noscript { button class="button" name="look" value="1" { "Show price" } }
        }
    }

    fn summary(&self) -> Markup {
        html! {
            aside class="card summary" aria-label="Summary" {
                h2 { "Summary" }
                @match &self.check {
                    Some(check) => {
                        (check_facts(check))
                        @if check.simulated { p class="small" { (simulated_badge()) " No GPU is behind this; the shell, the limits and the bill are real." } }
                        (blockers(&check.blockers))
                    }
                    None => p class="muted" { "Choose hardware to see what it costs." },
                }
                @if self.may_launch {
                    @if let Some(text) = self.check.as_ref().and_then(agreement) { input type="hidden" name="agreed" value=(text); }
                    @let ready = self.check.as_ref().is_some_and(|check| check.ready || only_name(&check.blockers));
                    div class="stick" { button class="button primary wide" disabled[!ready] data-off[!ready] { (icon("rocket")) "Launch" } }
                } @else { p class="muted" { "Your role looks but does not launch. Ask an owner or admin of the project." } }
            }
        }
    }
}

/// A name that is still empty is asked for by its field.
fn only_name(blockers: &[Blocker]) -> bool {
    blockers.iter().all(|blocker| blocker.code == "name_needed")
}

fn check_facts(check: &Precheck) -> Markup {
    let money = |money: &Option<Money>| html! { span class="num" { @if let Some(money) = money { (money) } @else { "–" } } };
    let lasts =
        check.lasts_seconds.map_or_else(|| "–".to_owned(), |s| span_words(Duration::from_secs(s)));
    facts(&[
        (
            "Per hour",
            html! {
                (money(&check.price_per_hour))
                @if let Some(list) = &check.list_price_per_hour { " " s class="muted small" { (list) } }
                @if let Some(words) = rounding(check.increment_seconds, check.minimum_seconds) { span class="muted small" { " " (words) } }
            },
        ),
        ("Held at once", money(&check.hold)),
        ("Available after", money(&check.available_after)),
        ("Balance lasts", html! { span class="num" { (lasts) } }),
        ("Network", html! { @if check.outgoing { "to the internet" } @else { "none outside" } }),
    ])
}

/// Draws what is in the way, each with who mends it and how.
fn blockers(list: &[Blocker]) -> Markup {
    html! {
        @if !list.is_empty() && !only_name(list) {
            ul class="blockers" {
                @for blocker in list.iter().filter(|blocker| blocker.code != "name_needed") {
                    li class="blocker" {
                        strong { (blocker.message) }
                        span { (blocker.fix) }
                        span class="muted small" { "Can be mended by: " (blocker.owner.replace('_', " ")) }
                        @if let Some(href) = &blocker.href { a href=(href) { "Go there" } }
                    }
                }
            }
        }
    }
}

async fn view(
    app: &App,
    who: &Allowed<ReadLaunch>,
    chosen: Option<Launch>,
    (entered, fields): (Entered, Fields),
) -> Result<LaunchView> {
    let mut tx = app.db.read().await?;
    let mut skus = offers(app, &mut tx, Some(who.scope())).await?;
    let (user, project) = (who.caller().user_id(), who.scope().project_id());
    let offered = ssh_keys::choosable(&mut tx, user, project).await?;
    drop(tx);
    skus.retain(|sku| sku.active);
    let usable = skus.iter().find(|sku| sku.free > 0).or(skus.first());
    let mut chosen = chosen.unwrap_or_else(|| Launch {
        sku: usable.map(|sku| sku.sku.clone()).unwrap_or_default(),
        count: usable.and_then(|sku| sku.allowed_counts.first().copied()).unwrap_or(1),
        name: String::new(),
        agreed: None,
        ssh_key_ids: None,
    });
    chosen.ssh_key_ids = keys::chosen(&offered, user, &fields);
    let check =
        if skus.is_empty() { None } else { Some(create::precheck(app, who, &chosen).await?) };
    let may_launch = who.may("allocation.create");
    let keys = keys::choices(offered, user, chosen.ssh_key_ids.as_deref());
    Ok(LaunchView { skus, chosen, check, may_launch, keys, entered, form: who.form(app) })
}

async fn launch_page(who: Allowed<ReadLaunch>, app: App, (): ()) -> Result<Page> {
    let query = |name: &str| who.head().query(name);
    let chosen = query("sku").map(|sku| Launch {
        sku,
        count: query("count").and_then(|text| text.parse().ok()).unwrap_or(1),
        name: query("name").unwrap_or_default(),
        agreed: None,
        ssh_key_ids: None,
    });
    let entered = Entered::fresh().with("name", query("name").unwrap_or_default());
    let fields = Fields::of_query(who.head());
    let view = view(&app, &who, chosen, (entered, fields)).await?;
    Ok(Page::new("Launch compute", view.draw()))
}

/// Reads the terms that stood on the page.
///
/// # Errors
/// `validation_error` for what is not such terms.
fn agreed(fields: &Fields) -> Result<Option<Agreed>> {
    let Some(text) = fields.optional("agreed") else { return Ok(None) };
    let wrong = || Error::field("agreed", "Look at the price again, and launch then.");
    terms(&text).map(Some).ok_or_else(wrong)
}

fn terms(text: &str) -> Option<Agreed> {
    let mut parts = text.split(' ');
    let mut number = || parts.next().and_then(|part| part.parse::<i64>().ok());
    let (price, increment_seconds, minimum_seconds) = (number()?, number()?, number()?);
    let currency = Currency::parse(parts.next()?)?;
    if parts.next().is_some() {
        return None;
    }
    let price_per_hour = Money::new(Micros(price), currency);
    Some(Agreed { price_per_hour, increment_seconds, minimum_seconds })
}

/// Writes them into the page.
fn agreement(check: &Precheck) -> Option<String> {
    let Agreed { price_per_hour: price, increment_seconds, minimum_seconds } = check.terms()?;
    let micros = price.micros.0;
    Some(format!("{micros} {increment_seconds} {minimum_seconds} {}", price.currency))
}

async fn launch_form(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Go> {
    let count = fields.number("count")?;
    let agreed = agreed(&fields)?;
    let (user, project) = (who.caller().user_id(), who.scope().project_id());
    let offered = ssh_keys::choosable(&mut *app.db.read().await?, user, project).await?;
    let launch = Launch {
        sku: fields.text("sku"),
        count,
        name: fields.text("name"),
        agreed,
        ssh_key_ids: keys::chosen(&offered, user, &fields),
    };
    if fields.ticked("look") {
        return Ok(Go::to(format!("/launch/compute?sku={}&count={count}", launch.sku)));
    }
    let row = create::create(&app, &who, &launch).await?;
    Ok(Go::to(format!("/workloads/{}", row.id)).saying("It is on its way."))
}
