//! Calls to addresses somebody else chose: sign-in services, webhooks of tenants.
//!
//! Promises: only public addresses are called, and inner networks an operator named; what a name
//! resolves to is checked at the moment of connecting, so an answer that flips changes nothing; no
//! redirect is followed; an answer is at most a megabyte and ten seconds long; plain HTTP is spoken
//! to inner networks alone. Absent here: cookies, proxies of the environment.

use crate::{Context, Error, Result, app::Network};
use futures::StreamExt;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use serde::Deserialize;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    sync::Arc,
    time::Duration,
};

const LONGEST: Duration = Duration::from_secs(10);
/// Largest answer, in bytes.
pub const LARGEST: usize = 1024 * 1024;

/// Settings of `[outgoing]`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Inner networks that may be called: `10.0.0.0/8`.
    pub inner_networks: Vec<String>,
    /// Whether addresses that tenants choose may lie there too.
    pub tenants_reach_inner: bool,
    /// A file of further certificate authorities, in PEM; empty for none.
    pub ca_file: String,
}

/// Why a call brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// The address may not be called.
    #[error(
        "the address {0} may not be called: it is not public, and its network is not listed in outgoing.inner_networks"
    )]
    Forbidden(String),
    /// Only HTTPS is spoken there.
    #[error("the address {0} must begin with https://")]
    Plain(String),
    /// It did not answer, or not in time.
    #[error("no answer: {0}")]
    Silent(String),
    /// The answer is too large.
    #[error("the answer is larger than a megabyte")]
    TooLarge,
}

/// The clients: one for addresses whoever runs the site chose, one for those of tenants.
pub struct Outgoing {
    site: Client,
    tenants: Client,
}

impl Outgoing {
    /// Returns both.
    ///
    /// # Errors
    /// A sentence for the operator naming the setting that is wrong.
    pub fn new(settings: &Settings) -> Result<Self> {
        let site = Client::new(settings)?;
        let tenants = if settings.tenants_reach_inner {
            site.clone()
        } else {
            Client::new(&Settings { inner_networks: Vec::new(), ..settings.clone() })?
        };
        Ok(Self { site, tenants })
    }

    /// Returns the client for an address, by who chose it.
    pub fn of(&self, tenant: bool) -> &Client {
        if tenant { &self.tenants } else { &self.site }
    }
}

/// A client.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    inner: Arc<Vec<Network>>,
}

impl Client {
    /// Returns a client.
    ///
    /// # Errors
    /// A sentence for the operator naming the setting that is wrong.
    pub fn new(settings: &Settings) -> Result<Self> {
        let parse = |text: &String| {
            Network::parse(text).ok_or_else(|| {
                Error::internal(anyhow::anyhow!(
                    "settings of [outgoing]: `{text}` is no network such as 10.0.0.0/8"
                ))
            })
        };
        let inner: Vec<Network> =
            settings.inner_networks.iter().map(parse).collect::<Result<_>>()?;
        let inner = Arc::new(inner);
        let mut builder = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(LONGEST)
            .connect_timeout(LONGEST / 2)
            .pool_idle_timeout(Duration::from_secs(30))
            .no_proxy()
            .dns_resolver(Arc::new(Checked(inner.clone())));
        if !settings.ca_file.is_empty() {
            let pem = std::fs::read(&settings.ca_file).context("read outgoing.ca_file")?;
            let found =
                reqwest::Certificate::from_pem_bundle(&pem).context("read outgoing.ca_file")?;
            builder = builder.tls_certs_merge(found);
        }
        let http = builder.build().context("make a client")?;
        Ok(Self { http, inner })
    }

    /// Refuses an address by its form alone: what names resolve to is checked when it is called.
    ///
    /// # Errors
    /// Why it may not be called.
    pub fn may(&self, url: &str) -> Result<(), Fault> {
        let whole = reqwest::Url::parse(url).map_err(|_| Fault::Forbidden(cut(url)))?;
        let named = whole.domain().is_none_or(is_name);
        if !named || whole.port() == Some(0) {
            return Err(Fault::Forbidden(cut(url)));
        }
        let uri: http::Uri = url.parse().map_err(|_| Fault::Forbidden(cut(url)))?;
        let host = uri.host().ok_or_else(|| Fault::Forbidden(cut(url)))?;
        let literal: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
        let inner = literal.is_some_and(|ip| self.inner.iter().any(|network| network.holds(ip)));
        let home = host == "localhost" && self.allowed(IpAddr::V4(Ipv4Addr::LOCALHOST));
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if inner || home => {}
            _ => return Err(Fault::Plain(cut(url))),
        }
        match literal {
            Some(ip) if !self.allowed(ip) => Err(Fault::Forbidden(cut(host))),
            // Numbers in other clothes (0x7f.1, 2130706433) are no names.
            None if host.rsplit('.').next().is_some_and(|last| {
                last.is_empty() || last.starts_with(|c: char| c.is_ascii_digit())
            }) =>
            {
                Err(Fault::Forbidden(cut(host)))
            }
            _ => Ok(()),
        }
    }

    fn allowed(&self, ip: IpAddr) -> bool {
        allowed(&self.inner, ip)
    }

    /// Calls; an answer of any status is an answer.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn call(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Result<http::Response<Vec<u8>>, Fault> {
        self.may(&request.uri().to_string())?;
        let silent = |error: reqwest::Error| Fault::Silent(words(&error));
        let request = reqwest::Request::try_from(request).map_err(silent)?;
        let answer = self.http.execute(request).await.map_err(silent)?;
        let mut fresh = http::Response::builder().status(answer.status());
        if let Some(headers) = fresh.headers_mut() {
            headers.clone_from(answer.headers());
        }
        let mut body = Vec::new();
        let mut parts = answer.bytes_stream();
        while let Some(part) = parts.next().await {
            let part = part.map_err(silent)?;
            if body.len() + part.len() > LARGEST {
                return Err(Fault::TooLarge);
            }
            body.extend_from_slice(&part);
        }
        fresh.body(body).map_err(|error| Fault::Silent(error.to_string()))
    }
}

/// Returns whether a name could be a host's (RFC 1123 §2.1, RFC 5890 for others' letters).
fn is_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    name.len() <= 253 && name.trim_end_matches('.').split('.').all(label)
}

fn cut(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(120).collect()
}

/// The innermost cause of an error.
fn words(error: &reqwest::Error) -> String {
    let mut last: &dyn std::error::Error = error;
    while let Some(next) = last.source() {
        last = next;
    }
    last.to_string().chars().filter(|c| !c.is_control()).take(240).collect()
}

/// Resolves names, and leaves out what may not be called.
struct Checked(Arc<Vec<Network>>);

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let inner = self.0.clone();
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
            let good: Vec<SocketAddr> = found.filter(|at| allowed(&inner, at.ip())).collect();
            if good.is_empty() {
                return Err(Box::new(Fault::Forbidden(cut(&host))) as _);
            }
            Ok(Box::new(good.into_iter()) as Addrs)
        })
    }
}

fn allowed(inner: &[Network], ip: IpAddr) -> bool {
    let plain = ip.to_canonical();
    inner.iter().any(|network| network.holds(plain)) || is_public(plain)
}

/// Returns whether an address belongs to the public internet (IANA's special-purpose registries).
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            let special = matches!(
                (a, b, c),
                (0 | 10 | 127 | 224..=255, ..)
                    | (100, 64..=127, _)
                    | (169, 254, _)
                    | (172, 16..=31, _)
                    | (192, 0, 0 | 2)
                    | (192, 88, 99)
                    | (192, 168, _)
                    | (198, 18 | 19, _)
                    | (198, 51, 100)
                    | (203, 0, 113)
            );
            !special
        }
        IpAddr::V6(v6) => public_v6(v6),
    }
}

/// Global unicast alone, without documentation, benchmarks, and ways to write an IPv4 address.
fn public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    let global = a & 0xe000 == 0x2000;
    let special =
        matches!((a, b), (0x2001, 0..=0x01ff | 0x0db8) | (0x2002, _) | (0x3fff, 0..=0x0fff));
    global && !special
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(inner: &[&str]) -> Client {
        let inner_networks = inner.iter().map(|text| (*text).to_owned()).collect();
        Client::new(&Settings { inner_networks, ..Settings::default() }).unwrap()
    }

    #[tokio::test]
    async fn only_public_addresses_are_called() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let none = client(&[]);
        for bad in [
            "https://127.0.0.1/",
            "https://127.8.9.1/",
            "https://10.0.0.1/",
            "https://172.16.0.1/",
            "https://172.31.255.255/",
            "https://192.168.1.1/",
            "https://169.254.169.254/latest",
            "https://100.64.0.1/",
            "https://0.0.0.0/",
            "https://255.255.255.255/",
            "https://224.0.0.1/",
            "https://192.0.2.1/",
            "https://198.18.0.1/",
            "https://198.51.100.1/",
            "https://203.0.113.1/",
            "https://[::1]/",
            "https://[::]/",
            "https://[fe80::1]/",
            "https://[fc00::1]/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://[64:ff9b::7f00:1]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:db8::1]/",
            "https://[2001::1]/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://0x7f.1/",
            "http://example.com/",
            "http://8.8.8.8/",
            "ftp://example.com/",
            "file:///etc/passwd",
            "javascript:alert(1)",
            "gopher://example.com/",
            "https://",
            "https:///x",
            "",
            "https://user@10.0.0.1/",
            "https://127.0.0.1./",
        ] {
            assert!(none.may(bad).is_err(), "{bad}");
        }
        for good in ["https://example.com/", "https://8.8.8.8/", "https://[2606:4700::1111]/"] {
            assert!(none.may(good).is_ok(), "{good}");
        }
        // A name that leads inside is refused when it is called.
        let request = || http::Request::get("https://localhost:9/").body(Vec::new()).unwrap();
        let told = none.call(request()).await.unwrap_err().to_string();
        assert!(told.contains("may not be called"), "{told}");
        let inner = client(&["127.0.0.0/8"]);
        assert!(inner.may("http://127.0.0.1:8080/").is_ok());
        assert!(inner.may("http://localhost:8080/").is_ok());
        assert!(inner.may("http://10.0.0.1/").is_err());
        let told = inner.call(request()).await.unwrap_err().to_string();
        assert!(told.contains("no answer"), "{told}");
    }

    #[tokio::test]
    async fn what_is_wrong_in_the_settings_is_named() {
        let bad = Settings { inner_networks: vec!["home".into()], ..Settings::default() };
        assert!(Outgoing::new(&bad).err().unwrap().to_string().contains("home"));
    }

    #[tokio::test]
    async fn tenants_reach_inner_networks_where_that_is_meant() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let inner_networks = vec!["10.0.0.0/8".to_owned()];
        for tenants_reach_inner in [false, true] {
            let settings = Settings {
                inner_networks: inner_networks.clone(),
                tenants_reach_inner,
                ..Settings::default()
            };
            let both = Outgoing::new(&settings).unwrap();
            assert!(both.of(false).may("http://10.1.2.3/").is_ok());
            assert_eq!(both.of(true).may("http://10.1.2.3/").is_ok(), tenants_reach_inner);
        }
    }

    #[tokio::test]
    async fn no_redirect_is_followed_and_no_flood_is_swallowed() {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let at = listener.local_addr().unwrap();
        let serve = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            for body in ["redirect", "flood"] {
                let (mut stream, _) = listener.accept().await.unwrap();
                let _ = stream.read(&mut [0; 2048]).await;
                let head = if body == "redirect" {
                    "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                } else {
                    "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"
                };
                stream.write_all(head.as_bytes()).await.unwrap();
                if body == "flood" {
                    for _ in 0..20 {
                        if stream.write_all(&[b'x'; 128 * 1024]).await.is_err() {
                            break;
                        }
                    }
                }
            }
        };
        let ask = async {
            let client = client(&["127.0.0.1"]);
            let get = || http::Request::get(format!("http://{at}/")).body(Vec::new()).unwrap();
            assert_eq!(client.call(get()).await.unwrap().status(), 302);
            assert!(matches!(client.call(get()).await.unwrap_err(), Fault::TooLarge));
        };
        tokio::join!(serve, ask);
    }
}
