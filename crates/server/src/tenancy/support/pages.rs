//! The pages of looking into organizations: the platform's, and the organization's own.

use super::{
    access::{self, Close, End, List, Open, PlatformList},
    store,
};
use crate::tenancy::{Allowed, Operator, OperatorAction, store as places};
use api::{
    OrgId, SupportId, Time, UserId,
    staff::{SupportOpen, SupportView},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, empty, html, icon, moment, page_head,
        select, table,
    },
    http::{Fields, Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/platform/support", page),
        Route::post("/platform/support", open_form),
        Route::post("/platform/support/{support_id}/end", close_form),
        Route::get("/access/organizations/{org_id}/support", org_page),
        Route::post("/access/organizations/{org_id}/support/{support_id}/end", end_form),
    ]
}

/// Looks into organizations, for the platform's people.
#[derive(Debug, Clone)]
pub struct SupportPageView {
    /// Them, newest first.
    pub rows: Vec<SupportView>,
    /// Whose page it is.
    pub me: UserId,
    /// Whether they may end those of others.
    pub ends_all: bool,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

fn sample(lasts: bool) -> SupportView {
    let nil = uuid::Uuid::nil();
    let at = Time(1_795_000_000_000_000);
    SupportView {
        id: SupportId(nil),
        org_id: OrgId(nil),
        org_name: "Analytical Engines".into(),
        user_id: UserId(nil),
        display_name: "Grace Hopper".into(),
        reason: "Ticket 4711: the launch of Monday failed and nobody saw why".into(),
        opened_at: at,
        ends_at: Time(at.0 + 3_600_000_000),
        ended_at: (!lasts).then_some(at),
        lasts,
    }
}

fn state(row: &SupportView) -> Markup {
    match (row.lasts, row.ended_at) {
        (true, _) => badge("warn", "lasts"),
        (false, Some(_)) => badge("", "ended"),
        (false, None) => badge("", "over"),
    }
}

fn spans() -> Vec<(String, String)> {
    [(15, "15 minutes"), (60, "an hour"), (240, "four hours")]
        .iter()
        .map(|(minutes, words)| (minutes.to_string(), (*words).to_owned()))
        .collect()
}

impl SupportPageView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let me = UserId(uuid::Uuid::nil());
        let none = Self { rows: vec![], me, ends_all: true, entered: Entered::fresh(), form };
        let refused = Entered::fresh()
            .with("org", "nobody")
            .refused(&Error::field("org", "There is no such organization."));
        vec![
            none.clone(),
            Self { rows: vec![sample(true), sample(false)], ..none.clone() },
            Self { entered: refused, ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| self.row(row)).collect();
        let heads = [
            col("Organization"),
            col("Who"),
            col("Why"),
            col("Since"),
            col("Until"),
            col("State"),
            col(""),
        ];
        html! {
            (page_head("Support access", "Look into an organization for a while. You see what its viewers and reviewers see and change nothing; its owners are told who looks and why, and everything you look at stands in its audit record.", None))
            section class="section card flow" { h2 { "Look into an organization" }
                p class="muted" { "Name it by its identifier or its name in addresses. It reads why." }
                (self.entered.banner())
                form method="post" action="/platform/support" class="inline-form" {
                    (self.form.hidden("open"))
                    (Field::text("org", "Organization").draw(&self.entered))
                    (Field { max: 500, ..Field::text("reason", "Why") }.draw(&self.entered))
                    (select("minutes", "For", self.entered.value("minutes"), &spans()))
                    button class="button primary" { (icon("check")) "Look" }
                }
            }
            section class="section" { h2 { "Looks of the last 90 days" }
                @if rows.is_empty() {
                    (empty("monitor", "Nobody looked into an organization", "Who does stands here, and with the organization itself.", None))
                } @else { (table("Looks", &heads, &rows)) }
            }
        }
    }

    fn row(&self, row: &SupportView) -> Vec<Markup> {
        vec![
            html! { @if row.lasts && row.user_id == self.me {
                a href={ "/access/organizations/" (row.org_id) } { (row.org_name) }
            } @else { (row.org_name) } },
            html! { (row.display_name) },
            html! { (row.reason) },
            moment(row.opened_at),
            moment(row.ended_at.unwrap_or(row.ends_at)),
            state(row),
            html! { @if row.lasts && (self.ends_all || row.user_id == self.me) {
                form method="post" action={ "/platform/support/" (row.id) "/end" } {
                    (self.form.hidden(&format!("end-{}", row.id)))
                    button class="button" aria-label={ "End the look into " (row.org_name) } { "End" }
                }
            } },
        ]
    }
}

async fn view<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let rows = access::newest(&mut tx).await?;
    let user = who.caller().user();
    let (me, ends_all) = (user.id, user.operator());
    let view = SupportPageView { rows, me, ends_all, entered, form: who.form(app) };
    Ok(Page::new("Support access", view.draw()).frozen(who.frozen("support.open")))
}

async fn page(who: Operator<PlatformList>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn read(app: &App, fields: &Fields) -> Result<SupportOpen> {
    let named = fields.text("org");
    let org_id = match named.parse() {
        Ok(id) => id,
        Err(_) => {
            let found = places::organization_by_slug(&mut *app.db.read().await?, &named).await?;
            found.ok_or_else(|| Error::field("org", "There is no such organization."))?.id
        }
    };
    let minutes = fields.text("minutes").parse();
    let minutes = minutes.map_err(|_| Error::field("minutes", "Choose one from the list."))?;
    Ok(SupportOpen { org_id, reason: fields.text("reason"), minutes })
}

async fn open_form(who: Operator<Open>, app: App, Form(fields): Form) -> Result<Go> {
    let result = match read(&app, &fields).await {
        Ok(ask) => access::open(&app, &who, &ask).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(row) => Ok(Go::to(format!("/access/organizations/{}", row.org_id))
            .saying("You look into this organization. Its owners were told.")),
        Err(error) => {
            let entered = ["org", "reason", "minutes"]
                .iter()
                .fold(Entered::fresh(), |entered, name| entered.with(name, fields.text(name)))
                .refused(&error)
                .on_top();
            let page = view(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn close_form(who: Operator<Close>, app: App, _: Form) -> Result<Go> {
    access::close(&app, &who).await?;
    Ok(Go::to("/platform/support").saying("Ended."))
}

/// Who of the platform looked into an organization, for the organization.
#[derive(Debug, Clone)]
pub struct OrgSupportView {
    /// The organization.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// The looks, newest first.
    pub rows: Vec<SupportView>,
    /// Whether one may end them.
    pub ends: bool,
    /// For forms.
    pub form: FormCtx,
}

impl OrgSupportView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let none = Self {
            id: OrgId(uuid::Uuid::nil()),
            name: "Analytical Engines".into(),
            rows: vec![],
            ends: true,
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let rows = vec![sample(true), sample(false)];
        vec![
            none.clone(),
            Self { rows: rows.clone(), ..none.clone() },
            Self { rows, ends: false, ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let base = format!("/access/organizations/{}", self.id);
        let back = html! { a class="button" href=(base) { "Members" } };
        let heads = [col("Who"), col("Why"), col("Since"), col("Until"), col("State"), col("")];
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| self.row(&base, row)).collect();
        html! {
            (page_head("Support access", &format!("Who of the platform looked into {}, and why. They see what a viewer sees, change nothing, and reach no terminal. What they looked at stands in your audit record.", self.name), Some(back)))
            @if rows.is_empty() {
                (empty("monitor", "Nobody of the platform looked in", "When somebody does, owners are told at once, and you can end it here.", None))
            } @else { (table("Looks", &heads, &rows)) }
        }
    }

    fn row(&self, base: &str, row: &SupportView) -> Vec<Markup> {
        vec![
            html! { strong { (row.display_name) } },
            html! { (row.reason) },
            moment(row.opened_at),
            moment(row.ended_at.unwrap_or(row.ends_at)),
            state(row),
            html! { @if self.ends && row.lasts {
                form method="post" action={ (base) "/support/" (row.id) "/end" } {
                    (self.form.hidden(&format!("end-{}", row.id)))
                    button class="button danger-button" aria-label={ "End the look of " (row.display_name) } { "End" }
                }
            } },
        ]
    }
}

async fn org_page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    let org = who.row();
    let mut tx = app.db.read().await?;
    let rows = store::of_org(&mut tx, org.id).await?;
    let rows = access::views(&mut tx, rows).await?;
    let (id, name, ends) = (org.id, org.name.clone(), who.may("support_access.end"));
    let view = OrgSupportView { id, name, rows, ends, form: who.form(&app) };
    Ok(Page::new("Support access", view.draw()))
}

async fn end_form(who: Allowed<End>, app: App, _: Form) -> Result<Go> {
    access::end(&app, &who).await?;
    Ok(Go::to(format!("/access/organizations/{}/support", who.row().org_id)).saying("Ended."))
}
