//! What is no key, or none that is fit: each is refused with its reason, and nothing breaks.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use gateway::ssh::keys::{Unfit, read};

fn blob(parts: &[&[u8]]) -> String {
    let mut out = Vec::new();
    for part in parts {
        out.extend(u32::try_from(part.len()).unwrap().to_be_bytes());
        out.extend(*part);
    }
    BASE64.encode(out)
}

fn ed25519() -> String {
    super::public(1)
}

/// A modulus of so many bits, positive, odd.
fn modulus(bits: usize) -> Vec<u8> {
    let mut bytes = vec![0xb5; bits.div_ceil(8)];
    bytes[0] = 1 << ((bits - 1) % 8);
    *bytes.last_mut().unwrap() |= 1;
    if bytes[0] & 0x80 != 0 {
        bytes.insert(0, 0);
    }
    bytes
}

fn rsa(bits: usize) -> String {
    format!("ssh-rsa {} me", blob(&[b"ssh-rsa", &[1, 0, 1], &modulus(bits)]))
}

fn sk() -> String {
    let kind = "sk-ssh-ed25519@openssh.com";
    let public = russh_public(7);
    format!("{kind} {} key", blob(&[kind.as_bytes(), &public, b"ssh:"]))
}

fn russh_public(seed: u8) -> Vec<u8> {
    let line = super::public(seed);
    let bytes = BASE64.decode(line.split(' ').nth(1).unwrap()).unwrap();
    bytes[bytes.len() - 32..].to_vec()
}

#[test]
fn every_kind_that_is_fit_is_taken_and_said_back() {
    let p256 = blob(&[
        b"ecdsa-sha2-nistp256",
        b"nistp256",
        &BASE64
            .decode("BGsX0fLhLEJH+Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT+NC4v4af5uO5+tKfA+eFivOM1drMV7Oy7ZAaDe/UfU=")
            .unwrap(),
    ]);
    for (line, algorithm, bits) in [
        (ed25519(), "ssh-ed25519", None),
        (sk(), "sk-ssh-ed25519@openssh.com", None),
        (format!("ecdsa-sha2-nistp256 {p256}"), "ecdsa-sha2-nistp256", None),
        (rsa(3072), "ssh-rsa", Some(3072)),
        (rsa(4096), "ssh-rsa", Some(4096)),
        (rsa(16_384), "ssh-rsa", Some(16_384)),
    ] {
        let key = read(&format!("  {line}\r\n")).unwrap_or_else(|why| panic!("{line}: {why}"));
        assert_eq!((key.algorithm.as_str(), key.bits), (algorithm, bits));
        assert!(key.fingerprint.starts_with("SHA256:") && key.fingerprint.len() == 50);
        assert_eq!(read(&key.line).unwrap().fingerprint, key.fingerprint);
    }
    assert_eq!(read(&format!("{}  Ada's laptop ", ed25519())).unwrap().comment, "Ada's laptop");
}

#[test]
fn what_is_not_fit_is_refused_with_its_reason() {
    let good = ed25519();
    let body = good.split(' ').nth(1).unwrap();
    let dsa = blob(&[b"ssh-dss", &modulus(1024), &modulus(160), &[2], &modulus(1020)]);
    let cases: Vec<(String, Unfit)> = vec![
        ("-----BEGIN OPENSSH PRIVATE KEY-----\nb3Blbn\n-----END".into(), Unfit::Private),
        ("-----BEGIN RSA PRIVATE KEY-----".into(), Unfit::Private),
        ("-----begin encrypted private key-----".into(), Unfit::Private),
        (format!("{good}\n-----BEGIN PRIVATE KEY-----"), Unfit::Private),
        ("x".repeat(1024 * 1024), Unfit::TooLong),
        (format!("ssh-ed25519 {}", "A".repeat(9000)), Unfit::TooLong),
        (format!("{good}\n{good}"), Unfit::NotOne),
        (format!("{good}\r{good}"), Unfit::NotOne),
        (String::new(), Unfit::NotOne),
        ("ssh-ed25519".into(), Unfit::NotOne),
        ("ssh-ed25519 ".into(), Unfit::NotOne),
        (format!("ssh-rsa {body}"), Unfit::NotOne),
        (format!("ssh-nothing {body}"), Unfit::NotOne),
        (body.to_owned(), Unfit::NotOne),
        (format!("command=\"rm -rf /\" {good}"), Unfit::Options),
        (format!("no-pty,from=\"10.0.0.0/8\" {good}"), Unfit::Options),
        (format!("ssh-ed25519-cert-v01@openssh.com {body}"), Unfit::Certificate),
        (format!("ssh-dss {dsa} me"), Unfit::Kind),
        (format!("ssh-ed25519 {body} l\u{0430}ptop"), Unfit::Comment),
        (format!("ssh-ed25519 {body} {}", "c".repeat(201)), Unfit::Comment),
        (format!("ssh-ed25519 {body} a\u{202e}b"), Unfit::Comment),
        (rsa(512), Unfit::TooWeak),
        (rsa(1024), Unfit::TooWeak),
        (rsa(2048), Unfit::TooWeak),
        (rsa(3071), Unfit::TooWeak),
        (rsa(16_392), Unfit::TooLarge),
        (rsa(65_536), Unfit::TooLong),
    ];
    for (line, why) in cases {
        let shown: String = line.chars().take(80).collect();
        assert_eq!(read(&line), Err(why), "{shown}");
    }
}

/// Five hundred and more damaged keys: cut at each place, one byte changed, one letter changed.
#[test]
fn damaged_keys_are_refused_or_are_other_keys() {
    let mut tried = 0;
    for whole in [ed25519(), sk(), rsa(3072)] {
        let own = read(&whole).unwrap().fingerprint;
        let (kind, rest) = whole.split_once(' ').unwrap();
        let body = rest.split(' ').next().unwrap();
        let bytes = BASE64.decode(body).unwrap();
        for cut in (0..bytes.len()).step_by(1 + bytes.len() / 150) {
            let line = format!("{kind} {}", BASE64.encode(&bytes[..cut]));
            assert!(read(&line).is_err(), "cut at {cut}: {line}");
            tried += 1;
        }
        for place in (0..bytes.len()).step_by(1 + bytes.len() / 150) {
            for flip in [0x01, 0x80, 0xff] {
                let mut other = bytes.clone();
                other[place] ^= flip;
                if let Ok(key) = read(&format!("{kind} {}", BASE64.encode(&other))) {
                    assert_ne!(key.fingerprint, own, "byte {place} of {kind}");
                }
                tried += 1;
            }
        }
        for wrong in ["!", "=", "\u{e9}", "\0", " x=", "%00", "\t", "-"] {
            let place = body.len() / 2;
            let line = format!("{kind} {}{wrong}{}", &body[..place], &body[place..]);
            assert!(read(&line).is_err(), "{wrong:?} inside {kind}");
            tried += 1;
        }
        let more = format!("{kind} {}", BASE64.encode([bytes.clone(), vec![0]].concat()));
        assert!(read(&more).is_err(), "a byte too many");
    }
    assert!(tried >= 500, "{tried}");
}
