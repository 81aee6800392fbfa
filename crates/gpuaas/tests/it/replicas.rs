//! Two server processes over one PostgreSQL: what may happen once happens once, whichever process is asked.

use crate::site::{EXCUSED, passable, program};
use reqwest::{Client, Response, header};
use serde_json::{Value, json};
use server::identity::factors::code_at;
use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, SystemTime},
};
use tokio::{sync::Semaphore, task::JoinSet};

const PASSWORD: &str = "river stone lantern";
const TRIES: usize = 1000;

struct Server {
    child: Child,
    url: String,
}

impl Server {
    fn start(data: &Path, database: &str, key: &Path) -> Self {
        let mut child = Command::new(program())
            .args(["server", "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0"])
            .args(["--metrics", "127.0.0.1:0", "--database", database, "--data"])
            .arg(data)
            .arg("--first-link-file")
            .arg(data.with_extension("link"))
            .env("GPUAAS_IDENTITY__SEAL_KEY_FILE", key)
            .env("GPUAAS_IDENTITY__GUESSES_PER_ADDRESS", "1000")
            .env("GPUAAS_BILLING__WELCOME_CREDIT", "0")
            .env("GPUAAS_BILLING__TWO_PEOPLE_ABOVE", "1000000")
            .envs(EXCUSED)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let url = loop {
            let line = lines.next().expect("it listens").unwrap();
            if let Some(url) = line.strip_prefix("Listening: ") {
                break url.to_owned();
            }
        };
        std::thread::spawn(move || for _ in lines {});
        Self { child, url }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// Makes a database of its own on the run's PostgreSQL.
fn database(what: &str) -> String {
    let base = std::env::var("GPUAAS_TEST_POSTGRES")
        .expect("not run: no PostgreSQL server; start tests with `make test`");
    let name = format!("{what}{}", std::process::id());
    let sql = format!(
        "CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"
    );
    let made = Command::new("psql").args([&format!("{base}/postgres"), "-qc", &sql]).status();
    assert!(made.unwrap().success(), "make a database");
    format!("{base}/{name}")
}

async fn form(
    client: &Client,
    server: &Server,
    path: &str,
    cookie: &str,
    body: String,
) -> Response {
    let token = cookie.split_once('=').map_or("", |(_, token)| token);
    let body = format!("{body}&_csrf={}", kernel::http::csrf_token(token));
    client
        .post(format!("{}{path}", server.url))
        .header(header::ORIGIN, &server.url)
        .header(header::COOKIE, cookie)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(body)
        .send()
        .await
        .unwrap()
}

/// Returns the session's cookie of an answer: name and token.
fn session(answer: &Response) -> Option<String> {
    let all = answer.headers().get_all(header::SET_COOKIE);
    let mut pairs = all.iter().filter_map(|value| value.to_str().ok()?.split(';').next());
    pairs.find(|pair| pair.contains("session=") && !pair.ends_with('=')).map(str::to_owned)
}

async fn call(client: &Client, server: &Server, token: &str, path: &str, body: Value) -> Value {
    let answer = client
        .post(format!("{}{path}", server.url))
        .bearer_auth(token)
        .header("x-idempotency-key", format!("key-{}", path.replace('/', "-")))
        .json(&body)
        .send()
        .await
        .unwrap();
    let status = answer.status();
    let json: Value = answer.json().await.unwrap();
    assert!(status.is_success(), "{path}: {json}");
    json
}

/// Signs in with the password: half the way.
async fn half(client: &Client, server: &Server) -> String {
    let body = format!("email=ada@example.com&password={}", PASSWORD.replace(' ', "+"));
    let answer = form(client, server, "/auth/login", "", body).await;
    session(&answer).expect("half a session")
}

/// Shows one code many times at once, to both servers in turn; returns how often it opened a session.
async fn show(client: &Client, servers: &[Arc<Server>; 2], cookie: &str, code: &str) -> usize {
    let places = Arc::new(Semaphore::new(32));
    let mut tries = JoinSet::new();
    for turn in 0..TRIES {
        let (client, server) = (client.clone(), servers[turn % 2].clone());
        let (cookie, body) = (cookie.to_owned(), format!("code={code}"));
        let places = places.clone();
        tries.spawn(async move {
            let _place = places.acquire_owned().await.unwrap();
            // A server that has too much to do says so, and is asked again.
            let answer = loop {
                let answer = form(&client, &server, "/auth/factor", &cookie, body.clone()).await;
                if answer.status() != 503 {
                    break answer;
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            };
            assert!(answer.status().as_u16() < 500, "{}", answer.status());
            let opened = session(&answer).filter(|fresh| *fresh != cookie);
            usize::from(opened.is_some())
        });
    }
    tries.join_all().await.into_iter().sum()
}

/// Makes the first account; returns a client.
async fn first_account(folder: &tempfile::TempDir, server: &Server) -> Client {
    // Whichever starts last makes the link; the one before ends.
    let link = std::fs::read_to_string(folder.path().join("b.link")).unwrap();
    let link = link.trim().split("token=").nth(1).unwrap().to_owned();
    let policy = reqwest::redirect::Policy::none();
    let client =
        Client::builder().redirect(policy).timeout(Duration::from_secs(60)).build().unwrap();
    let body = format!(
        "token={link}&display_name=Ada&email=ada@example.com&password={}",
        PASSWORD.replace(' ', "+")
    );
    assert!(form(&client, server, "/auth/first", "", body).await.status().is_redirection());
    client
}

#[tokio::test]
async fn a_code_shown_a_thousand_times_to_two_processes_opens_once() {
    let (folder, database) = (passable(), database("replicas"));
    let key = folder.path().join("seal.key");
    let first = Arc::new(Server::start(&folder.path().join("a"), &database, &key));
    let second = Arc::new(Server::start(&folder.path().join("b"), &database, &key));
    let client = first_account(&folder, &first).await;
    let ask = json!({ "email": "ada@example.com", "password": PASSWORD });
    let signed = call(&client, &second, "", "/api/v1/auth/personal/login", ask).await;
    let token = signed["token"].as_str().unwrap().to_owned();
    let totp = "/api/v1/account/security/totp";
    let begun = call(&client, &first, &token, totp, json!({ "name": "Phone" })).await;
    let (seed, factor) = (begun["secret"].as_str().unwrap(), begun["factor_id"].as_str().unwrap());
    let at = |ahead: u64| {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs();
        code_at(seed, api::Time(i64::try_from(now + ahead).unwrap() * 1_000_000))
    };
    let confirm = format!("{totp}/{factor}/confirm");
    let added = call(&client, &second, &token, &confirm, json!({ "code": at(0) })).await;
    let recovery = added["recovery_codes"][0].as_str().unwrap().to_owned();
    let servers = [first, second];
    // The step after the one that confirmed: a clock may be half a minute behind.
    let cookie = half(&client, &servers[0]).await;
    assert_eq!(show(&client, &servers, &cookie, &at(30)).await, 1);
    let cookie = half(&client, &servers[1]).await;
    assert_eq!(show(&client, &servers, &cookie, &recovery).await, 1);
    let again = half(&client, &servers[0]).await;
    assert_eq!(show(&client, &servers, &again, &recovery).await, 0, "and never again");
}

/// How many times two processes race for the last cent; F10 asks for 10,000 (`GPUAAS_RACES`).
fn races() -> usize {
    std::env::var("GPUAAS_RACES").ok().and_then(|text| text.parse().ok()).unwrap_or(200)
}

/// Posts under a name of its own; a server that has too much to do is asked again.
async fn post(client: &Client, url: String, token: &str, key: &str, body: &Value) -> Value {
    loop {
        let request = client.post(&url).bearer_auth(token).header("x-idempotency-key", key);
        let answer = request.json(body).send().await.unwrap();
        let status = answer.status();
        let json: Value = answer.json().await.unwrap();
        if status == 503 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        }
        assert!(status.is_success(), "{url}: {json}");
        return json;
    }
}

async fn look(client: &Client, server: &Server, token: &str, path: &str) -> Value {
    let answer = client.get(format!("{}{path}", server.url)).bearer_auth(token).send().await;
    answer.unwrap().json().await.unwrap()
}

async fn token(client: &Client, server: &Server, turn: usize) -> String {
    let ask = json!({ "email": "ada@example.com", "password": PASSWORD });
    let url = format!("{}/api/v1/auth/personal/login", server.url);
    let signed = post(client, url, "", &format!("sign-in-number-{turn}"), &ask).await;
    signed["token"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn two_processes_race_for_the_last_cent_and_one_has_it() {
    let (folder, database) = (passable(), database("races"));
    let key = folder.path().join("seal.key");
    let servers = ["a", "b"].map(|name| Server::start(&folder.path().join(name), &database, &key));
    let client = first_account(&folder, &servers[0]).await;
    let mut operator = token(&client, &servers[0], 0).await;
    let me = look(&client, &servers[0], &operator, "/api/v1/me").await;
    let project = me["default_project_id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/projects/{project}");
    let org = look(&client, &servers[0], &operator, &path).await["org_id"].clone();
    let at = |path: &str| format!("{}{path}", servers[0].url);
    let mut sources = Vec::new();
    for name in ["one", "two"] {
        let url = at("/api/v1/platform/metering/sources");
        let made = post(&client, url, &operator, name, &json!({ "name": name })).await;
        sources.push(made["token"].as_str().unwrap().to_owned());
    }
    // A million tokens for a cent.
    let cent = |count: i64| json!({ "micros": (10_000 * count).to_string(), "currency": "EUR" });
    let price = json!({ "meter": "tokens_in", "price": cent(1) });
    post(&client, at("/api/v1/platform/metering/prices"), &operator, "the-price", &price).await;
    let begun = SystemTime::now();
    for turn in 0..races() {
        if turn % 200 == 199 {
            operator = token(&client, &servers[0], turn).await;
        }
        // What the one before lost is owed, and taken first.
        let credit = json!({ "org_id": org, "kind": "goodwill", "reason": "a race", "reference": "",
            "amount": cent(if turn == 0 { 1 } else { 2 }) });
        let url = at("/api/v1/platform/finance/credits");
        post(&client, url, &operator, &format!("credit-number-{turn}"), &credit).await;
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap().as_micros();
        let event = |who: usize| {
            let body = json!({ "events": [{ "id": format!("{turn}"), "project_id": project, "meter": "tokens_in",
                "subject": format!("racer-{who}"), "quantity": 1_000_000, "at": api::Time(i64::try_from(now).unwrap()) }] });
            let url = format!("{}/api/v1/metering/events", servers[who].url);
            let (client, source) = (&client, &sources[who]);
            async move { post(client, url, source, &format!("event-{who}-{turn}"), &body).await }
        };
        let both = tokio::join!(event(0), event(1));
        let lost =
            [&both.0, &both.1].iter().filter(|one| one["uncovered"][0] == project.as_str()).count();
        assert_eq!(lost, 1, "turn {turn}: {both:?}");
    }
    let balance = look(&client, &servers[1], &operator, "/api/v1/billing/balance").await;
    let seen = ["available", "held", "owed"].map(|name| balance[name]["micros"].clone());
    assert_eq!(seen, [json!("0"), json!("0"), json!("10000")]);
    let used = look(&client, &servers[1], &operator, "/api/v1/billing/metered").await;
    let charged: i64 = used["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["charged"]["micros"].as_str().unwrap().parse::<i64>().unwrap())
        .sum();
    assert_eq!(charged, 2 * 10_000 * i64::try_from(races()).unwrap());
    eprintln!("{} races in {:?}", races(), begun.elapsed().unwrap());
}
