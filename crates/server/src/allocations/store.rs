//! All SQL of allocations.

use super::model;
use crate::{
    billing::{UsedUp, price_books::Terms, rating::Increment},
    ssh_keys,
    tenancy::InProject,
};
use api::{
    AllocationId, Code, Micros, NodeId, OrgId, PriceLineId, ProjectId, SshKeyId, Time, TypedId,
    UserId, allocations::AllocationState as State, people::Holding,
};
use kernel::{
    Result,
    db::{Reader, Single, WriteTx},
    row,
};
use std::{cmp::Reverse, future::Future, pin::Pin};

row! {
    /// A running environment, or one that was.
    pub struct Allocation in "allocations" {
        /// Identifier.
        pub id: AllocationId,
        /// Whose.
        pub org_id: OrgId,
        /// Project.
        pub project_id: ProjectId,
        /// Name.
        pub name: String,
        /// Where it stands.
        pub state: State,
        /// Why it failed, was released, or cannot be cleaned up.
        pub reason: Option<String>,
        /// What was taken.
        pub sku: String,
        /// How many units.
        pub count: i64,
        /// Price per unit and hour, frozen.
        pub price_per_hour: Micros,
        /// Whether the hardware is made up.
        pub simulated: bool,
        /// Where.
        pub node_id: NodeId,
        /// Who launched it.
        pub requested_by: UserId,
        /// When it was asked for.
        pub created_at: Time,
        /// When it was ready.
        pub ready_at: Option<Time>,
        /// When its release was asked for or decided.
        pub release_asked_at: Option<Time>,
        /// When it was over.
        pub ended_at: Option<Time>,
        /// What the list said, where the price is another.
        pub list_price: Option<Micros>,
        /// The line of a price book the price is from.
        pub price_line_id: Option<PriceLineId>,
        /// Seconds its time is rounded up to.
        pub increment_seconds: i64,
        /// Seconds it costs at least.
        pub minimum_seconds: i64,
    }
}

impl Allocation {
    /// Returns the project it lives in, for work where no caller stands behind it.
    pub fn scope(&self) -> InProject {
        InProject::of_row(self.org_id, self.project_id)
    }

    /// Returns what it was launched at.
    pub const fn terms(&self) -> Terms {
        let increment = Increment { step: self.increment_seconds, minimum: self.minimum_seconds };
        Terms {
            price: self.price_per_hour,
            list_price: self.list_price,
            increment,
            line_id: self.price_line_id,
        }
    }
}

/// Returns what runs where a budget is used up.
pub async fn list_within(tx: &mut Reader, budget: &UsedUp) -> Result<Vec<Allocation>> {
    let UsedUp { org_id, department_id, project_id, user_id, .. } = budget;
    tx.list(
        "SELECT {} FROM allocations WHERE state = 'active' AND ended_at IS NULL AND org_id = $1
            AND ($2 IS NULL OR project_id = $2) AND ($3 IS NULL OR requested_by = $3)
            AND ($4 IS NULL OR project_id IN
              (SELECT id FROM projects WHERE org_id = $1 AND department_id = $4))
          ORDER BY id LIMIT 500",
        (*org_id, *project_id, *user_id, *department_id),
    )
    .await
}

/// Returns an allocation, whoever it belongs to; [`crate::tenancy::Allowed`] decides who may see it.
pub async fn find(tx: &mut Reader, id: AllocationId) -> Result<Option<Allocation>> {
    tx.find("SELECT {} FROM allocations WHERE id = $1", (id,)).await
}

/// Returns the ids of a project's allocations, newest first, from an index alone; with a state, only
/// those, for which rows are read.
pub async fn list_ids(
    tx: &mut Reader,
    scope: &InProject,
    state: Option<State>,
    before: Option<AllocationId>,
    limit: i64,
) -> Result<Vec<AllocationId>> {
    let (org, project) = (scope.org_id(), scope.project_id());
    let before = before.unwrap_or(AllocationId::last());
    let found: Vec<Single<AllocationId>> = match state {
        None => {
            tx.list(
                "SELECT id FROM allocations WHERE org_id = $1 AND project_id = $2 AND id < $3
                  ORDER BY id DESC LIMIT $4",
                (org, project, before, limit),
            )
            .await?
        }
        Some(state) => {
            tx.list(
                "SELECT id FROM allocations
                  WHERE org_id = $1 AND project_id = $2 AND state = $3 AND id < $4
                  ORDER BY id DESC LIMIT $5",
                (org, project, state, before, limit),
            )
            .await?
        }
    };
    Ok(found.into_iter().map(|single| single.0).collect())
}

/// Returns the ids of all tenants' allocations, newest first; with a state, only those.
pub async fn list_all_ids(
    tx: &mut Reader,
    state: Option<State>,
    before: Option<AllocationId>,
    limit: i64,
) -> Result<Vec<AllocationId>> {
    let found: Vec<Single<AllocationId>> = tx
        .list(
            "SELECT id FROM allocations WHERE ($1 IS NULL OR state = $1) AND id < $2
              ORDER BY id DESC LIMIT $3",
            (state, before.unwrap_or(AllocationId::last()), limit),
        )
        .await?;
    Ok(found.into_iter().map(|single| single.0).collect())
}

/// Returns the allocations of these ids, newest first.
pub async fn list_named(tx: &mut Reader, ids: &[AllocationId]) -> Result<Vec<Allocation>> {
    let sql = "SELECT {} FROM allocations WHERE id IN ({in})";
    let mut rows: Vec<Allocation> = tx.list_of(sql, ids).await?;
    rows.sort_by_key(|row| Reverse(row.id));
    Ok(rows)
}

/// Returns what is not over in a project, newest first: for the start page.
pub async fn list_live_of(tx: &mut Reader, scope: &InProject) -> Result<Vec<Allocation>> {
    tx.list(
        "SELECT {} FROM allocations
          WHERE org_id = $1 AND project_id = $2 AND ended_at IS NULL ORDER BY id DESC LIMIT 20",
        (scope.org_id(), scope.project_id()),
    )
    .await
}

/// Returns everything that is active, in id order.
pub async fn list_active(
    tx: &mut Reader,
    after: Option<AllocationId>,
    limit: i64,
) -> Result<Vec<Allocation>> {
    tx.list(
        "SELECT {} FROM allocations WHERE state = 'active' AND ended_at IS NULL AND id > $1
          ORDER BY id LIMIT $2",
        (after.unwrap_or(AllocationId::first()), limit),
    )
    .await
}

/// Returns allocations whose clean-up did not finish in time.
pub async fn list_release_failed(tx: &mut Reader) -> Result<Vec<Allocation>> {
    tx.list(
        "SELECT {} FROM allocations WHERE state = 'release_failed' AND ended_at IS NULL
          ORDER BY id LIMIT 200",
        (),
    )
    .await
}

/// Returns allocations that are over while slots of theirs are still blocked.
pub async fn list_blocked(tx: &mut Reader) -> Result<Vec<Allocation>> {
    tx.list(
        "SELECT {} FROM allocations WHERE state = 'released' AND id IN
           (SELECT (SELECT n.allocation_id FROM claims n WHERE n.slot_id = s.id ORDER BY n.id DESC LIMIT 1)
              FROM node_slots s WHERE s.status = 'cleanup_blocked')
          ORDER BY id LIMIT 200",
        (),
    )
    .await
}

/// Moves an allocation on by an event, guarded by its state; its stamps follow the state.
///
/// # Errors
/// `state_conflict` when the event does not fit, `conflict` when somebody moved it meanwhile.
pub async fn move_on(
    tx: &mut WriteTx,
    row: &Allocation,
    event: model::Event,
    reason: Option<&str>,
) -> Result<Allocation> {
    let next = model::after(row.state, event)?;
    let now = tx.now();
    let mut new = Allocation { state: next, ..row.clone() };
    if let Some(reason) = reason {
        new.reason = Some(reason.to_owned());
    }
    match next {
        State::Active => new.ready_at = Some(now),
        State::Releasing => new.release_asked_at = row.release_asked_at.or(Some(now)),
        State::Released | State::Failed => new.ended_at = Some(now),
        State::Requested | State::Provisioning | State::ReleaseFailed => {}
    }
    let touched = tx
        .run(
            "UPDATE allocations SET state = $1, reason = $2, ready_at = $3, release_asked_at = $4,
                    ended_at = $5
              WHERE org_id = $6 AND project_id = $7 AND id = $8 AND state = $9",
            (
                new.state,
                new.reason.clone(),
                new.ready_at,
                new.release_asked_at,
                new.ended_at,
                row.org_id,
                row.project_id,
                row.id,
                row.state,
            ),
        )
        .await?;
    if touched != 1 {
        return Err(Code::Raced.into());
    }
    if matches!(next, State::Releasing | State::Released | State::Failed) {
        ssh_keys::end_grants(tx, row.id).await?;
    }
    Ok(new)
}

/// Returns the active workloads somebody has a way in to with a key, newest first: those of an identifier or a
/// name, or any.
pub async fn list_opened(
    tx: &mut Reader,
    (user, key): (UserId, SshKeyId),
    called: Option<(Option<AllocationId>, &str)>,
) -> Result<Vec<Allocation>> {
    let now = tx.now();
    let (any, id, name) = match called {
        None => (1_i64, None, ""),
        Some((id, name)) => (0, id, name),
    };
    tx.list(
        "SELECT {} FROM allocations WHERE state = 'active' AND id IN
            (SELECT g.allocation_id FROM ssh_grants g WHERE g.user_id = $1 AND g.ended_at IS NULL
                AND (g.expires_at IS NULL OR g.expires_at > $2)
                AND (g.ssh_key_id IS NULL OR g.ssh_key_id = $3))
            AND (CAST($4 AS BIGINT) = 1 OR name = $5 OR id = $6) ORDER BY id DESC LIMIT 20",
        (user, now, key, any, name, id.unwrap_or(AllocationId(uuid::Uuid::nil()))),
    )
    .await
}

/// Returns a name that SSH takes for a workload: its own, while no other active one of the project has it and
/// it fits into a command line.
pub async fn short_name(tx: &mut Reader, row: &Allocation) -> Result<Option<String>> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    if !row.name.bytes().all(plain) || row.name.starts_with('-') {
        return Ok(None);
    }
    let same: i64 = tx
        .value(
            "SELECT COUNT(*) FROM allocations WHERE project_id = $1 AND name = $2 AND state = 'active'",
            (row.project_id, row.name.as_str()),
        )
        .await?;
    Ok((same == 1).then(|| row.name.clone()))
}

row! {
    struct Count {
        state: State,
        count: i64,
    }
}

/// Returns how many allocations are not over, by state; no state is left out.
pub async fn count_open(tx: &mut Reader) -> Result<Vec<(String, i64)>> {
    let sql = "SELECT state, COUNT(*) FROM allocations WHERE ended_at IS NULL GROUP BY state";
    let found: Vec<Count> = tx.list(sql, ()).await?;
    let open = State::ALL.iter().filter(|state| !matches!(state, State::Released | State::Failed));
    Ok(open
        .map(|state| {
            let count = found.iter().find(|one| one.state == *state).map_or(0, |one| one.count);
            (state.to_string(), count)
        })
        .collect())
}

/// Says what a project still holds here.
pub fn holdings<'a>(
    tx: &'a mut Reader,
    scope: &'a InProject,
) -> Pin<Box<dyn Future<Output = Result<Vec<Holding>>> + Send + 'a>> {
    Box::pin(async move {
        let count: i64 = tx
            .value(
                "SELECT COUNT(*) FROM allocations
                  WHERE org_id = $1 AND project_id = $2 AND ended_at IS NULL",
                (scope.org_id(), scope.project_id()),
            )
            .await?;
        Ok(vec![Holding { what: "allocations".into(), count, href: "/workloads".into() }])
    })
}
