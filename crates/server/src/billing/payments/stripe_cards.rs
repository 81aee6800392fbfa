//! Stripe's cards: customers, setup sessions, payments off session, payment methods, the billing portal
//! (docs.stripe.com/payments/save-and-reuse, docs.stripe.com/api/payment_intents).

use super::{
    cards::Card,
    event::{About, CardWord, Checkout, Event, Outcome},
    minor,
    processor::{Entered, Fault, Keeper, Kept, Opened},
    store::Payment,
    stripe::{Stripe, text},
    stripe_events::{self, Read, Whose, at},
};
use api::{OrgId, cards::CardState};
use futures::{FutureExt, future::BoxFuture};
use http::Method;
use kernel::{App, secret};
use serde_json::Value;

fn read_text<'a>(value: &'a Value, name: &str) -> Read<&'a str> {
    stripe_events::text(value, name).ok_or("a name is missing")
}

/// Reads a session on which a card is entered; what was entered is asked for.
///
/// # Errors
/// Why it is not one of ours.
pub fn entered(value: &Value) -> Read<CardWord> {
    read_text(value, "id").map(|id| CardWord::Entered { session: id.to_owned() })
}

/// Reads a payment method that is not kept any more.
///
/// # Errors
/// Why it is not one.
pub fn gone(value: &Value) -> Read<CardWord> {
    read_text(value, "id").map(|id| CardWord::Gone { method: id.to_owned() })
}

/// Reads a payment method that a bank renewed.
///
/// # Errors
/// Why it is not a card.
pub fn changed(value: &Value) -> Read<CardWord> {
    kept(value).map(CardWord::Changed)
}

fn kept(value: &Value) -> Read<Kept> {
    let card = at(value, "card");
    let short = |name| read_text(card, name).map(|text| text.chars().take(20).collect::<String>());
    let number = |name| at(card, name).as_i64().filter(|n| (1..=9999).contains(n)).ok_or("no end");
    Ok(Kept {
        method: read_text(value, "id")?.to_owned(),
        brand: short("brand")?,
        last4: short("last4")?,
        exp_month: number("exp_month")?,
        exp_year: number("exp_year")?,
    })
}

/// Reads a payment intent of a saved card as what became of its payment.
///
/// # Errors
/// Why it is not one of ours.
pub fn intent(value: &Value, whose: Whose) -> Read<Checkout> {
    if at(value, "object").as_str() != Some("payment_intent") {
        return Err("not a payment intent");
    }
    if at(value, "livemode").as_bool() != Some(whose.live) {
        return Err("another mode than this site's key");
    }
    let (amount, currency) = stripe_events::money(value, "amount")?;
    let id = read_text(value, "id")?.to_owned();
    let outcome = match at(value, "status").as_str() {
        Some("succeeded") => Outcome::Paid { intent: id.clone() },
        Some("processing") => Outcome::Processing,
        Some("requires_payment_method" | "requires_action") => Outcome::Failed,
        Some("canceled") => Outcome::Expired,
        _ => Outcome::Open,
    };
    let payment = read_text(at(value, "metadata"), "payment_id")?.parse().ok();
    Ok(Checkout { session: id, payment, amount, currency, outcome })
}

fn later(why: &'static str) -> Fault {
    Fault::Later(why.to_owned())
}

/// Returns what was found by asking, as an event that is told once for each thing it can say.
pub(super) fn looked(app: &App, about: Checkout) -> Event {
    let word = match &about.outcome {
        Outcome::Open => "open",
        Outcome::Paid { .. } => "paid",
        Outcome::Processing => "processing",
        Outcome::Failed => "failed",
        Outcome::Expired => "expired",
    };
    let id = format!("look:{}:{word}", about.session);
    Event { id, made_at: app.seams.clock.now(), about: About::Checkout(about) }
}

impl Stripe {
    /// Says what became of a payment intent.
    pub(super) async fn charged(&self, app: &App, id: &str) -> Result<Event, Fault> {
        let path = format!("/v1/payment_intents/{id}");
        let found = self.call(app, Method::GET, &path, &[], None).await?;
        intent(&found, self.whose()).map(|about| looked(app, about)).map_err(later)
    }

    /// Closes the page of a card that is not wanted any more; returns what was entered on it.
    async fn left(&self, app: &App, card: &Card) -> Result<Option<String>, Fault> {
        let session = card.session_ref.as_deref().unwrap_or_default();
        let path = format!("/v1/checkout/sessions/{session}/expire");
        match self.call(app, Method::POST, &path, &[], None).await {
            Err(Fault::Later(why)) => return Err(Fault::Later(why)),
            // One that was entered meanwhile cannot be closed.
            Ok(_) | Err(Fault::Never(_)) => {}
        }
        match Keeper::look(self, app, card).await? {
            Entered::Kept(kept) => Ok(Some(kept.method)),
            Entered::Open => Err(later("its page is open")),
            Entered::Closed => Ok(None),
        }
    }

    /// Finds the charge of a payment that was made before though its answer was lost.
    async fn made_charge(
        &self,
        app: &App,
        row: &Payment,
        customer: &str,
    ) -> Result<Option<Event>, Fault> {
        let since = row.created_at.0.div_euclid(1_000_000) - 300;
        let form = [
            ("customer", customer.to_owned()),
            ("created[gte]", since.to_string()),
            ("limit", "100".to_owned()),
        ];
        let page = self.call(app, Method::GET, "/v1/payment_intents", &form, None).await?;
        let id = row.id.to_string();
        let ours = |one: &&Value| at(at(one, "metadata"), "payment_id").as_str() == Some(&id);
        let rows = at(&page, "data").as_array();
        let found = rows.and_then(|rows| rows.iter().find(ours));
        if found.is_none() && at(&page, "has_more").as_bool() == Some(true) {
            return Err(later("more charges than are read at once"));
        }
        let read = |one| intent(one, self.whose()).map(|about| looked(app, about)).map_err(later);
        found.map(read).transpose()
    }
}

impl Keeper for Stripe {
    fn customer<'a>(
        &'a self,
        app: &'a App,
        org: OrgId,
        name: &'a str,
    ) -> BoxFuture<'a, Result<String, Fault>> {
        async move {
            let form = [("name", name.to_owned()), ("metadata[org_id]", org.to_string())];
            // The name may change between two tries: a key stands for one body.
            let key = Some(format!("customer-{org}-{}", secret::hex_digest(name.as_bytes())));
            let made = self.call(app, Method::POST, "/v1/customers", &form, key).await?;
            text(&made, "id")
        }
        .boxed()
    }

    fn open<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<Opened, Fault>> {
        async move {
            let back = format!("{}/account/billing/cards/{}?back=", self.site, card.id);
            let form = [
                ("mode", "setup".to_owned()),
                ("customer", card.customer_ref.clone().unwrap_or_default()),
                ("payment_method_types[0]", "card".to_owned()),
                ("success_url", format!("{back}saved")),
                ("cancel_url", format!("{back}cancelled")),
                ("client_reference_id", card.id.to_string()),
                ("expires_at", (card.expires_at.0 / 1_000_000).to_string()),
                ("metadata[card_id]", card.id.to_string()),
            ];
            let key = Some(format!("card-{}-{}", card.id, card.attempts / 5));
            let made = self.call(app, Method::POST, "/v1/checkout/sessions", &form, key).await?;
            let url = text(&made, "url")?;
            if !self.leads(&url) {
                return Err(later("a page that is no address over HTTPS"));
            }
            Ok(Opened { session: text(&made, "id")?, url, expires_at: card.expires_at })
        }
        .boxed()
    }

    fn look<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<Entered, Fault>> {
        async move {
            let session = card.session_ref.as_deref().unwrap_or_default();
            let path = format!("/v1/checkout/sessions/{session}");
            let form = [("expand[]", "setup_intent.payment_method".to_owned())];
            let found = self.call(app, Method::GET, &path, &form, None).await?;
            if at(&found, "livemode").as_bool() != Some(self.whose().live) {
                return Err(later("another mode than this site's key"));
            }
            match at(&found, "status").as_str() {
                Some("complete") => {
                    let method = at(at(&found, "setup_intent"), "payment_method");
                    kept(method).map(Entered::Kept).map_err(later)
                }
                Some("expired") => Ok(Entered::Closed),
                _ => Ok(Entered::Open),
            }
        }
        .boxed()
    }

    fn forget<'a>(&'a self, app: &'a App, card: &'a Card) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let method = match &card.method_ref {
                Some(method) => method.clone(),
                // It may have been entered while its page was left.
                None => match self.left(app, card).await? {
                    Some(method) => method,
                    None => return Ok(()),
                },
            };
            let path = format!("/v1/payment_methods/{method}/detach");
            self.call(app, Method::POST, &path, &[], None).await.map(|_| ())
        }
        .boxed()
    }

    fn charge<'a>(
        &'a self,
        app: &'a App,
        row: &'a Payment,
        card: &'a Card,
    ) -> BoxFuture<'a, Result<Event, Fault>> {
        async move {
            let never = |words: &str| Fault::Never(words.to_owned());
            let (Some(customer), Some(method)) = (&card.customer_ref, &card.method_ref) else {
                return Err(never("The card is not saved."));
            };
            // Whatever was asked before is looked for first: a card is charged once.
            if row.attempts > 0
                && let Some(made) = self.made_charge(app, row, customer).await?
            {
                return Ok(made);
            }
            // Nobody asked for it any more: what was not charged by now is not charged.
            let late = row.expires_at <= app.seams.clock.now();
            if row.cancel_at.is_some() || card.state != CardState::Saved || late {
                return Err(never(
                    "The payment service did not answer in time. Nothing was charged.",
                ));
            }
            let coins = minor::of(row.amount, row.currency)
                .ok_or_else(|| never("This amount cannot be paid."))?;
            let form = [
                ("amount", coins.to_string()),
                ("currency", row.currency.as_str().to_lowercase()),
                ("customer", customer.clone()),
                ("payment_method", method.clone()),
                ("off_session", "true".to_owned()),
                ("confirm", "true".to_owned()),
                ("metadata[payment_id]", row.id.to_string()),
                ("metadata[card_id]", card.id.to_string()),
            ];
            // Never another name for the same charge.
            let key = Some(format!("charge-{}", row.id));
            let made = self.call(app, Method::POST, "/v1/payment_intents", &form, key).await?;
            intent(&made, self.whose()).map(|about| looked(app, about)).map_err(later)
        }
        .boxed()
    }

    fn portal<'a>(
        &'a self,
        app: &'a App,
        customer: &'a str,
    ) -> BoxFuture<'a, Result<Option<String>, Fault>> {
        async move {
            let back = format!("{}/account/billing/cards", self.site);
            let form = [("customer", customer.to_owned()), ("return_url", back)];
            let path = "/v1/billing_portal/sessions";
            let url = text(&self.call(app, Method::POST, path, &form, None).await?, "url")?;
            if self.leads(&url) { Ok(Some(url)) } else { Err(later("a page that is no address")) }
        }
        .boxed()
    }
}
