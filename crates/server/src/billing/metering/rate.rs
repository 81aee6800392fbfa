//! Rating events: at the price of their time, with what their subject used before, rounded down once.

use super::store::{self, Charge, Event, Price, Total};
use crate::{
    billing::{
        debts, holds,
        model::AccountKind,
        post::{Fact, Posted, post},
        price_books::{self, Item, Listed, Own, Terms},
        rating::{self, Increment},
        spend,
        store::Transaction,
    },
    tenancy::{Organization, find_organization},
};
use api::{
    Currency, Micros, Money, OrgId, ProjectId, Time, TxnId, TypedId, UsageEventId, UsageTotalId,
    billing::{ExplainedMetered, TxnKind},
    metering::UsageMeter,
    price_books::PriceKind,
};
use kernel::{
    Error, Result,
    db::{Reader, WriteTx},
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashMap, hash_map::Entry};

/// Where the ledger says its facts come from.
const SOURCE: &str = "metered";

/// More than this at once, or owed in all, is a mistake of the source: balances stay far from the end of their integer.
const LARGEST: Micros = Micros(10_000_000_000_000);

/// What is said of an event that would cost more.
pub const TOO_MUCH: &str = "More than ten million would be charged at once, or owed.";

/// What charging did besides.
#[derive(Debug, Default)]
pub struct Charged {
    /// Events that would cost too much: nothing of them was charged.
    pub too_much: BTreeSet<UsageEventId>,
    /// Projects whose organization could not pay all of it.
    pub uncovered: BTreeSet<ProjectId>,
}

/// Returns a UUID made of what something is known by: two that are the same are one.
pub fn named(parts: &[&[u8]]) -> uuid::Uuid {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(part);
    }
    let digest: [u8; 32] = hasher.finalize().into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

/// Returns the price of a moment: the newest that was valid then.
fn of_time(prices: &[Price], meter: UsageMeter, currency: Currency, at: Time) -> Option<&Price> {
    // They stand newest first.
    prices.iter().find(|row| row.meter == meter && row.currency == currency && row.valid_from <= at)
}

/// Returns what a meter cost in the project of an event at its time.
fn terms(own: &Own, row: &Event, list: &Price) -> Terms {
    let item = Item { kind: PriceKind::Meter, name: row.meter.as_str() };
    let listed = Listed { price: list.price, increment: Increment::SECOND };
    own.terms(Some(row.project_id), item, listed, row.at)
}

fn overflow() -> Error {
    Error::internal(anyhow::anyhow!("metered usage overflows"))
}

/// A total with what is added to it.
struct Group<'a> {
    total: Total,
    is_new: bool,
    rows: Vec<&'a mut Event>,
}

impl Group<'_> {
    /// Returns the total as it is with its events, and what they cost; none when that is too much.
    fn step(&self, room: Micros) -> Option<(Total, i64, Micros)> {
        let quantity =
            self.rows.iter().try_fold(0_i64, |sum, row| sum.checked_add(row.quantity))?;
        let quantity_to = self.total.quantity.checked_add(quantity)?;
        let (_, size) = self.total.meter.priced();
        let cost = rating::of_quantity(self.total.price, size, quantity_to)?;
        let charge = Micros(cost.0 - self.total.charged.0);
        let new = Total {
            quantity: quantity_to,
            charged: cost,
            charges: self.total.charges + 1,
            ..self.total.clone()
        };
        (charge <= room).then_some((new, quantity, charge))
    }
}

/// Groups events by what their totals are of; what has no price is left out.
async fn groups<'a>(
    tx: &mut Reader,
    org: &Organization,
    prices: &[Price],
    rows: &'a mut [Event],
) -> Result<Vec<Group<'a>>> {
    let own = price_books::own(tx, org).await?;
    let mut groups: BTreeMap<UsageTotalId, Group<'a>> = BTreeMap::new();
    for row in rows {
        let Some(price) = of_time(prices, row.meter, org.currency, row.at) else { continue };
        let terms = terms(&own, row, price);
        // Usage at a book's price is a total of its own.
        let price_id = match terms.line_id {
            Some(line) => named(&[price.id.uuid().as_bytes(), line.uuid().as_bytes()]),
            None => price.id.uuid(),
        };
        let project = row.project_id.uuid();
        let parts: [&[u8]; 4] = [
            project.as_bytes(),
            price_id.as_bytes(),
            row.meter.as_str().as_bytes(),
            row.subject.as_bytes(),
        ];
        let id = UsageTotalId::from_uuid(named(&parts));
        let total = || Total {
            id,
            org_id: org.id,
            project_id: row.project_id,
            meter: row.meter,
            subject: row.subject.clone(),
            price_id: price.id,
            price: terms.price,
            quantity: 0,
            charged: Micros::ZERO,
            charges: 0,
            price_line_id: terms.line_id,
        };
        let group = groups.entry(id).or_insert_with(|| Group {
            total: total(),
            is_new: true,
            rows: Vec::new(),
        });
        group.rows.push(row);
    }
    let ids: Vec<UsageTotalId> = groups.keys().copied().collect();
    for known in store::find_totals(tx, &ids).await? {
        if let Some(group) = groups.get_mut(&known.id) {
            group.total = known;
            group.is_new = false;
        }
    }
    Ok(groups.into_values().collect())
}

/// Charges events of one organization whose money is locked, and says in each with which step: one transaction a
/// project. What has no price stays.
///
/// # Errors
/// What the database says.
pub async fn charge(
    tx: &mut WriteTx,
    org: OrgId,
    prices: &[Price],
    rows: &mut [Event],
) -> Result<Charged> {
    let org = find_organization(tx, org).await?.ok_or_else(Error::not_found)?;
    let mut said = Charged::default();
    let mut room = Micros(LARGEST.0 - debts::owed(tx, org.id).await?.0);
    let mut by_project: BTreeMap<ProjectId, Vec<(Group<'_>, Total, Charge)>> = BTreeMap::new();
    for group in groups(tx, &org, prices, rows).await? {
        let Some((total, quantity, charge)) = group.step(room) else {
            said.too_much.extend(group.rows.iter().map(|row| row.id));
            continue;
        };
        room = Micros(room.0 - charge.0);
        let step = Charge {
            id: tx.new_id(),
            total_id: total.id,
            seq: total.charges,
            org_id: org.id,
            project_id: total.project_id,
            quantity,
            quantity_to: total.quantity,
            charge,
            day: spend::day_of(tx.now()),
            at: tx.now(),
            txn_id: None,
        };
        by_project.entry(total.project_id).or_default().push((group, total, step));
    }
    for (project, steps) in by_project {
        if book(tx, &org, project, steps).await? {
            said.uncovered.insert(project);
        }
    }
    Ok(said)
}

/// Writes the steps of a project and their transaction; returns whether its organization could not pay all of it.
async fn book(
    tx: &mut WriteTx,
    org: &Organization,
    project: ProjectId,
    steps: Vec<(Group<'_>, Total, Charge)>,
) -> Result<bool> {
    let sum = steps.iter().try_fold(Micros::ZERO, |sum, (_, _, step)| sum.plus(step.charge));
    let (txn_id, uncovered) =
        transaction(tx, org, project, sum.ok_or_else(overflow)?, &steps).await?;
    let (mut fresh, mut charges) = (Vec::new(), Vec::with_capacity(steps.len()));
    for (group, total, step) in steps {
        if step.charge > Micros::ZERO {
            store::add_day(tx, &total, step.day, step.charge).await?;
        }
        match group.is_new {
            true => fresh.push(total),
            false => store::change_total(tx, &total).await?,
        }
        for row in group.rows {
            row.charge_id = Some(step.id);
        }
        charges.push(Charge { txn_id, ..step });
    }
    tx.insert_all(&fresh).await?;
    tx.insert_all(&charges).await?;
    Ok(uncovered)
}

async fn transaction(
    tx: &mut WriteTx,
    org: &Organization,
    project: ProjectId,
    charge: Micros,
    steps: &[(Group<'_>, Total, Charge)],
) -> Result<(Option<TxnId>, bool)> {
    let Some((_, total, first)) = steps.first().filter(|_| charge > Micros::ZERO) else {
        return Ok((None, false));
    };
    let others = match steps.len() {
        1 => String::new(),
        count => format!(" and {} others", count - 1),
    };
    let mut transfers = Vec::new();
    holds::rest(tx, org.id, charge, &mut transfers).await?;
    let fact = Fact {
        kind: TxnKind::Usage,
        source: SOURCE,
        source_id: first.id.to_string(),
        memo: format!("{}: {}{others}", total.meter.label(), total.subject),
        org_id: org.id,
        currency: org.currency,
        project_id: Some(project),
        allocation_id: None,
        simulated: false,
        corrects: None,
    };
    let Posted::Now(txn) = post(tx, &fact, &transfers).await? else {
        return Err(Error::internal(anyhow::anyhow!("a charge that was booked before")));
    };
    let lost: i64 =
        transfers.iter().filter(|one| one.debit == AccountKind::Loss).map(|one| one.amount.0).sum();
    if lost > 0 {
        debts::owe(tx, org.id, Micros(lost)).await?;
    }
    Ok((Some(txn), lost > 0))
}

/// Shows the sums behind a charge of metered usage; nothing for another transaction.
///
/// # Errors
/// What the database says.
pub async fn explain(
    tx: &mut Reader,
    txn: &Transaction,
    currency: Currency,
) -> Result<Vec<ExplainedMetered>> {
    if txn.source != SOURCE {
        return Ok(Vec::new());
    }
    let steps = store::charges_of(tx, txn.id).await?;
    Ok(steps.into_iter().filter_map(|(step, total)| sum(&step, total, currency)).collect())
}

fn sum(step: &Charge, total: Total, currency: Currency) -> Option<ExplainedMetered> {
    let money = |micros| Money::new(micros, currency);
    let (per, size) = total.meter.priced();
    let before = rating::of_quantity(total.price, size, step.quantity_to - step.quantity)?;
    let cost = before.plus(step.charge)?;
    let formula = format!(
        "{} {} in all × {} per {per} ÷ {size} = {}, less {} charged before = {}",
        step.quantity_to,
        total.meter.unit(),
        money(total.price).exact(),
        money(cost).exact(),
        money(before).exact(),
        money(step.charge).exact(),
    );
    Some(ExplainedMetered {
        meter: total.meter,
        subject: total.subject,
        quantity: step.quantity,
        quantity_to: step.quantity_to,
        price: money(total.price),
        per: per.to_owned(),
        before: money(before),
        charge: money(step.charge),
        formula,
    })
}

/// Counts events of one organization and meter that wait from now on; its money is locked.
///
/// # Errors
/// What the database says.
pub async fn wait(tx: &mut WriteTx, rows: &[Event]) -> Result<()> {
    let mut pairs: HashMap<(OrgId, UsageMeter), store::Waiting> = HashMap::new();
    for row in rows.iter().filter(|row| row.charge_id.is_none()) {
        let waiting = match pairs.entry((row.org_id, row.meter)) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let known = store::waiting_of(tx, row.org_id, row.meter).await?;
                entry.insert(known.filter(|known| known.events > 0).unwrap_or(store::Waiting {
                    org_id: row.org_id,
                    meter: row.meter,
                    events: 0,
                    quantity: 0,
                    since: row.at,
                }))
            }
        };
        waiting.events += 1;
        waiting.quantity = waiting.quantity.saturating_add(row.quantity);
        waiting.since = waiting.since.min(row.at);
    }
    for waiting in pairs.into_values() {
        store::save_waiting(tx, &waiting).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_by_the_same_is_one() {
        assert_eq!(named(&[b"a", b"b"]), named(&[b"a", b"b"]));
        assert_ne!(named(&[b"a", b"b"]), named(&[b"b", b"a"]));
    }
}
