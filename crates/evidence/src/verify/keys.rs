//! Step 7: each key of a log but the first was proposed, accepted by the paired site, and handed over to, in order.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::chain::KeyChain;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{KeyProposed, KeyRotated};
use pulih_ledger::ids::SiteId;
use pulih_vault::hand_over::HandOver;
use pulih_vault::note::VerifierKey;

use super::Bundle;
use super::chain::Chain;
use crate::places::{Kept, Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// What a log says of its keys.
#[derive(Default)]
pub struct Handed {
    proposed: BTreeMap<u64, KeyProposed>,
    /// With the sites that were paired then.
    rotated: BTreeMap<u64, (KeyRotated, BTreeSet<SiteId>)>,
    paired: BTreeSet<SiteId>,
}

impl Handed {
    /// Whether entries of a kind say anything here.
    pub fn is_about(kind: &str) -> bool {
        matches!(kind, "key-proposed" | "key-rotated" | "site-paired" | "site-unpaired")
    }

    pub fn follow(&mut self, index: u64, body: &Body) {
        match body {
            Body::KeyProposed(its) => drop(self.proposed.insert(index, its.clone())),
            Body::KeyRotated(its) => drop(self.rotated.insert(index, (its.clone(), self.paired.clone()))),
            Body::SitePaired(its) => drop(self.paired.insert(its.peer.clone())),
            Body::SiteUnpaired(its) => drop(self.paired.remove(&its.peer)),
            _ => {}
        }
    }

    pub fn check(
        &self,
        bundle: &Bundle<'_>,
        site: &SiteId,
        keys: &KeyChain,
        report: &mut Report,
    ) -> Result<(), SourceError> {
        let place = Place::Of(site.clone(), Part::Keys);
        let at = |index: u64| format!("{site} entry {index}");
        let all: Vec<&VerifierKey> = keys.keys().collect();
        let mut handed = self.rotated.iter();
        for pair in all.windows(2) {
            let Some((index, (its, paired))) = handed.next() else {
                report.problem(Code::KeyChain, &place, format!("no entry hands the log over to {}", pair[1]));
                continue;
            };
            let both = HandOver { old: pair[0].clone(), new: pair[1].clone() };
            if its.key != both.new || *keys.for_batch(index + 1) != both.new || *keys.for_batch(*index) != both.old {
                let why = format!("it hands the log over to {}, and {} is what comes next", its.key, both.new);
                report.problem(Code::KeyChain, at(*index), why);
                continue;
            }
            let proposed = self.proposed.get(&its.proposal).filter(|_| its.proposal < *index);
            if !proposed.is_some_and(|its| its.key == both.new && both.is_possessed(&its.possession)) {
                let why = format!("entry {} does not propose this key, with its own line", its.proposal);
                report.problem(Code::KeyChain, at(*index), why);
            }
            if !paired.is_empty()
                && let Some(why) = statement(bundle, site, its, &both, paired, report)?
            {
                report.problem(Code::KeyChain, at(*index), why);
            }
        }
        for (index, (its, _)) in handed {
            let why = format!("it hands the log over to {}, which is no key of the chain", its.key);
            report.problem(Code::KeyChain, at(*index), why);
        }
        Ok(())
    }
}

/// What is wrong with the other site's word for a key, if anything is.
fn statement(
    bundle: &Bundle<'_>,
    site: &SiteId,
    its: &KeyRotated,
    both: &HandOver,
    paired: &BTreeSet<SiteId>,
    report: &mut Report,
) -> Result<Option<String>, SourceError> {
    let Some((peer, hash)) = its.peer.as_ref().zip(its.statement).filter(|(peer, _)| paired.contains(*peer)) else {
        return Ok(Some("the site was paired, and it names no statement of the other one".into()));
    };
    let place = Place::Of(site.clone(), Part::Object(Kept::Keys, hash));
    if !bundle.has(&place) {
        // It is named by an entry: that it is missing is told with the other objects.
        return Ok(None);
    }
    let Some(note) = bundle.read(&place, report)? else { return Ok(None) };
    // What is wrong with that log is told where it is verified.
    let chain = Chain::read(bundle, peer, None, &mut Report::default())?;
    let Some(Chain { keys, .. }) = chain else {
        let claimed = HandOver::claimed(&note);
        if claimed.as_ref() == Ok(both) {
            report.remark(format!("{place} was not verified: the bundle has no log of {peer}, whose statement it is"));
            return Ok(None);
        }
        return Ok(Some(format!("{place} is no statement of these two keys")));
    };
    let is_theirs = both.is_signed(&note, &keys.keys().collect::<Vec<_>>());
    Ok((!is_theirs).then(|| format!("{place} is not what {peer} signed of these two keys")))
}
