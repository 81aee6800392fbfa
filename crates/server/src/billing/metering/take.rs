//! Taking usage events: who tells is a source with its token; what is told is counted once for ever.

use super::{
    rate::{self, Charged},
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
    const KIND: EntranceKind = EntranceKind::Source;
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
    UsageEventId::from_uuid(rate::named(&[source.uuid().as_bytes(), event.as_bytes()]))
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
    events: &[serde_json::Value],
) -> Result<UsageTaken> {
    if events.is_empty() || events.len() > MOST {
        return Err(Error::field("events", "Send 1 to 100 events."));
    }
    let (events, unread) = read(events);
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
    let mut taken = UsageTaken { refused: unread, ..UsageTaken::default() };
    let mut rows = Vec::new();
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
                    write_off_id: None,
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
    let charged = charge(tx, &mut rows).await?;
    rows.retain(|row| !charged.too_much.contains(&row.id));
    let refused = events.iter().filter(|event| charged.too_much.contains(&key(source, &event.id)));
    taken.refused.extend(refused.map(|event| RefusedUsage {
        id: event.id.clone(),
        field: "quantity".to_owned(),
        why: rate::TOO_MUCH.to_owned(),
    }));
    taken.accepted = rows.len();
    taken.uncovered = charged.uncovered.into_iter().collect();
    after_write_offs(tx, &mut rows).await?;
    rate::wait(tx, &rows).await?;
    tx.insert_all(&rows).await?;
    Ok(taken)
}

/// What waits came after the write-offs that go on, whatever moment this transaction began at: the money is held.
async fn after_write_offs(tx: &mut WriteTx, rows: &mut [Event]) -> Result<()> {
    for row in rows.iter_mut().filter(|row| row.charge_id.is_none()) {
        let until = store::written_off_until(tx, row.org_id, row.meter).await?;
        if let Some(until) = until.filter(|until| row.received_at <= *until) {
            row.received_at = until.plus(Duration::from_micros(1));
        }
    }
    Ok(())
}

/// Reads events one by one: one that cannot be read is refused by its name, or its place in the batch.
fn read(events: &[serde_json::Value]) -> (Vec<UsageEvent>, Vec<RefusedUsage>) {
    let (mut known, mut unread) = (Vec::with_capacity(events.len()), Vec::new());
    for (at, value) in events.iter().enumerate() {
        match serde_json::from_value::<UsageEvent>(value.clone()) {
            Ok(event) => known.push(event),
            Err(error) => {
                let id = value.get("id").and_then(|id| id.as_str());
                let id = id.and_then(|id| names::name(id, 100)).unwrap_or_else(|| format!("#{at}"));
                let why: String = error.to_string().chars().take(200).collect();
                unread.push(RefusedUsage { id, field: "event".to_owned(), why });
            }
        }
    }
    (known, unread)
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
async fn charge(tx: &mut WriteTx, rows: &mut [Event]) -> Result<Charged> {
    let mut all = Charged::default();
    let prices = store::prices(tx).await?;
    rows.sort_by_key(|row| row.org_id);
    for rows in rows.chunk_by_mut(|a, b| a.org_id == b.org_id) {
        let Some(org) = rows.first().map(|row| row.org_id) else { continue };
        ledger::lock_money(tx, org).await?;
        let together = rate::charge(tx, org, &prices, rows).await?;
        all.uncovered.extend(together.uncovered);
        // What is too much together may be charged one by one.
        for row in rows.iter_mut().filter(|row| together.too_much.contains(&row.id)) {
            let alone = rate::charge(tx, org, &prices, std::slice::from_mut(row)).await?;
            all.too_much.extend(alone.too_much);
            all.uncovered.extend(alone.uncovered);
        }
    }
    Ok(all)
}
