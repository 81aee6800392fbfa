//! Which slots a launch gets. Pure: values in, a plan or a named refusal out. No I/O, no clock.
//!
//! Promises: all slots of a plan are on one machine; a whole machine is taken only when nobody is on
//! it; a machine whose kernel is shared serves one organization at a time unless its operator said
//! otherwise. Among machines that fit, the one with the fewest slots left over is taken, so that large
//! requests find room later; ties go to the lowest id, so a plan can be explained.

use crate::fleet::{FreeSlot, SharedKernel};
use api::{NodeId, OrgId, SlotId};
use std::collections::BTreeMap;

/// What is to be placed.
#[derive(Debug, Clone, Copy)]
pub struct Request {
    /// How many slots.
    pub count: usize,
    /// Whether they must be a whole machine.
    pub whole_node: bool,
    /// For whom.
    pub org_id: OrgId,
}

/// Where it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Machine.
    pub node_id: NodeId,
    /// Slots.
    pub slots: Vec<SlotId>,
    /// Processor time of all of them, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory of all of them, MiB.
    pub mem_mib: i64,
}

/// Why it does not fit now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is free.
    NothingFree,
    /// There is room, but not on one machine.
    NotOnOneMachine {
        /// The most that one machine could give.
        largest: usize,
    },
}

/// Returns where a request goes.
///
/// # Errors
/// Why it does not fit now.
pub fn plan(free: &[FreeSlot], request: Request) -> Result<Plan, Refusal> {
    let mut machines: BTreeMap<NodeId, Vec<&FreeSlot>> = BTreeMap::new();
    for slot in free.iter().filter(|slot| open_to(slot, request.org_id)) {
        machines.entry(slot.node_id).or_default().push(slot);
    }
    if machines.is_empty() {
        return Err(Refusal::NothingFree);
    }
    let fits = |slots: &Vec<&FreeSlot>| {
        let whole = slots.iter().all(|slot| {
            slot.taken_on_node == 0 && usize::try_from(slot.approved_on_node) == Ok(slots.len())
        });
        if request.whole_node {
            whole && slots.len() == request.count
        } else {
            slots.len() >= request.count
        }
    };
    let best = machines
        .iter()
        .filter(|(_, slots)| fits(slots))
        .min_by_key(|(id, slots)| (slots.len(), **id));
    let Some((node_id, slots)) = best else {
        let largest = machines.values().map(Vec::len).max().unwrap_or(0);
        return Err(Refusal::NotOnOneMachine { largest });
    };
    let chosen: Vec<&&FreeSlot> = slots.iter().take(request.count).collect();
    Ok(Plan {
        node_id: *node_id,
        slots: chosen.iter().map(|slot| slot.id).collect(),
        cpu_milli: chosen.iter().map(|slot| slot.cpu_milli).sum(),
        mem_mib: chosen.iter().map(|slot| slot.mem_mib).sum(),
    })
}

fn open_to(slot: &FreeSlot, org: OrgId) -> bool {
    slot.shared_kernel == SharedKernel::Allowed || slot.tenant.is_none_or(|tenant| tenant == org)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    fn org(n: u128) -> OrgId {
        OrgId(Uuid::from_u128(n))
    }

    fn machine(
        node: u128,
        free: usize,
        approved: i64,
        taken: i64,
        tenant: Option<u128>,
        shared: SharedKernel,
    ) -> Vec<FreeSlot> {
        (0..free)
            .map(|index| FreeSlot {
                id: SlotId(Uuid::from_u128(node * 1000 + index as u128)),
                node_id: NodeId(Uuid::from_u128(node)),
                slot_index: index as i64,
                approved_on_node: approved,
                taken_on_node: taken,
                shared_kernel: shared,
                tenant: tenant.map(org),
                cpu_milli: 1000,
                mem_mib: 1024,
            })
            .collect()
    }

    const ALONE: SharedKernel = SharedKernel::OneOrganization;

    #[test]
    fn the_tightest_machine_that_fits_is_taken() {
        let mut free = machine(1, 8, 8, 0, None, ALONE);
        free.extend(machine(2, 3, 8, 5, Some(7), ALONE));
        free.extend(machine(3, 2, 8, 6, Some(7), ALONE));
        let request = Request { count: 2, whole_node: false, org_id: org(7) };
        assert_eq!(plan(&free, request).unwrap().node_id, NodeId(Uuid::from_u128(3)));
        let three = Request { count: 3, ..request };
        assert_eq!(plan(&free, three).unwrap().node_id, NodeId(Uuid::from_u128(2)));
        let stranger = Request { org_id: org(9), ..request };
        assert_eq!(plan(&free, stranger).unwrap().node_id, NodeId(Uuid::from_u128(1)));
        let nine = Request { count: 9, ..request };
        assert_eq!(plan(&free, nine), Err(Refusal::NotOnOneMachine { largest: 8 }));
    }

    #[test]
    fn a_whole_machine_is_whole() {
        let request = Request { count: 8, whole_node: true, org_id: org(7) };
        assert!(plan(&machine(1, 8, 8, 0, None, ALONE), request).is_ok());
        assert!(plan(&machine(1, 8, 9, 1, Some(7), ALONE), request).is_err());
        assert_eq!(plan(&[], request), Err(Refusal::NothingFree));
    }

    proptest! {
        #[test]
        fn a_plan_is_on_one_machine_free_and_exactly_what_was_asked(
            sizes in proptest::collection::vec((0_usize..9, any::<bool>(), 0_u128..3), 1..12),
            count in 1_usize..10, whole in any::<bool>(), who in 0_u128..3,
        ) {
            let mut free = Vec::new();
            for (node, (size, shared, tenant)) in sizes.iter().enumerate() {
                let shared = if *shared { SharedKernel::Allowed } else { ALONE };
                let taken = (8 - (*size as i64)).max(0);
                let tenant = (taken > 0).then_some(*tenant);
                free.extend(machine(node as u128 + 1, *size, *size as i64 + taken, taken, tenant, shared));
            }
            let request = Request { count, whole_node: whole, org_id: org(who) };
            if let Ok(plan) = plan(&free, request) {
                prop_assert_eq!(plan.slots.len(), count);
                for id in &plan.slots {
                    let slot = free.iter().find(|slot| slot.id == *id).unwrap();
                    prop_assert_eq!(slot.node_id, plan.node_id);
                    prop_assert!(open_to(slot, org(who)));
                    prop_assert!(!whole || slot.taken_on_node == 0);
                }
            }
        }
    }
}
