//! SQL of metered usage.

use api::{
    Currency, MeterSourceId, Micros, OrgId, ProjectId, Time, TypedId, UsageChargeId, UsageEventId,
    UsagePriceId, UsageTotalId, UserId, metering::UsageMeter,
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

/// Returns sources, newest first.
pub async fn sources(tx: &mut Reader) -> Result<Vec<Source>> {
    tx.list("SELECT {} FROM metering_sources ORDER BY id DESC LIMIT 200", ()).await
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
    let sql = "UPDATE usage_events SET charge_id = $1 WHERE id = $2 AND charge_id IS NULL";
    tx.run(sql, (charge, id)).await.map(|_| ())
}

/// Returns a total by what it is of.
pub async fn find_total(
    tx: &mut Reader,
    project: ProjectId,
    meter: UsageMeter,
    subject: &str,
    price: UsagePriceId,
) -> Result<Option<Total>> {
    tx.find(
        "SELECT {} FROM usage_totals
          WHERE project_id = $1 AND meter = $2 AND subject = $3 AND price_id = $4",
        (project, meter, subject.to_owned(), price),
    )
    .await
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

/// Returns a step with its total.
pub async fn find_charge(tx: &mut Reader, id: UsageChargeId) -> Result<Option<(Charge, Total)>> {
    let rows: Vec<(Charge, Total)> = tx
        .pairs(
            "SELECT {a}, {b} FROM usage_charges a JOIN usage_totals b ON b.id = a.total_id
              WHERE a.id = $1",
            (id,),
        )
        .await?;
    Ok(rows.into_iter().next())
}

/// Returns what of a total was charged before a step.
pub async fn charged_before(tx: &mut Reader, step: &Charge) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM usage_charges
          WHERE total_id = $1 AND seq < $2",
        (step.total_id, step.seq),
    )
    .await
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
    /// Usage that waits for a price.
    pub struct Waiting {
        /// Whose.
        pub org_id: OrgId,
        /// The organization's name.
        pub org: String,
        /// Its currency.
        pub currency: Currency,
        /// What was used.
        pub meter: UsageMeter,
        /// How many events.
        pub events: i64,
        /// How much.
        pub quantity: i64,
        /// The oldest.
        pub since: Time,
    }
}

/// Returns what waits for a price.
pub async fn waiting(tx: &mut Reader) -> Result<Vec<Waiting>> {
    tx.list(
        "SELECT e.org_id, o.name, o.currency, e.meter, CAST(COUNT(*) AS BIGINT),
                CAST(SUM(e.quantity) AS BIGINT), MIN(e.at)
           FROM usage_events e JOIN organizations o ON o.id = e.org_id
          WHERE e.charge_id IS NULL
          GROUP BY e.org_id, o.name, o.currency, e.meter
          ORDER BY MIN(e.at) LIMIT 200",
        (),
    )
    .await
}

/// Returns some events of one organization that wait and have a price now.
pub async fn priced_now(tx: &mut Reader, limit: i64) -> Result<Vec<Event>> {
    let first: Option<Event> = tx
        .find(
            "SELECT {} FROM usage_events e
              WHERE e.charge_id IS NULL AND EXISTS (
                SELECT 1 FROM usage_prices p JOIN organizations o ON o.currency = p.currency
                 WHERE o.id = e.org_id AND p.meter = e.meter AND p.valid_from <= e.at)
              ORDER BY e.org_id, e.meter, e.at LIMIT 1",
            (),
        )
        .await?;
    let Some(first) = first else { return Ok(Vec::new()) };
    tx.list(
        "SELECT {} FROM usage_events WHERE charge_id IS NULL AND org_id = $1 AND meter = $2 AND at >= $3
          ORDER BY at, id LIMIT $4",
        (first.org_id, first.meter, first.at, limit),
    )
    .await
}

/// Returns what was charged from a day on: of an organization, a department, a project.
pub async fn charged_since(
    tx: &mut Reader,
    org: OrgId,
    department: Option<api::DeptId>,
    project: Option<ProjectId>,
    from: i64,
) -> Result<Micros> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(charge), 0) AS BIGINT) FROM usage_charges
          WHERE org_id = $1 AND day >= $2 AND ($3 IS NULL OR project_id = $3)
            AND ($4 IS NULL OR project_id IN
              (SELECT id FROM projects WHERE org_id = $1 AND department_id = $4))",
        (org, from, project, department),
    )
    .await
}

row! {
    /// What a day cost.
    pub struct ChargedDay {
        /// Its number.
        pub day: i64,
        /// How much.
        pub charge: Micros,
    }
}

/// Returns what each day of a span cost.
pub async fn charged_days(
    tx: &mut Reader,
    org: OrgId,
    from: i64,
    until: i64,
) -> Result<Vec<ChargedDay>> {
    tx.list(
        "SELECT day, CAST(SUM(charge) AS BIGINT) FROM usage_charges
          WHERE org_id = $1 AND day >= $2 AND day < $3 GROUP BY day ORDER BY day",
        (org, from, until),
    )
    .await
}

row! {
    /// What a subject cost.
    pub struct ChargedPiece {
        /// Where.
        pub project_id: ProjectId,
        /// What was used.
        pub meter: UsageMeter,
        /// By what.
        pub subject: String,
        /// How much it cost.
        pub charge: Micros,
    }
}

/// Returns what each subject cost in a span of days.
pub async fn charged_pieces(
    tx: &mut Reader,
    org: OrgId,
    (from, until): (i64, i64),
) -> Result<Vec<ChargedPiece>> {
    tx.list(
        "SELECT t.project_id, t.meter, t.subject, CAST(SUM(c.charge) AS BIGINT)
           FROM usage_charges c JOIN usage_totals t ON t.id = c.total_id
          WHERE c.org_id = $1 AND c.day >= $2 AND c.day < $3
          GROUP BY t.project_id, t.meter, t.subject",
        (org, from, until),
    )
    .await
}
