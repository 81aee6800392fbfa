//! Credit the platform's people give.

use super::{credit_badge, desk_tabs, eur, sample_credit, sample_form};
use crate::{
    billing::payments::desk::{
        GiveCredit, Read, credit,
        http::{given, names},
    },
    tenancy::{Operator, OperatorAction},
};
use api::{
    Micros, Money, OrgId,
    payments::{CreditCreate, CreditKind, CreditState, CreditView},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, col, empty, html, icon, moment, next_page, num,
        page_head, select, table,
    },
    http::{Form, Go, Paging, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/finance/credits", page),
        Route::post("/platform/finance/credits", give_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct CreditsView {
    /// They, newest first.
    pub rows: Vec<CreditView>,
    /// The next page.
    pub next: Option<String>,
    /// Above what it takes two people.
    pub two_people: Money,
    /// What was entered.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

impl CreditsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let none = Self {
            rows: vec![],
            next: None,
            two_people: eur(100),
            entered: Entered::fresh(),
            form: sample_form(),
        };
        let rows = CreditState::ALL.iter().map(|state| sample_credit(*state)).collect();
        let wrong = Error::field("org_id", "There is no such organization.");
        vec![
            none.clone(),
            Self {
                entered: Entered::fresh().with("org_id", "org_1").refused(&wrong),
                ..none.clone()
            },
            Self { rows, next: Some("bmV4dA".into()), ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Credit", "Bank transfers that arrived, and what makes something good. Each is an entry of the ledger with its reason.", None))
            (desk_tabs("credits"))
            section class="section card flow" { h2 { "Give credit" } (self.give()) }
            section class="section" { h2 { "Given" } (self.table()) }
        }
    }

    fn give(&self) -> Markup {
        let kinds: Vec<(String, String)> = vec![
            ("bank_transfer".into(), "A bank transfer arrived".into()),
            ("goodwill".into(), "Goodwill".into()),
        ];
        let hint = format!("Above {} a second person decides.", self.two_people);
        html! {
            (self.entered.banner())
            form method="post" action="/platform/finance/credits" class="flow" {
                (self.form.hidden("credit"))
                (Field { max: 40, ..Field::text("org_id", "Organization").hint("Its identifier, from its page: org_…") }.draw(&self.entered))
                (Field { max: 20, ..Field::text("amount", "Amount").hint(&hint) }.draw(&self.entered))
                (select("kind", "Why", self.entered.value("kind"), &kinds))
                div class="field" {
                    label for="reference" { "Reference of the transfer" }
                    input id="reference" name="reference" type="text" maxlength="100" autocomplete="off" value=(self.entered.value("reference")) aria-describedby="reference-about";
                    p id="reference-about" class=(if self.entered.fault("reference").is_some() { "fault" } else { "hint" }) {
                        (self.entered.fault("reference").unwrap_or("As the bank wrote it; each transfer is credited once"))
                    }
                }
                (Field { max: 300, ..Field::text("reason", "In words").hint("The tenant reads it in the statement") }.draw(&self.entered))
                div class="field" {
                    label for="expires_days" { "Expires after days" }
                    input id="expires_days" name="expires_days" type="text" inputmode="numeric" maxlength="4" autocomplete="off" value=(self.entered.value("expires_days")) aria-describedby="expires_days-about";
                    p id="expires_days-about" class=(if self.entered.fault("expires_days").is_some() { "fault" } else { "hint" }) {
                        (self.entered.fault("expires_days").unwrap_or("Of goodwill; empty for never"))
                    }
                }
                button class="button primary" { (icon("plus")) "Give credit" }
            }
        }
    }

    fn table(&self) -> Markup {
        if self.rows.is_empty() {
            return empty(
                "wallet",
                "No credit was given yet",
                "Each stands here with who gave it and why.",
                None,
            );
        }
        let row = |one: &CreditView| {
            vec![
                moment(one.created_at),
                html! { (one.org) },
                html! { (one.reason) @if !one.reference.is_empty() { " " span class="muted small" { (one.reference) } } @if let Some(days) = one.expires_days { " " span class="muted small" { "expires after " (days) " days" } } },
                credit_badge(one.state),
                html! { (one.amount) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(row).collect();
        let cols = [col("When"), col("Organization"), col("Why"), col("State"), num("Amount")];
        html! {
            (table("Credit", &cols, &rows))
            (next_page("/platform/finance/credits", &[], self.next.as_deref()))
        }
    }
}

async fn view<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let settings = app.get::<crate::billing::Settings>();
    let page = given(&mut *app.db.read().await?, &paging).await?;
    let view = CreditsView {
        rows: page.items,
        next: page.next_cursor,
        two_people: Money::new(settings.two_people(), settings.currency),
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Credit", view.draw()).frozen(who.frozen("credit.create")))
}

async fn page(who: Operator<Read>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

fn days(text: &str) -> Result<Option<i64>> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    let wrong = || Error::field("expires_days", "Enter 1 to 3650 days, or nothing.");
    text.parse().map(Some).map_err(|_| wrong())
}

async fn give_form(who: Operator<GiveCredit>, app: App, Form(fields): Form) -> Result<Go> {
    let given = async {
        let org_id: OrgId = fields
            .text("org_id")
            .parse()
            .map_err(|_| Error::field("org_id", "Enter an identifier such as org_…"))?;
        let names = names(&mut *app.db.read().await?, [org_id].into_iter()).await?;
        let org = names.get(&org_id);
        let org = org.ok_or_else(|| Error::field("org_id", "There is no such organization."))?;
        let micros = Micros::typed(&fields.text("amount"))
            .ok_or_else(|| Error::field("amount", "Enter an amount such as 50 or 12.50."))?;
        let kind = CreditKind::ALL.iter().find(|one| one.as_str() == fields.text("kind"));
        let ask = CreditCreate {
            org_id,
            amount: Money::new(micros, org.currency),
            kind: *kind.ok_or_else(|| Error::field("kind", "Choose one from the list."))?,
            reference: fields.text("reference"),
            reason: fields.text("reason"),
            expires_days: days(&fields.text("expires_days"))?,
        };
        credit::give(&app, &who, &ask).await
    };
    match given.await {
        Ok(made) => Ok(Go::to("/platform/finance/credits").saying(match made.state {
            CreditState::Requested => "A second person decides.",
            _ => "It is in the balance.",
        })),
        Err(error) => {
            let mut entered = Entered::fresh();
            for name in ["org_id", "amount", "kind", "reference", "reason", "expires_days"] {
                entered = entered.with(name, fields.text(name));
            }
            let page = view(&app, &who, entered.refused(&error).on_top()).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
