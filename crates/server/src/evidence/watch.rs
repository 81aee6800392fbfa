//! Watches the audit chain: walks what is new every few seconds, everything once a day.

use api::{
    audit::ChainReport,
    operations::{Attention, AttentionKind},
};
use kernel::{App, Result, audit::chain, sweeps::Sweep};
use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
    time::Duration,
};

/// The newest report, and from where to go on.
#[derive(Default)]
pub struct ChainWatch(Mutex<Option<ChainReport>>);

impl ChainWatch {
    /// Returns the newest report.
    pub fn latest(&self) -> ChainReport {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        kept.unwrap_or_else(chain::nothing_yet)
    }
}

/// Returns the alarm of a broken chain.
pub fn attention(chain: &ChainReport) -> Option<Attention> {
    let (at, reason) = (chain.broken_at?, chain.reason.as_ref()?);
    Some(Attention {
        kind: AttentionKind::ChainBroken,
        what: format!("The audit chain is broken at entry {at}: {reason}"),
        next: "Keep a copy of the database as it is and find out who could write to it.".into(),
        page: "/platform/evidence/audit".into(),
        since: None,
    })
}

fn walk(app: App) -> Pin<Box<dyn Future<Output = Result<String>> + Send>> {
    Box::pin(async move {
        let watch = app.get::<ChainWatch>();
        let from = watch.latest();
        let report = chain::verify_from(&mut *app.db.read().await?, from).await?;
        if let (Some(at), Some(reason)) = (report.broken_at, &report.reason) {
            tracing::error!(at, reason, "the audit chain is broken");
        }
        let said = format!("{} entries walked, {} wait", report.entries, report.waiting);
        *watch.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
        Ok(said)
    })
}

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "evidence.chain", every: Duration::from_secs(5), run: walk }
}
