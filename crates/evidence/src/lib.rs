//! What follows from a site's ledger, by anybody's reckoning: which recovery points there were and what would
//! have been lost. It knows no catalog, no network and no policy.

pub mod facts;
pub mod rpo;
