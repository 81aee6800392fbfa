//! SKUs follow what approved slots are there: one slice SKU for each kind, and one for whole machines.

use super::{
    Settings,
    store::{self, Sku},
};
use crate::{
    billing::{price_books::Listed, rating::Increment},
    fleet::{SkuGroup, sku_groups},
};
use api::{catalog::Shape, fleet::SlotKind};
use kernel::{
    App, Result,
    audit::{Key, System},
    sweeps::Sweep,
};
use std::{future::Future, pin::Pin, time::Duration};

/// Makes SKUs.
pub const WRITER: System = System { name: "catalog.derive", unaudited: None };

fn slug(text: &str) -> String {
    text.to_lowercase().chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

/// Returns name and display name of a SKU.
fn names(group: &SkuGroup, shape: Shape, units: i64) -> (String, String) {
    let made_up = if group.simulated { "sim-" } else { "" };
    let model = slug(&group.model);
    match (group.kind, shape) {
        (SlotKind::Cpu, Shape::GpuSlice) => {
            (format!("{made_up}cpu-slice"), "Processor slots".into())
        }
        (SlotKind::Cpu, Shape::Baremetal) => (
            format!("{made_up}cpu-baremetal-{units}c"),
            format!("Whole machine, {units} processor slots"),
        ),
        (SlotKind::Gpu, Shape::GpuSlice) => {
            (format!("{made_up}{model}-slice"), format!("{} GPUs", group.model))
        }
        (SlotKind::Gpu, Shape::Baremetal) => (
            format!("{made_up}{model}-baremetal-{units}g"),
            format!("Whole machine, {units} × {}", group.model),
        ),
    }
}

fn derive(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let groups = sku_groups(&mut *app.db.read().await?).await?;
        let mut made = 0;
        for group in groups {
            for shape in [Shape::GpuSlice, Shape::Baremetal] {
                made += usize::from(ensure(&app, &group, shape).await?);
            }
        }
        Ok(format!("{made} SKUs made"))
    })
}

/// Makes the SKU of a group and shape, unless it is there; says whether it was made.
async fn ensure(app: &App, group: &SkuGroup, shape: Shape) -> Result<bool> {
    let (sku, display_name) = names(group, shape, group.largest);
    if let Some((found, _)) = store::find_offer(&mut *app.db.read().await?, &sku).await? {
        if found.units < group.largest {
            let mut tx = app.db.write(&WRITER).await?;
            store::set_units(&mut tx, found.id, group.largest).await?;
            tx.target(found.id);
            tx.commit().await?;
        }
        return Ok(false);
    }
    let gpu = group.kind == SlotKind::Gpu;
    let price = app.get::<Settings>().first_price(&group.model, gpu);
    let mut tx = app.db.write(&WRITER).await?;
    let row = Sku {
        id: tx.new_id(),
        sku,
        display_name,
        kind: group.kind,
        model: group.model.clone(),
        simulated: group.simulated,
        capacity_shape: shape,
        units: group.largest,
        active: true,
        created_at: tx.now(),
        requires_key: false,
    };
    tx.insert(&row).await?;
    let listed = Listed { price, increment: Increment::SECOND };
    store::set_price(&mut tx, row.id, listed).await?;
    tx.target(row.id);
    tx.note(Key::Sku, &row.sku);
    tx.note(Key::Amount, price.0);
    tx.after_commit(app.teller("catalog"));
    tx.commit().await?;
    Ok(true)
}

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "catalog.derive", every: Duration::from_secs(5), walks: false, run: derive }
}
