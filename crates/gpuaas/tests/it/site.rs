//! `gpuaas up` as an operator starts it, the command line beside it, and a probe of the host.

use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead, BufReader, Write},
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Everybody's.
const PASSWORD: &str = "river stone lantern";

/// What is tested here is not the second factor of whoever runs the site.
pub const EXCUSED: [(&str, &str); 2] = [
    ("GPUAAS_SITE__ENVIRONMENT", "development"),
    ("GPUAAS_IDENTITY__OPERATORS_WITHOUT_FACTOR", "true"),
];

pub struct Site {
    pub folder: TempDir,
    child: Child,
    pub url: String,
}

pub fn passable() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
    folder
}

pub fn program() -> &'static str {
    env!("CARGO_BIN_EXE_gpuaas")
}

impl Site {
    /// In a folder that others may walk through, as `/var/lib` is.
    pub fn up(args: &[&str]) -> Self {
        Self::up_in(passable(), args)
    }

    pub fn up_in(folder: TempDir, args: &[&str]) -> Self {
        Self::start(folder, Command::new(program()), args)
    }

    pub fn up_where(env: &[(&str, &str)], args: &[&str]) -> Self {
        let mut command = Command::new(program());
        command.envs(env.iter().copied());
        Self::start(passable(), command, args)
    }

    /// The same as somebody who may nothing on this machine.
    pub fn up_as_nobody(args: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let copy = folder.path().join("gpuaas");
        fs::copy(program(), &copy).unwrap();
        let nobody = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        nix::unistd::chown(folder.path(), Some(nobody.uid), Some(nobody.gid)).unwrap();
        let mut command = Command::new("setpriv");
        command.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups"]).arg(copy);
        command.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
        Self::start(folder, command, args)
    }

    fn start(folder: TempDir, mut command: Command, args: &[&str]) -> Self {
        let log = fs::File::create(folder.path().join("log")).unwrap();
        let mut child = command
            .args(["up", "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", "--data"])
            .arg(folder.path().join("data"))
            .args(args)
            .env("GPUAAS_LOG", "info")
            .envs(EXCUSED)
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

    pub fn cli_with(&self, args: &[&str], input: &str) -> Output {
        let mut child = Command::new(program())
            .args(args)
            .env("GPUAAS_CREDENTIALS", self.folder.path().join("credentials.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // Beside reading: a shell that prints much before it reads much must not be held up by us.
        let (mut stdin, input) = (child.stdin.take().unwrap(), format!("{input}\n"));
        let typing = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let out = child.wait_with_output().unwrap();
        let _ = typing.join();
        out
    }

    pub fn cli(&self, args: &[&str]) -> Output {
        self.cli_with(args, "")
    }

    pub fn json(&self, args: &[&str]) -> Value {
        let out = self.cli(&[args, &["--output", "json"]].concat());
        serde_json::from_slice(&out.stdout).unwrap_or(Value::Null)
    }

    pub fn until(&self, what: &str, mut so: impl FnMut() -> bool) {
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

    pub fn launch(&self, sku: &str) -> String {
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

    pub fn shell(&self, id: &str, script: &str) -> (String, Option<i32>) {
        let out = self.cli_with(&["shell", id], script);
        (String::from_utf8_lossy(&out.stdout).into_owned(), out.status.code())
    }

    /// The process ids of this program's parts that run with an argument.
    pub fn pids(&self, part: &str) -> Vec<i32> {
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

    pub fn kill(&self, part: &str) {
        for pid in self.pids(part) {
            // It may have ended by itself between the look and the blow.
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
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

/// A zombie holds nothing; the machine's own first process collects it when it likes.
fn is_zombie(process: &std::path::Path) -> bool {
    let status = fs::read_to_string(process.join("status")).unwrap_or_default();
    status.lines().any(|line| line.starts_with("State:") && line.contains('Z'))
}

/// What a host probe finds of a workload: processes, control groups, mounts, folders.
pub fn left_of(id: &str) -> Vec<String> {
    let mut left = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let group = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        if group.contains(id) {
            let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
            if is_zombie(&entry.path()) {
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

/// The namespaces of a workload's processes by kind and number, without those they share with this test.
/// Each is held open, so that its number is nobody else's as long as this is.
pub fn namespaces(id: &str) -> BTreeMap<String, fs::File> {
    let of = |folder: PathBuf| -> BTreeMap<String, fs::File> {
        let Ok(links) = fs::read_dir(folder.join("ns")) else { return BTreeMap::new() };
        let open = |link: fs::DirEntry| {
            let name = fs::read_link(link.path()).ok()?;
            Some((name.display().to_string(), fs::File::open(link.path()).ok()?))
        };
        links.flatten().filter_map(open).collect()
    };
    let own = of(PathBuf::from("/proc/self"));
    let mut found = BTreeMap::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let group = fs::read_to_string(entry.path().join("cgroup")).unwrap_or_default();
        if group.contains(id) {
            found.extend(of(entry.path()).into_iter().filter(|(name, _)| !own.contains_key(name)));
        }
    }
    assert!(found.len() >= 5, "a workload has namespaces of its own: {found:?}");
    found
}

/// Those of them that somebody else still holds: a process, one of its open files, or a mount.
pub fn held(namespaces: &BTreeMap<String, fs::File>) -> Vec<String> {
    let mut held = Vec::new();
    let own = std::process::id();
    let other = |entry: &fs::DirEntry| {
        let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
        pid.is_some_and(|pid| pid != own) && !is_zombie(&entry.path())
    };
    for entry in fs::read_dir("/proc").unwrap().flatten().filter(other) {
        for folder in ["ns", "fd"] {
            let Ok(links) = fs::read_dir(entry.path().join(folder)) else { continue };
            for link in links.flatten() {
                let name = fs::read_link(link.path()).unwrap_or_default().display().to_string();
                if namespaces.contains_key(&name) {
                    held.push(format!("{}: {name}", link.path().display()));
                }
            }
        }
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let pinned = |line: &&str| namespaces.keys().any(|name| line.contains(name.as_str()));
    held.extend(mounts.lines().filter(pinned).map(str::to_owned));
    held
}

/// Says so where a test cannot run: a test that did not run has not passed.
pub fn needs_root() {
    assert!(nix::unistd::geteuid().is_root(), "not run: sandboxes with limits need root");
}
