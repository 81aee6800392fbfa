//! Posting events: signed, tried again with growing pauses for three days, then given up.

use super::{
    fan, hooks, sign,
    store::{self, Delivery, Webhook},
};
use crate::tenancy;
use api::TypedId;
use futures::future::join_all;
use kernel::{
    App, Result,
    audit::{Key, System},
    outbox::{About, Notice, Recipient, tell},
    outgoing::Outgoing,
    seal::Seal,
    sweeps::{Status, Sweep},
};
use std::{future::Future, pin::Pin, time::Duration};

/// Writes events down and what became of them.
pub const WRITER: System =
    System { name: "notices.webhooks", unaudited: Some("it tells of audit entries") };

/// Stops webhooks that are gone.
pub const STOPPER: System = System { name: "webhook.stop", unaudited: None };

/// The sweep that writes events down.
pub const EVENTS: &str = "notices.events";
/// The sweep of webhooks that answer at once.
pub const FRESH: &str = "notices.webhooks";
/// The sweep of those that do not.
pub const SLOW: &str = "notices.slow_webhooks";

/// Most webhooks that are called at once.
const AT_ONCE: i64 = 64;
/// Most events of one webhook in one round.
const EACH: i64 = 20;
/// How long an answer may take where others wait behind it.
const QUICK: Duration = Duration::from_secs(1);
const SPAN: Duration = Duration::from_secs(2);
const CLAIM: Duration = Duration::from_secs(120);
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// Quick answers after which a slow webhook counts as quick again.
const OWES: i64 = 5;
/// Pauses after the first attempt, in seconds: about three days together.
const PAUSES: [u64; 9] = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// For how long a webhook may take nothing.
const PATIENCE: Duration = Duration::from_secs(72 * 3600);
/// The longest pause of a webhook as a whole: one that is back is found soon.
const LONGEST: Duration = Duration::from_secs(300);

/// Returns the sweeps.
pub fn sweeps() -> [Sweep; 3] {
    let every = Duration::from_secs(2);
    [
        Sweep { name: EVENTS, every, walks: false, run: written },
        Sweep { name: FRESH, every, walks: false, run: fresh },
        Sweep { name: SLOW, every, walks: false, run: slow },
    ]
}

fn fresh(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let (taken, waits) = round(&app, false).await?;
        Ok(format!("{taken} taken, {waits} wait"))
    })
}

fn written(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let written = fan::out(&app).await?;
        let gone = forget(&app).await?;
        Ok(format!("wrote {written} events, {gone} forgotten"))
    })
}

fn slow(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let (taken, waits) = round(&app, true).await?;
        Ok(format!("{taken} taken, {waits} wait"))
    })
}

/// Calls webhooks that have something due; returns how many events were taken and how many were not.
async fn round(app: &App, slow: bool) -> Result<(usize, usize)> {
    let ready = store::ready(&mut *app.db.read().await?, slow, AT_ONCE).await?;
    let mut mine = Vec::new();
    for mut hook in ready {
        let mut tx = app.db.write(&WRITER).await?;
        let until = tx.now().plus(CLAIM);
        let claimed = store::claim(&mut tx, &hook, until).await?;
        tx.commit().await?;
        if claimed {
            hook.free_at = until;
            mine.push(hook);
        }
    }
    let calls = mine.into_iter().map(|hook| serve(app, hook, slow));
    let outcomes: Vec<(usize, usize)> = join_all(calls).await.into_iter().collect::<Result<_>>()?;
    Ok(outcomes.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1)))
}

/// Posts a webhook's events, one after the other, for as long as it answers and its turn lasts.
async fn serve(app: &App, mut hook: Webhook, slow: bool) -> Result<(usize, usize)> {
    let began = tokio::time::Instant::now();
    let mut tx = app.db.read().await?;
    if !tenancy::may_by_right(&mut tx, app, hook.created_by, hook.org_id, "organization.audit")
        .await?
    {
        drop(tx);
        stop(app, &hook, "whoever answers for it may not read the audit record any more").await?;
        return Ok((0, 0));
    }
    let due = store::due(&mut tx, &hook, EACH).await?;
    drop(tx);
    let (mut taken, mut not, last) = (0, 0, due.len());
    for (count, row) in due.into_iter().enumerate() {
        let turn_over = count + 1 == last || began.elapsed() > SPAN;
        let (ok, goes_on) = attempt(app, row, &mut hook, slow, turn_over).await?;
        *if ok { &mut taken } else { &mut not } += 1;
        if !goes_on || turn_over {
            return Ok((taken, not));
        }
    }
    // Nothing was due any more.
    let (mut tx, claim) = (app.db.write(&WRITER).await?, hook.free_at);
    hook.free_at = tx.now();
    store::called(&mut tx, &hook, claim).await?;
    tx.commit().await?;
    Ok((taken, not))
}

/// What is met where others wait behind it: no failure, it is asked again where there is time.
const CUT: &str = "no answer within three seconds; longer is waited next";

/// What an attempt met: the answer's status, or why there was none.
type Met = std::result::Result<u16, String>;

async fn post(app: &App, row: &Delivery, hook: &Webhook, slow: bool) -> Result<Met> {
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
    let call = app.get::<Outgoing>().of(true).call(request);
    let longest = if slow { CLAIM } else { QUICK * 3 };
    Ok(match tokio::time::timeout(longest, call).await {
        Ok(answer) => answer.map(|got| got.status().as_u16()).map_err(|fault| {
            // One sentence for all: which inner names there are is not told by it.
            tracing::debug!(webhook = %hook.id, %fault, "a webhook was not reached");
            "no answer".to_owned()
        }),
        Err(_) => Err(CUT.to_owned()),
    })
}

/// Returns whether an answer says that the receiver is there: what it refuses is one event's matter.
fn is_there(met: &Met) -> bool {
    met.as_ref().is_ok_and(|status| *status < 500 && ![408, 425, 429].contains(status))
}

fn pause(tried: i64) -> Option<Duration> {
    let seconds = usize::try_from(tried).ok().and_then(|tried| PAUSES.get(tried))?;
    Some(Duration::from_secs(*seconds))
}

/// Posts one event and writes what became of it and of the webhook; returns whether it was taken, and
/// whether the next may follow at once.
async fn attempt(
    app: &App,
    mut row: Delivery,
    hook: &mut Webhook,
    slow: bool,
    turn_over: bool,
) -> Result<(bool, bool)> {
    let began = tokio::time::Instant::now();
    let met = post(app, &row, hook, slow).await?;
    let (quick, there) = (began.elapsed() <= QUICK, is_there(&met));
    let taken = met.as_ref().is_ok_and(|status| (200..300).contains(status));
    let cut = met.as_ref().is_err_and(|words| words == CUT);
    let (mut tx, claim) = (app.db.write(&WRITER).await?, hook.free_at);
    let now = tx.now();
    row.status = met.as_ref().ok().map(|status| i64::from(*status));
    row.fault = match &met {
        Ok(_) if taken => None,
        Ok(status) => Some(format!("answered {status}")),
        Err(words) => Some(words.chars().take(200).collect()),
    };
    match pause(row.attempts) {
        _ if cut => {}
        Some(span) if !taken => row.due_at = now.plus(span),
        _ => row.done_at = Some(now),
    }
    row.attempts += i64::from(!cut);
    hook.last_at = Some(now);
    hook.last_ok = Some(taken);
    hook.slow = if quick && there { (hook.slow - 1).max(0) } else { OWES };
    hook.failing_since = hook.failing_since.filter(|_| !taken).or((!taken).then_some(now));
    if there {
        hook.failures = 0;
        hook.free_at = if turn_over { now } else { claim };
    } else if cut {
        hook.free_at = now;
    } else {
        // It is called again when its own pause is over, whatever waits.
        hook.free_at = now.plus(pause(hook.failures).unwrap_or(LONGEST).min(LONGEST));
        hook.failures += 1;
    }
    // The webhook first: so does everybody who changes it.
    let ours = store::called(&mut tx, hook, claim).await?;
    if ours {
        store::settle(&mut tx, &row).await?;
    }
    tx.commit().await?;
    let silent = hook.failing_since.is_some_and(|since| now.since(since) >= PATIENCE);
    if ours && (row.status == Some(410) || silent) {
        stop(app, hook, "it took no events for three days, or said it is gone").await?;
        return Ok((taken, false));
    }
    Ok((taken, there && ours))
}

/// Stops a webhook that is gone, and tells the owners of its organization.
pub async fn stop(app: &App, hook: &Webhook, why: &str) -> Result<()> {
    let mut tx = app.db.write(&STOPPER).await?;
    if !store::stop(&mut tx, hook).await? {
        return Ok(());
    }
    let waited = store::forget_waiting(&mut tx, hook).await?;
    for owner in tenancy::owners(&mut tx, hook.org_id).await? {
        let notice = Notice {
            kind: "webhook.stopped",
            about: About::Work,
            title: "A webhook was stopped".to_owned(),
            body: format!(
                "The one at {} is told nothing until somebody resumes it: {why}.",
                hooks::host(&hook.url)
            ),
            href: "/access/organizations",
        };
        tell(&mut tx, &Recipient { user_id: owner.id, email: owner.email }, &notice).await?;
    }
    tx.belongs_to(hook.org_id, None);
    tx.target(hook.id);
    tx.note(Key::Count, waited);
    tx.note(Key::Reason, why);
    tx.commit().await
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
