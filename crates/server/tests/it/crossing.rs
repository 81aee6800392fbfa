//! Another tenant's id is a missing id: every route that names rows, with every kind of id, for everybody who
//! stands outside (S1, S2).

use crate::{node::Node, staff::staff};
use api::people::PlatformRole::{SecurityReviewer, Support};
use axum::body::Body;
use http::{Method, Request};
use kernel::http::{EntranceKind, RouteInfo, Surface};
use serde_json::{Value, json};
use server::{
    testkit::{Answer, Person, World},
    wire,
};
use std::collections::BTreeMap;

/// Ids of a tenant's rows, by the path's word for them.
type Ids = BTreeMap<&'static str, String>;

async fn made(world: &World, who: &Person, path: &str, body: Value) -> Value {
    let answer = world.post(who, path, body).await;
    assert!(answer.status.is_success(), "{path}: {}", answer.text());
    answer.json()
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap().to_owned()
}

/// Makes a group with a member, a role, and what binds them.
async fn given(world: &World, who: &Person, org: &str) -> [String; 4] {
    let group = id(&made(world, who, &format!("{org}/groups"), json!({ "name": "People" })).await);
    let group_member =
        made(world, who, &format!("{org}/groups/{group}/members"), json!({ "email": who.email }))
            .await;
    let role = id(&made(
        world,
        who,
        &format!("{org}/roles"),
        json!({ "name": "Own", "actions": ["allocation.list"] }),
    )
    .await);
    let bind = json!({ "group_id": group, "role": "viewer" });
    let binding = id(&made(world, who, &format!("{org}/role-bindings"), bind).await);
    let member = group_member["id"].as_str().unwrap().to_owned();
    [group, member, role, binding]
}

/// Makes a payment and a budget, and returns them with a transaction.
async fn money(world: &World, who: &Person) -> [String; 3] {
    let euros = json!({ "amount": { "micros": "20000000", "currency": "EUR" } });
    let payment = id(&made(world, who, "/api/v1/billing/payments", euros).await);
    let budget =
        json!({ "amount": { "micros": "20000000", "currency": "EUR" }, "period": "month" });
    let budget = id(&made(world, who, "/api/v1/billing/budgets", budget).await);
    let lines = world.get(who, "/api/v1/billing/statement").await.json();
    let txn = lines["items"][0]["txn_id"].as_str().unwrap().to_owned();
    [payment, budget, txn]
}

/// Makes a row of every kind that paths name, all of one tenant.
async fn rows(world: &World, who: &Person, helper: &Person) -> Ids {
    let org = format!("/api/v1/organizations/{}", who.org_id);
    let department =
        id(&made(world, who, &format!("{org}/departments"), json!({ "name": "Lab" })).await);
    let project = id(&made(
        world,
        who,
        "/api/v1/projects",
        json!({ "name": "Second", "org_id": who.org_id }),
    )
    .await);
    let [group, member, role, binding] = given(world, who, &org).await;
    let quota = json!({ "dimension": "gpus", "ceiling": 100 });
    let quota = id(&made(world, who, &format!("{org}/quotas"), quota).await);
    let invitation =
        made(world, who, &format!("{org}/invitations"), json!({ "role": "viewer" })).await;
    let service = json!({ "label": "Hers", "issuer": "https://id.example.com", "client_id": "c" });
    let provider = id(&made(world, who, &format!("{org}/identity-providers"), service).await);
    let map = json!({ "provider_id": provider, "group": "g", "role": "viewer" });
    let map = id(&made(world, who, &format!("{org}/role-maps"), map).await);
    let hook = json!({ "url": "https://example.com/x", "actions": ["*"] });
    let hook = id(&made(world, who, &format!("{org}/webhooks"), hook).await["webhook"]);
    let look = json!({ "org_id": who.org_id, "reason": "to be found", "minutes": 5 });
    let look = made(world, helper, "/api/v1/platform/support", look).await;
    made_end(world, helper, &id(&look)).await;
    let account = format!("/api/v1/projects/{}/service-accounts", who.project_id);
    let account = id(&made(world, who, &account, json!({ "name": "ci" })).await);
    let key = format!("/api/v1/service-accounts/{account}/keys");
    let key = id(&made(world, who, &key, json!({ "name": "k", "scopes": ["read"] })).await["key"]);
    let launched = world.post(who, "/api/v1/allocations", crate::node::ask(1)).await;
    let allocation = crate::node::id_of(&launched);
    let [payment, budget, txn] = money(world, who).await;
    let me = world.get(who, "/api/v1/me").await.json();
    let task = launched.json()["task_id"].as_str().map(str::to_owned);
    [
        ("{org_id}", who.org_id.to_string()),
        ("{project_id}", project),
        ("{department_id}", department),
        ("{group_id}", group),
        ("{member_id}", member),
        ("{role_id}", role),
        ("{binding_id}", binding),
        ("{quota_id}", quota),
        (
            "{invitation_id}",
            invitation["invitation"]["id"]
                .as_str()
                .or(invitation["id"].as_str())
                .unwrap()
                .to_owned(),
        ),
        ("{provider_id}", provider),
        ("{map_id}", map),
        ("{domain_id}", "dom_01jd3x5gq8f9v7m2k4n6p8r0st".into()),
        ("{webhook_id}", hook),
        ("{payment_id}", payment),
        ("{budget_id}", budget),
        ("{txn_id}", txn),
        ("{support_id}", id(&look)),
        ("{service_account_id}", account),
        ("{key_id}", key),
        ("{allocation_id}", allocation),
        ("{task_id}", task.unwrap_or_else(|| "task_01jd3x5gq8f9v7m2k4n6p8r0st".into())),
        ("{session_id}", me["session_id"].as_str().unwrap().to_owned()),
    ]
    .into()
}

async fn made_end(world: &World, helper: &Person, look: &str) {
    let path = format!("/api/v1/platform/support/{look}/end");
    assert_eq!(world.post(helper, &path, json!({})).await.status, 204);
}

/// What well-formed ids of nothing look like.
fn missing(ids: &Ids) -> Ids {
    let nothing =
        |of: &String| format!("{}_01jd3x5gq8f9v7m2k4n6p8r0st", of.split('_').next().unwrap());
    ids.iter().map(|(name, of)| (*name, nothing(of))).collect()
}

fn fill(path: &str, ids: &Ids) -> Option<String> {
    let path = ids.iter().fold(path.to_owned(), |path, (name, id)| path.replace(name, id));
    (!path.contains('{')).then_some(path)
}

async fn ask(world: &World, info: &RouteInfo, path: &str, who: &Person, project: &str) -> Answer {
    let form = info.surface == Surface::Form;
    let mut request = Request::builder()
        .method(info.method.clone())
        .uri(path)
        .header("host", "localhost")
        .header("origin", "http://localhost")
        .header("x-idempotency-key", world.key())
        .header("authorization", format!("Bearer {}", who.token));
    if !project.is_empty() {
        request = request.header("x-project-id", project);
    }
    if info.method != Method::GET {
        let media = if form { "application/x-www-form-urlencoded" } else { "application/json" };
        request = request.header("content-type", media);
    }
    let body = if info.method == Method::GET || form { "" } else { "{}" };
    world.send(request.body(Body::from(body)).unwrap()).await
}

/// Everything of an answer but what differs between any two: correlation, nonces, tokens of forms, the ids
/// that were asked for.
fn shape(answer: &Answer) -> (u16, String) {
    let text = answer.text();
    let mut words = Vec::new();
    for word in text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '-')) {
        let long = word.len() >= 20 && word.chars().any(|c| c.is_ascii_digit());
        words.push(if long { "*" } else { word });
    }
    let headers: Vec<String> = answer
        .headers
        .iter()
        .filter(|(name, _)| {
            !["x-correlation-id", "content-security-policy", "content-length", "set-cookie"]
                .contains(&name.as_str())
        })
        .map(|(name, value)| format!("{name}={}", value.to_str().unwrap_or_default()))
        .collect();
    (answer.status.as_u16(), format!("{headers:?} {}", words.join(" ")))
}

fn in_scope(info: &RouteInfo) -> bool {
    let named = info.path.contains("_id}") && info.path != "/events";
    let tenant = matches!(info.entrance, EntranceKind::Allowed | EntranceKind::Myself);
    // Its own check of the protocol comes first.
    named && tenant && !info.path.starts_with("/ws/")
}

#[tokio::test]
async fn whatever_belongs_to_others_is_not_there() {
    let world = World::new().await;
    let _node = Node::join(&world, 4).await;
    let helper = staff(&world, "helper", Support).await;
    let reviewer = staff(&world, "reviewer", SecurityReviewer).await;
    let theirs = rows(&world, &world.owner, &helper).await;
    let own = rows(&world, &world.outsider, &helper).await;
    let nothing = missing(&theirs);
    let of = |one: &Ids, org: &Ids| -> Ids {
        let mut ids = one.clone();
        for name in ["{org_id}", "{project_id}"] {
            ids.insert(name, org[name].clone());
        }
        ids
    };
    let other = |name: &str| if name == "{key_id}" { "{org_id}" } else { "{key_id}" };
    let other_type: Ids = theirs.keys().map(|name| (*name, theirs[other(name)].clone())).collect();
    let malformed: Ids = theirs.keys().map(|name| (*name, "x'%20OR%201=1".to_owned())).collect();
    let outside = [&world.outsider, &world.operator, &helper, &reviewer];
    let (mut cells, mut routes, mut wrong) = (0, 0, Vec::new());
    for info in wire::routes().into_iter().map(|route| route.info).filter(in_scope) {
        let Some(foreign) = fill(info.path, &theirs) else { continue };
        routes += 1;
        for who in outside {
            let base =
                shape(&ask(&world, &info, &fill(info.path, &nothing).unwrap(), who, "").await);
            let mut kinds = vec![("another tenant's", foreign.clone(), "")];
            kinds.push(("of another type", fill(info.path, &other_type).unwrap(), ""));
            kinds.push(("malformed", fill(info.path, &malformed).unwrap(), ""));
            kinds.push(("another tenant's, and their project named", foreign.clone(), "named"));
            let none = fill(info.path, &nothing).unwrap();
            let named = ask(&world, &info, &none, who, &nothing["{project_id}"]).await;
            let named = shape(&named);
            for (kind, path, project) in kinds {
                let base = if project.is_empty() { &base } else { &named };
                let project = if project.is_empty() { "" } else { &theirs["{project_id}"] };
                let met = shape(&ask(&world, &info, &path, who, project).await);
                cells += 1;
                if met.0 != base.0 || (kind.starts_with("another") && met.1 != base.1) {
                    wrong.push(format!(
                        "{} {path} {kind}: {} instead of {}",
                        info.method, met.0, base.0
                    ));
                }
                if met.0 < 400 || met.0 >= 500 {
                    wrong.push(format!("{} {path} {kind}: {}", info.method, met.0));
                }
            }
        }
        // A child of theirs below a parent of one's own, as its owner: nothing, whatever is below.
        let mixed = fill(info.path, &of(&theirs, &own)).unwrap();
        if mixed != fill(info.path, &own).unwrap() && mixed != foreign {
            let base = fill(info.path, &of(&nothing, &own)).unwrap();
            let base = shape(&ask(&world, &info, &base, &world.outsider, "").await);
            let met = shape(&ask(&world, &info, &mixed, &world.outsider, "").await);
            cells += 1;
            if met != base {
                wrong.push(format!(
                    "{} {mixed} mixed: {} instead of {}",
                    info.method, met.0, base.0
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(routes > 70 && cells > 1000, "{routes} routes, {cells} cells");
    untouched(&world, &outside).await;
}

/// Nobody outside did anything in the organization but what support opened and ended.
async fn untouched(world: &World, outside: &[&Person]) {
    world.app.audit.flush(&world.app).await.unwrap();
    let mut tx = world.app.db.read().await.unwrap();
    for who in outside {
        let sql = "SELECT COUNT(*) FROM audit_entries WHERE org_id = $1 AND actor = $2
                      AND outcome = 'success' AND action NOT IN ('support.open', 'support.close')";
        let key = (world.owner.org_id, who.user_id.to_string());
        assert_eq!(tx.value::<i64>(sql, key).await.unwrap(), 0, "{}", who.email);
    }
    drop(tx);
    world.assert_whole().await;
}

type Case = (String, fn(&Ids) -> Value);

/// Requests whose bodies name rows.
fn cases(org: &str, project: &str) -> Vec<Case> {
    vec![
        ("/api/v1/projects".into(), |ids| json!({ "name": "x", "org_id": ids["{org_id}"] })),
        (
            "/api/v1/projects".into(),
            |ids| json!({ "name": "x", "org_id": ids["{org_id}"], "department_id": ids["{department_id}"] }),
        ),
        (format!("{project}/move"), |ids| json!({ "department_id": ids["{department_id}"] })),
        (
            format!("{org}/quotas"),
            |ids| json!({ "dimension": "gpus", "ceiling": 1, "department_id": ids["{department_id}"] }),
        ),
        (
            format!("{org}/quotas"),
            |ids| json!({ "dimension": "gpus", "ceiling": 1, "project_id": ids["{project_id}"] }),
        ),
        (
            format!("{org}/role-bindings"),
            |ids| json!({ "group_id": ids["{group_id}"], "role": "viewer" }),
        ),
        (
            format!("{org}/role-bindings"),
            |ids| json!({ "email": "outsider@example.com", "role_id": ids["{role_id}"] }),
        ),
        (
            format!("{org}/role-bindings"),
            |ids| json!({ "email": "outsider@example.com", "role": "viewer", "project_id": ids["{project_id}"] }),
        ),
        (
            format!("{org}/role-bindings"),
            |ids| json!({ "email": "outsider@example.com", "role": "viewer", "department_id": ids["{department_id}"] }),
        ),
        (
            format!("{org}/invitations"),
            |ids| json!({ "role": "viewer", "project_id": ids["{project_id}"] }),
        ),
        (
            format!("{org}/role-maps"),
            |ids| json!({ "provider_id": ids["{provider_id}"], "group": "g", "role": "viewer" }),
        ),
    ]
}

#[tokio::test]
async fn ids_in_bodies_of_others_are_missing_too() {
    let world = World::new().await;
    let _node = Node::join(&world, 4).await;
    let helper = staff(&world, "helper", Support).await;
    let theirs = rows(&world, &world.owner, &helper).await;
    let nothing = missing(&theirs);
    let org = format!("/api/v1/organizations/{}", world.outsider.org_id);
    let project = format!("/api/v1/projects/{}", world.outsider.project_id);
    let cases = cases(&org, &project);
    for (path, body) in cases {
        let met = world.post(&world.outsider, &path, body(&theirs)).await;
        let base = world.post(&world.outsider, &path, body(&nothing)).await;
        assert!(met.status.is_client_error(), "{path} {}: {}", body(&theirs), met.text());
        assert_eq!(shape(&met), shape(&base), "{path} {}", body(&theirs));
    }
    untouched(&world, &[&world.outsider]).await;
}
