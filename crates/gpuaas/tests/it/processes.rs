//! What the program does as processes: it survives their deaths, hides the host, refuses what it must.

use crate::site::{Site, held, left_of, namespaces, needs_root, program};
use std::{
    fs,
    process::{Command, Stdio},
};
use tempfile::TempDir;

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
    let spaces = namespaces(&id);
    let released = site.cli(&["release", &id, "--wait"]);
    assert!(released.status.success(), "{}", String::from_utf8_lossy(&released.stderr));
    assert!(String::from_utf8_lossy(&released.stdout).contains("released"));
    assert_eq!(left_of(&id), Vec::<String>::new());
    assert_eq!(held(&spaces), Vec::<String>::new());
    let chain = site.json(&["audit", "verify"]);
    assert!(chain["broken_at"].is_null() && chain["entries"].as_i64() > Some(5), "{chain}");
}

#[test]
fn a_workload_cannot_use_up_what_the_host_shares() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    // System calls by number (x86-64): perl is on every Debian, compilers are not.
    let script = "perl -e 'for (40, 38, 17) { print \"family-$_-\", (socket(S, $_, 1, 0) ? \"open\" : \"refused\"), \"\\n\" }'\n\
        perl -e 'print \"unix-\", (socket(S, 1, 1, 0) ? \"open\" : \"refused\"), \"\\n\"'\n\
        perl -e '$n = 0; $n++ while $n < 500 && syscall(253) >= 0; print \"watchers-$n\\n\"'\n\
        perl -e '$b = \"\\0\" x 8; print \"aio-\", (syscall(206, 10, $b) < 0 ? \"refused\" : \"open\"), \"\\n\"'\n\
        perl -e 'for (1..500) { open($f[$_], \"+<\", \"/dev/ptmx\") or last; $n = $_ } print \"terminals-$n\\n\"'; exit 0";
    let (said, _) = site.shell(&id, script);
    for wanted in
        ["family-40-refused", "family-38-refused", "family-17-refused", "unix-open", "aio-refused"]
    {
        assert!(said.contains(wanted), "{wanted} in {said}");
    }
    let number = |name: &str| -> u32 {
        let digits = said.split(name).find_map(|part| part.split_once('\r')?.0.parse().ok());
        digits.unwrap_or_else(|| panic!("{name} in {said}"))
    };
    assert!(number("watchers-") <= 64 && number("terminals-") <= 64, "{said}");
    site.cli(&["release", &id, "--wait"]);
    assert_eq!(left_of(&id), Vec::<String>::new());
}

#[test]
fn much_in_and_much_out_pass_each_other() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    let filling = format!(": {}\n", "x".repeat(1000)).repeat(400);
    let (said, code) = site.shell(&id, &format!("seq 200000\n{filling}echo end-$((41+1)); exit 4"));
    assert!(said.contains("\n200000\r") && said.contains("end-42"), "{} bytes", said.len());
    assert_eq!(code, Some(4));
    site.cli(&["release", &id, "--wait"]);
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
fn without_root_it_works_and_says_what_it_does_not_enforce() {
    needs_root(); // to become somebody else
    let site = Site::up_as_nobody(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    let (said, code) =
        site.shell(&id, "echo nonce-$((41+1)); ls /root /home; mount -t tmpfs x /mnt; exit 5");
    assert!(said.contains("nonce-42") && said.contains("mount:"), "{said}");
    assert_eq!(code, Some(5));
    let nodes = site.json(&["nodes"]).to_string();
    assert!(nodes.contains("the agent does not run as root"), "{nodes}");
    let released = site.cli(&["release", &id, "--wait"]);
    assert!(released.status.success(), "{}", String::from_utf8_lossy(&released.stderr));
}

#[test]
fn a_reader_who_leaves_ends_the_command_quietly() {
    let site = Site::up(&[]);
    let credentials = site.folder.path().join("credentials.json");
    let script = format!("{} nodes --output json | head -c 1; exit ${{PIPESTATUS[0]}}", program());
    let out = Command::new("bash")
        .args(["-c", &script])
        .env("GPUAAS_CREDENTIALS", credentials)
        .output()
        .unwrap();
    assert!(
        out.status.success() && out.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&out.stderr)
    );
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

#[test]
fn what_an_agent_began_when_it_died_is_finished_before_it_counts() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let first = site.launch("sim-h100-slice");
    site.cli(&["release", &first, "--wait"]);
    let row = site.json(&["launch", "sim-h100-slice", "--yes", "--no-wait"]);
    let id = row["id"].as_str().unwrap().to_owned();
    let end = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while left_of(&id).is_empty() {
        assert!(std::time::Instant::now() < end, "nothing was begun");
    }
    site.kill("agent");
    site.until("it is active", || site.json(&["show", &id])["state"] == "active");
    // It may have been active before its agent died: a shell waits for the agent that follows.
    site.until("a shell finds its limits", || {
        let (said, _) = site.shell(&id, "cat /proc/sys/user/max_inotify_instances; exit");
        said.lines().any(|line| line.trim().ends_with("64"))
    });
    let spaces = namespaces(&id);
    site.cli(&["release", &id, "--wait"]);
    assert_eq!(left_of(&id), Vec::<String>::new());
    assert_eq!(held(&spaces), Vec::<String>::new());
}
