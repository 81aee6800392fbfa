//! The cost explorer.

use super::{
    days::Month,
    http::{CostsQuery, ReadCosts, asked},
};
use crate::{billing::pages::billing_tabs, tenancy::Allowed};
use api::{
    Currency, DeptId, Micros, Money,
    budgets::{CostBy, CostDay, CostRow, Costs},
    time::span_words,
};
use kernel::{
    App, Result,
    html::{Markup, Page, col, empty, html, icon, num, page_head, simulated_badge, stat, table},
    http::{Query, Route},
};
use std::time::Duration;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/account/billing/costs", page)]
}

/// The page.
#[derive(Debug, Clone)]
pub struct CostsView {
    /// The organization's name.
    pub org: String,
    /// What is shown.
    pub costs: Costs,
}

impl CostsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let day =
            |day: i64, micros| CostDay { day: format!("2026-11-{day:02}"), charge: eur(micros) };
        let row = |name: &str, micros, simulated| CostRow {
            key: "proj_00000000000000000000000000".into(),
            name: name.into(),
            charge: eur(micros),
            unit_seconds: 1_234_567,
            simulated,
        };
        let none = Costs {
            month: "2026-11".into(),
            by: CostBy::Project,
            department_id: None,
            department: None,
            total: eur(0),
            forecast: Some(eur(0)),
            rows: vec![],
            days: vec![day(1, 0)],
        };
        let full = Costs {
            total: eur(41_200_000),
            forecast: Some(eur(123_600_000)),
            rows: vec![
                row(
                    "A project with the longest name that anybody may give it here",
                    40_000_000,
                    true,
                ),
                row("Default", 1_200_000, false),
            ],
            days: (1..=10).map(|n| day(n, n * 3_000_000)).collect(),
            ..none.clone()
        };
        let past =
            Costs { month: "2026-10".into(), forecast: None, by: CostBy::Workload, ..full.clone() };
        let part = Costs {
            department_id: Some(DeptId(uuid::Uuid::nil())),
            department: Some("Research".into()),
            ..full.clone()
        };
        [none, full, past, part].map(|costs| Self { org: "Ada".into(), costs }).into()
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        let costs = &self.costs;
        let query = format!("?month={}&by={}{}", costs.month, costs.by, self.within());
        let whose = match &costs.department {
            Some(name) => format!("the department {name} of {}", self.org),
            None => self.org.clone(),
        };
        let csv = html! { a class="button" href={ "/api/v1/billing/costs.csv" (query) } download { (icon("download")) "CSV" } };
        let dearest = costs.rows.first().map_or_else(|| "–".to_owned(), |row| row.name.clone());
        html! {
            (page_head("Billing", &format!("What {whose} spent, when and on what."), Some(csv)))
            (billing_tabs("costs"))
            (self.months())
            @if costs.department.is_some() {
                p { a href={ "/account/billing/costs?by=department&month=" (costs.month) } { "All departments" } }
            }
            div class="stats" {
                (stat("Spent", &costs.total.to_string(), &costs.month))
                @if let Some(sum) = costs.forecast { (stat("Forecast", &sum.to_string(), "if the rest is like its days so far")) }
                (stat("Most", &dearest, "of it"))
            }
            section class="section" { h2 { "By day" } (self.chart()) }
            section class="section" { h2 { "By " (words(costs.by)) } (self.choices()) (self.table()) }
        }
    }

    /// What keeps links within the department.
    fn within(&self) -> String {
        self.costs.department_id.map(|id| format!("&department_id={id}")).unwrap_or_default()
    }

    fn months(&self) -> Markup {
        let Some(month) = Month::parse(&self.costs.month) else { return html! {} };
        let within = self.within();
        let link = |month: Month| format!("?month={}&by={}{within}", month.plain(), self.costs.by);
        html! {
            p class="links" {
                a class="button" href=(link(month.before())) { "‹ " (month.before().plain()) }
                span class="button here" aria-current="date" { (self.costs.month) }
                @if self.costs.forecast.is_none() { a class="button" href=(link(month.after())) { (month.after().plain()) " ›" } }
            }
        }
    }

    fn choices(&self) -> Markup {
        html! {
            p class="links" {
                @for by in CostBy::ALL {
                    @let here = *by == self.costs.by;
                    a class=(if here { "button primary" } else { "button" }) aria-current=[here.then_some("true")]
                        href={ "?month=" (self.costs.month) "&by=" (by) (self.within()) } { (words(*by)) }
                }
            }
        }
    }

    /// Bars of the month's days, with the same as a text for those who do not see them.
    fn chart(&self) -> Markup {
        let days = &self.costs.days;
        let most = days.iter().map(|day| day.charge.micros.0).max().unwrap_or(0).max(1);
        let height = |day: &CostDay| {
            i64::try_from(i128::from(day.charge.micros.0) * 100 / i128::from(most)).unwrap_or(0)
        };
        let words: Vec<String> =
            days.iter().map(|day| format!("{}: {}", day.day, day.charge)).collect();
        html! {
            svg class="bars" viewBox="0 0 310 110" role="img" aria-label={ "Spent by day. " (words.join(", ")) } preserveAspectRatio="none" {
                line x1="0" y1="105" x2="310" y2="105" {}
                @for (at, day) in days.iter().enumerate() {
                    @let high = height(day);
                    rect x=(at * 10 + 1) y=(105 - high) width="8" height=(high) { title { (day.day) ": " (day.charge) } }
                }
            }
        }
    }

    fn table(&self) -> Markup {
        if self.costs.rows.is_empty() {
            return empty(
                "gauge",
                "Nothing was spent",
                "What runs in this month shows here by the minute.",
                None,
            );
        }
        let row = |one: &CostRow| {
            let seconds = u64::try_from(one.unit_seconds).unwrap_or(0);
            let name = html! { (one.name) @if one.simulated { " " (simulated_badge()) } };
            let name = match self.costs.by {
                CostBy::Workload if one.key.starts_with("alloc_") => {
                    html! { a href={ "/workloads/" (one.key) } { (name) } }
                }
                CostBy::Department if self.costs.department.is_none() => {
                    html! { a href={ "?by=project&month=" (self.costs.month) "&department_id=" (one.key) } { (name) } }
                }
                CostBy::Project => html! { a href={ "/access/projects/" (one.key) } { (name) } },
                _ => name,
            };
            vec![
                name,
                html! { (span_words(Duration::from_secs(seconds))) },
                html! { (one.charge.exact()) },
            ]
        };
        let rows: Vec<Vec<Markup>> = self.costs.rows.iter().map(row).collect();
        let cols = [col("What"), num("Unit time"), num("Spent")];
        table("Costs", &cols, &rows)
    }
}

const fn words(by: CostBy) -> &'static str {
    match by {
        CostBy::Department => "department",
        CostBy::Project => "project",
        CostBy::Person => "person",
        CostBy::Sku => "hardware",
        CostBy::Workload => "workload",
    }
}

/// Writes parts as comma-separated values (RFC 4180). What a spreadsheet would take for a formula is a text.
pub(super) fn csv(costs: &Costs) -> String {
    let mut out = "month,by,id,name,unit_seconds,charge,currency,simulated\r\n".to_owned();
    for row in &costs.rows {
        let cells = [
            costs.month.clone(),
            costs.by.to_string(),
            row.key.clone(),
            row.name.clone(),
            row.unit_seconds.to_string(),
            decimal(row.charge.micros),
            row.charge.currency.to_string(),
            row.simulated.to_string(),
        ];
        let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
        out.push_str(&cells.join(","));
        out.push_str("\r\n");
    }
    out
}

/// Writes an amount with six decimals and a point.
pub fn decimal(amount: Micros) -> String {
    let size = amount.0.unsigned_abs();
    format!("{}{}.{:06}", if amount.0 < 0 { "-" } else { "" }, size / 1_000_000, size % 1_000_000)
}

fn cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

async fn page(who: Allowed<ReadCosts>, app: App, Query(query): Query<CostsQuery>) -> Result<Page> {
    let (costs, org) = asked(&app, &who, &query).await?;
    Ok(Page::new("Costs", CostsView { org, costs }.draw()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_hold_what_they_are_given_and_no_formulas() {
        assert_eq!(cell("plain"), "plain");
        assert_eq!(cell("a,b \"c\""), "\"a,b \"\"c\"\"\"");
        assert_eq!(cell("=1+1"), "'=1+1");
        assert_eq!(decimal(Micros(1_234_567)), "1.234567");
        assert_eq!(decimal(Micros(-1)), "-0.000001");
    }
}
