//! Usage that waited for a price and has one now.

use super::{
    rate,
    store::{self, Event},
};
use crate::billing::store as ledger;
use api::UsageEventId;
use kernel::{
    App, Result,
    audit::System,
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Charges what waited for a price.
pub const WRITER: System =
    System { name: "billing.metering", unaudited: Some("each charge is a ledger transaction") };

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.metering", every: Duration::from_secs(60), walks: true, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let mut charged = 0;
        // A bounded number of steps a turn: others wait too.
        for _ in 0..100 {
            let rows = store::priced_now(&mut *app.db.read().await?, 100).await?;
            if rows.is_empty() {
                break;
            }
            charged += charge(&app, &rows).await?;
        }
        Ok(format!("{charged} events charged that waited for a price"))
    })
}

/// Charges events of one organization that wait; another server may have been first.
async fn charge(app: &App, found: &[Event]) -> Result<usize> {
    let Some(org) = found.first().map(|row| row.org_id) else { return Ok(0) };
    let ids: Vec<UsageEventId> = found.iter().map(|row| row.id).collect();
    let mut tx = app.db.write(&WRITER).await?;
    ledger::lock_money(&mut tx, org).await?;
    let mut rows = store::events(&mut tx, &ids).await?;
    rows.retain(|row| row.charge_id.is_none());
    rate::charge(&mut tx, org, &mut rows).await?;
    let mut charged = 0;
    for row in &rows {
        if let Some(charge) = row.charge_id {
            store::set_charge(&mut tx, row.id, charge).await?;
            charged += 1;
        }
    }
    tx.commit().await?;
    Ok(charged)
}
