//! Who comes from which sign-in service. All SQL of it.
//!
//! Somebody is known by issuer and subject, within the organization whose service it is, or within the
//! platform: another service of the same issuer there means the same person.

use super::store::Provider;
use api::{IdentityId, OrgId, ProviderId, Time, UserId};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};
use std::time::Duration;

row! {
    /// A person as a sign-in service knows them.
    pub struct Identity in "identities" {
        /// Identifier.
        pub id: IdentityId,
        /// The person here.
        pub user_id: UserId,
        /// The sign-in service they last came from.
        pub provider_id: ProviderId,
        /// The organization whose it is.
        pub org_id: Option<OrgId>,
        /// Its issuer.
        pub issuer: String,
        /// Their name there, for machines.
        pub subject: String,
        /// What the last sign-in proved, in words of RFC 8176.
        pub methods: String,
        /// The groups it last named, as a JSON list.
        pub member_of: String,
        /// Since when.
        pub created_at: Time,
        /// When the service last vouched for them.
        pub seen_at: Time,
    }
}

impl Identity {
    /// Returns the groups the service last named.
    pub fn groups(&self) -> Vec<String> {
        serde_json::from_str(&self.member_of).unwrap_or_default()
    }
}

/// Returns groups as they are kept.
pub fn kept(groups: &[String]) -> String {
    serde_json::to_string(groups).unwrap_or_else(|_| "[]".to_owned())
}

/// Returns the person a sign-in service means.
pub async fn find(tx: &mut Reader, provider: &Provider, subject: &str) -> Result<Option<Identity>> {
    let (issuer, org) = (provider.issuer.clone(), provider.org_id);
    match org {
        Some(org) => {
            tx.find(
                "SELECT {} FROM identities WHERE org_id = $1 AND issuer = $2 AND subject = $3",
                (org, issuer, subject),
            )
            .await
        }
        None => {
            tx.find(
                "SELECT {} FROM identities WHERE org_id IS NULL AND issuer = $1 AND subject = $2",
                (issuer, subject),
            )
            .await
        }
    }
}

/// Returns an identity and the service it last came from.
pub async fn whose(tx: &mut Reader, id: IdentityId) -> Result<Option<(Identity, Provider)>> {
    let found = tx
        .pairs(
            "SELECT {a}, {b} FROM identities a JOIN identity_providers b ON b.id = a.provider_id
              WHERE a.id = $1",
            (id,),
        )
        .await?;
    Ok(found.into_iter().next())
}

/// Returns the sign-in services a person comes from.
pub async fn of_user(tx: &mut Reader, user: UserId) -> Result<Vec<(Identity, Provider)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM identities a JOIN identity_providers b ON b.id = a.provider_id
          WHERE a.user_id = $1 ORDER BY a.id LIMIT 50",
        (user,),
    )
    .await
}

/// Returns everybody who comes from a service, with the groups it last named.
pub async fn people_at(
    tx: &mut Reader,
    provider: ProviderId,
) -> Result<Vec<(UserId, Vec<String>)>> {
    let rows: Vec<Identity> = tx
        .list("SELECT {} FROM identities WHERE provider_id = $1 ORDER BY id", (provider,))
        .await?;
    Ok(rows.into_iter().map(|row| (row.user_id, row.groups())).collect())
}

/// Returns those a service has not vouched for in a long time and whose groups still count.
pub async fn silent(tx: &mut Reader, since: Duration) -> Result<Vec<Identity>> {
    let before = tx.now().minus(since);
    tx.list(
        "SELECT {} FROM identities WHERE member_of <> '[]' AND seen_at < $1 ORDER BY seen_at LIMIT 50",
        (before,),
    )
    .await
}

/// Notes that a service vouched for somebody: where they came from, what was proven, their groups.
pub async fn seen(
    tx: &mut WriteTx,
    id: IdentityId,
    provider: ProviderId,
    methods: &str,
    groups: Option<&[String]>,
) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE identities SET seen_at = $1, provider_id = $2, methods = $3,
                member_of = COALESCE($4, member_of) WHERE id = $5",
        (now, provider, methods, groups.map(kept), id),
    )
    .await
}

/// Notes that nothing is vouched for any more.
pub async fn unvouched(tx: &mut WriteTx, id: IdentityId) -> Result<u64> {
    tx.run("UPDATE identities SET member_of = '[]' WHERE id = $1", (id,)).await
}

/// Forgets that a person comes from there.
pub async fn forget(tx: &mut WriteTx, user: UserId, id: IdentityId) -> Result<u64> {
    tx.run("DELETE FROM identities WHERE user_id = $1 AND id = $2", (user, id)).await
}

/// Sets the address of somebody whom a sign-in service made.
pub async fn set_address(tx: &mut WriteTx, id: UserId, email: &str) -> Result<u64> {
    tx.run(
        "UPDATE users SET email = $1 WHERE id = $2 AND provider_id IS NOT NULL AND email <> $1",
        (email, id),
    )
    .await
}
