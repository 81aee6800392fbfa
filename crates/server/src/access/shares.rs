//! Letting a member of the project follow one's terminal: they see what it shows, for a time.

use super::tickets;
use crate::{
    allocations::{Allocation, find_allocation},
    identity,
    tenancy::{self, Action, Allowed, Ask, Found, InProject},
};
use api::{
    AllocationId, Code, OrgId, ProjectId, TerminalId, TerminalShareId, Time, UserId,
    allocations::{AllocationState, TerminalTicket},
    shares::{TerminalShareCreate, TerminalShareView},
};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::{Reader, WriteTx},
    http::{Body, Created, Json, NoContent, Route},
    outbox::{About, Notice, Recipient, tell},
    row,
};
use std::time::Duration;

const MOST_MINUTES: u32 = 480;
const PER_MINUTE: i64 = 10;
/// What a role must allow to follow somebody's terminal.
pub(super) const WATCH: &str = "terminal.watch";

row! {
    /// A terminal somebody may follow.
    pub struct Share in "terminal_shares" {
        /// Identifier.
        pub id: TerminalShareId,
        /// Organization.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Workload.
        pub allocation_id: AllocationId,
        /// The terminal.
        pub terminal_id: TerminalId,
        /// Who may follow it.
        pub user_id: UserId,
        /// Whose it is.
        pub shared_by: UserId,
        /// When it was shared.
        pub created_at: Time,
        /// Until when.
        pub expires_at: Time,
        /// When it was taken back.
        pub ended_at: Option<Time>,
    }
}

impl Share {
    /// Returns whether it lets somebody follow now.
    pub(super) fn lives(&self, now: Time) -> bool {
        self.ended_at.is_none() && self.expires_at > now
    }
}

/// Looks who follows, or may.
pub struct List;
impl Action for List {
    const NAME: &'static str = "terminal_share.list";
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        find_allocation(tx, ask).await
    }
}

/// Shares one's own terminal.
pub struct Give;
impl Action for Give {
    const NAME: &'static str = "terminal_share.create";
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        find_allocation(tx, ask).await
    }
}

async fn find_share(tx: &mut Reader, ask: &Ask<'_>) -> Result<Option<Found<Share>>> {
    let id: TerminalShareId = if ask.head.params.contains_key("share_id") {
        ask.head.id("share_id")?
    } else {
        let text = ask.head.query("share").unwrap_or_default();
        text.parse().map_err(|_| Error::not_found())?
    };
    let row = find(tx, id).await?;
    Ok(row.map(|row| Found::in_project(row.org_id, row.project_id, row)))
}

/// Takes it back.
pub struct End;
impl Action for End {
    const NAME: &'static str = "terminal_share.end";
    type Scope = InProject;
    type Row = Share;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Share>>> {
        find_share(tx, ask).await
    }
}

/// Follows a terminal that was shared.
pub struct Watch;
impl Action for Watch {
    const NAME: &'static str = WATCH;
    type Scope = InProject;
    type Row = Share;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Share>>> {
        find_share(tx, ask).await
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/v1/allocations/{allocation_id}/terminal-shares", list_http)
            .says("Lists who may follow which terminal of a workload: one's own, and those shared with oneself."),
        Route::post("/api/v1/allocations/{allocation_id}/terminal-shares", give_http)
            .says("Lets a member of the project follow one's own terminal, for a time."),
        Route::delete("/api/v1/terminal-shares/{share_id}", end_http)
            .says("Takes that back; whoever follows sees nothing more within five seconds."),
        Route::post("/api/v1/terminal-shares/{share_id}/token", mint_http)
            .shows_secret()
            .says("Makes a ticket to follow a terminal that was shared: 60 seconds, one use."),
    ]
}

/// Returns a share, also one that has ended.
pub(super) async fn find(tx: &mut Reader, id: TerminalShareId) -> Result<Option<Share>> {
    tx.find("SELECT {} FROM terminal_shares WHERE id = $1", (id,)).await
}

async fn live(tx: &mut Reader, of: AllocationId, user: UserId) -> Result<Vec<Share>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM terminal_shares WHERE allocation_id = $1 AND ended_at IS NULL AND expires_at > $2
            AND (user_id = $3 OR shared_by = $3) ORDER BY id LIMIT 200",
        (of, now, user),
    )
    .await
}

/// Returns those somebody may follow now.
pub(super) async fn list_for(tx: &mut Reader, user: UserId) -> Result<Vec<Share>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM terminal_shares WHERE user_id = $1 AND ended_at IS NULL AND expires_at > $2
          ORDER BY id DESC LIMIT 200",
        (user, now),
    )
    .await
}

async fn view(tx: &mut Reader, row: &Share) -> Result<TerminalShareView> {
    let (guest, host) = (row.user_id, row.shared_by);
    let guest = identity::find_user(tx, guest).await?.map(|user| user.display_name);
    let host = identity::find_user(tx, host).await?.map(|user| user.display_name);
    Ok(TerminalShareView {
        id: row.id,
        allocation_id: row.allocation_id,
        terminal_id: row.terminal_id,
        user_id: row.user_id,
        user: guest.unwrap_or_default(),
        shared_by: row.shared_by,
        sharer: host.unwrap_or_default(),
        created_at: row.created_at,
        expires_at: row.expires_at,
    })
}

async fn list_http(
    who: Allowed<List>,
    app: App,
    (): (),
) -> Result<Json<api::Page<TerminalShareView>>> {
    let mut tx = app.db.read().await?;
    let mut items = Vec::new();
    for row in live(&mut tx, who.row().id, who.caller().user_id()).await? {
        items.push(view(&mut tx, &row).await?);
    }
    Ok(Json(api::Page { items, next_cursor: None }))
}

async fn give(
    app: &App,
    who: &Allowed<Give>,
    body: &TerminalShareCreate,
) -> Result<TerminalShareView> {
    if !(1..=MOST_MINUTES).contains(&body.minutes) {
        return Err(Error::field("minutes", format!("1 to {MOST_MINUTES} minutes.")));
    }
    let me = who.caller().user_id();
    if body.user_id == me {
        return Err(Error::field("user_id", "It is your terminal: choose somebody else."));
    }
    let mut tx = app.db.write(who).await?;
    if who.row().state != AllocationState::Active
        || !tickets::is_own(&mut tx, body.terminal_id, (who.row().id, me)).await?
    {
        return Err(Error::field("terminal_id", "That is no terminal of yours in this workload."));
    }
    if !tenancy::role_allows(&mut tx, body.user_id, who.scope(), WATCH).await? {
        return Err(Error::field("user_id", "Choose a member of the project."));
    }
    let person = identity::find_user(&mut tx, body.user_id).await?.ok_or_else(Error::not_found)?;
    slow_down(&mut tx, (who.row().id, me)).await?;
    end_for(&mut tx, body.terminal_id, body.user_id).await?;
    let row = Share {
        id: tx.new_id(),
        org_id: who.scope().org_id(),
        project_id: who.scope().project_id(),
        allocation_id: who.row().id,
        terminal_id: body.terminal_id,
        user_id: body.user_id,
        shared_by: me,
        created_at: tx.now(),
        expires_at: tx.now().plus(Duration::from_secs(u64::from(body.minutes) * 60)),
        ended_at: None,
    };
    tx.insert(&row).await?;
    let seen = view(&mut tx, &row).await?;
    let to = Recipient { user_id: body.user_id, email: person.email };
    let notice = Notice {
        kind: "terminal.shared",
        about: About::Work,
        title: format!("{} shares a terminal of {} with you", seen.sharer, who.row().name),
        body: format!("You see what it shows, and cannot type, until {}.", row.expires_at.plain()),
        href: "/terminal/shares",
    };
    tell(&mut tx, &to, &notice).await?;
    tx.target(row.allocation_id);
    tx.note(Key::Person, row.user_id);
    tx.note(Key::Count, i64::from(body.minutes));
    tx.commit().await?;
    Ok(seen)
}

/// Each share tells somebody: ten a minute are the most of a workload.
async fn slow_down(tx: &mut WriteTx, (of, by): (AllocationId, UserId)) -> Result<()> {
    let since = tx.now().minus(Duration::from_secs(60));
    let recent: i64 = tx
        .value(
            "SELECT COUNT(*) FROM terminal_shares WHERE allocation_id = $1 AND shared_by = $2
                AND created_at > $3",
            (of, by, since),
        )
        .await?;
    if recent < PER_MINUTE {
        return Ok(());
    }
    Err(Error::new(Code::RateLimited)
        .detail("Ten a minute are the most. Wait a little and try again.")
        .retry_after(Duration::from_secs(20)))
}

/// Ends what somebody was given of a terminal before: the new one stands in its place.
async fn end_for(tx: &mut WriteTx, terminal: TerminalId, user: UserId) -> Result<()> {
    let now = tx.now();
    tx.run(
        "UPDATE terminal_shares SET ended_at = $1
          WHERE terminal_id = $2 AND user_id = $3 AND ended_at IS NULL",
        (now, terminal, user),
    )
    .await
    .map(|_| ())
}

async fn give_http(
    who: Allowed<Give>,
    app: App,
    Body(body): Body<TerminalShareCreate>,
) -> Result<Created<TerminalShareView>> {
    give(&app, &who, &body).await.map(Created)
}

async fn end_http(who: Allowed<End>, app: App, (): ()) -> Result<NoContent> {
    let row = who.row();
    let me = who.caller().user_id();
    let theirs = [row.user_id, row.shared_by].contains(&me);
    let admin = matches!(who.role(), Some(api::people::Role::Admin | api::people::Role::Owner));
    if !theirs && !admin {
        return Err(Error::not_found());
    }
    let mut tx = app.db.write(&who).await?;
    let now = tx.now();
    tx.run(
        "UPDATE terminal_shares SET ended_at = $1 WHERE id = $2 AND ended_at IS NULL",
        (now, row.id),
    )
    .await?;
    tx.target(row.allocation_id);
    tx.note(Key::Person, row.user_id);
    tx.commit().await?;
    Ok(NoContent)
}

/// Returns one's own live share.
pub(super) fn mine(who: &Allowed<Watch>, now: Time) -> Result<&Share> {
    let row = who.row();
    if row.user_id != who.caller().user_id() {
        return Err(Error::not_found());
    }
    if !row.lives(now) {
        return Err(
            Error::new(Code::NotNow).detail("This terminal is not shared with you any more.")
        );
    }
    Ok(row)
}

async fn mint_http(who: Allowed<Watch>, app: App, (): ()) -> Result<Created<TerminalTicket>> {
    let row = mine(&who, app.seams.clock.now())?;
    tickets::mint_for(&app, &who, row).await.map(Created)
}
