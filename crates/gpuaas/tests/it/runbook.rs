//! The runbook's commands, as an operator types them.

use crate::site::{Site, needs_root};
use std::{fs, path::Path};

/// Returns the runbook's command lines of one program, from the file the page is made of.
fn commands(program: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fairway/ops.toml");
    let model: toml::Value = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let procedures = model["procedure"].as_array().unwrap();
    let steps = procedures.iter().flat_map(|one| one["steps"].as_array().unwrap());
    let lines = steps.map(|step| step["run"].as_str().unwrap().to_owned());
    lines.filter_map(|line| line.strip_prefix(&format!("{program} ")).map(str::to_owned)).collect()
}

#[test]
fn every_command_of_the_runbook_runs_and_says_something() {
    needs_root();
    let site = Site::up(&["--simulate", "1x2xH100"]);
    let id = site.launch("sim-h100-slice");
    let lines = commands("gpuaas");
    assert!(lines.len() >= 8, "{lines:?}");
    for line in lines {
        let line = line.replace("ID", &id);
        let args: Vec<&str> = line.split_whitespace().collect();
        let out = site.cli(&args);
        let said = String::from_utf8_lossy(&out.stdout);
        assert!(out.status.success(), "{line}: {said}{}", String::from_utf8_lossy(&out.stderr));
        assert!(!said.trim().is_empty(), "{line} says nothing");
    }
    assert_eq!(site.json(&["show", &id])["state"], "released");
}
