//! Signing in from a browser (RFC 8628): the command line shows a code, a person approves it there.

use super::Shape;
use crate::{
    client::{Client, Failure, Kept},
    output::{print, say},
};
use api::{
    Code, Page, SessionId,
    people::{DeviceAsk, DeviceCode, DevicePoll, SessionView, SignedIn},
};
use std::{
    process::{Command, Stdio},
    time::Duration,
};

/// Returns what this machine calls itself.
pub(super) fn label() -> Option<String> {
    let name = nix::unistd::gethostname().ok()?.into_string().ok()?;
    Some(format!("command line on {name}"))
}

/// Opens a page in the browser of this desktop, where there is one.
fn open(url: &str) {
    let desktop =
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| std::env::var_os(name).is_some());
    if desktop {
        let _ = Command::new("xdg-open")
            .arg(url)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
    }
}

/// Signs in from a browser and keeps the session.
pub async fn login(server: &str, browser: bool) -> Result<(), Failure> {
    let client = Client::anonymous(server)?;
    let ask = DeviceAsk { device_label: label() };
    let code: DeviceCode = client.post("/api/v1/auth/device/code", Some(&ask), None).await?;
    say(&format!("open  {}\ncode  {}", code.verification_uri_complete, code.user_code));
    if browser {
        open(&code.verification_uri_complete);
    }
    let signed = wait(&client, code).await?;
    Kept { url: client.url.clone(), token: signed.token }.write()?;
    let name = Some(&signed.user.email).filter(|email| !email.is_empty());
    let name = name.unwrap_or(&signed.user.display_name);
    say(&format!("signed in as {name} until {}", signed.expires_at.plain()));
    Ok(())
}

/// Asks until somebody decided; slower each time the server says so.
async fn wait(client: &Client, code: DeviceCode) -> Result<SignedIn, Failure> {
    let poll = DevicePoll { device_code: code.device_code };
    let mut pause = code.interval.clamp(1, 60).unsigned_abs();
    loop {
        tokio::time::sleep(Duration::from_secs(pause)).await;
        match client.post("/api/v1/auth/device/token", Some(&poll), None).await {
            Err(Failure::Refused(problem)) if problem.code == Code::DevicePending => {}
            Err(Failure::Refused(problem)) if problem.code == Code::DeviceSlowDown => pause += 5,
            // A server that is away for a moment may be back before the code is over.
            Err(Failure::Unreachable(_)) => pause = (pause * 2).min(60),
            other => return other,
        }
    }
}

/// Lists one's sessions, browsers and command lines.
pub async fn tokens(shape: Shape) -> Result<(), Failure> {
    let rows: Page<SessionView> = Client::signed_in()?.get("/api/v1/account/sessions").await?;
    let lines = rows
        .items
        .iter()
        .map(|one| {
            let here = if one.current { "*" } else { "" };
            vec![
                here.to_owned(),
                one.kind.to_string(),
                one.device_label.clone(),
                one.ip_address.clone(),
                one.last_seen_at.plain(),
                one.id.to_string(),
            ]
        })
        .collect();
    print(shape.output, &rows, &["", "kind", "device", "address", "last seen", "id"], lines);
    Ok(())
}

/// Ends a session.
pub async fn end(id: SessionId) -> Result<(), Failure> {
    let _: Option<()> =
        Client::signed_in()?.delete(&format!("/api/v1/account/sessions/{id}")).await?;
    say("ended");
    Ok(())
}
