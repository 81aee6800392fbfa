//! Who is let in over SSH, and to what.
//!
//! A key that was proved says who somebody is. The name they ask for says which workload; they need a
//! way in to it that is theirs, and a role that may. Each channel asks again.

use super::{
    open::Terminals,
    visit::{Guest, SORRY, Shown, still},
};
use crate::{
    allocations::{self, Allocation},
    ssh_keys::{self, SshKey},
    tenancy,
};
use api::{AllocationId, CorrelationId, SessionId, UserId, audit::ActorKind};
use gateway::{
    Boxed,
    ssh::{Knock, Shells, Visit},
};
use kernel::{
    App, Result,
    audit::{Accountable, Key, Record, Stamp},
    db::{Lane, Reader},
};
use std::{
    net::IpAddr,
    sync::{Arc, atomic::AtomicBool},
};

/// What a role must allow.
pub const CONNECT: &str = "ssh.connect";

/// Lets people in.
pub struct SshShells(pub App);

/// An entry in the record: who came in, where, with what.
struct Connects {
    user: UserId,
    session: Option<SessionId>,
    row: Allocation,
    from: IpAddr,
    correlation: CorrelationId,
}

impl Accountable for Connects {
    fn stamp(&self) -> Stamp {
        Stamp {
            actor_kind: ActorKind::User,
            actor: self.user.to_string(),
            user_id: Some(self.user),
            session_id: self.session,
            org_id: Some(self.row.org_id),
            project_id: Some(self.row.project_id),
            action: CONNECT,
            correlation_id: self.correlation,
            ip: Some(self.from.to_string()),
            lane: Lane::Interactive,
            record: Record::Entry,
            request: None,
            guard: None,
        }
    }
}

impl Shells for SshShells {
    fn known<'a>(&'a self, fingerprint: &'a str) -> Boxed<'a, bool> {
        Box::pin(async move {
            let found = async {
                let mut tx = self.0.db.read().await?;
                let keys = ssh_keys::list_by_fingerprint(&mut tx, fingerprint).await?;
                if keys.is_empty() {
                    ssh_keys::is_certified(&mut tx, fingerprint).await
                } else {
                    Ok(true)
                }
            };
            found.await.unwrap_or(false)
        })
    }

    fn enter<'a>(&'a self, knock: &'a Knock) -> Boxed<'a, Result<Arc<dyn Visit>, String>> {
        Box::pin(async move {
            match enter(&self.0, knock).await {
                Ok(Ok(guest)) => Ok(Arc::new(guest) as Arc<dyn Visit>),
                Ok(Err(words)) => Err(words),
                Err(error) => {
                    tracing::warn!(%error, "an SSH connection could not be decided about");
                    Err(SORRY.to_owned())
                }
            }
        })
    }
}

/// Which of the workloads a name means.
fn named<'a>(all: &'a [Allocation], name: &str) -> Result<&'a Allocation, String> {
    // An identifier is never a name: somebody else's workload may be called like it.
    let id = name.parse::<AllocationId>().ok();
    let mut found = all.iter().filter(|row| id.map_or(row.name == name, |id| row.id == id));
    let Some(first) = found.next() else {
        let mut words = format!("There is no workload {name:?} that this key opens.");
        words.push_str(if all.is_empty() { " It opens none right now." } else { " It opens:" });
        for row in all.iter().take(20) {
            words.push_str(&format!("\r\n  {}  {}", row.id, row.name));
        }
        return Err(words);
    };
    // A name is its workload's only while no other has it.
    match found.find(|row| row.id != first.id) {
        None => Ok(first),
        Some(_) => {
            Err(format!("Several workloads are called {name:?}. Use the identifier of one."))
        }
    }
}

/// Returns the workloads a key opens now: those of a name, or, where none has it, the newest.
async fn opened_by(tx: &mut Reader, key: &SshKey, name: &str) -> Result<Vec<Allocation>> {
    let id: Option<AllocationId> = name.parse().ok();
    let called = if id.is_some() { "" } else { name };
    let mut found = allocations::list_opened(tx, (key.user_id, key.id), Some((id, called))).await?;
    if found.is_empty() {
        found = allocations::list_opened(tx, (key.user_id, key.id), None).await?;
    }
    let mut all = Vec::new();
    for row in found {
        if tenancy::reaches(tx, key.user_id, &row.scope(), CONNECT).await? {
            all.push(row);
        }
    }
    Ok(all)
}

/// Returns which workload a key they registered opens by the name they said.
async fn by_key(app: &App, knock: &Knock) -> Result<Result<(Shown, Allocation), String>> {
    let mut tx = app.db.read().await?;
    let keys = ssh_keys::list_by_fingerprint(&mut tx, &knock.fingerprint).await?;
    let mut all: Vec<(SshKey, Allocation)> = Vec::new();
    for key in &keys {
        let rows = opened_by(&mut tx, key, &knock.name).await?;
        all.extend(rows.into_iter().map(|row| (key.clone(), row)));
    }
    drop(tx);
    // Anybody can register a public key. Where several have, a name could lead into another's workload.
    if keys.len() > 1 && knock.name.parse::<AllocationId>().is_err() {
        let words = "Several people registered this key: use the identifier of the workload.";
        return Ok(Err(words.to_owned()));
    }
    let rows: Vec<Allocation> = all.iter().map(|(_, row)| row.clone()).collect();
    let wanted = match named(&rows, &knock.name) {
        Ok(row) => row.id,
        Err(words) => return Ok(Err(words)),
    };
    let Some((key, row)) = all.into_iter().find(|(_, row)| row.id == wanted) else {
        return Ok(Err(SORRY.to_owned()));
    };
    Ok(Ok((Shown::Key(key), row)))
}

/// Returns the workload a certificate opens.
async fn by_certificate(
    app: &App,
    knock: &Knock,
    called: &str,
) -> Result<Result<(Shown, Allocation), String>> {
    let over = || "This certificate opens nothing any more. Ask for a new one.".to_owned();
    let Ok(id) = called.parse() else { return Ok(Err(over())) };
    let mut tx = app.db.read().await?;
    let Some(row) = ssh_keys::find_certificate(&mut tx, id, &knock.fingerprint).await? else {
        return Ok(Err(over()));
    };
    let found = allocations::find(&mut tx, row.allocation_id).await?;
    // The name is what the certificate was made for; the gateway compared them, and so is it here.
    let found = found.filter(|found| found.id.to_string() == knock.name);
    Ok(found.map(|found| (Shown::Certificate(row), found)).ok_or_else(over))
}

async fn enter(app: &App, knock: &Knock) -> Result<Result<Guest, String>> {
    let found = match &knock.certificate {
        Some(called) => by_certificate(app, knock, called).await?,
        None => by_key(app, knock).await?,
    };
    let (shown, row) = match found {
        Ok(found) => found,
        Err(words) => return Ok(Err(words)),
    };
    let Ok(place) = app.get::<Terminals>().enter_ssh(row.id, shown.user()) else {
        return Ok(Err("Too many connections are open. Close one and try again.".to_owned()));
    };
    let guest = Guest {
        app: app.clone(),
        shown,
        allocation: row.id,
        forwards: AtomicBool::new(false),
        unrecorded: AtomicBool::new(false),
        _place: place,
    };
    // What would cut them off lets nobody in.
    if let Err(words) = still(app, &guest).await? {
        return Ok(Err(words.to_owned()));
    }
    let connects = Connects {
        user: guest.shown.user(),
        session: guest.shown.session(),
        row: row.clone(),
        from: knock.from,
        correlation: app.seams.ids().new_id(),
    };
    let mut tx = app.db.write(&connects).await?;
    if let Shown::Key(key) = &guest.shown {
        ssh_keys::used(&mut tx, key.id).await?;
    }
    tx.target(row.id);
    tx.note(Key::Method, guest.shown.fingerprint());
    tx.note(Key::Person, guest.shown.user());
    if let Some(called) = &knock.certificate {
        tx.note(Key::Name, called);
    }
    tx.commit().await?;
    Ok(Ok(guest))
}
