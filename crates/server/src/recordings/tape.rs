//! Writing down what a terminal shows, as it shows it.
//!
//! A terminal outlives the page it is looked at from, and so does its recording: whoever comes back goes on with
//! it, and what was shown before is not kept twice. The newest look alone writes. What was shown and not written yet
//! when the control plane dies is asked for again from the node, which keeps the last 256 KiB; of a session over SSH,
//! which dies with it, the last second is lost.

use super::{
    begin::{Begun, room},
    cast::{self, Letters},
    store::{self, Grows, Recording},
    sweep,
};
use api::{
    Code,
    recordings::{RecordingState, RecordingWay},
};
use bytes::Bytes;
use gateway::tap::{Heard, Tap};
use kernel::{App, Result, audit::System};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::TaskTracker;

/// Adds to recordings.
pub const WRITER: System = System {
    name: "recordings.write",
    unaudited: Some("each recording leaves an entry with its fingerprint when it ends"),
};

/// How long what was shown waits to be written.
const SOON: Duration = Duration::from_secs(1);
/// So many bytes wait no longer.
const PIECE: usize = 64 * 1024;
/// So long a file is, about; what comes then begins the next.
const FILE: i64 = 16 * 1024 * 1024;
/// After so many bytes it is asked whether there is room for more.
const ROOM: usize = 1024 * 1024;
/// How often one that shows nothing says that it goes on.
const BEAT: Duration = Duration::from_secs(60);
/// How often, and how many times, writing is tried.
const AGAIN: Duration = Duration::from_millis(500);
const TRIES: usize = 20;
/// Output of a command without a terminal that is kept where recording is not required: what it carries beyond may be
/// a file.
const OF_COMMAND: u64 = 1024 * 1024;

/// What is being written now: the program ends once it is.
#[derive(Clone, Default)]
pub struct Tapes(TaskTracker);

impl Tapes {
    /// Waits until everything is written, for a while.
    pub async fn end(&self) {
        self.0.close();
        let _ = tokio::time::timeout(Duration::from_secs(5), self.0.wait()).await;
    }
}

impl Begun {
    /// Writes down what is told from now on, until nobody tells any more.
    pub fn write(self, app: &App) -> Tap {
        let (tap, heard) = Tap::new();
        let position = self.row.position.unsigned_abs();
        let tape = Tape {
            app: app.clone(),
            at: position,
            written: position.max(self.shown),
            last: self.row.last_at,
            size: (self.row.columns, self.row.lines),
            begun: self,
            letters: Letters::default(),
            errors: Letters::default(),
            lines: Vec::new(),
            ended: false,
            unasked: Some(0),
        };
        app.get::<Tapes>().0.spawn(tape.run(heard));
        tap
    }

    /// Forgets it: what was to be recorded did not open.
    pub async fn forget(self, app: &App) {
        if let Err(error) = sweep::finish(app, self.row.id).await {
            tracing::debug!(%error, "a recording of nothing is forgotten later");
        }
    }
}

struct Tape {
    app: App,
    begun: Begun,
    /// Where in the output what is heard next stands.
    at: u64,
    /// How much of the output is among the lines.
    written: u64,
    /// When the last event was: time does not go back, whoever's clock it is.
    last: api::Time,
    size: (i64, i64),
    letters: Letters,
    errors: Letters,
    lines: Vec<u8>,
    ended: bool,
    /// Bytes since it was asked whether there is room; none where it is asked no more.
    unasked: Option<usize>,
}

/// Why writing stopped: nothing more is shown, since it would not be recorded.
#[derive(Debug)]
enum Stopped {
    /// Somebody else writes it now.
    Moved,
    /// It could not be written.
    Failed,
    /// The organization's recordings take all they may.
    Full,
}

impl Tape {
    async fn run(mut self, mut heard: mpsc::Receiver<Heard>) {
        let mut listened = self.listen(&mut heard).await;
        if let Err(Stopped::Full) = listened {
            // Nothing more is shown; what was is kept.
            heard.close();
            self.unasked = None;
            listened = self.listen(&mut heard).await.and(listened);
        }
        if let Err(stopped) = listened {
            let id = self.begun.row.id;
            tracing::warn!(recording = %id, ?stopped, "a recording is written no longer");
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
            Heard::At(at, total) => {
                self.at = at;
                // Nobody has seen more than there is.
                self.written = self.written.min(total.max(at));
            }
            Heard::Output(bytes) => self.output(&bytes, false),
            Heard::Errors(bytes) => self.output(&bytes, true),
            Heard::Size(columns, rows) => {
                self.size = (columns.into(), rows.into());
                self.event("r", &format!("{columns}x{rows}"));
            }
            Heard::Exit => self.ended = true,
        }
    }

    fn event(&mut self, kind: &str, text: &str) {
        self.last = self.last.max(self.app.seams.clock.now());
        cast::event(&mut self.lines, self.begun.row.started_at, self.last, kind, text);
    }

    fn output(&mut self, bytes: &Bytes, errors: bool) {
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
        if self.begun.command && !self.begun.required {
            let room = OF_COMMAND.saturating_sub(self.written);
            let room = usize::try_from(room).unwrap_or(usize::MAX).min(fresh.len());
            self.leave_out((fresh.len() - room) as u64);
            fresh = fresh.get(..room).unwrap_or_default();
        }
        let letters = if errors { &mut self.errors } else { &mut self.letters };
        let mut text = letters.take(fresh);
        if self.begun.command {
            // No terminal has made a new line of each end of one.
            text = text.replace('\n', "\r\n");
        }
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
                    self.unasked = self.unasked.map(|before| before + self.lines.len());
                    self.lines.clear();
                    if self.begun.row.plain >= FILE {
                        self.next_part().await?;
                    }
                    return self.ask_for_room().await;
                }
                Ok(false) => return Err(Stopped::Moved),
                Err(error) => tracing::debug!(%error, "a recording is written again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(Stopped::Failed)
    }

    /// Asks now and then whether there is room for more.
    async fn ask_for_room(&mut self) -> Result<(), Stopped> {
        if self.unasked.is_none_or(|bytes| bytes < ROOM) {
            return Ok(());
        }
        self.unasked = Some(0);
        let asked = async {
            let mut tx = self.app.db.read().await?;
            room(&self.app, &mut tx, self.begun.row.org_id).await
        };
        match asked.await {
            Err(error) if error.code() == Code::QuotaExceeded => Err(Stopped::Full),
            _ => Ok(()),
        }
    }

    async fn try_write(&mut self) -> Result<bool> {
        let row = &self.begun.row;
        if self.lines.is_empty() {
            let mut tx = self.app.db.write(&WRITER).await?;
            let mine = store::beat(&mut tx, row).await?;
            return tx.commit().await.map(|()| mine);
        }
        let sealed = cast::seal(&self.app, (row.id, row.chunks + 1), &self.lines)?;
        let (bytes, plain) = (sealed.len(), self.lines.len());
        let waiting = self.letters.waiting() + self.errors.waiting();
        let position = self.written.saturating_sub(waiting as u64);
        let position = i64::try_from(position).unwrap_or(i64::MAX);
        let mut tx = self.app.db.write(&WRITER).await?;
        let by = Grows { row, sealed, plain, position, left_out: row.left_out };
        let mine = store::grow(&mut tx, by).await?;
        tx.commit().await?;
        if !mine && !self.was_written(position).await? {
            return Ok(false);
        }
        let whole = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let row = &mut self.begun.row;
        row.chunks += 1;
        row.bytes += whole(bytes);
        row.plain += whole(plain);
        row.position = position;
        Ok(true)
    }

    /// Returns whether this piece was written before, and only the answer was lost.
    async fn was_written(&self, position: i64) -> Result<bool> {
        let mine = &self.begun.row;
        let found = store::find(&mut *self.app.db.read().await?, mine.id).await?;
        Ok(found.is_some_and(|row| {
            let (live, looks) = (row.state == RecordingState::Live, row.looks == mine.looks);
            live && looks && row.chunks == mine.chunks + 1 && row.position == position
        }))
    }

    /// Ends this file and begins the next in its place, unless somebody else writes it now.
    async fn next_part(&mut self) -> Result<(), Stopped> {
        let row = &self.begun.row;
        let now = self.app.seams.clock.now();
        let next = Recording {
            id: self.app.seams.ids().new_id(),
            part: row.part + 1,
            columns: self.size.0,
            lines: self.size.1,
            looks: 1,
            chunks: 0,
            bytes: 0,
            plain: 0,
            left_out: 0,
            started_at: now,
            last_at: now,
            ..row.clone()
        };
        for _ in 0..TRIES {
            match self.try_next(&next).await {
                Ok(true) => {
                    self.begun.row = next;
                    return Ok(());
                }
                Ok(false) => return Err(Stopped::Moved),
                Err(error) => tracing::debug!(%error, "the next part is begun again"),
            }
            tokio::time::sleep(AGAIN).await;
        }
        Err(Stopped::Failed)
    }

    async fn try_next(&self, next: &Recording) -> Result<bool> {
        let mut read = self.app.db.read().await?;
        // Begun before, and only the answer was lost.
        if store::find(&mut read, next.id).await?.is_some() {
            return Ok(true);
        }
        drop(read);
        sweep::end(&self.app, &self.begun.row, Some(next)).await
    }

    async fn finish(&self) {
        if let Err(error) = sweep::finish(&self.app, self.begun.row.id).await {
            tracing::warn!(%error, "a recording is ended later");
        }
    }
}
