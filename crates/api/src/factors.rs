//! Second factors on the wire: what somebody has, how it is set up, and the way back when it is lost.

use crate::{ChallengeId, FactorId, IdentityId, RecoveryId, Time, UserId, people::UserView, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// The kinds of second factor.
    pub enum FactorKind {
        /// One-time codes of an authenticator app (RFC 6238).
        Totp = "totp",
        /// A passkey or security key (W3C WebAuthn Level 3).
        Passkey = "passkey",
    }
}

words! {
    /// How an account stands.
    pub enum MfaState {
        /// A password alone.
        None = "none",
        /// Set-up was begun and not finished.
        SetupPending = "setup_pending",
        /// At least one factor has been proven.
        Protected = "protected",
        /// Somebody asked to get in without the factors.
        RecoveryRequested = "recovery_requested",
    }
}

words! {
    /// What is known of factors that somebody else's sign-in service holds.
    pub enum ExternalPosture {
        /// The account does not sign in through one.
        NotUsed = "not_used",
        /// The last sign-in said that a second factor was used.
        Observed = "observed",
        /// The last sign-in said nothing about it: that is no proof that there is none.
        Unqueried = "unqueried",
        /// Set-up was begun there and the person is not back yet.
        Pending = "pending",
        /// The service did not answer.
        Unavailable = "unavailable",
    }
}

words! {
    /// How far a recovery request is.
    pub enum RecoveryState {
        /// Waits for approval.
        Requested = "requested",
        /// Approved; waits for its time.
        Approved = "approved",
        /// Done by the person.
        Completed = "completed",
        /// Refused by an approver.
        Refused = "refused",
        /// Taken back, or stopped by a sign-in with a factor.
        Cancelled = "cancelled",
        /// Nobody finished it in time.
        Expired = "expired",
    }
}

/// A factor somebody has.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct FactorView {
    /// Identifier.
    pub id: FactorId,
    /// Its kind.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// Whether it has been proven once; only then it counts.
    pub confirmed: bool,
    /// When it was set up.
    pub created_at: Time,
    /// When it last proved anything.
    pub last_used_at: Option<Time>,
}

/// A recovery request.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RecoveryView {
    /// Identifier.
    pub id: RecoveryId,
    /// Whose factors.
    pub user: UserView,
    /// Why, in the words of whoever asked.
    pub reason: String,
    /// How far it is.
    pub state: RecoveryState,
    /// Who asked.
    pub started_by: UserId,
    /// How many people approved.
    pub approvals: i64,
    /// How many must.
    pub approvals_needed: i64,
    /// When it was asked.
    pub created_at: Time,
    /// When it can be finished at the earliest.
    pub ready_at: Time,
    /// When it ends by itself.
    pub expires_at: Time,
}

/// A sign-in service somebody comes from.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ConnectedService {
    /// Identifier of the connection.
    pub id: IdentityId,
    /// What it is called.
    pub label: String,
    /// What is known of second factors there.
    pub posture: ExternalPosture,
    /// What the last sign-in proved, in words of RFC 8176; empty where it said nothing.
    pub methods: Vec<String>,
    /// When they last came from there.
    pub seen_at: Time,
    /// Where second factors are looked after there; empty where it is not known.
    pub manage_url: String,
    /// Whether it made the account, which has no password then.
    pub made_account: bool,
}

/// `GET /api/v1/account/security`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct SecurityView {
    /// How the account stands.
    pub state: MfaState,
    /// Whether a second factor is required of this person.
    pub required: bool,
    /// Why, in plain words; empty when it is not.
    pub required_reason: String,
    /// The factors.
    pub factors: Vec<FactorView>,
    /// Unused recovery codes.
    pub recovery_codes_left: i64,
    /// The open recovery request.
    pub recovery: Option<RecoveryView>,
    /// Whether this session proved a second factor.
    pub session_strong: bool,
    /// How this session was proven (RFC 8176 words).
    pub session_methods: Vec<String>,
    /// Until when this session may do sensitive things without being asked again.
    pub fresh_until: Time,
    /// What an outside sign-in service says.
    pub external: ExternalPosture,
    /// Whether the mail address was shown to be one's own; of accounts a sign-in service made, always.
    pub email_confirmed: bool,
    /// The sign-in services one comes from.
    pub services: Vec<ConnectedService>,
    /// Whether passkeys can be used under this site's address.
    pub passkeys_possible: bool,
}

/// Body that begins the set-up of an authenticator app.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TotpBegin {
    /// A name to recognise it by; 1 to 60 characters.
    pub name: String,
}

/// A seed for an authenticator app: shown once.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct TotpSeed {
    /// The factor it will be.
    pub factor_id: FactorId,
    /// Base32, to type by hand.
    pub secret: String,
    /// `otpauth://` address, as in the QR code.
    pub uri: String,
}

/// A code of an authenticator app, or a recovery code.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorCode {
    /// Six digits, or a recovery code.
    pub code: String,
}

/// Proof that it is still you: one of the two.
#[derive(Debug, Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StepUp {
    /// A code of an authenticator app, or a recovery code.
    #[serde(default)]
    pub code: Option<String>,
    /// The password: only where there is no second factor.
    #[serde(default)]
    pub password: Option<String>,
}

/// What the browser needs to make or use a passkey.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct PasskeyOptions {
    /// The challenge to name when answering.
    pub challenge_id: ChallengeId,
    /// For `navigator.credentials`, as WebAuthn Level 3 writes it in JSON.
    #[schema(value_type = Object)]
    pub options: serde_json::Value,
}

/// A passkey that was made.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasskeyCreate {
    /// The challenge it answers.
    pub challenge_id: ChallengeId,
    /// A name to recognise it by.
    pub name: String,
    /// `PublicKeyCredential.toJSON()`
    #[schema(value_type = Object)]
    pub credential: serde_json::Value,
}

/// A factor was proven for the first time.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct FactorAdded {
    /// It.
    pub factor: FactorView,
    /// Recovery codes, with the first factor only: shown once.
    pub recovery_codes: Vec<String>,
    /// The session's new token (bearer sessions only): the old one has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// New recovery codes: shown once; older ones have ended.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each works once.
    pub recovery_codes: Vec<String>,
}

/// A new name.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorRename {
    /// 1 to 60 characters.
    pub name: String,
}

/// `POST /api/v1/account/security/mfa/recovery-requests`
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryCreate {
    /// Why: 5 to 500 characters, read by whoever approves.
    pub reason: String,
}

/// Why an approver refuses.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoveryRefuse {
    /// 5 to 500 characters; the person reads it.
    pub reason: String,
}

/// A group of people and how many of them have a second factor.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct ReadinessGroup {
    /// `operators` (everybody with a role of the platform), `owners` (of organizations that are not one person's),
    /// `people`
    pub group: String,
    /// How many there are.
    pub people: i64,
    /// How many have a proven factor here.
    pub protected: i64,
    /// How many have a backup: two factors or more.
    pub with_backup: i64,
    /// Whether a second factor is required of them.
    pub required: bool,
}

/// `GET /api/v1/platform/iam/mfa-readiness`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct MfaReadiness {
    /// When this was read.
    pub read_at: Time,
    /// The groups.
    pub groups: Vec<ReadinessGroup>,
    /// Operators without a factor.
    pub operators_without: Vec<UserView>,
    /// Whether operators are excused: never in production.
    pub operators_excused: bool,
    /// Open recovery requests.
    pub recovery_open: i64,
    /// Sealed break-glass codes that still work.
    pub break_glass_left: i64,
    /// When a break-glass code was last used.
    pub break_glass_used_at: Option<Time>,
}

/// A step of rolling second factors out, and whether it is done.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RolloutStep {
    /// `operators`, `second_operator`, `mail`, `break_glass`, `owners`, `people`, `recoveries`
    pub step: String,
    /// What it is.
    pub title: String,
    /// Whether it is done.
    pub done: bool,
    /// What was found.
    pub found: String,
    /// What to do.
    pub next: String,
    /// Where.
    pub href: String,
}

/// `GET /api/v1/platform/iam/rollout`: what a change board is shown before second factors are asked of everybody.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct RolloutPacket {
    /// When this was read.
    pub read_at: Time,
    /// The steps, in their order.
    pub steps: Vec<RolloutStep>,
    /// What people are written.
    pub letter: String,
    /// How it is taken back.
    pub back: String,
    /// The readiness it is drawn from.
    pub readiness: MfaReadiness,
}

/// Sealed codes of the break-glass account: shown once, to be printed and locked away.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
pub struct BreakGlassCodes {
    /// Each opens one session of an hour.
    pub codes: Vec<String>,
}
