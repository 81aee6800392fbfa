//! The double's customers, kept cards, charges off session, and portal.

use super::{Answer, Double, Form, Inner, form, number, only};
use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::HeaderMap,
    response::Response,
    routing::{get, post},
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Returns the routes.
pub fn routes() -> Router<Arc<Double>> {
    Router::new()
        .route("/v1/customers", post(create_customer))
        .route("/v1/payment_intents", post(charge).get(list_charges))
        .route("/v1/payment_intents/{id}", get(get_charge))
        .route("/v1/payment_intents/{id}/cancel", post(cancel_charge))
        .route("/v1/payment_methods/{id}/detach", post(detach))
        .route("/v1/billing_portal/sessions", post(portal))
}

async fn create_customer(
    State(double): State<Arc<Double>>,
    head: HeaderMap,
    body: String,
) -> Response {
    double.call(&head, "POST /v1/customers", &body, |inner| {
        let form = form(&body);
        only(&form, &["name", "metadata[org_id]"])?;
        let id = inner.name("cus");
        inner.customers.insert(id.clone());
        Ok(json!({ "id": id, "object": "customer", "livemode": false, "name": form.get("name") }))
    })
}

const SETUP: [&str; 8] = [
    "mode",
    "customer",
    "payment_method_types[0]",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "expires_at",
    "metadata[card_id]",
];

/// Makes a session on which a card is entered.
pub fn setup_session(inner: &mut Inner, form: &Form) -> Answer {
    only(form, &SETUP)?;
    let customer = known_customer(inner, form)?;
    if form.get("payment_method_types[0]").map(String::as_str) != Some("card") {
        return Err((400, "parameter_invalid"));
    }
    let id = inner.name("cs");
    let session = json!({
        "id": id, "object": "checkout.session", "mode": "setup", "livemode": false, "status": "open",
        "payment_status": "no_payment_required", "payment_intent": null, "amount_total": null, "currency": null,
        "customer": customer, "client_reference_id": form.get("client_reference_id"),
        "metadata": { "card_id": form.get("metadata[card_id]") }, "expires_at": number(form, "expires_at")?,
        "setup_intent": null, "url": format!("https://checkout.example.com/s/{id}"),
    });
    inner.sessions.insert(id, session.clone());
    Ok(session)
}

fn known_customer(inner: &Inner, form: &Form) -> Result<String, (u16, &'static str)> {
    let customer = form.get("customer").cloned().unwrap_or_default();
    if inner.customers.contains(&customer) { Ok(customer) } else { Err((400, "resource_missing")) }
}

/// Puts in what a session of a card was asked to expand.
pub fn expand(inner: &Inner, session: &mut Value) {
    let Some(method) = session["setup_intent"].as_str().map(str::to_owned) else { return };
    let card = &inner.methods[&method.replace("seti", "pm")];
    session["setup_intent"] = json!({ "id": method, "object": "setup_intent", "status": "succeeded", "payment_method": card });
}

impl Double {
    /// Somebody enters a card; returns the event.
    pub fn enter(&self, session: &str, last4: &str, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let setup = inner.name("seti");
        let method = setup.replace("seti", "pm");
        let session = inner.sessions.get_mut(session).unwrap();
        assert_eq!((&session["mode"], &session["status"]), (&json!("setup"), &json!("open")));
        session["status"] = json!("complete");
        session["setup_intent"] = json!(setup);
        session["url"] = Value::Null;
        let session = session.clone();
        let card = json!({
            "id": method, "object": "payment_method", "type": "card", "livemode": false, "customer": session["customer"],
            "card": { "brand": "visa", "last4": last4, "exp_month": 8, "exp_year": 2030 },
        });
        inner.methods.insert(method, card);
        Self::event(&mut inner, "checkout.session.completed", &session, at)
    }

    /// Returns what was charged, the newest last: amount and status.
    pub fn charges(&self) -> Vec<(i64, String)> {
        let inner = self.inner.lock().unwrap();
        let of = |one: &Value| {
            (one["amount"].as_i64().unwrap(), one["status"].as_str().unwrap().to_owned())
        };
        inner.charges.values().map(of).collect()
    }

    /// Somebody removes a card at the processor; returns the event.
    pub fn detach_there(&self, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let id = inner.methods.keys().last().unwrap().clone();
        let mut card = inner.methods[&id].clone();
        card["customer"] = Value::Null;
        inner.methods.insert(id, card.clone());
        Self::event(&mut inner, "payment_method.detached", &card, at)
    }

    /// A bank renews a card; returns the event.
    pub fn renew(&self, year: i64, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let card = inner.methods.values_mut().last().unwrap();
        card["card"]["exp_year"] = json!(year);
        let card = card.clone();
        Self::event(&mut inner, "payment_method.automatically_updated", &card, at)
    }

    /// Returns the event of the newest charge, as it is told.
    pub fn charge_event(&self) -> Value {
        let inner = self.inner.lock().unwrap();
        let newest = inner
            .events
            .iter()
            .rev()
            .find(|event| event["type"].as_str().unwrap().starts_with("payment_intent."));
        newest.unwrap().clone()
    }
}

const CHARGE: [&str; 8] = [
    "amount",
    "currency",
    "customer",
    "payment_method",
    "off_session",
    "confirm",
    "metadata[payment_id]",
    "metadata[card_id]",
];

async fn charge(State(double): State<Arc<Double>>, head: HeaderMap, body: String) -> Response {
    assert!(head.contains_key("idempotency-key"), "a charge without a name");
    let at = *double.now.lock().unwrap();
    double.call(&head, "POST /v1/payment_intents", &body, |inner| {
        let form = form(&body);
        only(&form, &CHARGE)?;
        let customer = known_customer(inner, &form)?;
        let method = form.get("payment_method").cloned().unwrap_or_default();
        let card = inner.methods.get(&method).cloned().ok_or((400, "resource_missing"))?;
        if card["customer"] != customer.as_str() {
            return Err((400, "resource_missing"));
        }
        let off = ["off_session", "confirm"].iter().all(|name| form.get(*name).map(String::as_str) == Some("true"));
        let amount = number(&form, "amount")?;
        if !off || amount < 50 {
            return Err((400, "parameter_invalid"));
        }
        let refused = match card["card"]["last4"].as_str().unwrap() {
            "0002" => Some("card_declined"),
            "3184" => Some("authentication_required"),
            _ => None,
        };
        let status = if refused.is_some() { "requires_payment_method" } else { "succeeded" };
        let id = inner.name("pi");
        let intent = json!({
            "id": id, "object": "payment_intent", "amount": amount, "currency": form.get("currency"), "status": status,
            "customer": customer, "payment_method": method, "livemode": false, "created": at,
            "metadata": { "payment_id": form.get("metadata[payment_id]"), "card_id": form.get("metadata[card_id]") },
        });
        if refused.is_none() {
            inner.charges(&id, amount, &intent["metadata"], at);
        }
        inner.charges.insert(id, intent.clone());
        let kind = if refused.is_some() { "payment_intent.payment_failed" } else { "payment_intent.succeeded" };
        Double::event(inner, kind, &intent, at);
        refused.map_or(Ok(intent), |code| Err((402, code)))
    })
}

async fn get_charge(
    State(double): State<Arc<Double>>,
    Path(id): Path<String>,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/payment_intents/", "", |inner| {
        inner.charges.get(&id).cloned().ok_or((404, "resource_missing"))
    })
}

async fn list_charges(
    State(double): State<Arc<Double>>,
    RawQuery(query): RawQuery,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/payment_intents", "", |inner| {
        let form = form(&query.unwrap_or_default());
        only(&form, &["customer", "created[gte]", "limit"])?;
        let (customer, since) = (known_customer(inner, &form)?, number(&form, "created[gte]")?);
        let ours = |one: &&Value| one["customer"] == customer.as_str() && one["created"].as_i64().unwrap() >= since;
        let rows: Vec<&Value> = inner.charges.values().rev().filter(ours).collect();
        Ok(json!({ "object": "list", "url": "/v1/payment_intents", "has_more": false, "data": rows }))
    })
}

async fn cancel_charge(
    State(double): State<Arc<Double>>,
    Path(id): Path<String>,
    head: HeaderMap,
) -> Response {
    double.call(&head, "POST /v1/payment_intents/cancel", "", |inner| {
        let intent = inner.charges.get_mut(&id).ok_or((404, "resource_missing"))?;
        if intent["status"] == "succeeded" {
            return Err((400, "payment_intent_unexpected_state"));
        }
        intent["status"] = json!("canceled");
        Ok(intent.clone())
    })
}

async fn detach(
    State(double): State<Arc<Double>>,
    Path(id): Path<String>,
    head: HeaderMap,
) -> Response {
    double.call(&head, &format!("POST /v1/payment_methods/{id}/detach"), "", |inner| {
        let card = inner.methods.get_mut(&id).ok_or((404, "resource_missing"))?;
        if card["customer"].is_null() {
            return Err((400, "payment_method_unactivated"));
        }
        card["customer"] = Value::Null;
        Ok(card.clone())
    })
}

async fn portal(State(double): State<Arc<Double>>, head: HeaderMap, body: String) -> Response {
    double.call(&head, "POST /v1/billing_portal/sessions", &body, |inner| {
        let form = form(&body);
        only(&form, &["customer", "return_url"])?;
        let customer = known_customer(inner, &form)?;
        let id = inner.name("bps");
        Ok(json!({ "id": id, "object": "billing_portal.session", "customer": customer, "url": format!("https://billing.example.com/p/{id}") }))
    })
}
