//! Roles of the platform, and looking into an organization: for a while, with a reason, seen by it.

use api::people::PlatformRole::{self, Operator, SecurityReviewer, Support};
use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, Person, SEED, World},
};
use std::time::Duration;

/// Signs somebody up and gives them a role of the platform, with a second factor proven for good.
pub async fn staff(world: &World, name: &str, role: PlatformRole) -> Person {
    let person = world.sign_up(name).await;
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let far = tx.now().plus(Duration::from_secs(10 * 365 * 24 * 3600));
    let sql = "UPDATE users SET platform_role = $1 WHERE id = $2";
    tx.run(sql, (role, person.user_id)).await.unwrap();
    let sql = "UPDATE sessions SET strong = $1, fresh_at = $2 WHERE user_id = $3";
    tx.run(sql, (true, far, person.user_id)).await.unwrap();
    tx.commit().await.unwrap();
    person
}

/// Says that an address was shown to be somebody's.
async fn confirm(world: &World, person: &Person) {
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    let now = tx.now();
    let sql = "UPDATE users SET email_confirmed_at = $1 WHERE id = $2";
    tx.run(sql, (now, person.user_id)).await.unwrap();
    tx.commit().await.unwrap();
}

const STAFF: &str = "/api/v1/platform/staff";
const LOOKS: &str = "/api/v1/platform/support";

async fn open(world: &World, who: &Person, minutes: u32) -> Answer {
    let org = world.owner.org_id;
    let body =
        json!({ "org_id": org, "reason": "Ticket 4711: a launch failed", "minutes": minutes });
    world.post(who, LOOKS, body).await
}

async fn entries(world: &World) -> Vec<Value> {
    world.app.audit.flush(&world.app).await.unwrap();
    let path = format!("/api/v1/organizations/{}/audit-logs?limit=100", world.owner.org_id);
    world.get(&world.owner, &path).await.json()["items"].as_array().unwrap().clone()
}

#[test]
fn the_policy_of_the_platform_has_a_row_for_every_route_and_no_other() {
    let mut actions: Vec<_> = server::wire::routes()
        .into_iter()
        .filter(|route| route.info.entrance == kernel::http::EntranceKind::Operator)
        .map(|route| route.info.action)
        .collect();
    actions.sort_unstable();
    actions.dedup();
    let rows: Vec<_> = server::tenancy::PLATFORM.iter().map(|(action, _)| *action).collect();
    assert_eq!(actions, rows);
}

both! {
    async fn somebody_of_the_platform_looks_for_a_while_and_the_organization_sees_it(engine: Engine) {
        let world = World::on(engine).await;
        let helper = staff(&world, "helper", Support).await;
        let project = format!("/api/v1/projects/{}", world.owner.project_id);
        let org = format!("/api/v1/organizations/{}", world.owner.org_id);
        assert_eq!(world.get(&helper, &project).await.status, 404, "nothing before");
        for (body, field) in [
            (json!({ "org_id": world.owner.org_id, "reason": "because", "minutes": 60 }), "reason"),
            (json!({ "org_id": world.owner.org_id, "reason": "a good reason\u{7}", "minutes": 60 }), "reason"),
            (json!({ "org_id": world.owner.org_id, "reason": "\u{200b}".repeat(12), "minutes": 60 }), "reason"),
            (json!({ "org_id": world.owner.org_id, "reason": "a good reason", "minutes": 241 }), "minutes"),
            (json!({ "org_id": "org_01jd3x5gq8f9v7m2k4n6p8r0st", "reason": "a good reason", "minutes": 60 }), "org_id"),
        ] {
            let refused = world.post(&helper, LOOKS, body).await;
            assert_eq!((refused.code().as_str(), refused.json()["errors"][0]["field"].as_str()), ("validation_error", Some(field)));
        }
        let opened = open(&world, &helper, 60).await;
        assert_eq!(opened.status, 201, "{}", opened.text());
        assert_eq!(open(&world, &helper, 60).await.code(), "state_conflict");
        // It reads what viewers and reviewers read.
        for path in ["", "/members", "/holdings", "/service-accounts"] {
            let path = format!("{project}{path}");
            assert_eq!(world.get(&helper, &path).await.status, 200, "{path}");
        }
        for path in ["members", "audit-logs", "quotas", "role-bindings", "support-accesses"] {
            assert_eq!(world.get(&helper, &format!("{org}/{path}")).await.status, 200, "{path}");
        }
        let page = format!("/workloads?project={}", world.owner.project_id);
        assert!(world.get(&helper, &page).await.text().contains("Looking into"));
        let listed = world.get(&helper, "/api/v1/projects").await.text();
        assert!(listed.contains(&world.owner.project_id.to_string()));
        // It changes nothing.
        let rename = world.call(Some(&helper), Method::PATCH, &project, Some(json!({ "name": "Mine" }))).await;
        assert_eq!(rename.code(), "insufficient_permissions");
        assert_eq!(world.post(&helper, &format!("{org}/leave"), json!({})).await.status, 403);
        assert_eq!(world.post(&helper, &format!("{project}/service-accounts"), json!({ "name": "x" })).await.status, 403);
        // The organization sees who looks, why, and at what; not from where.
        let seen = entries(&world).await;
        let opened_row = seen.iter().find(|row| row["action"] == "support.open").unwrap();
        assert_eq!(opened_row["detail"]["reason"], "Ticket 4711: a launch failed");
        let look = seen.iter().find(|row| row["action"] == "quota.list" && row["actor"] == helper.user_id.to_string());
        let look = look.expect("what was looked at is recorded");
        assert_eq!((look["detail"]["method"].as_str(), look["ip_address"].as_str()), (Some("support access"), None));
        let notices = world.get(&world.owner, "/api/v1/account/notices").await.text();
        assert!(notices.contains("looks into") && notices.contains("Ticket 4711"), "{notices}");
        // It ends by itself, also where what it allowed was known.
        world.advance(3601);
        assert_eq!(world.get(&helper, &project).await.status, 404);
        let listed = world.get(&helper, "/api/v1/projects").await.text();
        assert!(!listed.contains(&world.owner.project_id.to_string()));
        world.assert_whole().await;
    }
}

both! {
    async fn a_look_ends_by_either_side_and_with_the_role(engine: Engine) {
        let world = World::on(engine).await;
        let helper = staff(&world, "helper", Support).await;
        let other = staff(&world, "other", Support).await;
        let project = format!("/api/v1/projects/{}", world.owner.project_id);
        let seen = format!("/api/v1/organizations/{}/support-accesses", world.owner.org_id);
        let id = |answer: &Answer| answer.json()["id"].as_str().unwrap().to_owned();
        let first = id(&open(&world, &helper, 240).await);
        assert_eq!(world.post(&other, &format!("{LOOKS}/{first}/end"), json!({})).await.status, 404, "not another's");
        assert_eq!(world.get(&world.viewer, &seen).await.status, 404, "of the project alone");
        assert_eq!(world.post(&world.owner, &format!("{seen}/{first}/end"), json!({})).await.status, 204);
        assert_eq!(world.get(&helper, &project).await.status, 404);
        assert_eq!(world.post(&world.owner, &format!("{seen}/{first}/end"), json!({})).await.code(), "state_conflict");
        let foreign = format!("/api/v1/organizations/{}/support-accesses/{first}/end", world.outsider.org_id);
        assert_eq!(world.post(&world.outsider, &foreign, json!({})).await.status, 404);
        world.advance(1);
        assert!(open(&world, &helper, 240).await.text().contains("The organization ended your last look"), "what the organization ended stays ended");
        world.advance(3601);
        let second = id(&open(&world, &helper, 240).await);
        assert_eq!(world.post(&helper, &format!("{LOOKS}/{second}/end"), json!({})).await.status, 204);
        world.advance(1);
        let third = id(&open(&world, &helper, 240).await);
        assert_eq!(world.post(&world.operator, &format!("{LOOKS}/{third}/end"), json!({})).await.status, 204);
        world.advance(3601);
        open(&world, &helper, 240).await;
        assert_eq!(world.get(&helper, &project).await.status, 200);
        let rows = world.get(&world.owner, &seen).await.json()["items"].as_array().unwrap().clone();
        assert_eq!(rows.iter().map(|row| row["lasts"].as_bool().unwrap()).collect::<Vec<_>>(), [true, false, false, false]);
        let take = format!("{STAFF}/{}", helper.user_id);
        assert_eq!(world.call(Some(&world.operator), Method::DELETE, &take, None).await.status, 204);
        assert_eq!(world.get(&helper, &project).await.status, 401, "their sessions end");
        let ends = entries(&world).await.iter().filter(|row| row["action"] == "support.close").count();
        assert_eq!(ends, 3, "the one that ended with the role too");
        let rows = world.get(&world.owner, &seen).await.json();
        assert_eq!(rows["items"][0]["lasts"], false);
        assert!(rows["items"][0]["ended_at"].is_string(), "the role given back opens nothing: {rows}");
        world.assert_whole().await;
    }
}

both! {
    async fn roles_of_the_platform_are_given_taken_and_kept(engine: Engine) {
        let world = World::on(engine).await;
        let give = async |who: &Person, email: &str, role: &str| world.post(who, STAFF, json!({ "email": email, "role": role })).await;
        let helper = staff(&world, "helper", Support).await;
        let reviewer = staff(&world, "reviewer", SecurityReviewer).await;
        for who in [&helper, &reviewer, &world.owner] {
            let refused = give(who, &who.email, "operator").await;
            assert_eq!(refused.code(), "operator_required");
        }
        assert!(give(&helper, &helper.email, "operator").await.text().contains("You are support of this platform"));
        assert_eq!(world.get(&reviewer, STAFF).await.status, 200);
        assert_eq!(world.get(&helper, STAFF).await.status, 403);
        assert_eq!(give(&world.operator, "nobody@example.com", "support").await.code(), "validation_error");
        let unproven = give(&world.operator, &world.viewer.email, "support").await;
        assert!(unproven.text().contains("was not shown to be theirs"), "{}", unproven.text());
        confirm(&world, &world.viewer).await;
        let made = give(&world.operator, &world.viewer.email, "support").await;
        assert_eq!((made.status.as_u16(), made.json()["protected"].as_bool()), (201, Some(false)), "{}", made.text());
        assert_eq!(world.get(&world.viewer, "/api/v1/me").await.status, 401, "they sign in anew, under the rules of the role");
        assert_eq!(give(&world.operator, &world.viewer.email, "support").await.code(), "state_conflict");
        // One operator stays.
        let own = format!("{STAFF}/{}", world.operator.user_id);
        assert_eq!(world.call(Some(&world.operator), Method::DELETE, &own, None).await.code(), "last_owner");
        confirm(&world, &world.operator).await;
        assert_eq!(give(&world.operator, &world.operator.email, "support").await.code(), "last_owner");
        let second = staff(&world, "second", Operator).await;
        assert_eq!(world.call(Some(&second), Method::DELETE, &own, None).await.status, 204);
        assert_eq!(world.call(Some(&second), Method::DELETE, &own, None).await.status, 404);
        let listed = world.get(&second, STAFF).await.json();
        assert_eq!(listed["items"].as_array().unwrap().len(), 4);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn a_role_without_a_factor_opens_nothing_and_a_page_that_is_read_cannot_be_pressed() {
    let world = World::new().await;
    let bare = world.sign_up("bare").await;
    confirm(&world, &bare).await;
    let set = json!({ "email": bare.email, "role": "security_reviewer" });
    assert_eq!(world.post(&world.operator, STAFF, set).await.status, 201);
    let reviewer = staff(&world, "reviewer", SecurityReviewer).await;
    let page = world.get(&reviewer, "/platform/iam/people").await;
    assert_eq!(page.status, 200);
    let text = page.text();
    assert!(
        text.contains("You read this page as security reviewer")
            && text.contains("<fieldset class=\"frozen\" disabled"),
        "{text}"
    );
    assert!(
        text.contains("href=\"/platform/iam\"")
            && !text.contains("href=\"/platform/lifecycle/nodes\""),
        "its side bar is its own"
    );
    assert!(!world.get(&world.operator, "/platform/iam/people").await.text().contains("frozen"));
    let mut tx = world.app.db.write(&SEED).await.unwrap();
    tx.run("UPDATE sessions SET strong = $1 WHERE user_id = $2", (false, reviewer.user_id))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(
        world.get(&reviewer, "/api/v1/platform/staff").await.code(),
        "factor_enrolment_required"
    );
}

#[tokio::test]
async fn looks_into_two_organizations_stand_in_each_record() {
    let world = World::new().await;
    let helper = staff(&world, "helper", Support).await;
    for org in [world.owner.org_id, world.outsider.org_id] {
        let body = json!({ "org_id": org, "reason": "to compare two of them", "minutes": 30 });
        assert_eq!(world.post(&helper, LOOKS, body).await.status, 201);
    }
    for person in [&world.outsider, &world.owner, &world.outsider] {
        let request = http::Request::get("/api/v1/billing/balance")
            .header("host", "localhost")
            .header("authorization", format!("Bearer {}", helper.token))
            .header("x-project-id", person.project_id.to_string());
        let answer = world.send(request.body(axum::body::Body::empty()).unwrap()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    world.app.audit.flush(&world.app).await.unwrap();
    for (person, count) in [(&world.owner, 1), (&world.outsider, 2)] {
        let path =
            format!("/api/v1/organizations/{}/audit-logs?action=billing.read", person.org_id);
        let rows = world.get(person, &path).await.json();
        let counts: Vec<_> = rows["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["count"].as_i64().unwrap())
            .collect();
        assert_eq!(counts, [count], "{rows}");
    }
    // A refusal names no address of the platform's people either.
    let path = format!("/api/v1/organizations/{}/groups", world.owner.org_id);
    assert_eq!(world.post(&helper, &path, json!({ "name": "x" })).await.status, 403);
    let seen = entries(&world).await;
    let refused = seen
        .iter()
        .find(|row| row["outcome"] == "denied" && row["action"] == "group.create")
        .unwrap();
    assert!(refused["ip_address"].is_null(), "{refused}");
}

#[tokio::test]
async fn the_packet_for_rolling_factors_out_says_what_is_ready() {
    let world = World::new().await;
    let path = "/api/v1/platform/iam/rollout";
    assert_eq!(world.get(&world.owner, path).await.status, 403);
    let reviewer = staff(&world, "reviewer", SecurityReviewer).await;
    let packet = world.get(&reviewer, path).await.json();
    let done = |packet: &Value, step: &str| {
        let steps = packet["steps"].as_array().unwrap();
        steps.iter().find(|one| one["step"] == step).unwrap()["done"].as_bool().unwrap()
    };
    assert!(
        !done(&packet, "second_operator")
            && !done(&packet, "break_glass")
            && !done(&packet, "operators")
    );
    assert!(
        done(&packet, "recoveries") && done(&packet, "owners"),
        "personal organizations ask nobody: {packet}"
    );
    staff(&world, "second", Operator).await;
    world.post(&world.operator, "/api/v1/platform/iam/break-glass-codes", json!({})).await;
    let packet = world.get(&reviewer, path).await.json();
    assert!(done(&packet, "second_operator") && done(&packet, "break_glass"), "{packet}");
    let page = world.get(&reviewer, "/platform/iam/rollout").await;
    assert!(page.status == 200 && page.text().contains("How it is taken back"));
}
