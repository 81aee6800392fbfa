//! Names people give to things: one line of plain text.

/// Returns a name with single spaces, of 1 to `most` characters; none where it is longer, or has
/// characters that are not seen or that turn the text around them (Unicode UAX 9, format characters).
pub fn name(text: &str, most: usize) -> Option<String> {
    let name = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let seen = name.chars().any(|c| !matches!(c, '\u{200c}' | '\u{200d}'));
    let fits = seen && (1..=most).contains(&name.chars().count()) && name.chars().all(is_plain);
    fits.then_some(name)
}

/// Joiners stay: some scripts are not written without them.
fn is_plain(c: char) -> bool {
    let hidden = matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{feff}'
            | '\u{ffa0}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}'
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
        for bad in
            ["", "a\u{7}b", "\u{202e}gnp.exe", "a\u{200b}", "\u{200d}", "\u{3164}", &"x".repeat(61)]
        {
            assert_eq!(name(bad, 60), None, "{bad:?}");
        }
    }
}
