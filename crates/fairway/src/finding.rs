//! One thing that does not hold, wherever it was found. Every report is written from a list of these.

use schemars::JsonSchema;
use serde::Serialize;

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing; decides nothing.
    Warning,
    /// Something needed is not known: no evidence, too old, another lane.
    Unknown,
    /// Does not hold.
    Error,
}

impl Severity {
    /// Returns the word reports print.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Warning => "warning",
            Self::Unknown => "unknown",
            Self::Error => "error",
        }
    }
}

/// A place in a file; lines count from 1, and 0 means the whole file.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Place {
    /// Path from the repository's root, with `/`.
    pub file: String,
    /// Line.
    pub line: usize,
}

impl Place {
    /// Returns a place in a file.
    pub fn at(file: &str, line: usize) -> Self {
        Self { file: file.to_owned(), line }
    }
}

/// Something that does not hold, or is not known to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// The rule that found it.
    pub rule: &'static str,
    /// What it is about: an id, a page, a file.
    pub subject: String,
    /// Where to look.
    pub place: Place,
    /// What is wrong, in a sentence.
    pub message: String,
    /// What would mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
}

impl Finding {
    /// Returns an error.
    pub fn error(rule: &'static str, subject: &str, place: Place, message: String) -> Self {
        let (subject, message) = (plain(subject), plain(&message));
        let place = Place { file: plain(&place.file), line: place.line };
        Self { severity: Severity::Error, rule, subject, place, message, help: None }
    }

    /// Returns a finding that something is not known.
    pub fn unknown(rule: &'static str, subject: &str, place: Place, message: String) -> Self {
        Self { severity: Severity::Unknown, ..Self::error(rule, subject, place, message) }
    }

    /// Returns a warning.
    pub fn warning(rule: &'static str, subject: &str, place: Place, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, subject, place, message) }
    }

    /// Says what would mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(plain(&help.into()));
        self
    }
}

/// Returns whether two titles are nearly the same; long ones never are.
pub fn alike(one: &str, two: &str) -> bool {
    one.len().max(two.len()) <= 200
        && strsim::jaro_winkler(&one.to_lowercase(), &two.to_lowercase()) > 0.93
}

/// Returns a text without what moves a terminal's hand or ends a line.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Puts findings in the order of reports, each once.
pub fn sort(list: &mut Vec<Finding>) {
    list.sort_by(|a, b| {
        (&a.place, a.rule, &a.subject, &a.message).cmp(&(&b.place, b.rule, &b.subject, &b.message))
    });
    list.dedup();
}

/// Returns the name nearest to a word, when one is near enough to be meant.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > 100 {
        return None;
    }
    let folded = word.to_lowercase();
    let names = names.into_iter().filter(|name| name.len() <= 100).take(1000);
    let scored = names.map(|name| {
        let score = strsim::jaro_winkler(&folded, &name.to_lowercase());
        (score, name)
    });
    let best = scored.max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))?;
    let one_letter = strsim::levenshtein(&folded, &best.1.to_lowercase()) <= 1;
    (best.0 >= 0.75 || one_letter).then_some(best.1)
}
