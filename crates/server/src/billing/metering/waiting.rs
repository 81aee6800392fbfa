//! Usage that waited for a price and has one now.

use super::{
    rate,
    store::{self, Event, Price},
    write_off,
};
use crate::billing::store as ledger;
use api::{OrgId, Time, TypedId, UsageEventId, metering::UsageMeter};
use kernel::{
    App, Result,
    audit::System,
    db::WriteTx,
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Charges what waited for a price.
pub const WRITER: System =
    System { name: "billing.metering", unaudited: Some("each charge is a ledger transaction") };

/// The sweep of usage that waits.
pub const METERING: &str = "billing.metering";

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: METERING, every: Duration::from_secs(60), walks: true, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        write_off::go_on(&app).await?;
        let mut tx = app.db.read().await?;
        let (waiting, prices) = (store::waiting(&mut tx).await?, store::prices(&mut tx).await?);
        drop(tx);
        let (mut charged, mut failed) = (0, 0);
        for (row, org) in waiting {
            let of = |price: &&Price| price.meter == row.meter && price.currency == org.currency;
            let Some(first) = prices.iter().filter(of).map(|price| price.valid_from).min() else {
                continue;
            };
            match of_meter(&app, (row.org_id, row.meter), first).await {
                Ok(count) => charged += count,
                Err(error) => {
                    failed += 1;
                    tracing::error!(org = %row.org_id, %error, "usage that waited cannot be charged yet");
                }
            }
        }
        Ok(format!(
            "{charged} events charged that waited for a price, {failed} organizations failed"
        ))
    })
}

/// Charges what an organization used of a meter since its first price, so much a turn that others wait not long.
async fn of_meter(app: &App, of: (OrgId, UsageMeter), first: Time) -> Result<usize> {
    let (mut charged, mut after) = (0, (first, UsageEventId::first()));
    for _ in 0..100 {
        let rows = store::waiting_events(&mut *app.db.read().await?, of, after, 100).await?;
        let Some(last) = rows.last() else { break };
        after = (last.at, last.id);
        charged += charge(app, of, &rows).await?;
    }
    Ok(charged)
}

/// Charges events of one organization and meter that wait; another server may have been first.
async fn charge(app: &App, (org, meter): (OrgId, UsageMeter), found: &[Event]) -> Result<usize> {
    let ids: Vec<UsageEventId> = found.iter().map(|row| row.id).collect();
    let mut tx = app.db.write(&WRITER).await?;
    ledger::lock_money(&mut tx, org).await?;
    let prices = store::prices(&mut tx).await?;
    let mut rows = store::events(&mut tx, &ids).await?;
    let until = store::written_off_until(&mut tx, org, meter).await?;
    rows.retain(|row| write_off::chargeable(row, until));
    let together = rate::charge(&mut tx, org, &prices, &mut rows).await?;
    // What is too much together may be charged one by one; what is too much alone goes on waiting.
    for row in rows.iter_mut().filter(|row| together.too_much.contains(&row.id)) {
        let alone = rate::charge(&mut tx, org, &prices, std::slice::from_mut(row)).await?;
        if !alone.too_much.is_empty() {
            tracing::error!(id = %row.id, "a usage event would cost too much and is not charged");
        }
    }
    let (mut charged, mut quantity) = (0_i64, 0_i64);
    for row in &rows {
        if let Some(charge) = row.charge_id {
            store::set_charge(&mut tx, row.id, charge).await?;
            charged += 1;
            quantity = quantity.saturating_add(row.quantity);
        }
    }
    less(&mut tx, (org, meter), charged, quantity).await?;
    tx.commit().await?;
    Ok(usize::try_from(charged).unwrap_or(0))
}

/// Counts off what does not wait any more.
async fn less(tx: &mut WriteTx, of: (OrgId, UsageMeter), events: i64, quantity: i64) -> Result<()> {
    let Some(row) = store::waiting_of(tx, of.0, of.1).await? else { return Ok(()) };
    let oldest = store::waiting_events(tx, of, (Time(0), UsageEventId::first()), 1).await?;
    let left = (row.events - events).max(0);
    let row = store::Waiting {
        events: left,
        quantity: if left == 0 { 0 } else { row.quantity.saturating_sub(quantity).max(0) },
        since: oldest.first().map_or(row.since, |event| event.at),
        ..row
    };
    store::save_waiting(tx, &row).await
}
