//! Budgets: how much an organization, a department, a project or a person may spend, in a month or at all. They warn
//! at 50, 80 and 100 percent, once each; a hard one stops launches, and releases what runs if it is to.
//!
//! Promise: a launch whose reservation does not fit into what is left of a hard budget is refused, also when many
//! launch at the same moment. What runs goes on, so a budget may be passed by what was running; where it releases what
//! runs, by at most what a window of usage costs.

mod http;
mod pages;
mod reach;
mod set;
mod store;
mod warn;

pub use http::routes;
pub use pages::BudgetsView;
pub use reach::{BudgetFact, UsedUp, reach, used_up};
pub use warn::{WRITER, sweep};
