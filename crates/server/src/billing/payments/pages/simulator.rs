//! The simulator's own page: where one would enter a card.

use super::sample;
use crate::{
    billing::payments::{
        create::{self, Pay},
        simulator::{self, Choice, PageState},
    },
    tenancy::Allowed,
};
use api::payments::{PaymentState, PaymentView, Provider};
use kernel::{
    App, Error, Result,
    html::{FormCtx, Markup, Page, banner, html, icon, simulated_badge},
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/pay/simulated/{payment_id}", page),
        Route::post("/pay/simulated/{payment_id}", choose_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct SimulatorView {
    /// The payment.
    pub payment: PaymentView,
    /// Whether it can still be paid.
    pub open: bool,
    /// How often a card was declined.
    pub declines: i64,
    /// For the form.
    pub form: FormCtx,
}

impl SimulatorView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            payment: sample(PaymentState::Pending),
            open: true,
            declines: 0,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        vec![one.clone(), Self { declines: 1, ..one.clone() }, Self { open: false, ..one }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let back = format!("/account/billing/payments/{}", self.payment.id);
        html! {
            h1 { "Pay " (self.payment.amount) }
            p { (simulated_badge()) " This page stands where a payment service would ask for a card. No money moves." }
            @if self.declines > 0 { (banner("bad", "The card was declined. Nothing was charged.", None)) }
            @if self.open {
                form method="post" action={ "/pay/simulated/" (self.payment.id) } class="flow" {
                    (self.form.hidden(&format!("simulated-{}", self.declines)))
                    button class="button primary wide" name="choice" value="pay" { (icon("check")) "Pay " (self.payment.amount) }
                    button class="button wide" name="choice" value="late" { "Pay; the confirmation comes late" }
                    button class="button wide" name="choice" value="decline" { "Pay with a card that is declined" }
                    a class="button wide" href={ (back) "?back=cancelled" } { "Go back without paying" }
                }
            } @else {
                p { "This page was paid or closed already." }
                p { a class="button primary" href=(back) { "Look at the payment" } }
            }
        }
    }
}

async fn page(who: Allowed<Pay>, app: App, (): ()) -> Result<Page> {
    if who.row().provider != Provider::Simulator {
        return Err(Error::not_found());
    }
    let page = simulator::page(&mut *app.db.read().await?, who.row().id).await?;
    let page = page.ok_or_else(Error::not_found)?;
    let view = SimulatorView {
        payment: create::view(who.row(), true),
        open: page.state == PageState::Open
            && who.row().cancel_at.is_none()
            && who.row().state == PaymentState::Pending
            && who.row().expires_at > app.seams.clock.now(),
        declines: page.declines,
        form: who.form(&app),
    };
    Ok(Page::card("Pay", view.draw()))
}

async fn choose_form(who: Allowed<Pay>, app: App, Form(fields): Form) -> Result<Go> {
    if who.row().provider != Provider::Simulator {
        return Err(Error::not_found());
    }
    let choice = Choice::parse(&fields.text("choice"))
        .ok_or_else(|| Error::field("choice", "Choose one of the buttons."))?;
    let declined = simulator::choose(&app, &who, who.row(), choice).await?;
    let id = who.row().id;
    Ok(Go::to(if declined {
        format!("/pay/simulated/{id}")
    } else {
        format!("/account/billing/payments/{id}?back=paid")
    }))
}
