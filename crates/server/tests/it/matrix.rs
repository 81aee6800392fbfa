//! Every route × every kind of caller has an expectation; a new route without one fails here.

use crate::staff::staff;
use api::people::PlatformRole::{SecurityReviewer, Support};
use axum::body::Body;
use http::{Method, Request};
use kernel::http::{EntranceKind, RouteInfo, Surface};
use serde_json::json;
use server::{
    testkit::{Person, World},
    wire,
};

/// Fills the path with ids of the owner's project, so that only the caller decides the answer.
fn path(world: &World, seeds: &Seeds, info: &RouteInfo) -> String {
    info.path
        .replace("{project_id}", &world.owner.project_id.to_string())
        .replace("{member_id}", "mem_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{allocation_id}", "alloc_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{task_id}", "task_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{node_id}", "node_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{sku_id}", "sku_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{service_account_id}", &seeds.account)
        .replace("{key_id}", &seeds.key)
        .replace("{org_id}", &world.owner.org_id.to_string())
        .replace("{invitation_id}", "inv_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{factor_id}", "fact_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{recovery_id}", "rec_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{provider_id}", "idp_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{map_id}", "map_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{domain_id}", "dom_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{identity_id}", "idn_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{department_id}", "dept_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{group_id}", "grp_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{role_id}", "role_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{binding_id}", "bind_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{quota_id}", "quota_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{txn_id}", "txn_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{budget_id}", "budg_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{payment_id}", "pay_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{refund_id}", "ref_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{credit_id}", "cred_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{statement_id}", "stmt_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{source_id}", "msrc_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{case_id}", "case_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{card_id}", "card_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{book_id}", "book_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{webhook_id}", "hook_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{support_id}", "sup_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{user_id}", "usr_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{session_id}", "sess_01jd3x5gq8f9v7m2k4n6p8r0st")
        .replace("{hash}", "0")
        .replace("{name}", "nothing")
}

async fn ask(world: &World, seeds: &Seeds, info: &RouteInfo, who: Option<&Person>) -> u16 {
    let mut request = Request::builder()
        .method(info.method.clone())
        .uri(path(world, seeds, info))
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("x-idempotency-key", world.key())
        .header("x-project-id", world.owner.project_id.to_string());
    if let Some(person) = who {
        request = request.header("authorization", format!("Bearer {}", person.token));
    }
    let form = info.surface == Surface::Form;
    let (media, body) = if form {
        (
            "application/x-www-form-urlencoded",
            format!("org_id={}&project_id={}", world.owner.org_id, world.owner.project_id),
        )
    } else {
        ("application/json", format!("{{\"org_id\":\"{}\"}}", world.owner.org_id))
    };
    if info.method != Method::GET {
        request = request.header("content-type", media);
    }
    let body = if info.method == Method::GET { String::new() } else { body };
    world.send(request.body(Body::from(body)).unwrap()).await.status.as_u16()
}

/// A service account and a key of the owner's project, and a second key that calls.
struct Seeds {
    account: String,
    key: String,
}

/// Makes a service account in somebody's project; returns its seeds and the person its key calls as.
async fn machine(world: &World, person: &Person) -> (Seeds, Person) {
    let path = format!("/api/v1/projects/{}/service-accounts", person.project_id);
    let made = world.post(person, &path, json!({ "name": "pipeline" })).await.json();
    let account = made["id"].as_str().unwrap().to_owned();
    let path = format!("/api/v1/service-accounts/{account}/keys");
    let body = json!({ "name": "first", "scopes": server::tenancy::FOR_MACHINES });
    let first = world.post(person, &path, body.clone()).await.json();
    let second = world.post(person, &path, body).await.json();
    let key = first["key"]["id"].as_str().unwrap().to_owned();
    let token = second["secret"].as_str().unwrap().to_owned();
    (Seeds { account, key }, Person { token, ..person.clone() })
}

/// Returns whether the printed policy lets a role do something.
fn column(action: &str, role: &str) -> Option<bool> {
    let rows = server::tenancy::matrix();
    let place = rows.lines().next()?.split_whitespace().position(|word| word == role)?;
    let line = rows.lines().find(|line| line.split_whitespace().next() == Some(action))?;
    Some(line.split_whitespace().nth(place) == Some("yes"))
}

/// Makes somebody a viewer of the owner's organization who was given a role everywhere in it.
async fn given(world: &World, role: &str) -> Person {
    let person = world.sign_up(&role.replace('_', "-")).await;
    let base = format!("/api/v1/organizations/{}", world.owner.org_id);
    let made =
        world.post(&world.owner, &format!("{base}/invitations"), json!({ "role": "viewer" })).await;
    let link = made.json()["link"].as_str().unwrap().to_owned();
    let token = link.split("token=").nth(1).unwrap();
    world.post(&person, "/api/v1/invitations/accept", json!({ "token": token })).await;
    let ask = json!({ "email": person.email, "role": role });
    let bound = world.post(&world.owner, &format!("{base}/role-bindings"), ask).await;
    assert_eq!(bound.status, 201, "{}", bound.text());
    person
}

/// Which callers may pass the entrance of an action; the others get the status they must get.
fn expected(info: &RouteInfo, persona: &str) -> Option<u16> {
    let page = !matches!(info.surface, Surface::Api | Surface::Stream);
    let refused_401 = if page { 303 } else { 401 };
    match (info.entrance, persona) {
        (EntranceKind::Public, _) => None,
        // This site has no processor that signs anything: nothing is there.
        (EntranceKind::Signed, _) => Some(404),
        // A source of usage shows a token of its own.
        (EntranceKind::Source, _) => Some(401),
        (_, "anonymous" | "node") => Some(refused_401),
        (EntranceKind::Myself | EntranceKind::Operator, "key" | "foreign key") => Some(403),
        (EntranceKind::Allowed, "key") if page || info.scope != "project" => Some(403),
        (EntranceKind::Allowed, "key") => {
            (!server::tenancy::FOR_MACHINES.contains(&info.action)).then_some(403)
        }
        (EntranceKind::Allowed, "foreign key") => Some(404),
        // These callers come with a token, as command lines do: a browser alone signs another device in.
        (EntranceKind::Myself, _)
            if ["device.look", "device.approve", "device.refuse"].contains(&info.action) =>
        {
            Some(403)
        }
        (EntranceKind::Myself, _) => None,
        (EntranceKind::Operator, "operator") => None,
        (EntranceKind::Operator, "support" | "reviewer") => {
            let role = if persona == "support" { Support } else { SecurityReviewer };
            (!server::tenancy::staff_may(role, info.action)).then_some(403)
        }
        (EntranceKind::Operator, _) => Some(403),
        (EntranceKind::Allowed, "outsider" | "operator" | "support" | "reviewer") => Some(404),
        (EntranceKind::Allowed, role) => {
            let bound = ["billing", "security_reviewer"].contains(&role);
            let inside = info.scope == "project";
            // Admin, member and viewer are that of the project alone; given roles are everywhere.
            if !inside && role != "owner" && !bound {
                return Some(404);
            }
            // Whoever is given a role is a viewer of the organization itself.
            let may =
                column(info.action, role)? || (bound && !inside && column(info.action, "viewer")?);
            (!may).then_some(403)
        }
        (EntranceKind::Node, _) => Some(refused_401),
    }
}

/// A world, its seeds, and everybody who calls.
struct Stage {
    world: World,
    seeds: Seeds,
    people: Vec<(&'static str, Option<Person>)>,
}

impl Stage {
    async fn set() -> Self {
        let world = World::new().await;
        let words = server::fleet::local_join(&world.app, true, 1).await.unwrap();
        let words: serde_json::Value = serde_json::from_str(&words).unwrap();
        let token = words["token"].as_str().unwrap().to_owned();
        let node = Person { token, ..world.owner.clone() };
        let (seeds, key) = machine(&world, &world.owner).await;
        let (_, foreign) = machine(&world, &world.outsider).await;
        let people = vec![
            ("support", Some(staff(&world, "helper", Support).await)),
            ("reviewer", Some(staff(&world, "reviewer", SecurityReviewer).await)),
            ("billing", Some(given(&world, "billing").await)),
            ("security_reviewer", Some(given(&world, "security_reviewer").await)),
            ("key", Some(key)),
            ("foreign key", Some(foreign)),
            ("anonymous", None),
            ("node", Some(node)),
            ("viewer", Some(world.viewer.clone())),
            ("member", Some(world.member.clone())),
            ("outsider", Some(world.outsider.clone())),
            ("operator", Some(world.operator.clone())),
            ("admin", Some(world.admin.clone())),
            ("owner", Some(world.owner.clone())),
        ];
        Self { world, seeds, people }
    }
}

/// Returns what is wrong with an answer.
fn deviates(info: &RouteInfo, persona: &str, status: u16) -> Option<String> {
    match expected(info, persona) {
        Some(wanted) if wanted == status => None,
        Some(403) if is_row(info) && status == 404 => None,
        Some(wanted) => Some(format!("wanted {wanted}")),
        None => {
            let shut = (status == 401 && info.action != "auth.login") || status >= 500;
            let refused =
                status == 403 && !wants_body(info) && info.entrance != EntranceKind::Public;
            (shut || refused).then(|| "wanted in".to_owned())
        }
    }
}

#[tokio::test]
async fn every_route_lets_in_whom_it_must_and_nobody_else() {
    let mut wrong = Vec::new();
    let mut stage = Stage::set().await;
    for route in wire::routes() {
        let info = route.info;
        if info.path == "/events" {
            continue; // a stream without end; its entrance is the same as every Myself route's
        }
        let mut changed = false;
        for (persona, who) in &stage.people {
            let status = ask(&stage.world, &stage.seeds, &info, who.as_ref()).await;
            if let Some(what) = deviates(&info, persona, status) {
                wrong.push(format!("{} {} as {persona}: {status}, {what}", info.method, info.path));
            }
            changed |= info.method != Method::GET && status < 400;
        }
        // What was changed must not decide about the next route.
        if changed {
            stage = Stage::set().await;
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Its own check comes after the entrance and answers 403 too.
fn wants_body(info: &RouteInfo) -> bool {
    info.path.starts_with("/ws/")
}

/// Rows that the path names but this test does not make: "not there" comes before the role.
fn is_row(info: &RouteInfo) -> bool {
    const ROWS: &[&str] = &[
        "{member_id}",
        "{statement_id}",
        "{card_id}",
        "{invitation_id}",
        "{allocation_id}",
        "{recording_id}",
        "{share_id}",
        "{task_id}",
        "/terminal/popout",
        "/terminal/shared",
        "{provider_id}",
        "{map_id}",
        "{domain_id}",
        "{department_id}",
        "{group_id}",
        "{role_id}",
        "{binding_id}",
        "{quota_id}",
        "{support_id}",
        "{webhook_id}",
        "{payment_id}",
        "{budget_id}",
        "{txn_id}",
    ];
    ROWS.iter().any(|part| info.path.contains(part))
}

#[tokio::test]
async fn no_read_changes_anything() {
    let world = World::new().await;
    let (seeds, _) = machine(&world, &world.owner).await;
    for route in wire::routes() {
        if route.info.method != Method::GET || route.info.path == "/events" {
            continue;
        }
        let before = fingerprint(&world).await;
        for who in [None, Some(&world.owner), Some(&world.operator)] {
            ask(&world, &seeds, &route.info, who).await;
        }
        assert_eq!(before, fingerprint(&world).await, "{} changes rows", route.info.path);
    }
}

async fn fingerprint(world: &World) -> Vec<(String, i64)> {
    let mut tx = world.app.db.read().await.unwrap();
    let mut counts = Vec::new();
    for (table, sql) in [
        ("users", "SELECT COUNT(*) FROM users"),
        ("sessions", "SELECT COALESCE(SUM(last_seen_at), 0) FROM sessions"),
        ("projects", "SELECT COUNT(*) FROM projects"),
        ("audit", "SELECT COUNT(*) FROM audit_entries"),
        ("postings", "SELECT COUNT(*) FROM ledger_postings"),
        ("keys", "SELECT COUNT(*) FROM idempotency_keys"),
    ] {
        counts.push((table.to_owned(), tx.value(sql, ()).await.unwrap()));
    }
    counts
}
