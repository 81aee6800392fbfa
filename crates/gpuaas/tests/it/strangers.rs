//! A thousand strangers at the door of SSH who mean no good, and one who does (S18).

use crate::{
    site::{Site, needs_root},
    ssh::Reach,
};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    socket::{AddressFamily, SockFlag, SockType, SockaddrIn, bind, connect, socket},
};
use std::{
    fs,
    io::{ErrorKind, Read, Write},
    net::TcpStream,
    os::fd::AsRawFd,
    time::{Duration, Instant},
};

/// What one address may have open, as far as this test goes.
const OF_ONE: usize = 40;
const STRANGERS: usize = 1000;
const MOST_GROWTH_KIB: u64 = 64 * 1024;

/// Dials from an address of its own, all of which are this machine.
fn dial(from: usize, port: u16) -> TcpStream {
    let fd = socket(AddressFamily::Inet, SockType::Stream, SockFlag::SOCK_CLOEXEC, None).unwrap();
    let last = u8::try_from(from % 200 + 1).unwrap();
    bind(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 3, last, 0)).unwrap();
    connect(fd.as_raw_fd(), &SockaddrIn::new(127, 0, 0, 1, port)).unwrap();
    TcpStream::from(fd)
}

/// A packet as it is before keys are agreed on (RFC 4253, section 6).
fn packet(payload: &[u8]) -> Vec<u8> {
    let padding = 8 - (payload.len() + 5) % 8 + 8;
    let length = u32::try_from(1 + payload.len() + padding).unwrap();
    let mut out = length.to_be_bytes().to_vec();
    out.push(u8::try_from(padding).unwrap());
    out.extend(payload);
    out.extend(vec![0; padding]);
    out
}

/// SSH_MSG_KEXINIT with what the server takes.
fn begins() -> Vec<u8> {
    let mut payload = vec![20];
    payload.extend([7; 16]);
    let ciphers = "aes128-gcm@openssh.com";
    for list in [
        "curve25519-sha256",
        "ssh-ed25519",
        ciphers,
        ciphers,
        "hmac-sha2-256",
        "hmac-sha2-256",
        "none",
        "none",
        "",
        "",
    ] {
        payload.extend(u32::try_from(list.len()).unwrap().to_be_bytes());
        payload.extend(list.as_bytes());
    }
    payload.extend([0; 5]);
    packet(&payload)
}

/// What the stranger of a number says at once; who says little goes on a byte at a time.
fn says(number: usize) -> Vec<u8> {
    let hello = b"SSH-2.0-stranger\r\n".to_vec();
    match number % 6 {
        0 => Vec::new(),
        1 => b"SSH-".to_vec(),
        2 => [hello, vec![0xff; 64]].concat(),
        3 => vec![b'a'; 200 * 1024],
        4 => [hello, begins()].concat(),
        _ => [hello, begins().repeat(200)].concat(),
    }
}

fn resident_kib(pid: i32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// Returns whether the other side has closed.
fn is_over(stream: &mut TcpStream) -> bool {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return true,
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(_) => return true,
        }
    }
}

#[test]
fn a_thousand_strangers_cost_little_and_keep_nobody_out() {
    needs_root();
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let id = site.launch("sim-h100-slice");
    let port: u16 = reach.port.parse().unwrap();
    // Once before, so that what a login needs for the first time is there.
    assert_eq!(reach.ssh(&id, "echo in").stdout, b"in\n");
    let server = site.pids("server")[0];
    let before = resident_kib(server);
    let began = Instant::now();
    let mut strangers: Vec<TcpStream> = Vec::new();
    for number in 0..STRANGERS {
        let mut stranger = dial(number / OF_ONE, port);
        stranger.set_nonblocking(true).unwrap();
        // It may have had enough of it already.
        let _ = stranger.write(&says(number));
        strangers.push(stranger);
    }
    let (mut took, mut most) = (Vec::new(), 0);
    for _ in 0..12 {
        for (_, stranger) in strangers.iter_mut().enumerate().filter(|(n, _)| n % 6 == 1) {
            let _ = stranger.write(b"2");
        }
        let (to, asked) = (format!("{id}@127.0.0.1"), Instant::now());
        let honest = reach.run("ssh", &["-b", "127.0.0.2", &to, "true"], "");
        took.push(asked.elapsed());
        assert!(honest.status.success(), "{}", String::from_utf8_lossy(&honest.stderr));
        most = most.max(resident_kib(server));
    }
    took.sort();
    let left = strangers.iter_mut().map(is_over).filter(|over| !over).count();
    println!(
        "{STRANGERS} strangers, {left} left after {:?}: resident {before} to {most} KiB, an honest login and command {:?} to {:?}",
        began.elapsed(),
        took.first().unwrap(),
        took.last().unwrap()
    );
    assert!(most <= before + MOST_GROWTH_KIB, "{before} to {most} KiB");
    assert!(took.last().unwrap() < &Duration::from_secs(10), "{took:?}");
    // Ten seconds are all they have, whatever they say.
    let end = began + Duration::from_secs(25);
    while Instant::now() < end && !strangers.iter_mut().all(is_over) {
        std::thread::sleep(Duration::from_millis(200));
    }
    let left = strangers.iter_mut().map(is_over).filter(|over| !over).count();
    assert_eq!(left, 0, "strangers are still here after {:?}", began.elapsed());
}
