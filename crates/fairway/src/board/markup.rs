//! What is HTML already: our own style, and Markdown in which HTML stays text.

use maud::{Markup, PreEscaped, html};
use pulldown_cmark::{Event, Options, Parser};

/// Returns the style of a page that stands alone.
pub(super) fn style() -> Markup {
    html! { style { (PreEscaped(super::STYLE)) } }
}

/// Returns Markdown as HTML, in which HTML stays text.
pub(super) fn markdown(text: &str) -> Markup {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).filter_map(|event| match event {
        Event::Html(html) | Event::InlineHtml(html) if html.trim_start().starts_with("<!--") => {
            None
        }
        Event::Html(html) | Event::InlineHtml(html) => Some(Event::Text(html)),
        Event::Start(pulldown_cmark::Tag::Link { .. } | pulldown_cmark::Tag::Image { .. }) => None,
        Event::End(pulldown_cmark::TagEnd::Image) => None,
        Event::End(pulldown_cmark::TagEnd::Link) => None,
        other => Some(other),
    });
    let mut out = String::new();
    pulldown_cmark::html::push_html(&mut out, events);
    let out = out.replace("<table>", "<div class=\"scroll\" tabindex=\"0\"><table>");
    PreEscaped(out.replace("</table>", "</table></div>"))
}
