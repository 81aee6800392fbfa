//! Metered usage on the wire: what is counted besides time of hardware, what it costs, and the events that tell of it.

use crate::{
    Currency, MeterSourceId, Money, OrgId, ProjectId, Time, UsagePriceId, UsageWriteOffId, UserId,
    words,
};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

words! {
    /// What is counted besides time of hardware.
    pub enum UsageMeter {
        /// Storage kept, in mebibytes times hours.
        StorageMibHours = "storage_mib_hours",
        /// Time of an app, in seconds.
        AppSeconds = "app_seconds",
        /// Tokens a model read.
        TokensIn = "tokens_in",
        /// Tokens a model wrote.
        TokensOut = "tokens_out",
        /// Bytes sent out of the network.
        NetworkOutBytes = "network_out_bytes",
    }
}

impl UsageMeter {
    /// Returns what one is called.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::StorageMibHours => "MiB·h",
            Self::AppSeconds => "s",
            Self::TokensIn | Self::TokensOut => "tokens",
            Self::NetworkOutBytes => "bytes",
        }
    }

    /// Returns what a price is for, in words, and how many units that is.
    pub const fn priced(self) -> (&'static str, i64) {
        match self {
            Self::StorageMibHours => ("GiB·h", 1024),
            Self::AppSeconds => ("hour", 3600),
            Self::TokensIn | Self::TokensOut => ("million tokens", 1_000_000),
            Self::NetworkOutBytes => ("GiB", 1_073_741_824),
        }
    }

    /// Returns what it is called for people.
    pub const fn label(self) -> &'static str {
        match self {
            Self::StorageMibHours => "Storage",
            Self::AppSeconds => "App runtime",
            Self::TokensIn => "Tokens read",
            Self::TokensOut => "Tokens written",
            Self::NetworkOutBytes => "Network out",
        }
    }
}

/// `POST /api/v1/metering/events`: at most 100 events.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageEvents {
    /// They.
    pub events: Vec<UsageEvent>,
}

/// Usage that happened.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageEvent {
    /// The source's own name of it: 1 to 100 plain characters. An event is counted once for ever.
    pub id: String,
    /// Where it was used.
    pub project_id: ProjectId,
    /// What was used.
    pub meter: UsageMeter,
    /// What it was used by: a volume, an endpoint, a workload; 1 to 100 plain characters.
    pub subject: String,
    /// How much, in the meter's unit; more than nothing.
    pub quantity: i64,
    /// When it was used: it costs what it cost then.
    pub at: Time,
}

/// What became of a batch. Everything that was taken is durable.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct UsageTaken {
    /// Taken now.
    pub accepted: usize,
    /// Known before: nothing changed.
    pub known: usize,
    /// Projects whose organization could not pay all of it: it owes the rest. Stop serving them.
    #[serde(default)]
    pub uncovered: Vec<ProjectId>,
    /// Not taken, with why; nothing of them is kept, so they may be sent again.
    pub refused: Vec<RefusedUsage>,
}

/// An event that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
pub struct RefusedUsage {
    /// The event.
    pub id: String,
    /// The field that is wrong.
    pub field: String,
    /// Why, in plain words.
    pub why: String,
}

/// `POST /api/v1/platform/metering/sources`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MeterSourceCreate {
    /// What sends events: 1 to 60 characters.
    pub name: String,
}

/// A source of usage events.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct MeterSource {
    /// Identifier.
    pub id: MeterSourceId,
    /// Its name.
    pub name: String,
    /// The beginning of its token.
    pub hint: String,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Time,
    /// When it ended; absent as long as it works.
    pub revoked_at: Option<Time>,
}

/// A new source with its token, which is shown this once.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct MeterSourceMade {
    /// The source.
    pub source: MeterSource,
    /// Its bearer token.
    pub token: String,
}

/// `POST /api/v1/platform/metering/prices`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsagePriceSet {
    /// Of what.
    pub meter: UsageMeter,
    /// What it costs: of a million tokens, a GiB, a GiB·h, an hour.
    pub price: Money,
    /// From when on; now when absent. What was rated keeps its price.
    #[serde(default)]
    pub valid_from: Option<Time>,
}

/// A price with its validity.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct UsagePrice {
    /// Identifier.
    pub id: UsagePriceId,
    /// Of what.
    pub meter: UsageMeter,
    /// What it costs.
    pub price: Money,
    /// Of how much, in words.
    pub per: String,
    /// From when on.
    pub valid_from: Time,
    /// Who set it.
    pub set_by: UserId,
}

/// Usage of which no price is known, so that nothing was charged.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Unbilled {
    /// Whose.
    pub org_id: OrgId,
    /// The organization's name.
    pub org: String,
    /// What was used.
    pub meter: UsageMeter,
    /// In what a price would have to be.
    pub currency: Currency,
    /// How many events.
    pub events: i64,
    /// How much, in the meter's unit.
    pub quantity: i64,
    /// The oldest.
    pub since: Time,
}

/// `GET /api/v1/platform/metering`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct Metering {
    /// Sources of events, newest first.
    pub sources: Vec<MeterSource>,
    /// Prices, newest first of each meter.
    pub prices: Vec<UsagePrice>,
    /// What waits for a price.
    pub unbilled: Vec<Unbilled>,
    /// Usage that was written off, the newest first; at most 50.
    #[serde(default)]
    pub write_offs: Vec<UsageWriteOff>,
}

/// What a project used of a meter at one price, by what used it.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct MeteredLine {
    /// Where.
    pub project_id: ProjectId,
    /// What was used.
    pub meter: UsageMeter,
    /// What used it.
    pub subject: String,
    /// How much, in the meter's unit.
    pub quantity: i64,
    /// The unit.
    pub unit: String,
    /// What it costs.
    pub price: Money,
    /// Of how much, in words.
    pub per: String,
    /// What was charged.
    pub charged: Money,
}

/// `POST /api/v1/platform/metering/write-offs`
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsageWriteOffAsk {
    /// Whose usage.
    pub org_id: OrgId,
    /// Of what: all of it that waits.
    pub meter: UsageMeter,
    /// Why, 3 to 300 characters.
    pub reason: String,
}

/// Usage that is never charged.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema)]
pub struct UsageWriteOff {
    /// Identifier.
    pub id: UsageWriteOffId,
    /// Whose.
    pub org_id: OrgId,
    /// Its name.
    pub org: String,
    /// What was used.
    pub meter: UsageMeter,
    /// How many events.
    pub events: i64,
    /// How much, in the meter's unit.
    pub quantity: i64,
    /// Why.
    pub reason: String,
    /// Who wrote it off.
    pub by: UserId,
    /// When.
    pub at: Time,
}
