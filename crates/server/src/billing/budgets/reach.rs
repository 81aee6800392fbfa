//! Which budgets reach a launch, and what is left of each.

use super::store::{self, Budget};
use crate::{
    billing::{
        spend::{Month, Within, spent},
        store::lock_money,
    },
    tenancy::{InProject, find_project},
};
use api::{DeptId, Micros, OrgId, ProjectId, UserId, budgets::Period};
use kernel::{Error, Result, db::Reader};

/// A budget that reaches a launch.
#[derive(Debug, Clone)]
pub struct BudgetFact {
    /// Of what, in words.
    pub place: String,
    /// How much may be spent.
    pub amount: Micros,
    /// What was spent in its period.
    pub spent: Micros,
    /// What is reserved for running work there.
    pub reserved: Micros,
    /// Whether it stops launches.
    pub hard: bool,
    /// Over what it counts.
    pub period: Period,
}

/// A budget that is used up, and releases what runs there.
#[derive(Debug, Clone)]
pub struct UsedUp {
    /// Whose.
    pub org_id: OrgId,
    /// Only this department.
    pub department_id: Option<DeptId>,
    /// Only this project.
    pub project_id: Option<ProjectId>,
    /// Only this person.
    pub user_id: Option<UserId>,
    /// Of what, by name.
    pub place: String,
}

impl BudgetFact {
    /// Returns what is left when a reservation is made besides; less than nothing when it does not fit.
    pub fn left_after(&self, hold: Micros) -> i128 {
        i128::from(self.amount.0)
            - i128::from(self.spent.0)
            - i128::from(self.reserved.0)
            - i128::from(hold.0)
    }
}

/// Says of what a budget is.
pub(super) fn place(row: &Budget) -> String {
    match () {
        () if row.user_id.is_some() => "a person",
        () if row.project_id.is_some() => "the project",
        () if row.department_id.is_some() => "the department",
        () => "the organization",
    }
    .to_owned()
}

/// Returns the first day a budget's period counts.
pub(super) fn from(row: &Budget, now: api::Time) -> i64 {
    match row.period {
        Period::Month => Month::of(now).from(),
        Period::Total => 0,
    }
}

/// Returns what was spent of a budget, and what is reserved there.
pub(super) async fn used(tx: &mut Reader, row: &Budget) -> Result<(Micros, Micros)> {
    let within = Within {
        org: row.org_id,
        department: row.department_id,
        project: row.project_id,
        user: row.user_id,
    };
    let from = from(row, tx.now());
    spent(tx, within, from).await
}

/// Returns the budgets that are used up and release what runs.
///
/// # Errors
/// What the database says.
pub async fn used_up(tx: &mut Reader) -> Result<Vec<UsedUp>> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let rows = store::stopping(tx, after).await?;
        let Some(last) = rows.last() else { return Ok(found) };
        after = Some(last.id);
        for row in rows {
            let (spent, _) = used(tx, &row).await?;
            if spent >= row.amount {
                let place = super::set::place(tx, &row).await?;
                found.push(UsedUp {
                    org_id: row.org_id,
                    department_id: row.department_id,
                    project_id: row.project_id,
                    user_id: row.user_id,
                    place,
                });
            }
        }
    }
}

/// Returns the budgets that reach a launch. Whoever is about to make one waits here for those who do the same.
///
/// # Errors
/// What the database says.
pub async fn reach(
    tx: &mut Reader,
    scope: &InProject,
    user: UserId,
    holding: bool,
) -> Result<Vec<BudgetFact>> {
    let rows = store::list(tx, scope.org_id()).await?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    if holding {
        lock_money(tx, scope.org_id()).await?;
    }
    let project = find_project(tx, scope.project_id()).await?.ok_or_else(Error::not_found)?;
    let mut found = Vec::new();
    for row in rows {
        let reaches = row.department_id.is_none_or(|id| id == project.department_id)
            && row.project_id.is_none_or(|id| id == project.id)
            && row.user_id.is_none_or(|id| id == user);
        if reaches {
            let (spent, reserved) = used(tx, &row).await?;
            let (place, amount) = (place(&row), row.amount);
            let (hard, period) = (row.hard, row.period);
            found.push(BudgetFact { place, amount, spent, reserved, hard, period });
        }
    }
    Ok(found)
}
