//! SQL of budgets.

use api::{BudgetId, DeptId, Micros, OrgId, ProjectId, Time, TypedId, UserId, budgets::Period};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A budget.
    pub struct Budget in "budgets" {
        /// Identifier.
        pub id: BudgetId,
        /// Organization.
        pub org_id: OrgId,
        /// Of this department.
        pub department_id: Option<DeptId>,
        /// Of this project.
        pub project_id: Option<ProjectId>,
        /// Of this person.
        pub user_id: Option<UserId>,
        /// Over what it counts.
        pub period: Period,
        /// How much may be spent.
        pub amount: Micros,
        /// Whether launches are stopped when it is used up.
        pub hard: bool,
        /// Who set it.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
        /// The last percentage people were told of.
        pub warned: i64,
        /// The first day of the period that was in.
        pub warned_from: i64,
        /// Whether what runs is released when it is used up.
        pub stops: bool,
    }
}

/// Returns an organization's budgets.
pub async fn list(tx: &mut Reader, org: OrgId) -> Result<Vec<Budget>> {
    tx.list("SELECT {} FROM budgets WHERE org_id = $1 ORDER BY id LIMIT 500", (org,)).await
}

/// Returns a budget.
pub async fn find(tx: &mut Reader, id: BudgetId) -> Result<Option<Budget>> {
    tx.find("SELECT {} FROM budgets WHERE id = $1", (id,)).await
}

/// Changes what a budget says.
pub async fn change(tx: &mut WriteTx, row: &Budget) -> Result<u64> {
    tx.run(
        "UPDATE budgets SET amount = $1, hard = $2, set_by = $3, set_at = $4, warned = 0, stops = $5
          WHERE id = $6",
        (row.amount, row.hard, row.set_by, row.set_at, row.stops, row.id),
    )
    .await
}

/// Takes a budget away.
pub async fn remove(tx: &mut WriteTx, id: BudgetId) -> Result<u64> {
    tx.run("DELETE FROM budgets WHERE id = $1", (id,)).await
}

/// Returns budgets in id order.
pub async fn after(tx: &mut Reader, after: Option<BudgetId>) -> Result<Vec<Budget>> {
    tx.list(
        "SELECT {} FROM budgets WHERE id > $1 ORDER BY id LIMIT 500",
        (after.unwrap_or(BudgetId::first()),),
    )
    .await
}

/// Returns budgets that release what runs when they are used up, in id order.
pub async fn stopping(tx: &mut Reader, after: Option<BudgetId>) -> Result<Vec<Budget>> {
    tx.list(
        "SELECT {} FROM budgets WHERE stops AND id > $1 ORDER BY id LIMIT 500",
        (after.unwrap_or(BudgetId::first()),),
    )
    .await
}

/// Writes what people were told of; false when another server did, or it was set anew.
pub async fn warned(tx: &mut WriteTx, row: &Budget, level: i64, from: i64) -> Result<bool> {
    tx.run(
        "UPDATE budgets SET warned = $1, warned_from = $2
          WHERE id = $3 AND warned = $4 AND warned_from = $5 AND set_at = $6",
        (level, from, row.id, row.warned, row.warned_from, row.set_at),
    )
    .await
    .map(|count| count == 1)
}
