//! The command line.

use clap::{Parser, Subcommand};
use kernel::{Result, app::Network};
use server::{
    config, serve,
    up::{self, Part},
};
use std::{ffi::OsString, net::SocketAddr, path::PathBuf};

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
}

impl Command {
    /// Returns whether it runs until told to end, and so writes a log.
    pub fn serves(&self) -> bool {
        matches!(self, Self::Up(_) | Self::Server(_))
    }
}

/// `gpuaas up`
#[derive(clap::Args)]
pub struct Up {
    #[command(flatten)]
    common: Common,
}

/// `gpuaas server`
#[derive(clap::Args)]
pub struct Server {
    #[command(flatten)]
    common: Common,
    /// PostgreSQL address (postgres://…); SQLite in the data folder when absent.
    #[arg(long, value_name = "URL", env = "GPUAAS_DATABASE", hide_env_values = true)]
    database: Option<String>,
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

    fn server_args(&self) -> Vec<OsString> {
        let mut args: Vec<OsString> = vec!["server".into(), "--data".into(), self.data().into()];
        args.extend(["--http".into(), self.http.to_string().into()]);
        let mut pair = |flag: &str, value: Option<OsString>| {
            if let Some(value) = value {
                args.extend([flag.into(), value]);
            }
        };
        pair("--public-url", self.public_url.clone().map(Into::into));
        pair("--config", self.config.clone().map(Into::into));
        pair("--first-link-file", self.first_link_file.clone().map(Into::into));
        for network in &self.behind_proxy {
            args.extend(["--behind-proxy".into(), network.into()]);
        }
        if self.insecure_http {
            args.push("--insecure-http".into());
        }
        args
    }
}

/// Runs everything on this machine.
pub async fn up(up: Up) -> Result<()> {
    let _lock = up::take_folder(&up.common.data())?;
    let server = Part { name: "server", args: up.common.server_args() };
    up::supervise(&[server]).await
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
        simulated: false,
        behind_proxy: server.common.behind_proxy.iter().filter_map(|t| Network::parse(t)).collect(),
    })
    .await
}
