//! Limits of recordings: space, length, lies, and who else sees.

use super::{cast, ends, listed, mint, open, set, shown, until_recorded};
use crate::terminal::{Place, ready, type_in, until_said};
use futures_util::{SinkExt, StreamExt};
use http::Method;
use serde_json::json;
use server::{both, testkit::Engine};
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

both! {
    async fn at_the_limit_nothing_opens_and_what_was_shown_is_kept(engine: Engine) {
        let settings = [("GPUAAS_RECORDINGS__MOST_MIB_OF_ORGANIZATION", "1")];
        let place = Place::make_with(engine, &settings).await;
        set(&place.world, &place.world.owner, "required", 30).await;
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "head -c 40000000 /dev/urandom | base64 -w 60\n").await;
        let mut seen = String::new();
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Binary(bytes) = message {
                seen.push_str(&String::from_utf8_lossy(&bytes));
                let ack = json!({ "type": "ack", "bytes": bytes.len() }).to_string();
                let _ = socket.send(Message::text(ack)).await;
            }
        }
        assert!(seen.len() > 1_000_000 && seen.len() < 20_000_000, "{}", seen.len());
        let last = seen.lines().rev().nth(2).unwrap().trim().to_owned();
        tokio::time::sleep(Duration::from_millis(500)).await;
        let one = listed(&place.world, &place.world.owner).await.remove(0);
        let text = shown(&cast(&place.world, &place.world.owner, &one["id"]).await);
        assert!(text.contains(&last), "what was shown last is kept");
        assert_eq!(mint(&place, "?record=true").await.code(), "quota_exceeded");
    }
}

both! {
    async fn at_the_limit_nothing_opens_until_something_is_erased(engine: Engine) {
        let place = Place::make_with(engine, &[("GPUAAS_RECORDINGS__MOST_MIB_OF_ORGANIZATION", "0")]).await;
        set(&place.world, &place.world.owner, "required", 30).await;
        assert_eq!(mint(&place, "?record=true").await.code(), "quota_exceeded");
        assert_eq!(mint(&place, "").await.code(), "recording_consent_required");
    }
}

both! {
    async fn a_lie_about_what_was_seen_records_no_less(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "on", 30).await;
        let made = mint(&place, "?record=true").await.json();
        let ticket = made["ticket"].as_str().unwrap();
        let mut socket = place.attach_from(&world.owner, ticket, usize::MAX).await;
        let terminal = ready(&mut socket).await;
        // Claimed and left before anything was shown, it is no less of a lie.
        drop(socket);
        let made = mint(&place, &format!("?terminal_id={terminal}&record=true")).await.json();
        let ticket = made["ticket"].as_str().unwrap();
        let lied = place.attach_from(&world.owner, ticket, usize::MAX).await;
        drop(lied);
        let made = mint(&place, &format!("?terminal_id={terminal}&record=true")).await.json();
        let ticket = made["ticket"].as_str().unwrap();
        let mut socket = place.attach_from(&world.owner, ticket, 0).await;
        type_in(&mut socket, "echo one-$((1+1))\n").await;
        until_said(&mut socket, "one-2").await;
        drop(socket);
        set(world, &world.owner, "required", 30).await;
        let made = mint(&place, &format!("?terminal_id={terminal}&record=true")).await.json();
        let ticket = made["ticket"].as_str().unwrap();
        let mut socket = place.attach_from(&world.owner, ticket, usize::MAX).await;
        type_in(&mut socket, "echo two-$((1+1)); exit\n").await;
        ends(socket).await;
        let one = until_recorded(world, "ended").await;
        let text = shown(&cast(world, &world.owner, &one["id"]).await);
        assert!(text.contains("one-2") && text.contains("two-2"), "{text:?}");
    }
}

both! {
    async fn who_follows_sees_nothing_that_is_not_recorded(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        let mut socket = place.open().await;
        let terminal = ready(&mut socket).await;
        let body = json!({ "terminal_id": terminal, "user_id": world.viewer.user_id, "minutes": 5 });
        let shares = format!("/api/v1/allocations/{}/terminal-shares", place.id);
        let share = world.post(&world.owner, &shares, body).await.json()["id"].as_str().unwrap().to_owned();
        let token = format!("/api/v1/terminal-shares/{share}/token");
        let minted = world.call(Some(&world.viewer), Method::POST, &token, None).await.json();
        let (url, ticket) = (minted["url"].as_str().unwrap(), minted["ticket"].as_str().unwrap());
        let guest = place.attach_at(url, &world.viewer, ticket).await.unwrap();
        type_in(&mut socket, "sleep 7; echo alone-$((1+1))\n").await;
        until_said(&mut socket, "sleep 7").await;
        set(world, &world.owner, "required", 30).await;
        assert_eq!(ends(guest).await, Some(4428));
        assert_eq!(ends(socket).await, Some(4428), "the shell goes on, and nobody sees it");
        let refused = world.call(Some(&world.viewer), Method::POST, &token, None).await;
        assert_eq!(refused.code(), "recording_consent_required");
        let minted = world.call(Some(&world.viewer), Method::POST, &format!("{token}?record=true"), None).await;
        let ticket = minted.json()["ticket"].as_str().unwrap().to_owned();
        let mut guest = place.attach_at(url, &world.viewer, &ticket).await.unwrap();
        until_said(&mut guest, "alone-2").await;
        drop(guest);
        tokio::time::sleep(Duration::from_millis(500)).await;
        let one = until_recorded(world, "live").await;
        assert_eq!(one["user_id"], json!(world.viewer.user_id));
        assert!(shown(&cast(world, &world.owner, &one["id"]).await).contains("alone-2"));
    }
}

both! {
    async fn a_long_one_is_kept_in_parts_and_one_that_is_broken_holds_up_nobody(engine: Engine) {
        let place = Place::make(engine).await;
        let world = &place.world;
        set(world, &world.owner, "required", 1).await;
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "stty cols 100; head -c 18000000 /dev/zero | tr '\\0' z; echo done-$((1+1))\n").await;
        let mut count = 0;
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Binary(bytes) = message {
                count += bytes.iter().filter(|byte| **byte == b'z').count();
                let ack = json!({ "type": "ack", "bytes": bytes.len() }).to_string();
                socket.send(Message::text(ack)).await.unwrap();
                if bytes.windows(6).any(|part| part == b"done-2") {
                    break;
                }
            }
        }
        assert!(count >= 18_000_000);
        type_in(&mut socket, "exit\n").await;
        ends(socket).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
        let parts = listed(world, &world.owner).await;
        assert_eq!(parts.len(), 2);
        let mut zs = 0;
        for part in &parts {
            assert_eq!((part["state"].as_str(), part["left_out_bytes"].as_i64()), (Some("ended"), Some(0)));
            zs += shown(&cast(world, &world.owner, &part["id"]).await).matches('z').count();
        }
        assert!(zs >= 18_000_000, "{zs}");
        // One that is left, and whose pieces are gone, ends without a fingerprint; the sweep goes on.
        let mut socket = open(&place, "?record=true").await;
        type_in(&mut socket, "echo x\n").await;
        until_said(&mut socket, "x").await;
        let id = until_recorded(world, "live").await["id"].clone();
        tokio::time::sleep(Duration::from_millis(1300)).await;
        drop(socket);
        tokio::time::sleep(Duration::from_millis(300)).await;
        let mut tx = world.app.db.write(&server::recordings::WRITER).await.unwrap();
        tx.run("DELETE FROM recording_chunks WHERE recording_id IN (SELECT id FROM recordings WHERE state = 'live')", ()).await.unwrap();
        tx.commit().await.unwrap();
        world.advance(17 * 60);
        world.sweep().await;
        let one = listed(world, &world.owner).await.into_iter().find(|one| one["id"] == id).unwrap();
        assert_eq!((one["state"].as_str(), one["sha256"].is_null()), (Some("ended"), true));
        let page = world.get(&world.owner, &format!("/access/recordings/{}", one["id"].as_str().unwrap())).await;
        assert!(page.text().contains("is not what was recorded"));
    }
}
