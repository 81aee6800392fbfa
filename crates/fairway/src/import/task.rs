//! A task kept as a page: a head of five facts, then sections.

use crate::{
    finding::{Finding, Place},
    model::{Priority, Source, Task},
};

/// The facts of the head, each on a line of its own, with or without a colon.
const FACTS: [&str; 5] = ["ID", "Status", "Priority", "Milestone", "Owner"];
/// Sections, as such pages head them, and as ours do.
const SECTIONS: [(&str, &str); 6] = [
    ("Problem", "Problem"),
    ("Context", "Context"),
    ("Possible Solutions", "Options"),
    ("Plan", "Plan"),
    ("Implementation Progress", "Progress"),
    ("Review Feedback", "Review"),
];

/// Returns whether a document is such a page.
pub fn is_one(text: &str) -> bool {
    fact(text, "ID").is_some()
        && fact(text, "Status").is_some()
        && text.lines().any(|line| line.trim() == "Problem")
}

/// Returns a fact of the head and its line.
fn fact<'a>(text: &'a str, name: &str) -> Option<(&'a str, usize)> {
    let head = text.lines().take_while(|line| line.trim() != "Problem").enumerate();
    head.filter_map(|(number, line)| {
        let value = line.trim().strip_prefix(name)?.trim_start_matches([':', ' ', '\t']);
        (!value.is_empty() && !value.starts_with(char::is_uppercase)
            || name == "ID" && !value.is_empty())
        .then_some((value, number + 1))
    })
    .next()
}

/// Reads a page: the task, and its text under our headings.
///
/// # Errors
/// A finding for a head that is not whole.
pub fn read(file: &str, text: &str) -> Result<(Task, String), Box<Finding>> {
    let fault = |line: usize, words: String| {
        Box::new(Finding::error("import-unreadable", file, Place::at(file, line), words))
    };
    let get =
        |name: &str| fact(text, name).ok_or_else(|| fault(0, format!("The head names no {name}.")));
    let [id, status, priority, milestone, owner] = FACTS;
    let ((id, line), status, priority) = (get(id)?, get(status)?, get(priority)?);
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if !id.chars().all(fits) {
        return Err(fault(
            line,
            format!("`{id}` is no id: letters, digits, dashes and low lines."),
        ));
    }
    let urgent = Priority::parse(&priority.0.to_uppercase())
        .ok_or_else(|| fault(priority.1, format!("`{}` is no priority.", priority.0)))?;
    let title = text.lines().map(str::trim).take_while(|line| !line.starts_with("ID"));
    let title = title.filter(|line| !line.is_empty()).last().unwrap_or(id).to_owned();
    let sections = sections(text);
    let problem = sections.first().map(|(_, body)| body.as_str()).unwrap_or_default();
    let task = Task {
        title,
        priority: urgent,
        milestone: get(milestone).ok().map(|(text, _)| text.to_owned()),
        owner: get(owner).ok().map(|(text, _)| super::items::role(text)),
        why: problem.split_whitespace().collect::<Vec<_>>().join(" "),
        source: Some(Source {
            file: file.to_owned(),
            line,
            status: Some(status.0.to_owned()),
            ..Source::default()
        }),
        ..super::items::blank(id.to_owned())
    };
    let body = sections.iter().map(|(name, body)| format!("\n## {name}\n\n{body}\n"));
    Ok((task, body.collect()))
}

/// Returns the sections under our names, in the page's order; what stands in them is kept word for word.
fn sections(text: &str) -> Vec<(&'static str, String)> {
    let mut found: Vec<(&'static str, String)> = Vec::new();
    for line in text.lines() {
        let heading = line.trim().trim_start_matches('#').trim();
        match SECTIONS.iter().find(|(theirs, _)| *theirs == heading) {
            Some((_, ours)) => found.push((ours, String::new())),
            None => {
                if let Some((_, body)) = found.last_mut() {
                    let bullet = line.trim_start().strip_prefix("• ");
                    body.push_str(
                        &bullet
                            .map_or_else(|| line.trim_end().to_owned(), |rest| format!("- {rest}")),
                    );
                    body.push('\n');
                }
            }
        }
    }
    found.into_iter().map(|(name, body)| (name, body.trim_matches('\n').to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "Board\n\nKeep the kettle clean\n\nIDM1_KETTLE-CARE-03\nStatusnot_started\nPriorityp1\nMilestonem1-home\nOwnerkitchen\n\nProblem\n\nNobody knows\nwho cleans it.\n\nContext\n\n  • Lime.\n\nPossible Solutions\n\n- A - Nobody.\n- B - Recommended: a rota.\n\nPlan\n\n1. Ask.\n\nImplementation Progress\n\nReview Feedback\n\n- [ ] Review cleared\n";

    #[test]
    fn a_page_becomes_a_task() {
        assert!(is_one(PAGE) && !is_one("# A\n\nProblem\n"));
        let (task, body) = read("page.txt", PAGE).unwrap();
        assert_eq!(
            (task.id.as_str(), task.title.as_str()),
            ("M1_KETTLE-CARE-03", "Keep the kettle clean")
        );
        assert_eq!(
            (task.priority, task.milestone.as_deref(), task.owner.as_deref()),
            (Priority::P1, Some("m1-home"), Some("kitchen"))
        );
        assert_eq!(task.why, "Nobody knows who cleans it.");
        assert_eq!(task.source.unwrap().status.as_deref(), Some("not_started"));
        for part in [
            "## Context\n\n- Lime.",
            "## Options\n\n- A - Nobody.\n- B - Recommended: a rota.\n",
            "## Plan\n\n1. Ask.",
            "## Review\n\n- [ ] Review cleared",
        ] {
            assert!(body.contains(part), "{body}");
        }
        assert!(read("page.txt", &PAGE.replace("Priorityp1", "Priorityp9")).is_err());
        assert!(read("page.txt", &PAGE.replace("IDM1_", "IDM1/../")).is_err());
    }
}
