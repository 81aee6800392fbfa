//! Taking usage events: who tells is a source with its token; what is told is counted once for ever.

use super::{
    rate,
    store::{self, Event, Place, Source},
};
use crate::billing::store as ledger;
use api::{
    Code, MeterSourceId, OrgId, ProjectId, Time, TypedId, UsageEventId,
    audit::ActorKind,
    metering::{RefusedUsage, UsageEvent, UsageTaken},
};
use kernel::{
    App, Error, Result,
    audit::{Accountable, Record, Stamp},
    db::{Lane, WriteTx},
    http::{Entrance, EntranceKind, Head},
    names,
    secret::Secret,
};
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

/// What every token of a source begins with, for those who look for leaked ones.
pub const PREFIX: &str = "gpuaas_m_";
/// How many events a batch has at most.
pub const MOST: usize = 100;
/// How far in the future an event may be: clocks differ.
const AHEAD: Duration = Duration::from_secs(300);
/// Not more than this at once, so that totals stay far from the end of their integer.
const LARGEST: i64 = 1_000_000_000_000_000;

/// The entrance of a source: it shows its token.
pub struct FromMeter {
    stamp: Stamp,
    source: Source,
}

impl FromMeter {
    /// Returns which source it is.
    pub const fn source(&self) -> MeterSourceId {
        self.source.id
    }
}

impl Accountable for FromMeter {
    fn stamp(&self) -> Stamp {
        self.stamp.clone()
    }
}

impl Entrance for FromMeter {
    const KIND: EntranceKind = EntranceKind::Signed;
    const ACTION: &'static str = "metering.record";
    const SCOPE: &'static str = "-";

    async fn enter(app: &App, head: &Arc<Head>) -> Result<Self> {
        let shown = head.header("authorization").and_then(|text| text.strip_prefix("Bearer "));
        let token = shown.filter(|text| text.starts_with(PREFIX)).and_then(Secret::presented);
        let Some(token) = token else { return Err(Code::TokenMissing.into()) };
        let found = store::find_source(&mut *app.db.read().await?, &token.digest()).await?;
        let source = found.filter(|row| row.revoked_at.is_none());
        let source = source.ok_or_else(|| Error::new(Code::TokenInvalid))?;
        let stamp = Stamp {
            actor_kind: ActorKind::System,
            actor: source.id.to_string(),
            user_id: None,
            session_id: None,
            org_id: None,
            project_id: None,
            action: Self::ACTION,
            correlation_id: head.correlation_id,
            ip: Some(head.ip.to_string()),
            lane: Lane::Interactive,
            // Each event is a row of its own that says who told it, and each charge a ledger transaction.
            record: Record::None,
            request: Some(head.slot.clone()),
            guard: None,
        };
        Ok(Self { stamp, source })
    }
}

/// Returns what an event is known by: its source and its name there.
fn key(source: MeterSourceId, event: &str) -> UsageEventId {
    let mut hasher = Sha256::new();
    hasher.update(source.uuid().as_bytes());
    hasher.update(event.as_bytes());
    let digest: [u8; 32] = hasher.finalize().into();
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
    UsageEventId::from_uuid(uuid::Builder::from_custom_bytes(bytes).into_uuid())
}

/// What is wrong with an event.
struct Wrong(&'static str, &'static str);

fn check(event: &UsageEvent, now: Time) -> Result<(), Wrong> {
    let plain = |text: &str| names::name(text, 100).is_some_and(|name| name == text);
    if !plain(&event.id) {
        return Err(Wrong("id", "Use 1 to 100 plain characters."));
    }
    if !plain(&event.subject) {
        return Err(Wrong("subject", "Use 1 to 100 plain characters."));
    }
    if !(1..=LARGEST).contains(&event.quantity) {
        return Err(Wrong("quantity", "It must be 1 to 1000000000000000."));
    }
    if event.at > now.plus(AHEAD) {
        return Err(Wrong("at", "It is in the future."));
    }
    if event.at < Time(0) {
        return Err(Wrong("at", "It is before 1970."));
    }
    Ok(())
}

fn is_same(row: &Event, event: &UsageEvent) -> bool {
    row.project_id == event.project_id
        && row.meter == event.meter
        && row.subject == event.subject
        && row.quantity == event.quantity
        && row.at == event.at
}

/// Takes a batch: what is new is kept and charged, what is known changes nothing, what is wrong is said.
///
/// # Errors
/// `validation_error` for an empty or a larger batch, `token_invalid` when the source ended.
pub async fn take(
    tx: &mut WriteTx,
    source: MeterSourceId,
    events: &[UsageEvent],
) -> Result<UsageTaken> {
    if events.is_empty() || events.len() > MOST {
        return Err(Error::field("events", "Send 1 to 100 events."));
    }
    let held = store::lock_source(tx, source).await?;
    if held.is_none_or(|row| row.revoked_at.is_some()) {
        return Err(Code::TokenInvalid.into());
    }
    let ids: Vec<UsageEventId> = events.iter().map(|event| key(source, &event.id)).collect();
    let mut known: HashMap<UsageEventId, Event> =
        store::events(tx, &ids).await?.into_iter().map(|row| (row.id, row)).collect();
    let projects: BTreeSet<ProjectId> = events.iter().map(|event| event.project_id).collect();
    let projects: Vec<ProjectId> = projects.into_iter().collect();
    let places = store::places(tx, &projects).await?;
    let places: HashMap<ProjectId, Place> = places.into_iter().map(|row| (row.id, row)).collect();
    let (mut taken, mut rows) = (UsageTaken::default(), Vec::new());
    for (event, id) in events.iter().zip(ids) {
        let looked = look(tx.now(), event, known.get(&id), &places);
        match looked {
            Ok(None) => taken.known += 1,
            Ok(Some(org_id)) => {
                let row = Event {
                    id,
                    source_id: source,
                    event_id: event.id.clone(),
                    org_id,
                    project_id: event.project_id,
                    meter: event.meter,
                    subject: event.subject.clone(),
                    quantity: event.quantity,
                    at: event.at,
                    received_at: tx.now(),
                    charge_id: None,
                };
                known.insert(id, row.clone());
                rows.push(row);
            }
            Err(Wrong(field, why)) => taken.refused.push(RefusedUsage {
                id: event.id.clone(),
                field: field.to_owned(),
                why: why.to_owned(),
            }),
        }
    }
    taken.accepted = rows.len();
    charge(tx, &mut rows).await?;
    tx.insert_all(&rows).await?;
    Ok(taken)
}

/// Returns whose a new event is; none when it is known.
fn look(
    now: Time,
    event: &UsageEvent,
    known: Option<&Event>,
    places: &HashMap<ProjectId, Place>,
) -> Result<Option<OrgId>, Wrong> {
    check(event, now)?;
    if let Some(row) = known {
        return match is_same(row, event) {
            true => Ok(None),
            false => Err(Wrong("id", "Another event was told by this id.")),
        };
    }
    let place = places.get(&event.project_id);
    place.map(|place| Some(place.org_id)).ok_or(Wrong("project_id", "There is no such project."))
}

/// Charges events, organization by organization in id order.
async fn charge(tx: &mut WriteTx, rows: &mut [Event]) -> Result<()> {
    rows.sort_by_key(|row| row.org_id);
    for rows in rows.chunk_by_mut(|a, b| a.org_id == b.org_id) {
        let Some(org) = rows.first().map(|row| row.org_id) else { continue };
        ledger::lock_money(tx, org).await?;
        rate::charge(tx, org, rows).await?;
    }
    Ok(())
}
