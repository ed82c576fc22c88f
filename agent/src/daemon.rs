//! What the daemon decides and remembers, apart from the process that acts on it: when runs begin,
//! which policy is followed, what the site has still to be told, and what systemd is told.

pub mod due;
pub mod follow;
pub mod notify;
pub mod outbox;
