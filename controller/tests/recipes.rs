//! Application recipes with real processes: checked, signed by an admin, in force, and known from the ledger alone.

mod support;

use std::fs;

use serde_json::Value;
use support::drc::Drc;
use support::{failed, succeeded};

const GOOD: &str = include_str!("../../policies/tests/recipe/simrs.toml");

/// Writes a recipe of this version; returns its file.
fn write(drc: &Drc, version: u32) -> String {
    let file = drc.path(&format!("simrs-{version}.toml"));
    fs::write(&file, GOOD.replace("\nversion = 3\n", &format!("\nversion = {version}\n"))).unwrap();
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_recipe_is_in_force_once_an_admin_signed_it_and_each_version_is_higher() {
    let drc = Drc::new();
    let three = write(&drc, 3);
    assert!(succeeded(&drc.controller(&["recipe", "check", &three])).contains("simrs version 3"));
    let bad = drc.path("bad.toml");
    fs::write(&bad, GOOD.replace("programs = [\"/usr\"", "programs = [\"/home\"")).unwrap();
    let told = failed(&drc.acting(&["recipe", "apply", bad.to_str().unwrap()]));
    let line = 1 + GOOD.lines().position(|line| line.starts_with("programs = ")).unwrap();
    assert!(told.contains(&format!("bad.toml:{line}:")) && told.contains("folder"), "{told}");
    assert_eq!(failed(&drc.controller(&["recipe", "check", bad.to_str().unwrap()])), told);

    assert!(failed(&drc.controller(&["recipe", "apply", &three])).contains("signature"));
    drc.person("budi", &["operator"]);
    assert!(failed(&drc.acting_as("budi", &["recipe", "apply", &three])).contains("an admin"));
    assert!(succeeded(&drc.controller(&["recipe", "list"])).contains("No recipe"));
    succeeded(&drc.acting(&["recipe", "apply", &three]));
    assert!(failed(&drc.acting(&["recipe", "apply", &three])).contains("raise `version`"));
    assert!(failed(&drc.acting(&["recipe", "apply", &write(&drc, 2)])).contains("3 is in force"));
    succeeded(&drc.acting(&["recipe", "apply", &write(&drc, 4)]));

    let listed = |drc: &Drc| drc.json(&["recipe", "list"])["recipes"].clone();
    let before = listed(&drc);
    assert_eq!((&before[0]["recipe"], &before[0]["version"]), (&"simrs".into(), &4.into()));
    assert_eq!(before.as_array().unwrap().len(), 1);
    // Its very bytes, also those of a version that is no longer in force.
    assert_eq!(succeeded(&drc.controller(&["recipe", "show", "simrs", "--version", "3"])), GOOD);
    let shown = drc.json(&["recipe", "show", "simrs"]);
    assert_eq!((&shown["version"], &shown["hash"]), (&4.into(), &before[0]["hash"]));
    assert!(failed(&drc.controller(&["recipe", "show", "simrs", "--version", "5"])).contains("no such version"));
    let object = drc.path(&format!("store/site/drc-33.19/recipes/{}", shown["hash"].as_str().unwrap()));
    assert_eq!(fs::read_to_string(object).unwrap(), shown["text"].as_str().unwrap());
    // The ledger alone says the same.
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!(listed(&drc), before);
    let entries = drc.json(&["evidence", "list", "--kind", "recipe-applied"]);
    let versions: Vec<&Value> =
        entries["entries"].as_array().unwrap().iter().map(|its| &its["entry"]["version"]).collect();
    assert!(versions.len() == 2 && entries["entries"][0]["entry"]["actor"]["user"] == "dewi", "{entries}");
    assert_eq!(drc.json(&["evidence", "states"])["recipes"][0]["state"], "never-tested");
}
