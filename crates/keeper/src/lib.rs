//! The keeper: it alone holds a site's recovery identities, in a process and under a user of its
//! own, and does one thing with them: it takes the header of a pack and gives back that pack's file
//! key. It has no network, writes nothing to a ledger, and hands out no identity.
//! `docs/contracts/keys.md`.

mod client;
mod held;
mod key;
mod pace;
mod sealing;
mod serve;
pub mod wire;

pub use client::{Keeper, KeeperError};
pub use held::{Held, MAX_SESSION_SECONDS, Standing};
pub use key::{KeyError, KeyFile, NewKey};
pub use sealing::{MAX_PEOPLE, Parts, SealedKey, parts_of};
pub use serve::{Serve, ServeError};
