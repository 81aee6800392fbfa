//! Pure rules of factors: states, names, codes.

use api::factors::MfaState;
use kernel::{Error, Result};
use seams::Rng;

/// Most factors of a person.
pub const MOST: i64 = 10;
/// Recovery codes made at a time.
pub const CODES: usize = 10;

/// Crockford's letters: none is taken for another.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// Returns how an account stands.
pub fn state(confirmed: usize, pending: usize, recovering: bool) -> MfaState {
    match (recovering, confirmed, pending) {
        (true, ..) => MfaState::RecoveryRequested,
        (false, 0, 0) => MfaState::None,
        (false, 0, _) => MfaState::SetupPending,
        (false, ..) => MfaState::Protected,
    }
}

/// Returns a checked name of a factor: 1 to 60 characters, no control characters.
///
/// # Errors
/// `validation_error`.
pub fn name(text: &str) -> Result<String> {
    let refused = || Error::field("name", "Enter a name of 1 to 60 plain characters.");
    kernel::names::name(text, 60).ok_or_else(refused)
}

/// Returns a checked reason: 5 to 500 characters.
///
/// # Errors
/// `validation_error`.
pub fn reason(text: &str) -> Result<String> {
    let refused = || Error::field("reason", "Say why, in 5 to 500 plain characters.");
    kernel::names::name(text, 500).filter(|text| text.chars().count() >= 5).ok_or_else(refused)
}

/// Returns a new code of 100 random bits: `k3f9x-…` in four groups of five.
pub fn new_code(rng: &dyn Rng) -> String {
    let bytes = rng.bytes32();
    let letters: Vec<char> = bytes
        .iter()
        .take(20)
        .filter_map(|byte| LETTERS.get(usize::from(byte & 31)).map(|letter| char::from(*letter)))
        .collect();
    letters.chunks(5).map(|part| part.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// What somebody typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typed {
    /// Six digits of an authenticator app.
    Totp(String),
    /// A recovery code, in the form it is stored by.
    Recovery(String),
    /// Neither.
    Nothing,
}

/// Returns what a text is: blanks, dashes and case do not matter; `o`, `i` and `l` are read as the
/// digits they look like.
pub fn typed(text: &str) -> Typed {
    let plain: String = text
        .chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .map(|c| match c.to_ascii_lowercase() {
            'o' => '0',
            'i' | 'l' => '1',
            other => other,
        })
        .collect();
    match plain.len() {
        6 if plain.bytes().all(|b| b.is_ascii_digit()) => Typed::Totp(plain),
        20 if plain.bytes().all(|b| LETTERS.contains(&b)) => Typed::Recovery(plain),
        _ => Typed::Nothing,
    }
}

/// Returns the hash a recovery code is stored by.
pub fn code_hash(plain: &str) -> Vec<u8> {
    use sha2::{Digest, Sha256};
    Sha256::digest(format!("recovery\0{plain}").as_bytes()).to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_a_hundred_bits_and_are_read_as_people_type_them() {
        let code = new_code(&seams::OsRng);
        assert_eq!((code.len(), code.matches('-').count()), (23, 3));
        let plain = code.replace('-', "");
        assert_eq!(typed(&code), Typed::Recovery(plain.clone()));
        assert_eq!(typed(&format!(" {} ", code.to_uppercase())), Typed::Recovery(plain.clone()));
        let taken = plain.replace('0', "O").replace('1', "l");
        assert_eq!(typed(&taken), Typed::Recovery(plain));
        assert_eq!(typed("123 456"), Typed::Totp("123456".into()));
        for bad in ["", "12345", "1234567", "abcdef", "ééé", &"u".repeat(20)] {
            assert_eq!(typed(bad), Typed::Nothing, "{bad}");
        }
    }

    #[test]
    fn the_state_of_an_account_is_total() {
        assert_eq!(state(0, 0, false), MfaState::None);
        assert_eq!(state(0, 1, false), MfaState::SetupPending);
        assert_eq!(state(1, 1, false), MfaState::Protected);
        assert_eq!(state(2, 0, true), MfaState::RecoveryRequested);
    }
}
