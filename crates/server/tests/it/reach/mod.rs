//! Reaching workloads over SSH: keys, ways in, who may what.

mod corpus;
mod keys;
pub mod matrix;
mod ways;

use russh::keys::PrivateKey;
use serde_json::{Value, json};
use server::testkit::{Answer, Person, World};

/// Keys of these tests: each from a seed of its own, never a random one.
pub fn private(seed: u8) -> PrivateKey {
    use russh::keys::ssh_key::private::Ed25519Keypair;
    PrivateKey::from(Ed25519Keypair::from_seed(&[seed; 32]))
}

pub fn public(seed: u8) -> String {
    private(seed).public_key().to_openssh().unwrap()
}

pub async fn add(world: &World, who: &Person, line: &str) -> Answer {
    world.post(who, "/api/v1/account/ssh-keys", json!({ "public_key": line })).await
}

pub async fn added(world: &World, who: &Person, seed: u8) -> String {
    let made = add(world, who, &public(seed)).await;
    assert_eq!(made.status, 201, "{}", made.text());
    made.json()["id"].as_str().unwrap().to_owned()
}

pub async fn listed(world: &World, who: &Person) -> Vec<Value> {
    let list = world.get(who, "/api/v1/account/ssh-keys").await.json();
    list["items"].as_array().unwrap().clone()
}
