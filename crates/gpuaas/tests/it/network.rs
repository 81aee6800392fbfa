//! The way out of a workload: there only where settings allow it, and then to the internet alone.

use crate::site::{Site, held, left_of, namespaces, needs_root};
use nix::sched::{CloneFlags, setns};
use std::{
    fs,
    io::{Read, Write},
    net::TcpListener,
    process::Command,
    time::Duration,
};

const OUTSIDE: &str = "11.22.33.2";
const HOST: &str = "11.22.33.1";

fn ip(args: &str) {
    let out = Command::new("ip").args(args.split(' ')).output().unwrap();
    assert!(out.status.success(), "not run: ip {args}: {}", String::from_utf8_lossy(&out.stderr));
}

/// Another machine, as far as anybody can tell: a network namespace behind a pair of interfaces.
struct Outside;

impl Outside {
    fn make() -> Self {
        let _ = Command::new("ip").args(["netns", "del", "gpuaas-out"]).output();
        for line in [
            "netns add gpuaas-out",
            "link add gpuaas-out0 type veth peer name far netns gpuaas-out",
            &format!("addr add {HOST}/30 dev gpuaas-out0"),
            "link set gpuaas-out0 up",
            &format!("-n gpuaas-out addr add {OUTSIDE}/30 dev far"),
            "-n gpuaas-out link set far up",
        ] {
            ip(line);
        }
        Self
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", "gpuaas-out"]).output();
    }
}

/// Answers every connection with a word.
fn answer(listener: TcpListener, word: &'static str) {
    for stream in listener.incoming() {
        let mut stream = stream.unwrap();
        let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
        let _ = stream.read(&mut [0; 64]);
        let _ = stream.write_all(word.as_bytes());
    }
}

fn listen_outside() {
    let (ready, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let space = fs::File::open("/run/netns/gpuaas-out").unwrap();
        setns(space, CloneFlags::CLONE_NEWNET).unwrap();
        let listener = TcpListener::bind((OUTSIDE, 80)).unwrap();
        ready.send(()).unwrap();
        answer(listener, "from outside");
    });
    told.recv().unwrap();
}

/// What a workload hears at addresses, or why it hears nothing.
fn ask(site: &Site, id: &str, places: &[(&str, u16)]) -> String {
    let mut line = String::new();
    for (at, port) in places {
        line.push_str(&format!(
            "timeout 5 bash -c 'exec 3<>/dev/tcp/{at}/{port} && echo hi >&3 && cat <&3'; echo; echo \"as\"ked {at}; "
        ));
    }
    site.shell(id, &(line + "exit")).0
}

fn nothing_outside_is_reached_where_nobody_allowed_it() {
    let site = Site::up(&[]);
    let id = site.launch("cpu-slice");
    let heard = ask(&site, &id, &[(OUTSIDE, 80)]);
    assert!(heard.contains("unreachable") && !heard.contains("from outside"), "{heard}");
    assert!(site.cli(&["release", &id, "--wait"]).status.success());
}

#[test]
fn the_way_out_is_open_only_where_allowed_and_only_to_the_internet() {
    needs_root();
    let _outside = Outside::make();
    listen_outside();
    let here = TcpListener::bind("0.0.0.0:0").unwrap();
    let port = here.local_addr().unwrap().port();
    std::thread::spawn(move || answer(here, "from the host"));

    nothing_outside_is_reached_where_nobody_allowed_it();

    let site = Site::up_where(&[("GPUAAS_FLEET__OUTGOING", "true")], &[]);
    let id = site.launch("cpu-slice");
    let heard = ask(&site, &id, &[(OUTSIDE, 80)]);
    assert!(heard.contains("from outside"), "{heard}");
    let own: Vec<String> = nix::ifaddrs::getifaddrs()
        .unwrap()
        .filter_map(|one| Some(one.address?.as_sockaddr_in()?.ip().to_string()))
        .filter(|ip| !ip.starts_with("127."))
        .collect();
    assert!(own.iter().any(|ip| ip == HOST));
    let others =
        ["10.0.2.2", "127.0.0.1", "169.254.169.254", "192.168.0.1", "10.1.2.3", "100.100.100.200"];
    let places: Vec<(&str, u16)> =
        own.iter().map(String::as_str).chain(others).map(|at| (at, port)).collect();
    let heard = ask(&site, &id, &places);
    assert!(!heard.contains("from the host"), "{heard}");
    // Each is refused at once, by the rules: none waits, and none only happens not to answer.
    for (at, _) in &places {
        let before = heard.split(&format!("asked {at}")).next().unwrap();
        let last = before.rsplit("asked").next().unwrap();
        let refused = if *at == "127.0.0.1" { "Connection refused" } else { "is unreachable" };
        assert!(last.contains(refused), "{at}: {last}");
    }
    // Its owner cannot open what is closed.
    let multicast =
        "bash -c 'exec 3<>/dev/udp/239.1.2.3/5353; echo hi >&3; sleep 0.2; echo hi >&3'";
    let (said, _) =
        site.shell(&id, &format!("nft flush ruleset; ip link set out0 down; {multicast}; exit"));
    for refused in
        ["process rule: Operation not permitted", "answers: Operation not permitted", "write error"]
    {
        assert!(said.contains(refused), "{refused} in {said}");
    }

    // A way out that is lost comes back.
    let folder =
        fs::read_dir("/run/gpuaas").unwrap().flatten().map(|e| e.path().join("runs").join(&id));
    let folder = folder.into_iter().find(|path| path.exists()).unwrap();
    // An address the host takes later is closed too.
    ip("addr add 11.22.44.1/32 dev gpuaas-out0");
    let rules = || fs::read_to_string(folder.join("network.rules")).unwrap_or_default();
    site.until("it is closed", || rules().contains("11.22.44.1"));
    assert!(ask(&site, &id, &[("11.22.44.1", port)]).contains("is unreachable"));
    let carrier = || {
        let text = fs::read_to_string(folder.join("network.pid")).unwrap_or_default();
        let pid = text.split(' ').next().and_then(|pid| pid.parse::<i32>().ok())?;
        // A process that is over and not yet collected has no command line.
        let line = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        line.contains("slirp4netns").then_some(pid)
    };
    let first = carrier().unwrap();
    let kill = |pid| {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL)
    };
    kill(first).unwrap();
    site.until("another carries", || carrier().is_some_and(|pid| pid != first));

    // The way out outlives the agent, and ends with the workload.
    site.kill("agent");
    site.until("the agent is back", || ask(&site, &id, &[(OUTSIDE, 80)]).contains("from outside"));
    let last = carrier().unwrap();
    let spaces = namespaces(&id);
    assert!(site.cli(&["release", &id, "--wait"]).status.success());
    let line = fs::read_to_string(format!("/proc/{last}/cmdline")).unwrap_or_default();
    assert!(!line.contains("slirp4netns"), "{line}");
    assert_eq!(left_of(&id), Vec::<String>::new());
    assert_eq!(held(&spaces), Vec::<String>::new());
}
