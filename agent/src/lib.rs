//! The agent on an office's server: it walks what is to be saved, streams it into a vault and
//! brings it back.

/// `pulih-agent 0.1.0`: how manifests name their writer.
pub const PROGRAM: &str = concat!("pulih-agent ", env!("CARGO_PKG_VERSION"));

pub mod backup;
pub mod cli;
pub mod config;
pub mod daemon;
pub mod drc;
pub mod identity;
mod machine;
pub mod owner;
pub mod rewrite;
pub mod source;
pub mod spool;
pub mod state;
mod turns;
