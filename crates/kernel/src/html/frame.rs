//! The frame around pages: side bar, top bar, and the one for errors.

use super::{Layout, Page, assets::url, hidden_fields, icon};
use crate::{
    App, Error, Result,
    http::{Head, Viewer, cookie},
};
use http::StatusCode;
use maud::{DOCTYPE, Markup, html};
use std::{future::Future, pin::Pin, sync::Arc};

/// Who sees an entry of the side bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NavFor {
    /// Everybody who is signed in.
    Everyone,
    /// People whose role of the platform allows this action.
    Platform(&'static str),
}

impl NavFor {
    fn sees(self, viewer: &Viewer) -> bool {
        match self {
            Self::Everyone => true,
            Self::Platform(action) => viewer.platform.is_some_and(|may| may(action)),
        }
    }
}

/// An entry of the side bar.
#[derive(Debug, Clone, Copy)]
pub struct NavItem {
    /// Its group.
    pub group: &'static str,
    /// Its words.
    pub label: &'static str,
    /// Where it leads.
    pub href: &'static str,
    /// Its icon.
    pub icon: &'static str,
    /// Who sees it.
    pub who: NavFor,
}

/// A chip of the top bar.
pub struct Chip {
    /// Where it leads.
    pub href: String,
    /// Its icon.
    pub icon: &'static str,
    /// Its words.
    pub text: String,
    /// What it means, for screen readers and on hover.
    pub title: String,
    /// `good`, `warn`, `bad` or empty.
    pub tone: &'static str,
    /// What is said above every page, as long as it is so.
    pub banner: Option<Markup>,
}

/// Makes a chip for a viewer, or none.
pub type ChromeFn = for<'a> fn(
    &'a App,
    &'a Viewer,
) -> Pin<Box<dyn Future<Output = Result<Option<Chip>>> + Send + 'a>>;

/// Puts the frame around a page.
pub async fn frame(app: &App, head: &Arc<Head>, page: Page) -> Markup {
    let viewer = match page.layout {
        Layout::Shell => (app.viewer)(app, head).await,
        _ => None,
    };
    let mut chips = Vec::new();
    if let Some(viewer) = &viewer {
        for make in &app.chrome {
            match make(app, viewer).await {
                Ok(chip) => chips.extend(chip),
                Err(error) => tracing::warn!(%error, "a chip of the top bar cannot be made"),
            }
        }
    }
    let words = cookie::flashed(head);
    document(app, head, &page, viewer.as_ref(), &chips, words.as_deref())
}

fn document(
    app: &App,
    head: &Head,
    page: &Page,
    viewer: Option<&Viewer>,
    chips: &[Chip],
    words: Option<&str>,
) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="htmx-config" content=r#"{"includeIndicatorCSS":false,"history":false}"#;
                title { (page.title) " · " (app.site.brand) }
                link rel="icon" type="image/svg+xml" href=(url("favicon.svg"));
                link rel="stylesheet" href=(url("app.css"));
                script defer src=(url("htmx.js")) {}
                script defer src=(url("app.js")) {}
            }
            body class=(layout_class(page.layout, viewer)) {
                @match (page.layout, viewer) {
                    (Layout::Shell, Some(viewer)) => (shell(app, head, page, viewer, chips, words)),
                    (Layout::Bare, _) => (page.body),
                    (Layout::Shell, None) => (open(app, page, words)),
                    _ => (card(app, page, words)),
                }
            }
        }
    }
}

fn layout_class(layout: Layout, viewer: Option<&Viewer>) -> &'static str {
    match (layout, viewer) {
        (Layout::Shell, Some(_)) => "shell",
        (Layout::Bare, _) => "bare",
        (Layout::Shell, None) => "open",
        (Layout::Card, _) => "middle",
    }
}

fn brand(app: &App) -> Markup {
    html! {
        a class="brand" href="/" {
            svg class="glyph" viewBox="0 0 16 16" width="20" height="20" aria-hidden="true" {
                rect x="1" y="1" width="6" height="14" rx="1.5" {}
                rect x="9" y="1" width="6" height="6" rx="1.5" {}
                rect x="9" y="9" width="6" height="6" rx="1.5" class="glyph-accent" {}
            }
            span { (app.site.brand) }
        }
    }
}

fn card(app: &App, page: &Page, words: Option<&str>) -> Markup {
    html! {
        main class="middle-main" id="main" {
            (brand(app))
            @if let Some(words) = words { (flash(words)) }
            section class="card middle-card" { (page.body) }
            @if app.site.simulated { p class="middle-foot" { (super::simulated_badge()) " Hardware on this site is simulated." } }
        }
    }
}

/// A page somebody may read without signing in.
fn open(app: &App, page: &Page, words: Option<&str>) -> Markup {
    html! {
        header class="top" { (brand(app)) div class="top-space" {} a class="button" href="/auth/login" { "Sign in" } }
        main id="main" class="content" {
            @if let Some(words) = words { (flash(words)) }
            (page.body)
        }
    }
}

fn flash(words: &str) -> Markup {
    html! { div class="toast" role="status" { (icon("circle-check")) span { (words) } } }
}

fn shell(
    app: &App,
    head: &Head,
    page: &Page,
    viewer: &Viewer,
    chips: &[Chip],
    words: Option<&str>,
) -> Markup {
    html! {
        a class="skip" href="#main" { "Skip to content" }
        input type="checkbox" id="nav-open" class="nav-toggle" aria-label="Show navigation";
        aside class="side" {
            div class="side-head" { (brand(app)) label for="nav-open" class="icon-button side-close" title="Close" { (icon("x")) } }
            nav aria-label="Main" { (navigation(app, head, viewer)) }
            @if app.site.simulated { div class="side-foot" { (super::simulated_badge()) span class="muted" { "hardware" } } }
        }
        label for="nav-open" class="scrim" aria-hidden="true" {}
        div class="stage" {
            (top_bar(head, viewer, chips))
            main id="main" class="content" {
                @if let Some(words) = words { (flash(words)) }
                @for said in chips.iter().filter_map(|chip| chip.banner.as_ref()) { (said) }
                (body(page))
            }
        }
    }
}

/// What stands on a page; where its reader may change nothing of it, so it is said, and nothing can be pressed.
fn body(page: &Page) -> Markup {
    match &page.frozen {
        None => html! { (page.body) },
        Some(why) => html! {
            (super::banner("info", why, None))
            fieldset class="frozen" disabled { (page.body) }
        },
    }
}

fn navigation(app: &App, head: &Head, viewer: &Viewer) -> Markup {
    let path = head.uri.path();
    let shown: Vec<&NavItem> = app.nav.iter().filter(|item| item.who.sees(viewer)).collect();
    let longest = shown
        .iter()
        .filter(|item| {
            path == item.href || path.starts_with(&format!("{}/", item.href.trim_end_matches('/')))
        })
        .filter(|item| item.href != "/" || path == "/")
        .map(|item| item.href.len())
        .max();
    let mut groups: Vec<&str> = Vec::new();
    for item in &shown {
        if !groups.contains(&item.group) {
            groups.push(item.group);
        }
    }
    html! {
        @for group in groups {
            @if !group.is_empty() { h2 { (group) } }
            ul {
                @for item in shown.iter().filter(|item| item.group == group) {
                    @let here = Some(item.href.len()) == longest && path.starts_with(item.href);
                    li { a href=(item.href) aria-current=[here.then_some("page")] { (icon(item.icon)) span { (item.label) } } }
                }
            }
        }
    }
}

fn top_bar(head: &Head, viewer: &Viewer, chips: &[Chip]) -> Markup {
    let back = head.uri.path();
    html! {
        header class="top" {
            label for="nav-open" class="icon-button nav-open" title="Navigation" { (icon("menu")) }
            (switcher(viewer, back))
            div class="top-space" {}
            @for chip in chips {
                a class={ "chip " (chip.tone) } href=(chip.href) title=(chip.title) {
                    (icon(chip.icon)) span { (chip.text) }
                }
            }
            details class="menu" {
                summary class="person" title=(viewer.email) aria-label={ "Account of " (viewer.name) } {
                    span class="avatar" aria-hidden="true" { (initials(&viewer.name)) }
                }
                div class="menu-list menu-right" {
                    div class="menu-head" {
                        strong { (viewer.name) } br; span class="muted" { (viewer.email) }
                    }
                    a href="/account/security" { (icon("shield-check")) "Security" }
                    a href="/account/sessions" { (icon("monitor")) "Sessions" }
                    a href="/docs" { (icon("book-open")) "Documentation" }
                    form method="post" action="/auth/logout" {
                        (hidden_fields(&viewer.csrf, None))
                        button class="menu-button" { (icon("log-out")) "Sign out" }
                    }
                }
            }
        }
    }
}

fn switcher(viewer: &Viewer, back: &str) -> Markup {
    let org = viewer.org.as_ref().map_or("No organization", |(_, name)| name.as_str());
    let project = viewer.project.as_ref().map_or("No project", |(_, name)| name.as_str());
    let here = viewer.project.as_ref().map(|(id, _)| *id);
    html! {
        details class="menu switcher" {
            summary {
                span class="crumb muted" { (org) } span class="crumb-sep" aria-hidden="true" { "/" }
                span class="crumb" { (project) } (icon("chevrons-up-down"))
            }
            div class="menu-list" {
                div class="menu-head muted" { "Switch project" }
                @for (id, org, name) in viewer.projects.iter().take(20) {
                    form method="post" action="/access/projects/switch" {
                        (hidden_fields(&viewer.csrf, None))
                        input type="hidden" name="project_id" value=(id);
                        input type="hidden" name="return" value=(back);
                        button class="menu-button" aria-current=[(Some(*id) == here).then_some("true")] {
                            span class="menu-tick" { @if Some(*id) == here { (icon("check")) } }
                            span { (name) " " span class="muted" { (org) } }
                        }
                    }
                }
                a href="/access/projects" { (icon("folder-kanban")) "All projects" }
            }
        }
    }
}

fn initials(name: &str) -> String {
    name.split_whitespace()
        .filter_map(|word| word.chars().next())
        .take(2)
        .collect::<String>()
        .to_uppercase()
}

/// Returns the page of an error: what happened, what to do, and the correlation id.
pub fn error_page(error: &Error, head: &Head) -> Page {
    let code = error.code();
    let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let heading = match code.status() {
        401 => "Sign in to go on",
        403 => "Not allowed",
        404 => "Nothing here",
        409 => "Not possible right now",
        410 => "This link has ended",
        422 | 400 => "That needs another look",
        429 => "A little slower, please",
        503 => "Not available right now",
        _ => "Something went wrong",
    };
    let id = head.correlation_id.to_string();
    let body = html! {
        div class="error-page" {
            span class="error-icon" { (icon("circle-alert")) }
            h1 { (heading) }
            p { (error.sentence()) }
            @if !error.errors().is_empty() {
                ul class="error-list" { @for fault in error.errors() { li { (fault.message) } } }
            }
            @if !error.blockers().is_empty() {
                ul class="error-list" { @for blocker in error.blockers() { li { (blocker.message) " " (blocker.fix) } } }
            }
            p class="error-actions" {
                a class="button primary" href="/" { "Go to the start page" }
                @if !head.uri.path().starts_with("//") { a class="button" href=(head.uri.path()) { "Try again" } }
            }
            p class="muted small" { "Correlation ID " code { (id) } " · " (code.as_str()) }
        }
    };
    Page::new(heading, body).status(status)
}
