//! The pages of the finance desk.

mod approvals;
mod credits;
mod overview;
mod payment;

pub use approvals::ApprovalsView;
pub use credits::CreditsView;
pub use overview::FinanceView;
pub use payment::DeskPaymentView;

use api::{
    CreditId, Currency, Micros, Money, OrgId, PaymentId, RefundId, Time, UserId,
    payments::{
        Borne, CreditKind, CreditState, CreditView, DeskPayment, PaymentState, PaymentView,
        RefundState, RefundView, RefundWay,
    },
};
use kernel::{
    html::{FormCtx, Markup, badge, html, tabs},
    http::Route,
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = overview::routes();
    routes.extend(payment::routes());
    routes.extend(credits::routes());
    routes.extend(approvals::routes());
    routes
}

/// Draws the tabs of the finance desk.
pub fn desk_tabs(current: &str) -> Markup {
    tabs(
        current,
        &[
            ("payments", "Payments", "/platform/finance"),
            ("credits", "Credit", "/platform/finance/credits"),
            ("books", "Books", "/platform/finance/books"),
            ("metering", "Metering", "/platform/finance/metering"),
            ("prices", "Prices", "/platform/finance/prices"),
            ("reconciliation", "Reconciliation", "/platform/finance/reconciliation"),
            ("approvals", "Approvals", "/platform/finance/approvals"),
        ],
    )
}

fn eur(units: i64) -> Money {
    Money::new(Micros(units * 1_000_000), Currency::EUR)
}

fn sample_form() -> FormCtx {
    FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) }
}

fn sample_payment(state: PaymentState) -> DeskPayment {
    let nil = uuid::Uuid::nil();
    let at = Time(1_795_000_000_000_000);
    DeskPayment {
        payment: PaymentView {
            card_id: None,
            auto: false,
            id: PaymentId(nil),
            org_id: OrgId(nil),
            user_id: UserId(nil),
            amount: eur(50),
            state,
            simulated: state == PaymentState::Pending,
            checkout_url: None,
            fault: (state == PaymentState::Failed)
                .then(|| "The bank did not send the money.".into()),
            declines: 0,
            refunded: eur(if state == PaymentState::Paid { 20 } else { 0 }),
            disputed: eur(0),
            created_at: at,
            expires_at: at,
            settled_at: Some(at),
        },
        org: "An organization with the longest name that fits on a page".into(),
    }
}

fn sample_refund(state: RefundState) -> RefundView {
    let nil = uuid::Uuid::nil();
    RefundView {
        id: RefundId(nil),
        payment_id: PaymentId(nil),
        org_id: OrgId(nil),
        amount: eur(20),
        borne: Borne::Platform,
        way: RefundWay::Card,
        state,
        reason: "A node failed twice during a training run".into(),
        asked_by: Some(UserId(nil)),
        decided_by: None,
        fault: (state == RefundState::Failed).then(|| "The bank did not take it.".into()),
        created_at: Time(1_795_000_000_000_000),
        ended_at: None,
    }
}

fn sample_credit(state: CreditState) -> CreditView {
    let nil = uuid::Uuid::nil();
    CreditView {
        id: CreditId(nil),
        org_id: OrgId(nil),
        org: "Analytical Engines".into(),
        amount: eur(500),
        kind: CreditKind::BankTransfer,
        reference: "RF18 5390 0754 7034".into(),
        reason: "Transfer of 12 November".into(),
        expires_days: Some(90),
        state,
        asked_by: UserId(nil),
        decided_by: None,
        created_at: Time(1_795_000_000_000_000),
    }
}

/// Draws where a refund stands.
fn refund_badge(state: RefundState) -> Markup {
    match state {
        RefundState::Requested => badge("warn", "waits for a second person"),
        RefundState::Approved => badge("info", "being sent"),
        RefundState::Pending => badge("info", "on its way"),
        RefundState::Succeeded => badge("good", "refunded"),
        RefundState::Failed => badge("bad", "failed"),
        RefundState::Declined => badge("", "declined"),
    }
}

/// Draws where a credit stands.
fn credit_badge(state: CreditState) -> Markup {
    match state {
        CreditState::Requested => badge("warn", "waits for a second person"),
        CreditState::Posted => badge("good", "in the balance"),
        CreditState::Declined => badge("", "declined"),
    }
}

/// Says whose money a refund is and where it goes.
fn refund_words(refund: &RefundView) -> Markup {
    let from = match refund.borne {
        Borne::Balance => "from the balance",
        Borne::Platform => "borne by the platform",
    };
    let to = match refund.way {
        RefundWay::Card => "to the card",
        RefundWay::Credit => "as credit",
    };
    html! { (from) ", " (to) }
}
