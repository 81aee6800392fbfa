//! Meters: the clock of an allocation, cut into closed windows, each charged once.
//!
//! A meter starts at confirmed ready and stops at the release request or the forced-release
//! decision, whatever becomes of the clean-up.

use super::{
    Settings, holds,
    post::{Fact, post},
    price_books::Terms,
    rating::{self, Increment},
    spend,
    store::{self, Window},
};
use crate::tenancy::{self, InProject};
use api::{
    AllocationId, Code, Micros, OrgId, PriceLineId, ProjectId, Time, UserId, billing::TxnKind,
    price_books::rounding as rounding_words,
};
use kernel::{
    App, Error, Result,
    audit::System,
    db::{Reader, WriteTx},
    row,
};
use std::{collections::HashMap, time::Duration};

row! {
    /// The clock of an allocation.
    pub struct Meter in "meters" {
        /// Allocation.
        pub allocation_id: AllocationId,
        /// Whose.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Who launched it; nobody where that was not written down.
        pub user_id: Option<UserId>,
        /// What is used.
        pub sku: String,
        /// Units.
        pub units: i64,
        /// Price per unit and hour, frozen for the run.
        pub price_per_hour: Micros,
        /// Whether the hardware is simulated.
        pub simulated: bool,
        /// Confirmed ready.
        pub started_at: Time,
        /// How far its windows reach.
        pub metered_to: Time,
        /// Microseconds charged for.
        pub billed_micros: i64,
        /// What was charged.
        pub charged: Micros,
        /// How many windows.
        pub windows: i64,
        /// When it stopped.
        pub stopped_at: Option<Time>,
        /// What the list said, where the price is another.
        pub list_price: Option<Micros>,
        /// The line of a price book the price is from.
        pub price_line_id: Option<PriceLineId>,
        /// Seconds its time is rounded up to.
        pub increment_seconds: i64,
        /// Seconds it costs at least.
        pub minimum_seconds: i64,
        /// What was charged beyond its time, because it was rounded up when it was released.
        pub rounding: Micros,
    }
}

/// Who ended a run: what the platform ends is not rounded up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedBy {
    /// Its owner, or itself.
    Tenant,
    /// An operator, a machine that was lost, money that ran out.
    Platform,
}

impl Meter {
    /// Returns how its time is rounded up.
    pub const fn increment(&self) -> Increment {
        Increment { step: self.increment_seconds, minimum: self.minimum_seconds }
    }

    /// Returns how long it is metered.
    pub fn ran(&self) -> Duration {
        Duration::from_micros(self.billed_micros.unsigned_abs())
    }

    /// Returns the charged time that going on for so long adds.
    pub fn ahead(&self, more: Duration) -> Duration {
        self.increment().ahead(self.ran(), more)
    }

    /// Returns how much longer it may run on so much more charged time.
    pub fn reach(&self, paid: Duration) -> Duration {
        self.increment().reach(self.ran(), paid)
    }

    /// Adds what rounding up the whole run comes to; nothing on overflow.
    fn round_up(&mut self) -> Option<()> {
        let rule = self.increment();
        if rule != Increment::SECOND {
            let total = self.total(rule.billed(self.ran()))?;
            self.rounding = Micros((total.0 - self.charged.0).max(0));
            self.charged = self.charged.plus(self.rounding)?;
        }
        Some(())
    }

    /// Returns what so much time costs.
    pub fn total(&self, time: Duration) -> Option<Micros> {
        rating::total(self.price_per_hour, self.units, time)
    }
}

/// What a meter starts with.
#[derive(Debug, Clone)]
pub struct MeterStart {
    /// Allocation.
    pub allocation_id: AllocationId,
    /// Who launched it.
    pub user_id: Option<UserId>,
    /// What is used.
    pub sku: String,
    /// Units.
    pub units: i64,
    /// What it costs.
    pub terms: Terms,
    /// Whether the hardware is simulated.
    pub simulated: bool,
    /// Confirmed ready.
    pub at: Time,
}

/// Cuts windows while work runs.
pub const WRITER: System =
    System { name: "billing.meters", unaudited: Some("each window is a ledger transaction") };

/// Starts a meter. Starting twice changes nothing.
///
/// # Errors
/// What the database says.
pub async fn start(tx: &mut WriteTx, scope: &InProject, begin: MeterStart) -> Result<()> {
    if store::find_meter(tx, begin.allocation_id).await?.is_some() {
        return Ok(());
    }
    if store::find_hold(tx, begin.allocation_id).await?.is_none() {
        return Err(Error::internal(anyhow::anyhow!("a meter without an open hold")));
    }
    let meter = Meter {
        allocation_id: begin.allocation_id,
        org_id: scope.org_id(),
        project_id: scope.project_id(),
        user_id: begin.user_id,
        sku: begin.sku,
        units: begin.units,
        price_per_hour: begin.terms.price,
        simulated: begin.simulated,
        started_at: begin.at,
        metered_to: begin.at,
        billed_micros: 0,
        charged: Micros::ZERO,
        windows: 0,
        stopped_at: None,
        list_price: begin.terms.list_price,
        price_line_id: begin.terms.line_id,
        increment_seconds: begin.terms.increment.step,
        minimum_seconds: begin.terms.increment.minimum,
        rounding: Micros::ZERO,
    };
    tx.insert(&meter).await
}

/// Closes the window that reaches to `to` and charges it; an empty one is left out.
///
/// With an end, what rounding up adds to the whole run is charged too: a meter that stopped never changes.
async fn cut(
    tx: &mut WriteTx,
    meter: &Meter,
    to: Time,
    stop: Option<(Time, EndedBy)>,
) -> Result<Meter> {
    let to = to.max(meter.metered_to);
    let span = to.since(meter.metered_to);
    let billed = meter.billed_micros + i64::try_from(span.as_micros()).unwrap_or(i64::MAX);
    let whole = Duration::from_micros(billed.unsigned_abs());
    let total =
        meter.total(whole).ok_or_else(|| Error::internal(anyhow::anyhow!("a charge overflows")))?;
    let charge = Micros(total.0 - meter.charged.0);
    let empty = span.is_zero();
    let mut new = Meter {
        metered_to: to,
        billed_micros: billed,
        charged: total,
        windows: meter.windows + i64::from(!empty),
        stopped_at: stop.map(|(at, _)| at),
        ..meter.clone()
    };
    if stop.is_some_and(|(_, by)| by == EndedBy::Tenant) {
        new.round_up().ok_or_else(overflow)?;
    }
    if !store::change_meter(tx, meter, &new).await? {
        return Err(Code::Raced.into());
    }
    if !empty {
        windowed(tx, meter, &new, charge).await?;
    }
    if new.rounding > Micros::ZERO {
        rounded(tx, &new).await?;
    }
    Ok(new)
}

fn overflow() -> Error {
    Error::internal(anyhow::anyhow!("a charge overflows"))
}

/// Writes a closed window and charges it.
async fn windowed(tx: &mut WriteTx, meter: &Meter, new: &Meter, charge: Micros) -> Result<()> {
    let window = Window {
        id: tx.new_id(),
        org_id: meter.org_id,
        project_id: meter.project_id,
        allocation_id: meter.allocation_id,
        seq: new.windows,
        sku: meter.sku.clone(),
        units: meter.units,
        price_per_hour: meter.price_per_hour,
        from_at: meter.metered_to,
        to_at: new.metered_to,
        charge,
        simulated: meter.simulated,
    };
    tx.insert(&window).await?;
    spend::add(tx, meter, charge, new.metered_to.since(meter.metered_to)).await?;
    charge_window(tx, meter, &window).await
}

async fn charge_window(tx: &mut WriteTx, meter: &Meter, window: &Window) -> Result<()> {
    if window.charge == Micros::ZERO {
        return Ok(());
    }
    let source_id = format!("{}:{}", meter.allocation_id, window.seq);
    let memo = format!("{} × {}", meter.units, meter.sku);
    charge(tx, meter, window.charge, ("usage", source_id, memo)).await
}

async fn charge(
    tx: &mut WriteTx,
    meter: &Meter,
    amount: Micros,
    (source, source_id, memo): (&'static str, String, String),
) -> Result<()> {
    let org = tenancy::find_organization(tx, meter.org_id).await?.ok_or_else(Error::not_found)?;
    let transfers = holds::draw(tx, meter.org_id, meter.allocation_id, amount).await?;
    let fact = Fact {
        kind: TxnKind::Usage,
        source,
        source_id,
        memo,
        org_id: meter.org_id,
        currency: org.currency,
        project_id: Some(meter.project_id),
        allocation_id: Some(meter.allocation_id),
        simulated: meter.simulated,
        corrects: None,
    };
    post(tx, &fact, &transfers).await.map(|_| ())
}

/// Where the ledger says that rounding comes from.
pub const ROUNDING: &str = "usage_rounding";

/// Charges what rounding up added to a run that is over.
async fn rounded(tx: &mut WriteTx, meter: &Meter) -> Result<()> {
    let rule = meter.increment();
    let beyond = rule.billed(meter.ran()).saturating_sub(meter.ran());
    spend::add(tx, meter, meter.rounding, beyond).await?;
    let words = rounding_words(rule.step, rule.minimum).unwrap_or_default();
    let memo = format!("{} × {}, charged {words}", meter.units, meter.sku);
    charge(tx, meter, meter.rounding, (ROUNDING, meter.allocation_id.to_string(), memo)).await
}

/// Stops a meter at a moment, closes its last window and charges it, and, where its owner ended it, what rounding
/// adds. Stopping twice changes nothing. Returns what the whole run cost; none when it never started.
///
/// # Errors
/// `conflict` when somebody changed it at the same moment.
pub async fn stop(
    tx: &mut WriteTx,
    allocation: AllocationId,
    at: Time,
    by: EndedBy,
) -> Result<Option<Micros>> {
    let Some(meter) = store::find_meter(tx, allocation).await? else { return Ok(None) };
    if meter.stopped_at.is_some() {
        return Ok(Some(meter.charged));
    }
    let stopped = cut(tx, &meter, at, Some((at.max(meter.metered_to), by))).await?;
    Ok(Some(stopped.charged))
}

/// Returns what each run cost so far: what was charged, and what it ran since, up to the moment given
/// with it. One that never started is not in the answer.
///
/// # Errors
/// What the database says.
pub async fn charged(
    tx: &mut Reader,
    runs: &HashMap<AllocationId, Time>,
) -> Result<HashMap<AllocationId, Micros>> {
    let ids: Vec<AllocationId> = runs.keys().copied().collect();
    let mut charged = HashMap::new();
    for meter in store::list_meters(tx, &ids).await? {
        let until = runs.get(&meter.allocation_id).copied().unwrap_or(meter.metered_to);
        charged.insert(meter.allocation_id, so_far(&meter, until));
    }
    Ok(charged)
}

fn so_far(meter: &Meter, until: Time) -> Micros {
    if meter.stopped_at.is_some() {
        return meter.charged;
    }
    let whole = meter.ran() + until.since(meter.metered_to);
    meter.total(whole).unwrap_or(meter.charged)
}

/// Returns until when an allocation's work is known to have run: now, or the last sign of life of a
/// node that does not answer.
pub type Confirmed<'a> = &'a (dyn Fn(AllocationId) -> Time + Sync);

/// Cuts a window of every running meter that is due, up to where its work is known to have run;
/// returns how many were cut and how many failed. One that fails does not hold up the others.
///
/// # Errors
/// What the database says about the list itself.
pub async fn tick_all(app: &App, confirmed: Confirmed<'_>) -> Result<(usize, usize)> {
    let window = app.get::<Settings>().window();
    let (mut cuts, mut failed, mut after) = (0, 0, None);
    loop {
        let meters = store::running_meters(&mut *app.db.read().await?, after, 200).await?;
        let Some(last) = meters.last() else { return Ok((cuts, failed)) };
        after = Some(last.allocation_id);
        for meter in meters {
            let to = confirmed(meter.allocation_id).min(app.seams.clock.now());
            if to.since(meter.metered_to) < window {
                continue;
            }
            match tick(app, meter.allocation_id, to).await {
                Ok(()) => cuts += 1,
                Err(error) => {
                    failed += 1;
                    tracing::warn!(id = %meter.allocation_id, %error, "a window cannot be cut yet");
                }
            }
        }
    }
}

async fn tick(app: &App, id: AllocationId, to: Time) -> Result<()> {
    let mut tx = app.db.write(&WRITER).await?;
    let Some(meter) = store::find_meter(&mut tx, id).await? else { return Ok(()) };
    if meter.stopped_at.is_some() {
        return Ok(());
    }
    cut(&mut tx, &meter, to, None).await?;
    tx.commit().await
}
