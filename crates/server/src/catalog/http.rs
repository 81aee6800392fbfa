//! Routes of the catalog.

use super::{
    books, pages,
    store::{self, Sku},
};
use crate::{
    billing::{
        self,
        price_books::{self, Listed, Own, Terms},
        rating::Increment,
    },
    fleet::{FreeSlot, SharedKernel, SkuGroup, free_slots, sku_groups},
    tenancy::{
        Action, Allowed, Ask, Found, InProject, Operator, OperatorAction, find_organization,
    },
};
use api::{
    Currency, Micros, Money, OrgId, Page, SkuId,
    catalog::{Isolation, Shape, SkuEdit, SkuView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::Reader,
    http::{Body, Json, NoContent, Route},
};
use std::collections::BTreeMap;

/// Looks at what can be bought.
pub struct ReadCatalog;
impl Action for ReadCatalog {
    const NAME: &'static str = "catalog.read";
    type Scope = InProject;
    type Row = ();
    async fn find<'a>(_: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<()>>> {
        Ok(ask.in_context())
    }
}

/// Looks at what can be bought as an operator.
pub struct ReadPrices;
impl OperatorAction for ReadPrices {
    const NAME: &'static str = "catalog.prices";
}

/// Changes price, visibility, or whether launches need a key.
pub struct EditSku;
impl OperatorAction for EditSku {
    const NAME: &'static str = "catalog.edit";
    const STEP_UP: bool = true;
}

/// Returns the routes of the catalog.
pub fn routes() -> Vec<Route> {
    let mut routes = vec![
        Route::get("/api/v1/catalog", list_http)
            .says("Lists what can be bought, with price and what is free right now."),
        Route::get("/api/v1/admin/catalog", admin_list_http)
            .says("Lists every SKU, hidden ones too."),
        Route::patch("/api/v1/admin/catalog/{sku_id}", edit_http)
            .says("Changes price or visibility; running work keeps its price."),
    ];
    routes.extend(pages::routes());
    routes.extend(books::routes());
    routes
}

/// Returns every SKU with what is free for a project right now, and what it costs there; without one, with list prices.
///
/// # Errors
/// What the database says.
pub async fn offers(
    app: &App,
    tx: &mut Reader,
    project: Option<&InProject>,
) -> Result<Vec<SkuView>> {
    let org = project.map(InProject::org_id);
    let (own, currency) = match project {
        Some(project) => own(tx, project).await?,
        None => (Own::default(), app.get::<billing::Settings>().currency),
    };
    let (place, now) = (project.map(InProject::project_id), tx.now());
    let groups = sku_groups(tx).await?;
    let mut views = Vec::new();
    for (sku, price) in store::list_offers(tx).await? {
        let free = free_slots(tx, sku.kind, &sku.model, sku.simulated).await?;
        let group = groups
            .iter()
            .find(|g| g.kind == sku.kind && g.model == sku.model && g.simulated == sku.simulated);
        let terms = own.sku(place, &sku.sku, price.listed(), now);
        views.push(view(&sku, group, &usable(&free, org), (terms, currency)));
    }
    Ok(views)
}

/// Returns free slots by machine, without machines that serve another organization.
fn usable(free: &[FreeSlot], org: Option<OrgId>) -> Vec<(i64, bool)> {
    let mut machines: BTreeMap<api::NodeId, (i64, bool)> = BTreeMap::new();
    for slot in free {
        let foreign = slot.tenant.is_some() && slot.tenant != org;
        if org.is_some() && foreign && slot.shared_kernel == SharedKernel::OneOrganization {
            continue;
        }
        let one = machines.entry(slot.node_id).or_insert((0, true));
        one.0 += 1;
        one.1 &= slot.taken_on_node == 0;
    }
    machines.into_values().collect()
}

/// Reads what the books of a project's organization say, and what it pays in.
///
/// # Errors
/// What the database says.
pub async fn own(tx: &mut Reader, project: &InProject) -> Result<(Own, Currency)> {
    let org = find_organization(tx, project.org_id()).await?.ok_or_else(Error::not_found)?;
    Ok((price_books::own(tx, &org).await?, org.currency))
}

fn view(
    sku: &Sku,
    group: Option<&SkuGroup>,
    machines: &[(i64, bool)],
    (terms, currency): (Terms, Currency),
) -> SkuView {
    let whole = sku.capacity_shape == Shape::Baremetal;
    let largest = machines.iter().map(|(free, _)| *free).max().unwrap_or(0);
    let free = if whole {
        machines.iter().filter(|(free, empty)| *empty && *free == sku.units).count() as i64
            * sku.units
    } else {
        machines.iter().map(|(free, _)| free).sum()
    };
    let allowed_counts = if whole {
        vec![sku.units]
    } else {
        [1, 2, 4, 8, 16].into_iter().filter(|count| *count <= sku.units).collect()
    };
    SkuView {
        id: sku.id,
        sku: sku.sku.clone(),
        display_name: sku.display_name.clone(),
        kind: sku.kind,
        capacity_shape: sku.capacity_shape,
        isolation: if whole { Isolation::WholeMachine } else { Isolation::SharedKernel },
        allowed_counts,
        price_per_hour: Some(Money::new(terms.price, currency)),
        list_price_per_hour: terms.list_price.map(|price| Money::new(price, currency)),
        increment_seconds: terms.increment.step,
        minimum_seconds: terms.increment.minimum,
        free,
        largest: if whole && free > 0 {
            sku.units
        } else if whole {
            0
        } else {
            largest
        },
        total: group.map_or(0, |group| group.total),
        cpu_milli: group.map_or(0, |group| group.cpu_milli),
        mem_mib: group.map_or(0, |group| group.mem_mib),
        gpu_memory_mib: group.map_or(0, |group| group.gpu_memory_mib),
        simulated: sku.simulated,
        active: sku.active,
        requires_key: sku.requires_key,
    }
}

async fn list_http(who: Allowed<ReadCatalog>, app: App, (): ()) -> Result<Json<Page<SkuView>>> {
    let mut tx = app.db.read().await?;
    let mut items = offers(&app, &mut tx, Some(who.scope())).await?;
    items.retain(|sku| sku.active);
    Ok(Json(Page { items, next_cursor: None }))
}

async fn admin_list_http(_: Operator<ReadPrices>, app: App, (): ()) -> Result<Json<Page<SkuView>>> {
    let items = offers(&app, &mut *app.db.read().await?, None).await?;
    Ok(Json(Page { items, next_cursor: None }))
}

fn within(field: &'static str, value: Option<i64>, least: i64, most: i64) -> Result<Option<i64>> {
    match value {
        Some(value) if !(least..=most).contains(&value) => {
            Err(Error::field(field, format!("Enter {least} to {most} seconds.")))
        }
        other => Ok(other),
    }
}

/// Changes price or visibility.
pub(super) async fn edit(
    app: &App,
    who: &Operator<EditSku>,
    id: SkuId,
    change: &SkuEdit,
) -> Result<()> {
    let price = change.price_per_hour.as_deref().map(|text| {
        let most = Micros(1_000_000 * 1_000_000);
        Micros::parse_decimal(text).filter(|price| *price <= most).ok_or_else(|| {
            Error::field("price_per_hour", "Enter a price such as 2.49, at most 1000000.")
        })
    });
    let price = price.transpose()?;
    let step = within("increment_seconds", change.increment_seconds, 1, 3600)?;
    let minimum = within("minimum_seconds", change.minimum_seconds, 0, 86_400)?;
    let mut tx = app.db.write(who).await?;
    let sku = store::lock_sku(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if price.is_some() || step.is_some() || minimum.is_some() {
        let old = store::lock_price(&mut tx, id).await?.ok_or_else(Error::not_found)?.listed();
        let increment = Increment {
            step: step.unwrap_or(old.increment.step),
            minimum: minimum.unwrap_or(old.increment.minimum),
        };
        let listed = Listed { price: price.unwrap_or(old.price), increment };
        store::set_price(&mut tx, id, listed).await?;
        tx.note(Key::Amount, listed.price.0);
        tx.note(Key::Count, format!("{} s, at least {} s", increment.step, increment.minimum));
    }
    if let Some(active) = change.active {
        store::set_active(&mut tx, id, active).await?;
        tx.note(Key::State, if active { "visible" } else { "hidden" });
    }
    if let Some(requires) = change.requires_key {
        store::set_requires_key(&mut tx, id, requires).await?;
        tx.note(Key::Reason, if requires { "launches need a key" } else { "launches need no key" });
    }
    tx.target(id);
    tx.note(Key::Sku, sku.sku);
    tx.after_commit(app.teller("catalog"));
    tx.commit().await
}

async fn edit_http(
    who: Operator<EditSku>,
    app: App,
    Body(change): Body<SkuEdit>,
) -> Result<NoContent> {
    let id = who.head().id("sku_id")?;
    edit(&app, &who, id, &change).await.map(|()| NoContent)
}
