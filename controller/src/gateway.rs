//! The gateway: what agents reach of a site.

pub mod answer;
mod ask;
mod heads;
pub mod lines;
mod objects;
mod peer;
mod reader;
mod recovery;
mod replica;
mod routes;
mod serve;
mod shares;
mod stream;

pub use serve::{Gateway, ServeError};
