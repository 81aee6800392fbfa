//! SQL of price books.

use api::{
    Currency, Micros, OrgId, PriceBookId, PriceLineId, PriceUseId, ProjectId, Time, UserId,
    price_books::PriceKind,
};
use kernel::{Result, db::Reader, row};

row! {
    /// A price book.
    pub struct Book in "price_books" {
        /// Identifier.
        pub id: PriceBookId,
        /// Its name.
        pub name: String,
        /// What its prices are in.
        pub currency: Currency,
        /// Who made it.
        pub created_by: UserId,
        /// When.
        pub created_at: Time,
    }
}

row! {
    /// What a book says of an item from a moment on.
    pub struct BookLine in "price_book_lines" {
        /// Identifier.
        pub id: PriceLineId,
        /// The book.
        pub book_id: PriceBookId,
        /// Hardware or metered usage.
        pub kind: PriceKind,
        /// The SKU or the meter; `*` for everything of the kind.
        pub item: String,
        /// Instead of the list price.
        pub price: Option<Micros>,
        /// Hundredths of a percent off the list price.
        pub discount: Option<i64>,
        /// Seconds time is rounded up to.
        pub increment_seconds: Option<i64>,
        /// Seconds a run costs at least.
        pub minimum_seconds: Option<i64>,
        /// From when on.
        pub valid_from: Time,
        /// Who set it.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
    }
}

row! {
    /// Which book holds somewhere from a moment on.
    pub struct BookUse in "price_book_uses" {
        /// Identifier.
        pub id: PriceUseId,
        /// The organization.
        pub org_id: OrgId,
        /// Only this project of it.
        pub project_id: Option<ProjectId>,
        /// The book; none where the organization's book holds again, or the list.
        pub book_id: Option<PriceBookId>,
        /// From when on.
        pub valid_from: Time,
        /// Who set it.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
    }
}

/// Returns every book.
pub async fn books(tx: &mut Reader) -> Result<Vec<Book>> {
    tx.list("SELECT {} FROM price_books ORDER BY name, id LIMIT 500", ()).await
}

/// Returns a book.
pub async fn book(tx: &mut Reader, id: PriceBookId) -> Result<Option<Book>> {
    tx.find("SELECT {} FROM price_books WHERE id = $1", (id,)).await
}

/// Returns what a book says, of each item the newest first.
pub async fn lines(tx: &mut Reader, book: PriceBookId) -> Result<Vec<BookLine>> {
    tx.list(
        "SELECT {} FROM price_book_lines WHERE book_id = $1 ORDER BY kind, item, valid_from DESC, set_at DESC, id DESC",
        (book,),
    )
    .await
}

/// Returns which books hold, held or will hold in an organization, the newest first.
pub async fn uses_in(tx: &mut Reader, org: OrgId) -> Result<Vec<BookUse>> {
    let sql = "SELECT {} FROM price_book_uses WHERE org_id = $1 ORDER BY valid_from DESC";
    tx.list(sql, (org,)).await
}

row! {
    /// The organization of a use, and what follows it there.
    pub struct UseOrg {
        /// Its name.
        pub org: String,
        /// When the next use there begins.
        pub until: Option<Time>,
    }
}

/// Returns where a book holds, held or will hold, the newest first.
pub async fn uses_of(tx: &mut Reader, book: PriceBookId) -> Result<Vec<(BookUse, UseOrg)>> {
    tx.list(
        "SELECT u.id, u.org_id, u.project_id, u.book_id, u.valid_from, u.set_by, u.set_at, o.name,
                (SELECT MIN(n.valid_from) FROM price_book_uses n
                  WHERE n.org_id = u.org_id AND (n.valid_from > u.valid_from
                     OR (n.valid_from = u.valid_from AND (n.set_at > u.set_at OR (n.set_at = u.set_at AND n.id > u.id))))
                    AND (n.project_id = u.project_id OR (n.project_id IS NULL AND u.project_id IS NULL)))
           FROM price_book_uses u JOIN organizations o ON o.id = u.org_id
          WHERE u.book_id = $1 ORDER BY u.valid_from DESC, u.set_at DESC, u.id DESC LIMIT 500",
        (book,),
    )
    .await
}

row! {
    struct Used {
        org_id: OrgId,
    }
}

/// Returns the organizations a book holds in at a moment, or will later.
pub async fn orgs_of(tx: &mut Reader, book: PriceBookId, at: Time) -> Result<Vec<OrgId>> {
    let rows: Vec<Used> = tx
        .list(
            "SELECT DISTINCT u.org_id FROM price_book_uses u WHERE u.book_id = $1
                AND NOT EXISTS (SELECT 1 FROM price_book_uses n
                  WHERE n.org_id = u.org_id AND n.valid_from > u.valid_from AND n.valid_from <= $2
                    AND (n.project_id = u.project_id OR (n.project_id IS NULL AND u.project_id IS NULL)))
              ORDER BY u.org_id",
            (book, at),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.org_id).collect())
}

/// Returns for how many organizations and projects a book holds at a moment.
pub async fn count_uses(tx: &mut Reader, book: PriceBookId, at: Time) -> Result<i64> {
    tx.value(
        "SELECT COUNT(*) FROM price_book_uses u WHERE u.book_id = $1 AND u.valid_from <= $2
            AND NOT EXISTS (SELECT 1 FROM price_book_uses n
              WHERE n.org_id = u.org_id AND n.valid_from <= $2 AND (n.valid_from > u.valid_from
                 OR (n.valid_from = u.valid_from AND (n.set_at > u.set_at OR (n.set_at = u.set_at AND n.id > u.id))))
                AND (n.project_id = u.project_id OR (n.project_id IS NULL AND u.project_id IS NULL)))",
        (book, at),
    )
    .await
}
