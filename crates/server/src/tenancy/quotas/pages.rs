//! The pages of quotas: an organization's, and the platform's.

use super::{
    http::views,
    set::{self, List, PlatformList, PlatformRemove, PlatformSet, Remove, Set},
    store,
};
use crate::tenancy::{
    Action, Allowed, InOrg, Operator, OperatorAction, authority, store as places,
};
use api::{
    OrgId, ProjectId, QuotaId, Time,
    quotas::{Dimension, PlatformQuotaSet, QuotaSet, QuotaView},
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, empty, html, icon, num, page_head,
        select, table,
    },
    http::{Fields, Form, Go, Route},
};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/access/organizations/{org_id}/quotas", quotas_page),
        Route::post("/access/organizations/{org_id}/quotas", set_form),
        Route::post("/access/organizations/{org_id}/quotas/{quota_id}/remove", remove_form),
        Route::get("/platform/quotas", platform_page),
        Route::post("/platform/quotas", platform_form),
        Route::post("/platform/quotas/{quota_id}/remove", platform_remove_form),
    ]
}

fn dimensions() -> Vec<(String, String)> {
    let words = |one: &Dimension| one.as_str().replace('_', " ");
    Dimension::ALL.iter().map(|one| (one.to_string(), words(one))).collect()
}

fn sample(used: i64, by_platform: bool) -> QuotaView {
    let nil = uuid::Uuid::nil();
    QuotaView {
        id: QuotaId(nil),
        org_id: OrgId(nil),
        department_id: None,
        project_id: None,
        user_id: None,
        place: "project a project with the longest name anybody may give it here".into(),
        dimension: Dimension::Gpus,
        ceiling: 8,
        used,
        by_platform,
        set_at: Time(1_795_000_000_000_000),
    }
}

/// What is held of a ceiling, as a cell.
fn used(row: &QuotaView) -> Markup {
    let words = format!("{} of {}", row.used, row.ceiling);
    badge(if row.used >= row.ceiling { "warn" } else { "" }, &words)
}

/// An organization's quotas.
#[derive(Debug, Clone)]
pub struct QuotasView {
    /// The organization.
    pub id: OrgId,
    /// Its name.
    pub name: String,
    /// Its quotas.
    pub rows: Vec<QuotaView>,
    /// What one can be set on: value and words.
    pub places: Vec<(String, String)>,
    /// Whether one may set and remove them.
    pub manages: bool,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl QuotasView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let none = Self {
            id: OrgId(uuid::Uuid::nil()),
            name: "Analytical Engines".into(),
            rows: vec![],
            places: vec![(String::new(), "the organization".into())],
            manages: true,
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let rows = vec![sample(3, false), sample(8, false), sample(9, true)];
        let refused = Entered::fresh()
            .with("ceiling", "-1")
            .refused(&Error::field("ceiling", "Enter a whole number from 0 to 1000000000."));
        vec![
            none.clone(),
            Self { rows: rows.clone(), ..none.clone() },
            Self { rows, manages: false, ..none.clone() },
            Self { entered: refused, ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let base = format!("/access/organizations/{}", self.id);
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| self.row(&base, row)).collect();
        let back = html! { a class="button" href=(base) { "Members" } };
        html! {
            (page_head("Quotas", &format!("The most that may be held at once in {}. Every quota that reaches a place counts: a lower one narrows, none widens.", self.name), Some(back)))
            @if rows.is_empty() {
                (empty("layers", "No quota is set", "Money and free hardware are the only limits. Set a quota where somebody or something should not take more than its share.", None))
            } @else {
                (table("Quotas", &[col("On"), col("Of"), num("Held"), col("Set by"), col("")], &rows))
            }
            @if self.manages {
                section class="section card flow" { h2 { "Set a quota" }
                    (self.entered.banner())
                    form method="post" action={ (base) "/quotas" } class="inline-form" {
                        (self.form.hidden("set"))
                        (select("dimension", "Of", self.entered.value("dimension"), &dimensions()))
                        (select("place", "On", self.entered.value("place"), &self.places))
                        div class="field" {
                            label for="email" { "Or on a member" }
                            input id="email" name="email" type="email" maxlength="254" autocomplete="off" placeholder="empty: the choice before" value=(self.entered.value("email")) aria-invalid=[self.entered.fault("email").map(|_| "true")];
                            @if let Some(fault) = self.entered.fault("email") { p class="fault" { (icon("circle-alert")) (fault) } }
                        }
                        (Field::text("ceiling", "Most at once").kind("number", "off").draw(&self.entered))
                        button class="button primary" { (icon("check")) "Set" }
                    }
                }
            }
        }
    }

    fn row(&self, base: &str, row: &QuotaView) -> Vec<Markup> {
        let what = row.dimension.as_str().replace('_', " ");
        vec![
            html! { (row.place) },
            html! { (what) },
            used(row),
            html! { @if row.by_platform { "the platform" } @else { "the organization" } },
            html! { @if self.manages && !row.by_platform {
                form method="post" action={ (base) "/quotas/" (row.id) "/remove" } {
                    (self.form.hidden(&format!("remove-{}", row.id)))
                    button class="button" aria-label={ "Remove the quota of " (what) " on " (row.place) } { "Remove" }
                }
            } },
        ]
    }
}

async fn view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
) -> Result<Page> {
    let org = who.scope().org_id();
    let mut tx = app.db.read().await?;
    let row = places::find_organization(&mut tx, org).await?.ok_or_else(Error::not_found)?;
    let rows = store::list(&mut tx, org).await?;
    let places = authority::places_of(&mut tx, org, who.caller().user_id()).await?;
    let view = QuotasView {
        id: org,
        name: row.name,
        rows: views(app, &mut tx, rows).await?,
        places,
        manages: who.may("quota.set"),
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Quotas", view.draw()))
}

async fn quotas_page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

fn dimension(fields: &Fields) -> Result<Dimension> {
    let no_such = || Error::field("dimension", "Choose one from the list.");
    Dimension::parse(&fields.text("dimension")).ok_or_else(no_such)
}

fn read(fields: &Fields) -> Result<QuotaSet> {
    let place = fields.text("place");
    let email = fields.optional("email");
    let named = email.is_none();
    if !place.is_empty() && !place.starts_with("dept_") && !place.starts_with("proj_") {
        return Err(Error::field("place", "Choose one from the list."));
    }
    let wrong = |_| Error::field("place", "Choose one from the list.");
    let department = place.starts_with("dept_").then(|| place.parse().map_err(wrong));
    let project = place.starts_with("proj_").then(|| place.parse::<ProjectId>().map_err(wrong));
    Ok(QuotaSet {
        dimension: dimension(fields)?,
        ceiling: fields.number("ceiling")?,
        department_id: department.transpose()?.filter(|_| named),
        project_id: project.transpose()?.filter(|_| named),
        email,
    })
}

fn refused(fields: &Fields, error: &Error) -> Entered {
    ["dimension", "place", "email", "ceiling", "org_id"]
        .iter()
        .fold(Entered::fresh(), |entered, name| entered.with(name, fields.text(name)))
        .refused(error)
        .on_top()
}

async fn set_form(who: Allowed<Set>, app: App, Form(fields): Form) -> Result<Go> {
    let result = match read(&fields) {
        Ok(ask) => set::set(&app, &who, &ask).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(row) => {
            Ok(Go::to(format!("/access/organizations/{}/quotas", row.org_id)).saying("Set."))
        }
        Err(error) => {
            let page = view(&app, &who, refused(&fields, &error)).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn remove_form(who: Allowed<Remove>, app: App, _: Form) -> Result<Go> {
    set::remove(&app, &who).await?;
    Ok(Go::to(format!("/access/organizations/{}/quotas", who.row().org_id)).saying("Removed."))
}

/// The quotas the platform set.
#[derive(Debug, Clone)]
pub struct PlatformQuotasView {
    /// Them, with the organizations' names.
    pub rows: Vec<(QuotaView, String)>,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl PlatformQuotasView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let none = Self { rows: vec![], entered: Entered::fresh(), form };
        let rows = vec![(sample(2, true), "Analytical Engines".to_owned())];
        let refused = Entered::fresh()
            .with("org_id", "org_x")
            .refused(&Error::field("org_id", "There is no such organization."));
        vec![none.clone(), Self { rows, ..none.clone() }, Self { entered: refused, ..none }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let row = |(row, name): &(QuotaView, String)| {
            vec![
                html! { strong { (name) } " " code { (row.org_id) } },
                html! { (row.dimension.as_str().replace('_', " ")) },
                used(row),
                html! {
                    form method="post" action={ "/platform/quotas/" (row.id) "/remove" } {
                        (self.form.hidden(&format!("remove-{}", row.id)))
                        button class="button" aria-label={ "Remove the quota on " (name) } { "Remove" }
                    }
                },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(row).collect();
        html! {
            (page_head("Quotas", "Ceilings on whole organizations, set here. They see them and cannot change them; theirs narrow further.", None))
            @if rows.is_empty() {
                (empty("layers", "No quota is set", "Every organization takes what it can pay for and what is free.", None))
            } @else {
                (table("Quotas", &[col("Organization"), col("Of"), num("Held"), col("")], &rows))
            }
            section class="section card flow" { h2 { "Set a quota" }
                (self.entered.banner())
                form method="post" action="/platform/quotas" class="inline-form" {
                    (self.form.hidden("set"))
                    (Field::text("org_id", "Organization").hint("Its identifier, as the audit record names it").draw(&self.entered))
                    (select("dimension", "Of", self.entered.value("dimension"), &dimensions()))
                    (Field::text("ceiling", "Most at once").kind("number", "off").draw(&self.entered))
                    button class="button primary" { (icon("check")) "Set" }
                }
            }
        }
    }
}

async fn platform_view<A: OperatorAction>(
    app: &App,
    who: &Operator<A>,
    entered: Entered,
) -> Result<Page> {
    let mut tx = app.db.read().await?;
    let rows = store::list_platform(&mut tx).await?;
    let mut named = Vec::new();
    for row in views(app, &mut tx, rows).await? {
        let org = places::find_organization(&mut tx, row.org_id).await?;
        named.push((row, org.map(|org| org.name).unwrap_or_default()));
    }
    let view = PlatformQuotasView { rows: named, entered, form: who.form(app) };
    Ok(Page::new("Quotas", view.draw()).frozen(who.frozen("platform_quota.set")))
}

async fn platform_page(who: Operator<PlatformList>, app: App, (): ()) -> Result<Page> {
    platform_view(&app, &who, Entered::fresh()).await
}

async fn platform_form(who: Operator<PlatformSet>, app: App, Form(fields): Form) -> Result<Go> {
    let ask = || -> Result<PlatformQuotaSet> {
        Ok(PlatformQuotaSet {
            org_id: fields.id("org_id")?,
            dimension: dimension(&fields)?,
            ceiling: fields.number("ceiling")?,
        })
    };
    let result = match ask() {
        Ok(ask) => set::set_for_platform(&app, &who, &ask).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(_) => Ok(Go::to("/platform/quotas").saying("Set.")),
        Err(error) => {
            let page = platform_view(&app, &who, refused(&fields, &error)).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn platform_remove_form(who: Operator<PlatformRemove>, app: App, _: Form) -> Result<Go> {
    set::remove_for_platform(&app, &who).await?;
    Ok(Go::to("/platform/quotas").saying("Removed."))
}
