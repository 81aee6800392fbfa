//! This program inside a workload, as its own user: files for SSH's file transfer, connections to and
//! from its loopback. What it can do, the workload can do without it.

mod files;
mod forward;
mod sftp;

use anyhow::{Context, Result, bail};
use std::{
    ffi::OsString,
    os::fd::{AsFd, OwnedFd},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, Join, join},
    net::unix::pipe::{Receiver, Sender},
};

/// Runs what the arguments after `sandbox-` name. Returns the exit code.
pub fn run(what: &str, args: &[OsString]) -> u8 {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fail(&error.to_string()),
    };
    match runtime.block_on(chosen(what, args)) {
        Ok(()) => 0,
        Err(error) => fail(&format!("{error:#}")),
    }
}

#[allow(clippy::print_stderr, reason = "the last words of a program in a workload")]
fn fail(words: &str) -> u8 {
    eprintln!("{words}");
    1
}

async fn chosen(what: &str, args: &[OsString]) -> Result<()> {
    let words: Vec<&str> = args.iter().filter_map(|word| word.to_str()).collect();
    match (what, words.as_slice()) {
        ("sftp", []) => sftp::serve(both()?).await,
        ("dial", [port]) => forward::dial(port.parse().context("read the port")?, both()?).await,
        ("listen", [port]) => forward::listen(port.parse().context("read the port")?).await,
        ("take", [name, number]) => {
            forward::take(name, number.parse().context("read the number")?, both()?).await
        }
        _ => bail!("this is for the control plane"),
    }
}

fn own(fd: impl AsFd) -> Result<OwnedFd> {
    fd.as_fd().try_clone_to_owned().context("take up a stream")
}

fn input() -> Result<Receiver> {
    Receiver::from_owned_fd(own(std::io::stdin())?).context("read from a pipe")
}

fn output() -> Result<Sender> {
    Sender::from_owned_fd(own(std::io::stdout())?).context("write to a pipe")
}

/// Returns input and output as one stream.
fn both() -> Result<Join<Receiver, Sender>> {
    Ok(join(input()?, output()?))
}

/// A stream both ways.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for T {}
