//! A month's costs and their parts.

use super::{
    days::{self, Month, day_of},
    store::{self, Piece, ProjectName},
};
use crate::{billing::metering, identity, tenancy::Organization};
use api::{
    AllocationId, DeptId, Micros, Money, OrgId, ProjectId, TypedId, UserId,
    budgets::{CostBy, CostDay, CostRow, Costs},
};
use kernel::{Error, Result, db::Reader};
use std::collections::{BTreeMap, HashMap};

/// A part while it is summed.
#[derive(Default)]
struct Part {
    name: String,
    charge: i64,
    unit_micros: i64,
    simulated: bool,
}

/// Names of what parts are told apart by.
struct Names {
    projects: HashMap<ProjectId, ProjectName>,
    people: HashMap<UserId, String>,
}

impl Names {
    fn is_of(&self, piece: &Piece, id: DeptId) -> bool {
        self.projects.get(&piece.project_id).is_some_and(|row| row.department_id == id)
    }

    fn of(&self, (piece, subject): &Subject, by: CostBy) -> (String, String) {
        let project = self.projects.get(&piece.project_id);
        match by {
            CostBy::Department => project.map_or_else(Default::default, |row| {
                (row.department_id.to_string(), row.department.clone())
            }),
            CostBy::Project => (
                piece.project_id.to_string(),
                project.map(|row| row.name.clone()).unwrap_or_default(),
            ),
            CostBy::Person => match piece.user_id {
                Some(id) => (id.to_string(), self.people.get(&id).cloned().unwrap_or_default()),
                None => (String::new(), "not known".to_owned()),
            },
            CostBy::Sku => (piece.sku.clone(), piece.sku.clone()),
            CostBy::Workload => {
                let place = project.map(|row| row.name.clone()).unwrap_or_default();
                match piece.allocation_id {
                    Some(id) => (id.to_string(), format!("{} in {place}", piece.sku)),
                    None => (
                        format!("{} {} {subject}", piece.project_id, piece.sku),
                        format!("{}: {subject} in {place}", piece.sku),
                    ),
                }
            }
        }
    }
}

/// A piece, and what used it where it is no allocation.
type Subject = (Piece, String);

async fn all(tx: &mut Reader, org: &Organization, span: (i64, i64)) -> Result<Vec<Subject>> {
    let (mut found, mut after) = (Vec::new(), AllocationId::first());
    loop {
        let rows = store::pieces(tx, org.id, span, after).await?;
        let Some(last) = rows.last().and_then(|row| row.allocation_id) else { break };
        after = last;
        found.extend(rows.into_iter().map(|row| (row, String::new())));
    }
    let metered = metering::charged_pieces(tx, org.id, span).await?;
    found.extend(metered.into_iter().map(|row| {
        let piece = Piece {
            allocation_id: None,
            project_id: row.project_id,
            user_id: None,
            sku: row.meter.label().to_owned(),
            charge: row.charge,
            unit_micros: 0,
            simulated: false,
        };
        (piece, row.subject)
    }));
    Ok(found)
}

/// What each day of a span cost, of hardware and of all else.
pub(super) async fn by_day(
    tx: &mut Reader,
    org: OrgId,
    span: (i64, i64),
    department: Option<DeptId>,
) -> Result<HashMap<i64, i64>> {
    let mut days: HashMap<i64, i64> = HashMap::new();
    for row in store::days(tx, org, span, department).await? {
        days.insert(row.day, row.charge.0);
    }
    for row in metering::charged_days(tx, org, span, department).await? {
        let day = days.entry(row.day).or_default();
        *day = day.saturating_add(row.charge.0);
    }
    Ok(days)
}

async fn names(tx: &mut Reader, org: &Organization, pieces: &[Subject]) -> Result<Names> {
    let rows = store::projects(tx, org.id).await?;
    let mut people = HashMap::new();
    for id in pieces.iter().filter_map(|(piece, _)| piece.user_id) {
        if !people.contains_key(&id)
            && let Some(user) = identity::find_user(tx, id).await?
        {
            people.insert(id, user.display_name);
        }
    }
    Ok(Names { projects: rows.into_iter().map(|row| (row.id, row)).collect(), people })
}

/// Returns a month's costs, told apart by something.
///
/// # Errors
/// What the database says.
pub async fn costs(
    tx: &mut Reader,
    org: &Organization,
    month: Month,
    (by, department): (CostBy, Option<DeptId>),
) -> Result<Costs> {
    let money = |micros| Money::new(Micros(micros), org.currency);
    let span = (month.from(), month.until());
    let mut pieces = all(tx, org, span).await?;
    let names = names(tx, org, &pieces).await?;
    let within = match department {
        Some(id) => Some(store::department(tx, org.id, id).await?.ok_or_else(Error::not_found)?),
        None => None,
    };
    pieces.retain(|(piece, _)| department.is_none_or(|id| names.is_of(piece, id)));
    let overflow = || Error::internal(anyhow::anyhow!("a sum of costs overflows"));
    let mut parts: BTreeMap<String, Part> = BTreeMap::new();
    let mut total = 0_i64;
    for subject in &pieces {
        let (key, name) = names.of(subject, by);
        let piece = &subject.0;
        let part = parts.entry(key).or_default();
        part.name = name;
        part.charge = part.charge.checked_add(piece.charge.0).ok_or_else(overflow)?;
        part.unit_micros = part.unit_micros.saturating_add(piece.unit_micros);
        part.simulated |= piece.simulated;
        total = total.checked_add(piece.charge.0).ok_or_else(overflow)?;
    }
    let mut rows: Vec<CostRow> = parts
        .into_iter()
        .map(|(key, part)| CostRow {
            key,
            name: part.name,
            charge: money(part.charge),
            unit_seconds: part.unit_micros / 1_000_000,
            simulated: part.simulated,
        })
        .collect();
    rows.sort_by(|a, b| b.charge.micros.cmp(&a.charge.micros).then_with(|| a.key.cmp(&b.key)));
    let today = day_of(tx.now());
    let known = by_day(tx, org.id, span, department).await?;
    let last = span.1.min(today + 1);
    let days = (span.0..last)
        .map(|day| CostDay {
            day: days::plain(day),
            charge: money(known.get(&day).copied().unwrap_or_default()),
        })
        .collect();
    let forecast = forecast(total, month, today).map(money);
    Ok(Costs {
        month: month.plain(),
        by,
        department_id: department,
        department: within,
        total: money(total),
        forecast,
        rows,
        days,
    })
}

/// What a month comes to when its other days are like those so far; the present day counts whole.
fn forecast(total: i64, month: Month, today: i64) -> Option<i64> {
    if !(month.from()..month.until()).contains(&today) {
        return None;
    }
    let gone = i128::from(today - month.from() + 1);
    i64::try_from(i128::from(total) * i128::from(month.days()) / gone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rest_of_a_month_is_like_its_days_so_far() {
        let month = Month::parse("2026-11").unwrap();
        assert_eq!(forecast(10, month, month.from() + 9), Some(30));
        assert_eq!(forecast(30, month, month.until() - 1), Some(30));
        assert_eq!(forecast(30, month, month.until()), None);
        assert_eq!(forecast(30, month, month.from() - 1), None);
    }
}
