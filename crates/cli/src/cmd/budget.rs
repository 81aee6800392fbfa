//! Costs and budgets.

use super::{Shape, compute::key};
use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use api::{
    BudgetId, DeptId, Micros, Money, Page, ProjectId,
    billing::Balance,
    budgets::{BudgetSet, BudgetView, CostBy, CostRow, Costs, Period},
};
use clap::Subcommand;

/// `gpuaas budget …`
#[derive(Subcommand)]
pub enum Budgets {
    /// List budgets and what was spent of each.
    List(Shape),
    /// Set one, or change it.
    Set {
        /// How much may be spent: 500 or 12.50.
        #[arg(value_parser = amount)]
        amount: Micros,
        /// Count from the beginning instead of by the month.
        #[arg(long)]
        total: bool,
        /// Stop launches when it is used up.
        #[arg(long)]
        hard: bool,
        /// Release what runs then too; only with --hard.
        #[arg(long, requires = "hard")]
        stop: bool,
        /// Of this department.
        #[arg(long, conflicts_with_all = ["project", "member"])]
        dept: Option<DeptId>,
        /// Of this project.
        #[arg(long, conflicts_with = "member")]
        project: Option<ProjectId>,
        /// Of this member, by sign-in name; of the whole organization when none is named.
        #[arg(long)]
        member: Option<String>,
    },
    /// Take one away.
    Remove {
        /// The budget.
        id: BudgetId,
    },
}

/// What `gpuaas costs` shows.
#[derive(clap::Args)]
pub struct CostsArgs {
    /// Of which month: 2026-11; the present one when absent.
    #[arg(long)]
    month: Option<String>,
    /// department, project, person, sku, workload.
    #[arg(long, value_parser = by, default_value = "project")]
    by: CostBy,
    /// Only this department (dept_…).
    #[arg(long)]
    department: Option<api::DeptId>,
    /// How it is printed.
    #[command(flatten)]
    shape: Shape,
}

fn amount(text: &str) -> Result<Micros, String> {
    Micros::parse_decimal(text).ok_or_else(|| "an amount such as 50 or 12.50".to_owned())
}

fn by(text: &str) -> Result<CostBy, String> {
    CostBy::parse(text)
        .ok_or_else(|| "one of department, project, person, sku, workload".to_owned())
}

const PATH: &str = "/api/v1/billing/budgets";

/// Runs `gpuaas budget …`.
pub async fn run(what: Budgets) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Budgets::List(shape) => {
            let page: Page<BudgetView> = client.get(PATH).await?;
            let row = |one: &BudgetView| {
                let does = match (one.hard, one.stop) {
                    (_, true) => "releases what runs",
                    (true, false) => "stops launches",
                    (false, false) => "warns",
                };
                vec![
                    one.place.clone(),
                    one.period.to_string(),
                    one.spent.exact(),
                    one.amount.exact(),
                    does.to_owned(),
                    one.id.to_string(),
                ]
            };
            let heads = ["of", "in", "spent", "at most", "does", "id"];
            print(shape.output, &page, &heads, page.items.iter().map(row).collect());
        }
        Budgets::Set { amount, total, hard, stop, dept, project, member } => {
            let balance: Balance = client.get("/api/v1/billing/balance").await?;
            let ask = BudgetSet {
                amount: Money::new(amount, balance.available.currency),
                period: if total { Period::Total } else { Period::Month },
                hard,
                stop,
                department_id: dept,
                project_id: project,
                email: member,
            };
            let made: BudgetView = client.post(PATH, Some(&ask), Some(&key()?)).await?;
            say(&format!("budget  {}\nof      {}", made.id, made.place));
        }
        Budgets::Remove { id } => {
            let _: Option<()> = client.delete(&format!("{PATH}/{id}")).await?;
            say("removed");
        }
    }
    Ok(())
}

/// Runs `gpuaas costs`.
pub async fn costs(args: CostsArgs) -> Result<(), Failure> {
    let month = args.month.map(|month| format!("&month={month}")).unwrap_or_default();
    let within = args.department.map(|id| format!("&department_id={id}")).unwrap_or_default();
    let path = format!("/api/v1/billing/costs?by={}{month}{within}", args.by);
    let costs: Costs = Client::signed_in()?.get(&path).await?;
    if args.shape.output == Format::Table {
        let forecast = costs.forecast.map(|sum| format!(", {sum} forecast")).unwrap_or_default();
        say(&format!("{}: {} spent{forecast}", costs.month, costs.total.exact()));
    }
    let row = |one: &CostRow| {
        let hours = format!("{}.{:02}", one.unit_seconds / 3600, one.unit_seconds % 3600 / 36);
        let label = if one.simulated { "simulated" } else { "" };
        vec![one.name.clone(), hours, one.charge.exact(), label.to_owned()]
    };
    let rows = costs.rows.iter().map(row).collect();
    print(args.shape.output, &costs, &["what", "unit hours", "spent", ""], rows);
    Ok(())
}
