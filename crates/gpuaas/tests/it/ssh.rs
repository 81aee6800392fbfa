//! Workloads reached with the stock OpenSSH client, as people reach them.

use crate::site::Site;
use serde_json::Value;
use std::{
    fs,
    io::Write,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

pub struct Reach<'a> {
    pub site: &'a Site,
    pub port: String,
    pub key: PathBuf,
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl<'a> Reach<'a> {
    /// A site whose first account has a key.
    pub fn of(site: &'a Site) -> Self {
        let endpoints = site.folder.path().join("data/endpoints.json");
        let said: Value = serde_json::from_slice(&fs::read(endpoints).unwrap()).unwrap();
        let port = said["ssh"].as_str().unwrap().rsplit_once(':').unwrap().1.to_owned();
        let key = site.folder.path().join("id");
        keygen(&key, &["-t", "ed25519"]);
        let this = Self { site, port, key };
        let added = this.site.cli(&["keys", "add", &format!("{}.pub", this.key.display())]);
        assert!(added.status.success(), "{}", text(&added.stderr));
        this
    }

    fn options(&self, key: &std::path::Path) -> Vec<String> {
        let known = self.site.folder.path().join("known");
        let mut options = vec!["-F".to_owned(), "/dev/null".to_owned()];
        for option in [
            format!("Port={}", self.port),
            format!("IdentityFile={}", key.display()),
            format!("UserKnownHostsFile={}", known.display()),
            "IdentitiesOnly=yes".into(),
            "StrictHostKeyChecking=accept-new".into(),
            "BatchMode=yes".into(),
            "LogLevel=ERROR".into(),
        ] {
            options.extend(["-o".to_owned(), option]);
        }
        options
    }

    pub fn spawn(&self, program: &str, key: &std::path::Path, args: &[&str]) -> Child {
        Command::new(program)
            .args(self.options(key))
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    pub fn run(&self, program: &str, args: &[&str], input: &str) -> Output {
        let mut child = self.spawn(program, &self.key, args);
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    pub fn ssh(&self, to: &str, command: &str) -> Output {
        self.run("ssh", &[&format!("{to}@127.0.0.1"), command], "")
    }
}

fn keygen(path: &std::path::Path, kind: &[&str]) {
    let done = Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-C", "ada@laptop", "-f"])
        .arg(path)
        .args(kind)
        .status();
    assert!(done.unwrap().success());
}

pub fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn get(port: u16) -> String {
    let end = Instant::now() + Duration::from_secs(15);
    while Instant::now() < end {
        let url = format!("http://127.0.0.1:{port}/mark");
        let out = Command::new("curl").args(["-s", "-m", "5", &url]).output().unwrap();
        if out.status.success() {
            return text(&out.stdout);
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    "nothing".to_owned()
}

#[test]
fn a_key_opens_a_workload_with_the_stock_client_and_a_deleted_one_does_not() {
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let id = site.launch("sim-h100-slice");
    let done = reach.ssh(&id, "id -u; echo bad >&2; exit 7");
    assert_eq!((text(&done.stdout).as_str(), done.status.code()), ("0\n", Some(7)));
    assert_eq!(text(&done.stderr), "bad\n");
    let typed = reach.run("ssh", &[&format!("{id}@127.0.0.1"), "tr a-z A-Z"], "by input");
    assert_eq!(text(&typed.stdout), "BY INPUT");
    let terminal = reach.ssh("-tt", &id); // an option in the wrong place is the client's to refuse
    assert!(!terminal.status.success());
    let to = format!("{id}@127.0.0.1");
    let on_one = reach.run("ssh", &["-tt", &to, "tty; stty size; exit 3"], "");
    assert!(text(&on_one.stdout).contains("/dev/pts/"), "{}", text(&on_one.stdout));
    assert_eq!(on_one.status.code(), Some(3));
    let env = reach.run("ssh", &["-o", "SetEnv=LC_ALL=C LD_PRELOAD=/x", &to, "env"], "");
    assert!(text(&env.stdout).contains("LC_ALL=C") && !text(&env.stdout).contains("LD_PRELOAD"));
    let none = Command::new("ssh")
        .args(["-o", "LogLevel=INFO", "-o", "BatchMode=no"])
        .args(reach.options(&reach.key))
        .args(["another@127.0.0.1", "true"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(none.status.code(), Some(255));
    let words = text(&none.stderr);
    assert!(words.contains("There is no workload \"another\""), "{words}");

    // A stranger's key, and the key once it is deleted: also what it has open.
    let other = site.folder.path().join("other");
    keygen(&other, &["-t", "ed25519"]);
    let stranger = reach.spawn("ssh", &other, &[&to, "true"]).wait_with_output().unwrap();
    assert!(text(&stranger.stderr).contains("Permission denied"), "{}", text(&stranger.stderr));
    let mut open = reach.spawn("ssh", &reach.key, &[&to, "echo open; sleep 60"]);
    let _input = open.stdin.take();
    std::thread::sleep(Duration::from_secs(1));
    let keys = site.json(&["keys", "list"]);
    let key = keys["items"][0]["id"].as_str().unwrap();
    assert!(!keys["items"][0]["last_used_at"].is_null());
    assert!(site.cli(&["keys", "delete", key]).status.success());
    let deleted = Instant::now();
    let ended = open.wait_with_output().unwrap();
    assert!(deleted.elapsed() < Duration::from_secs(5), "{:?}", deleted.elapsed());
    assert!(text(&ended.stderr).contains("The key was deleted"), "{}", text(&ended.stderr));
    let refused = reach.ssh(&id, "true");
    assert!(text(&refused.stderr).contains("Permission denied"), "{}", text(&refused.stderr));
}

#[test]
fn files_go_through() {
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let id = site.launch("sim-h100-slice");
    let to = format!("{id}@127.0.0.1");
    let here = |name: &str| site.folder.path().join(name).display().to_string();
    let bytes: Vec<u8> = (0..3_000_000_u32).flat_map(|n| n.to_le_bytes()).collect();
    fs::write(here("sent"), &bytes).unwrap();
    for (index, legacy) in [None, Some("-O")].iter().enumerate() {
        let flag: Vec<&str> = legacy.iter().copied().collect();
        let (there, back) = (format!("{to}:/root/file-{index}"), here(&format!("back-{index}")));
        let put = reach.run("scp", &[&flag[..], &[&here("sent"), &there]].concat(), "");
        assert!(put.status.success(), "{}", text(&put.stderr));
        let got = reach.run("scp", &[&flag[..], &[&there, &back]].concat(), "");
        assert!(got.status.success(), "{}", text(&got.stderr));
        assert!(fs::read(back).unwrap() == bytes, "scp {legacy:?}");
    }
    let script = format!(
        "mkdir d\nput {} d/x\nrename d/x d/y\nln -s y d/link\nls -l d\nchmod 600 d/y\ndf\nget d/y {}\nrm d/y\nbye\n",
        here("sent"),
        here("got")
    );
    let sftp = reach.run("sftp", &["-b", "-", &to], &script);
    assert!(sftp.status.success(), "{}{}", text(&sftp.stdout), text(&sftp.stderr));
    assert!(fs::read(here("got")).unwrap() == bytes);
    let missing = reach.run("sftp", &["-b", "-", &to], "get nothing /tmp/nothing\n");
    assert!(text(&missing.stderr).contains("not found"), "{}", text(&missing.stderr));
    fs::create_dir_all(here("tree/a")).unwrap();
    fs::write(here("tree/a/f"), "leaf").unwrap();
    let shell = format!("ssh {}", reach.options(&reach.key).join(" "));
    let rsync = Command::new("rsync")
        .args(["-a", "-e", &shell, &here("tree"), &format!("{to}:")])
        .output()
        .unwrap();
    assert!(rsync.status.success(), "{}", text(&rsync.stderr));
    assert_eq!(text(&reach.ssh(&id, "cat tree/a/f").stdout), "leaf");
}

#[test]
fn ports_go_through_and_nothing_but_the_loopback_is_reached() {
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let id = site.launch("sim-h100-slice");
    let to = format!("{id}@127.0.0.1");
    let serve = "mkdir -p www && cd www && echo served > mark && \
                 (setsid python3 -m http.server 8000 --bind 127.0.0.1 >/dev/null 2>&1 &) ; sleep 1";
    assert!(reach.ssh(&id, serve).status.success());
    let (local, dynamic) = (free_port(), free_port());
    let back = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let remote = back.local_addr().unwrap().port();
    let (l, d) = (format!("{local}:localhost:8000"), dynamic.to_string());
    let r = format!("7777:127.0.0.1:{remote}");
    let forwards = reach.spawn("ssh", &reach.key, &["-N", "-L", &l, "-D", &d, "-R", &r, &to]);
    assert_eq!(get(local), "served\n");
    let proxy = format!("127.0.0.1:{dynamic}");
    let through = |url: &str| {
        let args = ["-s", "-m", "5", "--socks5-hostname", &proxy, url];
        Command::new("curl").args(args).output().unwrap()
    };
    assert_eq!(text(&through("http://localhost:8000/mark").stdout), "served\n");
    // Its own loopback and nothing else: no other address, no name.
    for away in ["http://192.0.2.1:8000/mark", "http://example.com/", &format!("{}/", site.url)] {
        assert_eq!(text(&through(away).stdout), "", "{away}");
    }
    let asks = "python3 -c \"import socket; s=socket.create_connection(('127.0.0.1',7777)); \
                s.sendall(b'from inside'); print(s.recv(9))\"";
    let answered = std::thread::spawn(move || {
        let (mut stream, _) = back.accept().unwrap();
        let mut heard = [0; 11];
        std::io::Read::read_exact(&mut stream, &mut heard).unwrap();
        stream.write_all(b"from here").unwrap();
        heard
    });
    assert_eq!(text(&reach.ssh(&id, asks).stdout), "b'from here'\n");
    assert_eq!(&answered.join().unwrap(), b"from inside");
    // What the peer ends is heard as an end.
    let once = "setsid python3 -c \"import socket; s=socket.create_server(('127.0.0.1',8001)); \
                c,_=s.accept(); c.sendall(b'all of it'); c.close()\" >/dev/null 2>&1 & sleep 1";
    assert!(reach.ssh(&id, once).status.success());
    let ends = free_port();
    let l = format!("{ends}:localhost:8001");
    let short = reach.spawn("ssh", &reach.key, &["-N", "-L", &l, &to]);
    let mut said = Vec::new();
    let end = Instant::now() + Duration::from_secs(10);
    while said.is_empty() && Instant::now() < end {
        if let Ok(mut stream) = std::net::TcpStream::connect(("127.0.0.1", ends)) {
            stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
            std::io::Read::read_to_end(&mut stream, &mut said).unwrap();
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(text(&said), "all of it");
    for mut forward in [forwards, short] {
        let _ = forward.kill();
        let _ = forward.wait();
    }
}

#[test]
fn much_goes_both_ways_at_once_and_a_slow_program_loses_nothing() {
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let id = site.launch("sim-h100-slice");
    let bytes: String = (0..1_500_000_u32).map(|n| format!("{n:09}\n")).collect();
    let to = format!("{id}@127.0.0.1");
    let mut echo = reach.spawn("ssh", &reach.key, &[&to, "cat"]);
    let (mut stdin, sent) = (echo.stdin.take().unwrap(), bytes.clone());
    let sending = std::thread::spawn(move || stdin.write_all(sent.as_bytes()));
    let back = echo.wait_with_output().unwrap();
    sending.join().unwrap().unwrap();
    assert!(back.stdout == bytes.as_bytes(), "{} of {}", back.stdout.len(), bytes.len());
    let slow = reach.run("ssh", &[&to, "sleep 3; wc -c"], &bytes);
    assert_eq!(text(&slow.stdout).trim(), bytes.len().to_string(), "{}", text(&slow.stderr));
    let paste = "stty raw -echo; echo ready; sleep 2; head -c 1000000 | wc -c";
    let pasted = reach.run("ssh", &["-tt", &to, paste], &bytes);
    assert!(text(&pasted.stdout).contains("1000000"), "{}", text(&pasted.stdout));
}

/// Signs a key as an authority would.
fn sign(authority: &std::path::Path, key: &std::path::Path, more: &[&str]) {
    let done = Command::new("ssh-keygen")
        .args(["-q", "-s"])
        .arg(authority)
        .args(more)
        .arg(format!("{}.pub", key.display()))
        .status();
    assert!(done.unwrap().success());
}

#[test]
fn a_certificate_opens_one_workload_for_a_while_and_needs_no_key_that_is_kept() {
    let site = Site::up(&["--simulate", "2xH100"]);
    let (one, other) = (site.launch("sim-h100-slice"), site.launch("sim-h100-slice"));
    // Nobody has a key.
    let done = site.cli(&["ssh", &one, "-o", "BatchMode=yes", "echo certified"]);
    assert_eq!(text(&done.stdout), "certified\n", "{}", text(&done.stderr));
    let reach = Reach::of(&site);
    let folder = site.folder.path().join("ssh");
    let made = fs::read_dir(&folder).unwrap().flatten().next().unwrap().path();
    let key = folder.join("own");
    for (from, to) in [("key", "own"), ("key.pub", "own.pub"), ("key-cert.pub", "own-cert.pub")] {
        fs::rename(made.join(from), folder.join(to)).unwrap();
    }
    let shown =
        Command::new("ssh-keygen").arg("-Lf").arg(folder.join("own-cert.pub")).output().unwrap();
    let shown = text(&shown.stdout);
    assert!(shown.contains("user certificate") && shown.contains(&one), "{shown}");
    let try_it = |to: &str| {
        let mut child = reach.spawn("ssh", &key, &[&format!("{to}@127.0.0.1"), "echo in"]);
        drop(child.stdin.take());
        text(&child.wait_with_output().unwrap().stdout)
    };
    assert_eq!(try_it(&one), "in\n");
    assert_eq!(try_it(&other), "", "it is for one workload");
    // Without its certificate the key is nobody's, and one that somebody else signed is worth nothing.
    fs::rename(folder.join("own-cert.pub"), folder.join("kept")).unwrap();
    assert_eq!(try_it(&one), "");
    let authority = folder.join("authority");
    keygen(&authority, &["-t", "ed25519"]);
    for more in [&["-I", "x", "-n", one.as_str()][..], &["-h", "-I", "x", "-n", one.as_str()]] {
        sign(&authority, &key, more);
        assert_eq!(try_it(&one), "", "{more:?}");
    }
    // What it opened ends with the session it was asked for with.
    fs::rename(folder.join("kept"), folder.join("own-cert.pub")).unwrap();
    let mut open = reach.spawn("ssh", &key, &[&format!("{one}@127.0.0.1"), "sleep 60"]);
    std::thread::sleep(Duration::from_secs(1));
    assert!(open.try_wait().unwrap().is_none());
    assert!(site.cli(&["logout"]).status.success());
    let began = Instant::now();
    while open.try_wait().unwrap().is_none() {
        assert!(began.elapsed() < Duration::from_secs(8), "it goes on");
        std::thread::sleep(Duration::from_millis(100));
    }
    assert_eq!(try_it(&one), "", "and opens nothing any more");
}
