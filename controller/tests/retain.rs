//! What goes and what stays at both sites, with real processes.

mod support;

use serde_json::Value;
use support::drc::Drc;
use support::{Server, Site, failed, succeeded};

const DEFAULT: &str = include_str!("../../policies/default.toml");

/// The default policy, with one newest snapshot to be kept.
fn one_newest(folder: &std::path::Path) -> String {
    let file = folder.join("policy.toml");
    let text = DEFAULT.replace("version = 1", "version = 2").replace("newest = 4", "newest = 1");
    std::fs::write(&file, text).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A site that keeps one newest snapshot, with a dataset of which three were saved.
fn saved(site: &Site) -> Server<'_> {
    site.opd("dinkes");
    succeeded(&site.acting("siti", &["policy", "apply", &one_newest(site.folder.path())]));
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    for text in ["satu", "dua", "tiga"] {
        server.write("letter", text.as_bytes());
        succeeded(&server.backup("letters"));
    }
    server
}

fn names(plan: &Value) -> Vec<String> {
    let snapshots = plan["plan"]["snapshots"].as_array().unwrap();
    snapshots.iter().map(|its| its["snapshot"].as_str().unwrap().to_owned()).collect()
}

fn manifests(store: &std::path::Path, vault: &str) -> usize {
    std::fs::read_dir(store.join("vaults").join(vault).join("snapshots/letters")).unwrap().count()
}

#[test]
fn what_a_person_signs_expires_and_everything_else_restores() {
    let mut site = Site::new();
    let vault = {
        let server = saved(&site);
        let plan = site.json(&["retain"]);
        assert_eq!(names(&plan).len(), 1, "{plan}");
        assert!(names(&plan)[0].starts_with("0000000002"));
        // Nobody signed it.
        let said = failed(&site.controller(&["retain", "--execute"]));
        assert!(said.contains("--sign-with"), "{said}");
        succeeded(
            &site.acting("siti", &["hold", "place", "--agent", "app-1", "--letter", "180/4", "--reason", "perkara"]),
        );
        assert!(names(&site.json(&["retain"])).is_empty());
        let hold = site.json(&["hold", "list"])["holds"][0]["hold"].as_str().unwrap().to_owned();
        succeeded(&site.acting("siti", &["hold", "release", &hold, "--reason", "selesai"]));
        let output = site.acting("siti", &["--json", "retain", "--execute"]);
        let done: Value = serde_json::from_str(&succeeded(&output)).unwrap();
        assert_eq!((done["done"]["expired"].as_u64(), done["done"]["left"].as_u64()), (Some(1), Some(0)), "{done}");
        assert!(done["done"]["doomed"].as_u64() >= Some(1), "{done}");
        assert_eq!(manifests(&site.path("store"), &server.vault()), 2);
        assert_eq!(server.restored("letters", 1, "letter"), b"satu");
        assert_eq!(server.restored("letters", 3, "letter"), b"tiga");
        // The next backup needs nothing of what is doomed.
        server.write("letter", b"dua");
        succeeded(&server.backup("letters"));
        assert_eq!(server.restored("letters", 4, "letter"), b"dua");
        server.vault()
    };
    // The third one is of no tier and no longer the newest: it may go, by the ledger alone too.
    let plan = site.json(&["retain"]);
    assert!(names(&plan)[0].starts_with("0000000003"), "{plan}");
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(site.json(&["retain"]), plan);
    site.start();
    assert_eq!(manifests(&site.path("store"), &vault), 3);
}

#[test]
fn a_deletion_before_its_date_takes_two_people() {
    let site = Site::new();
    let server = saved(&site);
    site.person("budi", &["--role", "operator"], Some("siti"));
    let folder = site.path("store").join("vaults").join(server.vault()).join("snapshots/letters");
    let mut all: Vec<String> =
        std::fs::read_dir(folder).unwrap().map(|its| its.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    let ask = ["delete", "ask", "--agent", "app-1", "--dataset", "letters", "--reason", "salah simpan", &all[0]];
    succeeded(&site.acting("budi", &ask));
    let id = site.json(&["delete", "list"])["deletions"][0]["deletion"].as_str().unwrap().to_owned();
    let said = failed(&site.acting("budi", &["delete", "approve", &id]));
    assert!(said.contains("another person"), "{said}");
    assert!(!names(&site.json(&["retain"])).contains(&all[0]));
    succeeded(&site.acting("siti", &["delete", "approve", &id]));
    succeeded(&site.acting("budi", &["retain", "--execute"]));
    assert_eq!(manifests(&site.path("store"), &server.vault()), 1);
    assert_eq!(server.restored("letters", 3, "letter"), b"tiga");
}

#[test]
fn a_drc_keeps_by_its_own_ledger_and_waits_for_nothing_that_expired() {
    let site = Site::new();
    let server = saved(&site);
    let drc = Drc::paired(&site);
    assert!(drc.replicate().0);
    assert_eq!(drc.whole_snapshots(), 3);
    // The Pusat Data lets one expire; what is here stays until the DRC's own rules let it go.
    succeeded(&site.acting("siti", &["retain", "--execute"]));
    for text in ["empat", "lima"] {
        server.write("letter", text.as_bytes());
        succeeded(&server.backup("letters"));
    }
    // One of them expires before the DRC pulls it.
    succeeded(&site.acting("siti", &["retain", "--execute"]));
    let (is_whole, round) = drc.replicate();
    assert!(is_whole, "{round}");
    assert_eq!((drc.whole_snapshots(), round["waiting"].as_u64()), (4, Some(0)), "{round}");
    // That the Pusat Data keeps less from now on is a proposal here, and nothing else is worth an alarm.
    assert!(drc.alarms().iter().all(|alarm| alarm == "change-proposed"), "{:?}", drc.alarms());
    assert!(names(&drc.json(&["retain"])).is_empty(), "the DRC keeps four of the newest");

    // A hold there is a hold here, and is not released here by one person's word.
    succeeded(&site.acting("siti", &["hold", "place", "--agent", "app-1", "--letter", "180/4", "--reason", "perkara"]));
    assert!(drc.replicate().0);
    let hold = drc.json(&["hold", "list"])["holds"][0]["hold"].as_str().unwrap().to_owned();
    let said = failed(&drc.acting(&["hold", "release", &hold, "--reason", "selesai"]));
    assert!(said.contains("30 days"), "{said}");
    succeeded(&site.acting("siti", &["hold", "release", &hold, "--reason", "selesai"]));
    assert!(drc.replicate().0);
    assert!(drc.json(&["hold", "list"])["holds"][0]["released"].is_null());
}

#[test]
fn a_drc_lets_go_what_is_past_and_serves_what_is_kept() {
    let site = Site::new();
    let server = saved(&site);
    for text in ["empat", "lima", "enam"] {
        server.write("letter", text.as_bytes());
        succeeded(&server.backup("letters"));
    }
    let drc = Drc::paired(&site);
    assert!(drc.replicate().0);
    // By this site's own policy: the first took every tier, four are the newest, and one is neither.
    let plan = drc.json(&["retain"]);
    assert_eq!(names(&plan).len(), 1, "{plan}");
    succeeded(&drc.acting(&["retain", "--execute"]));
    assert_eq!(drc.whole_snapshots(), 5);
    assert_eq!(drc.dataset("letters")["points"], 5);
    // The Pusat Data still has it; it does not come again.
    assert!(drc.replicate().0);
    assert_eq!((drc.whole_snapshots(), manifests(&site.path("store"), &server.vault())), (5, 6));
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!(drc.dataset("letters")["points"], 5);
}
