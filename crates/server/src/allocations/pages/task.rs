//! `/tasks/{id}`: what is being done, step by step, live.

use crate::{
    allocations::{http::ReadTask, store, views},
    tenancy::Allowed,
};
use api::{
    AllocationId, TaskId, Time,
    allocations::{TaskState, TaskStep, TaskView},
    time::short_words,
};
use kernel::{
    App, Error, Result,
    html::{
        Markup, Page, StepTone, TimelineStep, badge, banner, html, id_copy, page_head, timeline,
    },
    http::Route,
};
use std::time::Duration;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/tasks/{task_id}", task_page)]
}

/// A task.
#[derive(Debug, Clone)]
pub struct TaskPageView {
    /// It.
    pub task: TaskView,
    /// The workload's name.
    pub workload: String,
    /// Now.
    pub now: Time,
}

/// Draws the steps of a task.
pub fn draw_steps(task: &TaskView, now: Time) -> Markup {
    let steps: Vec<TimelineStep> = task
        .steps
        .iter()
        .map(|step| TimelineStep {
            label: step.label.clone(),
            tone: match step.state.as_str() {
                "done" => StepTone::Done,
                "failed" => StepTone::Failed,
                "running" => StepTone::Running,
                _ => StepTone::Waiting,
            },
            elapsed: views::elapsed(step.started_at, step.ended_at, now),
            usual: match u64::try_from(step.usual_ms) {
                Ok(0) | Err(_) => String::new(),
                Ok(millis) => short_words(Duration::from_millis(millis)),
            },
            note: String::new(),
        })
        .collect();
    timeline(&steps)
}

impl TaskPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let at = Time(1_795_000_000_000_000);
        let step = |state: &str| TaskStep {
            name: "allocation.provision/wait".into(),
            label: "Make the sandbox and wait until it answers".into(),
            state: state.into(),
            started_at: (state != "waiting").then_some(at),
            ended_at: (state == "done").then_some(Time(at.0 + 1_400_000)),
            usual_ms: 1200,
        };
        let task = |state, reason: Option<&str>| TaskView {
            id: TaskId(uuid::Uuid::nil()),
            kind: "allocation.provision".into(),
            allocation_id: AllocationId(uuid::Uuid::nil()),
            state,
            reason: reason.map(str::to_owned),
            steps: ["done", "running", "waiting", "failed"].map(step).to_vec(),
            created_at: at,
            ended_at: None,
        };
        let now = Time(at.0 + 90_000_000);
        vec![
            Self { task: task(TaskState::Running, None), workload: "training run".into(), now },
            Self {
                task: task(TaskState::Failed, Some("The machine could not start the workload.")),
                workload: "A workload with the longest name that anybody may give it".into(),
                now,
            },
            Self {
                task: TaskView {
                    steps: vec![],
                    ..task(TaskState::NeedsHuman, Some("A person must look at it."))
                },
                workload: "training run".into(),
                now,
            },
        ]
    }

    /// What people read: `Launch of training run`.
    pub fn title(&self) -> String {
        let what = match self.task.kind.as_str() {
            "allocation.provision" => "Launch",
            "allocation.release" => "Release",
            other => other,
        };
        format!("{what} of {}", self.workload)
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let task = &self.task;
        let (tone, words) = match task.state {
            TaskState::Running => ("info", "running"),
            TaskState::Done => ("good", "done"),
            TaskState::Failed => ("bad", "failed"),
            TaskState::NeedsHuman => ("warn", "needs a person"),
        };
        let url = format!("/tasks/{}", task.id);
        html! {
            (page_head(&self.title(), "What is being done, step by step.", Some(html! { a class="button" href={ "/workloads/" (task.allocation_id) } { "To the workload" } })))
            section class="card" id="task" data-topic={ "task:" (task.id) } data-from=(url) {
                p { (badge(tone, words)) " " (id_copy(&task.id.to_string())) }
                @if let Some(reason) = &task.reason { (banner("warn", reason, None)) }
                (draw_steps(task, self.now))
            }
        }
    }
}

async fn task_page(who: Allowed<ReadTask>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let task = views::task(&app, &mut tx, who.row().clone()).await?;
    let row = store::find(&mut tx, task.allocation_id).await?.ok_or_else(Error::not_found)?;
    let view = TaskPageView { task, workload: row.name, now: app.seams.clock.now() };
    Ok(Page::new(view.title(), view.draw()))
}
