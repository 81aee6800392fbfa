//! Documentation pages by audience, rendered from the Markdown in `docs/`.

use crate::identity::optional_caller;
use kernel::{
    App, Error, Result,
    html::{Layout, Markup, Page, empty, html, page_head},
    http::{Named, Public, Route},
};

/// Reads the documentation.
pub struct ReadDocs;
impl Named for ReadDocs {
    const NAME: &'static str = "docs.read";
}

/// Who may read a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Audience {
    Public,
    Customer,
    Internal,
}

/// Every page: name in the address, and its text with front matter.
const PAGES: &[(&str, &str)] = &[
    ("start", include_str!("../../../../docs/start.md")),
    ("compute", include_str!("../../../../docs/compute.md")),
    ("ssh", include_str!("../../../../docs/ssh.md")),
    ("terminal", include_str!("../../../../docs/terminal.md")),
    ("access", include_str!("../../../../docs/access.md")),
    ("account", include_str!("../../../../docs/account.md")),
    ("money", include_str!("../../../../docs/money.md")),
    ("operate", include_str!("../../../../docs/operate.md")),
    ("product", include_str!("../../../../docs/product.md")),
    ("handoff", include_str!("../../../../docs/handoff.md")),
    ("runbook", include_str!("../../../../docs/runbook.md")),
    ("truth", include_str!("../../../../docs/truth.md")),
];

struct Doc {
    name: &'static str,
    title: String,
    about: String,
    audience: Audience,
    text: &'static str,
}

fn parse(name: &'static str, file: &'static str) -> Option<Doc> {
    let (front, text) = file.strip_prefix("+++\n")?.split_once("\n+++\n")?;
    let front: toml::Table = front.parse().ok()?;
    let word = |key: &str| front.get(key).and_then(toml::Value::as_str).map(str::to_owned);
    let audience = match word("audience")?.as_str() {
        "public" => Audience::Public,
        "customer" => Audience::Customer,
        "internal" => Audience::Internal,
        _ => return None,
    };
    Some(Doc { name, title: word("title")?, about: word("about")?, audience, text })
}

/// Returns every page that has proper front matter.
fn all() -> Vec<Doc> {
    PAGES.iter().filter_map(|(name, file)| parse(name, file)).collect()
}

pub(super) fn routes() -> Vec<Route> {
    vec![Route::get("/docs", index), Route::get("/docs/{name}", page)]
}

/// The list of pages, or one page.
#[derive(Debug, Clone)]
pub struct DocsView {
    /// Name, title, about.
    pub pages: Vec<(String, String, String)>,
}

impl DocsView {
    /// Returns every kind of this page.
    pub fn samples() -> Vec<Self> {
        let page = ("start".to_owned(), "Start".to_owned(), "From nothing to a shell.".to_owned());
        vec![Self { pages: vec![] }, Self { pages: vec![page; 3] }]
    }

    /// Draws it.
    pub fn draw(&self) -> Markup {
        html! {
            (page_head("Documentation", "How to use it, how to run it, and what is true about it.", None))
            @if self.pages.is_empty() {
                (empty("book-open", "No page for you", "Sign in to see the pages for your account.", None))
            }
            div class="grid" {
                @for (name, title, about) in &self.pages {
                    a class="card" href={ "/docs/" (name) } { h2 { (title) } p class="muted" { (about) } }
                }
            }
        }
    }
}

async fn may_read(who: &Public<ReadDocs>, app: &App) -> Result<(Vec<Audience>, Layout)> {
    let caller = optional_caller(app, who.head()).await?;
    let mut audiences = vec![Audience::Public];
    if let Some(caller) = &caller {
        audiences.push(Audience::Customer);
        if caller.user().staff() {
            audiences.push(Audience::Internal);
        }
    }
    Ok((audiences, Layout::Shell))
}

async fn index(who: Public<ReadDocs>, app: App, (): ()) -> Result<Page> {
    let (audiences, layout) = may_read(&who, &app).await?;
    let pages = all()
        .into_iter()
        .filter(|doc| audiences.contains(&doc.audience))
        .map(|doc| (doc.name.to_owned(), doc.title, doc.about))
        .collect();
    Ok(Page { layout, ..Page::new("Documentation", DocsView { pages }.draw()) })
}

async fn page(who: Public<ReadDocs>, app: App, (): ()) -> Result<Page> {
    let (audiences, layout) = may_read(&who, &app).await?;
    let name = who.head().params.get("name").cloned().unwrap_or_default();
    let doc = all()
        .into_iter()
        .find(|doc| doc.name == name && audiences.contains(&doc.audience))
        .ok_or_else(Error::not_found)?;
    let body = html! {
        article class="prose" { (kernel::html::markdown(doc.text)) }
        p class="below" { a href="/docs" { "All documentation" } }
    };
    Ok(Page { layout, ..Page::new(doc.title, body) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_front_matter() {
        assert_eq!(all().len(), PAGES.len());
    }

    #[test]
    fn no_page_of_the_folder_is_forgotten() -> Result<(), Box<dyn std::error::Error>> {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs");
        let mut kept = Vec::new();
        for file in std::fs::read_dir(folder)? {
            let path = file?.path();
            if path.extension().is_some_and(|end| end == "md") {
                kept.extend(path.file_stem().map(|name| name.to_string_lossy().into_owned()));
            }
        }
        let mut served: Vec<String> = PAGES.iter().map(|(name, _)| (*name).to_owned()).collect();
        kept.sort();
        served.sort();
        assert_eq!(kept, served);
        Ok(())
    }
}
