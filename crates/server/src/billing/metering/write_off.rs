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
    Code,
    metering::{UsageWriteOff, UsageWriteOffAsk},
};
use kernel::{App, Error, Result, audit::Key};

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

/// Writes off all that waits of a meter in an organization. What is told later waits anew.
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
    };
    tx.insert(&row).await?;
    let ended = store::end_waiting(&mut tx, &row).await?;
    if i64::try_from(ended).ok() != Some(row.events) {
        return Err(Error::internal(anyhow::anyhow!(
            "{ended} events wait where {} were counted",
            row.events
        )));
    }
    store::save_waiting(&mut tx, &Waiting { events: 0, quantity: 0, ..waits }).await?;
    tx.target(row.id);
    tx.belongs_to(org.id, None);
    tx.note(Key::Name, row.meter);
    tx.note(Key::Count, row.events);
    tx.note(Key::Reason, &row.reason);
    tx.commit().await?;
    Ok(view(&row, &org.name))
}

/// Returns whether an event may still be charged.
pub const fn chargeable(event: &Event) -> bool {
    event.charge_id.is_none() && event.write_off_id.is_none()
}
