//! Beginning a recording, going on with it, and stopping it.

use super::{
    policy,
    settings::Settings,
    store::{self, Recording},
    sweep,
};
use api::{
    AllocationId, Code, OrgId, ProjectId, TerminalId, UserId,
    recordings::{RecordingMode, RecordingState, RecordingWay},
};
use kernel::{
    App, Error, Result,
    db::{Reader, WriteTx},
};

/// What is to be recorded.
pub struct Opens<'a> {
    /// Organization and project.
    pub place: (OrgId, ProjectId),
    /// The workload.
    pub allocation: AllocationId,
    /// What it is called.
    pub workload: &'a str,
    /// Whose terminal.
    pub user: UserId,
    /// The terminal.
    pub terminal: TerminalId,
    /// How it was opened.
    pub way: RecordingWay,
    /// Its columns and rows; none of a command without a terminal.
    pub size: Option<(u16, u16)>,
    /// How much of its output whoever asks to be recorded saw before; where recording is required that counts for
    /// nothing.
    pub shown: u64,
}

/// A recording that has begun.
pub struct Begun {
    pub(super) row: Recording,
    pub(super) required: bool,
    pub(super) command: bool,
    /// How much of its output is not wanted: what they say they saw, checked against what there is.
    pub(super) shown: u64,
}

/// Refuses when an organization's recordings take all they may.
///
/// # Errors
/// `quota_exceeded`.
pub async fn room(app: &App, tx: &mut Reader, org: OrgId) -> Result<()> {
    if store::kept(tx, org).await? < app.get::<Settings>().most() {
        return Ok(());
    }
    Err(Error::new(Code::QuotaExceeded).detail(
        "This would be recorded, and the organization's recordings take all the space they may. An owner \
         erases what is not needed under Access, Recordings.",
    ))
}

/// Returns from where on a node is asked for a terminal's output, so that nothing that was shown goes unrecorded:
/// from where it is kept, or, where it never was and need not be, from what was shown.
///
/// # Errors
/// What the database says.
pub async fn wanted(tx: &mut Reader, opens: &Opens<'_>) -> Result<u64> {
    let required = policy::find(tx, opens.place.0).await?.mode == RecordingMode::Required;
    Ok(match store::newest(tx, opens.terminal).await? {
        Some(row) => row.position.unsigned_abs().min(opens.shown),
        None if required => 0,
        None => opens.shown,
    })
}

/// Begins the recording of a terminal, or goes on with it.
///
/// # Errors
/// What the database says.
pub async fn begin(tx: &mut WriteTx, opens: &Opens<'_>) -> Result<Begun> {
    let (org, project) = opens.place;
    let required = policy::find(tx, org).await?.mode == RecordingMode::Required;
    let command = opens.size.is_none();
    let shown = if required { 0 } else { opens.shown };
    let newest = store::lock_newest(tx, opens.terminal).await?;
    if let Some(row) = newest.clone().filter(|row| row.state == RecordingState::Live) {
        store::take_over(tx, row.id).await?;
        let shown = if row.chunks > 0 { 0 } else { shown };
        let row = Recording { looks: row.looks + 1, ..row };
        return Ok(Begun { row, required, command, shown });
    }
    let (columns, lines) = opens.size.unwrap_or((80, 24));
    let row = Recording {
        id: tx.new_id(),
        org_id: org,
        project_id: project,
        allocation_id: opens.allocation,
        user_id: opens.user,
        terminal_id: opens.terminal,
        part: newest.as_ref().map_or(1, |row| row.part + 1),
        way: opens.way,
        workload: opens.workload.to_owned(),
        columns: columns.into(),
        lines: lines.into(),
        state: RecordingState::Live,
        looks: 1,
        // What somebody says they saw is never kept: only what was written.
        position: newest.map_or(0, |row| row.position),
        chunks: 0,
        bytes: 0,
        plain: 0,
        left_out: 0,
        sha256: None,
        started_at: tx.now(),
        last_at: tx.now(),
        ended_at: None,
        erase_at: None,
    };
    tx.insert(&row).await?;
    Ok(Begun { row, required, command, shown })
}

/// Lets nobody write a terminal's recording any more: whoever sees it wants that no more.
///
/// # Errors
/// What the database says.
pub async fn fence(tx: &mut WriteTx, terminal: TerminalId) -> Result<()> {
    match store::lock_newest(tx, terminal).await? {
        Some(row) if row.state == RecordingState::Live => store::take_over(tx, row.id).await,
        _ => Ok(()),
    }
}

/// Ends what is recorded of a terminal; nobody writes it any more.
///
/// # Errors
/// What the database says.
pub async fn stop(app: &App, terminal: TerminalId) -> Result<()> {
    // A part that ended meanwhile may have begun the next.
    for _ in 0..3 {
        let newest = store::newest(&mut *app.db.read().await?, terminal).await?;
        match newest.filter(|row| row.state == RecordingState::Live) {
            Some(row) => sweep::finish(app, row.id).await?,
            None => break,
        }
    }
    Ok(())
}
