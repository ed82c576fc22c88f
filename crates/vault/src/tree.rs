//! The tree of a snapshot: entries in the order of a walk, held in a search tree of chunks.

pub mod entry;
mod line;
pub mod name;
pub mod node;
