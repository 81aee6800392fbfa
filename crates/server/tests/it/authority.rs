//! Departments, groups, roles of an organization's own, given roles, and what is archived.

use http::Method;
use serde_json::{Value, json};
use server::{
    both,
    testkit::{Answer, Engine, Person, World},
};

/// An organization and the paths of its parts.
struct Org<'a> {
    world: &'a World,
    owner: &'a Person,
    base: String,
}

impl<'a> Org<'a> {
    fn of(world: &'a World, owner: &'a Person) -> Self {
        Self { world, owner, base: format!("/api/v1/organizations/{}", owner.org_id) }
    }

    async fn post(&self, part: &str, body: Value) -> Answer {
        self.world.post(self.owner, &format!("{}/{part}", self.base), body).await
    }

    async fn made(&self, part: &str, body: Value) -> String {
        let made = self.post(part, body).await;
        assert_eq!(made.status, 201, "{part}: {}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }

    async fn delete(&self, part: &str) -> Answer {
        self.world
            .call(Some(self.owner), Method::DELETE, &format!("{}/{part}", self.base), None)
            .await
    }

    /// Makes somebody a member of the organization.
    async fn join(&self, person: &Person, role: &str) {
        let made = self.post("invitations", json!({ "role": role })).await.json();
        let token = made["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
        let joined =
            self.world.post(person, "/api/v1/invitations/accept", json!({ "token": token })).await;
        assert_eq!(joined.status, 200, "{}", joined.text());
    }

    async fn project(&self, name: &str, department: Option<&str>) -> String {
        let ask = json!({ "org_id": self.owner.org_id, "name": name, "department_id": department });
        let made = self.world.post(self.owner, "/api/v1/projects", ask).await;
        assert_eq!(made.status, 201, "{}", made.text());
        made.json()["id"].as_str().unwrap().to_owned()
    }
}

async fn reads(world: &World, who: &Person, project: &str) -> u16 {
    world.get(who, &format!("/api/v1/projects/{project}")).await.status.as_u16()
}

both! {
    async fn a_department_groups_projects_and_its_roles_reach_them(engine: Engine) {
        let world = World::on(engine).await;
        let org = Org::of(&world, &world.owner);
        let page = format!("/access/projects/{}", world.owner.project_id);
        assert!(!world.get(&world.owner, &page).await.text().contains("Department"), "one department shows nowhere");
        let research = org.made("departments", json!({ "name": "Research" })).await;
        assert_eq!(org.post("departments", json!({ "name": "research" })).await.code(), "name_taken");
        assert!(world.get(&world.owner, &page).await.text().contains("Department"));
        let inside = org.project("Inside", Some(&research)).await;
        let outside = org.project("Outside", None).await;
        org.join(&world.outsider, "viewer").await;
        assert_eq!(reads(&world, &world.outsider, &inside).await, 404);
        let ask = json!({ "email": world.outsider.email, "role": "admin", "department_id": research });
        let bound = org.made("role-bindings", ask.clone()).await;
        assert_eq!(org.post("role-bindings", ask).await.code(), "name_taken");
        assert_eq!((reads(&world, &world.outsider, &inside).await, reads(&world, &world.outsider, &outside).await), (200, 404));
        let own = world.get(&world.outsider, "/api/v1/projects").await.text();
        assert!(own.contains("Inside") && !own.contains("Outside"), "{own}");
        // They may make projects in it, and nowhere else.
        let here = json!({ "org_id": world.owner.org_id, "name": "Mine", "department_id": research });
        assert_eq!(world.post(&world.outsider, "/api/v1/projects", here).await.status, 201);
        let there = json!({ "org_id": world.owner.org_id, "name": "Not mine" });
        assert_eq!(world.post(&world.outsider, "/api/v1/projects", there).await.status, 403);
        // Who can and why know departments, and say what happens.
        let asked = format!("{}/who-can?action=project.create&department_id={research}", org.base);
        assert!(world.get(&world.owner, &asked).await.text().contains(&world.outsider.email));
        let asked = format!("/api/v1/access/why?action=project.create&org_id={}", world.owner.org_id);
        assert_eq!(world.get(&world.outsider, &asked).await.json()["allowed"], false);
        let asked = format!("{asked}&department_id={research}");
        assert_eq!(world.get(&world.outsider, &asked).await.json()["allowed"], true);
        let foreign = format!("/api/v1/access/why?action=project.create&org_id={}&department_id={research}", world.outsider.org_id);
        assert_eq!(world.get(&world.outsider, &foreign).await.status, 404);
        // Nor take a project out of it.
        let list = world.get(&world.owner, &format!("{}/departments", org.base)).await.json();
        assert_eq!((list["items"][1]["name"].as_str(), list["items"][1]["projects"].as_i64()), (Some("Research"), Some(2)));
        let default = list["items"][0]["id"].clone();
        let to_default = json!({ "department_id": default });
        let moved = world.post(&world.outsider, &format!("/api/v1/projects/{inside}/move"), to_default.clone()).await;
        assert_eq!(moved.code(), "insufficient_permissions", "{}", moved.text());
        let moved = world.post(&world.owner, &format!("/api/v1/projects/{inside}/move"), to_default.clone()).await;
        assert_eq!(moved.status, 204, "{}", moved.text());
        assert_eq!(reads(&world, &world.outsider, &inside).await, 404, "the role stays with the department");
        let again = world.post(&world.owner, &format!("/api/v1/projects/{inside}/move"), to_default).await;
        assert_eq!(again.code(), "conflict");
        assert_eq!(org.delete(&format!("role-bindings/{bound}")).await.status, 204);
        assert_eq!(org.delete(&format!("role-bindings/{bound}")).await.status, 404);
        let foreign = json!({ "department_id": research });
        let moved = world.post(&world.operator, &format!("/api/v1/projects/{}/move", world.operator.project_id), foreign).await;
        assert_eq!(moved.code(), "validation_error", "another organization's department is none");
        let change = |body| world.call(Some(&world.owner), Method::PATCH, format!("{}/departments/{research}", org.base).leak(), Some(body));
        assert_eq!(change(json!({ "state": "disabled" })).await.status, 204);
        let closed = json!({ "org_id": world.owner.org_id, "name": "Late", "department_id": research });
        assert_eq!(world.post(&world.owner, "/api/v1/projects", closed).await.code(), "validation_error");
        assert_eq!(change(json!({ "state": "active", "name": "Science" })).await.status, 204);
        let path = format!("{}/departments/{}", org.base, default.as_str().unwrap());
        let kept = world.call(Some(&world.owner), Method::PATCH, &path, Some(json!({ "state": "disabled" }))).await;
        assert_eq!(kept.code(), "state_conflict");
        world.assert_whole().await;
    }
}

both! {
    async fn a_role_of_ones_own_allows_what_it_names_and_nothing_more(engine: Engine) {
        let world = World::on(engine).await;
        let org = Org::of(&world, &world.owner);
        for (name, actions, code) in [
            ("Sly", json!(["organization.set_role"]), "validation_error"),
            ("Sly", json!(["role.bind"]), "validation_error"),
            ("Sly", json!(["made.up"]), "validation_error"),
            ("Sly", json!([]), "validation_error"),
            ("admin", json!(["project.read"]), "validation_error"),
        ] {
            let refused = org.post("roles", json!({ "name": name, "actions": actions })).await;
            assert_eq!(refused.code(), code, "{name} {actions}");
        }
        let ask = json!({ "name": "Key keeper", "actions": ["service_account.list", "service_account.create"] });
        let role = org.made("roles", ask).await;
        let group = org.made("groups", json!({ "name": "Keepers" })).await;
        let stranger = org.post(&format!("groups/{group}/members"), json!({ "email": world.outsider.email })).await;
        assert_eq!(stranger.code(), "validation_error", "members only: {}", stranger.text());
        org.join(&world.outsider, "member").await;
        let inside = org.made(&format!("groups/{group}/members"), json!({ "email": world.outsider.email })).await;
        let project = world.owner.project_id;
        org.made("role-bindings", json!({ "group_id": group, "role_id": role, "project_id": project })).await;
        let accounts = format!("/api/v1/projects/{project}/service-accounts");
        let make = |name: &str| json!({ "name": name });
        assert_eq!(world.post(&world.outsider, &accounts, make("ci")).await.status, 201);
        assert_eq!(reads(&world, &world.outsider, &project.to_string()).await, 200, "what one was given can be reached");
        let renamed = world.call(Some(&world.outsider), Method::PATCH, &format!("/api/v1/projects/{project}"), Some(make("Taken"))).await;
        assert_eq!((renamed.status.as_u16(), renamed.code().as_str()), (403, "insufficient_permissions"));
        let found = world.get(&world.owner, &format!("{}/who-can?action=service_account.create&project_id={project}", org.base)).await.json();
        let found = found["items"].as_array().unwrap().iter().find(|one| one["email"] == world.outsider.email.as_str()).cloned().unwrap();
        assert_eq!((found["role"].as_str(), found["through"].as_str()), (Some("Key keeper"), Some("group Keepers, in the project")));
        let why = world.get(&world.outsider, &format!("/api/v1/access/why?action=project.update&project_id={project}")).await.json();
        assert_eq!((why["allowed"].as_bool(), why["reason"].as_str(), why["role"].is_null()), (Some(false), Some("role"), true));
        // Changed for everybody who has it, at once.
        assert_eq!(org.delete(&format!("roles/{role}")).await.code(), "still_in_use");
        let less = json!({ "name": "Key reader", "actions": ["service_account.list"] });
        let changed = world.call(Some(&world.owner), Method::PATCH, &format!("{}/roles/{role}", org.base), Some(less)).await;
        assert_eq!(changed.status, 200, "{}", changed.text());
        assert_eq!(world.post(&world.outsider, &accounts, make("cd")).await.status, 403);
        assert_eq!(world.get(&world.outsider, &accounts).await.status, 200);
        // Out of the group, out of the project.
        assert_eq!(org.delete(&format!("groups/{group}/members/{inside}")).await.status, 204);
        assert_eq!(world.get(&world.outsider, &accounts).await.status, 404);
        org.made(&format!("groups/{group}/members"), json!({ "email": world.outsider.email })).await;
        assert_eq!(world.get(&world.outsider, &accounts).await.status, 200);
        let left = world.post(&world.outsider, &format!("{}/leave", org.base), json!({})).await;
        assert_eq!(left.status, 204, "{}", left.text());
        org.join(&world.outsider, "viewer").await;
        assert_eq!(world.get(&world.outsider, &accounts).await.status, 404, "who comes back has nothing of before");
        assert_eq!(org.delete(&format!("groups/{group}")).await.status, 204);
        assert_eq!(org.delete(&format!("roles/{role}")).await.status, 204);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn billing_and_security_review_read_their_part_and_change_nothing() {
    let world = World::new().await;
    let org = Org::of(&world, &world.owner);
    let (money, review) = (world.sign_up("money").await, world.sign_up("review").await);
    for (person, role) in [(&money, "billing"), (&review, "security_reviewer")] {
        org.join(person, "viewer").await;
        org.made("role-bindings", json!({ "email": person.email, "role": role })).await;
    }
    let project = world.owner.project_id;
    let billing = format!("/api/v1/billing/balance?project={project}");
    let audit = format!("{}/audit-logs", org.base);
    let launch = format!("/api/v1/allocations?project={project}");
    for (person, path, status) in [
        (&money, &billing, 200),
        (&money, &audit, 403),
        (&money, &launch, 403),
        (&review, &billing, 403),
        (&review, &audit, 200),
        (&review, &launch, 403),
    ] {
        assert_eq!(world.get(person, path).await.status, status, "{} {path}", person.email);
    }
    for person in [&money, &review] {
        let path = format!("{}/role-bindings", org.base);
        let more = json!({ "email": person.email, "role": "admin" });
        assert_eq!(world.post(person, &path, more).await.code(), "insufficient_permissions");
    }
    // An admin gives nothing either: that would be the way to what owners alone may.
    let admin = world.sign_up("deputy").await;
    org.join(&admin, "admin").await;
    for (part, body) in [
        ("role-bindings", json!({ "email": admin.email, "role": "admin" })),
        ("groups", json!({ "name": "Mine" })),
        ("roles", json!({ "name": "Mine", "actions": ["project.read"] })),
    ] {
        let refused = world.post(&admin, &format!("{}/{part}", org.base), body).await;
        assert_eq!(refused.code(), "insufficient_permissions", "{part}");
    }
    let owner = json!({ "email": admin.email, "role": "owner" });
    assert_eq!(org.post("role-bindings", owner).await.status, 422, "ownership is never given so");
}

#[tokio::test]
async fn nothing_of_another_organization_can_be_named() {
    let world = World::new().await;
    let (ours, theirs) = (Org::of(&world, &world.owner), Org::of(&world, &world.outsider));
    let group = theirs.made("groups", json!({ "name": "Theirs" })).await;
    let role = theirs.made("roles", json!({ "name": "Theirs", "actions": ["project.read"] })).await;
    let department = theirs.made("departments", json!({ "name": "Theirs" })).await;
    let email = &world.owner.email;
    for body in [
        json!({ "group_id": group, "role": "viewer" }),
        json!({ "email": email, "role_id": role }),
        json!({ "email": email, "role": "viewer", "department_id": department }),
        json!({ "email": email, "role": "viewer", "project_id": world.outsider.project_id }),
        json!({ "email": world.outsider.email, "role": "viewer" }),
        json!({ "email": email }),
        json!({ "role": "viewer" }),
        json!({ "email": email, "role": "viewer", "role_id": role }),
    ] {
        let refused = ours.post("role-bindings", body.clone()).await;
        assert_eq!(refused.code(), "validation_error", "{body}");
    }
    for part in [format!("groups/{group}"), format!("roles/{role}")] {
        assert_eq!(ours.delete(&part).await.status, 404, "{part}");
    }
    let ask = json!({ "org_id": world.owner.org_id, "name": "X", "department_id": department });
    assert_eq!(world.post(&world.owner, "/api/v1/projects", ask).await.status, 404);
    for part in ["departments", "groups", "roles", "role-bindings"] {
        assert_eq!(world.get(&world.outsider, &format!("{}/{part}", ours.base)).await.status, 404);
    }
}

both! {
    async fn what_is_archived_is_read_and_does_not_change(engine: Engine) {
        let world = World::on(engine).await;
        let org = Org::of(&world, &world.owner);
        let project = org.project("Done", None).await;
        let path = format!("/api/v1/projects/{project}");
        let to = async |verb: &str| world.post(&world.owner, &format!("{path}/{verb}"), json!({})).await;
        assert_eq!(to("unarchive").await.code(), "conflict");
        assert_eq!(to("archive").await.status, 204);
        assert_eq!(to("archive").await.code(), "state_conflict", "twice");
        assert!(world.get(&world.owner, &path).await.json()["archived_at"].is_string());
        let make = json!({ "name": "ci" });
        let accounts = format!("{path}/service-accounts");
        assert_eq!(world.post(&world.owner, &accounts, make.clone()).await.code(), "state_conflict");
        let launch = json!({ "sku": "cpu", "count": 1, "name": "x" });
        let launched = world.post(&world.owner, &format!("/api/v1/allocations?project={project}"), launch).await;
        assert_eq!(launched.code(), "state_conflict", "{}", launched.text());
        let why = world.get(&world.owner, &format!("/api/v1/access/why?action=project.update&project_id={project}")).await.json();
        assert_eq!(why["reason"], "archived", "{why}");
        let asked = world.post(&world.owner, &format!("/api/v1/allocations/precheck?project={project}"), json!({ "sku": "cpu", "count": 1, "name": "x" })).await;
        assert!(asked.json()["ready"] == false && asked.text().contains("\"archived\""), "{}", asked.text());
        assert_eq!(to("unarchive").await.status, 204);
        assert_eq!(world.post(&world.owner, &accounts, make.clone()).await.status, 201);

        let whole = async |verb: &str| org.post(verb, json!({})).await;
        let done = whole("archive").await;
        assert_eq!(done.status, 204, "{}", done.text());
        for (path, body) in [
            (accounts.clone(), make.clone()),
            ("/api/v1/projects".into(), json!({ "org_id": world.owner.org_id, "name": "New" })),
            (format!("{}/departments", org.base), json!({ "name": "New" })),
            (format!("{}/invitations", org.base), json!({ "role": "viewer" })),
        ] {
            assert_eq!(world.post(&world.owner, &path, body).await.code(), "state_conflict", "{path}");
        }
        assert_eq!(world.get(&world.owner, &format!("{}/members", org.base)).await.status, 200);
        assert_eq!(whole("unarchive").await.status, 204);
        assert_eq!(world.post(&world.owner, &accounts, json!({ "name": "cd" })).await.status, 201);
        world.assert_whole().await;
    }
}

#[tokio::test]
async fn nobody_gives_more_than_they_have_where_it_is_given() {
    let world = World::new().await;
    let org = Org::of(&world, &world.owner);
    let host = world.sign_up("host").await;
    org.join(&host, "member").await;
    let role = org.made("roles", json!({ "name": "Host", "actions": ["invitation.create"] })).await;
    org.made("role-bindings", json!({ "email": host.email, "role_id": role })).await;
    // Into the organization as what they are, never into a project they have nothing in.
    let invite = format!("{}/invitations", org.base);
    let project = world.owner.project_id;
    let ours = world.post(&host, &invite, json!({ "role": "member" })).await;
    assert_eq!(ours.status, 201, "{}", ours.text());
    let inside = json!({ "role": "viewer", "project_id": project });
    assert_eq!(world.post(&host, &invite, inside).await.code(), "insufficient_permissions");
    // Nobody turns a given role into one that stays.
    let own = ours.json()["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    let oneself = world.post(&host, "/api/v1/invitations/accept", json!({ "token": own })).await;
    assert_eq!(oneself.code(), "insufficient_permissions");
    let role = org
        .made("roles", json!({ "name": "Founder", "actions": ["project.create", "project.move"] }))
        .await;
    let bound = org.made("role-bindings", json!({ "email": host.email, "role_id": role })).await;
    let ask = json!({ "org_id": world.owner.org_id, "name": "Founded" });
    let founded =
        world.post(&host, "/api/v1/projects", ask).await.json()["id"].as_str().unwrap().to_owned();
    let account = json!({ "name": "x" });
    let accounts = format!("/api/v1/projects/{founded}/service-accounts");
    assert_eq!(
        world.post(&host, &accounts, account).await.code(),
        "insufficient_permissions",
        "no owner by a given role"
    );
    org.delete(&format!("role-bindings/{bound}")).await;
    let left = world.get(&world.owner, &format!("/api/v1/projects/{founded}/members")).await.json();
    assert_eq!(left["items"].as_array().unwrap().len(), 0, "and nothing of it is left: {left}");
    let mine = org.made("departments", json!({ "name": "Mine" })).await;
    org.made(
        "role-bindings",
        json!({ "email": host.email, "role": "admin", "department_id": mine }),
    )
    .await;
    org.made(
        "role-bindings",
        json!({ "email": host.email, "role_id": role, "project_id": project }),
    )
    .await;
    let pulled = world
        .post(&host, &format!("/api/v1/projects/{project}/move"), json!({ "department_id": mine }))
        .await;
    assert_eq!(pulled.code(), "insufficient_permissions", "{}", pulled.text());
    // An invitation from before does not open what is archived since.
    let link = ours.json()["link"].as_str().unwrap().split("token=").nth(1).unwrap().to_owned();
    assert_eq!(org.post("archive", json!({})).await.status, 204);
    let late =
        world.post(&world.outsider, "/api/v1/invitations/accept", json!({ "token": link })).await;
    assert_eq!(late.code(), "state_conflict", "{}", late.text());
}

#[tokio::test]
async fn a_key_does_no_more_than_whoever_makes_it_and_pages_show_no_more_than_the_api() {
    let world = World::new().await;
    let org = Org::of(&world, &world.owner);
    let maker = world.sign_up("maker").await;
    org.join(&maker, "member").await;
    let project = world.owner.project_id;
    // Whoever makes keys gets their secret: a key does no more than they may.
    let accounts = format!("/api/v1/projects/{project}/service-accounts");
    let account = world.post(&world.owner, &accounts, json!({ "name": "ci" })).await.json();
    let account = account["id"].as_str().unwrap().to_owned();
    let actions = json!(["key.create", "key.list", "key.rotate", "allocation.list"]);
    let role = org.made("roles", json!({ "name": "Keys", "actions": actions })).await;
    org.made(
        "role-bindings",
        json!({ "email": maker.email, "role_id": role, "project_id": project }),
    )
    .await;
    let keys = format!("/api/v1/service-accounts/{account}/keys");
    let key = |scopes: &[&str]| json!({ "name": "k", "scopes": scopes });
    assert_eq!(world.post(&maker, &keys, key(&["run"])).await.code(), "insufficient_permissions");
    assert_eq!(world.post(&maker, &keys, key(&["allocation.list"])).await.status, 201);
    let strong = world.post(&world.owner, &keys, key(&["run"])).await.json();
    let path = format!("/api/v1/keys/{}/rotate", strong["key"]["id"].as_str().unwrap());
    assert_eq!(world.post(&maker, &path, json!({})).await.code(), "insufficient_permissions");
    // The pages show no more than the API.
    let home = world.get(&maker, &format!("/?project={project}")).await.text();
    assert!(!home.contains("€20.00") && !home.contains("Balance of"), "{home}");
    let seen = world.get(&world.owner, &format!("/?project={project}")).await.text();
    assert!(seen.contains("€20.00") && seen.contains("Balance of"));
    // What they see of the project is no list of its people.
    let page = world.get(&maker, &format!("/access/projects/{project}")).await;
    assert!(page.status == 200 && !page.text().contains("viewer@example.com"), "{}", page.text());
}
