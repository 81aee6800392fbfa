//! What a processor says, in our words.

use super::processor::Kept;
use api::{
    Currency, Micros, PaymentId, RefundId, Time,
    payments::{DisputeState, RefundState},
};
use serde::{Deserialize, Serialize};

/// Something a processor says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its name at the processor; told once.
    pub id: String,
    /// When it says it happened.
    pub made_at: Time,
    /// What it is about.
    pub about: About,
}

/// What an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum About {
    /// A page on which something can be paid.
    Checkout(Checkout),
    /// Money given back.
    Refund(Refunded),
    /// Money a bank took back.
    Dispute(Dispute),
    /// Something about a saved card.
    Card(CardWord),
    /// Something we do not act on, by its name.
    Other(String),
    /// Something we act on, and cannot read.
    Odd(Odd),
}

/// Something that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Odd {
    /// Its name.
    pub kind: String,
    /// Why not.
    pub why: String,
    /// The payment at the processor it is about.
    pub intent: Option<String>,
    /// Our payment it is about.
    pub payment: Option<PaymentId>,
}

impl About {
    /// Returns its kind in one word.
    pub fn kind(&self) -> &str {
        match self {
            Self::Checkout(_) => "checkout",
            Self::Refund(_) => "refund",
            Self::Dispute(_) => "dispute",
            Self::Card(_) => "card",
            Self::Other(name) => name,
            Self::Odd(odd) => &odd.kind,
        }
    }

    /// Returns the name of the processor's object.
    pub fn object(&self) -> &str {
        match self {
            Self::Checkout(checkout) => &checkout.session,
            Self::Refund(refund) => &refund.id,
            Self::Dispute(dispute) => &dispute.id,
            Self::Card(CardWord::Entered { session }) => session,
            Self::Card(CardWord::Gone { method }) => method,
            Self::Card(CardWord::Changed(kept)) => &kept.method,
            Self::Other(_) | Self::Odd(_) => "",
        }
    }

    /// Returns the payment at the processor it is about.
    pub fn intent(&self) -> Option<&str> {
        match self {
            Self::Checkout(checkout) => checkout.outcome.intent(),
            Self::Refund(refund) => Some(&refund.intent),
            Self::Dispute(dispute) => Some(&dispute.intent),
            Self::Card(_) | Self::Other(_) => None,
            Self::Odd(odd) => odd.intent.as_deref(),
        }
    }
}

/// Something about a saved card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum CardWord {
    /// The page on which it is entered is done with, one way or the other.
    Entered {
        /// The page's name at the processor.
        session: String,
    },
    /// The processor forgot it.
    Gone {
        /// Its name at the processor.
        method: String,
    },
    /// Its bank renewed it.
    Changed(Kept),
}

/// A page on which something can be paid, or a charge of a saved card.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checkout {
    /// Its name at the processor.
    pub session: String,
    /// The payment it was made for, as we said when it was made.
    pub payment: Option<PaymentId>,
    /// How much it asks for.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Outcome {
    /// Nothing yet.
    Open,
    /// The money is sure.
    Paid {
        /// The payment's name at the processor.
        intent: String,
    },
    /// Paid by a way that takes days to be sure.
    Processing,
    /// That way brought nothing.
    Failed,
    /// Not paid in time, or cancelled.
    Expired,
}

impl Outcome {
    fn intent(&self) -> Option<&str> {
        match self {
            Self::Paid { intent } => Some(intent),
            _ => None,
        }
    }
}

/// Money given back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// Its name at the processor.
    pub id: String,
    /// Of which payment, by its name at the processor.
    pub intent: String,
    /// How much.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// Our refund, when it began here.
    pub ours: Option<RefundId>,
    /// Where it stands.
    pub state: RefundedState,
}

/// Where money stands that is given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefundedState {
    /// On its way.
    Pending,
    /// There.
    Succeeded,
    /// It could not be sent.
    Failed,
}

/// Money a bank took back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispute {
    /// Its name at the processor.
    pub id: String,
    /// Of which payment, by its name at the processor.
    pub intent: String,
    /// How much.
    pub amount: Micros,
    /// In what.
    pub currency: Currency,
    /// Where it stands.
    pub state: DisputeState,
}

impl From<RefundedState> for RefundState {
    fn from(state: RefundedState) -> Self {
        match state {
            RefundedState::Pending => Self::Pending,
            RefundedState::Succeeded => Self::Succeeded,
            RefundedState::Failed => Self::Failed,
        }
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// Something changed.
    Applied,
    /// It was known already.
    Before,
    /// It waits for its payment.
    Parked,
    /// It is not about anything of ours.
    Ignored,
    /// It says something that cannot be: nothing changed, and somebody has to look.
    Refused,
}

impl Taken {
    /// Returns its word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Before => "before",
            Self::Parked => "parked",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
        }
    }
}
