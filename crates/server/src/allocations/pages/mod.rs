//! Pages of allocations.

mod admin;
mod connect;
mod keys;
mod launch;
mod task;
mod workload;
mod workloads;

pub use admin::AllocationsAdminView;
pub use connect::decides;
pub use launch::LaunchView;
pub use task::TaskPageView;
pub use workload::WorkloadPageView;
pub use workloads::WorkloadsView;

use kernel::http::Route;

pub(super) fn routes() -> Vec<Route> {
    let mut routes = launch::routes();
    routes.extend(task::routes());
    routes.extend(workloads::routes());
    routes.extend(workload::routes());
    routes.extend(admin::routes());
    routes
}

/// A sample allocation.
pub(super) fn sample(state: api::allocations::AllocationState) -> api::allocations::AllocationView {
    use api::{AllocationId, Currency, Micros, Money, NodeId, ProjectId, TaskId, Time, UserId};
    let nil = uuid::Uuid::nil();
    let eur = |micros| Money::new(Micros(micros), Currency::EUR);
    let at = Time(1_795_000_000_000_000);
    api::allocations::AllocationView {
        id: AllocationId(nil),
        project_id: ProjectId(nil),
        name: "A workload with the longest name that anybody may give it".into(),
        state,
        unreachable: false,
        sku: "sim-h100-slice".into(),
        count: 8,
        price_per_hour: eur(2_490_000),
        list_price_per_hour: Some(eur(2_990_000)),
        increment_seconds: 60,
        minimum_seconds: 0,
        charged: eur(332_001),
        node_id: Some(NodeId(nil)),
        requested_by: UserId(nil),
        reason: super::model::is_over(state)
            .then(|| "The balance ran out. Add funds and launch again.".into()),
        task_id: Some(TaskId(nil)),
        simulated: true,
        created_at: at,
        ready_at: Some(at),
        release_asked_at: None,
        ended_at: None,
    }
}
