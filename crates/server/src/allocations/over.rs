//! What is over never changes again: its row is written down once, and sent from memory after that. A
//! list is mostly history.
//!
//! The database refuses to change the allocation and its meter; its newest task and the organization's
//! currency stay because nothing changes them. A field of [`AllocationView`] that can change after the
//! end must not be sent from here.

use super::{
    store::{self, Allocation},
    views,
};
use api::{AllocationId, Page, allocations::AllocationView};
use kernel::{
    App, Result,
    db::Reader,
    http::{Cursor, Written},
};
use quick_cache::sync::Cache;

/// How many rows are kept; each takes some 700 bytes.
const MOST: usize = 10_000;

/// Rows of allocations that are over.
pub struct Over(Cache<AllocationId, Written<AllocationView>>);

impl Default for Over {
    fn default() -> Self {
        Self(Cache::new(MOST))
    }
}

/// Returns a page of allocations as they are sent, in the order of their ids, of which one more may be
/// given than fits. Who may see them is decided by whoever listed the ids.
pub(super) async fn page(
    app: &App,
    tx: &mut Reader,
    ids: Vec<AllocationId>,
    limit: i64,
) -> Result<Page<Written<AllocationView>>> {
    let (ids, next_cursor) = Cursor::page(ids, limit, |id| *id);
    let over = &app.get::<Over>().0;
    let mut items: Vec<_> = ids.iter().map(|id| (*id, over.get(id))).collect();
    let rest: Vec<_> = items.iter().filter(|(_, row)| row.is_none()).map(|(id, _)| *id).collect();
    let rows: Vec<Allocation> = store::list_named(tx, &rest).await?;
    for view in views::allocations(app, tx, rows).await? {
        let row = Written::new(&view)?;
        if view.ended_at.is_some() {
            over.insert(view.id, row.clone());
        }
        if let Some((_, place)) = items.iter_mut().find(|(id, _)| *id == view.id) {
            *place = Some(row);
        }
    }
    Ok(Page { items: items.into_iter().filter_map(|(_, row)| row).collect(), next_cursor })
}
