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
use api::{CaseId, OrgId, PaymentId, Time, reconciliation::CaseKind};
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
/// How far back the first reading goes.
const FIRST: Duration = Duration::from_secs(90 * 24 * 3600);
/// Most days of one round.
const DAYS: usize = 100;
/// How many lines are written at once.
const AT_ONCE: usize = 100;
/// Most open cases that are looked at again in a round.
const AGAIN: i64 = 1000;

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
        let mut lines = 0;
        for _ in 0..DAYS {
            let to = mark.read_until.plus(DAY).min(now);
            match processor.moved(&app, (mark.read_until.minus(HOUR), to)).await {
                Ok(found) => lines += keep(&app, mode, &found).await?,
                Err(Fault::Later(why) | Fault::Never(why)) => {
                    tracing::warn!(why, "the processor's account cannot be read");
                    keep_mark(&app, &Mark { ran_at: now, fault: Some(why), ..mark }).await?;
                    return Ok("the account cannot be read now".to_owned());
                }
            }
            // What moved in the last hour is still on its way to one side or the other.
            let limit = to.minus(HOUR).max(mark.compared_until);
            compare(&app, processor, (mark.compared_until, limit)).await?;
            mark = Mark { read_until: to, compared_until: limit, ran_at: now, fault: None, ..mark };
            keep_mark(&app, &mark).await?;
            if to >= now {
                break;
            }
        }
        let open = again(&app, processor, mark.compared_until).await?;
        Ok(format!("{lines} movements were new, {open} cases are open"))
    })
}

/// Returns how far an account was read; the first time, from the day before the first payment on.
async fn begin(app: &App, mode: Mode) -> Result<Option<Mark>> {
    let mut tx = app.db.read().await?;
    if let Some(mark) = store::mark(&mut tx, mode).await? {
        return Ok(Some(mark));
    }
    let now = tx.now();
    let first = store::first_paid(&mut tx, mode).await?;
    Ok(first.map(|first| {
        let from = first.minus(DAY).max(now.minus(FIRST)).min(now);
        Mark {
            provider: mode.0,
            simulated: mode.1,
            first_at: from,
            read_until: from,
            compared_until: from,
            ran_at: now,
            fault: None,
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
            if !seen.insert(one.id.clone()) {
                continue;
            }
            let about = whose(&mut tx, mode, one).await?;
            rows.push(Movement {
                id: tx.new_id(),
                provider: mode.0,
                movement_ref: one.id.clone(),
                kind: one.kind,
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

/// Compares what changed on either side in a span.
async fn compare(app: &App, processor: &dyn Processor, span: (Time, Time)) -> Result<()> {
    let mode = (processor.provider(), processor.simulated());
    let mut tx = app.db.read().await?;
    let mut objects = store::moved(&mut tx, mode, span).await?;
    objects.extend(store::booked(&mut tx, mode, span).await?);
    drop(tx);
    objects.sort_by(|a, b| (a.kind, &a.object_ref).cmp(&(b.kind, &b.object_ref)));
    objects.dedup();
    for object in objects {
        judge(app, processor, &object, span.1).await?;
    }
    Ok(())
}

/// Looks at open cases again; returns how many are.
async fn again(app: &App, processor: &dyn Processor, limit: Time) -> Result<usize> {
    let mode = (processor.provider(), processor.simulated());
    let rows = store::open(&mut *app.db.read().await?, None::<CaseId>, AGAIN).await?;
    let mut open = 0;
    for row in rows {
        let kind = match row.kind {
            CaseKind::Charge => MovementKind::Charge,
            CaseKind::Refund => MovementKind::Refund,
            CaseKind::Dispute => MovementKind::Dispute,
            CaseKind::Movement | CaseKind::Word => {
                open += 1;
                continue;
            }
        };
        let object = Object { kind, object_ref: row.object_ref };
        let known = mode == (row.provider, row.simulated);
        open += usize::from(!known || judge(app, processor, &object, limit).await?);
    }
    Ok(open)
}
