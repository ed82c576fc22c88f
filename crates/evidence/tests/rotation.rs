//! A log of more than one key is verified by either key on paper; a key that was not proposed, accepted and handed over
//! to is a problem that has its name. `scripts/verify-evidence.py` says the same.

mod support;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use pulih_evidence::report::Code;
use pulih_evidence::verify::Trust;
use pulih_evidence::write::{Export, Period, to_folder};
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, KeyProposed, KeyRotated, SiteCreated, SitePaired};
use pulih_ledger::ids::{Sha256, SiteId};
use pulih_ledger::{Actor, Entry, Ledger};
use pulih_vault::hand_over::HandOver;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::{SigningKey, VerifierKey};
use pulih_vault::store::sim_disk::SimDisk;
use pulih_vault::store::{DirStore, Store};
use support::{AT, codes, key, key_named, report_by, site};
use tempfile::TempDir;

fn second() -> SigningKey {
    key_named("pulih-ledger/drc-33.19", 21)
}

fn pusat() -> SigningKey {
    key_named("pulih-ledger/pusat-33.19", 22)
}

fn by_site(of: &SiteId, body: impl Into<Body>) -> Entry {
    Entry::new(of.clone(), AT.parse().unwrap(), Actor::Site, body.into())
}

fn created(role: &str, key: &SigningKey) -> SiteCreated {
    SiteCreated { role: role.into(), name: role.into(), key: key.verifier(), uji: false }
}

/// What goes wrong in a log whose key is changed.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nothing,
    /// It names none, though another site is paired.
    NoStatement,
    /// It is somebody else's.
    Statement,
    Possession,
    Proposal,
}

/// The bundle of a DRC whose key was changed, and of its Pusat Data.
fn bundle(wrong: Wrong) -> TempDir {
    let store: Arc<dyn Store> = Arc::new(DirStore::on(SimDisk::new()));
    let peer: SiteId = "pusat-33.19".parse().unwrap();
    let mut other = Ledger::create(Arc::clone(&store), &peer, pusat()).unwrap();
    other.append(&[by_site(&peer, created("pusat", &pusat()))]).unwrap();
    other.checkpoint().unwrap();

    let both = HandOver { old: key().verifier(), new: second().verifier() };
    let possession = both.possession(&if wrong == Wrong::Possession { pusat() } else { second() });
    let statement = both.statement(&if wrong == Wrong::Statement { second() } else { pusat() });
    let hash = ObjectHash::of(statement.as_bytes());
    let name = format!("site/drc-33.19/keys/{hash}").parse().unwrap();
    store.create(&name, statement.as_bytes()).unwrap();
    let mut ledger = Ledger::create(Arc::clone(&store), &site(), key()).unwrap();
    let paired = SitePaired {
        peer: peer.clone(),
        role: "pusat".into(),
        name: "Pusat Data".into(),
        key: pusat().verifier(),
        ca_sha256: Sha256([1; 32]),
        card_sha256: Sha256([2; 32]),
    };
    let proposed = KeyProposed { key: second().verifier(), possession, reason: "uji".into() };
    let bodies: [Body; 3] = [created("drc", &key()).into(), paired.into(), proposed.into()];
    ledger.append(&bodies.map(|body| by_site(&site(), body))).unwrap();
    ledger.checkpoint().unwrap();
    let proposal = if wrong == Wrong::Proposal { 1 } else { 2 };
    let named = (wrong != Wrong::NoStatement).then_some(());
    let rotated = KeyRotated {
        key: second().verifier(),
        proposal,
        peer: named.map(|()| peer.clone()),
        statement: named.map(|()| hash),
    };
    ledger.rotate(&by_site(&site(), rotated), second()).unwrap();
    let alarm = |number: u64| Alarm { alarm: "test".into(), subject: number.to_string(), text: "x".into() };
    ledger.append(&(0..300).map(|number| by_site(&site(), alarm(number))).collect::<Vec<_>>()).unwrap();
    ledger.checkpoint().unwrap();

    let folder = tempfile::tempdir().unwrap();
    let at = AT.parse().unwrap();
    let logs = [ledger.log(), other.log()];
    let period = Period::default();
    let export = Export { store: &*store, logs: &logs, by: "uji", at: &at, period, all_checkpoints: false };
    to_folder(&folder.path().join("bundle"), &export).unwrap();
    folder
}

/// What both verifiers find wrong, by the fingerprints of these keys.
fn found(folder: &Path, drc: &VerifierKey) -> Vec<Code> {
    let given = [(site(), drc.fingerprint()), ("pusat-33.19".parse().unwrap(), pusat().verifier().fingerprint())];
    let found = codes(&report_by(folder, &Trust { sites: given.clone().into(), ..Trust::default() }));
    let mut script = Command::new("python3");
    script.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/verify-evidence.py")).arg("--json").arg(folder);
    for (site, print) in &given {
        script.args(["--site", &format!("{site}={print}")]);
    }
    let said = script.output().unwrap();
    let said: serde_json::Value = serde_json::from_slice(&said.stdout).unwrap();
    let mut by_script: Vec<_> = said["problems"].as_array().unwrap().iter().map(|its| its["code"].clone()).collect();
    by_script.sort_by_key(ToString::to_string);
    by_script.dedup();
    let mut ours: Vec<_> = found.iter().map(|code| serde_json::to_value(code).unwrap()).collect();
    ours.sort_by_key(ToString::to_string);
    assert_eq!(by_script, ours, "{said}");
    found
}

#[test]
fn either_key_on_paper_is_enough_and_what_was_not_handed_over_is_told() {
    for (wrong, expected) in [
        (Wrong::Nothing, vec![]),
        (Wrong::NoStatement, vec![Code::KeyChain]),
        (Wrong::Statement, vec![Code::KeyChain]),
        (Wrong::Possession, vec![Code::KeyChain]),
        (Wrong::Proposal, vec![Code::KeyChain]),
    ] {
        let folder = bundle(wrong);
        for key in [key(), second()] {
            assert_eq!(found(&folder.path().join("bundle"), &key.verifier()), expected);
        }
        assert!(found(&folder.path().join("bundle"), &pusat().verifier()).contains(&Code::UnknownKey));
    }
}

#[test]
fn a_chain_that_was_tampered_with_is_no_chain() {
    let log = |folder: &TempDir| folder.path().join("bundle/drc-33.19");
    let keys = |all: &[&SigningKey]| all.iter().map(|key| key.verifier().to_string() + "\n").collect::<String>();
    // The checkpoint of both is gone, or signed by one of them alone.
    for lines in [None, Some(0), Some(1)] {
        let folder = bundle(Wrong::Nothing);
        let both = log(&folder).join(format!("checkpoints/{:020}", 4));
        let note = std::fs::read_to_string(&both).unwrap();
        match lines {
            None => std::fs::remove_file(&both).unwrap(),
            Some(at) => {
                let (text, signed) = note.split_once("\n\n").unwrap();
                std::fs::write(&both, format!("{text}\n\n{}\n", signed.lines().nth(at).unwrap())).unwrap();
            }
        }
        assert!(found(&folder.path().join("bundle"), &key().verifier()).contains(&Code::KeyChain), "{lines:?}");
    }
    // Keys left out, exchanged, or of a stranger.
    let stranger = key_named("pulih-ledger/drc-33.19", 33);
    for all in [vec![key()], vec![second()], vec![second(), key()], vec![key(), second(), stranger]] {
        let folder = bundle(Wrong::Nothing);
        std::fs::write(log(&folder).join("keys"), keys(&all.iter().collect::<Vec<_>>())).unwrap();
        let known = if all.len() == 1 { &all[0] } else { &second() };
        assert!(!found(&folder.path().join("bundle"), &known.verifier()).is_empty());
    }
}
