//! Typed identifiers: UUIDv7 inside, `prefix_` + 26 lower-case Crockford base32 characters on the
//! wire (TypeID, https://github.com/jetify-com/typeid/tree/main/spec). One type per thing, so an
//! allocation's id can never be passed where a node's is meant.

use crate::stored::{Kind, Stored, Value};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};
use uuid::Uuid;

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// The text is not an id of the wanted kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form {prefix}_…")]
pub struct BadId {
    /// The prefix that was wanted.
    pub prefix: &'static str,
}

/// What all typed ids share.
pub trait TypedId: Copy + Sized + fmt::Display {
    /// The text before the underscore.
    const PREFIX: &'static str;
    /// Wraps a raw UUID.
    fn from_uuid(uuid: Uuid) -> Self;
    /// Returns the raw UUID.
    fn uuid(self) -> Uuid;
    /// Returns what sorts before every id: where an ascending list starts.
    fn first() -> Self {
        Self::from_uuid(Uuid::nil())
    }
    /// Returns what sorts after every id: where a descending list starts.
    fn last() -> Self {
        Self::from_uuid(Uuid::max())
    }
}

/// An id on the wire, without a heap: lists are full of them.
struct Wire([u8; WIDEST]);

/// The longest prefix, the underscore and the 26 letters.
const WIDEST: usize = 8 + 1 + 26;

impl Wire {
    fn of(uuid: Uuid, prefix: &str) -> Self {
        let mut text = [b'_'; WIDEST];
        let (head, tail) = text.split_at_mut(WIDEST - 26);
        let lead = head.len().saturating_sub(1 + prefix.len());
        for (place, byte) in head.iter_mut().skip(lead).zip(prefix.bytes()) {
            *place = byte;
        }
        let mut bits = uuid.as_u128();
        for place in tail.iter_mut().rev() {
            *place = ALPHABET.get((bits & 31) as usize).copied().unwrap_or(b'0');
            bits >>= 5;
        }
        Self(text)
    }

    fn text(&self, prefix: &str) -> &str {
        let lead = WIDEST.saturating_sub(26 + 1 + prefix.len());
        self.0.get(lead..).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default()
    }
}

fn decode(text: &str, prefix: &'static str) -> Result<Uuid, BadId> {
    let bad = BadId { prefix };
    let body = text
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .filter(|body| body.len() == 26)
        .ok_or_else(|| bad.clone())?;
    let mut bits: u128 = 0;
    for (place, byte) in body.bytes().enumerate() {
        let digit =
            ALPHABET.iter().position(|letter| *letter == byte).ok_or_else(|| bad.clone())?;
        if place == 0 && digit > 7 {
            return Err(bad);
        }
        bits = (bits << 5) | digit as u128;
    }
    Ok(Uuid::from_u128(bits))
}

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident = $prefix:literal),+ $(,)?) => {
        $(
            $(#[$meta])*
            #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, utoipa::ToSchema)]
            #[schema(value_type = String)]
            pub struct $name(pub Uuid);
            const _: () = assert!($prefix.len() <= 8, "a longer prefix does not fit");
            impl TypedId for $name {
                const PREFIX: &'static str = $prefix;
                fn from_uuid(uuid: Uuid) -> Self { Self(uuid) }
                fn uuid(self) -> Uuid { self.0 }
            }
            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(Wire::of(self.0, $prefix).text($prefix))
                }
            }
            impl fmt::Debug for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str(Wire::of(self.0, $prefix).text($prefix))
                }
            }
            impl FromStr for $name {
                type Err = BadId;
                fn from_str(text: &str) -> Result<Self, BadId> { decode(text, $prefix).map(Self) }
            }
            impl Serialize for $name {
                fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                    s.serialize_str(Wire::of(self.0, $prefix).text($prefix))
                }
            }
            impl<'de> Deserialize<'de> for $name {
                fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                    String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
                }
            }
            impl Stored for $name {
                const KIND: Kind = Kind::Uuid;
                fn to_value(&self) -> Value { Value::Uuid(self.0) }
                fn from_value(value: Value) -> Option<Self> { Uuid::from_value(value).map(Self) }
            }
        )+
        /// Every prefix in use; a test refuses doubles.
        pub const PREFIXES: &[&str] = &[$($prefix),+];
    };
}

ids! {
    /// A person.
    UserId = "usr",
    /// An organization: the owner and payer.
    OrgId = "org",
    /// A department: a cost centre inside an organization.
    DeptId = "dept",
    /// A project: where everything operational lives.
    ProjectId = "proj",
    /// A membership of a person in an organization or project.
    MemberId = "mem",
    /// A signed-in session.
    SessionId = "sess",
    /// A machine that acts in a project.
    ServiceAccountId = "sa",
    /// A key of a service account.
    KeyId = "key",
    /// An invitation.
    InvitationId = "inv",
    /// A link that lets somebody choose a new password.
    ResetId = "reset",
    /// A sign-in service.
    ProviderId = "idp",
    /// A person as a sign-in service knows them.
    IdentityId = "idn",
    /// A sign-in on its way to a sign-in service and back.
    AttemptId = "att",
    /// What a group of a sign-in service is worth here.
    RoleMapId = "map",
    /// A group of people of an organization.
    GroupId = "grp",
    /// A role an organization made for itself.
    RoleId = "role",
    /// A role bound to a person or a group.
    BindingId = "bind",
    /// A quota.
    QuotaId = "quota",
    /// A webhook of an organization.
    WebhookId = "hook",
    /// An event on its way to a webhook.
    DeliveryId = "dlv",
    /// A look of the platform's people into an organization.
    SupportId = "sup",
    /// A link that confirms a mail address.
    ConfirmationId = "conf",
    /// A device that asks to be signed in.
    DeviceGrantId = "dev",
    /// A mail domain an organization claims.
    DomainId = "dom",
    /// A second factor: an authenticator app or a passkey.
    FactorId = "fact",
    /// A challenge a passkey answers once.
    ChallengeId = "chal",
    /// A code that stands in for a lost factor, once.
    RecoveryCodeId = "code",
    /// A request to get back in without one's factors.
    RecoveryId = "rec",
    /// Somebody's approval of such a request.
    ApprovalId = "appr",
    /// A sealed code of the break-glass account.
    BreakGlassId = "glass",
    /// Something a person is told.
    NoticeId = "note",
    /// A mail on its way.
    MailId = "mail",
    /// A one-time link.
    LinkId = "link",
    /// An audit entry.
    AuditId = "evt",
    /// A correlation of everything one request caused.
    CorrelationId = "cor",
    /// A ledger account.
    AccountId = "acct",
    /// A ledger transaction.
    TxnId = "txn",
    /// A ledger posting: one transfer between two accounts.
    PostingId = "post",
    /// A reservation of money for running work.
    HoldId = "hold",
    /// A window of metered usage.
    UsageId = "use",
    /// A granted credit.
    GrantId = "grant",
    /// A payment.
    PaymentId = "pay",
    /// An event of a payment processor.
    PaymentEventId = "pevt",
    /// A saved card.
    CardId = "card",
    /// A movement of money in a processor's own account.
    MovementId = "mov",
    /// Where a processor and the books differ.
    CaseId = "case",
    /// A refund of a payment.
    RefundId = "ref",
    /// A payment a bank took back.
    DisputeId = "disp",
    /// A budget.
    BudgetId = "budg",
    /// Credit the platform's people give.
    CreditId = "cred",
    /// A monthly statement.
    StatementId = "stmt",
    /// A source of usage events.
    MeterSourceId = "msrc",
    /// A usage event.
    UsageEventId = "uevt",
    /// What a subject used of a meter at one price.
    UsageTotalId = "utot",
    /// A step of such a total.
    UsageChargeId = "uchg",
    /// Usage that is never charged.
    UsageWriteOffId = "uwof",
    /// A price of a meter.
    UsagePriceId = "uprc",
    /// A price book.
    PriceBookId = "book",
    /// What a book says of an item from a moment on.
    PriceLineId = "plin",
    /// Which book holds somewhere from a moment on.
    PriceUseId = "puse",
    /// A machine that runs work.
    NodeId = "node",
    /// A schedulable bundle of one machine.
    SlotId = "slot",
    /// A join token.
    JoinId = "join",
    /// A claim of an allocation on a slot.
    ClaimId = "claim",
    /// Something that can be bought.
    SkuId = "sku",
    /// A price with its validity.
    PriceId = "price",
    /// A running compute environment.
    AllocationId = "alloc",
    /// A long operation people can watch.
    TaskId = "task",
    /// A live terminal session.
    TerminalId = "term",
    /// A terminal somebody else may follow.
    TerminalShareId = "tshare",
    /// A recording of a terminal.
    RecordingId = "record",
    /// A public key for SSH.
    SshKeyId = "sshkey",
    /// A certificate for SSH.
    SshCertificateId = "sshcert",
    /// A way in to a workload over SSH.
    SshGrantId = "sshgrant",
    /// A work order for a node.
    WorkId = "work",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_written() {
        let id = AllocationId(Uuid::from_u128(0x0190_5f3a_7c1b_7def_8123_4567_89ab_cdef));
        let text = id.to_string();
        assert!(text.starts_with("alloc_") && text.len() == 32, "{text}");
        assert_eq!(text.parse(), Ok(id));
    }

    #[test]
    fn the_largest_and_smallest_follow_the_typeid_vectors() {
        assert_eq!(UserId(Uuid::nil()).to_string(), "usr_00000000000000000000000000");
        assert_eq!(UserId(Uuid::max()).to_string(), "usr_7zzzzzzzzzzzzzzzzzzzzzzzzz");
    }

    #[test]
    fn other_prefixes_lengths_letters_and_overflow_are_refused() {
        for bad in [
            "",
            "usr_",
            "node_00000000000000000000000000",
            "usr_0000000000000000000000000",
            "usr_0000000000000000000000000u",
            "usr_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "usr_0000000000000000000000000A",
            "usr-00000000000000000000000000",
        ] {
            assert!(bad.parse::<UserId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn no_prefix_is_used_twice() {
        let mut seen = PREFIXES.to_vec();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), PREFIXES.len());
        assert!(seen.iter().all(|prefix| prefix.len() + 1 + 26 <= WIDEST));
    }
}
