//! Quotas.

use super::{Shape, compute::key, dept::Of};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    DeptId, OrgId, Page, ProjectId, QuotaId,
    quotas::{Dimension, PlatformQuotaSet, QuotaSet, QuotaView},
};
use clap::Subcommand;

/// `gpuaas quota …`
#[derive(Subcommand)]
pub enum Quotas {
    /// List an organization's quotas, and what is held below each.
    List {
        /// Of which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Set one, or change it.
    Set {
        /// allocations, gpus, vcpus, memory_gib, keys.
        #[arg(value_parser = dimension)]
        of_what: Dimension,
        /// The most that may be held at once.
        ceiling: i64,
        /// On this department.
        #[arg(long, conflicts_with_all = ["project", "member"])]
        dept: Option<DeptId>,
        /// On this project.
        #[arg(long, conflicts_with = "member")]
        project: Option<ProjectId>,
        /// On this member, by sign-in name; on the whole organization when none is named.
        #[arg(long)]
        member: Option<String>,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Take one away.
    Remove {
        /// The quota.
        id: QuotaId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Set one on an organization, which it cannot change itself (operators).
    Impose {
        /// The organization.
        org: OrgId,
        /// allocations, gpus, vcpus, memory_gib, keys.
        #[arg(value_parser = dimension)]
        of_what: Dimension,
        /// The most that may be held at once.
        ceiling: i64,
    },
    /// List those (operators).
    Imposed(Shape),
    /// Take one of those away (operators).
    Lift {
        /// The quota.
        id: QuotaId,
    },
}

fn dimension(text: &str) -> Result<Dimension, String> {
    let words = "one of allocations, gpus, vcpus, memory_gib, keys";
    Dimension::parse(text).ok_or_else(|| words.to_owned())
}

fn show(shape: Shape, page: &Page<QuotaView>) {
    let row = |one: &QuotaView| {
        let held = format!("{} of {}", one.used, one.ceiling);
        let by = if one.by_platform { "platform" } else { "organization" };
        let on = if one.by_platform { one.org_id.to_string() } else { one.place.clone() };
        vec![on, one.dimension.to_string(), held, by.to_owned(), one.id.to_string()]
    };
    let rows = page.items.iter().map(row).collect();
    print(shape.output, page, &["on", "of", "held", "set by", "id"], rows);
}

/// Runs `gpuaas quota …`.
pub async fn run(what: Quotas) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Quotas::List { of, shape } => {
            let page = client.get(&of.path(&client, "quotas").await?).await?;
            show(shape, &page);
        }
        Quotas::Set { of_what, ceiling, dept, project, member, of } => {
            let (department_id, project_id, email) = (dept, project, member);
            let ask = QuotaSet { dimension: of_what, ceiling, department_id, project_id, email };
            let path = of.path(&client, "quotas").await?;
            let made: QuotaView = client.post(&path, Some(&ask), Some(&key()?)).await?;
            say(&made.id.to_string());
        }
        Quotas::Remove { id, of } => {
            let path = of.path(&client, &format!("quotas/{id}")).await?;
            let _: Option<()> = client.delete(&path).await?;
            say("removed");
        }
        Quotas::Impose { org, of_what, ceiling } => {
            let ask = PlatformQuotaSet { org_id: org, dimension: of_what, ceiling };
            let path = "/api/v1/platform/quotas";
            let made: QuotaView = client.post(path, Some(&ask), Some(&key()?)).await?;
            say(&made.id.to_string());
        }
        Quotas::Imposed(shape) => show(shape, &client.get("/api/v1/platform/quotas").await?),
        Quotas::Lift { id } => {
            let path = format!("/api/v1/platform/quotas/{id}");
            let _: Option<()> = client.delete(&path).await?;
            say("removed");
        }
    }
    Ok(())
}
