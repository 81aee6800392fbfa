//! Telling of a day on which an organization spends more than it usually does: once a day.

use super::{costs::by_day, days::day_of, store};
use crate::{
    billing::Settings,
    tenancy::{self, find_organization},
};
use api::{Micros, Money, OrgId, TypedId};
use kernel::{
    App, Result,
    audit::System,
    outbox::{About, Notice, Recipient, tell},
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Writes down what was told.
pub const WRITER: System =
    System { name: "billing.unusual", unaudited: Some("it tells of what the ledger says") };

/// How many days before are looked at.
const BEFORE: i64 = 14;
/// On how many of them something must have been spent, so that there is a habit at all.
const HABIT: usize = 3;

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.unusual", every: Duration::from_secs(600), walks: true, run }
}

/// Returns what a day may come to before it is unusual: the mean of the days on which something was spent and three
/// standard deviations, one and a half times the mean at least. None without a habit.
fn most(days: &[i64]) -> Option<Micros> {
    let count = i128::try_from(days.len()).ok().filter(|_| days.len() >= HABIT)?;
    let sum: i128 = days.iter().map(|day| i128::from(*day)).sum();
    let mean = sum / count;
    let squares = days
        .iter()
        .try_fold(0_i128, |sum, day| sum.checked_add((i128::from(*day) - mean).checked_pow(2)?))?;
    let deviation = i128::try_from((squares / count).unsigned_abs().isqrt()).ok()?;
    let most = (mean + 3 * deviation).max(mean + mean / 2);
    i64::try_from(most).ok().map(Micros)
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let today = day_of(app.seams.clock.now());
        let (mut after, mut looked, mut told) = (OrgId::first(), 0, 0);
        loop {
            let orgs = store::spending_on(&mut *app.db.read().await?, today, after).await?;
            let Some(last) = orgs.last() else {
                return Ok(format!("{looked} organizations, {told} told of"));
            };
            after = *last;
            looked += orgs.len();
            for org in orgs {
                match look(&app, org, today).await {
                    Ok(is_told) => told += usize::from(is_told),
                    Err(error) => {
                        tracing::warn!(%org, %error, "what an organization spends cannot be looked at yet");
                    }
                }
            }
        }
    })
}

async fn look(app: &App, id: OrgId, today: i64) -> Result<bool> {
    let mut tx = app.db.read().await?;
    let days = by_day(&mut tx, id, (today - BEFORE, today + 1), None).await?;
    drop(tx);
    let now = Micros(days.get(&today).copied().unwrap_or(0));
    let before: Vec<i64> =
        days.iter().filter(|(day, spent)| **day < today && **spent > 0).map(|(_, s)| *s).collect();
    let Some(most) = most(&before) else { return Ok(false) };
    if now <= most || now < app.get::<Settings>().unusual() {
        return Ok(false);
    }
    let mut tx = app.db.write(&WRITER).await?;
    if !store::alerted(&mut tx, id, today).await? {
        return Ok(false);
    }
    let Some(org) = find_organization(&mut tx, id).await? else { return Ok(false) };
    let money = |micros| Money::new(micros, org.currency);
    let notice = Notice {
        kind: "billing.unusual",
        about: About::Work,
        title: format!("{} spends more than usual today", org.name),
        body: format!(
            "{} so far; by the two weeks before, a day stays below {}. Look at what it went to, and set a budget if it should end.",
            money(now),
            money(most)
        ),
        href: "/account/billing/costs",
    };
    for person in tenancy::payers(&mut tx, id).await? {
        let to = Recipient { user_id: person.user_id, email: person.email };
        tell(&mut tx, &to, &notice).await?;
    }
    tx.commit().await?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_takes_a_habit_and_follows_its_spread() {
        assert_eq!(most(&[]), None);
        assert_eq!(most(&[10, 10]), None);
        assert_eq!(most(&[10, 10, 10]), Some(Micros(15)), "never less than half above the mean");
        assert_eq!(most(&[0, 10, 20, 10]), Some(Micros(31)));
        let all = most(&[i64::MAX; 14]);
        assert!(all.is_none_or(|most| most.0 > 0), "{all:?}");
    }
}
