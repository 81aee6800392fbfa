//! The protocol between control plane and agent, version 2.
//!
//! The agent dials; after TLS the roles turn round and the control plane asks (HTTP/2 client):
//! `PUT /v1/desired` with everything that should be, `GET /v1/observe` for a stream of
//! [`Observation`] lines, `POST /v1/terminals/{allocation}` for a duplex stream of [`frame`]s, and
//! since version 2 `POST /v1/streams/{allocation}` for one whose first frame says what it is: a
//! [`StreamAsk`].

use crate::{AllocationId, NodeId, TerminalId, words};
use serde::{Deserialize, Serialize};

/// The protocol's version.
pub const PROTOCOL: u32 = 4;
/// The first version whose agents carry [`StreamAsk`]s, and more than a hundred streams at once.
pub const PROTOCOL_STREAMS: u32 = 2;
/// The first in which a shell can be followed by somebody else.
pub const PROTOCOL_WATCH: u32 = 3;
/// The first whose programs on terminals outlive a lost link: [`StreamAsk::Attach`] with a program.
pub const PROTOCOL_LASTS: u32 = 4;
/// ALPN of joining and renewing: one JSON line each way.
pub const ALPN_JOIN: &[u8] = b"gpuaas-join/1";
/// ALPN of the link itself.
pub const ALPN_LINK: &[u8] = b"gpuaas-agent/1";

/// What an agent sends to join, or to renew its certificate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinAsk {
    /// One-time token; absent when the connection carries a certificate of ours.
    pub token: Option<String>,
    /// Certificate signing request, PEM.
    pub csr_pem: String,
    /// The name the machine gives itself.
    pub name: String,
    /// What it has.
    pub inventory: Inventory,
}

/// The answer to [`JoinAsk`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct JoinAnswer {
    /// Set when it was let in.
    pub joined: Option<Joined>,
    /// Else why not, in plain words.
    pub refused: Option<String>,
}

/// An identity for an agent.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Joined {
    /// The node.
    pub node_id: NodeId,
    /// Its certificate, PEM, valid for 24 hours.
    pub certificate_pem: String,
    /// The authority, PEM.
    pub ca_pem: String,
}

/// What a machine has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Inventory {
    /// Version of the agent.
    pub agent_version: String,
    /// Host name.
    pub hostname: String,
    /// Kernel release.
    pub kernel: String,
    /// Processors.
    pub cpu_count: i64,
    /// Memory, MiB.
    pub memory_mib: i64,
    /// Free disk where workloads live, MiB.
    pub disk_mib: i64,
    /// GPUs.
    pub gpus: Vec<Gpu>,
    /// Whether the GPUs are made up.
    pub simulated: bool,
    /// What runs workloads: `runc 1.1.5`.
    pub runtime: String,
    /// What it cannot enforce here, in plain words.
    pub not_enforced: Vec<String>,
}

/// A GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Gpu {
    /// Index on the machine.
    pub index: i64,
    /// The vendor's UUID.
    pub uuid: String,
    /// Model: `H100`.
    pub model: String,
    /// Memory, MiB.
    pub memory_mib: i64,
}

words! {
    /// What should be of a workload.
    pub enum Want {
        /// Run it.
        Running = "running",
        /// Nothing of it left.
        Absent = "absent",
    }
}

words! {
    /// What is of a workload.
    pub enum ObservedState {
        /// Being made.
        Starting = "starting",
        /// Runs and answers.
        Running = "running",
        /// Being removed.
        Stopping = "stopping",
        /// Nothing left: processes, mounts, groups.
        Absent = "absent",
        /// Could not be made or ended by itself.
        Failed = "failed",
        /// Could not be removed.
        Stuck = "stuck",
    }
}

/// One workload that should be.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Work {
    /// The allocation: the workload's name everywhere.
    pub allocation_id: AllocationId,
    /// Rises with every change of intent; a lower one never counts.
    pub generation: i64,
    /// What should be.
    pub want: Want,
    /// What it gets.
    pub spec: Spec,
}

/// What a workload gets.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Spec {
    /// Processor time, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory, MiB.
    pub mem_mib: i64,
    /// Most processes.
    pub pids: i64,
    /// GPUs.
    pub gpus: Vec<Gpu>,
    /// Whether the GPUs are made up.
    pub simulated: bool,
    /// Host name inside.
    pub hostname: String,
    /// Whether it may open connections to the internet; otherwise it has a loopback network alone.
    #[serde(default)]
    pub outgoing: bool,
}

/// Everything that should be on a node.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Desired {
    /// Workloads; one the agent runs and that is not here is reported, never killed unasked.
    pub works: Vec<Work>,
}

/// One line of the observation stream: a heartbeat, or news.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Observation {
    /// Protocol version of the agent.
    pub protocol: u32,
    /// What it has; on the first line and when it changes.
    pub inventory: Option<Inventory>,
    /// Every workload it knows.
    pub works: Vec<Observed>,
}

/// What is of one workload.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// The allocation.
    pub allocation_id: AllocationId,
    /// The generation of the intent it answers.
    pub generation: i64,
    /// What is.
    pub state: ObservedState,
    /// In plain words; never a path or a secret.
    pub detail: String,
}

/// What a stream into a workload is: its first frame, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum StreamAsk {
    /// A program: a login shell, or a command the shell is given.
    Run(RunAsk),
    /// A shell that goes on while nobody looks, or, where it was begun before, another look at it.
    Attach {
        /// Its name.
        terminal_id: TerminalId,
        /// Where in its output to go on; a new shell when absent.
        from: Option<u64>,
        /// Its terminal.
        terminal: TerminalAsk,
        /// What runs there instead of a login shell; comes with [`PROTOCOL_LASTS`]. It is hung up when its stream
        /// ends, and a minute after the link it came by was lost.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        run: Option<RunAsk>,
    },
    /// Follows a shell of [`StreamAsk::Attach`] without a hand in it: what is sent to it goes nowhere. Comes with
    /// [`PROTOCOL_WATCH`].
    Watch {
        /// Its name.
        terminal_id: TerminalId,
    },
    /// A server of SSH's file transfer protocol, version 3, on input and output.
    Sftp,
    /// A connection to a port of the workload's own loopback. The first byte back is [`OPEN`], or the
    /// stream ends.
    Dial {
        /// The port.
        port: u16,
    },
    /// Listens on a port of the workload's own loopback. Lines come back: `port name`, then a number
    /// for each connection that waits to be taken.
    Listen {
        /// The port; 0 for any.
        port: u16,
    },
    /// Takes a connection that waits. The first byte back is [`OPEN`], or the stream ends.
    Take {
        /// What the listener called itself.
        name: String,
        /// The connection's number.
        number: u32,
    },
}

/// The first byte of a connection that was made.
pub const OPEN: u8 = b'+';

/// A program to be run in a workload.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RunAsk {
    /// What the shell is given; a login shell when absent.
    pub command: Option<String>,
    /// Its terminal; without one, input, output and errors are three streams.
    pub terminal: Option<TerminalAsk>,
    /// Names and values for its environment.
    pub env: Vec<(String, String)>,
}

/// A terminal of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TerminalAsk {
    /// Its kind: `xterm-256color`.
    pub term: String,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
}

/// Frames of a terminal stream: one byte kind, four bytes length (big endian), payload.
pub mod frame {
    /// Bytes of the terminal, either way.
    pub const DATA: u8 = 0;
    /// New size: two big-endian u16, columns and rows; to the node, and from it to whoever only follows.
    pub const RESIZE: u8 = 1;
    /// The shell ended; payload is its code as text, empty where nobody heard it; from the node.
    pub const EXIT: u8 = 2;
    /// So many bytes of [`DATA`] more went into the program: one big-endian u32; from the node, each time a few KiB did.
    pub const TAKEN: u8 = 3;
    /// Bytes of the program's errors; from the node.
    pub const ERRORS: u8 = 4;
    /// No more input comes; to the node.
    pub const END: u8 = 5;
    /// A signal for the program, by its name without `SIG`; to the node.
    pub const SIGNAL: u8 = 6;
    /// The signal that ends a shell which would go on while nobody looks.
    pub const HANG_UP: &str = "HUP";
    /// What the stream is: a [`super::StreamAsk`] as JSON, the first frame of it; to the node.
    pub const ASK: u8 = 7;
    /// Where in a shell's output the bytes that follow begin, and how many there are so far: two big-endian u64;
    /// from the node, first.
    pub const AT: u8 = 8;
    /// Somebody else looks at the shell now; from the node, last.
    pub const MOVED: u8 = 9;
    /// Most bytes of [`DATA`] on their way to a shell without [`TAKEN`].
    pub const WINDOW: usize = 128 * 1024;
    /// The same for a stream.
    pub const STREAM_WINDOW: usize = 256 * 1024;
    /// Largest payload, bytes.
    pub const MOST: usize = 64 * 1024;

    /// Writes a frame.
    pub fn write(kind: u8, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(payload.len() + 5);
        out.push(kind);
        out.extend(u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes());
        out.extend(payload);
        out
    }

    /// Takes whole frames out of a buffer as they arrive.
    #[derive(Default)]
    pub struct Reader {
        arrived: Vec<u8>,
        /// How much of it was read.
        read: usize,
    }

    impl Reader {
        /// Adds what arrived.
        pub fn push(&mut self, bytes: &[u8]) {
            // What is left of it is less than a frame, unless nobody reads.
            self.arrived.drain(..self.read);
            self.read = 0;
            self.arrived.extend_from_slice(bytes);
        }

        /// Returns what arrived and was not read.
        pub fn rest(&self) -> &[u8] {
            self.arrived.get(self.read..).unwrap_or_default()
        }

        /// Returns the next whole frame; `Err` when the other side breaks the rules.
        ///
        /// # Errors
        /// A payload larger than [`MOST`].
        pub fn next_frame(&mut self) -> Result<Option<(u8, Vec<u8>)>, &'static str> {
            let Some((head, rest)) = self.rest().split_first_chunk::<5>() else { return Ok(None) };
            let [kind, a, b, c, d] = *head;
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if length > MOST {
                return Err("a frame is larger than allowed");
            }
            let Some(payload) = rest.get(..length) else { return Ok(None) };
            let payload = payload.to_vec();
            self.read += 5 + length;
            Ok(Some((kind, payload)))
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn frames_arrive_whole_however_they_are_cut() {
            let mut bytes = write(DATA, b"hello");
            bytes.extend(write(RESIZE, &[0, 80, 0, 24]));
            for cut in 1..bytes.len() {
                let mut reader = Reader::default();
                let mut seen = Vec::new();
                for part in bytes.chunks(cut) {
                    reader.push(part);
                    while let Some(frame) = reader.next_frame().unwrap() {
                        seen.push(frame);
                    }
                }
                assert_eq!(seen, [(DATA, b"hello".to_vec()), (RESIZE, vec![0, 80, 0, 24])]);
            }
        }

        #[test]
        fn a_giant_frame_is_refused() {
            let mut reader = Reader::default();
            reader.push(&[0, 0xff, 0xff, 0xff, 0xff]);
            assert!(reader.next_frame().is_err());
        }
    }
}
