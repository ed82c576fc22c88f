//! Bringing a snapshot back into a folder: the engine, the folder that nothing leaves, and a recovery point
//! that is brought into place whole.

mod limit;
pub mod recover;
mod restore;
pub mod target;

pub use limit::raise_file_limit;
pub use restore::{Action, Restore, RestoreError, Selection, Summary, run};
