//! Components: one function each. A page is made of these and plain `html!`, nothing else.

use super::icon;
use api::{Time, time::span_words};
use maud::{Markup, html};
use std::time::Duration;

/// Draws the head of a page: title, one sentence on its purpose, the primary action at the right.
pub fn page_head(title: &str, purpose: &str, action: Option<Markup>) -> Markup {
    html! {
        header class="page-head" {
            div { h1 { (title) } @if !purpose.is_empty() { p class="muted" { (purpose) } } }
            @if let Some(action) = action { div class="page-actions" { (action) } }
        }
    }
}

/// Draws a state: dot and word, never colour alone. Tones: `good`, `warn`, `bad`, `info`, empty.
pub fn badge(tone: &str, words: &str) -> Markup {
    html! { span class={ "badge " (tone) } { span class="dot" aria-hidden="true" {} (words) } }
}

/// Draws the hatched badge of simulated things.
pub fn simulated_badge() -> Markup {
    html! { span class="badge simulated" { "simulated" } }
}

/// Draws a number that matters, with its name and what it means.
pub fn stat(label: &str, value: &str, note: &str) -> Markup {
    html! {
        div class="card stat" {
            div class="stat-label" { (label) }
            div class="stat-value" { (value) }
            @if !note.is_empty() { div class="stat-note muted" { (note) } }
        }
    }
}

/// Draws an empty state: what this is, why it is empty, the one button that mends it.
pub fn empty(icon_name: &str, title: &str, why: &str, action: Option<Markup>) -> Markup {
    html! {
        div class="empty" {
            span class="empty-icon" { (icon(icon_name)) }
            h2 { (title) }
            p class="muted" { (why) }
            @if let Some(action) = action { div class="empty-action" { (action) } }
        }
    }
}

/// Draws a banner: `info`, `good`, `warn` or `bad`, with at most one action.
pub fn banner(tone: &str, words: &str, action: Option<Markup>) -> Markup {
    let sign = match tone {
        "bad" => "circle-alert",
        "warn" => "triangle-alert",
        "good" => "circle-check",
        _ => "info",
    };
    html! {
        div class={ "banner " (tone) } role="status" {
            (icon(sign)) div { (words) }
            @if let Some(action) = action { (action) }
        }
    }
}

/// Draws an id with a button that copies it.
pub fn id_copy(id: &str) -> Markup {
    html! {
        span class="id" {
            code title=(id) { (short(id)) }
            button type="button" class="icon-button copy" data-copy=(id) title={ "Copy " (id) } aria-label="Copy identifier" { (icon("copy")) }
        }
    }
}

fn short(id: &str) -> String {
    match id.split_once('_') {
        Some((prefix, body)) if body.len() > 8 => {
            let tail: String = body.chars().skip(body.len() - 8).collect();
            format!("{prefix}_…{tail}")
        }
        _ => id.to_owned(),
    }
}

/// Draws a command or text with a button that copies it.
pub fn code_block(text: &str) -> Markup {
    html! {
        div class="code-block" {
            pre { code { (text) } }
            button type="button" class="icon-button copy" data-copy=(text) title="Copy" aria-label="Copy" { (icon("copy")) }
        }
    }
}

/// Draws a moment as time passed, exact on hover.
pub fn ago(at: Time, now: Time) -> Markup {
    let words = if at > now {
        format!("in {}", rough(at.since(now)))
    } else if now.since(at) < Duration::from_secs(5) {
        "just now".to_owned()
    } else {
        format!("{} ago", rough(now.since(at)))
    };
    html! { time datetime=(at) title=(at.plain()) { (words) } }
}

/// Draws a moment in full.
pub fn moment(at: Time) -> Markup {
    html! { time class="num" datetime=(at) title=(at) data-local="true" { (at.plain()) } }
}

fn rough(span: Duration) -> String {
    let seconds = span.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// Draws a span of time.
pub fn span(span: Duration) -> Markup {
    html! { span class="num" { (span_words(span)) } }
}

/// Draws names and values.
pub fn facts(pairs: &[(&str, Markup)]) -> Markup {
    html! {
        dl class="facts" {
            @for (name, value) in pairs { div { dt { (name) } dd { (value) } } }
        }
    }
}

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub struct Col {
    /// Head.
    pub name: &'static str,
    /// Right-aligned with tabular figures.
    pub number: bool,
}

/// Returns a column of words.
pub const fn col(name: &'static str) -> Col {
    Col { name, number: false }
}

/// Returns a column of numbers.
pub const fn num(name: &'static str) -> Col {
    Col { name, number: true }
}

/// Draws a table; on a narrow screen each row becomes a card whose cells carry their column's name.
pub fn table(caption: &str, cols: &[Col], rows: &[Vec<Markup>]) -> Markup {
    html! {
        div class="table-wrap" tabindex="0" role="region" aria-label=(caption) {
            table {
                caption class="hidden" { (caption) }
                thead { tr { @for col in cols { th scope="col" class=[col.number.then_some("num")] { (col.name) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (cell, col) in row.iter().zip(cols) {
                                td data-label=(col.name) class=[col.number.then_some("num")] { (cell) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Draws the link to the next page of a list.
pub fn next_page(path: &str, query: &[(&str, &str)], cursor: Option<&str>) -> Markup {
    let Some(cursor) = cursor else { return html! {} };
    let mut text = form_urlencoded::Serializer::new(String::new());
    for (name, value) in query.iter().filter(|(_, value)| !value.is_empty()) {
        text.append_pair(name, value);
    }
    let query = text.append_pair("cursor", cursor).finish();
    html! { nav class="pager" aria-label="Pages" { a class="button" href={ (path) "?" (query) } { "Older" (icon("chevron-right")) } } }
}

/// Draws tabs; the current one is named.
pub fn tabs(current: &str, entries: &[(&str, &str, &str)]) -> Markup {
    html! {
        nav class="tabs" aria-label="Parts" {
            @for (key, words, href) in entries {
                a href=(href) aria-current=[(*key == current).then_some("page")] { (words) }
            }
        }
    }
}

/// Draws how much of something is free, as a bar of cells.
pub fn capacity_bar(free: i64, total: i64) -> Markup {
    let total = total.clamp(0, 64);
    let free = free.clamp(0, total);
    let width = if total == 0 { 0 } else { 240 / total };
    html! {
        svg class="capacity" viewBox="0 0 240 8" preserveAspectRatio="none" role="img"
            aria-label={ (free) " of " (total) " free" } {
            @for cell in 0..total {
                rect x=(cell * width) y="0" width=((width - 2).max(1)) height="8" rx="1.5"
                    class=(if cell < free { "cap-free" } else { "cap-used" }) {}
            }
        }
    }
}

/// The state of a step in a timeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepTone {
    /// Still to come.
    Waiting,
    /// Being done.
    Running,
    /// Done.
    Done,
    /// Failed.
    Failed,
}

/// A step of a timeline.
#[derive(Debug, Clone)]
pub struct TimelineStep {
    /// What is done.
    pub label: String,
    /// How it stands.
    pub tone: StepTone,
    /// How long it took or takes.
    pub elapsed: String,
    /// How long it usually takes.
    pub usual: String,
    /// What is special about it.
    pub note: String,
}

/// Draws a timeline: named steps, elapsed and usual time.
pub fn timeline(steps: &[TimelineStep]) -> Markup {
    html! {
        ol class="timeline" {
            @for step in steps {
                @let (class, sign, words) = match step.tone {
                    StepTone::Waiting => ("waiting", "clock", "waiting"),
                    StepTone::Running => ("running", "refresh-cw", "running"),
                    StepTone::Done => ("done", "check", "done"),
                    StepTone::Failed => ("failed", "x", "failed"),
                };
                li class=(class) {
                    span class="step-icon" { (icon(sign)) }
                    div class="step-text" {
                        strong { (step.label) } span class="hidden" { ": " (words) }
                        @if !step.note.is_empty() { p class="muted small" { (step.note) } }
                    }
                    div class="step-time num" {
                        (step.elapsed)
                        @if !step.usual.is_empty() { span class="muted" { " usually " (step.usual) } }
                    }
                }
            }
        }
    }
}

/// Draws a destructive act behind a click that says what will be lost.
pub fn danger(words: &str, title: &str, lost: &str, inside: Markup) -> Markup {
    html! {
        details class="danger" {
            summary class="button danger-button" { (words) }
            div class="danger-box" role="group" aria-label=(title) { h3 { (title) } p { (lost) } (inside) }
        }
    }
}
