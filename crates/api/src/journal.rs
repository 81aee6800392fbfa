//! The platform's books on the wire: revenue by day, what is owed, entries for accounting software.

use crate::{Money, OrgId, Time, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// How entries are written.
    pub enum JournalFormat {
        /// Comma-separated values (RFC 4180).
        Csv = "csv",
        /// Beancount, version 2 or 3.
        Beancount = "beancount",
        /// Ledger, which hledger reads too.
        Ledger = "ledger",
    }
}

words! {
    /// Why something is owed.
    pub enum OwedFor {
        /// Usage that no balance covered.
        Usage = "usage",
        /// A payment a bank took back.
        Dispute = "dispute",
    }
}

/// `GET /api/v1/platform/finance/revenue`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Revenue {
    /// `2026-11`
    pub month: String,
    /// Days on which money moved, in each currency; the oldest first.
    pub days: Vec<RevenueDay>,
    /// Their sums by currency; the day is the month.
    pub totals: Vec<RevenueDay>,
}

/// What a day moved in a currency.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct RevenueDay {
    /// `2026-11-22` (UTC)
    pub day: String,
    /// What was charged for usage.
    pub charged: Money,
    /// What of it no balance covered, less what of such was paid afterwards.
    pub not_covered: Money,
    /// What people paid in: by card and by transfer, less what went back.
    pub paid_in: Money,
    /// What was given as credit, less what expired.
    pub given: Money,
    /// What the platform bore: refunds of charged usage and disputes.
    pub borne: Money,
}

/// `GET /api/v1/platform/finance/ageing`: one organization's open debt.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Owed {
    /// Who.
    pub org_id: OrgId,
    /// The organization's name.
    pub org: String,
    /// Why.
    pub why: OwedFor,
    /// How much.
    pub amount: Money,
    /// Since when.
    pub since: Time,
    /// For how many whole days.
    pub days: i64,
}
