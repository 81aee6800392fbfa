//! The ladder of an organization's money: healthy, low, about to be released, depleted. Whoever answers for its
//! money is told once for each step it takes.

use super::{Settings, model, rating};
use crate::tenancy;
use api::{Currency, Micros, Money, OrgId, Time, TypedId, billing::MoneyState, time::span_words};
use kernel::{
    App, Result,
    audit::System,
    db::{Reader, WriteTx},
    outbox::{About, Notice, Recipient, tell},
    row,
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Keeps where money stood when people were last told.
pub const WRITER: System =
    System { name: "billing.ladder", unaudited: Some("it tells of what the ledger says") };

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.ladder", every: Duration::from_secs(20), walks: true, run }
}

row! {
    /// Where an organization's money stands, and where it stood.
    struct Stand {
        id: OrgId,
        name: String,
        currency: Currency,
        available: Micros,
        held: Micros,
        burn: Micros,
        stopping: i64,
        told: Option<MoneyState>,
        ran_out_at: Option<Time>,
    }
}

const EACH: i64 = 500;

/// Returns organizations in id order with the sums their state is computed from.
async fn stands(tx: &mut Reader, after: OrgId) -> Result<Vec<Stand>> {
    let now = tx.now();
    tx.list(
        "SELECT o.id, o.name, o.currency,
            CAST(COALESCE((SELECT SUM(b.balance) FROM ledger_accounts a
              JOIN account_balances b ON b.account_id = a.id
             WHERE a.org_id = o.id AND a.kind = 'available'), 0)
             + COALESCE((SELECT SUM(g.remaining) FROM grants g
             WHERE g.org_id = o.id AND g.remaining > 0 AND (g.expires_at IS NULL OR g.expires_at > $3)), 0) AS BIGINT),
            CAST(COALESCE((SELECT SUM(b.balance) FROM ledger_accounts a
              JOIN account_balances b ON b.account_id = a.id
             WHERE a.org_id = o.id AND a.kind = 'held'), 0) AS BIGINT),
            CAST(COALESCE((SELECT SUM(m.price_per_hour * m.units) FROM meters m
             WHERE m.org_id = o.id AND m.stopped_at IS NULL), 0) AS BIGINT),
            (SELECT COUNT(*) FROM holds h
              WHERE h.org_id = o.id AND h.state = 'open' AND h.stop_at IS NOT NULL),
            s.state, s.ran_out_at
           FROM organizations o LEFT JOIN money_states s ON s.org_id = o.id
          WHERE o.id > $1 ORDER BY o.id LIMIT $2",
        (after, EACH, now),
    )
    .await
}

impl Stand {
    fn state(&self, settings: &Settings) -> MoneyState {
        let soon = runway(self).is_some_and(|span| span <= settings.pending());
        let stopping = self.stopping > 0 || soon;
        model::state(
            (self.available, self.held),
            settings.low(),
            stopping,
            self.ran_out_at.is_some(),
        )
    }
}

fn runway(stand: &Stand) -> Option<Duration> {
    rating::lasts(Micros(stand.available.0.saturating_add(stand.held.0)), stand.burn)
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let (mut after, mut looked, mut told) = (OrgId::first(), 0, 0);
        loop {
            let rows = stands(&mut *app.db.read().await?, after).await?;
            let Some(last) = rows.last() else {
                return Ok(format!("{looked} organizations, {told} steps"));
            };
            after = last.id;
            looked += rows.len();
            for row in rows {
                told += usize::from(step(&app, &row).await?);
            }
        }
    })
}

/// Writes a step an organization's money took, and tells of it; false when it took none.
async fn step(app: &App, stand: &Stand) -> Result<bool> {
    let settings = app.get::<Settings>();
    let state = stand.state(settings);
    // Funds were added, or something runs again.
    let over = stand.ran_out_at.is_some()
        && (stand.held > Micros::ZERO || stand.available > settings.low());
    if stand.told == Some(state) && !over {
        return Ok(false);
    }
    let mut tx = app.db.write(&WRITER).await?;
    let now = tx.now();
    if over {
        let sql = "UPDATE money_states SET ran_out_at = NULL WHERE org_id = $1";
        tx.run(sql, (stand.id,)).await?;
    }
    if stand.told == Some(state) {
        return tx.commit().await.map(|()| false);
    }
    if !stood(&mut tx, stand, state, now).await? {
        return Ok(false);
    }
    // Who is looked at for the first time did not fall.
    let before = stand.told.unwrap_or(state);
    // Something runs on little already: it rose from nothing, or began, and fell between two looks.
    let unseen = stand.told.is_none() || before == MoneyState::Depleted;
    let again = unseen && stand.burn > Micros::ZERO;
    let tells = rung(state) > rung(before) || state == MoneyState::Healthy || again;
    if tells && let Some(notice) = words(settings, stand, before, state) {
        for person in tenancy::payers(&mut tx, stand.id).await? {
            let to = Recipient { user_id: person.user_id, email: person.email };
            tell(&mut tx, &to, &notice).await?;
        }
    }
    tx.commit().await?;
    Ok(true)
}

/// Says that work of an organization is released for lack of money.
///
/// # Errors
/// What the database says.
pub async fn runs_out(tx: &mut WriteTx, org: OrgId) -> Result<()> {
    let now = tx.now();
    tx.run(
        "INSERT INTO money_states (org_id, state, since, ran_out_at) VALUES ($1, 'auto_release_pending', $2, $2)
         ON CONFLICT (org_id) DO UPDATE SET ran_out_at = excluded.ran_out_at",
        (org, now),
    )
    .await
    .map(|_| ())
}

/// Returns whether work of an organization was released for lack of money, and nothing was added since.
///
/// # Errors
/// What the database says.
pub async fn ran_out(tx: &mut Reader, org: OrgId) -> Result<bool> {
    let sql = "SELECT COUNT(*) FROM money_states WHERE org_id = $1 AND ran_out_at IS NOT NULL";
    tx.value::<i64>(sql, (org,)).await.map(|count| count > 0)
}

/// How far down the ladder a state is.
const fn rung(state: MoneyState) -> u8 {
    match state {
        MoneyState::Healthy => 0,
        MoneyState::LowBalance => 1,
        MoneyState::AutoReleasePending => 2,
        MoneyState::Depleted => 3,
    }
}

/// Writes the state down; false when another server did.
async fn stood(tx: &mut WriteTx, stand: &Stand, state: MoneyState, now: Time) -> Result<bool> {
    let changed = match stand.told {
        None => {
            tx.run(
                "INSERT INTO money_states (org_id, state, since) VALUES ($1, $2, $3)
                 ON CONFLICT DO NOTHING",
                (stand.id, state, now),
            )
            .await?
        }
        Some(old) => {
            tx.run(
                "UPDATE money_states SET state = $1, since = $2 WHERE org_id = $3 AND state = $4",
                (state, now, stand.id, old),
            )
            .await?
        }
    };
    Ok(changed == 1)
}

fn words(
    settings: &Settings,
    stand: &Stand,
    before: MoneyState,
    state: MoneyState,
) -> Option<Notice> {
    let left = Money::new(Micros(stand.available.0.saturating_add(stand.held.0)), stand.currency);
    let lasts = runway(stand).map_or_else(String::new, |span| {
        format!(" At the present rate it lasts {}.", span_words(span))
    });
    let (kind, title, body) = match state {
        MoneyState::LowBalance => (
            "billing.low_balance",
            format!("The balance of {} is low", stand.name),
            format!("{left} is left.{lasts} Add funds so that work goes on."),
        ),
        MoneyState::AutoReleasePending => (
            "billing.auto_release_pending",
            format!("Work of {} is about to be released", stand.name),
            format!(
                "{left} is left.{lasts} Running work is released {} seconds before it is used up. Add funds to keep it.",
                settings.stop_margin().as_secs()
            ),
        ),
        MoneyState::Depleted => (
            "billing.depleted",
            format!("The balance of {} is used up", stand.name),
            if stand.ran_out_at.is_some() {
                format!(
                    "Running work was released; {left} is left. Nothing starts again by itself: add funds, then launch again."
                )
            } else {
                "There is nothing left to spend. Add funds to launch something.".to_owned()
            },
        ),
        MoneyState::Healthy if before == MoneyState::AutoReleasePending => (
            "billing.healthy",
            format!("The balance of {} suffices again", stand.name),
            "Running work goes on. What was released does not start again by itself.".to_owned(),
        ),
        MoneyState::Healthy => return None,
    };
    Some(Notice { kind, about: About::Work, title, body, href: "/account/billing" })
}
