//! The API from the command line: where the server is, who one is, and what went wrong.

use crate::assertion::Pair;
use anyhow::{Context, Result};
use api::{
    Code, Problem,
    machines::{TokenAsk, TokenGiven},
};
use reqwest::{Method, RequestBuilder};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::{fs, os::unix::fs::OpenOptionsExt, path::PathBuf, process::ExitCode};

/// Why a command ended without success.
#[derive(Debug)]
pub enum Failure {
    /// The server said no.
    Refused(Box<Problem>),
    /// Nobody is signed in.
    NotSignedIn,
    /// The server cannot be reached.
    Unreachable(String),
    /// The person said no, or the words were wrong.
    Usage(String),
    /// It was done, but did not end as asked.
    Ended(String),
    /// A fault of ours.
    Internal(anyhow::Error),
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Internal(error)
    }
}

impl Failure {
    /// Returns the exit code and the words.
    pub fn report(&self) -> (ExitCode, String) {
        match self {
            Self::Refused(problem) => {
                let code = match problem.code {
                    Code::TokenMissing | Code::TokenInvalid | Code::TokenExpired => 3,
                    Code::SignInRefused | Code::SecondFactorRequired => 3,
                    Code::Blocked | Code::InsufficientBalance | Code::SkuUnavailable => 5,
                    _ if matches!(problem.status, 403 | 404) => 4,
                    _ if problem.status >= 500 => 7,
                    _ => 1,
                };
                (ExitCode::from(code), refusal_words(problem))
            }
            Self::NotSignedIn => {
                (ExitCode::from(3), "not signed in: use `gpuaas login`".to_owned())
            }
            Self::Unreachable(url) => {
                (ExitCode::from(6), format!("{url} cannot be reached; is it running?"))
            }
            Self::Ended(words) => (ExitCode::from(1), words.clone()),
            Self::Usage(words) => (ExitCode::from(2), words.clone()),
            Self::Internal(error) => (ExitCode::from(7), format!("{error:#}")),
        }
    }
}

fn refusal_words(problem: &Problem) -> String {
    let mut words = problem.detail.clone().unwrap_or_else(|| problem.title.clone());
    for fault in &problem.errors {
        words.push_str(&format!("\n  {}: {}", fault.field, fault.message));
    }
    for blocker in &problem.blockers {
        words.push_str(&format!("\n  {} {}", blocker.message, blocker.fix));
    }
    words.push_str(&format!("\n  {} · correlation ID {}", problem.code, problem.correlation_id));
    words
}

/// What is kept between commands.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Kept {
    /// The server.
    pub url: String,
    /// The session's token.
    pub token: String,
}

fn site_from_env() -> String {
    std::env::var("GPUAAS_URL").unwrap_or_else(|_| "http://127.0.0.1:8080".to_owned())
}

fn kept_path() -> PathBuf {
    if let Some(path) = std::env::var_os("GPUAAS_CREDENTIALS") {
        return PathBuf::from(path);
    }
    let base = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).unwrap_or_else(|| {
        PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".config")
    });
    base.join("gpuaas/credentials.json")
}

/// Returns the folder this program keeps things in, for this user.
pub fn settings_folder() -> PathBuf {
    kept_path().parent().map(PathBuf::from).unwrap_or_default()
}

impl Kept {
    /// Reads what was kept; `GPUAAS_TOKEN` (a key, with `GPUAAS_URL`) goes before it.
    pub fn read() -> Option<Self> {
        if let Ok(token) = std::env::var("GPUAAS_TOKEN") {
            return Some(Self { url: site_from_env(), token });
        }
        serde_json::from_slice(&fs::read(kept_path()).ok()?).ok()
    }

    /// Keeps it for this user alone.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self) -> Result<()> {
        use std::io::Write;
        let path = kept_path();
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).context("make the settings folder")?;
        }
        let fresh = path.with_extension("new");
        let _ = fs::remove_file(&fresh);
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)
            .context("keep the sign-in")?;
        file.write_all(&serde_json::to_vec(self)?).context("keep the sign-in")?;
        fs::rename(&fresh, &path).context("keep the sign-in")
    }

    /// Forgets it.
    pub fn forget() {
        let _ = fs::remove_file(kept_path());
    }
}

/// Talks to a server.
pub struct Client {
    http: reqwest::Client,
    /// Where.
    pub url: String,
    /// Who.
    pub token: Option<String>,
    project: Option<String>,
    /// Of a service account that shows itself by signing: what it signs with, and the token it got.
    signs: Option<Signer>,
    traded: tokio::sync::Mutex<Option<(String, tokio::time::Instant)>>,
}

struct Signer {
    pair: Pair,
    account: String,
    key: String,
}

impl Signer {
    /// Reads `GPUAAS_KEY_FILE`, `GPUAAS_KEY_ID` and `GPUAAS_SERVICE_ACCOUNT`.
    fn from_env() -> Result<Option<Self>, Failure> {
        let Some(file) = std::env::var_os("GPUAAS_KEY_FILE") else { return Ok(None) };
        let named = |name: &str| {
            let missing = || Failure::Usage(format!("GPUAAS_KEY_FILE needs {name} too"));
            std::env::var(name).map_err(|_| missing())
        };
        let (account, key) = (named("GPUAAS_SERVICE_ACCOUNT")?, named("GPUAAS_KEY_ID")?);
        Ok(Some(Self { pair: Pair::read(file.as_ref())?, account, key }))
    }
}

impl Client {
    /// Returns a client of a server nobody is signed in to.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn anonymous(url: &str) -> Result<Self, Failure> {
        let http = reqwest::Client::builder()
            .timeout(std::time::Duration::from_secs(40))
            .user_agent(concat!("gpuaas/", env!("CARGO_PKG_VERSION")))
            .build()
            .context("make a client")?;
        let project = std::env::var("GPUAAS_PROJECT").ok();
        Ok(Self {
            http,
            url: url.trim_end_matches('/').to_owned(),
            token: None,
            project,
            signs: None,
            traded: tokio::sync::Mutex::default(),
        })
    }

    /// Returns a client of the server one is signed in to.
    ///
    /// # Errors
    /// `NotSignedIn`.
    pub fn signed_in() -> Result<Self, Failure> {
        if let Some(signer) = Signer::from_env()? {
            return Ok(Self { signs: Some(signer), ..Self::anonymous(&site_from_env())? });
        }
        let kept = Kept::read().ok_or(Failure::NotSignedIn)?;
        Ok(Self { token: Some(kept.token), ..Self::anonymous(&kept.url)? })
    }

    /// Returns the token requests carry: what was kept, or a short one traded for an assertion.
    ///
    /// # Errors
    /// What the server says.
    pub async fn bearer(&self) -> Result<Option<String>, Failure> {
        let Some(Signer { pair, account, key }) = &self.signs else {
            return Ok(self.token.clone());
        };
        let mut traded = self.traded.lock().await;
        if let Some((token, until)) = &*traded
            && *until > tokio::time::Instant::now()
        {
            return Ok(Some(token.clone()));
        }
        let ask = TokenAsk {
            grant_type: "client_credentials".to_owned(),
            client_secret: None,
            client_assertion_type: Some(
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer".to_owned(),
            ),
            client_assertion: Some(pair.assertion(account, key, &self.url)?),
        };
        let url = format!("{}/api/v1/auth/token", self.url);
        let given: TokenGiven = self.send(self.http.post(url).json(&ask)).await.map_err(|failure| {
            if let Failure::Refused(problem) = &failure
                && problem.code == Code::TokenInvalid
            {
                let words = format!(
                    "the assertion was not believed: the key must work, and GPUAAS_URL ({}) must be the site's own address",
                    self.url
                );
                return Failure::Usage(words);
            }
            failure
        })?;
        // A minute before its end it is traded again.
        let lasts = std::time::Duration::from_secs(given.expires_in.saturating_sub(60));
        let until = tokio::time::Instant::now() + lasts;
        *traded = Some((given.access_token.clone(), until));
        Ok(Some(given.access_token))
    }

    async fn request(&self, method: Method, path: &str) -> Result<RequestBuilder, Failure> {
        let mut request = self.http.request(method.clone(), format!("{}{path}", self.url));
        if let Some(token) = self.bearer().await? {
            request = request.bearer_auth(token);
        }
        if let Some(project) = &self.project {
            request = request.header("X-Project-ID", project);
        }
        Ok(request)
    }

    async fn send<T: DeserializeOwned>(&self, request: RequestBuilder) -> Result<T, Failure> {
        let bytes = self.answer(request).await?;
        let bytes = if bytes.is_empty() { b"null".as_slice() } else { &bytes };
        Ok(serde_json::from_slice(bytes).context("understand the answer")?)
    }

    /// Returns what the server answers, or why it does not.
    async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, Failure> {
        let answer = request.send().await.map_err(|_| Failure::Unreachable(self.url.clone()))?;
        let status = answer.status();
        let bytes = answer.bytes().await.map_err(|_| Failure::Unreachable(self.url.clone()))?;
        if status.is_success() {
            return Ok(bytes.to_vec());
        }
        match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Err(Failure::Refused(Box::new(problem))),
            Err(_) => Err(Failure::Internal(anyhow::anyhow!("the server answered {status}"))),
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// What the server says.
    pub async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(self.request(Method::GET, path).await?).await
    }

    /// Reads something that is no JSON.
    ///
    /// # Errors
    /// What the server says.
    pub async fn bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        self.answer(self.request(Method::GET, path).await?).await
    }

    /// Changes something; `key` makes a retry safe.
    ///
    /// # Errors
    /// What the server says.
    pub async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        body: Option<&impl Serialize>,
        key: Option<&str>,
    ) -> Result<T, Failure> {
        let mut request = self.request(Method::POST, path).await?;
        if let Some(body) = body {
            request = request.json(body);
        }
        if let Some(key) = key {
            request = request.header("X-Idempotency-Key", key);
        }
        self.send(request).await
    }
    /// Changes fields of something.
    ///
    /// # Errors
    /// What the server says.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, Failure> {
        self.send(self.request(Method::PATCH, path).await?.json(body)).await
    }

    /// Removes something.
    ///
    /// # Errors
    /// What the server says.
    pub async fn delete<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.send(self.request(Method::DELETE, path).await?).await
    }
}
