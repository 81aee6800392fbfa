//! Icons: lucide, 16 px, inline, hidden from screen readers because a word always stands beside.

use maud::{Markup, PreEscaped, html};

/// Returns an icon by its lucide name; an unknown name is an empty box (a test refuses those).
pub fn icon(name: &str) -> Markup {
    let inner = super::assets::ICONS.iter().find(|(known, _)| *known == name);
    html! {
        svg class="icon" viewBox="0 0 24 24" width="16" height="16" fill="none" stroke="currentColor"
            stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true" {
            @if let Some((_, inner)) = inner { (PreEscaped(inner)) }
        }
    }
}
