//! One-time links. The first opens the page where the first operator makes their account.

use super::store::{self, Link};
use api::Code;
use kernel::{App, Error, Result, audit::System, db::WriteTx, secret::Secret};
use std::time::Duration;

/// Makes the first link.
pub const WRITER: System = System { name: "identity.first_link", unaudited: None };

const PURPOSE: &str = "first_sign_in";
const KEEP: Duration = Duration::from_secs(3600);

/// The link that makes the first operator: valid for an hour, once.
pub struct FirstLink(Secret);

impl FirstLink {
    /// Returns the address to open.
    pub fn url(&self, public_url: &str) -> String {
        format!("{public_url}/auth/first?token={}", self.0.reveal())
    }
}

/// Makes a link for the first operator and ends older ones; none when somebody already runs the
/// platform.
///
/// # Errors
/// What the database says.
pub async fn make_first_link(app: &App) -> Result<Option<FirstLink>> {
    let mut tx = app.db.write(&WRITER).await?;
    if super::staff::has_operator(&mut tx).await? {
        return Ok(None);
    }
    let token = Secret::generate(&*app.seams.rng, "gpuaas_l_");
    store::end_links(&mut tx, PURPOSE).await?;
    let link = Link {
        id: tx.new_id(),
        purpose: PURPOSE.to_owned(),
        token_hash: token.digest(),
        created_at: tx.now(),
        expires_at: tx.now().plus(KEEP),
        used_at: None,
    };
    tx.insert(&link).await?;
    tx.target(link.id);
    tx.commit().await?;
    Ok(Some(FirstLink(token)))
}

/// Says whether a link could be used now; looking does not use it.
///
/// # Errors
/// `link_invalid`.
pub async fn check_first_link(app: &App, token: &str) -> Result<()> {
    let token = Secret::presented(token).ok_or(Code::LinkInvalid)?;
    let mut tx = app.db.read().await?;
    let now = tx.now();
    let link = store::find_link(&mut tx, &token.digest()).await?;
    let good = link.is_some_and(|link| {
        link.purpose == PURPOSE && link.used_at.is_none() && link.expires_at > now
    });
    if good { Ok(()) } else { Err(Code::LinkInvalid.into()) }
}

/// Uses the first link within the transaction that makes the operator.
///
/// # Errors
/// `link_invalid` when it was used, has expired, or somebody already runs the platform.
pub async fn redeem_first_link(tx: &mut WriteTx, token: &str) -> Result<()> {
    let token = Secret::presented(token).ok_or(Code::LinkInvalid)?;
    let link = store::find_link(tx, &token.digest()).await?.ok_or(Code::LinkInvalid)?;
    let used = link.purpose == PURPOSE && store::use_link(tx, link.id).await?;
    if !used || super::staff::has_operator(tx).await? {
        return Err(Error::new(Code::LinkInvalid));
    }
    Ok(())
}
