//! `/access/recordings`: what was recorded in the project.

use super::{
    http::{List, OF_OTHERS, list},
    policy,
};
use crate::tenancy::Allowed;
use api::{
    AllocationId, OrgId, ProjectId, RecordingId, Time, UserId,
    recordings::{RecordingMode, RecordingState, RecordingView, RecordingWay},
};
use kernel::{
    App, Result,
    html::{Markup, Page, ago, badge, col, empty, html, icon, next_page, num, page_head, table},
    http::Paging,
};

/// Recordings of a project.
#[derive(Debug, Clone)]
pub struct RecordingsView {
    /// The organization.
    pub org: OrgId,
    /// Whether it records.
    pub mode: RecordingMode,
    /// They.
    pub items: Vec<RecordingView>,
    /// Whether those of others are among them.
    pub of_others: bool,
    /// The next page.
    pub next: Option<String>,
    /// Now.
    pub now: Time,
}

/// Returns a recording pages are tested with.
pub(super) fn sample(state: RecordingState) -> RecordingView {
    let nil = uuid::Uuid::nil();
    let over = state != RecordingState::Live;
    RecordingView {
        id: RecordingId(nil),
        org_id: OrgId(nil),
        project_id: ProjectId(nil),
        allocation_id: AllocationId(nil),
        workload: "training-of-a-model-with-a-long-name".into(),
        user_id: UserId(nil),
        user: "Ada Lovelace".into(),
        way: if over { RecordingWay::Ssh } else { RecordingWay::Terminal },
        state,
        part: if over { 2 } else { 1 },
        started_at: Time(1_795_000_000_000_000),
        ended_at: over.then_some(Time(1_795_000_100_000_000)),
        kept_bytes: if state == RecordingState::Erased { 0 } else { 123_456 },
        left_out_bytes: if over { 5_000_000 } else { 0 },
        erase_at: over.then_some(Time(1_803_000_000_000_000)),
        sha256: over.then(|| "5e".repeat(32)),
    }
}

/// Says in a word where a recording is.
pub(super) fn state(of: &RecordingView) -> Markup {
    match of.state {
        RecordingState::Live => badge("info", "recording"),
        RecordingState::Ended => badge("good", "complete"),
        RecordingState::Erased => badge("", "erased"),
    }
}

/// Returns a number of bytes in plain words: whole KiB, or MiB with one decimal.
pub(super) fn size(bytes: i64) -> String {
    match bytes {
        ..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes / 1024),
        _ => format!("{}.{} MiB", bytes >> 20, (bytes % 1_048_576) * 10 / 1_048_576),
    }
}

/// Says how it was opened.
pub(super) const fn way(of: RecordingWay) -> &'static str {
    match of {
        RecordingWay::Terminal => "terminal",
        RecordingWay::Ssh => "SSH",
    }
}

impl RecordingsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let none = Self {
            org: OrgId(uuid::Uuid::nil()),
            mode: RecordingMode::Off,
            items: vec![],
            of_others: false,
            next: None,
            now: Time(1_795_000_200_000_000),
        };
        let items = RecordingState::ALL.iter().map(|state| sample(*state)).collect();
        let some = Self {
            mode: RecordingMode::Required,
            items,
            of_others: true,
            next: Some("n".into()),
            ..none.clone()
        };
        vec![none.clone(), Self { mode: RecordingMode::On, ..none }, some]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let words = match self.mode {
            RecordingMode::Off => "Terminals are not recorded here.",
            RecordingMode::On => "Terminals are recorded when whoever opens them asks for it.",
            RecordingMode::Required => "Every terminal of the organization is recorded.",
        };
        let set = html! { a class="button" href={ "/access/organizations/" (self.org) "/recording" } { (icon("settings")) "Recording" } };
        let whose = if self.of_others {
            "What terminals of the project showed."
        } else {
            "What your terminals showed."
        };
        html! {
            (page_head("Recordings", &format!("{whose} {words}"), Some(set)))
            @if self.items.is_empty() {
                (empty("circle-play", "No recording", "What terminals show is listed here once one is recorded.", Some(html! { a class="button" href="/workloads" { "Workloads" } })))
            } @else { (self.list()) }
        }
    }

    fn list(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.items.iter().map(|one| self.row(one)).collect();
        html! {
            (table("Recordings", &[col("Workload"), col("Whose"), col("Began"), col("State"), num("Kept"), col("Until")], &rows))
            (next_page("/access/recordings", &[], self.next.as_deref()))
        }
    }

    fn row(&self, one: &RecordingView) -> Vec<Markup> {
        vec![
            html! {
                a href={ "/access/recordings/" (one.id) } { (one.workload) }
                br; span class="muted small" { (way(one.way)) @if one.part > 1 { ", part " (one.part) } }
            },
            html! { (one.user) },
            ago(one.started_at, self.now),
            state(one),
            html! { (size(one.kept_bytes)) },
            html! { @if let Some(at) = one.erase_at { (kernel::html::moment(at)) } @else { span class="muted" { "while it goes on" } } },
        ]
    }
}

pub(super) async fn page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let found = list(&mut tx, &who, &paging).await?;
    let view = RecordingsView {
        org: who.scope().org_id(),
        mode: policy::find(&mut tx, who.scope().org_id()).await?.mode,
        items: found.items,
        of_others: who.may(OF_OTHERS),
        next: found.next_cursor,
        now: app.seams.clock.now(),
    };
    Ok(Page::new("Recordings", view.draw()))
}
