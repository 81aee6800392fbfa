//! The double's refunds.

use super::{Double, form, number, only};
use axum::{
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::Response,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Returns a refund as Stripe shows it.
pub fn refund_of(id: &str, intent: &str, coins: i64, metadata: &Value) -> Value {
    json!({
        "id": id, "object": "refund", "amount": coins, "currency": "eur", "status": "succeeded",
        "payment_intent": intent, "metadata": metadata, "charge": "ch_1",
    })
}

pub async fn get_refund(
    State(double): State<Arc<Double>>,
    Path(id): Path<String>,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/refunds/", "", |inner| {
        inner.refunds.get(&id).cloned().ok_or((404, "resource_missing"))
    })
}

pub async fn list_refunds(
    State(double): State<Arc<Double>>,
    RawQuery(query): RawQuery,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/refunds", "", |inner| {
        let form = form(&query.unwrap_or_default());
        let intent = form.get("payment_intent").cloned().unwrap_or_default();
        let rows: Vec<&Value> =
            inner.refunds.values().filter(|one| one["payment_intent"] == intent.as_str()).collect();
        Ok(json!({ "object": "list", "has_more": false, "data": rows }))
    })
}

pub async fn create_refund(
    State(double): State<Arc<Double>>,
    head: HeaderMap,
    body: String,
) -> Response {
    let at = *double.now.lock().unwrap();
    double.call(&head, "POST /v1/refunds", &body, |inner| {
        let form = form(&body);
        only(&form, &["payment_intent", "amount", "metadata[refund_id]"])?;
        let intent = form.get("payment_intent").cloned().unwrap_or_default();
        let coins = number(&form, "amount")?;
        let session = inner.sessions.values().find(|one| one["payment_intent"] == intent.as_str());
        let charge = inner.charges.get(&intent).filter(|one| one["status"] == "succeeded");
        let paid = session.map(|one| &one["amount_total"]).or(charge.map(|one| &one["amount"]));
        let paid = paid.ok_or((404, "resource_missing"))?.as_i64().unwrap();
        let back: i64 = inner
            .refunds
            .values()
            .filter(|one| one["payment_intent"] == intent.as_str())
            .map(|one| one["amount"].as_i64().unwrap())
            .sum();
        if back + coins > paid {
            return Err((400, "charge_already_refunded"));
        }
        let id = inner.name("re");
        let refund = refund_of(
            &id,
            &intent,
            coins,
            &json!({ "refund_id": form.get("metadata[refund_id]") }),
        );
        inner.refunds.insert(id, refund.clone());
        inner.moves("refund", -coins, &refund, at);
        Ok(refund)
    })
}
