//! The page of a price book, for the people who run the site.

use super::{
    http::{detail, set_line},
    list::{sample_book, sample_form},
};
use crate::{
    billing::{
        desk_tabs,
        price_books::{self, AssignBook, ReadBooks, SetLine},
    },
    catalog::store,
    tenancy::{Operator, OperatorAction},
};
use api::{
    Currency, Micros, Money, OrgId, PriceBookId, PriceLineId, PriceUseId, ProjectId, Time, UserId,
    metering::UsageMeter,
    price_books::{
        EVERYTHING, PriceBookDetail, PriceKind, PriceLine, PriceLineSet, PriceUse, PriceUseSet,
    },
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, empty, html, icon, id_copy, moment,
        page_head, select, table,
    },
    http::{Fields, Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/finance/prices/{book_id}", book_page),
        Route::post("/platform/finance/prices/{book_id}/lines", line_form),
        Route::post("/platform/finance/prices/{book_id}/uses", use_form),
    ]
}

/// One book.
#[derive(Debug, Clone)]
pub struct PriceBookView {
    /// The book.
    pub detail: PriceBookDetail,
    /// Hardware there is: name and words.
    pub skus: Vec<(String, String)>,
    /// What was entered.
    pub entered: Entered,
    /// For the forms.
    pub form: FormCtx,
}

impl PriceBookView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let at = Time(1_795_000_000_000_000);
        let line = |item: &str, price: Option<i64>, discount: Option<&str>, holds| PriceLine {
            id: PriceLineId(nil),
            kind: if item == "tokens_in" { PriceKind::Meter } else { PriceKind::Sku },
            item: item.into(),
            price: price.map(|price| Money::new(Micros(price), Currency::EUR)),
            discount_percent: discount.map(Into::into),
            increment_seconds: price.map(|_| 60),
            minimum_seconds: None,
            valid_from: at,
            set_by: UserId(nil),
            holds,
        };
        let place = |project: Option<ProjectId>, holds: bool| PriceUse {
            id: PriceUseId(nil),
            org_id: OrgId(nil),
            org: "An organization with the longest name that fits on a page".into(),
            project_id: project,
            book_id: Some(PriceBookId(nil)),
            valid_from: at,
            until: (!holds).then_some(at),
            set_by: UserId(nil),
            holds,
        };
        let book = sample_book("Universities");
        let full = PriceBookDetail {
            book: book.clone(),
            lines: vec![
                line("*", None, Some("12.5"), true),
                line("h100-sxm-slice", Some(1_990_000), None, true),
                line("h100-sxm-slice", None, None, false),
                line("tokens_in", None, Some("100"), true),
            ],
            uses: vec![place(None, true), place(Some(ProjectId(nil)), false)],
        };
        let view = |detail, entered| Self {
            detail,
            skus: vec![("h100-sxm-slice".into(), "H100 GPUs".into())],
            entered,
            form: sample_form(),
        };
        let wrong = Error::field("discount_percent", "Enter a percentage above 0 and at most 100.");
        let none = PriceBookDetail { book, lines: vec![], uses: vec![] };
        vec![
            view(none.clone(), Entered::fresh()),
            view(none, Entered::fresh().with("discount_percent", "x").refused(&wrong)),
            view(full, Entered::fresh()),
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let book = &self.detail.book;
        let back = html! { a class="button" href="/platform/finance/prices" { "Price books" } };
        html! {
            (page_head(&book.name, "The newest line that began holds. What was used before keeps its price, and what runs keeps the price it was launched at.", Some(back)))
            (desk_tabs("prices"))
            (self.entered.banner())
            section class="section" { h2 { "What it says" } (self.lines()) }
            section class="section card flow" { h2 { "Set a line" } (self.set()) }
            section class="section" { h2 { "Where it holds" } (self.uses()) }
            section class="section card flow" { h2 { "Let it hold, or end it" } (self.assign()) }
        }
    }

    fn lines(&self) -> Markup {
        if self.detail.lines.is_empty() {
            let words = "Set a discount for everything, or a price for one thing.";
            return empty("tag", "It says nothing yet", words, None);
        }
        let row = |one: &PriceLine| {
            vec![
                html! { @if one.item == EVERYTHING { (everything(one.kind)) } @else { code { (one.item) } } },
                html! { (one.says()) },
                moment(one.valid_from),
                html! { @if one.holds { (badge("good", "holds")) } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.detail.lines.iter().map(row).collect();
        table("Lines", &[col("Of what"), col("Says"), col("From"), col("")], &rows)
    }

    fn set(&self) -> Markup {
        let book = &self.detail.book;
        let price = format!("In {}; empty for a discount", book.currency);
        let field = |name, label, hint, max| {
            Field { max, ..Field::text(name, label).hint(hint) }.optional().draw(&self.entered)
        };
        html! {
            form method="post" action={ "/platform/finance/prices/" (book.id) "/lines" } class="flow" {
                (self.form.hidden("line"))
                (select("item", "Of what", self.entered.value("item"), &self.items()))
                (field("price", "Price", &price, 20))
                (field("discount_percent", "Discount", "In percent off the list price, such as 12.5; with every field empty the line ends", 10))
                (field("increment_seconds", "Steps of seconds", "Hardware: time is rounded up to it, 1 to 3600; empty as in the list", 4))
                (field("minimum_seconds", "Least seconds", "Hardware: a run costs at least so much, 0 to 86400; empty as in the list", 5))
                (field("valid_from", "From", "Empty for now; such as 2026-12-01T00:00:00Z", 40))
                button class="button primary" { (icon("check")) "Set line" }
            }
        }
    }

    fn items(&self) -> Vec<(String, String)> {
        let value = |kind: PriceKind, item: &str| format!("{kind}:{item}");
        let all = [PriceKind::Sku, PriceKind::Meter];
        let mut items: Vec<(String, String)> =
            all.map(|kind| (value(kind, EVERYTHING), everything(kind).to_owned())).into();
        let skus = self.skus.iter();
        items.extend(
            skus.map(|(sku, name)| (value(PriceKind::Sku, sku), format!("{name} ({sku})"))),
        );
        items.extend(UsageMeter::ALL.iter().map(|meter| {
            let words = format!("{}, per {}", meter.label(), meter.priced().0);
            (value(PriceKind::Meter, meter.as_str()), words)
        }));
        items
    }

    fn uses(&self) -> Markup {
        if self.detail.uses.is_empty() {
            let words = "Let it hold for an organization, or for one project of it.";
            return empty("building", "It holds nowhere", words, None);
        }
        let row = |one: &PriceUse| {
            vec![
                html! { (one.org) br; (id_copy(&one.org_id.to_string())) },
                html! { @if let Some(id) = one.project_id { (id_copy(&id.to_string())) } @else { "all" } },
                html! { (moment(one.valid_from)) @if let Some(until) = one.until { " to " (moment(until)) } },
                html! { @if one.holds { (badge("good", "holds")) } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.detail.uses.iter().map(row).collect();
        table("Uses", &[col("Organization"), col("Project"), col("From"), col("")], &rows)
    }

    fn assign(&self) -> Markup {
        let book = &self.detail.book;
        let choices = [
            ("use".to_owned(), "This book holds".to_owned()),
            ("none".to_owned(), "No book of its own any more".to_owned()),
        ];
        html! {
            form method="post" action={ "/platform/finance/prices/" (book.id) "/uses" } class="flow" {
                (self.form.hidden("use"))
                (Field { max: 60, ..Field::text("org_id", "Organization").hint("Its identifier (org_…)") }.draw(&self.entered))
                (Field { max: 60, ..Field::text("project_id", "Project").hint("Only this one (proj_…); empty for the whole organization") }.optional().draw(&self.entered))
                (select("what", "From then on", self.entered.value("what"), &choices))
                (Field { max: 40, ..Field::text("use_from", "From").hint("Empty for now") }.optional().draw(&self.entered))
                button class="button primary" { (icon("check")) "Set" }
            }
            p class="muted small" { "Those who answer for the organization's money are told." }
        }
    }
}

const fn everything(kind: PriceKind) -> &'static str {
    match kind {
        PriceKind::Sku => "All hardware",
        PriceKind::Meter => "All metered usage",
    }
}

async fn book<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let detail = detail(&mut tx, who.head().id("book_id")?).await?;
    let offers = store::list_offers(&mut tx).await?;
    let skus = offers.into_iter().map(|(sku, _)| (sku.sku, sku.display_name)).collect();
    let title = detail.book.name.clone();
    let view = PriceBookView { detail, skus, entered, form: who.form(app) };
    Ok(Page::new(&title, view.draw()).frozen(who.frozen("price_book.set")))
}

async fn book_page(who: Operator<ReadBooks>, app: App, (): ()) -> Result<Page> {
    book(&app, &who, Entered::fresh()).await
}

/// Shows the page again with what was entered and why it was refused.
async fn again<A: OperatorAction>(
    app: &App,
    who: &Operator<A>,
    (fields, names): (&Fields, &[&'static str]),
    error: Error,
) -> Result<Go> {
    let mut entered = Entered::fresh();
    for name in names {
        entered = entered.with(name, fields.text(name));
    }
    let page = book(app, who, entered.refused(&error).on_top()).await?;
    Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
}

fn asked(fields: &Fields, currency: Currency) -> Result<PriceLineSet> {
    let item = fields.text("item");
    let no_item = || Error::field("item", "Choose one from the list.");
    let (kind, item) = item.split_once(':').ok_or_else(no_item)?;
    let wrong = || Error::field("price", "Enter an amount such as 1.99.");
    let price = fields.optional("price").map(|text| Micros::typed(&text).ok_or_else(wrong));
    Ok(PriceLineSet {
        kind: PriceKind::parse(kind).ok_or_else(no_item)?,
        item: item.to_owned(),
        price: price.transpose()?.map(|micros| Money::new(micros, currency)),
        discount_percent: fields.optional("discount_percent"),
        increment_seconds: fields.number_or_none("increment_seconds")?,
        minimum_seconds: fields.number_or_none("minimum_seconds")?,
        valid_from: fields.moment("valid_from")?,
    })
}

async fn line_form(who: Operator<SetLine>, app: App, Form(fields): Form) -> Result<Go> {
    let id: PriceBookId = who.head().id("book_id")?;
    let found = price_books::book(&mut *app.db.read().await?, id).await?;
    let currency = found.ok_or_else(Error::not_found)?.currency;
    let set = async { set_line(&app, &who, &asked(&fields, currency)?).await };
    let names =
        ["item", "price", "discount_percent", "increment_seconds", "minimum_seconds", "valid_from"];
    match set.await {
        Ok(_) => Ok(Go::to(format!("/platform/finance/prices/{id}")).saying("The line is set.")),
        Err(error) => again(&app, &who, (&fields, &names), error).await,
    }
}

/// Refuses to end what this book does not hold: another's would end.
async fn holds_there(app: &App, id: PriceBookId, ask: &PriceUseSet) -> Result<()> {
    let detail = detail(&mut *app.db.read().await?, id).await?;
    let place = |one: &&PriceUse| (one.org_id, one.project_id) == (ask.org_id, ask.project_id);
    let begins = ask.valid_from.unwrap_or(app.seams.clock.now());
    let here =
        detail.uses.iter().filter(place).any(|one| one.until.is_none_or(|until| until > begins));
    let wrong = || Error::field("org_id", "This book does not hold there then.");
    here.then_some(()).ok_or_else(wrong)
}

async fn use_form(who: Operator<AssignBook>, app: App, Form(fields): Form) -> Result<Go> {
    let id: PriceBookId = who.head().id("book_id")?;
    let set = async {
        let no_org = |_| Error::field("org_id", "Enter an organization's identifier (org_…).");
        let project: Option<ProjectId> = match fields.optional("project_id") {
            Some(text) => Some(text.parse().map_err(|_| {
                Error::field("project_id", "Enter a project's identifier (proj_…), or nothing.")
            })?),
            None => None,
        };
        let ask = PriceUseSet {
            org_id: fields.text("org_id").parse().map_err(no_org)?,
            project_id: project,
            book_id: (fields.text("what") != "none").then_some(id),
            valid_from: fields.moment("use_from")?,
        };
        if ask.book_id.is_none() {
            holds_there(&app, id, &ask).await?;
        }
        price_books::assign(&app, &who, &ask).await
    };
    match set.await {
        Ok((_, org)) => Ok(Go::to(format!("/platform/finance/prices/{id}"))
            .saying(&format!("The prices of {} are set.", org.name))),
        Err(error) => {
            again(&app, &who, (&fields, &["org_id", "project_id", "what", "use_from"]), error).await
        }
    }
}
