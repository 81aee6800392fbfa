//! The platform's people, and their looking into organizations.

use super::{Shape, compute::key, dept::Of};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    OrgId, Page, SupportId, UserId,
    people::PlatformRole,
    staff::{StaffSet, StaffView, SupportOpen, SupportView},
};
use clap::Subcommand;

/// `gpuaas staff …`
#[derive(Subcommand)]
pub enum Staff {
    /// List who has a role of the platform.
    List(Shape),
    /// Give somebody who has an account a role, or another.
    Give {
        /// Their sign-in name.
        email: String,
        /// operator, support, security_reviewer.
        #[arg(value_parser = role)]
        role: PlatformRole,
    },
    /// Take somebody's role away.
    Take {
        /// Who.
        user: UserId,
    },
}

/// `gpuaas support …`
#[derive(Subcommand)]
pub enum Support {
    /// List looks into organizations (people of the platform).
    List(Shape),
    /// Look into an organization for a while; its owners are told (people of the platform).
    Open {
        /// The organization.
        org: OrgId,
        /// Why: the organization reads it.
        #[arg(long)]
        reason: String,
        /// For how many minutes: 5 to 240.
        #[arg(long, default_value_t = 60)]
        minutes: u32,
    },
    /// End a look before its time (people of the platform).
    Close {
        /// The look.
        id: SupportId,
    },
    /// List who of the platform looked into an organization.
    Seen {
        /// Into which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// End such a look, as the organization.
    End {
        /// The look.
        id: SupportId,
        /// Into which organization.
        #[command(flatten)]
        of: Of,
    },
}

fn role(text: &str) -> Result<PlatformRole, String> {
    PlatformRole::parse(text).ok_or_else(|| "one of operator, support, security_reviewer".into())
}

/// Runs `gpuaas staff …`.
pub async fn run(what: Staff) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let path = "/api/v1/platform/staff";
    match what {
        Staff::List(shape) => {
            let page: Page<StaffView> = client.get(path).await?;
            let row = |one: &StaffView| {
                let factor = if one.protected { "set up" } else { "missing" };
                let role = one.role.to_string();
                vec![one.email.clone(), role, factor.to_owned(), one.user_id.to_string()]
            };
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["e-mail", "role", "second factor", "id"], rows);
        }
        Staff::Give { email, role } => {
            let ask = StaffSet { email, role };
            let made: StaffView = client.post(path, Some(&ask), Some(&key()?)).await?;
            say(&made.user_id.to_string());
        }
        Staff::Take { user } => {
            let _: Option<()> = client.delete(&format!("{path}/{user}")).await?;
            say("taken away");
        }
    }
    Ok(())
}

fn show(shape: Shape, page: &Page<SupportView>) {
    let row = |one: &SupportView| {
        let until = one.ended_at.unwrap_or(one.ends_at).to_string();
        let state = if one.lasts { "lasts" } else { "over" };
        let (org, who, why) = (&one.org_name, &one.display_name, &one.reason);
        vec![org.clone(), who.clone(), why.clone(), until, state.to_owned(), one.id.to_string()]
    };
    let rows = page.items.iter().map(row).collect();
    print(shape.output, page, &["organization", "who", "why", "until", "state", "id"], rows);
}

/// Runs `gpuaas support …`.
pub async fn support(what: Support) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let path = "/api/v1/platform/support";
    match what {
        Support::List(shape) => show(shape, &client.get(path).await?),
        Support::Open { org, reason, minutes } => {
            let ask = SupportOpen { org_id: org, reason, minutes };
            let made: SupportView = client.post(path, Some(&ask), Some(&key()?)).await?;
            say(&made.id.to_string());
        }
        Support::Close { id } => {
            let _: Option<()> = client.post(&format!("{path}/{id}/end"), None::<&()>, None).await?;
            say("ended");
        }
        Support::Seen { of, shape } => {
            show(shape, &client.get(&of.path(&client, "support-accesses").await?).await?);
        }
        Support::End { id, of } => {
            let path = of.path(&client, &format!("support-accesses/{id}/end")).await?;
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("ended");
        }
    }
    Ok(())
}
