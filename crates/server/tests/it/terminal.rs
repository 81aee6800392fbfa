//! Terminals through the real socket, link and agent, with a plain shell at the end: what is carried,
//! who gets in, and that access ends in time whatever either side does or leaves undone.

use crate::node::{Node, id_of, launch, release, until_state};
use api::allocations::TERMINAL_PROTOCOL as PROTOCOL;
use axum::http::HeaderValue;
use futures_util::{SinkExt, StreamExt};
use http::Method;
use serde_json::json;
use server::testkit::{Engine, Person, World};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Error, Message, client::IntoClientRequest},
};

pub type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// A world that also listens for people, with one active workload of the owner.
pub struct Place {
    pub world: World,
    pub node: Node,
    address: std::net::SocketAddr,
    pub id: String,
}

impl Place {
    pub async fn make(engine: Engine) -> Self {
        Self::make_with(engine, &[]).await
    }

    #[allow(clippy::disallowed_methods, reason = "ends with the test")]
    pub async fn make_with(engine: Engine, settings: &[(&str, &str)]) -> Self {
        let world = World::with(engine, settings).await;
        let node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = kernel::http::router(world.app.clone(), server::wire::routes());
        let door = kernel::http::Door { listener, tls: None, proxies: Vec::new() };
        tokio::spawn(kernel::http::serve(door, router, world.app.ending.clone()));
        Self { world, node, address, id }
    }

    async fn ticket(&self, who: &Person) -> String {
        let path = format!("/api/v1/allocations/{}/terminal-token", self.id);
        let made = self.world.call(Some(who), Method::POST, &path, None).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["ticket"].as_str().unwrap().to_owned()
    }

    pub async fn attach(&self, who: &Person, ticket: &str) -> Result<Socket, u16> {
        self.dial(ticket, &[("authorization", &format!("Bearer {}", who.token))]).await
    }

    async fn dial(&self, ticket: &str, more: &[(&'static str, &str)]) -> Result<Socket, u16> {
        self.dial_at("", ticket, more).await
    }

    async fn dial_at(
        &self,
        query: &str,
        ticket: &str,
        more: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        self.dial_to(&format!("/ws/terminal/{}{query}", self.id), ticket, more).await
    }

    /// Opens another socket with a ticket.
    pub async fn attach_at(&self, path: &str, who: &Person, ticket: &str) -> Result<Socket, u16> {
        let bearer = format!("Bearer {}", who.token);
        self.dial_to(path, ticket, &[("authorization", &bearer)]).await
    }

    async fn dial_to(
        &self,
        path: &str,
        ticket: &str,
        more: &[(&'static str, &str)],
    ) -> Result<Socket, u16> {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        let headers = request.headers_mut();
        let value = |text: String| HeaderValue::try_from(text).unwrap();
        headers.insert("sec-websocket-protocol", value(format!("{PROTOCOL}, {ticket}")));
        for (name, text) in more {
            headers.insert(*name, value((*text).to_owned()));
        }
        match connect_async(request).await {
            Ok((socket, _)) => Ok(socket),
            Err(Error::Http(answer)) => Err(answer.status().as_u16()),
            Err(other) => panic!("{other}"),
        }
    }

    /// Goes on from a place in the output.
    pub async fn attach_from(&self, who: &Person, ticket: &str, from: usize) -> Socket {
        let bearer = format!("Bearer {}", who.token);
        self.dial_at(&format!("?from={from}"), ticket, &[("authorization", &bearer)]).await.unwrap()
    }

    pub async fn open(&self) -> Socket {
        let ticket = self.ticket(&self.world.owner).await;
        self.attach(&self.world.owner, &ticket).await.unwrap()
    }
}

pub async fn type_in(socket: &mut Socket, text: &str) {
    socket.send(Message::Binary(text.as_bytes().to_vec().into())).await.unwrap();
}

/// Reads until something can be found in what was printed; acknowledges what it read.
pub async fn until<T>(socket: &mut Socket, find: impl Fn(&str) -> Option<T>) -> T {
    let mut said = String::new();
    let reading = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Binary(bytes) = message {
                said.push_str(&String::from_utf8_lossy(&bytes));
                let ack = json!({ "type": "ack", "bytes": bytes.len() }).to_string();
                socket.send(Message::text(ack)).await.unwrap();
                if let Some(found) = find(&said) {
                    return Some(found);
                }
            }
        }
        None
    };
    let found = tokio::time::timeout(Duration::from_secs(10), reading).await.ok().flatten();
    found.unwrap_or_else(|| panic!("not in {said:?}"))
}

pub async fn until_said(socket: &mut Socket, word: &str) -> String {
    until(socket, |said| said.contains(word).then(|| said.to_owned())).await
}

/// Returns the process id of the shell at the other end.
async fn shell_of(socket: &mut Socket) -> u32 {
    type_in(socket, "echo pid-$$-\n").await;
    until(socket, |said| said.split("pid-").find_map(|part| part.split_once('-')?.0.parse().ok()))
        .await
}

async fn until_gone(pid: u32, what: &str) {
    let began = tokio::time::Instant::now();
    while std::path::Path::new(&format!("/proc/{pid}")).exists() {
        assert!(began.elapsed() < Duration::from_secs(5), "{what}: the shell lives on");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn bytes_both_ways_and_the_code_of_the_shell() {
    let place = Place::make(Engine::Sqlite).await;
    let mut socket = place.open().await;
    type_in(&mut socket, "echo nonce-$((41+1)); stty size\n").await;
    let said = until_said(&mut socket, "24 80").await;
    assert!(said.contains("nonce-42"), "{said}");
    let size = json!({ "type": "resize", "cols": 132, "rows": 43 }).to_string();
    socket.send(Message::text(size)).await.unwrap();
    type_in(&mut socket, "stty size; exit 7\n").await;
    let mut words = Vec::new();
    while let Some(Ok(message)) = socket.next().await {
        words.push(message.to_text().unwrap_or_default().to_owned());
    }
    let all = words.join("|");
    assert!(all.contains("43 132") && all.contains(r#""code":7"#), "{all}");
}

#[tokio::test]
async fn a_ticket_is_for_one_person_one_place_one_minute_once() {
    let place = Place::make(Engine::Sqlite).await;
    let (world, owner) = (&place.world, &place.world.owner);
    let ticket = place.ticket(owner).await;
    assert_eq!(place.attach(&world.admin, &ticket).await.err(), Some(401), "another person");
    assert_eq!(place.attach(&world.outsider, &ticket).await.err(), Some(404), "no member");
    assert_eq!(place.attach(owner, "nonsense").await.err(), Some(401));
    let cookie = crate::http_rules::browser(world).await;
    for origin in [
        &[("cookie", cookie.as_str())][..],
        &[("cookie", &cookie), ("origin", "http://elsewhere.example")],
    ] {
        let ticket = place.ticket(owner).await;
        assert_eq!(place.dial(&ticket, origin).await.err(), Some(403), "no page of this site");
    }
    let ticket = place.ticket(owner).await;
    let mut socket = place.attach(owner, &ticket).await.unwrap();
    assert_eq!(place.attach(owner, &ticket).await.err(), Some(401), "a second time");
    let late = place.ticket(owner).await;
    world.advance(61);
    assert_eq!(place.attach(owner, &late).await.err(), Some(401), "too late");
    type_in(&mut socket, "echo still-$((1+1))\n").await;
    until_said(&mut socket, "still-2").await;
}

#[tokio::test]
async fn frames_that_are_not_understood_end_the_terminal_and_nothing_else() {
    let place = Place::make(Engine::Sqlite).await;
    for bad in [
        Message::text("{"),
        Message::text(r#"{"type":"nonsense"}"#),
        Message::Binary(vec![0; 100_000].into()),
    ] {
        let mut socket = place.open().await;
        let pid = shell_of(&mut socket).await;
        socket.send(bad).await.unwrap();
        let mut closed = None;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(frame)) = message {
                closed = Some(u16::from(frame.code));
            }
        }
        assert_eq!(closed, Some(1002));
        until_gone(pid, "nonsense").await;
    }
}

/// Whatever the terminal is busy with, the end of access ends its shell within five seconds.
async fn ends(what: &str, busy: impl AsyncFn(&mut Socket), end: impl AsyncFn(&Place)) {
    let place = Place::make(Engine::Sqlite).await;
    let mut socket = place.open().await;
    let pid = shell_of(&mut socket).await;
    busy(&mut socket).await;
    end(&place).await;
    until_gone(pid, what).await;
}

/// Nobody reads on this side, while the shell prints without end.
async fn does_not_read(socket: &mut Socket) {
    type_in(socket, "yes\n").await;
    tokio::time::sleep(Duration::from_millis(500)).await;
}

/// The shell does not read, while this side writes without end.
async fn is_not_read(socket: &mut Socket) {
    type_in(socket, "stty raw; sleep 1000\n").await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    let flood = async {
        loop {
            let part = Message::Binary(vec![b'x'; 16_000].into());
            if socket.send(part).await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(Duration::from_secs(2), flood).await;
}

async fn log_out(place: &Place) {
    let world = &place.world;
    let done = world.call(Some(&world.owner), Method::POST, "/api/v1/auth/logout", None).await;
    assert!(done.status.is_success(), "{}", done.text());
}

#[tokio::test]
async fn access_ends_with_the_session() {
    ends("an idle terminal", async |_| {}, log_out).await;
    ends("a reader who does not read", does_not_read, log_out).await;
    ends("a shell that does not read", is_not_read, log_out).await;
}

#[tokio::test]
async fn access_ends_with_the_role() {
    ends("a lost role", does_not_read, async |place| {
        let mut tx = place.world.app.db.write(&server::testkit::SEED).await.unwrap();
        tx.run("DELETE FROM project_members WHERE user_id = $1", (place.world.owner.user_id,))
            .await
            .unwrap();
        tx.run("DELETE FROM org_members WHERE user_id = $1", (place.world.owner.user_id,))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn access_ends_with_the_workload() {
    ends("a released workload", is_not_read, async |place| {
        assert_eq!(release(&place.world, &place.id).await.status, 202);
    })
    .await;
}

/// A ticket that goes on with a terminal.
pub async fn again(place: &Place, who: &Person, terminal: &str) -> server::testkit::Answer {
    let path = format!("/api/v1/allocations/{}/terminal-token?terminal_id={terminal}", place.id);
    place.world.call(Some(who), Method::POST, &path, None).await
}

pub async fn ready(socket: &mut Socket) -> String {
    while let Some(Ok(message)) = socket.next().await {
        let words: serde_json::Value =
            serde_json::from_str(message.to_text().unwrap_or_default()).unwrap_or_default();
        if words["type"] == "session_ready" {
            return words["terminal_id"].as_str().unwrap().to_owned();
        }
    }
    panic!("it is never ready");
}

#[tokio::test]
async fn a_shell_goes_on_while_nobody_looks_and_is_its_persons_alone() {
    let place = Place::make(Engine::Sqlite).await;
    let owner = &place.world.owner;
    let mut socket = place.open().await;
    let terminal = ready(&mut socket).await;
    type_in(&mut socket, "mark=held; echo first-$((1+1))\n").await;
    until_said(&mut socket, "first-2").await;
    drop(socket);
    tokio::time::sleep(Duration::from_millis(300)).await;
    for (who, code) in [(&place.world.admin, "not_found"), (&place.world.outsider, "not_found")] {
        assert_eq!(again(&place, who, &terminal).await.code(), code);
    }
    assert_eq!(again(&place, owner, "term_nonsense").await.code(), "not_found");
    let made = again(&place, owner, &terminal).await.json();
    assert_eq!(made["terminal_id"], json!(terminal));
    let mut socket = place.attach(owner, made["ticket"].as_str().unwrap()).await.unwrap();
    let said = until_said(&mut socket, "first-2").await;
    assert!(said.contains("echo first"), "its last output comes again: {said}");
    type_in(&mut socket, "echo $mark-$((2+2))\n").await;
    until_said(&mut socket, "held-4").await;
    // Opened a second time, the first look ends and says why.
    let made = again(&place, owner, &terminal).await.json();
    let mut other = place.attach(owner, made["ticket"].as_str().unwrap()).await.unwrap();
    until_said(&mut other, "held-4").await;
    let mut closed = None;
    while let Some(Ok(message)) = socket.next().await {
        if let Message::Close(Some(frame)) = message {
            closed = Some(u16::from(frame.code));
        }
    }
    assert_eq!(closed, Some(4409));
    // Once it has ended there is nothing to go on with.
    type_in(&mut other, "exit\n").await;
    while let Some(Ok(_)) = other.next().await {}
    tokio::time::sleep(Duration::from_millis(300)).await;
    let made = again(&place, owner, &terminal).await.json();
    let mut last = place.attach(owner, made["ticket"].as_str().unwrap()).await.unwrap();
    let mut words = String::new();
    while let Some(Ok(message)) = last.next().await {
        words.push_str(message.to_text().unwrap_or_default());
    }
    assert!(words.contains(r#""code":0"#), "its end is remembered for a while: {words}");
}
