//! The program on a node: joins, keeps one link to the control plane, makes what should be, reports
//! what is.
//!
//! Promises: nothing is made before it is written in the journal; what runs survives this program
//! and is taken up again; what nobody asked for any more is reported, never killed unasked; every
//! workload sees only what it was given.

mod console;
pub mod enrol;
mod frames;
pub mod init;
pub mod inside;
mod inventory;
mod journal;
pub mod keeper;
mod link;
mod orphans;
mod program;
mod pty;
mod reconcile;
pub mod runtime;
mod sessions;
mod stream;
mod terminal;

use anyhow::{Context, Result};
use api::node::{Gpu, Inventory};
use seams::{Rng, Seams};
use std::{os::unix::fs::PermissionsExt, path::PathBuf, sync::Arc, time::Duration};

pub use inventory::parse_simulate;
pub use reconcile::Reconciler;

const HEARTBEAT: Duration = Duration::from_secs(5);
/// Most descriptors this program asks for.
const DESCRIPTORS: u64 = 65_536;
const MINUTE: Duration = Duration::from_secs(60);

/// How an agent is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its files are.
    pub data: PathBuf,
    /// How to join, when it has no identity yet.
    pub join: Option<enrol::JoinWords>,
    /// A file the join line appears in (the machine of `gpuaas up`).
    pub join_file: Option<PathBuf>,
    /// Made-up GPUs.
    pub simulate: Option<Vec<Gpu>>,
    /// The name it gives itself; the host name when absent.
    pub name: Option<String>,
}

/// Runs the agent until it is told to end. Workloads go on.
///
/// # Errors
/// A sentence for the operator: what is missing or refused.
pub async fn run(options: Options) -> Result<()> {
    std::fs::create_dir_all(&options.data).context("make the data folder")?;
    // Its identity and journal are its own; roots of workloads lie elsewhere, or belong to this user.
    std::fs::set_permissions(&options.data, std::fs::Permissions::from_mode(0o700))
        .context("close the data folder")?;
    let seams = Seams::real();
    room_for_descriptors();
    let runtime = runtime::sandbox::Sandbox::open(&options.data).await?;
    let facts = runtime.facts().await;
    let inventory = inventory::read(&options, facts);
    let reconciler = Reconciler::open(&options.data, Arc::new(runtime)).await?;
    let identity = join(&options, &inventory).await?;
    let mut term = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .context("listen for signals")?;
    let serving = keep_link(&options, identity, inventory, reconciler.clone(), &*seams.rng);
    tokio::select! {
        never = serving => never,
        _ = term.recv() => Ok(()),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Each terminal takes three descriptors, each stream some more.
fn room_for_descriptors() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(soft, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, soft.max(hard.min(DESCRIPTORS)), hard)
    });
    if let Err(error) = raised {
        tracing::warn!(%error, "the number of open files cannot be raised");
    }
}

async fn join(options: &Options, inventory: &Inventory) -> Result<enrol::Identity> {
    if let Some(identity) = enrol::Identity::load(&options.data)? {
        return Ok(identity);
    }
    loop {
        let words = match &options.join {
            Some(words) => Some(words.clone()),
            None => options.join_file.as_ref().and_then(|path| enrol::JoinWords::from_file(path)),
        };
        match words {
            Some(words) => return enrol::join(&options.data, &words, inventory).await,
            None if options.join_file.is_some() => {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            None => anyhow::bail!(
                "this machine has not joined yet: take the join line from the nodes page and give \
                 --join, --token and --fingerprint"
            ),
        }
    }
}

/// Joins and keeps a link over workloads of any runtime: for tests of everything above it.
///
/// # Errors
/// When it cannot join.
pub async fn serve(
    data: &std::path::Path,
    words: &enrol::JoinWords,
    inventory: Inventory,
    reconciler: Reconciler,
    heartbeat: Duration,
) -> Result<()> {
    let identity = match enrol::Identity::load(data)? {
        Some(identity) => identity,
        None => enrol::join(data, words, &inventory).await?,
    };
    link::run(&identity, &inventory, &reconciler, heartbeat).await
}

/// Keeps one link up, with a jittered pause between tries.
async fn keep_link(
    options: &Options,
    mut identity: enrol::Identity,
    inventory: Inventory,
    reconciler: Reconciler,
    rng: &dyn Rng,
) -> Result<()> {
    let mut pause = Duration::from_millis(250);
    loop {
        identity.refresh_address(options.join_file.as_deref());
        if identity.wants_renewal() {
            match enrol::renew(&options.data, &identity, &inventory).await {
                Ok(renewed) => identity = renewed,
                Err(error) => tracing::warn!(error = format!("{error:#}"), "cannot renew yet"),
            }
        }
        let began = tokio::time::Instant::now();
        let ended = {
            let old = identity.clone();
            let link = link::run(&old, &inventory, &reconciler, HEARTBEAT);
            tokio::pin!(link);
            loop {
                tokio::select! {
                    ended = &mut link => break ended,
                    () = tokio::time::sleep(identity.renews_in().max(MINUTE)) => {
                        match enrol::renew(&options.data, &identity, &inventory).await {
                            Ok(renewed) => identity = renewed,
                            Err(error) => tracing::warn!(error = format!("{error:#}"), "cannot renew yet"),
                        }
                    }
                }
            }
        };
        match ended {
            Ok(()) => tracing::info!("the link ended; dialling again"),
            Err(error) => tracing::info!(error = format!("{error:#}"), "no link; dialling again"),
        }
        if began.elapsed() > Duration::from_secs(30) {
            pause = Duration::from_millis(250);
        }
        let jitter = u64::from(rng.bytes16().first().copied().unwrap_or(0)) * 2;
        tokio::time::sleep(pause + Duration::from_millis(jitter)).await;
        pause = (pause * 2).min(Duration::from_secs(10));
    }
}
