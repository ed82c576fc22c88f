//! The vault: what Pulih writes and how it is read again.
//!
//! `docs/format.md` is the contract of this crate. Everything here is synchronous and takes
//! its store, randomness and clock as parameters.

pub mod check;
pub mod chunk_map;
pub mod chunker;
pub mod description;
pub mod envelope;
pub mod error;
pub mod frame;
pub mod hand_over;
pub mod id;
pub mod index;
pub mod layout;
pub mod manifest;
pub mod note;
pub mod pack;
pub mod reach;
pub mod reader;
pub mod rebuild;
pub mod store;
pub mod tree;
pub mod trust;
pub mod utc;
pub mod wire;
pub mod writer;
