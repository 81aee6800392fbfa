//! `gpuaas shell`, and what goes on when the programs around it end.

use crate::site::{Site, left_of, needs_root, program};
use std::{
    io::{Read, Write},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

/// A shell at the command line, and all it has said so far.
struct Typed {
    child: Child,
    said: Arc<Mutex<String>>,
}

impl Typed {
    fn open(site: &Site, id: &str) -> Self {
        let mut child = Command::new(program())
            .args(["shell", id])
            .env("GPUAAS_CREDENTIALS", site.folder.path().join("credentials.json"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
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
    let said = shell.said.lock().unwrap().clone();
    let numbers =
        said.split_whitespace().filter_map(|word| word.strip_prefix('n')?.parse::<u32>().ok());
    assert!(numbers.eq(1..=20_000), "some output was lost, or came twice");
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
}
