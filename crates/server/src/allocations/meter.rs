//! What is held here, for quotas.

use crate::tenancy::{Counting, Target};
use api::quotas::Dimension;
use kernel::{db::Reader, row};

row! {
    struct Held {
        allocations: i64,
        gpus: i64,
        cpu_milli: i64,
        mem_mib: i64,
    }
}

/// Counts allocations that are not over, and what they hold.
pub fn meter(tx: &mut Reader, target: Target) -> Counting<'_> {
    Box::pin(async move {
        let held: Held = tx
            .get(
                "SELECT COUNT(DISTINCT a.id),
                        COUNT(CASE WHEN s.kind = 'gpu' THEN 1 END),
                        CAST(COALESCE(SUM(s.cpu_milli), 0) AS BIGINT),
                        CAST(COALESCE(SUM(s.mem_mib), 0) AS BIGINT)
                   FROM projects p
                   JOIN allocations a ON a.project_id = p.id AND a.ended_at IS NULL
                   LEFT JOIN claims c ON c.allocation_id = a.id AND c.state = 'live'
                   LEFT JOIN node_slots s ON s.id = c.slot_id
                  WHERE p.org_id = $1 AND ($2 IS NULL OR p.department_id = $2)
                    AND ($3 IS NULL OR p.id = $3) AND ($4 IS NULL OR a.requested_by = $4)",
                (target.org, target.department, target.project, target.user),
            )
            .await?;
        Ok(vec![
            (Dimension::Allocations, held.allocations),
            (Dimension::Gpus, held.gpus),
            (Dimension::Vcpus, held.cpu_milli),
            (Dimension::MemoryGib, held.mem_mib),
        ])
    })
}
