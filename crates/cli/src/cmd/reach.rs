//! Reaching workloads over SSH: the machine's own `ssh`, told where and whom to believe.

use super::certificate;
use crate::{
    client::{Client, Failure, settings_folder},
    output::say,
};
use anyhow::Context;
use api::{
    AllocationId, Page,
    allocations::{AllocationState, AllocationView},
    ssh::ConnectView,
};
use std::{
    fs,
    os::unix::process::CommandExt,
    path::PathBuf,
    process::{Command, ExitCode},
};

/// Returns the workload of an identifier, or of a name that one active workload has.
pub(super) async fn find(client: &Client, workload: &str) -> Result<AllocationId, Failure> {
    if let Ok(id) = workload.parse() {
        return Ok(id);
    }
    let all: Page<AllocationView> =
        client.get("/api/v1/allocations?status=active&limit=100").await?;
    let named: Vec<&AllocationView> = all
        .items
        .iter()
        .filter(|row| row.name == workload && row.state == AllocationState::Active)
        .collect();
    match named.as_slice() {
        [one] => Ok(one.id),
        [] => Err(Failure::Usage(format!("no active workload is called {workload}"))),
        _ => Err(Failure::Usage(format!(
            "several workloads are called {workload}: use an identifier"
        ))),
    }
}

/// Asks how a workload is reached. What comes back goes into command lines: it must look like it.
async fn connect(client: &Client, id: AllocationId) -> Result<ConnectView, Failure> {
    let to: ConnectView = client.get(&format!("/api/v1/allocations/{id}/connect")).await?;
    let plain = |text: &str, more: &str| {
        let fit = |c: char| c.is_ascii_alphanumeric() || more.contains(c);
        !text.starts_with('-') && !text.is_empty() && text.chars().all(fit)
    };
    let short = to.short.as_deref().is_none_or(|name| plain(name, "._-"));
    if to.user != id.to_string()
        || !plain(&to.host, ".:-")
        || !plain(&to.host_key, " +/=-")
        || !short
    {
        return Err(Failure::Internal(anyhow::anyhow!("the server names no place to connect to")));
    }
    Ok(to)
}

/// Writes down whom to believe for a host, and returns the file.
fn known_hosts(to: &ConnectView) -> Result<PathBuf, Failure> {
    let folder = settings_folder();
    fs::create_dir_all(&folder).context("make the settings folder")?;
    let path = folder.join("known_hosts");
    let host = match to.port {
        22 => to.host.clone(),
        port => format!("[{}]:{port}", to.host),
    };
    let line = format!("{host} {}", to.host_key);
    let old = fs::read_to_string(&path).unwrap_or_default();
    if !old.lines().any(|known| known == line) {
        // What stood there for this host came from this same site: it says what holds now.
        let other = |known: &&str| known.split(' ').next() != Some(host.as_str());
        let rest: Vec<&str> = old.lines().filter(other).chain([line.as_str()]).collect();
        let fresh = path.with_extension(format!("new-{}", std::process::id()));
        fs::write(&fresh, rest.join("\n") + "\n").context("note the host key")?;
        fs::rename(&fresh, &path).context("note the host key")?;
    }
    Ok(path)
}

/// Options that every one of OpenSSH's programs takes: where it is, whom to believe, and a certificate.
async fn options(
    client: &Client,
    (id, to): (AllocationId, &ConnectView),
) -> Result<Vec<String>, Failure> {
    let known = known_hosts(to)?;
    let mut certified = match certificate::options(client, id).await {
        // Their own key does it as well.
        Err(_) if to.reachable => Vec::new(),
        other => other?,
    };
    if certified.is_empty() && !to.reachable {
        return Err(Failure::Usage(
            "none of your keys opens it, and a certificate needs a fresh sign-in: gpuaas login"
                .to_owned(),
        ));
    }
    certified.extend([
        "-o".to_owned(),
        format!("Port={}", to.port),
        "-o".to_owned(),
        format!("UserKnownHostsFile={}", known.display()),
        "-o".to_owned(),
        "StrictHostKeyChecking=yes".to_owned(),
    ]);
    Ok(certified)
}

/// Becomes another program.
fn take_over(program: &str, args: Vec<String>) -> Failure {
    let error = Command::new(program).args(args).exec();
    Failure::Usage(format!("{program} cannot be started: {error}; install OpenSSH's client"))
}

/// Runs `gpuaas ssh`: the machine's own client takes over.
///
/// # Errors
/// What the server says; when there is no client.
pub async fn ssh(workload: &str, record: bool, rest: Vec<String>) -> Result<ExitCode, Failure> {
    let client = Client::signed_in()?;
    let id = find(&client, workload).await?;
    let to = connect(&client, id).await?;
    let mut args = options(&client, (id, &to)).await?;
    if record {
        args.extend(["-o".to_owned(), "SetEnv=GPUAAS_RECORD=1".to_owned()]);
    }
    // OpenSSH's client takes options behind the host too, and knows which have values.
    args.push(format!("{}@{}", to.user, to.host));
    args.extend(rest);
    Err(take_over("ssh", args))
}

/// Runs `gpuaas scp`: `WORKLOAD:PATH` on either side.
///
/// # Errors
/// What the server says; when neither side is a workload.
pub async fn scp(recursive: bool, paths: Vec<String>) -> Result<ExitCode, Failure> {
    let client = Client::signed_in()?;
    let (mut args, mut named) = (Vec::new(), None);
    let mut targets = Vec::new();
    for path in paths {
        match path.split_once(':').filter(|(name, _)| !name.contains('/')) {
            None => targets.push(path),
            Some((workload, rest)) => {
                let id = find(&client, workload).await?;
                let to = connect(&client, id).await?;
                targets.push(format!("{}@{}:{rest}", to.user, to.host));
                named = Some((id, to));
            }
        }
    }
    let neither = || Failure::Usage("name a workload on one side: train:/root/file".to_owned());
    let (id, to) = named.ok_or_else(neither)?;
    args.extend(options(&client, (id, &to)).await?);
    if recursive {
        args.push("-r".to_owned());
    }
    args.push("--".to_owned());
    args.extend(targets);
    Err(take_over("scp", args))
}

/// Runs `gpuaas forward`: a port of the workload on this machine.
///
/// # Errors
/// What the server says; when the ports cannot be read.
pub async fn forward(workload: &str, ports: &str) -> Result<ExitCode, Failure> {
    let (here, there) = ports.split_once(':').unwrap_or((ports, ports));
    let port = |text: &str| {
        let wrong = || Failure::Usage("give a port, or LOCAL:REMOTE, such as 8888:80".to_owned());
        text.parse::<u16>().ok().filter(|port| *port > 0).ok_or_else(wrong)
    };
    let (here, there) = (port(here)?, port(there)?);
    let client = Client::signed_in()?;
    let id = find(&client, workload).await?;
    let to = connect(&client, id).await?;
    let mut args = options(&client, (id, &to)).await?;
    args.extend(["-o".to_owned(), "ExitOnForwardFailure=yes".to_owned(), "-N".to_owned()]);
    args.extend(["-L".to_owned(), format!("127.0.0.1:{here}:localhost:{there}")]);
    args.push(format!("{}@{}", to.user, to.host));
    say(&format!(
        "http://127.0.0.1:{here} is port {there} of the workload, until you press Ctrl-C"
    ));
    Err(take_over("ssh", args))
}

/// Writes a file for OpenSSH's configuration with a host for each active workload.
///
/// # Errors
/// What the server says; when it cannot be written.
pub async fn ssh_config() -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let all: Page<AllocationView> =
        client.get("/api/v1/allocations?status=active&limit=100").await?;
    let mut text =
        String::from("# Written by `gpuaas ssh-config`; write it again after a launch.\n");
    let mut names = Vec::new();
    for row in all.items.iter().filter(|row| row.state == AllocationState::Active) {
        let to = connect(&client, row.id).await?;
        let known = known_hosts(&to)?;
        // Under a name of our own: a workload called like somebody's host must not be taken for it.
        let short = to.short.map(|name| format!(" {name}.gpuaas")).unwrap_or_default();
        text.push_str(&format!(
            "\nHost {}{short}\n  HostName {}\n  Port {}\n  User {}\n  UserKnownHostsFile {}\n  StrictHostKeyChecking yes\n",
            row.id, to.host, to.port, to.user, known.display()
        ));
        names.push(short.trim().to_owned());
    }
    let path = settings_folder().join("ssh_config");
    fs::create_dir_all(settings_folder()).context("make the settings folder")?;
    fs::write(&path, text).context("write the configuration")?;
    say(&format!("{} workloads: {}", names.len(), names.join(" ")));
    say("Once, as the first line of ~/.ssh/config:");
    say(&format!("  Include {}", path.display()));
    Ok(())
}
