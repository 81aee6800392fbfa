//! All SQL of the catalog.

use crate::billing::{price_books::Listed, rating::Increment};
use api::{Micros, PriceId, SkuId, Time, catalog::Shape, fleet::SlotKind};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// Something that can be bought.
    pub struct Sku in "skus" {
        /// Identifier.
        pub id: SkuId,
        /// Stable name.
        pub sku: String,
        /// Name for people.
        pub display_name: String,
        /// GPU or processors.
        pub kind: SlotKind,
        /// Model.
        pub model: String,
        /// Whether the hardware is made up.
        pub simulated: bool,
        /// How capacity is cut.
        pub capacity_shape: Shape,
        /// Slots of a whole machine; the most of a slice.
        pub units: i64,
        /// Whether people see it.
        pub active: bool,
        /// Since when.
        pub created_at: Time,
        /// Whether its launches need an SSH key, whatever the organization says.
        pub requires_key: bool,
    }
}

row! {
    /// A price and its time.
    pub struct Price in "prices" {
        /// Identifier.
        pub id: PriceId,
        /// Of what.
        pub sku_id: SkuId,
        /// Per unit and hour.
        pub price_per_hour: Micros,
        /// From.
        pub valid_from: Time,
        /// To; none while it holds.
        pub valid_to: Option<Time>,
        /// Seconds the time of a run is rounded up to.
        pub increment_seconds: i64,
        /// Seconds a run costs at least.
        pub minimum_seconds: i64,
    }
}

impl Price {
    /// Returns what the list says.
    pub const fn listed(&self) -> Listed {
        let increment = Increment { step: self.increment_seconds, minimum: self.minimum_seconds };
        Listed { price: self.price_per_hour, increment }
    }
}

/// A SKU with its present price.
pub type Offer = (Sku, Price);

/// Returns every SKU with its present price.
pub async fn list_offers(tx: &mut Reader) -> Result<Vec<Offer>> {
    tx.pairs(
        "SELECT {a}, {b} FROM skus a JOIN prices b ON b.sku_id = a.id AND b.valid_to IS NULL
          ORDER BY a.kind DESC, a.model, a.simulated, a.capacity_shape DESC, a.sku LIMIT 500",
        (),
    )
    .await
}

/// Returns a SKU by its name, with its present price.
pub async fn find_offer(tx: &mut Reader, sku: &str) -> Result<Option<Offer>> {
    let found = tx
        .pairs(
            "SELECT {a}, {b} FROM skus a JOIN prices b ON b.sku_id = a.id AND b.valid_to IS NULL
              WHERE a.sku = $1",
            (sku,),
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Holds a SKU until the end of the transaction: whoever changes it waits.
pub async fn lock_sku(tx: &mut WriteTx, id: SkuId) -> Result<Option<Sku>> {
    let rows = tx.list_locked("SELECT {} FROM skus WHERE id = $1", (id,), Lock::Update).await?;
    Ok(rows.into_iter().next())
}

/// Returns the present price of a SKU that is held.
pub async fn lock_price(tx: &mut WriteTx, sku_id: SkuId) -> Result<Option<Price>> {
    let sql = "SELECT {} FROM prices WHERE sku_id = $1 AND valid_to IS NULL";
    Ok(tx.list_locked(sql, (sku_id,), Lock::Update).await?.into_iter().next())
}

/// Sets whether people see a SKU.
pub async fn set_active(tx: &mut WriteTx, id: SkuId, active: bool) -> Result<()> {
    tx.run("UPDATE skus SET active = $1 WHERE id = $2", (active, id)).await.map(|_| ())
}

/// Sets whether launches of a SKU need an SSH key.
pub async fn set_requires_key(tx: &mut WriteTx, id: SkuId, requires: bool) -> Result<()> {
    tx.run("UPDATE skus SET requires_key = $1 WHERE id = $2", (requires, id)).await.map(|_| ())
}

/// Ends the present price and begins another at the same moment.
pub async fn set_price(tx: &mut WriteTx, sku_id: SkuId, listed: Listed) -> Result<()> {
    let now = tx.now();
    tx.run("UPDATE prices SET valid_to = $1 WHERE sku_id = $2 AND valid_to IS NULL", (now, sku_id))
        .await?;
    let price = Price {
        id: tx.new_id(),
        sku_id,
        price_per_hour: listed.price,
        valid_from: now,
        valid_to: None,
        increment_seconds: listed.increment.step,
        minimum_seconds: listed.increment.minimum,
    };
    tx.insert(&price).await
}

/// Sets how many units a SKU may have at most.
pub async fn set_units(tx: &mut WriteTx, id: SkuId, units: i64) -> Result<()> {
    tx.run("UPDATE skus SET units = $1 WHERE id = $2 AND units < $1", (units, id)).await.map(|_| ())
}
