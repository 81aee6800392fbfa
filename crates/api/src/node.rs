//! node on the wire.
