//! Routes of allocations.

use super::{
    create::{self, Create, ReadLaunch},
    force::{self, ForceCleanup, ForceRelease},
    over, pages,
    release::{self, Release, find_named},
    store::{self, Allocation},
    views,
};
use crate::tenancy::{Action, Allowed, Ask, Found, InProject, Operator, OperatorAction};
use api::{
    AllocationId, Page, TaskId,
    allocations::{
        AllocationState, AllocationView, ForceCleanup as CleanupBody, ForceRelease as ReleaseBody,
        Launch, Precheck, TaskView,
    },
};
use kernel::{
    App, Result,
    db::Reader,
    http::{Accepted, Body, Created, Cursor, Json, Paging, Query, Route, Written},
    steps::{self, Task},
};
use serde::Deserialize;

/// Lists a project's allocations.
pub struct ListAllocations;
impl Action for ListAllocations {
    const NAME: &'static str = "allocation.list";
    type Scope = InProject;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.in_context())
    }
}

/// Looks at an allocation.
pub struct ReadAllocation;
impl Action for ReadAllocation {
    const NAME: &'static str = "allocation.read";
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        find_named(tx, ask).await
    }
}

/// Looks at a task.
pub struct ReadTask;
impl Action for ReadTask {
    const NAME: &'static str = "task.read";
    type Scope = InProject;
    type Row = Task;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Task>>> {
        let id: TaskId = ask.head.id("task_id")?;
        let task = steps::find(tx, id).await?;
        Ok(task.map(|row| Found::in_project(row.org_id, row.project_id, row)))
    }
}

/// Looks at all tenants' allocations.
pub struct ListAll;
impl OperatorAction for ListAll {
    const NAME: &'static str = "allocation.list_all";
}

/// Finds the allocation the path names, for domains above.
///
/// # Errors
/// `not_found`.
pub async fn find_allocation(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Allocation>>> {
    find_named(tx, ask).await
}

/// Returns the routes of allocations.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/allocations", list_http)
            .says("Lists the project's allocations, newest first."),
        Route::post("/api/v1/allocations", create_http)
            .needs_key()
            .says("Launches; claim, reservation and work order are made together or not at all."),
        Route::post("/api/v1/allocations/precheck", precheck_http)
            .says("Says whether a launch may go, what it costs, and everything in the way."),
        Route::get("/api/v1/allocations/{allocation_id}", read_http)
            .says("Looks at an allocation."),
        Route::post("/api/v1/allocations/{allocation_id}/release", release_http)
            .says("Releases, cancels, or tries a failed clean-up again; asking twice is fine."),
        Route::get("/api/v1/tasks/{task_id}", task_http).says("Looks at a task and its steps."),
        Route::get("/api/v1/admin/allocations", list_all_http)
            .says("Lists all tenants' allocations, newest first."),
        Route::post("/api/v1/admin/allocations/{allocation_id}/force-release", force_release_http)
            .says("Ends an allocation against its owner's will."),
        Route::post("/api/v1/admin/allocations/{allocation_id}/force-cleanup", force_cleanup_http)
            .says("Settles a clean-up by hand; without proof the slots stay blocked."),
    ];
    routes.extend(pages::routes());
    routes
}

/// `GET /api/v1/allocations`
#[derive(Debug, Default, Clone, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ListQuery {
    /// Only this state.
    #[serde(default)]
    pub status: Option<AllocationState>,
    /// Opaque; from the answer before.
    #[serde(default)]
    pub cursor: Option<String>,
    /// 1 to 200; 50 when absent.
    #[serde(default)]
    pub limit: Option<i64>,
}

impl ListQuery {
    pub(super) fn paging(&self) -> Result<(i64, Option<AllocationId>)> {
        let paging = Paging { cursor: self.cursor.clone(), limit: self.limit };
        Ok((paging.limit()?, paging.after()?))
    }
}

/// Returns a page of allocations, of which one more may be named than fits.
pub(super) async fn page(
    app: &App,
    tx: &mut Reader,
    ids: Vec<AllocationId>,
    limit: i64,
) -> Result<Page<AllocationView>> {
    let (ids, next_cursor) = Cursor::page(ids, limit, |id| *id);
    let rows = store::list_named(tx, &ids).await?;
    Ok(Page { items: views::allocations(app, tx, rows).await?, next_cursor })
}

async fn list_http(
    who: Allowed<ListAllocations>,
    app: App,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Written<AllocationView>>>> {
    let (limit, before) = query.paging()?;
    let mut tx = app.db.read().await?;
    let ids = store::list_ids(&mut tx, who.scope(), query.status, before, limit + 1).await?;
    over::page(&app, &mut tx, ids, limit).await.map(Json)
}

async fn list_all_http(
    _: Operator<ListAll>,
    app: App,
    Query(query): Query<ListQuery>,
) -> Result<Json<Page<Written<AllocationView>>>> {
    let (limit, before) = query.paging()?;
    let mut tx = app.db.read().await?;
    let ids = store::list_all_ids(&mut tx, query.status, before, limit + 1).await?;
    over::page(&app, &mut tx, ids, limit).await.map(Json)
}

/// Returns a row just written as its view; what is not durable yet is told from the row.
async fn fresh(app: &App, row: Allocation) -> Result<AllocationView> {
    views::allocation(app, &mut *app.db.read().await?, row).await
}

async fn create_http(
    who: Allowed<Create>,
    app: App,
    Body(launch): Body<Launch>,
) -> Result<Created<AllocationView>> {
    let row = create::create(&app, &who, &launch).await?;
    fresh(&app, row).await.map(Created)
}

async fn precheck_http(
    who: Allowed<ReadLaunch>,
    app: App,
    Body(launch): Body<Launch>,
) -> Result<Json<Precheck>> {
    create::precheck(&app, &who, &launch).await.map(Json)
}

async fn read_http(who: Allowed<ReadAllocation>, app: App, (): ()) -> Result<Json<AllocationView>> {
    fresh(&app, who.row().clone()).await.map(Json)
}

async fn release_http(who: Allowed<Release>, app: App, (): ()) -> Result<Accepted<AllocationView>> {
    let row = release::release(&app, &who).await?;
    fresh(&app, row).await.map(Accepted)
}

async fn task_http(who: Allowed<ReadTask>, app: App, (): ()) -> Result<Json<TaskView>> {
    views::task(&app, &mut *app.db.read().await?, who.row().clone()).await.map(Json)
}

async fn force_release_http(
    who: Operator<ForceRelease>,
    app: App,
    Body(body): Body<ReleaseBody>,
) -> Result<Accepted<AllocationView>> {
    let row = force::force_release(&app, &who, &body.reason).await?;
    fresh(&app, row).await.map(Accepted)
}

async fn force_cleanup_http(
    who: Operator<ForceCleanup>,
    app: App,
    Body(body): Body<CleanupBody>,
) -> Result<Json<AllocationView>> {
    let verified = body.runtime_verified_absent;
    let row = force::force_cleanup(&app, &who, verified, &body.reason).await?;
    fresh(&app, row).await.map(Json)
}
