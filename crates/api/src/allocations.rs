//! allocations on the wire.
