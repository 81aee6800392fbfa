//! `kill -9` of the server and of the agent, a hundred times, while people launch and release: what was
//! acknowledged is there, nothing was sold twice, nothing is left, nobody paid for more than they had.

use crate::site::{Site, left_of, needs_root};
use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

const CYCLES: usize = 100;
const SLOTS: i64 = 4;
const PEOPLE: u64 = 3;

/// Somebody's program: asks again, with the same key, until there is an answer.
struct Caller {
    http: Client,
    url: String,
    token: String,
}

impl Caller {
    async fn ask(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: &Value,
    ) -> (StatusCode, Value) {
        let end = Instant::now() + Duration::from_secs(60);
        loop {
            assert!(Instant::now() < end, "{method} {path} was not answered for a minute");
            let mut request = self
                .http
                .request(method.clone(), format!("{}{path}", self.url))
                .bearer_auth(&self.token)
                .timeout(Duration::from_secs(10));
            if let Some(key) = key {
                request = request.header("X-Idempotency-Key", key).json(body);
            }
            if let Ok(answer) = request.send().await {
                let status = answer.status();
                if let Ok(text) = answer.text().await
                    && !status.is_server_error()
                {
                    return (status, serde_json::from_str(&text).unwrap_or(Value::Null));
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.ask(Method::GET, path, None, &Value::Null).await;
        assert_eq!(status, 200, "{path}: {body}");
        body
    }
}

/// What was acknowledged: the allocation, and when its release was.
type Acknowledged = Arc<Mutex<Vec<(String, Option<i64>)>>>;

fn micros() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros()).unwrap()
}

/// Launches, looks, releases, again and again.
async fn work(caller: Arc<Caller>, who: u64, stop: Arc<AtomicBool>, done: Acknowledged) {
    let number = AtomicU64::new(0);
    while !stop.load(Ordering::Relaxed) {
        let turn = number.fetch_add(1, Ordering::Relaxed);
        let key = format!("launch-of-{who}-turn-{turn}");
        let body = json!({ "sku": "sim-h100-slice", "count": 1, "name": format!("{who}-{turn}") });
        let (status, row) =
            caller.ask(Method::POST, "/api/v1/allocations", Some(&key), &body).await;
        if status != 201 {
            assert!(matches!(status.as_u16(), 409 | 422), "{status} {row}");
            tokio::time::sleep(Duration::from_millis(200)).await;
            continue;
        }
        let id = row["id"].as_str().unwrap().to_owned();
        done.lock().unwrap().push((id.clone(), None));
        tokio::time::sleep(Duration::from_millis(turn * 397 % 1500)).await;
        let path = format!("/api/v1/allocations/{id}");
        assert_eq!(caller.get(&path).await["id"], id.as_str(), "an acknowledged launch is there");
        let key = format!("release-of-{who}-turn-{turn}");
        let (status, row) =
            caller.ask(Method::POST, &format!("{path}/release"), Some(&key), &json!({})).await;
        assert!(status.is_success() || status == 409, "{status} {row}");
        if status.is_success() {
            let now = micros();
            done.lock()
                .unwrap()
                .iter_mut()
                .filter(|one| one.0 == id)
                .for_each(|one| one.1 = Some(now));
        }
    }
}

fn kill_hundred_times(site: &Site) {
    for cycle in 0..CYCLES {
        let part = if cycle % 2 == 0 { "server" } else { "agent" };
        let end = Instant::now() + Duration::from_secs(20);
        while site.pids(part).is_empty() {
            assert!(Instant::now() < end, "{part} was not started again");
            std::thread::sleep(Duration::from_millis(20));
        }
        // Somewhere in its life: also while it still starts.
        std::thread::sleep(Duration::from_millis(100 + (cycle as u64 * 977) % 2000));
        site.kill(part);
    }
}

fn moment(text: &str) -> i64 {
    serde_json::from_value::<api::Time>(json!(text)).unwrap().0
}

/// The most units that were held at one moment.
fn most_at_once(rows: &[Value]) -> i64 {
    let mut moments: Vec<(i64, i64)> = Vec::new();
    for row in rows {
        let count = row["count"].as_i64().unwrap();
        let (Some(from), Some(to)) = (row["created_at"].as_str(), row["ended_at"].as_str()) else {
            panic!("not over: {row}")
        };
        moments.push((moment(from), count));
        moments.push((moment(to), -count));
    }
    moments.sort_unstable();
    let mut now = 0;
    moments
        .iter()
        .map(|(_, change)| {
            now += change;
            now
        })
        .max()
        .unwrap_or(0)
}

/// No second after the release was asked for is paid, and no second before it was ready.
fn fairly_charged(row: &Value, acknowledged: Option<i64>) {
    let read = |name: &str| row[name].as_str().map(moment);
    let charged: i64 = row["charged"]["micros"].as_str().unwrap().parse().unwrap();
    let price: i128 = row["price_per_hour"]["micros"].as_str().unwrap().parse().unwrap();
    let (Some(ready), Some(asked)) = (read("ready_at"), read("release_asked_at")) else {
        assert_eq!(charged, 0, "{row}");
        return;
    };
    assert!(acknowledged.is_none_or(|at| asked <= at), "{row}");
    let most = price * i128::from(asked - ready) / 3_600_000_000 + 1;
    assert!(i128::from(charged) <= most, "{charged} charged, {most} at most: {row}");
}

async fn everything(caller: &Caller) -> Vec<Value> {
    let (mut rows, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = caller.get(&format!("/api/v1/allocations?limit=200{cursor}")).await;
        rows.extend(page["items"].as_array().unwrap().iter().cloned());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_deaths_under_load_lose_nothing_double_nothing_and_leave_nothing() {
    needs_root();
    let site = Arc::new(Site::up(&["--simulate", "1x4xH100"]));
    let first = site.launch("sim-h100-slice");
    site.cli(&["release", &first, "--wait"]);
    let kept = std::fs::read_to_string(site.folder.path().join("credentials.json")).unwrap();
    let kept: Value = serde_json::from_str(&kept).unwrap();
    let token = kept["token"].as_str().unwrap().to_owned();
    let caller = Arc::new(Caller { http: Client::new(), url: site.url.clone(), token });
    let before = caller.get("/api/v1/billing/balance").await;
    let (stop, done) = (Arc::new(AtomicBool::new(false)), Acknowledged::default());
    let people: Vec<_> = (0..PEOPLE)
        .map(|who| tokio::spawn(work(caller.clone(), who, stop.clone(), done.clone())))
        .collect();
    let killing = site.clone();
    tokio::task::spawn_blocking(move || kill_hundred_times(&killing)).await.unwrap();
    stop.store(true, Ordering::Relaxed);
    for one in people {
        one.await.unwrap();
    }
    let acknowledged = done.lock().unwrap().clone();
    let end = Instant::now() + Duration::from_secs(90);
    let rows = loop {
        let rows = everything(&caller).await;
        if rows.iter().all(|row| row["ended_at"].is_string()) {
            break rows;
        }
        assert!(Instant::now() < end, "not everything ended: {rows:#?}");
        tokio::time::sleep(Duration::from_millis(300)).await;
    };
    println!("{} launches acknowledged over {CYCLES} deaths", acknowledged.len());
    assert!(acknowledged.len() > 20, "there was load: {}", acknowledged.len());
    assert_eq!(
        rows.len(),
        acknowledged.len() + 1,
        "as many as were acknowledged, no more, no fewer"
    );
    assert!(most_at_once(&rows) <= SLOTS);
    let mut spent = 0;
    for (id, released) in &acknowledged {
        let row = rows.iter().find(|row| row["id"] == id.as_str()).expect("it is there");
        fairly_charged(row, *released);
        spent += row["charged"]["micros"].as_str().unwrap().parse::<i64>().unwrap();
        assert_eq!(left_of(id), Vec::<String>::new());
    }
    let after = caller.get("/api/v1/billing/balance").await;
    let read = |balance: &Value, what: &str| {
        balance[what]["micros"].as_str().unwrap().parse::<i64>().unwrap()
    };
    assert_eq!(read(&after, "held"), 0);
    assert_eq!(read(&before, "available") - spent, read(&after, "available"));
    let nodes = caller.get("/api/v1/admin/nodes").await;
    let node = nodes["items"].as_array().unwrap().iter().find(|n| n["simulated"] == true).unwrap();
    assert_eq!(node["free"], SLOTS, "every slot is free again");
    let chain = site.json(&["audit", "verify"]);
    assert!(chain["broken_at"].is_null(), "{chain}");
    let ops = caller.get("/api/v1/admin/ops/overview").await;
    assert!(ops["health"]["ledger_checked_at"].is_string(), "{ops}");
    assert_eq!(ops["attention"], json!([]), "{ops}");
}
