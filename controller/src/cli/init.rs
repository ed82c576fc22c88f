//! Making a site.

use pulih_ledger::entry::kinds::{PolicyApplied, SiteCreated};
use pulih_policies::Policy;
use pulih_stores::StoreUrl;
use pulih_stores::open::process_env;

use super::{Failure, Init, Role};
use crate::pki::Authority;
use crate::policy;
use crate::record::Record;
use crate::site::{SiteDir, SiteFile, SiteRole};
use crate::store;
use crate::uji;

pub fn run(dir: &SiteDir, args: &Init, json: bool) -> Result<(), Failure> {
    let site = SiteFile::read(&args.site)?;
    let role = match args.role {
        Role::Pusat => SiteRole::Pusat,
        Role::Drc => SiteRole::Drc,
    };
    if role != site.role {
        let text = format!("{} says `role = \"{}\"`, and --role another", args.site.display(), site.role.as_str());
        return Err(Failure::Said(text));
    }
    let url = StoreUrl::parse(&args.store, &process_env).map_err(|error| Failure::Said(error.to_string()))?;
    let text = url.to_string();
    dir.make()?;
    let _lock = dir.lock()?;
    let now = uji::now();
    let (authority, ca_key) = Authority::make(&site.name, now)?;
    let store = store::make(dir, &url)?.store;
    dir.write("ca.key", &ca_key)?;
    dir.write("ca.pem", authority.certificate())?;
    let default = Policy::parse("default.toml", policy::DEFAULT.as_bytes())
        .map_err(|error| Failure::Said(format!("the default policy is not one: {error}")))?;
    let object = policy::put(&*store, &site, policy::DEFAULT)?;
    Record::make(dir, &site, store, now, |key| {
        let (name, version) = (default.name.to_string(), u64::from(default.version));
        vec![
            SiteCreated {
                role: role.as_str().into(),
                name: site.name.clone(),
                key: key.verifier(),
                uji: crate::uji::IS_UJI,
            }
            .into(),
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
        let next: &[&str] = match role {
            SiteRole::Pusat => &["serve", "opd add NAME --owner KEY", "agent invite NAME --opd NAME"],
            SiteRole::Drc => &["user add ID --name NAME --role admin --key KEY", "pair offer --out drc.card", "serve"],
        };
        next.iter().for_each(|command| println!("  pulih-controller {command}"));
    }
    Ok(())
}
