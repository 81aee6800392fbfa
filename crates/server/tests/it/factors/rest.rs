//! Secrets at rest, and mails.

use super::enrol;
use serde_json::json;
use server::testkit::{Engine, World};

/// A copy of the database gives nothing that signs anybody in.
#[tokio::test]
async fn a_copy_of_the_database_gives_nothing_usable() {
    let world = World::on(Engine::Sqlite).await;
    let mut owner = world.owner.clone();
    let phone = enrol(&world, &mut owner).await;
    let path = "/api/v1/platform/iam/break-glass-codes";
    let glass = world.post(&world.operator, path, json!({})).await.json();
    let mut secrets: Vec<Vec<u8>> = vec![
        phone.seed.clone().into_bytes(),
        base32(&phone.seed),
        owner.token.clone().into_bytes(),
        server::testkit::PASSWORD.as_bytes().to_vec(),
    ];
    let shown = phone.codes.iter().cloned();
    let sealed = glass["codes"].as_array().unwrap().iter().map(|c| c.as_str().unwrap().to_owned());
    for code in shown.chain(sealed) {
        secrets.push(code.replace('-', "").into_bytes());
        secrets.push(code.into_bytes());
    }
    let mut bytes = Vec::new();
    for file in std::fs::read_dir(world.test_db.dir().unwrap()).unwrap().flatten() {
        bytes.extend(std::fs::read(file.path()).unwrap());
    }
    let holds = |secret: &[u8]| bytes.windows(secret.len()).any(|part| part == secret);
    assert!(holds(owner.email.as_bytes()), "the copy is the database");
    for secret in &secrets {
        assert!(secret.len() >= 16 && !holds(secret), "{}", String::from_utf8_lossy(secret));
    }
}

fn base32(text: &str) -> Vec<u8> {
    let letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut bits = 0_u64;
    let (mut count, mut bytes) = (0, Vec::new());
    for letter in text.chars() {
        bits = (bits << 5) | letters.find(letter).unwrap() as u64;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    bytes
}

/// What people are told arrives, as a file where no server is named.
#[tokio::test]
async fn what_is_told_arrives_by_mail_once() {
    let world = World::new().await;
    let mut owner = world.owner.clone();
    enrol(&world, &mut owner).await;
    world.sweep().await;
    let kernel::outbox::Mailbox::Folder { path, .. } = world.app.get() else {
        panic!("tests write mails to a folder")
    };
    let read = || -> Vec<String> {
        let files = std::fs::read_dir(path).unwrap().flatten();
        files.map(|file| std::fs::read_to_string(file.path()).unwrap()).collect()
    };
    let mails = read();
    assert_eq!(mails.len(), 1);
    assert!(mails[0].contains("To: owner@example.com"), "{}", mails[0]);
    assert!(mails[0].contains("A second factor was added: Phone"), "{}", mails[0]);
    world.advance(60);
    world.sweep().await;
    assert_eq!(read().len(), 1);
}
