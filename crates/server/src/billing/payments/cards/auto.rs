//! Automatic top-up: when what can be spent falls below a line, a saved card is charged, up to a month's limit.

use super::{
    SetAuto, StopAuto,
    save::usable,
    store::{self, Auto, Card},
};
use crate::{
    billing::{
        Settings, auditor, lots,
        payments::{create, processor::Processors, store::Payment, sweep::PAYMENTS},
        spend::Month,
        store as ledger,
    },
    tenancy::{Allowed, Organization, find_organization, payers},
};
use api::{
    Micros, Money, OrgId, Time, TypedId,
    cards::{AutoState, AutoTopUp, AutoTopUpSet},
    payments::PaymentState,
};
use kernel::{
    App, Error, Result,
    audit::{Key, System},
    db::{Reader, WriteTx, broke},
    outbox::{About, Notice, Recipient, tell},
    sweeps::{Status, Sweep, Sweeps},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Asks for payments by itself.
pub const WRITER: System = System {
    name: "billing.auto_top_up",
    unaudited: Some("what it may do is set in an audited act, and each payment is a row"),
};

/// How long after a payment the next is asked for: what was paid counts by then.
const APART: Duration = Duration::from_secs(300);

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.auto_top_up", every: Duration::from_secs(10), walks: true, run }
}

/// The month of a moment, and when it began.
fn month(now: Time) -> (i64, Time) {
    const DAY: i64 = 86_400_000_000;
    let first = Month::of(now).from();
    (first, Time(first * DAY))
}

/// Returns how an organization adds funds by itself, as it travels.
///
/// # Errors
/// What the database says.
pub async fn view(tx: &mut Reader, org: &Organization) -> Result<Option<AutoTopUp>> {
    let Some(row) = store::auto(tx, org.id).await? else { return Ok(None) };
    let (_, since) = month(tx.now());
    let asked = store::asked(tx, org.id, since).await?;
    let money = |micros| Money::new(micros, org.currency);
    Ok(Some(AutoTopUp {
        card_id: row.card_id,
        state: row.state,
        below: money(row.below),
        amount: money(row.amount),
        month_limit: money(row.month_limit),
        this_month: money(asked.month),
        why: row.why,
        payment_id: asked.open,
        set_by: row.set_by,
        set_at: row.set_at,
    }))
}

/// Sets how funds are added by themselves, and begins.
///
/// # Errors
/// `validation_error`.
pub async fn set(app: &App, who: &Allowed<SetAuto>, ask: &AutoTopUpSet) -> Result<AutoTopUp> {
    create::not_for_nothing(app, who.head())?;
    let mut tx = app.db.write(who).await?;
    let id = who.scope().org_id();
    ledger::lock_money(&mut tx, id).await?;
    let org = find_organization(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let card = usable(app, &mut tx, id, ask.card_id).await?;
    let settings = app.get::<Settings>();
    let amount = create::amount(settings, ask.amount, org.currency)?;
    for (field, money) in [("below", ask.below), ("month_limit", ask.month_limit)] {
        if money.currency != org.currency {
            let words = format!("This organization pays in {}.", org.currency);
            return Err(Error::field(field, words));
        }
    }
    if !(Micros(1)..=settings.most_top_up()).contains(&ask.below.micros) {
        let most = Money::new(settings.most_top_up(), org.currency);
        return Err(Error::field("below", format!("Enter more than nothing, and at most {most}.")));
    }
    let most = Micros(1_000_000_000_000);
    if ask.month_limit.micros < amount || ask.month_limit.micros > most {
        let words =
            "The limit of a month is at least what is added at once, and at most a million.";
        return Err(Error::field("month_limit", words));
    }
    let row = Auto {
        org_id: id,
        card_id: card.id,
        state: AutoState::On,
        below: ask.below.micros,
        amount,
        month_limit: ask.month_limit.micros,
        why: None,
        told_month: None,
        set_by: who.caller().user_id(),
        set_at: tx.now(),
    };
    store::set_auto(&mut tx, &row).await?;
    let shown = view(&mut tx, &org).await?.ok_or_else(Error::not_found)?;
    tx.target(id);
    tx.note(Key::Amount, ask.amount);
    tx.note(Key::State, AutoState::On);
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(sweep().name));
    tx.commit().await?;
    Ok(shown)
}

/// Ends that funds are added by themselves; a payment that is on its way goes on.
///
/// # Errors
/// `not_found` where it was never set.
pub async fn stop(app: &App, who: &Allowed<StopAuto>) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    let id = who.scope().org_id();
    ledger::lock_money(&mut tx, id).await?;
    let row = store::auto(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    store::set_auto(&mut tx, &Auto { state: AutoState::Off, why: None, ..row }).await?;
    tx.target(id);
    tx.note(Key::State, AutoState::Off);
    tx.commit().await
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        // Nobody is charged while the books do not add up.
        if app.get::<Processors>().main().is_none() || auditor::sound(&app).is_err() {
            return Ok("nothing is charged now".to_owned());
        }
        let (mut after, mut looked, mut asked) = (OrgId::first(), 0, 0);
        loop {
            let rows = store::autos(&mut *app.db.read().await?, after, 200).await?;
            let Some(last) = rows.last() else {
                return Ok(format!("{looked} organizations, {asked} payments asked for"));
            };
            after = last.org_id;
            looked += rows.len();
            for row in rows {
                match one(&app, &row).await {
                    Ok(done) => asked += usize::from(done),
                    Err(error) => {
                        tracing::error!(org = %row.org_id, %error, "funds cannot be added by themselves");
                    }
                }
            }
        }
    })
}

/// Looks at one organization; most need nothing and take no turn of the writer.
async fn one(app: &App, row: &Auto) -> Result<bool> {
    let mut tx = app.db.read().await?;
    let spendable = lots::spendable(&mut tx, row.org_id).await?;
    let (month, since) = month(tx.now());
    let asked = store::asked(&mut tx, row.org_id, since).await?;
    let recently = asked.last.is_some_and(|last| tx.now().since(last) < APART);
    drop(tx);
    if spendable >= row.below || asked.open.is_some() || recently {
        return Ok(false);
    }
    let over = asked.month.plus(row.amount).is_none_or(|sum| sum > row.month_limit);
    if over && row.told_month == Some(month) {
        return Ok(false);
    }
    match charge(app, row.org_id).await {
        // Another server asked at the same moment.
        Err(error) if broke(&error, "payments_auto") || broke(&error, "payments.org_id") => {
            Ok(false)
        }
        other => other,
    }
}

/// Asks for a payment, with everything looked at again under the lock on the organization's money.
async fn charge(app: &App, id: OrgId) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    ledger::lock_money(&mut tx, id).await?;
    let org = find_organization(&mut tx, id).await?.filter(|org| org.archived_at.is_none());
    let row = store::auto(&mut tx, id).await?.filter(|row| row.state == AutoState::On);
    let (Some(org), Some(row)) = (org, row) else { return Ok(false) };
    let now = tx.now();
    let (month, since) = month(now);
    let asked = store::asked(&mut tx, id, since).await?;
    let recently = asked.last.is_some_and(|last| now.since(last) < APART);
    if lots::spendable(&mut tx, id).await? >= row.below || asked.open.is_some() || recently {
        return Ok(false);
    }
    if asked.month.plus(row.amount).is_none_or(|sum| sum > row.month_limit) {
        if row.told_month != Some(month) {
            limit_reached(&mut tx, &org, &row, month).await?;
            tx.commit().await?;
        }
        return Ok(false);
    }
    let Ok(card) = usable(app, &mut tx, id, row.card_id).await else {
        pause(&mut tx, &row, "Its card cannot be charged any more.").await?;
        tx.commit().await?;
        return Ok(false);
    };
    let payment = Payment {
        user_id: row.set_by,
        amount: row.amount,
        card_id: Some(card.id),
        auto: true,
        ..create::fresh(app, &mut tx, &org, row.set_by)?
    };
    tx.insert(&payment).await?;
    let sweeps = app.get::<Sweeps>().clone();
    tx.after_commit(move || sweeps.nudge(PAYMENTS));
    tx.commit().await?;
    Ok(true)
}

async fn limit_reached(tx: &mut WriteTx, org: &Organization, row: &Auto, month: i64) -> Result<()> {
    store::set_auto(tx, &Auto { told_month: Some(month), ..row.clone() }).await?;
    let limit = Money::new(row.month_limit, org.currency);
    let body = format!(
        "{limit} is the most that is added by itself in a month. Add funds by hand, or raise the limit."
    );
    say(tx, row.org_id, "No more funds are added by themselves this month", body).await
}

/// Tells those who answer for an organization's money.
async fn say(tx: &mut WriteTx, org: OrgId, title: &str, body: String) -> Result<()> {
    let notice = Notice {
        kind: "billing.auto_top_up",
        about: About::Work,
        title: title.to_owned(),
        body,
        href: "/account/billing/cards",
    };
    for person in payers(tx, org).await? {
        let to = Recipient { user_id: person.user_id, email: person.email };
        tell(tx, &to, &notice).await?;
    }
    Ok(())
}

async fn pause(tx: &mut WriteTx, row: &Auto, why: &str) -> Result<()> {
    // Only what it was read as: what somebody set meanwhile stays.
    if !store::pause_auto(tx, row, why).await? {
        return Ok(());
    }
    let body = format!("{why} No funds are added by themselves until you set it again.");
    say(tx, row.org_id, "Automatic top-up is paused", body).await
}

/// A payment it asked for came to nothing: it waits until somebody looks.
///
/// # Errors
/// What the database says.
pub async fn failed(tx: &mut WriteTx, payment: &Payment) -> Result<()> {
    let why = match payment.state {
        PaymentState::Failed | PaymentState::Expired => {
            payment.fault.as_deref().unwrap_or("The card could not be charged.")
        }
        PaymentState::Cancelled => "Its payment was cancelled.",
        _ => return Ok(()),
    };
    rest(tx, payment, why).await
}

/// Money of a payment it asked for went back: the same card is not charged again by itself.
///
/// # Errors
/// What the database says.
pub async fn went_back(tx: &mut WriteTx, payment: &Payment) -> Result<()> {
    rest(tx, payment, "A payment it asked for was refunded or disputed.").await
}

async fn rest(tx: &mut WriteTx, payment: &Payment, why: &str) -> Result<()> {
    if !payment.auto {
        return Ok(());
    }
    ledger::lock_money(tx, payment.org_id).await?;
    let row = store::auto(tx, payment.org_id).await?;
    let Some(row) = row.filter(|row| row.state == AutoState::On) else { return Ok(()) };
    pause(tx, &row, why).await
}

/// A card is gone: what charges it waits until somebody chooses another. The caller holds the card.
///
/// # Errors
/// What the database says.
pub async fn stop_with(tx: &mut WriteTx, card: &Card, why: &str) -> Result<()> {
    let row = store::auto(tx, card.org_id).await?;
    let charged = row.filter(|row| row.state == AutoState::On && row.card_id == card.id);
    let Some(row) = charged else { return Ok(()) };
    pause(tx, &row, why).await
}
