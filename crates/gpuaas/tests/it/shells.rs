//! `gpuaas shell`, and what goes on when the programs around it end.

use crate::{
    site::{Site, left_of, needs_root, program},
    ssh::{Reach, text},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

/// A shell at a keyboard, and all it has said so far.
struct Typed {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Typed {
    fn open(site: &Site, id: &str) -> Self {
        let shell = format!("{} shell {id}", program());
        let mut command = Command::new("script");
        command
            .args(["-qefc", &shell, "/dev/null"])
            .env("GPUAAS_CREDENTIALS", site.folder.path().join("credentials.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Self::of(command.spawn().unwrap())
    }

    fn of(mut child: Child) -> Self {
        let said = Arc::new(Mutex::new(String::new()));
        let pipes: [Box<dyn Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for mut pipe in pipes {
            let said = said.clone();
            std::thread::spawn(move || {
                let mut buffer = [0; 4096];
                while let Ok(count @ 1..) = pipe.read(&mut buffer) {
                    said.lock().unwrap().push_str(&String::from_utf8_lossy(&buffer[..count]));
                }
            });
        }
        Self { child, said }
    }

    fn type_in(&mut self, text: &str) {
        self.child.stdin.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn says(&self, site: &Site, words: &str) {
        site.until(words, || self.said.lock().unwrap().contains(words));
    }
}

/// The keepers of a site's agents.
fn keepers_of(site: &Site) -> Vec<i32> {
    let data = site.folder.path().display().to_string();
    let at = |pid: &i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line);
        line.contains("sandbox-keep") && line.contains(&data)
    };
    let pids = std::fs::read_dir("/proc").unwrap().flatten();
    pids.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(at).collect()
}

/// Every line of a count up to so much, once and in order.
fn counted(said: &str, upto: u32) {
    let numbers =
        said.split_whitespace().filter_map(|word| word.strip_prefix('n')?.parse::<u32>().ok());
    assert!(numbers.eq(1..=upto), "some output was lost, or came twice");
}

#[test]
fn a_shell_goes_on_when_the_agent_is_killed_and_ends_when_it_is_asked_to() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    let mut shell = Typed::open(&site, &id);
    shell.type_in("mine=kept; echo ready-$((1+1))\n");
    shell.says(&site, "ready-2");
    // What it prints while there is no agent is not lost; more than a terminal holds waits.
    shell.type_in("echo begin-$((1+1)); sleep 0.3; seq -f n%.0f 20000; echo all-$((1+1))\n");
    shell.says(&site, "begin-2");
    for round in 1..=2 {
        site.kill("agent");
        site.until("it is connected again", || {
            shell.said.lock().unwrap().matches("[connected again").count() == round
        });
        shell.type_in(&format!("echo round-{round}-$mine-$((1+1))\n"));
        shell.says(&site, &format!("round-{round}-kept-2"));
    }
    shell.says(&site, "all-2");
    counted(&shell.said.lock().unwrap(), 20_000);
    // Its keeper is killed: another keeps it, before its agent is.
    let keepers = keepers_of(&site);
    assert_eq!(keepers.len(), 1);
    for pid in keepers {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    site.until("another keeps it", || !keepers_of(&site).is_empty());
    site.kill("agent");
    shell.says(&site, "[connected again");
    site.until("it goes on", || {
        shell.type_in("echo still-$mine-$((1+1))\n");
        shell.said.lock().unwrap().contains("still-kept-2")
    });
    // What it ends with is not this agent's to hear.
    shell.type_in("exit 3\n");
    assert_eq!(shell.child.wait().unwrap().code(), Some(1));
    shell.says(&site, "nobody heard what with");
    // One whose workload is released leaves nothing, also where it was taken up.
    let mut other = Typed::open(&site, &id);
    other.type_in("echo there-$((1+1))\n");
    other.says(&site, "there-2");
    site.kill("agent");
    other.says(&site, "[connected again");
    site.cli(&["release", &id, "--wait"]);
    assert_eq!(left_of(&id), Vec::<String>::new());
    assert_ne!(other.child.wait().unwrap().code(), Some(0));
    // A keeper leaves with an agent that has nothing open.
    site.kill("agent");
    site.until("no keeper is left", || keepers_of(&site).is_empty());
}

/// One that reads a script does not go on with half of it.
#[test]
fn a_script_that_was_cut_off_ends_and_says_so() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    let mut command = Command::new(program());
    command
        .args(["shell", &id])
        .env("GPUAAS_CREDENTIALS", site.folder.path().join("credentials.json"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut script = Typed::of(command.spawn().unwrap());
    script.type_in("echo begin-$((1+1)); sleep 1\n");
    script.says(&site, "begin-2");
    site.kill("agent");
    script.says(&site, "may be lost");
    assert_ne!(script.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_terminal_over_ssh_goes_on_when_the_agent_is_killed() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let reach = Reach::of(&site);
    let id = site.launch("sim-h100-slice");
    let to = format!("{id}@127.0.0.1");
    let mut shell = Typed::of(reach.spawn("ssh", &reach.key, &["-tt", &to]));
    shell.type_in("mine=kept; echo ready-$((1+1))\n");
    shell.says(&site, "ready-2");
    shell.type_in("echo begin-$((1+1)); sleep 0.3; seq -f n%.0f 20000; echo all-$((1+1))\n");
    shell.says(&site, "begin-2");
    for round in 1..=2 {
        site.kill("agent");
        // What is typed before it is there again goes nowhere.
        let mark = format!("round-{round}-kept-2");
        site.until("it goes on", || {
            shell.type_in(&format!("echo round-{round}-$mine-$((1+1))\n"));
            shell.said.lock().unwrap().contains(&mark)
        });
    }
    shell.says(&site, "all-2");
    counted(&shell.said.lock().unwrap(), 20_000);
    // It is hung up with its client, as any is; what it ends with otherwise nobody heard.
    let catch =
        "trap 'echo HUP > ~/left; exit' HUP; echo armed-$((1+1)); while :; do sleep 0.1; done\n";
    shell.type_in(catch);
    shell.says(&site, "armed-2");
    shell.child.kill().unwrap();
    shell.child.wait().unwrap();
    let left = |mark: &str| text(&reach.run("ssh", &[&to, &format!("cat ~/{mark}")], "").stdout);
    site.until("it was hung up", || left("left") == "HUP\n");
    let command = "echo here; read line; exit 4";
    for (kills, code) in [(false, 4), (true, 255)] {
        let mut asked = Typed::of(reach.spawn("ssh", &reach.key, &["-tt", &to, command]));
        asked.says(&site, "here");
        if kills {
            site.kill("agent");
        }
        site.until("it ends", || {
            let _ = asked.child.stdin.as_mut().unwrap().write_all(b"x\n");
            asked.child.try_wait().unwrap().is_some()
        });
        assert_eq!(asked.child.wait().unwrap().code(), Some(code));
        assert_eq!(asked.said.lock().unwrap().contains("nobody heard what with"), kills);
    }
    // A workload that is released takes them along, at once.
    let mut last = Typed::of(reach.spawn("ssh", &reach.key, &["-tt", &to]));
    last.type_in("echo there-$((1+1))\n");
    last.says(&site, "there-2");
    site.kill("agent");
    site.cli(&["release", &id, "--wait"]);
    assert_eq!(left_of(&id), Vec::<String>::new());
    assert_eq!(last.child.wait().unwrap().code(), Some(255));
}
