//! Which price holds: pure, over what an organization's books say and said.

use super::store::{self, BookLine, BookUse};
use crate::{billing::rating::Increment, tenancy::Organization};
use api::{
    Micros, PriceBookId, PriceLineId, ProjectId, Time,
    price_books::{EVERYTHING, PriceKind},
};
use kernel::{Result, db::Reader};
use std::collections::BTreeSet;

/// What something costs in a project, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terms {
    /// The price.
    pub price: Micros,
    /// What the list says, where that is another.
    pub list_price: Option<Micros>,
    /// How time is rounded up.
    pub increment: Increment,
    /// The line of a book it comes from; none where the list holds.
    pub line_id: Option<PriceLineId>,
}

/// What is priced.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// Hardware or metered usage.
    pub kind: PriceKind,
    /// The SKU or the meter.
    pub name: &'a str,
}

/// What the list says of something.
#[derive(Debug, Clone, Copy)]
pub struct Listed {
    /// Its price.
    pub price: Micros,
    /// How time is rounded up.
    pub increment: Increment,
}

/// What the books of an organization say, with their history.
#[derive(Debug, Clone, Default)]
pub struct Own {
    uses: Vec<BookUse>,
    lines: Vec<BookLine>,
}

/// Reads what the books of an organization say.
///
/// # Errors
/// What the database says.
pub async fn own(tx: &mut Reader, org: &Organization) -> Result<Own> {
    let uses = store::uses_in(tx, org.id).await?;
    let ids: BTreeSet<PriceBookId> = uses.iter().filter_map(|one| one.book_id).collect();
    let mut lines = Vec::new();
    for id in ids {
        // Prices in another currency say nothing here.
        if store::book(tx, id).await?.is_some_and(|book| book.currency == org.currency) {
            lines.extend(store::lines(tx, id).await?);
        }
    }
    Ok(Own { uses, lines })
}

impl Own {
    /// Returns the book that holds at a moment: of a project, or of the whole organization.
    fn book(&self, project: Option<ProjectId>, at: Time) -> Option<PriceBookId> {
        let there = self.uses.iter().filter(|one| one.project_id == project);
        let begun = there.filter(|one| one.valid_from <= at);
        begun.max_by_key(|one| (one.valid_from, one.set_at, one.id))?.book_id
    }

    /// Returns what a book says of an item at a moment; nothing where it leaves it to the list.
    fn line(&self, book: PriceBookId, kind: PriceKind, item: &str, at: Time) -> Option<&BookLine> {
        let of = self.lines.iter().filter(|line| {
            line.book_id == book && line.kind == kind && line.item == item && line.valid_from <= at
        });
        let newest = of.max_by_key(|line| (line.valid_from, line.set_at, line.id));
        newest.filter(|line| line.says_something())
    }

    /// Returns what an item costs in a project at a moment.
    pub fn terms(
        &self,
        project: Option<ProjectId>,
        item: Item<'_>,
        list: Listed,
        at: Time,
    ) -> Terms {
        let of_project = project.and_then(|id| self.book(Some(id), at));
        let books = [of_project, self.book(None, at)];
        let lines: Vec<&BookLine> = books
            .into_iter()
            .flatten()
            .flat_map(|book| {
                [item.name, EVERYTHING].map(|name| self.line(book, item.kind, name, at))
            })
            .flatten()
            .collect();
        // Each part is the nearest line's that says it: another rounding leaves a discount as it is.
        let price = lines.iter().find(|line| line.price.is_some() || line.discount.is_some());
        let step = lines.iter().find_map(|line| line.increment_seconds);
        let minimum = lines.iter().find_map(|line| line.minimum_seconds);
        let paid = price.map_or(list.price, |line| line.paid(list.price));
        Terms {
            price: paid,
            list_price: (paid != list.price).then_some(list.price),
            increment: Increment {
                step: step.unwrap_or(list.increment.step),
                minimum: minimum.unwrap_or(list.increment.minimum),
            },
            line_id: price.map(|line| line.id),
        }
    }

    /// Returns what hardware costs in a project at a moment.
    pub fn sku(&self, project: Option<ProjectId>, sku: &str, list: Listed, at: Time) -> Terms {
        self.terms(project, Item { kind: PriceKind::Sku, name: sku }, list, at)
    }
}

impl Terms {
    /// Returns a price that is counted by the second.
    pub const fn plain(price: Micros) -> Self {
        Self::listed(Listed { price, increment: Increment::SECOND })
    }

    /// Returns the list's.
    pub const fn listed(list: Listed) -> Self {
        Self { price: list.price, list_price: None, increment: list.increment, line_id: None }
    }
}

impl BookLine {
    /// Returns whether it holds something, and does not end what was said before.
    pub fn says_something(&self) -> bool {
        self.price.is_some()
            || self.discount.is_some()
            || self.increment_seconds.is_some()
            || self.minimum_seconds.is_some()
    }

    /// Returns what is paid instead of a list price; a discount is rounded down to the millionth.
    fn paid(&self, list: Micros) -> Micros {
        let off = |discount: i64| {
            let rest = i128::from(list.0) * i128::from(10_000 - discount) / 10_000;
            i64::try_from(rest).map_or(list, Micros)
        };
        self.price.or_else(|| self.discount.map(off)).unwrap_or(list)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use api::{OrgId, PriceUseId, TypedId, UserId};

    const LIST: Listed = Listed { price: Micros(1_000_001), increment: Increment::SECOND };

    fn id<T: TypedId>(n: u128) -> T {
        T::from_uuid(uuid::Uuid::from_u128(n))
    }

    fn used(project: Option<u128>, book: Option<u128>, from: i64) -> BookUse {
        BookUse {
            id: PriceUseId::first(),
            org_id: OrgId::first(),
            project_id: project.map(id),
            book_id: book.map(id),
            valid_from: Time(from),
            set_by: UserId::first(),
            set_at: Time(0),
        }
    }

    fn line(n: u128, book: u128, item: &str, price: Option<i64>, from: i64) -> BookLine {
        BookLine {
            id: id(n),
            book_id: id(book),
            kind: PriceKind::Sku,
            item: item.into(),
            price: price.map(Micros),
            discount: None,
            increment_seconds: None,
            minimum_seconds: None,
            valid_from: Time(from),
            set_by: UserId::first(),
            set_at: Time(0),
        }
    }

    fn price(own: &Own, project: u128, at: i64) -> i64 {
        own.sku(Some(id(project)), "h100", LIST, Time(at)).price.0
    }

    #[test]
    fn the_nearest_that_says_something_holds_as_of_its_time() {
        let own = Own {
            uses: vec![
                used(None, Some(1), 10),
                used(Some(7), Some(2), 20),
                used(Some(7), None, 60),
            ],
            lines: vec![
                line(1, 1, EVERYTHING, Some(800), 0),
                line(2, 1, "h100", Some(700), 30),
                line(3, 1, "h100", None, 50),
                line(4, 2, "h100", Some(500), 0),
                line(5, 2, "h100", None, 40),
            ],
        };
        // Before any use, the organization's book, the project's, a line that ended, a use that ended.
        let seen: Vec<i64> = [5, 15, 25, 35, 45, 55, 65].map(|at| price(&own, 7, at)).into();
        assert_eq!(seen, [LIST.price.0, 800, 500, 500, 700, 800, 800]);
        assert_eq!(price(&own, 8, 35), 700);
        assert_eq!(own.sku(None, "h100", LIST, Time(35)).price.0, 700);
        assert_eq!(own.sku(None, "a100", LIST, Time(35)).price.0, 800);
        let meter = Item { kind: PriceKind::Meter, name: "h100" };
        assert_eq!(own.terms(None, meter, LIST, Time(35)), Terms::listed(LIST));
    }

    #[test]
    fn a_discount_is_off_the_list_and_rounded_down() {
        let own = |discount, step| Own {
            uses: vec![used(None, Some(1), 0)],
            lines: vec![BookLine {
                discount,
                increment_seconds: step,
                ..line(1, 1, EVERYTHING, None, 0)
            }],
        };
        let terms = own(Some(1_250), None).sku(None, "h100", LIST, Time(1));
        assert_eq!((terms.price, terms.list_price), (Micros(875_000), Some(LIST.price)));
        assert_eq!(own(Some(10_000), None).sku(None, "h100", LIST, Time(1)).price, Micros::ZERO);
        // Another rounding of one item leaves the discount of everything as it is.
        let mut both = own(Some(1_250), None);
        let rounded = BookLine { increment_seconds: Some(60), ..line(2, 1, "h100", None, 0) };
        both.lines.push(rounded);
        let terms = both.sku(None, "h100", LIST, Time(1));
        assert_eq!((terms.price, terms.increment.step), (Micros(875_000), 60));
        // Set again for the same moment, the newest holds.
        let newer = BookLine { set_at: Time(1), ..line(3, 1, "h100", Some(5), 0) };
        both.lines.insert(0, newer);
        assert_eq!(both.sku(None, "h100", LIST, Time(1)).price, Micros(5));
        // Only another rounding: the price is the list's.
        let terms = own(None, Some(60)).sku(None, "h100", LIST, Time(1));
        assert_eq!((terms.price, terms.list_price, terms.increment.step), (LIST.price, None, 60));
    }
}
