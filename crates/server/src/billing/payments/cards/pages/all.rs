//! Saved cards, and how funds are added by themselves.

use super::{name, sample, sample_form};
use crate::{
    billing::{
        pages::billing_tabs,
        payments::{
            cards::{
                List, OpenPortal, Save, SetAuto, StopAuto, auto,
                http::{all, opened},
                save,
            },
            processor::Processors,
        },
    },
    tenancy::{Action, Allowed, InOrg, find_organization},
};
use api::{
    Currency, Micros, Money, Time, UserId,
    cards::{AutoState, AutoTopUp, AutoTopUpSet, Card, CardState, Cards},
    payments::Provider,
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, banner, col, danger, empty, facts, html,
        icon, page_head, select, simulated_badge, table,
    },
    http::{Fields, Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/account/billing/cards", page),
        Route::post("/account/billing/cards", save_form),
        Route::post("/account/billing/auto-top-up", set_form),
        Route::post("/account/billing/auto-top-up/stop", stop_form),
        Route::post("/account/billing/portal", portal_form).shows_secret(),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct CardsView {
    /// The organization's name.
    pub org: String,
    /// Cards, and how funds are added by themselves.
    pub cards: Cards,
    /// What the organization pays in.
    pub currency: Currency,
    /// Who takes the money; nobody where none is taken.
    pub provider: Option<Provider>,
    /// Whether one may change something.
    pub pays: bool,
    /// What was entered.
    pub entered: Entered,
    /// For the forms.
    pub form: FormCtx,
}

impl CardsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |units: i64| Money::new(Micros(units * 1_000_000), Currency::EUR);
        let auto = |state, why: Option<&str>| AutoTopUp {
            card_id: sample(CardState::Saved).id,
            state,
            below: eur(10),
            amount: eur(50),
            month_limit: eur(500),
            this_month: eur(100),
            why: why.map(Into::into),
            payment_id: None,
            set_by: UserId(uuid::Uuid::nil()),
            set_at: Time(1_795_000_000_000_000),
        };
        let one = |items, auto_top_up| Self {
            org: "Ada".into(),
            cards: Cards { items, auto_top_up },
            currency: Currency::EUR,
            provider: Some(Provider::Stripe),
            pays: true,
            entered: Entered::fresh(),
            form: sample_form(),
        };
        let saved = || vec![sample(CardState::Saved), sample(CardState::Pending)];
        let wrong = Error::field("month_limit", "The limit of a month is too small.");
        vec![
            one(vec![], None),
            Self { provider: None, ..one(vec![], None) },
            Self { pays: false, ..one(saved(), None) },
            one(saved(), None),
            Self {
                provider: Some(Provider::Simulator),
                ..one(saved(), Some(auto(AutoState::On, None)))
            },
            one(saved(), Some(auto(AutoState::Paused, Some("The card was declined.")))),
            one(saved(), Some(auto(AutoState::Off, None))),
            Self {
                entered: Entered::fresh().with("below", "10").refused(&wrong),
                ..one(saved(), None)
            },
        ]
    }

    fn saved(&self) -> Vec<&Card> {
        self.cards.items.iter().filter(|card| card.state == CardState::Saved).collect()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let purpose = format!("Cards of {}: entered at the payment service, never here.", self.org);
        html! {
            (page_head("Billing", &purpose, None))
            (billing_tabs("cards"))
            (self.entered.banner())
            @if self.provider.is_none() {
                (empty("wallet", "No payments by card here", "The people who run this site add credit after a bank transfer.", None))
            } @else {
                section class="section flow" { h2 { "Saved cards" } (self.list()) (self.save()) }
                @if !self.saved().is_empty() || self.cards.auto_top_up.is_some() {
                    section class="section card flow" { h2 { "Automatic top-up" } (self.auto()) }
                }
            }
        }
    }

    fn list(&self) -> Markup {
        if self.cards.items.is_empty() {
            let words =
                "With a saved card you add funds in one step, and can have it done by itself.";
            return empty("wallet", "No card is saved", words, None);
        }
        let row = |card: &Card| {
            vec![
                html! {
                    @if card.state == CardState::Saved { (name(card)) @if card.simulated { " " (simulated_badge()) } }
                    @else { a href={ "/account/billing/cards/" (card.id) } { "A card that is being entered" } }
                },
                html! { @if card.exp_year > 0 { (format!("{:02}/{}", card.exp_month, card.exp_year)) } },
                html! { @if self.pays { (self.remove(card)) } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.cards.items.iter().map(row).collect();
        table("Cards", &[col("Card"), col("Expires"), col("")], &rows)
    }

    fn remove(&self, card: &Card) -> Markup {
        let what = if card.state == CardState::Saved { name(card) } else { "this card".into() };
        danger(
            "Remove",
            &format!("Remove {what}?"),
            "It is not charged any more, and the payment service forgets it. Automatic top-up with it pauses.",
            html! {
                form method="post" action={ "/account/billing/cards/" (card.id) "/remove" } {
                    (self.form.hidden(&format!("remove-{}", card.id)))
                    button class="button danger-go" { "Remove " (what) }
                }
            },
        )
    }

    fn save(&self) -> Markup {
        html! {
            @if self.pays {
                div class="links" {
                    form method="post" action="/account/billing/cards" {
                        (self.form.hidden("save"))
                        button class="button primary" { (icon("plus")) "Save a card" }
                    }
                    @if self.provider == Some(Provider::Stripe) && !self.saved().is_empty() {
                        form method="post" action="/account/billing/portal" {
                            (self.form.hidden("portal"))
                            button class="button" { (icon("external-link")) "Receipts and cards at the payment service" }
                        }
                    }
                }
            }
        }
    }

    fn auto(&self) -> Markup {
        html! {
            @match &self.cards.auto_top_up {
                Some(auto) => (self.now(auto)),
                None => p class="muted" { "When the balance runs low, a saved card is charged, so that work goes on." },
            }
            @if self.pays && !self.saved().is_empty() { (self.set()) }
        }
    }

    fn now(&self, auto: &AutoTopUp) -> Markup {
        let card = self.cards.items.iter().find(|card| card.id == auto.card_id);
        let state = match auto.state {
            AutoState::On => badge("good", "on"),
            AutoState::Paused => badge("warn", "paused"),
            AutoState::Off => badge("", "off"),
        };
        html! {
            @if let Some(why) = &auto.why { (banner("warn", &format!("{why} No funds are added by themselves until you set it again."), None)) }
            (facts(&[
                ("State", state),
                ("When available falls below", html! { (auto.below) }),
                ("Adds", html! { (auto.amount) @if let Some(card) = card { " from " (name(card)) } }),
                ("This month", html! { (auto.this_month) " of at most " (auto.month_limit) }),
            ]))
            @if let Some(id) = auto.payment_id { p { a href={ "/account/billing/payments/" (id) } { "A payment is on its way" } } }
            @if self.pays && auto.state != AutoState::Off {
                form method="post" action="/account/billing/auto-top-up/stop" { (self.form.hidden("stop")) button class="button" { "Turn off" } }
            }
        }
    }

    fn set(&self) -> Markup {
        let auto = self.cards.auto_top_up.as_ref();
        let cards: Vec<(String, String)> =
            self.saved().iter().map(|card| (card.id.to_string(), name(card))).collect();
        let chosen = auto.map(|auto| auto.card_id.to_string()).unwrap_or_default();
        let known = |of: fn(&AutoTopUp) -> Money| auto.map(of).map(|money| plain(&money));
        let field = |field: &'static str, label, hint, known: Option<String>| {
            let mut entered = self.entered.clone();
            if entered.value(field).is_empty()
                && let Some(known) = known
            {
                entered = entered.with(field, known);
            }
            Field { max: 20, ..Field::text(field, label).hint(hint) }.draw(&entered)
        };
        let currency = format!("In {}", self.currency);
        html! {
            form method="post" action="/account/billing/auto-top-up" class="flow" {
                (self.form.hidden("auto"))
                (select("card_id", "Charge", &chosen, &cards))
                (field("below", "When available falls below", &currency, known(|auto| auto.below)))
                (field("amount", "Add", &currency, known(|auto| auto.amount)))
                (field("month_limit", "At most in a month", "Months are months in UTC", known(|auto| auto.month_limit)))
                p class="muted small" { "The card is charged without asking you each time; you are told of each payment." }
                button class="button primary" { (icon("check")) @if auto.is_some_and(|auto| auto.state == AutoState::On) { "Change" } @else { "Turn on" } }
            }
        }
    }
}

/// Writes an amount as people type it.
fn plain(money: &Money) -> String {
    money.exact().chars().filter(|c| c.is_ascii_digit() || *c == '.').collect()
}

async fn view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let id = who.scope().org_id();
    let org = find_organization(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let pays = who.may("card.create");
    let view = CardsView {
        cards: all(&mut tx, id, pays).await?,
        org: org.name,
        currency: org.currency,
        provider: app.get::<Processors>().main().map(|one| one.provider()),
        pays,
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Cards", view.draw()))
}

async fn page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn again<A: Action<Scope = InOrg>, T>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
    error: Error,
) -> Result<T> {
    let page = view(app, who, entered.refused(&error).on_top()).await?;
    Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
}

async fn save_form(who: Allowed<Save>, app: App, _: Form) -> Result<Go> {
    match save::ask(&app, &who).await {
        Ok(card) => Ok(Go::to(format!("/account/billing/cards/{}", card.id))),
        Err(error) => again(&app, &who, Entered::fresh(), error).await,
    }
}

fn money(fields: &Fields, name: &'static str, currency: Currency) -> Result<Money> {
    let wrong = || Error::field(name, "Enter an amount such as 50 or 12.50.");
    Ok(Money::new(Micros::typed(&fields.text(name)).ok_or_else(wrong)?, currency))
}

async fn set_form(who: Allowed<SetAuto>, app: App, Form(fields): Form) -> Result<Go> {
    let set = async {
        let id = who.scope().org_id();
        let org = find_organization(&mut *app.db.read().await?, id).await?;
        let currency = org.ok_or_else(Error::not_found)?.currency;
        let ask = AutoTopUpSet {
            card_id: fields.id("card_id")?,
            below: money(&fields, "below", currency)?,
            amount: money(&fields, "amount", currency)?,
            month_limit: money(&fields, "month_limit", currency)?,
        };
        auto::set(&app, &who, &ask).await
    };
    match set.await {
        Ok(_) => Ok(Go::to("/account/billing/cards").saying("Automatic top-up is on.")),
        Err(error) => {
            let mut entered = Entered::fresh();
            for name in ["card_id", "below", "amount", "month_limit"] {
                entered = entered.with(name, fields.text(name));
            }
            again(&app, &who, entered, error).await
        }
    }
}

async fn stop_form(who: Allowed<StopAuto>, app: App, _: Form) -> Result<Go> {
    auto::stop(&app, &who).await?;
    Ok(Go::to("/account/billing/cards").saying("Automatic top-up is off."))
}

async fn portal_form(who: Allowed<OpenPortal>, app: App, _: Form) -> Result<Page> {
    match opened(&app, &who).await {
        Ok(portal) => {
            let body = html! {
                h1 { "At the payment service" }
                p { "Receipts, and the cards it keeps for you. The way in works for some minutes." }
                p { a class="button primary wide" href=(portal.url) { (icon("external-link")) "Go on" } }
                p { a class="button wide" href="/account/billing/cards" { "Back" } }
            };
            Ok(Page::card("At the payment service", body))
        }
        Err(error) => again(&app, &who, Entered::fresh(), error).await,
    }
}
