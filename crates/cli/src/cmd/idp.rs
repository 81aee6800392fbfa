//! Sign-in services of an organization or of the platform, what groups are worth, mail domains.

use super::{Shape, org};
use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use anyhow::Context;
use api::{
    DomainId, OrgId, Page, ProjectId, ProviderId, RoleMapId,
    people::Role,
    sso::{
        DomainClaim, DomainView, Newcomers, ProviderChange, ProviderCheck, ProviderCreate,
        ProviderState, ProviderView, RoleMapCreate, RoleMapView,
    },
};
use clap::Subcommand;
use std::path::PathBuf;

/// `gpuaas idp …`
#[derive(Subcommand)]
pub enum Services {
    /// List them.
    List {
        /// Of this organization; of the platform when absent.
        #[arg(long)]
        org: Option<OrgId>,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Set one up (OpenID Connect); prints what to register there.
    Add(Add),
    /// Look whether one answers.
    Check(One),
    /// Switch one off: who came from there is signed out.
    Disable(One),
    /// Switch one on.
    Enable(One),
    /// Remove one: who came from there is signed out.
    Remove(One),
    /// List what groups are worth.
    Maps {
        /// The organization.
        #[arg(long)]
        org: OrgId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Give a group a role.
    Map {
        /// The sign-in service.
        id: ProviderId,
        /// The group, as the service names it.
        group: String,
        /// viewer, member, admin.
        #[arg(value_parser = org::role)]
        role: Role,
        /// The organization.
        #[arg(long)]
        org: OrgId,
        /// In this project; in the organization itself when absent.
        #[arg(long)]
        project: Option<ProjectId>,
    },
    /// Take the role from a group.
    Unmap {
        /// The map.
        id: RoleMapId,
        /// The organization.
        #[arg(long)]
        org: OrgId,
    },
    /// List mail domains; of the platform: those that wait.
    Domains {
        /// Of this organization.
        #[arg(long)]
        org: Option<OrgId>,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Claim a mail domain; whoever runs the site checks that it is yours.
    Claim {
        /// Such as example.com.
        domain: String,
        /// The organization.
        #[arg(long)]
        org: OrgId,
    },
    /// Give a mail domain up.
    Unclaim {
        /// The domain.
        id: DomainId,
        /// The organization.
        #[arg(long)]
        org: OrgId,
    },
    /// Say that a domain is the organization's that claims it (operators).
    Approve {
        /// The domain.
        id: DomainId,
    },
    /// Say that it is not (operators).
    Refuse {
        /// The domain.
        id: DomainId,
    },
}

/// One of them.
#[derive(clap::Args)]
pub struct One {
    /// The sign-in service.
    id: ProviderId,
    /// Of this organization; of the platform when absent.
    #[arg(long)]
    org: Option<OrgId>,
}

/// `gpuaas idp add`
#[derive(clap::Args)]
pub struct Add {
    /// What people read on the button.
    label: String,
    /// Its issuer.
    issuer: String,
    /// What this site is called there.
    client_id: String,
    /// Of this organization; of the platform when absent.
    #[arg(long)]
    org: Option<OrgId>,
    /// File with the client secret; a public client when absent.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
    /// Scopes beside openid.
    #[arg(long, value_delimiter = ' ')]
    scopes: Option<Vec<String>>,
    /// The claim with the groups.
    #[arg(long)]
    groups_claim: Option<String>,
    /// Let its word on second factors count.
    #[arg(long)]
    trust_mfa: bool,
    /// Give newcomers an organization of their own (the platform's only).
    #[arg(long)]
    personal: bool,
}

fn base(org: Option<OrgId>) -> String {
    match org {
        Some(org) => format!("/api/v1/organizations/{org}/identity-providers"),
        None => "/api/v1/platform/identity-providers".to_owned(),
    }
}

impl One {
    fn path(&self) -> String {
        format!("{}/{}", base(self.org), self.id)
    }
}

/// Runs a command.
pub async fn run(what: Services) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Services::List { org, shape } => list(&client, org, shape).await,
        Services::Add(add) => set_up(&client, add).await,
        Services::Check(one) => check(&client, &one).await,
        Services::Disable(one) => state(&client, &one, ProviderState::Disabled).await,
        Services::Enable(one) => state(&client, &one, ProviderState::Active).await,
        Services::Remove(one) => gone(&client, &one.path()).await,
        Services::Maps { org, shape } => maps(&client, org, shape.output).await,
        Services::Map { id, group, role, org, project } => {
            let ask = RoleMapCreate { provider_id: id, group, project_id: project, role };
            let key = super::compute::key()?;
            let path = format!("/api/v1/organizations/{org}/role-maps");
            let made: RoleMapView = client.post(&path, Some(&ask), Some(&key)).await?;
            say(&made.id.to_string());
            Ok(())
        }
        Services::Unmap { id, org } => {
            gone(&client, &format!("/api/v1/organizations/{org}/role-maps/{id}")).await
        }
        Services::Domains { org, shape } => domains(&client, org, shape.output).await,
        Services::Claim { domain, org } => {
            let key = super::compute::key()?;
            let path = format!("/api/v1/organizations/{org}/domains");
            let made: DomainView =
                client.post(&path, Some(&DomainClaim { domain }), Some(&key)).await?;
            say(&format!("{} is {}", made.id, made.state));
            Ok(())
        }
        Services::Unclaim { id, org } => {
            gone(&client, &format!("/api/v1/organizations/{org}/domains/{id}")).await
        }
        Services::Approve { id } => decide(&client, id, "approve").await,
        Services::Refuse { id } => decide(&client, id, "refuse").await,
    }
}

async fn gone(client: &Client, path: &str) -> Result<(), Failure> {
    let _: Option<()> = client.delete(path).await?;
    say("removed");
    Ok(())
}

async fn decide(client: &Client, id: DomainId, what: &str) -> Result<(), Failure> {
    let path = format!("/api/v1/platform/domains/{id}/{what}");
    let _: Option<()> = client.post(&path, None::<&()>, None).await?;
    say("done");
    Ok(())
}

async fn list(client: &Client, org: Option<OrgId>, shape: Shape) -> Result<(), Failure> {
    let page: Page<ProviderView> = client.get(&base(org)).await?;
    let rows = page
        .items
        .iter()
        .map(|one| {
            let last = one.last_fault.clone().unwrap_or_else(|| {
                one.last_ok_at.map_or("never tried".to_owned(), |at| at.plain())
            });
            let state = one.state.to_string();
            vec![one.label.clone(), state, one.issuer.clone(), last, one.id.to_string()]
        })
        .collect();
    print(shape.output, &page, &["label", "state", "issuer", "last answer", "id"], rows);
    Ok(())
}

async fn set_up(client: &Client, add: Add) -> Result<(), Failure> {
    let secret = add.secret_file.as_ref().map(std::fs::read_to_string);
    let secret = secret.transpose().context("read the file with the client secret")?;
    let ask = ProviderCreate {
        label: add.label,
        issuer: add.issuer,
        client_id: add.client_id,
        client_secret: secret.map(|text| text.trim().to_owned()),
        scopes: add.scopes,
        groups_claim: add.groups_claim,
        trust_mfa: add.trust_mfa,
        newcomers: add.personal.then_some(Newcomers::Personal),
        manage_url: None,
    };
    let key = super::compute::key()?;
    let made: ProviderView = client.post(&base(add.org), Some(&ask), Some(&key)).await?;
    say(&format!(
        "{}\nredirect      {}\nback-channel  {}\nafterwards    {}",
        made.id, made.redirect_uri, made.backchannel_logout_uri, made.post_logout_redirect_uri
    ));
    Ok(())
}

async fn check(client: &Client, one: &One) -> Result<(), Failure> {
    let path = format!("{}/check", one.path());
    let found: ProviderCheck = client.post(&path, None::<&()>, None).await?;
    for finding in &found.findings {
        let mark = if finding.ok { "well" } else { "not " };
        say(&format!("{mark}  {}: {}", finding.what, finding.words));
    }
    if found.ok { Ok(()) } else { Err(Failure::Ended("it does not answer as it must".into())) }
}

async fn state(client: &Client, one: &One, state: ProviderState) -> Result<(), Failure> {
    let ask = ProviderChange { state: Some(state), ..ProviderChange::default() };
    let _: Option<()> = client.patch(&one.path(), &ask).await?;
    say(state.as_str());
    Ok(())
}

async fn maps(client: &Client, org: OrgId, format: Format) -> Result<(), Failure> {
    let page: Page<RoleMapView> =
        client.get(&format!("/api/v1/organizations/{org}/role-maps")).await?;
    let rows = page
        .items
        .iter()
        .map(|one| {
            let place = one.project_id.map_or("organization".to_owned(), |id| id.to_string());
            vec![one.group.clone(), one.role.to_string(), place, one.id.to_string()]
        })
        .collect();
    print(format, &page, &["group", "role", "in", "id"], rows);
    Ok(())
}

async fn domains(client: &Client, org: Option<OrgId>, format: Format) -> Result<(), Failure> {
    let path = match org {
        Some(org) => format!("/api/v1/organizations/{org}/domains"),
        None => "/api/v1/platform/domains".to_owned(),
    };
    let page: Page<DomainView> = client.get(&path).await?;
    let rows = page
        .items
        .iter()
        .map(|one| vec![one.domain.clone(), one.state.to_string(), one.id.to_string()])
        .collect();
    print(format, &page, &["domain", "state", "id"], rows);
    Ok(())
}
