//! Health, API description, static files, and the page an edge shows in our place.

use super::Registry;
use api::people::Health;
use kernel::{
    App, Error, Result,
    html::{Markup, Page, assets, html, icon},
    http::{Answer, Json, Named, Public, Route, openapi},
};
use std::sync::OnceLock;

/// Asks whether the service is ready.
pub struct ReadHealth;
impl Named for ReadHealth {
    const NAME: &'static str = "health.read";
}

/// Reads the API description.
pub struct ReadOpenApi;
impl Named for ReadOpenApi {
    const NAME: &'static str = "openapi.read";
}

/// Loads a file of the pages.
pub struct LoadStatic;
impl Named for LoadStatic {
    const NAME: &'static str = "static.read";
}

/// Looks at the error page of the edge.
pub struct EdgeError;
impl Named for EdgeError {
    const NAME: &'static str = "edge_error.read";
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/healthz", health).says("Answers 200 once the service is ready."),
        Route::get("/api/v1/openapi.json", description).says("This description."),
        Route::get("/static/{hash}/{name}", static_file),
        Route::get("/edge-error", edge_error),
    ]
}

async fn health(_: Public<ReadHealth>, app: App, (): ()) -> Result<Json<Health>> {
    app.db.read().await?.value::<i64>("SELECT COUNT(*) FROM marks", ()).await?;
    Ok(Json(Health {
        status: "ready".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        simulated: app.site.simulated,
    }))
}

/// The document as it is served and kept as a golden file.
pub fn document(registry: &Registry) -> serde_json::Value {
    openapi::document(&registry.0, env!("CARGO_PKG_VERSION"))
}

async fn description(_: Public<ReadOpenApi>, app: App, (): ()) -> Result<Answer> {
    static TEXT: OnceLock<Vec<u8>> = OnceLock::new();
    let text = match TEXT.get() {
        Some(text) => text,
        None => {
            let text = serde_json::to_vec(&document(app.get::<Registry>()));
            let text = text.map_err(Error::internal)?;
            TEXT.get_or_init(|| text)
        }
    };
    Ok(Answer::bytes(http::StatusCode::OK, "application/json", text.clone()))
}

async fn static_file(who: Public<LoadStatic>, _: App, (): ()) -> Result<Answer> {
    assets::serve(who.head())
}

/// What people see when a proxy before us cannot reach us.
#[derive(Debug, Clone)]
pub struct EdgeErrorView {
    /// The correlation id, when one is known.
    pub correlation_id: Option<String>,
}

impl EdgeErrorView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![
            Self { correlation_id: None },
            Self { correlation_id: Some("cor_01jd3x5gq8f9v7m2k4n6p8r0st".into()) },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            div class="error-page" {
                span class="error-icon" { (icon("circle-alert")) }
                h1 { "Not reachable right now" }
                p { "The service behind this page did not answer. Running work goes on, and nothing you did is lost. Try again in a minute." }
                p class="error-actions" { a class="button primary" href="/" { "Try again" } }
                @if let Some(id) = &self.correlation_id { p class="muted small" { "Correlation ID " code { (id) } } }
            }
        }
    }
}

async fn edge_error(who: Public<EdgeError>, _: App, (): ()) -> Result<Page> {
    let id = who.head().query("correlation_id").filter(|id| {
        id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    });
    Ok(Page::card("Not reachable right now", EdgeErrorView { correlation_id: id }.draw()))
}
