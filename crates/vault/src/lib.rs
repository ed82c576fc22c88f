//! The vault: what Pulih writes and how it is read again.
//!
//! `docs/format.md` is the contract of this crate. Everything here is synchronous and takes
//! its store, randomness and clock as parameters.

pub mod id;
pub mod store;
pub mod tree;
