//! The same facts as pages: a board, a matrix, gates, evidence, reconciliation, operations, an inbox.
//! Pages are made on the server and read without a script; no page has logic of its own.

mod markup;
mod pages;

use crate::{
    gate::{self, Answer, Report},
    report::Findings,
    world::World,
};
use maud::{DOCTYPE, Markup, html};
use std::cell::OnceCell;

/// The style of every page.
pub const STYLE: &str = include_str!("style.css");
/// Loads a page again when its files changed.
pub const LIVE: &str = include_str!("live.js");

/// The pages everybody finds in the head of each.
const TABS: [(&str, &str); 8] = [
    ("index.html", "Board"),
    ("matrix.html", "Matrix"),
    ("gates.html", "Gate"),
    ("tasks.html", "Tasks"),
    ("evidence.html", "Evidence"),
    ("recon.html", "Reconciliation"),
    ("operations.html", "Operations"),
    ("inbox.html", "Inbox"),
];

/// How pages are made.
pub struct Board<'a, 'w> {
    /// The facts.
    pub world: &'a World<'w>,
    /// Whether a server answers: then pages load themselves again.
    pub live: bool,
    /// What forms must carry; none for pages that change nothing.
    pub token: Option<String>,
    reports: OnceCell<Vec<Report>>,
}

impl<'a, 'w> Board<'a, 'w> {
    /// Returns a board over the facts.
    pub fn new(world: &'a World<'w>, live: bool, token: Option<String>) -> Self {
        Self { world, live, token, reports: OnceCell::new() }
    }

    /// Returns the addresses of all pages.
    pub fn paths(&self) -> Vec<String> {
        let tabs = TABS.iter().map(|(path, _)| (*path).to_owned());
        let gates = self.world.config.gates.keys().map(|name| format!("gate/{name}.html"));
        let flows = self.world.graph.flows.keys().map(|id| format!("flow/{id}.html"));
        tabs.chain(gates).chain(flows).collect()
    }

    /// Returns a page; none where there is none.
    pub fn page(&self, path: &str) -> Option<String> {
        let (title, body) = match path {
            "index.html" => ("Board".to_owned(), self.board()),
            "matrix.html" => ("Matrix".to_owned(), self.matrix()),
            "gates.html" => ("Gate".to_owned(), self.gates()),
            "tasks.html" => ("Tasks".to_owned(), self.tasks()),
            "evidence.html" => ("Evidence".to_owned(), self.evidence()),
            "recon.html" => ("Reconciliation".to_owned(), self.recon()),
            "operations.html" => ("Operations".to_owned(), self.operations()),
            "inbox.html" => ("Inbox".to_owned(), self.inbox()),
            _ => {
                let (folder, file) = path.split_once('/')?;
                let name = file.strip_suffix(".html")?;
                match folder {
                    "flow" => (name.to_owned(), self.flow(name)?),
                    "gate" => (format!("Gate {name}"), self.gate(name)?),
                    _ => return None,
                }
            }
        };
        let up = if path.contains('/') { "../" } else { "" };
        Some(self.frame(&title, path, up, &body).into_string())
    }

    fn frame(&self, title: &str, path: &str, up: &str, body: &Markup) -> Markup {
        let product = &self.world.config.product;
        let tab = if path.starts_with("gate/") { "gates.html" } else { path };
        let tab = if path.starts_with("flow/") { "matrix.html" } else { tab };
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · " (product) }
                    link rel="stylesheet" href={ (up) "style.css" };
                    @if self.live { script src="/live.js" defer {} }
                }
                body {
                    header {
                        strong { (product) }
                        @for (to, name) in TABS {
                            a href={ (up) (to) } aria-current=[(to == tab).then_some("page")] { (name) }
                        }
                    }
                    main {
                        h1 { (title) }
                        p.muted {
                            "As of " (self.world.ask.now.strftime("%Y-%m-%d %H:%M UTC"))
                            @if let Some(rev) = self.world.tree.rev() { ", commit " code { (rev) } }
                        }
                        (body)
                    }
                }
            }
        }
    }

    /// Returns what every gate comes to.
    fn reports(&self) -> &[Report] {
        self.reports.get_or_init(|| {
            let gates = self.world.config.gates.iter();
            gates
                .map(|(name, gate)| {
                    let demand = gate.level.unwrap_or(crate::model::Level::L0);
                    gate::ask(&self.world.asked(demand, gate.flaky_counts), name, gate)
                })
                .collect()
        })
    }
}

/// Returns findings as a page that stands alone.
pub fn findings_page(of: Findings<'_>) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "fairway " (of.asked) }
                (markup::style())
            }
            body { main {
                h1 { (of.asked) " " (answer(of.answer)) }
                (pages::findings(of.list))
            } }
        }
    };
    page.into_string()
}

/// Returns an answer as a tag.
fn answer(answer: Answer) -> Markup {
    let class = match answer {
        Answer::Holds => "tag good",
        Answer::Unknown => "tag warn",
        Answer::Fails | Answer::Unreadable => "tag bad",
    };
    html! { span class=(class) { (answer.word()) } }
}
