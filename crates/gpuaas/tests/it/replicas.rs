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
fn database() -> String {
    let base = std::env::var("GPUAAS_TEST_POSTGRES")
        .expect("not run: no PostgreSQL server; start tests with `make test`");
    let name = format!("replicas{}", std::process::id());
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

#[tokio::test]
async fn a_code_shown_a_thousand_times_to_two_processes_opens_once() {
    let (folder, database) = (passable(), database());
    let key = folder.path().join("seal.key");
    let first = Arc::new(Server::start(&folder.path().join("a"), &database, &key));
    let second = Arc::new(Server::start(&folder.path().join("b"), &database, &key));
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
    assert!(form(&client, &first, "/auth/first", "", body).await.status().is_redirection());
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
