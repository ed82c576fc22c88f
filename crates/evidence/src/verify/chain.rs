//! Step 1: the keys of a site, of which one must be that whose fingerprint was given, and from which size each signs.

use pulih_ledger::chain::KeyChain;
use pulih_ledger::ids::SiteId;
use pulih_vault::note::{Fingerprint, Unverified, VerifierKey};

use super::Bundle;
use crate::places::{Part, Place};
use crate::report::{Code, Report};
use crate::source::SourceError;

/// The keys that a bundle says sign a log.
pub struct Chain {
    pub keys: KeyChain,
    /// The log says of itself that its clock is not the world's.
    pub is_uji: bool,
}

impl Chain {
    pub fn read(
        bundle: &Bundle<'_>,
        site: &SiteId,
        given: Option<&Fingerprint>,
        report: &mut Report,
    ) -> Result<Option<Self>, SourceError> {
        let place = Place::Of(site.clone(), Part::Keys);
        let Some(bytes) = bundle.need(&place, report)? else { return Ok(None) };
        let keys = match keys(&bytes) {
            Ok(keys) => keys,
            Err(why) => {
                report.problem(Code::Damaged, &place, why);
                return Ok(None);
            }
        };
        let [first, later @ ..] = &keys[..] else {
            report.problem(Code::Damaged, &place, "it has no key");
            return Ok(None);
        };
        let is_uji = first.name() == format!("pulih-ledger-uji/{site}");
        if !is_uji && first.name() != format!("pulih-ledger/{site}") {
            report.problem(Code::WrongOrigin, &place, format!("{} is not the name of a key of {site}", first.name()));
            return Ok(None);
        }
        if given.is_some_and(|given| keys.iter().all(|key| key.fingerprint() != *given)) {
            report.problem(Code::UnknownKey, &place, "no key in it has the fingerprint that was given");
        }
        let mut chain = KeyChain::first(first.clone());
        for key in later {
            let found = handed_over(bundle, site, chain.newest(), key)?;
            let from = found.unwrap_or_else(|| {
                let why = format!("no checkpoint of it is signed by {} and by {key} both", chain.newest());
                report.problem(Code::KeyChain, &place, why);
                // So that the rest is told as well.
                chain.newest_from() + 1
            });
            if let Err(why) = chain.push(from, key.clone()) {
                report.problem(Code::KeyChain, &place, why.to_string());
                return Ok(None);
            }
        }
        Ok(Some(Self { keys: chain, is_uji }))
    }
}

/// The size of the checkpoint that both keys signed: the first one, if there are several.
fn handed_over(
    bundle: &Bundle<'_>,
    site: &SiteId,
    old: &VerifierKey,
    new: &VerifierKey,
) -> Result<Option<u64>, SourceError> {
    for (part, place) in bundle.parts(site) {
        let Part::Kept(size) = part else { continue };
        // What is wrong with it is told where checkpoints are verified.
        let Some(bytes) = bundle.read(place, &mut Report::default())? else { continue };
        let is_both = |note: &Unverified<'_>| [old, new].iter().all(|key| note.verify(&[key]).is_some());
        if Unverified::parse(&bytes).is_ok_and(|note| is_both(&note)) {
            return Ok(Some(*size));
        }
    }
    Ok(None)
}

/// Verifier keys, one a line, each in the one way in which it is written.
fn keys(bytes: &[u8]) -> Result<Vec<VerifierKey>, String> {
    let text = std::str::from_utf8(bytes).map_err(|_| "it is not UTF-8")?;
    let lines = text.strip_suffix('\n').ok_or("its last line is cut off")?;
    let key = |line: &str| match line.parse::<VerifierKey>() {
        Ok(key) if key.to_string() == line => Ok(key),
        Ok(_) => Err("a key in it is written in another way than keys are".to_owned()),
        Err(why) => Err(why.to_string()),
    };
    lines.split('\n').map(key).collect()
}
