//! Children of children: this program takes up what those it started leave behind, and collects it. A dead process
//! that nobody collects keeps its workload from ending.

use nix::{
    sys::{
        signal::{Signal, kill},
        wait::{Id, WaitPidFlag, waitid},
    },
    unistd::Pid,
};
use std::{collections::BTreeSet, time::Duration};

/// How often they are looked for. Whoever waits for a child of its own has collected it by then.
const LOOK: Duration = Duration::from_secs(2);

/// Collects them for as long as this program runs.
#[allow(clippy::disallowed_methods, reason = "goes on for as long as the program")]
pub(crate) fn collect() {
    tokio::spawn(async {
        let mut before = BTreeSet::new();
        loop {
            let now: BTreeSet<i32> =
                children(std::process::id()).into_iter().filter(|pid| is_dead(*pid)).collect();
            for pid in now.intersection(&before) {
                let how = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
                let _ = waitid(Id::Pid(Pid::from_raw(*pid)), how);
            }
            before = now;
            tokio::time::sleep(LOOK).await;
        }
    });
}

/// Ends what a process has started, and what that has.
pub(crate) fn end_below(pid: u32) {
    for child in children(pid) {
        end_below(child.unsigned_abs());
        let _ = kill(Pid::from_raw(child), Signal::SIGKILL);
    }
}

fn children(of: u32) -> Vec<i32> {
    let mut found = Vec::new();
    for thread in std::fs::read_dir(format!("/proc/{of}/task")).into_iter().flatten().flatten() {
        let text = std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
        found.extend(text.split_whitespace().filter_map(|pid| pid.parse::<i32>().ok()));
    }
    found
}

fn is_dead(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| rest.trim_start().starts_with('Z'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_left_by_a_child_is_collected_and_what_is_waited_for_is_not() {
        nix::sys::prctl::set_child_subreaper(true).unwrap();
        collect();
        let own = tokio::process::Command::new("sh").args(["-c", "sleep 3; exit 4"]).spawn();
        let mut parent = tokio::process::Command::new("sh");
        let out = parent.args(["-c", "sleep 0.5 > /dev/null & echo $!"]).output().await.unwrap();
        let left: i32 = String::from_utf8_lossy(&out.stdout).trim().parse().unwrap();
        tokio::time::sleep(Duration::from_millis(1000)).await;
        assert!(is_dead(left) || !children(std::process::id()).contains(&left));
        let mut own = own.unwrap();
        let (own, ()) = tokio::join!(own.wait(), tokio::time::sleep(LOOK * 3));
        assert_eq!(own.unwrap().code(), Some(4));
        assert!(!children(std::process::id()).contains(&left), "nobody collected it");
    }

    #[test]
    fn what_a_process_started_is_ended_with_what_that_started() {
        let mut parent = std::process::Command::new("sh")
            .args(["-c", "sh -c 'sleep 600; true' & wait; exit 3"])
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(300));
        end_below(parent.id());
        assert_eq!(parent.wait().unwrap().code(), Some(3));
    }
}
