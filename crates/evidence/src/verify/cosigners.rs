//! Of step 8: whose co-signatures of a log count.

use std::collections::BTreeMap;

use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::ids::SiteId;

use super::{Bundle, Trust, Verified};
use crate::places::Place;
use crate::report::{Code, Report};
use crate::source::SourceError;

/// One who co-signs.
#[derive(Clone)]
pub struct Cosigner {
    pub key: CosignerKey,
    pub is_site: bool,
}

/// The witnesses of a bundle whose keys are what they should be.
pub struct Witnesses(BTreeMap<SiteId, CosignerKey>);

impl Witnesses {
    pub fn read(
        bundle: &Bundle<'_>,
        logs: &[Verified],
        trust: &Trust,
        report: &mut Report,
    ) -> Result<Self, SourceError> {
        let mut found = BTreeMap::new();
        for place in bundle.files.keys() {
            let Place::Witness(id) = place else { continue };
            let Some(bytes) = bundle.read(place, report)? else { continue };
            let Some(key) = key(&bytes) else {
                report.problem(Code::Damaged, place, "it is not the key of a witness");
                continue;
            };
            let is_named = logs.iter().any(|log| log.follower.said.witnesses.contains(&key));
            match trust.witnesses.get(id) {
                Some(given) if *given != key.fingerprint() => {
                    report.problem(Code::UnknownKey, place, "it has not the fingerprint that was given");
                }
                Some(_) if !is_named => report.problem(Code::UnknownKey, place, "no log says that it is a witness's"),
                None if !is_named => report.remark(format!("{place}: no log says that it is a witness's")),
                given => {
                    if given.is_none() {
                        report.remark(format!("of {place} no fingerprint was given: what it co-signed is told alone"));
                    }
                    found.insert(id.clone(), key);
                }
            }
        }
        for id in trust.witnesses.keys() {
            let place = Place::Witness(id.clone());
            if !bundle.has(&place) {
                report.problem(Code::Missing, place, "a fingerprint of it was given, and its key is not there");
            }
        }
        Ok(Self(found))
    }

    /// The witness of a name, if its key is there and is the one that was given.
    pub fn get(&self, id: &SiteId) -> Option<&CosignerKey> {
        self.0.get(id)
    }
}

fn key(bytes: &[u8]) -> Option<CosignerKey> {
    let line = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
    line.parse::<CosignerKey>().ok().filter(|key| key.to_string() == line)
}

/// Whose co-signatures of this log are looked at: other sites, by their chains or as this log was paired with them,
/// and witnesses.
pub fn of(log: &Verified, logs: &[Verified], witnesses: &Witnesses) -> Vec<Cosigner> {
    let sites = logs.iter().filter(|other| other.site != log.site).flat_map(|other| other.chain.keys.keys());
    let paired = log.follower.said.paired.iter().filter(|(peer, _)| *peer != log.site).map(|(_, key)| key);
    let mut all: Vec<Cosigner> = Vec::new();
    for key in sites.chain(paired) {
        let key = CosignerKey::of(key.clone());
        if all.iter().all(|known| known.key != key) {
            all.push(Cosigner { key, is_site: true });
        }
    }
    for key in witnesses.0.values() {
        if all.iter().all(|known| known.key != *key) {
            all.push(Cosigner { key: key.clone(), is_site: false });
        }
    }
    all
}
