//! What processors are asked of cards: pages made, what was entered, cards forgotten.

use super::store::{self, Card, Customer};
use crate::{
    billing::payments::processor::{Entered, Fault, Opened, Processor, Processors},
    tenancy::find_organization,
};
use api::{Time, cards::CardState};
use kernel::{
    App, Error, Result,
    audit::System,
    db::broke,
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// The sweep of cards on their way.
pub const CARDS: &str = "billing.cards";
/// Writes what processors answer of cards.
pub const WRITER: System =
    System { name: "billing.cards", unaudited: Some("each card is asked for in an audited act") };
/// Most rows of one round.
const MOST: i64 = 100;
/// For how long whoever took a turn has it.
const CLAIM: Duration = Duration::from_secs(60);

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: CARDS, every: Duration::from_secs(5), walks: false, run: cards }
}

fn cards(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let Some(processor) = app.get::<Processors>().main() else {
            return Ok("no payments are taken here".to_owned());
        };
        let now = app.seams.clock.now();
        // What was begun in another mode is not known in this one.
        let kind = (processor.provider(), processor.simulated());
        let due = store::due(&mut *app.db.read().await?, kind, now, MOST).await?;
        let mut asked = 0;
        for row in due {
            match turn(&app, processor, row).await {
                Ok(mine) => asked += usize::from(mine),
                Err(error) => tracing::error!(%error, "a card cannot be asked about"),
            }
        }
        Ok(format!("{asked} cards asked about"))
    })
}

/// Takes a card's turn and does what it is due; false when somebody else has it.
async fn turn(app: &App, processor: &dyn Processor, mut row: Card) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    let until = tx.now().plus(CLAIM);
    let mine = store::claim(&mut tx, &row, until).await?;
    tx.commit().await?;
    if !mine {
        return Ok(false);
    }
    row.due_at = until;
    row.attempts += 1;
    match row.state {
        CardState::Created => begin(app, processor, row).await?,
        CardState::Pending => follow(app, processor, row).await?,
        _ => forget(app, processor, row).await?,
    }
    Ok(true)
}

/// Returns an organization's name at the processor; it is made known there when it is not.
async fn customer(app: &App, processor: &dyn Processor, row: &Card) -> Result<String, Fault> {
    let kind = (processor.provider(), processor.simulated());
    let later = |error: Error| Fault::Later(error.to_string());
    let known = async {
        let mut tx = app.db.read().await?;
        let known = store::customer(&mut tx, row.org_id, kind).await?;
        let org = find_organization(&mut tx, row.org_id).await?.ok_or_else(Error::not_found)?;
        Ok((known, org.name))
    };
    let (known, name) = known.await.map_err(later)?;
    if let Some(known) = known {
        return Ok(known.customer_ref);
    }
    let made = processor.keeper().customer(app, row.org_id, &name).await?;
    let kept = async {
        let mut tx = app.db.write(&WRITER).await?;
        let (provider, simulated) = kind;
        let created_at = tx.now();
        let new =
            Customer { org_id: row.org_id, provider, simulated, customer_ref: made, created_at };
        store::keep_customer(&mut tx, &new).await?;
        let known = store::customer(&mut tx, row.org_id, kind).await?;
        tx.commit().await?;
        known.map(|known| known.customer_ref).ok_or_else(Error::not_found)
    };
    kept.await.map_err(later)
}

/// Makes the page on which a card is entered.
async fn begin(app: &App, processor: &dyn Processor, mut row: Card) -> Result<()> {
    let made: Result<Opened, Fault> = async {
        row.customer_ref = Some(customer(app, processor, &row).await?);
        processor.keeper().open(app, &row).await
    }
    .await;
    let mut tx = app.db.write(&WRITER).await?;
    let Some(mut held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
    if held.state != CardState::Created {
        return Ok(());
    }
    let now = tx.now();
    match made {
        Ok(page) => {
            held.state = CardState::Pending;
            held.customer_ref = row.customer_ref;
            held.session_ref = Some(page.session);
            held.page_url = Some(page.url);
            held.due_at = now.plus(pause(&held, now));
        }
        Err(Fault::Later(why)) if held.expires_at > now => {
            tracing::warn!(card = %held.id, why, "a card's page cannot be made yet");
            held.due_at = now.plus(pause(&held, now));
        }
        Err(fault) => {
            held.state = CardState::Failed;
            held.fault = Some(match fault {
                Fault::Never(words) => words,
                Fault::Later(_) => "The payment service did not answer.".to_owned(),
            });
        }
    }
    store::save(&mut tx, &held).await?;
    tx.commit().await
}

/// How long until a card is asked about again: soon while somebody may be waiting.
fn pause(row: &Card, now: Time) -> Duration {
    (now.since(row.created_at) / 10).clamp(Duration::from_secs(5), Duration::from_secs(600))
}

/// After how long past its end a page that was not entered is over.
const MARGIN: Duration = Duration::from_secs(3600);

/// Asks what was entered on a card's page.
async fn follow(app: &App, processor: &dyn Processor, row: Card) -> Result<()> {
    let said = processor.keeper().look(app, &row).await;
    let mut tx = app.db.write(&WRITER).await?;
    let Some(mut held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
    if held.state != CardState::Pending {
        return Ok(());
    }
    let now = tx.now();
    held.due_at = now.plus(pause(&held, now));
    match said {
        Ok(Entered::Kept(kept)) => {
            held.state = CardState::Saved;
            held.saved_at = Some(now);
            held.page_url = None;
            held.method_ref = Some(kept.method);
            held.brand = kept.brand;
            held.last4 = kept.last4;
            held.exp_month = kept.exp_month;
            held.exp_year = kept.exp_year;
        }
        Ok(Entered::Closed) => held.state = CardState::Failed,
        Ok(Entered::Open) if held.expires_at.plus(MARGIN) < now => held.state = CardState::Failed,
        Ok(Entered::Open) => {}
        Err(Fault::Later(why) | Fault::Never(why)) => {
            tracing::warn!(card = %row.id, why, "a card cannot be asked about");
            if held.expires_at.plus(MARGIN * 24) < now {
                held.state = CardState::Failed;
            }
        }
    }
    match store::save(&mut tx, &held).await {
        // The same card was saved before: the processor knows it by one name.
        Err(error) if broke(&error, "cards_method") || broke(&error, "cards.provider") => {
            drop(tx);
            given_up(app, &row).await
        }
        other => {
            other?;
            tx.commit().await
        }
    }
}

async fn given_up(app: &App, row: &Card) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let Some(held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
    let fault = Some("This card is saved already.".to_owned());
    let new = Card { state: CardState::Failed, page_url: None, fault, ..held };
    store::save(&mut tx, &new).await?;
    tx.commit().await
}

/// Has a card forgotten.
async fn forget(app: &App, processor: &dyn Processor, row: Card) -> Result<()> {
    let said = processor.keeper().forget(app, &row).await;
    let mut tx = app.db.write(&WRITER).await?;
    let Some(mut held) = store::lock(&mut tx, row.id).await? else { return Ok(()) };
    let now = tx.now();
    match said {
        // What it does not know it has forgotten.
        Ok(()) | Err(Fault::Never(_)) => held.state = CardState::Removed,
        Err(Fault::Later(why)) => {
            tracing::warn!(card = %held.id, why, "a card cannot be forgotten yet");
            held.due_at = now.plus(pause(&held, now));
        }
    }
    store::save(&mut tx, &held).await?;
    tx.commit().await
}
