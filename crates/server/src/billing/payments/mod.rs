//! Payments: money that comes in through a processor, and goes back.
//!
//! Promises: a payment is an intent first, so a crash leaves nothing that nobody knows; a processor's word counts
//! once, whatever its order and however often it comes, and only when account, mode, order, amount and currency
//! are the ones asked for; a word that is lost is asked for; what comes before its payment waits for it; money
//! that is sent back leaves the balance before the processor is asked.
//!
//! Words: an *intent* is the processor's name of a payment that was paid; an *event* is what it says.

mod back;
mod cards;
mod create;
mod desk;
mod event;
mod http;
mod minor;
mod pages;
mod processor;
mod reconcile;
mod rows;
mod settle;
mod simulator;
mod store;
mod stripe;
mod stripe_cards;
mod stripe_events;
mod stripe_sign;
mod sweep;

pub use back::collect;
pub use cards::{
    AUTO_WRITER, CardView, CardsView, SimulatedCardView, WRITER as CARDS_WRITER, auto_sweep,
    cards_sweep,
};
pub(super) use desk::words;
pub use desk::{
    ApprovalsView, CreditsView, DeskPaymentView, FinanceView, Read as ReadFinance,
    attention as payment_attention, desk_tabs, is_member,
};
pub use event::{About, Checkout, Dispute, Event, Odd, Outcome, Refunded, RefundedState, Taken};
pub use http::routes;
pub use pages::{AddFundsView, PaymentPageView, PaymentsView, SimulatorView};
pub use processor::{Processors, of as processors};
pub use reconcile::{
    CaseDeskView, ReconciliationView, WRITER as RECONCILIATION_WRITER,
    sweep as reconciliation_sweep,
};
pub use settle::{WRITER as EVENTS_WRITER, take};
pub use simulator::WRITER as SIMULATOR_WRITER;
pub use stripe_sign::sign as sign_as_stripe;
pub use sweep::{EVENTS, PAYMENTS, WRITER, sweeps};
