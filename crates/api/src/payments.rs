//! Payments, refunds and credit on the wire.

use crate::{CardId, CreditId, DisputeId, Money, OrgId, PaymentId, RefundId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Who takes the money of a payment.
    pub enum Provider {
        /// The built-in simulator: no money moves.
        Simulator = "simulator",
        /// Stripe.
        Stripe = "stripe",
    }
}

words! {
    /// Where a payment stands.
    pub enum PaymentState {
        /// Asked for; its page at the processor is being made.
        Created = "created",
        /// It can be paid.
        Pending = "pending",
        /// Paid by a way that takes days to be sure.
        Processing = "processing",
        /// The money is in the balance.
        Paid = "paid",
        /// The processor refused it.
        Failed = "failed",
        /// Taken back before it was paid.
        Cancelled = "cancelled",
        /// Not paid in time.
        Expired = "expired",
    }
}

impl PaymentState {
    /// Returns whether something is still to come of it by itself.
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Created | Self::Pending | Self::Processing)
    }
}

words! {
    /// Where a refund stands.
    pub enum RefundState {
        /// Waits for a second person.
        Requested = "requested",
        /// On its way to the processor.
        Approved = "approved",
        /// The processor works on it.
        Pending = "pending",
        /// The money is back.
        Succeeded = "succeeded",
        /// The processor could not send it; what was booked is taken back.
        Failed = "failed",
        /// A second person said no.
        Declined = "declined",
    }
}

words! {
    /// Whose money a refund is.
    pub enum Borne {
        /// Credit that was not spent: it leaves the organization's balance.
        Balance = "balance",
        /// Usage that was charged: the platform bears it.
        Platform = "platform",
    }
}

words! {
    /// Where a refund goes.
    pub enum RefundWay {
        /// Back to the card.
        Card = "card",
        /// Into the balance.
        Credit = "credit",
    }
}

words! {
    /// Where a dispute stands.
    pub enum DisputeState {
        /// The bank took the money and looks into it.
        Open = "open",
        /// The money came back.
        Won = "won",
        /// The money is gone.
        Lost = "lost",
    }
}

words! {
    /// Why the platform gives credit.
    pub enum CreditKind {
        /// Money that arrived at the bank.
        BankTransfer = "bank_transfer",
        /// Making something good.
        Goodwill = "goodwill",
    }
}

words! {
    /// Where a credit stands.
    pub enum CreditState {
        /// Waits for a second person.
        Requested = "requested",
        /// In the balance.
        Posted = "posted",
        /// A second person said no.
        Declined = "declined",
    }
}

/// `POST /api/v1/billing/payments`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentCreate {
    /// How much to add; in the organization's currency, whole cents.
    pub amount: Money,
    /// The saved card that is charged at once; without one it is paid on a page of the payment service.
    #[serde(default)]
    pub card_id: Option<CardId>,
}

/// A payment.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct PaymentView {
    /// Identifier.
    pub id: PaymentId,
    /// Whose balance it fills.
    pub org_id: OrgId,
    /// Who asked for it.
    pub user_id: UserId,
    /// How much.
    pub amount: Money,
    /// Where it stands.
    pub state: PaymentState,
    /// Whether it is simulated: no money moves.
    pub simulated: bool,
    /// The saved card it is charged to; none where it is paid on a page.
    #[serde(default)]
    pub card_id: Option<CardId>,
    /// Whether it was asked for by automatic top-up.
    #[serde(default)]
    pub auto: bool,
    /// Where it can be paid, while it can.
    pub checkout_url: Option<String>,
    /// Why it failed, in plain words.
    pub fault: Option<String>,
    /// How often a card was declined.
    pub declines: i64,
    /// What was given back of it.
    pub refunded: Money,
    /// What is or was disputed of it.
    pub disputed: Money,
    /// When it was asked for.
    pub created_at: Time,
    /// Until when it can be paid.
    pub expires_at: Time,
    /// When it came to its end.
    pub settled_at: Option<Time>,
}

/// A payment with whose it is, for those who run the platform.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct DeskPayment {
    /// The payment.
    #[serde(flatten)]
    pub payment: PaymentView,
    /// The organization's name.
    pub org: String,
}

/// `POST /api/v1/platform/finance/payments/{payment_id}/refunds`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RefundCreate {
    /// How much.
    pub amount: Money,
    /// Whose money it is.
    pub borne: Borne,
    /// Why: 3 to 300 characters.
    pub reason: String,
}

/// A refund.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RefundView {
    /// Identifier.
    pub id: RefundId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Of which organization.
    pub org_id: OrgId,
    /// How much.
    pub amount: Money,
    /// Whose money it is.
    pub borne: Borne,
    /// Where it goes.
    pub way: RefundWay,
    /// Where it stands.
    pub state: RefundState,
    /// Why.
    pub reason: String,
    /// Who asked for it; nobody here when it began at the processor.
    pub asked_by: Option<UserId>,
    /// Who decided.
    pub decided_by: Option<UserId>,
    /// Why it failed, in plain words.
    pub fault: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
    /// When it came to its end.
    pub ended_at: Option<Time>,
}

/// A dispute.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct DisputeView {
    /// Identifier.
    pub id: DisputeId,
    /// Of which payment.
    pub payment_id: PaymentId,
    /// Of which organization.
    pub org_id: OrgId,
    /// How much.
    pub amount: Money,
    /// What the organization's balance covered of it; the rest is the platform's loss.
    pub taken: Money,
    /// Where it stands.
    pub state: DisputeState,
    /// Since when.
    pub opened_at: Time,
    /// When it was decided.
    pub closed_at: Option<Time>,
}

/// `POST /api/v1/platform/finance/credits`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreditCreate {
    /// To whom.
    pub org_id: OrgId,
    /// How much.
    pub amount: Money,
    /// Why.
    pub kind: CreditKind,
    /// The bank's reference of a transfer, 3 to 100 characters; empty otherwise.
    #[serde(default)]
    pub reference: String,
    /// In plain words: 3 to 300 characters.
    pub reason: String,
    /// After how many days goodwill expires, 1 to 3650; absent for never, and for a transfer.
    #[serde(default)]
    pub expires_days: Option<i64>,
}

/// Credit the platform gave, or means to.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct CreditView {
    /// Identifier.
    pub id: CreditId,
    /// To whom.
    pub org_id: OrgId,
    /// The organization's name.
    pub org: String,
    /// How much.
    pub amount: Money,
    /// Why.
    pub kind: CreditKind,
    /// The bank's reference of a transfer.
    pub reference: String,
    /// In plain words.
    pub reason: String,
    /// After how many days from the decision it expires; absent for never.
    pub expires_days: Option<i64>,
    /// Where it stands.
    pub state: CreditState,
    /// Who asked for it.
    pub asked_by: UserId,
    /// Who decided.
    pub decided_by: Option<UserId>,
    /// When it was asked for.
    pub created_at: Time,
}

/// `GET /api/v1/platform/finance/approvals`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Approvals {
    /// Refunds that wait for a second person, or could not be sent for a day.
    pub refunds: Vec<RefundView>,
    /// Credit that waits for a second person.
    pub credits: Vec<CreditView>,
}

/// Yes or no of a second person.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    /// Yes.
    pub approve: bool,
}
