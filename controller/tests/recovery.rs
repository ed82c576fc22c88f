//! The night of the disaster, with real processes: what an operator of the DRC does, and what of it
//! stands in the ledger.

mod support;

use serde_json::json;
use support::drc::Drc;
use support::{failed, succeeded};

#[test]
fn a_disaster_is_declared_by_who_runs_the_drc_and_once() {
    let drc = Drc::new();
    let going = || drc.json(&["disaster", "show"])["disaster"].clone();
    assert!(going().is_null());
    let declare = ["disaster", "declare", "--reason", "ransomware di Pusat Data"];
    // The console alone declares nothing, and neither does an auditor.
    assert!(failed(&drc.controller(&declare)).contains("signature"));
    drc.person("adi", &["auditor"]);
    assert!(failed(&drc.acting_as("adi", &declare)).contains("an operator or an admin"));
    assert!(failed(&drc.acting(&["disaster", "declare", "--reason", " "])).contains("reason"));
    assert!(going().is_null());

    drc.person("budi", &["operator"]);
    succeeded(&drc.acting_as("budi", &declare));
    let declared = going();
    assert_eq!(declared["reason"], json!("ransomware di Pusat Data"));
    assert!(failed(&drc.acting(&declare)).contains("already"));
    // The ledger says so, and not the catalog alone.
    succeeded(&drc.controller(&["rebuild"]));
    assert_eq!(going()["declared"], declared["declared"]);

    succeeded(&drc.acting(&["disaster", "end", "--reason", "Pusat Data pulih"]));
    assert!(going().is_null());
    assert!(failed(&drc.acting(&["disaster", "end", "--reason", "lagi"])).contains("no disaster"));
    // The next one is another.
    succeeded(&drc.acting(&declare));
    assert_ne!(going()["disaster"], declared["disaster"]);
}
