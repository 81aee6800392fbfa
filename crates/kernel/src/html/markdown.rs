//! Documentation written by us in Markdown, as markup. Raw HTML in it is shown as text, comments are not.

use maud::{Markup, PreEscaped, html as markup};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd, html};

/// Returns the markup of a text of ours.
pub fn markdown(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    let mut table = Table::default();
    let events = Parser::new_ext(text, options).filter_map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) if is_comment(&raw) => None,
        Event::Html(raw) | Event::InlineHtml(raw) => Some(Event::Text(raw)),
        other => Some(table.take(other)),
    });
    let mut events: Vec<Event<'_>> = events.collect();
    name_headings(&mut events);
    let mut out = String::new();
    html::push_html(&mut out, events.into_iter());
    PreEscaped(out)
}

/// Gives every heading the name links lead to: lower case, words joined by `-`.
fn name_headings(events: &mut [Event<'_>]) {
    for at in 0..events.len() {
        let rest = events.get(at + 1..).unwrap_or_default();
        let inside = rest.iter().take_while(|one| !matches!(one, Event::End(TagEnd::Heading(_))));
        let words = inside.filter_map(|one| match one {
            Event::Text(text) | Event::Code(text) => Some(text.to_lowercase()),
            _ => None,
        });
        let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
        if let Some(Event::Start(Tag::Heading { .. })) = events.get(at) {
            let name: String = words.collect::<String>().chars().filter(kept).collect();
            if let Some(Event::Start(Tag::Heading { id, .. })) = events.get_mut(at) {
                *id = Some(name.replace(' ', "-").into());
            }
        }
    }
}

fn is_comment(raw: &str) -> bool {
    let raw = raw.trim();
    raw.starts_with("<!--") && raw.ends_with("-->")
}

/// A table as every other page draws it: in a frame that scrolls, each cell knowing its column's name,
/// which narrow screens show beside it.
#[derive(Default)]
struct Table {
    names: Vec<String>,
    in_head: bool,
    column: usize,
}

impl Table {
    fn take<'a>(&mut self, event: Event<'a>) -> Event<'a> {
        let raw = |text: String| Event::Html(text.into());
        match event {
            Event::Start(Tag::Table(_)) => {
                self.names.clear();
                raw("<div class=\"table-wrap\"><table>".to_owned())
            }
            Event::End(TagEnd::Table) => raw("</tbody></table></div>\n".to_owned()),
            Event::Start(Tag::TableHead) => {
                self.in_head = true;
                raw("<thead><tr>".to_owned())
            }
            Event::End(TagEnd::TableHead) => {
                self.in_head = false;
                raw("</tr></thead><tbody>".to_owned())
            }
            Event::Start(Tag::TableRow) => {
                self.column = 0;
                raw("<tr>".to_owned())
            }
            Event::End(TagEnd::TableRow) => raw("</tr>".to_owned()),
            Event::Start(Tag::TableCell) if self.in_head => {
                self.names.push(String::new());
                raw("<th>".to_owned())
            }
            Event::End(TagEnd::TableCell) if self.in_head => raw("</th>".to_owned()),
            Event::Start(Tag::TableCell) => {
                let name = self.names.get(self.column).cloned().unwrap_or_default();
                self.column += 1;
                let cell = markup! { td data-label=(name) {} }.into_string();
                raw(cell.trim_end_matches("</td>").to_owned())
            }
            Event::End(TagEnd::TableCell) => raw("</td>".to_owned()),
            Event::Text(text) | Event::Code(text) if self.in_head => {
                if let Some(name) = self.names.last_mut() {
                    name.push_str(&text);
                }
                Event::Text(text)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::markdown;

    #[test]
    fn raw_html_is_text_and_comments_are_nothing() {
        let out = markdown("# A\n\n<script>alert(1)</script>\n\n<!-- b -->\n\nc <!-- d --> e");
        let out = out.into_string();
        assert!(out.contains("<h1 id=\"a\">A</h1>") && !out.contains("<script>"), "{out}");
        assert!(!out.contains("<!--") && !out.contains("&lt;!--"), "{out}");
    }

    #[test]
    fn headings_have_the_names_links_lead_to() {
        let out = markdown("## When `runc` is *gone*\n\n### FLOW-A-001\n").into_string();
        assert!(out.contains("<h2 id=\"when-runc-is-gone\">"), "{out}");
        assert!(out.contains("<h3 id=\"flow-a-001\">"), "{out}");
    }

    #[test]
    fn cells_know_their_column() {
        let out = markdown("| One \"x\" | `Two` |\n|---|---|\n| a <b> | `c` |\n").into_string();
        assert!(out.contains("<th>One \"x\"</th><th>Two</th>"), "{out}");
        assert!(out.contains("<td data-label=\"One &quot;x&quot;\">a &lt;b&gt;</td>"), "{out}");
        assert!(
            out.contains("<td data-label=\"Two\"><code>c</code></td></tr></tbody></table></div>"),
            "{out}"
        );
    }
}
