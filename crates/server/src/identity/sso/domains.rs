//! Mail domains: which of them lead to whose sign-in service. All SQL of them.

use api::{DomainId, OrgId, Time, UserId, sso::DomainState};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// A mail domain of an organization.
    pub struct Domain in "domains" {
        /// Identifier.
        pub id: DomainId,
        /// Whose.
        pub org_id: OrgId,
        /// The domain.
        pub domain: String,
        /// Whether it was checked.
        pub state: DomainState,
        /// By whom.
        pub created_by: UserId,
        /// Since when.
        pub created_at: Time,
        /// Who checked it.
        pub approved_by: Option<UserId>,
        /// When.
        pub approved_at: Option<Time>,
    }
}

/// Returns an organization's mail domains.
pub async fn list_of(tx: &mut Reader, org: OrgId) -> Result<Vec<Domain>> {
    tx.list("SELECT {} FROM domains WHERE org_id = $1 ORDER BY domain LIMIT 100", (org,)).await
}

/// Returns every mail domain, those somebody has yet to check first.
pub async fn list_all(tx: &mut Reader) -> Result<Vec<Domain>> {
    let mut all: Vec<Domain> =
        tx.list("SELECT {} FROM domains WHERE state = 'pending' ORDER BY id LIMIT 200", ()).await?;
    let approved: Vec<Domain> = tx
        .list("SELECT {} FROM domains WHERE state = 'approved' ORDER BY domain LIMIT 1000", ())
        .await?;
    all.extend(approved);
    Ok(all)
}

/// Returns a mail domain.
pub async fn find(tx: &mut Reader, id: DomainId) -> Result<Option<Domain>> {
    tx.find("SELECT {} FROM domains WHERE id = $1", (id,)).await
}

/// Notes that a mail domain was checked.
pub async fn approve(tx: &mut WriteTx, id: DomainId, by: UserId) -> Result<u64> {
    let now = tx.now();
    tx.run(
        "UPDATE domains SET state = 'approved', approved_by = $1, approved_at = $2
          WHERE id = $3 AND state = 'pending'",
        (by, now, id),
    )
    .await
}

/// Forgets a mail domain that waits.
pub async fn refuse(tx: &mut WriteTx, id: DomainId) -> Result<u64> {
    tx.run("DELETE FROM domains WHERE id = $1 AND state = 'pending'", (id,)).await
}

/// Forgets a mail domain.
pub async fn forget(tx: &mut WriteTx, id: DomainId) -> Result<u64> {
    tx.run("DELETE FROM domains WHERE id = $1", (id,)).await
}
