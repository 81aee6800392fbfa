//! Organizations, their people and invitations.

use super::Shape;
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    InvitationId, MemberId, OrgId, Page, ProjectId,
    organizations::{
        InvitationCreate, InvitationMade, InvitationView, MfaPolicy, OrgMemberView,
        OrganizationChange, OrganizationCreate,
    },
    people::{Me, MemberView, OrgView, Role},
};
use clap::Subcommand;
use serde_json::json;

/// `gpuaas org …`
#[derive(Subcommand)]
pub enum Orgs {
    /// List the organizations you are in.
    List(Shape),
    /// Make one; its owner needs a second factor.
    Create {
        /// Its name.
        name: String,
    },
    /// Rename one.
    Rename {
        /// The organization.
        id: OrgId,
        /// Its new name.
        name: String,
    },
    /// Ask a second factor of its owners, or of everyone in it.
    Mfa {
        /// The organization.
        id: OrgId,
        /// `owners` or `everyone`.
        #[arg(value_parser = policy)]
        of: MfaPolicy,
    },
    /// Archive one that holds nothing: it is read, and nothing in it changes.
    Archive {
        /// The organization.
        id: OrgId,
    },
    /// Take one out of the archive.
    Unarchive {
        /// The organization.
        id: OrgId,
    },
    /// Leave one, and all its projects.
    Leave {
        /// The organization.
        id: OrgId,
    },
    /// Invite somebody; the link is printed once.
    Invite {
        /// The organization.
        id: OrgId,
        /// Their mail address; whoever has the link when absent.
        #[arg(long)]
        email: Option<String>,
        /// As what: viewer, member, admin, owner.
        #[arg(long, default_value = "member", value_parser = role)]
        role: Role,
        /// Into which project of it; into the organization itself when absent.
        #[arg(long)]
        project: Option<ProjectId>,
    },
    /// List invitations that wait.
    Invitations {
        /// The organization.
        id: OrgId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Take an invitation back.
    Uninvite {
        /// The organization.
        id: OrgId,
        /// The invitation.
        invitation: InvitationId,
    },
}

/// `gpuaas member …`
#[derive(Subcommand)]
pub enum Members {
    /// List the people of an organization or project.
    List {
        /// Where.
        #[command(flatten)]
        place: Place,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Change somebody's role; making another owner and stepping down hands an organization over.
    SetRole {
        /// The membership.
        member: MemberId,
        /// viewer, member, admin, owner.
        #[arg(value_parser = role)]
        role: Role,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
    /// Remove somebody.
    Remove {
        /// The membership.
        member: MemberId,
        /// Where.
        #[command(flatten)]
        place: Place,
    },
}

/// An organization or a project.
#[derive(clap::Args)]
#[group(required = true, multiple = false)]
pub struct Place {
    /// In this organization.
    #[arg(long)]
    org: Option<OrgId>,
    /// In this project.
    #[arg(long)]
    project: Option<ProjectId>,
}

impl Place {
    fn path(&self) -> String {
        match (self.org, self.project) {
            (Some(org), _) => format!("/api/v1/organizations/{org}/members"),
            (None, project) => {
                let project = project.map(|id| id.to_string()).unwrap_or_default();
                format!("/api/v1/projects/{project}/members")
            }
        }
    }
}

pub(super) fn role(text: &str) -> Result<Role, String> {
    Role::parse(text).ok_or_else(|| "one of viewer, member, admin, owner".to_owned())
}

fn policy(text: &str) -> Result<MfaPolicy, String> {
    MfaPolicy::parse(text).ok_or_else(|| "`owners` or `everyone`".to_owned())
}

/// Runs `gpuaas org …`.
pub async fn orgs(what: Orgs) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let one = |id: OrgId| format!("/api/v1/organizations/{id}");
    match what {
        Orgs::List(shape) => {
            let me: Me = client.get("/api/v1/me").await?;
            let rows = me
                .organizations
                .iter()
                .map(|org| {
                    let role = org.role.map(|role| role.to_string()).unwrap_or_default();
                    vec![org.name.clone(), org.kind.to_string(), role, org.id.to_string()]
                })
                .collect();
            print(shape.output, &me.organizations, &["name", "kind", "role", "id"], rows);
        }
        Orgs::Create { name } => {
            let key = super::compute::key()?;
            let ask = OrganizationCreate { name };
            let made: OrgView =
                client.post("/api/v1/organizations", Some(&ask), Some(&key)).await?;
            say(&made.id.to_string());
        }
        Orgs::Rename { id, name } => {
            let ask = OrganizationChange { name: Some(name), require_mfa: None };
            let _: Option<()> = client.patch(&one(id), &ask).await?;
            say("renamed");
        }
        Orgs::Mfa { id, of } => {
            let ask = OrganizationChange { name: None, require_mfa: Some(of) };
            let _: Option<()> = client.patch(&one(id), &ask).await?;
            say(&format!("asked of {of}"));
        }
        Orgs::Archive { id } => {
            let path = format!("{}/archive", one(id));
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("archived");
        }
        Orgs::Unarchive { id } => {
            let path = format!("{}/unarchive", one(id));
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("in use again");
        }
        Orgs::Leave { id } => {
            let _: Option<()> =
                client.post(&format!("{}/leave", one(id)), None::<&()>, None).await?;
            say("left");
        }
        Orgs::Invite { id, email, role, project } => {
            let ask = InvitationCreate { role, project_id: project, email };
            let path = format!("{}/invitations", one(id));
            let made: InvitationMade = client.post(&path, Some(&ask), None).await?;
            say(&format!("{}\nends  {}", made.link, made.invitation.expires_at.plain()));
        }
        Orgs::Invitations { id, shape } => invitations(&client, &one(id), shape).await?,
        Orgs::Uninvite { id, invitation } => {
            let path = format!("{}/invitations/{invitation}/revoke", one(id));
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("taken back");
        }
    }
    Ok(())
}

async fn invitations(client: &Client, org: &str, shape: Shape) -> Result<(), Failure> {
    let page: Page<InvitationView> = client.get(&format!("{org}/invitations")).await?;
    let rows = page
        .items
        .iter()
        .map(|one| {
            let whom = one.email.clone().unwrap_or_else(|| "whoever has the link".into());
            let into = one.project_id.map_or("-".to_owned(), |id| id.to_string());
            vec![whom, one.role.to_string(), into, one.expires_at.plain(), one.id.to_string()]
        })
        .collect();
    print(shape.output, &page, &["for", "as", "project", "ends", "id"], rows);
    Ok(())
}

/// Runs `gpuaas member …`.
pub async fn members(what: Members) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Members::List { place, shape } => {
            let heads = ["name", "e-mail", "role", "second factor", "id"];
            if place.org.is_some() {
                let page: Page<OrgMemberView> = client.get(&place.path()).await?;
                let row = |one: &OrgMemberView| {
                    let factor = if one.protected { "set up" } else { "none" };
                    vec![
                        one.display_name.clone(),
                        one.email.clone(),
                        one.role.to_string(),
                        factor.to_owned(),
                        one.id.to_string(),
                    ]
                };
                print(shape.output, &page, &heads, page.items.iter().map(row).collect());
            } else {
                let page: Page<MemberView> = client.get(&place.path()).await?;
                let row = |one: &MemberView| {
                    vec![
                        one.display_name.clone(),
                        one.email.clone(),
                        one.role.to_string(),
                        "-".to_owned(),
                        one.id.to_string(),
                    ]
                };
                print(shape.output, &page, &heads, page.items.iter().map(row).collect());
            }
        }
        Members::SetRole { member, role, place } => {
            let path = format!("{}/{member}", place.path());
            let _: Option<()> = client.patch(&path, &json!({ "role": role })).await?;
            say(&format!("{role} now"));
        }
        Members::Remove { member, place } => {
            let _: Option<()> = client.delete(&format!("{}/{member}", place.path())).await?;
            say("removed");
        }
    }
    Ok(())
}
