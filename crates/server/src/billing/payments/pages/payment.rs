//! A payment: where it stands, and what can be done about it.

use super::{sample, state_badge};
use crate::{
    billing::payments::{
        create::{self, Cancel, Look},
        store,
    },
    tenancy::Allowed,
};
use api::{
    Micros, PaymentId,
    payments::{PaymentState, PaymentView},
};
use kernel::{
    App, Error, Result,
    html::{
        FormCtx, Markup, Page, banner, facts, html, icon, id_copy, moment, page_head,
        simulated_badge,
    },
    http::{Form, Go, Route},
};
use std::time::Duration;

/// How long a page waits by itself for what usually takes a moment.
const WAITS: u32 = 30;
const EACH: Duration = Duration::from_millis(50);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/account/billing/payments/{payment_id}", page),
        Route::post("/account/billing/payments/{payment_id}/cancel", cancel_form),
    ]
}

/// With what somebody comes back from the page where one pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Back {
    /// They did not.
    No,
    /// They paid, the processor says.
    Paid,
    /// They went away without paying.
    Cancelled,
}

/// The page.
#[derive(Debug, Clone)]
pub struct PaymentPageView {
    /// The payment.
    pub payment: PaymentView,
    /// With what somebody comes back.
    pub back: Back,
    /// Whether it is being cancelled.
    pub cancelling: bool,
    /// Whether one may pay and cancel.
    pub pays: bool,
    /// For the form.
    pub form: FormCtx,
}

impl PaymentPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = |state, back| Self {
            payment: sample(state),
            back,
            cancelling: false,
            pays: true,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let mut all: Vec<Self> =
            PaymentState::ALL.iter().map(|state| one(*state, Back::No)).collect();
        let pending = || one(PaymentState::Pending, Back::No);
        all.push(one(PaymentState::Pending, Back::Paid));
        all.push(one(PaymentState::Pending, Back::Cancelled));
        all.push(Self { cancelling: true, ..pending() });
        all.push(Self { pays: false, ..pending() });
        let mut declined = pending();
        declined.payment.declines = 2;
        all.push(declined);
        let mut charged = one(PaymentState::Created, Back::No);
        charged.payment.card_id = Some(api::CardId(uuid::Uuid::nil()));
        charged.payment.auto = true;
        all.push(charged);
        let mut refunded = one(PaymentState::Paid, Back::No);
        refunded.payment.refunded.micros = Micros(20_000_000);
        refunded.payment.disputed.micros = Micros(30_000_000);
        all.push(refunded);
        all
    }

    /// Whether something comes by itself, so that the page looks again.
    fn waits(&self) -> bool {
        self.cancelling && self.payment.state.is_open()
            || self.back == Back::Paid && self.payment.state == PaymentState::Pending
            || self.payment.state == PaymentState::Created
            || self.payment.card_id.is_some() && self.payment.state == PaymentState::Pending
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let back = if self.back == Back::Paid { "?back=paid" } else { "" };
        let again = format!("/account/billing/payments/{}{back}", self.payment.id);
        let waits = self.waits();
        html! {
            (page_head("Payment", "Funds for the balance.", Some(html! { a class="button" href="/account/billing/payments" { "All payments" } })))
            div id="payment" class="flow" aria-live="polite"
                hx-get=[waits.then_some(again.as_str())] hx-trigger=[waits.then_some("every 2s")]
                hx-select=[waits.then_some("#payment")] hx-swap=[waits.then_some("outerHTML")] {
                (self.words())
                section class="card flow" { (self.facts()) (self.next(&again)) }
            }
        }
    }

    fn words(&self) -> Markup {
        let amount = self.payment.amount;
        match self.payment.state {
            PaymentState::Created | PaymentState::Pending if self.payment.card_id.is_some() => {
                banner("info", "The saved card is being charged. This takes a moment.", None)
            }
            PaymentState::Created => banner(
                "info",
                "The page where you pay is being prepared. This takes a moment.",
                None,
            ),
            PaymentState::Pending if self.cancelling => {
                banner("info", "It is being cancelled.", None)
            }
            PaymentState::Pending if self.back == Back::Paid => banner(
                "info",
                "Thank you. The payment service has not confirmed it yet; this page looks again by itself. You may leave it.",
                None,
            ),
            PaymentState::Pending if self.back == Back::Cancelled => banner(
                "warn",
                "You came back without paying. Nothing was charged. You can still pay, or cancel it.",
                None,
            ),
            PaymentState::Pending if self.payment.declines > 0 => banner(
                "warn",
                "A card was declined. Nothing was charged. Try it again or with another card.",
                None,
            ),
            PaymentState::Pending => html! {},
            PaymentState::Processing => banner(
                "info",
                "The bank needs some days. The balance grows when the money is sure; you are told then.",
                None,
            ),
            PaymentState::Paid => banner("good", &format!("{amount} is in the balance."), None),
            PaymentState::Failed => banner(
                "bad",
                self.payment.fault.as_deref().unwrap_or("It failed. Nothing was charged."),
                None,
            ),
            PaymentState::Cancelled => {
                banner("info", "It was cancelled. Nothing was charged.", None)
            }
            PaymentState::Expired => {
                banner("info", "It was not paid in time. Nothing was charged.", None)
            }
        }
    }

    fn facts(&self) -> Markup {
        let payment = &self.payment;
        let mut rows = vec![
            (
                "Amount",
                html! { (payment.amount) @if payment.simulated { " " (simulated_badge()) } },
            ),
            ("State", state_badge(payment)),
            (
                "Asked for",
                html! { (moment(payment.created_at)) @if payment.auto { " by automatic top-up" } },
            ),
        ];
        if payment.state == PaymentState::Pending && payment.card_id.is_none() {
            rows.push(("Can be paid until", moment(payment.expires_at)));
        }
        if let Some(at) = payment.settled_at {
            rows.push(("Ended", moment(at)));
        }
        if payment.refunded.micros > Micros::ZERO {
            rows.push(("Refunded", html! { (payment.refunded) }));
        }
        if payment.disputed.micros > Micros::ZERO {
            rows.push(("Disputed", html! { (payment.disputed) }));
        }
        rows.push(("Identifier", id_copy(&payment.id.to_string())));
        facts(&rows)
    }

    fn next(&self, again: &str) -> Markup {
        let payment = &self.payment;
        let over = matches!(
            payment.state,
            PaymentState::Failed | PaymentState::Cancelled | PaymentState::Expired
        );
        let first = if self.back == Back::Paid { "button" } else { "button primary" };
        html! {
            @if self.pays && !self.cancelling && payment.state == PaymentState::Pending {
                div class="links" {
                    @if let Some(url) = &payment.checkout_url {
                        a class=(first) href=(url) { (icon("external-link")) "Go on to payment" }
                    }
                    form method="post" action={ "/account/billing/payments/" (payment.id) "/cancel" } {
                        (self.form.hidden("cancel"))
                        button class="button" { "Cancel this payment" }
                    }
                }
            }
            @if self.waits() { noscript { p { a href=(again) { "Look again" } } } }
            @if self.pays && over { a class="button primary" href="/account/billing/add" { (icon("plus")) "Add funds" } }
            @if payment.state == PaymentState::Paid { a class="button primary" href="/compute" { "Launch compute" } }
        }
    }
}

/// Returns the payment as it stands; where it usually takes a moment, after that moment.
async fn settled(app: &App, id: PaymentId, paid: bool) -> Result<store::Payment> {
    for _ in 0..WAITS {
        let row = store::find(&mut *app.db.read().await?, id).await?;
        let row = row.ok_or_else(Error::not_found)?;
        let pending = row.state == PaymentState::Pending;
        if row.state != PaymentState::Created && !(pending && (paid || row.cancel_at.is_some())) {
            return Ok(row);
        }
        tokio::time::sleep(EACH).await;
    }
    store::find(&mut *app.db.read().await?, id).await?.ok_or_else(Error::not_found)
}

async fn page(who: Allowed<Look>, app: App, (): ()) -> Result<Page> {
    let back = match who.head().query("back").as_deref() {
        Some("paid") => Back::Paid,
        Some("cancelled") => Back::Cancelled,
        _ => Back::No,
    };
    // A page that looks again by itself does not wait besides.
    let again = who.head().has_header("hx-request");
    let row = if again {
        store::find(&mut *app.db.read().await?, who.row().id).await?.ok_or_else(Error::not_found)?
    } else {
        settled(&app, who.row().id, back == Back::Paid).await?
    };
    let pays = who.may("payment.create");
    let view = PaymentPageView {
        payment: create::view(&row, pays),
        back,
        cancelling: row.cancel_at.is_some(),
        pays,
        form: who.form(&app),
    };
    Ok(Page::new("Payment", view.draw()))
}

async fn cancel_form(who: Allowed<Cancel>, app: App, _: Form) -> Result<Go> {
    create::cancel(&app, &who).await?;
    Ok(Go::to(format!("/account/billing/payments/{}", who.row().id)))
}
