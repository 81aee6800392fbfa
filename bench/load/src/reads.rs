//! The same request again and again over a few kept connections: what reading costs the one who answers.

use anyhow::{Context, Result, bail};
use futures::future::try_join_all;
use reqwest::{Client, Method};
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many requests, of which kind.
#[derive(clap::Args, Clone)]
pub struct Read {
    /// The address.
    #[arg(long)]
    url: String,
    /// The bearer token.
    #[arg(long, env = "GPUAAS_BENCH_TOKEN")]
    token: String,
    /// `GET` or `POST`.
    #[arg(long, default_value = "GET")]
    method: Method,
    /// A JSON body.
    #[arg(long)]
    body: Option<String>,
    /// How many in all.
    #[arg(long, default_value_t = 1000)]
    count: usize,
    /// How many at once.
    #[arg(long, default_value_t = 8)]
    at_once: usize,
}

/// Sends them; any answer but 200 is an error.
pub async fn run(read: Read) -> Result<()> {
    let left = AtomicUsize::new(read.count);
    let one = async || -> Result<()> {
        // Each with a connection of its own.
        let http = Client::builder().pool_max_idle_per_host(1).build().context("make a client")?;
        let take = || left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        while take().is_ok() {
            let mut request = http.request(read.method.clone(), &read.url).bearer_auth(&read.token);
            if let Some(body) = &read.body {
                request = request.header("content-type", "application/json").body(body.clone());
            }
            let answer = request.send().await.context("ask")?;
            let status = answer.status();
            let body = answer.bytes().await.context("read the answer")?;
            if status != 200 {
                bail!("{status}: {}", String::from_utf8_lossy(&body));
            }
        }
        Ok(())
    };
    try_join_all((0..read.at_once).map(|_| one())).await.map(|_| ())
}
