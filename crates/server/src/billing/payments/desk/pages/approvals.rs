//! What waits for a second person.

use super::{desk_tabs, refund_words, sample_credit, sample_form, sample_refund};
use crate::{
    billing::payments::desk::{
        DecideCredit, DecideRefund, Read, credit,
        http::{credit_views, waiting},
        refund, store as desk,
    },
    tenancy::Operator,
};
use api::{
    Money, UserId,
    payments::{CreditState, CreditView, RefundState, RefundView},
};
use kernel::{
    App, Result,
    html::{FormCtx, Markup, Page, empty, html, icon, moment, page_head},
    http::{Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/finance/approvals", page),
        Route::post("/platform/finance/refunds/{refund_id}/decision", refund_form),
        Route::post("/platform/finance/credits/{credit_id}/decision", credit_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct ApprovalsView {
    /// Refunds with the organization's name.
    pub refunds: Vec<(RefundView, String)>,
    /// Credit.
    pub credits: Vec<CreditView>,
    /// Who looks: they do not decide on what they asked for.
    pub me: UserId,
    /// For the forms.
    pub form: FormCtx,
}

impl ApprovalsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let other = UserId(uuid::Uuid::from_u128(1));
        let none = Self {
            refunds: vec![],
            credits: vec![],
            me: UserId(uuid::Uuid::nil()),
            form: sample_form(),
        };
        let full = Self {
            refunds: vec![
                (sample_refund(RefundState::Requested), "Ada".into()),
                (sample_refund(RefundState::Approved), "Ada".into()),
            ],
            credits: vec![sample_credit(CreditState::Requested)],
            ..none.clone()
        };
        vec![none, full.clone(), Self { me: other, ..full }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Approvals", "Money above the limit moves when a second person says yes.", None))
            (desk_tabs("approvals"))
            @if self.refunds.is_empty() && self.credits.is_empty() {
                (empty("circle-check", "Nothing waits", "Refunds and credit above the limit stand here until somebody other than who asked decides.", None))
            }
            div class="stack" {
                @for (one, org) in &self.refunds {
                    article class="card flow" {
                        h2 { "Refund of " (one.amount) " to " (org) }
                        p { (one.reason) " " span class="muted small" { (refund_words(one)) ", asked for " (moment(one.created_at)) } }
                        @if one.state == RefundState::Approved { p { "It could not be sent for a day. Decline it when the processor does not show it: what was booked is taken back." } }
                        p { a href={ "/platform/finance/payments/" (one.payment_id) } { "The payment" } }
                        (self.buttons(&format!("refunds/{}", one.id), one.asked_by, one.state == RefundState::Requested))
                    }
                }
                @for one in &self.credits {
                    article class="card flow" {
                        h2 { "Credit of " (one.amount) " to " (one.org) }
                        p { (one.reason) " " span class="muted small" { (one.reference) " asked for " (moment(one.created_at)) } }
                        @if let Some(days) = one.expires_days { p { "It expires " (days) " days after the decision." } }
                        (self.buttons(&format!("credits/{}", one.id), Some(one.asked_by), true))
                    }
                }
            }
        }
    }

    fn buttons(&self, path: &str, asked: Option<UserId>, may_approve: bool) -> Markup {
        let may_approve = may_approve && asked != Some(self.me);
        html! {
            @if asked == Some(self.me) { p class="muted" { "You asked for it. Somebody else decides; you can take it back." } }
            form method="post" action={ "/platform/finance/" (path) "/decision" } class="links" {
                (self.form.hidden(path))
                @if may_approve { button class="button primary" name="approve" value="yes" { (icon("check")) "Approve" } }
                button class="button" name="approve" value="no" { @if asked == Some(self.me) { "Take back" } @else { "Decline" } }
            }
        }
    }
}

async fn page(who: Operator<Read>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let refunds = waiting(&mut tx).await?;
    let credits = desk::credits_waiting(&mut tx).await?;
    let view = ApprovalsView {
        refunds,
        credits: credit_views(&mut tx, &credits).await?,
        me: who.caller().user_id(),
        form: who.form(&app),
    };
    Ok(Page::new("Approvals", view.draw()).frozen(who.frozen("refund.decide")))
}

fn said(yes: bool, amount: Money) -> String {
    if yes { format!("{amount} is on its way.") } else { "Declined.".to_owned() }
}

async fn refund_form(who: Operator<DecideRefund>, app: App, Form(fields): Form) -> Result<Go> {
    let id = who.head().id("refund_id")?;
    let yes = fields.text("approve") == "yes";
    let done = refund::decide(&app, &who, id, yes).await?;
    Ok(Go::to("/platform/finance/approvals").saying(&said(yes, done.amount)))
}

async fn credit_form(who: Operator<DecideCredit>, app: App, Form(fields): Form) -> Result<Go> {
    let id = who.head().id("credit_id")?;
    let yes = fields.text("approve") == "yes";
    let done = credit::decide(&app, &who, id, yes).await?;
    Ok(Go::to("/platform/finance/approvals").saying(&said(yes, done.amount)))
}
