//! The page of the platform's books.

use super::http::{MonthQuery, ageing, month, revenue};
use crate::{
    billing::{
        payments::{ReadFinance, desk_tabs},
        spend::Month,
    },
    tenancy::Operator,
};
use api::{
    Currency, Micros, Money, OrgId, Time,
    journal::{JournalFormat, Owed, OwedFor, Revenue, RevenueDay},
};
use kernel::{
    App, Result,
    html::{Markup, Page, badge, col, empty, html, icon, moment, num, page_head, stat, table},
    http::{Query, Route},
};

/// Returns the routes.
pub fn routes() -> Vec<Route> {
    vec![Route::get("/platform/finance/books", page)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct BooksView {
    /// A month's days.
    pub revenue: Revenue,
    /// What is owed, the oldest first.
    pub owed: Vec<Owed>,
    /// Whether the month goes on.
    pub goes_on: bool,
}

impl BooksView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |units| Money::new(Micros(units), Currency::EUR);
        let day = |day: &str, charged| RevenueDay {
            day: day.into(),
            charged: eur(charged),
            not_covered: eur(charged / 10),
            paid_in: eur(500_000_000),
            given: eur(20_000_000),
            borne: eur(0),
        };
        let owed = |why, days| Owed {
            org_id: OrgId(uuid::Uuid::nil()),
            org: "An organization with the longest name that fits on a page".into(),
            why,
            amount: eur(12_000_001),
            since: Time(1_795_000_000_000_000),
            days,
        };
        let none = Revenue { month: "2026-11".into(), days: vec![], totals: vec![] };
        let full = Revenue {
            days: (1..=12).map(|n| day(&format!("2026-11-{n:02}"), n * 41_234_567)).collect(),
            totals: vec![day("2026-11", 3_216_296_226)],
            ..none.clone()
        };
        vec![
            Self { revenue: none, owed: vec![], goes_on: true },
            Self {
                revenue: full,
                owed: vec![owed(OwedFor::Usage, 3), owed(OwedFor::Dispute, 95)],
                goes_on: false,
            },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Books", "What all tenants were charged and paid, day by day, and what is owed: read from the ledger.", None))
            (desk_tabs("books"))
            (self.months())
            @for sum in &self.revenue.totals {
                div class="stats" {
                    (stat("Charged", &sum.charged.to_string(), "for usage"))
                    (stat("Not covered", &sum.not_covered.to_string(), "of it, by any balance"))
                    (stat("Paid in", &sum.paid_in.to_string(), "less what went back"))
                    (stat("Given", &sum.given.to_string(), "less what expired"))
                }
            }
            section class="section" { h2 { "By day" } (self.chart()) (self.days()) }
            section class="section" { h2 { "For accounting software" } (self.downloads()) }
            section class="section" { h2 { "Owed" } (self.ageing()) }
        }
    }

    fn months(&self) -> Markup {
        let Some(month) = Month::parse(&self.revenue.month) else { return html! {} };
        let link = |month: Month| format!("?month={}", month.plain());
        html! {
            p class="links" {
                a class="button" href=(link(month.before())) { "‹ " (month.before().plain()) }
                span class="button here" aria-current="date" { (self.revenue.month) }
                @if !self.goes_on { a class="button" href=(link(month.after())) { (month.after().plain()) " ›" } }
            }
        }
    }

    /// Bars of what the days charged, where there is one currency.
    fn chart(&self) -> Markup {
        if self.revenue.totals.len() != 1 {
            return html! {};
        }
        let days = &self.revenue.days;
        let most = days.iter().map(|day| day.charged.micros.0).max().unwrap_or(0).max(1);
        let height = |day: &RevenueDay| {
            let high = i128::from(day.charged.micros.0.max(0)) * 100 / i128::from(most);
            i64::try_from(high).unwrap_or(0)
        };
        let at = |day: &RevenueDay| -> i64 {
            day.day.rsplit('-').next().and_then(|text| text.parse().ok()).unwrap_or(1)
        };
        let words: Vec<String> =
            days.iter().map(|day| format!("{}: {}", day.day, day.charged)).collect();
        html! {
            svg class="bars" viewBox="0 0 310 110" role="img" aria-label={ "Charged by day. " (words.join(", ")) } preserveAspectRatio="none" {
                line x1="0" y1="105" x2="310" y2="105" {}
                @for day in days {
                    @let high = height(day);
                    rect x=(at(day) * 10 - 9) y=(105 - high) width="8" height=(high) { title { (day.day) ": " (day.charged) } }
                }
            }
        }
    }

    fn days(&self) -> Markup {
        if self.revenue.days.is_empty() {
            return empty("gauge", "Nothing moved", "Days on which money moved stand here.", None);
        }
        let row = |one: &RevenueDay| {
            let sums = [one.charged, one.not_covered, one.paid_in, one.given, one.borne];
            let mut cells = vec![html! { (one.day) }];
            cells.extend(sums.map(|sum| html! { (sum.exact()) }));
            cells
        };
        let rows: Vec<Vec<Markup>> = self.revenue.days.iter().map(row).collect();
        let cols = [
            col("Day"),
            num("Charged"),
            num("Not covered"),
            num("Paid in"),
            num("Given"),
            num("Borne"),
        ];
        table("By day", &cols, &rows)
    }

    fn downloads(&self) -> Markup {
        let month = &self.revenue.month;
        html! {
            p class="links" {
                @for format in JournalFormat::ALL {
                    a class="button" download href={ "/api/v1/platform/finance/journal?month=" (month) "&format=" (format) } { (icon("download")) (label(*format)) }
                }
            }
            p class="muted small" { "One entry for what a day moved of an organization between two accounts. Days are days in UTC." }
        }
    }

    fn ageing(&self) -> Markup {
        if self.owed.is_empty() {
            return empty(
                "check",
                "Nobody owes anything",
                "Usage that no balance covered and payments that banks took back stand here until they are paid.",
                None,
            );
        }
        let row = |one: &Owed| {
            vec![
                html! { (one.org) },
                html! { (words(one.why)) },
                moment(one.since),
                badge(tone(one.days), bucket(one.days)),
                html! { (one.amount.exact()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.owed.iter().map(row).collect();
        let cols = [col("Organization"), col("For"), col("Since"), col("Age"), num("Owed")];
        table("Owed", &cols, &rows)
    }
}

const fn label(format: JournalFormat) -> &'static str {
    match format {
        JournalFormat::Csv => "CSV",
        JournalFormat::Beancount => "Beancount",
        JournalFormat::Ledger => "Ledger, hledger",
    }
}

const fn words(why: OwedFor) -> &'static str {
    match why {
        OwedFor::Usage => "usage",
        OwedFor::Dispute => "a payment taken back",
    }
}

const fn bucket(days: i64) -> &'static str {
    match days {
        ..=30 => "up to 30 days",
        31..=60 => "31 to 60 days",
        61..=90 => "61 to 90 days",
        _ => "over 90 days",
    }
}

const fn tone(days: i64) -> &'static str {
    if days > 60 { "bad" } else { "warn" }
}

async fn page(_: Operator<ReadFinance>, app: App, Query(query): Query<MonthQuery>) -> Result<Page> {
    let month = month(&app, query.month.as_deref())?;
    let view = BooksView {
        revenue: revenue(&app, month).await?,
        owed: ageing(&app).await?,
        goes_on: month == Month::of(app.seams.clock.now()),
    };
    Ok(Page::new("Books", view.draw()))
}
