//! Lots of given credit. They are used before paid money: the one that expires first before the others, then the
//! older. What a hold took from a lot goes back to it; what is left when a lot expires goes back to the platform.

use super::{
    model::AccountKind,
    post::{Fact, Transfer, post},
    store::{self, Grant, HoldCredit},
};
use crate::tenancy;
use api::{Currency, GrantId, HoldId, Micros, Money, OrgId, billing::TxnKind};
use kernel::{
    App, Result,
    audit::System,
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Ends lots that expired, and tells before.
pub const WRITER: System =
    System { name: "billing.lots", unaudited: Some("each expiry is a ledger transaction") };

/// How long before the end people are told.
const NOTICE: Duration = Duration::from_secs(7 * 24 * 3600);

/// Returns what an organization can spend: what was paid in, and given credit that did not expire.
///
/// # Errors
/// What the database says.
pub async fn spendable(tx: &mut Reader, org: OrgId) -> Result<Micros> {
    let paid = store::balance_of(tx, org, AccountKind::Available).await?;
    let given = given(tx, org).await?;
    Ok(Micros(paid.0.saturating_add(given.0)))
}

/// Returns the given credit an organization can spend.
///
/// # Errors
/// What the database says.
pub async fn given(tx: &mut Reader, org: OrgId) -> Result<Micros> {
    let now = tx.now();
    store::lots_left(tx, org, now).await
}

/// Takes up to an amount from an organization's lots, in their order; its money is locked.
async fn take(tx: &mut WriteTx, org: OrgId, most: Micros) -> Result<Vec<(GrantId, Micros)>> {
    let (mut left, mut taken, now) = (most, Vec::new(), tx.now());
    for lot in store::open_lots(tx, org, now).await? {
        let amount = left.min(lot.remaining);
        if amount <= Micros::ZERO {
            break;
        }
        left = Micros(left.0 - amount.0);
        store::change_lot(tx, lot.id, Micros(-amount.0), Micros::ZERO).await?;
        taken.push((lot.id, amount));
    }
    Ok(taken)
}

fn sum(parts: &[(GrantId, Micros)]) -> Micros {
    Micros(parts.iter().map(|(_, amount)| amount.0).sum())
}

/// Takes an amount for a hold: from lots, then from what was paid in. The money is locked and covers it.
pub(super) async fn reserve(
    tx: &mut WriteTx,
    org: OrgId,
    hold: HoldId,
    amount: Micros,
) -> Result<Vec<Transfer>> {
    let parts = take(tx, org, amount).await?;
    for (lot, part) in &parts {
        store::add_hold_credit(tx, hold, *lot, *part).await?;
    }
    let given = sum(&parts);
    let to = |debit, amount| Transfer { debit, credit: AccountKind::Held, amount };
    let paid = Micros(amount.0 - given.0);
    Ok(vec![to(AccountKind::Promotional, given), to(AccountKind::Available, paid)])
}

/// Takes up to an amount for a charge no hold covers; returns what lots gave.
pub(super) async fn spend(tx: &mut WriteTx, org: OrgId, most: Micros) -> Result<Micros> {
    take(tx, org, most).await.map(|parts| sum(&parts))
}

/// Says that a charge used up so much of a hold: what lots gave to it goes first.
pub(super) async fn use_up(tx: &mut WriteTx, hold: HoldId, charge: Micros) -> Result<()> {
    let mut left = charge;
    for part in store::hold_credits(tx, hold).await? {
        let amount = left.min(part.amount);
        if amount > Micros::ZERO {
            left = Micros(left.0 - amount.0);
            store::add_hold_credit(tx, hold, part.grant_id, Micros(-amount.0)).await?;
        }
    }
    Ok(())
}

/// Gives a closed hold's part of lots back to them; returns how much that is.
pub(super) async fn give_back(tx: &mut WriteTx, hold: HoldId) -> Result<Micros> {
    let parts: Vec<HoldCredit> = store::hold_credits(tx, hold).await?;
    for part in &parts {
        store::change_lot(tx, part.grant_id, part.amount, Micros::ZERO).await?;
    }
    store::drop_hold_credits(tx, hold).await?;
    Ok(Micros(parts.iter().map(|part| part.amount.0).sum()))
}

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.lots", every: Duration::from_secs(60), walks: true, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let now = app.seams.clock.now();
        let due = store::lots_ending(&mut *app.db.read().await?, now).await?;
        let ended = due.len();
        for lot in due {
            kept(&lot, expire(&app, lot.id).await);
        }
        let soon = store::lots_to_tell(&mut *app.db.read().await?, now.plus(NOTICE)).await?;
        let told = soon.len();
        for lot in soon {
            kept(&lot, warn(&app, &lot).await);
        }
        Ok(format!("{ended} lots expired, {told} told before"))
    })
}

/// One that fails does not hold up the others: it is looked at again in a minute.
fn kept(lot: &Grant, done: Result<()>) {
    if let Err(error) = done {
        tracing::error!(id = %lot.id, %error, "a lot of given credit cannot be ended or told of yet");
    }
}

async fn currency(tx: &mut Reader, org: OrgId) -> Result<(String, Currency)> {
    let org = tenancy::find_organization(tx, org).await?.ok_or_else(kernel::Error::not_found)?;
    Ok((org.name, org.currency))
}

/// Takes back what is left of a lot that expired. What a hold still has of it follows when it is given back.
async fn expire(app: &App, id: GrantId) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let Some(lot) = store::find_lot(&mut tx, id).await? else { return Ok(()) };
    store::lock_money(&mut tx, lot.org_id).await?;
    // Read again under the lock.
    let Some(lot) = store::find_lot(&mut tx, id).await? else { return Ok(()) };
    let over = lot.expires_at.is_some_and(|at| at <= tx.now());
    if !over || lot.remaining == Micros::ZERO {
        return Ok(());
    }
    let (_, currency) = currency(&mut tx, lot.org_id).await?;
    let fact = Fact {
        kind: TxnKind::Expiry,
        source: "expiry",
        source_id: format!("{}:{}", lot.id, lot.expired.0),
        memo: format!("Expired: {}", lot.reason),
        org_id: lot.org_id,
        currency,
        project_id: None,
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let (debit, credit) = (AccountKind::Promotional, AccountKind::Promotions);
    post(&mut tx, &fact, &[Transfer { debit, credit, amount: lot.remaining }]).await?;
    store::change_lot(&mut tx, lot.id, Micros(-lot.remaining.0), lot.remaining).await?;
    tx.commit().await
}

async fn warn(app: &App, lot: &Grant) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    if !store::told_lot(&mut tx, lot.id).await? {
        return Ok(());
    }
    let (name, currency) = currency(&mut tx, lot.org_id).await?;
    let day = lot.expires_at.map(|at| at.plain()).unwrap_or_default();
    let left = Money::new(lot.remaining, currency);
    let notice = Notice {
        kind: "billing.credit_expires",
        about: About::Work,
        title: format!("Credit of {name} expires soon"),
        body: format!(
            "{left} of \u{201c}{}\u{201d} expires on {day}. It is used before paid money.",
            lot.reason
        ),
        href: "/account/billing",
    };
    for person in tenancy::payers(&mut tx, lot.org_id).await? {
        let to = Recipient { user_id: person.user_id, email: person.email };
        tell(&mut tx, &to, &notice).await?;
    }
    tx.commit().await
}
