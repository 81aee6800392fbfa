//! Names people give to things: one line of plain text.

/// Returns a name with single spaces, of 1 to `most` characters; none where it is longer, or has
/// characters that are not seen or that turn the text around them (Unicode UAX 9, format characters).
pub fn name(text: &str, most: usize) -> Option<String> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let fits = (1..=most).contains(&name.chars().count()) && name.chars().all(is_plain);
    fits.then_some(name)
}

/// Joiners stay: some scripts are not written without them.
fn is_plain(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}'
    );
    !c.is_control() && !hidden
}

#[cfg(test)]
mod tests {
    use super::name;

    #[test]
    fn names_are_what_they_look_like() {
        assert_eq!(name("  training \n run ", 60).as_deref(), Some("training run"));
        assert_eq!(name("نام\u{200c}ها", 60).as_deref(), Some("نام\u{200c}ها"));
        for bad in ["", "a\u{7}b", "\u{202e}gnp.exe", "a\u{200b}", &"x".repeat(61)] {
            assert_eq!(name(bad, 60), None, "{bad:?}");
        }
    }
}
