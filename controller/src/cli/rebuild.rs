//! Making the catalog again.

use super::{Failure, serve};
use crate::record::Record;
use crate::site::SiteDir;

pub fn run(dir: &SiteDir) -> Result<(), Failure> {
    dir.site()?;
    {
        let _lock = dir.lock()?;
        Record::forget_catalog(dir).map_err(|error| Failure::Said(format!("cannot remove the catalog: {error}")))?;
    }
    let (opened, _lock) = serve::open(dir)?;
    println!("Made the catalog again from {} entries of the ledger.", opened.entries());
    Ok(())
}
