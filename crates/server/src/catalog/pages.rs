//! Pages of the catalog: what can be bought, and its prices.

use super::http::{EditSku, ReadCatalog, ReadPrices, edit, offers};
use crate::tenancy::{Allowed, Operator};
use api::{
    Currency, Micros, Money, SkuId,
    catalog::{Isolation, Shape, SkuEdit, SkuView},
    fleet::SlotKind,
    price_books::rounding,
};
use kernel::{
    App, Result,
    html::{
        FormCtx, Markup, Page, badge, capacity_bar, col, empty, html, icon, num, page_head,
        simulated_badge, table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/compute", catalog_page),
        Route::get("/platform/catalog", admin_page),
        Route::post("/platform/catalog/{sku_id}", edit_form),
    ]
}

/// Returns what a unit is, and how its time is rounded up, in a few words.
pub fn describe(sku: &SkuView) -> String {
    match rounding(sku.increment_seconds, sku.minimum_seconds) {
        Some(words) => format!("{}; charged {words}", unit(sku)),
        None => unit(sku),
    }
}

fn unit(sku: &SkuView) -> String {
    let cores = format!("{}.{} vCPU", sku.cpu_milli / 1000, sku.cpu_milli % 1000 / 100);
    let memory = match sku.mem_mib {
        mib if mib >= 4096 => format!("{} GiB", mib / 1024),
        mib => format!("{mib} MiB"),
    };
    match sku.kind {
        SlotKind::Gpu => {
            format!("{} GiB GPU memory, {cores}, {memory} each", sku.gpu_memory_mib / 1024)
        }
        SlotKind::Cpu => format!("{cores}, {memory} each"),
    }
}

/// Samples of SKUs, for this and other domains' pages.
pub(crate) fn sample_skus() -> Vec<SkuView> {
    let sku = |name: &str, free, simulated: bool, shape| SkuView {
        id: SkuId(uuid::Uuid::nil()),
        sku: name.to_owned(),
        display_name: format!("{name} GPUs"),
        kind: SlotKind::Gpu,
        capacity_shape: shape,
        isolation: if shape == Shape::Baremetal {
            Isolation::WholeMachine
        } else {
            Isolation::SharedKernel
        },
        allowed_counts: vec![1, 2, 4, 8],
        price_per_hour: Some(Money::new(Micros(2_490_000), Currency::EUR)),
        list_price_per_hour: (!simulated).then(|| Money::new(Micros(2_990_000), Currency::EUR)),
        increment_seconds: if simulated { 1 } else { 60 },
        minimum_seconds: if simulated { 0 } else { 300 },
        free,
        largest: free.min(8),
        total: 16,
        cpu_milli: 24_000,
        mem_mib: 65_536,
        gpu_memory_mib: 81_559,
        simulated,
        active: true,
        requires_key: !simulated,
    };
    vec![
        sku("sim-h100-slice", 5, true, Shape::GpuSlice),
        sku("h200-slice-with-a-long-name", 0, false, Shape::GpuSlice),
        sku("h200-baremetal-8g", 16, false, Shape::Baremetal),
    ]
}

/// What can be bought.
#[derive(Debug, Clone)]
pub struct CatalogView {
    /// It.
    pub skus: Vec<SkuView>,
    /// Whether the person may launch.
    pub may_launch: bool,
    /// Whether the person runs the platform.
    pub operator: bool,
}

impl CatalogView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![
            Self { skus: vec![], may_launch: true, operator: true },
            Self { skus: vec![], may_launch: false, operator: false },
            Self { skus: sample_skus(), may_launch: true, operator: false },
            Self { skus: sample_skus(), may_launch: false, operator: false },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Catalog", "What can be launched right now, and what it costs.", Some(html! { a class="button" href="/compute/prices" { (icon("tag")) "All prices" } })))
            @if self.skus.is_empty() {
                @let add = self.operator.then(|| html! { a class="button primary" href="/platform/lifecycle/nodes" { "Add a node" } });
                (empty("cpu", "No hardware yet", "What joined machines have is offered here once an operator approved it.", add))
            } @else {
                div class="grid" id="skus" data-topic="catalog" data-from="/compute" {
                    @for sku in &self.skus { (self.card(sku)) }
                }
            }
        }
    }

    fn card(&self, sku: &SkuView) -> Markup {
        html! {
            article class={ "card sku-card" @if sku.free == 0 { " off" } } {
                div class="sku-head" { h2 { (sku.display_name) } (price(sku)) }
                p class="muted small" { (describe(sku)) }
                div class="sku-tags" {
                    @if sku.simulated { (simulated_badge()) }
                    (badge("", sku.isolation.as_str()))
                    @if sku.requires_key { (badge("", "SSH key needed")) }
                }
                (capacity_bar(sku.free, sku.total))
                div class="sku-head small" {
                    span class="num" { (sku.free) " of " (sku.total) " free" }
                    @if sku.free == 0 { span class="muted" { "sold out right now" } }
                    @else if self.may_launch { a class="button primary" href={ "/launch/compute?sku=" (sku.sku) } { (icon("rocket")) "Launch" } }
                }
            }
        }
    }
}

/// Draws a price per unit and hour.
pub(crate) fn price(sku: &SkuView) -> Markup {
    html! {
        @if let Some(price) = sku.price_per_hour {
            span class="price" {
                (price.exact()) span class="muted small" { " / h each" }
                @if let Some(list) = sku.list_price_per_hour { " " s class="muted small" title="List price" { (list.exact()) } }
            }
        }
    }
}

async fn catalog_page(who: Allowed<ReadCatalog>, app: App, (): ()) -> Result<Page> {
    let mut skus = offers(&app, &mut *app.db.read().await?, Some(who.scope())).await?;
    skus.retain(|sku| sku.active);
    let operator = who.caller().user().operator();
    let view = CatalogView { skus, may_launch: who.may("allocation.create"), operator };
    Ok(Page::new("Catalog", view.draw()))
}

/// Every SKU with its price, for operators.
#[derive(Debug, Clone)]
pub struct CatalogAdminView {
    /// They.
    pub skus: Vec<SkuView>,
    /// For forms.
    pub form: FormCtx,
}

impl CatalogAdminView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        vec![Self { skus: vec![], form: form.clone() }, Self { skus: sample_skus(), form }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.skus.iter().map(|sku| self.row(sku)).collect();
        html! {
            (page_head("Catalog and prices", "Made from what approved machines have. A new price holds for new launches; running work keeps its own.", None))
            @if rows.is_empty() {
                (empty("tag", "Nothing to price yet", "SKUs appear when a machine's slots are approved.", Some(html! { a class="button" href="/platform/lifecycle/nodes" { "Nodes" } })))
            } @else {
                (table("SKUs", &[col("SKU"), num("Free"), col("Seen by people"), col("Launch"), col("Price per unit and hour")], &rows))
            }
        }
    }

    fn row(&self, sku: &SkuView) -> Vec<Markup> {
        let id = sku.id.to_string();
        let action = format!("/platform/catalog/{id}");
        let number = sku.price_per_hour.map(|price| price.exact()).unwrap_or_default();
        let number: String = number.chars().filter(|c| c.is_ascii_digit() || *c == '.').collect();
        vec![
            html! { strong { (sku.display_name) } " " code { (sku.sku) } @if sku.simulated { " " (simulated_badge()) } },
            html! { (sku.free) " / " (sku.total) },
            html! {
                form method="post" action=(action) {
                    (self.form.hidden(&format!("see-{}", sku.sku)))
                    input type="hidden" name="active" value=(if sku.active { "false" } else { "true" });
                    @if sku.active { (badge("good", "visible")) } @else { (badge("", "hidden")) }
                    " " button class="button" { @if sku.active { "Hide" } @else { "Show" } }
                }
            },
            html! {
                form method="post" action=(action) {
                    (self.form.hidden(&format!("key-{}", sku.sku)))
                    input type="hidden" name="requires_key" value=(if sku.requires_key { "false" } else { "true" });
                    @if sku.requires_key { (badge("", "needs an SSH key")) } @else { span class="muted small" { "as the organization says" } }
                    " " button class="button" { @if sku.requires_key { "Need none" } @else { "Need a key" } }
                }
            },
            html! {
                form method="post" action=(action) class="inline-form" {
                    (self.form.hidden(&format!("price-{}", sku.sku)))
                    input name="price_per_hour" inputmode="decimal" class="short" value=(number) aria-label={ "Price of " (sku.sku) } id={ "price-" (sku.sku) };
                    span class="muted small" { "steps of" }
                    input name="increment_seconds" inputmode="numeric" class="short" value=(sku.increment_seconds) aria-label={ "Seconds the time of " (sku.sku) " is rounded up to" };
                    span class="muted small" { "s, at least" }
                    input name="minimum_seconds" inputmode="numeric" class="short" value=(sku.minimum_seconds) aria-label={ "Seconds a run of " (sku.sku) " costs at least" };
                    span class="muted small" { "s" }
                    button class="button" { "Set" }
                }
            },
        ]
    }
}

async fn admin_page(who: Operator<ReadPrices>, app: App, (): ()) -> Result<Page> {
    let skus = offers(&app, &mut *app.db.read().await?, None).await?;
    let view = CatalogAdminView { skus, form: who.form(&app) };
    Ok(Page::new("Catalog and prices", view.draw()).frozen(who.frozen("catalog.edit")))
}

async fn edit_form(who: Operator<EditSku>, app: App, Form(fields): Form) -> Result<Go> {
    let change = SkuEdit {
        price_per_hour: fields.optional("price_per_hour"),
        active: fields.optional("active").map(|text| text == "true"),
        requires_key: fields.optional("requires_key").map(|text| text == "true"),
        increment_seconds: fields.number_or_none("increment_seconds")?,
        minimum_seconds: fields.number_or_none("minimum_seconds")?,
    };
    edit(&app, &who, who.head().id("sku_id")?, &change).await?;
    Ok(Go::to("/platform/catalog").saying("The catalog is changed."))
}
