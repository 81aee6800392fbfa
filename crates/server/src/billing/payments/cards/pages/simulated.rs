//! The simulator's own page: where one would enter a card to be kept.

use super::sample_form;
use crate::{
    billing::payments::cards::{
        Enter,
        simulated::{self, PageState},
    },
    tenancy::Allowed,
};
use api::{CardId, cards::CardState, payments::Provider};
use kernel::{
    App, Error, Result,
    html::{FormCtx, Markup, Page, html, icon, simulated_badge},
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/pay/simulated/cards/{card_id}", page),
        Route::post("/pay/simulated/cards/{card_id}", choose_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct SimulatedCardView {
    /// The card.
    pub id: CardId,
    /// Whether it can still be entered.
    pub open: bool,
    /// For the form.
    pub form: FormCtx,
}

impl SimulatedCardView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = |open| Self { id: CardId(uuid::Uuid::nil()), open, form: sample_form() };
        vec![one(true), one(false)]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let back = format!("/account/billing/cards/{}", self.id);
        html! {
            h1 { "Save a card" }
            p { (simulated_badge()) " This page stands where a payment service would ask for a card. No money moves." }
            @if self.open {
                form method="post" action={ "/pay/simulated/cards/" (self.id) } class="flow" {
                    (self.form.hidden("simulated-card"))
                    button class="button primary wide" name="choice" value="good" { (icon("check")) "Save a card that can be charged" }
                    button class="button wide" name="choice" value="declined" { "Save a card that is declined when charged" }
                    button class="button wide" name="choice" value="closed" { "Go back without saving" }
                }
            } @else {
                p { "This page was used or closed already." }
                p { a class="button primary" href=(back) { "Look at the card" } }
            }
        }
    }
}

async fn page(who: Allowed<Enter>, app: App, (): ()) -> Result<Page> {
    let card = who.row();
    if card.provider != Provider::Simulator {
        return Err(Error::not_found());
    }
    let row = simulated::page(&mut *app.db.read().await?, card.id).await?;
    let row = row.ok_or_else(Error::not_found)?;
    let in_time = card.state == CardState::Pending && card.expires_at > app.seams.clock.now();
    let open = row.state == PageState::Open && in_time;
    let view = SimulatedCardView { id: card.id, open, form: who.form(&app) };
    Ok(Page::card("Save a card", view.draw()))
}

async fn choose_form(who: Allowed<Enter>, app: App, Form(fields): Form) -> Result<Go> {
    if who.row().provider != Provider::Simulator {
        return Err(Error::not_found());
    }
    let choice = PageState::parse(&fields.text("choice")).filter(|one| *one != PageState::Open);
    let choice = choice.ok_or_else(|| Error::field("choice", "Choose one of the buttons."))?;
    simulated::enter(&app, &who, who.row(), choice).await?;
    Ok(Go::to(format!("/account/billing/cards/{}?back=saved", who.row().id)))
}
