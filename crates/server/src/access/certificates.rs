//! Certificates for SSH: for whoever does not want a key that lives for years. `gpuaas ssh` makes a key for one
//! connection, has it certified for five minutes, and throws it away.

use super::shells::CONNECT;
use crate::{
    allocations::{Allocation, find_allocation},
    ssh_keys::{self, CERTIFICATE_LIFE, SshCertificate},
    tenancy::{Action, Allowed, Ask, Found, InProject},
};
use api::{
    Code, SshCertificateId, TypedId,
    allocations::AllocationState,
    ssh::{SshCertificateCreate, SshCertificateView},
};
use gateway::ssh::keys::{self, Certified, HostKey};
use kernel::{
    App, Error, Result,
    audit::Key,
    db::Reader,
    http::{Body, Created, Route},
};
use std::time::Duration;

const PER_MINUTE: i64 = 20;

/// The key certificates are signed with.
pub struct Certifier(pub HostKey);

/// Asks for a certificate.
pub struct Certify;
impl Action for Certify {
    const NAME: &'static str = "ssh_certificate.create";
    const STEP_UP: bool = true;
    type Scope = InProject;
    type Row = Allocation;
    async fn find<'a>(tx: &'a mut Reader, ask: &'a Ask<'a>) -> Result<Option<Found<Allocation>>> {
        find_allocation(tx, ask).await
    }
}

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::post("/api/v1/allocations/{allocation_id}/ssh-certificates", certify).says(
            "Certifies a public key for five minutes: it opens this workload, and nothing else, to whoever asks.",
        ),
    ]
}

async fn certify(
    who: Allowed<Certify>,
    app: App,
    Body(body): Body<SshCertificateCreate>,
) -> Result<Created<SshCertificateView>> {
    let key = keys::read(&body.public_key)
        .map_err(|unfit| Error::field("public_key", unfit.to_string()))?;
    let row = who.row();
    let user = who.caller().user_id();
    let mut tx = app.db.write(&who).await?;
    if row.state != AllocationState::Active {
        return Err(Error::new(Code::NotNow).detail("SSH opens while the workload is active."));
    }
    if !who.may(CONNECT) || !ssh_keys::has_way(&mut tx, user, row.id).await? {
        return Err(Error::new(Code::InsufficientPermissions)
            .detail("You have no way in to this workload with any key: it was launched with chosen ones, or is somebody else's. Whoever launched it can give you one."));
    }
    let since = tx.now().minus(Duration::from_secs(60));
    if ssh_keys::count_certificates(&mut tx, user, since).await? >= PER_MINUTE {
        return Err(Error::new(Code::RateLimited)
            .detail("Twenty certificates a minute are the most. Wait a little and try again.")
            .retry_after(Duration::from_secs(20)));
    }
    let id: SshCertificateId = tx.new_id();
    let certificate = SshCertificate {
        id,
        org_id: row.org_id,
        project_id: row.project_id,
        allocation_id: row.id,
        user_id: user,
        session_id: who.caller().session().id,
        fingerprint: key.fingerprint.clone(),
        created_at: tx.now(),
        expires_at: tx.now().plus(CERTIFICATE_LIFE),
    };
    // A clock of the client's is not asked, ours may differ between servers by a little.
    let from = certificate.created_at.minus(Duration::from_secs(60));
    let seconds = |time: api::Time| u64::try_from(time.0 / 1_000_000).unwrap_or_default();
    let certified = Certified {
        key: &key,
        id: &id.to_string(),
        serial: u64::try_from(id.uuid().as_u128() >> 64).unwrap_or_default(),
        name: &row.id.to_string(),
        from: seconds(from),
        until: seconds(certificate.expires_at),
        nonce: app.seams.rng.bytes16(),
    };
    let line = app.get::<Certifier>().0.certify(&certified).map_err(Error::internal)?;
    ssh_keys::issue_certificate(&mut tx, &certificate).await?;
    tx.target(row.id);
    tx.note(Key::Person, user);
    tx.note(Key::Method, &key.fingerprint);
    tx.commit().await?;
    Ok(Created(SshCertificateView {
        id,
        certificate: line,
        fingerprint: key.fingerprint,
        expires_at: certificate.expires_at,
    }))
}
