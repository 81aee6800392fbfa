//! Closing months: ten minutes after a month is over every organization that moved money has its statement made and
//! those who may pay are told; then the month is closed for all.

use super::{
    body::{self, span},
    pdf,
    store::{self, Closed, Row},
};
use crate::{
    billing::{Settings, spend::Month, store as ledger},
    tenancy::{self, find_organization},
};
use api::{Code, OrgId, Time, TypedId, statements::Statement};
use kernel::{
    App, Error, Result,
    audit::System,
    db::broke,
    outbox::{About, Notice, Recipient, tell_with},
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
        let (mut made, mut failed) = (0, 0);
        for _ in 0..MONTHS {
            let Some(month) = next(&app).await? else { break };
            let (now, not) = close(&app, month).await?;
            made += now;
            failed += not;
            if not > 0 {
                break;
            }
        }
        match failed {
            0 => Ok(format!("{made} statements made")),
            _ => Err(Error::internal(anyhow::anyhow!("{failed} statements cannot be made yet"))),
        }
    })
}

/// Returns the month to close now: the oldest that is over, that is not closed, and in which money moved. The first
/// that is ever closed is the last that is over: what was before is closed with it, without statements.
async fn next(app: &App) -> Result<Option<Month>> {
    let now = app.seams.clock.now();
    let mut tx = app.db.read().await?;
    let from = match store::last_closed(&mut tx).await? {
        Some(last) => last.to_at,
        None => span(Month::of(now).before()).0,
    };
    // A clock that is wrong for a while closes no month that is to come: nothing moved in it.
    let month = store::oldest_since(&mut tx, from).await?.map(|row| Month::of(row.at));
    Ok(month.filter(|month| span(*month).1.plus(GRACE) <= now))
}

/// Makes the statements of a month and closes it, unless one could not be made: then it is tried again.
async fn close(app: &App, month: Month) -> Result<(usize, usize)> {
    let (mut made, mut failed, mut after) = (0, 0, OrgId::first());
    loop {
        let mut tx = app.db.read().await?;
        let orgs = store::moved_in(&mut tx, span(month), after, 200).await?;
        drop(tx);
        let Some(last) = orgs.last() else { break };
        after = *last;
        for org in orgs {
            match make(app, org, month).await {
                Ok(is_new) => made += usize::from(is_new),
                Err(error) => {
                    failed += 1;
                    tracing::error!(%org, month = month.plain(), %error, "a statement cannot be made yet");
                }
            }
        }
    }
    if failed > 0 {
        return Ok((made, failed));
    }
    let mut tx = app.db.write(&WRITER).await?;
    let statements = store::count(&mut tx, &month.plain()).await?;
    let row =
        Closed { month: month.plain(), to_at: span(month).1, statements, closed_at: tx.now() };
    match tx.insert(&row).await {
        Ok(()) => tx.commit().await.map(|()| (made, 0)),
        // Another server was first.
        Err(error) if broke(&error, "closed_months") => Ok((made, 0)),
        Err(error) => Err(error),
    }
}

/// Makes the statement of an organization; false when it was made before.
async fn make(app: &App, org: OrgId, month: Month) -> Result<bool> {
    // What is long is read before, and holds nothing up.
    let mut tx = app.db.read().await?;
    let org = find_organization(&mut tx, org).await?.ok_or_else(Error::not_found)?;
    let newest = store::newest(&mut tx, org.id, span(month)).await?;
    let settings = app.get::<Settings>();
    let read = body::read(&mut tx, settings, &org, month).await?;
    drop(tx);
    let mut tx = app.db.write(&WRITER).await?;
    ledger::lock_money(&mut tx, org.id).await?;
    if store::find_month(&mut tx, org.id, &month.plain()).await?.is_some() {
        return Ok(false);
    }
    if store::newest(&mut tx, org.id, span(month)).await? != newest {
        return Err(Code::Raced.into());
    }
    let said = body::finish(&mut tx, &org, read).await?;
    let body = serde_json::to_string(&said)
        .map_err(|error| Error::internal(anyhow::Error::new(error).context("a statement")))?;
    let kept = row(&said, body);
    tx.insert(&kept).await?;
    let paper = pdf::draw(&said, &kept.digest);
    let name = format!("statement-{}.pdf", said.number);
    let notice = notice(&org.name, &said);
    for person in tenancy::payers(&mut tx, org.id).await? {
        let to = Recipient { user_id: person.user_id, email: person.email };
        tell_with(&mut tx, &to, &notice, (&name, "application/pdf", &paper)).await?;
    }
    tx.commit().await?;
    Ok(true)
}

fn notice(org: &str, said: &Statement) -> Notice {
    Notice {
        kind: "billing.statement",
        about: About::Work,
        title: format!("Statement of {org} for {}", said.month),
        body: format!(
            "{} was charged for usage in {}; {} was there at its end. The statement has every line, as a page and as PDF.",
            said.used, said.month, said.closing
        ),
        href: "/account/billing/statements",
    }
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
