//! The page of budgets.

use super::{
    http::views,
    set::{self, List, Remove, Set},
};
use crate::{
    billing::pages::billing_tabs,
    tenancy::{self, Action, Allowed, InOrg, find_organization},
};
use api::{
    BudgetId, Currency, Micros, Money, OrgId, ProjectId, Time,
    budgets::{BudgetSet, BudgetView, Period},
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
        Route::get("/account/billing/budgets", page),
        Route::post("/account/billing/budgets", set_form),
        Route::post("/account/billing/budgets/{budget_id}/remove", remove_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct BudgetsView {
    /// The organization's name.
    pub org: String,
    /// Its budgets.
    pub rows: Vec<BudgetView>,
    /// Of what one can be set: value and words.
    pub places: Vec<(String, String)>,
    /// Whether one may set and remove them.
    pub manages: bool,
    /// What was entered.
    pub entered: Entered,
    /// For forms.
    pub form: FormCtx,
}

impl BudgetsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let nil = uuid::Uuid::nil();
        let eur = |units: i64| Money::new(Micros(units * 1_000_000), Currency::EUR);
        let row = |spent, hard, period| BudgetView {
            id: BudgetId(nil),
            org_id: OrgId(nil),
            department_id: None,
            project_id: Some(ProjectId(nil)),
            user_id: None,
            place: "project a project with the longest name anybody may give it here".into(),
            period,
            amount: eur(100),
            hard,
            stop: spent > 100,
            spent: eur(spent),
            reserved: eur(5),
            set_at: Time(1_795_000_000_000_000),
        };
        let none = Self {
            org: "Ada".into(),
            rows: vec![],
            places: vec![(String::new(), "the organization".into())],
            manages: true,
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let rows = vec![
            row(12, false, Period::Month),
            row(85, true, Period::Month),
            row(120, true, Period::Total),
        ];
        let wrong = Error::field("amount", "Enter an amount such as 50 or 12.50.");
        vec![
            none.clone(),
            Self { rows: rows.clone(), ..none.clone() },
            Self { rows, manages: false, ..none.clone() },
            Self { entered: Entered::fresh().with("amount", "x").refused(&wrong), ..none },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(|row| self.row(row)).collect();
        let cols =
            [col("Of"), col("In"), num("Spent"), num("At most"), col("Used"), col("Does"), col("")];
        html! {
            (page_head("Billing", &format!("How much {} means to spend, and where.", self.org), None))
            (billing_tabs("budgets"))
            @if rows.is_empty() {
                (empty("gauge", "No budget is set", "The balance is the only limit. A budget warns at 50, 80 and 100 %, and stops launches if it is to.", None))
            } @else { (table("Budgets", &cols, &rows)) }
            @if self.manages { section class="section card flow" { h2 { "Set a budget" } (self.set()) } }
        }
    }

    fn row(&self, row: &BudgetView) -> Vec<Markup> {
        let percent = i128::from(row.spent.micros.0) * 100 / i128::from(row.amount.micros.0.max(1));
        let tone = match percent {
            100.. => "bad",
            80.. => "warn",
            _ => "good",
        };
        vec![
            html! { (row.place) },
            html! { @match row.period { Period::Month => "a month", Period::Total => "all" } },
            html! { (row.spent.exact()) },
            html! { (row.amount.exact()) },
            html! { (badge(tone, &format!("{percent} %"))) },
            html! { @if row.stop { "releases what runs" } @else if row.hard { "stops launches" } @else { "warns" } },
            html! { @if self.manages {
                form method="post" action={ "/account/billing/budgets/" (row.id) "/remove" } {
                    (self.form.hidden(&format!("remove-{}-{}", row.id, row.period)))
                    button class="button" aria-label={ "Remove the budget of " (row.place) } { "Remove" }
                }
            } },
        ]
    }

    fn set(&self) -> Markup {
        let periods = vec![
            ("month".to_owned(), "a month".to_owned()),
            ("total".to_owned(), "all time".to_owned()),
        ];
        let does = vec![
            ("soft".to_owned(), "warns".to_owned()),
            ("hard".to_owned(), "warns and stops launches".to_owned()),
            ("stop".to_owned(), "warns, stops launches and releases what runs".to_owned()),
        ];
        html! {
            (self.entered.banner())
            form method="post" action="/account/billing/budgets" class="inline-form" {
                (self.form.hidden("set"))
                (select("place", "Of", self.entered.value("place"), &self.places))
                div class="field" {
                    label for="email" { "Or of a member" }
                    input id="email" name="email" type="email" maxlength="254" autocomplete="off" placeholder="empty: the choice before" value=(self.entered.value("email")) aria-invalid=[self.entered.fault("email").map(|_| "true")];
                    @if let Some(fault) = self.entered.fault("email") { p class="fault" { (icon("circle-alert")) (fault) } }
                }
                (Field { max: 20, ..Field::text("amount", "At most") }.draw(&self.entered))
                (select("period", "In", self.entered.value("period"), &periods))
                (select("does", "It", self.entered.value("does"), &does))
                button class="button primary" { (icon("check")) "Set" }
            }
        }
    }
}

async fn view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    entered: Entered,
) -> Result<Page> {
    let id = who.scope().org_id();
    let mut tx = app.db.read().await?;
    let org = find_organization(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let view = BudgetsView {
        org: org.name,
        rows: views(&mut tx, id).await?,
        places: tenancy::places_of(&mut tx, id, who.caller().user_id()).await?,
        manages: who.may("budget.set"),
        entered,
        form: who.form(app),
    };
    Ok(Page::new("Budgets", view.draw()))
}

async fn page(who: Allowed<List>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

fn read(fields: &Fields, currency: Currency) -> Result<BudgetSet> {
    let email = fields.optional("email");
    let place = if email.is_some() { String::new() } else { fields.text("place") };
    let wrong = || Error::field("place", "Choose one from the list.");
    if !place.is_empty() && !place.starts_with("dept_") && !place.starts_with("proj_") {
        return Err(wrong());
    }
    let department = place.starts_with("dept_").then(|| place.parse().map_err(|_| wrong()));
    let project = place.starts_with("proj_").then(|| place.parse().map_err(|_| wrong()));
    let micros = Micros::typed(&fields.text("amount"))
        .ok_or_else(|| Error::field("amount", "Enter an amount such as 50 or 12.50."))?;
    Ok(BudgetSet {
        amount: Money::new(micros, currency),
        period: Period::parse(&fields.text("period"))
            .ok_or_else(|| Error::field("period", "Choose one from the list."))?,
        hard: matches!(fields.text("does").as_str(), "hard" | "stop"),
        stop: fields.text("does") == "stop",
        department_id: department.transpose()?,
        project_id: project.transpose()?,
        email,
    })
}

async fn set_form(who: Allowed<Set>, app: App, Form(fields): Form) -> Result<Go> {
    let org = find_organization(&mut *app.db.read().await?, who.scope().org_id()).await?;
    let currency = org.ok_or_else(Error::not_found)?.currency;
    let result = match read(&fields, currency) {
        Ok(ask) => set::set(&app, &who, &ask).await,
        Err(error) => Err(error),
    };
    match result {
        Ok(_) => Ok(Go::to("/account/billing/budgets").saying("Set.")),
        Err(error) => {
            let entered = ["place", "email", "amount", "period", "does"]
                .iter()
                .fold(Entered::fresh(), |entered, name| entered.with(name, fields.text(name)))
                .refused(&error)
                .on_top();
            let page = view(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}

async fn remove_form(who: Allowed<Remove>, app: App, _: Form) -> Result<Go> {
    set::remove(&app, &who).await?;
    Ok(Go::to("/account/billing/budgets").saying("Removed."))
}
