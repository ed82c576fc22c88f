//! What `site.toml` says of the site, on its ledger: who judges the site has the ledger alone.

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::{SiteCertificate, SiteDescribed};
use pulih_ledger::time::Time;
use pulih_vault::error::Malformed;

use crate::base::{Base, lock};
use crate::catalog::doubt;
use crate::gateway::answer::{Answer, Refusal};
use crate::site::SiteFile;

/// What the file says, as it stands in an entry.
fn described(site: &SiteFile) -> Result<SiteDescribed, Malformed> {
    let place = site.location.as_ref();
    let certificate = |its: &crate::site::Certified| {
        // The last day counts to its end.
        let until: Time = format!("{}T23:59:59Z", its.until).parse()?;
        Ok(SiteCertificate { name: its.name.clone(), number: its.number.clone(), until })
    };
    Ok(SiteDescribed {
        name: site.name.clone(),
        regency: place.map(|place| place.regency.clone()),
        latitude: place.map(|place| place.latitude.to_string()),
        longitude: place.map(|place| place.longitude.to_string()),
        operator: site.operator.clone(),
        operator_is_asn: site.operator_is_asn,
        provider: site.provider.clone(),
        certificates: site.certificates.iter().flatten().map(certificate).collect::<Result<_, Malformed>>()?,
    })
}

impl Base {
    /// Says it, if it is not what the site said last. Nothing is written by a clock in doubt: the next hour tries again.
    pub fn describe_site(&self) -> Answer<()> {
        let its = described(&self.site).map_err(|error| Refusal::internal(&error))?;
        let now = self.now();
        let mut record = lock(&self.record);
        let is_to_wait = record.behind().is_some() || doubt(record.catalog.newest_time()?, now).is_some();
        if is_to_wait || record.catalog.described()?.as_ref() == Some(&its) {
            return Ok(());
        }
        Ok(record.write(now, &Actor::Site, vec![its.into()])?)
    }
}
