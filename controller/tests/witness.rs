//! A witness on a machine of its own, and the stick between it and a site, with real processes.

mod support;

use std::fs;

use pulih_vault::note::SigningKey;
use support::rewrite::rewrite;
use support::witness::{Machine, files};
use support::{Site, failed, succeeded};

/// The key that signs a site's ledger now.
fn ledger_key(site: &Site) -> String {
    let text = fs::read_to_string(site.path("site/ledger.key")).unwrap();
    SigningKey::from_secret_text(text.trim()).unwrap().verifier().to_string()
}

#[test]
fn a_witness_signs_what_goes_on_says_the_same_again_and_keeps_the_proof_of_a_rewritten_past() {
    let mut site = Site::new();
    let (machine, stick) = (Machine::new(), tempfile::tempdir().unwrap());
    let (stick, on) = (stick.path(), stick.path().to_str().unwrap());
    let made = machine.json(&["init", "--name", "inspektorat-33.19"]);
    let key = made["key"].as_str().unwrap().to_owned();
    failed(&machine.run(&["init", "--name", "inspektorat-33.19"]));
    let add = ["evidence", "witness", "add", "inspektorat", "--name", "Ketua Tim", "--institution", "Inspektorat"];
    succeeded(&site.acting("siti", &[&add[..], &["--key", &key]].concat()));
    // The same key is nobody else's, and a ledger's key is no witness's.
    failed(
        &site.acting("siti", &["evidence", "witness", "add", "b", "--name", "B", "--institution", "B", "--key", &key]),
    );
    let ask = |site: &Site| site.json(&["evidence", "witness", "ask", "--out", on]);
    ask(&site);

    // Nothing is signed before a person has said whose key it is.
    assert_eq!(machine.refused(stick)["outcome"], "unknown");
    let ledger_key = ledger_key(&site);
    failed(&machine.run(&["trust", "--site", "drc-33.19", "--key", &ledger_key]));
    machine.json(&["trust", "--site", "pusat-33.19", "--key", &ledger_key]);
    let first = machine.json(&["sign", on])["sites"][0]["size"].as_u64().unwrap();
    let cosigned = files(stick, "cosigned").pop().unwrap();
    let note = fs::read(&cosigned).unwrap();
    assert_eq!(machine.state(), note);

    // The power went after the state and before the file; and somebody carries the stick there twice.
    fs::remove_file(&cosigned).unwrap();
    for _ in 0..2 {
        machine.json(&["sign", on]);
        assert_eq!(fs::read(&cosigned).unwrap(), note);
    }
    let take = |site: &Site| site.json(&["evidence", "witness", "take", on]);
    assert_eq!((take(&site)["size"].as_u64(), take(&site)["witness"].as_str()), (Some(first), Some("inspektorat")));
    let newest = |site: &Site| site.json(&["evidence", "witness", "list"])["witnesses"][0]["size"].as_u64();
    assert_eq!(newest(&site), Some(first));

    // It went on: what is asked goes on from what was said.
    let other = Machine::new().json(&["init", "--name", "provinsi"])["key"].as_str().unwrap().to_owned();
    let add = ["evidence", "witness", "add", "provinsi", "--name", "B", "--institution", "B", "--key", &other];
    succeeded(&site.acting("siti", &add));
    let asked = ask(&site);
    assert!(asked["old"].as_array().unwrap().contains(&first.into()), "{asked}");
    let second = machine.json(&["sign", on])["sites"][0]["size"].as_u64().unwrap();
    assert!(second > first);
    take(&site);
    assert_eq!(newest(&site), Some(second));
    // What a stick says that somebody changed on the way.
    let cosigned = files(stick, "cosigned").pop().unwrap();
    let good = fs::read_to_string(&cosigned).unwrap();
    let line = good.lines().last().unwrap();
    let (begin, end) = line.split_at(line.len() - 12);
    fs::write(&cosigned, good.replace(line, &format!("{begin}AAAA{}", &end[4..]))).unwrap();
    let told = failed(&site.controller(&["evidence", "witness", "take", on]));
    assert!(told.contains("does not verify"), "{told}");
    fs::write(&cosigned, &good).unwrap();

    // History is rewritten at the site, with its own key.
    site.stop();
    rewrite(&site.path(""), "pusat-33.19", second - 1);
    let state = machine.state();
    ask(&site);
    let refused = machine.refused(stick);
    assert_eq!(refused["outcome"], "refused", "{refused}");
    let proofs: Vec<_> = fs::read_dir(machine.folder().join("refused")).unwrap().collect();
    assert_eq!((proofs.len(), machine.state() == state), (1, true));
    // Its own word, when it comes back to the site, says it there too.
    let told = failed(&site.controller(&["evidence", "witness", "take", on]));
    assert!(told.contains("another than what the witness co-signed"), "{told}");
    assert!(site.alarms().contains(&"ledger-forked".to_owned()));
    let remove = ["evidence", "witness", "remove", "inspektorat", "--reason", "masa tugas berakhir"];
    succeeded(&site.acting("siti", &remove));
    failed(&site.controller(&["evidence", "witness", "take", on]));
}

#[test]
fn a_witness_goes_on_with_a_key_that_a_person_compared_and_with_no_other() {
    let site = Site::new();
    let (machine, stick) = (Machine::new(), tempfile::tempdir().unwrap());
    let on = stick.path().to_str().unwrap();
    let made = machine.json(&["init", "--name", "inspektorat-33.19"]);
    let add = ["evidence", "witness", "add", "inspektorat", "--name", "Ketua Tim", "--institution", "Inspektorat"];
    succeeded(&site.acting("siti", &[&add[..], &["--key", made["key"].as_str().unwrap()]].concat()));
    machine.json(&["trust", "--site", "pusat-33.19", "--key", &ledger_key(&site)]);
    let carried = || {
        site.json(&["evidence", "witness", "ask", "--out", on]);
        machine.run(&["sign", on])
    };
    succeeded(&carried());
    let first = site.json(&["evidence", "witness", "take", on])["size"].as_u64().unwrap();

    let proposal = site.path("usulan.json");
    let proposal = proposal.to_str().unwrap();
    succeeded(&site.acting("siti", &["evidence", "key", "propose", "--reason", "uji", "--out", proposal]));
    succeeded(&site.acting("siti", &["evidence", "key", "rotate"]));
    // Something that the new key alone signs.
    let add = ["evidence", "witness", "add", "provinsi", "--name", "B", "--institution", "B", "--key"];
    let other = Machine::new().json(&["init", "--name", "provinsi"]);
    succeeded(&site.acting("siti", &[&add[..], &[other["key"].as_str().unwrap()]].concat()));
    failed(&carried());
    let before = machine.state();
    let trust = ["trust", "--site", "pusat-33.19", "--key", &ledger_key(&site)];
    assert!(failed(&machine.run(&trust)).contains("--next"));
    assert_eq!(machine.state(), before);
    for _ in 0..2 {
        machine.json(&[&trust[..], &["--next"]].concat());
    }
    succeeded(&carried());
    assert!(site.json(&["evidence", "witness", "take", on])["size"].as_u64().unwrap() > first);
}
