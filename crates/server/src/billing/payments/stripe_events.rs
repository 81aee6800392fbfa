//! Reading Stripe's objects: each field that is needed, or no event at all.

use super::{
    event::{About, Checkout, Dispute, Event, Odd, Outcome, Refunded, RefundedState},
    minor, stripe_cards as cards,
};
use api::{Currency, Micros, Time, payments::DisputeState};
use serde_json::Value;

/// Whose events are ours.
#[derive(Debug, Clone, Copy)]
pub struct Whose {
    /// Whether real money moves.
    pub live: bool,
}

pub type Read<T> = Result<T, &'static str>;

/// Returns what stands under a name; nothing is null.
pub fn at<'a>(value: &'a Value, name: &str) -> &'a Value {
    value.get(name).unwrap_or(&Value::Null)
}

pub fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    at(value, name).as_str().filter(|text| (1..=255).contains(&text.len()))
}

/// An amount of coins with its currency.
pub fn money(value: &Value, amount: &str) -> Read<(Micros, Currency)> {
    let currency = text(value, "currency").map(str::to_uppercase);
    let currency = currency.as_deref().and_then(Currency::parse).ok_or("no currency")?;
    let coins = at(value, amount).as_i64().filter(|coins| *coins > 0).ok_or("no amount")?;
    let micros = minor::back(coins, currency).ok_or("an amount out of range")?;
    Ok((micros, currency))
}

/// The name of an object that is there itself or by its name.
pub fn named<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    text(value, name).or_else(|| text(at(value, name), "id"))
}

/// Says in plain words why Stripe refused; its own words are for its customers, not ours.
pub fn words(status: u16, code: &str) -> String {
    match (status, code) {
        (_, "charge_already_refunded") => "This payment was refunded before.",
        (_, "charge_disputed") => "This payment is disputed.",
        (_, "amount_too_small") => "The amount is too small for the payment service.",
        (_, "amount_too_large") => "The amount is too large for the payment service.",
        (_, "authentication_required") => {
            "The bank asks for your confirmation. Pay once on the page of the payment service."
        }
        (_, "expired_card") => "The card has expired.",
        (_, "card_declined" | "incorrect_cvc" | "processing_error") => "The card was declined.",
        _ => "The payment service refused it.",
    }
    .to_owned()
}

/// Reads an event.
///
/// # Errors
/// Why it is not ours.
pub fn event(value: &Value, whose: Whose) -> Read<Event> {
    if at(value, "object").as_str() != Some("event") {
        return Err("not an event");
    }
    if at(value, "livemode").as_bool() != Some(whose.live) {
        return Err("another mode than this site's key");
    }
    // Events of connected accounts carry their name; this site has none.
    if !at(value, "account").is_null() {
        return Err("another account's event");
    }
    let id = text(value, "id").ok_or("no id")?.to_owned();
    let kind = text(value, "type").ok_or("no type")?;
    let created = at(value, "created").as_i64().ok_or("no moment")?;
    let made_at = Time(created.checked_mul(1_000_000).ok_or("no moment")?);
    let object = at(at(value, "data"), "object");
    let read = match kind {
        "checkout.session.completed"
        | "checkout.session.async_payment_succeeded"
        | "checkout.session.async_payment_failed"
        | "checkout.session.expired" => match at(object, "mode").as_str() {
            Some("setup") => cards::entered(object).map(About::Card),
            _ => session(object, whose, Some(kind)).map(About::Checkout),
        },
        "payment_intent.succeeded"
        | "payment_intent.processing"
        | "payment_intent.payment_failed" => {
            // Payments made on a page are told of by their page.
            match text(at(object, "metadata"), "card_id") {
                Some(_) => cards::intent(object, whose).map(About::Checkout),
                None => Ok(About::Other(kind.to_owned())),
            }
        }
        "payment_method.detached" => cards::gone(object).map(About::Card),
        "payment_method.updated" | "payment_method.automatically_updated" => {
            cards::changed(object).map(About::Card)
        }
        "charge.dispute.created"
        | "charge.dispute.updated"
        | "charge.dispute.closed"
        | "charge.dispute.funds_withdrawn"
        | "charge.dispute.funds_reinstated" => dispute(object).map(About::Dispute),
        "refund.created" | "refund.updated" | "refund.failed" | "charge.refund.updated" => {
            refund(object).map(About::Refund)
        }
        other => Ok(About::Other(other.to_owned())),
    };
    let about = read.unwrap_or_else(|why| odd(kind, object, why));
    Ok(Event { id, made_at, about })
}

/// What cannot be read: no fault when it is about another shop's payment, and a case when it is about one of ours.
fn odd(kind: &str, object: &Value, why: &str) -> About {
    if why == INQUIRY {
        return About::Other(kind.to_owned());
    }
    About::Odd(Odd {
        kind: kind.to_owned(),
        why: why.to_owned(),
        intent: named(object, "payment_intent").map(str::to_owned),
        payment: text(object, "client_reference_id").and_then(|text| text.parse().ok()),
    })
}

/// An inquiry moves no money.
const INQUIRY: &str = "an inquiry";

/// Reads a checkout session; an event's kind says more than the session where it failed.
///
/// # Errors
/// Why it is not one of ours.
pub fn session(value: &Value, whose: Whose, kind: Option<&str>) -> Read<Checkout> {
    if at(value, "object").as_str() != Some("checkout.session") {
        return Err("not a checkout session");
    }
    if at(value, "mode").as_str() != Some("payment") {
        return Err("not a session of one payment");
    }
    if at(value, "livemode").as_bool() != Some(whose.live) {
        return Err("another mode than this site's key");
    }
    let (amount, currency) = money(value, "amount_total")?;
    let status = (at(value, "status").as_str(), at(value, "payment_status").as_str());
    let outcome = match status {
        (Some("complete"), Some("paid")) => {
            let intent = named(value, "payment_intent").ok_or("no payment intent")?;
            Outcome::Paid { intent: intent.to_owned() }
        }
        (Some("complete"), _) if kind == Some("checkout.session.async_payment_failed") => {
            Outcome::Failed
        }
        // Where the payment is there itself, it says that the bank sent nothing.
        (Some("complete"), _)
            if matches!(
                at(at(value, "payment_intent"), "status").as_str(),
                Some("requires_payment_method" | "canceled")
            ) =>
        {
            Outcome::Failed
        }
        (Some("complete"), _) => Outcome::Processing,
        (Some("expired"), _) => Outcome::Expired,
        _ => Outcome::Open,
    };
    let reference = text(value, "client_reference_id").and_then(|text| text.parse().ok());
    let noted = text(at(value, "metadata"), "payment_id").and_then(|text| text.parse().ok());
    // Both were given when it was made.
    let payment = reference.filter(|_| reference == noted);
    let id = text(value, "id").ok_or("no id")?.to_owned();
    Ok(Checkout { session: id, payment, amount, currency, outcome })
}

/// Reads a refund.
///
/// # Errors
/// Why it is not one of ours.
pub fn refund(value: &Value) -> Read<Refunded> {
    if at(value, "object").as_str() != Some("refund") {
        return Err("not a refund");
    }
    let (amount, currency) = money(value, "amount")?;
    let state = match at(value, "status").as_str() {
        Some("succeeded") => RefundedState::Succeeded,
        Some("pending" | "requires_action") => RefundedState::Pending,
        Some("failed" | "canceled") => RefundedState::Failed,
        _ => return Err("no status"),
    };
    Ok(Refunded {
        id: text(value, "id").ok_or("no id")?.to_owned(),
        intent: named(value, "payment_intent").ok_or("no payment intent")?.to_owned(),
        amount,
        currency,
        ours: text(at(value, "metadata"), "refund_id").and_then(|text| text.parse().ok()),
        state,
    })
}

/// Reads a dispute.
///
/// # Errors
/// Why it is not one of ours.
pub fn dispute(value: &Value) -> Read<Dispute> {
    if at(value, "object").as_str() != Some("dispute") {
        return Err("not a dispute");
    }
    let (amount, currency) = money(value, "amount")?;
    let state = match at(value, "status").as_str() {
        Some("won") => DisputeState::Won,
        Some("lost") => DisputeState::Lost,
        Some("needs_response" | "under_review") => DisputeState::Open,
        Some("warning_needs_response" | "warning_under_review" | "warning_closed") => {
            return Err(INQUIRY);
        }
        _ => return Err("a status of a dispute that is not known"),
    };
    Ok(Dispute {
        id: text(value, "id").ok_or("no id")?.to_owned(),
        intent: named(value, "payment_intent").ok_or("no payment intent")?.to_owned(),
        amount,
        currency,
        state,
    })
}
