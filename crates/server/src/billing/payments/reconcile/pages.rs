//! The pages of reconciliation.

use super::{
    CloseCase, cases,
    http::{CasesQuery, listed, one, stand},
};
use crate::{
    billing::{
        payments::{desk, desk::desk_tabs},
        spend::Month,
    },
    tenancy::{Operator, OperatorAction},
};
use api::{
    CaseId, Currency, Micros, Money, OrgId, PaymentId, Time,
    payments::Provider,
    reconciliation::{CaseClose, CaseKind, CaseView, ProcessorDay, Reconciliation},
};
use kernel::{
    App, Result,
    html::{
        Entered, Field, FormCtx, Markup, Page, badge, col, empty, facts, html, icon, id_copy,
        moment, next_page, num, page_head, simulated_badge, stat, table,
    },
    http::{Form, Go, Query, Route},
};
use serde::Deserialize;

const PATH: &str = "/platform/finance/reconciliation";

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get(PATH, page),
        Route::get("/platform/finance/cases/{case_id}", case_page),
        Route::post("/platform/finance/cases/{case_id}/close", close_form),
    ]
}

/// The page.
#[derive(Debug, Clone)]
pub struct ReconciliationView {
    /// How it stands.
    pub stand: Reconciliation,
    /// Cases, newest first.
    pub cases: Vec<CaseView>,
    /// Whether they are closed ones.
    pub closed: bool,
    /// The next page of them.
    pub next: Option<String>,
    /// Whether the month goes on.
    pub goes_on: bool,
}

fn eur(units: i64) -> Money {
    Money::new(Micros(units * 1_000_000), Currency::EUR)
}

fn sample_case(kind: CaseKind) -> CaseView {
    let nil = uuid::Uuid::nil();
    let amount = !matches!(kind, CaseKind::Word | CaseKind::Movement);
    CaseView {
        id: CaseId(nil),
        kind,
        provider: Provider::Simulator,
        object: "pi_3PqYxkLkdIwHu7ix0example0object0name".into(),
        org_id: amount.then_some(OrgId(nil)),
        org: amount.then(|| "An organization with the longest name that fits on a page".into()),
        payment_id: amount.then_some(PaymentId(nil)),
        theirs: amount.then(|| eur(50)),
        ours: amount.then(|| eur(0)),
        note: "The processor shows it, the books do not.".into(),
        next: "Look at the payment at the processor.".into(),
        simulated: amount,
        opened_at: Time(1_795_000_000_000_000),
        changed_at: Time(1_795_000_000_000_000),
        closed_at: None,
        closed_by: None,
        reason: String::new(),
    }
}

impl ReconciliationView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let at = Some(Time(1_795_000_000_000_000));
        let none = Reconciliation {
            provider: None,
            simulated: false,
            since: None,
            read_until: None,
            compared_until: None,
            ran_at: None,
            fault: None,
            open: 0,
            more: vec![],
            less: vec![],
            month: "2026-11".into(),
            days: vec![],
        };
        let day = |n: i64| ProcessorDay {
            day: format!("2026-11-{n:02}"),
            charged: eur(500 * n),
            refunded: eur(-20),
            disputed: eur(0),
            fees: eur(-3),
            paid_out: eur(-400 * n),
            other: eur(0),
            movements: n,
        };
        let even = Reconciliation {
            provider: Some(Provider::Simulator),
            simulated: true,
            since: at,
            read_until: at,
            compared_until: at,
            ran_at: at,
            days: (1..9).map(day).collect(),
            ..none.clone()
        };
        let odd = Reconciliation {
            fault: Some("answered 503".into()),
            open: 5,
            more: vec![eur(150)],
            less: vec![eur(20)],
            ..even.clone()
        };
        let waits = Reconciliation { provider: Some(Provider::Simulator), ..none.clone() };
        let view = |stand, cases, closed| Self { stand, cases, closed, next: None, goes_on: true };
        let all: Vec<CaseView> = CaseKind::ALL.iter().map(|kind| sample_case(*kind)).collect();
        let closed = CaseView {
            closed_at: at,
            reason: "Refunded there".into(),
            ..sample_case(CaseKind::Charge)
        };
        vec![
            view(none, vec![], false),
            view(waits, vec![], false),
            view(even.clone(), vec![], false),
            Self { next: Some("bmV4dA".into()), goes_on: false, ..view(odd, all, false) },
            view(even, vec![closed], true),
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Reconciliation", "The processor's own account, line by line, against the books: no difference, or an open case.", None))
            (desk_tabs("reconciliation"))
            @if self.stand.provider.is_none() {
                (empty("receipt", "No payments are taken here", "Once a processor is set up, its account is read and compared with the books.", None))
            } @else if self.stand.ran_at.is_none() {
                (empty("receipt", "Nothing to compare yet", "The first payment starts it. The account is read every quarter of an hour.", None))
            } @else {
                (self.figures())
            }
            section class="section" { h2 { @if self.closed { "Closed cases" } @else { "Open cases" } } (self.cases()) }
            @if self.stand.ran_at.is_some() {
                section class="section" { h2 { "The account by day" } (self.months()) (self.days()) }
            }
        }
    }

    fn figures(&self) -> Markup {
        let stand = &self.stand;
        html! {
            @if let Some(fault) = &stand.fault {
                div class="banner warn" role="status" { (icon("triangle-alert")) span { "The account could not be read the last time: " (fault) ". It is asked again every quarter of an hour." } }
            }
            div class="stats" {
                @for sum in &stand.more { (stat("More there", &sum.to_string(), "at the processor than in the books")) }
                @for sum in &stand.less { (stat("Less there", &sum.to_string(), "at the processor than in the books")) }
                @if stand.agrees() { (stat("Difference", "none", "the processor and the books agree")) }
                (stat("Open cases", &stand.open.to_string(), "until both agree, or a person closes them"))
            }
            p class="muted small" {
                @if stand.simulated { (simulated_badge()) " " }
                @if let Some(at) = stand.compared_until { "Compared until " (moment(at)) }
                @if let Some(at) = stand.since { ", since " (moment(at)) }
                ". What moved in the last hour is still on its way."
            }
        }
    }

    fn cases(&self) -> Markup {
        let row = |one: &CaseView| {
            let link = format!("/platform/finance/cases/{}", one.id);
            let sum =
                |sum: Option<Money>| html! { @if let Some(sum) = sum { (sum) } @else { "–" } };
            vec![
                html! { a href=(link) { (moment(one.opened_at)) } },
                html! { (badge(if self.closed { "" } else { "warn" }, one.kind.as_str())) " " (one.note) },
                html! { @if let Some(org) = &one.org { (org) } @else { "–" } },
                sum(one.theirs),
                sum(one.ours),
            ]
        };
        let cols = [col("Since"), col("What"), col("Organization"), num("Processor"), num("Books")];
        let rows: Vec<Vec<Markup>> = self.cases.iter().map(row).collect();
        let mut kept = vec![("month", self.stand.month.as_str())];
        if self.closed {
            kept.push(("state", "closed"));
        }
        html! {
            @if rows.is_empty() {
                @if self.closed { (empty("check", "None was closed", "Cases that came right or were closed stand here with the reason.", None)) }
                @else { (empty("check", "No case is open", "Where the processor and the books differ, it stands here.", None)) }
            } @else { (table("Cases", &cols, &rows)) }
            (next_page(PATH, &kept, self.next.as_deref()))
            p class="section links" {
                @if self.closed { a class="button" href=(PATH) { "Open cases" } }
                @else { a class="button" href={ (PATH) "?state=closed" } { "Closed cases" } }
            }
        }
    }

    fn months(&self) -> Markup {
        let Some(month) = Month::parse(&self.stand.month) else { return html! {} };
        let state = if self.closed { "&state=closed" } else { "" };
        let link = |month: Month| format!("?month={}{state}", month.plain());
        html! {
            p class="links" {
                a class="button" href=(link(month.before())) { "‹ " (month.before().plain()) }
                span class="button here" aria-current="date" { (self.stand.month) }
                @if !self.goes_on { a class="button" href=(link(month.after())) { (month.after().plain()) " ›" } }
            }
        }
    }

    fn days(&self) -> Markup {
        if self.stand.days.is_empty() {
            return empty(
                "gauge",
                "Nothing moved",
                "Days on which the account moved stand here.",
                None,
            );
        }
        let row = |one: &ProcessorDay| {
            let sums = [one.charged, one.refunded, one.disputed, one.fees, one.paid_out, one.other];
            let mut cells = vec![html! { (one.day) }];
            cells.extend(sums.map(|sum| html! { (sum) }));
            cells.push(html! { (one.movements) });
            cells
        };
        let rows: Vec<Vec<Markup>> = self.stand.days.iter().map(row).collect();
        let cols = [
            col("Day"),
            num("Charged"),
            num("Refunded"),
            num("Disputed"),
            num("Fees"),
            num("To the bank"),
            num("Other"),
            num("Lines"),
        ];
        table("The account by day", &cols, &rows)
    }
}

async fn page(who: Operator<desk::Read>, app: App, Query(query): Query<PageQuery>) -> Result<Page> {
    let _ = who;
    let cases = CasesQuery { state: query.state, cursor: query.cursor, limit: None };
    let closed = cases.state.as_deref() == Some("closed");
    let found = listed(&app, &cases).await?;
    let stand = stand(&app, query.month.as_deref()).await?;
    let view = ReconciliationView {
        goes_on: stand.month >= Month::of(app.seams.clock.now()).plain(),
        stand,
        cases: found.items,
        closed,
        next: found.next_cursor,
    };
    Ok(Page::new("Reconciliation", view.draw()))
}

/// What the page is asked for.
#[derive(Debug, Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PageQuery {
    #[serde(default)]
    month: Option<String>,
    #[serde(default)]
    state: Option<String>,
    #[serde(default)]
    cursor: Option<String>,
}

/// The page of a case.
#[derive(Debug, Clone)]
pub struct CaseDeskView {
    /// The case.
    pub case: CaseView,
    /// What was entered.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

impl CaseDeskView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let form = FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) };
        let view = |case| Self { case, entered: Entered::fresh(), form: form.clone() };
        let closed = CaseView {
            closed_at: Some(Time(1_795_000_000_000_000)),
            reason: "It came right by itself.".into(),
            ..sample_case(CaseKind::Refund)
        };
        let mut all: Vec<Self> =
            CaseKind::ALL.iter().map(|kind| view(sample_case(*kind))).collect();
        all.push(view(closed));
        all
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let case = &self.case;
        let back = html! { a class="button" href=(PATH) { "Reconciliation" } };
        html! {
            (page_head("Case", &case.note, Some(back)))
            section class="card flow" { (self.facts()) p { (case.next) } }
            @if case.closed_at.is_none() {
                section class="section card flow" {
                    h2 { "Close" }
                    p class="muted" { "Nothing is booked by closing." @if case.theirs.is_some() { " It opens again when its sums change." } }
                    (self.entered.banner())
                    form method="post" action={ "/platform/finance/cases/" (case.id) "/close" } class="flow" {
                        (self.form.hidden("close"))
                        input type="hidden" name="changed_at" value=(case.changed_at.0);
                        (Field { max: 300, ..Field::text("reason", "What was found and done").hint("Stands in the audit record") }.draw(&self.entered))
                        button class="button primary" { (icon("check")) "Close the case" }
                    }
                }
            }
        }
    }

    fn facts(&self) -> Markup {
        let case = &self.case;
        let mut rows = vec![
            (
                "About",
                html! { (badge("", case.kind.as_str())) " " (case.provider) @if case.simulated { " " (simulated_badge()) } },
            ),
            ("At the processor", id_copy(&case.object)),
            ("Since", moment(case.opened_at)),
        ];
        if let (Some(org), Some(id)) = (&case.org, case.org_id) {
            rows.push(("Organization", html! { (org) " " (id_copy(&id.to_string())) }));
        }
        if let Some(id) = case.payment_id {
            let link = format!("/platform/finance/payments/{id}");
            rows.push(("Payment", html! { a href=(link) { "The payment here" } }));
        }
        if let (Some(theirs), Some(ours)) = (case.theirs, case.ours) {
            rows.push(("The processor shows", html! { (theirs) }));
            rows.push(("The books show", html! { (ours) }));
        }
        if let Some(at) = case.closed_at {
            rows.push(("Closed", html! { (moment(at)) " " (case.reason) }));
        }
        facts(&rows)
    }
}

async fn view<A: OperatorAction>(app: &App, who: &Operator<A>, entered: Entered) -> Result<Page> {
    let case = one(app, who.head().id("case_id")?).await?;
    let view = CaseDeskView { case, entered, form: who.form(app) };
    Ok(Page::new("Case", view.draw()).frozen(who.frozen("payment_case.close")))
}

async fn case_page(who: Operator<desk::Read>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, Entered::fresh()).await
}

async fn close_form(who: Operator<CloseCase>, app: App, Form(fields): Form) -> Result<Go> {
    let id: CaseId = who.head().id("case_id")?;
    let seen = fields.text("changed_at").parse().ok().map(Time);
    let ask = CaseClose { reason: fields.text("reason"), changed_at: seen };
    match cases::close(&app, &who, id, &ask).await {
        Ok(_) => Ok(Go::to(PATH).saying("The case is closed.")),
        Err(error) => {
            let entered = Entered::fresh().with("reason", ask.reason).refused(&error).on_top();
            let page = view(&app, &who, entered).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
