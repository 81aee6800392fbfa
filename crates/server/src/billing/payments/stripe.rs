//! Stripe: its documented API (docs.stripe.com/api), spoken in forms over HTTPS, one version pinned.
//!
//! What is used: checkout sessions (create, retrieve, expire), refunds (create), lists of events and
//! of balance transactions, and signed webhooks. Each creating call carries an idempotency key named after our row.

use super::{
    event::Event,
    minor,
    processor::{Fault, Keeper, Opened, Processor, Unsigned, client},
    reconcile::Moved,
    store::{Payment, Refund},
    stripe_cards::looked,
    stripe_events::{self, Whose, at, words},
};
use crate::billing::Settings;
use api::{Time, payments::Provider};
use futures::{FutureExt, future::BoxFuture};
use kernel::{App, Error, Result, app::Site};
use serde_json::Value;

/// The version of the API whose shapes are read here.
const VERSION: &str = "2024-06-20";
/// Most pages of a list that are read at once: half a million rows.
const PAGES: usize = 5000;

/// The kinds of event that are read; endpoints at Stripe are set to these.
pub const KINDS: [&str; 19] = [
    "checkout.session.completed",
    "checkout.session.async_payment_succeeded",
    "checkout.session.async_payment_failed",
    "checkout.session.expired",
    "charge.dispute.created",
    "charge.dispute.closed",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "refund.created",
    "refund.updated",
    "refund.failed",
    "charge.refund.updated",
    "payment_intent.succeeded",
    "payment_intent.processing",
    "payment_intent.payment_failed",
    "payment_method.detached",
    "payment_method.updated",
    "payment_method.automatically_updated",
];

/// A client of Stripe.
pub struct Stripe {
    api: String,
    key: String,
    pub(super) secrets: Vec<String>,
    pub(super) site: String,
    brand: String,
}

fn one_line(path: &str, name: &str) -> Result<Vec<String>> {
    let what = format!("read the file named by billing.{name}");
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::internal(anyhow::Error::new(error).context(what.clone())))?;
    let lines: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    let good = !lines.is_empty() && lines.iter().all(|line| line.len() >= 16);
    if good {
        Ok(lines)
    } else {
        Err(Error::internal(anyhow::anyhow!("{what}: it holds no secret")))
    }
}

impl Stripe {
    /// Returns the client the settings describe.
    ///
    /// # Errors
    /// A key or webhook secret that is missing or empty: anybody could sign events then.
    pub fn new(settings: &Settings, site: &Site) -> Result<Self> {
        let keys = one_line(&settings.stripe_key_file, "stripe_key_file")?;
        let secrets = one_line(&settings.stripe_webhook_secret_file, "stripe_webhook_secret_file")?;
        let key = keys.into_iter().next().unwrap_or_default();
        let known = ["sk_test_", "rk_test_", "sk_live_", "rk_live_"];
        if !known.iter().any(|prefix| key.starts_with(prefix)) {
            return Err(Error::internal(anyhow::anyhow!(
                "read the file named by billing.stripe_key_file: it holds no secret key of Stripe"
            )));
        }
        let (site, brand) = (site.public_url.clone(), site.brand.clone());
        Ok(Self { api: settings.stripe_api.clone(), key, secrets, site, brand })
    }

    pub(super) fn whose(&self) -> Whose {
        Whose { live: self.key.contains("_live_") }
    }

    pub(super) async fn call(
        &self,
        app: &App,
        method: http::Method,
        path: &str,
        form: &[(&str, String)],
        key: Option<String>,
    ) -> Result<Value, Fault> {
        let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let (uri, body) = if method == http::Method::GET {
            (format!("{}{path}?{body}", self.api), Vec::new())
        } else {
            (format!("{}{path}", self.api), body.into_bytes())
        };
        let mut request = http::Request::builder()
            .method(method)
            .uri(uri)
            .header("authorization", format!("Bearer {}", self.key))
            .header("stripe-version", VERSION)
            .header("content-type", "application/x-www-form-urlencoded");
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        let never = |error: http::Error| Fault::Never(error.to_string());
        let answer = client(app)
            .call(request.body(body).map_err(never)?)
            .await
            .map_err(|fault| Fault::Later(fault.to_string()))?;
        let value: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        match answer.status().as_u16() {
            200..=299 if value.is_object() => Ok(value),
            // A key that is refused is the operators' to mend: what waits for it waits on.
            401 | 403 | 409 | 429 | 500..=599 | 200..=299 => {
                Err(Fault::Later(format!("answered {}", answer.status().as_u16())))
            }
            status => {
                let code =
                    at(at(&value, "error"), "code")
                        .as_str()
                        .or(at(at(&value, "error"), "type").as_str());
                tracing::warn!(
                    status,
                    code = code.unwrap_or("none"),
                    path,
                    "stripe refused a call"
                );
                Err(Fault::Never(words(status, code.unwrap_or_default())))
            }
        }
    }

    /// Returns a whole list, the oldest first, of what is read of its rows.
    pub(super) async fn list<T>(
        &self,
        app: &App,
        path: &str,
        form: &[(&'static str, String)],
        read: impl Fn(&Value) -> Result<Option<T>, Fault>,
    ) -> Result<Vec<T>, Fault> {
        let (mut found, mut after) = (Vec::new(), None::<String>);
        for _ in 0..PAGES {
            let mut form = form.to_vec();
            form.push(("limit", "100".to_owned()));
            form.extend(after.take().map(|id| ("starting_after", id)));
            let page = self.call(app, http::Method::GET, path, &form, None).await?;
            let rows = at(&page, "data").as_array().map(Vec::as_slice).unwrap_or_default();
            after = rows.last().and_then(|row| at(row, "id").as_str()).map(str::to_owned);
            for row in rows {
                found.extend(read(row)?);
            }
            if at(&page, "has_more").as_bool() != Some(true) || after.is_none() {
                // Stripe lists the newest first.
                found.reverse();
                return Ok(found);
            }
        }
        Err(Fault::Later("more rows than are read at once".to_owned()))
    }

    /// Returns whether people may be led to an address: over HTTPS, or to where the API is; without a user's name.
    pub(super) fn leads(&self, url: &str) -> bool {
        let Ok(uri) = url.parse::<http::Uri>() else { return false };
        let api: Option<http::Uri> = self.api.parse().ok();
        let home = api
            .is_some_and(|api| (api.scheme(), api.authority()) == (uri.scheme(), uri.authority()));
        let named = uri
            .authority()
            .is_some_and(|one| !one.as_str().contains('@') && !one.host().is_empty());
        let plain = url.chars().all(|c| c.is_ascii_graphic());
        plain && named && (uri.scheme_str() == Some("https") || home)
    }

    fn session_form(&self, row: &Payment) -> Result<Vec<(&'static str, String)>, Fault> {
        let coins = minor::of(row.amount, row.currency)
            .ok_or_else(|| Fault::Never("This amount cannot be paid.".to_owned()))?;
        let back = format!("{}/account/billing/payments/{}?back=", self.site, row.id);
        let ends = row.expires_at.0 / 1_000_000;
        Ok(vec![
            ("mode", "payment".to_owned()),
            ("success_url", format!("{back}paid")),
            ("cancel_url", format!("{back}cancelled")),
            ("client_reference_id", row.id.to_string()),
            ("expires_at", ends.to_string()),
            ("line_items[0][quantity]", "1".to_owned()),
            ("line_items[0][price_data][currency]", row.currency.as_str().to_lowercase()),
            ("line_items[0][price_data][unit_amount]", coins.to_string()),
            ("line_items[0][price_data][product_data][name]", format!("{} credit", self.brand)),
            ("metadata[payment_id]", row.id.to_string()),
            ("payment_intent_data[metadata][payment_id]", row.id.to_string()),
        ])
    }
}

/// How often a call keeps its name: answers of 5xx are kept under it for a day, and told again.
const SAME: i64 = 5;

/// Returns the name of a call. It changes only when minutes have passed, so that no other is in flight.
fn name(what: &str, id: impl std::fmt::Display, attempts: i64) -> String {
    if attempts < SAME { format!("{what}-{id}") } else { format!("{what}-{id}-{attempts}") }
}

impl Stripe {
    /// Finds a refund that was made before though its answer was lost, or one that is on its way.
    async fn made(
        &self,
        app: &App,
        row: &Payment,
        refund: &Refund,
    ) -> Result<Option<Value>, Fault> {
        let get = http::Method::GET;
        if let Some(known) = &refund.refund_ref {
            let path = format!("/v1/refunds/{known}");
            return self.call(app, get, &path, &[], None).await.map(Some);
        }
        if refund.attempts == 0 {
            return Ok(None);
        }
        let form = [
            ("payment_intent", row.intent_ref.clone().unwrap_or_default()),
            ("limit", "100".to_owned()),
        ];
        let page = self.call(app, get, "/v1/refunds", &form, None).await?;
        let id = refund.id.to_string();
        let ours = |one: &&Value| at(at(one, "metadata"), "refund_id").as_str() == Some(&id);
        Ok(at(&page, "data").as_array().and_then(|rows| rows.iter().find(ours).cloned()))
    }
}

pub(super) fn text(value: &Value, name: &str) -> Result<String, Fault> {
    let found = at(value, name).as_str().filter(|text| !text.is_empty() && text.len() <= 4000);
    found.map(str::to_owned).ok_or_else(|| Fault::Later(format!("no {name} in the answer")))
}

impl Processor for Stripe {
    fn provider(&self) -> Provider {
        Provider::Stripe
    }

    fn simulated(&self) -> bool {
        !self.whose().live
    }

    fn open<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<Opened, Fault>> {
        async move {
            // The same words each time: a name stands for one body.
            let form = self.session_form(row)?;
            let key = Some(name("checkout", row.id, row.attempts));
            let made =
                self.call(app, http::Method::POST, "/v1/checkout/sessions", &form, key).await?;
            let expires_at = row.expires_at;
            let url = text(&made, "url")?;
            if !self.leads(&url) {
                return Err(Fault::Later("a page that is no address over HTTPS".to_owned()));
            }
            Ok(Opened { session: text(&made, "id")?, url, expires_at })
        }
        .boxed()
    }

    fn look<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<Event, Fault>> {
        async move {
            let session = row.session_ref.as_deref().unwrap_or_default();
            if row.card_id.is_some() {
                return self.charged(app, session).await;
            }
            let path = format!("/v1/checkout/sessions/{session}");
            let form = [("expand[]", "payment_intent".to_owned())];
            let found = self.call(app, http::Method::GET, &path, &form, None).await?;
            let about = stripe_events::session(&found, self.whose(), None);
            let about = about.map_err(|why| Fault::Later(why.to_owned()))?;
            Ok(looked(app, about))
        }
        .boxed()
    }

    fn close<'a>(&'a self, app: &'a App, row: &'a Payment) -> BoxFuture<'a, Result<(), Fault>> {
        async move {
            let session = row.session_ref.as_deref().unwrap_or_default();
            let path = match row.card_id {
                Some(_) => format!("/v1/payment_intents/{session}/cancel"),
                None => format!("/v1/checkout/sessions/{session}/expire"),
            };
            self.call(app, http::Method::POST, &path, &[], None).await.map(|_| ())
        }
        .boxed()
    }

    fn refund<'a>(
        &'a self,
        app: &'a App,
        row: &'a Payment,
        refund: &'a Refund,
    ) -> BoxFuture<'a, Result<Event, Fault>> {
        async move {
            let coins = minor::of(refund.amount, row.currency)
                .ok_or_else(|| Fault::Never("This amount cannot be sent back.".to_owned()))?;
            let form = [
                ("payment_intent", row.intent_ref.clone().unwrap_or_default()),
                ("amount", coins.to_string()),
                ("metadata[refund_id]", refund.id.to_string()),
            ];
            let made = match self.made(app, row, refund).await? {
                Some(made) => made,
                None => {
                    let key = Some(name("refund", refund.id, refund.attempts));
                    self.call(app, http::Method::POST, "/v1/refunds", &form, key).await?
                }
            };
            let about = stripe_events::refund(&made).map_err(|why| Fault::Later(why.to_owned()))?;
            let id = format!("made:{}:{:?}", about.id, about.state);
            Ok(Event { id, made_at: app.seams.clock.now(), about: super::About::Refund(about) })
        }
        .boxed()
    }

    fn told<'a>(&'a self, app: &'a App, since: Time) -> BoxFuture<'a, Result<Vec<Event>, Fault>> {
        async move {
            let mut form = vec![("created[gte]", since.0.div_euclid(1_000_000).to_string())];
            form.extend(KINDS.iter().map(|kind| ("types[]", (*kind).to_owned())));
            let read = |row: &Value| Ok(stripe_events::event(row, self.whose()).ok());
            self.list(app, "/v1/events", &form, read).await
        }
        .boxed()
    }

    fn moved<'a>(
        &'a self,
        app: &'a App,
        span: (Time, Time),
    ) -> BoxFuture<'a, Result<Vec<Moved>, Fault>> {
        self.account(app, span).boxed()
    }

    fn keeper(&self) -> &dyn Keeper {
        self
    }

    fn read(&self, body: &[u8], signature: &str, now: Time) -> Result<Event, Unsigned> {
        self.signed(body, signature, now)?;
        let value: Value = serde_json::from_slice(body).map_err(|_| Unsigned("not JSON"))?;
        stripe_events::event(&value, self.whose()).map_err(Unsigned)
    }
}
