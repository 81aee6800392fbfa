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
    io::{AsyncRead, AsyncWrite, BufReader, join},
    net::unix::pipe::{Receiver, Sender},
};

/// What is read of requests before they are answered.
const AHEAD: usize = 64 * 1024;

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
        ("sftp", []) => {
            sftp::serve(join(BufReader::with_capacity(AHEAD, input()?), output()?)).await
        }
        ("dial", [port]) => forward::dial(port.parse().context("read the port")?).await,
        ("listen", [port]) => forward::listen(port.parse().context("read the port")?).await,
        ("take", [name, number]) => {
            forward::take(name, number.parse().context("read the number")?).await
        }
        _ => bail!("this is for the control plane"),
    }
}

/// Takes up a stream of this process, and leaves nothing in its place: closed here, it is closed.
fn own(fd: impl AsFd, leave: impl FnOnce(OwnedFd) -> nix::Result<()>) -> Result<OwnedFd> {
    let own = fd.as_fd().try_clone_to_owned().context("take up a stream")?;
    let nothing = std::fs::File::options().read(true).write(true).open("/dev/null");
    leave(nothing.context("open nothing")?.into()).context("leave a stream")?;
    Ok(own)
}

fn input() -> Result<Receiver> {
    let fd = own(std::io::stdin(), nix::unistd::dup2_stdin)?;
    Receiver::from_owned_fd(fd).context("read from a pipe")
}

fn output() -> Result<Sender> {
    let fd = own(std::io::stdout(), nix::unistd::dup2_stdout)?;
    Sender::from_owned_fd(fd).context("write to a pipe")
}

/// A stream both ways.
trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + 'static {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Duplex for T {}
