//! Adding funds.

use crate::{
    billing::{
        Settings, balance,
        payments::{
            cards,
            create::{self, Create},
            processor::Processors,
        },
    },
    tenancy::{Allowed, find_organization},
};
use api::{
    Currency, Micros, Money,
    billing::{Balance, MoneyState},
    cards::{Card, CardState},
    payments::{PaymentCreate, Provider},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, html, icon, page_head, select, simulated_badge, stat,
    },
    http::{Fields, Form, Go, Route},
};

/// Amounts that are offered, in units.
const OFFERED: [i64; 4] = [20, 50, 100, 500];

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/account/billing/add", page), Route::post("/account/billing/add", add_form)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct AddFundsView {
    /// The organization's name.
    pub org: String,
    /// Where its money stands.
    pub balance: Balance,
    /// The least and the most that is added at once.
    pub bounds: (Money, Money),
    /// Who takes the money; nobody where none is taken.
    pub provider: Option<Provider>,
    /// Saved cards.
    pub cards: Vec<Card>,
    /// What was entered.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

impl AddFundsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let one = Self {
            org: "Ada".into(),
            balance: Balance {
                available: eur(0),
                given: eur(0),
                held: eur(0),
                owed: eur(0),
                state: MoneyState::Depleted,
                burn_per_hour: eur(0),
                runs_out_at: None,
            },
            bounds: (eur(5_000_000), eur(10_000_000_000)),
            provider: Some(Provider::Simulator),
            cards: vec![],
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let wrong = Error::field("amount", "Add €5.00 to €10000.00 at once.");
        vec![
            one.clone(),
            Self { provider: Some(Provider::Stripe), ..one.clone() },
            Self { cards: vec![cards::sample(CardState::Saved)], ..one.clone() },
            Self { entered: Entered::fresh().with("amount", "1").refused(&wrong), ..one.clone() },
            Self { provider: None, ..one },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let purpose =
            format!("Credit of {}: it is spent by the second, and never below zero.", self.org);
        html! {
            (page_head("Add funds", &purpose, Some(html! { a class="button" href="/account/billing" { "Billing" } })))
            div class="stats" {
                (stat("Available", &self.balance.available.to_string(), "can be spent"))
                (stat("Held", &self.balance.held.to_string(), "reserved for running work"))
                (stat("Lasts", &balance::runway(&self.balance).unwrap_or_else(|| "–".into()), "at the present rate"))
            }
            section class="section card flow" { (self.body()) }
        }
    }

    fn body(&self) -> Markup {
        let Some(provider) = self.provider else {
            return html! {
                h2 { "No payments by card here" }
                p { "The people who run this site add credit after a bank transfer, or for another reason. Tell them the name of the organization, " strong { (self.org) } "." }
                p { a class="button" href="/compute" { "Look at the catalog" } }
            };
        };
        let (least, most) = self.bounds;
        let hint = format!("{least} to {most}, in {}", least.currency);
        html! {
            h2 { "How much?" }
            @if provider == Provider::Simulator {
                p { (simulated_badge()) " Payments are simulated on this site: no money moves." }
            } @else {
                p class="muted" { "You pay on a page of the payment service, or with a card it keeps for you. Card data never comes here." }
            }
            (self.entered.banner())
            form method="post" action="/account/billing/add" class="flow" {
                (self.form.hidden("add"))
                @if !self.cards.is_empty() { (select("card_id", "Pay with", self.entered.value("card_id"), &self.ways())) }
                div class="links" {
                    @for units in OFFERED {
                        @if self.offers(units) {
                            button class="button" name="preset" value=(units) formnovalidate { (least.currency.sign()) (units) }
                        }
                    }
                }
                (Field { max: 20, ..Field::text("amount", "Another amount").hint(&hint) }.draw(&self.entered))
                button class="button primary" { (icon("plus")) "Go on to payment" }
            }
        }
    }

    /// Saved cards, and the page of the payment service.
    fn ways(&self) -> Vec<(String, String)> {
        let card = |card: &Card| (card.id.to_string(), format!("{}, at once", cards::name(card)));
        // Nothing is charged at once unless somebody chose it.
        let mut ways = vec![(String::new(), "On the page of the payment service".to_owned())];
        ways.extend(self.cards.iter().map(card));
        ways
    }

    fn offers(&self, units: i64) -> bool {
        let (least, most) = self.bounds;
        Micros::units(units).is_some_and(|sum| sum >= least.micros && sum <= most.micros)
    }
}

async fn view(app: &App, who: &Allowed<Create>, entered: Entered) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let org =
        find_organization(&mut tx, who.scope().org_id()).await?.ok_or_else(Error::not_found)?;
    let settings = app.get::<Settings>();
    let money = |micros| Money::new(micros, org.currency);
    let view = AddFundsView {
        balance: balance::balance(app, &mut tx, org.id, org.currency).await?,
        org: org.name,
        bounds: (money(settings.least_top_up()), money(settings.most_top_up())),
        provider: app.get::<Processors>().main().map(|one| one.provider()),
        cards: cards::saved(app, &mut tx, org.id).await?,
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Add funds", view.draw()))
}

async fn page(who: Allowed<Create>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn add_form(who: Allowed<Create>, app: App, Form(fields): Form) -> Result<Go> {
    let preset = fields.text("preset");
    let text = if preset.is_empty() { fields.text("amount") } else { preset };
    let asked = ask(&app, &who, &text, &fields).await;
    match asked {
        Ok(id) => Ok(Go::to(format!("/account/billing/payments/{id}"))),
        Err(error) => {
            let card = fields.text("card_id");
            let entered = Entered::fresh().with("amount", text).with("card_id", card);
            let entered = entered.refused(&error).on_top();
            let page = view(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn ask(
    app: &App,
    who: &Allowed<Create>,
    text: &str,
    fields: &Fields,
) -> Result<api::PaymentId> {
    let org = find_organization(&mut *app.db.read().await?, who.scope().org_id()).await?;
    let currency = org.ok_or_else(Error::not_found)?.currency;
    let micros = Micros::typed(text)
        .ok_or_else(|| Error::field("amount", "Enter an amount such as 50 or 12.50."))?;
    let card_id = match fields.optional("card_id") {
        Some(_) => Some(fields.id("card_id")?),
        None => None,
    };
    let ask = PaymentCreate { amount: Money::new(micros, currency), card_id };
    create::create(app, who, &ask).await.map(|made| made.id)
}
