//! Metered usage besides time of hardware.

use super::{
    Shape,
    compute::key,
    payment::{amount, currency},
};
use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use anyhow::Context;
use api::{
    Currency, MeterSourceId, Micros, Money, OrgId, Page, Time,
    metering::{
        MeterSource, MeterSourceCreate, MeterSourceMade, MeteredLine, Metering, RefusedUsage,
        UsageEvents, UsageMeter, UsagePrice, UsagePriceSet, UsageTaken, UsageWriteOff,
        UsageWriteOffAsk,
    },
};
use clap::Subcommand;

/// `gpuaas metering …`
#[derive(Subcommand)]
pub enum Meters {
    /// List what the project used besides time of hardware, and what it cost.
    Used(Shape),
    /// List sources, prices, and what waits for a price (operators).
    Show(Shape),
    /// Make a source of usage events; its token is printed this once (operators).
    Source {
        /// Its name.
        name: String,
    },
    /// End a source (operators).
    End {
        /// The source.
        id: MeterSourceId,
    },
    /// Set what a meter costs from a moment on (operators).
    Price {
        /// storage_mib_hours, app_seconds, tokens_in, tokens_out, network_out_bytes.
        #[arg(value_parser = meter)]
        meter: UsageMeter,
        /// Of a GiB·h, an hour, a million tokens, a GiB: 0.15.
        #[arg(value_parser = amount)]
        price: Micros,
        /// From when on (2026-12-01T00:00:00Z); now without it.
        #[arg(long, value_parser = moment)]
        from: Option<Time>,
        /// In what.
        #[arg(long, value_parser = currency, default_value = "EUR")]
        currency: Currency,
    },
    /// Write off all that waits of a meter in an organization: it is never charged.
    WriteOff {
        /// The organization.
        org: OrgId,
        /// storage_mib_hours, app_seconds, tokens_in, tokens_out, network_out_bytes.
        #[arg(value_parser = meter)]
        meter: UsageMeter,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Send usage events as a source, whose token is in GPUAAS_TOKEN.
    Send {
        /// JSON: {"events": [...]}, at most 100.
        file: std::path::PathBuf,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
}

fn meter(text: &str) -> Result<UsageMeter, String> {
    let all = || UsageMeter::ALL.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(", ");
    UsageMeter::parse(text).ok_or_else(|| format!("one of {}", all()))
}

pub(super) fn moment(text: &str) -> Result<Time, String> {
    Time::parse(text).ok_or_else(|| "a moment such as 2026-12-01T00:00:00Z".to_owned())
}

const DESK: &str = "/api/v1/platform/metering";

/// Runs one of them.
pub async fn run(what: Meters) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Meters::Used(shape) => used(&client, shape).await?,
        Meters::Show(shape) => show(&client, shape).await?,
        Meters::Source { name } => {
            let path = format!("{DESK}/sources");
            let made: MeterSourceMade =
                client.post(&path, Some(&MeterSourceCreate { name }), None).await?;
            say(&format!("source  {}\ntoken   {}", made.source.id, made.token));
        }
        Meters::End { id } => {
            let path = format!("{DESK}/sources/{id}/revoke");
            let ended: MeterSource = client.post(&path, None::<&()>, None).await?;
            say(&format!("ended   {}", ended.id));
        }
        Meters::Price { meter, price, from, currency } => {
            let ask = UsagePriceSet { meter, price: Money::new(price, currency), valid_from: from };
            let set: UsagePrice =
                client.post(&format!("{DESK}/prices"), Some(&ask), Some(&key()?)).await?;
            let (price, from) = (set.price.exact(), set.valid_from.plain());
            say(&format!("price   {price} per {}\nfrom    {from}", set.per));
        }
        Meters::WriteOff { org, meter, reason } => {
            let ask = UsageWriteOffAsk { org_id: org, meter, reason };
            let done: UsageWriteOff =
                client.post(&format!("{DESK}/write-offs"), Some(&ask), Some(&key()?)).await?;
            say(&format!("{} events, {} {}", done.events, done.quantity, meter.unit()));
        }
        Meters::Send { file, shape } => {
            let text = std::fs::read(&file).context("read the events")?;
            let events: UsageEvents = serde_json::from_slice(&text)
                .map_err(|error| Failure::Usage(format!("{}: {error}", file.display())))?;
            let taken: UsageTaken =
                client.post("/api/v1/metering/events", Some(&events), None).await?;
            sent(&taken, shape)?;
        }
    }
    Ok(())
}

/// Prints what became of a batch; one with refused events did not end as asked.
fn sent(taken: &UsageTaken, shape: Shape) -> Result<(), Failure> {
    if shape.output == Format::Table {
        say(&format!("taken   {}\nknown   {}", taken.accepted, taken.known));
        for project in &taken.uncovered {
            say(&format!("not covered by the balance: {project}"));
        }
    }
    if shape.output == Format::Json || !taken.refused.is_empty() {
        let row = |one: &RefusedUsage| vec![one.id.clone(), one.field.clone(), one.why.clone()];
        let rows = taken.refused.iter().map(row).collect();
        print(shape.output, taken, &["refused", "field", "why"], rows);
    }
    match taken.refused.len() {
        0 => Ok(()),
        count => Err(Failure::Ended(format!("{count} events were refused"))),
    }
}

async fn used(client: &Client, shape: Shape) -> Result<(), Failure> {
    let page: Page<MeteredLine> = client.get("/api/v1/billing/metered?limit=200").await?;
    let row = |one: &MeteredLine| {
        vec![
            one.meter.label().to_owned(),
            one.subject.clone(),
            format!("{} {}", one.quantity, one.unit),
            format!("{} per {}", one.price.exact(), one.per),
            one.charged.exact(),
        ]
    };
    let heads = ["what", "by", "how much", "price", "charged"];
    print(shape.output, &page, &heads, page.items.iter().map(row).collect());
    Ok(())
}

async fn show(client: &Client, shape: Shape) -> Result<(), Failure> {
    let all: Metering = client.get(DESK).await?;
    let mut rows: Vec<Vec<String>> = Vec::new();
    for one in &all.sources {
        let state = if one.revoked_at.is_some() { "ended" } else { "works" };
        let cells = ["source", one.name.as_str(), state];
        let mut cells: Vec<String> = cells.iter().map(|text| (*text).to_owned()).collect();
        cells.push(one.id.to_string());
        rows.push(cells);
    }
    for one in &all.prices {
        let price = format!("{} per {}", one.price.exact(), one.per);
        rows.push(vec!["price".into(), one.meter.to_string(), price, one.valid_from.plain()]);
    }
    for one in &all.unbilled {
        let much =
            format!("{} {} without a price in {}", one.quantity, one.meter.unit(), one.currency);
        rows.push(vec!["waits".into(), one.org.clone(), much, one.since.plain()]);
    }
    print(shape.output, &all, &["", "name", "state", "id or from"], rows);
    Ok(())
}
