//! People who launch one unit, wait until it is active, release it, and wait until it is over.

use anyhow::{Context, Result, bail};
use futures::future::join_all;
use reqwest::Client;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::{sync::watch, time::Instant};

/// How much load.
#[derive(clap::Args, Clone)]
pub struct Launch {
    /// The control plane.
    #[arg(long)]
    url: String,
    /// Whose session.
    #[arg(long, env = "GPUAAS_BENCH_TOKEN")]
    token: String,
    /// What to launch.
    #[arg(long, default_value = "sim-h100-slice")]
    sku: String,
    /// How many launches in all.
    #[arg(long, default_value_t = 200)]
    count: usize,
    /// How many people at once.
    #[arg(long, default_value_t = 32)]
    people: usize,
}

/// The newest state of every allocation, kept by one reader for all people.
type States = watch::Receiver<Arc<HashMap<String, String>>>;

/// Runs the load and prints `{launches, seconds, per_second, active_p50_ms, active_p99_ms}`.
pub async fn run(launch: Launch) -> Result<()> {
    let http = Client::new();
    let (tell, states) = watch::channel(Arc::new(HashMap::new()));
    let left = AtomicUsize::new(launch.count);
    let waits = Mutex::new(Vec::new());
    let began = Instant::now();
    let people =
        join_all((0..launch.people).map(|_| person(&launch, &http, states.clone(), &left, &waits)));
    let done = tokio::select! {
        done = people => done,
        watched = look(&launch, &http, tell) => return watched,
    };
    done.into_iter().collect::<Result<Vec<()>>>()?;
    let seconds = began.elapsed().as_secs_f64();
    let mut waits = waits.into_inner().unwrap_or_else(PoisonError::into_inner);
    waits.sort_unstable();
    let at = |part: usize| {
        waits.get(waits.len() * part / 100).map_or(0.0, |w: &Duration| w.as_secs_f64() * 1e3)
    };
    let said = json!({
        "launches": launch.count, "seconds": seconds,
        "per_second": launch.count as f64 / seconds,
        "active_p50_ms": at(50), "active_p99_ms": at(99),
    });
    use std::io::Write;
    writeln!(std::io::stdout(), "{said}").context("print")
}

/// Reads the newest allocations twenty times a second, as an open page would ask for all at once.
async fn look(
    launch: &Launch,
    http: &Client,
    tell: watch::Sender<Arc<HashMap<String, String>>>,
) -> Result<()> {
    loop {
        let path = format!("{}/api/v1/allocations?limit=200", launch.url);
        let page: Value = http.get(path).bearer_auth(&launch.token).send().await?.json().await?;
        let rows = page.get("items").and_then(Value::as_array).context("a list of allocations")?;
        let word = |row: &Value, name: &str| {
            row.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
        };
        tell.send_replace(Arc::new(
            rows.iter().map(|row| (word(row, "id"), word(row, "state"))).collect(),
        ));
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn until(states: &mut States, id: &str, wanted: &str) -> Result<()> {
    let seen = states.wait_for(|all| {
        all.get(id)
            .is_some_and(|state| state == wanted || state == "failed" || state == "release_failed")
    });
    let seen =
        tokio::time::timeout(Duration::from_secs(60), seen).await.context("a minute passed")??;
    match seen.get(id) {
        Some(state) if state == wanted => Ok(()),
        other => bail!("{id} is {other:?}, not {wanted}"),
    }
}

async fn person(
    launch: &Launch,
    http: &Client,
    mut states: States,
    left: &AtomicUsize,
    waits: &Mutex<Vec<Duration>>,
) -> Result<()> {
    let post = async |path: String, key: String, body: Value| -> Result<Value> {
        let request = http.post(format!("{}{path}", launch.url)).bearer_auth(&launch.token);
        let answer = request.header("X-Idempotency-Key", key).json(&body).send().await?;
        let status = answer.status();
        let text = answer.text().await?;
        if !status.is_success() {
            bail!("{path}: {status} {text}");
        }
        Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
    };
    loop {
        let Ok(turn) =
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
        else {
            return Ok(());
        };
        let key = format!("bench-{}-{turn}", std::process::id());
        let asked = Instant::now();
        let body = json!({ "sku": launch.sku, "count": 1, "name": format!("bench {turn}") });
        let row = post("/api/v1/allocations".into(), format!("{key}-launch"), body).await?;
        let id = row.get("id").and_then(Value::as_str).context("an id")?.to_owned();
        until(&mut states, &id, "active").await?;
        waits.lock().unwrap_or_else(PoisonError::into_inner).push(asked.elapsed());
        post(format!("/api/v1/allocations/{id}/release"), format!("{key}-release"), json!({}))
            .await?;
        until(&mut states, &id, "released").await?;
    }
}
