//! `xtask deps`: licences and bans over what Cargo resolved, as JSON from `cargo metadata`.

use anyhow::{Context, Result, bail};
use serde_json::Value;
use std::process::Command;

/// Licences that may be linked. A package with `A OR B` needs one of them, with `A AND B` all.
const ALLOWED: &[&str] = &[
    "MIT",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "0BSD",
    "ISC",
    "Zlib",
    "Unicode-3.0",
    "Unlicense",
    "CC0-1.0",
    "MIT-0",
    "MPL-2.0",
    "CDLA-Permissive-2.0",
    "OpenSSL",
    "BSL-1.0",
];

/// Packages that must not come back, with the reason.
const BANNED: &[(&str, &str)] = &[
    ("openssl-sys", "one TLS provider: aws-lc-rs through rustls"),
    ("native-tls", "one TLS provider: aws-lc-rs through rustls"),
];

/// Packages that ours must not name; what others name for themselves is theirs.
const NOT_OURS: &[(&str, &str)] = &[("chrono", "time is microseconds, formatted by jiff")];

fn main() -> Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("deps") => deps(),
        _ => bail!("usage: xtask deps"),
    }
}

fn deps() -> Result<()> {
    let out = Command::new("cargo")
        .args(["metadata", "--format-version", "1", "--locked"])
        .output()
        .context("run cargo metadata")?;
    let tree: Value = serde_json::from_slice(&out.stdout).context("read cargo metadata")?;
    let packages = tree.get("packages").unwrap_or(&Value::Null).as_array().context("packages")?;
    let mut faults = Vec::new();
    for package in packages {
        let name = package.get("name").unwrap_or(&Value::Null).as_str().unwrap_or_default();
        if package.get("source").is_none_or(Value::is_null) {
            for (banned, reason) in NOT_OURS.iter().filter(|(banned, _)| names(package, banned)) {
                faults.push(format!("{name} names {banned}, which is banned: {reason}"));
            }
            continue;
        }
        if let Some((_, reason)) = BANNED.iter().find(|(banned, _)| *banned == name) {
            faults.push(format!("{name} is banned: {reason}"));
        }
        let licence =
            package.get("license").unwrap_or(&Value::Null).as_str().unwrap_or("none named");
        if !fits(licence) {
            faults.push(format!("{name}: licence {licence}"));
        }
    }
    for fault in &faults {
        eprintln!("{fault}");
    }
    if !faults.is_empty() {
        bail!("{} packages do not fit", faults.len());
    }
    println!("{} packages: licences and bans hold", packages.len());
    Ok(())
}

/// Returns whether a package depends on another by itself.
fn names(package: &Value, other: &str) -> bool {
    let all = package.get("dependencies").and_then(Value::as_array);
    all.into_iter().flatten().any(|one| one.get("name").and_then(Value::as_str) == Some(other))
}

/// Reads `(A OR B) AND C` well enough for the licences in use.
fn fits(licence: &str) -> bool {
    let licence = licence.replace('/', " OR ");
    split(&licence, " AND ").iter().all(|part| {
        let part = part.trim().trim_start_matches('(').trim_end_matches(')');
        part.split(" OR ").any(|one| {
            let one = one.trim().trim_matches(|c| c == '(' || c == ')');
            ALLOWED.contains(&one)
        })
    })
}

/// Splits at a word outside of brackets.
fn split(text: &str, word: &str) -> Vec<String> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_i32, 0);
    for (place, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        let here = text.get(place..).unwrap_or_default();
        if depth == 0 && here.starts_with(word) && place >= start {
            parts.push(text.get(start..place).unwrap_or_default().to_owned());
            start = place + word.len();
        }
    }
    parts.push(text.get(start..).unwrap_or_default().to_owned());
    parts
}

#[cfg(test)]
mod tests {
    use super::fits;

    #[test]
    fn expressions_are_read() {
        assert!(fits("MIT OR Apache-2.0") && fits("MIT/Apache-2.0"));
        assert!(fits("(MIT OR Apache-2.0) AND Unicode-3.0"));
        assert!(!fits("GPL-3.0") && !fits("MIT AND GPL-3.0"));
    }
}
