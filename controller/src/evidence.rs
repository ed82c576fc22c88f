//! What a site can show of itself, and the keys by which that is believed. Figures follow from its ledger and its store,
//! and from no catalog.

pub mod entries;
pub mod keys;
pub mod read;
pub mod rpo;
pub mod rto;
pub mod states;
mod subjects;
pub mod view;
pub mod witnesses;
