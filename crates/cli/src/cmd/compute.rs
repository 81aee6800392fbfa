//! Catalog, launch, workloads, release.

use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use anyhow::Context;
use api::{
    Page, SshKeyId,
    allocations::{AllocationState, AllocationView, Launch, Precheck, TaskState, TaskView},
    catalog::SkuView,
    price_books::rounding,
    time::span_words,
};
use std::{
    io::{BufRead, IsTerminal, Write},
    time::Duration,
};

/// `gpuaas launch`
#[derive(clap::Args)]
pub struct LaunchArgs {
    /// What to take, from `gpuaas catalog`.
    sku: String,
    /// How many units.
    #[arg(long, short = 'n', default_value_t = 1)]
    count: i64,
    /// A name to recognise it by.
    #[arg(long, default_value = "workload")]
    name: String,
    /// Launch without asking.
    #[arg(long, short)]
    yes: bool,
    /// Return at once instead of waiting until it is ready.
    #[arg(long)]
    no_wait: bool,
    /// Keys that open it over SSH, by their identifiers; all of your own when absent.
    #[arg(long, value_delimiter = ',')]
    ssh_key: Option<Vec<SshKeyId>>,
    /// `table` for people, `json` for scripts.
    #[arg(long, short, value_enum, default_value_t)]
    output: Format,
}

fn label(simulated: bool) -> &'static str {
    if simulated { " (simulated)" } else { "" }
}

/// Lists what can be launched.
pub async fn catalog(format: Format) -> Result<(), Failure> {
    let page: Page<SkuView> = Client::signed_in()?.get("/api/v1/catalog").await?;
    let rows = page
        .items
        .iter()
        .map(|sku| {
            let counts: Vec<String> = sku.allowed_counts.iter().map(ToString::to_string).collect();
            vec![
                sku.sku.clone(),
                format!("{}{}", sku.display_name, label(sku.simulated)),
                sku.price_per_hour.map(|price| price.exact()).unwrap_or_default(),
                format!("{} of {}", sku.free, sku.total),
                counts.join(","),
                sku.isolation.to_string(),
            ]
        })
        .collect();
    print(
        format,
        &page,
        &["sku", "what", "per unit and hour", "free", "counts", "isolation"],
        rows,
    );
    Ok(())
}

/// Shows the plan with its price, asks, launches, and follows the steps.
pub async fn launch(args: LaunchArgs) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let mut launch = Launch {
        sku: args.sku,
        count: args.count,
        name: args.name,
        agreed: None,
        ssh_key_ids: args.ssh_key,
    };
    let plan: Precheck = client.post("/api/v1/allocations/precheck", Some(&launch), None).await?;
    if args.output == Format::Table {
        print_plan(&launch, &plan);
    }
    if plan.ready && !args.yes && !agreed()? {
        return Err(Failure::Usage("not launched".to_owned()));
    }
    launch.agreed = plan.terms();
    let key = key()?;
    let row: AllocationView = client.post("/api/v1/allocations", Some(&launch), Some(&key)).await?;
    let row = if args.no_wait { row } else { follow(&client, row, args.output).await? };
    show_rows(args.output, &row, std::slice::from_ref(&row));
    match row.state {
        AllocationState::Active | AllocationState::Requested | AllocationState::Provisioning => {
            Ok(())
        }
        state => Err(Failure::Ended(row.reason.unwrap_or_else(|| format!("it is {state}")))),
    }
}

fn print_plan(launch: &Launch, plan: &Precheck) {
    say(&format!("{} x {}{}", launch.count, launch.sku, label(plan.simulated)));
    let money = |money: Option<api::Money>| money.map_or("-".to_owned(), |money| money.exact());
    let lasts = plan.lasts_seconds.map_or("-".to_owned(), |s| span_words(Duration::from_secs(s)));
    let list = plan.list_price_per_hour.map(|list| format!(" (list {})", list.exact()));
    let rounded = rounding(plan.increment_seconds, plan.minimum_seconds);
    let rounded = rounded.map(|words| format!(", {words}")).unwrap_or_default();
    let price = money(plan.price_per_hour);
    say(&format!("  per hour         {price}{}{rounded}", list.unwrap_or_default()));
    say(&format!("  held at once     {}", money(plan.hold)));
    say(&format!("  available after  {}", money(plan.available_after)));
    say(&format!("  balance lasts    {lasts}"));
    let network = if plan.outgoing { "to the internet" } else { "none outside" };
    say(&format!("  network          {network}"));
}

fn agreed() -> Result<bool, Failure> {
    if !std::io::stdin().is_terminal() {
        return Err(Failure::Usage("say --yes to launch without a terminal".to_owned()));
    }
    let mut out = std::io::stderr();
    write!(out, "Launch? [y/N] ").and_then(|()| out.flush()).context("ask")?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line).context("read the answer")?;
    Ok(matches!(line.trim(), "y" | "Y" | "yes"))
}

/// A fresh idempotency key: a retry of this command is another launch, a retry of its request is not.
pub(super) fn key() -> Result<String, Failure> {
    let bytes = std::fs::read("/proc/sys/kernel/random/uuid").context("make a key")?;
    Ok(format!("cli-{}", String::from_utf8_lossy(&bytes).trim()))
}

/// Follows the task until the workload is ready or over.
async fn follow(
    client: &Client,
    row: AllocationView,
    format: Format,
) -> Result<AllocationView, Failure> {
    let mut said: Vec<String> = Vec::new();
    loop {
        let now: AllocationView = client.get(&format!("/api/v1/allocations/{}", row.id)).await?;
        if let Some(task) = now.task_id {
            let task: TaskView = client.get(&format!("/api/v1/tasks/{task}")).await?;
            for step in task.steps.iter().filter(|step| step.state != "waiting") {
                let line = format!("  {} … {}", step.label, step.state);
                if format == Format::Table && !said.contains(&line) {
                    say(&line);
                    said.push(line);
                }
            }
            if now.state == AllocationState::Active || task.state == TaskState::Failed {
                return Ok(now);
            }
        }
        let waits = matches!(now.state, AllocationState::Requested | AllocationState::Provisioning);
        if !waits {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
}

fn show_rows<T: serde::Serialize>(format: Format, answer: &T, rows: &[AllocationView]) {
    let rows = rows
        .iter()
        .map(|row| {
            let away = if row.unreachable { ", unreachable" } else { "" };
            vec![
                row.id.to_string(),
                row.name.clone(),
                format!("{}{away}", row.state),
                format!("{} x {}{}", row.count, row.sku, label(row.simulated)),
                row.charged.exact(),
                row.created_at.plain(),
            ]
        })
        .collect();
    print(format, answer, &["id", "name", "state", "hardware", "cost", "launched"], rows);
}

/// Lists workloads.
pub async fn list(format: Format) -> Result<(), Failure> {
    let page: Page<AllocationView> = Client::signed_in()?.get("/api/v1/allocations").await?;
    show_rows(format, &page, &page.items);
    Ok(())
}

/// Looks at a workload.
pub async fn show(id: &str, format: Format) -> Result<(), Failure> {
    let row: AllocationView =
        Client::signed_in()?.get(&format!("/api/v1/allocations/{id}")).await?;
    show_rows(format, &row, std::slice::from_ref(&row));
    if let (Format::Table, Some(reason)) = (format, &row.reason) {
        say(reason);
    }
    Ok(())
}

/// Releases a workload.
pub async fn release(id: &str, wait: bool) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let path = format!("/api/v1/allocations/{id}");
    let mut row: AllocationView =
        client.post(&format!("{path}/release"), None::<&()>, Some(&key()?)).await?;
    while wait && row.state == AllocationState::Releasing {
        tokio::time::sleep(Duration::from_millis(300)).await;
        row = client.get(&path).await?;
    }
    say(&format!("{} is {}; it cost {}", row.name, row.state, row.charged.exact()));
    match row.state {
        AllocationState::ReleaseFailed => Err(Failure::Ended(row.reason.unwrap_or_default())),
        _ => Ok(()),
    }
}
