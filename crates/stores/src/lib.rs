//! Stores that are not folders, behind the vault's `Store` trait. Heavy, and so apart from it.
//! S3 is a feature, so that who speaks to a gateway alone does not build it.

pub mod gateway;
#[cfg(feature = "s3")]
pub mod open;
#[cfg(feature = "s3")]
pub mod probe;
mod retry;
#[cfg(feature = "s3")]
pub mod s3;

pub use gateway::{Credentials, GatewayError, GatewayStore, Turns};
#[cfg(feature = "s3")]
pub use open::{OpenError, Opened, StoreUrl, UrlError};
#[cfg(feature = "s3")]
pub use probe::Probe;
#[cfg(feature = "s3")]
pub use s3::{S3Address, S3Error, S3Store};
