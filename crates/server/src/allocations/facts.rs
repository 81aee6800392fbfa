//! Everything a launch depends on, read in one view.

use crate::{
    billing::{
        self, BudgetFact,
        price_books::{self, Terms},
    },
    catalog::{Sku, find_offer},
    fleet::{self, FreeSlot, free_slots},
    ssh_keys::{self, Way},
    tenancy::{self, Ceiling, InProject, find_organization},
};
use api::{Currency, Micros, UserId, allocations::Launch, catalog::Shape};
use kernel::{App, Error, Result, db::Reader};

/// What is known when a launch is looked at.
#[derive(Debug, Clone)]
pub struct Facts {
    /// What is asked for and what it costs here, when it exists.
    pub offer: Option<(Sku, Terms)>,
    /// Slots that may be taken.
    pub free: Vec<FreeSlot>,
    /// What can be spent.
    pub available: Micros,
    /// What running work costs per hour already.
    pub burn: Micros,
    /// In which currency.
    pub currency: Currency,
    /// Minutes of the rate that are held.
    pub hold: std::time::Duration,
    /// What must be covered at least.
    pub least: std::time::Duration,
    /// Whether workloads have a way out.
    pub outgoing: bool,
    /// Quotas that reach it, with what is held.
    pub ceilings: Vec<Ceiling>,
    /// Budgets that reach it, with what was spent.
    pub budgets: Vec<BudgetFact>,
    /// Keys that would open it.
    pub way: Way,
    /// Who wants at least one: this hardware, or the organization.
    pub key_needed: Option<&'static str>,
}

/// Whose launch it is.
#[derive(Debug, Clone, Copy)]
pub struct By {
    /// Who asks.
    pub user: UserId,
    /// Whether it is about to be made: quotas are held then until it is.
    pub holding: bool,
}

impl Facts {
    /// Returns the counts that may be asked for.
    pub fn allowed_counts(&self) -> Vec<i64> {
        let Some((sku, _)) = &self.offer else { return Vec::new() };
        match sku.capacity_shape {
            Shape::Baremetal => vec![sku.units],
            Shape::GpuSlice => (1..=sku.units).filter(|n| [1, 2, 4, 8, 16].contains(n)).collect(),
        }
    }
}

/// Reads the facts of a launch.
///
/// # Errors
/// What the database says.
pub async fn read(
    app: &App,
    tx: &mut Reader,
    scope: &InProject,
    launch: &Launch,
    by: By,
) -> Result<Facts> {
    // First: who launches at the same moment below the same quota waits here.
    let ceilings = tenancy::ceilings(app, tx, scope, by.user, by.holding).await?;
    let org = find_organization(tx, scope.org_id()).await?.ok_or_else(Error::not_found)?;
    let offer = match find_offer(tx, &launch.sku).await? {
        Some((sku, price)) => {
            let (own, now) = (price_books::own(tx, &org).await?, tx.now());
            let terms = own.sku(Some(scope.project_id()), &sku.sku, price.listed(), now);
            Some((sku, terms))
        }
        None => None,
    };
    let free = match &offer {
        Some((sku, _)) => free_slots(tx, sku.kind, &sku.model, sku.simulated).await?,
        None => Vec::new(),
    };
    let budgets = billing::budgets(tx, scope, by.user, by.holding).await?;
    let project = scope.project_id();
    let way = ssh_keys::resolvable(tx, by.user, project, launch.ssh_key_ids.as_deref()).await?;
    let key_needed = if offer.as_ref().is_some_and(|(sku, _)| sku.requires_key) {
        Some("This hardware")
    } else {
        let policy = ssh_keys::reach_policy(tx, org.id).await?;
        policy.require_key.then_some("This organization")
    };
    let balance = billing::balance(app, tx, org.id, org.currency).await?;
    let settings = app.get::<billing::Settings>();
    Ok(Facts {
        offer,
        free,
        available: balance.available.micros,
        burn: balance.burn_per_hour.micros,
        currency: org.currency,
        hold: settings.hold_span(),
        least: settings.stop_margin() + std::time::Duration::from_secs(60),
        outgoing: app.get::<fleet::Settings>().outgoing,
        ceilings,
        budgets,
        way,
        key_needed,
    })
}
