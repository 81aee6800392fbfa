//! One list of findings, several writers. A writer decides nothing.

mod formats;
mod matrix;
mod text;

pub use formats::{Findings, annotations, junit, markdown, sarif};
pub use matrix::{COLUMNS, matrix};
pub use text::{Style, findings, gate};

use crate::finding::Finding;
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the JSON that programs read.
pub const SCHEMA_VERSION: u32 = 1;

/// A list of findings for programs.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Checked<'a> {
    /// Version of this format.
    pub schema_version: u32,
    /// The exit code in a word.
    pub answer: crate::gate::Answer,
    /// What does not hold, or is not known to.
    pub findings: &'a [Finding],
    /// How many subjects each rule looked at.
    pub examined: &'a std::collections::BTreeMap<&'static str, usize>,
}
