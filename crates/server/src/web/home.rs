//! The start page: money, what runs, what needs attention, what to do next.

use crate::{
    allocations, billing,
    identity::{Myself, MyselfAction},
    tenancy::{InProject, find_organization, viewer},
};
use api::{
    AllocationId, Currency, Micros, Money,
    allocations::AllocationState,
    billing::{Balance, MoneyState},
};
use kernel::{
    App, Result,
    html::{Markup, Page, badge, col, empty, html, icon, page_head, stat, table},
    http::Route,
};

/// Looks at the start page.
pub struct Home;
impl MyselfAction for Home {
    const NAME: &'static str = "home.read";
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/", home_page)]
}

/// The start page.
#[derive(Debug, Clone)]
pub struct HomeView {
    /// How to address the person.
    pub name: String,
    /// Money of the organization one is in.
    pub balance: Option<Balance>,
    /// Whether one is in an organization.
    pub has_org: bool,
    /// Whether one has a project.
    pub has_project: bool,
    /// What runs in it: id, name, state, hardware.
    pub work: Vec<(AllocationId, String, AllocationState, String)>,
}

impl HomeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let balance = |available, state| Balance {
            available: eur(available),
            given: eur(0),
            held: eur(0),
            owed: eur(0),
            state,
            burn_per_hour: eur(0),
            runs_out_at: None,
        };
        let long = "Ada Lovelace, Countess of Lovelace, first of all programmers".to_owned();
        let work: Vec<_> = AllocationState::ALL
            .iter()
            .map(|state| {
                let id = AllocationId(uuid::Uuid::nil());
                (id, "training".to_owned(), *state, "8 × sim-h100-slice".to_owned())
            })
            .collect();
        let one = Self {
            name: "Ada".into(),
            balance: Some(balance(20_000_000, MoneyState::Healthy)),
            has_org: true,
            has_project: true,
            work: vec![],
        };
        vec![
            one.clone(),
            Self { balance: Some(balance(0, MoneyState::Depleted)), work, ..one.clone() },
            Self { name: long, balance: None, has_project: false, ..one.clone() },
            Self { balance: None, has_org: false, has_project: false, ..one },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head(&format!("Good to see you, {}", self.name), "Your money, your work, and what needs you.", None))
            @if let Some(balance) = &self.balance {
                div class="stats" {
                    (stat("Available", &balance.available.to_string(), "can be spent"))
                    (stat("Held", &balance.held.to_string(), "reserved for running work"))
                    (stat("Now", &format!("{} / h", balance.burn_per_hour), "what running work costs"))
                    (stat("Lasts", &billing::runway(balance).unwrap_or_else(|| "–".into()), "at the present rate"))
                }
            }
            @if !self.has_org {
                (empty("building-2", "You have no access yet", "You are signed in, and in no organization. Ask an owner of yours: they invite you, or give your group a role. It shows here as soon as they did.",
                    Some(html! { a class="button" href="/access/organizations" { "Your organizations" } })))
            } @else if !self.has_project {
                (empty("folder-kanban", "No project yet", "Everything you run lives in a project. Make the first one, then come back here.",
                    Some(html! { a class="button primary" href="/access/projects#new" { "Create a project" } })))
            } @else { (self.workloads()) }
        }
    }
}

impl HomeView {
    fn workloads(&self) -> Markup {
        let launch =
            html! { a class="button primary" href="/launch/compute" { (icon("rocket")) "Launch" } };
        if self.work.is_empty() {
            return empty(
                "square-terminal",
                "Nothing runs right now",
                "Launch a shell on hardware of your own, paid by the second. It takes seconds to start and stops costing the moment you release it.",
                Some(launch),
            );
        }
        let rows: Vec<Vec<Markup>> = self
            .work
            .iter()
            .map(|(id, name, state, hardware)| {
                let attention = matches!(state, AllocationState::ReleaseFailed);
                vec![
                    html! { a href={ "/workloads/" (id) } { strong { (name) } } },
                    badge(
                        if attention {
                            "bad"
                        } else if *state == AllocationState::Active {
                            "good"
                        } else {
                            "info"
                        },
                        &state.as_str().replace('_', " "),
                    ),
                    html! { (hardware) },
                ]
            })
            .collect();
        html! {
            section class="section" {
                div class="page-head" { h2 { "Running now" } (launch) }
                (table("Running now", &[col("Name"), col("State"), col("Hardware")], &rows))
            }
        }
    }
}

async fn home_page(who: Myself<Home>, app: App, (): ()) -> Result<Page> {
    let viewer = viewer(&app, who.head()).await;
    let org = viewer.as_ref().and_then(|viewer| viewer.org.as_ref()).map(|(id, _)| *id);
    let mut tx = app.db.read().await?;
    let project = viewer.as_ref().and_then(|viewer| viewer.project.as_ref()).map(|(id, _)| *id);
    let user = who.caller().user_id();
    let (mut money, mut works) = (false, false);
    if let Some(org) = org {
        money = crate::tenancy::may(&mut tx, &app, user, (org, project), "billing.read").await?;
        works = crate::tenancy::may(&mut tx, &app, user, (org, project), "allocation.list").await?;
    }
    let balance = match org.filter(|_| money) {
        Some(id) => match find_organization(&mut tx, id).await? {
            Some(org) => Some(billing::balance(&app, &mut tx, org.id, org.currency).await?),
            None => None,
        },
        None => None,
    };
    let place = org.zip(project);
    let work = match place.filter(|_| works) {
        Some((org, project)) => {
            let scope = InProject::of_row(org, project);
            allocations::list_live_of(&mut tx, &scope).await?
        }
        None => Vec::new(),
    };
    let work = work
        .into_iter()
        .map(|row| (row.id, row.name, row.state, format!("{} × {}", row.count, row.sku)))
        .collect();
    let name = who.caller().user().display_name.clone();
    let (has_org, has_project) = (org.is_some(), place.is_some());
    let view = HomeView { name, balance, has_org, has_project, work };
    Ok(Page::new("Home", view.draw()))
}
