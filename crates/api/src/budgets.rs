//! Costs and budgets on the wire.

use crate::{BudgetId, DeptId, Money, OrgId, ProjectId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// Over what a budget counts.
    pub enum Period {
        /// From the first to the last day of a month (UTC).
        Month = "month",
        /// From the beginning.
        Total = "total",
    }
}

words! {
    /// By what costs are told apart.
    pub enum CostBy {
        /// Department.
        Department = "department",
        /// Project.
        Project = "project",
        /// Who launched it.
        Person = "person",
        /// What was used.
        Sku = "sku",
        /// Workload.
        Workload = "workload",
    }
}

/// What something cost.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct CostRow {
    /// The identifier, or the SKU's name; empty where nobody is known.
    pub key: String,
    /// In words.
    pub name: String,
    /// How much.
    pub charge: Money,
    /// Seconds of units: two GPUs for three seconds are six.
    pub unit_seconds: i64,
    /// Whether its hardware is simulated.
    pub simulated: bool,
}

/// What one day cost.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct CostDay {
    /// `2026-11-22`, UTC.
    pub day: String,
    /// How much.
    pub charge: Money,
}

/// `GET /api/v1/billing/costs`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Costs {
    /// `2026-11`, UTC.
    pub month: String,
    /// By what the rows are told apart.
    pub by: CostBy,
    /// Only this department, where one was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department_id: Option<DeptId>,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// The month's sum.
    pub total: Money,
    /// What the whole month comes to if the rest is like its days so far; only for the present month.
    pub forecast: Option<Money>,
    /// The parts, the dearest first.
    pub rows: Vec<CostRow>,
    /// Each day of the month so far.
    pub days: Vec<CostDay>,
}

/// `POST /api/v1/billing/budgets`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSet {
    /// How much may be spent.
    pub amount: Money,
    /// Over what it counts.
    pub period: Period,
    /// Whether launches are stopped when it is used up; otherwise it warns alone.
    #[serde(default)]
    pub hard: bool,
    /// Whether what runs is released then too; only of a hard one.
    #[serde(default)]
    pub stop: bool,
    /// Of this department.
    #[serde(default)]
    pub department_id: Option<DeptId>,
    /// Of this project.
    #[serde(default)]
    pub project_id: Option<ProjectId>,
    /// Of this member, by sign-in name; of the whole organization when nothing is named.
    #[serde(default)]
    pub email: Option<String>,
}

/// A budget and what was spent of it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct BudgetView {
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
    /// Of what, in words.
    pub place: String,
    /// Over what it counts.
    pub period: Period,
    /// How much may be spent.
    pub amount: Money,
    /// Whether launches are stopped when it is used up.
    pub hard: bool,
    /// Whether what runs is released then too.
    #[serde(default)]
    pub stop: bool,
    /// What was spent in its period.
    pub spent: Money,
    /// What is reserved for running work there.
    pub reserved: Money,
    /// When it was set.
    pub set_at: Time,
}
