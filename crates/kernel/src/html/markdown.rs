//! Documentation written by us in Markdown, as markup. Raw HTML in it is shown as text.

use maud::{Markup, PreEscaped};
use pulldown_cmark::{Event, Options, Parser, html};

/// Returns the markup of a text of ours.
pub fn markdown(text: &str) -> Markup {
    let options = Options::ENABLE_TABLES | Options::ENABLE_HEADING_ATTRIBUTES;
    let events = Parser::new_ext(text, options).map(|event| match event {
        Event::Html(raw) | Event::InlineHtml(raw) => Event::Text(raw),
        other => other,
    });
    let mut out = String::new();
    html::push_html(&mut out, events);
    PreEscaped(out)
}

#[cfg(test)]
mod tests {
    #[test]
    fn raw_html_is_text() {
        let out = super::markdown("# A\n\n<script>alert(1)</script>").into_string();
        assert!(out.contains("<h1>A</h1>") && !out.contains("<script>"), "{out}");
    }
}
