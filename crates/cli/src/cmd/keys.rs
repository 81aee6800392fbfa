//! Public keys, and who reaches a workload with theirs.

use super::{Shape, reach::find};
use crate::{
    client::{Client, Failure},
    output::{print, say},
};
use anyhow::Context;
use api::{
    Page, SshGrantId, SshKeyId, UserId,
    people::{Me, MemberView},
    ssh::{
        ProjectSshKeyCreate, SshGrantCreate, SshGrantView, SshKeyCreate, SshKeyImport,
        SshKeyImports, SshKeyView,
    },
};
use clap::Subcommand;
use std::{
    fs,
    io::Read,
    path::{Path, PathBuf},
};

/// `gpuaas keys …`
#[derive(Subcommand)]
pub enum Keys {
    /// List your public keys.
    List(Shape),
    /// Add one.
    Add {
        /// The file with the public key (`~/.ssh/id_ed25519.pub`); `-` reads standard input.
        file: PathBuf,
        /// What it is called; the comment in it when absent.
        #[arg(long)]
        name: Option<String>,
    },
    /// Add those of an authorized_keys file.
    Import {
        /// The file; `-` reads standard input.
        file: PathBuf,
    },
    /// Delete one; what it has open ends.
    Delete {
        /// The key.
        id: SshKeyId,
    },
    /// Offer one of yours in the project, so that others can open their workloads to it.
    Offer {
        /// The key.
        id: SshKeyId,
    },
    /// Take it back from the project.
    Withdraw {
        /// The key.
        id: SshKeyId,
    },
}

/// `gpuaas access …`
#[derive(Subcommand)]
pub enum Access {
    /// List who reaches a workload over SSH.
    List {
        /// The workload: its identifier or its name.
        workload: String,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Let a member of the project in, with their own keys.
    Give {
        /// The workload: its identifier or its name.
        workload: String,
        /// The member: identifier or e-mail address.
        who: String,
        /// Hours it lasts; as long as the workload runs when absent.
        #[arg(long)]
        hours: Option<u32>,
    },
    /// Take a way in back.
    End {
        /// The workload: its identifier or its name.
        workload: String,
        /// The way in, as listed.
        id: SshGrantId,
    },
}

fn read(file: &Path) -> Result<String, Failure> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).context("read standard input")?;
        return Ok(text);
    }
    fs::read_to_string(file)
        .map_err(|error| Failure::Usage(format!("{} cannot be read: {error}", file.display())))
}

/// Reads public keys; a private one does not leave this machine.
fn read_public(file: &Path) -> Result<String, Failure> {
    let text = read(file)?;
    let upper = text.to_ascii_uppercase();
    let marks = ["PRIVATE KEY", "PRIVATE-LINES", "PUTTY-USER-KEY-FILE"];
    if marks.iter().any(|mark| upper.contains(mark)) {
        let name = file.display();
        let words =
            format!("{name} holds a private key; it was not sent. Give the file that ends in .pub");
        return Err(Failure::Usage(words));
    }
    Ok(text)
}

fn key_rows(keys: &[SshKeyView]) -> Vec<Vec<String>> {
    let row = |key: &SshKeyView| {
        let used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.plain());
        vec![
            key.id.to_string(),
            key.name.clone(),
            key.algorithm.clone(),
            key.fingerprint.clone(),
            used,
        ]
    };
    keys.iter().map(row).collect()
}

async fn project_keys(client: &Client) -> Result<String, Failure> {
    let me: Me = client.get("/api/v1/me").await?;
    let none = || Failure::Usage("you have no project yet".to_owned());
    Ok(format!("/api/v1/projects/{}/ssh-keys", me.default_project_id.ok_or_else(none)?))
}

/// Runs `gpuaas keys …`.
///
/// # Errors
/// What the server says.
pub async fn keys(what: Keys) -> Result<(), Failure> {
    const OWN: &str = "/api/v1/account/ssh-keys";
    let client = Client::signed_in()?;
    match what {
        Keys::List(shape) => {
            let page: Page<SshKeyView> = client.get(OWN).await?;
            let heads = ["id", "name", "kind", "fingerprint", "last used"];
            print(shape.output, &page, &heads, key_rows(&page.items));
        }
        Keys::Add { file, name } => {
            let body = SshKeyCreate { public_key: read_public(&file)?, name };
            let key: SshKeyView = client.post(OWN, Some(&body), None).await?;
            say(&format!("{}  {}  {}", key.id, key.name, key.fingerprint));
        }
        Keys::Import { file } => {
            let body = SshKeyImport { authorized_keys: read_public(&file)? };
            let path = format!("{OWN}/import");
            let done: SshKeyImports = client.post(&path, Some(&body), None).await?;
            for line in &done.lines {
                match (&line.added, &line.refused) {
                    (Some(key), _) => {
                        say(&format!("line {}: added {}  {}", line.line, key.id, key.name))
                    }
                    (None, why) => {
                        say(&format!("line {}: {}", line.line, why.as_deref().unwrap_or("refused")))
                    }
                }
            }
        }
        Keys::Delete { id } => {
            let () = client.delete(&format!("{OWN}/{id}")).await?;
            say("deleted");
        }
        Keys::Offer { id } => {
            let body = ProjectSshKeyCreate { ssh_key_id: id };
            let path = project_keys(&client).await?;
            let key: SshKeyView = client.post(&path, Some(&body), None).await?;
            say(&format!("{} is offered in the project", key.name));
        }
        Keys::Withdraw { id } => {
            let path = project_keys(&client).await?;
            let () = client.delete(&format!("{path}/{id}")).await?;
            say("taken back");
        }
    }
    Ok(())
}

/// Runs `gpuaas access …`.
///
/// # Errors
/// What the server says.
pub async fn access(what: Access) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Access::List { workload, shape } => {
            let id = find(&client, &workload).await?;
            let path = format!("/api/v1/allocations/{id}/ssh-grants");
            let page: Page<SshGrantView> = client.get(&path).await?;
            let row = |grant: &SshGrantView| {
                vec![
                    grant.id.to_string(),
                    grant.user.clone(),
                    grant.key_name.clone().unwrap_or_else(|| "any key".to_owned()),
                    grant.source.to_string(),
                    grant.expires_at.map_or_else(|| "released".to_owned(), |at| at.plain()),
                ]
            };
            let rows = page.items.iter().map(row).collect();
            print(shape.output, &page, &["id", "who", "with", "from", "until"], rows);
        }
        Access::Give { workload, who, hours } => {
            let id = find(&client, &workload).await?;
            let user_id = person(&client, &who).await?;
            let path = format!("/api/v1/allocations/{id}/ssh-grants");
            let body = SshGrantCreate { user_id, hours };
            let grant: SshGrantView = client.post(&path, Some(&body), None).await?;
            say(&format!("{} can reach it now: {}", grant.user, grant.id));
        }
        Access::End { workload, id } => {
            let workload = find(&client, &workload).await?;
            let path = format!("/api/v1/allocations/{workload}/ssh-grants/{id}");
            let () = client.delete(&path).await?;
            say("taken back");
        }
    }
    Ok(())
}

async fn person(client: &Client, who: &str) -> Result<UserId, Failure> {
    if let Ok(id) = who.parse() {
        return Ok(id);
    }
    let me: Me = client.get("/api/v1/me").await?;
    let none = || Failure::Usage("you have no project yet".to_owned());
    let project = me.default_project_id.ok_or_else(none)?;
    let all: Page<MemberView> = client.get(&format!("/api/v1/projects/{project}/members")).await?;
    let found = all.items.iter().find(|member| member.email.eq_ignore_ascii_case(who));
    let nobody = || Failure::Usage(format!("{who} is no member of the project"));
    found.map(|member| member.user_id).ok_or_else(nobody)
}
