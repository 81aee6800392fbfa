//! A machine with GPUs, as far as NVML tells: a double of the library stands in for the driver, real
//! device nodes for the GPUs. That CUDA runs on them is not shown here.

use crate::site::{Site, needs_root};
use std::{fs, path::Path, process::Command};
use tempfile::TempDir;

/// Device nodes this test made, removed with it.
struct Nodes(Vec<String>);

impl Nodes {
    fn make() -> Self {
        let mut made = Self(Vec::new());
        for (name, major, minor) in [
            ("nvidia240", "195", "240"),
            ("nvidia241", "195", "241"),
            ("nvidiactl", "195", "255"),
            ("nvidia-uvm", "235", "0"),
        ] {
            let path = format!("/dev/{name}");
            if !Path::new(&path).exists() {
                let done = Command::new("mknod").args([&path, "c", major, minor]).status().unwrap();
                assert!(done.success(), "not run: device nodes cannot be made here");
                made.0.push(path);
            }
        }
        made
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        for path in &self.0 {
            let _ = fs::remove_file(path);
        }
    }
}

fn library() -> TempDir {
    let folder = TempDir::new().unwrap();
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/nvml/driver.c");
    let done = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Werror", "-o"])
        .arg(folder.path().join("libnvidia-ml.so.1"))
        .arg(source)
        .status()
        .unwrap();
    assert!(done.success());
    folder
}

#[test]
fn gpus_the_driver_tells_of_are_sold_and_each_workload_gets_its_own() {
    needs_root();
    let (_nodes, library) = (Nodes::make(), library());
    let site = Site::up_where(&[("LD_LIBRARY_PATH", library.path().to_str().unwrap())], &[]);
    let mut seen = Vec::new();
    for _ in 0..2 {
        let id = site.launch("h200-slice");
        let (said, _) = site.shell(&id, "ls /dev | grep nvidia | tr '\\n' ' '; exit");
        assert!(said.contains("nvidia-uvm") && said.contains("nvidiactl"), "{said}");
        let own: Vec<&str> =
            ["nvidia240", "nvidia241"].into_iter().filter(|n| said.contains(n)).collect();
        let [own] = own.as_slice() else { panic!("{said}") };
        let other = if *own == "nvidia240" { 241 } else { 240 };
        // Nor can it make the other's node itself, or open it if it could.
        let (said, _) =
            site.shell(&id, &format!("mknod /tmp/x c 195 {other} && echo 'ma''de'; exit"));
        assert!(!said.contains("made"), "{said}");
        seen.push((id, (*own).to_owned()));
    }
    assert_ne!(seen[0].1, seen[1].1, "two workloads share a GPU");
    // The GPU with index 0 is the device with minor number 241.
    let nodes = site.json(&["nodes"]);
    let text = nodes.to_string();
    assert!(text.contains("H200") && text.contains("GPU-00000000-aaaa"), "{text}");
    let row = site.json(&["show", &seen[0].0]);
    assert_eq!(row["simulated"], false);
    assert_eq!(seen[0].1, "nvidia241");
    for (id, _) in &seen {
        assert!(site.cli(&["release", id, "--wait"]).status.success());
    }
}
