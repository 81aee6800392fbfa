//! Usage that is never charged: what waits and cannot be, written off by a person.

use super::{
    WriteOffUsage,
    store::{self, Event, Waiting, WriteOffRow},
};
use crate::{
    billing::{Settings, payments, store as ledger},
    identity::factors,
    tenancy::{Operator, find_organization},
};
use api::{
    Code, Time,
    metering::{UsageWriteOff, UsageWriteOffAsk},
};
use kernel::{App, Error, Result, audit::Key, sweeps::Sweeps};

/// Returns a write-off as it travels.
pub fn view(row: &WriteOffRow, org: &str) -> UsageWriteOff {
    UsageWriteOff {
        id: row.id,
        org_id: row.org_id,
        org: org.to_owned(),
        meter: row.meter,
        events: row.events,
        quantity: row.quantity,
        reason: row.reason.clone(),
        by: row.by_user,
        at: row.at,
    }
}

/// Writes off all that waits of a meter in an organization: none of it is charged from now on, and its events are
/// marked in parts. What is told later waits anew.
///
/// # Errors
/// `validation_error` without such an organization or a reason, `state_conflict` when nothing waits,
/// `insufficient_permissions` where others pay and it is the asker's own organization.
pub async fn write_off(
    app: &App,
    who: &Operator<WriteOffUsage>,
    ask: &UsageWriteOffAsk,
) -> Result<UsageWriteOff> {
    factors::break_glass::people_only(who.caller().user())?;
    let reason = payments::words("reason", &ask.reason, (3, 300))?;
    let mut tx = app.db.write(who).await?;
    let org = find_organization(&mut tx, ask.org_id).await?;
    let org = org.ok_or_else(|| Error::field("org_id", "There is no such organization."))?;
    let own = payments::is_member(&mut tx, org.id, who.caller().user_id()).await?;
    if own && app.get::<Settings>().production {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("Somebody who does not belong to this organization writes its usage off."));
    }
    ledger::lock_money(&mut tx, org.id).await?;
    let waits = store::waiting_of(&mut tx, org.id, ask.meter).await?;
    let nothing = || Error::new(Code::NotNow).detail("Nothing of it waits any more.");
    let waits = waits.filter(|row| row.events > 0).ok_or_else(nothing)?;
    let row = WriteOffRow {
        id: tx.new_id(),
        org_id: org.id,
        meter: ask.meter,
        events: waits.events,
        quantity: waits.quantity,
        reason,
        by_user: who.caller().user_id(),
        at: tx.now(),
        done: false,
    };
    tx.insert(&row).await?;
    store::save_waiting(&mut tx, &Waiting { events: 0, quantity: 0, ..waits }).await?;
    tx.target(row.id);
    tx.belongs_to(org.id, None);
    tx.note(Key::Name, row.meter);
    tx.note(Key::Count, row.events);
    tx.note(Key::Reason, &row.reason);
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(super::waiting::METERING));
    tx.commit().await?;
    Ok(view(&row, &org.name))
}

/// How many events are marked at once: others write in between.
const PART: i64 = 1_000;

/// Marks the events of write-offs that go on.
///
/// # Errors
/// What the database says.
pub async fn go_on(app: &App) -> Result<()> {
    let open = store::write_offs_open(&mut *app.db.read().await?).await?;
    for row in open {
        loop {
            let mut tx = app.db.write(&super::WRITER).await?;
            ledger::lock_money(&mut tx, row.org_id).await?;
            let ended = store::end_waiting(&mut tx, &row, PART).await?;
            if ended == 0 {
                store::end_write_off(&mut tx, &row).await?;
            }
            tx.commit().await?;
            if ended == 0 {
                break;
            }
        }
    }
    Ok(())
}

/// Returns whether an event may still be charged, where what came until a moment is being written off.
pub fn chargeable(event: &Event, until: Option<Time>) -> bool {
    let left = until.is_none_or(|until| event.received_at > until);
    event.charge_id.is_none() && event.write_off_id.is_none() && left
}
