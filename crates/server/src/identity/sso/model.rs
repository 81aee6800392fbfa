//! Pure rules of sign-in services: what an issuer may be, what a service's words on second factors are
//! worth, which groups it names.

use serde_json::{Map, Value};

/// Words of RFC 8176 §2; others are not kept.
const KNOWN: &[&str] = &[
    "face", "fpt", "geo", "hwk", "iris", "kba", "mca", "mfa", "otp", "pin", "pop", "pwd", "rba",
    "retina", "sc", "sms", "swk", "tel", "user", "vbm", "wia",
];
const HAS: &[&str] = &["hwk", "otp", "pop", "sc", "sms", "swk", "tel"];
const KNOWS_OR_IS: &[&str] = &["face", "fpt", "iris", "kba", "pin", "pwd", "retina", "vbm"];

/// What a sign-in there proved, in its own words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assurance {
    /// Words of RFC 8176, sorted; empty where it said nothing.
    pub methods: String,
    /// Whether they amount to a second factor.
    pub second_factor: bool,
}

/// Reads `amr` and `acr`. What is not said is not there: nothing is concluded from silence.
pub fn assurance(amr: &[String], acr: Option<&str>) -> Assurance {
    let mut words: Vec<&str> =
        KNOWN.iter().copied().filter(|word| amr.iter().any(|said| said == word)).collect();
    // Phishing-resistant, by OpenID's EAP ACR Values 1.0.
    let resistant = matches!(acr, Some("phr" | "phrh"));
    let any = |list: &[&str]| words.iter().any(|word| list.contains(word));
    let second_factor = resistant || words.contains(&"mfa") || (any(HAS) && any(KNOWS_OR_IS));
    if second_factor && !words.contains(&"mfa") {
        words.push("mfa");
    }
    words.sort_unstable();
    Assurance { methods: words.join(" "), second_factor }
}

/// Returns the groups of a claim: a list of texts, or one text; none where the claim is absent. Nothing is
/// known where no claim is read, or where the service says that the groups did not fit (`_claim_names`,
/// OpenID Connect Core 1.0 §5.6.2).
pub fn groups(claims: &Map<String, Value>, claim: &str) -> Option<Vec<String>> {
    if claim.is_empty()
        || claims.get("_claim_names").is_some_and(|names| names.get(claim).is_some())
    {
        return None;
    }
    let fits = |text: &&str| !text.is_empty() && text.len() <= 200;
    match claims.get(claim) {
        Some(Value::String(one)) => {
            Some(Some(one.as_str()).filter(fits).map(str::to_owned).into_iter().collect())
        }
        Some(Value::Array(list)) => {
            let texts = list.iter().filter_map(Value::as_str).filter(fits);
            Some(texts.take(1000).map(str::to_owned).collect())
        }
        _ => Some(Vec::new()),
    }
}

/// Returns an issuer as it must be written: no query, no fragment, no user (OpenID Connect Discovery
/// 1.0 §2).
///
/// # Errors
/// A sentence on what is wrong.
pub fn issuer(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let plain = text.len() <= 300 && text.bytes().all(|byte| byte.is_ascii_graphic());
    if !plain || text.contains(['?', '#', '@', '\\', '"', '<', '>']) {
        return Err(
            "Enter the issuer as its administrator's page says it, without query or fragment.",
        );
    }
    let path = text.trim_end_matches('/');
    if path.ends_with("/.well-known/openid-configuration") {
        return Err(
            "Enter the issuer itself: what stands before /.well-known/openid-configuration.",
        );
    }
    Ok(text.to_owned())
}

/// Returns a mail domain in lower case.
pub fn domain(text: &str) -> Option<String> {
    let text = text.trim().trim_start_matches('@').to_ascii_lowercase();
    let known = crate::identity::Email::parse(&format!("a@{text}")).is_some();
    known.then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn silence_is_no_second_factor_and_words_are_not_invented() {
        let read = |amr: &[&str], acr| {
            assurance(&amr.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>(), acr)
        };
        for weak in [&[][..], &["pwd"], &["otp"], &["user"], &["MFA"], &["multi"], &["pwd", "pin"]]
        {
            assert!(!read(weak, None).second_factor, "{weak:?}");
        }
        assert!(!read(&["pwd"], Some("urn:mace:incommon:iap:silver")).second_factor);
        assert!(!read(&["pwd"], Some("1")).second_factor);
        for strong in [&["mfa"][..], &["pwd", "otp"], &["pin", "hwk"], &["fpt", "swk"]] {
            assert!(read(strong, None).second_factor, "{strong:?}");
        }
        assert!(read(&[], Some("phr")).second_factor);
        assert_eq!(read(&["pwd", "<b>", "otp", "otp"], None).methods, "mfa otp pwd");
        assert_eq!(read(&["made-up"], None).methods, "");
    }

    #[test]
    fn groups_are_texts_of_the_named_claim() {
        let claims = json!({ "groups": ["a", 3, "", "b"], "one": "x", "odd": { "a": 1 } });
        let claims = claims.as_object().unwrap();
        assert_eq!(groups(claims, "groups").unwrap(), ["a", "b"]);
        assert_eq!(groups(claims, "one").unwrap(), ["x"]);
        assert_eq!(groups(claims, "odd").unwrap(), [""; 0]);
        assert_eq!(groups(claims, "absent").unwrap(), [""; 0]);
        let elsewhere = json!({ "_claim_names": { "groups": "src1" } });
        assert_eq!(groups(elsewhere.as_object().unwrap(), "groups"), None);
        assert_eq!(groups(claims, ""), None);
    }

    #[test]
    fn issuers_and_domains_are_plain() {
        assert_eq!(
            issuer(" https://id.example.com/realms/x ").unwrap(),
            "https://id.example.com/realms/x"
        );
        for bad in
            ["https://a.example?x", "https://a.example#x", "https://u@a.example", "https://a b"]
        {
            assert!(issuer(bad).is_err(), "{bad}");
        }
        assert!(issuer("https://a.example/.well-known/openid-configuration").is_err());
        assert_eq!(domain(" @Example.COM ").as_deref(), Some("example.com"));
        for bad in ["", "example", "a b.c", "x@y.z", "exa_mple.com"] {
            assert_eq!(domain(bad), None, "{bad}");
        }
    }
}
