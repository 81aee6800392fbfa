//! Rows of reconciliation.

use super::MovementKind;
use api::{
    CaseId, Currency, Micros, MovementId, OrgId, PaymentId, Time, UserId, payments::Provider,
    reconciliation::CaseKind,
};
use kernel::row;

row! {
    /// A line of a processor's account.
    pub struct Movement in "processor_movements" {
        /// Identifier.
        pub id: MovementId,
        /// Whose account.
        pub provider: Provider,
        /// Its name there.
        pub movement_ref: String,
        /// What about.
        pub kind: MovementKind,
        /// The processor's object.
        pub object_ref: String,
        /// The payment at the processor it belongs to.
        pub intent_ref: Option<String>,
        /// How much the object moved.
        pub amount: Micros,
        /// In what.
        pub currency: Currency,
        /// How much the account moved, before the fee.
        pub settled: Micros,
        /// What was kept of it.
        pub fee: Micros,
        /// In what the account is kept.
        pub settled_currency: Currency,
        /// Whether no money moves.
        pub simulated: bool,
        /// Whose payment it is.
        pub org_id: Option<OrgId>,
        /// Which.
        pub payment_id: Option<PaymentId>,
        /// When.
        pub at: Time,
        /// When it was read.
        pub received_at: Time,
    }
}

row! {
    /// How far a processor's account was read and compared.
    pub struct Mark in "reconciliations" {
        /// Whose account.
        pub provider: Provider,
        /// Whether no money moves there.
        pub simulated: bool,
        /// From when on it is read.
        pub first_at: Time,
        /// Until when it was read.
        pub read_until: Time,
        /// Until when it was compared.
        pub compared_until: Time,
        /// When it was last asked.
        pub ran_at: Time,
        /// Why it could not be read the last time.
        pub fault: Option<String>,
        /// Since when it cannot be.
        pub failed_since: Option<Time>,
    }
}

row! {
    /// A case.
    pub struct Case in "payment_cases" {
        /// Identifier.
        pub id: CaseId,
        /// What it is about.
        pub kind: CaseKind,
        /// At which processor.
        pub provider: Provider,
        /// Whether no money moves there.
        pub simulated: bool,
        /// The processor's name of it.
        pub object_ref: String,
        /// Whose.
        pub org_id: Option<OrgId>,
        /// Which payment.
        pub payment_id: Option<PaymentId>,
        /// In what; none where it is not about an amount.
        pub currency: Option<Currency>,
        /// What the processor shows.
        pub theirs: Micros,
        /// What the books show.
        pub ours: Micros,
        /// Whether it moved in another currency than the books'.
        pub odd: bool,
        /// What is wrong.
        pub note: String,
        /// Since when.
        pub opened_at: Time,
        /// When its sums last changed.
        pub changed_at: Time,
        /// When it was closed.
        pub closed_at: Option<Time>,
        /// Who closed it.
        pub closed_by: Option<UserId>,
        /// Why.
        pub reason: String,
    }
}
