//! Reconciliation with the payment processor on the wire.

use crate::{CaseId, Money, OrgId, PaymentId, Time, UserId, payments::Provider, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What a case is about.
    pub enum CaseKind {
        /// A payment.
        Charge = "charge",
        /// Money given back.
        Refund = "refund",
        /// Money a bank took back.
        Dispute = "dispute",
        /// Something the processor told that could not be.
        Word = "word",
        /// A movement of the processor's account that cannot be read.
        Movement = "movement",
    }
}

/// `GET /api/v1/platform/finance/reconciliation`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Reconciliation {
    /// The processor; none where this site takes no payments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Provider>,
    /// Whether no money moves there.
    pub simulated: bool,
    /// From when on its account is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Time>,
    /// Until when it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub read_until: Option<Time>,
    /// Until when it was compared with the books: what moved in the last hour is still on its way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compared_until: Option<Time>,
    /// When it was last asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ran_at: Option<Time>,
    /// Why it could not be read the last time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
    /// How many cases are open.
    pub open: i64,
    /// By currency, what the processor shows more than the books, over the open cases.
    pub more: Vec<Money>,
    /// The same for what it shows less.
    pub less: Vec<Money>,
    /// `2026-11`
    pub month: String,
    /// What the processor's account moved on the days of that month (UTC), the oldest first.
    pub days: Vec<ProcessorDay>,
}

impl Reconciliation {
    /// Returns whether the account was compared and nothing is open.
    pub fn agrees(&self) -> bool {
        self.open == 0 && self.fault.is_none() && self.compared_until > self.since
    }
}

/// What a processor's account moved on a day, in a currency; what left it is below zero.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct ProcessorDay {
    /// `2026-11-22` (UTC)
    pub day: String,
    /// What this site's payments brought.
    pub charged: Money,
    /// What of them went back.
    pub refunded: Money,
    /// What banks took back of them, less what they gave again.
    pub disputed: Money,
    /// What the processor kept.
    pub fees: Money,
    /// What it sent to the bank.
    pub paid_out: Money,
    /// What else moved: of other shops of the same account, too.
    pub other: Money,
    /// How many movements.
    pub movements: i64,
}

/// Where a processor and the books differ, until it comes right by itself or somebody closes it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct CaseView {
    /// Identifier.
    pub id: CaseId,
    /// What it is about.
    pub kind: CaseKind,
    /// At which processor.
    pub provider: Provider,
    /// The processor's name of what it is about.
    pub object: String,
    /// Whose.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org_id: Option<OrgId>,
    /// Its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub org: Option<String>,
    /// Which payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_id: Option<PaymentId>,
    /// What the processor's account shows of it; none where it is not about an amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theirs: Option<Money>,
    /// What the books show of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ours: Option<Money>,
    /// What is wrong, in plain words.
    pub note: String,
    /// What to do next.
    pub next: String,
    /// Whether no money moves there.
    pub simulated: bool,
    /// Since when.
    pub opened_at: Time,
    /// When its sums last changed.
    pub changed_at: Time,
    /// When it was closed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Time>,
    /// Who closed it; none where it came right by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub closed_by: Option<UserId>,
    /// Why it was closed.
    pub reason: String,
}

/// `POST /api/v1/platform/finance/cases/{case_id}/close`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseClose {
    /// What was found and done, 3 to 300 characters.
    pub reason: String,
    /// `changed_at` of the case as it was looked at: one that changed since is not closed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed_at: Option<Time>,
}
