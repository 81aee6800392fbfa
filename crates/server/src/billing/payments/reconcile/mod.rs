//! Reconciliation: the processor's own account is read, each object in it compared with the books, and where they
//! differ a case stands open until it comes right by itself or a person closes it.
//!
//! Words: a *movement* is a line of the processor's account; an *object* is what lines are about: a payment, a
//! refund, a dispute; a *case* is an object of which both sides say another sum, or a word that could not be.

mod cases;
mod http;
mod judge;
mod pages;
mod read;
mod rows;
pub(super) mod simulated;
mod store;
mod stripe;

pub use cases::{attention, refused};
pub use http::routes;
pub use pages::{CaseDeskView, ReconciliationView};
pub use read::{WRITER, sweep};

use crate::tenancy::{OperatorAction, operator_action};
use api::{Currency, Micros, PaymentId, Time, words};

operator_action!(
    /// Closes a case.
    CloseCase = "payment_case.close", step_up = true
);

words! {
    /// What a movement is about.
    pub enum MovementKind {
        /// A payment.
        Charge = "charge",
        /// Money given back, or a refund that failed.
        Refund = "refund",
        /// Money a bank took back, or gave again.
        Dispute = "dispute",
        /// What the processor keeps.
        Fee = "fee",
        /// What it sends to the bank.
        Payout = "payout",
        /// Anything else.
        Other = "other",
        /// A movement that cannot be read.
        Unread = "unread",
    }
}

/// A line of a processor's account, in our words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// Its name there.
    pub id: String,
    /// When.
    pub at: Time,
    /// What about.
    pub kind: MovementKind,
    /// The processor's object; for a payment the name it was paid under.
    pub object: String,
    /// The payment at the processor it belongs to.
    pub intent: Option<String>,
    /// Our payment, where the processor knows it.
    pub payment: Option<PaymentId>,
    /// How much the object moved; what leaves is below zero.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// How much the account moved, before the fee.
    pub settled: Micros,
    /// What was kept of it.
    pub fee: Micros,
    /// In what the account is kept.
    pub settled_currency: Currency,
}
