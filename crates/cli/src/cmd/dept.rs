//! Departments and groups of an organization.

use super::{Shape, compute::key, project::only_org};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    DeptId, GroupId, MemberId, OrgId, Page,
    authority::{
        DepartmentChange, DepartmentState, DepartmentView, GroupMemberAdd, GroupMemberView,
        GroupView, Named,
    },
};
use clap::Subcommand;

/// The organization a command is about.
#[derive(clap::Args)]
pub struct Of {
    /// The organization; your only one when absent.
    #[arg(long)]
    org: Option<OrgId>,
}

impl Of {
    /// Returns the path of a part of the organization.
    pub(super) async fn path(&self, client: &Client, part: &str) -> Result<String, Failure> {
        let id = match self.org {
            Some(id) => id,
            None => only_org(client).await?,
        };
        Ok(format!("/api/v1/organizations/{id}/{part}"))
    }
}

/// `gpuaas dept …`
#[derive(Subcommand)]
pub enum Departments {
    /// List departments, and how many projects each groups.
    List {
        /// Of which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Make one.
    Create {
        /// Its name.
        name: String,
        /// In which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Rename one.
    Rename {
        /// The department.
        id: DeptId,
        /// Its new name.
        name: String,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Archive one: it takes no new projects.
    Archive {
        /// The department.
        id: DeptId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Bring an archived one back.
    Unarchive {
        /// The department.
        id: DeptId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
}

/// Runs `gpuaas dept …`.
pub async fn departments(what: Departments) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let (of, id, change, words) = match what {
        Departments::List { of, shape } => {
            let page: Page<DepartmentView> =
                client.get(&of.path(&client, "departments").await?).await?;
            let row = |one: &DepartmentView| {
                let state = if one.state == DepartmentState::Active { "" } else { "archived" };
                let count = one.projects.to_string();
                vec![one.name.clone(), count, state.to_owned(), one.id.to_string()]
            };
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["name", "projects", "", "id"], rows);
            return Ok(());
        }
        Departments::Create { name, of } => {
            let path = of.path(&client, "departments").await?;
            let made: DepartmentView =
                client.post(&path, Some(&Named { name }), Some(&key()?)).await?;
            say(&made.id.to_string());
            return Ok(());
        }
        Departments::Rename { id, name, of } => {
            (of, id, DepartmentChange { name: Some(name), state: None }, "renamed")
        }
        Departments::Archive { id, of } => {
            let state = Some(DepartmentState::Disabled);
            (of, id, DepartmentChange { name: None, state }, "archived")
        }
        Departments::Unarchive { id, of } => {
            let state = Some(DepartmentState::Active);
            (of, id, DepartmentChange { name: None, state }, "in use again")
        }
    };
    let path = of.path(&client, &format!("departments/{id}")).await?;
    let _: Option<()> = client.patch(&path, &change).await?;
    say(words);
    Ok(())
}

/// `gpuaas group …`
#[derive(Subcommand)]
pub enum Groups {
    /// List groups and who is in them.
    List {
        /// Of which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Make one.
    Create {
        /// Its name.
        name: String,
        /// In which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Put a member of the organization into one.
    Add {
        /// The group.
        id: GroupId,
        /// Their sign-in name.
        email: String,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Take somebody out of one.
    TakeOut {
        /// The group.
        id: GroupId,
        /// Their membership of it, as `list` names it.
        member: MemberId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Remove one, and the roles that were given to it.
    Remove {
        /// The group.
        id: GroupId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
}

/// Runs `gpuaas group …`.
pub async fn groups(what: Groups) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Groups::List { of, shape } => {
            let page: Page<GroupView> = client.get(&of.path(&client, "groups").await?).await?;
            let mut rows = Vec::new();
            for group in &page.items {
                let (name, id) = (group.name.clone(), group.id.to_string());
                if group.members.is_empty() {
                    rows.push(vec![name.clone(), id.clone(), "-".into(), String::new()]);
                }
                for one in &group.members {
                    let (email, member) = (one.email.clone(), one.id.to_string());
                    rows.push(vec![name.clone(), id.clone(), email, member]);
                }
            }
            print(shape.output, &page, &["name", "id", "member", "membership"], rows);
        }
        Groups::Create { name, of } => {
            let path = of.path(&client, "groups").await?;
            let made: GroupView = client.post(&path, Some(&Named { name }), Some(&key()?)).await?;
            say(&made.id.to_string());
        }
        Groups::Add { id, email, of } => {
            let path = of.path(&client, &format!("groups/{id}/members")).await?;
            let ask = GroupMemberAdd { email };
            let made: GroupMemberView = client.post(&path, Some(&ask), Some(&key()?)).await?;
            say(&made.id.to_string());
        }
        Groups::TakeOut { id, member, of } => {
            let path = of.path(&client, &format!("groups/{id}/members/{member}")).await?;
            let _: Option<()> = client.delete(&path).await?;
            say("taken out");
        }
        Groups::Remove { id, of } => {
            let path = of.path(&client, &format!("groups/{id}")).await?;
            let _: Option<()> = client.delete(&path).await?;
            say("removed");
        }
    }
    Ok(())
}
