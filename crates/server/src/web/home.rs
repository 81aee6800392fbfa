//! The start page: money, what runs, what needs attention, what to do next.

use crate::{
    billing,
    identity::{Myself, MyselfAction},
    tenancy::{find_organization, viewer},
};
use api::{
    Currency, Micros, Money,
    billing::{Balance, MoneyState},
};
use kernel::{
    App, Result,
    html::{Markup, Page, banner, empty, html, page_head, stat},
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
    /// Whether one has a project.
    pub has_project: bool,
}

impl HomeView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let eur = |micros| Money::new(Micros(micros), Currency::EUR);
        let balance = |available, state| Balance {
            available: eur(available),
            held: eur(0),
            state,
            burn_per_hour: eur(0),
            runs_out_at: None,
        };
        let long = "Ada Lovelace, Countess of Lovelace, first of all programmers".to_owned();
        vec![
            Self {
                name: "Ada".into(),
                balance: Some(balance(20_000_000, MoneyState::Healthy)),
                has_project: true,
            },
            Self {
                name: "Ada".into(),
                balance: Some(balance(0, MoneyState::Depleted)),
                has_project: true,
            },
            Self { name: long, balance: None, has_project: false },
        ]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head(&format!("Good to see you, {}", self.name), "Your money, your work, and what needs you.", None))
            @if let Some(balance) = &self.balance {
                @if balance.state == MoneyState::Depleted {
                    (banner("info", "There is nothing to spend yet. Ask the people who run this site for credit.", Some(html! { a class="button" href="/account/billing" { "Billing" } })))
                }
                div class="stats" {
                    (stat("Available", &balance.available.to_string(), "can be spent"))
                    (stat("Held", &balance.held.to_string(), "reserved for running work"))
                    (stat("Now", &format!("{} / h", balance.burn_per_hour), "what running work costs"))
                    (stat("Lasts", &billing::runway(balance).unwrap_or_else(|| "–".into()), "at the present rate"))
                }
            }
            @if !self.has_project {
                (empty("folder-kanban", "No project yet", "Everything you run lives in a project. Make the first one, then come back here.",
                    Some(html! { a class="button primary" href="/access/projects#new" { "Create a project" } })))
            }
        }
    }
}

async fn home_page(who: Myself<Home>, app: App, (): ()) -> Result<Page> {
    let viewer = viewer(&app, who.head()).await;
    let org = viewer.as_ref().and_then(|viewer| viewer.org.as_ref()).map(|(id, _)| *id);
    let mut tx = app.db.read().await?;
    let balance = match org {
        Some(id) => match find_organization(&mut tx, id).await? {
            Some(org) => Some(billing::balance(&app, &mut tx, org.id, org.currency).await?),
            None => None,
        },
        None => None,
    };
    let has_project = viewer.is_some_and(|viewer| viewer.project.is_some());
    let view = HomeView { name: who.caller().user().display_name.clone(), balance, has_project };
    Ok(Page::new("Home", view.draw()))
}
