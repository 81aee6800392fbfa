//! House rules that a reviewer would otherwise have to remember: levels, lengths, migration numbers,
//! dead files, words that must not be used.

use crate::golden::root;
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// The level of each domain; a domain may use lower ones only.
const LEVELS: &[(&str, u8)] = &[
    ("identity", 2),
    ("tenancy", 3),
    ("evidence", 4),
    ("notices", 4),
    ("operations", 4),
    ("fleet", 5),
    ("billing", 5),
    ("catalog", 6),
    ("placement", 7),
    ("ssh_keys", 7),
    ("allocations", 8),
    ("onboarding", 8),
    ("recordings", 8),
    ("access", 9),
    ("web", 11),
];

fn files(folder: &Path, ends: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        let name = entry.file_name().into_string().unwrap();
        if path.is_dir() && name != "node_modules" && name != "target" {
            files(&path, ends, found);
        } else if name.ends_with(ends) {
            found.push(path);
        }
    }
}

fn rust() -> Vec<PathBuf> {
    let mut found = Vec::new();
    files(&root().join("crates"), ".rs", &mut found);
    found.sort();
    found
}

fn short(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn domains_use_lower_levels_only() {
    let levels: BTreeMap<&str, u8> = LEVELS.iter().copied().collect();
    let src = root().join("crates/server/src");
    let mut wrong = Vec::new();
    for (domain, level) in &levels {
        let folder = src.join(domain);
        if !folder.is_dir() {
            continue;
        }
        let mut found = Vec::new();
        files(&folder, ".rs", &mut found);
        for file in found {
            let text = fs::read_to_string(&file).unwrap();
            for used in used_domains(&text, &levels) {
                if used != *domain && levels[used.as_str()] >= *level {
                    wrong.push(format!("{} uses {used}", short(&file)));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "upward or sideways: {wrong:#?}");
}

/// Returns every domain a text names as `crate::DOMAIN` or inside `use crate::{…}`.
fn used_domains(text: &str, levels: &BTreeMap<&str, u8>) -> Vec<String> {
    let mut used = Vec::new();
    for (place, _) in text.match_indices("crate::") {
        let rest = &text[place + "crate::".len()..];
        let words = if let Some(group) = rest.strip_prefix('{') {
            group.split('}').next().unwrap_or_default().to_owned()
        } else {
            rest.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
        };
        for word in words.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if levels.contains_key(word) {
                used.push(word.to_owned());
            }
        }
    }
    used
}

#[test]
fn files_and_lines_are_short() {
    let mut wrong = Vec::new();
    for file in rust() {
        let text = fs::read_to_string(&file).unwrap();
        let lines = text.lines().count();
        if lines > 400 && !(lines <= 600 && text.contains("//! Long because")) {
            wrong.push(format!("{}: {lines} lines", short(&file)));
        }
    }
    assert!(wrong.is_empty(), "over 400 lines: {wrong:#?}");
}

#[test]
fn migrations_are_numbered_and_listed() {
    let mut found = Vec::new();
    files(&root().join("crates/server/migrations"), ".sql", &mut found);
    found.sort();
    let names: Vec<String> =
        found.iter().map(|p| p.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    let listed: Vec<String> = server::MIGRATIONS.iter().map(|m| m.name.to_owned()).collect();
    assert_eq!(names, listed);
    for (index, name) in names.iter().enumerate() {
        assert!(name.starts_with(&format!("{:04}_", index + 1)), "{name}");
    }
}

#[test]
fn no_file_is_dead() {
    let mut wrong = Vec::new();
    for file in rust() {
        let name = file.file_stem().unwrap().to_str().unwrap().to_owned();
        let in_src = file.components().any(|c| c.as_os_str() == "src");
        if !in_src || ["lib", "main", "mod", "build"].contains(&name.as_str()) {
            continue;
        }
        let folder = file.parent().unwrap();
        let parents = ["mod.rs", "lib.rs", "main.rs"].map(|p| folder.join(p));
        let named = parents.iter().any(|parent| {
            fs::read_to_string(parent).is_ok_and(|text| text.contains(&format!("mod {name};")))
        });
        if !named {
            wrong.push(short(&file));
        }
    }
    assert!(wrong.is_empty(), "no module names these: {wrong:#?}");
}

#[test]
fn words_that_must_not_be_used() {
    let markup = [
        "crates/kernel/src/html/icon.rs",
        "crates/kernel/src/html/markdown.rs",
        "crates/fairway/src/board/markup.rs",
    ];
    let mut wrong = Vec::new();
    for file in rust() {
        let name = short(&file);
        if name.ends_with("tidy.rs") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        if text.contains("PreEscaped") && !markup.contains(&name.as_str()) {
            wrong.push(format!("{name}: PreEscaped"));
        }
        for word in ["TODO", "FIXME", " LIKE '", "#[ignore"] {
            let golden = name.ends_with("golden.rs");
            if text.contains(word) && !golden {
                wrong.push(format!("{name}: {word}"));
            }
        }
        if text.lines().any(|line| line.starts_with("pub use ") && line.ends_with("::*;")) {
            wrong.push(format!("{name}: a glob re-export"));
        }
        if text.contains("f64") && name.contains("/billing/") {
            wrong.push(format!("{name}: floating point in the ledger"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn every_action_has_a_row_in_the_policy() {
    let rows: Vec<&str> = server::tenancy::POLICY.iter().map(|(name, _)| *name).collect();
    for route in server::wire::routes() {
        if route.info.entrance.as_str() == "allowed" {
            assert!(rows.contains(&route.info.action), "{} has no row", route.info.action);
        }
    }
}
