//! What a class asks for beside its targets, and which datasets do not have it: keys, copies, the last restore.

use std::collections::BTreeMap;

use pulih_policies::{Class, Rules};
use pulih_terminal::Findings;
use pulih_vault::store::Store;
use serde_json::Value;

use super::{Catalog, SiteDir, SiteFile, load_policy};
use crate::cli::Failure;
use crate::cli::evidence::{Logs, logs, sources};
use crate::comply::data::{Dataset, datasets};
use crate::comply::records::Records;
use crate::uji;

/// Datasets that are named; of more it is said how many.
const NAMED: usize = 10;

/// What is asked for, by which fact it shows, and what to do about it.
struct Asked {
    check: &'static str,
    fact: &'static str,
    is_said: fn(&Rules) -> bool,
    lacks: &'static str,
    remedy: &'static str,
}

const ASKED: [Asked; 3] = [
    Asked {
        check: "recovery",
        fact: "keys_enough",
        is_said: |rules| rules.recovery.least.is_some(),
        lacks: "are encrypted to fewer recovery keys than their class asks for",
        remedy: "their owners have to add one",
    },
    Asked {
        check: "copies",
        fact: "copies_enough",
        is_said: |rules| rules.copies.least.is_some(),
        lacks: "are at fewer places than their class asks for, or their further copy is too old",
        remedy: "look at `pulih-controller status` of the DRC, and bring a further copy up to date with \
                 `pulih-controller replicate --to`",
    },
    Asked {
        check: "restores",
        fact: "drilled_enough",
        is_said: |rules| rules.drills.longest.is_some(),
        lacks: "did not come back in a drill within the time that their class allows",
        remedy: "`pulih-controller drill run --kind restore` tries them now",
    },
];

/// Nothing is read where no class asks for any of it.
pub fn look(dir: &SiteDir, site: &SiteFile, store: &dyn Store, found: &mut Findings) {
    // What is wrong with these was told.
    let Ok(catalog) = Catalog::open(&dir.path("catalog.sqlite")) else { return };
    let Ok(in_force) = load_policy(store, site, &catalog) else { return };
    let classes = &in_force.policy.classes;
    if !ASKED.iter().any(|asked| classes.values().any(asked.is_said)) {
        return;
    }
    match facts(dir, site) {
        Ok(facts) => ASKED.iter().for_each(|asked| tell(asked, classes, &facts, found)),
        Err(error) => found.wrong("copies", error.to_string()),
    }
}

fn facts(dir: &SiteDir, site: &SiteFile) -> Result<Vec<Value>, Failure> {
    let Logs { store, own, peer } = logs(dir, site)?;
    let sources = sources(site, &*store, &own, peer.as_ref())?;
    let records = Records::read(&sources, uji::now())?;
    Ok(datasets(&records, &BTreeMap::new())?.into_iter().map(Dataset::into_fact).collect())
}

fn tell(asked: &Asked, classes: &BTreeMap<Class, Rules>, facts: &[Value], found: &mut Findings) {
    let is_asked = |its: &&Value| {
        let class = its["class"].as_str().and_then(|class| class.parse::<Class>().ok());
        class.and_then(|class| classes.get(&class)).is_some_and(asked.is_said)
    };
    let known: Vec<(&Value, bool)> =
        facts.iter().filter(is_asked).filter_map(|its| Some((its, its[asked.fact].as_bool()?))).collect();
    let lacking: Vec<String> = known.iter().filter(|(_, holds)| !holds).map(|(its, _)| named(its)).collect();
    if lacking.is_empty() {
        if !known.is_empty() {
            found.ok(asked.check, format!("{} datasets have what their class asks for", known.len()));
        }
        return;
    }
    let more = lacking.len().saturating_sub(NAMED);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let names = lacking[..lacking.len().min(NAMED)].join(", ");
    let (few, all) = (lacking.len(), known.len());
    found.warning(asked.check, format!("{few} of {all} {}: {names}{more}; {}", asked.lacks, asked.remedy));
}

fn named(its: &Value) -> String {
    let word = |name: &str| its[name].as_str().unwrap_or("-");
    format!("{}/{}", word("agent"), word("dataset"))
}
