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

/// Returns the same, and for a name without any letter of it the end of the thing's identifier: two such
/// names are two addresses.
pub fn slug_or(name: &str, id: impl std::fmt::Display) -> String {
    if name.chars().any(|letter| letter.is_ascii_alphanumeric()) {
        return slug(name);
    }
    let id = id.to_string();
    id.chars().skip(id.len().saturating_sub(8)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_other_scripts_have_addresses_of_their_own() {
        assert_eq!(slug_or("研究", "dept_0123456789abcdef"), "89abcdef");
        assert_eq!(slug_or("Research 研究", "dept_0"), "research");
    }

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
