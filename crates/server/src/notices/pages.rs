//! The page of one's notices.

use super::http::{List, ReadAll, list, read_all};
use crate::identity::{Caller, Myself};
use api::{NoticeId, Time, notices::NoticeView};
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
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let long =
            "A second factor was added: a key with the longest name that anybody may give it";
        vec![
            Self { rows: vec![], next: None, now, form: form.clone() },
            Self {
                rows: vec![row(long, None), row("A recovery code was used", Some(now))],
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
            (page_head("Notices", "What happened to your account. The same goes to your mail; notices about its safety cannot be switched off.", read))
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
        }
    }
}

async fn notices_page(who: Myself<List>, app: App, (): ()) -> Result<Page> {
    let paging = Paging { cursor: who.head().query("cursor"), limit: None };
    let mut tx = app.db.read().await?;
    let page = list(&mut tx, &who, &paging).await?;
    let form = Caller::form(who.caller(), &app);
    let view = NoticesView { rows: page.items, next: page.next_cursor, now: tx.now(), form };
    Ok(Page::new("Notices", view.draw()))
}

async fn read_form(who: Myself<ReadAll>, app: App, _: Form) -> Result<Go> {
    read_all(&app, &who).await?;
    Ok(Go::to("/account/notices").saying("All read."))
}
