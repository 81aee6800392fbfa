//! The terminal's own window.

use crate::{
    allocations::Allocation,
    recordings,
    tenancy::{Action, Allowed, Ask, Found, InProject, list_members},
};
use api::{
    AllocationId, TerminalShareId, UserId,
    allocations::AllocationState,
    recordings::{RecordingMode, RecordingPolicy},
};
use kernel::{
    App, Result,
    db::Reader,
    html::{Markup, Page, assets::url, empty, html, icon, select},
    http::{Answer, Output, Route, terminal_policy},
    secret::hex,
};

/// Looks at the terminal's window.
pub struct TerminalPage;
impl Action for TerminalPage {
    const NAME: &'static str = "terminal.page";
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        let Some(id) = ask.head.query("allocation").and_then(|t| t.parse::<AllocationId>().ok())
        else {
            return Ok(None);
        };
        let row = crate::allocations::find(tx, id).await?;
        Ok(row.map(|row| Found::in_project(row.org_id, row.project_id, row)))
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/terminal/popout", terminal_page)]
}

/// The terminal's window.
#[derive(Debug, Clone)]
pub struct TerminalView {
    /// The workload.
    pub id: AllocationId,
    /// Its name.
    pub name: String,
    /// Whether it is active.
    pub active: bool,
    /// What the organization records.
    pub policy: RecordingPolicy,
    /// The session's token, for the ticket.
    pub csrf: String,
    /// Lets the emulator's styles in.
    pub nonce: String,
    /// Members it can be shared with.
    pub people: Vec<(UserId, String)>,
    /// What lets whoever looks follow it, and whose it is; none of one's own.
    pub follows: Option<(TerminalShareId, String)>,
}

impl TerminalView {
    /// Returns a terminal of one's own that is not recorded.
    pub(super) fn plain() -> Self {
        Self {
            id: AllocationId(uuid::Uuid::nil()),
            name: String::new(),
            active: true,
            policy: RecordingPolicy { mode: RecordingMode::Off, keep_days: 90 },
            csrf: String::new(),
            nonce: String::new(),
            people: vec![],
            follows: None,
        }
    }

    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            name: "training".into(),
            csrf: "t".repeat(64),
            nonce: "n".repeat(32),
            ..Self::plain()
        };
        let policy = RecordingPolicy { mode: RecordingMode::Required, keep_days: 30 };
        let nil = uuid::Uuid::nil();
        let people = vec![(UserId(nil), "Grace Hopper".into())];
        let follows = Some((TerminalShareId(nil), "Ada Lovelace".into()));
        vec![
            one.clone(),
            Self { policy, people, ..one.clone() },
            Self { follows, ..one.clone() },
            Self { active: false, ..one },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        if !self.active {
            return html! {
                main id="main" class="content" {
                    h1 class="hidden" { (self.name) }
                    (empty("terminal", "No shell right now", "A terminal opens while the workload is active.", Some(html! { a class="button primary" href={ "/workloads/" (self.id) } { "To the workload" } })))
                }
            };
        }
        let share = self.follows.as_ref().map(|(id, _)| id.to_string());
        html! {
            link rel="stylesheet" href=(url("xterm.css"));
            script defer src=(url("xterm.js")) {}
            script defer src=(url("xterm-fit.js")) {}
            script defer src=(url("xterm-search.js")) {}
            script defer src=(url("terminal.js")) {}
            script defer src=(url("terminal-tools.js")) {}
            main id="main" class="terminal-page" {
                h1 class="hidden" { "Terminal of " (self.name) }
                div class="terminal-place" {
                    div id="terminal" data-allocation=(self.id) data-csrf=(self.csrf) data-nonce=(self.nonce) data-record=(self.policy.mode) data-share=[share] {}
                    (self.consent())
                    form id="terminal-find" class="terminal-box" role="search" hidden {
                        label class="hidden" for="terminal-word" { "Find in the terminal" }
                        input id="terminal-word" type="search" maxlength="200" placeholder="Find";
                        button type="submit" class="button" { "Next" }
                        button type="button" class="button" id="terminal-before" { "Before" }
                        button type="button" class="button" id="terminal-find-close" aria-label="Close the search" { (icon("x")) }
                    }
                    (self.sharing())
                    p id="terminal-drop" class="terminal-box" hidden { "Drop it: it goes into the home folder." }
                }
                div id="terminal-keys" class="terminal-keys" role="toolbar" aria-label="Keys" hidden {
                    @for (name, words) in KEYS { button type="button" class="button" data-key=(name) { (words) } }
                }
                (self.strip())
                noscript { p { "The terminal needs scripts. The command line works without a browser: gpuaas shell." } }
            }
        }
    }

    fn consent(&self) -> Markup {
        html! {
            section id="terminal-consent" class="terminal-box terminal-consent flow" role="dialog" aria-modal="true" aria-labelledby="consent-title" hidden {
                h2 id="consent-title" { "This terminal is recorded" }
                p { "The organization keeps what terminals show for " (self.policy.keep_days) " days. What you type is not recorded, only what the terminal shows of it: a password that is not shown is not in it." }
                p class="small" { "Admins of the project can play it, and that they do is recorded too. You can play your own." }
                p { button type="button" class="button primary" { "Agree and open" } " " a class="button" href={ "/workloads/" (self.id) } { "Leave" } }
            }
        }
    }

    fn sharing(&self) -> Markup {
        html! {
            form id="terminal-sharing" class="terminal-box terminal-consent flow" role="dialog" aria-labelledby="sharing-title" hidden {
                h2 id="sharing-title" { "Let somebody follow" }
                @if self.people.is_empty() { p { "Nobody else is in the project." } }
                @else {
                    p { "They see what this terminal shows, and cannot type." }
                    (select("share-who", "Who", "", &self.people.iter().map(|(id, name)| (id.to_string(), name.clone())).collect::<Vec<_>>()))
                    (select("share-minutes", "For", "60", &[("15".to_owned(), "15 minutes".to_owned()), ("60".to_owned(), "an hour".to_owned()), ("480".to_owned(), "8 hours".to_owned())]))
                }
                ul id="share-list" aria-label="Who may follow" {}
                p id="share-said" role="status" {}
                p { @if !self.people.is_empty() { button class="button primary" { "Share" } " " } button type="button" class="button" id="share-close" { "Close" } }
            }
        }
    }

    fn strip(&self) -> Markup {
        let own = self.follows.is_none();
        html! {
            footer class="terminal-strip" {
                span id="terminal-state" role="status" { "connecting" }
                a id="terminal-help" class="button" hidden {}
                button type="button" id="terminal-again" class="button" hidden { (icon("refresh-cw")) span { "Reconnect" } }
                span class="terminal-name" { (self.name) @if let Some((_, whose)) = &self.follows { ", " (whose) "'s terminal: you see it and cannot type" } }
                span id="terminal-size" class="num" {}
                button type="button" id="terminal-record" class="button" hidden { (icon("circle-play")) span { "Record" } }
                details class="menu" id="terminal-menu" {
                    summary class="button" aria-label="Tools" { (icon("settings")) span { "Tools" } }
                    div class="menu-list menu-up" {
                        (tool("find", "search", "Find", "Ctrl Shift F"))
                        (tool("copy", "copy", "Copy what is marked", "Ctrl Shift C"))
                        @if own { (tool("paste", "pencil", "Paste", "Ctrl Shift V")) }
                        (tool("larger", "plus", "Larger text", "Ctrl Shift +"))
                        (tool("smaller", "chevron-down", "Smaller text", "Ctrl Shift -"))
                        (tool("theme", "sun", "Next colours", ""))
                        @if own {
                            (tool("keys", "layers", "Keys on the screen", ""))
                            (tool("send", "send", "Send a file", ""))
                            (tool("share", "users", "Let somebody follow", ""))
                            (tool("another", "square-terminal", "Another terminal", ""))
                        }
                    }
                }
                input type="file" id="terminal-file" multiple aria-label="Files to send" hidden;
                a href={ "/workloads/" (self.id) "?tab=connect" } { "Workload" }
            }
        }
    }
}

/// Keys a telephone has not, and what stands on them.
const KEYS: &[(&str, &str)] = &[
    ("Escape", "Esc"),
    ("Tab", "Tab"),
    ("Control", "Ctrl"),
    ("Alt", "Alt"),
    ("ArrowLeft", "←"),
    ("ArrowDown", "↓"),
    ("ArrowUp", "↑"),
    ("ArrowRight", "→"),
    ("|", "|"),
    ("/", "/"),
    ("-", "-"),
    ("~", "~"),
];

fn tool(name: &str, sign: &str, words: &str, keys: &str) -> Markup {
    html! {
        button type="button" class="menu-button" data-tool=(name) { (icon(sign)) span { (words) } @if !keys.is_empty() { kbd { (keys) } } }
    }
}

/// Returns the window, with what its emulator needs.
pub(super) fn answer(view: &TerminalView) -> Result<Answer> {
    let mut answer = Page::bare(format!("Terminal · {}", view.name), view.draw()).answer()?;
    if let Ok(policy) = http::HeaderValue::try_from(terminal_policy(&view.nonce)) {
        answer.headers.push((http::header::CONTENT_SECURITY_POLICY, policy));
    }
    Ok(answer)
}

async fn terminal_page(who: Allowed<TerminalPage>, app: App, (): ()) -> Result<Answer> {
    let mut tx = app.db.read().await?;
    let me = who.caller().user_id();
    let members = list_members(&mut tx, who.scope()).await?;
    let others = members.into_iter().filter(|(member, _)| member.user_id != me);
    let view = TerminalView {
        id: who.row().id,
        name: who.row().name.clone(),
        active: who.row().state == AllocationState::Active,
        policy: recordings::policy(&mut tx, who.scope().org_id()).await?,
        csrf: who.caller().csrf().to_owned(),
        nonce: hex(&app.seams.rng.bytes16()),
        people: others.map(|(member, person)| (member.user_id, person.display_name)).collect(),
        follows: None,
    };
    answer(&view)
}
