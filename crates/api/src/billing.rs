//! Balance, statement and usage on the wire.

use crate::{
    AllocationId, GrantId, Money, PostingId, ProjectId, Time, TxnId, UsageId, metering::UsageMeter,
    words,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Where an organization's money stands (reference 2.18).
    pub enum MoneyState {
        /// Enough.
        Healthy = "healthy",
        /// At or below the warning line.
        LowBalance = "low_balance",
        /// Will be used up soon; work is about to be released.
        AutoReleasePending = "auto_release_pending",
        /// Used up.
        Depleted = "depleted",
    }
}

words! {
    /// What a ledger transaction is about.
    pub enum TxnKind {
        /// Credit given by the platform.
        Grant = "grant",
        /// Money reserved for running work.
        Hold = "hold",
        /// Reserved money given back.
        HoldRelease = "hold_release",
        /// Metered usage charged.
        Usage = "usage",
        /// A correction that names the transaction it corrects.
        Correction = "correction",
        /// Money somebody paid in.
        Payment = "payment",
        /// Money given back.
        Refund = "refund",
        /// A payment a bank took back.
        Dispute = "dispute",
        /// Such a payment that came back.
        DisputeReversal = "dispute_reversal",
        /// Credit the platform's people gave.
        Adjustment = "adjustment",
        /// Given credit that was not used in time.
        Expiry = "expiry",
    }
}

/// `GET /api/v1/billing/balance`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Balance {
    /// What can be spent.
    pub available: Money,
    /// What of it was given: it is used before paid money.
    pub given: Money,
    /// What is reserved for running work.
    pub held: Money,
    /// What is owed for usage that was told afterwards: it is taken from what comes next.
    pub owed: Money,
    /// Where it stands.
    pub state: MoneyState,
    /// What running work costs per hour.
    pub burn_per_hour: Money,
    /// When money runs out at the present rate; absent when nothing runs.
    pub runs_out_at: Option<Time>,
}

/// Credit that was given: a lot that is used before paid money, the one that expires first before the others.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct CreditLot {
    /// Identifier.
    pub id: GrantId,
    /// Its transaction.
    pub txn_id: TxnId,
    /// Why.
    pub reason: String,
    /// How much was given.
    pub amount: Money,
    /// What can be spent of it now.
    pub remaining: Money,
    /// What of it is reserved for running work.
    pub held: Money,
    /// What of it was used.
    pub used: Money,
    /// What of it expired.
    pub expired: Money,
    /// From when on it is not used any more; absent when it does not expire.
    pub expires_at: Option<Time>,
    /// When it was given.
    pub created_at: Time,
}

/// A line of the statement: one posting that touched the organization's money.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct StatementLine {
    /// The posting.
    pub id: PostingId,
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
    /// The project it belongs to.
    pub project_id: Option<ProjectId>,
    /// The allocation it belongs to.
    pub allocation_id: Option<AllocationId>,
    /// Whether the hardware behind it is simulated.
    pub simulated: bool,
}

/// A movement between two accounts.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Moved {
    /// The posting.
    pub id: PostingId,
    /// The account that loses, in words.
    pub from: String,
    /// The account that gains, in words.
    pub to: String,
    /// How much.
    pub amount: Money,
}

/// The sum behind a charge of usage.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ExplainedUsage {
    /// What was used.
    pub sku: String,
    /// Units.
    pub units: i64,
    /// Price per unit and hour that held.
    pub price_per_hour: Money,
    /// What the list said, where that was another.
    pub list_price_per_hour: Option<Money>,
    /// The window's beginning, inclusive.
    pub from: Time,
    /// The window's end, exclusive.
    pub to: Time,
    /// Whole seconds of the run up to the window's end, rounded up where its price says so.
    pub seconds: u64,
    /// What they cost, rounded down once.
    pub total: Money,
    /// What was charged of it before.
    pub before: Money,
    /// What this window charges: the difference.
    pub charge: Money,
    /// The same as a line to read.
    pub formula: String,
}

/// The sum behind a charge of metered usage.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ExplainedMetered {
    /// What was used.
    pub meter: UsageMeter,
    /// What used it.
    pub subject: String,
    /// How much this charge is for, in the meter's unit.
    pub quantity: i64,
    /// How much was used at this price with all before.
    pub quantity_to: i64,
    /// What it costs.
    pub price: Money,
    /// Of how much, in words.
    pub per: String,
    /// What was charged of it before.
    pub before: Money,
    /// What this charge is: the difference.
    pub charge: Money,
    /// The same as a line to read.
    pub formula: String,
}

/// `GET /api/v1/billing/transactions/{txn_id}`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Explained {
    /// The transaction.
    pub id: TxnId,
    /// What about.
    pub kind: TxnKind,
    /// In plain words.
    pub memo: String,
    /// When.
    pub at: Time,
    /// Who answers for it: an id, or the name of a background check.
    pub actor: String,
    /// Names everything the request caused, in the audit record too.
    pub correlation_id: String,
    /// Where the fact comes from: `usage`, `payment`, `refund`.
    pub source: String,
    /// Its name there.
    pub source_id: String,
    /// The project it belongs to.
    pub project_id: Option<ProjectId>,
    /// The allocation it belongs to.
    pub allocation_id: Option<AllocationId>,
    /// Whether hardware or payment behind it is simulated.
    pub simulated: bool,
    /// The transaction it corrects.
    pub corrects: Option<TxnId>,
    /// The transactions that correct it.
    pub corrected_by: Vec<TxnId>,
    /// Which accounts moved.
    pub moved: Vec<Moved>,
    /// The sum behind a charge of usage.
    pub usage: Option<ExplainedUsage>,
    /// The sums behind a charge of metered usage.
    #[serde(default)]
    pub metered: Vec<ExplainedMetered>,
}

/// A window of metered usage.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct UsageLine {
    /// Identifier.
    pub id: UsageId,
    /// The allocation.
    pub allocation_id: AllocationId,
    /// The project.
    pub project_id: ProjectId,
    /// What was used.
    pub sku: String,
    /// From, inclusive.
    pub from: Time,
    /// To, exclusive.
    pub to: Time,
    /// Units: GPUs, or CPU slots.
    pub units: i64,
    /// Price per unit and hour that held in this window.
    pub price_per_hour: Money,
    /// What it cost.
    pub charge: Money,
    /// Whether the hardware is simulated.
    pub simulated: bool,
}
