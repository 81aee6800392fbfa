//! Telling of budgets that are used up by half, by four fifths, and wholly: once each in a period.

use super::{
    reach::{from, used},
    set,
    store::{self, Budget},
};
use crate::tenancy::{self, find_organization};
use api::{Micros, Money};
use kernel::{
    App, Result,
    audit::System,
    outbox::{About, Notice, Recipient, tell},
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Writes down what was told.
pub const WRITER: System =
    System { name: "billing.budgets", unaudited: Some("it tells of what the ledger says") };

const LEVELS: [i64; 3] = [100, 80, 50];

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.budgets", every: Duration::from_secs(60), walks: true, run }
}

/// Returns the highest level that is reached.
fn level(spent: Micros, amount: Micros) -> i64 {
    let reached =
        |percent: &&i64| i128::from(spent.0) * 100 >= i128::from(amount.0) * i128::from(**percent);
    LEVELS.iter().find(reached).copied().unwrap_or(0)
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let (mut after, mut looked, mut told) = (None, 0, 0);
        loop {
            let rows = store::after(&mut *app.db.read().await?, after).await?;
            let Some(last) = rows.last() else {
                return Ok(format!("{looked} budgets, {told} told of"));
            };
            after = Some(last.id);
            looked += rows.len();
            for row in rows {
                told += usize::from(look(&app, &row).await?);
            }
        }
    })
}

async fn look(app: &App, row: &Budget) -> Result<bool> {
    let mut tx = app.db.read().await?;
    let first = from(row, tx.now());
    let (spent, _) = used(&mut tx, row).await?;
    drop(tx);
    let known = if row.warned_from == first { row.warned } else { 0 };
    let level = level(spent, row.amount);
    if level <= known {
        return Ok(false);
    }
    let mut tx = app.db.write(&WRITER).await?;
    if !store::warned(&mut tx, row, level, first).await? {
        return Ok(false);
    }
    let Some(org) = find_organization(&mut tx, row.org_id).await? else { return Ok(false) };
    let place = set::place(&mut tx, row).await?;
    let money = |micros| Money::new(micros, org.currency);
    let after = match (level, row.hard) {
        (100, true) if row.stops => {
            "What runs there is released, and nothing more is launched until it is raised or its period ends."
        }
        (100, true) => {
            "Nothing more is launched there until it is raised or its period ends. What runs goes on."
        }
        (100, false) => "It only warns: work goes on.",
        _ => "Look at the costs to see what it went to.",
    };
    let notice = Notice {
        kind: "billing.budget",
        about: About::Work,
        title: format!("{level} % of the budget of {place} is spent"),
        body: format!("{} of {} in {}. {after}", money(spent), money(row.amount), org.name),
        href: "/account/billing/budgets",
    };
    let mut people = tenancy::payers(&mut tx, row.org_id).await?;
    if let Some(id) = row.user_id
        && !people.iter().any(|person| person.user_id == id)
        && let Some(user) = crate::identity::find_user(&mut tx, id).await?
    {
        let to = Recipient { user_id: user.id, email: user.email };
        tell(&mut tx, &to, &notice).await?;
    }
    for person in people.drain(..) {
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
    fn levels_are_reached_exactly() {
        let of = |spent| level(Micros(spent), Micros(1_000));
        assert_eq!([of(0), of(499), of(500), of(799), of(800), of(999)], [0, 0, 50, 50, 80, 80]);
        assert_eq!([of(1_000), of(i64::MAX)], [100, 100]);
    }
}
