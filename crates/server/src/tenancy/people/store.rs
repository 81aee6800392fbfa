//! All SQL of an organization's people.

use crate::tenancy::{
    InOrg,
    store::{OrgMember, Organization, Person, Project},
};
use api::{
    InvitationId, MemberId, OrgId, ProjectId, Time, UserId, organizations::MfaPolicy, people::Role,
};
use kernel::{
    Result,
    db::{Reader, WriteTx},
    row,
};

row! {
    /// An invitation.
    pub struct Invitation in "invitations" {
        /// Identifier.
        pub id: InvitationId,
        /// Into which organization.
        pub org_id: OrgId,
        /// Into which project of it.
        pub project_id: Option<ProjectId>,
        /// For whom.
        pub email: Option<String>,
        /// As what.
        pub role: Role,
        /// SHA-256 of the link's token.
        pub token_hash: Vec<u8>,
        /// By whom.
        pub invited_by: UserId,
        /// When.
        pub created_at: Time,
        /// Until when.
        pub expires_at: Time,
        /// When it was accepted.
        pub accepted_at: Option<Time>,
        /// By whom.
        pub accepted_by: Option<UserId>,
        /// When it was taken back.
        pub revoked_at: Option<Time>,
    }
}

/// Returns the members of an organization, by name.
pub async fn list(tx: &mut Reader, scope: &InOrg) -> Result<Vec<(OrgMember, Person)>> {
    tx.pairs(
        "SELECT {a}, {b} FROM org_members a JOIN users b ON b.id = a.user_id
          WHERE a.org_id = $1 ORDER BY b.display_name, b.id LIMIT 500",
        (scope.org_id(),),
    )
    .await
}

/// Returns a membership.
pub async fn find(tx: &mut Reader, org: OrgId, id: MemberId) -> Result<Option<OrgMember>> {
    tx.find("SELECT {} FROM org_members WHERE org_id = $1 AND id = $2", (org, id)).await
}

/// Returns somebody's membership.
pub async fn of_user(tx: &mut Reader, org: OrgId, user: UserId) -> Result<Option<OrgMember>> {
    tx.find("SELECT {} FROM org_members WHERE org_id = $1 AND user_id = $2", (org, user)).await
}

/// Returns how many owners an organization has.
pub async fn count_owners(tx: &mut Reader, org: OrgId) -> Result<i64> {
    tx.value("SELECT COUNT(*) FROM org_members WHERE org_id = $1 AND role = 'owner'", (org,)).await
}

/// Sets a member's role.
pub async fn set_role(tx: &mut WriteTx, org: OrgId, id: MemberId, role: Role) -> Result<u64> {
    tx.run(
        "UPDATE org_members SET role = $1, provider_id = NULL, hand_role = NULL WHERE org_id = $2 AND id = $3",
        (role, org, id),
    )
    .await
}

/// Keeps a role by hand beside the one groups gave.
pub async fn keep_by_hand(
    tx: &mut WriteTx,
    org: OrgId,
    id: MemberId,
    role: Role,
    by_hand: Role,
) -> Result<u64> {
    tx.run(
        "UPDATE org_members SET role = $1, hand_role = $2 WHERE org_id = $3 AND id = $4",
        (role, by_hand, org, id),
    )
    .await
}

/// The same in a project.
pub async fn keep_by_hand_in_project(
    tx: &mut WriteTx,
    org: OrgId,
    id: MemberId,
    role: Role,
    by_hand: Role,
) -> Result<u64> {
    tx.run(
        "UPDATE project_members SET role = $1, hand_role = $2 WHERE org_id = $3 AND id = $4",
        (role, by_hand, org, id),
    )
    .await
}

/// Removes somebody from an organization and from every project of it; keys they made or answer for end.
pub async fn remove(tx: &mut WriteTx, org: OrgId, user: UserId) -> Result<u64> {
    tx.run("DELETE FROM project_members WHERE org_id = $1 AND user_id = $2", (org, user)).await?;
    crate::identity::keys::revoke_of(tx, org, None, user).await?;
    crate::tenancy::authority::forget(tx, org, user).await?;
    tx.run("DELETE FROM org_members WHERE org_id = $1 AND user_id = $2", (org, user)).await
}

/// Changes an organization.
pub async fn change(
    tx: &mut WriteTx,
    org: &Organization,
    name: &str,
    require_mfa: MfaPolicy,
) -> Result<u64> {
    tx.run(
        "UPDATE organizations SET name = $1, require_mfa = $2 WHERE id = $3",
        (name, require_mfa, org.id),
    )
    .await
}

/// Returns the invitations of an organization that wait, newest first.
pub async fn list_open(tx: &mut Reader, org: OrgId) -> Result<Vec<Invitation>> {
    let now = tx.now();
    tx.list(
        "SELECT {} FROM invitations
          WHERE org_id = $1 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $2
          ORDER BY id DESC LIMIT 200",
        (org, now),
    )
    .await
}

/// Returns the invitation of a link, if it still works.
pub async fn find_open(tx: &mut Reader, hash: &[u8]) -> Result<Option<Invitation>> {
    let now = tx.now();
    tx.find(
        "SELECT {} FROM invitations WHERE token_hash = $1 AND accepted_at IS NULL
            AND revoked_at IS NULL AND expires_at > $2",
        (hash.to_vec(), now),
    )
    .await
}

/// Returns an invitation that waits.
pub async fn find_invitation(tx: &mut Reader, id: InvitationId) -> Result<Option<Invitation>> {
    tx.find(
        "SELECT {} FROM invitations WHERE id = $1 AND accepted_at IS NULL AND revoked_at IS NULL",
        (id,),
    )
    .await
}

/// Uses an invitation; says whether this was its one use.
pub async fn accept(tx: &mut WriteTx, id: InvitationId, user: UserId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE invitations SET accepted_at = $1, accepted_by = $2
          WHERE id = $3 AND accepted_at IS NULL AND revoked_at IS NULL AND expires_at > $1",
        (now, user, id),
    )
    .await
    .map(|count| count == 1)
}

/// Takes an invitation back; says whether it waited.
pub async fn revoke(tx: &mut WriteTx, id: InvitationId) -> Result<bool> {
    let now = tx.now();
    tx.run(
        "UPDATE invitations SET revoked_at = $1
          WHERE id = $2 AND accepted_at IS NULL AND revoked_at IS NULL",
        (now, id),
    )
    .await
    .map(|count| count == 1)
}

/// Returns the projects of an organization, archived ones too.
pub async fn projects_of(tx: &mut Reader, org: OrgId) -> Result<Vec<Project>> {
    tx.list("SELECT {} FROM projects WHERE org_id = $1 AND deleted_at IS NULL ORDER BY id", (org,))
        .await
}

/// Archives an organization since a moment, or takes it out; says how many it was not so of.
pub async fn archive(tx: &mut WriteTx, org: OrgId, since: Option<Time>) -> Result<u64> {
    tx.run(
        "UPDATE organizations SET archived_at = $1
          WHERE id = $2 AND (archived_at IS NULL) = (CAST($1 AS BIGINT) IS NOT NULL)",
        (since, org),
    )
    .await
}

/// Returns the owners of an organization.
pub async fn owners(tx: &mut Reader, org: OrgId) -> Result<Vec<Person>> {
    tx.list(
        "SELECT u.id, u.email, u.display_name FROM users u JOIN org_members m ON m.user_id = u.id
          WHERE m.org_id = $1 AND m.role = 'owner' AND u.state = 'active' ORDER BY u.id LIMIT 100",
        (org,),
    )
    .await
}
