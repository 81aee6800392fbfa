//! Routes of notices.

use super::{pages, store};
use crate::identity::{Myself, MyselfAction};
use api::{NoticeId, Page, TypedId, notices::NoticeView};
use kernel::{
    App, Result,
    audit::Key,
    db::Reader,
    http::{Cursor, Json, NoContent, Paging, Query, Route},
    outbox::NoticeRow,
};

/// Reads one's own notices.
pub struct List;
impl MyselfAction for List {
    const NAME: &'static str = "notice.list";
}

/// Notes that they were read.
pub struct ReadAll;
impl MyselfAction for ReadAll {
    const NAME: &'static str = "notice.read_all";
}

/// Returns the routes of notices.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/account/notices", list_http)
            .says("Lists what one was told, newest first."),
        Route::post("/api/v1/account/notices/read", read_http)
            .says("Notes that everything up to now was read."),
    ];
    routes.extend(pages::routes());
    routes.extend(super::preferences::routes());
    routes.extend(super::webhooks::routes());
    routes
}

fn view(row: NoticeRow) -> NoticeView {
    NoticeView {
        id: row.id,
        kind: row.kind,
        security: row.security,
        title: row.title,
        body: row.body,
        href: row.href,
        created_at: row.created_at,
        read_at: row.read_at,
    }
}

/// Returns a page of somebody's notices.
pub(super) async fn list(
    tx: &mut Reader,
    who: &Myself<List>,
    paging: &Paging,
) -> Result<Page<NoticeView>> {
    let limit = paging.limit()?;
    let before = paging.after::<NoticeId>()?.unwrap_or_else(NoticeId::last);
    let rows = store::list(tx, who.caller().user_id(), before, limit + 1).await?;
    let (rows, next_cursor) = Cursor::page(rows, limit, |row| row.id);
    Ok(Page { items: rows.into_iter().map(view).collect(), next_cursor })
}

/// Notes that the caller read everything.
pub(super) async fn read_all(app: &App, who: &Myself<ReadAll>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let count = store::read_all(&mut tx, who.caller().user_id()).await?;
    tx.note(Key::Count, count);
    tx.commit().await
}

async fn list_http(
    who: Myself<List>,
    app: App,
    Query(paging): Query<Paging>,
) -> Result<Json<Page<NoticeView>>> {
    list(&mut *app.db.read().await?, &who, &paging).await.map(Json)
}

async fn read_http(who: Myself<ReadAll>, app: App, (): ()) -> Result<NoContent> {
    read_all(&app, &who).await.map(|()| NoContent)
}
