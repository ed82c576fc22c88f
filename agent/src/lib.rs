//! The agent on an office's server: it walks what is to be saved, streams it into a vault and
//! brings it back.

pub mod target;
