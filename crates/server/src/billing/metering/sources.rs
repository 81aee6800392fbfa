//! Sources of usage events: made and ended by operators.

use super::{
    EndSource, MakeSource,
    store::{self, Source},
    take::PREFIX,
};
use crate::{identity::factors, tenancy::Operator};
use api::{
    Code, MeterSourceId,
    metering::{MeterSource, MeterSourceMade},
};
use kernel::{App, Error, Result, audit::Key, db::broke, names, secret::Secret};

/// Returns a source as it travels.
pub fn view(row: &Source) -> MeterSource {
    MeterSource {
        id: row.id,
        name: row.name.clone(),
        hint: row.hint.clone(),
        created_by: row.created_by,
        created_at: row.created_at,
        revoked_at: row.revoked_at,
    }
}

/// Makes a source; its token is shown this once.
///
/// # Errors
/// `validation_error` for a name that cannot be, `state_conflict` for one that is taken.
pub async fn make(app: &App, who: &Operator<MakeSource>, name: &str) -> Result<MeterSourceMade> {
    factors::break_glass::people_only(who.caller().user())?;
    let wrong = || Error::field("name", "Write 1 to 60 plain characters.");
    let name = names::name(name, 60).ok_or_else(wrong)?;
    let token = Secret::generate(&*app.seams.rng, PREFIX);
    let mut tx = app.db.write(who).await?;
    let row = Source {
        id: tx.new_id(),
        name,
        token_hash: token.digest(),
        hint: token.reveal().chars().take(PREFIX.len() + 4).collect(),
        created_by: who.caller().user_id(),
        created_at: tx.now(),
        revoked_at: None,
    };
    tx.insert(&row).await.map_err(|error| {
        if broke(&error, "metering_sources_name") || broke(&error, "metering_sources.name") {
            return Error::new(Code::NotNow).detail("A source of this name works already.");
        }
        error
    })?;
    tx.target(row.id);
    tx.note(Key::Name, &row.name);
    tx.commit().await?;
    Ok(MeterSourceMade { source: view(&row), token: token.reveal().to_owned() })
}

/// Ends a source: what it tells from now on is refused.
///
/// # Errors
/// `not_found`, `state_conflict` when it ended before.
pub async fn end(app: &App, who: &Operator<EndSource>, id: MeterSourceId) -> Result<MeterSource> {
    let mut tx = app.db.write(who).await?;
    let row = store::lock_source(&mut tx, id).await?.ok_or_else(Error::not_found)?;
    if !store::end_source(&mut tx, id).await? {
        return Err(Error::new(Code::NotNow).detail("It ended before."));
    }
    let now = tx.now();
    tx.target(id);
    tx.note(Key::Name, &row.name);
    tx.commit().await?;
    Ok(view(&Source { revoked_at: Some(now), ..row }))
}
