//! Bringing a snapshot back into a folder: the engine, and the folder that nothing leaves.

mod limit;
mod restore;
pub mod target;

pub use limit::raise_file_limit;
pub use restore::{Action, Restore, RestoreError, Selection, Summary, run};
