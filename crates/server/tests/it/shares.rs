//! Terminals somebody else follows: who may be let, what they see, that they have no hand in it, and when it ends.

use crate::terminal::{Place, Socket, ready, type_in, until_said};
use futures_util::{SinkExt, StreamExt};
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, Person},
};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

async fn share(place: &Place, by: &Person, body: Value) -> Answer {
    let path = format!("/api/v1/allocations/{}/terminal-shares", place.id);
    place.world.post(by, &path, body).await
}

async fn token(place: &Place, who: &Person, id: &str) -> Answer {
    place
        .world
        .call(Some(who), Method::POST, &format!("/api/v1/terminal-shares/{id}/token"), None)
        .await
}

async fn follow(place: &Place, who: &Person, id: &str) -> Socket {
    let made = token(place, who, id).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let made = made.json();
    place
        .attach_at(made["url"].as_str().unwrap(), who, made["ticket"].as_str().unwrap())
        .await
        .unwrap()
}

async fn closed(socket: &mut Socket) -> Option<u16> {
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
    async fn a_viewer_who_was_let_sees_and_does_not_touch(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        let mut socket = place.open().await;
        let terminal = ready(&mut socket).await;
        type_in(&mut socket, "echo seen-$((40+2))\n").await;
        until_said(&mut socket, "seen-42").await;
        let to = |who: &Person| json!({ "terminal_id": terminal, "user_id": who.user_id, "minutes": 60 });
        // Only one's own terminal, to a member, for a while.
        assert_eq!(share(&place, &world.viewer, to(&world.member)).await.code(), "insufficient_permissions");
        assert_eq!(share(&place, &world.outsider, to(&world.member)).await.code(), "not_found");
        for (by, body) in [
            (&world.admin, to(&world.member)),
            (&world.owner, to(&world.outsider)),
            (&world.owner, to(&world.owner)),
            (&world.owner, json!({ "terminal_id": terminal, "user_id": world.viewer.user_id, "minutes": 481 })),
            (&world.owner, json!({ "terminal_id": terminal, "user_id": world.viewer.user_id, "minutes": 0 })),
            (&world.owner, json!({ "terminal_id": "term_00000000000000000000000000", "user_id": world.viewer.user_id, "minutes": 5 })),
        ] {
            assert_eq!(share(&place, by, body.clone()).await.code(), "validation_error", "{body}");
        }
        let made = share(&place, &world.owner, to(&world.viewer)).await;
        assert_eq!(made.status, 201, "{}", made.text());
        let id = made.json()["id"].as_str().unwrap().to_owned();
        for (who, code) in [(&world.member, "not_found"), (&world.admin, "not_found"), (&world.outsider, "not_found")] {
            assert_eq!(token(&place, who, &id).await.code(), code);
        }
        let page = world.get(&world.viewer, &format!("/terminal/shared?share={id}")).await;
        assert!(page.status == 200 && page.text().contains("you see it and cannot type"), "{}", page.text());
        assert!(world.get(&world.viewer, "/terminal/shares").await.text().contains("training"));
        let mut guest = follow(&place, &world.viewer, &id).await;
        until_said(&mut guest, "seen-42").await;
        // What a guest sends goes nowhere, whatever it is.
        for bytes in ["echo typed-by-guest\n", "exit\n", "\u{3}"] {
            guest.send(Message::Binary(bytes.as_bytes().to_vec().into())).await.unwrap();
        }
        guest.send(Message::text(json!({ "type": "resize", "cols": 11, "rows": 5 }).to_string())).await.unwrap();
        guest.send(Message::text(json!({ "type": "end" }).to_string())).await.unwrap();
        type_in(&mut socket, "stty size; echo later-$((1+1))\n").await;
        let said = until_said(&mut socket, "later-2").await;
        assert!(said.contains("24 80") && !said.contains("typed-by-guest"), "{said}");
        until_said(&mut guest, "later-2").await;
        // Taken back, it ends for the guest alone.
        let path = format!("/api/v1/terminal-shares/{id}");
        assert_eq!(world.call(Some(&world.member), Method::DELETE, &path, None).await.code(), "not_found");
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(closed(&mut guest).await, Some(4403));
        type_in(&mut socket, "echo still-$((1+1))\n").await;
        until_said(&mut socket, "still-2").await;
        assert_eq!(token(&place, &world.viewer, &id).await.code(), "state_conflict");
    }
}

both! {
    async fn it_ends_with_its_time_and_with_the_shell(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        let mut socket = place.open().await;
        let terminal = ready(&mut socket).await;
        let body = json!({ "terminal_id": terminal, "user_id": world.member.user_id, "minutes": 5 });
        let id = share(&place, &world.owner, body.clone()).await.json()["id"].as_str().unwrap().to_owned();
        let mut guest = follow(&place, &world.member, &id).await;
        let spare = token(&place, &world.member, &id).await.json();
        // A ticket to follow opens no terminal, and one of a terminal follows none.
        let (url, ticket) = (spare["url"].as_str().unwrap(), spare["ticket"].as_str().unwrap());
        let own = format!("/ws/terminal/{}", place.id);
        assert_eq!(place.attach_at(&own, &world.member, ticket).await.unwrap_err(), 401);
        let path = format!("/api/v1/allocations/{}/terminal-token", place.id);
        let minted = world.call(Some(&world.member), Method::POST, &path, None).await.json();
        assert_eq!(place.attach_at(url, &world.member, minted["ticket"].as_str().unwrap()).await.unwrap_err(), 401);
        world.advance(301);
        assert_eq!(closed(&mut guest).await, Some(4403));
        let again = share(&place, &world.owner, body).await.json();
        let id = again["id"].as_str().unwrap();
        let mut guest = follow(&place, &world.member, id).await;
        ready(&mut guest).await;
        type_in(&mut socket, "exit 3\n").await;
        assert_eq!(closed(&mut guest).await, Some(1000));
        drop(socket);
    }
}

both! {
    async fn a_file_goes_in_under_its_own_name_and_takes_nobody_elses(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        let path = format!("/api/v1/allocations/{}/terminal-token", place.id);
        for name in ["", "..%2Fx", ".bashrc", "a%00b", "a%0Ab", "-rf"] {
            let minted = world.call(Some(&world.owner), Method::POST, &path, None).await.json();
            let url = format!("/ws/files/{}?name={name}&size=5", place.id);
            let status = place.attach_at(&url, &world.owner, minted["ticket"].as_str().unwrap()).await.unwrap_err();
            assert!([400, 422].contains(&status), "{name}: {status}");
        }
        let url = format!("/ws/files/{}?name=x.bin&size=5", place.id);
        assert_eq!(place.attach_at(&url, &world.owner, "gpuaas_t_nonsense").await.unwrap_err(), 401);
        assert_eq!(place.attach_at(&url, &world.viewer, "gpuaas_t_nonsense").await.unwrap_err(), 403);
        assert_eq!(place.attach_at(&url, &world.outsider, "gpuaas_t_nonsense").await.unwrap_err(), 404);
    }
}

/// S16: of everybody who presents the same ticket at once one gets in. The whole count is `GPUAAS_TICKETS=1000`.
#[tokio::test]
async fn a_ticket_that_twenty_present_at_once_opens_for_one() {
    let count: usize =
        std::env::var("GPUAAS_TICKETS").ok().and_then(|text| text.parse().ok()).unwrap_or(20);
    let place = Place::make(Engine::Sqlite).await;
    let owner = &place.world.owner;
    let path = format!("/ws/terminal/{}", place.id);
    for number in 0..count {
        if number % 10 == 9 {
            place.world.advance(61);
        }
        let mint = format!("/api/v1/allocations/{}/terminal-token", place.id);
        let minted = place.world.call(Some(owner), Method::POST, &mint, None).await;
        assert_eq!(minted.status, 201, "{number}: {}", minted.text());
        let ticket = minted.json()["ticket"].as_str().unwrap().to_owned();
        let tries = (0..20).map(|_| place.attach_at(&path, owner, &ticket));
        let tries = futures_util::future::join_all(tries).await;
        let (open, refused): (Vec<_>, Vec<_>) = tries.into_iter().partition(Result::is_ok);
        assert_eq!(open.len(), 1, "{number}");
        let fine = |code: &u16| [401, 429].contains(code);
        assert!(refused.into_iter().filter_map(Result::err).all(|code| fine(&code)), "{number}");
        for mut socket in open.into_iter().flatten() {
            type_in(&mut socket, "exit\n").await;
            closed(&mut socket).await;
        }
    }
}
