//! Rows of payments and of what goes back.

use api::{
    CardId, Currency, DisputeId, Micros, OrgId, PaymentEventId, PaymentId, RefundId, Time, TxnId,
    UserId,
    payments::{Borne, DisputeState, PaymentState, Provider, RefundState, RefundWay},
};
use kernel::row;

row! {
    /// A payment.
    pub struct Payment in "payments" {
        /// Identifier.
        pub id: PaymentId,
        /// Whose balance it fills.
        pub org_id: OrgId,
        /// Who asked for it.
        pub user_id: UserId,
        /// Who takes the money.
        pub provider: Provider,
        /// How much.
        pub amount: Micros,
        /// In what.
        pub currency: Currency,
        /// Whether no money moves: the simulator, or a processor's test mode.
        pub simulated: bool,
        /// Where it stands.
        pub state: PaymentState,
        /// Its page at the processor.
        pub session_ref: Option<String>,
        /// Where that page is.
        pub checkout_url: Option<String>,
        /// The paid payment's name at the processor.
        pub intent_ref: Option<String>,
        /// Why it failed.
        pub fault: Option<String>,
        /// How often a card was declined.
        pub declines: i64,
        /// What was given back, or is on its way back.
        pub refunded: Micros,
        /// What banks took back.
        pub disputed: Micros,
        /// When its owner took it back.
        pub cancel_at: Option<Time>,
        /// When it was asked for.
        pub created_at: Time,
        /// Until when it can be paid.
        pub expires_at: Time,
        /// When it came to its end.
        pub settled_at: Option<Time>,
        /// When the processor is asked next.
        pub due_at: Time,
        /// How often it was asked.
        pub attempts: i64,
        /// Names everything the request caused.
        pub correlation_id: String,
        /// The saved card it is charged to; none where it is paid on a page.
        pub card_id: Option<CardId>,
        /// Whether automatic top-up asked for it.
        pub auto: bool,
    }
}

row! {
    /// What a processor said.
    pub struct EventRow in "payment_events" {
        /// Identifier.
        pub id: PaymentEventId,
        /// Which processor.
        pub provider: Provider,
        /// Its name there.
        pub event_ref: String,
        /// `checkout`
        pub kind: String,
        /// The processor's object.
        pub object_ref: String,
        /// The payment at the processor.
        pub intent_ref: Option<String>,
        /// What it says, in our words.
        pub body: String,
        /// When it says it happened.
        pub made_at: Time,
        /// When it came.
        pub received_at: Time,
        /// What became of it.
        pub outcome: String,
        /// Why, in plain words.
        pub note: String,
        /// Whose.
        pub org_id: Option<OrgId>,
        /// About which payment.
        pub payment_id: Option<PaymentId>,
    }
}

row! {
    /// A refund.
    pub struct Refund in "refunds" {
        /// Identifier.
        pub id: RefundId,
        /// Of which organization.
        pub org_id: OrgId,
        /// Of which payment.
        pub payment_id: PaymentId,
        /// How much.
        pub amount: Micros,
        /// Whose money it is.
        pub borne: Borne,
        /// Where it goes.
        pub way: RefundWay,
        /// Where it stands.
        pub state: RefundState,
        /// Why.
        pub reason: String,
        /// Its name at the processor.
        pub refund_ref: Option<String>,
        /// What the balance covered.
        pub taken: Micros,
        /// Its transaction.
        pub txn_id: Option<TxnId>,
        /// Who asked for it.
        pub asked_by: Option<UserId>,
        /// Who decided.
        pub decided_by: Option<UserId>,
        /// When it was asked for.
        pub created_at: Time,
        /// When it was decided.
        pub decided_at: Option<Time>,
        /// When it came to its end.
        pub ended_at: Option<Time>,
        /// When the processor is asked next.
        pub due_at: Time,
        /// How often it was asked.
        pub attempts: i64,
        /// Why it failed.
        pub fault: Option<String>,
    }
}

row! {
    /// A dispute.
    pub struct DisputeRow in "disputes" {
        /// Identifier.
        pub id: DisputeId,
        /// Of which organization.
        pub org_id: OrgId,
        /// Of which payment.
        pub payment_id: PaymentId,
        /// Its name at the processor.
        pub dispute_ref: String,
        /// How much.
        pub amount: Micros,
        /// What the balance covered.
        pub taken: Micros,
        /// Where it stands.
        pub state: DisputeState,
        /// Its transaction.
        pub txn_id: Option<TxnId>,
        /// Since when.
        pub opened_at: Time,
        /// When it was decided.
        pub closed_at: Option<Time>,
    }
}
