//! The ledger: accounts, postings, holds, usage windows and rating. Every amount on every screen is
//! read from here.
//!
//! Promises (reliability.md, M1–M12): each posting is a transfer, so it sums to zero by shape;
//! entries are never changed; one business fact is one transaction; a customer's money never goes
//! below zero; work runs only inside an open hold; a window of usage is charged once, and only for
//! time between confirmed ready and the release request.
//!
//! Words: *available* can be spent; *held* is reserved for running work; a *meter* is the clock of
//! one allocation; a *window* is a closed piece of it. Amounts are integers of a millionth of the
//! currency's unit. Payments and what goes back are in [`payments`].

mod auditor;
mod balance;
mod budgets;
mod debts;
mod entry;
mod explain;
mod grants;
mod holds;
mod http;
mod journal;
mod ladder;
mod lots;
mod meter;
mod metering;
mod model;
mod monthly;
mod pages;
mod payments;
mod post;
pub mod price_books;
pub mod rating;
mod settings;
mod spend;
mod store;

pub use auditor::{Audited, Finding, audit, run as run_auditor, sound, sweep};
pub use balance::{balance, chrome, runway};
pub use budgets::{
    BudgetFact, BudgetsView, UsedUp, WRITER as BUDGETS_WRITER, reach as budgets,
    sweep as budget_sweep, used_up,
};
pub use entry::EntryView;
pub use grants::{Given, grant, welcome};
pub use holds::{
    Extended, Hold, HoldAsk, Reserve, WRITER as HOLDS_WRITER, close, due_to_stop, extend_all, open,
};
pub use http::routes;
pub use journal::BooksView;
pub use ladder::{WRITER as LADDER_WRITER, sweep as ladder_sweep};
pub use lots::{WRITER as LOTS_WRITER, sweep as lots_sweep};
pub use meter::{
    EndedBy, Meter, MeterStart, WRITER as METERS_WRITER, charged, start, stop, tick_all,
};
pub use metering::{
    FromMeter, MeteringView, SourceMadeView, WRITER as METERING_WRITER, sweep as metering_sweep,
    take as take_usage, usage_prices,
};
pub use model::AccountKind;
pub use monthly::{
    StatementView, StatementsView, WRITER as STATEMENTS_WRITER, sweep as statements_sweep,
};
pub use pages::BillingView;
pub use payments::{
    AUTO_WRITER, About, AddFundsView, ApprovalsView, CARDS_WRITER, CardView, CardsView,
    CaseDeskView, Checkout, CreditsView, DeskPaymentView, Dispute, EVENTS as PAYMENT_EVENTS,
    EVENTS_WRITER, Event, FinanceView, Odd, Outcome, PAYMENTS, PaymentPageView, PaymentsView,
    Processors, RECONCILIATION_WRITER, ReconciliationView, Refunded, RefundedState,
    SIMULATOR_WRITER, SimulatedCardView, SimulatorView, Taken, WRITER as PAYMENTS_WRITER,
    auto_sweep, cards_sweep, desk_tabs, payment_attention, processors, reconciliation_sweep,
    sign_as_stripe, sweeps as payment_sweeps, take as take_event,
};
pub use post::{Fact, Posted, Transfer, open_accounts, post};
pub use settings::Settings;
pub use spend::{CostsView, WRITER as UNUSUAL_WRITER, sweep as unusual_sweep};

use kernel::html::{NavFor, NavItem};

/// Entries of the side bar.
pub fn nav() -> Vec<NavItem> {
    vec![
        NavItem {
            group: "Account",
            label: "Billing",
            href: "/account/billing",
            icon: "wallet",
            who: NavFor::Everyone,
        },
        NavItem {
            group: "Platform",
            label: "Finance",
            href: "/platform/finance",
            icon: "receipt",
            who: NavFor::Platform("finance.read"),
        },
    ]
}
