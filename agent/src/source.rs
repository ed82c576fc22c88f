//! What is to be saved, as the agent finds it on disk: every path once, in the order of a
//! snapshot's tree, with no assumption that anything stays as it was a moment ago.

mod ahead;
pub mod content;
pub mod error;
pub mod exclude;
pub mod limit;
pub mod listing;
pub mod metadata;
pub mod owner;
mod roots;
mod scan;
pub mod stat;
pub mod walk;

pub use error::SourceError;
pub use exclude::Excludes;
pub use listing::{Found, Skip, Step};
pub use owner::OwnerNames;
pub use stat::Stat;
pub use walk::{Walk, WalkOptions, walk};
