//! What operators may do to any tenant's allocation: end it, and settle a clean-up that does not end.

use super::{
    model::Event,
    release,
    steps::RELEASE,
    store::{self, Allocation},
};
use crate::{
    billing::EndedBy,
    fleet,
    tenancy::{Operator, OperatorAction},
};
use api::{AllocationId, Code, node::Want};
use kernel::{App, Error, Result, audit::Key, steps as engine};

/// Ends an allocation against its owner's will.
pub struct ForceRelease;
impl OperatorAction for ForceRelease {
    const NAME: &'static str = "allocation.force_release";
    const STEP_UP: bool = true;
}

/// Ends a clean-up that does not end.
pub struct ForceCleanup;
impl OperatorAction for ForceCleanup {
    const NAME: &'static str = "allocation.force_cleanup";
    const STEP_UP: bool = true;
}

fn reason_of(text: &str) -> Result<String> {
    let reason = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = (3..=200).contains(&reason.chars().count());
    if fits { Ok(reason) } else { Err(Error::field("reason", "Say why, in 3 to 200 characters.")) }
}

/// Ends an allocation. The meter stops now; its owner sees the reason.
///
/// # Errors
/// `validation_error`, `not_found`, `state_conflict`.
pub async fn force_release(
    app: &App,
    who: &Operator<ForceRelease>,
    reason: &str,
) -> Result<Allocation> {
    let reason = reason_of(reason)?;
    let id: AllocationId = who.head().id("allocation_id")?;
    let mut tx = app.db.write(who).await?;
    let row = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let at = tx.now();
    let words = format!("An operator released it: {reason}");
    let new = release::begin(app, &mut tx, &row, at, (EndedBy::Platform, Some(&words))).await?;
    tx.target(id);
    tx.belongs_to(row.org_id, Some(row.project_id));
    tx.note(Key::Reason, reason);
    tx.commit().await?;
    Ok(new)
}

/// Ends a clean-up by hand. With proof that nothing is left its slots are free; without, they stay
/// blocked until the node says so.
///
/// # Errors
/// `validation_error`, `not_found`, `state_conflict`.
pub async fn force_cleanup(
    app: &App,
    who: &Operator<ForceCleanup>,
    verified_absent: bool,
    reason: &str,
) -> Result<Allocation> {
    let reason = reason_of(reason)?;
    let id: AllocationId = who.head().id("allocation_id")?;
    let mut tx = app.db.write(who).await?;
    let row = store::find(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    let new = store::move_on(&mut tx, &row, Event::ForcedCleanup, None).await.map_err(|error| {
        if error.code() == Code::NotNow {
            Error::new(Code::NotNow)
                .detail("Only a workload that is being cleaned up can be settled by hand.")
        } else {
            error
        }
    })?;
    let blocked =
        (!verified_absent).then_some("settled by hand without proof that nothing is left");
    fleet::end_claims(&mut tx, id, blocked).await?;
    fleet::intend(app, &mut tx, &row.scope(), id, Want::Absent, None).await?;
    engine::supersede(&mut tx, RELEASE.kind, id.0, "an operator settled it by hand").await?;
    release::tell(app, &mut tx, &row);
    tx.target(id);
    tx.belongs_to(row.org_id, Some(row.project_id));
    tx.note(Key::Reason, reason);
    tx.note(Key::State, if verified_absent { "verified absent" } else { "not verified" });
    tx.commit().await?;
    Ok(new)
}
