//! Every verdict of the report's clauses, as the story makes it, and that each cites entries that are there.

use std::collections::BTreeMap;

use pulih_ledger::Log;
use pulih_vault::id::ObjectHash;
use serde_json::Value;

/// Of the pack in force, Kudus 48/2019.
const VERDICTS: &str = "
12-3 met
12-5 to-attest
12-6 met
12-7 not-met
13-2-a to-attest
13-2-b to-attest
13-2-c untested
14-1 to-attest
14-2 met
15-4-a met
15-4-b untested
15-4-c untested
15-5 met
16-2-a not-met
16-2-b to-attest
16-2-c met
16-2-d met
16-2-e met
17-6 to-attest
17-7 untested
22-4 untested";

pub fn check(found: &Value, logs: &[Log; 2]) {
    let [its] = &found.as_array().unwrap()[..] else { panic!("one pack is in force") };
    let pack = include_bytes!("../../../../../policies/packs/kudus-48-2019.toml");
    assert_eq!((&its["name"], &its["version"]), (&"kudus-48-2019".into(), &1.into()));
    assert_eq!(its["hash"], ObjectHash::of(pack).to_string());
    let clauses = its["clauses"].as_array().unwrap();
    let told: Vec<String> = clauses
        .iter()
        .map(|its| format!("{} {}", its["id"].as_str().unwrap(), its["verdict"].as_str().unwrap()))
        .collect();
    assert_eq!(told.join("\n"), VERDICTS.trim());
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for line in told {
        *counts.entry(line.split(' ').nth(1).unwrap().to_owned()).or_default() += 1;
    }
    for (name, count) in its["counts"].as_object().unwrap() {
        assert_eq!(count.as_u64(), Some(counts.get(name).copied().unwrap_or(0)), "{name}");
    }
    let sizes = ["drc-33.19", "pusat-33.19"].into_iter().zip(logs).map(|(site, log)| (site, log.checkpoint().size));
    let sizes: BTreeMap<&str, u64> = sizes.collect();
    let mut cited = 0;
    for entry in clauses.iter().flat_map(|its| its["entries"].as_array().unwrap()) {
        let (site, index) = entry.as_str().unwrap().split_once('/').unwrap();
        assert!(index.parse::<u64>().unwrap() < sizes[site], "{entry}");
        cited += 1;
    }
    assert!(cited > 10, "{cited}");
}
