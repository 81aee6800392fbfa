//! fleet on the wire.
