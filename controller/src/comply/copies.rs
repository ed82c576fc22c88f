//! Facts of what stands elsewhere too: co-signatures of this site's ledger, and further copies that were read again.

use pulih_ledger::cosign::CosignerKey;
use pulih_ledger::others;
use serde_json::Value;

use super::records::{Object, Records};
use crate::gateway::answer::{Answer, Refusal};

pub fn ledgers(records: &Records) -> Answer<Value> {
    let diverged: Vec<String> =
        records.all().filter_map(|ledger| Some(ledger.entry(ledger.register().diverged.as_ref()?))).collect();
    let cosigned = cosigned(records)?;
    let fact = Object::default()
        .with("diverged", !diverged.is_empty())
        .with_some("cosigned_days", cosigned.as_ref().map(|(at, _)| records.days_since(*at)));
    Ok(fact.from_entries(diverged.into_iter().chain(cosigned.into_iter().flat_map(|(_, entries)| entries)).collect()))
}

/// When a site that this one is paired with, or a witness, co-signed this site's ledger last, by its own clock; and the
/// entries by which its key counts.
fn cosigned(records: &Records) -> Answer<Option<(i64, Vec<String>)>> {
    let (own, part) = (&records.own, records.sources.own);
    let register = own.register();
    let of_sites = register.cosigners.iter().flat_map(|(peer, keys)| {
        let paired = register.peers.get(peer).map(|its| own.entry(its));
        keys.iter().map(move |key| (CosignerKey::of(key.clone()), paired.clone()))
    });
    let of_witnesses = register.witnesses.values().map(|(added, _)| (added.says.key.clone(), Some(own.entry(added))));
    let known: Vec<(CosignerKey, Option<String>)> = of_sites.chain(of_witnesses).collect();
    let keys: Vec<CosignerKey> = known.iter().map(|(key, _)| key.clone()).collect();
    // One that cannot be read from its first entry on is still believed by the keys that it was opened by.
    let chain = part.log.keys_from_first().unwrap_or_else(|_| part.log.keys().clone());
    let until = u64::try_from(records.now).unwrap_or(0);
    let found = others::newest_until(records.sources.store, part.log.layout(), &chain, &keys, (part.size, until));
    let Some(its) = found.map_err(|error| Refusal::internal(&error))? else { return Ok(None) };
    let entries = known.into_iter().filter(|(key, _)| key == its.key()).filter_map(|(_, entry)| entry).collect();
    Ok(Some((i64::try_from(its.time()).unwrap_or(i64::MAX), entries)))
}

/// Of further copies that were read again and found whole, the one that was made last: data can be handed over as they
/// were then.
pub fn exports(records: &Records) -> Value {
    let all = records.all().flat_map(|ledger| ledger.register().receipts.values().map(move |its| (its, ledger)));
    let verified = all.filter_map(|((made, verified), ledger)| Some((made, verified.as_ref()?, ledger)));
    let Some((made, verified, ledger)) = verified.max_by_key(|(made, ..)| made.at) else {
        return Object::default().into();
    };
    Object::default()
        .with("verified_days", records.days_since(made.at))
        .from_entries(vec![ledger.entry(made), ledger.entry(verified)])
}
