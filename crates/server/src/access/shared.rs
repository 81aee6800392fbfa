//! `/terminal/shares`: terminals others let one follow.

use super::shares::{self, Share};
use crate::{
    allocations, identity,
    identity::{Myself, MyselfAction},
};
use api::{TerminalShareId, Time};
use kernel::{
    App, Result,
    html::{Markup, Page, ago, col, empty, html, icon, moment, page_head, table},
    http::Route,
};

/// Lists terminals others let one follow.
pub struct Mine;
impl MyselfAction for Mine {
    const NAME: &'static str = "terminal_share.mine";
    const STEP_UP: bool = false;
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/terminal/shares", page)]
}

/// One of them.
#[derive(Debug, Clone)]
pub struct Shared {
    /// What lets one follow it.
    pub id: TerminalShareId,
    /// Whose it is.
    pub whose: String,
    /// The workload.
    pub workload: String,
    /// Since when.
    pub since: Time,
    /// Until when.
    pub until: Time,
}

/// The page.
#[derive(Debug, Clone)]
pub struct SharedView {
    /// They.
    pub items: Vec<Shared>,
    /// Now.
    pub now: Time,
}

impl SharedView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Shared {
            id: TerminalShareId(uuid::Uuid::nil()),
            whose: "Ada Lovelace".into(),
            workload: "training".into(),
            since: Time(1_795_000_000_000_000),
            until: Time(1_795_000_900_000_000),
        };
        let now = Time(1_795_000_100_000_000);
        vec![Self { items: vec![], now }, Self { items: vec![one.clone(), one], now }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let row = |one: &Shared| {
            vec![
                html! { (one.workload) },
                html! { (one.whose) },
                ago(one.since, self.now),
                moment(one.until),
                html! { a class="button" href={ "/terminal/shared?share=" (one.id) } target="_blank" rel="noopener" { (icon("terminal")) "Follow" } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.items.iter().map(row).collect();
        html! {
            (page_head("Shared terminals", "Terminals others let you follow: you see what they show, and cannot type.", None))
            @if rows.is_empty() {
                (empty("users", "None right now", "When somebody shares a terminal with you, it is listed here until they stop, or its time is over.", Some(html! { a class="button" href="/workloads" { "Workloads" } })))
            } @else {
                (table("Shared terminals", &[col("Workload"), col("Whose"), col("Since"), col("Until"), col("")], &rows))
            }
        }
    }
}

async fn page(who: Myself<Mine>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let rows: Vec<Share> = shares::list_for(&mut tx, who.caller().user_id()).await?;
    let mut items = Vec::new();
    for row in rows {
        let workload = allocations::find(&mut tx, row.allocation_id).await?;
        let host = identity::find_user(&mut tx, row.shared_by).await?;
        items.push(Shared {
            id: row.id,
            whose: host.map(|user| user.display_name).unwrap_or_default(),
            workload: workload.map(|row| row.name).unwrap_or_default(),
            since: row.created_at,
            until: row.expires_at,
        });
    }
    let view = SharedView { items, now: app.seams.clock.now() };
    Ok(Page::new("Shared terminals", view.draw()))
}
