//! Making the catalog again.

use super::{Failure, serve};
use crate::record::Record;
use crate::site::{SiteDir, SiteRole};

pub fn run(dir: &SiteDir) -> Result<(), Failure> {
    dir.site()?;
    {
        let _lock = dir.lock()?;
        Record::forget_catalog(dir).map_err(|error| Failure::Said(format!("cannot remove the catalog: {error}")))?;
    }
    let (opened, _lock) = serve::open(dir)?;
    println!("Made the catalog again from {} entries of the ledger.", opened.entries());
    if dir.site()?.role == SiteRole::Drc {
        println!(
            "A DRC that was paired waits now: nothing is pulled and nothing expires until an admin has looked and says so\n\
             with `pulih-controller resume replication` and `pulih-controller resume expiry`."
        );
    }
    Ok(())
}
