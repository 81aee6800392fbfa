//! The pages of saved cards: all of them with automatic top-up, one on its way, and the simulator's own.

mod all;
mod one;
mod simulated;

pub use all::CardsView;
pub use one::CardView;
pub use simulated::SimulatedCardView;

use api::{
    CardId, OrgId, Time, UserId,
    cards::{Card, CardState},
};
use kernel::{html::FormCtx, http::Route};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = all::routes();
    routes.extend(one::routes());
    routes.extend(simulated::routes());
    routes
}

/// Returns what people recognise a card by.
pub fn name(card: &Card) -> String {
    let mut brand = card.brand.clone();
    if let Some(first) = brand.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    format!("{brand} ending in {}", card.last4)
}

/// Returns a card of the samples.
pub fn sample(state: CardState) -> Card {
    let nil = uuid::Uuid::nil();
    let saved = state == CardState::Saved;
    Card {
        id: CardId(nil),
        org_id: OrgId(nil),
        user_id: UserId(nil),
        state,
        simulated: true,
        brand: if saved { "visa".into() } else { String::new() },
        last4: if saved { "4242".into() } else { String::new() },
        exp_month: if saved { 12 } else { 0 },
        exp_year: if saved { 2030 } else { 0 },
        page_url: (state == CardState::Pending)
            .then(|| "http://127.0.0.1:8080/pay/simulated/cards/card_1".to_owned()),
        fault: None,
        created_at: Time(1_795_000_000_000_000),
    }
}

fn sample_form() -> FormCtx {
    FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) }
}
