//! Who may open what over SSH (S17): identity is the key that was proved, each kind of channel asks the same
//! door, and what is not listed is refused.

use super::{add, added, private, public};
use crate::node::{Node, id_of, launch, until_state};
use http::Method;
use russh::{
    ChannelMsg, ChannelOpenFailure, Error,
    client::{self, AuthResult},
    keys::{PrivateKey, PrivateKeyWithHashAlg},
};
use serde_json::json;
use server::{
    access::SshShells,
    both,
    testkit::{Engine, Person, World},
};
use std::{net::SocketAddr, sync::Arc, time::Duration};

pub struct Anybody;

impl client::Handler for Anybody {
    type Error = Error;

    async fn check_server_key(
        &mut self,
        _: &russh::keys::PublicKeyOrCertificate,
    ) -> Result<bool, Error> {
        Ok(true)
    }
}

pub type Client = client::Handle<Anybody>;

/// Starts a gateway before a world; it ends with the world.
#[allow(clippy::disallowed_methods, reason = "ends with the test")]
pub async fn gateway(world: &World) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let gateway = Arc::new(gateway::ssh::Gateway {
        certifier: gateway::ssh::keys::HostKey::make(&seams::OsRng),
        shells: Arc::new(SshShells(world.app.clone())),
        host_key: gateway::ssh::keys::HostKey::make(&*world.app.seams.rng),
        ending: world.app.ending.clone(),
    });
    tokio::spawn(async move { gateway.serve(&listener).await });
    address
}

pub async fn connect(address: SocketAddr) -> Client {
    client::connect(Arc::new(client::Config::default()), address, Anybody).await.unwrap()
}

pub async fn prove(client: &mut Client, name: &str, key: PrivateKey) -> bool {
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    client.authenticate_publickey(name, key).await.is_ok_and(|done| done.success())
}

/// Proves a key that opens nothing, and returns why it does not.
pub async fn refused(client: &mut Client, name: &str, key: PrivateKey) -> String {
    use russh::client::KeyboardInteractiveAuthResponse as Told;
    assert!(!prove(client, name, key).await, "it opens something");
    match client.authenticate_keyboard_interactive_start(name, None::<String>).await.unwrap() {
        Told::InfoRequest { instructions, prompts, .. } => {
            assert!(prompts.is_empty(), "nothing is asked");
            let done = client.authenticate_keyboard_interactive_respond(vec![]).await.unwrap();
            assert!(!matches!(done, Told::Success), "nobody is let in so");
            instructions
        }
        other => panic!("{other:?}"),
    }
}

/// Runs a command; returns its output, its errors and its code.
pub async fn run(client: &Client, command: &str) -> (String, String, Option<u32>) {
    let mut channel = client.channel_open_session().await.unwrap();
    channel.exec(true, command).await.unwrap();
    gather(&mut channel).await
}

pub async fn gather(channel: &mut russh::Channel<client::Msg>) -> (String, String, Option<u32>) {
    let (mut out, mut errors, mut code) = (Vec::new(), Vec::new(), None);
    let reading = async {
        while let Some(message) = channel.wait().await {
            match message {
                ChannelMsg::Data { data } => out.extend(data),
                ChannelMsg::ExtendedData { data, .. } => errors.extend(data),
                ChannelMsg::ExitStatus { exit_status } => code = Some(exit_status),
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), reading).await.expect("it ends");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (text(out), text(errors), code)
}

/// What a connection that was let in or not may do, one word each.
async fn channels(client: &Client) -> Vec<(&'static str, &'static str)> {
    let word = |so: bool| if so { "yes" } else { "no" };
    let mut seen = Vec::new();
    let (said, _, _) = run(client, "echo in").await;
    seen.push(("exec", word(said == "in\n")));
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_pty(true, "xterm", 80, 24, 0, 0, &[]).await.unwrap();
    channel.exec(true, "tty").await.unwrap();
    seen.push(("pty", word(gather(&mut channel).await.0.contains("/dev/pts/"))));
    // Of a file transfer only the opening is asked: under these tests lies no workload.
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "sftp").await.unwrap();
    let (_, errors, _) = gather(&mut channel).await;
    seen.push(("sftp", word(!errors.contains("workload") && !errors.contains("nothing"))));
    // Allowed, it fails to connect; refused, it is prohibited.
    let dial =
        async |host: &str| match client.channel_open_direct_tcpip(host, 9, "127.0.0.1", 1).await {
            Ok(_) => true,
            Err(Error::ChannelOpenFailure(why)) => why == ChannelOpenFailure::ConnectFailed,
            Err(other) => panic!("{other}"),
        };
    seen.push(("direct-tcpip", word(dial("localhost").await)));
    for (what, host) in
        [("metadata", "169.254.169.254"), ("a name", "example.com"), ("no host", "")]
    {
        seen.push((what, word(dial(host).await)));
    }
    let mut channel = client.channel_open_session().await.unwrap();
    channel.agent_forward(true).await.unwrap();
    seen.push(("agent", word(matches!(channel.wait().await, Some(ChannelMsg::Success)))));
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_x11(true, false, "MIT-MAGIC-COOKIE-1", "00", 0).await.unwrap();
    seen.push(("x11", word(matches!(channel.wait().await, Some(ChannelMsg::Success)))));
    let mut channel = client.channel_open_session().await.unwrap();
    channel.request_subsystem(true, "netconf").await.unwrap();
    seen.push(("other subsystem", word(matches!(channel.wait().await, Some(ChannelMsg::Success)))));
    seen.push((
        "streamlocal",
        word(client.channel_open_direct_streamlocal("/run/x").await.is_ok()),
    ));
    seen.push(("x11 channel", word(client.channel_open_x11("127.0.0.1", 1).await.is_ok())));
    seen
}

struct Scene {
    world: World,
    _node: Node,
    address: SocketAddr,
    id: String,
}

impl Scene {
    async fn set(engine: Engine) -> Self {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        let address = gateway(&world).await;
        Self { world, _node: node, address, id }
    }

    async fn give(&self, to: &Person) -> u16 {
        let path = format!("/api/v1/allocations/{}/ssh-grants", self.id);
        let body = json!({ "user_id": to.user_id });
        self.world.post(&self.world.owner, &path, body).await.status.as_u16()
    }
}

both! {
    async fn each_role_opens_what_the_matrix_says_and_nothing_else(engine: Engine) {
        let scene = Scene::set(engine).await;
        let world = &scene.world;
        let people = [&world.owner, &world.admin, &world.member, &world.viewer, &world.outsider];
        for (seed, person) in (1..).zip(people) {
            added(world, person, seed).await;
        }
        let given: Vec<u16> = [
            scene.give(&world.admin).await,
            scene.give(&world.member).await,
            scene.give(&world.viewer).await,
            scene.give(&world.outsider).await,
        ].to_vec();
        assert_eq!(given, [201, 201, 422, 422], "who may not connect is given nothing");
        for (seed, person, enters) in [
            (1, "owner", true),
            (2, "admin", true),
            (3, "member", true),
            (4, "viewer", false),
            (5, "outsider", false),
        ] {
            let mut client = connect(scene.address).await;
            if !enters {
                let why = refused(&mut client, &scene.id, private(seed)).await;
                assert!(why.contains("There is no workload"), "{person}: {why}");
                assert!(client.channel_open_session().await.is_err(), "{person}");
                continue;
            }
            assert!(prove(&mut client, &scene.id, private(seed)).await, "{person}");
            for (what, may) in channels(&client).await {
                let expected = if ["exec", "pty", "sftp", "direct-tcpip"].contains(&what) { "yes" } else { "no" };
                assert_eq!(may, expected, "{person}: {what}");
            }
        }
        // The organization closes ports: shells and files stay.
        let policy = format!("/api/v1/organizations/{}/reach-policy", world.owner.org_id);
        let closed = json!({ "forwarding": false, "require_key": false });
        assert_eq!(world.call(Some(&world.owner), Method::PATCH, &policy, Some(closed)).await.status, 200);
        let mut client = connect(scene.address).await;
        prove(&mut client, &scene.id, private(1)).await;
        for (what, may) in channels(&client).await {
            let expected = if ["exec", "pty", "sftp"].contains(&what) { "yes" } else { "no" };
            assert_eq!(may, expected, "closed: {what}");
        }
        let words = world.audit_words().await;
        assert!(words.iter().any(|(action, _)| action == "ssh.connect"));
        world.assert_whole().await;
    }
}

/// Signs with another key than the one that is offered.
struct Liar(PrivateKey);

#[derive(Debug)]
struct Lied;

impl From<russh::SendError> for Lied {
    fn from(_: russh::SendError) -> Self {
        Self
    }
}

impl russh::Signer for Liar {
    type Error = Lied;

    async fn auth_sign(
        &mut self,
        _: &russh::keys::agent::AgentIdentity,
        _: Option<russh::keys::HashAlg>,
        mut to_sign: Vec<u8>,
    ) -> Result<Vec<u8>, Lied> {
        use russh::keys::{signature::Signer, ssh_encoding::Encode};
        let signature = self.0.try_sign(&to_sign).map_err(|_| Lied)?;
        let mut bytes = Vec::new();
        signature.encode(&mut bytes).map_err(|_| Lied)?;
        u32::try_from(bytes.len()).map_err(|_| Lied)?.encode(&mut to_sign).map_err(|_| Lied)?;
        to_sign.extend(bytes);
        Ok(to_sign)
    }
}

both! {
    async fn who_somebody_is_is_the_key_they_proved(engine: Engine) {
        let scene = Scene::set(engine).await;
        let world = &scene.world;
        added(world, &world.owner, 1).await;
        added(world, &world.outsider, 2).await;
        // The owner's key is offered, and another proved in its name.
        let mut client = connect(scene.address).await;
        let offered = private(1).public_key().clone();
        let lied = client.authenticate_publickey_with(&scene.id, offered, None, &mut Liar(private(2))).await;
        assert!(!matches!(lied, Ok(AuthResult::Success)), "{lied:?}");
        // On the same line the outsider proves their own: they are themselves, and nobody else.
        let why = refused(&mut client, &scene.id, private(2)).await;
        assert!(why.contains("There is no workload"), "{why}");
        // A key that opens nothing is no obstacle to the next one, which does.
        let mut client = connect(scene.address).await;
        assert!(!prove(&mut client, &scene.id, private(2)).await);
        assert!(prove(&mut client, &scene.id, private(1)).await);
        assert_eq!(run(&client, "echo in").await.0, "in\n");
        // Registered by somebody else too, a key still opens what is its owner's, by its identifier alone: a
        // name could lead into the other's workload.
        added(world, &world.outsider, 1).await;
        let mut client = connect(scene.address).await;
        assert!(prove(&mut client, &scene.id, private(1)).await);
        let mut client = connect(scene.address).await;
        let why = refused(&mut client, "training", private(1)).await;
        assert!(why.contains("Several people registered this key"), "{why}");
        // A key nobody registered, a password, and nothing at all.
        let mut client = connect(scene.address).await;
        assert!(!prove(&mut client, &scene.id, private(99)).await);
        assert!(!client.authenticate_password(&scene.id, "river stone lantern").await.unwrap().success());
        assert!(!client.authenticate_none(&scene.id).await.unwrap().success());
        assert!(client.channel_open_session().await.is_err(), "nothing opens before");
    }
}

both! {
    async fn six_tries_are_the_most(engine: Engine) {
        let scene = Scene::set(engine).await;
        added(&scene.world, &scene.world.owner, 1).await;
        let mut client = connect(scene.address).await;
        for seed in 100..106 {
            assert!(!prove(&mut client, &scene.id, private(seed)).await);
        }
        assert!(!prove(&mut client, &scene.id, private(1)).await, "the line is cut by then");
    }
}

both! {
    async fn a_deleted_key_a_lost_role_and_a_way_taken_back_end_what_is_open(engine: Engine) {
        let scene = Scene::set(engine).await;
        let world = &scene.world;
        let key = added(world, &world.admin, 2).await;
        added(world, &world.member, 3).await;
        added(world, &world.owner, 1).await;
        assert_eq!((scene.give(&world.admin).await, scene.give(&world.member).await), (201, 201));
        let mut open = Vec::new();
        for seed in [1, 2, 3] {
            let mut client = connect(scene.address).await;
            assert!(prove(&mut client, &scene.id, private(seed)).await);
            assert_eq!(run(&client, "echo in").await.0, "in\n");
            open.push(client);
        }
        let path = format!("/api/v1/account/ssh-keys/{key}");
        assert_eq!(world.call(Some(&world.admin), Method::DELETE, &path, None).await.status, 204);
        let members = world.get(&world.owner, &format!("/api/v1/projects/{}/members", world.owner.project_id)).await.json();
        let member = members["items"].as_array().unwrap().iter().find(|m| m["email"] == "member@example.com").unwrap();
        let path = format!("/api/v1/projects/{}/members/{}", world.owner.project_id, member["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "role": "viewer" }))).await.status, 204);
        let grants = world.get(&world.owner, &format!("/api/v1/allocations/{}/ssh-grants", scene.id)).await.json();
        for grant in grants["items"].as_array().unwrap().iter().filter(|g| g["user_id"] == json!(world.owner.user_id)) {
            let path = format!("/api/v1/allocations/{}/ssh-grants/{}", scene.id, grant["id"].as_str().unwrap());
            assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        }
        let ended = async {
            while open.iter().any(|client| !client.is_closed()) {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), ended).await.expect("within five seconds");
        assert_eq!(add(world, &world.admin, &public(2)).await.status, 201);
    }
}
