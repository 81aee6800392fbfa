//! `gpuaas`: one binary, three roles. Parses the command line and calls the right crate.

mod args;

use args::{Args, Command};
use clap::Parser;
use std::process::ExitCode;
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Inside a workload, or beside an agent: nothing of this program but this.
    if let Some(what) = std::env::args_os().nth(1).and_then(|word| word.into_string().ok())
        && let Some(what) = what.strip_prefix("sandbox-")
    {
        if what == "init" {
            return ExitCode::from(agent::init::run());
        }
        if what == "keep" {
            return ExitCode::from(agent::keeper::run());
        }
        let args: Vec<_> = std::env::args_os().skip(2).collect();
        return ExitCode::from(agent::inside::run(what, &args));
    }
    let args = Args::parse();
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    if args.command.serves() {
        let filter =
            EnvFilter::try_from_env("GPUAAS_LOG").unwrap_or_else(|_| EnvFilter::new("info"));
        tracing_subscriber::fmt()
            .json()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .init();
    }
    // Rights are given up thread by thread: before there is a second one.
    if matches!(args.command, Command::Server(_))
        && let Err(error) = nix::sys::prctl::set_no_new_privs()
    {
        return fail(&format!("new rights cannot be given up: {error}"));
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    let code = runtime.block_on(run(args.command));
    // A read of the keyboard that nobody waits for must not keep the program.
    runtime.shutdown_background();
    code
}

async fn run(command: Command) -> ExitCode {
    let ended = match command {
        Command::Up(up) => args::up(up).await,
        Command::Server(server) => args::server(server).await,
        Command::Agent(agent) => args::agent(agent).await,
        Command::SandboxInit => Ok(()),
        Command::Client(command) => return cli::run(command).await,
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = error.cause().map(|cause| format!("{cause:#}"));
            fail(&cause.unwrap_or_else(|| error.sentence()))
        }
    }
}

#[allow(clippy::print_stderr, reason = "the last words of a command that failed")]
fn fail(words: &str) -> ExitCode {
    eprintln!("gpuaas: {words}");
    ExitCode::from(7)
}
