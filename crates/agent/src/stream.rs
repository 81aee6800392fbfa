//! Programs in a workload that have no terminal: three streams instead, carried as frames.

use crate::{
    frames::{Down, Ears, Input, Receipts},
    program::{self, Child3, End, Program},
    runtime::{Inside, Started},
    terminal,
};
use anyhow::{Result, bail};
use api::node::{RunAsk, StreamAsk, frame};
use bytes::Bytes;
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWriteExt},
    process::ChildStdin,
    sync::{mpsc, watch},
};

/// Memory a file transfer keeps of what it used, in bytes.
const KEEPS: &str = "8388608";
/// This program inside a workload.
const OWN: &str = "/.init/gpuaas";

/// Returns what an ask starts in a workload.
///
/// # Errors
/// When it names what no environment holds.
pub(crate) fn inside(ask: &StreamAsk) -> Result<Inside> {
    let own = |words: &[&str]| {
        [&[OWN], words].concat().into_iter().map(str::to_owned).collect::<Vec<String>>()
    };
    let args = match ask {
        StreamAsk::Run(run) => return program(run),
        StreamAsk::Attach { run: Some(run), .. } => return program(run),
        StreamAsk::Attach { terminal, .. } => {
            return program(&RunAsk { terminal: Some(terminal.clone()), ..RunAsk::default() });
        }
        StreamAsk::Watch { .. } => bail!("nothing is started to follow a shell"),
        // Its packets are large: memory that is given back after each would be asked for again for the next.
        StreamAsk::Sftp => {
            let keeps = ["MALLOC_TOP_PAD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"];
            let env = keeps.map(|name| (name.to_owned(), KEEPS.to_owned())).to_vec();
            return Ok(Inside { args: own(&["sandbox-sftp"]), terminal: false, env });
        }
        StreamAsk::Dial { port } => own(&["sandbox-dial", &port.to_string()]),
        StreamAsk::Listen { port } => own(&["sandbox-listen", &port.to_string()]),
        StreamAsk::Take { name, number } => own(&["sandbox-take", name, &number.to_string()]),
    };
    Ok(Inside { args, terminal: false, env: Vec::new() })
}

fn program(run: &RunAsk) -> Result<Inside> {
    let mut env = run.env.clone();
    if let Some(terminal) = &run.terminal {
        env.push(("TERM".to_owned(), terminal.term.clone()));
    }
    for (name, value) in &env {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty() || !name.bytes().all(plain) || value.contains('\0') {
            bail!("that cannot be in an environment");
        }
    }
    let mut args = vec!["/bin/bash".to_owned()];
    match &run.command {
        None => args.push("-l".to_owned()),
        Some(command) if command.contains('\0') => bail!("that is no command"),
        Some(command) => args.extend(["-c".to_owned(), command.clone()]),
    }
    Ok(Inside { args, terminal: run.terminal.is_some(), env })
}

/// Starts it and carries it until either side ends.
///
/// # Errors
/// When it cannot be started.
pub(crate) async fn open(
    ask: &StreamAsk,
    started: Started,
    input: Down,
) -> Result<mpsc::Receiver<Bytes>> {
    if let StreamAsk::Run(RunAsk { terminal: Some(size), .. }) = ask {
        return terminal::open(started, (size.cols, size.rows), input).await;
    }
    piped(started, matches!(ask, StreamAsk::Sftp), input).await
}

#[allow(clippy::disallowed_methods, reason = "ends with the stream it carries")]
async fn piped(started: Started, wide: bool, input: Down) -> Result<mpsc::Receiver<Bytes>> {
    let (program, pipes) = program::piped(started, wide).await?;
    let (send, receive) = mpsc::channel(16);
    tokio::spawn(async move { carry(program, pipes, input, &send).await });
    Ok(receive)
}

async fn carry(program: Program, pipes: Child3, input: Down, send: &mpsc::Sender<Bytes>) {
    let Child3 { stdin, stdout, stderr } = pipes;
    let (heard, queue) = mpsc::unbounded_channel();
    let size = watch::channel((80, 24)).0;
    let signal = |name: &str| program.signal(name);
    let ears = Ears { heard, size, signal, window: frame::STREAM_WINDOW };
    let ran = async {
        let ((), (), end) = tokio::join!(
            pass_on(stdout, frame::DATA, send),
            pass_on(stderr, frame::ERRORS, send),
            program.wait()
        );
        end
    };
    let end = tokio::select! {
        end = ran => Some(end),
        () = input.listen(ears) => None,
        () = feed(stdin, queue, send) => None,
        () = send.closed() => None,
    };
    // Who started it went away, or may not be here any more: it is told, as a terminal would.
    let end = end.unwrap_or_else(|| {
        program.hang_up();
        End::KILLED
    });
    let _ = send.send(end.said()).await;
}

async fn pass_on(mut from: impl AsyncRead + Unpin, kind: u8, send: &mpsc::Sender<Bytes>) {
    let mut buffer = vec![0; frame::MOST];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        let bytes = buffer.get(..count).unwrap_or_default();
        if send.send(Bytes::from(frame::write(kind, bytes))).await.is_err() {
            return;
        }
    }
}

/// Writes into the program's input and says how much went in. What a program that has closed its input is
/// still sent goes nowhere.
async fn feed(
    stdin: ChildStdin,
    mut queue: mpsc::UnboundedReceiver<Input>,
    send: &mpsc::Sender<Bytes>,
) {
    let (mut open, mut receipts) = (Some(stdin), Receipts::default());
    while let Some(input) = queue.recv().await {
        let Input::Bytes(typed) = input else {
            open = None;
            continue;
        };
        if let Some(stdin) = open.as_mut()
            && stdin.write_all(&typed.payload).await.is_err()
        {
            open = None;
        }
        if let Some(receipt) = receipts.taken(&typed)
            && send.send(Bytes::from(receipt)).await.is_err()
        {
            return;
        }
    }
    std::future::pending::<()>().await;
}
