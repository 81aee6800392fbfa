//! The page of metered usage, for the people who run the site.

use super::{
    EndSource, MakeSource, Read, SetPrice, WriteOffUsage, http::all, prices, sources, write_off,
};
use crate::{
    billing::payments::desk_tabs,
    tenancy::{Operator, OperatorAction},
};
use api::{
    Currency, MeterSourceId, Micros, Money, OrgId, Time, UsagePriceId, UsageWriteOffId, UserId,
    metering::{
        MeterSource, Metering, Unbilled, UsageMeter, UsagePrice, UsagePriceSet, UsageWriteOff,
        UsageWriteOffAsk,
    },
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, banner, code_block, col, empty, html, icon,
        moment, num, page_head, select, table,
    },
    http::{Form, Go, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/finance/metering", page),
        Route::post("/platform/finance/metering/sources", make_form).shows_secret(),
        Route::post("/platform/finance/metering/sources/{source_id}/revoke", end_form),
        Route::post("/platform/finance/metering/prices", price_form),
        Route::post("/platform/finance/metering/write-offs", write_off_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct MeteringView {
    /// Sources, prices, what waits.
    pub metering: Metering,
    /// What a new price is in.
    pub currency: Currency,
    /// What was entered.
    pub entered: Entered,
    /// For the forms.
    pub form: FormCtx,
}

impl MeteringView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let at = Time(1_795_000_000_000_000);
        let none =
            Metering { sources: vec![], prices: vec![], unbilled: vec![], write_offs: vec![] };
        let source = |revoked_at| MeterSource {
            id: MeterSourceId(nil),
            name: "storage-west".into(),
            hint: "gpuaas_m_AbCd".into(),
            created_by: UserId(nil),
            created_at: at,
            revoked_at,
        };
        let price = |meter: UsageMeter| UsagePrice {
            id: UsagePriceId(nil),
            meter,
            price: Money::new(Micros(150_000), Currency::EUR),
            per: meter.priced().0.into(),
            valid_from: at,
            set_by: UserId(nil),
        };
        let full = Metering {
            sources: vec![source(None), source(Some(at))],
            prices: UsageMeter::ALL.iter().map(|meter| price(*meter)).collect(),
            unbilled: vec![Unbilled {
                org_id: OrgId(nil),
                org: "An organization with the longest name that fits on a page".into(),
                meter: UsageMeter::NetworkOutBytes,
                currency: Currency::EUR,
                events: 12,
                quantity: 123_456_789_012,
                since: at,
            }],
            write_offs: vec![UsageWriteOff {
                id: UsageWriteOffId(nil),
                org_id: OrgId(nil),
                org: "Analytical Engines".into(),
                meter: UsageMeter::TokensIn,
                events: 3,
                quantity: 1_234,
                reason: "A source that counted twice".into(),
                by: UserId(nil),
                at,
            }],
        };
        let view = |metering, entered| Self {
            metering,
            currency: Currency::EUR,
            entered,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let wrong = Error::field("price", "Enter an amount such as 0.15.");
        vec![
            view(none.clone(), Entered::fresh()),
            view(none, Entered::fresh().with("price", "x").refused(&wrong)),
            view(full, Entered::fresh()),
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Metering", "What is charged besides time of hardware: who tells of it, what it costs, and what waits for a price.", None))
            (desk_tabs("metering"))
            (self.entered.banner())
            @if !self.metering.unbilled.is_empty() {
                section class="section" { h2 { "Waits for a price" } (self.unbilled()) }
                section class="section card flow" { h2 { "Write off" } (self.write_off_form()) }
            }
            section class="section card flow" { h2 { "Set a price" } (self.set()) }
            section class="section" { h2 { "Prices" } (self.prices()) }
            section class="section card flow" { h2 { "New source" } (self.make()) }
            section class="section" { h2 { "Sources" } (self.sources()) }
            @if !self.metering.write_offs.is_empty() {
                section class="section" { h2 { "Written off" } (self.write_offs()) }
            }
        }
    }

    fn set(&self) -> Markup {
        let choice = |meter: &UsageMeter| {
            (meter.as_str().to_owned(), format!("{}, per {}", meter.label(), meter.priced().0))
        };
        let meters: Vec<(String, String)> = UsageMeter::ALL.iter().map(choice).collect();
        let hint = format!("In {}; what was rated keeps its price", self.currency);
        html! {
            form method="post" action="/platform/finance/metering/prices" class="flow" {
                (self.form.hidden("price"))
                (select("meter", "Of what", self.entered.value("meter"), &meters))
                (Field { max: 20, ..Field::text("price", "Price").hint(&hint) }.draw(&self.entered))
                (self.from())
                button class="button primary" { (icon("check")) "Set price" }
            }
        }
    }

    /// From when on: what waits is named, so that it can be charged.
    fn from(&self) -> Markup {
        let oldest = self.metering.unbilled.iter().map(|row| row.since).min();
        let hint = match oldest {
            Some(at) => format!(
                "Empty for now. What waits was used from {} on: a meter's first price may begin then",
                at.plain()
            ),
            None => "Empty for now; such as 2026-12-01T00:00:00Z".to_owned(),
        };
        let field = Field { max: 40, ..Field::text("valid_from", "From").hint(&hint) };
        field.optional().draw(&self.entered)
    }

    fn make(&self) -> Markup {
        html! {
            form method="post" action="/platform/finance/metering/sources" class="flow" {
                (self.form.hidden("source"))
                (Field { max: 60, ..Field::text("name", "Name").hint("What tells of usage: a storage system, a gateway. It may charge any project.") }.draw(&self.entered))
                button class="button primary" { (icon("plus")) "Make source" }
            }
        }
    }

    fn prices(&self) -> Markup {
        if self.metering.prices.is_empty() {
            return empty(
                "wallet",
                "No price is set",
                "Usage that is told of is kept, and charged once there is a price of its time.",
                None,
            );
        }
        let row = |one: &UsagePrice| {
            vec![
                html! { (one.meter.label()) },
                moment(one.valid_from),
                html! { (one.price.exact()) " per " (one.per) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.metering.prices.iter().map(row).collect();
        table("Prices", &[col("What"), col("From"), num("Price")], &rows)
    }

    fn unbilled(&self) -> Markup {
        let row = |one: &Unbilled| {
            vec![
                html! { (one.org) },
                html! { (one.meter.label()) " in " (one.currency) },
                moment(one.since),
                html! { (one.events) },
                html! { (one.quantity) " " (one.meter.unit()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.metering.unbilled.iter().map(row).collect();
        let cols = [col("Organization"), col("What"), col("Since"), num("Events"), num("How much")];
        table("Waits for a price", &cols, &rows)
    }

    fn write_off_form(&self) -> Markup {
        let choice = |one: &Unbilled| {
            let words = format!("{}: {}, {} events", one.org, one.meter.label(), one.events);
            (format!("{} {}", one.org_id, one.meter), words)
        };
        let what: Vec<(String, String)> = self.metering.unbilled.iter().map(choice).collect();
        html! {
            p class="muted" { "All that waits of it is never charged, also when a price is set later." }
            form method="post" action="/platform/finance/metering/write-offs" class="flow" {
                (self.form.hidden("write-off"))
                (select("what", "What", self.entered.value("what"), &what))
                (Field { max: 300, ..Field::text("reason", "Why").hint("Stands in the audit record") }.draw(&self.entered))
                button class="button danger" { "Write off" }
            }
        }
    }

    fn write_offs(&self) -> Markup {
        let row = |one: &UsageWriteOff| {
            vec![
                moment(one.at),
                html! { (one.org) },
                html! { (one.meter.label()) },
                html! { (one.events) },
                html! { (one.quantity) " " (one.meter.unit()) },
                html! { (one.reason) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.metering.write_offs.iter().map(row).collect();
        let cols = [
            col("When"),
            col("Organization"),
            col("What"),
            num("Events"),
            num("How much"),
            col("Why"),
        ];
        table("Written off", &cols, &rows)
    }

    fn sources(&self) -> Markup {
        if self.metering.sources.is_empty() {
            return empty(
                "gauge",
                "Nothing tells of usage yet",
                "A source sends events with its token to /api/v1/metering/events.",
                None,
            );
        }
        let row = |one: &MeterSource| {
            let action = format!("/platform/finance/metering/sources/{}/revoke", one.id);
            vec![
                html! { (one.name) },
                html! { code { (one.hint) "…" } },
                moment(one.created_at),
                html! {
                    @if one.revoked_at.is_some() { (badge("", "ended")) } @else {
                        form method="post" action=(action) { (self.form.hidden(&one.id.to_string())) button class="button danger" { "End" } }
                    }
                },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.metering.sources.iter().map(row).collect();
        table("Sources", &[col("Name"), col("Token"), col("Made"), col("")], &rows)
    }
}

/// The page that shows a source's token, once.
#[derive(Debug, Clone)]
pub struct SourceMadeView {
    /// Its name.
    pub name: String,
    /// The token.
    pub token: String,
    /// The site.
    pub url: String,
}

impl SourceMadeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![Self {
            name: "storage-west".into(),
            token: format!("gpuaas_m_{}", "x".repeat(43)),
            url: "https://cloud.example.com".into(),
        }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let line = format!(
            "curl -X POST {}/api/v1/metering/events -H 'Authorization: Bearer {}…' -H 'Content-Type: application/json' -d @events.json",
            self.url.trim_end_matches('/'),
            self.token.chars().take(13).collect::<String>()
        );
        html! {
            (page_head(&format!("Source {}", self.name), "Copy its token now.", None))
            (banner("warn", "It is shown this once. Whoever has it can charge any project.", None))
            section class="card flow" {
                (code_block(&self.token))
                p class="muted small" { "It sends events like this:" }
                (code_block(&line))
            }
            p class="section" { a class="button primary" href="/platform/finance/metering" { (icon("check")) "I have stored it" } }
        }
    }
}

async fn view<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let settings = app.get::<crate::billing::Settings>();
    let view = MeteringView {
        metering: all(&mut *app.db.read().await?).await?,
        currency: settings.currency,
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Metering", view.draw()).frozen(who.frozen("metering_price.set")))
}

async fn page(who: Operator<Read>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn make_form(who: Operator<MakeSource>, app: App, Form(fields): Form) -> Result<Page> {
    match sources::make(&app, &who, &fields.text("name")).await {
        Ok(made) => {
            let url = app.site.public_url.clone();
            let view = SourceMadeView { name: made.source.name, token: made.token, url };
            Ok(Page::new("A new source", view.draw()))
        }
        Err(error) => {
            let entered = Entered::fresh().with("name", fields.text("name"));
            let page = view(&app, &who, entered.refused(&error).on_top()).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn end_form(who: Operator<EndSource>, app: App, _: Form) -> Result<Go> {
    let id = who.head().id("source_id")?;
    sources::end(&app, &who, id).await?;
    Ok(Go::to("/platform/finance/metering").saying("The source ended."))
}

async fn price_form(who: Operator<SetPrice>, app: App, Form(fields): Form) -> Result<Go> {
    let set = async {
        let meter = UsageMeter::parse(&fields.text("meter"))
            .ok_or_else(|| Error::field("meter", "Choose one from the list."))?;
        let micros = Micros::typed(&fields.text("price"))
            .ok_or_else(|| Error::field("price", "Enter an amount such as 0.15."))?;
        let currency = app.get::<crate::billing::Settings>().currency;
        let price = Money::new(micros, currency);
        let valid_from = fields.moment("valid_from")?;
        prices::set(&app, &who, &UsagePriceSet { meter, price, valid_from }).await
    };
    match set.await {
        Ok(_) => Ok(Go::to("/platform/finance/metering")
            .saying("The price is set. What waits for it is charged within a minute.")),
        Err(error) => {
            let mut entered = Entered::fresh();
            for name in ["meter", "price", "valid_from"] {
                entered = entered.with(name, fields.text(name));
            }
            let page = view(&app, &who, entered.refused(&error).on_top()).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn write_off_form(who: Operator<WriteOffUsage>, app: App, Form(fields): Form) -> Result<Go> {
    let (what, reason) = (fields.text("what"), fields.text("reason"));
    let done = async {
        let read = |text: &str| {
            let (org, meter) = text.split_once(' ')?;
            Some((org.parse::<OrgId>().ok()?, UsageMeter::parse(meter)?))
        };
        let wrong = || Error::field("what", "Choose one from the list.");
        let (org_id, meter) = read(&what).ok_or_else(wrong)?;
        let ask = UsageWriteOffAsk { org_id, meter, reason: reason.clone() };
        write_off::write_off(&app, &who, &ask).await
    };
    match done.await {
        Ok(_) => Ok(Go::to("/platform/finance/metering").saying("It is written off.")),
        Err(error) => {
            let entered = Entered::fresh().with("what", &what).with("reason", &reason);
            let page = view(&app, &who, entered.refused(&error).on_top()).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
