//! What people, strangers and nodes send, changed at random: nothing of it ends the program, hangs it, or is taken for
//! something it is not.
//!
//! The tests replay `corpus/` and try some hundred changes. A fuzzing engine goes on from there:
//! `cargo bolero test -p gpuaas-gateway fuzz::keys --corpus-dir crates/gateway/corpus/keys`.

#![allow(clippy::disallowed_methods, reason = "a hang is seen in real time")]

use crate::{
    Boxed,
    ssh::{
        Gateway, Knock, Shells, Visit,
        keys::{HostKey, is_private, read},
    },
    terminal::{Window, to_frame},
};
use api::node::{StreamAsk, frame};
use axum::extract::ws::Message;
use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
    path::PathBuf,
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

/// How long a stranger may be listened to who has said all they will say.
const HANG: Duration = Duration::from_secs(8);

/// Tries a target with every file of its corpus.
fn replay(name: &str, target: fn(&[u8])) {
    let folder: PathBuf = [env!("CARGO_MANIFEST_DIR"), "corpus", name].iter().collect();
    let files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    assert!(files.len() >= 5, "the corpus of {name} is missing");
    for file in files {
        target(&std::fs::read(file).unwrap());
    }
}

fn a_key(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let Ok(key) = read(text) else { return };
    assert!(!is_private(text) && !key.line.contains(['\r', '\n', '\0']), "{text:?}");
    let again = read(&key.line).unwrap();
    assert_eq!((again.fingerprint, again.line), (key.fingerprint, key.line));
}

/// The first byte says how the rest arrives: in parts of so many bytes.
fn frames(input: &[u8]) {
    let Some((cut, bytes)) = input.split_first() else { return };
    let all = |cut: usize| {
        let (mut reader, mut seen) = (frame::Reader::default(), Vec::new());
        for part in bytes.chunks(cut) {
            reader.push(part);
            loop {
                match reader.next_frame() {
                    Ok(Some((kind, payload))) => {
                        assert!(payload.len() <= frame::MOST);
                        if kind == frame::ASK {
                            let _ = serde_json::from_slice::<StreamAsk>(&payload);
                        }
                        seen.push((kind, payload));
                    }
                    Ok(None) => break,
                    Err(_) => return (seen, None),
                }
            }
        }
        (seen, Some(reader.rest().to_vec()))
    };
    assert_eq!(all(usize::from(*cut).max(1)), all(bytes.len().max(1)));
}

/// What a browser sends: bytes, or words when they are text.
fn sockets(input: &[u8]) {
    let text = std::str::from_utf8(input).ok().map(Message::text);
    for message in text.into_iter().chain([Message::Binary(input.to_vec().into())]) {
        let mut window = Window::default();
        let Ok(Some(bytes)) = to_frame(message, &mut window) else { continue };
        let mut reader = frame::Reader::default();
        reader.push(&bytes);
        let (kind, payload) = reader.next_frame().unwrap().unwrap();
        assert!(
            reader.rest().is_empty() && [frame::DATA, frame::RESIZE, frame::END].contains(&kind)
        );
        if kind == frame::RESIZE {
            let sides: Vec<u16> = payload
                .chunks(2)
                .map(|side| u16::from_be_bytes(side.try_into().unwrap()))
                .collect();
            assert!(
                sides.len() == 2 && sides.iter().all(|side| (2..=1000).contains(side)),
                "{sides:?}"
            );
        }
    }
}

/// Nobody is let in here.
struct Nobody;

impl Shells for Nobody {
    fn known<'a>(&'a self, _: &'a str) -> Boxed<'a, bool> {
        Box::pin(async { false })
    }
    fn enter<'a>(&'a self, _: &'a Knock) -> Boxed<'a, Result<Arc<dyn Visit>, String>> {
        Box::pin(async { Err("nobody".to_owned()) })
    }
}

fn door() -> SocketAddr {
    static DOOR: OnceLock<SocketAddr> = OnceLock::new();
    *DOOR.get_or_init(|| {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let key = || HostKey::make(&*seams::Seams::real().rng);
                let (host_key, certifier) = (key(), key());
                let ending = tokio_util::sync::CancellationToken::new();
                let gateway = Gateway { shells: Arc::new(Nobody), host_key, certifier, ending };
                let listener = tokio::net::TcpListener::from_std(listener).unwrap();
                Arc::new(gateway).serve(&listener).await;
            });
        });
        address
    })
}

/// What a stranger sends before anything was agreed on. It is answered or not; they are heard to the end, and gone.
fn packets(input: &[u8]) {
    let mut stranger = TcpStream::connect(door()).unwrap();
    stranger.set_read_timeout(Some(HANG)).unwrap();
    let began = Instant::now();
    let _ = stranger.write_all(input);
    let _ = stranger.shutdown(Shutdown::Write);
    let mut said = Vec::new();
    // Who sends more than is listened to is cut off; that is an end too.
    let _ = stranger.read_to_end(&mut said);
    assert!(began.elapsed() < HANG, "it hangs: {input:?}");
    assert!(said.is_empty() || said.starts_with(b"SSH-2.0-gpuaas\r\n"));
}

#[test]
fn fuzz_keys() {
    replay("keys", a_key);
    bolero::check!().with_iterations(2000).for_each(|input: &[u8]| a_key(input));
}

#[test]
fn fuzz_frames() {
    replay("frames", frames);
    bolero::check!().with_iterations(2000).for_each(|input: &[u8]| frames(input));
}

#[test]
fn fuzz_sockets() {
    replay("sockets", sockets);
    bolero::check!().with_iterations(2000).for_each(|input: &[u8]| sockets(input));
}

#[test]
fn fuzz_packets() {
    replay("packets", packets);
    bolero::check!().with_iterations(300).for_each(|input: &[u8]| {
        let hello: &[u8] =
            if input.first().is_some_and(|first| first % 4 > 0) { b"SSH-2.0-x\r\n" } else { b"" };
        packets(&[hello, input].concat());
    });
}
