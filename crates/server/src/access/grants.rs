//! Ways in to a running workload: how it is reached, who reaches it, giving and taking back.

use super::shells::CONNECT;
use crate::{
    allocations::{self, Allocation, find_allocation},
    identity,
    ssh_keys::{self, Endpoint, SshGrant},
    tenancy::{self, Action, Allowed, Ask, Found, InProject},
};
use api::{
    AllocationId, Code, SshGrantId, UserId,
    allocations::AllocationState,
    ssh::{ConnectView, SshGrantCreate, SshGrantView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::Reader,
    http::{Body, Created, Form, Go, Json, NoContent, Route},
    outbox::{About, Notice, Recipient, tell},
};
use std::time::Duration;

/// Longest grant, hours.
const MOST_HOURS: u32 = 720;

macro_rules! way_action {
    ($(#[$meta:meta])* $name:ident = $text:literal, $row:ty, $find:path) => {
        $(#[$meta])*
        pub struct $name;
        impl Action for $name {
            const NAME: &'static str = $text;
            type Scope = InProject;
            type Row = $row;
            async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<$row>>> {
                $find(tx, ask).await
            }
        }
    };
}

async fn find_way(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<(Allocation, SshGrant)>>> {
    let id: AllocationId = ask.head.id("allocation_id")?;
    let grant: SshGrantId = ask.head.id("ssh_grant_id")?;
    let Some(row) = allocations::find(tx, id).await? else { return Ok(None) };
    let grant = ssh_keys::find_grant(tx, grant).await?.filter(|one| one.allocation_id == id);
    Ok(grant.map(|grant| Found::in_project(row.org_id, row.project_id, (row, grant))))
}

way_action!(
    /// Looks how a workload is reached, and by whom.
    Connect = "ssh_grant.list", Allocation, find_allocation
);
way_action!(
    /// Gives a member a way in.
    Give = "ssh_grant.create", Allocation, find_allocation
);
way_action!(
    /// Takes one back.
    End = "ssh_grant.end", (Allocation, SshGrant), find_way
);

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/allocations/{allocation_id}/connect", connect)
            .says("How a workload is reached over SSH: command, host key, and who has a way in."),
        Route::get("/api/v1/allocations/{allocation_id}/ssh-grants", list)
            .says("Lists the live ways in to a workload."),
        Route::post("/api/v1/allocations/{allocation_id}/ssh-grants", give_http)
            .says("Gives a member of the project a way in with their own keys, for a time."),
        Route::delete("/api/v1/allocations/{allocation_id}/ssh-grants/{ssh_grant_id}", end_http)
            .says("Takes a way in back; what it has open ends within five seconds."),
        Route::post("/workloads/{allocation_id}/ssh-grants", give_form),
        Route::post("/workloads/{allocation_id}/ssh-grants/{ssh_grant_id}/end", end_form),
    ]
}

/// Only whoever launched it, and admins, decide who else comes in.
fn own_or_admin<A>(who: &Allowed<A>, row: &Allocation) -> Result<()>
where
    A: Action<Scope = InProject>,
{
    if allocations::decides(who, row) {
        return Ok(());
    }
    Err(Error::new(Code::InsufficientPermissions)
        .detail("Whoever launched it, or an admin of the project, decides who reaches it."))
}

async fn give(
    app: &App,
    who: &Allowed<Give>,
    user: UserId,
    hours: Option<u32>,
) -> Result<SshGrantView> {
    let row = who.row();
    own_or_admin(who, row)?;
    if hours.is_some_and(|hours| !(1..=MOST_HOURS).contains(&hours)) {
        return Err(Error::field("hours", format!("1 to {MOST_HOURS} hours.")));
    }
    let mut tx = app.db.write(who).await?;
    let now = allocations::find(&mut tx, row.id).await?.ok_or_else(Error::not_found)?;
    if now.state != AllocationState::Active {
        return Err(
            Error::new(Code::NotNow).detail("Ways in are given while the workload is active.")
        );
    }
    if !tenancy::role_allows(&mut tx, user, who.scope(), CONNECT).await? {
        return Err(Error::field(
            "user_id",
            "Choose a member of the project whose role connects to workloads.",
        ));
    }
    let person = identity::find_user(&mut tx, user).await?.ok_or_else(Error::not_found)?;
    let until = hours.map(|hours| tx.now().plus(Duration::from_secs(u64::from(hours) * 3600)));
    let people = (user, who.caller().user_id());
    let grant = ssh_keys::give_grant(&mut tx, who.scope(), row.id, people, until).await?;
    if user != who.caller().user_id() {
        let to = Recipient { user_id: user, email: person.email.clone() };
        let notice = Notice {
            kind: "ssh_grant.given",
            about: About::Work,
            title: format!("You can reach {} over SSH", row.name),
            body: "Its Connect tab has the command. Any of your SSH keys opens it.".into(),
            href: "/workloads",
        };
        tell(&mut tx, &to, &notice).await?;
    }
    tx.target(row.id);
    tx.note(Key::Person, user);
    if let Some(hours) = hours {
        tx.note(Key::Count, i64::from(hours));
    }
    let view = SshGrantView {
        id: grant.id,
        allocation_id: grant.allocation_id,
        user_id: user,
        user: person.display_name,
        ssh_key_id: None,
        fingerprint: None,
        key_name: None,
        source: grant.source,
        granted_by: grant.granted_by,
        created_at: grant.created_at,
        expires_at: grant.expires_at,
    };
    tx.commit().await?;
    Ok(view)
}

async fn end(app: &App, who: &Allowed<End>) -> Result<()> {
    let (row, grant) = who.row();
    // One's own way in may be given up by oneself.
    if grant.user_id != who.caller().user_id() {
        own_or_admin(who, row)?;
    }
    let mut tx = app.db.write(who).await?;
    ssh_keys::end_grant(&mut tx, grant.id).await?;
    tx.target(row.id);
    tx.note(Key::Person, grant.user_id);
    tx.commit().await
}

async fn connect(who: Allowed<Connect>, app: App, (): ()) -> Result<Json<ConnectView>> {
    let row = who.row();
    let user = who.caller().user_id();
    let mut tx = app.db.read().await?;
    let grants = ssh_keys::list_grants(&mut tx, row.id).await?;
    let keys = ssh_keys::keys_of(&mut tx, user).await?;
    let short = allocations::short_name(&mut tx, row).await?;
    let endpoint = app.get::<Endpoint>();
    Ok(Json(ConnectView {
        host: endpoint.host.clone(),
        port: endpoint.port,
        user: row.id.to_string(),
        short,
        host_key_fingerprint: endpoint.fingerprint.clone(),
        host_key: endpoint.public.clone(),
        command: endpoint.command(row.id),
        reachable: row.state == AllocationState::Active
            && who.may(CONNECT)
            && ssh_keys::is_among(&grants, user, &keys),
        grants,
    }))
}

async fn list(who: Allowed<Connect>, app: App, (): ()) -> Result<Json<api::Page<SshGrantView>>> {
    let items = ssh_keys::list_grants(&mut *app.db.read().await?, who.row().id).await?;
    Ok(Json(api::Page { items, next_cursor: None }))
}

async fn give_http(
    who: Allowed<Give>,
    app: App,
    Body(body): Body<SshGrantCreate>,
) -> Result<Created<SshGrantView>> {
    give(&app, &who, body.user_id, body.hours).await.map(Created)
}

async fn end_http(who: Allowed<End>, app: App, (): ()) -> Result<NoContent> {
    end(&app, &who).await.map(|()| NoContent)
}

async fn give_form(who: Allowed<Give>, app: App, Form(fields): Form) -> Result<Go> {
    let user = fields.id("user_id")?;
    let hours = fields.number_or_none("hours")?;
    let wrong = || Error::field("hours", format!("1 to {MOST_HOURS} hours."));
    let hours = hours.map(u32::try_from).transpose().map_err(|_| wrong())?;
    let given = give(&app, &who, user, hours).await?;
    Ok(Go::to(format!("/workloads/{}?tab=connect", who.row().id))
        .saying(&format!("{} can reach it now.", given.user)))
}

async fn end_form(who: Allowed<End>, app: App, _: Form) -> Result<Go> {
    end(&app, &who).await?;
    Ok(Go::to(format!("/workloads/{}?tab=connect", who.row().0.id)).saying("Taken back."))
}
