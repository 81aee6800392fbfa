//! Load for the comparisons: nodes without machines, and people who launch and release.
//!
//! The agent is the real one over the real link; only its runtime makes nothing. What is measured is
//! the control plane.

mod pairs;
mod people;
mod postings;
mod reads;

use agent::{Reconciler, enrol::JoinWords, runtime::fake::Fake};
use anyhow::{Context, Result};
use api::node::{Gpu, Inventory};
use clap::Parser;
use std::{path::PathBuf, sync::Arc, time::Duration};

/// Load for the comparisons.
#[derive(Parser)]
enum Command {
    /// Joins a node with made-up GPUs whose workloads run at once, and serves it until killed.
    Agent {
        /// Where the agent keeps its files.
        #[arg(long)]
        data: PathBuf,
        /// The join line's address.
        #[arg(long)]
        join: String,
        /// The join line's token.
        #[arg(long)]
        token: String,
        /// The join line's fingerprint.
        #[arg(long)]
        fingerprint: String,
        /// How many GPUs.
        #[arg(long, default_value_t = 64)]
        gpus: i64,
    },
    /// Launches one unit and releases it, again and again; prints rate and latency as JSON.
    Launch(people::Launch),
    /// Sends one request again and again over a few kept connections.
    Read(reads::Read),
    /// Posts transfers into a ledger, ours or pgledger's; prints how many as JSON.
    Post(postings::Post),
    /// Sends two requests by turns and says whether their times differ.
    Pairs(pairs::Pairs),
}

#[tokio::main]
async fn main() -> Result<()> {
    match Command::parse() {
        Command::Agent { data, join, token, fingerprint, gpus } => {
            let words = JoinWords { address: join, token, fingerprint };
            std::fs::create_dir_all(&data).context("make the agent's folder")?;
            let reconciler = Reconciler::open(&data, Arc::new(Fake::default())).await?;
            let heartbeat = Duration::from_secs(5);
            agent::serve(&data, &words, inventory(gpus), reconciler, heartbeat).await
        }
        Command::Launch(launch) => people::run(launch).await,
        Command::Read(read) => reads::run(read).await,
        Command::Post(post) => postings::run(post).await,
        Command::Pairs(pairs) => pairs::run(pairs).await,
    }
}

fn inventory(gpus: i64) -> Inventory {
    let gpu = |index| Gpu {
        index,
        uuid: format!("GPU-bench-{}-{index}", std::process::id()),
        model: "H100".into(),
        memory_mib: 81_559,
    };
    Inventory {
        agent_version: env!("CARGO_PKG_VERSION").into(),
        hostname: format!("bench-{}", std::process::id()),
        kernel: "bench".into(),
        cpu_count: 1024,
        memory_mib: 4_194_304,
        disk_mib: 1_000_000,
        gpus: (0..gpus).map(gpu).collect(),
        simulated: true,
        runtime: "none".into(),
        not_enforced: vec![],
    }
}
