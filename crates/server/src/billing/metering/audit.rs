//! What must hold of metered usage: every total is rated once, and its steps, events and postings are its charge.

use super::store::Total;
use crate::billing::{auditor::Finding, rating};
use api::{Micros, TypedId, UsageTotalId};
use kernel::{Result, db::Reader, row};

row! {
    struct Summed {
        steps: i64,
        quantity: i64,
        charge: Micros,
        told: i64,
    }
}

/// How many totals are looked at in one statement.
const EACH: i64 = 200;

/// Looks for totals that break M7.
///
/// # Errors
/// What the database says.
pub async fn audit(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let mut after = UsageTotalId::first();
    loop {
        let rows = summed(tx, after).await?;
        let Some((last, _)) = rows.last() else { break };
        after = last.id;
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
    }
    posted(tx, findings).await
}

async fn summed(tx: &mut Reader, after: UsageTotalId) -> Result<Vec<(Total, Summed)>> {
    tx.list(
        "SELECT t.id, t.org_id, t.project_id, t.meter, t.subject, t.price_id, t.price, t.quantity,
                t.charged, t.charges, t.price_line_id,
                (SELECT COUNT(*) FROM usage_charges c WHERE c.total_id = t.id),
                CAST(COALESCE((SELECT SUM(c.quantity) FROM usage_charges c WHERE c.total_id = t.id), 0) AS BIGINT),
                CAST(COALESCE((SELECT SUM(c.charge) FROM usage_charges c WHERE c.total_id = t.id), 0) AS BIGINT),
                CAST(COALESCE((SELECT SUM(e.quantity) FROM usage_charges c JOIN usage_events e ON e.charge_id = c.id
                  WHERE c.total_id = t.id), 0) AS BIGINT)
           FROM usage_totals t WHERE t.id > $1 ORDER BY t.id LIMIT $2",
        (after, EACH),
    )
    .await
}

/// What the ledger charged for metered usage is what its steps and days say, organization by organization.
async fn posted(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let wrong: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT c.txn_id FROM usage_charges c WHERE c.txn_id IS NOT NULL GROUP BY c.txn_id
               HAVING SUM(c.charge) <> COALESCE((SELECT SUM(p.amount) FROM ledger_postings p
                      WHERE p.txn_id = c.txn_id), 0)) wrong",
            (),
        )
        .await?;
    let days: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT d.org_id FROM usage_days d GROUP BY d.org_id
               HAVING SUM(d.charge) <> COALESCE((SELECT SUM(c.charge) FROM usage_charges c
                      WHERE c.org_id = d.org_id), 0)) wrong",
            (),
        )
        .await?;
    let owed: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT d.org_id FROM usage_debts d WHERE d.owed + d.paid <>
                 COALESCE((SELECT SUM(p.amount) FROM ledger_transactions t
                    JOIN ledger_postings p ON p.txn_id = t.id
                    JOIN ledger_accounts a ON a.id = p.debit_account
                   WHERE t.org_id = d.org_id AND t.source = 'metered' AND a.kind = 'loss'), 0)
                 OR d.paid <> COALESCE((SELECT SUM(p.amount) FROM ledger_transactions t
                    JOIN ledger_postings p ON p.txn_id = t.id
                   WHERE t.org_id = d.org_id AND t.source = 'usage_debt'), 0)) wrong",
            (),
        )
        .await?;
    for (count, words) in [
        (owed, "organizations owe other than what was not covered"),
        (wrong, "transactions of metered usage are other than their steps"),
        (days, "organizations have other days of metered usage than steps"),
    ] {
        if count > 0 {
            findings.push(Finding { invariant: "M7", what: format!("{count} {words}") });
        }
    }
    Ok(())
}
