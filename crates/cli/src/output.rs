//! Tables for people, JSON for scripts.

use clap::ValueEnum;
use comfy_table::{ContentArrangement, Table, presets::NOTHING};
use serde::Serialize;
use std::io::Write;

/// How answers are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Default)]
pub enum Format {
    /// For people.
    #[default]
    Table,
    /// For scripts: the API's own answer.
    Json,
}

/// Prints a line. Where nobody reads any more (`gpuaas ls | head`), the command is over.
pub fn say(line: &str) {
    if writeln!(std::io::stdout(), "{line}").is_err() {
        std::process::exit(0);
    }
}

/// Takes out what would speak to the terminal instead of the person.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// Prints rows under heads, or the answer itself as JSON.
pub fn print<T: Serialize>(format: Format, answer: &T, heads: &[&str], rows: Vec<Vec<String>>) {
    match format {
        Format::Json => say(&serde_json::to_string_pretty(answer).unwrap_or_default()),
        Format::Table if rows.is_empty() => say("nothing"),
        Format::Table => {
            let mut table = Table::new();
            table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
            table.set_header(heads.iter().map(|head| head.to_uppercase()));
            for row in rows {
                table.add_row(row.iter().map(|text| plain(text)));
            }
            let text = table.to_string();
            for line in text.lines() {
                say(line.trim_end());
            }
        }
    }
}
