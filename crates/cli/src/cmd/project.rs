//! Projects.

use super::Shape;
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    DeptId, OrgId, ProjectId,
    authority::ProjectMove,
    people::{Me, ProjectCreate, ProjectRename, ProjectView},
};
use clap::Subcommand;

/// `gpuaas project …`
#[derive(Subcommand)]
pub enum Projects {
    /// List the projects you may enter.
    List(Shape),
    /// Make one.
    Create {
        /// Its name.
        name: String,
        /// In which organization; your only one when absent.
        #[arg(long)]
        org: Option<OrgId>,
        /// In which department of it; the default one when absent.
        #[arg(long)]
        dept: Option<DeptId>,
    },
    /// Rename one.
    Rename {
        /// The project.
        id: ProjectId,
        /// Its new name.
        name: String,
    },
    /// Work in one from now on.
    Use {
        /// The project.
        id: ProjectId,
    },
    /// Move one to another department of its organization.
    Move {
        /// The project.
        id: ProjectId,
        /// The department it goes to.
        to: DeptId,
    },
    /// Archive one that holds nothing: it is read, and nothing is made in it.
    Archive {
        /// The project.
        id: ProjectId,
    },
    /// Take one out of the archive.
    Unarchive {
        /// The project.
        id: ProjectId,
    },
    /// Delete one that holds nothing any more.
    Delete {
        /// The project.
        id: ProjectId,
    },
}

/// Runs `gpuaas project …`.
pub async fn run(what: Projects) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let one = |id: ProjectId| format!("/api/v1/projects/{id}");
    match what {
        Projects::List(shape) => {
            let me: Me = client.get("/api/v1/me").await?;
            let rows = me
                .projects
                .iter()
                .map(|project| {
                    let here = if Some(project.id) == me.default_project_id { "*" } else { "" };
                    let role = project.role.map(|role| role.to_string()).unwrap_or_default();
                    let org = me.organizations.iter().find(|org| org.id == project.org_id);
                    let org =
                        org.map_or_else(|| project.org_id.to_string(), |org| org.name.clone());
                    vec![here.to_owned(), project.name.clone(), org, role, project.id.to_string()]
                })
                .collect();
            print(shape.output, &me.projects, &["", "name", "organization", "role", "id"], rows);
        }
        Projects::Create { name, org, dept } => {
            let org_id = match org {
                Some(id) => id,
                None => only_org(&client).await?,
            };
            let key = super::compute::key()?;
            let ask = ProjectCreate { org_id, name, department_id: dept };
            let made: ProjectView = client.post("/api/v1/projects", Some(&ask), Some(&key)).await?;
            say(&made.id.to_string());
        }
        Projects::Rename { id, name } => {
            let _: Option<serde_json::Value> =
                client.patch(&one(id), &ProjectRename { name }).await?;
            say("renamed");
        }
        Projects::Use { id } => {
            let path = format!("{}/switch", one(id));
            let _: Option<serde_json::Value> = client.post(&path, None::<&()>, None).await?;
            say("used from now on");
        }
        Projects::Move { id, to } => {
            let ask = ProjectMove { department_id: to };
            let _: Option<()> = client.post(&format!("{}/move", one(id)), Some(&ask), None).await?;
            say("moved");
        }
        Projects::Archive { id } => {
            let path = format!("{}/archive", one(id));
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("archived");
        }
        Projects::Unarchive { id } => {
            let path = format!("{}/unarchive", one(id));
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("in use again");
        }
        Projects::Delete { id } => {
            let _: Option<()> = client.delete(&one(id)).await?;
            say("deleted");
        }
    }
    Ok(())
}

/// Returns the one organization somebody is in.
pub(super) async fn only_org(client: &Client) -> Result<OrgId, Failure> {
    let me: Me = client.get("/api/v1/me").await?;
    match me.organizations.as_slice() {
        [one] => Ok(one.id),
        _ => Err(Failure::Usage("say which organization with --org".to_owned())),
    }
}
