//! Second factors: set up, prove, lose, recover; what a half-finished sign-in reaches.

mod authenticator;
mod glass;
mod guesses;
mod half;
mod lifecycle;
mod recovery;
mod rest;

use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use server::{
    identity::factors::code_at,
    testkit::{Answer, PASSWORD, Person, World},
};

pub const SECURITY: &str = "/api/v1/account/security";

/// What somebody's phone holds.
pub struct Phone {
    pub factor: String,
    pub seed: String,
    pub codes: Vec<String>,
}

impl Phone {
    /// The code it shows now.
    pub fn code(&self, world: &World) -> String {
        code_at(&self.seed, world.app.seams.clock.now())
    }
}

/// Sets an authenticator app up, as the command line does; the session's token changes.
pub async fn enrol(world: &World, person: &mut Person) -> Phone {
    let begun = world.post(person, &format!("{SECURITY}/totp"), json!({ "name": "Phone" })).await;
    assert_eq!(begun.status, 201, "{}", begun.text());
    let seed = begun.json()["secret"].as_str().unwrap().to_owned();
    let factor = begun.json()["factor_id"].as_str().unwrap().to_owned();
    let code = code_at(&seed, world.app.seams.clock.now());
    let path = format!("{SECURITY}/totp/{factor}/confirm");
    let added = world.post(person, &path, json!({ "code": code })).await;
    assert_eq!(added.status, 200, "{}", added.text());
    let added = added.json();
    person.token = added["token"].as_str().unwrap().to_owned();
    let codes = added["recovery_codes"].as_array().unwrap();
    let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect();
    world.advance(30);
    Phone { factor, seed, codes }
}

/// Signs in on the command line.
pub async fn log_in(world: &World, email: &str, code: Option<&str>) -> Answer {
    let mut body = json!({ "email": email, "password": PASSWORD });
    if let Some(code) = code {
        body["code"] = json!(code);
    }
    world.call(None, Method::POST, "/api/v1/auth/personal/login", Some(body)).await
}

/// A browser: its cookie and what its forms carry.
pub struct Browser {
    pub cookie: String,
}

impl Browser {
    /// Signs in with a password; with a second factor this is half the way.
    pub async fn log_in(world: &World, email: &str) -> (Self, Answer) {
        let mut browser = Self { cookie: String::new() };
        let form = format!("email={email}&password={}", PASSWORD.replace(' ', "+"));
        let answer = browser.post(world, "/auth/login", &form).await;
        (browser, answer)
    }

    fn take(&mut self, answer: &Answer) {
        for value in answer.headers.get_all("set-cookie") {
            let pair = value.to_str().unwrap().split(';').next().unwrap();
            if let Some(token) = pair.strip_prefix("__Host-session=") {
                self.cookie = token.to_owned();
            }
        }
    }

    pub async fn get(&self, world: &World, path: &str) -> Answer {
        let cookie = format!("__Host-session={}", self.cookie);
        let request = Request::get(path).header("host", "localhost").header("cookie", cookie);
        world.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a form of one of the site's pages.
    pub async fn post(&mut self, world: &World, path: &str, form: &str) -> Answer {
        let csrf = kernel::http::csrf_token(&self.cookie);
        let mut request = Request::post(path)
            .header("host", "localhost")
            .header("origin", "http://localhost")
            .header("referer", "http://localhost/account/security")
            .header("content-type", "application/x-www-form-urlencoded");
        if !self.cookie.is_empty() {
            request = request.header("cookie", format!("__Host-session={}", self.cookie));
        }
        let body = Body::from(format!("{form}&_csrf={csrf}"));
        let answer = world.send(request.body(body).unwrap()).await;
        self.take(&answer);
        answer
    }
}

pub fn location(answer: &Answer) -> &str {
    answer.headers.get("location").map_or("", |value| value.to_str().unwrap())
}

/// The kinds of notices somebody was told, newest first.
pub async fn told(world: &World, person: &Person) -> Vec<String> {
    let mut tx = world.app.db.read().await.unwrap();
    let rows: Vec<kernel::outbox::NoticeRow> = tx
        .list(
            "SELECT {} FROM notices WHERE user_id = $1 ORDER BY id DESC LIMIT 50",
            (person.user_id,),
        )
        .await
        .unwrap();
    rows.into_iter().map(|row| row.kind).collect()
}

pub async fn security(world: &World, person: &Person) -> Value {
    let answer = world.get(person, SECURITY).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}
