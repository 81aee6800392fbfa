//! Pages people read: whom they are for, what they claim, and the parts of them that are written by us.

use crate::{
    config::Portal,
    finding::{Finding, Place},
    load::{front_matter, item},
    model::Item,
    tree::Tree,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who may read a page.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Audience {
    /// Everybody.
    Public,
    /// People with an account.
    Customer,
    /// Those who make and run the product.
    Internal,
}

/// What a page says of what it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PageClaim {
    /// It is there and proven.
    Implemented,
    /// Part of it is.
    InProgress,
    /// It is not.
    Deferred,
}

/// A page's front matter.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PageFront {
    /// Title.
    pub title: String,
    /// In one sentence.
    pub about: String,
    /// Who it is written for.
    pub persona: String,
    /// Who may read it.
    pub audience: Audience,
    /// The flows it is about.
    #[serde(default)]
    pub flows: Vec<String>,
    /// What it says of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<PageClaim>,
    /// The role that answers for it.
    pub owner: String,
    /// When somebody must have read it again.
    #[schemars(with = "String")]
    pub review_by: toml::value::Datetime,
    /// Where it tells the user's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_path: Option<String>,
    /// Where it tells the operator's path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin_path: Option<String>,
    /// Where it tells the way back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_path: Option<String>,
    /// Where it tells what is there from what is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boundary: Option<String>,
    /// Who takes on what is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_owner: Option<String>,
}

/// Reads the pages; those that cannot be read are findings.
pub fn pages(
    tree: &Tree,
    portal: &Portal,
    faults: &mut Vec<Finding>,
) -> BTreeMap<String, Item<PageFront>> {
    let mut pages = BTreeMap::new();
    let Some(folder) = &portal.folder else { return pages };
    for file in tree.below(folder).filter(|file| file.ends_with(".md")) {
        let text = match tree.text(file) {
            Ok(text) => text,
            Err(why) => {
                let words = format!("{file} cannot be read: {why}.");
                faults.push(Finding::error("page-undeclared", file, Place::at(file, 0), words));
                continue;
            }
        };
        match item::<PageFront>(file, &text) {
            Ok(page) => drop(pages.insert(file.to_owned(), page)),
            Err(finding) => {
                let help = "a page says title, about, persona, audience, owner, review_by, and what it claims of which flows";
                let finding =
                    Finding { rule: "page-undeclared", subject: file.to_owned(), ..*finding };
                faults.push(if finding.help.is_some() { finding } else { finding.help(help) });
            }
        }
    }
    pages
}

/// A part of a page between `<!-- fairway: WHAT -->` and `<!-- /fairway -->`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block<'a> {
    /// What is to stand there.
    pub what: &'a str,
    /// What stands there.
    pub text: &'a str,
    /// The line of its first mark.
    pub line: usize,
    /// Where its text begins, bytes.
    pub start: usize,
}

const OPENS: &str = "<!-- fairway: ";
const CLOSES: &str = "<!-- /fairway -->";

/// Returns the parts of a page that are written by us; their first mark stands at the beginning of a line.
///
/// # Errors
/// The line of a mark that is not closed.
pub fn blocks(text: &str) -> Result<Vec<Block<'_>>, usize> {
    let mut found = Vec::new();
    let (mut at, mut line) = (0, 1);
    while let Some(next) = text.get(at..).and_then(|rest| rest.find(OPENS)) {
        let opens = at + next;
        line += text.get(at..opens).unwrap_or_default().matches('\n').count();
        if !matches!(
            opens.checked_sub(1).and_then(|before| text.as_bytes().get(before)),
            None | Some(b'\n')
        ) {
            at = opens + OPENS.len();
            continue;
        }
        let rest = text.get(opens + OPENS.len()..).unwrap_or_default();
        let (what, _) = rest.split_once(" -->").ok_or(line)?;
        let start = opens + OPENS.len() + what.len() + " -->".len();
        let inside = text.get(start..).unwrap_or_default();
        let end = inside.find(CLOSES).ok_or(line)?;
        let inner = inside.get(..end).unwrap_or_default();
        if inner.contains(OPENS) {
            return Err(line);
        }
        found.push(Block { what, text: inner, line, start });
        line += inner.matches('\n').count();
        at = start + end + CLOSES.len();
    }
    Ok(found)
}

/// Returns the lines of a page that people wrote: below the front matter, outside our parts and code.
pub fn own_lines(text: &str) -> Vec<(usize, &str)> {
    let mut ours = false;
    let mut lines = all_lines(text);
    lines.retain(|(_, line)| {
        ours |= line.starts_with(OPENS);
        let own = !ours;
        ours &= !line.contains(CLOSES);
        own
    });
    lines
}

/// Returns the lines of a page below its front matter and outside code.
pub fn all_lines(text: &str) -> Vec<(usize, &str)> {
    let first = front_matter(text).map_or(1, |(_, _, line)| line);
    let mut code = false;
    let mut lines = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let fence = line.trim_start().starts_with("```");
        code ^= fence;
        if !code && !fence && number + 1 >= first {
            lines.push((number + 1, line));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_and_the_rest_is_ours() {
        let text = "+++\na = 1\n+++\none\n<!-- fairway: flows -->\ntwo\n<!-- /fairway -->\nthree\n```\nfour\n```\n";
        let found = blocks(text).unwrap();
        assert_eq!((found[0].what, found[0].text, found[0].line), ("flows", "\ntwo\n", 5));
        let own: Vec<_> =
            own_lines(text).into_iter().map(|(number, line)| (number, line.to_owned())).collect();
        assert_eq!(own, [(4, "one".to_owned()), (8, "three".to_owned())]);
        assert_eq!(blocks("a\n<!-- fairway: flows -->\n"), Err(2));
        assert_eq!(blocks("words of `<!-- fairway: flows -->` are no mark"), Ok(Vec::new()));
        assert_eq!(blocks("<!-- fairway: a -->\n<!-- fairway: b -->\n<!-- /fairway -->"), Err(1));
    }
}
