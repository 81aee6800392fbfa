//! Posting events: signed, tried again with growing pauses for three days, then given up.

use super::{
    fan, sign,
    store::{self, Delivery, Webhook},
};
use api::{TypedId, webhooks::WebhookState};
use futures::future::join_all;
use kernel::{
    App, Result,
    audit::System,
    outbox::{About, Notice, Recipient, tell},
    outgoing::Outgoing,
    seal::Seal,
    sweeps::{Status, Sweep},
};
use std::{collections::BTreeMap, future::Future, pin::Pin, time::Duration};

/// Writes events down and what became of them.
pub const WRITER: System =
    System { name: "notices.webhooks", unaudited: Some("it tells of audit entries") };

/// The sweep of webhooks that answer at once.
pub const FRESH: &str = "notices.webhooks";
/// The sweep of those that do not.
pub const SLOW: &str = "notices.slow_webhooks";

const AT_ONCE: i64 = 64;
/// Most events for one webhook at once.
const EACH: usize = 4;
const QUICK: Duration = Duration::from_secs(1);
const CLAIM: Duration = Duration::from_secs(60);
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// Pauses after the first attempt, in seconds: about three days together.
const PAUSES: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];

/// Returns the sweeps.
pub fn sweeps() -> [Sweep; 2] {
    let every = Duration::from_secs(2);
    [
        Sweep { name: FRESH, every, walks: false, run: fresh },
        Sweep { name: SLOW, every, walks: false, run: slow },
    ]
}

fn fresh(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let written = fan::out(&app).await?;
        let (taken, waits) = round(&app, false).await?;
        let gone = forget(&app).await?;
        Ok(format!("wrote {written} events, {taken} taken, {waits} wait, {gone} forgotten"))
    })
}

fn slow(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let (taken, waits) = round(&app, true).await?;
        Ok(format!("{taken} taken, {waits} wait"))
    })
}

/// Posts what is due; returns how many were taken and how many were not.
async fn round(app: &App, slow: bool) -> Result<(usize, usize)> {
    let due = store::due(&mut *app.db.read().await?, slow, AT_ONCE).await?;
    let mut of: BTreeMap<_, usize> = BTreeMap::new();
    let mut claimed = Vec::new();
    for (row, hook) in due {
        let count = of.entry(hook.id).or_default();
        *count += 1;
        if *count > EACH {
            continue;
        }
        let mut tx = app.db.write(&WRITER).await?;
        let until = tx.now().plus(CLAIM);
        let mine = store::claim(&mut tx, &row, until).await?;
        tx.commit().await?;
        if mine {
            claimed.push((row, hook));
        }
    }
    let posts = claimed.into_iter().map(|(row, hook)| attempt(app, row, hook));
    let outcomes: Vec<bool> = join_all(posts).await.into_iter().collect::<Result<_>>()?;
    let taken = outcomes.iter().filter(|taken| **taken).count();
    Ok((taken, outcomes.len() - taken))
}

/// What an attempt met: the answer's status, or why there was none.
type Met = std::result::Result<u16, String>;

async fn post(app: &App, row: &Delivery, hook: &Webhook) -> Result<Met> {
    let id = row.id.to_string();
    let timestamp = app.seams.clock.now().0 / 1_000_000;
    let Ok(secret) = app.get::<Seal>().unseal(hook.id.uuid().as_bytes(), &hook.secret) else {
        return Ok(Err("its secret does not open: was the key of this site changed?".into()));
    };
    let signature = sign::signature(&secret, &id, timestamp, &row.body)?;
    let request = http::Request::post(&hook.url)
        .header("content-type", "application/json")
        .header("user-agent", "gpuaas-webhooks")
        .header("webhook-id", &id)
        .header("webhook-timestamp", timestamp)
        .header("webhook-signature", signature)
        .body(row.body.clone().into_bytes());
    let Ok(request) = request else { return Ok(Err("its address cannot be called".into())) };
    let answer = app.get::<Outgoing>().of(true).call(request).await;
    Ok(answer.map(|answer| answer.status().as_u16()).map_err(|fault| fault.to_string()))
}

/// Posts one event and writes what became of it.
async fn attempt(app: &App, mut row: Delivery, hook: Webhook) -> Result<bool> {
    let began = tokio::time::Instant::now();
    let met = post(app, &row, &hook).await?;
    let taken = met.as_ref().is_ok_and(|status| (200..300).contains(status));
    let mut tx = app.db.write(&WRITER).await?;
    let now = tx.now();
    let pause = usize::try_from(row.attempts).ok().and_then(|tried| PAUSES.get(tried));
    row.attempts += 1;
    row.status = met.as_ref().ok().map(|status| i64::from(*status));
    row.fault = match &met {
        Ok(_) if taken => None,
        Ok(status) => Some(format!("answered {status}")),
        Err(words) => Some(words.chars().take(200).collect()),
    };
    match pause {
        _ if taken => row.done_at = Some(now),
        Some(seconds) => row.due_at = now.plus(Duration::from_secs(*seconds)),
        None => row.done_at = Some(now),
    }
    store::settle(&mut tx, &row).await?;
    store::called(&mut tx, &hook, taken, !taken || began.elapsed() > QUICK).await?;
    if (!taken && pause.is_none()) || row.status == Some(410) {
        stop(&mut tx, &hook).await?;
    }
    tx.commit().await?;
    Ok(taken)
}

/// Stops a webhook that is gone, and tells who made it.
async fn stop(tx: &mut kernel::db::WriteTx, hook: &Webhook) -> Result<()> {
    let seq = store::head(tx).await?;
    if store::set_state(tx, hook, WebhookState::Stopped, seq).await? == 0 {
        return Ok(());
    }
    store::forget_waiting(tx, hook).await?;
    let Some(user) = crate::identity::find_user(tx, hook.created_by).await? else { return Ok(()) };
    let notice = Notice {
        kind: "webhook.stopped",
        about: About::Work,
        title: "A webhook was stopped".to_owned(),
        body: format!(
            "{} took no events for three days, or said it is gone. It is told nothing until somebody resumes it.",
            hook.url
        ),
        href: "/access/organizations",
    };
    tell(tx, &Recipient { user_id: user.id, email: user.email }, &notice).await
}

async fn forget(app: &App) -> Result<u64> {
    let mut tx = app.db.read().await?;
    let before = tx.now().minus(KEEP);
    if store::count_old(&mut tx, before).await? == 0 {
        return Ok(0);
    }
    drop(tx);
    let mut tx = app.db.write(&WRITER).await?;
    let gone = store::forget_old(&mut tx, before).await?;
    tx.commit().await?;
    Ok(gone)
}
