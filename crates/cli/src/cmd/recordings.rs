//! `gpuaas recordings …`: what terminals showed.

use super::Shape;
use crate::{
    cast,
    client::{Client, Failure},
    output::{print, say},
};
use anyhow::Context;
use api::{
    Page, RecordingId,
    people::Me,
    recordings::{RecordingMode, RecordingPolicy, RecordingView},
};
use clap::Subcommand;
use std::{io::Write, os::unix::fs::OpenOptionsExt, path::PathBuf};

/// `gpuaas recordings …`
#[derive(Subcommand)]
pub enum Recordings {
    /// List those of the project: yours, for admins everybody's.
    List(Shape),
    /// Play one in this terminal. It shows text and colours; nothing else of it reaches your terminal.
    Play {
        /// The recording.
        id: RecordingId,
        /// How many times as fast.
        #[arg(long, default_value_t = 1.0)]
        speed: f64,
    },
    /// Write one down as an asciicast v2 file.
    Save {
        /// The recording.
        id: RecordingId,
        /// The file; it must not exist yet.
        file: PathBuf,
    },
    /// Erase what one showed. Its fingerprint stays in the audit record.
    Erase {
        /// The recording.
        id: RecordingId,
    },
    /// Show or set what the organization records.
    Policy {
        /// `off`, `on` (when asked for) or `required`; shown when absent.
        #[arg(value_parser = mode)]
        mode: Option<RecordingMode>,
        /// Days a recording is kept.
        #[arg(long)]
        keep_days: Option<i64>,
    },
}

fn mode(text: &str) -> Result<RecordingMode, String> {
    RecordingMode::parse(text).ok_or_else(|| "off, on or required".to_owned())
}

fn row(one: &RecordingView) -> Vec<String> {
    vec![
        one.id.to_string(),
        one.workload.clone(),
        one.user.clone(),
        one.way.to_string(),
        one.state.to_string(),
        one.started_at.plain(),
        one.erase_at.map(|at| at.plain()).unwrap_or_default(),
    ]
}

async fn project(client: &Client) -> Result<String, Failure> {
    let me: Me = client.get("/api/v1/me").await?;
    let none = || Failure::Usage("you have no project yet".to_owned());
    Ok(me.default_project_id.ok_or_else(none)?.to_string())
}

async fn policy(
    client: &Client,
    mode: Option<RecordingMode>,
    keep_days: Option<i64>,
) -> Result<(), Failure> {
    let project = project(client).await?;
    let of: serde_json::Value = client.get(&format!("/api/v1/projects/{project}")).await?;
    let org = of.get("org_id").and_then(|id| id.as_str()).unwrap_or_default();
    let path = format!("/api/v1/organizations/{org}/recording-policy");
    let mut now: RecordingPolicy = client.get(&path).await?;
    if mode.is_some() || keep_days.is_some() {
        now.mode = mode.unwrap_or(now.mode);
        now.keep_days = keep_days.unwrap_or(now.keep_days);
        now = client.patch(&path, &now).await?;
    }
    say(&format!("{}, kept for {} days", now.mode, now.keep_days));
    Ok(())
}

/// Runs `gpuaas recordings …`.
///
/// # Errors
/// What the server says; when a file cannot be written.
pub async fn recordings(what: Recordings) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Recordings::List(shape) => {
            let path = format!("/api/v1/projects/{}/recordings?limit=200", project(&client).await?);
            let page: Page<RecordingView> = client.get(&path).await?;
            let heads = ["id", "workload", "whose", "by", "state", "began", "erased"];
            print(shape.output, &page, &heads, page.items.iter().map(row).collect());
        }
        Recordings::Play { id, speed } => {
            if !(0.1..=1000.0).contains(&speed) {
                return Err(Failure::Usage("a speed is 0.1 to 1000".to_owned()));
            }
            let file = client.bytes(&format!("/api/v1/recordings/{id}/cast")).await?;
            cast::play(&file, speed).await?;
        }
        Recordings::Save { id, file } => {
            let bytes = client.bytes(&format!("/api/v1/recordings/{id}/cast")).await?;
            let mut options = std::fs::OpenOptions::new();
            let made = options.write(true).create_new(true).mode(0o600).open(&file);
            made.and_then(|mut out| out.write_all(&bytes)).context("write the recording")?;
            say(&file.display().to_string());
        }
        Recordings::Erase { id } => {
            let () = client.delete(&format!("/api/v1/recordings/{id}")).await?;
            say("erased");
        }
        Recordings::Policy { mode, keep_days } => policy(&client, mode, keep_days).await?,
    }
    Ok(())
}
