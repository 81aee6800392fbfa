//! The terminal's own window.

use crate::{
    allocations::Allocation,
    tenancy::{Action, Allowed, Ask, Found, InProject},
};
use api::{AllocationId, allocations::AllocationState};
use kernel::{
    App, Result,
    db::Reader,
    html::{Markup, Page, assets::url, empty, html, icon},
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
    /// The session's token, for the ticket.
    pub csrf: String,
    /// Lets the emulator's styles in.
    pub nonce: String,
}

impl TerminalView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let one = Self {
            id: AllocationId(uuid::Uuid::nil()),
            name: "training".into(),
            active: true,
            csrf: "t".repeat(64),
            nonce: "n".repeat(32),
        };
        vec![one.clone(), Self { active: false, ..one }]
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
        html! {
            link rel="stylesheet" href=(url("xterm.css"));
            script defer src=(url("xterm.js")) {}
            script defer src=(url("xterm-fit.js")) {}
            script defer src=(url("terminal.js")) {}
            main id="main" class="terminal-page" {
                h1 class="hidden" { "Terminal of " (self.name) }
                div id="terminal" data-allocation=(self.id) data-csrf=(self.csrf) data-nonce=(self.nonce) {}
                footer class="terminal-strip" {
                    span id="terminal-state" role="status" { "connecting" }
                    span class="terminal-name" { (self.name) }
                    span id="terminal-size" class="num" {}
                    button type="button" id="terminal-again" class="button" hidden { (icon("refresh-cw")) "Reconnect" }
                    a href={ "/workloads/" (self.id) "?tab=connect" } { "Workload" }
                }
                noscript { p { "The terminal needs scripts. The command line works without a browser: gpuaas shell." } }
            }
        }
    }
}

async fn terminal_page(who: Allowed<TerminalPage>, app: App, (): ()) -> Result<Answer> {
    let nonce = hex(&app.seams.rng.bytes16());
    let view = TerminalView {
        id: who.row().id,
        name: who.row().name.clone(),
        active: who.row().state == AllocationState::Active,
        csrf: who.caller().csrf().to_owned(),
        nonce: nonce.clone(),
    };
    let mut answer = Page::bare(format!("Terminal · {}", view.name), view.draw()).answer()?;
    if let Ok(policy) = http::HeaderValue::try_from(terminal_policy(&nonce)) {
        answer.headers.push((http::header::CONTENT_SECURITY_POLICY, policy));
    }
    Ok(answer)
}
