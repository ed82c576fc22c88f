//! Making a site.

use pulih_ledger::entry::kinds::{PolicyApplied, SiteCreated};
use pulih_policies::Policy;
use pulih_stores::StoreUrl;
use pulih_stores::open::process_env;
use pulih_vault::utc;

use super::{Failure, Init};
use crate::pki::Authority;
use crate::pusat::{DEFAULT_POLICY, put_policy};
use crate::record::Record;
use crate::site::{SiteDir, SiteFile};
use crate::store;

pub fn run(dir: &SiteDir, args: &Init, json: bool) -> Result<(), Failure> {
    let site = SiteFile::read(&args.site)?;
    let url = StoreUrl::parse(&args.store, &process_env).map_err(|error| Failure::Said(error.to_string()))?;
    let text = url.to_string();
    dir.make()?;
    let _lock = dir.lock()?;
    let now = utc::now();
    let (authority, ca_key) = Authority::make(&site.name, now)?;
    let store = store::make(dir, &url)?.store;
    dir.write("ca.key", &ca_key)?;
    dir.write("ca.pem", authority.certificate())?;
    let policy = Policy::parse("default.toml", DEFAULT_POLICY.as_bytes())
        .map_err(|error| Failure::Said(format!("the default policy is not one: {error}")))?;
    let object = put_policy(&*store, &site, DEFAULT_POLICY)?;
    Record::make(dir, &site, store, now, |key| {
        let (name, version) = (policy.name.to_string(), u64::from(policy.version));
        vec![
            SiteCreated { role: "pusat".into(), name: site.name.clone(), key: key.verifier() }.into(),
            PolicyApplied { policy: name, version, object }.into(),
        ]
    })?;
    // Last: with it there is a site.
    let file = std::fs::read_to_string(&args.site).map_err(|error| Failure::Said(error.to_string()))?;
    dir.write("site.toml", &file)?;
    if json {
        println!("{}", serde_json::json!({"type": "pulih/site/v1", "site": site.name, "store": text}));
    } else {
        println!("Made the site {} with its store in {text}.\n\nNext:", site.name);
        println!("  pulih-controller serve");
        println!("  pulih-controller opd add NAME --owner KEY");
        println!("  pulih-controller agent invite NAME --opd NAME");
    }
    Ok(())
}
