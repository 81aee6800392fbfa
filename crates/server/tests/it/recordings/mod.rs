//! Recordings: what is in them, who sees them, that nothing goes on unrecorded where that is required, and that a
//! change is noticed.

mod limits;

use crate::{
    node::{Node, id_of, launch, until_state},
    reach::{added, matrix, private},
    terminal::{Place, Socket, again, ready, type_in, until_said},
};
use futures_util::StreamExt;
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, Person, World},
};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

async fn org(world: &World) -> String {
    let me = world.get(&world.owner, "/api/v1/me").await.json();
    let project = me["default_project_id"].as_str().unwrap().to_owned();
    let found = world.get(&world.owner, &format!("/api/v1/projects/{project}")).await.json();
    found["org_id"].as_str().unwrap().to_owned()
}

pub async fn project(world: &World) -> String {
    let me = world.get(&world.owner, "/api/v1/me").await.json();
    me["default_project_id"].as_str().unwrap().to_owned()
}

pub async fn set(world: &World, who: &Person, mode: &str, days: i64) -> Answer {
    let path = format!("/api/v1/organizations/{}/recording-policy", org(world).await);
    world
        .call(Some(who), Method::PATCH, &path, Some(json!({ "mode": mode, "keep_days": days })))
        .await
}

pub async fn mint(place: &Place, query: &str) -> Answer {
    let path = format!("/api/v1/allocations/{}/terminal-token{query}", place.id);
    place.world.call(Some(&place.world.owner), Method::POST, &path, None).await
}

pub async fn open(place: &Place, query: &str) -> Socket {
    let made = mint(place, query).await;
    assert_eq!(made.status, 201, "{}", made.text());
    place.attach(&place.world.owner, made.json()["ticket"].as_str().unwrap()).await.unwrap()
}

pub async fn listed(world: &World, who: &Person) -> Vec<Value> {
    let path = format!("/api/v1/projects/{}/recordings", project(world).await);
    let answer = world.get(who, &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["items"].as_array().unwrap().clone()
}

/// Waits for a recording in a state, and returns it.
pub async fn until_recorded(world: &World, state: &str) -> Value {
    for _ in 0..200 {
        let found = listed(world, &world.owner).await;
        if let Some(one) = found.into_iter().find(|one| one["state"] == state) {
            return one;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("no recording is {state}: {:?}", listed(world, &world.owner).await);
}

pub async fn cast(world: &World, who: &Person, id: &Value) -> Answer {
    world.get(who, &format!("/api/v1/recordings/{}/cast", id.as_str().unwrap())).await
}

/// Returns what a file shows.
pub fn shown(file: &Answer) -> String {
    let text = file.text();
    let mut lines = text.lines();
    let header: Value = serde_json::from_str(lines.next().unwrap()).unwrap();
    assert_eq!(header["version"], 2);
    let events = lines.map(|line| serde_json::from_str::<(f64, String, String)>(line).unwrap());
    events.filter(|event| event.1 == "o").map(|event| event.2).collect()
}

pub async fn ends(mut socket: Socket) -> Option<u16> {
    let mut code = None;
    let reading = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(Some(frame)) = message {
                code = Some(u16::from(frame.code));
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(6), reading).await.expect("it ends within seconds");
    code
}

both! {
    async fn what_is_shown_is_kept_and_what_is_typed_is_not(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        assert_eq!(mint(&place, "?record=true").await.code(), "state_conflict", "nothing is recorded here");
        for who in [&world.member, &world.outsider, &world.operator] {
            assert_eq!(set(world, who, "required", 30).await.code(), "not_found");
        }
        for days in [0, 3651] {
            assert_eq!(set(world, &world.owner, "on", days).await.code(), "validation_error");
        }
        assert_eq!(set(world, &world.owner, "required", 30).await.status, 200);
        assert_eq!(mint(&place, "").await.code(), "recording_consent_required");
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "echo shown-$((40+2)); stty -echo; read secret; stty echo; echo got-${#secret}\n").await;
        until_said(&mut socket, "shown-42").await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        type_in(&mut socket, "hunter2hunter2\n").await;
        until_said(&mut socket, "got-14").await;
        assert_eq!(cast(world, &world.owner, &until_recorded(world, "live").await["id"]).await.status, 200, "as far as it goes");
        type_in(&mut socket, "exit\n").await;
        assert_eq!(ends(socket).await, Some(1000));
        let one = until_recorded(world, "ended").await;
        let file = cast(world, &world.owner, &one["id"]).await;
        let text = shown(&file);
        assert!(text.contains("shown-42") && text.contains("got-14") && !file.text().contains("hunter2"), "{text}");
        assert_eq!(one["sha256"], json!(kernel::secret::hex_digest(&file.body)), "sha256sum says the same");
        assert!(world.audit_words().await.contains(&("recording.end".into(), "success".into())));
        assert!(world.audit_words().await.contains(&("recording.play".into(), "success".into())));
        world.assert_whole().await;
        let page = world.get(&world.owner, &format!("/access/recordings/{}", one["id"].as_str().unwrap())).await.text();
        assert!(page.contains("as recorded") && page.contains("of the audit chain"), "{page}");
    }
}

both! {
    async fn a_change_in_the_database_is_seen(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "on", 30).await;
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "echo one; exit\n").await;
        ends(socket).await;
        let one = until_recorded(world, "ended").await;
        let path = format!("/access/recordings/{}", one["id"].as_str().unwrap());
        assert!(world.get(&world.owner, &path).await.text().contains("as recorded"));
        // Whose it was said to be, and how much is not in it, is under the fingerprint too.
        for (forged, back) in [
            ("UPDATE recordings SET part = part + 1", "UPDATE recordings SET part = part - 1"),
            ("UPDATE recordings SET left_out = left_out + 1", "UPDATE recordings SET left_out = left_out - 1"),
            ("UPDATE recordings SET way = 'ssh'", "UPDATE recordings SET way = 'terminal'"),
        ] {
            for (sql, words) in [(forged, "is not what was recorded"), (back, "as recorded")] {
                let mut tx = world.app.db.write(&server::recordings::WRITER).await.unwrap();
                tx.run(sql, ()).await.unwrap();
                tx.commit().await.unwrap();
                assert!(world.get(&world.owner, &path).await.text().contains(words), "{sql}");
            }
        }
        // Whoever writes into the database has no key to seal with; taking away is all they can.
        let mut tx = world.app.db.write(&server::recordings::WRITER).await.unwrap();
        tx.run("DELETE FROM recording_chunks", ()).await.unwrap();
        tx.run("UPDATE recordings SET chunks = 0", ()).await.unwrap();
        tx.commit().await.unwrap();
        let page = world.get(&world.owner, &path).await.text();
        assert!(page.contains("is not what was recorded"), "{page}");
    }
}

both! {
    async fn a_terminal_that_goes_on_is_one_recording(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "required", 30).await;
        let mut socket = open(&place, "?record=true").await;
        let terminal = ready(&mut socket).await;
        type_in(&mut socket, "echo first-$((1+1)); sleep 1; echo away-$((2+2))\n").await;
        until_said(&mut socket, "first-2").await;
        drop(socket);
        tokio::time::sleep(Duration::from_millis(1500)).await;
        assert_eq!(again(&place, &world.owner, &terminal).await.code(), "recording_consent_required");
        let mut socket = open(&place, &format!("?terminal_id={terminal}&record=true")).await;
        until_said(&mut socket, "away-4").await;
        type_in(&mut socket, "exit\n").await;
        ends(socket).await;
        let one = until_recorded(world, "ended").await;
        let text = shown(&cast(world, &world.owner, &one["id"]).await);
        assert_eq!(listed(world, &world.owner).await.len(), 1);
        for word in ["first-2", "away-4"] {
            assert_eq!(text.matches(word).count(), 1, "{word} once: {text:?}");
        }
    }
}

both! {
    async fn nothing_goes_on_unrecorded_where_that_is_required(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        let socket = open(&place, "").await;
        let early = mint(&place, "").await.json()["ticket"].as_str().unwrap().to_owned();
        set(world, &world.owner, "required", 30).await;
        assert_eq!(ends(socket).await, Some(4428));
        assert_eq!(place.attach(&world.owner, &early).await.unwrap_err(), 409, "a ticket of before");
    }
}

both! {
    async fn one_switches_it_off_and_on_where_that_is_free(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "on", 30).await;
        let mut socket = open(&place, "").await;
        let terminal = ready(&mut socket).await;
        type_in(&mut socket, "echo before-$((1+1))\n").await;
        let before = until_said(&mut socket, "before-2").await;
        let from = before.len();
        drop(socket);
        let made = mint(&place, &format!("?terminal_id={terminal}&record=true")).await.json();
        let mut socket = place.attach_from(&world.owner, made["ticket"].as_str().unwrap(), from).await;
        type_in(&mut socket, "echo kept-$((1+1))\n").await;
        until_said(&mut socket, "kept-2").await;
        drop(socket);
        let mut socket = open(&place, &format!("?terminal_id={terminal}")).await;
        let one = until_recorded(world, "ended").await;
        type_in(&mut socket, "echo after-$((1+1))\n").await;
        until_said(&mut socket, "after-2").await;
        let text = shown(&cast(world, &world.owner, &one["id"]).await);
        assert!(text.contains("kept-2") && !text.contains("before-2") && !text.contains("after-2"), "{text:?}");
    }
}

both! {
    async fn people_see_their_own_and_admins_those_of_all(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "required", 30).await;
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "echo mine; exit\n").await;
        ends(socket).await;
        let one = until_recorded(world, "ended").await["id"].clone();
        assert_eq!(cast(world, &world.admin, &one).await.status, 200);
        assert_eq!(listed(world, &world.admin).await.len(), 1);
        assert!(listed(world, &world.member).await.is_empty());
        assert_eq!(cast(world, &world.member, &one).await.code(), "not_found");
        assert_eq!(cast(world, &world.viewer, &one).await.code(), "insufficient_permissions");
        for who in [&world.outsider, &world.operator] {
            assert_eq!(cast(world, who, &one).await.code(), "not_found");
        }
        let path = format!("/api/v1/recordings/{}", one.as_str().unwrap());
        assert_eq!(world.call(Some(&world.admin), Method::DELETE, &path, None).await.code(), "insufficient_permissions");
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204, "twice");
        assert_eq!(cast(world, &world.owner, &one).await.code(), "state_conflict");
        assert_eq!(world.get(&world.owner, &path).await.json()["state"], "erased");
        let page = world.get(&world.owner, &format!("/access/recordings/{}", one.as_str().unwrap())).await;
        assert!(page.text().contains("is not kept any more"));
    }
}

both! {
    async fn one_that_was_left_ends_and_is_erased_in_its_time(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "required", 2).await;
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "echo left\n").await;
        until_said(&mut socket, "left").await;
        let live = until_recorded(world, "live").await;
        let path = format!("/api/v1/recordings/{}", live["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.code(), "state_conflict");
        tokio::time::sleep(Duration::from_millis(1300)).await;
        drop(socket);
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.advance(17 * 60);
        world.sweep().await;
        assert_eq!(world.get(&world.owner, &path).await.json()["state"], "ended");
        for (hours, kept) in [(47, 1), (2, 0)] {
            world.advance(hours * 3600);
            world.sweep().await;
            let mut tx = world.app.db.read().await.unwrap();
            let chunks: i64 = tx.value("SELECT COUNT(*) FROM recording_chunks", ()).await.unwrap();
            assert_eq!(chunks, kept, "{hours} hours later");
            let prints = "SELECT COUNT(*) FROM recordings WHERE sha256 IS NOT NULL";
            let prints: i64 = tx.value(prints, ()).await.unwrap();
            assert_eq!(prints, 1, "its fingerprint stays");
        }
    }
}

both! {
    async fn over_ssh_it_is_said_and_kept(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        added(&world, &world.owner, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        let address = matrix::gateway(&world).await;
        let mut early = matrix::connect(address).await;
        assert!(matrix::prove(&mut early, &id, private(1)).await);
        let (out, said, _) = matrix::run(&early, "echo plain").await;
        assert_eq!((out.as_str(), said.as_str()), ("plain\n", ""));
        set(&world, &world.owner, "required", 30).await;
        let mut client = matrix::connect(address).await;
        assert!(matrix::prove(&mut client, &id, private(1)).await);
        let command = "echo kept-$((1+1)); echo wrong >&2; head -c 3000000 /dev/zero | tr '\\0' x >&2; exit 3";
        let (out, said, code) = matrix::run(&client, command).await;
        assert_eq!((out.trim(), code), ("kept-2", Some(3)));
        assert!(said.starts_with("The organization records what this session shows"), "{}", &said[..200]);
        let one = until_recorded(&world, "ended").await;
        let text = shown(&cast(&world, &world.owner, &one["id"]).await);
        assert!(text.contains("kept-2\r\n") && text.contains("wrong\r\n"), "{}", &text[..100]);
        assert_eq!((text.matches('x').count(), &one["left_out_bytes"]), (3_000_000, &json!(0)), "all of it");
        // Where it is free, of a command whose client asks for it the beginning is kept.
        set(&world, &world.owner, "on", 30).await;
        let mut client = matrix::connect(address).await;
        assert!(matrix::prove(&mut client, &id, private(1)).await);
        let mut channel = client.channel_open_session().await.unwrap();
        channel.set_env(true, "GPUAAS_RECORD", "1").await.unwrap();
        channel.exec(true, "head -c 3000000 /dev/zero | tr '\\0' y").await.unwrap();
        assert_eq!(matrix::gather(&mut channel).await.0.len(), 3_000_000);
        let path = format!("/api/v1/projects/{}/recordings", project(&world).await);
        for _ in 0..100 {
            let newest = world.get(&world.owner, &path).await.json()["items"][0].clone();
            if newest["state"] == "ended" && newest["id"] != one["id"] {
                let text = shown(&cast(&world, &world.owner, &newest["id"]).await);
                assert_eq!(newest["left_out_bytes"].as_u64().unwrap() + text.len() as u64, 3_000_000);
                assert_eq!(text.len(), 1_048_576);
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        set(&world, &world.owner, "required", 30).await;
        tokio::time::timeout(Duration::from_secs(6), async {
            while !early.is_closed() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("what began unrecorded ends");
    }
}
