//! Pure rules of accounts: what an e-mail address, a password and a name may be.

use super::store::User;
use kernel::Error;

impl User {
    /// Returns what they are called where a name is needed: a sign-in service may give no address.
    pub fn handle(&self) -> &str {
        if self.email.is_empty() { &self.display_name } else { &self.email }
    }
}

/// A parsed e-mail address, lower case: the name people sign in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Parses an address: one `@`, a dot behind it, printable ASCII, at most 254 characters.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let (name, host) = text.split_once('@')?;
        let plain = |s: &str| {
            !s.is_empty()
                && s.bytes().all(|b| b.is_ascii_graphic() && !b"\"'<>()[]\\,;:@".contains(&b))
        };
        let labels = host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        });
        let known = !host.ends_with(".invalid");
        let dotted = !name.starts_with('.') && !name.ends_with('.') && !name.contains("..");
        let fits = text.len() <= 254 && name.len() <= 64 && host.contains('.') && known && dotted;
        (fits && plain(name) && labels).then_some(Self(text))
    }

    /// Returns the address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Passwords everybody tries first, and words of this product: refused in any mix of case, alone or
/// with digits behind.
const COMMON: &[&str] = &[
    "password",
    "passwordpassword",
    "correcthorsebatterystaple",
    "iloveyou",
    "letmein",
    "qwertyuiop",
    "qwertyuiopasdfgh",
    "administrator",
    "changeme",
    "changemechangeme",
    "welcome",
    "gpuaas",
    "aicloud",
    "gpuaasgpuaas",
    "aicloudaicloud",
    "abcdefghijklmnop",
    "trustno1",
    "thisisapassword",
    "mypassword",
    "secretsecret",
    "iamtheadmin",
    "qwerty",
    "asdfghjkl",
];

/// Returns what is wrong with a password, or nothing.
pub fn password_fault(password: &str, email: Option<&Email>) -> Option<String> {
    let length = password.chars().count();
    if length < 15 {
        return Some(format!(
            "Use 15 characters or more; this has {length}. A few words are easy to remember."
        ));
    }
    if length > 128 {
        return Some("Use at most 128 characters.".to_owned());
    }
    let letters: String = password.to_lowercase().chars().filter(|c| c.is_alphabetic()).collect();
    let distinct = password.chars().collect::<std::collections::BTreeSet<_>>().len();
    if COMMON.contains(&letters.as_str()) || distinct < 5 {
        return Some(
            "This password is one of the first that are tried. Use a few words of your own."
                .to_owned(),
        );
    }
    let name = email.and_then(|email| email.as_str().split('@').next()).unwrap_or_default();
    if name.len() >= 5 && letters == name.chars().filter(|c| c.is_alphabetic()).collect::<String>()
    {
        return Some("Use something other than your address.".to_owned());
    }
    None
}

/// Returns a display name without control characters, 1 to 80 characters, or nothing.
pub fn display_name(text: &str) -> Option<String> {
    kernel::names::name(text, 80)
}

/// Returns a path of this site to go back to; anything else becomes the start page.
pub fn return_target(text: &str) -> String {
    let local = text.starts_with('/')
        && !text.starts_with("//")
        && (!text.starts_with("/auth/") || text.starts_with("/auth/invite?token="))
        && text.len() <= 500
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'\\');
    if local { text.to_owned() } else { "/".to_owned() }
}

/// An account to be made; every field has been checked.
pub struct NewAccount {
    /// Sign-in name.
    pub email: Email,
    /// How people address them.
    pub display_name: String,
    /// In clear, until it is hashed.
    pub password: String,
}

/// Checks the fields of a new account and names every fault at once.
///
/// # Errors
/// `validation_error` with one entry per field.
pub fn parse_account(email: &str, display: &str, password: &str) -> Result<NewAccount, Error> {
    let parsed = Email::parse(email);
    let name = display_name(display);
    let fault = password_fault(password, parsed.as_ref());
    let mut error = Error::new(api::Code::ValidationError);
    if parsed.is_none() {
        error = error.and_field("email", "Enter an e-mail address, such as ada@example.com.");
    }
    if name.is_none() {
        error = error.and_field("display_name", "Enter a name of 1 to 80 characters.");
    }
    if let Some(fault) = &fault {
        error = error.and_field("password", fault.clone());
    }
    match (parsed, name, fault) {
        (Some(email), Some(display_name), None) => {
            Ok(NewAccount { email, display_name, password: password.to_owned() })
        }
        _ => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_lower_case_and_plain() {
        assert_eq!(Email::parse(" Ada@Example.COM ").unwrap().as_str(), "ada@example.com");
        for bad in [
            "", "ada", "ada@", "@x.y", "a b@x.y", "a@b", "a@b..c", "a@b@c.d", "a<b@c.d", ".a@b.c",
            "a..b@c.d", "-@-.-",
        ] {
            assert!(Email::parse(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn one_returns_to_this_site_only() {
        assert_eq!(return_target("/workloads?state=active"), "/workloads?state=active");
        for bad in
            ["", "//evil.example", "https://evil.example", "/\\evil", "/auth/logout", "/a\nb"]
        {
            assert_eq!(return_target(bad), "/", "{bad}");
        }
    }

    #[test]
    fn passwords_are_long_and_not_the_usual_ones() {
        assert!(password_fault("river stone lantern", None).is_none());
        assert!(password_fault("short", None).unwrap().contains("15"));
        assert!(password_fault(&"ab1".repeat(50), None).unwrap().contains("128"));
        for bad in ["PasswordPassword1!", "aaaaaaaaaaaaaaaaaaaa", "ChangeMe12345678"] {
            assert!(password_fault(bad, None).is_some(), "{bad}");
        }
        let email = Email::parse("lovelace@example.com");
        assert!(password_fault("lovelace1234567890", email.as_ref()).is_some());
    }

    #[test]
    fn every_fault_of_a_new_account_is_named_at_once() {
        let error = parse_account("x", " ", "y").err().unwrap();
        let fields: Vec<_> = error.errors().iter().map(|e| e.field.as_str()).collect();
        assert_eq!(fields, ["email", "display_name", "password"]);
    }
}
