//! Roles: what each may, who can do something, why oneself cannot.

use super::{Shape, dept::Of, grant};
use crate::{
    client::{Client, Failure},
    output::print,
};
use api::{
    BindingId, DeptId, OrgId, Page, ProjectId,
    access::{Permission, Who, WhyAnswer},
    people::{Me, Role},
};
use clap::Subcommand;

/// `gpuaas role …`
#[derive(Subcommand)]
pub enum Roles {
    /// List every action and which roles may do it.
    List(Shape),
    /// List which roles are given to whom, and where.
    Given {
        /// Of which organization.
        #[command(flatten)]
        of: Of,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Give a role to a member or a group (owners).
    Give(grant::Give),
    /// Take a given role away (owners).
    Take {
        /// As `given` names it.
        id: BindingId,
        /// Of which organization.
        #[command(flatten)]
        of: Of,
    },
    /// Roles of the organization's own: bundles of single actions.
    Own {
        /// What to do.
        #[command(subcommand)]
        what: grant::Own,
    },
    /// Say who may do something in an organization, or in a project of it (admins).
    WhoCan {
        /// allocation.create
        action: String,
        /// The organization; your only one when absent.
        #[arg(long)]
        org: Option<OrgId>,
        /// In this department of it.
        #[arg(long, conflicts_with = "project")]
        dept: Option<DeptId>,
        /// In this project of it.
        #[arg(long)]
        project: Option<ProjectId>,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Say whether you may do something, and what stands in the way.
    Why {
        /// allocation.create
        action: String,
        /// In this organization.
        #[arg(long, conflicts_with = "project")]
        org: Option<OrgId>,
        /// In this project; where you work when neither is named.
        #[arg(long)]
        project: Option<ProjectId>,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
}

const ALL: [Role; 4] = [Role::Viewer, Role::Member, Role::Admin, Role::Owner];

/// Runs a command.
pub async fn run(what: Roles) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Roles::List(shape) => {
            let page: Page<Permission> = client.get("/api/v1/roles").await?;
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["action", "viewer", "member", "admin", "owner"], rows);
        }
        Roles::Given { of, shape } => grant::given(of, shape).await?,
        Roles::Give(what) => grant::give(what).await?,
        Roles::Take { id, of } => grant::take(id, of).await?,
        Roles::Own { what } => grant::own(what).await?,
        Roles::WhoCan { action, org, dept, project, shape } => {
            let org = match org {
                Some(id) => id,
                None => super::project::only_org(&client).await?,
            };
            let place = match (dept, project) {
                (Some(id), _) => format!("&department_id={id}"),
                (None, Some(id)) => format!("&project_id={id}"),
                (None, None) => String::new(),
            };
            let path = format!("/api/v1/organizations/{org}/who-can?action={action}{place}");
            let page: Page<Who> = client.get(&path).await?;
            let line = |one: &Who| {
                let (name, email) = (one.display_name.clone(), one.email.clone());
                vec![name, email, one.role.clone(), one.through.clone()]
            };
            let rows = page.items.iter().map(line).collect();
            print(shape.output, &page, &["name", "e-mail", "role", "by"], rows);
        }
        Roles::Why { action, org, project, shape } => {
            let place = match (org, project) {
                (Some(org), _) => format!("org_id={org}"),
                (None, Some(project)) => format!("project_id={project}"),
                (None, None) => {
                    let me: Me = client.get("/api/v1/me").await?;
                    let id = me.default_project_id;
                    let id =
                        id.ok_or_else(|| Failure::Usage("you have no project yet".to_owned()))?;
                    format!("project_id={id}")
                }
            };
            let path = format!("/api/v1/access/why?action={action}&{place}");
            let answer: WhyAnswer = client.get(&path).await?;
            let heads = ["action", "answer", "your role", "takes", "ask"];
            let rows = vec![vec![
                answer.action.clone(),
                answer.words.clone(),
                answer.role.map_or_else(|| "given".to_owned(), |role| role.to_string()),
                answer.least.to_string(),
                answer.ask.join(", "),
            ]];
            print(shape.output, &answer, &heads, rows);
            if !answer.allowed {
                return Err(Failure::Ended("not allowed".to_owned()));
            }
        }
    }
    Ok(())
}

fn row(one: &Permission) -> Vec<String> {
    let least = ALL.iter().position(|role| *role == one.least).unwrap_or(ALL.len());
    let may = |place: usize| if place >= least { "yes" } else { "-" }.to_owned();
    let mut cells = vec![one.action.clone()];
    cells.extend((0..ALL.len()).map(may));
    cells
}
