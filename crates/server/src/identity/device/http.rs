//! Routes of a device.

use super::{flow, pages};
use crate::identity::http::view;
use api::people::{DeviceAsk, DeviceCode, DevicePoll, SignedIn};
use kernel::{
    App, Result,
    audit::Accountable,
    http::{Body, Created, Json, Named, Public, Route},
};

/// Begins.
pub struct Begin;
impl Named for Begin {
    const NAME: &'static str = "device.begin";
}

/// Asks whether somebody decided.
pub struct Redeem;
impl Named for Redeem {
    const NAME: &'static str = "device.redeem";
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::post("/api/v1/auth/device/code", begin)
            .shows_secret()
            .says("Begins signing a device in from a browser (RFC 8628): two codes, once shown."),
        Route::post("/api/v1/auth/device/token", redeem)
            .shows_secret()
            .says("Asks whether a person approved the device; the token is shown once."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn begin(
    who: Public<Begin>,
    app: App,
    Body(body): Body<DeviceAsk>,
) -> Result<Created<DeviceCode>> {
    let ip = who.stamp().ip.unwrap_or_default();
    let label = body.device_label.unwrap_or_default();
    flow::begin(&app, &who, &label, &ip).await.map(Created)
}

async fn redeem(
    who: Public<Redeem>,
    app: App,
    Body(body): Body<DevicePoll>,
) -> Result<Json<SignedIn>> {
    let (user, opened) = flow::redeem(&app, &who, &body.device_code).await?;
    Ok(Json(SignedIn {
        token: opened.token.reveal().to_owned(),
        session_id: opened.session.id,
        expires_at: opened.session.expires_at,
        user: view(&user),
    }))
}
