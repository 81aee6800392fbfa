//! What a statement says, computed from the ledger.

use super::store::{self, Span};
use crate::{
    billing::{
        Settings,
        model::AccountKind,
        spend::Month,
        store::{self as ledger, Account, Posting, Transaction},
    },
    tenancy::Organization,
};
use api::{
    AccountId, Micros, Money, Time,
    price_books::rounding,
    statements::{Party, Statement, StatementEntry, StatementTax, StatementUsage},
};
use kernel::{Error, Result, db::Reader};

const DAY: i64 = 86_400_000_000;

/// Returns when a month begins and ends.
pub fn span(month: Month) -> Span {
    (Time(month.from() * DAY), Time(month.until() * DAY))
}

fn overflow() -> Error {
    Error::internal(anyhow::anyhow!("a statement overflows"))
}

/// What a statement says, but for its id and what there was before and after.
pub struct Read {
    said: Statement,
    change: Micros,
}

/// Reads what a month that is over moved.
///
/// # Errors
/// What the database says.
pub async fn read(
    tx: &mut Reader,
    settings: &Settings,
    org: &Organization,
    month: Month,
) -> Result<Read> {
    let money = |micros| Money::new(micros, org.currency);
    let span = span(month);
    let change = store::moved(tx, org.id, span).await?;
    let used = store::used(tx, org.id, span).await?;
    let usage = usage(tx, org, month).await?;
    let listed = usage.iter().try_fold(Micros::ZERO, |sum, row| sum.plus(row.charge.micros));
    let borne = listed.and_then(|listed| listed.minus(used)).ok_or_else(overflow)?;
    let accounts = ledger::accounts(tx, org.id).await?;
    let rows = store::entries(tx, org.id, span).await?;
    let profile = store::find_profile(tx, org.id).await?;
    let customer = profile.map_or_else(Party::default, |row| Party {
        name: row.legal_name,
        address: row.address,
        tax_id: row.tax_id,
    });
    let name = if customer.name.is_empty() { org.name.clone() } else { customer.name.clone() };
    let said = Statement {
        id: tx.new_id(),
        org_id: org.id,
        month: month.plain(),
        number: number(org, month),
        from: span.0,
        to: span.1,
        currency: org.currency,
        seller: settings.seller(),
        customer: Party { name, ..customer },
        opening: money(Micros::ZERO),
        usage,
        borne: money(borne),
        used: money(used),
        entries: rows.iter().filter_map(|row| entry(row, &accounts, org)).collect(),
        closing: money(Micros::ZERO),
        tax: tax(settings, used, org),
        closed_at: tx.now(),
    };
    Ok(Read { said, change })
}

/// Says what there was before and after; the organization's money is locked.
///
/// # Errors
/// What the database says.
pub async fn finish(tx: &mut Reader, org: &Organization, read: Read) -> Result<Statement> {
    let Read { said, change } = read;
    let opening = match store::closing_before(tx, org.id, said.from).await? {
        Some(closing) => closing,
        // The first: what there is now, less what moved since the month began.
        None => {
            let mut has = Micros::ZERO;
            for kind in [AccountKind::Available, AccountKind::Promotional, AccountKind::Held] {
                let balance = ledger::balance_of(tx, org.id, kind).await?;
                has = has.plus(balance).ok_or_else(overflow)?;
            }
            let since = store::moved(tx, org.id, (said.from, Time::MAX)).await?;
            has.minus(since).ok_or_else(overflow)?
        }
    };
    let closing = opening.plus(change).ok_or_else(overflow)?;
    let money = |micros| Money::new(micros, org.currency);
    Ok(Statement { opening: money(opening), closing: money(closing), closed_at: tx.now(), ..said })
}

/// Returns a number that no other statement has: the month and the end of the organization's identifier.
fn number(org: &Organization, month: Month) -> String {
    let id = org.id.to_string().to_uppercase();
    let end: String = id.chars().skip(id.chars().count().saturating_sub(16)).collect();
    format!("{}-{end}", month.plain())
}

async fn usage(tx: &mut Reader, org: &Organization, month: Month) -> Result<Vec<StatementUsage>> {
    let days = (month.from(), month.until());
    let money = |micros| Money::new(micros, org.currency);
    let mut rows = Vec::new();
    for row in store::hardware(tx, org.id, days).await? {
        rows.push(StatementUsage {
            project_id: row.project_id,
            project: row.project,
            what: row.sku,
            quantity: row.unit_micros / 1_000_000,
            unit: "unit seconds".to_owned(),
            price: money(row.price),
            per: match rounding(row.increment_seconds, row.minimum_seconds) {
                Some(words) => format!("unit and hour, {words}"),
                None => "unit and hour".to_owned(),
            },
            price_id: None,
            charge: money(row.charge),
            simulated: row.simulated,
        });
    }
    let mut metered: Vec<StatementUsage> = Vec::new();
    for row in store::metered(tx, org.id, days).await? {
        let like = |one: &&mut StatementUsage| {
            one.project_id == row.project_id
                && one.price_id == Some(row.price_id)
                && one.price.micros == row.price
        };
        if let Some(one) = metered.iter_mut().find(like) {
            one.quantity = one.quantity.saturating_add(row.quantity);
            one.charge.micros = one.charge.micros.plus(row.charge).ok_or_else(overflow)?;
            continue;
        }
        metered.push(StatementUsage {
            project_id: row.project_id,
            project: row.project,
            what: row.meter.label().to_owned(),
            quantity: row.quantity,
            unit: row.meter.unit().to_owned(),
            price: money(row.price),
            per: row.meter.priced().0.to_owned(),
            price_id: Some(row.price_id),
            charge: money(row.charge),
            simulated: false,
        });
    }
    rows.extend(metered);
    Ok(rows)
}

/// Returns a movement as it stands in the statement; none where it only moved within the organization's money.
fn entry(
    (posting, txn): &(Posting, Transaction),
    accounts: &[Account],
    org: &Organization,
) -> Option<StatementEntry> {
    let is_customer = |id: AccountId| {
        accounts.iter().any(|account| account.id == id && account.kind.is_customer())
    };
    let amount = match (is_customer(posting.debit_account), is_customer(posting.credit_account)) {
        (true, false) => Micros(-posting.amount.0),
        (false, true) => posting.amount,
        _ => return None,
    };
    Some(StatementEntry {
        txn_id: txn.id,
        at: txn.at,
        kind: txn.kind,
        memo: txn.memo.clone(),
        amount: Money::new(amount, org.currency),
        simulated: txn.simulated,
    })
}

/// Returns the tax that prices include: `floor(used × rate ÷ (100 + rate))`.
fn tax(settings: &Settings, used: Micros, org: &Organization) -> Option<StatementTax> {
    let rate = settings.tax();
    if rate <= Micros::ZERO {
        return None;
    }
    let whole = i128::from(used.0) * i128::from(rate.0) / (100_000_000 + i128::from(rate.0));
    let amount = Micros(i64::try_from(whole).ok()?);
    Some(StatementTax {
        name: settings.tax_name.clone(),
        percent: settings.tax_percent.clone(),
        net: Money::new(used.minus(amount)?, org.currency),
        amount: Money::new(amount, org.currency),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_month_begins_where_the_one_before_ended() {
        let month = Month::parse("2026-12").unwrap();
        let (from, to) = span(month);
        assert_eq!(from.plain(), "2026-12-01 00:00:00 UTC");
        assert_eq!(to.plain(), "2027-01-01 00:00:00 UTC");
        assert_eq!(span(month.after()).0, to);
    }
}
