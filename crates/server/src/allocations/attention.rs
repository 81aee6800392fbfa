//! Which allocations need a person.

use super::store;
use api::operations::{Attention, AttentionKind};
use kernel::{Result, db::Reader};

/// Returns the releases that could not be proved.
///
/// # Errors
/// What the database says.
pub async fn attention(tx: &mut Reader) -> Result<Vec<Attention>> {
    let rows = store::list_release_failed(tx).await?;
    Ok(rows
        .into_iter()
        .map(|row| Attention {
            kind: AttentionKind::ReleaseFailed,
            what: format!("The release of {} could not be proved", row.id),
            next: "Try the release again, or look at the machine and settle the clean-up by hand. It costs its owner nothing; its slots stay blocked.".into(),
            page: "/platform/allocations?state=release_failed".into(),
            since: row.release_asked_at,
        })
        .collect())
}
