//! Where SSH is listened for, as people type it.

use api::AllocationId;

/// The usual port, which no command line has to name.
const SSH_PORT: u16 = 22;

/// Where, and how the host shows that it is the right one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Host.
    pub host: String,
    /// Port.
    pub port: u16,
    /// The host key's fingerprint.
    pub fingerprint: String,
    /// The host key, as in a `known_hosts` file.
    pub public: String,
}

impl Endpoint {
    /// Returns what opens a shell.
    pub fn command(&self, id: AllocationId) -> String {
        format!("ssh {}{id}@{}", self.option("-p"), self.host)
    }

    /// Returns the port as an option of a program, with a blank behind it; nothing for the usual one.
    pub fn option(&self, name: &str) -> String {
        if self.port == SSH_PORT { String::new() } else { format!("{name} {} ", self.port) }
    }

    /// Returns `host:port` as editors take it.
    pub fn authority(&self, id: AllocationId) -> String {
        if self.port == SSH_PORT {
            format!("{id}@{}", self.host)
        } else {
            format!("{id}@{}:{}", self.host, self.port)
        }
    }

    /// Returns the line of a `known_hosts` file.
    pub fn known_hosts(&self) -> String {
        match self.port {
            SSH_PORT => format!("{} {}", self.host, self.public),
            port => format!("[{}]:{port} {}", self.host, self.public),
        }
    }

    /// Returns one as tests and samples have it.
    pub fn sample() -> Self {
        Self {
            host: "localhost".into(),
            port: 2222,
            fingerprint: "SHA256:2yC0j7dXm7G4p0bTn1oE1dQv4b0Wj3b5k2mX0c9pR7s".into(),
            public: "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGFh".into(),
        }
    }
}
