//! What stands on a connection over SSH: signals, sizes, and what the remote modes of editors do.

use crate::{
    site::{Site, needs_root},
    ssh::{Reach, free_port, text},
};
use std::{
    fs,
    io::{BufRead, BufReader, Read, Write},
    process::{Child, ChildStdout, Command},
};

/// Waits until a program says that it is ready.
fn ready(child: &mut Child) -> ChildStdout {
    let mut out = child.stdout.take().unwrap();
    let (mut seen, mut byte) = (Vec::new(), [0]);
    while !text(&seen).contains("ready") {
        assert_eq!(out.read(&mut byte).unwrap(), 1, "{}", text(&seen));
        seen.extend(byte);
    }
    out
}

#[test]
fn signals_reach_the_program() {
    needs_root();
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let to = format!("{}@127.0.0.1", site.launch("sim-h100-slice"));
    // A terminal turns keys into signals; the client that is killed hangs its program up.
    let catch = "trap 'echo got INT; exit 9' INT; echo ready; while :; do sleep 0.1; done";
    let mut typed = reach.spawn("ssh", &reach.key, &["-tt", &to, catch]);
    let mut out = ready(&mut typed);
    typed.stdin.as_mut().unwrap().write_all(b"\x03").unwrap();
    let mut said = String::new();
    out.read_to_string(&mut said).unwrap();
    assert!(said.contains("got INT"), "{said}");
    assert_eq!(typed.wait().unwrap().code(), Some(9));
    // Its words about what the signal ended would meet a closed pipe.
    for (flag, mark) in [("-tt", "one"), ("-T", "two")] {
        let catch = format!(
            "exec 2> /dev/null; trap 'echo HUP > /root/{mark}; exit' HUP; echo ready; while :; do sleep 0.1; done"
        );
        let mut left = reach.spawn("ssh", &reach.key, &[flag, &to, &catch]);
        let _out = ready(&mut left);
        left.kill().unwrap();
        left.wait().unwrap();
        site.until("it was hung up", || {
            text(&reach.ssh(to.trim_end_matches("@127.0.0.1"), &format!("cat /root/{mark}")).stdout)
                == "HUP\n"
        });
    }
    // So is what an agent that died had started: nobody listens to it any more.
    let catch = "exec 2> /dev/null; trap 'echo HUP > /root/three; exit' HUP; echo ready; while :; do sleep 0.1; done";
    let mut lost = reach.spawn("ssh", &reach.key, &["-T", &to, catch]);
    let _out = ready(&mut lost);
    site.kill("agent");
    assert_eq!(lost.wait().unwrap().code(), Some(255));
    site.until("it was hung up", || {
        text(&reach.run("ssh", &[&to, "cat /root/three"], "").stdout) == "HUP\n"
    });
    // What a signal ended says so as a shell would.
    let ended = reach.run("ssh", &[&to, "kill -TERM $$"], "");
    assert_eq!(ended.status.code(), Some(128 + 15));
}

/// What an editor's remote mode does: a shell without a terminal that reads a script, an installer in it that leaves
/// a server behind, its port asked for through a dynamic forward, and files put beside it.
#[test]
fn what_an_editor_does_works() {
    let site = Site::up(&["--simulate", "2xH100"]);
    let reach = Reach::of(&site);
    let to = format!("{}@127.0.0.1", site.launch("sim-h100-slice"));
    let proxy = free_port();
    let script = "echo \"begin:$(uname -sm):$HOME\"\n\
        mkdir -p ~/.editor && cd ~/.editor && echo served > mark\n\
        nohup python3 -u -m http.server 0 --bind 127.0.0.1 > log 2>&1 < /dev/null &\n\
        echo $! > pid; for _ in $(seq 50); do grep -o 'port [0-9]*' log && break; sleep 0.1; done\n\
        echo end\n";
    // As VS Code: `ssh -T -D port host bash`, the script by input; the connection stays for the forwards.
    let mut editor = reach.spawn("ssh", &reach.key, &["-T", "-D", &proxy.to_string(), &to, "bash"]);
    let mut stdin = editor.stdin.take().unwrap();
    stdin.write_all(script.as_bytes()).unwrap();
    let mut lines = BufReader::new(editor.stdout.take().unwrap()).lines();
    let said: Vec<String> =
        lines.by_ref().map(Result::unwrap).take_while(|line| line != "end").collect();
    assert!(said[0].starts_with("begin:Linux x86_64:/root"), "{said:?}");
    let port = said
        .iter()
        .find_map(|line| line.strip_prefix("port "))
        .unwrap_or_else(|| panic!("{said:?}"));
    let through = |path: &str| {
        let url = format!("http://127.0.0.1:{port}/{path}");
        let socks = format!("127.0.0.1:{proxy}");
        let out = Command::new("curl")
            .args(["-s", "-m", "5", "--socks5-hostname", &socks, &url])
            .output();
        text(&out.unwrap().stdout)
    };
    assert_eq!(through("mark"), "served\n");
    let here = site.folder.path().join("extension");
    fs::write(&here, "extension").unwrap();
    let put = format!("put {} .editor/extension\n", here.display());
    let sent = reach.run("sftp", &["-b", "-", &to], &put);
    assert!(sent.status.success(), "{}", text(&sent.stderr));
    assert_eq!(through("extension"), "extension");
    // The window is closed: its server goes on, and the next one finds it.
    drop(stdin);
    assert!(editor.wait().unwrap().success());
    let again = reach.run("ssh", &[&to, "kill -0 $(cat ~/.editor/pid) && echo goes on"], "");
    assert_eq!(text(&again.stdout), "goes on\n");
}
