//! What follows from a site's ledger, by anybody's reckoning: which recovery points there were and what would
//! have been lost; and the bundle in which all of it is carried away, written and verified. It knows no catalog
//! and no network.

pub mod facts;
pub mod places;
pub mod qualifying;
pub mod register;
pub mod report;
pub mod rpo;
pub mod rto;
pub mod sample;
pub mod source;
pub mod states;
pub mod stored;
pub mod tried;
mod ustar;
pub mod verify;
pub mod write;
