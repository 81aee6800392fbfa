//! `/workloads/{id}`: one workload: where it stands, how to get in, what it costs, how it ends.

use super::{
    connect::{self, Ways},
    task::draw_steps,
};
use crate::{
    allocations::{
        http::ReadAllocation,
        model,
        release::{self, Release},
        views,
    },
    tenancy::Allowed,
};
use api::{
    Time,
    allocations::{AllocationState as State, AllocationView, TaskView},
    price_books::rounding,
};
use kernel::{
    App, Result,
    html::{
        FormCtx, Markup, Page, badge, banner, danger, facts, html, id_copy, moment, page_head,
        simulated_badge, stat, tabs,
    },
    http::{Form, Go, Route},
    steps,
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/workloads/{allocation_id}", workload_page),
        Route::post("/workloads/{allocation_id}/release", release_form),
    ]
}

/// One workload.
#[derive(Debug, Clone)]
pub struct WorkloadPageView {
    /// It.
    pub row: AllocationView,
    /// The task that works on it, or did last.
    pub task: Option<TaskView>,
    /// Which tab.
    pub tab: &'static str,
    /// Whether the person may release it.
    pub may_release: bool,
    /// Whether the person may open a terminal.
    pub may_connect: bool,
    /// How it is reached over SSH.
    pub ways: Ways,
    /// Now.
    pub now: Time,
    /// For forms.
    pub form: FormCtx,
}

impl WorkloadPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_100_000_000);
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        State::ALL
            .iter()
            .flat_map(|state| {
                ["overview", "connect"].map(|tab| Self {
                    row: super::sample(*state),
                    task: None,
                    tab,
                    may_release: tab == "overview",
                    may_connect: tab == "connect",
                    ways: Ways::sample(*state == State::Active),
                    now,
                    form: form.clone(),
                })
            })
            .collect()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let row = &self.row;
        let url = format!("/workloads/{}", row.id);
        let here = format!("{url}?tab={}", self.tab);
        html! {
            div id="workload" data-topic={ "allocation:" (row.id) } data-from=(here) {
                (page_head(&row.name, "", Some(self.actions())))
                p { (self.state()) @if row.simulated { " " (simulated_badge()) } " " (id_copy(&row.id.to_string())) }
                div class="section" {}
                (self.notes())
                (tabs(self.tab, &[("overview", "Overview", &url), ("connect", "Connect", &format!("{url}?tab=connect"))]))
                @if self.tab == "connect" { (connect::draw(self)) } @else { (self.overview()) }
            }
        }
    }

    fn state(&self) -> Markup {
        let (tone, words) = views::tone(self.row.state, self.row.unreachable);
        badge(tone, &words)
    }

    fn notes(&self) -> Markup {
        let row = &self.row;
        html! {
            @if row.unreachable { (banner("warn", "Its machine does not answer right now. Time after its last sign of life is not charged unless the machine proves that the work ran on.", None)) }
            @if row.state == State::ReleaseFailed { (banner("bad", "Clean-up did not finish. It costs nothing any more.", None)) }
            @if let Some(reason) = &row.reason { (banner(if model::is_over(row.state) { "info" } else { "warn" }, reason, None)) }
        }
    }

    fn actions(&self) -> Markup {
        if !self.may_release || model::is_over(self.row.state) || self.row.state == State::Releasing
        {
            return html! {};
        }
        let (verb, title, lost) = match self.row.state {
            State::Active => (
                "Release",
                "Release this workload?",
                "Everything in it is removed: files, processes, open terminals. The meter stops at once.",
            ),
            State::ReleaseFailed => (
                "Try clean-up again",
                "Try clean-up again?",
                "The machine is asked once more to remove what is left. It costs nothing.",
            ),
            _ => (
                "Cancel",
                "Cancel this launch?",
                "What was made so far is removed. Nothing was charged.",
            ),
        };
        danger(
            verb,
            title,
            lost,
            html! {
                form method="post" action={ "/workloads/" (self.row.id) "/release" } {
                    (self.form.hidden(&format!("release-{}", self.row.state)))
                    button class="button danger-go" { (verb) " " (self.row.name) }
                }
            },
        )
    }

    fn cost(&self) -> Markup {
        let row = &self.row;
        let rate = row.price_per_hour.micros.0.saturating_mul(row.count);
        html! {
            @if row.state == State::Active && !row.unreachable {
                div class="card stat" {
                    div class="stat-label" { "Cost so far" }
                    div class="stat-value" data-meter="true" data-start=[row.ready_at] data-now=(self.now) data-rate=(rate) data-step=(row.increment_seconds) data-least=(row.minimum_seconds) data-sign=(row.charged.currency.sign()) { (row.charged.exact()) }
                    div class="stat-note muted" { @match rounding(row.increment_seconds, row.minimum_seconds) {
                            Some(words) => { "when released now, " (words) }
                            None => "runs by the second; the statement is exact",
                        } }
                }
            } @else { (stat("Cost", &row.charged.exact(), if model::is_over(row.state) { "final" } else { "the meter does not run" })) }
        }
    }

    fn per_unit(&self) -> String {
        match &self.row.list_price_per_hour {
            Some(list) => format!("per unit; list price {}", list.exact()),
            None => "per unit".to_owned(),
        }
    }

    fn overview(&self) -> Markup {
        let row = &self.row;
        html! {
            div class="stats" {
                (self.cost())
                (stat("Price", &format!("{} / h", row.price_per_hour.exact()), &self.per_unit()))
                (stat("Hardware", &format!("{} × {}", row.count, row.sku), if row.simulated { "simulated" } else { "" }))
            }
            @if let Some(task) = &self.task {
                section class="card" { h2 { "Progress" } (draw_steps(task, self.now)) p class="small" { a href={ "/tasks/" (task.id) } { "All of this task" } } }
                div class="section" {}
            }
            section class="card" { h2 { "Times" } (self.times()) }
        }
    }

    fn times(&self) -> Markup {
        let row = &self.row;
        let some = |at: Option<Time>| html! { @if let Some(at) = at { (moment(at)) } @else { span class="muted" { "not yet" } } };
        facts(&[
            ("Launched", moment(row.created_at)),
            ("Ready, meter started", some(row.ready_at)),
            ("Release asked, meter stopped", some(row.release_asked_at)),
            ("Over", some(row.ended_at)),
        ])
    }
}

async fn workload_page(who: Allowed<ReadAllocation>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let row = views::allocation(&app, &mut tx, who.row().clone()).await?;
    let task = match steps::latest_of(&mut tx, who.row().id.0).await? {
        Some(task) => Some(views::task(&app, &mut tx, task).await?),
        None => None,
    };
    let ways = connect::read(&app, &mut tx, &who, who.row()).await?;
    let tab =
        if who.head().query("tab").as_deref() == Some("connect") { "connect" } else { "overview" };
    let view = WorkloadPageView {
        task: task.filter(|_| !model::is_over(row.state)),
        tab,
        may_release: who.may("allocation.release"),
        may_connect: who.may("terminal.open"),
        ways,
        now: app.seams.clock.now(),
        form: who.form(&app),
        row,
    };
    Ok(Page::new(who.row().name.clone(), view.draw()))
}

async fn release_form(who: Allowed<Release>, app: App, _: Form) -> Result<Go> {
    let row = release::release(&app, &who).await?;
    Ok(Go::to(format!("/workloads/{}", row.id))
        .saying("The meter has stopped; clean-up is on its way."))
}
