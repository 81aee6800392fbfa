//! What can be bought, on the wire.

use crate::{Money, SkuId, fleet::SlotKind, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// How capacity is cut (reference 2.10).
    pub enum Shape {
        /// A whole machine.
        Baremetal = "baremetal",
        /// One or more slots of one machine.
        GpuSlice = "gpu_slice",
    }
}

words! {
    /// What keeps two tenants apart.
    pub enum Isolation {
        /// The host's kernel, separated by namespaces and limits.
        SharedKernel = "shared kernel",
        /// A virtual machine.
        Vm = "vm",
        /// Nobody else on the machine.
        WholeMachine = "whole machine",
    }
}

/// Something that can be bought.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SkuView {
    /// Identifier.
    pub id: SkuId,
    /// Stable name: `h100-slice`.
    pub sku: String,
    /// Name for people.
    pub display_name: String,
    /// GPU or processors.
    pub kind: SlotKind,
    /// How capacity is cut.
    pub capacity_shape: Shape,
    /// What keeps tenants apart.
    pub isolation: Isolation,
    /// Units one may take.
    pub allowed_counts: Vec<i64>,
    /// Price per unit and hour, as the project pays it.
    pub price_per_hour: Option<Money>,
    /// What the list says, where the project pays something else.
    #[serde(default)]
    pub list_price_per_hour: Option<Money>,
    /// The time of a run is rounded up to steps of so many seconds.
    #[serde(default)]
    pub increment_seconds: i64,
    /// A run costs at least so many seconds.
    #[serde(default)]
    pub minimum_seconds: i64,
    /// Units free right now.
    pub free: i64,
    /// The most units free on one machine.
    pub largest: i64,
    /// Units in all.
    pub total: i64,
    /// Processor time a unit, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory a unit, MiB.
    pub mem_mib: i64,
    /// GPU memory a unit, MiB; 0 for processors.
    pub gpu_memory_mib: i64,
    /// Whether the hardware is simulated.
    pub simulated: bool,
    /// Whether people see it.
    pub active: bool,
    /// Whether its launches need an SSH key, whatever the organization says.
    #[serde(default)]
    pub requires_key: bool,
}

/// `PATCH /api/v1/admin/catalog/{sku_id}`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SkuEdit {
    /// New price per unit and hour, decimal; running work keeps its own.
    #[serde(default)]
    pub price_per_hour: Option<String>,
    /// The time of a run is rounded up to steps of so many seconds, 1 to 3600.
    #[serde(default)]
    pub increment_seconds: Option<i64>,
    /// A run costs at least so many seconds, 0 to 86400.
    #[serde(default)]
    pub minimum_seconds: Option<i64>,
    /// Whether people see it.
    #[serde(default)]
    pub active: Option<bool>,
    /// Whether its launches need an SSH key, whatever the organization says.
    #[serde(default)]
    pub requires_key: Option<bool>,
}
