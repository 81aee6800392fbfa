//! Routes of recordings.

use super::{
    cast, pages, play, policy,
    store::{self, Recording},
    sweep,
};
use crate::{
    identity,
    tenancy::{Action, Allowed, Ask, Found, InProject, Project, find_project},
};
use api::{
    Code, ProjectId, RecordingId, UserId,
    recordings::{RecordingPolicy, RecordingState, RecordingView},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Record, Stamp},
    db::Reader,
    http::{Answer, Body, Cursor, Json, NoContent, Paging, Query, Route},
    secret::hex,
};
use std::collections::{HashMap, hash_map::Entry};

/// What lets somebody see the recordings of others.
pub(super) const OF_OTHERS: &str = "recording.read_all";

async fn find_row(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Recording>>> {
    let id: RecordingId = ask.head.id("recording_id")?;
    let row = store::find(tx, id).await?;
    Ok(row.map(|row| Found::in_project(row.org_id, row.project_id, row)))
}

/// Lists the recordings of a project.
pub struct List;
impl Action for List {
    const NAME: &'static str = "recording.list";
    type Scope = InProject;
    type Row = Project;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Project>>> {
        let project = if ask.head.params.contains_key("project_id") {
            let id: ProjectId = ask.head.id("project_id")?;
            find_project(tx, id).await?
        } else {
            ask.context.as_deref().cloned()
        };
        Ok(project.map(|row| Found::in_project(row.org_id, row.id, row)))
    }
}

/// Looks at one.
pub struct Read;
impl Action for Read {
    const NAME: &'static str = "recording.read";
    type Scope = InProject;
    type Row = Recording;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Recording>>> {
        find_row(tx, ask).await
    }
}

/// Erases one before its time.
pub struct Erase;
impl Action for Erase {
    const NAME: &'static str = "recording.erase";
    const STEP_UP: bool = true;
    type Scope = InProject;
    type Row = Recording;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Recording>>> {
        find_row(tx, ask).await
    }
}

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/projects/{project_id}/recordings", list_http).says(
            "Lists recordings of terminals, newest first: one's own, for admins everybody's.",
        ),
        Route::get("/api/v1/recordings/{recording_id}", read_http)
            .says("One recording: whose, when, and its fingerprint."),
        Route::get("/api/v1/recordings/{recording_id}/cast", cast_http)
            .says("The recording as an asciicast v2 file. That somebody took it is recorded."),
        Route::delete("/api/v1/recordings/{recording_id}", erase_http)
            .says("Erases what a recording that has ended shows; its fingerprint stays."),
        Route::get("/api/v1/organizations/{org_id}/recording-policy", policy_http)
            .says("Whether an organization records terminals, and for how long that is kept."),
        Route::patch("/api/v1/organizations/{org_id}/recording-policy", set_policy_http)
            .says("Changes that."),
        Route::get("/access/recordings", pages::page),
        Route::get("/access/recordings/{recording_id}", play::page),
        Route::post("/access/recordings/{recording_id}/erase", play::erase_form),
        Route::get("/access/organizations/{org_id}/recording", policy::page),
        Route::post("/access/organizations/{org_id}/recording", policy::form),
    ]
}

/// One's own, or with the right to see those of others.
pub(super) fn seen(who: &Allowed<Read>) -> Result<&Recording> {
    let row = who.row();
    if row.user_id == who.caller().user_id() || who.may(OF_OTHERS) {
        return Ok(row);
    }
    Err(Error::not_found())
}

/// Returns recordings as people see them.
pub(super) async fn views(tx: &mut Reader, rows: Vec<Recording>) -> Result<Vec<RecordingView>> {
    let mut names: HashMap<UserId, String> = HashMap::new();
    let mut views = Vec::new();
    for row in rows {
        let user = match names.entry(row.user_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let user = identity::find_user(tx, row.user_id).await?;
                place.insert(user.map(|user| user.display_name).unwrap_or_default())
            }
        };
        views.push(RecordingView {
            id: row.id,
            org_id: row.org_id,
            project_id: row.project_id,
            allocation_id: row.allocation_id,
            workload: row.workload,
            user_id: row.user_id,
            user: user.clone(),
            way: row.way,
            state: row.state,
            part: row.part,
            started_at: row.started_at,
            ended_at: row.ended_at,
            kept_bytes: row.bytes,
            left_out_bytes: row.left_out,
            erase_at: row.erase_at,
            sha256: row.sha256.map(|sha256| hex(&sha256)),
        });
    }
    Ok(views)
}

/// Returns a page of those whoever asks may see.
pub(super) async fn list(
    tx: &mut Reader,
    who: &Allowed<List>,
    paging: &Paging,
) -> Result<api::Page<RecordingView>> {
    let of = (!who.may(OF_OTHERS)).then(|| who.caller().user_id());
    let (before, limit) = (paging.after()?, paging.limit()?);
    let rows = store::list(tx, who.scope().project_id(), of, (before, limit + 1)).await?;
    let (rows, next_cursor) = Cursor::page(rows, limit, |row| row.id);
    Ok(api::Page { items: views(tx, rows).await?, next_cursor })
}

async fn list_http(
    who: Allowed<List>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<api::Page<RecordingView>>> {
    list(&mut *app.db.read().await?, &who, &paging).await.map(Json)
}

async fn read_http(who: Allowed<Read>, app: App, (): ()) -> Result<Json<RecordingView>> {
    let row = seen(&who)?.clone();
    let mut found = views(&mut *app.db.read().await?, vec![row]).await?;
    found.pop().map(Json).ok_or_else(Error::not_found)
}

/// Looking at what a terminal showed is a fact of its own: the request is a read by method.
struct Takes(Stamp);

impl Accountable for Takes {
    fn stamp(&self) -> Stamp {
        Stamp { action: "recording.play", record: Record::Entry, request: None, ..self.0.clone() }
    }
}

async fn cast_http(who: Allowed<Read>, app: App, (): ()) -> Result<Answer> {
    let row = seen(&who)?;
    if row.state == RecordingState::Erased {
        return Err(Error::new(Code::NotNow).detail("What this recording showed is erased."));
    }
    let mut tx = app.db.write(&Takes(who.stamp())).await?;
    sweep::note(&mut tx, row);
    tx.commit().await?;
    let mut read = app.db.read().await?;
    // What was added since is in it too.
    let row = store::find(&mut read, row.id).await?.ok_or_else(Error::not_found)?;
    let file = cast::whole(&app, &mut read, &row).await?.map_err(|_| {
        Error::internal(anyhow::anyhow!("pieces of recording {} are missing or changed", row.id))
    })?;
    let mut answer = Answer::bytes(::http::StatusCode::OK, "application/x-asciicast", file);
    let name = format!("attachment; filename=\"{}.cast\"", row.id);
    if let Ok(name) = ::http::HeaderValue::try_from(name) {
        answer.headers.push((::http::header::CONTENT_DISPOSITION, name));
    }
    Ok(answer)
}

/// Erases one before its time.
pub(super) async fn erase(app: &App, who: &Allowed<Erase>) -> Result<()> {
    let row = who.row();
    if row.state == RecordingState::Live {
        return Err(Error::new(Code::NotNow).detail(
            "It goes on. It can be erased once its terminal has ended, at most a quarter of an hour after \
             nobody looks at it any more.",
        ));
    }
    let mut tx = app.db.write(who).await?;
    store::erase(&mut tx, row.id).await?;
    sweep::note(&mut tx, row);
    tx.commit().await
}

async fn erase_http(who: Allowed<Erase>, app: App, (): ()) -> Result<NoContent> {
    erase(&app, &who).await.map(|()| NoContent)
}

async fn policy_http(
    who: Allowed<policy::Read>,
    app: App,
    (): (),
) -> Result<Json<RecordingPolicy>> {
    policy::find(&mut *app.db.read().await?, who.scope().org_id()).await.map(Json)
}

async fn set_policy_http(
    who: Allowed<policy::Set>,
    app: App,
    Body(body): Body<RecordingPolicy>,
) -> Result<Json<RecordingPolicy>> {
    policy::set(&app, &who, body).await?;
    Ok(Json(body))
}
