//! What must hold of metered usage: every total is rated once, and its steps, events and postings are its charge.

use super::store::Total;
use crate::billing::{auditor::Finding, rating};
use api::Micros;
use kernel::{Result, db::Reader, row};

row! {
    struct Summed {
        steps: i64,
        quantity: i64,
        charge: Micros,
        told: i64,
    }
}

/// Looks for totals that break M7.
///
/// # Errors
/// What the database says.
pub async fn audit(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let rows: Vec<(Total, Summed)> = tx
        .list(
            "SELECT t.id, t.org_id, t.project_id, t.meter, t.subject, t.price_id, t.price, t.quantity,
                    t.charged, t.charges,
                    (SELECT COUNT(*) FROM usage_charges c WHERE c.total_id = t.id),
                    CAST(COALESCE((SELECT SUM(c.quantity) FROM usage_charges c WHERE c.total_id = t.id), 0) AS BIGINT),
                    CAST(COALESCE((SELECT SUM(c.charge) FROM usage_charges c WHERE c.total_id = t.id), 0) AS BIGINT),
                    CAST(COALESCE((SELECT SUM(e.quantity) FROM usage_events e JOIN usage_charges c ON c.id = e.charge_id
                      WHERE c.total_id = t.id), 0) AS BIGINT)
               FROM usage_totals t ORDER BY t.id",
            (),
        )
        .await?;
    for (total, sum) in rows {
        let (_, size) = total.meter.priced();
        let rated = rating::of_quantity(total.price, size, total.quantity);
        let whole = rated == Some(total.charged)
            && sum.charge == total.charged
            && sum.quantity == total.quantity
            && sum.told == total.quantity
            && sum.steps == total.charges;
        if !whole {
            let what = format!("{}: its events, steps and charge differ", total.id);
            findings.push(Finding { invariant: "M7", what });
        }
    }
    posted(tx, findings).await
}

/// What the ledger charged for metered usage is what its steps say, organization by organization.
async fn posted(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let wrong: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (SELECT o.id FROM organizations o WHERE
               COALESCE((SELECT SUM(p.amount) FROM ledger_postings p JOIN ledger_transactions t ON t.id = p.txn_id
                 WHERE t.org_id = o.id AND t.kind = 'usage' AND t.source = 'metered'), 0)
               <> COALESCE((SELECT SUM(c.charge) FROM usage_charges c WHERE c.org_id = o.id), 0)) wrong",
            (),
        )
        .await?;
    if wrong > 0 {
        let what = format!("{wrong} organizations were charged other than their metered usage");
        findings.push(Finding { invariant: "M7", what });
    }
    Ok(())
}
