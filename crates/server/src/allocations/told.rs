//! Telling whoever launched something that it ended without them.

use super::store::Allocation;
use crate::identity;
use kernel::{
    Result,
    db::WriteTx,
    outbox::{About, Notice, Recipient, tell},
};

/// Tells whoever launched an allocation that it failed, or is released by somebody or something else, and why.
///
/// # Errors
/// What the database says.
pub async fn ended(tx: &mut WriteTx, row: &Allocation, failed: bool, reason: &str) -> Result<()> {
    let Some(user) = identity::find_user(tx, row.requested_by).await? else { return Ok(()) };
    let what = if failed { "could not start" } else { "is being released" };
    let notice = Notice {
        kind: "allocation.ended",
        about: About::Work,
        title: format!("{} {what}", row.name),
        body: reason.to_owned(),
        href: "/workloads",
    };
    tell(tx, &Recipient { user_id: user.id, email: user.email }, &notice).await
}
