//! SQL of metered usage.

pub use super::write_off_rows::{
    WriteOffRow, end_waiting, end_write_off, write_offs, write_offs_open, written_off_until,
};

use api::{
    Currency, MeterSourceId, Micros, OrgId, PriceLineId, ProjectId, Time, TxnId, TypedId,
    UsageChargeId, UsageEventId, UsagePriceId, UsageTotalId, UsageWriteOffId, UserId,
    metering::UsageMeter,
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A source of usage events.
    pub struct Source in "metering_sources" {
        /// Identifier.
        pub id: MeterSourceId,
        /// Its name.
        pub name: String,
        /// What its token hashes to.
        pub token_hash: Vec<u8>,
        /// The beginning of its token.
        pub hint: String,
        /// Who made it.
        pub created_by: UserId,
        /// When.
        pub created_at: Time,
        /// When it ended.
        pub revoked_at: Option<Time>,
    }
}

row! {
    /// A price of a meter.
    pub struct Price in "usage_prices" {
        /// Identifier.
        pub id: UsagePriceId,
        /// Of what.
        pub meter: UsageMeter,
        /// In what.
        pub currency: Currency,
        /// How much, of what the meter is priced by.
        pub price: Micros,
        /// From when on.
        pub valid_from: Time,
        /// Who set it.
        pub set_by: UserId,
        /// When.
        pub set_at: Time,
    }
}

row! {
    /// What a subject used of a meter at one price.
    pub struct Total in "usage_totals" {
        /// Identifier.
        pub id: UsageTotalId,
        /// Whose.
        pub org_id: OrgId,
        /// Where.
        pub project_id: ProjectId,
        /// What was used.
        pub meter: UsageMeter,
        /// By what.
        pub subject: String,
        /// The price.
        pub price_id: UsagePriceId,
        /// What it is.
        pub price: Micros,
        /// How much was used.
        pub quantity: i64,
        /// What it cost.
        pub charged: Micros,
        /// How many steps it took.
        pub charges: i64,
        /// The line of a price book the price is from.
        pub price_line_id: Option<PriceLineId>,
    }
}

row! {
    /// A step of a total.
    pub struct Charge in "usage_charges" {
        /// Identifier.
        pub id: UsageChargeId,
        /// The total.
        pub total_id: UsageTotalId,
        /// Its place, from 1.
        pub seq: i64,
        /// Whose.
        pub org_id: OrgId,
        /// Where.
        pub project_id: ProjectId,
        /// How much was used.
        pub quantity: i64,
        /// How much was used with the steps before.
        pub quantity_to: i64,
        /// What this step cost.
        pub charge: Micros,
        /// The day it was booked on (UTC).
        pub day: i64,
        /// When it was booked.
        pub at: Time,
        /// The transaction it was booked with; none where it came to nothing.
        pub txn_id: Option<TxnId>,
    }
}

row! {
    /// A usage event.
    pub struct Event in "usage_events" {
        /// Made of its source and its name there.
        pub id: UsageEventId,
        /// Who told.
        pub source_id: MeterSourceId,
        /// Its name there.
        pub event_id: String,
        /// Whose.
        pub org_id: OrgId,
        /// Where.
        pub project_id: ProjectId,
        /// What was used.
        pub meter: UsageMeter,
        /// By what.
        pub subject: String,
        /// How much.
        pub quantity: i64,
        /// When.
        pub at: Time,
        /// When it was told.
        pub received_at: Time,
        /// The step it was charged with; none while no price is known.
        pub charge_id: Option<UsageChargeId>,
        /// With what it was written off.
        pub write_off_id: Option<UsageWriteOffId>,
    }
}

/// Returns a source by what its token hashes to.
pub async fn find_source(tx: &mut Reader, digest: &[u8]) -> Result<Option<Source>> {
    tx.find("SELECT {} FROM metering_sources WHERE token_hash = $1", (digest.to_vec(),)).await
}

/// Holds a source until the end of the transaction: its batches wait for each other.
pub async fn lock_source(tx: &mut WriteTx, id: MeterSourceId) -> Result<Option<Source>> {
    let sql = "SELECT {} FROM metering_sources WHERE id = $1";
    Ok(tx.list_locked(sql, (id,), Lock::Update).await?.into_iter().next())
}

/// Returns sources: those that work, then the newest that ended.
pub async fn sources(tx: &mut Reader) -> Result<Vec<Source>> {
    tx.list(
        "SELECT {} FROM metering_sources
          ORDER BY CASE WHEN revoked_at IS NULL THEN 0 ELSE 1 END, id DESC LIMIT 500",
        (),
    )
    .await
}

/// Ends a source that works; false when it does not.
pub async fn end_source(tx: &mut WriteTx, id: MeterSourceId) -> Result<bool> {
    let now = tx.now();
    let sql = "UPDATE metering_sources SET revoked_at = $1 WHERE id = $2 AND revoked_at IS NULL";
    tx.run(sql, (now, id)).await.map(|count| count == 1)
}

/// Returns all prices, of each meter and currency the newest first.
pub async fn prices(tx: &mut Reader) -> Result<Vec<Price>> {
    tx.list("SELECT {} FROM usage_prices ORDER BY meter, currency, valid_from DESC", ()).await
}

/// Returns whether an organization pays in a currency.
pub async fn pays_in(tx: &mut Reader, currency: Currency) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM organizations WHERE currency = $1";
    tx.value::<i64>(sql, (currency,)).await.map(|count| count > 0)
}

row! {
    /// A project and whose it is.
    pub struct Place {
        /// The project.
        pub id: ProjectId,
        /// Its organization.
        pub org_id: OrgId,
        /// The organization's currency.
        pub currency: Currency,
    }
}

/// Returns whose projects are, deleted ones too: what they used is still charged.
pub async fn places(tx: &mut Reader, projects: &[ProjectId]) -> Result<Vec<Place>> {
    tx.list_of(
        "SELECT p.id, p.org_id, o.currency FROM projects p JOIN organizations o ON o.id = p.org_id
          WHERE p.id IN ({in})",
        projects,
    )
    .await
}

/// Returns those of these events that are known.
pub async fn events(tx: &mut Reader, ids: &[UsageEventId]) -> Result<Vec<Event>> {
    tx.list_of("SELECT {} FROM usage_events WHERE id IN ({in})", ids).await
}

/// Says with which step an event was charged.
pub async fn set_charge(tx: &mut WriteTx, id: UsageEventId, charge: UsageChargeId) -> Result<()> {
    let sql = "UPDATE usage_events SET charge_id = $1
                WHERE id = $2 AND charge_id IS NULL AND write_off_id IS NULL";
    tx.run(sql, (charge, id)).await.map(|_| ())
}

/// Returns those of these totals that are there.
pub async fn find_totals(tx: &mut Reader, ids: &[UsageTotalId]) -> Result<Vec<Total>> {
    tx.list_of("SELECT {} FROM usage_totals WHERE id IN ({in})", ids).await
}

/// Moves a total on.
pub async fn change_total(tx: &mut WriteTx, row: &Total) -> Result<()> {
    tx.run(
        "UPDATE usage_totals SET quantity = $1, charged = $2, charges = $3 WHERE id = $4",
        (row.quantity, row.charged, row.charges, row.id),
    )
    .await
    .map(|_| ())
}

/// Returns the steps a transaction booked, with their totals.
pub async fn charges_of(tx: &mut Reader, txn: TxnId) -> Result<Vec<(Charge, Total)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM usage_charges a JOIN usage_totals b ON b.id = a.total_id
          WHERE a.txn_id = $1 ORDER BY a.id",
        (txn,),
    )
    .await
}

/// Adds a charge to its day.
pub async fn add_day(tx: &mut WriteTx, total: &Total, day: i64, charge: Micros) -> Result<()> {
    tx.run(
        "INSERT INTO usage_days (project_id, day, meter, subject, org_id, charge)
         VALUES ($1, $2, $3, $4, $5, $6)
         ON CONFLICT (project_id, day, meter, subject) DO UPDATE
            SET charge = usage_days.charge + excluded.charge",
        (total.project_id, day, total.meter, total.subject.clone(), total.org_id, charge),
    )
    .await
    .map(|_| ())
}

/// Returns a project's totals, newest first.
pub async fn totals(
    tx: &mut Reader,
    project: ProjectId,
    before: Option<UsageTotalId>,
    limit: i64,
) -> Result<Vec<Total>> {
    tx.list(
        "SELECT {} FROM usage_totals WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        (project, before.unwrap_or(UsageTotalId::last()), limit),
    )
    .await
}

row! {
    /// How much of a meter waits for a price.
    pub struct Waiting in "usage_waiting" {
        /// Whose.
        pub org_id: OrgId,
        /// What was used.
        pub meter: UsageMeter,
        /// How many events.
        pub events: i64,
        /// How much; the most there can be where it is more.
        pub quantity: i64,
        /// Since when.
        pub since: Time,
    }
}

/// Returns how much of a meter waits.
pub async fn waiting_of(tx: &mut Reader, org: OrgId, meter: UsageMeter) -> Result<Option<Waiting>> {
    tx.find("SELECT {} FROM usage_waiting WHERE org_id = $1 AND meter = $2", (org, meter)).await
}

/// Writes down how much of a meter waits; the organization's money is locked.
pub async fn save_waiting(tx: &mut WriteTx, row: &Waiting) -> Result<()> {
    tx.run(
        "INSERT INTO usage_waiting (org_id, meter, events, quantity, since)
         VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (org_id, meter) DO UPDATE
            SET events = excluded.events, quantity = excluded.quantity, since = excluded.since",
        (row.org_id, row.meter, row.events, row.quantity, row.since),
    )
    .await
    .map(|_| ())
}

row! {
    /// The organization something waits in.
    pub struct WaitingOrg {
        /// Its name.
        pub name: String,
        /// Its currency.
        pub currency: Currency,
    }
}

/// Returns what waits for a price, the oldest first.
pub async fn waiting(tx: &mut Reader) -> Result<Vec<(Waiting, WaitingOrg)>> {
    tx.list(
        "SELECT w.org_id, w.meter, w.events, w.quantity, w.since, o.name, o.currency
           FROM usage_waiting w JOIN organizations o ON o.id = w.org_id
          WHERE w.events > 0 ORDER BY w.since, w.org_id, w.meter LIMIT 1000",
        (),
    )
    .await
}

/// Returns events that wait, from a moment on, in the order of their time.
pub async fn waiting_events(
    tx: &mut Reader,
    (org, meter): (OrgId, UsageMeter),
    after: (Time, UsageEventId),
    limit: i64,
) -> Result<Vec<Event>> {
    tx.list(
        "SELECT {} FROM usage_events
          WHERE charge_id IS NULL AND write_off_id IS NULL AND org_id = $1 AND meter = $2
            AND at >= $3 AND (at > $3 OR id > $4)
          ORDER BY at, id LIMIT $5",
        (org, meter, after.0, after.1, limit),
    )
    .await
}
