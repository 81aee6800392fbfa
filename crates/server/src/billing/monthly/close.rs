//! Closing months: ten minutes after a month is over every organization that moved money has its statement made and
//! those who may pay are told; then the month is closed for all.

use super::{
    body::{self, span},
    store::{self, Closed, Row},
};
use crate::{
    billing::{Settings, spend::Month, store as ledger},
    tenancy::{self, find_organization},
};
use api::{OrgId, Time, TypedId, statements::Statement};
use kernel::{
    App, Error, Result,
    audit::System,
    db::broke,
    outbox::{About, Notice, Recipient, tell},
    secret::hex_digest,
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Makes statements and closes months.
pub const WRITER: System = System {
    name: "billing.statements",
    unaudited: Some("a statement is a row that never changes"),
};

/// How long after its end a month is closed: what began before its end is over then.
const GRACE: Duration = Duration::from_secs(600);
/// How many months are closed in one turn.
const MONTHS: usize = 12;

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "billing.statements", every: Duration::from_secs(300), walks: true, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let mut made = 0;
        for _ in 0..MONTHS {
            let Some(month) = next(&app).await? else { break };
            made += close(&app, month).await?;
        }
        Ok(format!("{made} statements made"))
    })
}

/// Returns the month to close now; none when the last that is over was closed.
async fn next(app: &App) -> Result<Option<Month>> {
    let mut tx = app.db.read().await?;
    let month = match store::last_closed(&mut tx).await? {
        Some(last) => Month::parse(&last.month).map(Month::after),
        None => store::oldest(&mut tx).await?.map(|row| Month::of(row.at)),
    };
    let now = app.seams.clock.now();
    Ok(month.filter(|month| span(*month).1.plus(GRACE) <= now))
}

async fn close(app: &App, month: Month) -> Result<usize> {
    let (mut made, mut after) = (0, OrgId::first());
    loop {
        let mut tx = app.db.read().await?;
        let orgs = store::moved_in(&mut tx, span(month), after, 200).await?;
        drop(tx);
        let Some(last) = orgs.last() else { break };
        after = *last;
        for org in orgs {
            made += usize::from(make(app, org, month).await?);
        }
    }
    let mut tx = app.db.write(&WRITER).await?;
    let statements = store::count(&mut tx, &month.plain()).await?;
    let row =
        Closed { month: month.plain(), to_at: span(month).1, statements, closed_at: tx.now() };
    match tx.insert(&row).await {
        Ok(()) => tx.commit().await.map(|()| made),
        // Another server was first.
        Err(error) if broke(&error, "closed_months") => Ok(made),
        Err(error) => Err(error),
    }
}

/// Makes the statement of an organization; false when it was made before.
async fn make(app: &App, org: OrgId, month: Month) -> Result<bool> {
    let mut tx = app.db.write(&WRITER).await?;
    ledger::lock_money(&mut tx, org).await?;
    if store::find_month(&mut tx, org, &month.plain()).await?.is_some() {
        return Ok(false);
    }
    let org = find_organization(&mut tx, org).await?.ok_or_else(Error::not_found)?;
    let settings = app.get::<Settings>();
    let id = tx.new_id();
    let said = body::compute(&mut tx, settings, &org, id, month).await?;
    let body = serde_json::to_string(&said)
        .map_err(|error| Error::internal(anyhow::Error::new(error).context("a statement")))?;
    tx.insert(&row(&said, body)).await?;
    let notice = Notice {
        kind: "billing.statement",
        about: About::Work,
        title: format!("Statement of {} for {}", org.name, said.month),
        body: format!(
            "{} was charged for usage in {}; {} was there at its end. The statement has every line, as a page and as PDF.",
            said.used, said.month, said.closing
        ),
        href: "/account/billing/statements",
    };
    for person in tenancy::payers(&mut tx, org.id).await? {
        let to = Recipient { user_id: person.user_id, email: person.email };
        tell(&mut tx, &to, &notice).await?;
    }
    tx.commit().await?;
    Ok(true)
}

fn row(said: &Statement, body: String) -> Row {
    Row {
        id: said.id,
        org_id: said.org_id,
        month: said.month.clone(),
        number: said.number.clone(),
        from_at: said.from,
        to_at: said.to,
        currency: said.currency,
        opening: said.opening.micros,
        closing: said.closing.micros,
        used: said.used.micros,
        digest: hex_digest(body.as_bytes()),
        body,
        closed_at: Time(said.closed_at.0),
    }
}
