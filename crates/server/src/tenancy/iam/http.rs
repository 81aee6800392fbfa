//! Routes of `/platform/iam`.

use super::{pages, rollout};
use crate::{
    identity::factors::{break_glass, queue, readiness},
    tenancy::allowed::{Operator, OperatorAction, operator_action},
};
use api::{
    Page,
    factors::{BreakGlassCodes, MfaReadiness, RecoveryRefuse, RecoveryView},
};
use kernel::{
    App, Result,
    http::{Body, Json, NoContent, Route},
};

operator_action!(
    /// Looks at who is protected, and at what waits.
    ReadIam = "iam.read", step_up = false
);
operator_action!(
    /// Starts a recovery for somebody.
    StartRecovery = "recovery.start", step_up = true
);
operator_action!(
    /// Approves a recovery.
    ApproveRecovery = "recovery.approve", step_up = true
);
operator_action!(
    /// Refuses one.
    RefuseRecovery = "recovery.refuse", step_up = true
);
operator_action!(
    /// Makes sealed codes.
    MakeGlass = "break_glass.make", step_up = true
);

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/platform/iam/mfa-readiness", readiness_of)
            .says("How many people have second factors, and what waits: the evidence, as JSON."),
        Route::get("/api/v1/platform/iam/recovery-requests", list)
            .says("Open requests to get in without one's factors, oldest first."),
        Route::post("/api/v1/platform/iam/recovery-requests/{recovery_id}/approve", approve)
            .says("Approves one; never one's own, never one that one started."),
        Route::post("/api/v1/platform/iam/recovery-requests/{recovery_id}/refuse", refuse)
            .says("Refuses one, with a reason its person reads."),
        Route::post("/api/v1/platform/iam/break-glass-codes", make_codes)
            .shows_secret()
            .says("Makes sealed codes of the break-glass account; older ones end."),
    ];
    routes.extend(pages::routes());
    routes.extend(rollout::routes());
    routes
}

async fn readiness_of(_: Operator<ReadIam>, app: App, (): ()) -> Result<Json<MfaReadiness>> {
    let mut tx = app.db.read().await?;
    readiness(&app, &mut tx).await.map(Json)
}

async fn list(_: Operator<ReadIam>, app: App, (): ()) -> Result<Json<Page<RecoveryView>>> {
    let items = queue::list(&mut *app.db.read().await?).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

async fn approve(who: Operator<ApproveRecovery>, app: App, (): ()) -> Result<Json<RecoveryView>> {
    let id = who.head().id("recovery_id")?;
    queue::approve(&app, &who, who.caller().user(), id).await.map(Json)
}

async fn refuse(
    who: Operator<RefuseRecovery>,
    app: App,
    Body(body): Body<RecoveryRefuse>,
) -> Result<NoContent> {
    let id = who.head().id("recovery_id")?;
    queue::refuse(&app, &who, id, &body.reason).await.map(|()| NoContent)
}

async fn make_codes(who: Operator<MakeGlass>, app: App, (): ()) -> Result<Json<BreakGlassCodes>> {
    let codes = break_glass::make(&app, &who, who.caller().user()).await?;
    Ok(Json(BreakGlassCodes { codes }))
}
