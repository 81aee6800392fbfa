//! Service accounts and keys.

use super::Shape;
use crate::{
    assertion::Pair,
    client::{Client, Failure},
    output::{print, say},
};
use api::{
    KeyId, Page, ServiceAccountId,
    machines::{
        KeyCreate, KeyMade, KeyRegister, KeyRotate, KeyView, ServiceAccountCreate,
        ServiceAccountView,
    },
    people::Me,
};
use clap::Subcommand;

/// `gpuaas sa …`
#[derive(Subcommand)]
pub enum Accounts {
    /// List the service accounts of the project.
    List(Shape),
    /// Make one in the project.
    Create {
        /// Its name.
        name: String,
    },
    /// Let its keys rest.
    Disable {
        /// The service account.
        id: ServiceAccountId,
    },
    /// Let its keys work again.
    Enable {
        /// The service account.
        id: ServiceAccountId,
    },
    /// Delete it; its keys end.
    Delete {
        /// The service account.
        id: ServiceAccountId,
    },
}

/// `gpuaas key …`
#[derive(Subcommand)]
pub enum Keys {
    /// List the keys of a service account.
    List {
        /// The service account.
        account: ServiceAccountId,
        /// How it is printed.
        #[command(flatten)]
        shape: Shape,
    },
    /// Make a key; its secret is printed once.
    Create {
        /// The service account.
        account: ServiceAccountId,
        /// The key's name.
        name: String,
        /// What it may do: actions, or `read` or `run`.
        #[arg(long, value_delimiter = ',', default_value = "run")]
        may: Vec<String>,
        /// Days it works.
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// Register a public key: the service account then shows itself by signing. The pair is made when
    /// the file is not there.
    Register {
        /// The service account.
        account: ServiceAccountId,
        /// The key's name.
        name: String,
        /// The private key (Ed25519, PKCS#8, PEM); it stays on this machine.
        #[arg(long)]
        key_file: std::path::PathBuf,
        /// What it may do: actions, or `read` or `run`.
        #[arg(long, value_delimiter = ',', default_value = "run")]
        may: Vec<String>,
        /// Days it works.
        #[arg(long, default_value_t = 90)]
        days: u32,
    },
    /// Make another in its place; the old one works on for a while.
    Rotate {
        /// The key.
        id: KeyId,
        /// Hours for which the old one works on.
        #[arg(long, default_value_t = 24)]
        overlap: u32,
    },
    /// End a key now.
    Revoke {
        /// The key.
        id: KeyId,
    },
}

/// Returns the path of the project's service accounts.
async fn path(client: &Client) -> Result<String, Failure> {
    let me: Me = client.get("/api/v1/me").await?;
    let project = me
        .default_project_id
        .ok_or_else(|| Failure::Usage("you have no project yet".to_owned()))?;
    Ok(format!("/api/v1/projects/{project}/service-accounts"))
}

/// Runs `gpuaas sa …`.
pub async fn accounts(what: Accounts) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    let one = |id: ServiceAccountId| format!("/api/v1/service-accounts/{id}");
    match what {
        Accounts::List(shape) => {
            let page: Page<ServiceAccountView> = client.get(&path(&client).await?).await?;
            let rows = page
                .items
                .iter()
                .map(|row| {
                    let keys = row.keys.to_string();
                    vec![row.name.clone(), row.state.to_string(), keys, row.id.to_string()]
                })
                .collect();
            print(shape.output, &page, &["name", "state", "keys", "id"], rows);
        }
        Accounts::Create { name } => {
            let key = super::compute::key()?;
            let ask = ServiceAccountCreate { name };
            let made: ServiceAccountView =
                client.post(&path(&client).await?, Some(&ask), Some(&key)).await?;
            say(&made.id.to_string());
        }
        Accounts::Disable { id } => {
            let _: Option<()> =
                client.post(&format!("{}/disable", one(id)), None::<&()>, None).await?;
            say("disabled");
        }
        Accounts::Enable { id } => {
            let _: Option<()> =
                client.post(&format!("{}/enable", one(id)), None::<&()>, None).await?;
            say("enabled");
        }
        Accounts::Delete { id } => {
            let _: Option<()> = client.delete(&one(id)).await?;
            say("deleted");
        }
    }
    Ok(())
}

/// Runs `gpuaas key …`.
pub async fn keys(what: Keys) -> Result<(), Failure> {
    let client = Client::signed_in()?;
    match what {
        Keys::List { account, shape } => {
            let path = format!("/api/v1/service-accounts/{account}/keys");
            let page: Page<KeyView> = client.get(&path).await?;
            let rows = page
                .items
                .iter()
                .map(|key| {
                    let used = key.last_used_at.map_or_else(|| "never".to_owned(), |at| at.plain());
                    let ends = match key.revoked_at {
                        Some(_) => "revoked".to_owned(),
                        None => key.expires_at.plain(),
                    };
                    vec![key.name.clone(), key.hint.clone(), ends, used, key.id.to_string()]
                })
                .collect();
            print(shape.output, &page, &["name", "begins with", "ends", "last used", "id"], rows);
        }
        Keys::Create { account, name, may, days } => {
            let path = format!("/api/v1/service-accounts/{account}/keys");
            let ask = KeyCreate { name, scopes: may, days: Some(days) };
            let made: KeyMade = client.post(&path, Some(&ask), None).await?;
            shown(&made);
        }
        Keys::Register { account, name, key_file, may, days } => {
            let public_key = Pair::read_or_make(&key_file)?.public_jwk();
            let path = format!("/api/v1/service-accounts/{account}/public-keys");
            let ask = KeyRegister { name, scopes: may, days: Some(days), public_key };
            let made: KeyView =
                client.post(&path, Some(&ask), Some(&super::compute::key()?)).await?;
            say(&format!(
                "key   {}\nends  {}\n\nexport GPUAAS_URL={} GPUAAS_SERVICE_ACCOUNT={} GPUAAS_KEY_ID={} GPUAAS_KEY_FILE={}",
                made.id,
                made.expires_at.plain(),
                client.url,
                made.service_account_id,
                made.id,
                key_file.display()
            ));
        }
        Keys::Rotate { id, overlap } => {
            let ask = KeyRotate { overlap_hours: Some(overlap) };
            let path = format!("/api/v1/keys/{id}/rotate");
            let made: KeyMade = client.post(&path, Some(&ask), None).await?;
            shown(&made);
        }
        Keys::Revoke { id } => {
            let path = format!("/api/v1/keys/{id}/revoke");
            let _: Option<()> = client.post(&path, None::<&()>, None).await?;
            say("revoked");
        }
    }
    Ok(())
}

fn shown(made: &KeyMade) {
    say(&format!(
        "key     {}\nsecret  {}\nends    {}",
        made.key.id,
        made.secret,
        made.key.expires_at.plain()
    ));
}
