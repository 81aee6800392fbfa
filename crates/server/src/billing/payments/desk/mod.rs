//! The finance desk: refunds and credit, by the platform's people; above a limit it takes two of them.

mod credit;
mod http;
mod pages;
mod refund;
mod store;

pub(super) use http::names;
pub use http::routes;
pub use pages::{ApprovalsView, CreditsView, DeskPaymentView, FinanceView, desk_tabs};
pub use store::is_member;

use super::processor::Processors;
use crate::{
    billing::Settings,
    identity::{User, factors},
    tenancy::{OperatorAction, operator_action},
};
use api::{
    Code, Currency, Micros, Money, OrgId, UserId,
    operations::{Attention, AttentionKind},
};
use kernel::{App, Error, Result, db::Reader};
use std::time::Duration;

operator_action!(
    /// Looks at payments of all tenants.
    Read = "finance.read", step_up = false
);
operator_action!(
    /// Asks for a refund.
    AskRefund = "refund.create", step_up = true
);
operator_action!(
    /// Decides on somebody else's refund.
    DecideRefund = "refund.decide", step_up = true
);
operator_action!(
    /// Gives credit, or asks for it.
    GiveCredit = "credit.create", step_up = true
);
operator_action!(
    /// Decides on somebody else's credit.
    DecideCredit = "credit.decide", step_up = true
);

/// Checks words somebody wrote.
pub(in crate::billing) fn words(
    field: &'static str,
    text: &str,
    (least, most): (usize, usize),
) -> Result<String> {
    let wrong = || Error::field(field, format!("Write {least} to {most} plain characters."));
    let plain = kernel::names::name(text, most);
    plain.filter(|text| text.chars().count() >= least).ok_or_else(wrong)
}

/// Checks an amount the desk was told.
fn amount(asked: Money, currency: Currency) -> Result<Micros> {
    let wrong = |words: String| Err(Error::field("amount", words));
    if asked.currency != currency {
        return wrong(format!("It is counted in {currency} here."));
    }
    // What no balance may come near (settings bound a payment the same way).
    if asked.micros <= Micros::ZERO || asked.micros > Micros(1_000_000_000_000) {
        return wrong("Enter an amount above zero, and at most a million.".to_owned());
    }
    match super::minor::of(asked.micros, currency) {
        Some(_) => Ok(asked.micros),
        None => wrong("Enter an amount in whole cents.".to_owned()),
    }
}

/// Refuses a second person who is the first; they may take back what they asked for.
fn second(by: &User, asked: Option<UserId>, yes: bool) -> Result<()> {
    factors::break_glass::people_only(by)?;
    if yes && asked == Some(by.id) {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("Whoever asked for it does not decide on it. A second person must."));
    }
    Ok(())
}

/// Over how long what one person moves alone is counted together.
const ALONE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Returns whether an amount takes two people: with what the same person moved alone for the organization in a month,
/// and in production always for an organization they belong to.
async fn takes_two(
    settings: &Settings,
    tx: &mut Reader,
    (org, by): (OrgId, UserId),
    amount: Micros,
) -> Result<bool> {
    // Nobody moves money of their own organization alone where others pay.
    if settings.production && store::is_member(tx, org, by).await? {
        return Ok(true);
    }
    let since = tx.now().minus(ALONE);
    let before = store::alone(tx, org, by, since).await?;
    Ok(before.plus(amount).is_none_or(|sum| sum > settings.two_people()))
}

/// Returns what of payments needs a person.
///
/// # Errors
/// What the database says.
pub async fn attention(app: &App, tx: &mut Reader) -> Result<Vec<Attention>> {
    let main = app.get::<Processors>().main();
    let mode = main.map(|one| (one.provider(), one.simulated()));
    let mut found = super::reconcile::attention(tx, mode).await?;
    for refund in store::stuck(tx).await? {
        found.push(Attention {
            kind: AttentionKind::PaymentCase,
            what: format!("The refund {} could not be sent within a day", refund.id),
            next: "Look at the payment at the processor. Is it not refunded there, decline it here: what was booked is taken back.".into(),
            page: "/platform/finance/approvals".into(),
            since: refund.decided_at,
        });
    }
    let waiting = store::waiting(tx).await?;
    if waiting > 0 {
        found.push(Attention {
            kind: AttentionKind::MoneyWaiting,
            what: format!("{waiting} refunds or credits wait for a second person"),
            next: "Somebody other than who asked approves or declines them.".into(),
            page: "/platform/finance/approvals".into(),
            since: None,
        });
    }
    Ok(found)
}
