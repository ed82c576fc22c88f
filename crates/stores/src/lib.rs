//! Stores that are not folders, behind the vault's `Store` trait. Heavy, and so apart from it.

pub mod gateway;

pub use gateway::{Credentials, GatewayError, GatewayStore, Turns};
