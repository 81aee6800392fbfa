//! What one path of a flow chose, and where files lie.

use crate::model::PathSpec;
use anyhow::{Result, bail};
use std::path::{Component, Path, PathBuf};

/// What a path's three fields amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decided {
    /// It has proof.
    Proof,
    /// It cannot happen.
    Na,
    /// A gap stands in for it.
    Gap(String),
    /// None of these, or more than one.
    No(String),
}

/// Returns which of proof, not applicable and gap a path chose: exactly one, and with something in it.
pub fn decided(spec: &PathSpec) -> Decided {
    let chosen = [spec.proof.is_some(), spec.na.is_some(), spec.gap.is_some()];
    match chosen.iter().filter(|one| **one).count() {
        0 => return Decided::No("it has neither proof nor `na` nor `gap`".to_owned()),
        1 => {}
        _ => return Decided::No("it has more than one of proof, `na` and `gap`".to_owned()),
    }
    let blank = |text: &str| !crate::world::says_something(text);
    match spec {
        PathSpec { proof: Some(_), .. } => Decided::Proof,
        PathSpec { na: Some(why), .. } if blank(why) => {
            Decided::No("its `na` gives no reason".to_owned())
        }
        PathSpec { na: Some(_), .. } => Decided::Na,
        PathSpec { gap: Some(gap), .. } if blank(gap) => {
            Decided::No("its `gap` names none".to_owned())
        }
        PathSpec { gap, .. } => Decided::Gap(gap.clone().unwrap_or_default()),
    }
}

/// Returns where a file named in a repository lies; never outside it, nor through a link.
///
/// # Errors
/// A name that leads out.
pub fn inside(root: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
    if name.is_empty() || !plain || name.starts_with(".git/") {
        bail!("`{name}` is no file of the repository");
    }
    let mut place = root.to_owned();
    for part in path.components() {
        place.push(part);
        if place.symlink_metadata().is_ok_and(|meta| meta.file_type().is_symlink()) {
            bail!("`{name}` leads through a link");
        }
    }
    Ok(place)
}
