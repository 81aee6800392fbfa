//! JUnit XML in the dialects of nextest, Playwright, pytest, Surefire and gtest.

use super::{Outcome, Test, named_in, not_run};
use anyhow::{Context, Result, bail};
use jiff::Timestamp;
use roxmltree::{Document, Node, ParsingOptions};

/// Reads a report. No test at all is no report.
///
/// # Errors
/// Where it is broken.
pub fn read(text: &str) -> Result<Vec<Test>> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 2_000_000, ..Default::default() };
    let document = Document::parse_with_options(text, options).context("read JUnit XML")?;
    let root = document.root_element();
    if !matches!(root.tag_name().name(), "testsuites" | "testsuite") {
        bail!("the root is <{}>, not <testsuites>", root.tag_name().name());
    }
    let cases = root.descendants().filter(|node| node.has_tag_name("testcase")).count();
    if let Some(told) = root.attribute("tests").and_then(|told| told.parse::<usize>().ok())
        && told != cases
    {
        bail!("it says that it holds {told} tests, and holds {cases}");
    }
    let mut tests = Vec::new();
    for case in root.descendants().filter(|node| node.has_tag_name("testcase")) {
        tests.push(test(case)?);
    }
    let suites = root
        .descendants()
        .filter(|node| matches!(node.tag_name().name(), "testsuite" | "testsuites"));
    for suite in suites {
        // A suite that could not even begin says so itself.
        if suite.children().any(|child| matches!(child.tag_name().name(), "error" | "failure")) {
            let id = format!("{}#", suite.attribute("name").unwrap_or("suite"));
            tests.push(Test { id, outcome: Outcome::Fail, names: Vec::new(), reason: None });
        }
    }
    Ok(tests)
}

/// Returns the moment a report says it was begun at, where it says one.
pub fn began(text: &str) -> Option<Timestamp> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: 2_000_000, ..Default::default() };
    let document = Document::parse_with_options(text, options).ok()?;
    let said = document.descendants().filter_map(|node| node.attribute("timestamp"));
    said.filter_map(|text| text.parse().ok()).min()
}

fn test(case: Node<'_, '_>) -> Result<Test> {
    let name = case.attribute("name").context("a <testcase> has no name")?;
    let suite = || case.parent_element().and_then(|suite| suite.attribute("name"));
    let class = case.attribute("classname").or_else(suite).unwrap_or_default();
    let child =
        |names: &[&str]| case.children().find(|child| names.contains(&child.tag_name().name()));
    let reason = |node: Node<'_, '_>| {
        node.attribute("message").or_else(|| node.text()).map(|text| text.trim().to_owned())
    };
    let skipped = child(&["skipped"]);
    let failed_word = case.attribute("status").is_some_and(|word| {
        let word = word.to_lowercase();
        word.contains("fail") || word.contains("error")
    });
    let suppressed =
        case.attribute("result").is_some_and(|word| matches!(word, "suppressed" | "skipped"));
    let bad = case.descendants().any(|node| {
        let name = node.tag_name().name().to_lowercase();
        matches!(name.as_str(), "failure" | "error" | "failed")
    });
    let not_started = suppressed
        || case.attribute("status").is_some_and(|word| {
            matches!(word.to_lowercase().as_str(), "notrun" | "skipped" | "disabled")
        });
    let (outcome, reason) = if bad || failed_word {
        (Outcome::Fail, None)
    } else if child(&["rerunFailure", "rerunError"]).is_some() {
        // Surefire writes these beside a failure; alone they are a failure whose last try is missing.
        (Outcome::Fail, None)
    } else if let Some(skipped) = skipped {
        let reason = reason(skipped);
        (not_run(reason.as_deref()), reason)
    } else if not_started {
        (Outcome::NotRun, None)
    } else if child(&["flakyFailure", "flakyError"]).is_some() {
        (Outcome::Flaky, Some("held on another try".to_owned()))
    } else {
        (Outcome::Pass, None)
    };
    let mut names = named_in(name);
    let properties = case.descendants().filter(|node| node.has_tag_name("property"));
    names.extend(properties.filter_map(|node| {
        let mine = node.attribute("name") == Some("fairway");
        mine.then(|| node.attribute("value").or_else(|| node.text())).flatten().map(str::to_owned)
    }));
    Ok(Test { id: format!("{class}#{name}"), outcome, names, reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(text: &str) -> Vec<(String, Outcome)> {
        read(text).unwrap().into_iter().map(|test| (test.id, test.outcome)).collect()
    }

    #[test]
    fn dialects() {
        let nextest = r#"<testsuites><testsuite name="it" tests="2"><testcase name="a::b" classname="it"/>
            <testcase name="c" classname="it"><flakyFailure message="x"/></testcase></testsuite></testsuites>"#;
        assert_eq!(
            outcomes(nextest),
            [("it#a::b".into(), Outcome::Pass), ("it#c".into(), Outcome::Flaky)]
        );
        let pytest = r#"<testsuite name="p"><testcase classname="t" name="a"><skipped message="no GPU"/></testcase>
            <testcase classname="t" name="b"><skipped>Blocked prerequisite: FIX-GPU</skipped></testcase>
            <testcase classname="t" name="c"><error message="boom"/></testcase></testsuite>"#;
        let found = outcomes(pytest);
        assert_eq!(
            found.iter().map(|one| one.1).collect::<Vec<_>>(),
            [Outcome::NotRun, Outcome::BlockedPrerequisite, Outcome::Fail]
        );
        let gtest = r#"<testsuites><testsuite name="S"><testcase name="t" status="notrun"/></testsuite></testsuites>"#;
        assert_eq!(outcomes(gtest), [("S#t".into(), Outcome::NotRun)]);
        let surefire = r#"<testsuite name="S"><testcase name="t" classname="C"><failure/><rerunFailure/></testcase></testsuite>"#;
        assert_eq!(outcomes(surefire), [("C#t".into(), Outcome::Fail)]);
        let crashed = r#"<testsuites><testsuite name="S"><error message="cannot start"/></testsuite></testsuites>"#;
        assert_eq!(outcomes(crashed), [("S#".into(), Outcome::Fail)]);
    }

    #[test]
    fn properties_and_names_carry_paths() {
        let text = r#"<testsuites><testsuite name="S"><testcase name="t [FLOW-A:empty]" classname="C">
            <properties><property name="fairway" value="FLOW-A:happy"/><property name="other" value="x"/></properties>
            </testcase></testsuite></testsuites>"#;
        assert_eq!(read(text).unwrap()[0].names, ["FLOW-A:empty", "FLOW-A:happy"]);
    }

    #[test]
    fn what_is_no_report_is_refused() {
        for text in
            ["", "{}", "<html/>", "<testsuites><testsuite>", "<testsuites><testcase/></testsuites>"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert!(read("<testsuites/>").unwrap().is_empty());
    }
}
