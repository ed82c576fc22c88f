//! The tree of a snapshot: entries in the order of a walk, held in a search tree of chunks.

pub mod builder;
pub mod entry;
mod line;
pub mod list;
pub mod name;
pub mod node;
