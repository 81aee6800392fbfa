//! Connections to and from the workload's own loopback, one process each.

use super::{Duplex, input, output};
use anyhow::{Context, Result};
use api::node::OPEN;
use std::{
    collections::HashMap,
    net::{Ipv4Addr, Ipv6Addr},
    os::linux::net::SocketAddrExt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional_with_sizes},
    net::{TcpListener, TcpStream, UnixListener, UnixStream, unix::pipe::Sender},
};
use tokio_util::task::TaskTracker;

/// How long a connection waits to be taken.
const PATIENCE: Duration = Duration::from_secs(10);
/// Most connections that wait at once.
const MOST_WAITING: usize = 64;
const BUFFER: usize = 64 * 1024;

/// Connects to a port, says so, and carries bytes.
pub(super) async fn dial(port: u16) -> Result<()> {
    let stream = match TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        Ok(stream) => stream,
        Err(_) => TcpStream::connect((Ipv6Addr::LOCALHOST, port)).await.context("connect")?,
    };
    let _ = stream.set_nodelay(true);
    let mut output = output()?;
    output.write_all(&[OPEN]).await.context("say that it is open")?;
    carry(stream, output).await
}

/// Carries bytes until the peer has no more. What comes from the other side may end before: the peer is
/// told, and goes on.
async fn carry(peer: impl Duplex, mut output: Sender) -> Result<()> {
    let (mut from_peer, mut to_peer) = tokio::io::split(peer);
    let mut input = input()?;
    let up = async {
        let _ = tokio::io::copy(&mut input, &mut to_peer).await;
        let _ = to_peer.shutdown().await;
        std::future::pending::<()>().await;
    };
    tokio::select! {
        () = up => {}
        done = tokio::io::copy(&mut from_peer, &mut output) => {
            done.context("carry bytes")?;
        }
    }
    Ok(())
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
    let (waiting, open) = (Waiting::default(), TaskTracker::new());
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
            asked = door.accept() => if let Ok((asked, _)) = asked { hand_over(asked, &waiting, &open) },
            read = input.read(&mut end) => if matches!(read, Ok(0) | Err(_)) { break },
        }
    }
    // Nobody is let in any more; who is in goes on.
    drop((listener, door));
    open.close();
    open.wait().await;
    Ok(())
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

fn hand_over(mut asked: UnixStream, waiting: &Waiting, open: &TaskTracker) {
    let waiting = waiting.clone();
    open.spawn(async move {
        let Ok(Ok(number)) = tokio::time::timeout(PATIENCE, asked.read_u32()).await else { return };
        let stream = waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&number);
        if let Some(stream) = stream {
            let _ = stream.set_nodelay(true);
            let mut stream = stream;
            if asked.write_all(&[OPEN]).await.is_ok() {
                let both = copy_bidirectional_with_sizes(&mut asked, &mut stream, BUFFER, BUFFER);
                let _ = both.await;
            }
        }
    });
}

/// Takes a connection that waits at a listener.
pub(super) async fn take(name: &str, number: u32) -> Result<()> {
    let address = std::os::unix::net::SocketAddr::from_abstract_name(name).context("name it")?;
    let door = std::os::unix::net::UnixStream::connect_addr(&address).context("find it")?;
    door.set_nonblocking(true).context("find it")?;
    let mut door = UnixStream::from_std(door).context("find it")?;
    door.write_u32(number).await.context("ask for it")?;
    carry(door, output()?).await
}
