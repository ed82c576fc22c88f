//! Packs that were applied: objects of the site, named by its ledger. One that cannot be read is never in force; that its
//! words stand in the regulation's text was looked at by whoever signed it, who had that text.

use pulih_comply::packs;
use pulih_ledger::entry::kinds::RegulationApplied;
use pulih_ledger::ids::SiteId;
use pulih_policies::MAX_BYTES;
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, Store, StoreError};
use pulih_vault::utc;
use serde_json::{Value, json};

use crate::catalog::{AppliedRegulation, Catalog};
use crate::gateway::answer::{Answer, Refusal};

fn bad(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::BadRequest, why)
}

pub fn row(its: &AppliedRegulation) -> Value {
    json!({
        "regulation": its.name, "version": its.version, "hash": its.object, "text_sha256": its.text,
        "since": utc::rfc3339(its.applied),
    })
}

/// The packs that come with Pulih, in force or not.
pub fn packed() -> Answer<Vec<Value>> {
    let row = |its: &packs::Packed| {
        let pack = its.read().map_err(|refused| Refusal::internal(&refused))?;
        Ok(json!({
            "regulation": its.name, "version": pack.version, "hash": ObjectHash::of(its.pack.as_bytes()).to_string(),
            "text_sha256": pack.text_sha256, "regency": pack.regency.as_str(), "clauses": pack.clauses.len(),
            "title": pack.title.id, "title_en": pack.title.en,
        }))
    };
    packs::PACKED.iter().map(row).collect()
}

/// Where a pack lies in the store of a site.
pub fn object(site: &SiteId, hash: ObjectHash) -> Answer<ObjectName> {
    format!("site/{site}/regulations/{hash}").parse().map_err(|error| Refusal::internal(&error))
}

/// Puts the pack that a person applies into the store, if it is the one that was signed.
pub fn take(
    store: &dyn Store,
    site: &SiteId,
    catalog: &Catalog,
    its: &RegulationApplied,
    text: Option<&str>,
) -> Answer<()> {
    let text = text.ok_or_else(|| bad("the pack's text is missing"))?;
    let pack = packs::read("pack", text.as_bytes(), None).map_err(|refused| bad(refused.to_string()))?;
    let hash = ObjectHash::of(text.as_bytes());
    let is_it = its.object == hash
        && its.regulation == pack.name.as_str()
        && its.version == u64::from(pack.version)
        && its.text_sha256.to_string() == pack.text_sha256;
    if !is_it {
        return Err(bad("what was signed is another pack than the one that came with it"));
    }
    if let Some(known) = catalog.regulation(&its.regulation, None)?.filter(|known| known.version >= its.version) {
        let text = format!(
            "the pack has version {}, and {} is in force; raise `version` and apply it again",
            its.version, known.version
        );
        return Err(bad(text));
    }
    match store.create(&object(site, hash)?, text.as_bytes()) {
        Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The text of a pack that was applied.
pub fn read(store: &dyn Store, site: &SiteId, its: &AppliedRegulation) -> Answer<String> {
    let hash: ObjectHash = its.object.parse().map_err(|error| Refusal::internal(&error))?;
    let bytes = store.read(&object(site, hash)?, MAX_BYTES as u64)?;
    if ObjectHash::of(&bytes) != hash {
        let text = format!("the pack {hash} in the store is damaged; apply it again with a higher version");
        return Err(Refusal::new(Code::Refused, text));
    }
    String::from_utf8(bytes).map_err(|error| Refusal::internal(&error))
}
