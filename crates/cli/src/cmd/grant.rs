//! Roles of an organization's own, and roles given to people and groups.

use super::{Shape, compute::key, dept::Of};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    BindingId, DeptId, GroupId, Page, ProjectId, RoleId,
    authority::{BindingCreate, BindingView, BuiltIn, RoleView, RoleWrite},
};
use clap::Subcommand;

/// `gpuaas role own …`
#[derive(Subcommand)]
pub enum Own {
    /// List them.
    List {
        /// Of which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Make one of single actions; `gpuaas role list` names them.
    Create {
        /// Its name.
        name: String,
        /// What it allows.
        #[arg(required = true)]
        actions: Vec<String>,
        /// In which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Change one; whoever has it has the new rights at once.
    Change {
        /// The role.
        id: RoleId,
        /// Its name.
        name: String,
        /// What it allows from now on.
        #[arg(required = true)]
        actions: Vec<String>,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Remove one nobody has.
    Remove {
        /// The role.
        id: RoleId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
}

/// Runs `gpuaas role own …`.
pub async fn own(what: Own) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Own::List { of, shape } => {
            let page: Page<RoleView> = client.get(&of.path(&client, "roles").await?).await?;
            let row =
                |one: &RoleView| vec![one.name.clone(), one.actions.join(" "), one.id.to_string()];
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["name", "allows", "id"], rows);
        }
        Own::Create { name, actions, of } => {
            let path = of.path(&client, "roles").await?;
            let ask = RoleWrite { name, actions };
            let made: RoleView = client.post(&path, Some(&ask), Some(&key()?)).await?;
            say(&made.id.to_string());
        }
        Own::Change { id, name, actions, of } => {
            let path = of.path(&client, &format!("roles/{id}")).await?;
            let _: RoleView = client.patch(&path, &RoleWrite { name, actions }).await?;
            say("changed");
        }
        Own::Remove { id, of } => {
            let path = of.path(&client, &format!("roles/{id}")).await?;
            let _: Option<()> = client.delete(&path).await?;
            say("removed");
        }
    }
    Ok(())
}

/// Somebody, a role and a place.
#[derive(clap::Args)]
pub struct Give {
    /// admin, member, viewer, billing, security_reviewer, or the id of a role of the organization's own.
    role: String,
    /// To this member, by sign-in name.
    #[arg(long, conflicts_with = "group", required_unless_present = "group")]
    to: Option<String>,
    /// To this group.
    #[arg(long)]
    group: Option<GroupId>,
    /// In this department and its projects.
    #[arg(long, conflicts_with = "project")]
    dept: Option<DeptId>,
    /// In this project; everywhere in the organization when neither is named.
    #[arg(long)]
    project: Option<ProjectId>,
    /// Of which organization.
    #[command(flatten)]
    of: Of,
}

/// Runs `gpuaas role give`.
pub async fn give(what: Give) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let role_id: Option<RoleId> = what.role.parse().ok();
    let role = BuiltIn::parse(&what.role);
    if role.is_none() && role_id.is_none() {
        let words = "the role is admin, member, viewer, billing, security_reviewer or an id";
        return Err(Failure::Usage(words.to_owned()));
    }
    let ask = BindingCreate {
        email: what.to,
        group_id: what.group,
        role,
        role_id,
        department_id: what.dept,
        project_id: what.project,
    };
    let path = what.of.path(&client, "role-bindings").await?;
    let made: BindingView = client.post(&path, Some(&ask), Some(&key()?)).await?;
    say(&made.id.to_string());
    Ok(())
}

/// Runs `gpuaas role take`.
pub async fn take(id: BindingId, of: Of) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let path = of.path(&client, &format!("role-bindings/{id}")).await?;
    let _: Option<()> = client.delete(&path).await?;
    say("taken away");
    Ok(())
}

/// Runs `gpuaas role given`.
pub async fn given(of: Of, shape: Shape) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let page: Page<BindingView> = client.get(&of.path(&client, "role-bindings").await?).await?;
    let row = |one: &BindingView| {
        let place = match (one.department_id, one.project_id) {
            (Some(id), _) => id.to_string(),
            (None, Some(id)) => id.to_string(),
            (None, None) => "everywhere".to_owned(),
        };
        vec![one.who.clone(), one.role_name.clone(), place, one.id.to_string()]
    };
    let rows = page.items.iter().map(row).collect();
    print(shape.output, &page, &["who", "role", "where", "id"], rows);
    Ok(())
}
