//! Saved cards and automatic top-up on the wire.

use crate::{CardId, Money, OrgId, PaymentId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Where a saved card stands.
    pub enum CardState {
        /// Asked for; the page where it is entered is being made.
        Created = "created",
        /// It can be entered.
        Pending = "pending",
        /// It can be charged.
        Saved = "saved",
        /// It is not charged any more, and the payment service is told.
        Removing = "removing",
        /// The payment service forgot it.
        Removed = "removed",
        /// It was not entered.
        Failed = "failed",
    }
}

/// A card that the payment service keeps.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Card {
    /// Identifier.
    pub id: CardId,
    /// Whose.
    pub org_id: OrgId,
    /// Who entered it.
    pub user_id: UserId,
    /// Where it stands.
    pub state: CardState,
    /// Whether no money moves.
    pub simulated: bool,
    /// `visa`; empty until it is saved.
    pub brand: String,
    /// The last four digits; empty until it is saved.
    pub last4: String,
    /// The month it expires in; 0 until it is saved.
    pub exp_month: i64,
    /// And the year.
    pub exp_year: i64,
    /// Where it can be entered, for those who may pay.
    pub page_url: Option<String>,
    /// Why it was not saved.
    pub fault: Option<String>,
    /// When it was asked for.
    pub created_at: Time,
}

words! {
    /// Whether funds are added by themselves.
    pub enum AutoState {
        /// Yes.
        On = "on",
        /// Not until somebody looks: a charge failed, or the card is gone.
        Paused = "paused",
        /// No.
        Off = "off",
    }
}

/// `POST /api/v1/billing/auto-top-up`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AutoTopUpSet {
    /// The card that is charged.
    pub card_id: CardId,
    /// When less than this can be spent.
    pub below: Money,
    /// How much is added at once.
    pub amount: Money,
    /// At most so much in a calendar month (UTC).
    pub month_limit: Money,
}

/// How an organization adds funds by itself.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct AutoTopUp {
    /// The card that is charged.
    pub card_id: CardId,
    /// Whether it is done.
    pub state: AutoState,
    /// When less than this can be spent.
    pub below: Money,
    /// How much is added at once.
    pub amount: Money,
    /// At most so much in a calendar month (UTC).
    pub month_limit: Money,
    /// What was added by itself this month, or is on its way.
    pub this_month: Money,
    /// Why it is paused.
    pub why: Option<String>,
    /// The payment that is on its way.
    pub payment_id: Option<PaymentId>,
    /// Who set it.
    pub set_by: UserId,
    /// When.
    pub set_at: Time,
}

/// `GET /api/v1/billing/cards`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Cards {
    /// Cards, the newest first; removed ones are not there.
    pub items: Vec<Card>,
    /// How funds are added by themselves; nothing where that was never set.
    pub auto_top_up: Option<AutoTopUp>,
}

/// `POST /api/v1/billing/portal`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Portal {
    /// The payment service's own page for this organization; it can be opened for some minutes.
    pub url: String,
}
