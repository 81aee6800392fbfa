//! The desk's first page: the books, and everybody's payments.

use super::{desk_tabs, eur, sample_payment};
use crate::{
    billing::payments::{
        desk::{Read, http::listed, store as desk},
        pages::state_badge,
    },
    tenancy::Operator,
};
use api::{
    Micros, Money,
    payments::{DeskPayment, PaymentState},
};
use kernel::{
    App, Result,
    html::{
        Markup, Page, col, empty, html, moment, next_page, num, page_head, simulated_badge, stat,
        table,
    },
    http::{Paging, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/platform/finance", page)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct FinanceView {
    /// Kinds of account with what everybody's hold together, by currency.
    pub books: Vec<(String, Money)>,
    /// How much waits for a second person.
    pub waiting: i64,
    /// Payments, newest first.
    pub rows: Vec<DeskPayment>,
    /// The next page.
    pub next: Option<String>,
}

/// Words of an account, and whether it is an asset: those are kept below zero.
fn account(kind: &str) -> (&'static str, &'static str, bool) {
    match kind {
        "available" => ("Available", "paid in and not spent", false),
        "promotional" => ("Given credit", "given and not spent", false),
        "held" => ("Held", "reserved for running work", false),
        "revenue" => ("Revenue", "charged for usage", false),
        "clearing" => ("Processor owes", "paid by card and not refunded", true),
        "bank" => ("At the bank", "credited transfers", true),
        "promotions" => ("Cost of credit", "welcome credit and goodwill", true),
        "refunds" => ("Refunds borne", "of charged usage", true),
        "disputes" => ("Disputes borne", "that no balance covered", true),
        _ => ("Loss", "usage no balance covered", true),
    }
}

impl FinanceView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let kinds = [
            "available",
            "promotional",
            "held",
            "revenue",
            "clearing",
            "bank",
            "promotions",
            "refunds",
            "disputes",
            "loss",
        ];
        let books = kinds.iter().map(|kind| ((*kind).to_owned(), eur(1_234))).collect();
        let rows = PaymentState::ALL.iter().map(|state| sample_payment(*state)).collect();
        vec![
            Self { books: vec![], waiting: 0, rows: vec![], next: None },
            Self { books, waiting: 2, rows, next: Some("bmV4dA".into()) },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Finance", "Every tenant's money in one set of books, each figure summed from entries that never change.", None))
            (desk_tabs("payments"))
            div class="stats" {
                @for (kind, sum) in &self.books { (self.figure(kind, *sum)) }
                @if self.waiting > 0 { (stat("Waiting", &self.waiting.to_string(), "for a second person")) }
            }
            section class="section" { h2 { "Payments" } (self.payments()) }
        }
    }

    fn figure(&self, kind: &str, sum: Money) -> Markup {
        let (name, note, asset) = account(kind);
        let shown = if asset { Money::new(Micros(-sum.micros.0), sum.currency) } else { sum };
        stat(name, &shown.to_string(), note)
    }

    fn payments(&self) -> Markup {
        if self.rows.is_empty() {
            return empty(
                "wallet",
                "No payment yet",
                "Each payment of each tenant stands here from the moment it is asked for.",
                None,
            );
        }
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|row| {
                let one = &row.payment;
                vec![
                    html! { a href={ "/platform/finance/payments/" (one.id) } { (moment(one.created_at)) } },
                    html! { (row.org) },
                    html! { (state_badge(one)) @if one.simulated { " " (simulated_badge()) } },
                    html! { (one.amount) },
                ]
            })
            .collect();
        html! {
            (table("Payments", &[col("Asked for"), col("Organization"), col("State"), num("Amount")], &rows))
            (next_page("/platform/finance", &[], self.next.as_deref()))
        }
    }
}

async fn page(who: Operator<Read>, app: App, (): ()) -> Result<Page> {
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let mut tx = app.db.read().await?;
    let payments = listed(&mut tx, &paging).await?;
    let sums = desk::books(&mut tx).await?;
    let view = FinanceView {
        books: sums
            .into_iter()
            .map(|sum| (sum.kind, Money::new(sum.balance, sum.currency)))
            .collect(),
        waiting: desk::waiting(&mut tx).await?,
        rows: payments.items,
        next: payments.next_cursor,
    };
    Ok(Page::new("Finance", view.draw()))
}
