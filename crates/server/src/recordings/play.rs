//! `/access/recordings/{recording_id}`: one recording, played in the browser.

use super::{
    cast,
    http::{Erase, Read, erase, seen, views},
    pages::{sample, size, state, way},
    store::Recording,
    sweep,
};
use crate::tenancy::Allowed;
use api::{
    CorrelationId, TypedId,
    recordings::{RecordingState, RecordingView},
};
use kernel::{
    App, Error, Result, audit,
    db::Reader,
    html::{
        FormCtx, Markup, Page, assets::url, badge, banner, danger, empty, facts, html, icon,
        moment, page_head,
    },
    http::{Answer, Form, Go, terminal_policy},
    secret::hex,
};

/// What the fingerprint says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Proof {
    /// It goes on: there is none yet.
    Open,
    /// The file is what the audit chain says; the number of the entry, once it is chained.
    Whole(Option<i64>),
    /// It is not.
    Changed,
    /// What it showed is erased; the chain says what it was.
    Erased,
}

/// One recording.
#[derive(Debug, Clone)]
pub struct PlayView {
    /// It.
    pub of: RecordingView,
    /// Whether it is what was recorded.
    pub proof: Proof,
    /// Whether whoever looks may erase it.
    pub may_erase: bool,
    /// Lets the emulator's styles in.
    pub nonce: String,
    /// For forms.
    pub form: FormCtx,
}

impl PlayView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let view = |at: RecordingState, proof: Proof| Self {
            of: sample(at),
            may_erase: proof != Proof::Open,
            proof,
            nonce: "n".repeat(32),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        vec![
            view(RecordingState::Live, Proof::Open),
            view(RecordingState::Ended, Proof::Whole(Some(4711))),
            view(RecordingState::Ended, Proof::Whole(None)),
            view(RecordingState::Ended, Proof::Changed),
            view(RecordingState::Erased, Proof::Erased),
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let of = &self.of;
        let file = format!("/api/v1/recordings/{}/cast", of.id);
        let there = of.state != RecordingState::Erased && self.proof != Proof::Changed;
        let get = there.then(
            || html! { a class="button" href=(file) download { (icon("download")) "asciicast" } },
        );
        let purpose =
            format!("What {}'s {} showed, {}.", of.user, way(of.way), of.started_at.plain());
        html! {
            (page_head(&of.workload, &purpose, get))
            @if self.proof == Proof::Changed {
                (banner("bad", "This recording is not what was recorded: pieces of it are missing or were changed in the database. Keep a copy of the database as it is and tell whoever operates it.", None))
            }
            div class="stack" {
            @if there { (self.player(&file)) }
            @if of.state == RecordingState::Erased {
                (empty("circle-play", "Erased", "What it showed is not kept any more. That there was a recording, and its fingerprint, are.", Some(html! { a class="button" href="/access/recordings" { "Recordings" } })))
            }
            (self.about())
            @if self.may_erase && of.state == RecordingState::Ended { (self.erasing()) }
            }
        }
    }

    fn player(&self, file: &str) -> Markup {
        html! {
            link rel="stylesheet" href=(url("xterm.css"));
            script defer src=(url("xterm.js")) {}
            script defer src=(url("player.js")) {}
            section class="card flow player" aria-label="Player" {
                div class="player-screen" id="player" data-file=(file) data-nonce=(self.nonce) {}
                div class="player-bar" {
                    button type="button" class="button primary" id="player-go" disabled { (icon("circle-play")) span { "Play" } }
                    label class="hidden" for="player-at" { "Place" }
                    input type="range" id="player-at" min="0" max="0" step="any" value="0" disabled;
                    span class="num" id="player-time" { "loading" }
                    label for="player-speed" class="hidden" { "Speed" }
                    select id="player-speed" { @for speed in ["0.5", "1", "2", "4", "8", "16"] { option value=(speed) selected[speed == "1"] { (speed) "×" } } }
                    label class="small" { input type="checkbox" id="player-skip" checked; " Skip pauses" }
                }
                form class="inline-form" id="player-find" role="search" {
                    label class="hidden" for="player-word" { "Find in what was shown" }
                    input id="player-word" type="search" maxlength="200" placeholder="Find in what was shown";
                    button class="button" { (icon("search")) "Find" }
                }
                p class="muted small" id="player-found" role="status" {}
                ol id="player-hits" class="player-hits" {}
                noscript { p { "The player needs scripts. The file plays with asciinema." } }
            }
        }
    }

    fn about(&self) -> Markup {
        let of = &self.of;
        let proof = match &self.proof {
            Proof::Open => badge("info", "recording"),
            Proof::Whole(Some(seq)) => {
                html! { (badge("good", "as recorded")) " entry " (seq) " of the audit chain has the same fingerprint" }
            }
            Proof::Whole(None) => {
                html! { (badge("good", "as recorded")) " the audit record has the same fingerprint; it is chained in a moment" }
            }
            Proof::Changed => badge("bad", "changed"),
            Proof::Erased => badge("", "erased"),
        };
        html! {
            section class="card flow" {
                h2 { "About it" }
                (facts(&[
                    ("Whose", html! { (of.user) }),
                    ("Workload", html! { a href={ "/workloads/" (of.allocation_id) } { (of.workload) } }),
                    ("Opened by", html! { (way(of.way)) @if of.part > 1 { ", part " (of.part) } }),
                    ("State", state(of)),
                    ("Began", moment(of.started_at)),
                    ("Ended", html! { @if let Some(at) = of.ended_at { (moment(at)) } @else { "it goes on" } }),
                    ("Kept", html! { (size(of.kept_bytes)) @if of.left_out_bytes > 0 { "; " (size(of.left_out_bytes)) " of output are not in it" } }),
                    ("Erased by itself", html! { @if let Some(at) = of.erase_at { (moment(at)) } @else { "some days after its end" } }),
                    ("Proof", proof),
                ]))
                @if let Some(sha256) = &of.sha256 { p class="small" { "SHA-256 of the file: " code class="wrap" { (sha256) } } }
            }
        }
    }

    fn erasing(&self) -> Markup {
        danger(
            "Erase",
            "Erase this recording?",
            "Nobody can look at what it shows any more. That it was there, whose it was, and who erased it stay in the audit record.",
            html! {
                form method="post" action={ "/access/recordings/" (self.of.id) "/erase" } {
                    (self.form.hidden("erase"))
                    button class="button danger-go" { "Erase it" }
                }
            },
        )
    }
}

/// Compares what is kept with what the audit chain says.
async fn prove(app: &App, tx: &mut Reader, row: &Recording) -> Result<Proof> {
    match row.state {
        RecordingState::Live => return Ok(Proof::Open),
        RecordingState::Erased => return Ok(Proof::Erased),
        RecordingState::Ended => {}
    }
    let Ok(file) = cast::whole(app, tx, row).await? else { return Ok(Proof::Changed) };
    let found = sweep::fingerprint(&file);
    let told = audit::only_of(tx, CorrelationId(row.id.uuid()), sweep::ENDED).await?;
    let kept = row.sha256.as_deref().map(hex);
    let said = |entry: &audit::Entry| {
        let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap_or_default();
        let text = |name: &str| detail.get(name).and_then(|text| text.as_str()).map(str::to_owned);
        // What is not in the file stands beside it in the record.
        text("sha256").filter(|_| text("count") == Some(row.left_out.to_string()))
    };
    Ok(match told {
        Some((entry, place))
            if said(&entry).as_ref() == Some(&found)
                && kept == Some(found)
                && audit::chain::stands(tx, &entry, &place).await? =>
        {
            Proof::Whole(place.seq)
        }
        _ => Proof::Changed,
    })
}

pub(super) async fn page(who: Allowed<Read>, app: App, (): ()) -> Result<Answer> {
    let row = seen(&who)?.clone();
    let mut tx = app.db.read().await?;
    let proof = prove(&app, &mut tx, &row).await?;
    let nonce = hex(&app.seams.rng.bytes16());
    let of = views(&mut tx, vec![row]).await?.pop().ok_or_else(Error::not_found)?;
    let may_erase = who.may("recording.erase");
    let view = PlayView { of, proof, may_erase, nonce: nonce.clone(), form: who.form(&app) };
    let mut answer = kernel::http::Output::answer(Page::new("Recording", view.draw()))?;
    if let Ok(policy) = ::http::HeaderValue::try_from(terminal_policy(&nonce)) {
        answer.headers.push((::http::header::CONTENT_SECURITY_POLICY, policy));
    }
    Ok(answer)
}

pub(super) async fn erase_form(who: Allowed<Erase>, app: App, _: Form) -> Result<Go> {
    erase(&app, &who).await?;
    Ok(Go::to(format!("/access/recordings/{}", who.row().id)).saying("Erased."))
}
