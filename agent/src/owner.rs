//! What goes between a server and the place where the OPD's owner key is: a *request*, which says
//! what shall be signed, and the *answer*, which is signed. `docs/contracts/owner.md`.
//!
//! Both are carried by hand and believed by nobody: the owner signs what was understood and shown,
//! never bytes as they came; the server takes an answer only to what it asked.

mod answer;
mod request;

pub use answer::Answer;
pub use request::{Act, DraftText, Request};

/// Of a request or answer: above any description, with room for how JSON writes it.
pub const MAX_FILE_BYTES: u64 = 4 << 20;
