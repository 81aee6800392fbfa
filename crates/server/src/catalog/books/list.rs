//! The page of all price books, for the people who run the site.

use super::http::all;
use crate::{
    billing::{
        Settings, desk_tabs,
        price_books::{self, MakeBook, ReadBooks},
    },
    tenancy::{Operator, OperatorAction},
};
use api::{
    Currency, PriceBookId, Time, UserId,
    price_books::{PriceBook, PriceBookCreate},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, col, empty, html, icon, moment, num, page_head,
        table,
    },
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/finance/prices", page),
        Route::post("/platform/finance/prices", make_form),
    ]
}

pub(super) fn sample_book(name: &str) -> PriceBook {
    PriceBook {
        id: PriceBookId(uuid::Uuid::nil()),
        name: name.into(),
        currency: Currency::EUR,
        created_by: UserId(uuid::Uuid::nil()),
        created_at: Time(1_795_000_000_000_000),
        used: 2,
    }
}

pub(super) fn sample_form() -> FormCtx {
    FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) }
}

/// Every book.
#[derive(Debug, Clone)]
pub struct PriceBooksView {
    /// They.
    pub books: Vec<PriceBook>,
    /// What the site counts in.
    pub currency: Currency,
    /// What was entered.
    pub entered: Entered,
    /// For the forms.
    pub form: FormCtx,
}

impl PriceBooksView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let view =
            |books, entered| Self { books, currency: Currency::EUR, entered, form: sample_form() };
        let wrong = Error::field("name", "Write 1 to 60 plain characters.");
        let books = vec![
            sample_book("Universities"),
            sample_book("A book with the longest name that fits on a page of this desk"),
        ];
        vec![
            view(vec![], Entered::fresh()),
            view(vec![], Entered::fresh().with("name", "").refused(&wrong)),
            view(books, Entered::fresh()),
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let hint = format!("Its prices are in {}. Tenants do not see the name.", self.currency);
        html! {
            (page_head("Price books", "Prices and discounts that hold for an organization or a project instead of the list.", Some(html! { a class="button" href="/platform/catalog" { "List prices" } })))
            (desk_tabs("prices"))
            (self.entered.banner())
            section class="section" { (self.table()) }
            section class="section card flow" {
                h2 { "New book" }
                form method="post" action="/platform/finance/prices" class="flow" {
                    (self.form.hidden("book"))
                    (Field { max: 60, ..Field::text("name", "Name").hint(&hint) }.draw(&self.entered))
                    button class="button primary" { (icon("plus")) "Make book" }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        if self.books.is_empty() {
            return empty(
                "tag",
                "Everybody pays list prices",
                "A book holds other prices or a discount, for whom you choose.",
                None,
            );
        }
        let row = |one: &PriceBook| {
            vec![
                html! { a href={ "/platform/finance/prices/" (one.id) } { (one.name) } },
                html! { (one.currency) },
                html! { (one.used) },
                moment(one.created_at),
            ]
        };
        let rows: Vec<Vec<Markup>> = self.books.iter().map(row).collect();
        let cols = [col("Book"), col("In"), num("Holds for"), col("Made")];
        table("Price books", &cols, &rows)
    }
}

async fn books<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let view = PriceBooksView {
        books: all(&mut *app.db.read().await?).await?,
        currency: app.get::<Settings>().currency,
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Price books", view.draw()).frozen(who.frozen("price_book.create")))
}

async fn page(who: Operator<ReadBooks>, app: App, (): ()) -> Result<Page> {
    books(&app, &who, Entered::fresh()).await
}

async fn make_form(who: Operator<MakeBook>, app: App, Form(fields): Form) -> Result<Go> {
    let currency = app.get::<Settings>().currency;
    let ask = PriceBookCreate { name: fields.text("name"), currency };
    match price_books::make(&app, &who, &ask).await {
        Ok(book) => Ok(Go::to(format!("/platform/finance/prices/{}", book.id))
            .saying("The book is made. Say what it holds, and for whom.")),
        Err(error) => {
            let entered = Entered::fresh().with("name", ask.name);
            let page = books(&app, &who, entered.refused(&error).on_top()).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
