//! The gateway: what agents reach of a site.

pub mod answer;
mod enroll;
mod objects;
mod peer;
mod routes;
mod serve;

pub use serve::{Gateway, ServeError};
