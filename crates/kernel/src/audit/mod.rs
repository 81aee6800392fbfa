//! Who answers for a write, and the record of it.
//!
//! Promises: nothing is written without an [`Accountable`]; success is recorded in the same
//! transaction as the change; refusals and failures are queued and recorded within a second by the
//! background lane; entries are never changed, and form a hash chain ([`chain`]).

pub mod chain;
mod queue;
mod store;

pub use queue::{Queue, WRITER as QUEUE_WRITER, run as run_queue};
pub use store::{Entry, Filter, find, list, only_of};

use crate::{Result, db::Lane, db::Reader, http::RequestSlot};
use api::{
    CorrelationId, OrgId, ProjectId, SessionId, UserId,
    audit::{ActorKind, Outcome},
};
use std::{future::Future, pin::Pin, sync::Arc};

/// Checked again inside the transaction: were the rights the caller was let in with taken away?
pub trait Guard: Send + Sync {
    /// Returns whether they still hold.
    fn holds<'a>(
        &'a self,
        tx: &'a mut Reader,
    ) -> Pin<Box<dyn Future<Output = Result<bool>> + Send + 'a>>;
}

/// Whether an act leaves an audit entry of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Record {
    /// Yes: a person, a node or a named step did it.
    Entry,
    /// No, for the reason given where the writer is declared (golden file `writers.txt`).
    None,
}

/// Everything about the one who answers for a write.
#[derive(Clone)]
pub struct Stamp {
    /// The kind of actor.
    pub actor_kind: ActorKind,
    /// The actor: an id, or the name of a sweep.
    pub actor: String,
    /// The person, when it is one.
    pub user_id: Option<UserId>,
    /// The session it came with.
    pub session_id: Option<SessionId>,
    /// The organization the act belongs to.
    pub org_id: Option<OrgId>,
    /// The project the act belongs to.
    pub project_id: Option<ProjectId>,
    /// The action's name: permission, audit word, route id and idempotency scope in one.
    pub action: &'static str,
    /// Names everything the request caused.
    pub correlation_id: CorrelationId,
    /// Where it came from.
    pub ip: Option<String>,
    /// Whether people wait for it.
    pub lane: Lane,
    /// Whether it leaves an entry.
    pub record: Record,
    /// The request that will carry the answer.
    pub request: Option<Arc<RequestSlot>>,
    /// What is checked again.
    pub guard: Option<Arc<dyn Guard>>,
}

/// Marks a request of one of the platform's people that looks at something of an organization: what it looks
/// at is recorded there.
#[derive(Debug)]
pub struct Looked;

/// Somebody who can answer for a write: an entrance, the lease of a step, or a named sweep.
pub trait Accountable {
    /// Returns who they are.
    fn stamp(&self) -> Stamp;
}

/// A named background writer. Declared as a constant beside its sweep; listed in `writers.txt`.
#[derive(Debug, Clone, Copy)]
pub struct System {
    /// The sweep's or loop's name.
    pub name: &'static str,
    /// Why its writes need no entry of their own; `None` when they leave one.
    pub unaudited: Option<&'static str>,
}

impl Accountable for System {
    fn stamp(&self) -> Stamp {
        Stamp {
            actor_kind: ActorKind::System,
            actor: self.name.to_owned(),
            user_id: None,
            session_id: None,
            org_id: None,
            project_id: None,
            action: self.name,
            correlation_id: CorrelationId(uuid::Uuid::nil()),
            ip: None,
            lane: Lane::Background,
            record: if self.unaudited.is_some() { Record::None } else { Record::Entry },
            request: None,
            guard: None,
        }
    }
}

/// What an entry may say beside who, what and when. A closed list: secrets have no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A name given to a thing.
    Name,
    /// A role given or taken.
    Role,
    /// The person it happened to.
    Person,
    /// A reason somebody wrote.
    Reason,
    /// A price or amount, as text.
    Amount,
    /// What is bought.
    Sku,
    /// How many.
    Count,
    /// A state left or reached.
    State,
    /// How somebody signed in.
    Method,
    /// Actions a role allows.
    Actions,
    /// SHA-256 of what was kept, in hexadecimal.
    Sha256,
}

impl Key {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Role => "role",
            Self::Person => "person",
            Self::Reason => "reason",
            Self::Amount => "amount",
            Self::Sku => "sku",
            Self::Count => "count",
            Self::State => "state",
            Self::Method => "method",
            Self::Actions => "actions",
            Self::Sha256 => "sha256",
        }
    }
}

/// Allow-listed details.
#[derive(Debug, Clone, Default)]
pub struct Detail(std::collections::BTreeMap<&'static str, String>);

impl Detail {
    /// Adds one; long values are cut at 200 characters, reasons at 500, lists of actions at 4,000: more than all
    /// of them.
    pub fn add(&mut self, key: Key, value: impl std::fmt::Display) {
        let most = match key {
            Key::Actions => 4000,
            Key::Reason => 500,
            _ => 200,
        };
        self.0.insert(key.as_str(), value.to_string().chars().take(most).collect());
    }

    fn json(&self) -> String {
        serde_json::to_string(&self.0).unwrap_or_else(|_| "{}".to_owned())
    }
}

/// Returns the entry of a success.
pub(crate) fn entry(
    stamp: &Stamp,
    tx: &Reader,
    target: Option<String>,
    detail: &Detail,
) -> Option<Entry> {
    if stamp.record == Record::None {
        return None;
    }
    let mut entry = Entry::of(stamp, tx.new_id(), tx.now(), Outcome::Success);
    entry.target = target;
    entry.detail = detail.json();
    Some(entry)
}
