//! Price books on the wire: prices and discounts that hold for an organization or a project instead of the list.

use crate::{
    Currency, Money, OrgId, PriceBookId, PriceLineId, PriceUseId, ProjectId, Time, UserId, words,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What a line of a book is about.
    pub enum PriceKind {
        /// Hardware, by its SKU.
        Sku = "sku",
        /// Metered usage, by its meter.
        Meter = "meter",
    }
}

/// The item of a line that holds for everything of its kind.
pub const EVERYTHING: &str = "*";

/// `POST /api/v1/platform/price-books`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceBookCreate {
    /// 1 to 60 plain characters; no other book has it.
    pub name: String,
    /// What its prices are in.
    pub currency: Currency,
}

/// A price book.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PriceBook {
    /// Identifier.
    pub id: PriceBookId,
    /// Its name; tenants do not see it.
    pub name: String,
    /// What its prices are in.
    pub currency: Currency,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Time,
    /// For how many organizations and projects it holds now.
    pub used: i64,
}

/// `GET /api/v1/platform/price-books/{book_id}`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PriceBookDetail {
    /// The book.
    pub book: PriceBook,
    /// What it says, of each item the newest first; what held before stays.
    pub lines: Vec<PriceLine>,
    /// Where it holds, held or will hold, the newest first; at most 500.
    pub uses: Vec<PriceUse>,
}

/// `POST /api/v1/platform/price-books/{book_id}/lines`: what the book says of an item from a moment on.
///
/// With a price, a discount or another rounding; with none of them the book says nothing of the item from then on.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceLineSet {
    /// Hardware or metered usage.
    pub kind: PriceKind,
    /// The SKU or the meter; `*` for everything of the kind.
    pub item: String,
    /// Instead of the list price, per unit and hour, or per what the meter is priced by.
    #[serde(default)]
    pub price: Option<Money>,
    /// Off the list price, in percent: `"12.5"`, above 0, at most 100 and in hundredths.
    #[serde(default)]
    pub discount_percent: Option<String>,
    /// Hardware: time is rounded up to steps of so many seconds, 1 to 3600; as in the list without it.
    #[serde(default)]
    pub increment_seconds: Option<i64>,
    /// Hardware: a run costs at least so many seconds, 0 to 86400; as in the list without it.
    #[serde(default)]
    pub minimum_seconds: Option<i64>,
    /// From when on, not before now; now without it.
    #[serde(default)]
    pub valid_from: Option<Time>,
}

/// What a book says of an item from a moment on.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PriceLine {
    /// Identifier.
    pub id: PriceLineId,
    /// Hardware or metered usage.
    pub kind: PriceKind,
    /// The SKU or the meter; `*` for everything of the kind.
    pub item: String,
    /// Instead of the list price.
    pub price: Option<Money>,
    /// Off the list price, in percent.
    pub discount_percent: Option<String>,
    /// Time is rounded up to steps of so many seconds.
    pub increment_seconds: Option<i64>,
    /// A run costs at least so many seconds.
    pub minimum_seconds: Option<i64>,
    /// From when on.
    pub valid_from: Time,
    /// Who set it.
    pub set_by: UserId,
    /// Whether it is what holds now.
    pub holds: bool,
}

/// `POST /api/v1/platform/price-uses`: which book holds for an organization or a project from a moment on.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PriceUseSet {
    /// The organization.
    pub org_id: OrgId,
    /// Only this project of it; the project's book goes before the organization's.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// The book; without one the organization's book holds again, or the list.
    #[serde(default)]
    pub book_id: Option<PriceBookId>,
    /// From when on, not before now; now without it.
    #[serde(default)]
    pub valid_from: Option<Time>,
}

/// Which book holds somewhere from a moment on.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PriceUse {
    /// Identifier.
    pub id: PriceUseId,
    /// The organization.
    pub org_id: OrgId,
    /// Its name.
    pub org: String,
    /// Only this project of it.
    pub project_id: Option<ProjectId>,
    /// The book; none where the organization's book holds again, or the list.
    pub book_id: Option<PriceBookId>,
    /// From when on.
    pub valid_from: Time,
    /// When the next begins there.
    #[serde(default)]
    pub until: Option<Time>,
    /// Who set it.
    pub set_by: UserId,
    /// Whether it is what holds there now.
    pub holds: bool,
}

/// `GET /api/v1/catalog/prices`: what something costs in the project.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PriceNow {
    /// Hardware or metered usage.
    pub kind: PriceKind,
    /// The SKU or the meter.
    pub item: String,
    /// What it is called.
    pub name: String,
    /// What one pays.
    pub price: Money,
    /// For how much of it.
    pub per: String,
    /// What the list says, where one pays something else.
    pub list_price: Option<Money>,
    /// Time is rounded up to steps of so many seconds.
    pub increment_seconds: i64,
    /// A run costs at least so many seconds.
    pub minimum_seconds: i64,
    /// Whether the hardware is simulated.
    pub simulated: bool,
}

impl PriceLine {
    /// Says in words what it says.
    pub fn says(&self) -> String {
        let price = self.price.map(|price| price.exact());
        let discount = self.discount_percent.as_ref().map(|percent| format!("{percent} % off"));
        let any = self.increment_seconds.is_some() || self.minimum_seconds.is_some();
        let (step, minimum) =
            (self.increment_seconds.unwrap_or(1), self.minimum_seconds.unwrap_or(0));
        let plain = || any.then(|| "by the second".to_owned());
        let rounded = rounding(step, minimum).or_else(plain);
        let parts: Vec<String> = [price.or(discount), rounded].into_iter().flatten().collect();
        if parts.is_empty() { "nothing any more".to_owned() } else { parts.join(", ") }
    }
}

/// Says in words how time is rounded up; nothing where it is counted by the second.
pub fn rounding(increment_seconds: i64, minimum_seconds: i64) -> Option<String> {
    let span = |seconds: i64| match seconds.unsigned_abs() {
        seconds if seconds > 0 && seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        seconds if seconds > 0 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        seconds => format!("{seconds} s"),
    };
    match (increment_seconds > 1, minimum_seconds > 0) {
        (false, false) => None,
        (true, false) => Some(format!("in steps of {}", span(increment_seconds))),
        (false, true) => Some(format!("at least {}", span(minimum_seconds))),
        (true, true) => Some(format!(
            "in steps of {}, at least {}",
            span(increment_seconds),
            span(minimum_seconds)
        )),
    }
}
