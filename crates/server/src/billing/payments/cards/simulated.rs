//! The simulator's cards: a page of its own where one would be entered, and what a charge of it comes to.

use super::store::{self, Card};
use crate::billing::payments::{
    event::{About, Checkout, Event, Outcome},
    processor::{Entered, Fault, Keeper, Kept, Opened},
    reconcile::simulated as account,
    simulator::{Simulator, WRITER, intent},
    store::Payment,
};
use api::{CardId, OrgId, Time, cards::CardState, words};
use futures::{FutureExt, future::BoxFuture};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key},
    db::{Lock, Reader, WriteTx},
    row,
    sweeps::Sweeps,
};

words! {
    /// Where a page stands on which a card is entered.
    pub enum PageState {
        /// Nothing was entered.
        Open = "open",
        /// A card that can be charged.
        Good = "good",
        /// A card that is declined whenever it is charged.
        Declined = "declined",
        /// It was left.
        Closed = "closed",
    }
}

row! {
    /// A page of the simulator on which a card is entered.
    pub struct SimulatedCard in "simulated_cards" {
        /// Its name.
        pub session_ref: String,
        /// For which card.
        pub card_id: CardId,
        /// Where it stands.
        pub state: PageState,
        /// When it was made.
        pub created_at: Time,
    }
}

/// Returns a card's page.
///
/// # Errors
/// What the database says.
pub async fn page(tx: &mut Reader, id: CardId) -> Result<Option<SimulatedCard>> {
    tx.find("SELECT {} FROM simulated_cards WHERE card_id = $1", (id,)).await
}

async fn lock(tx: &mut WriteTx, id: CardId) -> Result<Option<SimulatedCard>> {
    let sql = "SELECT {} FROM simulated_cards WHERE card_id = $1";
    Ok(tx.list_locked(sql, (id,), Lock::Update).await?.into_iter().next())
}

/// Enters a card, or leaves its page.
///
/// # Errors
/// `not_found` without a page, `state_conflict` when it was entered or left.
pub async fn enter(
    app: &App,
    who: &impl Accountable,
    card: &Card,
    choice: PageState,
) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let held = store::lock(&mut tx, card.id).await?.ok_or_else(Error::not_found)?;
    let row = lock(&mut tx, card.id).await?.ok_or_else(Error::not_found)?;
    let over = held.state != CardState::Pending || held.expires_at <= tx.now();
    if row.state != PageState::Open || over {
        return Err(Error::new(api::Code::NotNow).detail("This page was used or closed already."));
    }
    let sql = "UPDATE simulated_cards SET state = $1 WHERE card_id = $2";
    tx.run(sql, (choice, card.id)).await?;
    let due_at = tx.now();
    store::save(&mut tx, &Card { due_at, ..held }).await?;
    tx.target(card.id);
    tx.note(Key::State, choice);
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(super::CARDS));
    tx.commit().await
}

fn later(error: &Error) -> Fault {
    Fault::Later(error.to_string())
}

async fn make(app: &App, card: &Card) -> Result<Opened> {
    let url = format!("{}/pay/simulated/cards/{}", app.site.public_url, card.id);
    let session_ref = format!("simcs_{}", card.id);
    let mut tx = app.db.write(&WRITER).await?;
    if page(&mut tx, card.id).await?.is_none() {
        let row = SimulatedCard {
            session_ref: session_ref.clone(),
            card_id: card.id,
            state: PageState::Open,
            created_at: tx.now(),
        };
        tx.insert(&row).await?;
        tx.commit().await?;
    }
    Ok(Opened { session: session_ref, url, expires_at: card.expires_at })
}

async fn say(app: &App, card: &Card) -> Result<Entered> {
    let mut tx = app.db.read().await?;
    let row = page(&mut tx, card.id).await?.ok_or_else(Error::not_found)?;
    let kept = |last4: &str| {
        Entered::Kept(Kept {
            method: format!("simpm_{}", card.id),
            brand: "visa".to_owned(),
            last4: last4.to_owned(),
            exp_month: 12,
            exp_year: 2099,
        })
    };
    Ok(match row.state {
        PageState::Open => Entered::Open,
        PageState::Closed => Entered::Closed,
        PageState::Good => kept("4242"),
        PageState::Declined => kept("0002"),
    })
}

/// Says what a charge of a card comes to: known by the card alone, however often it is asked.
///
/// # Errors
/// In plain words, where it is declined.
pub async fn pays(app: &App, payment: &Payment) -> Result<Event, Fault> {
    let find = async {
        let id = payment.card_id.ok_or_else(Error::not_found)?;
        page(&mut *app.db.read().await?, id).await?.ok_or_else(Error::not_found)
    };
    let row = find.await.map_err(|error| later(&error))?;
    if row.state != PageState::Good {
        return Err(Fault::Never("The card was declined.".to_owned()));
    }
    let intent = intent(payment);
    Ok(Event {
        id: format!("{intent}:charged"),
        made_at: app.seams.clock.now(),
        about: About::Checkout(Checkout {
            session: intent.clone(),
            payment: Some(payment.id),
            amount: payment.amount,
            currency: payment.currency,
            outcome: Outcome::Paid { intent },
        }),
    })
}

impl Keeper for Simulator {
    fn customer<'a>(
        &'a self,
        _: &'a App,
        org: OrgId,
        _: &'a str,
    ) -> BoxFuture<'a, Result<String, Fault>> {
        async move { Ok(format!("simcus_{org}")) }.boxed()
    }

    fn open<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<Opened, Fault>> {
        async move { make(app, card).await.map_err(|error| later(&error)) }.boxed()
    }

    fn look<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<Entered, Fault>> {
        async move { say(app, card).await.map_err(|error| later(&error)) }.boxed()
    }

    fn forget<'a>(&'a self, _: &'a App, _: &'a Card) -> BoxFuture<'a, Result<(), Fault>> {
        async move { Ok(()) }.boxed()
    }

    fn charge<'a>(
        &'a self,
        app: &'a App,
        row: &'a Payment,
        card: &'a Card,
    ) -> BoxFuture<'a, Result<Event, Fault>> {
        async move {
            if card.state != CardState::Saved {
                return Err(Fault::Never("The card was removed.".to_owned()));
            }
            let event = pays(app, row).await?;
            let kept = async {
                let mut tx = app.db.write(&WRITER).await?;
                let at = tx.now();
                account::paid(&mut tx, row, &intent(row), at).await?;
                tx.commit().await
            };
            kept.await.map_err(|error| later(&error))?;
            Ok(event)
        }
        .boxed()
    }

    fn portal<'a>(
        &'a self,
        _: &'a App,
        _: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        async move { Ok(None) }.boxed()
    }
}
