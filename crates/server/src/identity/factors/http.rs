//! Routes of factors.

use super::{
    Shown, challenge, enrol,
    enrol::{AddPasskey, BeginPasskey, BeginTotp, ConfirmTotp, NewCodes, own_action},
    pages, posture, recovery,
    recovery::{Cancel, Request},
    remove,
    remove::{Remove, Rename},
};
use crate::identity::caller::{Myself, MyselfAction};
use api::{
    Code,
    factors::{
        FactorAdded, FactorCode, FactorRename, PasskeyCreate, PasskeyOptions, RecoveryCodes,
        RecoveryCreate, RecoveryView, SecurityView, StepUp, TotpBegin, TotpSeed,
    },
    people::{SessionKind, SignedIn},
};
use kernel::{
    App, Error, Result,
    http::{Body, Created, Json, NoContent, Route},
};

own_action!(
    /// Looks at how one's own account stands.
    ReadSecurity = "security.read", step_up = false, from = Enrol
);
own_action!(
    /// Proves that it is still oneself.
    ProveFresh = "factor.step_up", step_up = false, from = Enrol
);

/// Returns the routes of factors.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/account/security", read)
            .says("How one's own account is protected, and what could be lost."),
        Route::post("/api/v1/account/security/totp", begin_totp)
            .shows_secret()
            .says("Begins the set-up of an authenticator app; its seed is shown once."),
        Route::post("/api/v1/account/security/totp/{factor_id}/confirm", confirm_totp)
            .shows_secret()
            .says("Finishes it with a code of the app; with the first factor come recovery codes."),
        Route::post("/api/v1/account/security/passkeys/options", begin_passkey)
            .shows_secret()
            .says("Asks for a new passkey (WebAuthn creation options)."),
        Route::post("/api/v1/account/security/passkeys", add_passkey)
            .shows_secret()
            .says("Takes the passkey the browser made."),
        Route::patch("/api/v1/account/security/factors/{factor_id}", rename)
            .says("Renames a factor."),
        Route::delete("/api/v1/account/security/factors/{factor_id}", remove_one)
            .says("Removes a factor; needs fresh proof of another one."),
        Route::post("/api/v1/account/security/recovery-codes", new_codes)
            .shows_secret()
            .says("Makes new recovery codes; older ones end."),
        Route::post("/api/v1/account/security/step-up", step_up)
            .shows_secret()
            .says("Proves that it is still oneself; the session gets a new token."),
        Route::post("/api/v1/account/security/mfa/recovery-requests", request_recovery)
            .says("Asks for a recovery of one's own account without its factors."),
        Route::post("/api/v1/account/security/mfa/recovery-requests/cancel", cancel_recovery)
            .says("Takes one's own open request back."),
    ];
    routes.extend(pages::routes());
    routes
}

async fn read(who: Myself<ReadSecurity>, app: App, (): ()) -> Result<Json<SecurityView>> {
    posture::own(&app, who.caller()).await.map(Json)
}

async fn begin_totp(
    who: Myself<BeginTotp>,
    app: App,
    Body(body): Body<TotpBegin>,
) -> Result<Created<TotpSeed>> {
    enrol::begin_totp(&app, &who, &body.name).await.map(Created)
}

/// A bearer session gets its new token in the answer.
fn for_bearer(added: enrol::Added) -> Json<FactorAdded> {
    let token = Some(added.opened.token.reveal().to_owned());
    Json(FactorAdded { factor: added.factor, recovery_codes: added.codes, token })
}

fn bearer_only(kind: SessionKind) -> Result<()> {
    if kind == SessionKind::Cli {
        return Ok(());
    }
    Err(Error::new(Code::NotNow)
        .detail("A browser does this on its own pages, which renew its cookie."))
}

async fn confirm_totp(
    who: Myself<ConfirmTotp>,
    app: App,
    Body(body): Body<FactorCode>,
) -> Result<Json<FactorAdded>> {
    bearer_only(who.caller().session().kind)?;
    let id = who.head().id("factor_id")?;
    enrol::confirm_totp(&app, &who, id, &body.code).await.map(for_bearer)
}

async fn begin_passkey(
    who: Myself<BeginPasskey>,
    app: App,
    (): (),
) -> Result<Json<PasskeyOptions>> {
    enrol::begin_passkey(&app, &who).await.map(Json)
}

async fn add_passkey(
    who: Myself<AddPasskey>,
    app: App,
    Body(body): Body<PasskeyCreate>,
) -> Result<Json<FactorAdded>> {
    bearer_only(who.caller().session().kind)?;
    let added =
        enrol::add_passkey(&app, &who, &body.name, body.challenge_id, body.credential).await?;
    Ok(for_bearer(added))
}

async fn rename(
    who: Myself<Rename>,
    app: App,
    Body(body): Body<FactorRename>,
) -> Result<NoContent> {
    let id = who.head().id("factor_id")?;
    remove::rename(&app, &who, id, &body.name).await.map(|()| NoContent)
}

async fn remove_one(who: Myself<Remove>, app: App, (): ()) -> Result<NoContent> {
    let id = who.head().id("factor_id")?;
    remove::remove(&app, &who, id).await.map(|()| NoContent)
}

async fn new_codes(who: Myself<NewCodes>, app: App, (): ()) -> Result<Json<RecoveryCodes>> {
    let recovery_codes = enrol::new_codes(&app, &who).await?;
    Ok(Json(RecoveryCodes { recovery_codes }))
}

async fn step_up(
    who: Myself<ProveFresh>,
    app: App,
    Body(body): Body<StepUp>,
) -> Result<Json<SignedIn>> {
    bearer_only(who.caller().session().kind)?;
    let shown = match (body.code, body.password) {
        (Some(code), None) => Shown::Code(code),
        (None, Some(password)) => Shown::Password(password),
        _ => return Err(Error::field("code", "Give a code or, without a factor, a password.")),
    };
    let opened = challenge::answer(&app, &who, who.caller(), shown).await?;
    Ok(Json(SignedIn {
        token: opened.token.reveal().to_owned(),
        session_id: opened.session.id,
        expires_at: opened.session.expires_at,
        user: crate::identity::view(who.caller().user()),
    }))
}

async fn request_recovery(
    who: Myself<Request>,
    app: App,
    Body(body): Body<RecoveryCreate>,
) -> Result<Created<RecoveryView>> {
    let user = who.caller().user();
    recovery::request(&app, &who, (user, user.id), &body.reason).await.map(Created)
}

async fn cancel_recovery(who: Myself<Cancel>, app: App, (): ()) -> Result<NoContent> {
    recovery::cancel(&app, &who, who.caller().user()).await.map(|()| NoContent)
}
