//! Refusals and failures on their way into the record: queued by the request, written within a
//! second by the background lane. Equal denials of one caller in one minute become one entry with a
//! count, so that a flood cannot fill the disk.

use super::{Entry, Stamp, System};
use crate::{App, Result};
use api::{AuditId, Code, audit::Outcome};
use std::{collections::HashMap, sync::Mutex, time::Duration};

/// Writes what the queue holds.
pub const WRITER: System =
    System { name: "audit.queue", unaudited: Some("it writes audit entries itself") };

/// Most distinct refusals that wait at once; beyond it they are only counted.
const MOST: usize = 10_000;

/// The queue.
#[derive(Default)]
pub struct Queue {
    waiting: Mutex<HashMap<Fold, Waiting>>,
}

#[derive(PartialEq, Eq, Hash)]
struct Fold {
    actor: String,
    action: &'static str,
    code: &'static str,
    ip: Option<String>,
    minute: i64,
}

struct Waiting {
    entry: Entry,
    count: i64,
}

impl Queue {
    /// Notes that an act was refused or failed.
    pub fn refused(&self, app: &App, stamp: &Stamp, target: Option<String>, code: Code) {
        let at = app.seams.clock.now();
        let outcome = match code.status() {
            401 | 403 | 404 | 429 => Outcome::Denied,
            _ => Outcome::Failure,
        };
        let id: AuditId = app.seams.ids().new_id();
        let mut entry = Entry::of(stamp, id, at, outcome);
        entry.target = target;
        entry.code = Some(code.as_str().to_owned());
        let fold = Fold {
            actor: stamp.actor.clone(),
            action: stamp.action,
            code: code.as_str(),
            ip: stamp.ip.clone(),
            minute: at.0 / 60_000_000,
        };
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if waiting.len() >= MOST && !waiting.contains_key(&fold) {
            return;
        }
        waiting.entry(fold).or_insert(Waiting { entry, count: 0 }).count += 1;
    }

    fn take(&self) -> Vec<Entry> {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let taken = std::mem::take(&mut *waiting);
        let mut entries: Vec<Entry> = taken
            .into_values()
            .map(|waiting| Entry { count: waiting.count, ..waiting.entry })
            .collect();
        entries.sort_by_key(|entry| entry.id);
        entries
    }

    /// Writes what waits; returns how many entries.
    ///
    /// # Errors
    /// What the database says; the entries wait on.
    pub async fn flush(&self, app: &App) -> Result<usize> {
        let entries = self.take();
        if entries.is_empty() {
            return Ok(0);
        }
        let written = async {
            let mut tx = app.db.write(&WRITER).await?;
            tx.insert_all(&entries).await?;
            tx.commit().await
        }
        .await;
        match written {
            Ok(()) => Ok(entries.len()),
            Err(error) => {
                self.put_back(entries);
                Err(error)
            }
        }
    }

    fn put_back(&self, entries: Vec<Entry>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for entry in entries {
            let fold = Fold {
                actor: entry.actor.clone(),
                action: "put back",
                code: "",
                ip: Some(entry.id.to_string()),
                minute: 0,
            };
            let count = entry.count;
            waiting.insert(fold, Waiting { entry, count });
        }
    }
}

/// Flushes the queue for as long as the program runs.
pub async fn run(app: App) {
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if let Err(error) = app.audit.flush(&app).await {
            tracing::error!(%error, "audit entries of refusals cannot be written; they wait");
        }
    }
}
