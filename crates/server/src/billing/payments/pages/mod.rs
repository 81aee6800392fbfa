//! The pages of payments: adding funds, a payment, the list of them, the simulator's page.

mod add;
mod list;
mod payment;
mod simulator;

pub use add::AddFundsView;
pub use list::PaymentsView;
pub use payment::PaymentPageView;
pub use simulator::SimulatorView;

use api::{
    Currency, Micros, Money, OrgId, PaymentId, Time, UserId,
    payments::{PaymentState, PaymentView},
};
use kernel::{
    html::{Markup, badge},
    http::Route,
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = add::routes();
    routes.extend(list::routes());
    routes.extend(payment::routes());
    routes.extend(simulator::routes());
    routes
}

/// Returns a payment of the samples.
fn sample(state: PaymentState) -> PaymentView {
    let nil = uuid::Uuid::nil();
    let eur = |micros| Money::new(Micros(micros), Currency::EUR);
    let at = Time(1_795_000_000_000_000);
    PaymentView {
        card_id: None,
        auto: false,
        id: PaymentId(nil),
        org_id: OrgId(nil),
        user_id: UserId(nil),
        amount: eur(50_000_000),
        state,
        simulated: true,
        checkout_url: (state == PaymentState::Pending)
            .then(|| "http://127.0.0.1:8080/pay/simulated/pay_1".to_owned()),
        fault: (state == PaymentState::Failed)
            .then(|| "The payment service did not answer. Nothing was charged.".to_owned()),
        declines: 0,
        refunded: eur(0),
        disputed: eur(0),
        created_at: at,
        expires_at: Time(at.0 + 3_600_000_000),
        settled_at: (!state.is_open()).then_some(Time(at.0 + 60_000_000)),
    }
}

/// Draws where a payment stands.
pub fn state_badge(payment: &PaymentView) -> Markup {
    let part = payment.refunded.micros > Micros::ZERO;
    match payment.state {
        PaymentState::Created => badge("info", "being prepared"),
        PaymentState::Pending => badge("warn", "waits to be paid"),
        PaymentState::Processing => badge("info", "on its way"),
        PaymentState::Paid if payment.disputed.micros > Micros::ZERO => badge("bad", "disputed"),
        PaymentState::Paid if part && payment.refunded == payment.amount => badge("", "refunded"),
        PaymentState::Paid if part => badge("", "partly refunded"),
        PaymentState::Paid => badge("good", "paid"),
        PaymentState::Failed => badge("bad", "failed"),
        PaymentState::Cancelled => badge("", "cancelled"),
        PaymentState::Expired => badge("", "not paid in time"),
    }
}
