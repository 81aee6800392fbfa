//! Saved cards, and funds that are added by themselves.
//!
//! Promises: a card's number never comes here; a card is charged once for a payment, whatever answer is lost; at most
//! one payment of automatic top-up is on its way at a time, and none beyond the month's limit; after a charge that
//! failed it waits until somebody looks.

mod auto;
mod http;
mod pages;
mod save;
mod simulated;
mod store;
mod sweep;

pub use auto::{WRITER as AUTO_WRITER, failed, stop_with, sweep as auto_sweep, went_back};
pub use http::routes;
pub use pages::{CardView, CardsView, SimulatedCardView, name, sample};
pub use save::{saved, usable};
pub use simulated::pays;
pub use store::{Card, find};
pub use sweep::{CARDS, WRITER, sweep as cards_sweep};

use super::event::CardWord;
use crate::tenancy::{Action, Ask, Found, InOrg};
use api::{CardId, cards::CardState, payments::Provider};
use kernel::{
    Result,
    db::{Reader, WriteTx},
};

async fn in_context(ask: &Ask<'_>) -> Result<Option<Found<()>>> {
    Ok(ask.context.as_ref().map(|project| Found::in_org(project.org_id, ())))
}

async fn find_card(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Card>>> {
    let id: CardId = ask.head.id("card_id")?;
    Ok(store::find(tx, id).await?.map(|row| Found::in_org(row.org_id, row)))
}

macro_rules! card_action {
    ($(#[$meta:meta])* $name:ident = $word:literal, $step:literal, $row:ty, |$tx:ident, $ask:ident| $find:expr) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $word;
            const STEP_UP: bool = $step;
            type Scope = InOrg;
            type Row = $row;
            async fn find<'a>($tx: &'a mut Reader, $ask: &'a Ask<'a>) -> Result<Option<Found<$row>>> {
                let _ = &$tx;
                $find.await
            }
        }
    };
}

card_action!(
    /// Looks at the saved cards of the project's organization.
    List = "card.read", false, (), |tx, ask| in_context(ask)
);
card_action!(
    /// Looks at a card.
    Look = "card.read", false, Card, |tx, ask| find_card(tx, ask)
);
card_action!(
    /// Has a card saved.
    Save = "card.create", false, (), |tx, ask| in_context(ask)
);
card_action!(
    /// Enters a card on a page of the simulator.
    Enter = "card.create", false, Card, |tx, ask| find_card(tx, ask)
);
card_action!(
    /// Removes a card.
    Remove = "card.remove", false, Card, |tx, ask| find_card(tx, ask)
);
card_action!(
    /// Sets how funds are added by themselves.
    SetAuto = "auto_top_up.set", true, (), |tx, ask| in_context(ask)
);
card_action!(
    /// Ends that funds are added by themselves.
    StopAuto = "auto_top_up.stop", false, (), |tx, ask| in_context(ask)
);
card_action!(
    /// Opens the processor's own page.
    OpenPortal = "payment_portal.open", true, (), |tx, ask| in_context(ask)
);

/// Does what a processor says of a card; false when it is not about one of ours, or known.
///
/// # Errors
/// What the database says.
pub async fn told(tx: &mut WriteTx, provider: Provider, word: &CardWord) -> Result<bool> {
    match word {
        // What was entered is asked for.
        CardWord::Entered { session } => store::due_now(tx, provider, session).await,
        CardWord::Changed(kept) => {
            let Some(row) = store::lock_method(tx, provider, &kept.method).await? else {
                return Ok(false);
            };
            let new = Card {
                brand: kept.brand.clone(),
                last4: kept.last4.clone(),
                exp_month: kept.exp_month,
                exp_year: kept.exp_year,
                ..row
            };
            store::save(tx, &new).await.map(|()| true)
        }
        CardWord::Gone { method } => {
            let Some(row) = store::lock_method(tx, provider, method).await? else {
                return Ok(false);
            };
            if row.state == CardState::Removed {
                return Ok(false);
            }
            store::save(tx, &Card { state: CardState::Removed, ..row.clone() }).await?;
            stop_with(tx, &row, "Its card is not kept by the payment service any more.").await?;
            Ok(true)
        }
    }
}
