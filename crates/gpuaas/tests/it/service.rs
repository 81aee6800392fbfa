//! The control plane as a service: whom it runs as, its certificate, its metrics.

use crate::site::{Site, needs_root, passable, program};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

fn status(pid: &Value, line: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let found = text.lines().find_map(|one| one.strip_prefix(line)).unwrap();
    found.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn endpoints(site: &Site) -> Value {
    let path = site.folder.path().join("data/endpoints.json");
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn roots_control_plane_is_not_root_and_sees_nothing_of_the_agents() {
    needs_root();
    let private = TempDir::new().unwrap();
    let link = private.path().join("link");
    let site = Site::up(&["--first-link-file", link.to_str().unwrap()]);
    let user = nix::unistd::User::from_name("gpuaas").unwrap().unwrap();
    let pid = &endpoints(&site)["pid"];
    let (uid, gid) = (user.uid.to_string(), user.gid.to_string());
    assert_eq!(status(pid, "Uid:"), [uid.as_str(); 4].join(" "));
    assert_eq!(status(pid, "Gid:"), [gid.as_str(); 4].join(" "));
    assert_eq!(status(pid, "Groups:"), gid);
    assert_eq!(status(pid, "CapEff:"), "0000000000000000");
    for task in fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten() {
        let text = fs::read_to_string(task.path().join("status")).unwrap();
        assert!(text.contains("NoNewPrivs:\t1"), "{text}");
        assert!(text.contains(&format!("Uid:\t{uid}\t{uid}\t{uid}\t{uid}\n")), "{text}");
    }
    let data = site.folder.path().join("data");
    let owner = |path: &str| data.join(path).metadata().unwrap().uid();
    assert_eq!(owner("server/gpuaas.db"), user.uid.as_raw());
    assert_eq!((owner("."), owner("agent")), (0, 0));
    let closed = || data.join("agent").metadata().is_ok_and(|meta| meta.mode() & 0o777 == 0o700);
    site.until("its agent has closed its folder", closed);
    let mut look = Command::new("setpriv");
    look.args(["--reuid=gpuaas", "--regid=gpuaas", "--clear-groups", "ls"]).arg(data.join("agent"));
    assert!(!look.output().unwrap().status.success(), "the agents' folder is open to it");
    // The link went where only root may write, and nowhere else.
    site.until("the first link is where it was asked for", || link.exists());
    assert!(fs::read_to_string(&link).unwrap().contains("/auth/first?token="));
    assert_eq!(link.metadata().unwrap().mode() & 0o777, 0o600);
    assert!(!data.join("server/first-link").exists());
}

#[test]
fn a_folder_its_user_cannot_walk_to_is_said_aloud() {
    needs_root();
    let folder = TempDir::new().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let site = Site::up_in(folder, &[]);
    assert_eq!(status(&endpoints(&site)["pid"], "Uid:"), "0 0 0 0");
    let log = fs::read_to_string(site.folder.path().join("log")).unwrap();
    assert!(log.contains("the control plane runs as root"), "{log}");
}

#[test]
fn metrics_are_on_a_listener_of_their_own_and_name_no_tenant() {
    let site = Site::up(&["--metrics", "127.0.0.1:0"]);
    let at = endpoints(&site)["metrics"].as_str().unwrap().to_owned();
    let read = |path: &str| {
        let out =
            Command::new("curl").args(["-si", &format!("http://{at}{path}")]).output().unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let text = read("/metrics");
    assert!(text.contains("content-type: application/openmetrics-text"), "{text}");
    for line in [
        "gpuaas_build_info{version=",
        "gpuaas_http_requests_total{action=\"auth.first\"",
        "gpuaas_http_request_duration_seconds_bucket{",
        "gpuaas_allocations{of=\"active\"} 0",
        "gpuaas_faults 0",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is missing in\n{text}");
    }
    for secret in ["ada", "usr_", "org_", "proj_", "alloc_"] {
        assert!(!text.to_lowercase().contains(secret), "{secret} stands in\n{text}");
    }
    assert!(read("/").starts_with("HTTP/1.1 404"));
    let people = Command::new("curl")
        .args(["-s", "-o", "/dev/null", "-w", "%{http_code}", &format!("{}/metrics", site.url)])
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&people.stdout), "404");
}

fn certificate(folder: &Path, name: &str) {
    let done = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"])
        .args([
            "-days",
            "2",
            "-subj",
            &format!("/CN={name}"),
            "-addext",
            "subjectAltName=IP:127.0.0.1",
        ])
        .args([
            "-addext",
            "basicConstraints=critical,CA:FALSE",
            "-keyout",
            "fresh.key",
            "-out",
            "fresh.pem",
        ])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    for kind in ["key", "pem"] {
        let fresh = folder.join(format!("fresh.{kind}"));
        fs::set_permissions(&fresh, fs::Permissions::from_mode(0o644)).unwrap();
        fs::rename(fresh, folder.join(format!("site.{kind}"))).unwrap();
    }
}

#[test]
fn a_certificate_serves_people_and_programs_and_is_renewed_in_place() {
    let folder = passable();
    certificate(folder.path(), "first");
    let file = |name: &str| folder.path().join(name).display().to_string();
    let mut child = Command::new(program())
        .args([
            "server",
            "--http",
            "127.0.0.1:0",
            "--agent-listen",
            "127.0.0.1:0",
            "--metrics",
            "127.0.0.1:0",
        ])
        .args([
            "--data",
            &file("data"),
            "--tls-cert",
            &file("site.pem"),
            "--tls-key",
            &file("site.key"),
        ])
        .stdout(Stdio::piped())
        .stderr(fs::File::create(folder.path().join("log")).unwrap())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let url =
        lines.map_while(Result::ok).find_map(|l| l.strip_prefix("Listening: ").map(str::to_owned));
    let url = url.expect("it listens");
    assert!(url.starts_with("https://127.0.0.1:"), "{url}");
    let curl = |more: &[&str]| {
        let mut command = Command::new("curl");
        let path = if more.contains(&"-d") { "/auth/login" } else { "/api/v1/healthz" };
        command.args(["-sv", "--cacert", &file("site.pem"), &format!("{url}{path}")]);
        let out = command.args(more).output().unwrap();
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr))
    };
    for version in ["--http2", "--http1.1"] {
        let said = curl(&[version]);
        assert!(said.contains("< HTTP/") && said.contains(" 200"), "{said}");
        assert!(said.to_lowercase().contains("strict-transport-security: max-age="), "{said}");
        assert!(said.contains("CN=first"), "{said}");
    }
    // What a form of a page sends gets past the checks of where it comes from, by either version.
    for version in ["--http2", "--http1.1"] {
        let said =
            curl(&[version, "-H", &format!("Origin: {url}"), "-d", "email=a@b.c&password=x"]);
        assert!(!said.contains("cross_site"), "{said}");
    }
    // A program that trusts it speaks to it; one that does not is told that it is not reached.
    let cli = |trust: &str| {
        let mut command = Command::new(program());
        command
            .args(["login", "--server", &url, "--email", "ada@example.com"])
            .stdin(Stdio::null());
        command.env("SSL_CERT_FILE", trust).env("GPUAAS_CREDENTIALS", file("credentials.json"));
        command.output().unwrap().status.code()
    };
    assert_eq!(cli("/dev/null"), Some(6));
    assert_ne!(cli(&file("site.pem")), Some(6));
    certificate(folder.path(), "renewed");
    let end = Instant::now() + Duration::from_secs(30);
    while !curl(&[]).contains("CN=renewed") {
        assert!(Instant::now() < end, "the renewed certificate is not in use");
        std::thread::sleep(Duration::from_millis(500));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn a_folder_of_the_control_plane_alone_is_taken_up_by_everything_on_one_machine() {
    needs_root();
    let folder = passable();
    let data = folder.path().join("data");
    let mut child = Command::new(program())
        .args(["server", "--http", "127.0.0.1:0", "--agent-listen", "127.0.0.1:0", "--data"])
        .arg(&data)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.into_iter().any(|line| line.starts_with("Listening: ")));
    // Killed: what is in the write-ahead log must come along.
    child.kill().unwrap();
    child.wait().unwrap();
    let authority = fs::read(data.join("fleet-ca.pem")).unwrap();
    let before = fs::metadata(data.join("gpuaas.db")).unwrap().ino();
    let site = Site::up_in(folder, &[]);
    let home = site.folder.path().join("data/server");
    assert_eq!(fs::read(home.join("fleet-ca.pem")).unwrap(), authority);
    assert_eq!(fs::metadata(home.join("gpuaas.db")).unwrap().ino(), before);
    assert!(!site.folder.path().join("data/gpuaas.db").exists());
    let nodes = || site.json(&["nodes"])["items"].as_array().is_some_and(|nodes| !nodes.is_empty());
    site.until("its own machine joined", nodes);
}
