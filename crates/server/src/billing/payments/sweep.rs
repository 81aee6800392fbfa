//! What is asked of processors beside requests: pages made and closed, words that were lost, refunds sent.

use super::{
    About, back, cards,
    event::{Event, Outcome},
    processor::{Fault, Processor, Processors},
    settle,
    store::{self, Payment, Refund},
};
use api::{
    Time,
    cards::CardState,
    payments::{PaymentState, Provider, RefundState},
};
use futures::{StreamExt, stream};
use kernel::{App, Result, audit::System, db::WriteTx, sweeps::Status, sweeps::Sweep};
use std::{future::Future, pin::Pin, time::Duration};

/// Writes what processors answer.
pub const WRITER: System = System {
    name: "billing.payments",
    unaudited: Some("each payment and refund is asked for in an audited act"),
};
/// The sweep of payments and refunds on their way.
pub const PAYMENTS: &str = "billing.payments";
/// The sweep of words that were lost.
pub const EVENTS: &str = "billing.payment_events";

/// Most rows of one round.
const MOST: i64 = 200;
/// How many of them are asked about at once.
const AT_ONCE: usize = 16;
/// For how long whoever took a turn has it.
const CLAIM: Duration = Duration::from_secs(60);
/// How far the list of events is read back beyond what was listed before: they may come late.
const BACK: Duration = Duration::from_secs(3600);
/// The same where none is known.
const FIRST: Duration = Duration::from_secs(3 * 24 * 3600);

/// Returns the sweeps.
pub fn sweeps() -> [Sweep; 2] {
    let (soon, often) = (Duration::from_secs(5), Duration::from_secs(300));
    [
        Sweep { name: PAYMENTS, every: soon, walks: false, run: payments },
        Sweep { name: EVENTS, every: often, walks: false, run: events },
    ]
}

fn payments(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        stale(&app).await?;
        let Some(processor) = app.get::<Processors>().main() else {
            return Ok("no payments are taken here".to_owned());
        };
        let (mut asked, mut sent) = (0, 0);
        let now = app.seams.clock.now();
        let kind = (processor.provider(), processor.simulated());
        let due = store::due(&mut *app.db.read().await?, kind, now, MOST).await?;
        // Some at once: one tenant's many, or one that is slow or fails, do not hold up the others.
        let calls = due.into_iter().map(|row| payment(&app, processor, row));
        let mut done = stream::iter(calls).buffer_unordered(AT_ONCE);
        while let Some(one) = done.next().await {
            match one {
                Ok(one) => asked += usize::from(one),
                Err(error) => tracing::error!(%error, "a payment cannot be asked about"),
            }
        }
        drop(done);
        let due = store::refunds_due(&mut *app.db.read().await?, now, MOST).await?;
        for row in due {
            match refund(&app, processor, row).await {
                Ok(done) => sent += usize::from(done),
                Err(error) => tracing::error!(%error, "a refund cannot be sent"),
            }
        }
        Ok(format!("{asked} payments asked about, {sent} refunds sent"))
    })
}

/// After how long past its end a payment is over though its processor did not say so: it was changed, or knows
/// nothing of it. Money that comes later still counts.
const MARGIN: Duration = Duration::from_secs(24 * 3600);

async fn stale(app: &App) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let before = tx.now().minus(MARGIN);
    if store::end_stale(&mut tx, before).await? > 0 {
        tx.commit().await?;
    }
    Ok(())
}

/// How long until a payment is asked about again: soon while somebody may be waiting, and never more than ten
/// minutes.
fn pause(row: &Payment, now: Time) -> Duration {
    let age = now.since(row.created_at);
    (age / 10).clamp(Duration::from_secs(10), Duration::from_secs(600))
}

/// Takes a payment's turn and does what it is due; false when somebody else has it.
async fn payment(app: &App, processor: &dyn Processor, mut row: Payment) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    let until = tx.now().plus(CLAIM);
    let mine = store::claim(&mut tx, &row, until).await?;
    tx.commit().await?;
    if !mine {
        return Ok(false);
    }
    row.due_at = until;
    match row.state {
        PaymentState::Created if row.card_id.is_some() => charge(app, processor, row).await?,
        PaymentState::Created => begin(app, processor, row).await?,
        _ => follow(app, processor, row).await?,
    }
    Ok(true)
}

/// Charges the card of a payment. Only an answer ends it: whatever was asked is looked for until it is known.
async fn charge(app: &App, processor: &dyn Processor, row: Payment) -> Result<()> {
    let card = match row.card_id {
        Some(id) => cards::find(&mut *app.db.read().await?, id).await?,
        None => None,
    };
    let untouched = row.attempts == 0;
    let said = match card {
        Some(_) if untouched && row.cancel_at.is_some() => Err(Fault::Never(String::new())),
        Some(card) if untouched && card.state != CardState::Saved => {
            Err(Fault::Never("The card was removed.".to_owned()))
        }
        Some(card) => processor.keeper().charge(app, &row, &card).await,
        None => Err(Fault::Never("The card was removed.".to_owned())),
    };
    let mut tx = app.db.write(&WRITER).await?;
    match said {
        Ok(event) => {
            // Its name there first, as words of it come: each waits for the other.
            if let Some(intent) = event.about.intent() {
                store::lock_intent(&mut tx, row.provider, intent).await?;
            }
            let Some(mut held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
            if held.state == PaymentState::Created {
                held.state = PaymentState::Pending;
                held.session_ref = Some(event.about.object().to_owned());
                held.due_at = tx.now().plus(pause(&held, tx.now()));
                store::save(&mut tx, &held).await?;
            }
            if !is_open(&event) {
                settle::take(&mut tx, row.provider, &event).await?;
            }
        }
        Err(Fault::Later(why)) => {
            tracing::warn!(payment = %row.id, why, "a card cannot be charged yet");
            again(&mut tx, &row).await?;
        }
        Err(Fault::Never(words)) => {
            let Some(mut held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
            if held.state != PaymentState::Created {
                return Ok(());
            }
            let cancelled = held.cancel_at.is_some();
            held.state = if cancelled { PaymentState::Cancelled } else { PaymentState::Failed };
            held.settled_at = Some(tx.now());
            held.fault = (!cancelled).then_some(words);
            store::save(&mut tx, &held).await?;
            cards::failed(&mut tx, &held).await?;
        }
    }
    tx.commit().await
}

/// Makes a payment's page.
async fn begin(app: &App, processor: &dyn Processor, row: Payment) -> Result<()> {
    let made = if row.cancel_at.is_some() && row.attempts == 0 {
        Err(Fault::Never(String::new()))
    } else {
        processor.open(app, &row).await
    };
    let mut tx = app.db.write(&WRITER).await?;
    let Some(mut held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
    if held.state != PaymentState::Created {
        return Ok(());
    }
    let now = tx.now();
    match made {
        Ok(page) => {
            held.state = PaymentState::Pending;
            held.session_ref = Some(page.session);
            held.checkout_url = Some(page.url);
            held.expires_at = page.expires_at;
            held.due_at = if held.cancel_at.is_some() { now } else { now.plus(pause(&held, now)) };
        }
        Err(Fault::Later(why)) if held.expires_at > now => {
            tracing::warn!(payment = %held.id, why, "a payment's page cannot be made yet");
            held.due_at = now.plus(pause(&held, now));
        }
        Err(fault) => {
            let cancelled = held.cancel_at.is_some();
            held.state = if cancelled { PaymentState::Cancelled } else { PaymentState::Failed };
            held.settled_at = Some(now);
            held.fault = (!cancelled).then(|| match fault {
                Fault::Never(words) => words,
                Fault::Later(_) => {
                    "The payment service did not answer. Nothing was charged.".into()
                }
            });
        }
    }
    store::save(&mut tx, &held).await?;
    tx.commit().await
}

/// Asks what became of a payment's page, and closes it when its owner takes it back.
async fn follow(app: &App, processor: &dyn Processor, row: Payment) -> Result<()> {
    if row.cancel_at.is_some() && row.state == PaymentState::Pending {
        // One that is paid meanwhile is not closed: what it says next counts.
        if let Err(Fault::Later(why)) = processor.close(app, &row).await {
            tracing::warn!(payment = %row.id, why, "a payment's page cannot be closed yet");
        }
    }
    let said = processor.look(app, &row).await;
    let mut tx = app.db.write(&WRITER).await?;
    match said {
        Ok(event) if !is_open(&event) => {
            settle::take(&mut tx, row.provider, &event).await?;
        }
        Ok(_) => {}
        Err(Fault::Later(why) | Fault::Never(why)) => {
            tracing::warn!(payment = %row.id, why, "a payment cannot be asked about");
        }
    }
    again(&mut tx, &row).await?;
    tx.commit().await
}

fn is_open(event: &Event) -> bool {
    matches!(&event.about, About::Checkout(page) if page.outcome == Outcome::Open)
}

/// Writes when an open payment is asked about next, unless something made it due meanwhile.
async fn again(tx: &mut WriteTx, row: &Payment) -> Result<()> {
    let Some(mut held) = store::lock(tx, row.id).await? else { return Ok(()) };
    if held.state.is_open() && held.due_at == row.due_at {
        held.due_at = tx.now().plus(pause(&held, tx.now()));
        store::save(tx, &held).await?;
    }
    Ok(())
}

/// For how long whoever took a refund's turn has it; one that is on its way takes days.
const fn wait(state: RefundState) -> Duration {
    match state {
        RefundState::Pending => Duration::from_secs(3600),
        _ => CLAIM,
    }
}

/// Sends a refund, or asks how it stands; false when somebody else has its turn.
async fn refund(app: &App, processor: &dyn Processor, row: Refund) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    let more = u32::try_from(row.attempts.clamp(1, 30)).unwrap_or(30);
    let until = tx.now().plus(wait(row.state).max(CLAIM * more));
    let mine = store::claim_refund(&mut tx, &row, until).await?;
    let payment = store::find(&mut tx, row.payment_id).await?;
    tx.commit().await?;
    let Some(payment) = payment.filter(|one| mine && one.provider == processor.provider()) else {
        return Ok(false);
    };
    let said = processor.refund(app, &payment, &row).await;
    let mut tx = app.db.write(&WRITER).await?;
    match said {
        Ok(event) => {
            settle::take(&mut tx, payment.provider, &event).await?;
        }
        Err(Fault::Later(why)) => {
            tracing::warn!(refund = %row.id, why, "a refund cannot be sent yet");
        }
        Err(Fault::Never(words)) => {
            let payment = store::lock(&mut tx, row.payment_id).await?;
            let held = store::lock_refund(&mut tx, Some(row.id), "").await?;
            let (Some(mut payment), Some(mut held)) = (payment, held) else { return Ok(true) };
            if held.state == RefundState::Approved {
                back::failed(&mut tx, &mut payment, &mut held, &words).await?;
            }
        }
    }
    tx.commit().await?;
    Ok(true)
}

async fn one(app: &App, provider: Provider, event: &Event) -> Result<super::Taken> {
    let mut tx = app.db.write(&settle::WRITER).await?;
    let taken = settle::take(&mut tx, provider, event).await?;
    tx.commit().await?;
    Ok(taken)
}

fn events(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let Some(processor) = app.get::<Processors>().main() else {
            return Ok("no payments are taken here".to_owned());
        };
        if processor.provider() == Provider::Simulator {
            return Ok("the simulator loses nothing".to_owned());
        }
        let provider = processor.provider();
        let listed = store::listed(&mut *app.db.read().await?, provider).await?;
        let now = app.seams.clock.now();
        let since = listed.map_or(now.minus(FIRST), |at| at.min(now).minus(BACK));
        let told = match processor.told(&app, since).await {
            Ok(told) => told,
            Err(Fault::Later(why) | Fault::Never(why)) => {
                tracing::warn!(why, "the list of payment events cannot be read");
                return Ok("the list cannot be read now".to_owned());
            }
        };
        let (all, mut fresh, mut failed) = (told.len(), 0, 0);
        for event in told {
            match one(&app, provider, &event).await {
                Ok(taken) => fresh += usize::from(taken != super::Taken::Before),
                Err(error) => {
                    failed += 1;
                    tracing::error!(event = event.id, %error, "a payment event cannot be taken yet");
                }
            }
        }
        // The next list begins where this one did, until every event of it was taken.
        if failed == 0 {
            let mut tx = app.db.write(&settle::WRITER).await?;
            store::set_listed(&mut tx, provider, now).await?;
            tx.commit().await?;
        }
        Ok(format!("{all} events listed, {fresh} were new, {failed} failed"))
    })
}
