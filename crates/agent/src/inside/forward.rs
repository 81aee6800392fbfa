//! Connections to and from the workload's own loopback, one process each.

use super::{Duplex, input, output};
use anyhow::{Context, Result};
use api::node::OPEN;
use std::{
    collections::HashMap,
    io::ErrorKind,
    net::{Ipv4Addr, Ipv6Addr},
    os::linux::net::SocketAddrExt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
};

/// How long a connection waits to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most connections that wait at once.
const MOST_WAITING: usize = 64;
const BUFFER: usize = 64 * 1024;

/// Connects to a port, says so, and carries bytes until both sides are done.
pub(super) async fn dial(port: u16, mut client: impl Duplex) -> Result<()> {
    let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => stream,
        Err(_) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.context("connect")?,
    };
    let _ = stream.set_nodelay(true);
    client.write_all(&[OPEN]).await.context("say that it is open")?;
    carry(client, stream).await
}

async fn carry(mut one: impl Duplex, mut other: impl Duplex) -> Result<()> {
    match copy_bidirectional_with_sizes(&mut one, &mut other, BUFFER, BUFFER).await {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context("carry bytes"),
        _ => Ok(()),
    }
}

type Waiting = Arc<Mutex<HashMap<u32, TcpStream>>>;

/// Listens on a port of the loopback until its input ends; each connection waits to be taken.
pub(super) async fn listen(port: u16) -> Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.context("listen")?;
    let port = listener.local_addr().context("read the port")?.port();
    let name = format!("gpuaas-forward-{}-{port}", std::process::id());
    let address = std::os::unix::net::SocketAddr::from_abstract_name(&name).context("name it")?;
    let door = std::os::unix::net::UnixListener::bind_addr(&address).context("open its door")?;
    door.set_nonblocking(true).context("open its door")?;
    let door = UnixListener::from_std(door).context("open its door")?;
    let (mut input, mut output) = (input()?, output()?);
    output.write_all(format!("{port} {name}\n").as_bytes()).await.context("say where")?;
    let waiting = Waiting::default();
    let mut next: u32 = 0;
    let mut end = [0; 16];
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else {
                    tokio::time::sleep(Duration::from_millis(100)).await;
                    continue;
                };
                let number = next;
                if !wait(&waiting, number, stream) { continue }
                next = next.wrapping_add(1);
                output.write_all(format!("{number}\n").as_bytes()).await.context("tell of it")?;
            }
            asked = door.accept() => if let Ok((asked, _)) = asked { hand_over(asked, &waiting) },
            read = input.read(&mut end) => if matches!(read, Ok(0) | Err(_)) { return Ok(()) },
        }
    }
}

/// Lets a connection wait for a while, unless too many do.
#[allow(clippy::disallowed_methods, reason = "ends by itself")]
fn wait(waiting: &Waiting, number: u32, stream: TcpStream) -> bool {
    {
        let mut all = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= MOST_WAITING {
            return false;
        }
        all.insert(number, stream);
    }
    let waiting = waiting.clone();
    tokio::spawn(async move {
        tokio::time::sleep(PATIENCE).await;
        waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
    });
    true
}

#[allow(clippy::disallowed_methods, reason = "ends with the connection it carries")]
fn hand_over(mut asked: UnixStream, waiting: &Waiting) {
    let waiting = waiting.clone();
    tokio::spawn(async move {
        let Ok(Ok(number)) = tokio::time::timeout(PATIENCE, asked.read_u32()).await else { return };
        let stream = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        if let Some(stream) = stream {
            let _ = stream.set_nodelay(true);
            if asked.write_all(&[OPEN]).await.is_ok() {
                let _ = carry(asked, stream).await;
            }
        }
    });
}

/// Takes a connection that waits at a listener.
pub(super) async fn take(name: &str, number: u32, client: impl Duplex) -> Result<()> {
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).context("name it")?;
    let door = std::os::unix::net::UnixStream::connect_addr(&address).context("find it")?;
    door.set_nonblocking(true).context("find it")?;
    let mut door = UnixStream::from_std(door).context("find it")?;
    door.write_u32(number).await.context("ask for it")?;
    carry(client, door).await
}
