//! What agents and a site's gateway say to each other: paths, bodies, tokens and errors. Types
//! only; `docs/contracts/gateway.md` is the page of it, and a test holds the two together.

pub mod drc;
pub mod enroll;
pub mod error;
pub mod grant;
pub mod hello;
pub mod path;
pub mod policy;
pub mod recovery;
pub mod report;
pub mod token;

/// Most bytes of a JSON body, either way.
pub const MAX_BODY_BYTES: u64 = 1 << 20;
