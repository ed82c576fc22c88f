//! The controller of a site: one process that takes in the agents' snapshots, decides what is
//! believed, and writes down what happened before it does.

mod attest;
pub mod base;
pub mod card;
pub mod cards;
pub mod catalog;
pub mod cli;
pub mod comply;
mod control;
pub mod copy;
mod cosign;
pub mod drc;
mod drill;
pub mod evidence;
pub mod gateway;
pub mod keeping;
mod parallel;
pub mod people;
pub mod pki;
pub mod policy;
mod portions;
pub mod pusat;
pub mod record;
mod recover;
pub mod report;
pub mod scrub;
mod silence;
mod simulate;
pub mod site;
mod stick;
pub mod store;
pub mod uji;
mod witness;
