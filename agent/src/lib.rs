//! The agent on an office's server: it walks what is to be saved, streams it into a vault and
//! brings it back.

pub mod backup;
pub mod cli;
pub mod identity;
pub mod monitor;
pub mod restore;
pub mod source;
pub mod state;
pub mod target;
