//! Whether the time of an answer tells what its bytes do not: two requests by turns, and how their times differ.

use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// Two requests that must answer alike.
#[derive(clap::Args, Clone)]
pub struct Pairs {
    /// The one address: of another tenant's row.
    #[arg(long)]
    theirs: String,
    /// The other: of nothing.
    #[arg(long)]
    nothing: String,
    /// The bearer token; none for addresses before signing in.
    #[arg(long, env = "GPUAAS_BENCH_TOKEN")]
    token: Option<String>,
    /// `GET` or `POST`.
    #[arg(long, default_value = "GET")]
    method: Method,
    /// A JSON body of the one, and of the other.
    #[arg(long)]
    body_theirs: Option<String>,
    /// As above.
    #[arg(long)]
    body_nothing: Option<String>,
    /// How many pairs.
    #[arg(long, default_value_t = 1000)]
    count: usize,
}

async fn ask(http: &Client, pairs: &Pairs, theirs: bool) -> Result<(Duration, u16)> {
    let (url, body) = if theirs {
        (&pairs.theirs, &pairs.body_theirs)
    } else {
        (&pairs.nothing, &pairs.body_nothing)
    };
    let mut request = http.request(pairs.method.clone(), url);
    if let Some(token) = &pairs.token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.header("content-type", "application/json").body(body.clone());
    }
    let began = Instant::now();
    let answer = request.send().await.context("ask")?;
    let status = answer.status().as_u16();
    answer.bytes().await.context("read the answer")?;
    Ok((began.elapsed(), status))
}

fn micros(span: &Duration) -> f64 {
    span.as_secs_f64() * 1e6
}

fn median(all: &mut [f64]) -> f64 {
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied().unwrap_or_default()
}

/// Sends them by turns, the first of each pair in turn the other one, and prints medians, how far they are
/// apart, and in how many pairs the one took longer: with no difference, half of them, give or take
/// `sqrt(count)/2` for each standard deviation (sign test).
pub async fn run(pairs: Pairs) -> Result<()> {
    let http = Client::builder().pool_max_idle_per_host(1).build().context("make a client")?;
    let (mut theirs, mut nothing, mut longer) = (Vec::new(), Vec::new(), 0_usize);
    for turn in 0..pairs.count {
        let first = turn % 2 == 0;
        let one = ask(&http, &pairs, first).await?;
        let other = ask(&http, &pairs, !first).await?;
        ensure!(one.1 == other.1, "{} and {} are two answers", one.1, other.1);
        let (here, there) = if first { (one.0, other.0) } else { (other.0, one.0) };
        theirs.push(micros(&here));
        nothing.push(micros(&there));
        longer += usize::from(here > there);
    }
    let deviations = (longer as f64 - pairs.count as f64 / 2.0) / (pairs.count as f64).sqrt() * 2.0;
    let (theirs, nothing) = (median(&mut theirs), median(&mut nothing));
    let out = json!({
        "pairs": pairs.count,
        "median_theirs_us": theirs.round(),
        "median_nothing_us": nothing.round(),
        "apart_us": (theirs - nothing).abs().round(),
        "longer": longer,
        "deviations": (deviations * 100.0).round() / 100.0,
    });
    println!("{out}");
    Ok(())
}
