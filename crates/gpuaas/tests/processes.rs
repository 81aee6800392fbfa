//! The real program as real processes: killed in the middle, looked at from outside.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests stop aloud and watch real time"
)]

use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

const PASSWORD: &str = "river stone lantern";

struct Site {
    folder: TempDir,
    child: Child,
    url: String,
}

fn program() -> &'static str {
    env!("CARGO_BIN_EXE_gpuaas")
}

impl Site {
    fn up(args: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = Command::new(program())
            .args(["up", "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .args(args)
            .env("GPUAAS_LOG", "info")
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut first = String::new();
        let url = loop {
            let line = lines.next().expect("it listens").unwrap();
            if let Some(link) = line.strip_prefix("First sign-in: ") {
                first = link.to_owned();
            }
            if let Some(url) = line.strip_prefix("Listening: ") {
                break url.to_owned();
            }
        };
        std::thread::spawn(move || for _ in lines {});
        let site = Self { folder, child, url };
        site.first_account(&first);
        site
    }

    fn first_account(&self, link: &str) {
        let token = link.split("token=").nth(1).unwrap();
        let form = [
            ("token", token),
            ("display_name", "Ada"),
            ("email", "ada@example.com"),
            ("password", PASSWORD),
        ];
        let mut command = Command::new("curl");
        command.args(["-sf", "-o", "/dev/null", "-H", &format!("Origin: {}", self.url)]);
        for (name, value) in form {
            command.args(["--data-urlencode", &format!("{name}={value}")]);
        }
        assert!(command.arg(format!("{}/auth/first", self.url)).status().unwrap().success());
        self.sign_in();
    }

    fn sign_in(&self) {
        let server = self.url.clone();
        let done =
            self.cli_with(&["login", "--server", &server, "--email", "ada@example.com"], PASSWORD);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    fn cli_with(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(program())
            .args(args)
            .env("GPUAAS_CREDENTIALS", self.folder.path().join("credentials.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(format!("{input}\n").as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }

    fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(args, "")
    }

    fn json(&self, args: &[&str]) -> Value {
        let out = self.cli(&[args, &["--output", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
    }

    fn until(&self, what: &str, so: impl Fn() -> bool) {
        let end = Instant::now() + Duration::from_secs(40);
        while Instant::now() < end {
            if so() {
                return;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let tail: Vec<&str> =
            log.lines().rev().filter(|l| !l.contains("\"request\"")).take(20).collect();
        panic!("{what} never came true; the log ends with\n{}", tail.join("\n"));
    }

    fn launch(&self, sku: &str) -> String {
        self.until("the catalog offers it", || {
            let list = self.json(&["catalog"]);
            list["items"].as_array().is_some_and(|items| {
                items.iter().any(|i| i["sku"] == sku && i["free"].as_i64() > Some(0))
            })
        });
        let out = self.cli(&["launch", sku, "--yes", "--output", "json"]);
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let row: Value = serde_json::from_slice(&out.stdout).unwrap();
        assert_eq!(row["state"], "active");
        row["id"].as_str().unwrap().to_owned()
    }

    fn shell(&self, id: &str, script: &str) -> (String, Option<i32>) {
        let out = self.cli_with(&["shell", id], script);
        (String::from_utf8_lossy(&out.stdout).into_owned(), out.status.code())
    }

    /// The process ids of this program's parts that run with an argument.
    fn pids(&self, part: &str) -> Vec<i32> {
        let data = self.folder.path().join("data").display().to_string();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            let words: Vec<String> =
                line.split(|b| *b == 0).map(|w| String::from_utf8_lossy(w).into_owned()).collect();
            if words.get(1).is_some_and(|word| word == part)
                && words.iter().any(|w| w.starts_with(&data))
            {
                found.push(pid);
            }
        }
        found
    }

    fn kill(&self, part: &str) {
        for pid in self.pids(part) {
            nix::sys::signal::kill(
                nix::unistd::Pid::from_raw(pid),
                nix::sys::signal::Signal::SIGKILL,
            )
            .unwrap();
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id()).unwrap());
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.child.wait();
    }
}

/// What a host probe finds of a workload: processes, control groups, mounts, folders.
fn left_of(id: &str) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let group = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        if group.contains(id) {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            // A zombie holds nothing; the machine's own first process collects it when it likes.
            let zombie =
                status.lines().any(|line| line.starts_with("State:") && line.contains('Z'));
            if zombie {
                continue;
            }
            let words: Vec<&str> = status.lines().take(3).collect();
            left.push(format!("process {words:?}"));
        }
    }
    let mut folders = vec![PathBuf::from("/sys/fs/cgroup"), PathBuf::from("/run/gpuaas")];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            if entry.file_name().to_string_lossy().contains(id) {
                left.push(entry.path().display().to_string());
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir())
                && entry.path().components().count() < 6
            {
                folders.push(entry.path());
            }
        }
    }
    let mounts = fs::read_to_string("/proc/mounts").unwrap();
    left.extend(mounts.lines().filter(|line| line.contains(id)).map(str::to_owned));
    left
}

/// Says so where a test cannot run: a test that did not run has not passed.
fn needs_root() {
    assert!(nix::unistd::geteuid().is_root(), "not run: sandboxes with limits need root");
}

#[test]
fn killed_in_the_middle_the_work_goes_on_and_nothing_is_left() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    let (said, code) =
        site.shell(&id, "echo nonce-$((41+1)); nvidia-smi -L; echo kept > /tmp/mark; exit 3");
    assert!(said.contains("nonce-42") && said.contains("(simulated)"), "{said}");
    assert_eq!(code, Some(3), "the shell's own code comes back");
    for part in ["server", "agent", "server", "agent"] {
        site.kill(part);
        site.until("it is back", || {
            !site.pids("server").is_empty()
                && !site.pids("agent").is_empty()
                && site.json(&["show", &id])["state"] == "active"
        });
        site.until("the shell opens", || site.shell(&id, "cat /tmp/mark; exit").0.contains("kept"));
    }
    let usage = site.json(&["show", &id]);
    assert_eq!(usage["state"], "active");
    let released = site.cli(&["release", &id, "--wait"]);
    assert!(released.status.success(), "{}", String::from_utf8_lossy(&released.stderr));
    assert!(String::from_utf8_lossy(&released.stdout).contains("released"));
    assert_eq!(left_of(&id), Vec::<String>::new());
    let chain = site.json(&["audit", "verify"]);
    assert!(chain["broken_at"].is_null() && chain["entries"].as_i64() > Some(5), "{chain}");
}

#[test]
fn a_workload_sees_nothing_of_the_host_and_keeps_its_limits() {
    needs_root();
    let secret = "canary-5f1c";
    let places = [
        "/root/.canary",
        "/home/.canary",
        "/etc/canary",
        "/var/tmp/canary",
        "/opt/canary",
        "/srv/canary",
        "/usr/local/canary",
    ];
    for place in places {
        fs::write(place, secret).unwrap();
    }
    let site = Site::up(&["--simulate", "1x8xH100"]);
    let id = site.launch("sim-h100-slice");
    let script = format!(
        "grep -rls {secret} / --exclude-dir=proc --exclude-dir=sys --exclude-dir=usr 2>/dev/null; ls /usr/local /srv /home /root; echo search-over\n\
         id -u; cat /proc/1/comm; ls /proc | grep -c '^[0-9]'; mount -t tmpfs x /mnt; unshare -U true; mknod /tmp/d b 8 0; \
         echo x > /proc/sys/kernel/hostname; echo probes-over; cat /sys/class/net/*/operstate; ls /sys/class/net; \
         head -c 20000000000 /dev/zero > /tmp/fill; echo fill-$?; exit 0"
    );
    let (said, _) = site.shell(&id, &script);
    for place in places {
        fs::remove_file(place).unwrap();
    }
    let found = said.rsplit("search-over").next().unwrap_or_default();
    assert!(!said.lines().any(|line| line.contains("canary") && !line.contains("grep")), "{said}");
    assert!(found.contains("probes-over"), "{said}");
    for refused in ["mount:", "unshare", "Operation not permitted", "Read-only file system"] {
        assert!(said.contains(refused), "{refused} in {said}");
    }
    assert!(!said.contains("eth0") && !said.contains("fill-0"), "{said}");
    site.cli(&["release", &id, "--wait"]);
    assert_eq!(left_of(&id), Vec::<String>::new());
}

#[test]
fn a_second_up_on_the_same_folder_and_plain_http_to_the_world_are_refused() {
    let site = Site::up(&[]);
    let data = site.folder.path().join("data");
    let second = Command::new(program())
        .args(["up", "--http", "127.0.0.1:0", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("already runs"));
    let other = TempDir::new().unwrap();
    let open = Command::new(program())
        .args(["server", "--http", "0.0.0.0:0", "--agent-listen", "127.0.0.1:0", "--data"])
        .arg(other.path())
        .output()
        .unwrap();
    assert!(!open.status.success() && String::from_utf8_lossy(&open.stderr).contains("TLS"));
}

#[test]
fn exit_codes_are_as_documented() {
    let site = Site::up(&[]);
    let code = |args: &[&str]| site.cli(args).status.code();
    assert_eq!(code(&["ls"]), Some(0));
    assert_eq!(code(&["show", "alloc_01jd3x5gq8f9v7m2k4n6p8r0st"]), Some(4));
    assert_eq!(code(&["nonsense"]), Some(2));
    assert_eq!(code(&["launch", "no-such-sku", "--yes"]), Some(5));
    assert_eq!(code(&["logout"]), Some(0));
    assert_eq!(code(&["ls"]), Some(3));
    let away = Command::new(program())
        .args(["login", "--server", "http://127.0.0.1:9", "--email", "a@b.c"])
        .env("GPUAAS_CREDENTIALS", site.folder.path().join("none.json"))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(away.status.code(), Some(6));
}
