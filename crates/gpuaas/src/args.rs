//! The command line.

use clap::{Parser, Subcommand};
use kernel::{Context, Error, Result, app::Network};
use server::{
    config, serve,
    up::{self, LinkWay, Part},
};
use std::{
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

/// A self-service GPU cloud in one binary.
#[derive(Parser)]
#[command(name = "gpuaas", version, about, propagate_version = true)]
pub struct Args {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What it can do.
#[derive(Subcommand)]
pub enum Command {
    /// Run everything on this machine.
    Up(Up),
    /// Run the control plane alone.
    Server(Server),
    /// Run work for a control plane on this machine.
    Agent(Agent),
    /// The first process of a workload.
    #[command(hide = true)]
    SandboxInit,
    /// Everything else is for people and scripts.
    #[command(flatten)]
    Client(cli::Command),
}

impl Command {
    /// Returns whether it runs until told to end, and so writes a log.
    pub fn serves(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Server(_) | Self::Agent(_))
    }
}

/// `gpuaas up`
#[derive(clap::Args)]
pub struct Up {
    #[command(flatten)]
    common: Common,
    /// Made-up GPUs, labelled everywhere: [NODESx]GPUSxMODEL, such as 2x8xH100,4xL40S.
    #[arg(long, value_name = "SPEC", value_parser = simulate)]
    simulate: Option<String>,
}

fn simulate(text: &str) -> std::result::Result<String, String> {
    agent::parse_simulate(text).map(|_| text.to_owned())
}

/// `gpuaas agent`
#[derive(clap::Args)]
pub struct Agent {
    /// Where its files are.
    #[arg(long, value_name = "DIR", default_value = "/var/lib/gpuaas-agent")]
    data: PathBuf,
    /// Control plane's listener for agents, from the join line.
    #[arg(long, value_name = "HOST:PORT", requires_all = ["token", "fingerprint"])]
    join: Option<String>,
    /// One-time token, from the join line.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// The authority's fingerprint, from the join line.
    #[arg(long, value_name = "SHA256")]
    fingerprint: Option<String>,
    /// File the join line appears in.
    #[arg(long, value_name = "FILE", hide = true)]
    join_file: Option<PathBuf>,
    /// Made-up GPUs: GPUSxMODEL.
    #[arg(long, value_name = "SPEC", value_parser = simulate)]
    simulate: Option<String>,
    /// The name it gives itself.
    #[arg(long)]
    name: Option<String>,
}

/// `gpuaas server`
#[derive(clap::Args)]
pub struct Server {
    #[command(flatten)]
    common: Common,
    /// PostgreSQL address (postgres://…); SQLite in the data folder when absent.
    #[arg(long, value_name = "URL", env = "GPUAAS_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// Files this machine's own agents find their join line in (set by `up`).
    #[arg(long, value_name = "FILE", hide = true)]
    local_join: Option<PathBuf>,
    /// The same for agents with made-up GPUs, and how many there are.
    #[arg(long, value_name = "FILE", hide = true, requires = "simulated_agents")]
    simulated_join: Option<PathBuf>,
    /// How many agents have made-up GPUs.
    #[arg(long, value_name = "N", hide = true)]
    simulated_agents: Option<i64>,
    /// File that says where it listens (set by `up`).
    #[arg(long, value_name = "FILE", hide = true)]
    endpoints: Option<PathBuf>,
    /// User to become once the listeners are open (`up` as root gives its own).
    #[arg(long, value_name = "USER")]
    run_as: Option<String>,
    /// Print every setting with its comment and end.
    #[arg(long)]
    print_config: bool,
}

#[derive(clap::Args, Clone)]
struct Common {
    /// Where its files are.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Where people reach it; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8080")]
    http: SocketAddr,
    /// Where agents dial; port 0 picks a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:8443")]
    agent_listen: SocketAddr,
    /// What machines that join dial, when it is not where agents are listened for (a name, a forwarded port).
    #[arg(long, value_name = "HOST:PORT")]
    agent_address: Option<String>,
    /// Where monitoring reads metrics; 127.0.0.1:9464 when absent, or any free port when that is taken.
    #[arg(long, value_name = "ADDR:PORT")]
    metrics: Option<SocketAddr>,
    /// Where SSH is listened for; 127.0.0.1:2222 when absent, or any free port when that is taken.
    #[arg(long, value_name = "ADDR:PORT")]
    ssh: Option<SocketAddr>,
    /// Certificate chain (PEM) for the address people reach; read again when it is renewed, where the user it runs as may.
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_cert: Option<PathBuf>,
    /// Its private key (PEM).
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// What people type, when a proxy stands before it (https://…).
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Accept plain HTTP on an address other machines can reach.
    #[arg(long)]
    insecure_http: bool,
    /// Addresses of proxies before it, whose X-Forwarded-For is believed (10.0.0.0/8); repeatable.
    #[arg(long, value_name = "CIDR", value_parser = network)]
    behind_proxy: Vec<String>,
    /// Settings file (TOML).
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Write the first sign-in link to this file too.
    #[arg(long, value_name = "FILE")]
    first_link_file: Option<PathBuf>,
}

fn network(text: &str) -> std::result::Result<String, String> {
    let fits = Network::parse(text).map(|_| text.to_owned());
    fits.ok_or_else(|| "an address or a range such as 10.0.0.0/8".to_owned())
}

impl Common {
    fn data(&self) -> PathBuf {
        self.data.clone().unwrap_or_else(serve::default_data)
    }

    /// What people type before a path.
    fn base(&self) -> String {
        let scheme = if self.tls_cert.is_some() { "https" } else { "http" };
        let own = || format!("{scheme}://{}", self.http);
        self.public_url.as_ref().map_or_else(own, |url| url.trim_end_matches('/').to_owned())
    }

    fn server_args(&self, data: &Path, run_as: Option<&str>) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["server".into(), "--data".into(), data.into()];
        args.extend(["--http".into(), self.http.to_string().into()]);
        args.extend(["--agent-listen".into(), self.agent_listen.to_string().into()]);
        let mut pair = |flag: &str, value: Option<OsString>| {
            if let Some(value) = value {
                args.extend([flag.into(), value]);
            }
        };
        pair("--agent-address", self.agent_address.clone().map(Into::into));
        pair("--public-url", self.public_url.clone().map(Into::into));
        pair("--config", self.config.clone().map(Into::into));
        pair("--metrics", self.metrics.map(|address| address.to_string().into()));
        pair("--ssh", self.ssh.map(|address| address.to_string().into()));
        pair("--tls-cert", self.tls_cert.clone().map(Into::into));
        pair("--tls-key", self.tls_key.clone().map(Into::into));
        pair("--first-link-file", self.first_link_file.is_some().then(|| data.join(LINK).into()));
        pair("--run-as", run_as.map(Into::into));
        for network in &self.behind_proxy {
            args.extend(["--behind-proxy".into(), network.into()]);
        }
        if self.insecure_http {
            args.push("--insecure-http".into());
        }
        args
    }
}

/// Where the control plane leaves the first sign-in link for `up`, which puts it where it was asked for.
const LINK: &str = "first-link";

/// Picks ports now where none is given: a part that starts again must be found where it was. All are held
/// until the last is picked, so that none is picked twice.
fn fix_ports(addresses: [&mut SocketAddr; 4]) -> Result<()> {
    let mut held = Vec::new();
    for address in addresses {
        if address.port() == 0 {
            let listener = std::net::TcpListener::bind(*address).context("pick a port")?;
            *address = listener.local_addr().context("pick a port")?;
            held.push(listener);
        }
    }
    Ok(())
}

/// Runs everything on this machine.
pub async fn up(mut up: Up) -> Result<()> {
    // Absent, those of metrics and SSH are the control plane's own choice.
    let mut unasked = SocketAddr::from(([127, 0, 0, 1], 1));
    let common = &mut up.common;
    let mut neither = unasked;
    let metrics = common.metrics.as_mut().unwrap_or(&mut unasked);
    let ssh = common.ssh.as_mut().unwrap_or(&mut neither);
    fix_ports([&mut common.http, &mut common.agent_listen, metrics, ssh])?;
    let data = up.common.data();
    let _lock = up::take_folder(&data)?;
    let nodes = up.simulate.as_deref().map(agent::parse_simulate).transpose();
    let nodes = nodes.map_err(|words| Error::internal(anyhow::anyhow!(words)))?.unwrap_or_default();
    let home = up::server_home(&data)?;
    let (host_join, simulated_join) =
        (home.join("join-host.json"), home.join("join-simulated.json"));
    let user = up::server_user(&home)?;
    let mut server = up.common.server_args(&home, user);
    server.extend(["--endpoints".into(), up::endpoints(&data, user)?.into()]);
    server.extend(["--local-join".into(), host_join.clone().into()]);
    if !nodes.is_empty() {
        server.extend(["--simulated-join".into(), simulated_join.clone().into()]);
        server.extend(["--simulated-agents".into(), nodes.len().to_string().into()]);
    }
    let mut parts = vec![Part { name: "server", args: server }];
    let agent = |folder: &str, join: &PathBuf| -> Vec<OsString> {
        let data = data.join(folder);
        vec!["agent".into(), "--data".into(), data.into(), "--join-file".into(), join.into()]
    };
    parts.push(Part { name: "agent", args: agent("agent", &host_join) });
    for (index, gpus) in nodes.iter().enumerate() {
        let model = gpus.first().map_or("GPU", |gpu| gpu.model.as_str());
        let mut args = agent(&format!("agent-simulated-{index}"), &simulated_join);
        args.extend(["--simulate".into(), format!("{}x{model}", gpus.len()).into()]);
        args.extend(["--name".into(), format!("simulated-{index}").into()]);
        parts.push(Part { name: "agent", args });
    }
    let begins = format!("{}/auth/first?token=", up.common.base());
    let link = up.common.first_link_file.clone();
    let link = link.map(|to| LinkWay { from: home.join(LINK), to, begins });
    up::supervise(&parts, link).await
}

/// Runs work on this machine.
pub async fn agent(args: Agent) -> Result<()> {
    let simulate = match args.simulate.as_deref().map(agent::parse_simulate) {
        Some(Ok(nodes)) => nodes.into_iter().next(),
        _ => None,
    };
    let join = match (args.join, args.token, args.fingerprint) {
        (Some(address), Some(token), Some(fingerprint)) => {
            Some(agent::enrol::JoinWords { address, token, fingerprint })
        }
        _ => None,
    };
    let options = agent::Options {
        data: args.data,
        join,
        join_file: args.join_file,
        simulate,
        name: args.name,
    };
    agent::run(options).await.map_err(Error::internal)
}

/// Runs the control plane alone.
#[allow(clippy::print_stdout, reason = "it was asked to print")]
pub async fn server(server: Server) -> Result<()> {
    if server.print_config {
        print!("{}", config::DEFAULTS);
        return Ok(());
    }
    let data = server.common.data();
    serve::run(serve::Options {
        data,
        http: server.common.http,
        database: server.database,
        public_url: server.common.public_url,
        insecure_http: server.common.insecure_http,
        config: server.common.config,
        first_link_file: server.common.first_link_file,
        simulated: server.simulated_join.is_some(),
        agent_listen: server.common.agent_listen,
        agent_address: server.common.agent_address,
        local: server.local_join.map(|host| serve::LocalAgents {
            host,
            simulated: server.simulated_join.zip(server.simulated_agents),
        }),
        tls: server.common.tls_cert.zip(server.common.tls_key),
        metrics: server.common.metrics,
        ssh: server.common.ssh,
        run_as: server.run_as,
        endpoints: server.endpoints,
        behind_proxy: server.common.behind_proxy.iter().filter_map(|t| Network::parse(t)).collect(),
    })
    .await
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;
    use std::{fmt::Write, fs, path::Path};

    fn list(command: &clap::Command, above: &str, out: &mut String) {
        let shown =
            command.get_subcommands().filter(|one| !one.is_hide_set() && one.get_name() != "help");
        for one in shown {
            let name = format!("{above} {}", one.get_name());
            if one.has_subcommands() {
                list(one, &name, out);
            } else {
                let about = one.get_about().map(ToString::to_string).unwrap_or_default();
                writeln!(out, "{name:<24}  {about}").unwrap();
            }
        }
    }

    #[test]
    fn golden_commands() {
        let mut text = String::new();
        list(&super::Args::command(), "gpuaas", &mut text);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../golden/commands.txt");
        if std::env::var_os("GPUAAS_GOLDEN").is_some() {
            fs::write(&path, &text).unwrap();
        }
        let kept = fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(kept, text, "look at `make golden && git diff`");
    }
}
