//! The components every page is made of, on one page: to look at, in both themes and at every width.

use super::ReadOps;
use crate::tenancy::Operator;
use api::Time;
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, Markup, Page, StepTone, TimelineStep, ago, badge, banner, capacity_bar,
        code_block, col, danger, empty, facts, html, icon, id_copy, moment, next_page, num,
        page_head, segments, select, simulated_badge, span, stat, table, tabs, timeline,
    },
};
use std::time::Duration;

const ID: &str = "alloc_01jd3x5gq8f9v7m2k4n6p8r0st";
const AT: Time = Time(1_795_000_000_000_000);
const NOW: Time = Time(1_795_000_090_000_000);

/// The components.
#[derive(Debug, Clone)]
pub struct ComponentsView;

impl ComponentsView {
    /// Returns the only kind of this page.
    pub fn samples() -> Vec<Self> {
        vec![Self]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let action = html! { a class="button primary" href="#main" { (icon("plus")) "Primary" } " " a class="button" href="#main" { "Secondary" } };
        html! {
            (page_head("Components", "What every page is made of. Nothing here does anything.", Some(action)))
            div class="stack" {
                (shown("State", words()))
                (shown("Numbers", html! { div class="stats" {
                    (stat("Available", "€41.20", "can be spent"))
                    (stat("Lasts", "3 d 4 h", "at the present rate"))
                    (stat("Slots", "5 of 8", ""))
                } (capacity_bar(5, 8)) }))
                (shown("Messages", html! {
                    (banner("info", "Information, with at most one thing to do.", Some(html! { a class="button" href="#main" { "Do it" } })))
                    (banner("warn", "Something will go wrong unless somebody acts.", None))
                    (banner("bad", "Something went wrong; nothing was changed.", None))
                    (empty("layers", "Nothing here yet", "What this is, why it is empty, and the one button that mends it.", Some(html! { a class="button primary" href="#main" { "Mend it" } })))
                }))
                (shown("Identifiers, text, time", identifiers()))
                (shown("Table", rows()))
                (shown("Tabs", tabs("one", &[("one", "Overview", "#main"), ("two", "Connect", "#main"), ("three", "Activity", "#main")])))
                (shown("Timeline", steps()))
                (shown("Fields", fields()))
                (shown("Destructive acts", danger("Release", "Release training run?", "Its files are removed for good. The meter stops at once.",
                    html! { button type="button" class="button danger-go" { "Release training run" } })))
            }
        }
    }
}

fn shown(title: &str, inside: Markup) -> Markup {
    html! { section class="card" { h2 { (title) } (inside) } }
}

fn words() -> Markup {
    html! {
        div class="sku-tags" {
            @for (tone, word) in [("good", "active"), ("info", "provisioning"), ("warn", "draining"), ("bad", "release failed"), ("", "released")] {
                (badge(tone, word))
            }
            (simulated_badge())
        }
    }
}

fn identifiers() -> Markup {
    html! {
        (facts(&[
            ("Identifier", id_copy(ID)),
            ("Time passed", ago(AT, NOW)),
            ("Moment", moment(AT)),
            ("Span", span(Duration::from_secs(7_261))),
        ]))
        (code_block(&format!("gpuaas shell {ID}")))
    }
}

fn rows() -> Markup {
    let row = |name: &str, tone, state, cost: &str| {
        let cost = cost.to_owned();
        vec![html! { strong { (name) } }, badge(tone, state), html! { (cost) }, id_copy(ID)]
    };
    let rows = [
        row("training run", "good", "active", "€4.980000"),
        row(
            "A workload with the longest name that anybody may give it, and then some more",
            "bad",
            "release failed",
            "€1,204.000001",
        ),
    ];
    html! {
        (table("Sample", &[col("Name"), col("State"), num("Charged"), col("Identifier")], &rows))
        (next_page("#main", &[], Some("bmV4dA")))
    }
}

fn steps() -> Markup {
    let step = |label: &str, tone, elapsed: &str, note: &str| TimelineStep {
        label: label.into(),
        tone,
        elapsed: elapsed.into(),
        usual: "0.2 s".into(),
        note: note.into(),
    };
    timeline(&[
        step("Tell the machine", StepTone::Done, "0.1 s", ""),
        step("Make the sandbox", StepTone::Running, "1.4 s", "The image is being unpacked."),
        step("Wait until it answers", StepTone::Waiting, "", ""),
        step("Remove what was made", StepTone::Failed, "300 s", "The machine did not answer."),
    ])
}

fn fields() -> Markup {
    let refused = Error::field("slug", "Use small letters, digits and dashes.");
    let entered = Entered::fresh().with("slug", "Not a slug").refused(&refused);
    let sizes =
        [("s", "Small"), ("l", "Large")].map(|(value, words)| (value.to_owned(), words.to_owned()));
    let count =
        |n: &str, reason: Option<&str>| (n.to_owned(), n.to_owned(), reason.map(str::to_owned));
    html! {
        form action="#main" {
            (Field::text("name", "Name").hint("What people see.").draw(&entered))
            (Field::text("slug", "Short name").draw(&entered))
            (select("size", "Size", "l", &sizes))
            (segments("count", "Count", "2", &[count("1", None), count("2", None), count("4", Some("only 3 are free"))]))
        }
    }
}

pub(super) async fn components_page(_: Operator<ReadOps>, _: App, (): ()) -> Result<Page> {
    Ok(Page::new("Components", ComponentsView.draw()))
}
