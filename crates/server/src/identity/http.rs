//! Routes of identity.

use super::{
    caller::Myself,
    pages,
    sessions::{self, List, Revoke, RevokeOthers, SignOut},
    sign_in::{Attempt, Place, sign_in},
    store::User,
};
use api::{
    Page,
    people::{SessionKind, SessionView, SignIn, SignedIn, UserView},
};
use kernel::{
    App, Result,
    audit::Accountable,
    http::{Body, Json, Named, NoContent, Public, Route},
};

/// Signs somebody in.
pub struct LogIn;
impl Named for LogIn {
    const NAME: &'static str = "auth.login";
}

/// Returns the routes of identity.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::post("/api/v1/auth/personal/login", log_in)
            .shows_secret()
            .says("Signs in with address and password; the token is shown once."),
        Route::post("/api/v1/auth/logout", log_out).says("Ends the session of this call."),
        Route::get("/api/v1/account/sessions", list).says("Lists one's own live sessions."),
        Route::delete("/api/v1/account/sessions/{session_id}", revoke)
            .says("Ends one of one's own sessions; its live streams end within five seconds."),
        Route::post("/api/v1/account/sessions/revoke-others", revoke_others)
            .says("Ends every session but the one of this call."),
    ];
    routes.extend(pages::routes());
    routes.extend(super::factors::routes());
    routes.extend(super::keys::routes());
    routes.extend(super::passwords::routes());
    routes.extend(super::sso::pages::routes());
    routes.extend(super::device::routes());
    routes.extend(super::confirm::routes());
    routes
}

async fn log_in(who: Public<LogIn>, app: App, Body(body): Body<SignIn>) -> Result<Json<SignedIn>> {
    let attempt = Attempt {
        email: &body.email,
        password: body.password,
        code: body.code,
        place: Place {
            kind: SessionKind::Cli,
            device_label: body.device_label.unwrap_or_else(|| "command line".to_owned()),
            ip: who.stamp().ip.unwrap_or_default(),
        },
    };
    let (user, opened) = sign_in(&app, &who, attempt).await?;
    Ok(Json(SignedIn {
        token: opened.token.reveal().to_owned(),
        session_id: opened.session.id,
        expires_at: opened.session.expires_at,
        user: view(&user),
    }))
}

/// Returns a person as others see them.
pub fn view(user: &User) -> UserView {
    UserView {
        id: user.id,
        email: user.email.clone(),
        display_name: user.display_name.clone(),
        operator: user.operator(),
        platform_role: user.platform_role,
    }
}

async fn log_out(who: Myself<SignOut>, app: App, (): ()) -> Result<NoContent> {
    sessions::sign_out(&app, &who).await.map(|()| NoContent)
}

async fn list(who: Myself<List>, app: App, (): ()) -> Result<Json<Page<SessionView>>> {
    let items = sessions::list(&app, &who).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn revoke(who: Myself<Revoke>, app: App, (): ()) -> Result<NoContent> {
    let id = who.head().id("session_id")?;
    sessions::revoke(&app, &who, id).await.map(|()| NoContent)
}

async fn revoke_others(who: Myself<RevokeOthers>, app: App, (): ()) -> Result<NoContent> {
    sessions::revoke_others(&app, &who).await.map(|_| NoContent)
}
