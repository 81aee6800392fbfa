//! Having a card saved, and removing it.

use super::{
    Remove, Save,
    store::{self, Card},
    sweep,
};
use crate::{
    billing::payments::{create, processor::Processors},
    tenancy::Allowed,
};
use api::{
    CardId, Code, OrgId,
    cards::{Card as View, CardState},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    sweeps::Sweeps,
};
use std::time::Duration;

/// Most cards of an organization, entered ones and those being entered.
const MOST: usize = 10;
/// How long a card can be entered.
const OPEN: Duration = Duration::from_secs(3600);

/// Returns a card as it travels; where it can be entered is for those who may pay.
pub fn view(row: &Card, pays: bool) -> View {
    View {
        id: row.id,
        org_id: row.org_id,
        user_id: row.user_id,
        state: row.state,
        simulated: row.simulated,
        brand: row.brand.clone(),
        last4: row.last4.clone(),
        exp_month: row.exp_month,
        exp_year: row.exp_year,
        page_url: row.page_url.clone().filter(|_| pays && row.state == CardState::Pending),
        fault: row.fault.clone(),
        created_at: row.created_at,
    }
}

/// Has a card saved; its page at the processor is made right after.
///
/// # Errors
/// `state_conflict` where no payments are taken, or with ten cards.
pub async fn ask(app: &App, who: &Allowed<Save>) -> Result<Card> {
    let none = || Error::new(Code::NotNow).detail("This site takes no payments by card.");
    let processor = app.get::<Processors>().main().ok_or_else(none)?;
    create::not_for_nothing(app, who.head())?;
    let mut tx = app.db.write(who).await?;
    let org = who.scope().org_id();
    crate::billing::store::lock_money(&mut tx, org).await?;
    let now = tx.now();
    let open = store::list(&mut tx, org).await?;
    if open.iter().filter(|row| row.state == CardState::Saved || row.expires_at > now).count()
        >= MOST
    {
        return Err(Error::new(Code::NotNow)
            .detail(format!("There are {MOST} cards already. Remove one first.")));
    }
    let row = Card {
        id: tx.new_id(),
        org_id: org,
        user_id: who.caller().user_id(),
        provider: processor.provider(),
        simulated: processor.simulated(),
        state: CardState::Created,
        session_ref: None,
        page_url: None,
        customer_ref: None,
        method_ref: None,
        brand: String::new(),
        last4: String::new(),
        exp_month: 0,
        exp_year: 0,
        fault: None,
        created_at: now,
        expires_at: now.plus(OPEN),
        saved_at: None,
        due_at: now,
        attempts: 0,
    };
    tx.insert(&row).await?;
    tx.target(row.id);
    nudge(app, &mut tx);
    tx.commit().await?;
    Ok(row)
}

fn nudge(app: &App, tx: &mut WriteTx) {
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(sweep::CARDS));
}

/// Removes a card: it is not charged from now on, and the processor is told.
///
/// # Errors
/// `state_conflict` when it is gone.
pub async fn remove(app: &App, who: &Allowed<Remove>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    crate::billing::store::lock_money(&mut tx, who.scope().org_id()).await?;
    let row = store::lock(&mut tx, who.row().id).await?.ok_or_else(Error::not_found)?;
    let next = match row.state {
        CardState::Saved | CardState::Pending => CardState::Removing,
        CardState::Created => CardState::Failed,
        CardState::Removing | CardState::Removed | CardState::Failed => {
            return Err(Error::new(Code::NotNow).detail("The card is gone already."));
        }
    };
    let due_at = tx.now();
    store::save(&mut tx, &Card { state: next, page_url: None, due_at, ..row.clone() }).await?;
    super::stop_with(&mut tx, &row, "Its card was removed.").await?;
    tx.target(row.id);
    tx.note(Key::Name, format!("{} {}", row.brand, row.last4));
    nudge(app, &mut tx);
    tx.commit().await
}

/// Returns the cards of an organization that can be charged on this site.
///
/// # Errors
/// What the database says.
pub async fn saved(app: &App, tx: &mut Reader, org: OrgId) -> Result<Vec<View>> {
    let Some(processor) = app.get::<Processors>().main() else { return Ok(Vec::new()) };
    let mut rows = store::list(tx, org).await?;
    rows.retain(|row| {
        let here = row.provider == processor.provider() && row.simulated == processor.simulated();
        row.state == CardState::Saved && here
    });
    Ok(rows.iter().map(|row| view(row, true)).collect())
}

/// Returns a card of an organization that can be charged on this site.
///
/// # Errors
/// `validation_error` when there is none.
pub async fn usable(app: &App, tx: &mut Reader, org: OrgId, id: CardId) -> Result<Card> {
    let none = || Error::field("card_id", "There is no such card.");
    let processor = app.get::<Processors>().main().ok_or_else(none)?;
    let row = store::find(tx, id).await?.filter(|row| row.org_id == org).ok_or_else(none)?;
    let here = row.provider == processor.provider() && row.simulated == processor.simulated();
    if row.state == CardState::Saved && here { Ok(row) } else { Err(none()) }
}
