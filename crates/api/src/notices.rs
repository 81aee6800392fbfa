//! Notices on the wire.

use crate::{NoticeId, Time};
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
