//! `/platform/ops`: what needs a person, what is in progress, how the service is; and the components
//! every page is made of.

mod components;
mod machines;
mod metrics;
mod page;

pub use components::ComponentsView;
pub use metrics::router as metrics;
pub use page::OpsView;

use crate::{
    allocations, billing, evidence, fleet, operations,
    tenancy::{Operator, OperatorAction},
};
use api::operations::{OpsOverview, ServiceHealth};
use kernel::{
    App, Result,
    http::{Json, Route},
};

/// Looks at the state of the service.
pub struct ReadOps;
impl OperatorAction for ReadOps {
    const NAME: &'static str = "ops.read";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/admin/ops/overview", overview_http)
            .says("Says what needs a person, what is in progress, and how the service is."),
        Route::get("/platform/ops", page::ops_page),
        Route::get("/platform/ops/components", components::components_page),
    ]
}

async fn overview_http(_: Operator<ReadOps>, app: App, (): ()) -> Result<Json<OpsOverview>> {
    overview(&app).await.map(Json)
}

async fn overview(app: &App) -> Result<OpsOverview> {
    let mut tx = app.db.read().await?;
    let mut attention = allocations::attention(&mut tx).await?;
    let (fleet, more) = fleet::overview(app, &mut tx).await?;
    attention.extend(more);
    let (node_work, more) = fleet::work_backlog(app, &mut tx).await?;
    attention.extend(more);
    let (streams, more) = fleet::stream_troubles(app, &mut tx).await?;
    attention.extend(more);
    let (backlog, sweeps, more) = operations::overview(app, &mut tx).await?;
    attention.extend(more);
    let chain = app.get::<evidence::ChainWatch>().latest();
    attention.extend(evidence::attention(&chain));
    attention.extend(billing::payment_attention(app, &mut tx).await?);
    let audited = app.get::<billing::Audited>();
    attention.extend(audited.attention());
    attention.sort_by_key(|one| (!one.kind.is_fault(), one.since));
    let health = ServiceHealth {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_at: app.get::<operations::Started>().0,
        clock_drift_ms: app.seams.clock.drift_micros() / 1000,
        audit_entries: chain.entries,
        audit_waiting: chain.waiting,
        ledger_checked_at: audited.at(),
    };
    Ok(OpsOverview { attention, backlog, node_work, streams, fleet, health, sweeps })
}
