//! The finance desk: refunds and credit, by the platform's people; above a limit it takes two of them.

mod credit;
mod http;
mod pages;
mod refund;
mod store;

pub use http::routes;
pub use pages::{ApprovalsView, CreditsView, DeskPaymentView, FinanceView, desk_tabs};
pub use store::is_member;

use super::store::EventRow;
use crate::{
    billing::Settings,
    identity::{User, factors},
    tenancy::OperatorAction,
};
use api::{
    Code, Currency, Micros, Money, OrgId, Time, UserId,
    operations::{Attention, AttentionKind},
};
use kernel::{Error, Result, db::Reader};
use std::time::Duration;

macro_rules! desk_action {
    ($(#[$meta:meta])* $name:ident = $word:literal, $step:literal) => {
        $(#[$meta])*
        pub struct $name;
        impl OperatorAction for $name {
            const NAME: &'static str = $word;
            const STEP_UP: bool = $step;
        }
    };
}

desk_action!(
    /// Looks at payments of all tenants.
    Read = "finance.read", false
);
desk_action!(
    /// Asks for a refund.
    AskRefund = "refund.create", true
);
desk_action!(
    /// Decides on somebody else's refund.
    DecideRefund = "refund.decide", true
);
desk_action!(
    /// Gives credit, or asks for it.
    GiveCredit = "credit.create", true
);
desk_action!(
    /// Decides on somebody else's credit.
    DecideCredit = "credit.decide", true
);

/// Checks words somebody wrote.
fn words(field: &'static str, text: &str, (least, most): (usize, usize)) -> Result<String> {
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

/// For how long a word that could not be is shown.
const SHOWN: Duration = Duration::from_secs(90 * 24 * 3600);

/// Returns what of payments needs a person.
///
/// # Errors
/// What the database says.
pub async fn attention(tx: &mut Reader) -> Result<Vec<Attention>> {
    let since = tx.now().minus(SHOWN);
    let mut found: Vec<Attention> =
        super::store::refused(tx, since, 50).await?.iter().map(refused).collect();
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

fn refused(row: &EventRow) -> Attention {
    let at: Time = row.received_at;
    Attention {
        kind: AttentionKind::PaymentCase,
        what: format!("The payment service told of {}: {}", row.kind, row.note),
        next: "Nothing was booked. Compare the payment here with the one at the processor.".into(),
        page: row.payment_id.map_or_else(
            || "/platform/finance".to_owned(),
            |id| format!("/platform/finance/payments/{id}"),
        ),
        since: Some(at),
    }
}
