//! The life of allocations, with the real agent over the real link and a runtime without machines.

use crate::node::{
    Node, ask, failed_release, free, heard, id_of, launch, release, until_state, view,
};
use api::node::{Observation, Observed, ObservedState};
use futures::future::join_all;
use http::Method;
use kernel::steps;
use serde_json::json;
use server::{
    both, fleet,
    testkit::{Answer, Engine, World},
};

both! {
    async fn launch_run_release_and_the_exact_charge(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 4).await;
        let id = id_of(&launch(&world, &world.owner, 2).await);
        assert_eq!(free(&world).await, 2);
        until_state(&world, &id, "active").await;
        assert_eq!(node.fake.count(), 1);
        world.advance(90);
        heard(&world).await;
        let released = release(&world, &id).await;
        assert_eq!(released.status, 202, "{}", released.text());
        until_state(&world, &id, "released").await;
        world.advance(3600);
        world.sweep().await;
        let cost = 2_490_000 * 2 * 90 / 3600;
        assert_eq!(view(&world, &id).await["charged"]["micros"], cost.to_string());
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        assert_eq!(balance["available"]["micros"], (20_000_000 - cost).to_string());
        assert_eq!((balance["held"]["micros"].as_str(), node.fake.count()), (Some("0"), 0));
        world.until("the slots are free", async || free(&world).await == 4).await;
        assert_eq!(release(&world, &id).await.status, 202, "asking again is fine");
        assert_eq!(world.get(&world.outsider, &format!("/api/v1/allocations/{id}")).await.status, 404);
        world.assert_whole().await;
    }
}

both! {
    async fn five_hundred_want_the_last_slot(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let tries = join_all((0..500).map(|_| launch(&world, &world.owner, 1))).await;
        let won = tries.iter().filter(|answer| answer.status == 201).count();
        let blocked = tries.iter().filter(|answer| answer.code() == "launch_blocked").count();
        let other: Vec<String> = tries.iter().filter(|a| a.status != 201).map(Answer::code).filter(|c| c != "launch_blocked").collect();
        assert_eq!(won, 1, "{blocked} blocked, others {other:?}");
        assert!(other.iter().all(|code| code == "conflict" || code == "service_busy"), "{other:?}");
        let mut tx = world.app.db.read().await.unwrap();
        let claims: i64 = tx.value("SELECT COUNT(*) FROM claims WHERE state = 'live'", ()).await.unwrap();
        let holds: i64 = tx.value("SELECT COUNT(*) FROM holds WHERE state = 'open'", ()).await.unwrap();
        assert_eq!((claims, holds), (1, 1), "a loser leaves nothing");
        drop(tx);
        world.assert_whole().await;
    }
}

both! {
    async fn precheck_and_submit_name_the_same_blockers(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "0")]).await;
        let _node = Node::join(&world, 2).await;
        for (sku, count, name) in [
            ("sim-h100-slice", 1, "a"),
            ("sim-h100-slice", 3, "a"),
            ("sim-h100-slice", 1, ""),
            ("nothing", 1, "a"),
            ("sim-h100-slice", -1, "a"),
        ] {
            let body = json!({ "sku": sku, "count": count, "name": name });
            let said = world.post(&world.owner, "/api/v1/allocations/precheck", body.clone()).await.json();
            let told = world.post(&world.owner, "/api/v1/allocations", body).await;
            assert_eq!(said["ready"], false);
            assert_eq!((told.status.as_u16(), &told.json()["blockers"]), (409, &said["blockers"]), "{sku} {count}");
            assert!(!said["blockers"].as_array().unwrap().is_empty());
        }
        let zero = world.post(&world.owner, "/api/v1/allocations/precheck", ask(1)).await.json();
        assert_eq!(zero["blockers"][0]["code"], "insufficient_balance");
        assert_eq!(world.get(&world.viewer, &format!("/api/v1/catalog?project={}", world.owner.project_id)).await.status, 200);
        let mut tx = world.app.db.read().await.unwrap();
        let rows: i64 = tx.value("SELECT COUNT(*) FROM allocations", ()).await.unwrap();
        assert_eq!(rows, 0, "blocked before anything changed");
    }
}

both! {
    async fn a_machine_that_cannot_start_it_costs_nothing(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        node.fake.refuse(Some("no"));
        let id = id_of(&launch(&world, &world.owner, 1).await);
        world.until("clean-up", async || {
            let task = view(&world, &id).await["task_id"].as_str().unwrap().to_owned();
            let task = world.get(&world.owner, &format!("/api/v1/tasks/{task}")).await.json();
            task["steps"].as_array().unwrap().iter().any(|step| step["name"] == "allocation.provision/clean")
        }).await;
        node.fake.refuse(None);
        until_state(&world, &id, "failed").await;
        let row = view(&world, &id).await;
        assert_eq!((row["charged"]["micros"].as_str(), free(&world).await), (Some("0"), 1));
        assert!(row["reason"].as_str().unwrap().contains("Nothing was charged"));
        world.assert_whole().await;
    }
}

both! {
    async fn a_clean_up_that_does_not_end_is_retried_or_settled(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 2).await;
        let id = failed_release(&world, &node).await;
        let charged = view(&world, &id).await["charged"].clone();
        world.advance(3600);
        world.sweep().await;
        assert_eq!(view(&world, &id).await["charged"], charged, "it costs nothing");
        world.until("the node is heard again", async || free(&world).await == 1).await;
        let path = format!("/api/v1/admin/allocations/{id}/force-cleanup");
        let by_tenant = world.post(&world.owner, &path, json!({ "runtime_verified_absent": true, "reason": "mine" })).await;
        assert_eq!(by_tenant.code(), "operator_required");
        let settled = world.post(&world.operator, &path, json!({ "runtime_verified_absent": false, "reason": "power cut" })).await;
        assert_eq!(settled.status, 200, "{}", settled.text());
        assert_eq!(view(&world, &id).await["state"], "released");
        assert_eq!(free(&world).await, 1, "blocked without proof");
        node.fake.refuse(None);
        world.until("the slot is proven clean", async || free(&world).await == 2).await;
        assert_eq!(node.fake.count(), 0);
        world.assert_whole().await;
    }
}

both! {
    async fn a_retry_ends_a_failed_release(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        let id = failed_release(&world, &node).await;
        assert_eq!(release(&world, &id).await.json()["state"], "releasing");
        node.fake.refuse(None);
        until_state(&world, &id, "released").await;
        world.until("the slot is free", async || free(&world).await == 1).await;
        world.assert_whole().await;
    }
}

both! {
    async fn a_clean_up_proven_late_ends_by_itself(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        let id = failed_release(&world, &node).await;
        node.fake.refuse(None);
        until_state(&world, &id, "released").await;
        world.assert_whole().await;
    }
}

both! {
    async fn a_cancelled_launch_costs_nothing_and_leaves_nothing(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        assert_eq!(release(&world, &id).await.json()["state"], "releasing");
        until_state(&world, &id, "released").await;
        assert_eq!((view(&world, &id).await["charged"]["micros"].as_str(), node.fake.count(), free(&world).await), (Some("0"), 0, 1));
        world.assert_whole().await;
    }
}

both! {
    async fn money_that_runs_out_ends_the_work_with_a_reason(engine: Engine) {
        let world = World::with(engine, &[("GPUAAS_BILLING__WELCOME_CREDIT", "1")]).await;
        let _node = Node::join(&world, 2).await;
        let id = id_of(&launch(&world, &world.owner, 2).await);
        until_state(&world, &id, "active").await;
        for _ in 0..30 {
            world.advance(30);
            heard(&world).await;
        }
        until_state(&world, &id, "released").await;
        let row = view(&world, &id).await;
        assert!(row["reason"].as_str().unwrap().contains("balance ran out"), "{row}");
        let balance = world.get(&world.owner, "/api/v1/billing/balance").await.json();
        let left: i64 = balance["available"]["micros"].as_str().unwrap().parse().unwrap();
        assert!((0..=200_000).contains(&left), "{left}");
        world.assert_whole().await;
    }
}

both! {
    async fn a_lost_machine_is_charged_to_its_last_sign_of_life(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        node.running.abort();
        world.until("the link is gone", async || {
            let nodes = world.get(&world.operator, "/api/v1/admin/nodes").await.json();
            nodes["items"][0]["last_heartbeat_at"].is_string()
        }).await;
        world.advance(40);
        world.until("unreachable", async || view(&world, &id).await["unreachable"] == true).await;
        world.advance(31 * 60);
        until_state(&world, &id, "released").await;
        let row = view(&world, &id).await;
        assert_eq!((row["charged"]["micros"].as_str(), free(&world).await), (Some("0"), 0), "time after its last sign is free, its slot blocked");
        world.assert_whole().await;
    }
}

both! {
    async fn dying_in_every_step_changes_nothing(engine: Engine) {
        let world = World::on(engine).await;
        let node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        let mut died = 0;
        for wanted in ["active", "released"] {
            if wanted == "released" {
                assert_eq!(release(&world, &id).await.status, 202);
            }
            for _ in 0..200 {
                world.advance(3);
                died += steps::die_in_every_step(&world.app).await.unwrap();
                world.advance(31);
                world.sweep().await;
                if view(&world, &id).await["state"] == wanted {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
            assert_eq!(view(&world, &id).await["state"], wanted);
            assert_eq!(node.fake.count(), usize::from(wanted == "active"));
        }
        assert!(died >= 3, "{died} deaths");
        world.until("the slot is free", async || free(&world).await == 1).await;
        world.assert_whole().await;
    }
}

both! {
    async fn lies_of_a_node_change_nothing(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        until_state(&world, &id, "active").await;
        let own: api::AllocationId = id.parse().unwrap();
        let stranger = api::AllocationId(uuid::Uuid::from_u128(7));
        let other = api::NodeId(uuid::Uuid::from_u128(9));
        let gateway = fleet::FleetNodes(world.app.clone());
        let mut lies = Vec::new();
        for state in ObservedState::ALL {
            for generation in [0, -1, 2, i64::MAX] {
                lies.push((other, Observed { allocation_id: own, generation, state: *state, detail: "lie".into() }));
            }
            lies.push((other, Observed { allocation_id: own, generation: 1, state: *state, detail: "lie\u{7}".repeat(500) }));
            lies.push((other, Observed { allocation_id: stranger, generation: 1, state: *state, detail: String::new() }));
        }
        assert!(lies.len() >= 20);
        let before = view(&world, &id).await;
        for (node, lie) in lies {
            let observation = Observation { protocol: 1, inventory: None, works: vec![lie] };
            gateway::Nodes::observed(&gateway, node, observation).await;
        }
        world.sweep().await;
        let after = view(&world, &id).await;
        assert_eq!((before["state"].clone(), before["reason"].clone()), (after["state"].clone(), after["reason"].clone()));
        world.assert_whole().await;
    }
}

both! {
    async fn a_project_with_work_cannot_be_deleted(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        let path = format!("/api/v1/projects/{}", world.owner.project_id);
        let refused = world.call(Some(&world.owner), Method::DELETE, &path, None).await;
        assert_eq!(refused.code(), "still_in_use");
        assert!(refused.text().contains("allocations: 1"), "{}", refused.text());
        let whole = format!("/api/v1/organizations/{}/archive", world.owner.org_id);
        for archive in [format!("{path}/archive"), whole.clone()] {
            let refused = world.post(&world.owner, &archive, json!({})).await;
            assert_eq!(refused.code(), "still_in_use", "{archive}: {}", refused.text());
        }
        release(&world, &id).await;
        until_state(&world, &id, "released").await;
        assert_eq!(world.post(&world.owner, &whole, json!({})).await.status, 204);
        assert_eq!(world.call(Some(&world.owner), Method::DELETE, &path, None).await.status, 204);
    }
}

both! {
    async fn a_new_price_is_for_new_launches(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 2).await;
        let old = id_of(&launch(&world, &world.owner, 1).await);
        let list = world.get(&world.operator, "/api/v1/admin/catalog").await.json();
        let sku = list["items"].as_array().unwrap().iter().find(|s| s["sku"] == "sim-h100-slice").unwrap().clone();
        let path = format!("/api/v1/admin/catalog/{}", sku["id"].as_str().unwrap());
        let set = world.call(Some(&world.operator), Method::PATCH, &path, Some(json!({ "price_per_hour": "9.99" }))).await;
        assert_eq!(set.status, 204, "{}", set.text());
        let new = id_of(&launch(&world, &world.owner, 1).await);
        let price = async |id: &str| view(&world, id).await["price_per_hour"]["micros"].as_str().unwrap().to_owned();
        assert_eq!((price(&old).await, price(&new).await), ("2490000".into(), "9990000".into()));
        let hide = world.call(Some(&world.operator), Method::PATCH, &path, Some(json!({ "active": false }))).await;
        assert_eq!(hide.status, 204);
        assert_eq!(launch(&world, &world.owner, 1).await.code(), "launch_blocked");
    }
}

both! {
    async fn tickets_are_for_one_person_once_and_ten_a_minute(engine: Engine) {
        let world = World::on(engine).await;
        let _node = Node::join(&world, 1).await;
        let id = id_of(&launch(&world, &world.owner, 1).await);
        let path = format!("/api/v1/allocations/{id}/terminal-token");
        let early = world.call(Some(&world.owner), Method::POST, &path, None).await;
        assert_eq!(early.code(), "state_conflict");
        until_state(&world, &id, "active").await;
        assert_eq!(world.call(Some(&world.viewer), Method::POST, &path, None).await.code(), "insufficient_permissions");
        assert_eq!(world.call(Some(&world.outsider), Method::POST, &path, None).await.status, 404);
        for _ in 0..10 {
            let made = world.call(Some(&world.owner), Method::POST, &path, None).await;
            assert_eq!(made.status, 201, "{}", made.text());
            assert!(!made.json()["url"].as_str().unwrap().contains(made.json()["ticket"].as_str().unwrap()));
        }
        let eleventh = world.call(Some(&world.owner), Method::POST, &path, None).await;
        assert_eq!((eleventh.status.as_u16(), eleventh.code().as_str()), (429, "rate_limit_exceeded"));
        world.advance(61);
        assert_eq!(world.call(Some(&world.owner), Method::POST, &path, None).await.status, 201);
    }
}
