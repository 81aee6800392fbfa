//! A strict double of the part of Stripe's API that is used: forms, versions, idempotency keys, states, events.
//! What it does not know it refuses. No product code is in it.

mod account;
mod back;
mod cards;

use axum::{
    Router,
    extract::{Path, RawQuery, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use back::{create_refund, get_refund, list_refunds, refund_of};

type Answer = Result<Value, (u16, &'static str)>;
type Form = BTreeMap<String, String>;

/// The double.
pub struct Double {
    /// Where it listens.
    pub url: String,
    key: String,
    /// What it answers instead, once per call, for tests of bad days.
    pub bad: Mutex<Vec<u16>>,
    /// The page it makes up instead of its own.
    pub page: Mutex<Option<String>>,
    /// What time it is there.
    pub now: Mutex<i64>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    sessions: BTreeMap<String, Value>,
    refunds: BTreeMap<String, Value>,
    intents: BTreeMap<String, &'static str>,
    customers: BTreeSet<String>,
    methods: BTreeMap<String, Value>,
    charges: BTreeMap<String, Value>,
    events: Vec<Value>,
    lines: Vec<Value>,
    keys: BTreeMap<String, (String, Answer)>,
    calls: Vec<String>,
}

impl Double {
    #[allow(clippy::disallowed_methods, reason = "ends with the test")]
    pub async fn open(key: &str) -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let double = Arc::new(Self {
            url,
            key: key.to_owned(),
            bad: Mutex::default(),
            page: Mutex::default(),
            now: Mutex::default(),
            inner: Mutex::default(),
        });
        let app = Router::new()
            .route("/v1/checkout/sessions", post(create_session))
            .route("/v1/checkout/sessions/{id}", get(get_session))
            .route("/v1/checkout/sessions/{id}/expire", post(expire_session))
            .route("/v1/refunds", post(create_refund).get(list_refunds))
            .route("/v1/refunds/{id}", get(get_refund))
            .route("/v1/events", get(list_events))
            .route("/v1/balance_transactions", get(account::list))
            .merge(cards::routes())
            .with_state(double.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        double
    }

    /// Returns the calls that were made.
    pub fn calls(&self) -> Vec<String> {
        self.inner.lock().unwrap().calls.clone()
    }

    /// Returns the name of the newest session.
    pub fn newest(&self) -> String {
        let inner = self.inner.lock().unwrap();
        inner.sessions.keys().max_by_key(|id| id.len() * 1000 + inner.rank(id)).unwrap().clone()
    }

    fn event(inner: &mut Inner, kind: &str, object: &Value, at: i64) -> Value {
        let id = inner.name("evt");
        let event = json!({
            "id": id, "object": "event", "api_version": "2024-06-20", "created": at, "livemode": false,
            "pending_webhooks": 1, "request": { "id": null, "idempotency_key": null },
            "type": kind, "data": { "object": object },
        });
        inner.events.push(event.clone());
        event
    }

    /// Somebody pays a session; returns the event.
    pub fn pay(&self, id: &str, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let intent = inner.name("pi");
        let session = inner.sessions.get_mut(id).unwrap();
        assert_eq!(session["status"], "open");
        session["status"] = json!("complete");
        session["payment_status"] = json!("paid");
        session["payment_intent"] = json!(intent);
        session["url"] = Value::Null;
        let session = session.clone();
        let coins = session["amount_total"].as_i64().unwrap();
        inner.charges(&intent, coins, &session["metadata"], at);
        Self::event(&mut inner, "checkout.session.completed", &session, at)
    }

    /// Somebody pays by a way that takes days; returns the event.
    pub fn pay_slowly(&self, id: &str, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let intent = inner.name("pi");
        inner.intents.insert(intent.clone(), "processing");
        let session = inner.sessions.get_mut(id).unwrap();
        session["status"] = json!("complete");
        session["payment_status"] = json!("unpaid");
        session["payment_intent"] = json!(intent);
        let session = session.clone();
        // A debit stands in the account from the day it is submitted.
        let coins = session["amount_total"].as_i64().unwrap();
        inner.charges(&intent, coins, &session["metadata"], at);
        Self::event(&mut inner, "checkout.session.completed", &session, at)
    }

    /// Such a payment ends; returns the event.
    pub fn end_slow(&self, id: &str, good: bool, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let session = inner.sessions.get_mut(id).unwrap();
        if good {
            session["payment_status"] = json!("paid");
        }
        let session = session.clone();
        let intent = session["payment_intent"].as_str().unwrap().to_owned();
        if !good {
            let coins = session["amount_total"].as_i64().unwrap();
            let charge = json!({ "id": "py_1", "object": "charge", "payment_intent": intent, "amount": coins, "currency": "eur" });
            inner.moves("charge_failure", -coins, &charge, at);
        }
        inner.intents.insert(intent, if good { "succeeded" } else { "requires_payment_method" });
        let word = if good { "succeeded" } else { "failed" };
        Self::event(&mut inner, &format!("checkout.session.async_payment_{word}"), &session, at)
    }

    /// Returns the payment intent of a paid session.
    pub fn intent(&self, id: &str) -> String {
        let inner = self.inner.lock().unwrap();
        inner.sessions[id]["payment_intent"].as_str().unwrap().to_owned()
    }

    /// Somebody refunds at the dashboard; returns the event.
    pub fn refund_there(&self, intent: &str, coins: i64, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let id = inner.name("re");
        let refund = refund_of(&id, intent, coins, &json!({}));
        inner.refunds.insert(id, refund.clone());
        inner.moves("refund", -coins, &refund, at);
        Self::event(&mut inner, "refund.created", &refund, at)
    }

    /// The newest refund fails after all; returns the event.
    pub fn refund_fails(&self, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let refund = inner.refunds.values_mut().last().unwrap();
        refund["status"] = json!("failed");
        let refund = refund.clone();
        inner.moves("refund_failure", refund["amount"].as_i64().unwrap(), &refund, at);
        Self::event(&mut inner, "refund.failed", &refund, at)
    }

    /// A bank says something of a payment; returns the event.
    pub fn dispute(&self, (id, intent): (&str, &str), coins: i64, status: &str, at: i64) -> Value {
        let mut inner = self.inner.lock().unwrap();
        let open = status == "needs_response";
        let kind = if open { "charge.dispute.created" } else { "charge.dispute.closed" };
        let dispute = json!({
            "id": id, "object": "dispute", "amount": coins, "currency": "eur", "status": status,
            "payment_intent": intent, "charge": "ch_1", "livemode": false, "reason": "fraudulent",
        });
        match status {
            "needs_response" => inner.moves("dispute", -coins, &dispute, at),
            "won" => inner.moves("dispute_reversal", coins, &dispute, at),
            _ => {}
        }
        Self::event(&mut inner, kind, &dispute, at)
    }
}

impl Inner {
    fn name(&mut self, prefix: &str) -> String {
        self.next += 1;
        format!("{prefix}_test_{:08}", self.next)
    }

    fn rank(&self, id: &str) -> usize {
        id.rsplit('_').next().and_then(|n| n.parse().ok()).unwrap_or(0)
    }
}

fn form(body: &str) -> Form {
    form_urlencoded::parse(body.as_bytes())
        .map(|(key, value)| (key.into_owned(), value.into_owned()))
        .collect()
}

fn reply(answer: Answer) -> Response {
    match answer {
        Ok(value) => (StatusCode::OK, axum::Json(value)).into_response(),
        Err((status, code)) => {
            let kind = match status {
                400 => "invalid_request_error",
                402 => "card_error",
                _ => "api_error",
            };
            let body = json!({ "error": { "type": kind, "code": code, "message": "Words of the double." } });
            (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
        }
    }
}

impl Double {
    /// Checks what every call must carry, and answers a key that is known as before.
    fn call(
        &self,
        head: &HeaderMap,
        what: &str,
        body: &str,
        run: impl FnOnce(&mut Inner) -> Answer,
    ) -> Response {
        let text = |name: &str| {
            head.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned()
        };
        let mut inner = self.inner.lock().unwrap();
        inner.calls.push(what.to_owned());
        if text("authorization") != format!("Bearer {}", self.key) {
            return reply(Err((401, "invalid_api_key")));
        }
        let key = text("idempotency-key");
        let same = format!("{what} {body}");
        if !key.is_empty()
            && let Some((before, answer)) = inner.keys.get(&key)
        {
            return reply(if *before == same {
                answer.clone()
            } else {
                Err((400, "idempotency_error"))
            });
        }
        let (answer, told) = match self.bad.lock().unwrap().pop() {
            // It was done; the answer is lost on the way.
            Some(LOST) => (run(&mut inner), Some(502)),
            Some(status) => (Err((status, "bad_day")), None),
            None => (run(&mut inner), None),
        };
        // What ran is kept under its name, failures too; what did not begin is not.
        let began = !matches!(answer, Err((409 | 429, _)));
        if began && !key.is_empty() {
            inner.keys.insert(key, (same, answer.clone()));
        }
        reply(told.map_or(answer, |status| Err((status, "lost"))))
    }
}

/// An answer that is lost though the call was done.
pub const LOST: u16 = 599;

fn number(form: &Form, name: &str) -> Result<i64, (u16, &'static str)> {
    form.get(name).and_then(|text| text.parse().ok()).ok_or((400, "parameter_missing"))
}

fn only(form: &Form, known: &[&str]) -> Result<(), (u16, &'static str)> {
    if form.keys().all(|key| known.contains(&key.as_str())) {
        Ok(())
    } else {
        Err((400, "parameter_unknown"))
    }
}

const SESSION: [&str; 11] = [
    "mode",
    "success_url",
    "cancel_url",
    "client_reference_id",
    "expires_at",
    "line_items[0][quantity]",
    "line_items[0][price_data][currency]",
    "line_items[0][price_data][unit_amount]",
    "line_items[0][price_data][product_data][name]",
    "metadata[payment_id]",
    "payment_intent_data[metadata][payment_id]",
];

async fn create_session(
    State(double): State<Arc<Double>>,
    head: HeaderMap,
    body: String,
) -> Response {
    double.call(&head, "POST /v1/checkout/sessions", &body, |inner| {
        let form = form(&body);
        if form.get("mode").map(String::as_str) == Some("setup") {
            return cards::setup_session(inner, &form);
        }
        only(&form, &SESSION)?;
        if form.get("mode").map(String::as_str) != Some("payment") {
            return Err((400, "parameter_invalid"));
        }
        let total = number(&form, "line_items[0][price_data][unit_amount]")? * number(&form, "line_items[0][quantity]")?;
        if total < 50 {
            return Err((400, "amount_too_small"));
        }
        let id = inner.name("cs");
        let text = |name: &str| form.get(name).cloned();
        let session = json!({
            "id": id, "object": "checkout.session", "mode": "payment", "livemode": false, "status": "open",
            "payment_status": "unpaid", "payment_intent": null, "amount_total": total,
            "currency": text("line_items[0][price_data][currency]"), "client_reference_id": text("client_reference_id"),
            "metadata": { "payment_id": text("metadata[payment_id]") }, "expires_at": number(&form, "expires_at")?,
            "success_url": text("success_url"), "cancel_url": text("cancel_url"),
            "url": double.page.lock().unwrap().clone().unwrap_or(format!("https://checkout.example.com/c/{id}")),
        });
        inner.sessions.insert(id, session.clone());
        Ok(session)
    })
}

async fn get_session(
    State(double): State<Arc<Double>>,
    Path(id): Path<String>,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/checkout/sessions/", "", |inner| {
        let mut session = inner.sessions.get(&id).cloned().ok_or((404, "resource_missing"))?;
        cards::expand(inner, &mut session);
        // Asked for with `expand[]=payment_intent`, the payment is there itself.
        if let Some(intent) = session["payment_intent"].as_str().map(str::to_owned) {
            let status = inner.intents.get(&intent).copied().unwrap_or("succeeded");
            session["payment_intent"] =
                json!({ "id": intent, "object": "payment_intent", "status": status });
        }
        Ok(session)
    })
}

async fn expire_session(
    State(double): State<Arc<Double>>,
    Path(id): Path<String>,
    head: HeaderMap,
) -> Response {
    double.call(&head, "POST /v1/checkout/sessions/expire", "", |inner| {
        let session = inner.sessions.get_mut(&id).ok_or((404, "resource_missing"))?;
        if session["status"] != "open" {
            return Err((400, "parameter_invalid"));
        }
        session["status"] = json!("expired");
        Ok(session.clone())
    })
}

async fn list_events(
    State(double): State<Arc<Double>>,
    RawQuery(query): RawQuery,
    head: HeaderMap,
) -> Response {
    double.call(&head, "GET /v1/events", "", |inner| {
        let pairs: Vec<(String, String)> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
        let one = |name: &str| pairs.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
        let since: i64 = one("created[gte]").and_then(|text| text.parse().ok()).unwrap_or(0);
        let kinds: Vec<&str> = pairs.iter().filter(|(key, _)| key.starts_with("types[")).map(|(_, value)| value.as_str()).collect();
        // The newest first, as Stripe lists.
        let all: Vec<&Value> = inner.events.iter().rev().filter(|event| event["created"].as_i64().unwrap() >= since && kinds.contains(&event["type"].as_str().unwrap())).collect();
        let from = one("starting_after").map_or(0, |id| all.iter().position(|event| event["id"] == id.as_str()).map_or(all.len(), |at| at + 1));
        let limit = one("limit").and_then(|text| text.parse().ok()).unwrap_or(10);
        let page: Vec<&Value> = all.iter().skip(from).take(limit).copied().collect();
        Ok(json!({ "object": "list", "url": "/v1/events", "has_more": from + page.len() < all.len(), "data": page }))
    })
}
