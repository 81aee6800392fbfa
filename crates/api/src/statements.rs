//! Monthly statements on the wire.

use crate::{
    Currency, Money, OrgId, ProjectId, StatementId, Time, TxnId, UsagePriceId, billing::TxnKind,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Who a statement is from, or for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Party {
    /// Its name in law.
    pub name: String,
    /// Its address; lines end with a line feed.
    pub address: String,
    /// The number the tax office knows it by.
    pub tax_id: String,
}

/// `GET /api/v1/billing/statements`: one row.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct StatementHead {
    /// Identifier.
    pub id: StatementId,
    /// `2026-11`
    pub month: String,
    /// Its number.
    pub number: String,
    /// What there was when the month began: available and held together.
    pub opening: Money,
    /// What was charged for usage.
    pub used: Money,
    /// What there was when it ended.
    pub closing: Money,
    /// When it was closed.
    pub closed_at: Time,
}

/// `GET /api/v1/billing/statements/{statement_id}`: what a month moved. It never changes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct Statement {
    /// Identifier.
    pub id: StatementId,
    /// Whose.
    pub org_id: OrgId,
    /// `2026-11`
    pub month: String,
    /// Its number.
    pub number: String,
    /// From, inclusive.
    pub from: Time,
    /// To, exclusive.
    pub to: Time,
    /// In what.
    pub currency: Currency,
    /// Who it is from.
    pub seller: Party,
    /// Who it is for.
    pub customer: Party,
    /// What there was when the month began: available and held together.
    pub opening: Money,
    /// What was used, by project and price.
    pub usage: Vec<StatementUsage>,
    /// What of it no balance covered: it is owed. Less than nothing where what was owed before was paid.
    pub borne: Money,
    /// What was charged for usage: the sum of `usage` less `borne`.
    pub used: Money,
    /// Every other movement.
    pub entries: Vec<StatementEntry>,
    /// What there was when it ended: `opening` less `used`, with the entries.
    pub closing: Money,
    /// The tax in what was charged; absent where the site charges none.
    pub tax: Option<StatementTax>,
    /// When it was closed.
    pub closed_at: Time,
}

/// What was used of one thing at one price in one project.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct StatementUsage {
    /// Where.
    pub project_id: ProjectId,
    /// The project's name then.
    pub project: String,
    /// What was used.
    pub what: String,
    /// How much.
    pub quantity: i64,
    /// Of what.
    pub unit: String,
    /// What it cost.
    pub price: Money,
    /// Of how much, in words.
    pub per: String,
    /// The price, where it is one of a meter.
    pub price_id: Option<UsagePriceId>,
    /// What it came to.
    pub charge: Money,
    /// Whether the hardware is simulated.
    pub simulated: bool,
}

/// A movement that is no usage.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct StatementEntry {
    /// Its transaction.
    pub txn_id: TxnId,
    /// When.
    pub at: Time,
    /// What about.
    pub kind: TxnKind,
    /// In plain words.
    pub memo: String,
    /// Positive: in. Negative: out.
    pub amount: Money,
    /// Whether the money is simulated.
    pub simulated: bool,
}

/// The tax in what was charged.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct StatementTax {
    /// `VAT`
    pub name: String,
    /// `19` or `8.1`
    pub percent: String,
    /// What was charged without it.
    pub net: Money,
    /// How much it is, rounded down.
    pub amount: Money,
}

/// `GET /api/v1/billing/profile`: who statements are for.
#[derive(Debug, Clone, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BillingProfile {
    /// The name in law: at most 120 characters; the organization's name when empty.
    pub legal_name: String,
    /// The address: at most 400 characters, in at most eight lines.
    pub address: String,
    /// The number the tax office knows it by: at most 40 characters.
    pub tax_id: String,
}
