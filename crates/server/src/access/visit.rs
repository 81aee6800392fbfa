//! Somebody who was let in over SSH: each channel asks again, and they are cut off once they may be here no longer.

use super::{open::Terminals, shells::CONNECT};
use crate::{
    allocations::{self, Allocation},
    fleet,
    recordings::{self, Begun, Opens},
    ssh_keys::{self, SshCertificate, SshKey},
    tenancy,
};
use api::{
    AllocationId, Code, SessionId, UserId,
    allocations::AllocationState,
    node::StreamAsk,
    recordings::{RecordingMode, RecordingWay},
};
use gateway::{
    Boxed,
    link::{Duplex, LastingAsk},
    ssh::{NotResumed, Visit},
};
use kernel::{App, Error, Result, db::Reader, places::Place};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// How often an open connection is asked whether it may still be.
const LOOK: Duration = Duration::from_secs(2);
/// The variable with which a client asks to be recorded.
const RECORD: &str = "GPUAAS_RECORD";
const NO_FORWARDING: &str = "The organization does not allow forwarding of ports.";
pub(super) const SORRY: &str = "Something went wrong on our side. Try again in a moment.";

/// What somebody showed at the door.
#[derive(Debug, Clone)]
pub(super) enum Shown {
    /// A key they registered.
    Key(SshKey),
    /// A certificate they asked for.
    Certificate(SshCertificate),
}

impl Shown {
    /// Returns who they are.
    pub(super) fn user(&self) -> UserId {
        match self {
            Self::Key(key) => key.user_id,
            Self::Certificate(certificate) => certificate.user_id,
        }
    }

    /// Returns the session they asked for it with.
    pub(super) fn session(&self) -> Option<SessionId> {
        match self {
            Self::Key(_) => None,
            Self::Certificate(certificate) => Some(certificate.session_id),
        }
    }

    /// Returns the key they proved.
    pub(super) fn fingerprint(&self) -> &str {
        match self {
            Self::Key(key) => &key.fingerprint,
            Self::Certificate(certificate) => &certificate.fingerprint,
        }
    }

    async fn lives(&self, tx: &mut Reader) -> Result<bool> {
        match self {
            Self::Key(key) => ssh_keys::is_live(tx, key.id).await,
            Self::Certificate(row) => ssh_keys::is_certificate_live(tx, row).await,
        }
    }

    async fn opens(&self, tx: &mut Reader, id: AllocationId) -> Result<bool> {
        match self {
            Self::Key(key) => ssh_keys::opens(tx, key, id).await,
            Self::Certificate(row) => {
                Ok(row.allocation_id == id && ssh_keys::has_way(tx, row.user_id, id).await?)
            }
        }
    }
}

/// Somebody who was let in.
pub(super) struct Guest {
    pub(super) app: App,
    pub(super) shown: Shown,
    pub(super) allocation: AllocationId,
    /// Whether ports were forwarded.
    pub(super) forwards: AtomicBool,
    /// Whether something was opened that is not recorded.
    pub(super) unrecorded: AtomicBool,
    pub(super) _place: Place,
}

/// Why somebody may be here no longer.
pub(super) async fn still(app: &App, guest: &Guest) -> Result<Result<Allocation, &'static str>> {
    let mut tx = app.db.read().await?;
    if !guest.shown.lives(&mut tx).await? {
        return Ok(Err(match guest.shown {
            Shown::Key(_) => "The key was deleted, or its owner may not sign in any more.",
            Shown::Certificate(_) => "The session this was opened with has ended.",
        }));
    }
    let row = allocations::find(&mut tx, guest.allocation).await?;
    let Some(row) = row.filter(|row| row.state == AllocationState::Active) else {
        return Ok(Err("The workload is not active any more."));
    };
    if !guest.shown.opens(&mut tx, row.id).await? {
        return Ok(Err("The way in to this workload has ended."));
    }
    if !tenancy::reaches(&mut tx, guest.shown.user(), &row.scope(), CONNECT).await? {
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
    // Of a command with no terminal only its beginning is kept where recording is free: should it be required, it ends.
    if policy.mode != RecordingMode::Required && run.terminal.is_none() {
        guest.unrecorded.store(true, Ordering::Relaxed);
    }
    recordings::room(&guest.app, &mut *guest.app.db.read().await?, row.org_id).await?;
    let mut tx = guest.app.db.write(&recordings::WRITER).await?;
    let opens = Opens {
        place: (row.org_id, row.project_id),
        allocation: row.id,
        workload: &row.name,
        user: guest.shown.user(),
        terminal: tx.new_id(),
        way: RecordingWay::Ssh,
        shown: 0,
        size: run.terminal.as_ref().map(|terminal| (terminal.cols, terminal.rows)),
    };
    let begun = recordings::begin(&mut tx, &opens).await?;
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
    let place = match guest.app.get::<Terminals>().enter_stream(row.id, guest.shown.user()) {
        Ok(place) => place,
        Err(error) => return Ok(Err(error.sentence())),
    };
    let begun = match record(guest, &row, ask).await {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(error.sentence())),
    };
    let opened = match ask {
        StreamAsk::Run(run) if run.terminal.is_some() => {
            let terminal_id = guest.app.seams.ids().new_id();
            let ask = LastingAsk { terminal_id, from: None, run };
            fleet::lasting(&guest.app, row.node_id, row.id, &ask).await
        }
        ask => fleet::stream(&guest.app, row.node_id, row.id, ask).await,
    };
    match opened {
        Ok(duplex) => {
            let (notice, tap) = match begun {
                Some((notice, begun)) => (Some(notice), Some(begun.write(&guest.app))),
                None => (None, None),
            };
            Ok(Ok(Duplex { holds: Some(Box::new(place)), notice, tap, ..duplex }))
        }
        Err(error) => {
            if let Some((_, begun)) = begun {
                begun.forget(&guest.app).await;
            }
            Ok(Err(error.sentence()))
        }
    }
}

/// Goes on with a program on a terminal: whoever opened it may still be here, and its machine is there again.
async fn resume(guest: &Guest, ask: &LastingAsk<'_>) -> Result<Result<Duplex, NotResumed>> {
    let Ok(row) = still(&guest.app, guest).await? else { return Ok(Err(NotResumed::Over)) };
    let place = guest.app.get::<Terminals>().enter_stream(row.id, guest.shown.user())?;
    let duplex = fleet::lasting(&guest.app, row.node_id, row.id, ask).await?;
    Ok(Ok(Duplex { holds: Some(Box::new(place)), ..duplex }))
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

    fn resume<'a>(&'a self, ask: LastingAsk<'a>) -> Boxed<'a, Result<Duplex, NotResumed>> {
        Box::pin(async move {
            match resume(self, &ask).await {
                Ok(resumed) => resumed,
                Err(error) if error.code() == Code::NotNow => Err(NotResumed::Over),
                Err(_) => Err(NotResumed::Later),
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
