//! The tree of a snapshot: entries in the order of a walk, held in a search tree of chunks.

pub mod entry;
pub mod name;
