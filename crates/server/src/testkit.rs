//! World: the whole product over a database of its own, with its people. Tests only.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop aloud"
)]

use crate::{MIGRATIONS, config::Config, wire};
use api::{OrgId, ProjectId, SessionId, UserId, people::Role};
use axum::{Router, body::Body};
use http::{HeaderMap, Method, Request, StatusCode};
pub use kernel::testkit::{Engine, TempDir, TestDb};
use kernel::{App, app::Site, audit::System, http::router};
use seams::{FakeClock, Seams};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tower::ServiceExt;

/// The password everybody in tests has.
pub const PASSWORD: &str = "river stone lantern";

/// Writes what tests seed.
pub const SEED: System = System { name: "test.seed", unaudited: Some("tests") };

/// A person with a session.
#[derive(Debug, Clone)]
pub struct Person {
    /// Who.
    pub user_id: UserId,
    /// Their session.
    pub session_id: SessionId,
    /// Their own organization.
    pub org_id: OrgId,
    /// Their own project.
    pub project_id: ProjectId,
    /// Bearer token.
    pub token: String,
    /// Address.
    pub email: String,
}

/// The product and its people.
pub struct World {
    /// The application.
    pub app: App,
    /// Its clock; moves when told.
    pub clock: Arc<FakeClock>,
    /// Its database.
    pub test_db: TestDb,
    router: Router,
    keys: AtomicU64,
    /// Owns the organization and project everything happens in.
    pub owner: Person,
    /// Admin of that project.
    pub admin: Person,
    /// Member of it.
    pub member: Person,
    /// Viewer of it.
    pub viewer: Person,
    /// Belongs elsewhere.
    pub outsider: Person,
    /// Runs the platform.
    pub operator: Person,
    /// Where this world's agents dial.
    pub agents: std::net::TcpListener,
    /// Whom they trust.
    pub authority: Arc<gateway::authority::Authority>,
    /// Where its mails go.
    pub mails: TempDir,
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    /// Status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// Returns the body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Returns the error code.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl World {
    /// Builds the world on SQLite.
    pub async fn new() -> Self {
        Self::on(Engine::Sqlite).await
    }

    /// Builds the world on a database.
    pub async fn on(engine: Engine) -> Self {
        Self::with(engine, &[]).await
    }

    /// Builds the world on a database with settings of its own, given as environment variables.
    pub async fn with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let clock = Arc::new(FakeClock::at(api::Time(1_795_000_000_000_000)));
        let seams = Seams { clock: clock.clone(), rng: Arc::new(seams::OsRng) };
        let test_db = TestDb::make(engine, seams.clone(), MIGRATIONS).await;
        let base = [("GPUAAS_IDENTITY__SIGN_UPS_PER_ADDRESS", "1000")];
        let env = base
            .iter()
            .chain(settings)
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let config = Config::load(None, env).expect("settings");
        let site = Site {
            brand: "AI Cloud".into(),
            public_url: "http://localhost".into(),
            over_tls: false,
            secure_cookies: true,
            simulated: false,
            proxies: Vec::new(),
        };
        let (agents, place) = join();
        let mails = TempDir::new().expect("a folder");
        let authority = place.authority.clone();
        let app = wire::app(test_db.db.clone(), seams, site, &config, outside(place, &mails))
            .expect("an app");
        let router = router(app.clone(), wire::routes());
        let keys = AtomicU64::new(1);
        let owner = sign_up(&router, "owner").await;
        let admin = sign_up(&router, "admin").await;
        let member = sign_up(&router, "member").await;
        let viewer = sign_up(&router, "viewer").await;
        let outsider = sign_up(&router, "outsider").await;
        let operator = sign_up(&router, "operator").await;
        let world = Self {
            app,
            clock,
            test_db,
            router,
            keys,
            owner,
            admin,
            member,
            viewer,
            outsider,
            operator,
            agents,
            authority,
            mails,
        };
        world.give_roles().await;
        world
    }

    async fn give_roles(&self) {
        let mut tx = self.app.db.write(&SEED).await.unwrap();
        for (person, role) in
            [(&self.admin, Role::Admin), (&self.member, Role::Member), (&self.viewer, Role::Viewer)]
        {
            let row = crate::tenancy::ProjectMember {
                id: tx.new_id(),
                org_id: self.owner.org_id,
                project_id: self.owner.project_id,
                user_id: person.user_id,
                role,
                created_at: tx.now(),
                provider_id: None,
                hand_role: None,
            };
            tx.insert(&row).await.unwrap();
        }
        tx.run(
            "UPDATE users SET platform_role = $1 WHERE id = $2",
            ("operator".to_owned(), self.operator.user_id),
        )
        .await
        .unwrap();
        // What signing these up mailed is no test's subject.
        let now = tx.now();
        tx.run("DELETE FROM mails WHERE sent_at IS NULL AND due_at <= $1", (now,)).await.unwrap();
        // The operator of most tests proved a second factor a while ago.
        tx.run(
            "UPDATE sessions SET strong = $1, fresh_at = $2 WHERE user_id = $3",
            (true, tx.now().plus(Duration::from_secs(10 * 365 * 24 * 3600)), self.operator.user_id),
        )
        .await
        .unwrap();
        tx.commit().await.unwrap();
    }

    /// Signs somebody new up.
    pub async fn sign_up(&self, name: &str) -> Person {
        sign_up(&self.router, name).await
    }

    /// Returns a fresh idempotency key.
    pub fn key(&self) -> String {
        format!("test-key-{:08}", self.keys.fetch_add(1, Ordering::Relaxed))
    }

    /// Sends any request.
    pub async fn send(&self, request: Request<Body>) -> Answer {
        send(&self.router, request).await
    }

    /// Calls the API as somebody, with a fresh idempotency key on changes.
    pub async fn call(
        &self,
        who: Option<&Person>,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder().method(method.clone()).uri(path);
        if let Some(person) = who {
            request = request.header("authorization", format!("Bearer {}", person.token));
        }
        if method != Method::GET {
            request = request.header("x-idempotency-key", self.key());
        }
        if body.is_some() {
            request = request.header("content-type", "application/json");
        }
        let bytes = body.map(|body| body.to_string()).unwrap_or_default();
        self.send(request.body(Body::from(bytes)).unwrap()).await
    }

    /// Reads as somebody.
    pub async fn get(&self, who: &Person, path: &str) -> Answer {
        self.call(Some(who), Method::GET, path, None).await
    }

    /// Posts as somebody, in the owner's project.
    pub async fn post(&self, who: &Person, path: &str, body: Value) -> Answer {
        self.call(Some(who), Method::POST, path, Some(body)).await
    }

    /// Moves the clock.
    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    /// Starts listening for agents.
    #[allow(clippy::disallowed_methods, reason = "ends with the test")]
    pub fn listen_for_agents(&self) {
        let listener = self.agents.try_clone().expect("listen");
        let listener = tokio::net::TcpListener::from_std(listener).expect("listen");
        let tunnel = Arc::new(gateway::tunnel::Tunnel {
            authority: self.authority.clone(),
            nodes: Arc::new(crate::fleet::FleetNodes(self.app.clone())),
            clock: Seams::real().clock,
            ending: self.app.ending.clone(),
        });
        tokio::spawn(async move { tunnel.serve(&listener).await });
    }

    /// Runs every sweep once.
    pub async fn sweep(&self) {
        let sweeps = self.app.get::<kernel::sweeps::Sweeps>();
        for sweep in wire::sweeps() {
            assert!(sweeps.once(&self.app, sweep).await, "{} failed", sweep.name);
        }
    }

    /// Runs sweeps until something is so; gives up after ten real seconds.
    pub async fn until(&self, what: &str, mut so: impl AsyncFnMut() -> bool) {
        for _ in 0..500 {
            self.sweep().await;
            if so().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{what} never came true");
    }

    /// Refuses any broken invariant: money, audit chain.
    pub async fn assert_whole(&self) {
        let findings = crate::billing::audit(&mut self.app.db.read().await.unwrap()).await.unwrap();
        assert!(findings.is_empty(), "{findings:?}");
        self.app.audit.flush(&self.app).await.unwrap();
        kernel::audit::chain::extend(&self.app).await.unwrap();
        let mut tx = self.app.db.read().await.unwrap();
        let report = kernel::audit::chain::verify(&mut tx).await.unwrap();
        assert!(report.broken_at.is_none() && report.waiting == 0, "{report:?}");
    }

    /// Returns action and outcome of the newest audit entries, newest first, refusals included.
    pub async fn audit_words(&self) -> Vec<(String, String)> {
        self.app.audit.flush(&self.app).await.unwrap();
        let mut tx = self.app.db.read().await.unwrap();
        let filter = kernel::audit::Filter { limit: 50, ..Default::default() };
        kernel::audit::list(&mut tx, &filter)
            .await
            .unwrap()
            .into_iter()
            .map(|(entry, _)| (entry.action, entry.outcome.to_string()))
            .collect()
    }
}

/// Returns what an application is given from outside, for a test: mails go to a folder of its own.
pub fn outside(join: crate::fleet::LocalJoin, mails: &TempDir) -> wire::Outside {
    let mailbox = kernel::outbox::Mailbox::Folder {
        path: mails.path().to_owned(),
        from: "AI Cloud <no-reply@example.com>".into(),
    };
    wire::Outside {
        join,
        seal: kernel::seal::Seal::of(&[7; 32]),
        mailbox,
        ssh: crate::ssh_keys::Endpoint::sample(),
        certifier: crate::access::Certifier(gateway::ssh::keys::HostKey::make(&seams::OsRng)),
    }
}

/// Returns a place for a test's agents to join at.
pub fn join() -> (std::net::TcpListener, crate::fleet::LocalJoin) {
    let now = Seams::real().clock.now();
    let (authority, _, _) = gateway::authority::Authority::make(now).expect("an authority");
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("listen");
    listener.set_nonblocking(true).expect("listen");
    let address = listener.local_addr().expect("listen");
    (
        listener,
        crate::fleet::LocalJoin {
            address,
            advertised: address.to_string(),
            authority: Arc::new(authority),
        },
    )
}

async fn send(router: &Router, request: Request<Body>) -> Answer {
    let response = router.clone().oneshot(request).await.expect("the router always answers");
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.expect("a body").to_vec();
    Answer { status: parts.status, headers: parts.headers, body }
}

async fn sign_up(router: &Router, name: &str) -> Person {
    let email = format!("{name}@example.com");
    let body = json!({ "email": email, "password": PASSWORD, "display_name": name });
    let request = Request::post("/api/v1/auth/personal/signup")
        .header("content-type", "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    let answer = send(router, request).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    let json = answer.json();
    let token = json["token"].as_str().unwrap().to_owned();
    let me = Request::get("/api/v1/me")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::empty())
        .unwrap();
    let me = send(router, me).await.json();
    Person {
        user_id: json["user"]["id"].as_str().unwrap().parse().unwrap(),
        session_id: json["session_id"].as_str().unwrap().parse().unwrap(),
        org_id: me["organizations"][0]["id"].as_str().unwrap().parse().unwrap(),
        project_id: me["projects"][0]["id"].as_str().unwrap().parse().unwrap(),
        token,
        email,
    }
}

/// Writes each test once and runs it on both databases.
#[macro_export]
macro_rules! both {
    ($(#[$meta:meta])* async fn $name:ident($engine:ident: Engine) $body:block) => {
        mod $name {
            use super::*;
            async fn check($engine: Engine) $body
            $(#[$meta])*
            #[tokio::test]
            async fn sqlite() { check(Engine::Sqlite).await }
            $(#[$meta])*
            #[tokio::test]
            async fn postgres() { check(Engine::Postgres).await }
        }
    };
}
