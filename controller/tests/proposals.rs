//! What would weaken a DRC, and what waits there for a person: proposed, answered by its people, with real processes.

mod support;

use std::path::Path;

use pulih_vault::utc;
use serde_json::{Value, json};
use support::drc::{Drc, back_up, saved};
use support::{Site, failed, succeeded};

const DEFAULT: &str = include_str!("../../policies/default.toml");
const DAY: i64 = 24 * 3600;

/// The default policy with another version, which keeps one newest snapshot.
fn one_newest(folder: &Path, version: u32) -> String {
    let text = DEFAULT.replace("\nversion = 1\n", &format!("\nversion = {version}\n"));
    let weaker = text.replace("newest = 4", "newest = 1");
    assert_ne!(weaker, text);
    let file = folder.join(format!("policy-{version}.toml"));
    std::fs::write(&file, weaker).unwrap();
    file.to_str().unwrap().to_owned()
}

/// A site with five snapshots of one dataset, all of which its DRC keeps by its own policy.
fn two_sites() -> (Site, Drc) {
    let site = saved(&["letters"]);
    for text in ["satu", "dua", "tiga", "empat", "lima"] {
        back_up(&site, text.as_bytes());
    }
    let drc = Drc::paired(&site);
    assert!(drc.replicate().0);
    (site, drc)
}

/// The Pusat Data follows a policy that keeps less, and the DRC has seen it: the proposal's id.
fn proposed(site: &Site, drc: &Drc) -> String {
    succeeded(&site.acting("siti", &["policy", "apply", &one_newest(site.folder.path(), 2)]));
    assert!(drc.replicate().0);
    one(drc)["proposal"].as_str().unwrap().to_owned()
}

/// The one proposal that there is.
fn one(drc: &Drc) -> Value {
    let listed = drc.json(&["proposal", "list"]);
    assert_eq!(listed["type"], "pulih/proposals/v1");
    let [its] = &listed["proposals"].as_array().unwrap()[..] else { panic!("one proposal: {listed}") };
    its.clone()
}

/// Which version is in force, and how many snapshots may go by it.
fn keeps(drc: &Drc) -> (Value, usize) {
    let plan = drc.json(&["retain"]);
    (drc.json(&["status"])["policy_version"].clone(), plan["plan"]["snapshots"].as_array().unwrap().len())
}

fn seconds(its: &Value) -> i64 {
    utc::parse(its.as_str().unwrap()).unwrap()
}

#[test]
fn a_policy_by_which_the_pusat_data_keeps_less_waits_until_an_admin_answers() {
    let (site, drc) = two_sites();
    assert_eq!(succeeded(&drc.controller(&["proposal", "list"])), "Nothing was proposed here.\n");
    let id = proposed(&site, &drc);
    let its = one(&drc);
    assert_eq!(
        (&its["change"], &its["state"], &its["from"]),
        (&json!("policy"), &json!("proposed"), &json!("pusat-33.19"))
    );
    assert!(its["proposer"].is_null() && its["approver"].is_null() && its["not_before"].is_null(), "{its}");
    assert!(its["text"].as_str().unwrap().contains("fewer points are kept"), "{its}");
    assert!(seconds(&its["earliest"]) - seconds(&its["at"]) >= 30 * DAY, "{its}");
    let text = succeeded(&drc.controller(&["proposal", "list"]));
    let line = text.lines().find(|line| line.contains(&id)).unwrap();
    assert!(["policy", "pusat-33.19", "proposed", "4 -> 1"].iter().all(|word| line.contains(word)), "{text}");
    assert!(drc.alarms().contains("change-proposed"));
    assert_eq!(keeps(&drc), (json!(1), 0));

    // Who is no admin, who is nobody here, and nobody at all.
    drc.person("budi", &["operator", "auditor"]);
    let (refuse, approve) = (["proposal", "refuse", &id, "--reason", "tidak"], ["proposal", "approve", &id]);
    for asked in [&refuse[..], &approve] {
        let said = failed(&drc.acting_as("budi", asked));
        assert!(said.contains("budi may not do this; an admin may"), "{said}");
        assert!(failed(&drc.controller(asked)).contains("--sign-with"));
        let (key, stranger) = (site.path("siti.key"), ["--as", "siti", "--sign-with"]);
        let said = failed(&drc.controller(&[asked, &stranger, &[key.to_str().unwrap()]].concat()));
        assert!(said.contains("siti"), "{said}");
    }
    for asked in [&["proposal", "approve", "p-0"][..], &["proposal", "refuse", "p-0", "--reason", "tidak"]] {
        assert!(failed(&drc.acting(asked)).contains("proposal p-0"));
    }
    let now = one(&drc);
    assert!(now["state"] == "proposed" && now["approver"].is_null() && now["not_before"].is_null(), "{now}");

    let unsaid = ["proposal", "refuse", &id, "--reason", ""];
    assert!(failed(&drc.acting(&unsaid)).contains("reason"));
    assert!(succeeded(&drc.acting(&refuse)).contains("is refused"));
    assert_eq!(one(&drc)["state"], "refused");
    for asked in [&refuse[..], &approve] {
        let said = failed(&drc.acting(asked));
        assert!(said.contains(&format!("there is no open proposal {id}")), "{said}");
    }
    // The same policy is not proposed again.
    assert!(drc.replicate().0);
    assert_eq!((one(&drc)["state"].clone(), keeps(&drc)), (json!("refused"), (json!(1), 0)));
}

#[test]
fn what_was_approved_waits_for_thirty_days_and_can_be_refused_meanwhile() {
    let (site, mut drc) = two_sites();
    let id = proposed(&site, &drc);
    drc.person("budi", &["admin"]);
    let before = utc::now();
    let said = succeeded(&drc.acting(&["proposal", "approve", &id]));
    let its = one(&drc);
    let from = seconds(&its["not_before"]);
    assert!((before + 30 * DAY..=utc::now() + 30 * DAY).contains(&from), "{its}");
    assert_eq!((&its["state"], &its["approver"]), (&json!("approved"), &json!("dewi")));
    assert!(said.contains(&format!("takes effect on {}", its["not_before"].as_str().unwrap())), "{said}");
    for person in ["dewi", "budi"] {
        let again = failed(&drc.acting_as(person, &["proposal", "approve", &id]));
        assert!(again.contains(&format!("{id} is approved already")), "{again}");
    }
    // Neither a round, nor whoever serves, nor a catalog that is made again brings it nearer.
    assert!(drc.replicate().0);
    drc.start();
    assert_eq!(keeps(&drc), (json!(1), 0));
    drc.stop();
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!((one(&drc)["not_before"].clone(), keeps(&drc).0), (its["not_before"].clone(), json!(1)));
    succeeded(&drc.acting_as("budi", &["proposal", "refuse", &id, "--reason", "terlalu sedikit"]));
    assert_eq!(one(&drc)["state"], "refused");
    assert!(failed(&drc.acting(&["proposal", "approve", &id])).contains("no open proposal"));
}

#[test]
fn a_policy_that_weakens_and_the_end_of_a_hold_take_another_admin_than_who_asked() {
    let (_site, drc) = two_sites();
    let weaker = one_newest(drc.folder.path(), 2);
    drc.person("eka", &["operator"]);
    assert!(failed(&drc.acting_as("eka", &["policy", "apply", &weaker])).contains("eka may not do this"));
    let said = succeeded(&drc.acting(&["policy", "apply", &weaker]));
    let its = one(&drc);
    let id = its["proposal"].as_str().unwrap();
    assert!(said.contains("not in effect") && said.contains(&format!("proposal approve {id}")), "{said}");
    assert_eq!((&its["proposer"], &its["from"], &its["state"]), (&json!("dewi"), &Value::Null, &json!("proposed")));
    let own = failed(&drc.acting(&["proposal", "approve", id]));
    assert!(own.contains("dewi proposed it; another admin has to approve it"), "{own}");
    drc.person("budi", &["admin"]);
    succeeded(&drc.acting_as("budi", &["proposal", "approve", id]));
    assert_eq!((one(&drc)["approver"].clone(), keeps(&drc)), (json!("budi"), (json!(1), 0)));

    let place = ["hold", "place", "--agent", "app-1", "--letter", "180/4", "--reason", "perkara"];
    succeeded(&drc.acting(&place));
    let hold = || drc.json(&["hold", "list"])["holds"][0].clone();
    let held = hold()["hold"].as_str().unwrap().to_owned();
    let release = ["proposal", "hold-release", &held, "--reason", "selesai"];
    assert!(failed(&drc.acting_as("eka", &release)).contains("eka may not do this"));
    let unknown = ["proposal", "hold-release", "h-0", "--reason", "selesai"];
    assert!(failed(&drc.acting(&unknown)).contains("no such hold"));
    succeeded(&drc.acting(&release));
    let all = drc.json(&["proposal", "list"])["proposals"].as_array().unwrap().clone();
    let its = all.iter().find(|its| its["change"] == "hold-release").unwrap();
    assert_eq!((&its["hold"], &its["text"], all.len()), (&json!(held), &json!("selesai"), 2));
    let id = its["proposal"].as_str().unwrap();
    assert!(failed(&drc.acting(&["proposal", "approve", id])).contains("another admin"));
    succeeded(&drc.acting_as("budi", &["proposal", "approve", id]));
    assert!(hold()["released"].is_null());
}

#[test]
fn a_drc_whose_catalog_was_made_again_deletes_and_pulls_nothing_until_an_admin_resumes_it() {
    let (site, drc) = two_sites();
    for resume in ["replication", "expiry"] {
        let said = failed(&drc.acting(&["resume", resume, "--reason", "coba"]));
        assert!(said.contains("there is nothing to resume"), "{said}");
    }
    drc.person("budi", &["operator"]);
    back_up(&site, b"enam");
    assert!(drc.replicate().0);
    // One of six is neither the first of its day nor among the four newest.
    assert_eq!(keeps(&drc).1, 1);
    back_up(&site, b"tujuh");
    assert!(succeeded(&drc.controller(&["rebuild"])).contains("resume replication"));

    let waits = |drc: &Drc| {
        let status = drc.json(&["status"]);
        (!status["stopped"].is_null(), !status["expiry_stopped"].is_null())
    };
    assert_eq!(waits(&drc), (true, true));
    let said = failed(&drc.controller(&["replicate", "--once"]));
    assert!(said.contains("until a person has looked") && said.contains("resume"), "{said}");
    assert!(failed(&drc.acting(&["retain", "--execute"])).contains("nothing expires here now"));
    assert_eq!(drc.whole_snapshots(), 6);
    for resume in ["replication", "expiry"] {
        let said = failed(&drc.acting_as("budi", &["resume", resume, "--reason", "sudah dilihat"]));
        assert!(said.contains("budi may not do this; an admin may"), "{said}");
        let said = failed(&drc.acting(&["resume", resume, "--reason", " "]));
        assert!(said.contains("reason"), "{said}");
    }
    assert_eq!(waits(&drc), (true, true));

    // Each is resumed by itself.
    succeeded(&drc.acting(&["resume", "replication", "--reason", "cakram diganti"]));
    assert_eq!(waits(&drc), (false, true));
    assert!(drc.replicate().0);
    assert_eq!(drc.whole_snapshots(), 7);
    assert!(failed(&drc.acting(&["retain", "--execute"])).contains("nothing expires here now"));
    succeeded(&drc.acting(&["resume", "expiry", "--reason", "cakram diganti"]));
    assert_eq!(waits(&drc), (false, false));
    succeeded(&drc.acting(&["retain", "--execute"]));
    assert_eq!(drc.whole_snapshots(), 5);

    // Lost once more, it waits once more, with both, whatever was resumed of the last time.
    succeeded(&drc.controller(&["rebuild"]));
    succeeded(&drc.acting(&["resume", "expiry", "--reason", "sudah dilihat"]));
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!(waits(&drc), (true, true));
}
