//! `/tasks/{id}`: what is being done, step by step, live.

use crate::{
    allocations::{http::ReadTask, views},
    tenancy::Allowed,
};
use api::{
    AllocationId, TaskId, Time,
    allocations::{TaskState, TaskStep, TaskView},
};
use kernel::{
    App, Result,
    html::{
        Markup, Page, StepTone, TimelineStep, badge, banner, html, id_copy, page_head, timeline,
    },
    http::Route,
};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/tasks/{task_id}", task_page)]
}

/// A task.
#[derive(Debug, Clone)]
pub struct TaskPageView {
    /// It.
    pub task: TaskView,
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
            usual: if step.usual_ms > 0 {
                format!("{}.{} s", step.usual_ms / 1000, step.usual_ms % 1000 / 100)
            } else {
                String::new()
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
            Self { task: task(TaskState::Running, None), now },
            Self {
                task: task(TaskState::Failed, Some("The machine could not start the workload.")),
                now,
            },
            Self {
                task: TaskView {
                    steps: vec![],
                    ..task(TaskState::NeedsHuman, Some("A person must look at it."))
                },
                now,
            },
        ]
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
            (page_head(&task.kind, "What is being done, step by step.", Some(html! { a class="button" href={ "/workloads/" (task.allocation_id) } { "To the workload" } })))
            section class="card" id="task" data-topic={ "task:" (task.id) } data-from=(url) {
                p { (badge(tone, words)) " " (id_copy(&task.id.to_string())) }
                @if let Some(reason) = &task.reason { (banner("warn", reason, None)) }
                (draw_steps(task, self.now))
            }
        }
    }
}

async fn task_page(who: Allowed<ReadTask>, app: App, (): ()) -> Result<Page> {
    let task = views::task(&app, &mut *app.db.read().await?, who.row().clone()).await?;
    Ok(Page::new("Task", TaskPageView { task, now: app.seams.clock.now() }.draw()))
}
