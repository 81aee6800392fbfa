//! Ends recordings whose terminal is over, and erases those whose time is.

use super::{
    cast, policy,
    store::{self, Recording},
    tape,
};
use api::{CorrelationId, RecordingId, TypedId, audit::ActorKind, recordings::RecordingState};
use kernel::{
    App, Result,
    audit::{Accountable, Key, Record, Stamp, System},
    db::Lane,
    secret::{hex, hex_digest},
    sweeps::{Status, Sweep},
};
use sha2::{Digest, Sha256};
use std::{future::Future, pin::Pin, time::Duration};

/// Ends and erases.
pub const WRITER: System = System { name: "recordings.keep", unaudited: None };
/// The entry with a recording's fingerprint; its correlation is the recording's own number.
pub(super) const ENDED: &str = "recording.end";
const ERASED: &str = "recording.expire";
/// A terminal is kept for a quarter of an hour while nobody looks: one not written for longer is over.
const LEFT: Duration = Duration::from_secs(16 * 60);
const DAY: u64 = 24 * 3600;

/// What happens to a recording by itself.
struct Happens<'a>(&'a Recording, &'static str);

impl Accountable for Happens<'_> {
    fn stamp(&self) -> Stamp {
        let Self(row, action) = *self;
        Stamp {
            actor_kind: ActorKind::System,
            actor: WRITER.name.to_owned(),
            user_id: None,
            session_id: None,
            org_id: Some(row.org_id),
            project_id: Some(row.project_id),
            action,
            correlation_id: CorrelationId(row.id.uuid()),
            ip: None,
            lane: Lane::Background,
            record: Record::Entry,
            request: None,
            guard: None,
        }
    }
}

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: WRITER.name, every: Duration::from_secs(60), walks: true, run }
}

fn run(app: App) -> Pin<Box<dyn Future<Output = Result<Status>> + Send>> {
    Box::pin(async move {
        let now = app.seams.clock.now();
        let left = store::list_left(&mut *app.db.read().await?, now.minus(LEFT)).await?;
        let (ended, mut failed) = (left.len(), 0);
        for row in left {
            // One that cannot be ended keeps nobody else's from it.
            if let Err(error) = finish(&app, row.id).await {
                tracing::warn!(recording = %row.id, %error, "a recording could not be ended");
                failed += 1;
            }
        }
        let due = store::list_due(&mut *app.db.read().await?, now).await?;
        let erased = due.len();
        for row in due {
            if let Err(error) = expire(&app, &row).await {
                tracing::warn!(recording = %row.id, %error, "a recording could not be erased");
                failed += 1;
            }
        }
        Ok(format!("{ended} to end, {erased} to erase, {failed} could not be"))
    })
}

async fn expire(app: &App, row: &Recording) -> Result<()> {
    let mut tx = app.db.write(&Happens(row, ERASED)).await?;
    if store::erase(&mut tx, row.id).await? {
        note(&mut tx, row);
        tx.commit().await?;
    }
    Ok(())
}

/// Says which recording, whose, and its fingerprint.
pub(super) fn note(tx: &mut kernel::db::WriteTx, row: &Recording) {
    tx.target(row.id);
    tx.note(Key::Person, row.user_id);
    tx.note(Key::Count, row.left_out);
    if let Some(sha256) = &row.sha256 {
        tx.note(Key::Sha256, hex(sha256));
    }
}

/// Ends a recording: its fingerprint goes into the record. One in which nothing was kept is forgotten.
pub(super) async fn finish(app: &App, id: RecordingId) -> Result<()> {
    let live = |row: &Recording| row.state == RecordingState::Live;
    let found = store::find(&mut *app.db.read().await?, id).await?;
    let Some(row) = found.filter(live) else { return Ok(()) };
    if row.chunks == 0 {
        let mut tx = app.db.write(&tape::WRITER).await?;
        store::forget(&mut tx, &row).await?;
        return tx.commit().await;
    }
    end(app, &row, None).await.map(|_| ())
}

/// Ends a recording whose last writer is known by its row, and begins the next part in its place, where one is given.
/// Returns false when somebody else writes it now.
pub(super) async fn end(app: &App, row: &Recording, next: Option<&Recording>) -> Result<bool> {
    let mut read = app.db.read().await?;
    let file = cast::whole(app, &mut read, row).await?;
    let days = policy::find(&mut read, row.org_id).await?.keep_days.unsigned_abs();
    drop(read);
    let mut tx = app.db.write(&Happens(row, ENDED)).await?;
    let erase_at = tx.now().plus(Duration::from_secs(days * DAY));
    let ended = match file {
        Ok(file) => {
            let sha256 = Sha256::digest(&file).to_vec();
            note(&mut tx, &Recording { sha256: Some(sha256.clone()), ..row.clone() });
            store::end(&mut tx, row, sha256, erase_at).await?
        }
        Err(cast::Broken) => {
            tracing::error!(recording = %row.id, "pieces of a recording are missing or changed");
            note(&mut tx, row);
            store::give_up(&mut tx, row, erase_at).await?
        }
    };
    if !ended {
        return Ok(false);
    }
    if let Some(next) = next {
        tx.insert(next).await?;
    }
    tx.commit().await.map(|()| true)
}

/// Returns the fingerprint of a file, in hexadecimal.
pub(super) fn fingerprint(file: &[u8]) -> String {
    hex_digest(file)
}
