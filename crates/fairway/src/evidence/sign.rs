//! Signatures by SSH keys, made and checked by `ssh-keygen -Y`; nothing leaves the machine.

use crate::{config::Config, tree::Tree};
use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    path::Path,
    process::{Command, Stdio},
};

/// What the signatures are for; one made for something else does not count.
const NAMESPACE: &str = "fairway";

/// Signs a file; the signature lies beside it, `FILE.sig`.
///
/// # Errors
/// What ssh-keygen says.
pub fn sign(file: &Path, key: &Path) -> Result<()> {
    let folder = tempfile::tempdir().context("make a folder")?;
    let copy = folder.path().join("statement");
    std::fs::copy(file, &copy).with_context(|| format!("read {}", file.display()))?;
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-Y", "sign", "-n", NAMESPACE, "-f"]).arg(key).arg(&copy);
    let out = keygen.stdin(Stdio::null()).output().context("run ssh-keygen")?;
    if !out.status.success() {
        bail!("ssh-keygen: {}", String::from_utf8_lossy(&out.stderr).trim());
    }
    // The old one goes only when there is a new one.
    let beside = format!("{}.sig", file.display());
    std::fs::copy(copy.with_extension("sig"), &beside)
        .with_context(|| format!("write {beside}"))?;
    Ok(())
}

/// Returns who signed a file, by the product's allowed signers.
///
/// # Errors
/// Why nobody did.
pub fn signed_by(tree: &Tree, config: &Config, file: &str) -> Result<String> {
    let signers = config.evidence.signers.as_deref().context("no signers are named")?;
    // A statement of another folder (`--evidence`) is read from there.
    let read = |name: &str| match name.strip_prefix("--evidence ") {
        Some(path) => std::fs::read(path).map_err(|why| anyhow::anyhow!("{path}: {why}")),
        None => match tree.bytes(name) {
            Ok(bytes) => Ok(bytes.into_owned()),
            Err(why) => Err(anyhow::anyhow!("{name}: {why}")),
        },
    };
    let folder = tempfile::tempdir().context("make a folder")?;
    let place = |name: &str| folder.path().join(name);
    let mark = format!("{file}.sig");
    for (name, source) in [("signers", signers), ("signature", mark.as_str()), ("statement", file)]
    {
        std::fs::write(place(name), read(source)?).context("lay out what is checked")?;
    }
    let ask = |args: &[&str]| -> Result<String> {
        let mut keygen = Command::new("ssh-keygen");
        keygen.arg("-Y").args(args).arg("-f").arg(place("signers"));
        keygen.arg("-s").arg(place("signature"));
        keygen.stdin(File::open(place("statement")).context("read the statement")?);
        let out = keygen.output().context("run ssh-keygen")?;
        if !out.status.success() {
            bail!("no allowed signer made {mark} over these bytes");
        }
        Ok(String::from_utf8_lossy(&out.stdout).into_owned())
    };
    let known = ask(&["find-principals"])?;
    let who = known.lines().next().unwrap_or_default().trim().to_owned();
    ask(&["verify", "-n", NAMESPACE, "-I", &who])?;
    Ok(who)
}
