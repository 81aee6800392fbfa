//! For operators: nodes, this machine, the audit record.

use crate::{
    client::{Client, Failure},
    output::{Format, print, say},
};
use api::{Page, audit::ChainReport, fleet::NodeView};
use clap::CommandFactory;

/// `gpuaas audit …`
#[derive(clap::Subcommand)]
pub enum Audit {
    /// Walk the whole chain and say whether it holds.
    Verify {
        #[command(flatten)]
        shape: super::Shape,
    },
}

/// Lists nodes.
pub async fn nodes(format: Format) -> Result<(), Failure> {
    let page: Page<NodeView> = Client::signed_in()?.get("/api/v1/admin/nodes").await?;
    let rows = page
        .items
        .iter()
        .map(|node| {
            let label = if node.simulated { " (simulated)" } else { "" };
            vec![
                node.name.clone() + label,
                node.status.to_string(),
                format!("{} of {}", node.free, node.slots),
                node.last_heartbeat_at.map_or("never".to_owned(), |at| at.plain()),
                node.id.to_string(),
            ]
        })
        .collect();
    print(format, &page, &["name", "status", "free", "heard", "id"], rows);
    Ok(())
}

/// Walks the audit chain.
pub async fn audit(what: Audit) -> Result<(), Failure> {
    let Audit::Verify { shape } = what;
    let report: ChainReport = Client::signed_in()?.get("/api/v1/admin/audit-logs/verify").await?;
    let holds = match (&report.broken_at, &report.reason) {
        (Some(at), Some(reason)) => format!("broken at {at}: {reason}"),
        _ => "holds".to_owned(),
    };
    let rows = vec![vec![
        report.entries.to_string(),
        report.waiting.to_string(),
        holds.clone(),
        report.head.clone(),
    ]];
    print(shape.output, &report, &["entries", "waiting", "chain", "head"], rows);
    if report.broken_at.is_some() {
        Err(Failure::Ended(format!("the audit chain is {holds}")))
    } else {
        Ok(())
    }
}

/// Looks at this machine.
pub fn doctor() -> Result<(), Failure> {
    let mut missing = Vec::new();
    let mut check = |fine: bool, what: &str, otherwise: &str| {
        say(&format!("{} {what}", if fine { "ok     " } else { "missing" }));
        if !fine {
            missing.push(otherwise.to_owned());
        }
    };
    let runs = |program: &str| {
        std::process::Command::new(program)
            .arg("--version")
            .output()
            .is_ok_and(|out| out.status.success())
    };
    check(runs("runc"), "runc runs workloads", "install Debian's package runc");
    let root = nix::unistd::geteuid().is_root();
    check(
        root,
        "root: limits and a range of users for each workload",
        "run the agent as root; without, a workload is not limited and shares this user",
    );
    let namespaces = std::path::Path::new("/proc/self/ns/user").exists();
    check(namespaces, "user namespaces", "use a kernel with user namespaces");
    let groups = std::path::Path::new("/sys/fs/cgroup").is_dir();
    check(groups, "control groups", "mount the control groups");
    let gpus = std::path::Path::new("/dev/nvidiactl").exists();
    say(if gpus {
        "ok      an NVIDIA driver"
    } else {
        "-       no NVIDIA driver: processors only, or --simulate"
    });
    say(if runs("slirp4netns") {
        "ok      slirp4netns: workloads may have a way out, where settings allow it"
    } else {
        "-       no slirp4netns: workloads have no way out ([fleet] outgoing needs it)"
    });
    for words in &missing {
        say(&format!("  {words}"));
    }
    if missing.is_empty() {
        Ok(())
    } else {
        Err(Failure::Ended("this machine lacks something; see above".to_owned()))
    }
}

/// Wraps the commands for completion.
#[derive(clap::Parser)]
#[command(name = "gpuaas")]
struct Root {
    #[command(subcommand)]
    _command: super::Command,
}

/// Prints completions.
pub fn completion(shell: clap_complete::Shell) -> Result<(), Failure> {
    clap_complete::generate(shell, &mut Root::command(), "gpuaas", &mut std::io::stdout());
    Ok(())
}
