//! Pure rules: names and slugs.

use kernel::Error;

/// Returns a checked name of a project or organization: 1 to 60 characters, no control characters.
///
/// # Errors
/// `validation_error`.
pub fn name(text: &str) -> Result<String, Error> {
    let refused = || Error::field("name", "Enter a name of 1 to 60 plain characters.");
    kernel::names::name(text, 60).ok_or_else(refused)
}

/// Returns the name as it stands in addresses: lower-case letters, digits and single dashes.
pub fn slug(name: &str) -> String {
    let mut slug = String::new();
    for letter in name.to_lowercase().chars() {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "project".to_owned() } else { slug.chars().take(60).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_plain() {
        assert_eq!(slug("  Ada's  Lab / Größe 2 "), "ada-s-lab-gr-e-2");
        assert_eq!(slug("日本"), "project");
    }

    #[test]
    fn names_are_bounded() {
        assert_eq!(name("  a   b ").unwrap(), "a b");
        assert!(name("").is_err() && name(&"x".repeat(61)).is_err() && name("a\u{7}b").is_err());
    }
}
