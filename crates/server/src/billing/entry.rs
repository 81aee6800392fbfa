//! The page of one transaction.

use super::explain::{Explain, explained};
use crate::tenancy::Allowed;
use api::{
    AllocationId, Currency, Micros, Money, PostingId, Time, TxnId,
    billing::{Explained, ExplainedUsage, Moved, TxnKind},
};
use kernel::{
    App, Result,
    html::{
        Markup, Page, badge, code_block, col, facts, html, id_copy, moment, num, page_head,
        simulated_badge, table,
    },
    http::Route,
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/account/billing/transactions/{txn_id}", page)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct EntryView {
    /// The transaction.
    pub entry: Explained,
}

impl EntryView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let at = Time(1_795_000_000_000_000);
        let entry = Explained {
            id: TxnId(nil),
            kind: TxnKind::Payment,
            memo: "Funds added".into(),
            at,
            actor: "billing.payments".into(),
            correlation_id: "cor_00000000000000000000000000".into(),
            source: "payment".into(),
            source_id: "pay_00000000000000000000000000".into(),
            project_id: None,
            allocation_id: None,
            simulated: true,
            corrects: None,
            corrected_by: vec![],
            moved: vec![Moved {
                id: PostingId(nil),
                from: "the payment service".into(),
                to: "available".into(),
                amount: eur(50_000_000),
            }],
            usage: None,
            metered: vec![],
        };
        let usage = ExplainedUsage {
            sku: "h100-sxm-slice".into(),
            units: 8,
            price_per_hour: eur(2_490_000),
            list_price_per_hour: Some(eur(3_000_000)),
            from: at,
            to: Time(at.0 + 60_000_000),
            seconds: 120,
            total: eur(664_000),
            before: eur(332_000),
            charge: eur(332_000),
            formula:
                "8 × €2.49 per hour × 120 s ÷ 3600 = €0.664, less €0.332 charged before = €0.332"
                    .into(),
        };
        let charge = Explained {
            kind: TxnKind::Usage,
            allocation_id: Some(AllocationId(nil)),
            usage: Some(usage),
            corrects: Some(TxnId(nil)),
            corrected_by: vec![TxnId(nil)],
            ..entry.clone()
        };
        vec![Self { entry }, Self { entry: charge }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let entry = &self.entry;
        let back = html! { a class="button" href="/account/billing" { "Billing" } };
        html! {
            (page_head("Transaction", "One fact, written once. It never changes; a mistake is corrected by another that names it.", Some(back)))
            section class="card flow" { (self.facts()) }
            @if let Some(usage) = &entry.usage {
                section class="section card flow" {
                    h2 { "How the charge is computed" }
                    (code_block(&usage.formula))
                    p class="muted small" { "From confirmed ready to the release request. A run is rated as a whole and rounded down once, so that its windows add up to it to the last digit." }
                }
            }
            @if !entry.metered.is_empty() {
                section class="section card flow" {
                    h2 { "How the charge is computed" }
                    @for used in &entry.metered {
                        p { (used.meter.label()) " of " (used.subject) ": " (used.quantity) " " (used.meter.unit()) }
                        (code_block(&used.formula))
                    }
                    p class="muted small" { "What a subject used at one price is rated as a whole and rounded down once, so that its charges add up to it." }
                }
            }
            section class="section" { h2 { "What moved" } (self.moved()) }
        }
    }

    fn facts(&self) -> Markup {
        let entry = &self.entry;
        let link =
            |id: &TxnId| html! { a href={ "/account/billing/transactions/" (id) } { (id) } " " };
        let mut rows = vec![
            ("For", html! { (entry.memo) @if entry.simulated { " " (simulated_badge()) } }),
            ("Kind", badge("", super::pages::words(entry.kind))),
            ("When", moment(entry.at)),
            ("By", html! { code { (entry.actor) } }),
            ("Fact", html! { (entry.source) " " code class="wrap" { (entry.source_id) } }),
        ];
        if let Some(id) = entry.allocation_id {
            rows.push((
                "Workload",
                html! { a href={ "/workloads/" (id) "?tab=activity" } { "Its activity" } },
            ));
        }
        if let Some(usage) = &entry.usage {
            rows.push(("Window", html! { (moment(usage.from)) " to " (moment(usage.to)) }));
        }
        if let Some(id) = &entry.corrects {
            rows.push(("Corrects", link(id)));
        }
        if !entry.corrected_by.is_empty() {
            rows.push(("Corrected by", html! { @for id in &entry.corrected_by { (link(id)) } }));
        }
        rows.push(("Correlation", id_copy(&entry.correlation_id)));
        rows.push(("Identifier", id_copy(&entry.id.to_string())));
        facts(&rows)
    }

    fn moved(&self) -> Markup {
        let row = |one: &Moved| {
            vec![html! { (one.from) }, html! { (one.to) }, html! { (one.amount.exact()) }]
        };
        let rows: Vec<Vec<Markup>> = self.entry.moved.iter().map(row).collect();
        table("Movements", &[col("From"), col("To"), num("Amount")], &rows)
    }
}

async fn page(who: Allowed<Explain>, app: App, (): ()) -> Result<Page> {
    let view = EntryView { entry: explained(&app, &who).await? };
    Ok(Page::new("Transaction", view.draw()))
}
