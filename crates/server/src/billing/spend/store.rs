//! SQL of what was spent.

use super::days::day_of;
use crate::billing::{Meter, metering};
use api::{AllocationId, DeptId, Micros, OrgId, ProjectId, UserId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};
use std::time::Duration;

/// Adds a charge of a run, and the time it is for, to the day it is booked on, as the ledger does.
pub async fn add(tx: &mut WriteTx, meter: &Meter, charge: Micros, time: Duration) -> Result<()> {
    let day = day_of(tx.now());
    let span = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    tx.run(
        "INSERT INTO spend_days (allocation_id, day, org_id, project_id, user_id, sku, charge,
                unit_micros, simulated)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
         ON CONFLICT (allocation_id, day) DO UPDATE
            SET charge = spend_days.charge + excluded.charge,
                unit_micros = spend_days.unit_micros + excluded.unit_micros",
        (
            meter.allocation_id,
            day,
            meter.org_id,
            meter.project_id,
            meter.user_id,
            meter.sku.clone(),
            charge,
            meter.units.saturating_mul(span),
            meter.simulated,
        ),
    )
    .await
    .map(|_| ())
}

/// What is counted together: a whole organization, or a part of it.
#[derive(Debug, Clone, Copy)]
pub struct Within {
    /// The organization.
    pub org: OrgId,
    /// Only this department.
    pub department: Option<DeptId>,
    /// Only this project.
    pub project: Option<ProjectId>,
    /// Only this person.
    pub user: Option<UserId>,
}

/// Returns what was spent from a day on, and what is reserved for running work now.
pub async fn spent(tx: &mut Reader, within: Within, from: i64) -> Result<(Micros, Micros)> {
    let Within { org, department, project, user } = within;
    let spent: Micros = tx
        .value(
            "SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM spend_days
              WHERE org_id = $1 AND day >= $2
                AND ($3 IS NULL OR project_id = $3) AND ($4 IS NULL OR user_id = $4)
                AND ($5 IS NULL OR project_id IN
                  (SELECT id FROM projects WHERE org_id = $1 AND department_id = $5))",
            (org, from, project, user, department),
        )
        .await?;
    let reserved: Micros = tx
        .value(
            "SELECT CAST(COALESCE(SUM(remaining), 0) AS BIGINT) FROM holds
              WHERE org_id = $1 AND state = 'open'
                AND ($2 IS NULL OR project_id = $2) AND ($3 IS NULL OR user_id = $3)
                AND ($4 IS NULL OR project_id IN
                  (SELECT id FROM projects WHERE org_id = $1 AND department_id = $4))",
            (org, project, user, department),
        )
        .await?;
    // Metered usage is nobody's in person.
    let metered = match user {
        Some(_) => Micros::ZERO,
        None => metering::charged_since(tx, org, department, project, from).await?,
    };
    Ok((Micros(spent.0.saturating_add(metered.0)), reserved))
}

row! {
    /// What one day cost.
    pub struct Day {
        /// Its number.
        pub day: i64,
        /// How much.
        pub charge: Micros,
    }
}

/// Returns what each day of a span cost; days without a charge are not there.
pub async fn days(
    tx: &mut Reader,
    org: OrgId,
    (from, until): (i64, i64),
    department: Option<DeptId>,
) -> Result<Vec<Day>> {
    tx.list(
        "SELECT day, CAST(SUM(charge) AS BIGINT) FROM spend_days
          WHERE org_id = $1 AND day >= $2 AND day < $3
            AND ($4 IS NULL OR project_id IN
              (SELECT id FROM projects WHERE org_id = $1 AND department_id = $4))
          GROUP BY day ORDER BY day",
        (org, from, until, department),
    )
    .await
}

row! {
    struct DepartmentName {
        display_name: String,
    }
}

/// Returns the name of an organization's department.
pub async fn department(tx: &mut Reader, org: OrgId, id: DeptId) -> Result<Option<String>> {
    let row: Option<DepartmentName> = tx
        .find("SELECT display_name FROM departments WHERE id = $1 AND org_id = $2", (id, org))
        .await?;
    Ok(row.map(|row| row.display_name))
}

row! {
    struct Named {
        id: OrgId,
    }
}

/// Returns organizations in id order that spend something on a day.
pub async fn spending_on(tx: &mut Reader, day: i64, after: OrgId) -> Result<Vec<OrgId>> {
    let rows: Vec<Named> = tx
        .list(
            "SELECT o.id FROM organizations o WHERE o.id > $1
                AND (EXISTS (SELECT 1 FROM spend_days s WHERE s.org_id = o.id AND s.day = $2)
                  OR EXISTS (SELECT 1 FROM usage_days u WHERE u.org_id = o.id AND u.day = $2))
              ORDER BY o.id LIMIT 500",
            (after, day),
        )
        .await?;
    Ok(rows.into_iter().map(|row| row.id).collect())
}

/// Says that people were told of a day; false when they were before.
pub async fn alerted(tx: &mut WriteTx, org: OrgId, day: i64) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "INSERT INTO spend_alerts (org_id, day, told_at) VALUES ($1, $2, $3)
         ON CONFLICT (org_id) DO UPDATE SET day = excluded.day, told_at = excluded.told_at
          WHERE spend_alerts.day < excluded.day",
        (org, day, now),
    )
    .await
    .map(|count| count == 1)
}

row! {
    /// What a part cost: which allocation, where, whose, of what.
    pub struct Piece {
        /// Allocation; none for other usage.
        pub allocation_id: Option<AllocationId>,
        /// Project.
        pub project_id: ProjectId,
        /// Who launched it.
        pub user_id: Option<UserId>,
        /// What was used.
        pub sku: String,
        /// How much.
        pub charge: Micros,
        /// Microseconds of units.
        pub unit_micros: i64,
        /// Whether its hardware is simulated.
        pub simulated: bool,
    }
}

/// Returns what each allocation cost in a span of days, in id order.
pub async fn pieces(
    tx: &mut Reader,
    org: OrgId,
    (from, until): (i64, i64),
    after: AllocationId,
) -> Result<Vec<Piece>> {
    tx.list(
        "SELECT allocation_id, project_id, user_id, sku, CAST(SUM(charge) AS BIGINT),
                CAST(SUM(unit_micros) AS BIGINT), simulated
           FROM spend_days
          WHERE org_id = $1 AND day >= $2 AND day < $3 AND allocation_id > $4
          GROUP BY allocation_id, project_id, user_id, sku, simulated
          ORDER BY allocation_id LIMIT 1000",
        (org, from, until, after),
    )
    .await
}

row! {
    /// A name of something.
    pub struct ProjectName {
        /// Which project.
        pub id: ProjectId,
        /// Its name.
        pub name: String,
        /// Its department.
        pub department_id: DeptId,
        /// The department's name.
        pub department: String,
    }
}

/// Returns the names of an organization's projects, deleted ones too.
pub async fn projects(tx: &mut Reader, org: OrgId) -> Result<Vec<ProjectName>> {
    tx.list(
        "SELECT p.id, p.name, d.id, d.display_name FROM projects p JOIN departments d ON d.id = p.department_id
          WHERE p.org_id = $1",
        (org,),
    )
    .await
}
