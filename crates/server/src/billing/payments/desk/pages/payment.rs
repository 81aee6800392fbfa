//! A payment at the desk: what became of it, what the processor told, and how it goes back.

use super::{eur, refund_badge, refund_words, sample_form, sample_payment, sample_refund};
use crate::{
    billing::payments::{
        create,
        desk::{
            AskRefund, Read,
            http::{disputed, named, names},
            refund, store as desk,
        },
        pages::state_badge,
    },
    tenancy::{Operator, OperatorAction},
};
use api::{
    DisputeId, Micros, Money, OrgId, PaymentId, Time,
    payments::{
        Borne, DeskPayment, DisputeState, DisputeView, PaymentState, RefundCreate, RefundState,
        RefundView,
    },
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, facts, html, icon, id_copy, moment, num,
        page_head, select, simulated_badge, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/finance/payments/{payment_id}", page),
        Route::post("/platform/finance/payments/{payment_id}/refunds", refund_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct DeskPaymentView {
    /// The payment.
    pub row: DeskPayment,
    /// What goes or went back.
    pub refunds: Vec<RefundView>,
    /// What banks took back.
    pub disputes: Vec<DisputeView>,
    /// What the processor told: when, of what, what became of it, why.
    pub events: Vec<(Time, String, String, String)>,
    /// Above what it takes two people.
    pub two_people: Money,
    /// What was entered.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

impl DeskPaymentView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let at = Time(1_795_000_000_000_000);
        let one = Self {
            row: sample_payment(PaymentState::Pending),
            refunds: vec![],
            disputes: vec![],
            events: vec![],
            two_people: eur(100),
            entered: Entered::fresh(),
            form: sample_form(),
        };
        let dispute = DisputeView {
            id: DisputeId(nil),
            payment_id: PaymentId(nil),
            org_id: OrgId(nil),
            amount: eur(30),
            taken: eur(12),
            state: DisputeState::Open,
            opened_at: at,
            closed_at: None,
        };
        let wrong = Error::field("amount", "Enter an amount in whole cents.");
        vec![
            one.clone(),
            Self {
                row: sample_payment(PaymentState::Paid),
                refunds: RefundState::ALL.iter().map(|state| sample_refund(*state)).collect(),
                disputes: vec![dispute],
                events: vec![(at, "checkout".into(), "applied".into(), "paid".into())],
                entered: Entered::fresh().with("amount", "0.001").refused(&wrong),
                ..one
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let payment = &self.row.payment;
        let left = payment.amount.micros.0 - payment.refunded.micros.0 - payment.disputed.micros.0;
        let back = html! { a class="button" href="/platform/finance" { "Finance" } };
        html! {
            (page_head("Payment", &format!("Paid in for {}.", self.row.org), Some(back)))
            section class="card flow" { (self.facts()) }
            @if !self.refunds.is_empty() { section class="section" { h2 { "Refunds" } (self.refunds()) } }
            @if !self.disputes.is_empty() { section class="section" { h2 { "Disputes" } (self.disputes()) } }
            @if payment.state == PaymentState::Paid && left > 0 {
                section class="section card flow" { h2 { "Refund" } (self.refund_form(Money::new(Micros(left), payment.amount.currency))) }
            }
            section class="section" { h2 { "What the processor told" } (self.events()) }
        }
    }

    fn facts(&self) -> Markup {
        let payment = &self.row.payment;
        let mut rows = vec![
            ("Organization", html! { (self.row.org) " " (id_copy(&payment.org_id.to_string())) }),
            (
                "Amount",
                html! { (payment.amount) @if payment.simulated { " " (simulated_badge()) } },
            ),
            ("State", state_badge(payment)),
            ("Asked for", moment(payment.created_at)),
            ("Refunded", html! { (payment.refunded) }),
            ("Disputed", html! { (payment.disputed) }),
            ("Identifier", id_copy(&payment.id.to_string())),
        ];
        if let Some(fault) = &payment.fault {
            rows.push(("Fault", html! { (fault) }));
        }
        facts(&rows)
    }

    fn refunds(&self) -> Markup {
        let row = |one: &RefundView| {
            vec![
                moment(one.created_at),
                html! { (refund_badge(one.state)) @if let Some(fault) = &one.fault { " " span class="muted small" { (fault) } } },
                html! { (one.reason) " " span class="muted small" { (refund_words(one)) } },
                html! { (one.amount) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.refunds.iter().map(row).collect();
        table("Refunds", &[col("Asked for"), col("State"), col("Why"), num("Amount")], &rows)
    }

    fn disputes(&self) -> Markup {
        let row = |one: &DisputeView| {
            let tone = match one.state {
                DisputeState::Open => "warn",
                DisputeState::Won => "good",
                DisputeState::Lost => "bad",
            };
            vec![
                moment(one.opened_at),
                badge(tone, one.state.as_str()),
                html! { (one.amount) },
                html! { (one.taken) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.disputes.iter().map(row).collect();
        let cols = [col("Since"), col("State"), num("Amount"), num("From the balance")];
        table("Disputes", &cols, &rows)
    }

    fn events(&self) -> Markup {
        if self.events.is_empty() {
            return html! { p class="muted" { "Nothing yet." } };
        }
        let row = |(at, kind, outcome, note): &(Time, String, String, String)| {
            let tone = if outcome == "refused" { "bad" } else { "" };
            vec![moment(*at), html! { (kind) }, badge(tone, outcome), html! { (note) }]
        };
        let rows: Vec<Vec<Markup>> = self.events.iter().map(row).collect();
        table("Events", &[col("When"), col("Of"), col("Outcome"), col("Why")], &rows)
    }

    fn refund_form(&self, left: Money) -> Markup {
        let borne: Vec<(String, String)> = vec![
            ("balance".into(), "Credit that was not spent: it leaves the balance".into()),
            ("platform".into(), "Usage that was charged: the platform bears it".into()),
        ];
        let hint = format!("At most {left}. Above {} a second person decides.", self.two_people);
        html! {
            (self.entered.banner())
            form method="post" action={ "/platform/finance/payments/" (self.row.payment.id) "/refunds" } class="flow" {
                (self.form.hidden("refund"))
                (Field { max: 20, ..Field::text("amount", "Amount").hint(&hint) }.draw(&self.entered))
                (select("borne", "Whose money", self.entered.value("borne"), &borne))
                (Field { max: 300, ..Field::text("reason", "Why").hint("Stands in the audit record") }.draw(&self.entered))
                button class="button primary" { (icon("check")) "Refund" }
            }
        }
    }
}

async fn view<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let row = named(&mut tx, who).await?;
    let names = names(&mut tx, [row.org_id].into_iter()).await?;
    let org = names.get(&row.org_id).map(|org| org.name.clone()).unwrap_or_default();
    let events = desk::events_of(&mut tx, row.id).await?;
    let limit = app.get::<crate::billing::Settings>().two_people();
    let view = DeskPaymentView {
        refunds: refund::of_payment(&mut tx, &row).await?,
        disputes: disputed(&mut tx, &row).await?,
        events: events
            .into_iter()
            .map(|event| (event.received_at, event.kind, event.outcome, event.note))
            .collect(),
        two_people: Money::new(limit, row.currency),
        row: DeskPayment { payment: create::view(&row, false), org },
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Payment", view.draw()).frozen(who.frozen("refund.create")))
}

async fn page(who: Operator<Read>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn refund_form(who: Operator<AskRefund>, app: App, Form(fields): Form) -> Result<Go> {
    let id: PaymentId = who.head().id("payment_id")?;
    let text = fields.text("amount");
    let asked = async {
        let row = named(&mut *app.db.read().await?, &who).await?;
        let micros = Micros::typed(&text)
            .ok_or_else(|| Error::field("amount", "Enter an amount such as 50 or 12.50."))?;
        let ask = RefundCreate {
            amount: Money::new(micros, row.currency),
            borne: Borne::ALL
                .iter()
                .copied()
                .find(|one| one.as_str() == fields.text("borne"))
                .ok_or_else(|| Error::field("borne", "Choose one from the list."))?,
            reason: fields.text("reason"),
        };
        refund::ask(&app, &who, id, &ask).await
    };
    match asked.await {
        Ok(made) => {
            let words = match made.state {
                RefundState::Requested => "A second person decides.",
                _ => "On its way.",
            };
            Ok(Go::to(format!("/platform/finance/payments/{id}")).saying(words))
        }
        Err(error) => {
            let mut entered = Entered::fresh();
            for name in ["amount", "borne", "reason"] {
                entered = entered.with(name, fields.text(name));
            }
            let page = view(&app, &who, entered.refused(&error).on_top()).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
