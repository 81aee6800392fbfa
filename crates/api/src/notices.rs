//! Notices on the wire.

use crate::{NoticeId, Time, words};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Something a person was told.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct NoticeView {
    /// Identifier.
    pub id: NoticeId,
    /// `mfa.factor_added`
    pub kind: String,
    /// Whether it is about the safety of the account: such notices cannot be switched off.
    pub security: bool,
    /// One line.
    pub title: String,
    /// A few sentences.
    pub body: String,
    /// The page where one acts on it.
    pub href: String,
    /// When.
    pub created_at: Time,
    /// When it was read.
    pub read_at: Option<Time>,
}

words! {
    /// What notices are about that people may have without mail; those about the safety of an account are
    /// always mailed.
    pub enum NoticeAbout {
        /// Who comes and goes: an invitation was accepted.
        People = "people",
        /// What runs: a workload failed or was released by somebody else, a webhook was stopped.
        Work = "work",
    }
}

/// Whether notices about something are mailed.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoticePreference {
    /// About what.
    pub about: NoticeAbout,
    /// Whether they are mailed; they are in the inbox in any case.
    pub mail: bool,
}
