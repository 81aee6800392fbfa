//! Signing in through a sign-in service: the honest way, every lie, and what becomes of a session.

mod hostile;
mod lasting;
mod mixup;
mod rights;
mod service;
mod way;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use server::testkit::{Answer, Engine, Person, World};
use service::{CLIENT, SECRET, Service};
use std::{collections::BTreeMap, sync::Arc};

const INNER: &[(&str, &str)] = &[
    ("GPUAAS_OUTGOING__INNER_NETWORKS", "127.0.0.1"),
    ("GPUAAS_OUTGOING__TENANTS_REACH_INNER", "true"),
];

/// A browser with all its cookies.
#[derive(Default, Clone)]
pub struct Surfer {
    pub jar: BTreeMap<String, String>,
}

impl Surfer {
    async fn send(
        &mut self,
        world: &World,
        request: http::request::Builder,
        body: String,
    ) -> Answer {
        let cookies: Vec<_> =
            self.jar.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = request
            .header("host", "localhost")
            .header("accept", "text/html")
            .header("cookie", cookies.join("; "));
        let answer = world.send(request.body(Body::from(body)).unwrap()).await;
        for value in answer.headers.get_all("set-cookie") {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if value.is_empty() {
                self.jar.remove(name);
            } else {
                self.jar.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }

    pub async fn get(&mut self, world: &World, path: &str) -> Answer {
        self.send(world, Request::get(path), String::new()).await
    }

    pub async fn post(&mut self, world: &World, path: &str, pairs: &[(&str, &str)]) -> Answer {
        let mut form = form_urlencoded::Serializer::new(String::new());
        for (name, value) in pairs {
            form.append_pair(name, value);
        }
        if let Some(token) = self.jar.get("__Host-session") {
            form.append_pair("_csrf", &kernel::http::csrf_token(token));
        }
        let request = Request::post(path)
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "http://localhost");
        let body = form.finish();
        self.send(world, request, body).await
    }

    fn token(&self) -> Option<&String> {
        self.jar.get("__Host-session")
    }

    /// Calls the API with the cookie.
    async fn api(&mut self, world: &World, path: &str) -> Answer {
        let request = Request::get(path);
        let cookies = format!("__Host-session={}", self.token().cloned().unwrap_or_default());
        world.send(request.header("cookie", cookies).body(Body::empty()).unwrap()).await
    }
}

/// The address a page leads to, taken apart.
fn leads_to(answer: &Answer) -> BTreeMap<String, String> {
    let text = answer.text();
    let href = text
        .split("href=\"")
        .find(|part| part.contains("/authorize?"))
        .unwrap_or_else(|| panic!("{text}"));
    let href = href.split('"').next().unwrap().replace("&amp;", "&");
    let query = href.split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// A world, a sign-in service, and the organization of the owner set up to use it.
pub struct Setting {
    pub world: World,
    service: Arc<Service>,
    provider: String,
}

impl Setting {
    pub async fn new(engine: Engine) -> Self {
        let world = World::with(engine, INNER).await;
        strengthen(&world, &world.owner).await;
        let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
        tx.run("UPDATE organizations SET kind = 'enterprise'", ()).await.unwrap();
        tx.commit().await.unwrap();
        let service = Service::start(&world).await;
        let mut setting = Self { world, service, provider: String::new() };
        let path =
            format!("/api/v1/organizations/{}/identity-providers", setting.world.owner.org_id);
        setting.provider = setting.set_up(&setting.world.owner, &path, json!({})).await;
        setting
    }

    async fn set_up(&self, who: &Person, path: &str, more: Value) -> String {
        let mut body = json!({
            "label": "Staff", "issuer": self.service.issuer, "client_id": CLIENT, "client_secret": SECRET,
        });
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        let made = self.world.post(who, path, body).await;
        assert_eq!(made.status, 201, "{}", made.text());
        assert!(!made.text().contains(SECRET));
        made.json()["id"].as_str().unwrap().to_owned()
    }

    /// Goes to the service: what it is asked is remembered there.
    async fn go(&self, surfer: &mut Surfer, provider: &str) -> BTreeMap<String, String> {
        let away = surfer.post(&self.world, "/auth/sso", &[("provider_id", provider)]).await;
        assert_eq!(away.status, 200, "{}", away.text());
        self.asked(leads_to(&away))
    }

    fn asked(&self, query: BTreeMap<String, String>) -> BTreeMap<String, String> {
        let seconds = self.world.app.seams.clock.now().micros() / 1_000_000;
        self.service.tell(|now| {
            now.seconds = seconds;
            now.nonce = query["nonce"].clone();
            now.challenge = query["code_challenge"].clone();
        });
        query
    }

    /// Comes back from it, with what the page carries and nothing else.
    async fn come_back(&self, surfer: &mut Surfer, state: &str, code: &str) -> Answer {
        self.come_back_to(surfer, &self.provider, state, code).await
    }

    async fn come_back_to(
        &self,
        surfer: &mut Surfer,
        provider: &str,
        state: &str,
        code: &str,
    ) -> Answer {
        let path = format!("/auth/sso/callback/{provider}?state={state}&code={code}");
        let page = surfer.get(&self.world, &path).await;
        assert_eq!(page.status, 200, "{}", page.text());
        let mut form = form_urlencoded::Serializer::new(String::new());
        for field in page.text().split("<input type=\"hidden\" ").skip(1) {
            let name = field.split("name=\"").nth(1).unwrap().split('"').next().unwrap();
            let value = field.split("value=\"").nth(1).unwrap().split('"').next().unwrap();
            form.append_pair(name, value);
        }
        let request = Request::post(format!("/auth/sso/callback/{provider}"))
            .header("content-type", "application/x-www-form-urlencoded")
            .header("origin", "http://localhost");
        surfer.send(&self.world, request, form.finish()).await
    }

    /// Signs in: the whole way.
    async fn sign_in(&self, surfer: &mut Surfer) -> Answer {
        self.sign_in_at(surfer, &self.provider.clone()).await
    }

    async fn sign_in_at(&self, surfer: &mut Surfer, provider: &str) -> Answer {
        let query = self.go(surfer, provider).await;
        let code = format!("code-{}", query["state"]);
        self.come_back_to(surfer, provider, &query["state"], &code).await
    }

    /// Where the service sends people back to.
    fn callback(&self) -> String {
        format!("/auth/sso/callback/{}", self.provider)
    }

    fn org(&self, rest: &str) -> String {
        format!("/api/v1/organizations/{}{rest}", self.world.owner.org_id)
    }

    /// Somebody signed in through it.
    pub async fn person(&self, subject: &str) -> Surfer {
        self.service.tell(|now| now.subject = subject.to_owned());
        let mut surfer = Surfer::default();
        let answer = self.sign_in(&mut surfer).await;
        assert_eq!(answer.status, 303, "{}", answer.text());
        surfer
    }
}

/// Gives somebody's session the strength of a second factor for a long time.
pub async fn strengthen(world: &World, person: &Person) {
    let mut tx = world.app.db.write(&server::testkit::SEED).await.unwrap();
    let late = api::Time(i64::MAX / 4);
    tx.run(
        "UPDATE sessions SET strong = $1, fresh_at = $2 WHERE user_id = $3",
        (true, late, person.user_id),
    )
    .await
    .unwrap();
    tx.commit().await.unwrap();
}

/// Counts rows.
async fn count(world: &World, sql: &'static str) -> i64 {
    world.app.db.read().await.unwrap().value(sql, ()).await.unwrap()
}

async fn patch(world: &World, who: &Person, path: &str, body: Value) -> Answer {
    world.call(Some(who), Method::PATCH, path, Some(body)).await
}
