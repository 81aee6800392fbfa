//! Counting requests: how many, how they ended, how long they took.

use api::Time;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{
        counter::Counter,
        family::{Family, MetricConstructor},
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

/// Upper bounds of the buckets, in seconds.
const BOUNDS: [f64; 9] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    action: &'static str,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Of {
    action: &'static str,
}

#[derive(Debug, Clone)]
struct Buckets;

impl MetricConstructor<Histogram> for Buckets {
    fn new_metric(&self) -> Histogram {
        Histogram::new(BOUNDS)
    }
}

/// The requests this process answered, by the action of their route.
#[derive(Debug, Clone)]
pub struct Traffic {
    ended: Family<Ended, Counter>,
    took: Family<Of, Histogram, Buckets>,
}

impl Default for Traffic {
    fn default() -> Self {
        Self { ended: Family::default(), took: Family::new_with_constructor(Buckets) }
    }
}

impl Traffic {
    pub(super) fn count(&self, action: &'static str, status: u16, began: Time, now: Time) {
        self.ended.get_or_create(&Ended { action, status }).inc();
        self.took.get_or_create(&Of { action }).observe(now.since(began).as_secs_f64());
    }

    /// Adds the counts to a registry, under `gpuaas_http_…`.
    pub fn register(&self, registry: &mut Registry) {
        let http = registry.sub_registry_with_prefix("http");
        http.register("requests", "Requests answered", self.ended.clone());
        let help = "From a request's head to its answer";
        http.register_with_unit("request_duration", help, Unit::Seconds, self.took.clone());
    }
}
