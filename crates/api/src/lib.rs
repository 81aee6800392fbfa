//! The words on the wire: typed ids, money, time, error codes, request and response types, and
//! the protocol between control plane and agent.
//!
//! Promises: no I/O, no clock, no async. Every value that crosses a boundary is parsed once, here,
//! into a type that cannot be wrong afterwards. Absent on purpose: anything that decides.

pub mod access;
pub mod allocations;
pub mod audit;
pub mod authority;
pub mod billing;
pub mod budgets;
pub mod cards;
pub mod catalog;
pub mod error;
pub mod factors;
pub mod fleet;
pub mod ids;
pub mod journal;
pub mod machines;
pub mod metering;
pub mod money;
pub mod node;
pub mod notices;
pub mod operations;
pub mod organizations;
pub mod payments;
pub mod people;
pub mod price_books;
pub mod quotas;
pub mod reconciliation;
pub mod recordings;
pub mod shares;
pub mod ssh;
pub mod sso;
pub mod staff;
pub mod statements;
pub mod stored;
pub mod time;
pub mod webhooks;
pub mod words;

pub use error::{Blocker, Code, FieldError, Problem};
pub use ids::{
    AccountId, AllocationId, ApprovalId, AttemptId, AuditId, BadId, BindingId, BreakGlassId,
    BudgetId, CardId, CaseId, ChallengeId, ClaimId, ConfirmationId, CorrelationId, CreditId,
    DeliveryId, DeptId, DeviceGrantId, DisputeId, DomainId, FactorId, GrantId, GroupId, HoldId,
    IdentityId, InvitationId, JoinId, KeyId, LinkId, MailId, MemberId, MeterSourceId, MovementId,
    NodeId, NoticeId, OrgId, PREFIXES, PaymentEventId, PaymentId, PostingId, PriceBookId, PriceId,
    PriceLineId, PriceUseId, ProjectId, ProviderId, QuotaId, RecordingId, RecoveryCodeId,
    RecoveryId, RefundId, ResetId, RoleId, RoleMapId, ServiceAccountId, SessionId, SkuId, SlotId,
    SshCertificateId, SshGrantId, SshKeyId, StatementId, SupportId, TaskId, TerminalId,
    TerminalShareId, TxnId, TypedId, UsageChargeId, UsageEventId, UsageId, UsagePriceId,
    UsageTotalId, UsageWriteOffId, UserId, WebhookId, WorkId,
};
pub use money::{Currency, Micros, Money};
pub use stored::{Kind, Stored, Value};
pub use time::Time;

use serde::{Deserialize, Serialize};

/// One page of a list: the rows and the cursor of the next page.
#[derive(Debug, Clone, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Page<T> {
    /// The rows of this page, newest first unless the operation says otherwise.
    pub items: Vec<T>,
    /// Opaque; give it back as `?cursor=` for the next page. Absent on the last page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}
