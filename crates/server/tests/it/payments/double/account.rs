//! The double's own account: balance transactions.

use super::{Double, Inner, form, only};
use axum::{
    extract::{RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// What a payment costs its receiver: 1.5 % and 25 cents.
fn fee(category: &str, coins: i64) -> i64 {
    match category {
        "charge" => coins * 15 / 1000 + 25,
        "dispute" => 1500,
        _ => 0,
    }
}

impl Inner {
    /// Writes a line into the account.
    pub fn moves(&mut self, category: &str, coins: i64, source: &Value, at: i64) {
        let id = self.name("txn");
        let fee = fee(category, coins);
        self.lines.push(json!({
            "id": id, "object": "balance_transaction", "amount": coins, "available_on": at, "created": at,
            "currency": "eur", "description": null, "exchange_rate": null, "fee": fee, "fee_details": [],
            "net": coins - fee, "reporting_category": category, "source": source, "status": "available",
            "type": category,
        }));
    }

    /// The same for a payment, whose source is its charge.
    pub fn charges(&mut self, intent: &str, coins: i64, metadata: &Value, at: i64) {
        let id = self.name("ch");
        let charge = json!({
            "id": id, "object": "charge", "amount": coins, "currency": "eur", "payment_intent": intent,
            "metadata": metadata, "paid": true, "livemode": false,
        });
        self.moves("charge", coins, &charge, at);
    }
}

impl Double {
    /// Changes the newest line of a category.
    pub fn falsify(&self, category: &str, change: impl FnOnce(&mut Value)) {
        let mut inner = self.inner.lock().unwrap();
        let of = |line: &&mut Value| line["reporting_category"] == category;
        change(inner.lines.iter_mut().rev().find(of).unwrap());
    }

    /// Writes a line nobody here asked for.
    pub fn move_there(&self, category: &str, coins: i64, source: &Value, at: i64) {
        self.inner.lock().unwrap().moves(category, coins, source, at);
    }

    /// Takes a payment of this site that nobody tells of.
    pub fn charge_there(&self, payment: &str, coins: i64, at: i64) -> String {
        let mut inner = self.inner.lock().unwrap();
        let intent = inner.name("pi");
        inner.charges(&intent, coins, &json!({ "payment_id": payment }), at);
        intent
    }

    /// Forgets the newest line of a category.
    pub fn lose(&self, category: &str) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let at = inner.lines.iter().rposition(|line| line["reporting_category"] == category);
        inner.lines.remove(at.unwrap())
    }

    /// Writes a line again that was lost.
    pub fn find_again(&self, line: Value) {
        self.inner.lock().unwrap().lines.push(line);
    }
}

pub async fn list(
    State(double): State<Arc<Double>>,
    RawQuery(query): RawQuery,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/balance_transactions", "", |inner| {
        let form = form(&query.unwrap_or_default());
        // Clients write a list of one either way.
        let known = ["created[gte]", "created[lte]", "limit", "starting_after", "expand[]", "expand[0]"];
        only(&form, &known)?;
        let number = |name: &str, none: i64| form.get(name).and_then(|text| text.parse().ok()).unwrap_or(none);
        let (from, to) = (number("created[gte]", 0), number("created[lte]", i64::MAX));
        let within = |line: &&Value| (from..=to).contains(&line["created"].as_i64().unwrap());
        let mut all: Vec<Value> = inner.lines.iter().rev().filter(within).cloned().collect();
        let expand = form.get("expand[]").or(form.get("expand[0]"));
        if expand.map(String::as_str) != Some("data.source") {
            for line in &mut all {
                line["source"] = line["source"]["id"].clone();
            }
        }
        let from = form.get("starting_after").map_or(0, |id| {
            all.iter().position(|line| line["id"] == id.as_str()).map_or(all.len(), |at| at + 1)
        });
        let limit = usize::try_from(number("limit", 10)).unwrap_or(10);
        let page: Vec<&Value> = all.iter().skip(from).take(limit).collect();
        Ok(json!({
            "object": "list", "url": "/v1/balance_transactions", "has_more": from + page.len() < all.len(),
            "data": page,
        }))
    })
}
