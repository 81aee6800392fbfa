//! Putting a whole organization into the archive, and taking it out.

use super::{
    members::{find_org, org_action},
    store,
};
use crate::tenancy::{
    allowed::{Action, Allowed, Ask, Found, InOrg, InProject},
    projects,
    store::{self as places, Organization},
};
use api::Code;
use kernel::{App, Error, Result, audit::Key, db::Reader};

org_action!(
    /// Puts an organization that holds nothing into the archive.
    Archive = "organization.archive", Organization, find_org, step_up = true, rights = true
);
org_action!(
    /// Takes an organization out of the archive.
    Unarchive = "organization.unarchive", Organization, find_org, step_up = true, rights = true
);

/// Puts an organization into the archive: people see it, and nothing in it changes.
///
/// # Errors
/// `still_in_use` naming a project that holds something, `conflict`.
pub async fn archive(app: &App, who: &Allowed<Archive>) -> Result<()> {
    let org = who.row();
    let mut tx = app.db.write(who).await?;
    // First: nothing is made in it any more by somebody who was let in before.
    places::raise_epoch(&mut tx, org.id).await?;
    for project in store::projects_of(&mut tx, org.id).await? {
        let scope = InProject::of_row(org.id, project.id);
        if let Some(held) = projects::holdings(app, &mut tx, &scope).await?.first() {
            return Err(Error::new(Code::StillHolds).detail(format!(
                "The project {} still holds {}: {}. Release them first.",
                project.name, held.what, held.count
            )));
        }
    }
    let now = tx.now();
    if store::archive(&mut tx, org.id, Some(now)).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(org.id);
    tx.note(Key::Name, &org.name);
    tx.commit().await
}

/// Takes an organization out of the archive.
///
/// # Errors
/// `conflict` when it is not in it.
pub async fn unarchive(app: &App, who: &Allowed<Unarchive>) -> Result<()> {
    let org = who.row();
    let mut tx = app.db.write(who).await?;
    places::raise_epoch(&mut tx, org.id).await?;
    if store::archive(&mut tx, org.id, None).await? == 0 {
        return Err(Code::Raced.into());
    }
    tx.target(org.id);
    tx.note(Key::Name, &org.name);
    tx.commit().await
}
