//! Writing down what a terminal shows, as it shows it.
//!
//! A terminal outlives the page it is looked at from, and so does its recording: whoever comes back goes on with
//! it, and what was shown before is not kept twice. The newest look alone writes.

use super::{
    cast::{self, Letters},
    policy,
    settings::Settings,
    store::{self, Grows, Recording},
    sweep,
};
use api::{
    AllocationId, Code, OrgId, ProjectId, TerminalId, UserId,
    recordings::{RecordingMode, RecordingState, RecordingWay},
};
use bytes::Bytes;
use gateway::tap::{Heard, Tap};
use kernel::{App, Error, Result, audit::System, db::WriteTx};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};

/// Adds to recordings.
pub const WRITER: System = System {
    name: "recordings.write",
    unaudited: Some("each recording leaves an entry with its fingerprint when it ends"),
};

/// How long what was shown waits to be written.
const SOON: Duration = Duration::from_secs(1);
/// So many bytes wait no longer.
const PIECE: usize = 256 * 1024;
/// So long a file is; what comes then begins the next.
const FILE: usize = 16 * 1024 * 1024;
/// How often one that shows nothing says that it goes on.
const BEAT: Duration = Duration::from_secs(60);
/// How often, and how many times, writing is tried.
const AGAIN: Duration = Duration::from_millis(500);
const TRIES: usize = 20;
/// Output of a command without a terminal that is kept: what it carries beyond may be a file.
const OF_COMMAND: u64 = 1024 * 1024;

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
    row: Recording,
    required: bool,
    command: bool,
}

/// Begins the recording of a terminal, or goes on with it.
///
/// # Errors
/// `quota_exceeded` when the organization's recordings take all they may.
pub async fn begin(app: &App, tx: &mut WriteTx, opens: &Opens<'_>) -> Result<Begun> {
    let (org, project) = opens.place;
    let required = policy::find(tx, org).await?.mode == RecordingMode::Required;
    if store::kept(tx, org).await? >= app.get::<Settings>().most() {
        return Err(Error::new(Code::QuotaExceeded).detail(
            "This would be recorded, and the organization's recordings take all the space they may. An owner \
             erases what is not needed under Access, Recordings.",
        ));
    }
    let command = opens.size.is_none();
    let newest = store::newest(tx, opens.terminal).await?;
    if let Some(row) = newest.clone().filter(|row| row.state == RecordingState::Live) {
        store::take_over(tx, row.id).await?;
        let row = Recording { looks: row.looks + 1, ..row };
        return Ok(Begun { row, required, command });
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
        position: if required {
            newest.map_or(0, |row| row.position)
        } else {
            i64::try_from(opens.shown).unwrap_or(i64::MAX)
        },
        chunks: 0,
        bytes: 0,
        left_out: 0,
        sha256: None,
        started_at: tx.now(),
        last_at: tx.now(),
        ended_at: None,
        erase_at: None,
    };
    tx.insert(&row).await?;
    Ok(Begun { row, required, command })
}

/// Ends what is recorded of a terminal: whoever sees it wants that no more.
///
/// # Errors
/// What the database says.
pub async fn stop(app: &App, terminal: TerminalId) -> Result<()> {
    let newest = store::newest(&mut *app.db.read().await?, terminal).await?;
    match newest {
        Some(row) => sweep::finish(app, row.id).await,
        None => Ok(()),
    }
}

impl Begun {
    /// Returns how much of the terminal's output is kept already.
    pub fn position(&self) -> u64 {
        self.row.position.unsigned_abs()
    }

    /// Writes down what is told from now on, until nobody tells any more.
    #[allow(clippy::disallowed_methods, reason = "ends with the stream it hears")]
    pub fn write(self, app: &App) -> Tap {
        let (tap, heard) = Tap::new();
        let tape = Tape {
            app: app.clone(),
            at: self.position(),
            written: self.position(),
            begun: self,
            letters: Letters::default(),
            lines: Vec::new(),
            file: 0,
            ended: false,
        };
        tokio::spawn(tape.run(heard));
        tap
    }
}

struct Tape {
    app: App,
    begun: Begun,
    /// Where in the output what is heard next stands.
    at: u64,
    /// How much of the output is among the lines.
    written: u64,
    letters: Letters,
    lines: Vec<u8>,
    /// Bytes of the file so far.
    file: usize,
    ended: bool,
}

/// Why writing stopped.
enum Stopped {
    /// Somebody else writes it now.
    Moved,
    /// It could not be written.
    Failed,
}

impl Tape {
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>) {
        let stopped = self.listen(&mut heard).await;
        let (id, required) = (self.begun.row.id, self.begun.required);
        if let Err(Stopped::Failed) = stopped {
            tracing::warn!(recording = %id, required, "a recording could not be written");
            if !required {
                // They asked to be recorded; their work goes on without it.
                while heard.recv().await.is_some() {}
            }
        }
    }

    async fn listen(&mut self, heard: &mut mpsc::Receiver<Heard>) -> Result<(), Stopped> {
        let (mut flush_at, mut beat_at) = (None, Instant::now() + BEAT);
        loop {
            let wakes = flush_at.unwrap_or(beat_at);
            tokio::select! {
                told = heard.recv() => match told {
                    Some(told) => self.take(told),
                    None => break,
                },
                () = tokio::time::sleep_until(wakes) => {
                    self.write().await?;
                    (flush_at, beat_at) = (None, Instant::now() + BEAT);
                    continue;
                }
            }
            if self.lines.len() >= PIECE {
                self.write().await?;
                (flush_at, beat_at) = (None, Instant::now() + BEAT);
            } else if !self.lines.is_empty() && flush_at.is_none() {
                flush_at = Some(Instant::now() + SOON);
            }
        }
        self.write().await?;
        if self.ended || self.begun.row.way == RecordingWay::Ssh {
            self.finish().await;
        }
        Ok(())
    }

    fn take(&mut self, told: Heard) {
        match told {
            Heard::At(at) => self.at = at,
            Heard::Output(bytes) => self.output(&bytes),
            Heard::Size(columns, rows) => self.event("r", &format!("{columns}x{rows}")),
            Heard::Exit => self.ended = true,
        }
    }

    fn event(&mut self, kind: &str, text: &str) {
        let now = self.app.seams.clock.now();
        cast::event(&mut self.lines, self.begun.row.started_at, now, kind, text);
    }

    fn output(&mut self, bytes: &Bytes) {
        let from = self.at;
        self.at += bytes.len() as u64;
        if self.at <= self.written {
            return;
        }
        if from > self.written {
            let lost = from - self.written;
            self.leave_out(lost);
            self.event("o", &format!("\r\n\u{1b}[2m[{lost} bytes were not kept]\u{1b}[0m\r\n"));
            self.written = from;
        }
        let known = usize::try_from(self.written - from).unwrap_or(usize::MAX);
        let mut fresh = bytes.get(known..).unwrap_or_default();
        if self.begun.command {
            let room = OF_COMMAND.saturating_sub(self.written);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(fresh.len());
            self.leave_out((fresh.len() - room) as u64);
            fresh = fresh.get(..room).unwrap_or_default();
        }
        let text = self.letters.take(fresh);
        if !text.is_empty() {
            self.event("o", &text);
        }
        self.written = self.at;
    }

    fn leave_out(&mut self, bytes: u64) {
        let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
        self.begun.row.left_out = self.begun.row.left_out.saturating_add(bytes);
    }

    /// Writes what waits, or that it goes on.
    async fn write(&mut self) -> Result<(), Stopped> {
        for _ in 0..TRIES {
            match self.try_write().await {
                Ok(true) => {
                    self.file += self.lines.len();
                    self.lines.clear();
                    return if self.file >= FILE { self.next_part().await } else { Ok(()) };
                }
                Ok(false) => return Err(Stopped::Moved),
                Err(error) => tracing::debug!(%error, "a recording is written again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(Stopped::Failed)
    }

    async fn try_write(&mut self) -> Result<bool> {
        let row = &self.begun.row;
        if self.lines.is_empty() {
            let mut tx = self.app.db.write(&WRITER).await?;
            let mine = store::beat(&mut tx, row).await?;
            return tx.commit().await.map(|()| mine);
        }
        let sealed = cast::seal(&self.app, (row.id, row.chunks + 1), &self.lines)?;
        let bytes = i64::try_from(sealed.len()).unwrap_or(i64::MAX);
        let position = self.written.saturating_sub(self.letters.waiting() as u64);
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let mut tx = self.app.db.write(&WRITER).await?;
        let by = Grows { row, sealed, position, left_out: row.left_out };
        let mine = store::grow(&mut tx, by).await?;
        tx.commit().await?;
        if mine {
            let row = &mut self.begun.row;
            row.chunks += 1;
            row.bytes += bytes;
            row.position = position;
        }
        Ok(mine)
    }

    /// Ends this file and begins the next.
    async fn next_part(&mut self) -> Result<(), Stopped> {
        self.finish().await;
        let row = self.begun.row.clone();
        let workload = row.workload.clone();
        let size = |number: i64| u16::try_from(number).unwrap_or(80);
        let opens = Opens {
            place: (row.org_id, row.project_id),
            allocation: row.allocation_id,
            workload: &workload,
            user: row.user_id,
            terminal: row.terminal_id,
            way: row.way,
            shown: self.begun.position(),
            size: (!self.begun.command).then(|| (size(row.columns), size(row.lines))),
        };
        let next = async {
            let mut tx = self.app.db.write(&WRITER).await?;
            let begun = begin(&self.app, &mut tx, &opens).await?;
            tx.commit().await.map(|()| begun)
        };
        match next.await {
            Ok(begun) => {
                self.begun = begun;
                self.file = 0;
                Ok(())
            }
            Err(error) => {
                tracing::warn!(%error, "a recording could not go on");
                Err(Stopped::Failed)
            }
        }
    }

    async fn finish(&self) {
        if let Err(error) = sweep::finish(&self.app, self.begun.row.id).await {
            tracing::warn!(%error, "a recording is ended later");
        }
    }
}
