//! A key for one connection, certified for five minutes: nobody has to keep one for years.

use crate::client::{Client, Failure, settings_folder};
use anyhow::Context;
use api::{
    AllocationId, Code,
    ssh::{SshCertificateCreate, SshCertificateView},
};
use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

/// How long a folder with a key lies: OpenSSH's client may read it as long as it connects.
const LIES: Duration = Duration::from_secs(600);

/// Removes what earlier connections left: what it certified is over long since.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let made = entry.metadata().and_then(|meta| meta.modified()).ok();
        if made.and_then(|made| made.elapsed().ok()).is_some_and(|age| age > LIES) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes a key in a folder only its owner can look into.
fn key(folder: &Path) -> Result<PathBuf, Failure> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .context("make a folder for keys")?;
    let own = tempfile::Builder::new().prefix("key-").tempdir_in(folder);
    let path = own.context("make a folder for a key")?.keep().join("key");
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "gpuaas", "-f"])
        .arg(&path)
        .stdin(Stdio::null())
        .status();
    match made {
        Ok(status) if status.success() => Ok(path),
        Ok(_) => Err(Failure::Usage("ssh-keygen made no key".to_owned())),
        Err(error) => Err(Failure::Usage(format!(
            "ssh-keygen cannot be started: {error}; install OpenSSH's client"
        ))),
    }
}

/// Returns options with which OpenSSH's programs use a certificate for this workload; none where the server wants a
/// fresh proof of who somebody is first: then their own keys are tried.
///
/// # Errors
/// What the server says otherwise; when no key can be made.
pub(super) async fn options(client: &Client, id: AllocationId) -> Result<Vec<String>, Failure> {
    let folder = settings_folder().join("ssh");
    sweep(&folder);
    let path = key(&folder)?;
    let public = path.with_extension("pub");
    let public_key = fs::read_to_string(&public).context("read the key")?;
    let to = format!("/api/v1/allocations/{id}/ssh-certificates");
    let body = SshCertificateCreate { public_key };
    let issued: Result<SshCertificateView, Failure> = client.post(&to, Some(&body), None).await;
    let issued = match issued {
        Ok(issued) => issued,
        Err(failure) => {
            if let Some(own) = path.parent() {
                let _ = fs::remove_dir_all(own);
            }
            return match failure {
                Failure::Refused(problem) if wants_proof(problem.code) => Ok(Vec::new()),
                other => Err(other),
            };
        }
    };
    let certificate = path.with_file_name("key-cert.pub");
    fs::write(&certificate, issued.certificate + "\n").context("keep the certificate")?;
    Ok(vec![
        "-o".to_owned(),
        format!("IdentityFile=\"{}\"", path.display()),
        "-o".to_owned(),
        format!("CertificateFile=\"{}\"", certificate.display()),
        "-o".to_owned(),
        "IdentitiesOnly=yes".to_owned(),
    ])
}

fn wants_proof(code: Code) -> bool {
    matches!(code, Code::StepUpRequired)
}
