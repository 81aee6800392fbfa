//! Prices of meters, each with the moment it begins. What was rated keeps its price.

use super::{
    SetPrice,
    store::{self, Price},
};
use crate::{
    billing::Settings,
    tenancy::{Operator, find_organization},
};
use api::{
    Code, Micros, Money, OrgId, Time,
    metering::{UsagePrice, UsagePriceSet},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, broke},
};
use std::{collections::BTreeSet, time::Duration};

/// How far ahead a price may begin.
const AHEAD: Duration = Duration::from_secs(366 * 86_400);

/// Returns a price as it travels.
pub fn view(row: &Price) -> UsagePrice {
    UsagePrice {
        id: row.id,
        meter: row.meter,
        price: Money::new(row.price, row.currency),
        per: row.meter.priced().0.to_owned(),
        valid_from: row.valid_from,
        set_by: row.set_by,
    }
}

/// Returns what the list says of each meter right now, in an organization's currency.
///
/// # Errors
/// What the database says.
pub async fn listed(tx: &mut Reader, org: OrgId) -> Result<Vec<Price>> {
    let org = find_organization(tx, org).await?.ok_or_else(Error::not_found)?;
    let (now, mut seen) = (tx.now(), BTreeSet::new());
    let mut rows = store::prices(tx).await?;
    // They stand newest first: of each meter the first that began holds.
    rows.retain(|row| {
        row.currency == org.currency && row.valid_from <= now && seen.insert(row.meter.as_str())
    });
    Ok(rows)
}

/// Sets a price from now or later on, or for the time before the first: what waits is charged then.
///
/// # Errors
/// `validation_error`; `state_conflict` when another begins at the same moment.
pub async fn set(app: &App, who: &Operator<SetPrice>, ask: &UsagePriceSet) -> Result<UsagePrice> {
    if !(Micros::ZERO..=Micros(1_000_000_000_000)).contains(&ask.price.micros) {
        return Err(Error::field("price", "Enter nothing or more, and at most a million."));
    }
    let mut tx = app.db.write(who).await?;
    let now = tx.now();
    let valid_from = ask.valid_from.unwrap_or(now);
    let before = store::prices(&mut tx).await?;
    let first = before
        .iter()
        .filter(|row| row.meter == ask.meter && row.currency == ask.price.currency)
        .map(|row| row.valid_from)
        .min();
    // What had a price keeps it; before the first price there was none.
    if valid_from < now && first.is_some_and(|first| first <= valid_from) {
        return Err(Error::field(
            "valid_from",
            "There is a price of that time, and it stays. Set one from now on.",
        ));
    }
    if valid_from > now.plus(AHEAD) {
        return Err(Error::field("valid_from", "It is more than a year ahead."));
    }
    let site = app.get::<Settings>().currency;
    if ask.price.currency != site && !store::pays_in(&mut tx, ask.price.currency).await? {
        return Err(Error::field("price", "Nobody pays in this currency here."));
    }
    if valid_from < Time(0) {
        return Err(Error::field("valid_from", "It is before 1970."));
    }
    let row = Price {
        id: tx.new_id(),
        meter: ask.meter,
        currency: ask.price.currency,
        price: ask.price.micros,
        valid_from,
        set_by: who.caller().user_id(),
        set_at: now,
    };
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "usage_prices_from") || broke(&error, "usage_prices.meter") {
            return Error::new(Code::NotNow).detail("Another price begins at this moment.");
        }
        error
    })?;
    tx.target(row.id);
    tx.note(Key::Name, row.meter);
    tx.note(Key::Amount, ask.price);
    tx.commit().await?;
    Ok(view(&row))
}
