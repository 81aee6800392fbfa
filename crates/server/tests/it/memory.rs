//! What is kept in memory between requests: never longer than it is true.

use crate::node::{Node, id_of, launch, release, until_state, view};
use axum::body::Body;
use http::{Method, Request};
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Engine, Person, SEED, World},
};
use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicUsize, Ordering},
};

async fn list(world: &World, who: &Person, query: &str) -> Value {
    let answer = world.get(who, &format!("/api/v1/allocations{query}")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

both! {
    async fn what_is_over_is_told_as_it_was(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 4).await;
        let first = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &first, "active").await;
        world.advance(1);
        let second = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &second, "active").await;
        let ids = |list: &Value| {
            let items = list["items"].as_array().unwrap().iter();
            items.map(|item| item["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        let before = list(&world, &world.owner, "").await;
        assert_eq!((ids(&before), &before["items"][1]["state"]), (vec![second.clone(), first.clone()], &json!("active")));
        assert_eq!(release(&world, &first).await.status, 202);
        until_state(&world, &first, "released").await;
        // Twice: written down the first time, from memory the second.
        for _ in 0..2 {
            let all = list(&world, &world.owner, "").await;
            assert_eq!(ids(&all), [second.clone(), first.clone()], "newest first, running and over");
            assert_eq!(all["items"][1], view(&world, &first).await);
            assert_eq!(ids(&list(&world, &world.owner, "?status=active").await), std::slice::from_ref(&second));
            assert_eq!(list(&world, &world.owner, "?status=released").await["items"], json!([all["items"][1]]));
            let page = list(&world, &world.owner, "?limit=1").await;
            let next = format!("?limit=1&cursor={}", page["next_cursor"].as_str().unwrap());
            assert_eq!(list(&world, &world.owner, &next).await["items"], json!([all["items"][1]]));
            assert!(ids(&list(&world, &world.outsider, "").await).is_empty(), "nobody else's");
        }
    }
}

both! {
    async fn what_is_over_cannot_be_changed(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        let statements = ["UPDATE allocations SET reason = 'other'", "UPDATE meters SET charged = charged + 1"];
        for sql in statements {
            let mut tx = world.app.db.write(&SEED).await.unwrap();
            assert_eq!(tx.run(sql, ()).await.unwrap(), 1, "while it runs");
        }
        release(&world, &id).await;
        until_state(&world, &id, "released").await;
        for sql in statements {
            let mut tx = world.app.db.write(&SEED).await.unwrap();
            assert!(tx.run(sql, ()).await.is_err(), "{sql}");
        }
    }
}

both! {
    async fn a_new_name_and_a_lost_right_are_seen_by_the_next_request(engine: Engine) {
        let world = World::on(engine).await;
        let project = format!("/api/v1/projects/{}", world.owner.project_id);
        let in_project = || {
            let request = Request::get("/api/v1/allocations")
                .header("authorization", format!("Bearer {}", world.member.token))
                .header("x-project-id", world.owner.project_id.to_string());
            world.send(request.body(Body::empty()).unwrap())
        };
        let members = world.get(&world.owner, &format!("{project}/members")).await.json();
        for round in 0..3 {
            assert_eq!(in_project().await.status, 200, "{round}");
        }
        let id = world.member.user_id.to_string();
        let row = members["items"].as_array().unwrap().iter().find(|row| row["user_id"] == id.as_str()).unwrap();
        let path = format!("{project}/members/{}", row["id"].as_str().unwrap());
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
        assert_eq!(in_project().await.status, 404);
        assert_eq!(world.get(&world.owner, &project).await.json()["name"], "Default");
        let name = json!({ "name": "Renamed" });
        assert_eq!(world.call(Some(&world.owner), Method::PATCH, &project, Some(name)).await.status, 200);
        assert_eq!(world.get(&world.owner, &project).await.json()["name"], "Renamed");
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        tx.run("UPDATE users SET state = 'disabled' WHERE id = $1", (world.viewer.user_id,)).await.unwrap();
        assert_eq!(world.get(&world.viewer, "/api/v1/me").await.status, 200, "not before it is written");
        tx.commit().await.unwrap();
        assert_eq!(world.get(&world.viewer, "/api/v1/me").await.status, 401);
    }
}

both! {
    async fn nothing_is_made_in_a_project_that_is_gone(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        for _ in 0..3 {
            world.get(&world.owner, "/api/v1/me").await; // the project is known, what they may there is not
        }
        // Whatever order they fall in, there is no launch after the deletion.
        let path = format!("/api/v1/projects/{}", world.owner.project_id);
        let delete = world.call(Some(&world.owner), Method::DELETE, &path, None);
        let (deleted, launched) = futures::join!(delete, launch(&world, &world.owner, 1));
        let both = (deleted.status.as_u16(), launched.status.as_u16());
        assert!(matches!(both, (204, 404 | 409 | 422) | (409, 201)), "{both:?} {}", launched.text());
        // As a request would be that was let in just before.
        let mut tx = world.app.db.write(&SEED).await.unwrap();
        tx.run("UPDATE projects SET deleted_at = 1 WHERE id = $1", (world.owner.project_id,)).await.unwrap();
        let made = launch(&world, &world.owner, 1);
        let commit = async { tx.commit().await.unwrap() };
        let (made, ()) = futures::join!(made, commit);
        assert!(matches!(made.status.as_u16(), 404 | 409), "{}", made.text());
    }
}

/// Readers that never pause keep the answer fresh in memory; whoever asks after the end was confirmed
/// is refused all the same.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[allow(clippy::disallowed_methods, reason = "readers end with the test")]
async fn no_request_outlives_the_end_of_its_session() {
    let world = Arc::new(World::new().await);
    for round in 0..60 {
        let person = Arc::new(world.sign_up(&format!("reader{round}")).await);
        let (ended, over) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let readers = (0..4).map(|_| {
            let (world, person) = (world.clone(), person.clone());
            let (ended, over) = (ended.clone(), over.clone());
            tokio::spawn(async move {
                while over.load(Ordering::SeqCst) < 20 {
                    let late = ended.load(Ordering::SeqCst);
                    let status = world.get(&person, "/api/v1/me").await.status.as_u16();
                    assert!(status == 401 || !late, "let in after the session ended: {status}");
                    over.fetch_add(usize::from(late), Ordering::SeqCst);
                }
            })
        });
        let readers: Vec<_> = readers.collect();
        tokio::task::yield_now().await;
        let out = world.call(Some(&*person), Method::POST, "/api/v1/auth/logout", None).await;
        assert_eq!(out.status, 204);
        ended.store(true, Ordering::SeqCst);
        for reader in readers {
            reader.await.unwrap();
        }
    }
}
