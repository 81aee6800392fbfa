//! Watches the audit chain: walks what is new every few seconds, everything once a day.

use api::{
    Time,
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
pub struct ChainWatch(Mutex<Option<Walked>>);

#[derive(Clone)]
struct Walked {
    report: ChainReport,
    /// When the walk began at the first entry.
    whole_at: Time,
}

/// How long what was walked is believed before all of it is walked again.
const DAY: Duration = Duration::from_secs(86_400);

impl ChainWatch {
    /// Returns the newest report.
    pub fn latest(&self) -> ChainReport {
        self.kept().map_or_else(chain::nothing_yet, |walked| walked.report)
    }

    fn kept(&self) -> Option<Walked> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        let now = app.seams.clock.now();
        let kept = watch.kept().filter(|walked| now.since(walked.whole_at) < DAY);
        let (from, whole_at) = kept
            .map_or_else(|| (chain::nothing_yet(), now), |walked| (walked.report, walked.whole_at));
        let report = chain::verify_from(&mut *app.db.read().await?, from).await?;
        if let (Some(at), Some(reason)) = (report.broken_at, &report.reason) {
            tracing::error!(at, reason, "the audit chain is broken");
        }
        let said = format!("{} entries walked, {} wait", report.entries, report.waiting);
        *watch.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Walked { report, whole_at });
        Ok(said)
    })
}

/// Returns the sweep.
pub const fn sweep() -> Sweep {
    Sweep { name: "evidence.chain", every: Duration::from_secs(5), walks: true, run: walk }
}
