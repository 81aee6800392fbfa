//! The page of one's notices.

use super::{
    http::{List, ReadAll, list, read_all},
    preferences,
};
use crate::identity::{Caller, Myself};
use api::{
    NoticeId, Time,
    notices::{NoticeAbout, NoticePreference, NoticeView},
};
use kernel::{
    App, Result,
    html::{FormCtx, Markup, Page, ago, badge, empty, html, next_page, page_head},
    http::{Form, Go, Paging, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/account/notices", notices_page),
        Route::post("/account/notices/read", read_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct NoticesView {
    /// They, newest first.
    pub rows: Vec<NoticeView>,
    /// What of them is mailed.
    pub mailed: Vec<NoticePreference>,
    /// The next page.
    pub next: Option<String>,
    /// Now.
    pub now: Time,
    /// For the form.
    pub form: FormCtx,
}

impl NoticesView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let now = Time(1_795_000_200_000_000);
        let row = |title: &str, read_at| NoticeView {
            id: NoticeId(uuid::Uuid::nil()),
            kind: "mfa.factor_added".into(),
            security: true,
            title: title.into(),
            body: "It can sign you in from now on. If it was not you, remove it.".into(),
            href: "/account/security".into(),
            created_at: Time(1_795_000_000_000_000),
            read_at,
        };
        let mailed = |mail| {
            NoticeAbout::ALL.iter().map(|about| NoticePreference { about: *about, mail }).collect()
        };
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let long =
            "A second factor was added: a key with the longest name that anybody may give it";
        vec![
            Self { rows: vec![], mailed: mailed(true), next: None, now, form: form.clone() },
            Self {
                rows: vec![row(long, None), row("A recovery code was used", Some(now))],
                mailed: mailed(false),
                next: Some("bmV4dA".into()),
                now,
                form,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let unread = self.rows.iter().any(|row| row.read_at.is_none());
        let read = unread.then(|| {
            html! {
                form method="post" action="/account/notices/read" {
                    (self.form.hidden("read"))
                    button class="button" { "Mark all as read" }
                }
            }
        });
        html! {
            (page_head("Notices", "What happened to your account and your work. The same goes to your mail, as far as you want it.", read))
            @if self.rows.is_empty() {
                (empty("bell", "Nothing happened yet", "Here you are told when a factor is added or removed, or somebody asks to get into your account.", None))
            }
            div class="stack" {
                @for row in &self.rows {
                    article class="card flow" {
                        h2 { (row.title) " " @if row.read_at.is_none() { (badge("info", "new")) } }
                        p { (row.body) }
                        p class="muted small" { (ago(row.created_at, self.now)) " · " a href=(row.href) { "Open" } }
                    }
                }
            }
            (next_page("/account/notices", &[], self.next.as_deref()))
            section class="section card flow" { h2 { "Mail" } (self.mail()) }
        }
    }
}

impl NoticesView {
    fn mail(&self) -> Markup {
        html! {
            p class="muted" { "Notices about the safety of your account are always mailed." }
            @for one in &self.mailed {
                form method="post" action="/account/notices/preferences" class="between" {
                    (self.form.hidden(&format!("mail-{}", one.about)))
                    input type="hidden" name="about" value=(one.about);
                    input type="hidden" name="mail" value=(!one.mail);
                    p {
                        strong { (title(one.about)) } " "
                        (badge(if one.mail { "good" } else { "" }, if one.mail { "mailed" } else { "inbox only" }))
                    }
                    button class="button" aria-label={ @if one.mail { "Do not mail: " } @else { "Mail: " } (title(one.about)) } { @if one.mail { "Do not mail" } @else { "Mail" } }
                }
            }
        }
    }
}

fn title(about: NoticeAbout) -> &'static str {
    match about {
        NoticeAbout::People => "People: who accepted an invitation",
        NoticeAbout::Work => "Work: what failed, or ended without you",
    }
}

async fn notices_page(who: Myself<List>, app: App, (): ()) -> Result<Page> {
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let mut tx = app.db.read().await?;
    let page = list(&mut tx, &who, &paging).await?;
    let form = Caller::form(who.caller(), &app);
    let mailed = preferences::of(&mut tx, who.caller().user_id()).await?;
    let (rows, next, now) = (page.items, page.next_cursor, tx.now());
    let view = NoticesView { rows, mailed, next, now, form };
    Ok(Page::new("Notices", view.draw()))
}

async fn read_form(who: Myself<ReadAll>, app: App, _: Form) -> Result<Go> {
    read_all(&app, &who).await?;
    Ok(Go::to("/account/notices").saying("All read."))
}
