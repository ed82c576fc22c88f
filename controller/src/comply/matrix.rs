//! The matrix of verdicts, `pulih/comply/v1`: of the packs in force, or of one that is asked for.

use pulih_comply::packs::{PACKED, Packed, read};
use pulih_comply::{Cited, Judged, Limit, Statement, Verdict, judge};
use pulih_policies::{Item, MAX_BYTES, Regulation};
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::{ObjectName, StoreError};
use pulih_vault::utc;
use serde_json::{Map, Value, json};

use super::facts::Known;
use super::records::{Ledger, Records};
use crate::evidence::read::Extent;
use crate::gateway::answer::{Answer, Refusal};

/// Facts of a clause that the whole matrix shows; one that is opened shows all.
const SHOWN: usize = 20;

/// A pack, and since when it is in force.
pub struct Pack {
    pub regulation: Regulation,
    pub object: ObjectHash,
    pub in_force: Option<i64>,
}

fn missing(why: impl Into<String>) -> Refusal {
    Refusal::new(Code::NotFound, why)
}

/// The packs in force, or the one with a name: in force, or else of those that come with Pulih.
pub fn packs(records: &Records, named: Option<&str>) -> Answer<Vec<Pack>> {
    let applied = records.all().flat_map(|ledger| ledger.register().regulations.iter().map(move |its| (ledger, its)));
    let mut packs: Vec<Pack> = Vec::new();
    for (ledger, (name, its)) in applied {
        // One that is in force at both sites is the own site's.
        let is_known = packs.iter().any(|pack| pack.regulation.name.as_str() == name);
        if !is_known && named.is_none_or(|named| named == name) {
            let regulation = in_force(records, ledger, name, its.says.object)?;
            packs.push(Pack { regulation, object: its.says.object, in_force: Some(its.at) });
        }
    }
    match named {
        Some(name) if packs.is_empty() => Ok(vec![packed(name)?]),
        None if packs.is_empty() => Err(missing(
            "no regulation is in force here; `regulation list` shows the packs that come with Pulih, `regulation apply` \
             puts one in force, and `comply --regulation NAME` shows one before",
        )),
        _ => Ok(packs),
    }
}

fn packed(name: &str) -> Answer<Pack> {
    let its = Packed::named(name).ok_or_else(|| {
        let known: Vec<&str> = PACKED.iter().map(|its| its.name).collect();
        missing(format!("no regulation {name} is in force, and none comes with Pulih; these do: {}", known.join(", ")))
    })?;
    let regulation = its.read().map_err(|refused| Refusal::internal(&refused))?;
    Ok(Pack { regulation, object: ObjectHash::of(its.pack.as_bytes()), in_force: None })
}

fn in_force(records: &Records, ledger: &Ledger, name: &str, object: ObjectHash) -> Answer<Regulation> {
    // Whatever site applied it: a pack that comes with Pulih is at hand everywhere.
    if let Some(its) = PACKED.iter().find(|its| ObjectHash::of(its.pack.as_bytes()) == object) {
        return its.read().map_err(|refused| Refusal::internal(&refused));
    }
    let place: ObjectName =
        format!("site/{}/regulations/{object}", ledger.site).parse().map_err(|error| Refusal::internal(&error))?;
    let bytes = match records.sources.store.read(&place, MAX_BYTES as u64) {
        Ok(bytes) => bytes,
        Err(StoreError::NotFound { .. }) => {
            return Err(missing(format!(
                "the pack {name} that {} has in force is not here: apply it here too with `regulation apply`",
                ledger.site
            )));
        }
        Err(error) => return Err(error.into()),
    };
    if ObjectHash::of(&bytes) != object {
        let text = format!("the pack {object} in the store is damaged; apply it again with a higher version");
        return Err(Refusal::new(Code::Refused, text));
    }
    read(name, &bytes, None).map_err(|refused| Refusal::internal(&refused))
}

/// What each pack comes to. `only`: one clause, with all its facts.
pub fn report(known: &Known, packs: &[Pack], only: Option<&str>) -> Answer<Value> {
    let records = &known.records;
    let regulations: Vec<Value> = packs.iter().map(|pack| of_pack(known, pack, only)).collect();
    if let Some(only) = only
        && packs.iter().all(|pack| pack.regulation.clause(only).is_none())
    {
        return Err(missing(format!("there is no clause {only}; `comply` shows the ids of all")));
    }
    let parts = [Some(records.sources.own), records.sources.peer];
    let as_of = parts.into_iter().flatten().map(as_of).collect::<Answer<Vec<_>>>()?;
    Ok(json!({
        "type": "pulih/comply/v1", "site": records.own.site.as_str(), "at": utc::rfc3339(records.now),
        "as_of": as_of, "regulations": regulations,
    }))
}

/// As of which entries it is, and their root hash.
fn as_of(part: Extent) -> Answer<Value> {
    let root = if part.size == part.log.size() {
        part.log.root()
    } else {
        part.log.checkpoint_at(part.size).map_err(|error| Refusal::internal(&error))?.root
    };
    Ok(json!({"site": part.log.layout().site.as_str(), "size": part.size, "root": root.to_string()}))
}

fn of_pack(known: &Known, pack: &Pack, only: Option<&str>) -> Value {
    let its = &pack.regulation;
    let judged = judge(its, &known.facts, &known.statements, known.records.now, Limit::default());
    let mut counts = Map::new();
    for verdict in Verdict::ALL {
        counts.insert(verdict.code().into(), judged.iter().filter(|its| its.verdict == verdict).count().into());
    }
    let is_asked = |its: &&Judged| only.is_none_or(|only| its.clause.id.as_str() == only);
    let clauses: Vec<Value> = judged.iter().filter(is_asked).map(|its| clause(its, only.is_some())).collect();
    json!({
        "regulation": its.name.as_str(), "version": its.version, "hash": pack.object.to_string(),
        "text_sha256": its.text_sha256, "regency": its.regency.as_str(), "title": its.title.id,
        "title_en": its.title.en, "in_force": pack.in_force.map(utc::rfc3339), "counts": counts, "clauses": clauses,
    })
}

fn clause(judged: &Judged, is_open: bool) -> Value {
    let its = judged.clause;
    let words = |its: Option<&pulih_policies::Words>| (its.map(|its| its.id.clone()), its.map(|its| its.en.clone()));
    let (reading, reading_en) = words(its.reading.as_ref());
    let (remedy, remedy_en) = words(its.remedy.as_ref());
    let mut facts: Vec<&Cited> = judged.facts.iter().collect();
    // What speaks against it first, where not all are shown.
    facts.sort_by_key(|its| its.value != false);
    let shown = if is_open { facts.len() } else { SHOWN };
    json!({
        "clause": its.id.as_str(), "where": its.at, "kind": its.kind.as_str(), "words": its.words.id,
        "words_en": its.words.en, "reading": reading, "reading_en": reading_en, "verdict": judged.verdict.code(),
        "why": judged.why.id, "why_en": judged.why.en, "remedy": remedy, "remedy_en": remedy_en,
        "facts": facts.iter().take(shown).collect::<Vec<_>>(), "facts_in_all": facts.len(),
        "attestations": judged.items.iter().map(|(item, its)| attestation(item, its.as_ref())).collect::<Vec<_>>(),
        "warnings": judged.warnings.iter().map(|its| {
            json!({"what": its.what, "until": utc::rfc3339(its.until), "days_left": its.days_left})
        }).collect::<Vec<_>>(),
    })
}

fn attestation(item: &Item, its: Option<&Statement>) -> Value {
    json!({
        "item": item.item.as_str(), "asks": item.asks.id, "asks_en": item.asks.en, "needed": item.is_needed,
        "attestation": its.map(|its| &its.attestation), "opinion": its.map(|its| its.opinion.as_str()),
        "by": its.map(|its| &its.by), "letter": its.map(|its| &its.letter),
        "document_sha256": its.map(|its| &its.document_sha256), "given": its.map(|its| utc::rfc3339(its.given)),
        "until": its.map(|its| utc::rfc3339(its.until)), "entry": its.map(|its| &its.entry),
    })
}
