//! Reaching workloads by SSH, on the wire.

use crate::{AllocationId, ProjectId, SshCertificateId, SshGrantId, SshKeyId, Time, UserId, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A public key somebody registered. Private keys are never stored.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SshKeyView {
    /// Identifier.
    pub id: SshKeyId,
    /// Whose.
    pub user_id: UserId,
    /// What they call it; the comment of the key when they said nothing.
    pub name: String,
    /// `ssh-ed25519`
    pub algorithm: String,
    /// Bits, of RSA keys.
    pub bits: Option<i64>,
    /// `SHA256:…`, as `ssh-keygen -lf` prints it.
    pub fingerprint: String,
    /// The key without its comment.
    pub public_key: String,
    /// When it was added.
    pub created_at: Time,
    /// When it last opened a workload.
    pub last_used_at: Option<Time>,
    /// Projects it is offered in, of those whoever asks may see.
    pub projects: Vec<ProjectId>,
}

/// `POST /api/v1/account/ssh-keys`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SshKeyCreate {
    /// One line: `ssh-ed25519 AAAA… you@laptop`.
    pub public_key: String,
    /// 1 to 60 characters; the key's comment when absent.
    #[serde(default)]
    pub name: Option<String>,
}

/// `POST /api/v1/account/ssh-keys/import`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SshKeyImport {
    /// The text of an `authorized_keys` file: a key a line; empty lines and those that begin with `#` are left out.
    pub authorized_keys: String,
}

/// What became of one line of an import.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SshKeyImported {
    /// The line's number, from 1.
    pub line: i64,
    /// The key that was added.
    pub added: Option<SshKeyView>,
    /// Else why not.
    pub refused: Option<String>,
}

/// Answer to an import.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SshKeyImports {
    /// Each line that had a key.
    pub lines: Vec<SshKeyImported>,
}

/// `POST /api/v1/projects/{project_id}/ssh-keys`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProjectSshKeyCreate {
    /// One of one's own keys.
    pub ssh_key_id: SshKeyId,
}

/// `POST /api/v1/allocations/{allocation_id}/ssh-certificates`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SshCertificateCreate {
    /// A public key made for this: `ssh-ed25519 AAAA…`.
    pub public_key: String,
}

/// A certificate: with the private half of its key it opens one workload to one person.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SshCertificateView {
    /// Identifier; the certificate's key id.
    pub id: SshCertificateId,
    /// The certificate, as in a file that ends in `-cert.pub`.
    pub certificate: String,
    /// The key's fingerprint.
    pub fingerprint: String,
    /// Until when it opens the workload. What it opened goes on.
    pub expires_at: Time,
}

words! {
    /// Where a way in comes from.
    pub enum SshGrantSource {
        /// The launch.
        Launch = "launch",
        /// Somebody gave it later.
        Grant = "grant",
    }
}

/// Somebody's way in to one workload.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SshGrantView {
    /// Identifier.
    pub id: SshGrantId,
    /// The workload.
    pub allocation_id: AllocationId,
    /// Who.
    pub user_id: UserId,
    /// Their name.
    pub user: String,
    /// With this key of theirs; with any when absent.
    pub ssh_key_id: Option<SshKeyId>,
    /// That key's fingerprint.
    pub fingerprint: Option<String>,
    /// That key's name.
    pub key_name: Option<String>,
    /// Where it comes from.
    pub source: SshGrantSource,
    /// Who gave it.
    pub granted_by: UserId,
    /// When.
    pub created_at: Time,
    /// Until when; as long as the workload runs when absent.
    pub expires_at: Option<Time>,
}

/// `POST /api/v1/allocations/{allocation_id}/ssh-grants`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SshGrantCreate {
    /// A member of the project.
    pub user_id: UserId,
    /// Hours it lasts, 1 to 720; as long as the workload runs when absent.
    #[serde(default)]
    pub hours: Option<u32>,
}

/// What an organization allows over SSH, and asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReachPolicy {
    /// Whether ports of workloads may be forwarded (`ssh -L`, `-D`, `-R`).
    pub forwarding: bool,
    /// Whether a launch needs a key that opens it.
    pub require_key: bool,
}

/// How a workload is reached.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ConnectView {
    /// Where SSH is listened for: host.
    pub host: String,
    /// And port.
    pub port: u16,
    /// What SSH calls the workload: its identifier.
    pub user: String,
    /// The same, shorter, while the name means one workload of whoever asks.
    pub short: Option<String>,
    /// The host key's fingerprint: what the client shows at the first connection.
    pub host_key_fingerprint: String,
    /// The host key, as in a `known_hosts` file.
    pub host_key: String,
    /// `ssh -p 2222 alloc_…@host`
    pub command: String,
    /// Live ways in.
    pub grants: Vec<SshGrantView>,
    /// Whether whoever asks has one of them now, with a key.
    pub reachable: bool,
}
