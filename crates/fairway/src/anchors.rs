//! Looks up what flows name: pages, operations, commands, headings. What is not there is a finding.

use crate::{config::Anchors, finding::nearest, tree::Tree};
use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd};
use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

/// Why an anchor leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lost {
    /// In words.
    pub why: String,
    /// The name that was probably meant.
    pub meant: Option<String>,
}

/// A page or an operation of the product, with the operation's name where one is given.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// `GET`
    pub method: String,
    /// `/api/v1/allocations`
    pub path: String,
    /// `allocation.create`
    pub operation: Option<String>,
    /// The line it stands on.
    pub line: usize,
}

/// Everything anchors can lead to.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Operations of the OpenAPI document: `POST /api/v1/allocations`.
    pub operations: BTreeSet<String>,
    /// Routes that are pages.
    pub pages: Vec<Route>,
    /// Routes that are none.
    pub calls: Vec<Route>,
    /// Commands, with file and line.
    pub commands: BTreeMap<String, (String, usize)>,
    /// Declared sources that cannot be read.
    pub faults: Vec<(String, String)>,
    headings: RefCell<BTreeMap<String, Option<BTreeSet<String>>>>,
}

impl Places {
    /// Reads what the settings declare.
    pub fn read(tree: &Tree, anchors: &Anchors) -> Self {
        let mut places = Self::default();
        if let Some(file) = &anchors.openapi {
            match tree.text(file).map_err(|why| why.to_string()).and_then(|text| operations(&text))
            {
                Ok(operations) => places.operations = operations,
                Err(why) => places.faults.push((file.clone(), why)),
            }
        }
        if let Some(file) = &anchors.routes {
            match tree.text(file) {
                Ok(text) => {
                    let is_page = |route: &Route| {
                        !anchors
                            .not_pages
                            .iter()
                            .any(|prefix| route.path.starts_with(prefix.as_str()))
                    };
                    (places.pages, places.calls) =
                        routes(&text, anchors.operation_column).into_iter().partition(is_page);
                }
                Err(why) => places.faults.push((file.clone(), why.to_string())),
            }
        }
        for file in &anchors.commands {
            match tree.text(file) {
                Ok(text) => places.commands.extend(commands(file, &text)),
                Err(why) => places.faults.push((file.clone(), why.to_string())),
            }
        }
        places
    }

    /// Follows an anchor: `openapi:METHOD PATH`, `page:PATH`, `cli:COMMAND`, `FILE#HEADING`, `FILE`.
    ///
    /// # Errors
    /// Why it leads nowhere.
    pub fn follow(&self, tree: &Tree, anchor: &str) -> Result<(), Lost> {
        let lost =
            |why: String, meant: Option<&str>| Err(Lost { why, meant: meant.map(str::to_owned) });
        match anchor.split_once(':') {
            Some(("openapi", name)) if self.operations.contains(name) => Ok(()),
            Some(("openapi", name)) => {
                let known = self.operations.iter().map(String::as_str);
                lost(format!("no operation `{name}` in the OpenAPI document"), nearest(name, known))
            }
            Some(("page", path)) if self.shown().any(|page| page.path == path) => Ok(()),
            Some(("page", path)) => {
                let known = self.shown().map(|page| page.path.as_str());
                lost(format!("no page `{path}` in the routes"), nearest(path, known))
            }
            Some(("cli", name)) if self.commands.contains_key(name) => Ok(()),
            Some(("cli", name)) => {
                let known = self.commands.keys().map(String::as_str);
                lost(format!("no command `{name}`"), nearest(name, known))
            }
            _ => self.file(tree, anchor),
        }
    }

    fn file(&self, tree: &Tree, anchor: &str) -> Result<(), Lost> {
        let (file, heading) = match anchor.split_once('#') {
            Some((file, heading)) => (file, Some(heading)),
            None => (anchor, None),
        };
        let mut known = self.headings.borrow_mut();
        let headings = known.entry(file.to_owned()).or_insert_with(|| {
            let text = tree.text(file).ok()?;
            Some(if file.ends_with(".md") { headings(&text) } else { BTreeSet::new() })
        });
        let Some(headings) = headings else {
            let prose = !file.contains('/') || file.contains(' ');
            let why = if prose {
                format!("`{anchor}` is prose: it names no file, operation, page, command or test")
            } else {
                format!("there is no file {file}")
            };
            let meant = if prose { None } else { nearest(file, tree.files()) };
            return Err(Lost { why, meant: meant.map(str::to_owned) });
        };
        match heading {
            Some(heading) if !headings.contains(heading) => Err(Lost {
                why: format!("{file} has no heading `{heading}`"),
                meant: nearest(heading, headings.iter().map(String::as_str)).map(str::to_owned),
            }),
            _ => Ok(()),
        }
    }

    /// Returns the pages people see: those that can be fetched.
    pub fn shown(&self) -> impl Iterator<Item = &Route> {
        self.pages.iter().filter(|page| page.method == "GET")
    }

    /// Returns the names of the operations a page goes through, by any of its methods.
    pub fn named_by(&self, page: &str) -> BTreeSet<&str> {
        // Its own, and those of the forms that stand on it, which post below its address.
        let same = self.pages.iter().filter(|route| {
            let below = route.path.strip_prefix(page).is_some_and(|rest| rest.starts_with('/'));
            route.path == page || below && route.method != "GET"
        });
        same.filter_map(|route| route.operation.as_deref()).collect()
    }

    /// Returns the name of an operation given as `POST /api/v1/allocations`.
    pub fn operation(&self, name: &str) -> Option<&str> {
        let (method, path) = name.split_once(' ')?;
        let found = self.calls.iter().find(|route| route.method == method && route.path == path)?;
        found.operation.as_deref()
    }
}

fn operations(text: &str) -> Result<BTreeSet<String>, String> {
    let document: serde_json::Value =
        serde_json::from_str(text).map_err(|error| format!("it is no JSON: {error}"))?;
    let paths = document.get("paths").and_then(|paths| paths.as_object());
    let paths = paths.ok_or_else(|| "it is no OpenAPI document: it has no paths".to_owned())?;
    const METHODS: [&str; 7] = ["get", "post", "put", "patch", "delete", "head", "options"];
    let mut found = BTreeSet::new();
    for (path, item) in paths {
        let methods = item.as_object().into_iter().flatten().map(|(method, _)| method);
        for method in methods.filter(|method| METHODS.contains(&method.as_str())) {
            found.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    Ok(found)
}

fn routes(text: &str, operation: Option<usize>) -> Vec<Route> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let columns: Vec<&str> = line.split_whitespace().collect();
            let [method, path, ..] = columns.as_slice() else { return None };
            let named = operation.and_then(|column| columns.get(column.checked_sub(1)?));
            Some(Route {
                method: (*method).to_owned(),
                path: (*path).to_owned(),
                operation: named.map(|name| (*name).to_owned()),
                line: number + 1,
            })
        })
        .collect()
}

/// A command a line; two blanks or more end the command and begin its words.
fn commands(file: &str, text: &str) -> BTreeMap<String, (String, usize)> {
    let lines = text.lines().enumerate();
    lines
        .filter_map(|(number, line)| {
            let name = line.split("  ").next()?.trim();
            (!name.is_empty()).then(|| (name.to_owned(), (file.to_owned(), number + 1)))
        })
        .collect()
}

/// Returns the anchors of a page's headings, as renderers make them: lower case, words joined by `-`.
pub fn headings(text: &str) -> BTreeSet<String> {
    let body = crate::load::front_matter(text).map_or(text, |(_, body, _)| body);
    let mut found = BTreeSet::new();
    let mut title: Option<String> = None;
    for event in Parser::new(body) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. } | Tag::Heading { .. }) => {
                title = Some(String::new());
            }
            Event::Text(text) | Event::Code(text) => {
                if let Some(title) = &mut title {
                    title.push_str(&text);
                }
            }
            Event::End(TagEnd::Heading(_)) => {
                if let Some(title) = title.take() {
                    let kept = title.to_lowercase();
                    let kept = kept
                        .chars()
                        .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
                    let slug: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
                    found.insert(slug);
                }
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_become_anchors() {
        let found = headings(
            "+++\na = 1\n+++\n# Launch & go\n\n## When `runc` is *gone*\n\n```\n# no heading\n```\n",
        );
        assert_eq!(found.into_iter().collect::<Vec<_>>(), ["launch--go", "when-runc-is-gone"]);
    }

    #[test]
    fn routes_have_columns() {
        let found = routes("GET    /a/{id}     allowed   thing.read  project\nnonsense\n", Some(4));
        assert_eq!(
            (found[0].path.as_str(), found[0].operation.as_deref(), found.len()),
            ("/a/{id}", Some("thing.read"), 1)
        );
    }
}
