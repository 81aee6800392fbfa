//! The processor's account is read and compared with the books.

use super::{
    Moved, MovementKind,
    judge::judge,
    store::{self, Mark, Mode, Movement, Object},
};
use crate::billing::payments::{
    processor::{Fault, Processor, Processors},
    store as payments,
};
use api::{CaseId, Micros, OrgId, PaymentId, Time, TypedId, reconciliation::CaseKind};
use kernel::{
    App, Result,
    audit::System,
    db::{Reader, broke},
    sweeps::{Status, Sweep},
};
use std::{collections::BTreeSet, future::Future, pin::Pin, time::Duration};

/// Keeps what processors' accounts moved, and the cases.
pub const WRITER: System = System {
    name: "billing.reconciliation",
    unaudited: Some("what a processor's account moved; closing a case is an audited act"),
};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);
/// Most days of one round.
const DAYS: usize = 100;
/// How many lines are written at once.
const AT_ONCE: usize = 100;

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    let every = Duration::from_secs(900);
    Sweep { name: "billing.reconciliation", every, walks: true, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let Some(processor) = app.get::<Processors>().main() else {
            return Ok("no payments are taken here".to_owned());
        };
        let mode = (processor.provider(), processor.simulated());
        let Some(mut mark) = begin(&app, mode).await? else {
            return Ok("nothing was paid yet".to_owned());
        };
        let now = app.seams.clock.now();
        let (mut lines, mut failed) = (0, 0);
        for _ in 0..DAYS {
            let to = mark.read_until.plus(DAY).min(now);
            // From a day before the newest line that is known: lines may be listed late, and this clock may have been
            // ahead of the processor's. What is known is not kept twice.
            let newest = store::newest(&mut *app.db.read().await?, mode).await?;
            let from = newest.unwrap_or(mark.first_at).min(mark.read_until).minus(DAY);
            match processor.moved(&app, (from, to)).await {
                Ok(found) => lines += keep(&app, mode, &found).await?,
                Err(Fault::Later(why) | Fault::Never(why)) => {
                    tracing::warn!(why, "the processor's account cannot be read");
                    let failed_since = mark.failed_since.or(Some(now));
                    let mark = Mark { ran_at: now, fault: Some(why), failed_since, ..mark };
                    keep_mark(&app, &mark).await?;
                    return Ok("the account cannot be read now".to_owned());
                }
            }
            // What moved in the last hour is still on its way to one side or the other.
            let limit = to.minus(HOUR).max(mark.compared_until);
            let late = to >= now;
            failed = compare(&app, processor, (mark.compared_until, limit), late).await?;
            mark.read_until = to;
            mark.ran_at = now;
            mark.fault =
                (failed > 0).then(|| format!("{failed} objects of it could not be compared"));
            mark.failed_since = mark.failed_since.or(Some(now)).filter(|_| failed > 0);
            // What could not be compared is compared again, with what follows.
            if failed == 0 {
                mark.compared_until = limit;
            }
            keep_mark(&app, &mark).await?;
            if to >= now {
                break;
            }
        }
        let open = again(&app, processor, mark.compared_until).await?;
        Ok(format!("{lines} movements were new, {open} cases are open, {failed} failed"))
    })
}

/// Returns how far an account was read; the first time, from the day before the first payment was asked for.
async fn begin(app: &App, mode: Mode) -> Result<Option<Mark>> {
    let mut tx = app.db.read().await?;
    let now = tx.now();
    if let Some(mut mark) = store::mark(&mut tx, mode).await? {
        // The clock was ahead: nothing after the newest line is sure to have been read.
        if mark.read_until > now {
            let newest = store::newest(&mut tx, mode).await?.unwrap_or(mark.first_at);
            mark.read_until = newest.min(now).minus(DAY).max(mark.first_at).min(now);
            mark.compared_until = mark.compared_until.min(mark.read_until);
        }
        return Ok(Some(mark));
    }
    let first = store::first_payment(&mut tx, mode).await?;
    Ok(first.map(|first| {
        let from = first.created_at.minus(DAY).min(now);
        Mark {
            provider: mode.0,
            simulated: mode.1,
            first_at: from,
            read_until: from,
            compared_until: from,
            ran_at: now,
            fault: None,
            failed_since: None,
        }
    }))
}

async fn keep_mark(app: &App, mark: &Mark) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    store::set_mark(&mut tx, mark).await?;
    tx.commit().await
}

/// Returns whose a line is, where it is of a payment of this site.
async fn whose(tx: &mut Reader, mode: Mode, one: &Moved) -> Result<Option<(OrgId, PaymentId)>> {
    let mut found = match &one.intent {
        Some(intent) => store::by_intent(tx, mode, intent).await?,
        None => None,
    };
    if let (None, Some(id)) = (&found, one.payment) {
        let named = payments::find(tx, id).await?;
        found = named.filter(|payment| mode == (payment.provider, payment.simulated));
    }
    Ok(found.map(|payment| (payment.org_id, payment.id)))
}

/// No line of an account is larger: sums of them stay sums.
const LARGEST: i64 = 1_000_000_000_000_000;

fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_graphic).take(200).collect()
}

/// Returns a line whose amounts can be summed and whose names can be shown.
fn bounded(one: &Moved) -> Moved {
    let mut one = one.clone();
    one.object = plain(&one.object);
    one.intent = one.intent.as_deref().map(plain);
    let sums = [&mut one.amount, &mut one.settled, &mut one.fee];
    if sums.iter().any(|sum| sum.0.unsigned_abs() > LARGEST.unsigned_abs()) {
        for sum in sums {
            *sum = Micros::ZERO;
        }
        one.kind = MovementKind::Unread;
    }
    one
}

/// Writes down what is new; returns how many lines were.
async fn keep(app: &App, mode: Mode, found: &[Moved]) -> Result<usize> {
    let mut fresh = 0;
    for part in found.chunks(AT_ONCE) {
        let mut tx = app.db.write(&WRITER).await?;
        let refs: Vec<String> = part.iter().map(|one| one.id.clone()).collect();
        let known = store::known(&mut tx, &refs).await?;
        let mut seen: BTreeSet<String> = known
            .into_iter()
            .filter(|row| row.provider == mode.0)
            .map(|row| row.movement_ref)
            .collect();
        let mut rows = Vec::new();
        for one in part {
            let one = &bounded(one);
            if !seen.insert(one.id.clone()) {
                continue;
            }
            let about = whose(&mut tx, mode, one).await?;
            rows.push(Movement {
                id: tx.new_id(),
                provider: mode.0,
                movement_ref: one.id.clone(),
                // One that cannot be read is somebody's here when it may be of a payment of ours.
                kind: match one.kind {
                    MovementKind::Unread if about.is_none() && one.intent.is_some() => {
                        MovementKind::Other
                    }
                    kind => kind,
                },
                object_ref: one.object.clone(),
                intent_ref: one.intent.clone(),
                amount: one.amount,
                currency: one.currency,
                settled: one.settled,
                fee: one.fee,
                settled_currency: one.settled_currency,
                simulated: mode.1,
                org_id: about.map(|it| it.0),
                payment_id: about.map(|it| it.1),
                at: one.at,
                received_at: tx.now(),
            });
        }
        if rows.is_empty() {
            continue;
        }
        match tx.insert_all(&rows).await {
            Ok(()) => {}
            // Another server was first; the next round finds them.
            Err(error) if broke(&error, "processor_movements") => continue,
            Err(error) => return Err(error),
        }
        tx.commit().await?;
        fresh += rows.len();
    }
    Ok(fresh)
}

/// Compares what changed on either side in a span, at its end with older lines that were read in it; returns how many objects could not be.
async fn compare(
    app: &App,
    processor: &dyn Processor,
    span: (Time, Time),
    late: bool,
) -> Result<usize> {
    let mode = (processor.provider(), processor.simulated());
    let mut tx = app.db.read().await?;
    let mut objects = store::moved(&mut tx, mode, span, late).await?;
    objects.extend(store::booked(&mut tx, mode, span).await?);
    drop(tx);
    objects.sort_by(|a, b| (a.kind, &a.object_ref).cmp(&(b.kind, &b.object_ref)));
    objects.dedup();
    let mut failed = 0;
    for object in objects {
        // One that fails does not hold up the others.
        if let Err(error) = judge(app, processor, &object, span.1).await {
            failed += 1;
            tracing::error!(object = object.object_ref, %error, "it cannot be compared with the processor's account");
        }
    }
    Ok(failed)
}

/// Looks at open cases again; returns how many cases are open.
async fn again(app: &App, processor: &dyn Processor, limit: Time) -> Result<i64> {
    let mode = (processor.provider(), processor.simulated());
    let mut before = CaseId::last();
    loop {
        let rows = store::open_objects(&mut *app.db.read().await?, mode, before).await?;
        let Some(last) = rows.last() else { break };
        before = last.id;
        for row in rows {
            let kind = match row.kind {
                CaseKind::Refund => MovementKind::Refund,
                CaseKind::Dispute => MovementKind::Dispute,
                _ => MovementKind::Charge,
            };
            let object = Object { kind, object_ref: row.object_ref };
            if let Err(error) = judge(app, processor, &object, limit).await {
                tracing::error!(case = %row.id, %error, "a case cannot be looked at again");
            }
        }
    }
    store::count_open(&mut *app.db.read().await?).await
}
