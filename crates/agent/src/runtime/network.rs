//! The way out of a workload, where the operator allows one: slirp4netns carries its connections
//! from its own network namespace, as a program of the host would open them. Nothing gets in; private,
//! link-local and multicast ranges and the host's own addresses are refused by nftables in that
//! namespace, where the workload cannot change them. The host's own firewall is never touched.

use anyhow::{Context, Result, bail};
use nix::{ifaddrs::getifaddrs, sys::signal::Signal, unistd::Pid};
use std::{collections::BTreeSet, fs, path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command};

/// Where names are looked up: slirp4netns passes questions on to the host's resolver.
pub const RESOLVER: &str = "10.0.2.3";

/// What is no public internet (RFC 6890, RFC 5771), and an address of one cloud's own machinery.
const CLOSED: [&str; 15] = [
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "168.63.129.16/32",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
];

/// The rules in force, noted when a way out was opened.
const RULES: &str = "network.rules";

/// Notes who it is before it is: after a crash in between it is found and ended.
const START: &str = r#"ulimit -n 1024; echo "$$ $2" >"$1/network.pid" && exec slirp4netns --configure --mtu=65520 \
 --disable-host-loopback $3 --enable-seccomp --ready-fd=3 \
 --netns-type=path --userns-path="/proc/$2/ns/user" "/proc/$2/ns/net" out0 3>"$1/network.ready""#;

/// Opens the way out of the workload whose first process is `init`; does nothing when it is open.
///
/// # Errors
/// When slirp4netns or nft is missing or refuses: the workload then does not start.
pub async fn open(folder: &Path, init: i64, rooted: bool) -> Result<()> {
    let rules = rules()?;
    let carried = carrier(folder).is_some_and(|(_, of)| of == init) && is_ready(folder);
    if carried && in_force(folder, &rules) {
        return Ok(());
    }
    // Closed before it is open: not a moment with more than there should be.
    shut(init, rooted, &rules).await?;
    fs::write(folder.join(RULES), &rules).context("note the rules")?;
    if carried {
        return Ok(());
    }
    close(folder).await?;
    let log = fs::File::create(folder.join("network.log")).context("open a log")?;
    let mut command = Command::new("sh");
    command.args(["-c", START, "sh"]).arg(folder).arg(init.to_string());
    // Its own confinement takes root to set up.
    command.arg(if rooted { "--enable-sandbox" } else { "" }).process_group(0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    let mut child = command.spawn().context("start slirp4netns")?;
    for _ in 0..250 {
        if is_ready(folder) {
            return Ok(());
        }
        if child.try_wait().context("wait for slirp4netns")?.is_some() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let words = fs::read_to_string(folder.join("network.log")).unwrap_or_default();
    close(folder).await?;
    tracing::error!(words, "slirp4netns does not carry a workload's connections");
    bail!("the way out could not be opened: install Debian's package slirp4netns on its machine")
}

/// Returns whether there should be a way out and nothing carries it, or its rules are of yesterday.
pub fn needs_work(folder: &Path) -> bool {
    let wanted = folder.join(RULES).exists();
    wanted && (carrier(folder).is_none() || rules().is_ok_and(|now| !in_force(folder, &now)))
}

fn in_force(folder: &Path, rules: &str) -> bool {
    fs::read(folder.join(RULES)).is_ok_and(|noted| noted == rules.as_bytes())
}

fn is_ready(folder: &Path) -> bool {
    fs::read(folder.join("network.ready")).is_ok_and(|said| !said.is_empty())
}

/// Closes the way out; returns when nothing of it is left.
///
/// # Errors
/// When it does not end.
pub async fn close(folder: &Path) -> Result<()> {
    for _ in 0..100 {
        let Some((pid, _)) = carrier(folder) else {
            for name in ["network.pid", "network.ready"] {
                let _ = fs::remove_file(folder.join(name));
            }
            return Ok(());
        };
        let _ = nix::sys::signal::kill(pid, Signal::SIGKILL);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    bail!("slirp4netns does not end")
}

/// Returns the process that carries connections and the first process it does so for. A number that
/// went to another process since is not taken for it.
fn carrier(folder: &Path) -> Option<(Pid, i64)> {
    let text = fs::read_to_string(folder.join("network.pid")).ok()?;
    let (pid, init) = text.trim().split_once(' ')?;
    let (pid, init) = (pid.parse::<i32>().ok()?, init.parse::<i64>().ok()?);
    let line = fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    let own = format!("/proc/{init}/ns/net");
    line.split(|byte| *byte == 0)
        .any(|word| word == own.as_bytes())
        .then(|| (Pid::from_raw(pid), init))
}

/// Returns the rules of the namespace: the resolver by name questions alone, nothing that is closed, no
/// IPv6. Rules see every packet, also of sockets that name their own source or interface.
fn rules() -> Result<String> {
    let mut closed: BTreeSet<String> = CLOSED.iter().map(|range| (*range).to_owned()).collect();
    for address in getifaddrs().context("read the host's addresses")? {
        let v4 = address.address.as_ref().and_then(|a| a.as_sockaddr_in().map(|a| a.ip()));
        closed.extend(v4.filter(|ip| !ip.is_loopback()).map(|ip| ip.to_string()));
    }
    let closed = closed.into_iter().collect::<Vec<_>>().join(", ");
    Ok(format!(
        "table inet gpuaas {{}}
         delete table inet gpuaas
         table inet gpuaas {{
           set closed {{ type ipv4_addr; flags interval; auto-merge; elements = {{ {closed} }}; }}
           chain out {{
             type filter hook output priority 0; policy accept;
             oifname \"lo\" accept
             meta nfproto ipv6 drop
             ip daddr {RESOLVER} meta l4proto {{ tcp, udp }} th dport 53 accept
             ip daddr @closed reject with icmpx no-route
           }}
           chain in {{
             type filter hook input priority 0; policy accept;
             iifname \"lo\" accept
             ct state established,related accept
             drop
           }}
         }}\n"
    ))
}

/// Closes what is to stay closed.
async fn shut(init: i64, rooted: bool, rules: &str) -> Result<()> {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{init}/ns/net"));
    if !rooted {
        command.arg(format!("--user=/proc/{init}/ns/user")).arg("--preserve-credentials");
    }
    // Where Debian keeps it, also for those whose path does not name it.
    command.args(["env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "nft", "-f", "-"]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn().context("start nft")?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(rules.as_bytes()).await.context("give nft its rules")?;
    }
    let out = child.wait_with_output().await.context("wait for nft")?;
    if !out.status.success() {
        let words = String::from_utf8_lossy(&out.stderr);
        tracing::error!(%words, "private ranges could not be closed to a workload");
        bail!("its network could not be closed: install Debian's package nftables on its machine");
    }
    Ok(())
}
