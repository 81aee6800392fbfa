//! Reading Stripe's balance transactions (docs.stripe.com/api/balance_transactions/object).

use super::{Moved, MovementKind as Kind};
use crate::billing::{
    Settings,
    payments::{
        minor,
        processor::Fault,
        stripe::Stripe,
        stripe_events::{Read, at, named, text},
    },
};
use api::{Currency, Micros, Time};
use kernel::App;
use serde_json::Value;

/// What a line is about, by its category for reports (docs.stripe.com/reports/reporting-categories).
fn kind(category: &str) -> Kind {
    match category {
        "charge" | "charge_failure" | "partial_capture_reversal" => Kind::Charge,
        "refund" | "refund_failure" => Kind::Refund,
        "dispute" | "dispute_reversal" => Kind::Dispute,
        "fee" | "network_cost" | "tax" => Kind::Fee,
        "payout" | "payout_reversal" => Kind::Payout,
        _ => Kind::Other,
    }
}

/// An amount of coins, with its sign.
fn signed(value: &Value, name: &str, currency: Currency) -> Read<Micros> {
    let coins = at(value, name).as_i64().ok_or("no amount")?;
    minor::back(coins, currency).ok_or("an amount out of range")
}

fn currency(value: &Value) -> Read<Currency> {
    let word = text(value, "currency").map(str::to_uppercase);
    word.as_deref().and_then(Currency::parse).ok_or("no currency")
}

/// How much the object itself moved, where the account is kept in another currency than it was paid in.
fn of_object(source: &Value, settled: (Micros, Currency)) -> Read<(Micros, Currency)> {
    let paid = currency(source).unwrap_or(settled.1);
    if paid == settled.1 {
        return Ok(settled);
    }
    let size = signed(source, "amount", paid)?;
    Ok((Micros(size.0.saturating_mul(settled.0.0.signum())), paid))
}

fn whole(value: &Value, id: &str, when: Time) -> Read<Moved> {
    let settled_currency = currency(value)?;
    let settled = signed(value, "amount", settled_currency)?;
    let fee = signed(value, "fee", settled_currency)?;
    let (source, kind) =
        (at(value, "source"), kind(text(value, "reporting_category").unwrap_or_default()));
    let object = named(value, "source").unwrap_or(id);
    let own = matches!(kind, Kind::Charge | Kind::Refund | Kind::Dispute);
    let intent = named(source, "payment_intent").filter(|_| own);
    let (amount, currency) = if own {
        of_object(source, (settled, settled_currency))?
    } else {
        (settled, settled_currency)
    };
    let payment = text(at(source, "metadata"), "payment_id").and_then(|text| text.parse().ok());
    Ok(Moved {
        id: id.to_owned(),
        at: when,
        kind,
        // A payment is known here by its intent.
        object: intent.filter(|_| kind == Kind::Charge).unwrap_or(object).to_owned(),
        intent: intent.map(str::to_owned),
        payment: payment.filter(|_| kind == Kind::Charge),
        amount,
        currency,
        settled,
        fee,
        settled_currency,
    })
}

/// Reads a balance transaction with its source; one that cannot be read is kept as that.
///
/// # Errors
/// Where not even its name and moment can be read.
fn movement(value: &Value, plain: Currency) -> Read<Moved> {
    if at(value, "object").as_str() != Some("balance_transaction") {
        return Err("not a balance transaction");
    }
    let id = text(value, "id").ok_or("no id")?;
    let created = at(value, "created").as_i64().ok_or("no moment")?;
    let when = Time(created.checked_mul(1_000_000).ok_or("no moment")?);
    Ok(whole(value, id, when).unwrap_or_else(|why| {
        let source = at(value, "source");
        let own = matches!(
            kind(text(value, "reporting_category").unwrap_or_default()),
            Kind::Charge | Kind::Refund | Kind::Dispute
        );
        tracing::warn!(id, why, "a movement of the processor's account cannot be read");
        Moved {
            id: id.to_owned(),
            at: when,
            kind: if own { Kind::Unread } else { Kind::Other },
            object: id.to_owned(),
            intent: named(source, "payment_intent").map(str::to_owned),
            payment: None,
            amount: Micros::ZERO,
            currency: plain,
            settled: Micros::ZERO,
            fee: Micros::ZERO,
            settled_currency: plain,
        }
    }))
}

impl Stripe {
    /// Returns the lines of its account in a span, the oldest first.
    pub async fn account(&self, app: &App, (from, to): (Time, Time)) -> Result<Vec<Moved>, Fault> {
        let seconds = |at: Time| at.0.div_euclid(1_000_000).to_string();
        let form = [
            ("created[gte]", seconds(from)),
            ("created[lte]", seconds(to)),
            ("expand[]", "data.source".to_owned()),
        ];
        let plain = app.get::<Settings>().currency;
        let read = |row: &Value| {
            let read = movement(row, plain).map_err(|why| Fault::Later(why.to_owned()));
            read.map(Some)
        };
        self.list(app, "/v1/balance_transactions", &form, read).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(category: &str, currency: &str, amount: i64, source: Value) -> Moved {
        let value = json!({
            "id": "txn_1", "object": "balance_transaction", "created": 1_795_000_000, "amount": amount, "fee": 25,
            "currency": currency, "reporting_category": category, "source": source,
        });
        movement(&value, Currency::EUR).unwrap()
    }

    #[test]
    fn a_line_is_read_in_the_currency_it_was_paid_in() {
        let charge = json!({ "id": "ch_1", "object": "charge", "payment_intent": "pi_1", "amount": 5000, "currency": "eur" });
        let same = line("charge", "eur", 5000, charge.clone());
        assert_eq!(
            (same.object.as_str(), same.amount, same.fee),
            ("pi_1", Micros(50_000_000), Micros(250_000))
        );
        let other = line("charge", "usd", 5500, charge);
        assert_eq!((other.amount, other.currency), (Micros(50_000_000), Currency::EUR));
        assert_eq!(other.settled, Micros(55_000_000));
        let dispute = json!({ "id": "dp_1", "object": "dispute", "payment_intent": "pi_1", "amount": 5000, "currency": "eur" });
        let back = line("dispute", "usd", -5500, dispute);
        assert_eq!(
            (back.object.as_str(), back.amount, back.kind),
            ("dp_1", Micros(-50_000_000), Kind::Dispute)
        );
    }

    #[test]
    fn what_has_no_source_or_no_sense_is_kept() {
        let payout = line("payout", "eur", -9000, json!("po_1"));
        assert_eq!((payout.kind, payout.object.as_str()), (Kind::Payout, "po_1"));
        assert_eq!(line("a_new_one", "eur", 1, Value::Null).kind, Kind::Other);
        assert_eq!(line("charge", "kwd", 1, Value::Null).kind, Kind::Unread);
        assert_eq!(line("charge", "eur", i64::MAX, Value::Null).kind, Kind::Unread);
        assert!(movement(&json!({ "object": "balance_transaction" }), Currency::EUR).is_err());
    }
}
