//! The payments of an organization.

use super::{sample, state_badge};
use crate::{
    billing::{
        pages::billing_tabs,
        payments::{
            create::{self, List},
            store,
        },
    },
    tenancy::{Allowed, find_organization},
};
use api::{payments::PaymentState, payments::PaymentView};
use kernel::{
    App, Error, Result,
    html::{
        Markup, Page, col, empty, html, icon, moment, next_page, num, page_head, simulated_badge,
        table,
    },
    http::{Cursor, Paging, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/account/billing/payments", page)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct PaymentsView {
    /// The organization's name.
    pub org: String,
    /// They, newest first.
    pub rows: Vec<PaymentView>,
    /// Whether one may add funds.
    pub pays: bool,
    /// The next page.
    pub next: Option<String>,
}

impl PaymentsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let none = Self { org: "Ada".into(), rows: vec![], pays: true, next: None };
        let rows = PaymentState::ALL.iter().map(|state| sample(*state)).collect();
        vec![
            none.clone(),
            Self { pays: false, ..none.clone() },
            Self { rows, next: Some("bmV4dA".into()), ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let add = self.pays.then(|| {
            html! { a class="button primary" href="/account/billing/add" { (icon("plus")) "Add funds" } }
        });
        let purpose = format!("What was paid in for {}, and what became of it.", self.org);
        html! {
            (page_head("Billing", &purpose, add))
            (billing_tabs("payments"))
            @if self.rows.is_empty() {
                (empty("wallet", "No payment yet", "Each payment stands here from the moment it is asked for.", None))
            } @else {
                (self.table())
                (next_page("/account/billing/payments", &[], self.next.as_deref()))
            }
        }
    }

    fn table(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|row| {
                vec![
                    html! { a href={ "/account/billing/payments/" (row.id) } { (moment(row.created_at)) } },
                    html! { (state_badge(row)) @if row.simulated { " " (simulated_badge()) } },
                    html! { (row.amount) },
                ]
            })
            .collect();
        table("Payments", &[col("Asked for"), col("State"), num("Amount")], &rows)
    }
}

async fn page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let limit = paging.limit()?;
    let mut tx = app.db.read().await?;
    let id = who.scope().org_id();
    let org = find_organization(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let rows = store::list(&mut tx, id, paging.after()?, limit + 1).await?;
    let pays = who.may("payment.create");
    let rows = rows.iter().map(|row| create::view(row, pays)).collect();
    let (rows, next) = Cursor::page(rows, limit, |row: &PaymentView| row.id);
    let view = PaymentsView { org: org.name, rows, pays, next };
    Ok(Page::new("Payments", view.draw()))
}
