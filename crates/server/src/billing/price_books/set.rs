//! Making books, saying what they hold, and letting them hold somewhere; nothing is ever set for the past.

use super::{
    AssignBook, MakeBook, SetLine,
    store::{self, Book, BookLine, BookUse},
};
use crate::{
    billing::{Settings, payments::is_member},
    tenancy::{self, Operator, Organization, find_organization},
};
use api::{
    Code, Currency, Micros, OrgId, PriceBookId, Time, UserId,
    metering::UsageMeter,
    price_books::{EVERYTHING, PriceBookCreate, PriceKind, PriceLineSet, PriceUseSet},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Lock, WriteTx, broke},
    names,
    outbox::{About, Notice, Recipient, tell},
};
use std::time::Duration;

/// How far ahead something may begin.
const AHEAD: Duration = Duration::from_secs(366 * 86_400);

/// How many lines a book may have, and how many uses an organization: they are read with every launch.
const MOST: usize = 1_000;

/// Makes a book.
///
/// # Errors
/// `validation_error`; `state_conflict` for a name that is taken.
pub async fn make(app: &App, who: &Operator<MakeBook>, ask: &PriceBookCreate) -> Result<Book> {
    let wrong = || Error::field("name", "Write 1 to 60 plain characters.");
    let name = names::name(&ask.name, 60).ok_or_else(wrong)?;
    let mut tx = app.db.write(who).await?;
    if store::books(&mut tx).await?.len() >= MOST / 2 {
        return Err(Error::new(Code::NotNow).detail("There are 500 books; no more can be made."));
    }
    let row = Book {
        id: tx.new_id(),
        name,
        currency: ask.currency,
        created_by: who.caller().user_id(),
        created_at: tx.now(),
    };
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "price_books_name") || broke(&error, "price_books.name") {
            return Error::new(Code::NotNow).detail("A book has this name.");
        }
        error
    })?;
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.commit().await?;
    Ok(row)
}

/// Reads a discount in hundredths of a percent: `"12.5"` is 1250.
fn discount(text: &str) -> Result<i64> {
    let wrong = || {
        let words = "Enter a percentage above 0 and at most 100, such as 12.5.";
        Error::field("discount_percent", words)
    };
    let micros = Micros::typed(text).ok_or_else(wrong)?;
    let is_whole = micros.0 % 10_000 == 0;
    let hundredths = micros.0 / 10_000;
    (is_whole && (1..=10_000).contains(&hundredths)).then_some(hundredths).ok_or_else(wrong)
}

fn moment(ask: Option<Time>, now: Time) -> Result<Time> {
    let from = ask.unwrap_or(now);
    if from < now {
        let words = "What was used before now keeps its price: begin now or later.";
        return Err(Error::field("valid_from", words));
    }
    if from > now.plus(AHEAD) {
        return Err(Error::field("valid_from", "It is more than a year ahead."));
    }
    Ok(from)
}

fn between(field: &'static str, value: Option<i64>, least: i64, most: i64) -> Result<Option<i64>> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Error::field(field, format!("Enter {least} to {most} seconds, or nothing.")))
        }
        other => Ok(other),
    }
}

/// Checks the price of a line.
fn price(ask: &PriceLineSet, currency: Currency) -> Result<Option<Micros>> {
    let Some(price) = ask.price else { return Ok(None) };
    if ask.discount_percent.is_some() {
        return Err(Error::field("price", "Set a price or a discount, not both."));
    }
    if price.currency != currency {
        return Err(Error::field("price", format!("The book's prices are in {currency}.")));
    }
    if !(Micros::ZERO..=Micros(1_000_000_000_000)).contains(&price.micros) {
        return Err(Error::field("price", "Enter nothing or more, and at most a million."));
    }
    Ok(Some(price.micros))
}

/// Checks what a line is about; whether such hardware exists is checked by the catalog.
fn item(ask: &PriceLineSet) -> Result<String> {
    let known = match ask.kind {
        _ if ask.item == EVERYTHING => true,
        PriceKind::Meter => UsageMeter::parse(&ask.item).is_some(),
        PriceKind::Sku => (1..=80).contains(&ask.item.len()),
    };
    let is_rounded = ask.increment_seconds.is_some() || ask.minimum_seconds.is_some();
    if ask.kind == PriceKind::Meter && is_rounded {
        let words = "Only the time of hardware is rounded up to steps.";
        return Err(Error::field("increment_seconds", words));
    }
    if ask.item == EVERYTHING && ask.price.is_some() {
        let words = "One price for everything would be a mistake. Set a discount, or name an item.";
        return Err(Error::field("price", words));
    }
    if known { Ok(ask.item.clone()) } else { Err(Error::field("item", "There is no such item.")) }
}

/// Sets what a book says of an item from a moment on.
///
/// # Errors
/// `not_found`, `validation_error`; `state_conflict` for a book with 1000 lines.
pub async fn set_line(
    app: &App,
    who: &Operator<SetLine>,
    book: PriceBookId,
    ask: &PriceLineSet,
) -> Result<BookLine> {
    let mut tx = app.db.write(who).await?;
    let book = lock(&mut tx, book).await?.ok_or_else(Error::not_found)?;
    let now = tx.now();
    let row = BookLine {
        id: tx.new_id(),
        book_id: book.id,
        kind: ask.kind,
        item: item(ask)?,
        price: price(ask, book.currency)?,
        discount: ask.discount_percent.as_deref().map(discount).transpose()?,
        increment_seconds: between("increment_seconds", ask.increment_seconds, 1, 3600)?,
        minimum_seconds: between("minimum_seconds", ask.minimum_seconds, 0, 86_400)?,
        valid_from: moment(ask.valid_from, now)?,
        set_by: who.caller().user_id(),
        set_at: now,
    };
    if row.says_something() && store::lines(&mut tx, book.id).await?.len() >= MOST {
        return Err(Error::new(Code::NotNow).detail("The book has 1000 lines; make another."));
    }
    tx.insert(&row).await?;
    for org in holds_for(&mut tx, book.id, row.valid_from).await? {
        not_mine(app, &mut tx, org.id, who.caller().user_id()).await?;
        say(&mut tx, &org, (row.valid_from, false)).await?;
    }
    tx.target(book.id);
    tx.note(Key::Name, format!("{} {}", row.kind, row.item));
    match (row.price, row.discount) {
        (Some(price), _) => tx.note(Key::Amount, price.0),
        (None, Some(discount)) => tx.note(Key::Amount, format!("-{} %", percent(discount))),
        (None, None) => {}
    }
    tx.commit().await?;
    Ok(row)
}

/// Writes hundredths of a percent: `12.5`.
pub fn percent(hundredths: i64) -> String {
    let (whole, rest) = (hundredths / 100, hundredths % 100);
    match rest {
        0 => whole.to_string(),
        rest if rest % 10 == 0 => format!("{whole}.{}", rest / 10),
        rest => format!("{whole}.{rest:02}"),
    }
}

/// Returns a book; who sets something in it waits.
async fn lock(tx: &mut WriteTx, id: PriceBookId) -> Result<Option<Book>> {
    let sql = "SELECT {} FROM price_books WHERE id = $1";
    Ok(tx.list_locked(sql, (id,), Lock::Update).await?.into_iter().next())
}

/// Lets a book hold for an organization or a project from a moment on, and tells those who answer for its money.
///
/// # Errors
/// `validation_error` for an organization, project or book that is not there or pays in another currency;
/// `insufficient_permissions` for an operator's own organization in production.
pub async fn assign(
    app: &App,
    who: &Operator<AssignBook>,
    ask: &PriceUseSet,
) -> Result<(BookUse, Organization)> {
    let mut tx = app.db.write(who).await?;
    let no_org = || Error::field("org_id", "There is no such organization.");
    let org = find_organization(&mut tx, ask.org_id).await?.ok_or_else(no_org)?;
    not_mine(app, &mut tx, org.id, who.caller().user_id()).await?;
    if let Some(id) = ask.project_id {
        let found = tenancy::find_project(&mut tx, id).await?;
        if found.is_none_or(|project| project.org_id != org.id) {
            return Err(Error::field("project_id", "The organization has no such project."));
        }
    }
    if let Some(id) = ask.book_id {
        let no_book = || Error::field("book_id", "There is no such book.");
        let book = store::book(&mut tx, id).await?.ok_or_else(no_book)?;
        if book.currency != org.currency {
            let words = format!(
                "The organization pays in {}, the book is in {}.",
                org.currency, book.currency
            );
            return Err(Error::field("book_id", words));
        }
        // Tenants read this entry: a book's name is the platform's own.
        tx.note(Key::Name, book.id);
    }
    let now = tx.now();
    let row = BookUse {
        id: tx.new_id(),
        org_id: org.id,
        project_id: ask.project_id,
        book_id: ask.book_id,
        valid_from: moment(ask.valid_from, now)?,
        set_by: who.caller().user_id(),
        set_at: now,
    };
    if row.book_id.is_some() && store::uses_in(&mut tx, org.id).await?.len() >= MOST {
        return Err(Error::new(Code::NotNow).detail("Its prices changed 1000 times already."));
    }
    tx.insert(&row).await?;
    say(&mut tx, &org, (row.valid_from, row.project_id.is_some())).await?;
    tx.target(row.id);
    tx.belongs_to(org.id, row.project_id);
    tx.commit().await?;
    Ok((row, org))
}

/// Nobody sets their own prices where others pay.
async fn not_mine(app: &App, tx: &mut WriteTx, org: OrgId, user: UserId) -> Result<()> {
    if app.get::<Settings>().production && is_member(tx, org, user).await? {
        return Err(Error::new(Code::InsufficientPermissions).detail(
            "You belong to an organization of this book. Another operator sets its prices.",
        ));
    }
    Ok(())
}

/// Returns the organizations a book holds in at a moment, or will later.
async fn holds_for(tx: &mut WriteTx, book: PriceBookId, at: Time) -> Result<Vec<Organization>> {
    let mut orgs = Vec::new();
    for id in store::orgs_of(tx, book, at).await? {
        orgs.extend(find_organization(tx, id).await?);
    }
    Ok(orgs)
}

/// Tells those who answer for an organization's money that its prices change.
async fn say(
    tx: &mut WriteTx,
    org: &Organization,
    (from, one_project): (Time, bool),
) -> Result<()> {
    let place = if one_project { "a project of " } else { "" };
    let notice = Notice {
        kind: "billing.prices",
        about: About::Work,
        title: format!("Prices of {} change", org.name),
        body: format!(
            "From {} on, {place}{} has other prices. What runs keeps the price it was launched at.",
            from.plain(),
            org.name
        ),
        href: "/compute/prices",
    };
    for person in tenancy::payers(tx, org.id).await? {
        let to = Recipient { user_id: person.user_id, email: person.email };
        tell(tx, &to, &notice).await?;
    }
    Ok(())
}
