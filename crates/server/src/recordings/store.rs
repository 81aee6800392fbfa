//! All SQL of recordings.

use api::{
    AllocationId, OrgId, ProjectId, RecordingId, TerminalId, Time, UserId,
    recordings::{RecordingState, RecordingWay},
};
use kernel::{
    Result,
    db::{Lock, Reader, WriteTx},
    row,
};

row! {
    /// A recording: one part of what one terminal showed.
    pub struct Recording in "recordings" {
        /// Identifier.
        pub id: RecordingId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Workload.
        pub allocation_id: AllocationId,
        /// Whose terminal.
        pub user_id: UserId,
        /// The terminal, or the stream over SSH.
        pub terminal_id: TerminalId,
        /// Its number among those of the terminal.
        pub part: i64,
        /// How it was opened.
        pub way: RecordingWay,
        /// What the workload was called.
        pub workload: String,
        /// Columns at the beginning.
        pub columns: i64,
        /// Rows.
        pub lines: i64,
        /// State.
        pub state: RecordingState,
        /// How many looks it was written by; only the newest writes.
        pub looks: i64,
        /// How much of the terminal's output is kept.
        pub position: i64,
        /// Chunks that are kept.
        pub chunks: i64,
        /// Bytes of them, sealed.
        pub bytes: i64,
        /// The same before they were compressed and sealed.
        pub plain: i64,
        /// Bytes of output that are not kept.
        pub left_out: i64,
        /// SHA-256 of the file, once it has ended.
        pub sha256: Option<Vec<u8>>,
        /// When it began.
        pub started_at: Time,
        /// When it was written last.
        pub last_at: Time,
        /// When it ended.
        pub ended_at: Option<Time>,
        /// When it is erased.
        pub erase_at: Option<Time>,
    }
}

row! {
    /// A sealed piece of one.
    pub struct Chunk in "recording_chunks" {
        /// Of which.
        pub recording_id: RecordingId,
        /// Its number, from 1.
        pub seq: i64,
        /// The piece.
        pub sealed: Vec<u8>,
    }
}

/// Returns a recording.
pub(super) async fn find(tx: &mut Reader, id: RecordingId) -> Result<Option<Recording>> {
    tx.find("SELECT {} FROM recordings WHERE id = $1", (id,)).await
}

/// Returns the newest part of a terminal's recording.
pub(super) async fn newest(tx: &mut Reader, terminal: TerminalId) -> Result<Option<Recording>> {
    tx.find(
        "SELECT {} FROM recordings WHERE terminal_id = $1 ORDER BY part DESC LIMIT 1",
        (terminal,),
    )
    .await
}

/// Returns the same and holds it: whoever writes it at the same moment waits.
pub(super) async fn lock_newest(
    tx: &mut Reader,
    terminal: TerminalId,
) -> Result<Option<Recording>> {
    loop {
        let found: Vec<Recording> = tx
            .list_locked(
                "SELECT {} FROM recordings WHERE terminal_id = $1 ORDER BY part DESC LIMIT 1",
                (terminal,),
                Lock::Update,
            )
            .await?;
        // While this waited the part may have ended, and the next begun.
        let now = newest(tx, terminal).await?;
        if found.first().map(|row| row.id) == now.as_ref().map(|row| row.id) {
            return Ok(now);
        }
    }
}

/// Returns those of a project, newest first: all, or somebody's own.
pub(super) async fn list(
    tx: &mut Reader,
    project: ProjectId,
    of: Option<UserId>,
    (before, most): (Option<RecordingId>, i64),
) -> Result<Vec<Recording>> {
    let before = before.unwrap_or(RecordingId(uuid::Uuid::max()));
    match of {
        None => {
            tx.list(
                "SELECT {} FROM recordings WHERE project_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
                (project, before, most),
            )
            .await
        }
        Some(user) => {
            tx.list(
                "SELECT {} FROM recordings WHERE project_id = $1 AND user_id = $2 AND id < $3
                  ORDER BY id DESC LIMIT $4",
                (project, user, before, most),
            )
            .await
        }
    }
}

/// Returns how much an organization's recordings take.
pub(super) async fn kept(tx: &mut Reader, org: OrgId) -> Result<i64> {
    tx.value(
        "SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM recordings
          WHERE org_id = $1 AND state <> 'erased'",
        (org,),
    )
    .await
}

/// Returns the pieces of one, in order.
pub(super) async fn list_chunks(tx: &mut Reader, id: RecordingId) -> Result<Vec<Chunk>> {
    tx.list("SELECT {} FROM recording_chunks WHERE recording_id = $1 ORDER BY seq", (id,)).await
}

/// Returns those that are live and were not written for long.
pub(super) async fn list_left(tx: &mut Reader, before: Time) -> Result<Vec<Recording>> {
    tx.list(
        "SELECT {} FROM recordings WHERE state = 'live' AND last_at < $1 ORDER BY last_at LIMIT 100",
        (before,),
    )
    .await
}

/// Returns those whose time is over.
pub(super) async fn list_due(tx: &mut Reader, now: Time) -> Result<Vec<Recording>> {
    tx.list(
        "SELECT {} FROM recordings WHERE state = 'ended' AND erase_at <= $1 ORDER BY erase_at LIMIT 100",
        (now,),
    )
    .await
}

/// Goes on with one that is held: whoever wrote it before writes it no longer.
pub(super) async fn take_over(tx: &mut WriteTx, id: RecordingId) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE recordings SET looks = looks + 1, last_at = $1 WHERE id = $2 AND state = 'live'",
        (now, id),
    )
    .await
    .map(|_| ())
}

/// Ends one that cannot be read any more: pieces of it are missing or were changed. It has no fingerprint.
/// Returns false when more was added since, or somebody else writes it now.
pub(super) async fn give_up(tx: &mut WriteTx, row: &Recording, erase_at: Time) -> Result<bool> {
    let ended = tx
        .run(
            "UPDATE recordings SET state = 'ended', ended_at = last_at, erase_at = $1
              WHERE id = $2 AND chunks = $3 AND looks = $4 AND state = 'live'",
            (erase_at, row.id, row.chunks, row.looks),
        )
        .await?;
    Ok(ended > 0)
}

/// What is added to a recording.
pub(super) struct Grows<'a> {
    pub row: &'a Recording,
    pub sealed: Vec<u8>,
    pub plain: usize,
    pub position: i64,
    pub left_out: i64,
}

/// Adds a piece; returns false when somebody else writes it now, or it has ended.
pub(super) async fn grow(tx: &mut WriteTx, by: Grows<'_>) -> Result<bool> {
    let now = tx.now();
    let Grows { row, sealed, plain, position, left_out } = by;
    let plain = i64::try_from(plain).unwrap_or(i64::MAX);
    let bytes = i64::try_from(sealed.len()).unwrap_or(i64::MAX);
    let added = tx
        .run(
            "UPDATE recordings SET chunks = chunks + 1, bytes = bytes + $1, position = $2, left_out = $3,
                last_at = $4, plain = plain + $5
              WHERE id = $6 AND looks = $7 AND chunks = $8 AND state = 'live'",
            (bytes, position, left_out, now, plain, row.id, row.looks, row.chunks),
        )
        .await?;
    if added == 0 {
        return Ok(false);
    }
    tx.insert(&Chunk { recording_id: row.id, seq: row.chunks + 1, sealed }).await?;
    Ok(true)
}

/// Notes that one goes on, though nothing was shown; returns false when it does not.
pub(super) async fn beat(tx: &mut WriteTx, row: &Recording) -> Result<bool> {
    let now = tx.now();
    let found = tx
        .run(
            "UPDATE recordings SET last_at = $1, left_out = $2
              WHERE id = $3 AND looks = $4 AND state = 'live'",
            (now, row.left_out, row.id, row.looks),
        )
        .await?;
    Ok(found > 0)
}

/// Ends one whose every piece was seen; returns false when more was added since, or somebody else writes it now.
pub(super) async fn end(
    tx: &mut WriteTx,
    row: &Recording,
    sha256: Vec<u8>,
    erase_at: Time,
) -> Result<bool> {
    let ended = tx
        .run(
            "UPDATE recordings SET state = 'ended', sha256 = $1, ended_at = last_at, erase_at = $2
              WHERE id = $3 AND chunks = $4 AND looks = $5 AND state = 'live'",
            (sha256, erase_at, row.id, row.chunks, row.looks),
        )
        .await?;
    Ok(ended > 0)
}

/// Forgets one in which nothing was kept.
pub(super) async fn forget(tx: &mut WriteTx, row: &Recording) -> Result<()> {
    tx.run(
        "DELETE FROM recordings WHERE id = $1 AND looks = $2 AND chunks = 0 AND state = 'live'",
        (row.id, row.looks),
    )
    .await
    .map(|_| ())
}

/// Erases what one that has ended showed; returns false when that was done.
pub(super) async fn erase(tx: &mut WriteTx, id: RecordingId) -> Result<bool> {
    let found = tx
        .run(
            "UPDATE recordings SET state = 'erased', bytes = 0 WHERE id = $1 AND state = 'ended'",
            (id,),
        )
        .await?;
    if found > 0 {
        tx.run("DELETE FROM recording_chunks WHERE recording_id = $1", (id,)).await?;
    }
    Ok(found > 0)
}
