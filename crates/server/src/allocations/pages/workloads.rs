//! `/workloads`: what runs, and what ran.

use crate::{
    allocations::{
        http::{ListAllocations, ListQuery, page},
        store, views,
    },
    tenancy::Allowed,
};
use api::{
    ProjectId, Time,
    allocations::{AllocationState, AllocationView},
};
use kernel::{
    App, Result,
    html::{
        Markup, Page, ago, badge, col, empty, html, icon, next_page, num, page_head,
        simulated_badge, table,
    },
    http::Route,
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/workloads", workloads_page)]
}

/// A project's workloads.
#[derive(Debug, Clone)]
pub struct WorkloadsView {
    /// They.
    pub rows: Vec<AllocationView>,
    /// Only this state.
    pub state: Option<AllocationState>,
    /// Whether the person may launch.
    pub may_launch: bool,
    /// The project, for live updates.
    pub project: ProjectId,
    /// The next page.
    pub next: Option<String>,
    /// Now.
    pub now: Time,
}

impl WorkloadsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let rows: Vec<AllocationView> =
            AllocationState::ALL.iter().map(|s| super::sample(*s)).collect();
        let one = Self {
            rows: vec![],
            state: None,
            may_launch: true,
            project: ProjectId(uuid::Uuid::nil()),
            next: None,
            now: Time(1_795_000_100_000_000),
        };
        vec![
            one.clone(),
            Self { state: Some(AllocationState::Released), may_launch: false, ..one.clone() },
            Self { rows, next: Some("bmV4dA".into()), ..one },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let launch = self.may_launch.then(|| html! { a class="button primary" href="/launch/compute" { (icon("rocket")) "Launch" } });
        let url =
            self.state.map_or("/workloads".to_owned(), |state| format!("/workloads?state={state}"));
        html! {
            (page_head("Workloads", "What runs in this project, and what ran.", launch.clone()))
            (self.filters())
            div id="rows" data-topic={ "project:" (self.project) } data-from=(url) {
                @if self.rows.is_empty() { (self.nothing(launch)) } @else { (self.table()) }
            }
        }
    }

    fn nothing(&self, launch: Option<Markup>) -> Markup {
        match self.state {
            Some(state) => empty(
                "square-terminal",
                "Nothing matches",
                &format!("No workload of this project is {}.", state.as_str().replace('_', " ")),
                Some(html! { a class="button" href="/workloads" { "Show all" } }),
            ),
            None => empty(
                "square-terminal",
                "Nothing runs yet",
                "A workload is a shell on hardware of your own, paid by the second. Everything you run stays listed here, also after its end.",
                launch,
            ),
        }
    }

    fn filters(&self) -> Markup {
        html! {
            nav class="filters" aria-label="Filter by state" {
                a class="filter" href="/workloads" aria-current=[self.state.is_none().then_some("true")] { "all" }
                @for state in AllocationState::ALL {
                    a class="filter" href={ "/workloads?state=" (state) } aria-current=[(self.state == Some(*state)).then_some("true")] { (state.as_str().replace('_', " ")) }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self
            .rows
            .iter()
            .map(|row| {
                let (tone, words) = views::tone(row.state, row.unreachable);
                vec![
                    html! { a href={ "/workloads/" (row.id) } { strong { (row.name) } } @if row.simulated { " " (simulated_badge()) } },
                    badge(tone, &words),
                    html! { (row.count) " × " (row.sku) },
                    ago(row.created_at, self.now),
                    html! { (row.charged.exact()) },
                ]
            })
            .collect();
        let state = self.state.map_or("", AllocationState::as_str);
        html! {
            (table("Workloads", &[col("Name"), col("State"), col("Hardware"), col("Launched"), num("Cost so far")], &rows))
            (next_page("/workloads", &[("state", state)], self.next.as_deref()))
        }
    }
}

async fn workloads_page(who: Allowed<ListAllocations>, app: App, (): ()) -> Result<Page> {
    let state = who.head().query("state").and_then(|text| AllocationState::parse(&text));
    let query = ListQuery { status: state, cursor: who.head().query("cursor"), limit: None };
    let (limit, before) = query.paging()?;
    let mut tx = app.db.read().await?;
    let ids = store::list_ids(&mut tx, who.scope(), state, before, limit + 1).await?;
    let list = page(&app, &mut tx, ids, limit).await?;
    let view = WorkloadsView {
        rows: list.items,
        state,
        may_launch: who.may("allocation.create"),
        project: who.scope().project_id(),
        next: list.next_cursor,
        now: app.seams.clock.now(),
    };
    Ok(Page::new("Workloads", view.draw()))
}
