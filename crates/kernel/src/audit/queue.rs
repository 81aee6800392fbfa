//! Refusals and failures on their way into the record: queued by the request, written within a
//! second by the background lane. Equal denials of one caller in one minute become one entry with a
//! count, so that a flood cannot fill the disk.

use super::{Entry, Stamp, System};
use crate::{App, Result};
use api::{AuditId, Code, OrgId, ProjectId, audit::Outcome};
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

#[derive(Clone, PartialEq, Eq, Hash)]
struct Fold {
    actor: String,
    action: &'static str,
    code: &'static str,
    ip: Option<String>,
    /// Where: what is folded stands in one record.
    place: (Option<OrgId>, Option<ProjectId>),
    /// What was refused to somebody signed in; strangers' guesses are folded whatever they name.
    target: Option<String>,
    /// Failures are not folded: each keeps its correlation.
    correlation: Option<String>,
    minute: i64,
}

#[derive(Clone)]
struct Waiting {
    entry: Entry,
    count: i64,
}

impl Queue {
    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<Fold, Waiting>> {
        self.waiting.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Notes that one of the platform's people looked at something of an organization. Equal looks of a minute
    /// become one entry with a count.
    pub fn looked(&self, app: &App, stamp: &Stamp, target: Option<String>) {
        let mut entry =
            Entry::of(stamp, app.seams.ids().new_id(), app.seams.clock.now(), Outcome::Success);
        entry.target = target;
        entry.detail = r#"{"method":"support access"}"#.to_owned();
        let fold = Fold {
            actor: stamp.actor.clone(),
            action: stamp.action,
            code: "",
            ip: None,
            place: (stamp.org_id, stamp.project_id),
            target: entry.target.clone(),
            correlation: None,
            minute: entry.at.0 / 60_000_000,
        };
        // Whoever may look is few, and each look of theirs is kept.
        self.lock().entry(fold).or_insert(Waiting { entry, count: 0 }).count += 1;
    }

    /// Notes that an act was refused or failed.
    pub fn refused(&self, app: &App, stamp: &Stamp, target: Option<String>, code: Code) {
        let at = app.seams.clock.now();
        // What strangers send that nobody can read is a flood, not failures of ours.
        let stranger = stamp.actor_kind == api::audit::ActorKind::Anonymous;
        let outcome = match code.status() {
            401 | 403 | 404 | 429 => Outcome::Denied,
            400 | 413 | 415 | 422 if stranger => Outcome::Denied,
            _ => Outcome::Failure,
        };
        let id: AuditId = app.seams.ids().new_id();
        let mut entry = Entry::of(stamp, id, at, outcome);
        entry.target = target;
        entry.code = Some(code.as_str().to_owned());
        let mut fold = Fold {
            actor: stamp.actor.clone(),
            action: stamp.action,
            code: code.as_str(),
            ip: stamp.ip.clone(),
            place: (stamp.org_id, stamp.project_id),
            target: entry.target.clone().filter(|_| stamp.user_id.is_some()),
            correlation: (outcome == Outcome::Failure).then(|| entry.correlation_id.clone()),
            minute: at.0 / 60_000_000,
        };
        let mut waiting = self.lock();
        if waiting.len() >= MOST && !waiting.contains_key(&fold) {
            // The flood itself is recorded as one entry with its count.
            fold = Fold {
                actor: "flood".into(),
                ip: None,
                place: (None, None),
                target: None,
                correlation: None,
                ..fold
            };
            entry.actor = "many".to_owned();
            entry.target = None;
            (entry.org_id, entry.project_id, entry.ip) = (None, None, None);
        }
        waiting.entry(fold).or_insert(Waiting { entry, count: 0 }).count += 1;
    }

    /// Writes what waits; returns how many entries. What cannot be written waits on; one bad entry
    /// does not hold up the others.
    ///
    /// # Errors
    /// What the database says.
    pub async fn flush(&self, app: &App) -> Result<usize> {
        let mut batch: Vec<(Fold, Waiting)> =
            self.lock().iter().map(|(fold, waiting)| (fold.clone(), waiting.clone())).collect();
        if batch.is_empty() {
            return Ok(0);
        }
        batch.sort_by_key(|(_, waiting)| waiting.entry.id);
        let written = match self.write(app, &batch).await {
            Ok(()) => batch.len(),
            Err(_) => {
                let mut count = 0;
                for one in &batch {
                    self.write(app, std::slice::from_ref(one)).await?;
                    count += 1;
                }
                count
            }
        };
        Ok(written)
    }

    async fn write(&self, app: &App, batch: &[(Fold, Waiting)]) -> Result<()> {
        let entries: Vec<Entry> = batch
            .iter()
            .map(|(_, waiting)| Entry { count: waiting.count, ..waiting.entry.clone() })
            .collect();
        let mut tx = app.db.write(&WRITER).await?;
        tx.insert_all(&entries).await?;
        tx.commit().await?;
        let mut waiting = self.lock();
        for (fold, done) in batch {
            let Some(now) = waiting.get_mut(fold) else { continue };
            if now.count == done.count {
                waiting.remove(fold);
            } else {
                now.count -= done.count;
                now.entry.id = app.seams.ids().new_id();
            }
        }
        Ok(())
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
