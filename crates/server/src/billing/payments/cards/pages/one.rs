//! A card on its way: where it is entered, and what came of it.

use super::{name, sample, sample_form};
use crate::{
    billing::payments::cards::{Card as Row, Look, Remove, save, store},
    tenancy::Allowed,
};
use api::{
    CardId,
    cards::{Card, CardState},
};
use kernel::{
    App, Error, Result,
    html::{FormCtx, Markup, Page, banner, html, icon, page_head, simulated_badge},
    http::{Form, Go, Route},
};
use std::time::Duration;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/account/billing/cards/{card_id}", page),
        Route::post("/account/billing/cards/{card_id}/remove", remove_form),
    ]
}

/// How often, and how long each, a page waits for what usually takes a moment.
const WAITS: u32 = 15;
const EACH: Duration = Duration::from_millis(200);

/// The page.
#[derive(Debug, Clone)]
pub struct CardView {
    /// The card.
    pub card: Card,
    /// Whether it was entered just now, by what its page said.
    pub entered: bool,
    /// For the form.
    pub form: FormCtx,
}

impl CardView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = |state| Self { card: sample(state), entered: false, form: sample_form() };
        let mut all: Vec<Self> = CardState::ALL.iter().map(|state| one(*state)).collect();
        all.push(Self { entered: true, ..one(CardState::Pending) });
        all
    }

    fn waits(&self) -> bool {
        self.card.state == CardState::Created
            || self.entered && self.card.state == CardState::Pending
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let again = format!(
            "/account/billing/cards/{}{}",
            self.card.id,
            if self.entered { "?back=saved" } else { "" }
        );
        let waits = self.waits();
        let back = html! { a class="button" href="/account/billing/cards" { "Cards" } };
        html! {
            (page_head("Save a card", "It is entered at the payment service; its number never comes here.", Some(back)))
            div id="card" class="flow" aria-live="polite"
                hx-get=[waits.then_some(again.as_str())] hx-trigger=[waits.then_some("every 2s")]
                hx-select=[waits.then_some("#card")] hx-swap=[waits.then_some("outerHTML")] {
                (self.words())
                (self.next())
                @if waits { noscript { p { a href=(again) { "Look again" } } } }
            }
        }
    }

    fn words(&self) -> Markup {
        match self.card.state {
            CardState::Created => banner(
                "info",
                "The page where you enter it is being prepared. This takes a moment.",
                None,
            ),
            CardState::Pending if self.entered => banner(
                "info",
                "Thank you. The payment service has not confirmed it yet; this page looks again by itself.",
                None,
            ),
            CardState::Pending => html! {},
            CardState::Saved => banner("good", &format!("{} is saved.", name(&self.card)), None),
            CardState::Removing | CardState::Removed => {
                banner("info", "The card was removed.", None)
            }
            CardState::Failed => banner(
                "warn",
                self.card.fault.as_deref().unwrap_or("No card was entered. Nothing is saved."),
                None,
            ),
        }
    }

    fn next(&self) -> Markup {
        html! {
            @if self.card.state == CardState::Pending {
                section class="card flow" {
                    p { "You are led to a page of the payment service, and back." @if self.card.simulated { " " (simulated_badge()) } }
                    div class="links" {
                        @if let Some(url) = &self.card.page_url { a class="button primary" href=(url) { (icon("external-link")) "Enter the card" } }
                        form method="post" action={ "/account/billing/cards/" (self.card.id) "/remove" } {
                            (self.form.hidden("leave"))
                            button class="button" { "Leave it" }
                        }
                    }
                }
            } @else if self.card.state != CardState::Created {
                p { a class="button primary" href="/account/billing/cards" { "Cards and automatic top-up" } }
            }
        }
    }
}

/// Returns the card as it stands; where it usually takes a moment, after that moment.
async fn settled(app: &App, id: CardId, entered: bool) -> Result<Row> {
    for _ in 0..WAITS {
        let row = store::find(&mut *app.db.read().await?, id).await?;
        let row = row.ok_or_else(Error::not_found)?;
        let waits = row.state == CardState::Created || entered && row.state == CardState::Pending;
        if !waits {
            return Ok(row);
        }
        tokio::time::sleep(EACH).await;
    }
    store::find(&mut *app.db.read().await?, id).await?.ok_or_else(Error::not_found)
}

async fn page(who: Allowed<Look>, app: App, (): ()) -> Result<Page> {
    let entered = who.head().query("back").as_deref() == Some("saved");
    let row = if who.head().has_header("hx-request") {
        store::find(&mut *app.db.read().await?, who.row().id).await?.ok_or_else(Error::not_found)?
    } else {
        settled(&app, who.row().id, entered).await?
    };
    let card = save::view(&row, who.may("card.create"));
    let view = CardView { card, entered, form: who.form(&app) };
    Ok(Page::new("Save a card", view.draw()))
}

async fn remove_form(who: Allowed<Remove>, app: App, _: Form) -> Result<Go> {
    save::remove(&app, &who).await?;
    Ok(Go::to("/account/billing/cards").saying("The card is removed."))
}
