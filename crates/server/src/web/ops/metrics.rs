//! What monitoring reads: `GET /metrics` on a listener of its own, OpenMetrics text. Counts and states
//! only; nothing in it names a tenant.

use super::overview;
use crate::allocations;
use api::operations::OpsOverview;
use axum::{Router, extract::State, response::IntoResponse, routing::get};
use http::{StatusCode, header};
use kernel::{App, Context, Result};
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{family::Family, gauge::Gauge, info::Info},
    registry::{Registry, Unit},
};

const MEDIA: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    of: String,
}

type Gauges = Family<Of, Gauge>;

/// Returns the router of the listener.
pub fn router(app: &App) -> Router {
    Router::new().route("/metrics", get(read)).with_state(app.clone())
}

async fn read(State(app): State<App>) -> impl IntoResponse {
    match text(&app).await {
        Ok(text) => (StatusCode::OK, [(header::CONTENT_TYPE, MEDIA)], text),
        Err(error) => {
            tracing::error!(%error, "metrics cannot be read");
            let words = "The database does not answer.\n".to_owned();
            (StatusCode::SERVICE_UNAVAILABLE, [(header::CONTENT_TYPE, "text/plain")], words)
        }
    }
}

async fn text(app: &App) -> Result<String> {
    let ops = overview(app).await?;
    let states = allocations::count_open(&mut *app.db.read().await?).await?;
    let mut registry = Registry::with_prefix("gpuaas");
    app.traffic.register(&mut registry);
    service(&mut registry, &ops);
    let set = |registry: &mut Registry, name: &str, help: &str, values: Vec<(String, i64)>| {
        let gauges = Gauges::default();
        for (of, value) in values {
            gauges.get_or_create(&Of { of }).set(value);
        }
        registry.register(name, help, gauges);
    };
    set(&mut registry, "allocations", "Allocations that are not over, by state", states);
    let running = ops.backlog.iter().map(|one| (one.kind.clone(), one.running)).collect();
    set(&mut registry, "tasks_running", "Operations in progress, by kind", running);
    let late = ops.backlog.iter().map(|one| (one.kind.clone(), one.late)).collect();
    set(&mut registry, "tasks_late", "Of them, past the deadline of their step", late);
    let failed = ops.sweeps.iter().map(|one| (one.name.clone(), i64::from(one.failed))).collect();
    set(&mut registry, "sweep_failed", "Background checks whose last run failed", failed);
    let fleet = ops.fleet;
    let nodes = vec![("active".to_owned(), fleet.active), ("all".to_owned(), fleet.nodes)];
    set(&mut registry, "nodes", "Nodes", nodes);
    let slots = vec![("free".to_owned(), fleet.free), ("all".to_owned(), fleet.slots)];
    set(&mut registry, "slots", "Slots", slots);
    let mut text = String::new();
    encode(&mut text, &registry).context("write metrics down")?;
    Ok(text)
}

fn service(registry: &mut Registry, ops: &OpsOverview) {
    let health = &ops.health;
    let build = Info::new(vec![("version", health.version.clone())]);
    registry.register("build", "The program", build);
    let one = |value: i64| {
        let gauge: Gauge = Gauge::default();
        gauge.set(value);
        gauge
    };
    let faults = ops.attention.iter().filter(|one| one.kind.is_fault()).count();
    let faults = one(i64::try_from(faults).unwrap_or(i64::MAX));
    registry.register("faults", "Faults that need a person", faults);
    let waiting = one(health.audit_waiting);
    registry.register("audit_waiting", "Audit entries that are not chained yet", waiting);
    let started = one(health.started_at.0 / 1_000_000);
    let help = "When the program started, since 1970";
    registry.register_with_unit("start_time", help, Unit::Seconds, started);
}
