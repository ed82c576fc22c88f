//! The gateway: what agents reach of a site.

pub mod answer;
mod ask;
mod heads;
pub mod lines;
pub mod meter;
mod objects;
mod peer;
mod reader;
mod recovery;
mod replica;
mod routes;
mod serve;
mod shares;
mod stream;

#[cfg(test)]
pub use peer::Shown;
#[cfg(test)]
pub use routes::router;
pub use serve::{Gateway, ServeError};
