//! What things cost in a project right now: hardware and meters, with the list price where one pays another.

use crate::{
    billing::{
        self,
        price_books::{Item, Listed, Terms},
        rating::Increment,
    },
    catalog::{
        http::{ReadCatalog, own},
        store,
    },
    tenancy::{Allowed, InProject},
};
use api::{
    Currency, Micros, Money, Page as Paged,
    price_books::{PriceKind, PriceNow, rounding},
};
use kernel::{
    App, Result,
    db::Reader,
    html::{Markup, Page, col, empty, html, num, page_head, simulated_badge, table},
    http::{Json, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/catalog/prices", list)
            .says("Lists what hardware and metered usage cost in the project right now."),
        Route::get("/compute/prices", page),
    ]
}

/// What is priced, and how it is called.
struct Named<'a> {
    item: Item<'a>,
    name: &'a str,
    per: &'a str,
    simulated: bool,
}

fn now(of: &Named<'_>, terms: Terms, currency: Currency) -> PriceNow {
    PriceNow {
        kind: of.item.kind,
        item: of.item.name.to_owned(),
        name: of.name.to_owned(),
        price: Money::new(terms.price, currency),
        per: of.per.to_owned(),
        list_price: terms.list_price.map(|price| Money::new(price, currency)),
        increment_seconds: terms.increment.step,
        minimum_seconds: terms.increment.minimum,
        simulated: of.simulated,
    }
}

/// Returns what everything costs in a project.
async fn prices(tx: &mut Reader, project: &InProject) -> Result<Vec<PriceNow>> {
    let (own, currency) = own(tx, project).await?;
    let (place, at) = (Some(project.project_id()), tx.now());
    let mut rows = Vec::new();
    for (sku, price) in store::list_offers(tx).await?.iter().filter(|(sku, _)| sku.active) {
        let item = Item { kind: PriceKind::Sku, name: &sku.sku };
        let terms = own.terms(place, item, price.listed(), at);
        let (name, simulated) = (sku.display_name.as_str(), sku.simulated);
        rows.push(now(&Named { item, name, per: "unit and hour", simulated }, terms, currency));
    }
    for row in billing::usage_prices(tx, project.org_id()).await? {
        let item = Item { kind: PriceKind::Meter, name: row.meter.as_str() };
        let listed = Listed { price: row.price, increment: Increment::SECOND };
        let (name, per) = (row.meter.label(), row.meter.priced().0);
        let of = Named { item, name, per, simulated: false };
        rows.push(now(&of, own.terms(place, item, listed, at), row.currency));
    }
    Ok(rows)
}

async fn list(who: Allowed<ReadCatalog>, app: App, (): ()) -> Result<Json<Paged<PriceNow>>> {
    let items = prices(&mut *app.db.read().await?, who.scope()).await?;
    Ok(Json(Paged { items, next_cursor: None }))
}

/// The page.
#[derive(Debug, Clone)]
pub struct PricesView {
    /// They.
    pub prices: Vec<PriceNow>,
}

impl PricesView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let row = |kind, name: &str, list: Option<i64>, step| PriceNow {
            kind,
            item: "h100-sxm-slice".into(),
            name: name.into(),
            price: eur(2_490_000),
            per: "unit and hour".into(),
            list_price: list.map(eur),
            increment_seconds: step,
            minimum_seconds: if step > 1 { 300 } else { 0 },
            simulated: step > 1,
        };
        let rows = vec![
            row(PriceKind::Sku, "H100 GPUs", Some(2_990_000), 60),
            row(PriceKind::Sku, "A whole machine with the longest name there is", None, 1),
            row(PriceKind::Meter, "Tokens written", Some(150_000), 1),
        ];
        vec![Self { prices: vec![] }, Self { prices: rows }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let back = html! { a class="button" href="/compute" { "Catalog" } };
        html! {
            (page_head("Prices", "What things cost in this project from now on. What runs keeps the price it was launched at.", Some(back)))
            @if self.prices.is_empty() {
                (empty("tag", "Nothing has a price yet", "Hardware appears with its price once an operator approved a machine.", None))
            } @else { (self.table()) }
            p class="muted small" { "A run is rated as a whole and rounded down once, to a millionth. A list price that is struck through is not what this project pays." }
        }
    }

    fn table(&self) -> Markup {
        let row = |one: &PriceNow| {
            vec![
                html! { strong { (one.name) } " " code { (one.item) } @if one.simulated { " " (simulated_badge()) } },
                html! { (one.per) @if let Some(words) = rounding(one.increment_seconds, one.minimum_seconds) { span class="muted small" { ", " (words) } } },
                html! { @if let Some(list) = &one.list_price { s class="muted" title="List price" { (list.exact()) } " " } (one.price.exact()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.prices.iter().map(row).collect();
        table("Prices", &[col("What"), col("Per"), num("Price")], &rows)
    }
}

async fn page(who: Allowed<ReadCatalog>, app: App, (): ()) -> Result<Page> {
    let prices = prices(&mut *app.db.read().await?, who.scope()).await?;
    Ok(Page::new("Prices", PricesView { prices }.draw()))
}
