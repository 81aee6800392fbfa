//! Sessions: list, end one, end all others; "last seen" is gathered in memory and written rarely.

use super::{
    caller::{Myself, MyselfAction, session_topic},
    keys,
    store::{self, Stage},
};
use api::{Code, SessionId, Time, people::SessionView};
use kernel::{App, Result, audit::System};
use std::{collections::HashMap, net::IpAddr, sync::Mutex, sync::PoisonError, time::Duration};

/// Writes when sessions were last seen.
pub const WRITER: System =
    System { name: "identity.seen", unaudited: Some("being seen is no act") };

/// When sessions were last seen, until it is written.
#[derive(Default)]
pub struct Seen(Mutex<HashMap<SessionId, (Time, IpAddr)>>);

impl Seen {
    pub(super) fn note(&self, id: SessionId, at: Time, ip: IpAddr) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(id, (at, ip));
    }

    pub(super) fn latest(&self, id: SessionId) -> Option<Time> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).map(|(at, _)| *at)
    }

    fn put_back(&self, marks: HashMap<SessionId, (Time, IpAddr)>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for (id, mark) in marks {
            seen.entry(id).or_insert(mark);
        }
    }

    fn take(&self) -> HashMap<SessionId, (Time, IpAddr)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Writes what was gathered; returns how many sessions.
///
/// # Errors
/// What the database says; the marks are gathered again by the next use.
pub async fn flush_seen(app: &App) -> Result<usize> {
    let marks = app.get::<Seen>().take();
    if marks.is_empty() {
        return Ok(0);
    }
    let mut ordered: Vec<_> = marks.iter().collect();
    ordered.sort_by_key(|(id, _)| **id);
    let written = async {
        let mut tx = app.db.write(&WRITER).await?;
        for (id, (at, ip)) in ordered {
            if !store::touch(&mut tx, *id, *at, &ip.to_string()).await? {
                keys::touch(&mut tx, *id, *at).await?;
            }
        }
        tx.commit().await
    }
    .await;
    match written {
        Ok(()) => Ok(marks.len()),
        Err(error) => {
            app.get::<Seen>().put_back(marks);
            Err(error)
        }
    }
}

/// Removes sessions that ended a month ago and counts nobody waits for; returns how many of each.
///
/// # Errors
/// What the database says.
pub async fn prune(app: &App) -> Result<(u64, u64)> {
    let mut tx = app.db.write(&WRITER).await?;
    let before = tx.now().minus(Duration::from_secs(30 * 24 * 3600));
    let pruned = store::prune(&mut tx, before).await?;
    let over = tx.now().minus(Duration::from_secs(3600));
    keys::forget_short(&mut tx, over).await?;
    keys::forget_assertions(&mut tx).await?;
    tx.commit().await?;
    Ok(pruned)
}

/// Writes what is gathered for as long as the program runs.
pub async fn run(app: App) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        if let Err(error) = flush_seen(&app).await {
            tracing::error!(%error, "session marks cannot be written");
        }
    }
}

/// Lists one's own sessions.
pub struct List;
impl MyselfAction for List {
    const NAME: &'static str = "session.list";
}

/// Ends one of one's own sessions.
pub struct Revoke;
impl MyselfAction for Revoke {
    const NAME: &'static str = "session.revoke";
}

/// Ends all others.
pub struct RevokeOthers;
impl MyselfAction for RevokeOthers {
    const NAME: &'static str = "session.revoke_others";
}

/// Ends this one.
pub struct SignOut;
impl MyselfAction for SignOut {
    const NAME: &'static str = "auth.logout";
    const FROM: Stage = Stage::Half;
}

/// Returns the caller's live sessions, newest first.
pub async fn list(app: &App, who: &Myself<List>) -> Result<Vec<SessionView>> {
    let mut tx = app.db.read().await?;
    let rows = store::list_sessions(&mut tx, who.caller().user_id()).await?;
    let current = who.caller().session().id;
    Ok(rows
        .into_iter()
        .map(|row| SessionView {
            id: row.id,
            kind: row.kind,
            device_label: row.device_label,
            last_seen_at: app.get::<Seen>().latest(row.id).unwrap_or(row.last_seen_at),
            ip_address: row.ip_address,
            signed_in_at: row.signed_in_at,
            expires_at: row.expires_at,
            current: row.id == current,
        })
        .collect())
}

/// Ends one of the caller's sessions.
pub async fn revoke(app: &App, who: &Myself<Revoke>, id: SessionId) -> Result<()> {
    let mut tx = app.db.write(who).await?;
    if !store::revoke_session(&mut tx, who.caller().user_id(), id, "ended by its owner").await? {
        return Err(Code::NotFound.into());
    }
    tx.target(id);
    tx.after_commit(app.teller(session_topic(id)));
    tx.commit().await
}

/// Ends every session of the caller but this one; returns how many.
pub async fn revoke_others(app: &App, who: &Myself<RevokeOthers>) -> Result<u64> {
    let keep = who.caller().session().id;
    let mut tx = app.db.write(who).await?;
    let others = store::list_sessions(&mut tx, who.caller().user_id()).await?;
    let count = store::revoke_others(&mut tx, who.caller().user_id(), keep).await?;
    for other in others.iter().filter(|other| other.id != keep) {
        tx.after_commit(app.teller(session_topic(other.id)));
    }
    tx.note(kernel::audit::Key::Count, count);
    tx.commit().await?;
    Ok(count)
}

/// Ends the session this call came with.
pub async fn sign_out(app: &App, who: &Myself<SignOut>) -> Result<()> {
    let id = who.caller().session().id;
    let mut tx = app.db.write(who).await?;
    store::revoke_session(&mut tx, who.caller().user_id(), id, "signed out").await?;
    tx.target(id);
    tx.after_commit(app.teller(session_topic(id)));
    tx.commit().await
}
