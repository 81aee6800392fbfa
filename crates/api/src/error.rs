//! One shared catalogue of error codes, and the problem document every error travels in.
//!
//! Clients switch on `code`, never on the text. Codes are stable; texts may change.
//! Shape: RFC 9457 (`application/problem+json`) with `code`, `correlation_id`, `errors`, `blockers`.

use serde::{Deserialize, Serialize};

macro_rules! codes {
    ($($(#[$meta:meta])* $name:ident = $text:literal, $status:literal, $title:literal;)+) => {
        /// A stable, machine-readable reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
        pub enum Code { $($(#[$meta])* #[serde(rename = $text)] $name),+ }
        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];
            /// Returns the code as clients see it.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$name => $text),+ } }
            /// Returns the HTTP status that goes with it.
            pub const fn status(self) -> u16 { match self { $(Self::$name => $status),+ } }
            /// Returns one sentence for a person: what happened and what to do.
            pub const fn title(self) -> &'static str { match self { $(Self::$name => $title),+ } }
        }
    };
}

codes! {
    /// No credential was given.
    TokenMissing = "token_missing", 401, "Sign in to go on.";
    /// The credential is not one of ours, or was ended.
    TokenInvalid = "token_invalid", 401, "This sign-in is no longer valid. Sign in again.";
    /// The credential is past its end.
    TokenExpired = "token_expired", 401, "This sign-in has expired. Sign in again.";
    /// The password was right; a second factor is outstanding.
    SecondFactorRequired = "second_factor_required", 401, "Confirm with your second factor to go on.";
    /// Policy asks for a second factor this person has not set up.
    EnrolmentRequired = "factor_enrolment_required", 403, "Set up a second factor to go on.";
    /// This needs fresh proof of who asks.
    StepUpRequired = "step_up_required", 403, "Confirm that it is you to go on.";
    /// A key cannot do this; a person must.
    HumanRequired = "human_required", 403, "A key cannot do this. A person who is signed in must.";
    /// A code or passkey did not prove anything.
    FactorRefused = "factor_refused", 403, "This code is wrong, was used, or has expired.";
    /// It is the only one, and policy asks for one.
    LastFactor = "last_factor", 409, "A second factor is required of you. Add another before you remove this one.";
    /// The caller sees the thing but may not do this to it.
    InsufficientPermissions = "insufficient_permissions", 403, "Your role does not allow this. Ask an owner or admin of the project.";
    /// Only people who run the platform may do this.
    OperatorRequired = "operator_required", 403, "Only platform operators may do this.";
    /// The request came from another site, or without proof that a person here sent it.
    CrossSite = "cross_site_request", 403, "This request did not come from a page of this site. Reload the page and try again.";
    /// Wrong name or password.
    SignInRefused = "sign_in_refused", 401, "E-mail address or password is wrong.";
    /// What a sign-in service answered cannot be accepted.
    SsoRefused = "sso_refused", 403, "The sign-in could not be completed. Start it again.";
    /// A sign-in service does not answer.
    SsoUnavailable = "sso_unavailable", 503, "The sign-in service does not answer right now. Try again in a minute, or sign in another way.";
    /// The site asks for a confirmed address, and this one is not.
    EmailUnconfirmed = "email_unconfirmed", 403, "Confirm your mail address first: the security page sends you the link again.";
    /// Nobody has decided about the device yet (RFC 8628 §3.5).
    DevicePending = "authorization_pending", 400, "Nobody has approved this device yet.";
    /// The device asks too often.
    DeviceSlowDown = "slow_down", 400, "This device asks too often. It waits five seconds longer now.";
    /// Somebody refused the device.
    DeviceRefused = "access_denied", 403, "The sign-in was refused. Begin again if that was a mistake.";
    /// The code is over or was used.
    DeviceExpired = "expired_token", 400, "This code was used or has expired. Begin again.";
    /// There is no such thing, or it is not yours: one answer for both.
    NotFound = "not_found", 404, "There is nothing here under this address, or it is not yours to see.";
    /// The path exists, the method does not.
    MethodNotAllowed = "method_not_allowed", 405, "This address does not answer this kind of request.";
    /// The request cannot be read.
    InvalidRequest = "invalid_request", 400, "The request could not be read.";
    /// Fields are wrong; each is named in `errors`.
    ValidationError = "validation_error", 422, "Some fields need another look.";
    /// The body is larger than allowed.
    TooLarge = "request_too_large", 413, "The request is larger than allowed.";
    /// The headers are larger than allowed.
    HeadersTooLarge = "headers_too_large", 431, "The request's headers are larger than allowed.";
    /// The body is of a kind this operation does not read.
    UnsupportedMediaType = "unsupported_media_type", 415, "This operation reads application/json.";
    /// The operation needs an idempotency key.
    IdempotencyKeyRequired = "idempotency_key_required", 400, "Send an X-Idempotency-Key of 8 to 128 letters, digits, '-' or '_'.";
    /// The key was used with another body.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "This idempotency key was used for another request.";
    /// The same key is being worked on right now.
    IdempotencyInFlight = "idempotency_in_flight", 409, "The same request is still being worked on. Ask again in a moment.";
    /// Somebody changed it at the same time.
    Raced = "conflict", 409, "Somebody changed this at the same moment. Look again and retry.";
    /// The thing's state does not allow this now.
    NotNow = "state_conflict", 409, "This is not possible in the present state.";
    /// The name is taken.
    NameTaken = "name_taken", 409, "This name is already in use here.";
    /// It still holds things that must go first.
    StillHolds = "still_in_use", 409, "It still holds things that must go first.";
    /// The last owner cannot leave.
    LastOwner = "last_owner", 409, "There must be at least one owner.";
    /// A quota leaves no room for it.
    QuotaExceeded = "quota_exceeded", 409, "A quota leaves no room for this.";
    /// Precheck found what stands in the way; see `blockers`.
    Blocked = "launch_blocked", 409, "Something stands in the way of this launch.";
    /// The SKU is unknown, switched off, or has nothing free.
    SkuUnavailable = "sku_unavailable", 409, "This hardware is not to be had right now.";
    /// The balance does not cover it.
    InsufficientBalance = "insufficient_balance", 409, "The balance does not cover this. Add funds first.";
    /// The terminal ticket is missing, used, expired or somebody else's.
    TicketInvalid = "ticket_invalid", 401, "This terminal link was used or has expired. Open the terminal again.";
    /// The terminal would be recorded, and nobody agreed to that.
    RecordingConsent = "recording_consent_required", 409, "The organization records what terminals show. Agree to that, and it opens.";
    /// The node cannot be reached now.
    NodeUnreachable = "node_unreachable", 503, "The machine does not answer right now. Try again in a minute.";
    /// Too many requests.
    RateLimited = "rate_limit_exceeded", 429, "Too many requests. Wait a little and try again.";
    /// The one-time link is used or expired.
    LinkInvalid = "link_invalid", 410, "This link was used or has expired. Ask for a new one.";
    /// The join token is used or expired.
    JoinRefused = "join_refused", 401, "This join line was used or has expired. Make a new one on the nodes page.";
    /// The server is busy.
    Overloaded = "service_busy", 503, "The service is busy. Try again in a moment.";
    /// No space, or another storage trouble.
    StorageFull = "insufficient_storage", 507, "The service cannot store anything right now. Operators have been told.";
    /// The database cannot be reached.
    ServiceUnavailable = "service_unavailable", 503, "The service is not available right now. Try again in a minute.";
    /// A fault of ours.
    Internal = "internal_error", 500, "Something went wrong on our side. The correlation ID below helps us find it.";
}

impl std::fmt::Display for Code {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A field that is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FieldError {
    /// The field's name in the request.
    pub field: String,
    /// What is wrong and what is allowed, in plain words.
    pub message: String,
}

/// One thing that stands in the way of a launch, with who can mend it and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Blocker {
    /// Stable reason.
    pub code: String,
    /// What is in the way, in plain words.
    pub message: String,
    /// Who can mend it: `user`, `project_admin`, `organization_owner` or `operator`.
    pub owner: String,
    /// What to do, in plain words.
    pub fix: String,
    /// The page where it can be mended, when there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub href: Option<String>,
}

/// The body of every error (RFC 9457).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Problem {
    /// `about:blank`: the code says what it is.
    #[serde(rename = "type")]
    pub kind: String,
    /// One sentence for a person.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is special about this case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// Stable reason.
    pub code: Code,
    /// Names everything this request caused; quote it to support.
    pub correlation_id: String,
    /// Fields that are wrong.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// What stands in the way of a launch.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blockers: Vec<Blocker>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_text_and_an_error_status() {
        let mut texts: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
        texts.sort_unstable();
        texts.dedup();
        assert_eq!(texts.len(), Code::ALL.len());
        assert!(Code::ALL.iter().all(|code| (400..600).contains(&code.status())));
    }
}
