//! Price books for programs.

use crate::{
    billing::price_books::{
        self, AssignBook, Book, BookLine, BookUse, MakeBook, ReadBooks, SetLine, UseOrg, percent,
    },
    catalog::store,
    tenancy::Operator,
};
use api::{
    Money, Page, PriceBookId, Time,
    price_books::{
        EVERYTHING, PriceBook, PriceBookCreate, PriceBookDetail, PriceKind, PriceLine,
        PriceLineSet, PriceUse, PriceUseSet,
    },
};
use kernel::{
    App, Error, Result,
    db::Reader,
    http::{Body, Created, Json, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/platform/price-books", list).says("Lists price books."),
        Route::post("/api/v1/platform/price-books", make).needs_key().says("Makes a price book."),
        Route::get("/api/v1/platform/price-books/{book_id}", look)
            .says("Shows what a price book says, and where it holds."),
        Route::post("/api/v1/platform/price-books/{book_id}/lines", set)
            .needs_key()
            .says("Sets what a price book says of an item from a moment on."),
        Route::post("/api/v1/platform/price-uses", assign)
            .needs_key()
            .says("Lets a price book hold for an organization or a project from a moment on."),
    ]
}

async fn view(tx: &mut Reader, row: Book) -> Result<PriceBook> {
    let now = tx.now();
    Ok(PriceBook {
        id: row.id,
        name: row.name,
        currency: row.currency,
        created_by: row.created_by,
        created_at: row.created_at,
        used: price_books::count_uses(tx, row.id, now).await?,
    })
}

/// Returns every book.
///
/// # Errors
/// What the database says.
pub(super) async fn all(tx: &mut Reader) -> Result<Vec<PriceBook>> {
    let mut views = Vec::new();
    for row in price_books::books(tx).await? {
        views.push(view(tx, row).await?);
    }
    Ok(views)
}

fn line(row: &BookLine, book: &PriceBook, holds: bool) -> PriceLine {
    PriceLine {
        id: row.id,
        kind: row.kind,
        item: row.item.clone(),
        price: row.price.map(|price| Money::new(price, book.currency)),
        discount_percent: row.discount.map(percent),
        increment_seconds: row.increment_seconds,
        minimum_seconds: row.minimum_seconds,
        valid_from: row.valid_from,
        set_by: row.set_by,
        holds,
    }
}

fn place(row: BookUse, org: UseOrg, holds: bool) -> PriceUse {
    PriceUse {
        id: row.id,
        org_id: row.org_id,
        org: org.org,
        until: org.until,
        project_id: row.project_id,
        book_id: row.book_id,
        valid_from: row.valid_from,
        set_by: row.set_by,
        holds,
    }
}

/// Returns a book with its lines and where it holds.
///
/// # Errors
/// `not_found`.
pub(super) async fn detail(tx: &mut Reader, id: PriceBookId) -> Result<PriceBookDetail> {
    let row = price_books::book(tx, id).await?.ok_or_else(Error::not_found)?;
    let book = view(tx, row).await?;
    let now = tx.now();
    let (mut lines, mut held) = (Vec::new(), None);
    for row in price_books::lines(tx, id).await? {
        // They stand newest first: the first that began holds.
        let key = Some((row.kind, row.item.clone()));
        let holds = row.valid_from <= now && held != key;
        if holds {
            held = key;
        }
        lines.push(line(&row, &book, holds));
    }
    let in_use = |at: Time, until: Option<Time>| at <= now && until.is_none_or(|until| until > now);
    let uses = price_books::uses_of(tx, id).await?.into_iter().map(|(row, org)| {
        let holds = in_use(row.valid_from, org.until);
        place(row, org, holds)
    });
    let uses = uses.collect();
    Ok(PriceBookDetail { book, lines, uses })
}

async fn list(_: Operator<ReadBooks>, app: App, (): ()) -> Result<Json<Page<PriceBook>>> {
    let items = all(&mut *app.db.read().await?).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn look(who: Operator<ReadBooks>, app: App, (): ()) -> Result<Json<PriceBookDetail>> {
    detail(&mut *app.db.read().await?, who.head().id("book_id")?).await.map(Json)
}

async fn make(
    who: Operator<MakeBook>,
    app: App,
    Body(body): Body<PriceBookCreate>,
) -> Result<Created<PriceBook>> {
    let row = price_books::make(&app, &who, &body).await?;
    view(&mut *app.db.read().await?, row).await.map(Created)
}

/// Sets a line, for hardware that exists.
///
/// # Errors
/// `not_found`, `validation_error`, `state_conflict`.
pub(super) async fn set_line(
    app: &App,
    who: &Operator<SetLine>,
    ask: &PriceLineSet,
) -> Result<PriceLine> {
    let id = who.head().id("book_id")?;
    if ask.kind == PriceKind::Sku && ask.item != EVERYTHING {
        let found = store::find_offer(&mut *app.db.read().await?, &ask.item).await?;
        found.ok_or_else(|| Error::field("item", "There is no such hardware in the catalog."))?;
    }
    let row = price_books::set_line(app, who, id, ask).await?;
    let mut tx = app.db.read().await?;
    let now = tx.now();
    let book = price_books::book(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let book = view(&mut tx, book).await?;
    Ok(line(&row, &book, row.valid_from <= now))
}

async fn set(
    who: Operator<SetLine>,
    app: App,
    Body(body): Body<PriceLineSet>,
) -> Result<Created<PriceLine>> {
    set_line(&app, &who, &body).await.map(Created)
}

async fn assign(
    who: Operator<AssignBook>,
    app: App,
    Body(body): Body<PriceUseSet>,
) -> Result<Created<PriceUse>> {
    let (row, org) = price_books::assign(&app, &who, &body).await?;
    let holds = row.valid_from <= app.seams.clock.now();
    Ok(Created(place(row, UseOrg { org: org.name, until: None }, holds)))
}
