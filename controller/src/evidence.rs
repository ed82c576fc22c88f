//! What a site can show of itself: figures that follow from its ledger and its store, and from no catalog.

pub mod rpo;
pub mod view;
pub mod witnesses;
