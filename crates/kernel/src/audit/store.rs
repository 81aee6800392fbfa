//! All SQL of the audit record, but the chain's.

use super::Stamp;
use crate::{Result, db::Reader, row};
use api::{
    AuditId, OrgId, ProjectId, Time, TypedId,
    audit::{ActorKind, Outcome},
};

row! {
    /// One audit entry as stored; never changed after it is written.
    pub struct Entry in "audit_entries" {
        /// Identifier.
        pub id: AuditId,
        /// When.
        pub at: Time,
        /// Who, by kind.
        pub actor_kind: ActorKind,
        /// Who.
        pub actor: String,
        /// The organization it concerns.
        pub org_id: Option<OrgId>,
        /// The project it concerns.
        pub project_id: Option<ProjectId>,
        /// The action's name.
        pub action: String,
        /// What it was done to.
        pub target: Option<String>,
        /// How it ended.
        pub outcome: Outcome,
        /// The error code.
        pub code: Option<String>,
        /// Names everything the request caused.
        pub correlation_id: String,
        /// Where it came from.
        pub ip: Option<String>,
        /// How many equal denials are folded into it.
        pub count: i64,
        /// Allow-listed details, JSON.
        pub detail: String,
    }
}

impl Entry {
    /// Returns an entry about somebody's act.
    pub fn of(stamp: &Stamp, id: AuditId, at: Time, outcome: Outcome) -> Self {
        Self {
            id,
            at,
            actor_kind: stamp.actor_kind,
            actor: stamp.actor.clone(),
            org_id: stamp.org_id,
            project_id: stamp.project_id,
            action: stamp.action.to_owned(),
            target: None,
            outcome,
            code: None,
            correlation_id: stamp.correlation_id.to_string(),
            ip: stamp.ip.clone(),
            count: 1,
            detail: "{}".to_owned(),
        }
    }

    /// Returns the kind of actor: machines are recorded by their own identifier.
    pub fn kind(&self) -> ActorKind {
        if self.actor.starts_with("sa_") { ActorKind::ServiceAccount } else { self.actor_kind }
    }

    /// Returns the bytes the chain's hash covers: every field, each preceded by its length, so that
    /// no two entries share them.
    pub fn canonical(&self) -> Vec<u8> {
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let fields = [
            self.id.to_string(),
            self.at.0.to_string(),
            self.actor_kind.to_string(),
            self.actor.clone(),
            self.org_id.map(|id| id.to_string()).unwrap_or_default(),
            self.project_id.map(|id| id.to_string()).unwrap_or_default(),
            self.action.clone(),
            optional(&self.target),
            self.outcome.to_string(),
            optional(&self.code),
            self.correlation_id.clone(),
            optional(&self.ip),
            self.count.to_string(),
            self.detail.clone(),
        ];
        let mut bytes = Vec::new();
        for field in fields {
            bytes.extend((field.len() as u64).to_be_bytes());
            bytes.extend(field.as_bytes());
        }
        bytes
    }
}

/// What a reader of the record is looking for.
#[derive(Debug, Clone, Default)]
pub struct Filter {
    /// Only this action.
    pub action: Option<String>,
    /// Only this actor.
    pub actor: Option<String>,
    /// Only this correlation.
    pub correlation_id: Option<String>,
    /// Only this outcome.
    pub outcome: Option<Outcome>,
    /// Only this organization.
    pub org_id: Option<OrgId>,
    /// Older than this entry.
    pub before: Option<AuditId>,
    /// At most this many.
    pub limit: i64,
}

row! {
    /// Where an entry stands in the chain.
    pub struct Place {
        /// Its number.
        pub seq: Option<i64>,
        /// Its hash.
        pub hash: Option<Vec<u8>>,
    }
}

/// Returns entries, newest first, with their place in the chain.
///
/// # Errors
/// As [`Reader::list`].
pub async fn list(tx: &mut Reader, filter: &Filter) -> Result<Vec<(Entry, Place)>> {
    if let Some(org) = filter.org_id {
        return list_of(tx, org, filter).await;
    }
    tx.pairs(
        "SELECT {a}, {b} FROM audit_entries a LEFT JOIN audit_chain b ON b.entry_id = a.id
          WHERE ($1 IS NULL OR a.action = $1)
            AND ($2 IS NULL OR a.actor = $2)
            AND ($3 IS NULL OR a.correlation_id = $3)
            AND ($4 IS NULL OR a.outcome = $4)
            AND a.id < $5
          ORDER BY a.id DESC LIMIT $6",
        (
            filter.action.clone(),
            filter.actor.clone(),
            filter.correlation_id.clone(),
            filter.outcome,
            filter.before.unwrap_or(AuditId::last()),
            filter.limit,
        ),
    )
    .await
}

/// Returns the one entry of an action under a correlation; none where there are several.
///
/// # Errors
/// What the database says.
pub async fn only_of(
    tx: &mut Reader,
    correlation: api::CorrelationId,
    action: &str,
) -> Result<Option<(Entry, Place)>> {
    let mut found = tx
        .pairs(
            "SELECT {a}, {b} FROM audit_entries a LEFT JOIN audit_chain b ON b.entry_id = a.id
              WHERE a.correlation_id = $1 AND a.action = $2 ORDER BY a.id LIMIT 2",
            (correlation.to_string(), action),
        )
        .await?;
    let last = found.pop();
    Ok(last.filter(|_| found.is_empty()))
}

/// The same of one organization: found in its own index, however much others do.
async fn list_of(tx: &mut Reader, org: OrgId, filter: &Filter) -> Result<Vec<(Entry, Place)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM audit_entries a LEFT JOIN audit_chain b ON b.entry_id = a.id
          WHERE a.org_id = $1 AND a.id < $2
            AND ($3 IS NULL OR a.action = $3)
            AND ($4 IS NULL OR a.actor = $4)
            AND ($5 IS NULL OR a.correlation_id = $5)
            AND ($6 IS NULL OR a.outcome = $6)
          ORDER BY a.id DESC LIMIT $7",
        (
            org,
            filter.before.unwrap_or(AuditId::last()),
            filter.action.clone(),
            filter.actor.clone(),
            filter.correlation_id.clone(),
            filter.outcome,
            filter.limit,
        ),
    )
    .await
}

/// Returns one entry.
///
/// # Errors
/// As [`Reader::find`].
pub async fn find(tx: &mut Reader, id: AuditId) -> Result<Option<Entry>> {
    tx.find("SELECT {} FROM audit_entries WHERE id = $1", (id,)).await
}
