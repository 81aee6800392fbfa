//! The hash chain over audit entries: sequence and hash are given after commit, within a second, by
//! one writer, so that the chain is gapless without slowing the acts it records.
//!
//! `hash(n) = SHA-256(hash(n-1) ‖ n ‖ canonical(entry n))`; `hash(0)` is 32 zero bytes.

use super::{Entry, System, store::Place};
use crate::{
    App, Result,
    db::{Reader, broke},
    row,
    secret::hex,
};
use api::{AuditId, Time, audit::ChainReport};
use sha2::{Digest, Sha256};
use std::time::Duration;

/// Extends the chain.
pub const WRITER: System =
    System { name: "audit.chain", unaudited: Some("it gives audit entries their place") };

const BATCH: i64 = 1000;

row! {
    /// One link of the chain.
    pub struct Link in "audit_chain" {
        /// Its number, from 1, without gaps.
        pub seq: i64,
        /// The entry.
        pub entry_id: AuditId,
        /// Its hash.
        pub hash: Vec<u8>,
        /// When it was chained.
        pub chained_at: Time,
    }
}

/// Returns the hash of an entry at a place after a hash.
pub fn hash(previous: &[u8], seq: i64, entry: &Entry) -> Vec<u8> {
    let mut hasher = Sha256::new();
    hasher.update(previous);
    hasher.update(seq.to_be_bytes());
    hasher.update(entry.canonical());
    hasher.finalize().to_vec()
}

/// Gives every waiting entry its place; returns how many.
///
/// # Errors
/// What the database says. Another replica's chainer being faster is no error: the count is zero.
pub async fn extend(app: &App) -> Result<usize> {
    let mut total = 0;
    loop {
        let chained = match extend_once(app).await {
            Err(error) if broke(&error, "audit_chain") => return Ok(total),
            other => other?,
        };
        total += chained;
        if (chained as i64) < BATCH {
            return Ok(total);
        }
    }
}

async fn extend_once(app: &App) -> Result<usize> {
    if waiting(&mut *app.db.read().await?, 1).await?.is_empty() {
        return Ok(0);
    }
    let mut tx = app.db.write(&WRITER).await?;
    let entries = waiting(&mut tx, BATCH).await?;
    let (mut seq, mut previous) = head(&mut tx).await?;
    let mut links = Vec::with_capacity(entries.len());
    for entry in &entries {
        seq += 1;
        previous = hash(&previous, seq, entry);
        let chained_at = tx.now();
        links.push(Link { seq, entry_id: entry.id, hash: previous.clone(), chained_at });
    }
    tx.insert_all(&links).await?;
    tx.run(
        "DELETE FROM audit_waiting WHERE EXISTS
          (SELECT 1 FROM audit_chain c WHERE c.entry_id = audit_waiting.entry_id)",
        (),
    )
    .await?;
    tx.commit().await?;
    Ok(links.len())
}

async fn waiting(tx: &mut Reader, limit: i64) -> Result<Vec<Entry>> {
    tx.list(
        "SELECT {} FROM audit_entries
          WHERE id IN (SELECT entry_id FROM audit_waiting ORDER BY entry_id LIMIT $1)
          ORDER BY id",
        (limit,),
    )
    .await
}

async fn head(tx: &mut Reader) -> Result<(i64, Vec<u8>)> {
    let newest: Option<Link> =
        tx.find("SELECT {} FROM audit_chain ORDER BY seq DESC LIMIT 1", ()).await?;
    Ok(newest.map_or((0, vec![0; 32]), |link| (link.seq, link.hash)))
}

/// Returns the report of an empty chain: where walking begins.
pub fn nothing_yet() -> ChainReport {
    ChainReport { entries: 0, waiting: 0, head: hex(&[0; 32]), broken_at: None, reason: None }
}

/// Walks the whole chain and says whether it holds.
///
/// # Errors
/// What the database says.
pub async fn verify(tx: &mut Reader) -> Result<ChainReport> {
    verify_from(tx, nothing_yet()).await
}

/// Walks the chain on from an earlier report that held; a broken one stays broken.
///
/// # Errors
/// What the database says.
pub async fn verify_from(tx: &mut Reader, from: ChainReport) -> Result<ChainReport> {
    if from.broken_at.is_some() {
        return Ok(from);
    }
    let mut report = from;
    report.waiting = tx.value("SELECT COUNT(*) FROM audit_waiting", ()).await?;
    let chained: i64 = tx.value("SELECT COALESCE(MAX(seq), 0) FROM audit_chain", ()).await?;
    let mut previous = unhex(&report.head);
    while report.entries < chained {
        let links: Vec<(Link, Entry)> = tx
            .pairs(
                "SELECT {a}, {b} FROM audit_chain a JOIN audit_entries b ON b.id = a.entry_id
                  WHERE a.seq > $1 ORDER BY a.seq LIMIT 1000",
                (report.entries,),
            )
            .await?;
        let fault = links.iter().find_map(|(link, entry)| {
            let wanted = report.entries + 1;
            if link.seq != wanted {
                return Some("an entry was removed");
            }
            if hash(&previous, link.seq, entry) != link.hash {
                return Some("an entry, or the hash before it, was altered");
            }
            report.entries = wanted;
            previous.clone_from(&link.hash);
            None
        });
        let fault = if links.is_empty() { Some("an entry was removed") } else { fault };
        if let Some(reason) = fault {
            report.broken_at = Some(report.entries + 1);
            report.reason = Some(reason.to_owned());
            break;
        }
    }
    let count: i64 = tx.value("SELECT COUNT(*) FROM audit_entries", ()).await?;
    if report.broken_at.is_none() && count != report.entries + report.waiting {
        report.broken_at = Some(report.entries + 1);
        report.reason = Some("an entry stands outside the chain".to_owned());
    }
    report.head = hex(&previous);
    Ok(report)
}

/// Returns whether an entry stands in the chain as it is, after what is before it; or waits to be chained. That the
/// chain before it holds is what [`verify`] says.
///
/// # Errors
/// What the database says.
pub async fn stands(tx: &mut Reader, entry: &Entry, place: &Place) -> Result<bool> {
    let (Some(seq), Some(kept)) = (place.seq, &place.hash) else {
        let waits: i64 =
            tx.value("SELECT COUNT(*) FROM audit_waiting WHERE entry_id = $1", (entry.id,)).await?;
        return Ok(waits > 0);
    };
    let before: Option<Link> =
        tx.find("SELECT {} FROM audit_chain WHERE seq = $1", (seq - 1,)).await?;
    let previous = match before {
        Some(link) => link.hash,
        None if seq == 1 => vec![0; 32],
        None => return Ok(false),
    };
    Ok(hash(&previous, seq, entry) == *kept)
}

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len() / 2)
        .filter_map(|place| u8::from_str_radix(text.get(place * 2..place * 2 + 2)?, 16).ok())
        .collect()
}

/// Extends the chain for as long as the program runs.
pub async fn run(app: App) {
    loop {
        tokio::time::sleep(Duration::from_millis(700)).await;
        if let Err(error) = extend(&app).await {
            tracing::error!(%error, "the audit chain cannot be extended; entries wait");
        }
    }
}
