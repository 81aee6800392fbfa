//! The file of a recording: asciicast v2 (<https://docs.asciinema.org/manual/asciicast/v2/>), a header and a line for
//! each event: seconds, kind, text.

use super::store::{self, Recording};
use api::{RecordingId, Time, TypedId};
use flate2::{Compression, read::ZlibDecoder, write::ZlibEncoder};
use kernel::{App, Context, Result, db::Reader, seal::Seal};
use serde_json::json;
use std::io::{Read, Write};

/// Most bytes a piece is when it is taken apart again: what is kept is ours, and none is larger.
const MOST: u64 = 4 << 20;

/// Bytes become text as they come: a letter that is cut waits for its rest.
#[derive(Debug, Default)]
pub(super) struct Letters(Vec<u8>);

impl Letters {
    /// Returns what is whole; what is no text becomes U+FFFD.
    pub(super) fn take(&mut self, bytes: &[u8]) -> String {
        self.0.extend_from_slice(bytes);
        let mut text = String::with_capacity(self.0.len());
        let mut rest: &[u8] = &self.0;
        loop {
            match std::str::from_utf8(rest) {
                Ok(all) => {
                    text.push_str(all);
                    rest = &[];
                    break;
                }
                Err(error) => {
                    let (good, bad) = rest.split_at(error.valid_up_to());
                    text.push_str(&String::from_utf8_lossy(good));
                    let Some(wrong) = error.error_len() else {
                        rest = bad;
                        break;
                    };
                    text.push('\u{fffd}');
                    rest = bad.get(wrong..).unwrap_or_default();
                }
            }
        }
        self.0 = rest.to_vec();
        text
    }

    /// Returns how many bytes wait.
    pub(super) fn waiting(&self) -> usize {
        self.0.len()
    }
}

/// Returns the first line.
pub(super) fn header(row: &Recording) -> Vec<u8> {
    let mut line = json!({
        "version": 2,
        "width": row.columns,
        "height": row.lines,
        "timestamp": row.started_at.0 / 1_000_000,
        "title": row.workload,
        "env": { "TERM": "xterm-256color" },
        // Whose it is stands in the file, so that its fingerprint says that too.
        "gpuaas": {
            "recording_id": row.id,
            "org_id": row.org_id,
            "project_id": row.project_id,
            "allocation_id": row.allocation_id,
            "terminal_id": row.terminal_id,
            "user_id": row.user_id,
            "way": row.way,
            "part": row.part,
            "started_at": row.started_at,
        },
    })
    .to_string()
    .into_bytes();
    line.push(b'\n');
    line
}

/// Writes an event down.
pub(super) fn event(to: &mut Vec<u8>, began: Time, now: Time, kind: &str, text: &str) {
    let micros = now.since(began).as_micros();
    let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
    let text = serde_json::Value::from(text);
    to.extend_from_slice(format!("[{seconds}.{rest:06}, \"{kind}\", {text}]\n").as_bytes());
}

/// A piece belongs to its recording, and to its place there.
fn about(id: RecordingId, seq: i64) -> Vec<u8> {
    let seq = seq.to_be_bytes();
    [b"recording".as_slice(), id.uuid().as_bytes().as_slice(), seq.as_slice()].concat()
}

/// Compresses and seals a piece.
pub(super) fn seal(app: &App, (id, seq): (RecordingId, i64), lines: &[u8]) -> Result<Vec<u8>> {
    let mut to = ZlibEncoder::new(Vec::new(), Compression::new(3));
    to.write_all(lines).context("compress a recording")?;
    let small = to.finish().context("compress a recording")?;
    app.get::<Seal>().seal(&*app.seams.rng, &about(id, seq), &small)
}

/// A piece is missing, was changed, or is another's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Broken;

/// Returns the whole file, as far as it goes.
///
/// # Errors
/// What the database says.
pub(super) async fn whole(
    app: &App,
    tx: &mut Reader,
    row: &Recording,
) -> Result<Result<Vec<u8>, Broken>> {
    let chunks = store::list_chunks(tx, row.id).await?;
    if i64::try_from(chunks.len()).ok() != Some(row.chunks) {
        return Ok(Err(Broken));
    }
    let app = app.clone();
    let row = row.clone();
    let open = move || {
        let mut file = header(&row);
        for (chunk, seq) in chunks.into_iter().zip(1..) {
            let small = app.get::<Seal>().unseal(&about(row.id, seq), &chunk.sealed);
            let small = small.map_err(|_| Broken)?;
            let mut lines = ZlibDecoder::new(small.as_slice()).take(MOST);
            lines.read_to_end(&mut file).map_err(|_| Broken)?;
        }
        Ok(file)
    };
    tokio::task::spawn_blocking(open).await.context("take a recording apart")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// However bytes are cut, the same text comes out, and only part of a letter waits.
        #[test]
        fn a_cut_letter_waits_for_its_rest(bytes: Vec<u8>, cuts: Vec<usize>) {
            let whole = String::from_utf8_lossy(&bytes).into_owned();
            let (mut letters, mut text, mut from) = (Letters::default(), String::new(), 0);
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % (bytes.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(bytes.len());
            for cut in cuts {
                text.push_str(&letters.take(&bytes[from..cut]));
                from = cut;
            }
            prop_assert!(letters.waiting() < 4);
            let rest = String::from_utf8_lossy(&letters.0).into_owned();
            prop_assert_eq!(text + &rest, whole);
        }
    }

    #[test]
    fn an_event_is_a_line_of_json_whatever_was_shown() {
        let mut lines = Vec::new();
        event(&mut lines, Time(5), Time(1_000_012), "o", "\u{1b}[31mä\"\n\u{0}");
        let text = String::from_utf8(lines).unwrap();
        assert_eq!(text.lines().count(), 1);
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(value[0], 1.000_007);
        assert_eq!(value[2], "\u{1b}[31mä\"\n\u{0}");
    }
}
