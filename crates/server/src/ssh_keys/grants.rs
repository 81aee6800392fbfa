//! Ways in: which person reaches which workload with which of their keys.

use super::store::{self, SshGrant, SshKey};
use crate::{identity, tenancy::InProject};
use api::{
    AllocationId, ProjectId, SshGrantId, SshKeyId, Time, UserId,
    ssh::{SshGrantSource, SshGrantView},
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
};
use std::collections::{HashMap, hash_map::Entry};

/// The keys a launch was asked to open with.
#[derive(Debug, Clone, Default)]
pub struct Way {
    /// They; with none chosen, all of whoever launches.
    pub keys: Vec<SshKey>,
    /// Chosen ones that are neither theirs nor offered in the project.
    pub unknown: Vec<SshKeyId>,
}

/// Returns the keys a launch would open with.
///
/// # Errors
/// What the database says.
pub async fn resolvable(
    tx: &mut Reader,
    user: UserId,
    project: ProjectId,
    chosen: Option<&[SshKeyId]>,
) -> Result<Way> {
    let Some(chosen) = chosen else {
        return Ok(Way { keys: store::list_of(tx, user).await?, unknown: Vec::new() });
    };
    let all = choosable(tx, user, project).await?;
    let known = |id: &SshKeyId| all.iter().any(|key| key.id == *id);
    let unknown = chosen.iter().filter(|id| !known(id)).copied().collect();
    let keys = all.into_iter().filter(|key| chosen.contains(&key.id)).collect();
    Ok(Way { keys, unknown })
}

/// Returns the keys a launch can be opened with: one's own, then those the project offers.
///
/// # Errors
/// What the database says.
pub async fn choosable(tx: &mut Reader, user: UserId, project: ProjectId) -> Result<Vec<SshKey>> {
    let mut all = store::list_of(tx, user).await?;
    let offered = store::list_offered(tx, project).await?;
    all.extend(offered.into_iter().filter(|key| key.user_id != user));
    Ok(all)
}

fn fresh(
    tx: &WriteTx,
    scope: &InProject,
    allocation: AllocationId,
    (user, by): (UserId, UserId),
) -> SshGrant {
    SshGrant {
        id: tx.new_id(),
        org_id: scope.org_id(),
        project_id: scope.project_id(),
        allocation_id: allocation,
        user_id: user,
        ssh_key_id: None,
        source: SshGrantSource::Launch,
        granted_by: by,
        created_at: tx.now(),
        expires_at: None,
        ended_at: None,
    }
}

/// Opens a launch: to the chosen keys, or to whoever launches with all of theirs, also later ones.
///
/// # Errors
/// What the database says.
pub async fn launch(
    tx: &mut WriteTx,
    scope: &InProject,
    allocation: AllocationId,
    by: UserId,
    chosen: Option<&[SshKey]>,
) -> Result<()> {
    let Some(keys) = chosen else {
        let row = fresh(tx, scope, allocation, (by, by));
        return tx.insert(&row).await;
    };
    for key in keys {
        let row = fresh(tx, scope, allocation, (key.user_id, by));
        tx.insert(&SshGrant { ssh_key_id: Some(key.id), ..row }).await?;
    }
    Ok(())
}

/// Gives somebody a way in to a workload, in place of what they were given before.
///
/// # Errors
/// What the database says.
pub async fn give(
    tx: &mut WriteTx,
    scope: &InProject,
    allocation: AllocationId,
    people: (UserId, UserId),
    expires_at: Option<Time>,
) -> Result<SshGrant> {
    store::end_given(tx, allocation, people.0).await?;
    let row = fresh(tx, scope, allocation, people);
    let row = SshGrant { source: SshGrantSource::Grant, expires_at, ..row };
    tx.insert(&row).await?;
    Ok(row)
}

/// Ends a way in. Says whether it was open.
///
/// # Errors
/// What the database says.
pub async fn end_one(tx: &mut WriteTx, id: SshGrantId) -> Result<bool> {
    store::end(tx, id).await
}

/// Ends every way in to a workload: it is over.
///
/// # Errors
/// What the database says.
pub async fn end_all(tx: &mut WriteTx, allocation: AllocationId) -> Result<()> {
    store::end_all(tx, allocation).await
}

/// Returns a way in, also one that has ended.
///
/// # Errors
/// What the database says.
pub async fn find(tx: &mut Reader, id: SshGrantId) -> Result<Option<SshGrant>> {
    store::find_grant(tx, id).await
}

/// Returns whether a key has a live way in to a workload.
///
/// # Errors
/// What the database says.
pub async fn opens(tx: &mut Reader, key: &SshKey, allocation: AllocationId) -> Result<bool> {
    store::opens(tx, key, allocation).await
}

/// Returns whether one of these ways in is somebody's, with one of their keys.
pub fn is_among(grants: &[SshGrantView], user: UserId, keys: &[SshKey]) -> bool {
    let with = |id: Option<SshKeyId>| match id {
        None => !keys.is_empty(),
        Some(id) => keys.iter().any(|key| key.id == id),
    };
    grants.iter().any(|grant| grant.user_id == user && with(grant.ssh_key_id))
}

/// Returns the live ways in to a workload as people see them, oldest first.
///
/// # Errors
/// What the database says.
pub async fn list(tx: &mut Reader, allocation: AllocationId) -> Result<Vec<SshGrantView>> {
    let rows = store::list_grants(tx, allocation).await?;
    let mut people: HashMap<UserId, (String, Vec<SshKey>)> = HashMap::new();
    let mut views = Vec::new();
    for row in rows {
        let (name, keys) = match people.entry(row.user_id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(place) => {
                let user = identity::find_user(tx, row.user_id).await?;
                let name = user.map(|user| user.display_name).unwrap_or_default();
                place.insert((name, store::list_of(tx, row.user_id).await?))
            }
        };
        let key = keys.iter().find(|key| Some(key.id) == row.ssh_key_id);
        views.push(SshGrantView {
            id: row.id,
            allocation_id: row.allocation_id,
            user_id: row.user_id,
            user: name.clone(),
            ssh_key_id: row.ssh_key_id,
            fingerprint: key.map(|key| key.fingerprint.clone()),
            key_name: key.map(|key| key.name.clone()),
            source: row.source,
            granted_by: row.granted_by,
            created_at: row.created_at,
            expires_at: row.expires_at,
        });
    }
    Ok(views)
}
