//! SQL of what metered usage cost by day.

use api::{DeptId, Micros, OrgId, ProjectId, metering::UsageMeter};
use kernel::{Result, db::Reader, row};

/// Returns what was charged from a day on: of an organization, a department, a project.
pub async fn charged_since(
    tx: &mut Reader,
    org: OrgId,
    department: Option<DeptId>,
    project: Option<ProjectId>,
    from: i64,
) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM usage_days
          WHERE org_id = $1 AND day >= $2 AND ($3 IS NULL OR project_id = $3)
            AND ($4 IS NULL OR project_id IN
              (SELECT id FROM projects WHERE org_id = $1 AND department_id = $4))",
        (org, from, project, department),
    )
    .await
}

row! {
    /// What a day cost.
    pub struct ChargedDay {
        /// Its number.
        pub day: i64,
        /// How much.
        pub charge: Micros,
    }
}

/// Returns what each day of a span cost.
pub async fn charged_days(
    tx: &mut Reader,
    org: OrgId,
    (from, until): (i64, i64),
    department: Option<DeptId>,
) -> Result<Vec<ChargedDay>> {
    tx.list(
        "SELECT day, CAST(SUM(charge) AS BIGINT) FROM usage_days
          WHERE org_id = $1 AND day >= $2 AND day < $3
            AND ($4 IS NULL OR project_id IN
              (SELECT id FROM projects WHERE org_id = $1 AND department_id = $4))
          GROUP BY day ORDER BY day",
        (org, from, until, department),
    )
    .await
}

row! {
    /// What a subject cost.
    pub struct ChargedPiece {
        /// Where.
        pub project_id: ProjectId,
        /// What was used.
        pub meter: UsageMeter,
        /// By what.
        pub subject: String,
        /// How much it cost.
        pub charge: Micros,
    }
}

/// Returns what each subject cost in a span of days.
pub async fn charged_pieces(
    tx: &mut Reader,
    org: OrgId,
    (from, until): (i64, i64),
) -> Result<Vec<ChargedPiece>> {
    tx.list(
        "SELECT project_id, meter, subject, CAST(SUM(charge) AS BIGINT)
           FROM usage_days WHERE org_id = $1 AND day >= $2 AND day < $3
          GROUP BY project_id, meter, subject",
        (org, from, until),
    )
    .await
}
