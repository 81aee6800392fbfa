//! Holds: money reserved for running work. Opened with the launch, extended each minute, used up by
//! charges, closed with the release.

use super::{
    Settings, auditor, debts, ladder, lots,
    meter::Meter,
    model::AccountKind,
    payments,
    post::{Fact, Transfer, post},
    rating::{self, Increment},
    store,
};
use crate::tenancy::{self, InProject};
use api::{
    AllocationId, Code, Currency, HoldId, Micros, OrgId, ProjectId, Time, UserId, billing::TxnKind,
    words,
};
use kernel::{App, Error, Result, audit::System, db::Reader, db::WriteTx, row};
use std::{collections::HashMap, time::Duration};

words! {
    /// Whether a hold still reserves money.
    pub enum HoldState {
        /// Yes.
        Open = "open",
        /// No; nothing remains in it.
        Closed = "closed",
    }
}

row! {
    /// Money reserved for an allocation.
    pub struct Hold in "holds" {
        /// Identifier.
        pub id: HoldId,
        /// Whose.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Allocation.
        pub allocation_id: AllocationId,
        /// Who launched it; nobody where that was not written down.
        pub user_id: Option<UserId>,
        /// What the work costs per hour, all units.
        pub rate_per_hour: Micros,
        /// What is left in it.
        pub remaining: Micros,
        /// Open or closed.
        pub state: HoldState,
        /// Rises with each change; names its ledger facts.
        pub step: i64,
        /// Until when it pays at the present rate.
        pub ends_at: Time,
        /// When the work must be stopped because it could not be extended.
        pub stop_at: Option<Time>,
        /// When it was opened.
        pub created_at: Time,
        /// When it was closed.
        pub closed_at: Option<Time>,
    }
}

/// What a hold is asked for.
#[derive(Debug, Clone, Copy)]
pub struct HoldAsk {
    /// For which allocation.
    pub allocation_id: AllocationId,
    /// Who launches it.
    pub user_id: Option<UserId>,
    /// What it costs per hour, all units.
    pub rate_per_hour: Micros,
    /// How its time is rounded up.
    pub increment: Increment,
    /// Whether the hardware is simulated.
    pub simulated: bool,
}

/// Extends holds and closes them.
pub const WRITER: System =
    System { name: "billing.holds", unaudited: Some("each change is a ledger transaction") };

fn fact(hold: &Hold, kind: TxnKind, currency: Currency, simulated: bool, memo: &str) -> Fact {
    Fact {
        kind,
        source: "hold",
        source_id: format!("{}:{}", hold.id, hold.step),
        memo: memo.to_owned(),
        org_id: hold.org_id,
        currency,
        project_id: Some(hold.project_id),
        allocation_id: Some(hold.allocation_id),
        simulated,
        corrects: None,
    }
}

async fn currency_of(tx: &mut Reader, org: OrgId) -> Result<Currency> {
    let org = tenancy::find_organization(tx, org).await?;
    org.map(|org| org.currency).ok_or_else(Error::not_found)
}

/// How much a launch reserves.
#[derive(Debug, Clone, Copy)]
pub struct Reserve {
    /// What it costs per hour, all units.
    pub rate: Micros,
    /// How its time is rounded up.
    pub increment: Increment,
    /// How long it should be paid for.
    pub span: Duration,
    /// How long it must be paid for.
    pub least: Duration,
}

impl Reserve {
    /// Returns what is reserved of what is available, how long it lasts, and whether that is enough; nothing on
    /// overflow. What is less than a step buys nothing: others can use it.
    pub fn of(self, available: Micros) -> Option<(Micros, Duration, bool)> {
        let cover = |span| rating::cover(self.rate, 1, self.increment.billed(span));
        let (wanted, least) = (cover(self.span)?, cover(self.least)?);
        if available >= wanted {
            return Some((wanted, self.span, wanted >= least));
        }
        let lasts = rating::lasts(available, self.rate).unwrap_or(self.span);
        if available < least || self.increment == Increment::SECOND {
            return Some((available, lasts, available >= least));
        }
        let span = self.increment.reach(Duration::ZERO, lasts);
        Some((available.min(cover(span)?.max(least)), span, true))
    }
}

/// Reserves money for work: the setting's minutes of its rate, or the whole balance when that is
/// less; at least one minute beyond the stop margin must be covered.
///
/// # Errors
/// `insufficient_balance`; `service_unavailable` while the books are broken.
pub async fn open(app: &App, tx: &mut WriteTx, scope: &InProject, ask: HoldAsk) -> Result<Hold> {
    auditor::sound(app)?;
    let settings = app.get::<Settings>();
    let overflow = || Error::internal(anyhow::anyhow!("a hold overflows"));
    store::lock_money(tx, scope.org_id()).await?;
    let currency = currency_of(tx, scope.org_id()).await?;
    debts::collect(tx, scope.org_id(), currency).await?;
    let available = lots::spendable(tx, scope.org_id()).await?;
    let reserve = Reserve {
        rate: ask.rate_per_hour,
        increment: ask.increment,
        span: settings.hold_span(),
        least: settings.stop_margin() + Duration::from_secs(60),
    };
    let (amount, span, enough) = reserve.of(available).ok_or_else(overflow)?;
    if !enough {
        return Err(Code::InsufficientBalance.into());
    }
    let hold = Hold {
        id: tx.new_id(),
        org_id: scope.org_id(),
        project_id: scope.project_id(),
        allocation_id: ask.allocation_id,
        user_id: ask.user_id,
        rate_per_hour: ask.rate_per_hour,
        remaining: amount,
        state: HoldState::Open,
        step: 1,
        ends_at: tx.now().plus(span.min(settings.hold_span())),
        stop_at: None,
        created_at: tx.now(),
        closed_at: None,
    };
    tx.insert(&hold).await?;
    let fact = fact(&hold, TxnKind::Hold, currency, ask.simulated, "Reserved for running work");
    let reserve = lots::reserve(tx, hold.org_id, hold.id, amount).await?;
    post(tx, &fact, &reserve).await?;
    Ok(hold)
}

/// How far a hold should reach from where its run is metered.
fn reach(settings: &Settings, meter: &Meter, now: Time) -> Duration {
    settings.hold_span() + now.since(meter.metered_to)
}

/// Returns whether a hold needs nothing: at most a minute of it is used up.
fn is_enough(settings: &Settings, hold: &Hold, meter: &Meter, now: Time) -> bool {
    let most = reach(settings, meter, now).checked_sub(Duration::from_secs(60));
    let enough = most.and_then(|most| rating::cover(hold.rate_per_hour, 1, meter.ahead(most)));
    hold.stop_at.is_none() && enough.is_some_and(|enough| hold.remaining >= enough)
}

/// Returns how much of what is available makes a run last longer: what is less than a step does not.
fn worth(hold: &Hold, meter: &Meter, available: Micros) -> Option<Micros> {
    if meter.increment() == Increment::SECOND {
        return Some(available);
    }
    let all = hold.remaining.plus(available)?;
    let reach = meter.reach(rating::lasts(all, hold.rate_per_hour)?);
    let cost = rating::cover(hold.rate_per_hour, 1, meter.ahead(reach))?;
    Some(Micros((cost.0 - hold.remaining.0).clamp(0, available.0)))
}

/// Fills a hold up to the setting's minutes beyond what is metered, or says when its work must stop.
async fn extend(app: &App, tx: &mut WriteTx, hold: &Hold, meter: &Meter) -> Result<bool> {
    let settings = app.get::<Settings>();
    let overflow = || Error::internal(anyhow::anyhow!("a hold overflows"));
    store::lock_money(tx, hold.org_id).await?;
    if is_enough(settings, hold, meter, tx.now()) {
        return Ok(true);
    }
    let reach = reach(settings, meter, tx.now());
    let wanted = rating::cover(hold.rate_per_hour, 1, meter.ahead(reach)).ok_or_else(overflow)?;
    let missing = Micros((wanted.0 - hold.remaining.0).max(0));
    let available = lots::spendable(tx, hold.org_id).await?;
    let amount = match missing <= available {
        true => missing,
        false => worth(hold, meter, available).ok_or_else(overflow)?,
    };
    let remaining = hold.remaining.plus(amount).ok_or_else(overflow)?;
    let lasts = rating::lasts(remaining, hold.rate_per_hour).map(|span| meter.reach(span));
    let span = lasts.unwrap_or(reach).min(reach);
    let ends_at = meter.metered_to.plus(span);
    let short = remaining < wanted;
    let stop_at = short.then(|| ends_at.minus(settings.stop_margin()));
    let new = Hold { remaining, ends_at, stop_at, step: hold.step + 1, ..hold.clone() };
    if !store::change_hold(tx, hold, &new).await? {
        return Err(Code::Raced.into());
    }
    if amount > Micros::ZERO {
        let currency = currency_of(tx, hold.org_id).await?;
        let memo = "Reserved for running work";
        let fact = fact(&new, TxnKind::Hold, currency, meter.simulated, memo);
        let reserve = lots::reserve(tx, hold.org_id, hold.id, amount).await?;
        post(tx, &fact, &reserve).await?;
    }
    Ok(!short)
}

/// What extending did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extended {
    /// Filled.
    pub filled: usize,
    /// Could not be filled: their work is to be stopped.
    pub short: usize,
    /// Could not be looked at now.
    pub failed: usize,
}

/// Extends the hold of every running meter. One that fails does not hold up the others.
///
/// # Errors
/// What the database says about the list itself.
pub async fn extend_all(app: &App) -> Result<Extended> {
    let (mut done, mut after) = (Extended::default(), None);
    loop {
        let mut tx = app.db.read().await?;
        let holds = store::open_holds(&mut tx, after, 200).await?;
        let Some(last) = holds.last() else { return Ok(done) };
        after = Some(last.id);
        let ids: Vec<AllocationId> = holds.iter().map(|hold| hold.allocation_id).collect();
        let meters = store::list_meters(&mut tx, &ids).await?;
        drop(tx);
        let meters: HashMap<AllocationId, Meter> =
            meters.into_iter().map(|meter| (meter.allocation_id, meter)).collect();
        let (settings, now) = (app.get::<Settings>(), app.seams.clock.now());
        // Most need nothing: only the others take a turn of the writer, and are looked at again in it.
        let due = holds.iter().filter(|hold| {
            let running =
                meters.get(&hold.allocation_id).filter(|meter| meter.stopped_at.is_none());
            running.is_some_and(|meter| !is_enough(settings, hold, meter, now))
        });
        for hold in due {
            match extend_one(app, hold.allocation_id).await {
                Ok(Some(true)) => done.filled += 1,
                Ok(Some(false)) => done.short += 1,
                Ok(None) => {}
                Err(error) => {
                    done.failed += 1;
                    tracing::warn!(id = %hold.allocation_id, %error, "a hold cannot be extended yet");
                }
            }
        }
    }
}

/// Extends the hold of a running meter; none when nothing runs.
async fn extend_one(app: &App, id: AllocationId) -> Result<Option<bool>> {
    let mut tx = app.db.write(&WRITER).await?;
    let running = store::find_meter(&mut tx, id).await?.filter(|meter| meter.stopped_at.is_none());
    let hold = store::find_hold(&mut tx, id).await?;
    let (Some(meter), Some(hold)) = (running, hold) else { return Ok(None) };
    let filled = extend(app, &mut tx, &hold, &meter).await?;
    tx.commit().await?;
    Ok(Some(filled))
}

/// Returns open holds whose work must be stopped by now.
///
/// # Errors
/// What the database says.
pub async fn due_to_stop(tx: &mut Reader) -> Result<Vec<Hold>> {
    let now = tx.now();
    store::holds_to_stop(tx, now, 500).await
}

/// Takes a charge out of a hold; what it does not cover comes from the balance, and what that does
/// not cover is booked as the platform's loss. Returns how it was paid.
pub(super) async fn draw(
    tx: &mut WriteTx,
    org: OrgId,
    allocation: AllocationId,
    charge: Micros,
) -> Result<Vec<Transfer>> {
    store::lock_money(tx, org).await?;
    let mut left = charge;
    let mut transfers = Vec::new();
    if let Some(hold) = store::find_hold(tx, allocation).await? {
        let amount = take(&mut left, &mut transfers, (AccountKind::Held, hold.remaining));
        lots::use_up(tx, hold.id, amount).await?;
        let new = Hold {
            remaining: Micros(hold.remaining.0 - amount.0),
            step: hold.step + 1,
            ..hold.clone()
        };
        if !store::change_hold(tx, &hold, &new).await? {
            return Err(Code::Raced.into());
        }
    }
    rest(tx, org, left, &mut transfers).await?;
    Ok(transfers)
}

/// Moves up to so much of what is left to the revenue; returns how much.
fn take(
    left: &mut Micros,
    transfers: &mut Vec<Transfer>,
    (debit, most): (AccountKind, Micros),
) -> Micros {
    let amount = (*left).min(most).max(Micros::ZERO);
    *left = Micros(left.0 - amount.0);
    if amount > Micros::ZERO {
        transfers.push(Transfer { debit, credit: AccountKind::Revenue, amount });
    }
    amount
}

/// Takes a charge that no hold covers out of given credit, then out of what was paid in; what those do not cover is
/// the platform's loss. The organization's money is locked.
pub(super) async fn rest(
    tx: &mut WriteTx,
    org: OrgId,
    charge: Micros,
    transfers: &mut Vec<Transfer>,
) -> Result<()> {
    let mut left = charge;
    let given = lots::spend(tx, org, left).await?;
    take(&mut left, transfers, (AccountKind::Promotional, given));
    let available = store::balance_of(tx, org, AccountKind::Available).await?;
    take(&mut left, transfers, (AccountKind::Available, available));
    take(&mut left, transfers, (AccountKind::Loss, Micros(i64::MAX)));
    Ok(())
}

/// Closes an allocation's hold and gives back what is left. Closing twice changes nothing.
///
/// # Errors
/// `conflict` when somebody changed it at the same moment.
pub async fn close(tx: &mut WriteTx, allocation: AllocationId, simulated: bool) -> Result<()> {
    let Some(hold) = store::find_hold(tx, allocation).await? else { return Ok(()) };
    let meter = store::find_meter(tx, allocation).await?;
    if meter.is_some_and(|meter| meter.stopped_at.is_none()) {
        return Err(Error::internal(anyhow::anyhow!("a hold closed under a running meter")));
    }
    store::lock_money(tx, hold.org_id).await?;
    if hold.stop_at.is_some_and(|at| at <= tx.now()) {
        ladder::runs_out(tx, hold.org_id).await?;
    }
    let new = Hold {
        remaining: Micros::ZERO,
        state: HoldState::Closed,
        stop_at: None,
        closed_at: Some(tx.now()),
        step: hold.step + 1,
        ..hold.clone()
    };
    if !store::change_hold(tx, &hold, &new).await? {
        return Err(Code::Raced.into());
    }
    let given = lots::give_back(tx, hold.id).await?;
    if hold.remaining == Micros::ZERO {
        return Ok(());
    }
    let currency = currency_of(tx, hold.org_id).await?;
    let fact = fact(&new, TxnKind::HoldRelease, currency, simulated, "Reservation given back");
    let amount = hold.remaining;
    let back = |credit, amount| Transfer { debit: AccountKind::Held, credit, amount };
    let paid = Micros(amount.0 - given.0);
    let both = [back(AccountKind::Promotional, given), back(AccountKind::Available, paid)];
    post(tx, &fact, &both).await?;
    payments::collect(tx, hold.org_id, currency).await
}
