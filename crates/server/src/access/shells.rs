//! Who is let in over SSH, and to what.
//!
//! A key that was proved says who somebody is. The name they ask for says which workload; they need a
//! way in to it that is theirs, and a role that may. Each channel asks again.

use super::open::Terminals;
use crate::{
    allocations::{self, Allocation},
    fleet,
    recordings::{self, Begun, Opens},
    ssh_keys::{self, SshKey},
    tenancy,
};
use api::{
    AllocationId, Code, CorrelationId,
    allocations::AllocationState,
    audit::ActorKind,
    node::StreamAsk,
    recordings::{RecordingMode, RecordingWay},
};
use gateway::{
    Boxed,
    link::Duplex,
    ssh::{Knock, Shells, Visit},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Key, Record, Stamp},
    db::{Lane, Reader},
    places::Place,
};
use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// What a role must allow.
pub const CONNECT: &str = "ssh.connect";
/// How often an open connection is asked whether it may still be.
const LOOK: Duration = Duration::from_secs(2);
/// The variable with which a client asks to be recorded.
const RECORD: &str = "GPUAAS_RECORD";
const NO_FORWARDING: &str = "The organization does not allow forwarding of ports.";
const SORRY: &str = "Something went wrong on our side. Try again in a moment.";

/// Lets people in.
pub struct SshShells(pub App);

/// An entry in the record: who came in, where, with what.
struct Connects {
    key: SshKey,
    row: Allocation,
    from: IpAddr,
    correlation: CorrelationId,
}

impl Accountable for Connects {
    fn stamp(&self) -> Stamp {
        Stamp {
            actor_kind: ActorKind::User,
            actor: self.key.user_id.to_string(),
            user_id: Some(self.key.user_id),
            session_id: None,
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

/// Somebody who was let in.
struct Guest {
    app: App,
    key: SshKey,
    allocation: AllocationId,
    /// Whether ports were forwarded.
    forwards: AtomicBool,
    /// Whether something was opened that is not recorded.
    unrecorded: AtomicBool,
    _place: Place,
}

impl Shells for SshShells {
    fn known<'a>(&'a self, fingerprint: &'a str) -> Boxed<'a, bool> {
        Box::pin(async move {
            let found = async {
                let mut tx = self.0.db.read().await?;
                ssh_keys::list_by_fingerprint(&mut tx, fingerprint).await
            };
            found.await.is_ok_and(|keys: Vec<SshKey>| !keys.is_empty())
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

async fn enter(app: &App, knock: &Knock) -> Result<Result<Guest, String>> {
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
    let places = app.get::<Terminals>();
    let Ok(place) = places.enter_ssh(row.id, key.user_id) else {
        return Ok(Err("Too many connections are open. Close one and try again.".to_owned()));
    };
    let connects = Connects {
        key: key.clone(),
        row: row.clone(),
        from: knock.from,
        correlation: app.seams.ids().new_id(),
    };
    let mut tx = app.db.write(&connects).await?;
    ssh_keys::used(&mut tx, key.id).await?;
    tx.target(row.id);
    tx.note(Key::Method, &key.fingerprint);
    tx.note(Key::Person, key.user_id);
    tx.commit().await?;
    Ok(Ok(Guest {
        app: app.clone(),
        key,
        allocation: row.id,
        forwards: AtomicBool::new(false),
        unrecorded: AtomicBool::new(false),
        _place: place,
    }))
}

/// Why somebody may be here no longer.
async fn still(app: &App, guest: &Guest) -> Result<Result<Allocation, &'static str>> {
    let mut tx = app.db.read().await?;
    if !ssh_keys::is_live(&mut tx, guest.key.id).await? {
        return Ok(Err("The key was deleted, or its owner may not sign in any more."));
    }
    let row = allocations::find(&mut tx, guest.allocation).await?;
    let Some(row) = row.filter(|row| row.state == AllocationState::Active) else {
        return Ok(Err("The workload is not active any more."));
    };
    if !ssh_keys::opens(&mut tx, &guest.key, row.id).await? {
        return Ok(Err("The way in to this workload has ended."));
    }
    if !tenancy::reaches(&mut tx, guest.key.user_id, &row.scope(), CONNECT).await? {
        return Ok(Err("Your role does not reach this workload any more."));
    }
    if guest.forwards.load(Ordering::Relaxed)
        && !ssh_keys::reach_policy(&mut tx, row.org_id).await?.forwarding
    {
        return Ok(Err(NO_FORWARDING));
    }
    if guest.unrecorded.load(Ordering::Relaxed)
        && recordings::policy(&mut tx, row.org_id).await?.mode == RecordingMode::Required
    {
        return Ok(Err("The organization records what terminals show from now on. Connect again."));
    }
    Ok(Ok(row))
}

/// Decides about a kind of stream: what is not listed is refused.
async fn allowed(app: &App, row: &Allocation, ask: &StreamAsk) -> Result<Result<(), String>> {
    match ask {
        StreamAsk::Run(_) | StreamAsk::Sftp => Ok(Ok(())),
        // The browser's own kind, by its own ticket.
        StreamAsk::Attach { .. } | StreamAsk::Watch { .. } => {
            Ok(Err("This is not opened over SSH.".to_owned()))
        }
        StreamAsk::Dial { .. } | StreamAsk::Listen { .. } | StreamAsk::Take { .. } => {
            let policy = ssh_keys::reach_policy(&mut *app.db.read().await?, row.org_id).await?;
            Ok(if policy.forwarding { Ok(()) } else { Err(NO_FORWARDING.to_owned()) })
        }
    }
}

/// Begins the recording of a shell or a command, where the organization wants one or its client asks for it.
async fn record(
    guest: &Guest,
    row: &Allocation,
    ask: &StreamAsk,
) -> Result<Option<(String, Begun)>> {
    let StreamAsk::Run(run) = ask else { return Ok(None) };
    let policy = recordings::policy(&mut *guest.app.db.read().await?, row.org_id).await?;
    let asked = run.env.iter().any(|(name, value)| name == RECORD && value == "1");
    let whose = match policy.mode {
        RecordingMode::Required => "The organization records",
        RecordingMode::On if asked => "As you asked, the organization records",
        RecordingMode::Off if asked => {
            return Err(
                Error::new(Code::NotNow).detail("The organization does not record terminals.")
            );
        }
        _ => {
            guest.unrecorded.store(true, Ordering::Relaxed);
            return Ok(None);
        }
    };
    let notice = format!(
        "{whose} what this session shows, never what is typed, and keeps it for {} days.",
        policy.keep_days
    );
    let mut tx = guest.app.db.write(&recordings::WRITER).await?;
    let opens = Opens {
        place: (row.org_id, row.project_id),
        allocation: row.id,
        workload: &row.name,
        user: guest.key.user_id,
        terminal: tx.new_id(),
        way: RecordingWay::Ssh,
        shown: 0,
        size: run.terminal.as_ref().map(|terminal| (terminal.cols, terminal.rows)),
    };
    let begun = recordings::begin(&guest.app, &mut tx, &opens).await?;
    tx.commit().await?;
    Ok(Some((notice, begun)))
}

async fn open(guest: &Guest, ask: &StreamAsk) -> Result<Result<Duplex, String>> {
    let row = match still(&guest.app, guest).await? {
        Ok(row) => row,
        Err(words) => return Ok(Err(words.to_owned())),
    };
    if let Err(words) = allowed(&guest.app, &row, ask).await? {
        return Ok(Err(words));
    }
    if !matches!(ask, StreamAsk::Run(_) | StreamAsk::Sftp) {
        guest.forwards.store(true, Ordering::Relaxed);
    }
    let place = match guest.app.get::<Terminals>().enter_stream(row.id, guest.key.user_id) {
        Ok(place) => place,
        Err(error) => return Ok(Err(error.sentence())),
    };
    let begun = match record(guest, &row, ask).await {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error.sentence())),
    };
    match fleet::stream(&guest.app, row.node_id, row.id, ask).await {
        Ok(duplex) => {
            let (notice, tap) = match begun {
                Some((notice, begun)) => (Some(notice), Some(begun.write(&guest.app))),
                None => (None, None),
            };
            Ok(Ok(Duplex { holds: Some(Box::new(place)), notice, tap, ..duplex }))
        }
        Err(error) => Ok(Err(error.sentence())),
    }
}

impl Visit for Guest {
    fn open<'a>(&'a self, ask: &'a StreamAsk) -> Boxed<'a, Result<Duplex, String>> {
        Box::pin(async move {
            match open(self, ask).await {
                Ok(opened) => opened,
                Err(error) => {
                    tracing::warn!(%error, "a stream over SSH could not be decided about");
                    Err(SORRY.to_owned())
                }
            }
        })
    }

    fn over(&self) -> Boxed<'_, String> {
        Box::pin(async move {
            loop {
                tokio::time::sleep(LOOK).await;
                if let Ok(Err(words)) = still(&self.app, self).await {
                    return words.to_owned();
                }
            }
        })
    }
}
