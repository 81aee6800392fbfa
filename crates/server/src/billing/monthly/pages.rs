//! The pages of monthly statements.

use super::{
    http::{LookAt, heads, said},
    profile::{self, Look, Set},
    store,
};
use crate::{
    billing::pages::{billing_tabs, words},
    tenancy::{Action, Allowed, InOrg, find_organization},
};
use api::{
    Currency, Micros, Money, OrgId, ProjectId, StatementId, Time, TxnId,
    billing::TxnKind,
    statements::{
        BillingProfile, Party, Statement, StatementEntry, StatementHead, StatementTax,
        StatementUsage,
    },
};
use kernel::{
    App, Error, Result,
    html::{
        Entered, FormCtx, Markup, Page, badge, col, empty, facts, html, icon, moment, num,
        page_head, simulated_badge, stat, table,
    },
    http::{Form, Go, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/account/billing/statements", list_page),
        Route::post("/account/billing/statements/profile", profile_form),
        Route::get("/account/billing/statements/{statement_id}", page),
    ]
}

/// The list of statements, and who they are for.
#[derive(Debug, Clone)]
pub struct StatementsView {
    /// The organization's name.
    pub org: String,
    /// They, newest first.
    pub rows: Vec<StatementHead>,
    /// Whether one may change who they are for.
    pub changes: bool,
    /// Who they are for.
    pub entered: Entered,
    /// For the form.
    pub form: FormCtx,
}

fn eur(micros: i64) -> Money {
    Money::new(Micros(micros), Currency::EUR)
}

fn entered(profile: &BillingProfile) -> Entered {
    Entered::fresh()
        .with("legal_name", profile.legal_name.clone())
        .with("address", profile.address.clone())
        .with("tax_id", profile.tax_id.clone())
}

impl StatementsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let row = |month: &str| StatementHead {
            id: StatementId(uuid::Uuid::nil()),
            month: month.into(),
            number: format!("{month}-7M2K4N6P8R0ST"),
            opening: eur(120_000_000),
            used: eur(41_250_001),
            closing: eur(78_749_999),
            closed_at: Time(1_795_000_000_000_000),
        };
        let none = Self {
            org: "Ada".into(),
            rows: vec![],
            changes: true,
            entered: Entered::fresh(),
            form: FormCtx { csrf: "t".repeat(64), key: "k".repeat(32) },
        };
        let profile = BillingProfile {
            legal_name: "Analytical Engines Ltd".into(),
            address: "12 St James's Square\nLondon".into(),
            tax_id: "GB123456789".into(),
        };
        let wrong = Error::field("tax_id", "Write at most 40 plain characters.");
        vec![
            none.clone(),
            Self { entered: entered(&profile).refused(&wrong), ..none.clone() },
            Self {
                rows: vec![row("2026-10"), row("2026-09")],
                changes: false,
                entered: entered(&profile),
                ..none
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Billing", &format!("What each month moved for {}, closed and unchanging.", self.org), None))
            (billing_tabs("statements"))
            section class="section" { (self.table()) }
            section class="section card flow" { h2 { "Who they are for" } (self.profile()) }
        }
    }

    fn table(&self) -> Markup {
        if self.rows.is_empty() {
            return empty(
                "receipt",
                "No month is closed yet",
                "A statement is made ten minutes after a month (UTC) in which money moved, and mailed to those who may pay.",
                None,
            );
        }
        let row = |one: &StatementHead| {
            vec![
                html! { a href={ "/account/billing/statements/" (one.id) } { (one.month) } },
                html! { (one.opening) },
                html! { (one.used.exact()) },
                html! { (one.closing) },
                html! { a href={ "/api/v1/billing/statements/" (one.id) "/pdf" } download { "PDF" } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.rows.iter().map(row).collect();
        let cols = [col("Month"), num("Began with"), num("Charged"), num("Ended with"), col("")];
        table("Statements", &cols, &rows)
    }

    fn profile(&self) -> Markup {
        if !self.changes {
            let value = |name| html! { (self.entered.value(name)) };
            return facts(&[
                ("Name", value("legal_name")),
                ("Address", value("address")),
                ("Tax number", value("tax_id")),
            ]);
        }
        let fault = self.entered.fault("address");
        html! {
            (self.entered.banner())
            form method="post" action="/account/billing/statements/profile" class="flow" {
                (self.form.hidden("profile"))
                (optional("legal_name", "Name in law", "Empty: the organization's name", 120, &self.entered))
                div class="field" {
                    label for="address" { "Address" }
                    textarea id="address" name="address" rows="4" maxlength="400" autocomplete="street-address" aria-describedby="address-about" { (self.entered.value("address")) }
                    p id="address-about" class=(if fault.is_some() { "fault" } else { "hint" }) { (fault.unwrap_or("At most eight lines")) }
                }
                (optional("tax_id", "Tax number", "As your tax office writes it", 40, &self.entered))
                p class="muted small" { "It stands on statements from the next one on; those that were made stay as they are." }
                button class="button primary" { (icon("check")) "Save" }
            }
        }
    }
}

/// A field that may be empty.
fn optional(name: &str, label: &str, hint: &str, most: usize, entered: &Entered) -> Markup {
    let fault = entered.fault(name);
    html! {
        div class="field" {
            label for=(name) { (label) }
            input id=(name) name=(name) type="text" maxlength=(most) autocomplete="off" value=(entered.value(name)) aria-describedby={ (name) "-about" };
            p id={ (name) "-about" } class=(if fault.is_some() { "fault" } else { "hint" }) { (fault.unwrap_or(hint)) }
        }
    }
}

/// One statement.
#[derive(Debug, Clone)]
pub struct StatementView {
    /// What it says.
    pub said: Statement,
}

fn sample() -> Statement {
    let nil = uuid::Uuid::nil();
    let at = Time(1_795_000_000_000_000);
    Statement {
        id: StatementId(nil),
        org_id: OrgId(nil),
        month: "2026-10".into(),
        number: "2026-10-7M2K4N6P8R0ST".into(),
        from: at,
        to: at,
        currency: Currency::EUR,
        seller: Party {
            name: "Difference Cloud".into(),
            address: "1 Dorset Street\nLondon".into(),
            tax_id: "GB987654321".into(),
        },
        customer: Party { name: "Ada".into(), ..Party::default() },
        opening: eur(120_000_000),
        usage: vec![StatementUsage {
            project_id: ProjectId(nil),
            project: "A project with the longest name that anybody may give it here".into(),
            what: "h100-sxm-slice".into(),
            quantity: 123_456,
            unit: "unit seconds".into(),
            price: eur(2_490_000),
            per: "unit and hour".into(),
            price_id: None,
            charge: eur(85_390_400),
            simulated: true,
        }],
        borne: eur(400),
        used: eur(85_390_000),
        entries: vec![StatementEntry {
            txn_id: TxnId(nil),
            at,
            kind: TxnKind::Payment,
            memo: "Funds added".into(),
            amount: eur(50_000_000),
            simulated: true,
        }],
        closing: eur(84_610_000),
        tax: Some(StatementTax {
            name: "VAT".into(),
            percent: "20".into(),
            net: eur(71_158_334),
            amount: eur(14_231_666),
        }),
        closed_at: at,
    }
}

impl StatementView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let full = sample();
        let bare = Statement {
            usage: vec![],
            entries: vec![],
            tax: None,
            borne: eur(0),
            seller: Party::default(),
            ..full.clone()
        };
        vec![Self { said: full }, Self { said: bare }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let said = &self.said;
        let pdf = html! { a class="button" href={ "/api/v1/billing/statements/" (said.id) "/pdf" } download { (icon("download")) "PDF" } };
        html! {
            (page_head(&format!("Statement {}", said.month), &format!("Number {}. It never changes.", said.number), Some(pdf)))
            (billing_tabs("statements"))
            div class="stats" {
                (stat("Began with", &said.opening.to_string(), "available and held"))
                (stat("Charged", &said.used.to_string(), "for usage"))
                (stat("Ended with", &said.closing.to_string(), "available and held"))
            }
            section class="card flow" { (self.parties()) }
            section class="section" { h2 { "Usage" } (self.usage()) }
            section class="section" { h2 { "Other movements" } (self.entries()) }
        }
    }

    fn parties(&self) -> Markup {
        let said = &self.said;
        let party = |one: &Party| {
            html! {
                (one.name)
                @for line in one.address.lines() { br; (line) }
                @if !one.tax_id.is_empty() { br; "Tax number " (one.tax_id) }
            }
        };
        let mut rows = vec![("For", party(&said.customer))];
        if !said.seller.name.is_empty() {
            rows.insert(0, ("From", party(&said.seller)));
        }
        rows.push(("Month", html! { (moment(said.from)) " to " (moment(said.to)) }));
        if let Some(tax) = &said.tax {
            rows.push((
                "Tax",
                html! { (tax.name) " " (tax.percent) " %: " (tax.amount.exact()) " of what was charged, " (tax.net.exact()) " without it" },
            ));
        }
        if said.borne.micros != Micros::ZERO {
            rows.push((
                "Not covered",
                html! { (said.borne.exact()) " of it by the balance; less than nothing was paid of a month before" },
            ));
        }
        rows.push(("Closed", moment(said.closed_at)));
        facts(&rows)
    }

    fn usage(&self) -> Markup {
        if self.said.usage.is_empty() {
            return empty("gauge", "Nothing was used", "No usage was charged in this month.", None);
        }
        let row = |one: &StatementUsage| {
            vec![
                html! { (one.what) @if one.simulated { " " (simulated_badge()) } },
                html! { (one.project) },
                html! { (one.quantity) " " (one.unit) },
                html! { (one.price.exact()) " per " (one.per) },
                html! { (one.charge.exact()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.said.usage.iter().map(row).collect();
        let cols = [col("What"), col("Project"), num("How much"), num("Price"), num("Charge")];
        table("Usage", &cols, &rows)
    }

    fn entries(&self) -> Markup {
        if self.said.entries.is_empty() {
            return empty(
                "receipt",
                "Nothing else moved",
                "Payments, credit and refunds would stand here.",
                None,
            );
        }
        let row = |one: &StatementEntry| {
            vec![
                moment(one.at),
                badge("", words(one.kind)),
                html! { (one.memo) @if one.simulated { " " (simulated_badge()) } },
                html! { a href={ "/account/billing/transactions/" (one.txn_id) } { (one.amount.exact()) } },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.said.entries.iter().map(row).collect();
        table("Other movements", &[col("When"), col("What"), col("For"), num("Amount")], &rows)
    }
}

async fn view<A: Action<Scope = InOrg>>(
    app: &App,
    who: &Allowed<A>,
    typed: Option<Entered>,
) -> Result<Page> {
    let id = who.scope().org_id();
    let mut tx = app.db.read().await?;
    let org = find_organization(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let known = profile::view(store::find_profile(&mut tx, id).await?);
    let view = StatementsView {
        org: org.name,
        rows: heads(&mut tx, id).await?,
        changes: who.may("billing_profile.set"),
        entered: typed.unwrap_or_else(|| entered(&known)),
        form: who.form(app),
    };
    Ok(Page::new("Statements", view.draw()))
}

async fn list_page(who: Allowed<Look>, app: App, (): ()) -> Result<Page> {
    view(&app, &who, None).await
}

async fn page(who: Allowed<LookAt>, _: App, (): ()) -> Result<Page> {
    let view = StatementView { said: said(who.row())? };
    Ok(Page::new(format!("Statement {}", view.said.month), view.draw()))
}

async fn profile_form(who: Allowed<Set>, app: App, Form(fields): Form) -> Result<Go> {
    let ask = BillingProfile {
        legal_name: fields.text("legal_name"),
        address: fields.text("address"),
        tax_id: fields.text("tax_id"),
    };
    match profile::set(&app, &who, &ask).await {
        Ok(_) => Ok(Go::to("/account/billing/statements").saying("Saved.")),
        Err(error) => {
            let typed = entered(&ask).refused(&error).on_top();
            let page = view(&app, &who, Some(typed)).await?;
            Err(error.showing(page.status(::http::StatusCode::UNPROCESSABLE_ENTITY)))
        }
    }
}
