//! Randomness: the operating system's, or a seeded stream for tests.

use std::sync::Mutex;

/// Where random bytes come from.
pub trait Rng: Send + Sync + 'static {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);

    /// Returns 16 random bytes.
    fn bytes16(&self) -> [u8; 16] {
        let mut buffer = [0; 16];
        self.fill(&mut buffer);
        buffer
    }

    /// Returns 32 random bytes: the size of every bearer secret.
    fn bytes32(&self) -> [u8; 32] {
        let mut buffer = [0; 32];
        self.fill(&mut buffer);
        buffer
    }
}

/// The operating system's randomness.
pub struct OsRng;

impl Rng for OsRng {
    /// Ends the process when the operating system has no randomness: nothing secret can be made.
    fn fill(&self, buffer: &mut [u8]) {
        if getrandom::fill(buffer).is_err() {
            std::process::abort();
        }
    }
}

/// A repeatable stream (SplitMix64); for tests only.
pub struct FakeRng(Mutex<u64>);

impl FakeRng {
    /// Starts the stream.
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed))
    }
}

impl Rng for FakeRng {
    fn fill(&self, buffer: &mut [u8]) {
        let mut state = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        for chunk in buffer.chunks_mut(8) {
            *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut word = *state;
            word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            for (to, from) in chunk.iter_mut().zip((word ^ (word >> 31)).to_le_bytes()) {
                *to = from;
            }
        }
    }
}
