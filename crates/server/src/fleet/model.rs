//! Pure rules: how a node's status moves, and how a machine is cut into slots.

use api::{
    fleet::{NodeStatus, SlotKind},
    node::Inventory,
};
use kernel::Error;

/// What happens to a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// It said something.
    Heard,
    /// It was silent for too long.
    Silent,
    /// An operator approved its slots.
    Approved,
    /// An operator takes it out of scheduling.
    Drain,
    /// An operator blocks it.
    Quarantine,
    /// An operator puts it back.
    Resume,
}

/// Every event.
pub const EVENTS: &[Event] =
    &[Event::Heard, Event::Silent, Event::Approved, Event::Drain, Event::Quarantine, Event::Resume];

/// Says what may follow.
///
/// # Errors
/// `state_conflict`.
pub fn after(status: NodeStatus, event: Event) -> Result<NodeStatus, Error> {
    use NodeStatus::{
        Active, BootstrapIssued, Deleted, Draining, Enrolling, Offline, Quarantined, Removing,
        Retired,
    };
    match (status, event) {
        (Enrolling, Event::Approved) => Ok(Active),
        (Active | Offline, Event::Approved) => Ok(status),
        (Offline, Event::Heard) => Ok(Active),
        (BootstrapIssued, Event::Heard) => Ok(Enrolling),
        (Active, Event::Silent) => Ok(Offline),
        (Active | Offline | Quarantined, Event::Drain) => Ok(Draining),
        (Active | Offline | Enrolling, Event::Quarantine) => Ok(Quarantined),
        (Quarantined | Draining, Event::Resume) => Ok(Active),
        (Deleted | Removing | Retired, Event::Heard | Event::Silent) => Ok(status),
        (status, Event::Heard | Event::Silent) => Ok(status),
        (status, event) => Err(Error::new(api::Code::NotNow)
            .detail(format!("A node that is {status} cannot do this ({event:?}) now."))),
    }
}

/// Returns the table of moves, for the golden file.
pub fn states() -> String {
    let mut text = String::from("node\n");
    for status in NodeStatus::ALL {
        for event in EVENTS {
            if let Ok(next) = after(*status, *event)
                && next != *status
            {
                text.push_str(&format!(
                    "  {:<18}{:<12}{next}\n",
                    status.as_str(),
                    format!("{event:?}")
                ));
            }
        }
    }
    text
}

/// A slot as cut from a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Place on the machine.
    pub slot_index: i64,
    /// GPU or processors.
    pub kind: SlotKind,
    /// Model.
    pub model: String,
    /// The GPU's UUID.
    pub gpu_uuid: Option<String>,
    /// The GPU's memory, MiB.
    pub gpu_memory_mib: i64,
    /// Processor time, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory, MiB.
    pub mem_mib: i64,
}

/// Memory kept for the machine itself, MiB.
const KEPT_MIB: i64 = 1024;

/// Cuts a machine: one slot a GPU, or, without any, one slot a processor. Each gets an equal share of
/// processors and memory, at least a quarter of a core and 256 MiB.
pub fn cut(inventory: &Inventory) -> Vec<Cut> {
    let count = i64::try_from(inventory.gpus.len()).unwrap_or(0);
    let count = if count == 0 { inventory.cpu_count.clamp(1, 64) } else { count };
    let cpu_milli = (inventory.cpu_count.saturating_mul(1000) / count).max(250);
    let mem_mib = ((inventory.memory_mib - KEPT_MIB) / count).max(256);
    if inventory.gpus.is_empty() {
        let model = "CPU".to_owned();
        return (0..count)
            .map(|slot_index| Cut {
                slot_index,
                kind: SlotKind::Cpu,
                model: model.clone(),
                gpu_uuid: None,
                gpu_memory_mib: 0,
                cpu_milli,
                mem_mib,
            })
            .collect();
    }
    inventory
        .gpus
        .iter()
        .map(|gpu| Cut {
            slot_index: gpu.index,
            kind: SlotKind::Gpu,
            model: gpu.model.clone(),
            gpu_uuid: Some(gpu.uuid.clone()),
            gpu_memory_mib: gpu.memory_mib,
            cpu_milli,
            mem_mib,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_and_voice_move_a_node_between_active_and_offline_only() {
        for status in NodeStatus::ALL {
            let silent = after(*status, Event::Silent).unwrap();
            assert_eq!(silent != *status, *status == NodeStatus::Active);
            assert!(after(*status, Event::Heard).is_ok());
        }
    }

    #[test]
    fn a_machine_is_cut_into_equal_shares() {
        let mut inventory = Inventory {
            agent_version: String::new(),
            hostname: String::new(),
            kernel: String::new(),
            cpu_count: 2,
            memory_mib: 5 * 1024,
            disk_mib: 0,
            gpus: vec![],
            simulated: false,
            runtime: String::new(),
            not_enforced: vec![],
        };
        let cuts = cut(&inventory);
        assert_eq!((cuts.len(), cuts[0].cpu_milli, cuts[0].mem_mib), (2, 1000, 2048));
        inventory.gpus = (0..16)
            .map(|index| api::node::Gpu {
                index,
                uuid: format!("u{index}"),
                model: "H100".into(),
                memory_mib: 81_559,
            })
            .collect();
        let cuts = cut(&inventory);
        assert_eq!((cuts.len(), cuts[0].cpu_milli, cuts[0].mem_mib), (16, 250, 256));
    }
}
