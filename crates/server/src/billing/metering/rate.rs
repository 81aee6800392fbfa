//! Rating events: at the price of their time, with what their subject used before, rounded down once.

use super::store::{self, Charge, Event, Price, Total};
use crate::{
    billing::{
        holds,
        post::{Fact, post},
        rating, spend,
        store::Transaction,
    },
    tenancy::find_organization,
};
use api::{
    Currency, Micros, Money, OrgId, ProjectId, Time, UsageChargeId, UsagePriceId,
    billing::{ExplainedMetered, TxnKind},
    metering::UsageMeter,
};
use kernel::{
    Error, Result,
    db::{Reader, WriteTx},
};
use std::collections::BTreeMap;

/// Where the ledger says its facts come from.
const SOURCE: &str = "metered";

/// More than this is a mistake of the source: balances stay far from the end of their integer.
const LARGEST: Micros = Micros(1_000_000_000_000_000);

/// Returns the price of a moment: the newest that was valid then.
fn of_time(prices: &[Price], meter: UsageMeter, currency: Currency, at: Time) -> Option<&Price> {
    // They stand newest first.
    prices.iter().find(|row| row.meter == meter && row.currency == currency && row.valid_from <= at)
}

/// Charges events of one organization whose money is locked, and says in each with which step. What has no price stays.
pub(super) async fn charge(tx: &mut WriteTx, org: OrgId, rows: &mut [Event]) -> Result<()> {
    let org = find_organization(tx, org).await?.ok_or_else(Error::not_found)?;
    let prices = store::prices(tx).await?;
    let mut groups: BTreeMap<(ProjectId, UsageMeter, String, UsagePriceId), Vec<&mut Event>> =
        BTreeMap::new();
    for row in rows {
        if let Some(price) = of_time(&prices, row.meter, org.currency, row.at) {
            let key = (row.project_id, row.meter, row.subject.clone(), price.id);
            groups.entry(key).or_default().push(row);
        }
    }
    for ((_, meter, subject, price_id), rows) in groups {
        let Some(price) = prices.iter().find(|row| row.id == price_id) else { continue };
        let (project, quantity) = sum(&rows)?;
        let found = store::find_total(tx, project, meter, &subject, price_id).await?;
        let total = match found {
            Some(total) => total,
            None => {
                let total = Total {
                    id: tx.new_id(),
                    org_id: org.id,
                    project_id: project,
                    meter,
                    subject,
                    price_id,
                    price: price.price,
                    quantity: 0,
                    charged: Micros::ZERO,
                    charges: 0,
                };
                tx.insert(&total).await?;
                total
            }
        };
        let step = step(tx, total, quantity, org.currency).await?;
        for row in rows {
            row.charge_id = Some(step);
        }
    }
    Ok(())
}

fn overflow() -> Error {
    Error::internal(anyhow::anyhow!("metered usage overflows"))
}

fn too_much() -> Error {
    Error::field("events", "A charge of it would be more than a billion.")
}

fn sum(rows: &[&mut Event]) -> Result<(ProjectId, i64)> {
    let first = rows.first().ok_or_else(overflow)?;
    let sum = rows.iter().try_fold(0_i64, |sum, row| sum.checked_add(row.quantity));
    Ok((first.project_id, sum.ok_or_else(overflow)?))
}

/// Moves a total on and charges the difference.
async fn step(
    tx: &mut WriteTx,
    total: Total,
    quantity: i64,
    currency: Currency,
) -> Result<UsageChargeId> {
    let (_, size) = total.meter.priced();
    let quantity_to = total.quantity.checked_add(quantity).ok_or_else(overflow)?;
    let cost = rating::of_quantity(total.price, size, quantity_to).ok_or_else(too_much)?;
    let charge = Micros(cost.0 - total.charged.0);
    if charge > LARGEST {
        return Err(too_much());
    }
    let new = Total { quantity: quantity_to, charged: cost, charges: total.charges + 1, ..total };
    store::change_total(tx, &new).await?;
    let row = Charge {
        id: tx.new_id(),
        total_id: new.id,
        seq: new.charges,
        org_id: new.org_id,
        project_id: new.project_id,
        quantity,
        quantity_to,
        charge,
        day: spend::day_of(tx.now()),
        at: tx.now(),
    };
    tx.insert(&row).await?;
    if charge > Micros::ZERO {
        let mut transfers = Vec::new();
        holds::rest(tx, new.org_id, charge, &mut transfers).await?;
        let fact = Fact {
            kind: TxnKind::Usage,
            source: SOURCE,
            source_id: row.id.to_string(),
            memo: format!("{}: {}", new.meter.label(), new.subject),
            org_id: new.org_id,
            currency,
            project_id: Some(new.project_id),
            allocation_id: None,
            simulated: false,
            corrects: None,
        };
        post(tx, &fact, &transfers).await?;
    }
    Ok(row.id)
}

/// Shows the sum behind a charge of metered usage; nothing for another transaction.
///
/// # Errors
/// What the database says.
pub async fn explain(
    tx: &mut Reader,
    txn: &Transaction,
    currency: Currency,
) -> Result<Option<ExplainedMetered>> {
    let id = (txn.source == SOURCE).then(|| txn.source_id.parse().ok()).flatten();
    let Some(id) = id else { return Ok(None) };
    let Some((step, total)) = store::find_charge(tx, id).await? else { return Ok(None) };
    let before = store::charged_before(tx, &step).await?;
    let money = |micros| Money::new(micros, currency);
    let (per, size) = total.meter.priced();
    let cost = Micros(before.0 + step.charge.0);
    let formula = format!(
        "{} {} in all × {} per {per} ÷ {size} = {}, less {} charged before = {}",
        step.quantity_to,
        total.meter.unit(),
        money(total.price).exact(),
        money(cost).exact(),
        money(before).exact(),
        money(step.charge).exact(),
    );
    Ok(Some(ExplainedMetered {
        meter: total.meter,
        subject: total.subject,
        quantity: step.quantity,
        quantity_to: step.quantity_to,
        price: money(total.price),
        per: per.to_owned(),
        before: money(before),
        charge: money(step.charge),
        formula,
    }))
}
