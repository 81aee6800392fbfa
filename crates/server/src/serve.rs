//! The control plane as a process: opens the database, listens, ends cleanly.

use crate::{MIGRATIONS, access, config::Config, fleet, identity, operations, user, web, wire};
use gateway::{authority::Authority, tunnel::Tunnel};
use kernel::{
    App, Context, Error, Result,
    app::{Network, Site},
    db::{Db, Place},
    http::{Door, Tls, router, serve},
    seal::Seal,
    secret::write_private,
};
use seams::{Clock, Seams};
use serde_json::json;
use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    sync::Arc,
};
use tokio::net::TcpListener;

/// How the control plane is started.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where its files are.
    pub data: PathBuf,
    /// Where people reach it; port 0 picks a free one.
    pub http: SocketAddr,
    /// PostgreSQL address; SQLite in the data folder when absent.
    pub database: Option<String>,
    /// What people type; made from the address when absent.
    pub public_url: Option<String>,
    /// Whether plain HTTP on a public address is accepted.
    pub insecure_http: bool,
    /// Settings file.
    pub config: Option<PathBuf>,
    /// Where the first link is written.
    pub first_link_file: Option<PathBuf>,
    /// Whether hardware is simulated.
    pub simulated: bool,
    /// Proxies before it.
    pub behind_proxy: Vec<Network>,
    /// Where agents dial; port 0 picks a free one.
    pub agent_listen: SocketAddr,
    /// What machines that join dial, when it is not that.
    pub agent_address: Option<String>,
    /// How this machine's own agents join.
    pub local: Option<LocalAgents>,
    /// Certificate chain and key, PEM, for the address people reach.
    pub tls: Option<(PathBuf, PathBuf)>,
    /// Where metrics are read; the usual port, or any when that is taken, when absent.
    pub metrics: Option<SocketAddr>,
    /// Where SSH is listened for; the usual port, or any when that is taken, when absent.
    pub ssh: Option<SocketAddr>,
    /// A file of its own, outside the data folder, that says where it listens (set by `up`).
    pub endpoints: Option<PathBuf>,
    /// Whom to become once the listeners are open.
    pub run_as: Option<String>,
}

/// The usual place of metrics.
const METRICS: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9464);
/// The usual place of SSH.
const SSH: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 2222);

/// Listens where it was told; else at the usual place, or anywhere when that is taken.
async fn listen(given: Option<SocketAddr>, usual: SocketAddr) -> std::io::Result<TcpListener> {
    match given {
        Some(given) => TcpListener::bind(given).await,
        None => match TcpListener::bind(usual).await {
            Err(taken) if taken.kind() == std::io::ErrorKind::AddrInUse => {
                TcpListener::bind(SocketAddr::new(usual.ip(), 0)).await
            }
            bound => bound,
        },
    }
}

/// What is opened before the rights to open it are given up.
struct Opened {
    config: Config,
    tls: Option<Arc<Tls>>,
    people: TcpListener,
    agents: TcpListener,
    metrics: TcpListener,
    ssh: TcpListener,
}

async fn open(options: &Options) -> Result<Opened> {
    let file = match &options.config {
        Some(path) => Some(std::fs::read_to_string(path).context("read the settings file")?),
        None => None,
    };
    let config = Config::load(file.as_deref(), std::env::vars())?;
    let tls = options.tls.clone().map(|(cert, key)| Tls::read(cert, key)).transpose()?;
    let people = TcpListener::bind(options.http).await.context("listen for people")?;
    let agents = TcpListener::bind(options.agent_listen).await.context("listen for agents")?;
    let metrics =
        listen(options.metrics, METRICS).await.context("listen for readers of metrics")?;
    let ssh = listen(options.ssh, SSH).await.context("listen for SSH")?;
    private_folder(&options.data)?;
    room_for_connections();
    if let Some(name) = &options.run_as {
        let words = || Error::internal(anyhow::anyhow!("there is no user {name}"));
        let user = user::find(name)?.ok_or_else(words)?;
        user::own(&user, &options.data)?;
        user::leave_terminal();
        user::become_user(&user)?;
    }
    Ok(Opened { config, tls, people, agents, metrics, ssh })
}

/// This machine's own agents: where they find how to join.
#[derive(Debug, Clone)]
pub struct LocalAgents {
    /// File for the agent of the real machine.
    pub host: PathBuf,
    /// File for the agents with made-up GPUs, and how many there are.
    pub simulated: Option<(PathBuf, i64)>,
}

/// Runs the control plane until it is told to end.
///
/// # Errors
/// A sentence for the operator: what cannot be opened or bound.
pub async fn run(options: Options) -> Result<()> {
    let Opened { config, tls, people, agents, metrics, ssh } = open(&options).await?;
    let seams = Seams::real();
    let db = Db::open(&place(&options), seams.clone(), MIGRATIONS).await?;
    operations::raise_clock(&db, &*seams.clock).await?;
    let address = local_address(&people)?;
    let site = site(&options, &config, address)?;
    let url = site.public_url.clone();
    let address = local_address(&agents)?;
    let join = fleet::LocalJoin {
        address,
        advertised: advertised(&options, address)?,
        authority: Arc::new(authority(&options.data, &*seams.clock)?),
    };
    let tunnel_address = join.address;
    let authority = join.authority.clone();
    let named = &config.identity.seal_key_file;
    let path = if named.is_empty() { options.data.join("seal.key") } else { PathBuf::from(named) };
    let seal = Seal::take_up(&path, &*seams.rng, &db).await?;
    let mailbox = config.mail.mailbox(options.data.join("mail"))?;
    let ssh_address = local_address(&ssh)?;
    let host_key = access::host_key(&config.ssh, &options.data, &*seams.rng)?;
    let endpoint = access::endpoint(&config.ssh, &host_key, ssh_address, &site.public_url);
    let certificate_key = access::certificate_key(&config.ssh, &options.data, &*seams.rng)?;
    let certifier = access::Certifier(certificate_key);
    let outside = wire::Outside { join, seal, mailbox, ssh: endpoint, certifier };
    let app = wire::app(db, seams, site, &config, outside)?;
    wire::background(&app);
    access::listen(&app, ssh, host_key);
    start_tunnel(&app, authority, agents);
    if let Some(local) = &options.local {
        write_joins(&app, local).await?;
    }
    if let Some(tls) = tls.clone() {
        app.supervise("http.certificate", move |_| tls.clone().keep_fresh());
    }
    let metrics_address = local_address(&metrics)?;
    let ports = Ports { agents: tunnel_address, metrics: metrics_address, ssh: ssh_address };
    announce(&app, &options, &url, ports).await?;
    let router = router(app.clone(), wire::routes());
    let people = Door { listener: people, tls, proxies: app.site.proxies.clone() };
    let serving = serve(people, router, app.ending.clone());
    let metrics = Door { listener: metrics, tls: None, proxies: Vec::new() };
    let measured = serve(metrics, web::metrics(&app), app.ending.clone());
    tokio::join!(serving, measured, told_to_end(&app));
    app.get::<crate::recordings::Tapes>().end().await;
    for ended in
        [app.audit.flush(&app).await.map(|_| ()), identity::flush_seen(&app).await.map(|_| ())]
    {
        if let Err(error) = ended {
            tracing::error!(%error, "something could not be written at the end");
        }
    }
    app.db.close().await;
    Ok(())
}

/// Takes as many open files as this process may have without asking anybody.
fn room_for_connections() {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let raised = getrlimit(Resource::RLIMIT_NOFILE)
        .and_then(|(_, hard)| setrlimit(Resource::RLIMIT_NOFILE, hard.min(65_536), hard));
    if let Err(error) = raised {
        tracing::warn!(%error, "the limit of open files cannot be raised");
    }
}

fn local_address(listener: &TcpListener) -> Result<SocketAddr> {
    listener.local_addr().context("read the address listened on")
}

/// Where the listeners are that people do not type.
struct Ports {
    agents: SocketAddr,
    metrics: SocketAddr,
    ssh: SocketAddr,
}

/// What this program writes is for its own user alone; others may walk through the folder, because
/// workloads' roots lie below it, but not look into it.
fn private_folder(data: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt;
    nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
    std::fs::create_dir_all(data).context("make the data folder")?;
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o711))
        .context("close the data folder")
}

/// Takes up the fleet's authority, or makes it: its key never leaves this folder.
fn authority(data: &Path, clock: &dyn Clock) -> Result<Authority> {
    let (ca, key) = (data.join("fleet-ca.pem"), data.join("fleet-ca.key"));
    if ca.exists() || key.exists() {
        let ca = std::fs::read_to_string(&ca).context("read the fleet's authority")?;
        let key = std::fs::read_to_string(&key).context("read the fleet's authority")?;
        return Authority::load(ca, &key).map_err(Error::internal);
    }
    let (authority, ca_pem, key_pem) = Authority::make(clock.now()).map_err(Error::internal)?;
    write_private(&key, key_pem.as_bytes())?;
    write_private(&ca, ca_pem.as_bytes())?;
    Ok(authority)
}

fn start_tunnel(app: &App, authority: Arc<Authority>, listener: TcpListener) {
    let tunnel = Arc::new(Tunnel {
        authority,
        nodes: Arc::new(fleet::FleetNodes(app.clone())),
        clock: app.seams.clock.clone(),
        ending: app.ending.clone(),
    });
    let listener = Arc::new(listener);
    app.supervise("fleet.tunnel", move |_| {
        let (tunnel, listener) = (tunnel.clone(), listener.clone());
        async move {
            if let Err(error) = tunnel.serve(&listener).await {
                tracing::error!(error = format!("{error:#}"), "agents cannot be listened for");
            }
        }
    });
}

/// Writes how this machine's own agents join. Where GPUs are made up, the machine's own slots are
/// seen but not offered, so nothing is sold twice.
async fn write_joins(app: &App, local: &LocalAgents) -> Result<()> {
    let approves = local.simulated.is_none();
    let words = fleet::local_join(app, approves, 1).await?;
    write_private(&local.host, words.as_bytes())?;
    if let Some((path, count)) = &local.simulated {
        let words = fleet::local_join(app, true, *count).await?;
        write_private(path, words.as_bytes())?;
    }
    Ok(())
}

/// What a join line names: an address that machines can dial.
fn advertised(options: &Options, address: SocketAddr) -> Result<String> {
    match &options.agent_address {
        Some(given) => Ok(given.clone()),
        None if address.ip().is_unspecified() => Err(Error::internal(anyhow::anyhow!(
            "agents are listened for on every address; say with --agent-address HOST:PORT which one \
             machines that join are to dial"
        ))),
        None => Ok(address.to_string()),
    }
}

fn place(options: &Options) -> Place {
    match &options.database {
        Some(url) => Place::Postgres(url.clone()),
        None => {
            Place::File { path: options.data.join("gpuaas.db"), durable: true, max_pages: None }
        }
    }
}

/// Plain HTTP is for this machine only, unless the operator says otherwise aloud.
fn site(options: &Options, config: &Config, address: SocketAddr) -> Result<Site> {
    let loopback = address.ip().is_loopback();
    let scheme = if options.tls.is_some() { "https" } else { "http" };
    let url = options.public_url.clone().unwrap_or_else(|| format!("{scheme}://{address}"));
    let over_tls = url.starts_with("https://");
    if options.tls.is_some() && !over_tls {
        return Err(Error::internal(anyhow::anyhow!(
            "--public-url {url} does not fit --tls-cert: people reach it by https://"
        )));
    }
    if !loopback && !over_tls && !options.insecure_http {
        return Err(Error::internal(anyhow::anyhow!(
            "{address} can be reached from other machines without TLS: give --tls-cert and --tls-key, or put \
             a TLS proxy before it and give --public-url https://… and --behind-proxy CIDR, or accept the \
             risk with --insecure-http"
        )));
    }
    Ok(Site {
        brand: config.brand.name.clone(),
        public_url: url.trim_end_matches('/').to_owned(),
        over_tls,
        secure_cookies: over_tls || loopback,
        simulated: options.simulated,
        proxies: options.behind_proxy.clone(),
    })
}

/// Says where it listens, and how the first person signs in.
async fn announce(app: &App, options: &Options, url: &str, ports: Ports) -> Result<()> {
    let pid = std::process::id();
    let endpoints = json!({
        "http": url, "agents": ports.agents.to_string(), "metrics": ports.metrics.to_string(),
        "ssh": ports.ssh.to_string(), "pid": pid,
    });
    let endpoints = endpoints.to_string();
    match &options.endpoints {
        Some(path) => std::fs::write(path, endpoints).context("say where it listens")?,
        None => write_private(&options.data.join("endpoints.json"), endpoints.as_bytes())?,
    }
    if let Some(link) = identity::make_first_link(app).await? {
        let link = link.url(url);
        say(&format!("First sign-in: {link}"));
        if let Some(path) = &options.first_link_file {
            write_private(path, link.as_bytes())?;
        }
    }
    say(&format!("Listening: {url}"));
    Ok(())
}

#[allow(clippy::print_stdout, reason = "the two lines the operator starts from")]
fn say(line: &str) {
    println!("{line}");
}

/// Waits for SIGTERM or SIGINT, then tells everything to end.
async fn told_to_end(app: &App) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut term), Ok(mut int)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        tracing::error!("signals cannot be heard; end this program with SIGKILL");
        return;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    app.ending.cancel();
}

/// Returns the data folder where none is given.
pub fn default_data() -> PathBuf {
    let system = Path::new("/var/lib/gpuaas");
    if nix_root() {
        return system.to_owned();
    }
    let home = std::env::var_os("XDG_DATA_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".local/share")));
    home.map_or_else(|| system.to_owned(), |home| home.join("gpuaas"))
}

fn nix_root() -> bool {
    nix::unistd::geteuid().is_root()
}
