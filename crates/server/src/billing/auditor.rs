//! The ledger's auditor: rebuilds every balance from the postings and looks for broken invariants.

use super::{
    metering, monthly,
    rating::{self, Increment},
};
use api::{
    AccountId, AllocationId, Code, Micros, Time,
    operations::{Attention, AttentionKind},
};
use kernel::{App, Error, Result, db::Reader, row, sweeps::Sweep};
use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Which: `M2`.
    pub invariant: &'static str,
    /// Where and how.
    pub what: String,
}

row! {
    struct Rebuilt {
        account_id: AccountId,
        stored: Micros,
        posted: Micros,
    }
}

row! {
    struct Metered {
        allocation_id: AllocationId,
        units: i64,
        price_per_hour: Micros,
        started_at: Time,
        metered_to: Time,
        stopped_at: Option<Time>,
        charged: Micros,
        billed_micros: i64,
        windows: i64,
        increment_seconds: i64,
        minimum_seconds: i64,
        rounding: Micros,
    }
}

row! {
    struct Summed {
        count: i64,
        from_at: Option<Time>,
        to_at: Option<Time>,
        covered: i64,
        charge: Micros,
        posted: Micros,
        by_day: Micros,
    }
}

/// Looks for broken money invariants.
///
/// # Errors
/// What the database says.
pub async fn audit(tx: &mut Reader) -> Result<Vec<Finding>> {
    let mut findings = books(tx).await?;
    metering::audit(tx, &mut findings).await?;
    Ok(findings)
}

/// Looks at everything but metered usage, which is the longest look.
async fn books(tx: &mut Reader) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    balances(tx, &mut findings).await?;
    holds(tx, &mut findings).await?;
    lots(tx, &mut findings).await?;
    meters(tx, &mut findings).await?;
    payments(tx, &mut findings).await?;
    let broken = monthly::broken(tx).await?;
    if broken > 0 {
        let what = format!("{broken} statements begin with other than the one before ended with");
        findings.push(Finding { invariant: "M2", what });
    }
    Ok(findings)
}

async fn balances(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let rows: Vec<Rebuilt> = tx
        .list(
            "SELECT b.account_id, b.balance,
                CAST(COALESCE((SELECT SUM(amount) FROM ledger_postings WHERE credit_account = b.account_id), 0)
                   - COALESCE((SELECT SUM(amount) FROM ledger_postings WHERE debit_account = b.account_id), 0) AS BIGINT)
               FROM account_balances b ORDER BY b.account_id",
            (),
        )
        .await?;
    for row in &rows {
        if row.stored != row.posted {
            let what = format!(
                "account {}: stored {}, posted {}",
                row.account_id, row.stored.0, row.posted.0
            );
            findings.push(Finding { invariant: "M2", what });
        }
    }
    let sum: i128 = rows.iter().map(|row| i128::from(row.stored.0)).sum();
    if sum != 0 {
        findings.push(Finding { invariant: "M2", what: format!("all balances sum to {sum}") });
    }
    Ok(())
}

async fn holds(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let wrong: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT a.org_id FROM ledger_accounts a JOIN account_balances b ON b.account_id = a.id
                WHERE a.kind = 'held' AND b.balance <> COALESCE((SELECT SUM(h.remaining) FROM holds h
                      WHERE h.org_id = a.org_id AND h.state = 'open'), 0)) wrong",
            (),
        )
        .await?;
    let naked: i64 = tx
        .value(
            "SELECT COUNT(*) FROM meters m WHERE m.stopped_at IS NULL AND NOT EXISTS
               (SELECT 1 FROM holds h WHERE h.allocation_id = m.allocation_id AND h.state = 'open')",
            (),
        )
        .await?;
    if naked > 0 {
        let what = format!("{naked} meters run without an open hold");
        findings.push(Finding { invariant: "M5", what });
    }
    if wrong > 0 {
        let what = format!("{wrong} organizations hold other than their open holds");
        findings.push(Finding { invariant: "M5", what });
    }
    Ok(())
}

/// Given credit is what its lots say, and no hold has more of lots than it holds.
async fn lots(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let wrong: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT a.org_id FROM ledger_accounts a JOIN account_balances b ON b.account_id = a.id
                WHERE a.kind = 'promotional' AND b.balance <> COALESCE((SELECT SUM(g.remaining) FROM grants g
                      WHERE g.org_id = a.org_id), 0)) wrong",
            (),
        )
        .await?;
    let more: i64 = tx
        .value(
            "SELECT COUNT(*) FROM holds h WHERE h.state = 'open' AND h.remaining <
               COALESCE((SELECT SUM(c.amount) FROM hold_credits c WHERE c.hold_id = h.id), 0)",
            (),
        )
        .await?;
    let torn: i64 = tx
        .value(
            "SELECT COUNT(*) FROM grants g WHERE g.amount < g.remaining + g.expired +
               COALESCE((SELECT SUM(c.amount) FROM hold_credits c WHERE c.grant_id = g.id), 0)",
            (),
        )
        .await?;
    for (count, words) in [
        (wrong, "organizations have other given credit than their lots"),
        (more, "holds have more of lots than they hold"),
        (torn, "lots are more than was given"),
    ] {
        if count > 0 {
            findings.push(Finding { invariant: "M5", what: format!("{count} {words}") });
        }
    }
    Ok(())
}

/// What the processor owes by the books is what was paid less what went or was taken back (M9, M10).
async fn payments(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let wrong: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT a.org_id FROM ledger_accounts a JOIN account_balances b ON b.account_id = a.id
                WHERE a.kind = 'clearing' AND -b.balance <>
                  COALESCE((SELECT SUM(p.amount - p.disputed) FROM payments p
                    WHERE p.org_id = a.org_id AND p.state = 'paid'), 0)
                - COALESCE((SELECT SUM(r.amount) FROM refunds r
                    WHERE r.org_id = a.org_id AND r.way = 'card'
                      AND r.state IN ('approved', 'pending', 'succeeded')), 0)) wrong",
            (),
        )
        .await?;
    let torn: i64 = tx
        .value(
            "SELECT COUNT(*) FROM (
               SELECT p.id FROM payments p
                WHERE p.state = 'paid' AND (p.refunded <> COALESCE((SELECT SUM(r.amount) FROM refunds r
                      WHERE r.payment_id = p.id AND r.state IN ('approved', 'pending', 'succeeded')), 0)
                   OR p.disputed <> COALESCE((SELECT SUM(d.amount) FROM disputes d
                      WHERE d.payment_id = p.id AND d.state <> 'won'), 0))) wrong",
            (),
        )
        .await?;
    if torn > 0 {
        let what = format!("{torn} payments say other than their refunds and disputes");
        findings.push(Finding { invariant: "M10", what });
    }
    if wrong > 0 {
        let what = format!("the processor owes other than {wrong} organizations' payments say");
        findings.push(Finding { invariant: "M9", what });
    }
    Ok(())
}

async fn meters(tx: &mut Reader, findings: &mut Vec<Finding>) -> Result<()> {
    let rows: Vec<(Metered, Summed)> = tx
        .list(
            "SELECT m.allocation_id, m.units, m.price_per_hour, m.started_at, m.metered_to,
                    m.stopped_at, m.charged, m.billed_micros, m.windows,
                    m.increment_seconds, m.minimum_seconds, m.rounding,
                    CAST(COUNT(w.id) AS BIGINT), MIN(w.from_at), MAX(w.to_at),
                    CAST(COALESCE(SUM(w.to_at - w.from_at), 0) AS BIGINT),
                    CAST(COALESCE(SUM(w.charge), 0) AS BIGINT),
                    CAST(COALESCE((SELECT SUM(p.amount) FROM ledger_postings p
                      JOIN ledger_transactions t ON t.id = p.txn_id
                     WHERE t.allocation_id = m.allocation_id AND t.kind = 'usage'), 0) AS BIGINT),
                    CAST(COALESCE((SELECT SUM(d.charge) FROM spend_days d
                     WHERE d.allocation_id = m.allocation_id), 0) AS BIGINT)
               FROM meters m LEFT JOIN usage_windows w ON w.allocation_id = m.allocation_id
              GROUP BY m.allocation_id, m.units, m.price_per_hour, m.started_at, m.metered_to,
                    m.stopped_at, m.charged, m.billed_micros, m.windows,
                    m.increment_seconds, m.minimum_seconds, m.rounding
              ORDER BY m.allocation_id",
            (),
        )
        .await?;
    for (meter, sum) in &rows {
        for (invariant, what) in broken(meter, sum) {
            findings.push(Finding { invariant, what: format!("{}: {what}", meter.allocation_id) });
        }
    }
    Ok(())
}

/// Says which invariants a meter and the sum of its windows break.
fn broken(meter: &Metered, sum: &Summed) -> Vec<(&'static str, &'static str)> {
    let mut wrong = Vec::new();
    let reach = meter.metered_to.0 - meter.started_at.0;
    let begins = sum.from_at.is_none_or(|from| from == meter.started_at);
    let ends = sum.to_at.is_none_or(|to| to == meter.metered_to);
    if sum.covered != reach || !begins || !ends || sum.count != meter.windows {
        wrong.push(("M6", "its windows do not cover its time exactly once"));
    }
    if meter.stopped_at.is_some_and(|stopped| meter.metered_to > stopped) {
        wrong.push(("M8", "a window reaches past its end"));
    }
    let span = Duration::from_micros(sum.covered.unsigned_abs());
    let rule = Increment { step: meter.increment_seconds, minimum: meter.minimum_seconds };
    let rate = |span| rating::total(meter.price_per_hour, meter.units, span);
    let windows = meter.charged.minus(meter.rounding);
    if rate(span) != Some(sum.charge)
        || windows != Some(sum.charge)
        || sum.covered != meter.billed_micros
    {
        wrong.push(("M7", "rating its windows again gives another charge"));
    }
    let rounded = meter.rounding > Micros::ZERO;
    if rounded && (meter.stopped_at.is_none() || rate(rule.billed(span)) != Some(meter.charged)) {
        wrong.push(("M7", "rounding it up again gives another charge"));
    }
    if sum.posted != meter.charged {
        wrong.push(("M7", "the ledger's postings are not its charge"));
    }
    if sum.by_day != meter.charged {
        wrong.push(("M7", "what its days cost is not its charge"));
    }
    wrong
}

/// Runs the auditor once; a finding is an alarm.
pub fn run(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let mut findings = books(&mut *app.db.read().await?).await?;
        // A look that cannot be finished does not hide what the others found.
        let rest = metering::audit(&mut *app.db.read().await?, &mut findings).await;
        for finding in &findings {
            tracing::error!(
                invariant = finding.invariant,
                what = finding.what,
                "a money invariant is broken"
            );
        }
        let said = if findings.is_empty() {
            "every invariant holds".to_owned()
        } else {
            format!("{} findings", findings.len())
        };
        let checked = (app.seams.clock.now(), findings);
        *app.get::<Audited>().0.lock().unwrap_or_else(PoisonError::into_inner) = Some(checked);
        rest.map(|()| said)
    })
}

/// Refuses what would commit money anew while the books are known to be broken: reservations of launches, refunds,
/// credit, metered usage. What runs goes on, is charged and ends as always, and what people paid is booked.
///
/// # Errors
/// `service_unavailable` until a check finds nothing.
pub fn sound(app: &App) -> Result<()> {
    if app.get::<Audited>().is_broken() {
        return Err(Error::new(Code::ServiceUnavailable)
            .detail("The books do not add up, and are being looked at. What runs goes on; nothing new is reserved or paid out until then."));
    }
    Ok(())
}

/// The auditor's newest word: when it looked and what it found.
#[derive(Default)]
pub struct Audited(Mutex<Option<(Time, Vec<Finding>)>>);

impl Audited {
    /// Returns when the invariants were last checked.
    pub fn at(&self) -> Option<Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(at, _)| *at)
    }

    /// Returns whether the newest check found a broken invariant.
    pub fn is_broken(&self) -> bool {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.as_ref().is_some_and(|(_, findings)| !findings.is_empty())
    }

    /// Returns the alarms of the newest check.
    pub fn attention(&self) -> Vec<Attention> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let findings = kept.iter().flat_map(|(at, findings)| findings.iter().map(|f| (*at, f)));
        findings
            .map(|(at, finding)| Attention {
                kind: AttentionKind::LedgerBroken,
                what: format!("Money invariant {} is broken: {}", finding.invariant, finding.what),
                next: "Launches, refunds, credit and metered usage are refused until a check (every five minutes) finds nothing. Keep a copy of the database, and correct it with a new transaction that names the old one.".into(),
                page: "/platform/evidence/audit".into(),
                since: Some(at),
            })
            .collect()
    }
}

/// Returns the auditor's sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.auditor", every: Duration::from_secs(300), walks: true, run }
}
