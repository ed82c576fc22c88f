//! From an invitation to a recovery point, and what a peer may not do on the way.

mod support;

use std::fs;

use support::{Server, Site, failed, succeeded};

#[test]
fn an_enrolled_server_has_recovery_points() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    server.write("letter", b"isi surat");
    server.write("large", &vec![7; 3 << 20]);
    site.approve("app-1", "letters");
    site.approve("app-1", "archive");
    succeeded(&server.backup("letters"));
    succeeded(&server.backup("archive"));
    let points = site.points();
    let shown: Vec<_> = points.iter().map(|point| point["dataset"].as_str().unwrap()).collect();
    assert_eq!(shown, ["archive", "letters"]);
    assert!(points.iter().all(|point| point["opd"] == "dinkes" && point["agent"] == "app-1"));
    // The first of a dataset takes every tier, and is kept for the longest of them.
    assert_eq!(points[0]["tiers"].as_array().unwrap().len(), 4);
    assert!(points[0]["keep_until"].as_str().unwrap() > points[0]["accepted"].as_str().unwrap());

    // What is in the site's store is the vault, and its owner restores it from there.
    let (store, identity, target) = (site.path("store"), server.path("identity"), server.path("out"));
    let run = ["restore", "--store", store.to_str().unwrap(), "--identity", identity.to_str().unwrap()];
    let rest = ["--dataset", "letters", "latest", "--target", target.to_str().unwrap()];
    succeeded(&server.run(&[&run[..], &rest[..]].concat()));
    let restored = target.join(server.path("tree").strip_prefix("/").unwrap());
    assert_eq!(fs::read(restored.join("letter")).unwrap(), b"isi surat");
    assert_eq!(fs::read(restored.join("large")).unwrap(), vec![7; 3 << 20]);
}

#[test]
fn the_catalog_is_made_again_from_the_ledger() {
    let mut site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    server.write("letter", b"isi surat baru");
    succeeded(&server.backup("letters"));
    let (points, agents) = (site.points(), site.json(&["agent", "list"]));
    site.stop();
    succeeded(&site.controller(&["rebuild"]));
    assert_eq!(site.points(), points);
    let again = site.json(&["agent", "list"]);
    for field in ["agent", "opd", "host", "enrolled", "revoked"] {
        assert_eq!(again["agents"][0][field], agents["agents"][0][field], "{field}");
    }
}

#[test]
fn a_killed_site_goes_on_where_it_was() {
    let mut site = Site::new();
    site.opd("dinkes");
    {
        let server = site.server("app-1", "dinkes");
        site.approve("app-1", "letters");
        server.write("letter", b"isi surat");
        succeeded(&server.backup("letters"));
    }
    let points = site.points();
    site.kill();
    site.start();
    assert_eq!(site.points(), points);
}

#[test]
fn a_token_is_good_once() {
    let site = Site::new();
    site.opd("dinkes");
    let token = site.token("app-1", "dinkes");
    let first = Server { site: &site, name: "first".into() };
    let second = Server { site: &site, name: "second".into() };
    succeeded(&first.run(&["enroll", &site.url, "--token", &token]));
    assert!(failed(&second.run(&["enroll", &site.url, "--token", &token])).contains("was used"));
    assert!(failed(&first.run(&["enroll", &site.url, "--token", &token])).contains("enrolled already"));
}

#[test]
fn a_token_of_another_site_finds_another_ca() {
    let (site, other) = (Site::new(), Site::new());
    other.opd("dinkes");
    let token = other.token("app-1", "dinkes");
    let server = Server { site: &site, name: "app-1".into() };
    let said = failed(&server.run(&["enroll", &site.url, "--token", &token]));
    assert!(said.contains("another CA"), "{said}");
    // The token was not sent to the wrong site, and is still good at its own.
    succeeded(&server.run(&["enroll", &other.url, "--token", &token]));
}

#[test]
fn a_revoked_agent_is_shut_out_at_its_next_request() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    succeeded(&site.controller(&["agent", "revoke", "app-1", "--reason", "server stolen"]));
    let said = failed(&server.backup("letters"));
    assert!(said.contains("revoked"), "{said}");
    assert_eq!(site.points().len(), 1);
}

#[test]
fn a_vault_of_a_foreign_owner_is_refused() {
    let site = Site::new();
    site.opd("dinkes");
    site.opd("disdik");
    let server = Server { site: &site, name: "app-1".into() };
    succeeded(&server.run(&["enroll", &site.url, "--token", &site.token("app-1", "dinkes")]));
    fs::create_dir_all(server.path("tree")).unwrap();
    let (owner, identity) = (site.path("disdik.owner"), server.path("identity"));
    let files = ["--owner", owner.to_str().unwrap(), "--identity-out", identity.to_str().unwrap()];
    let said = failed(&server.run(&[&["init", "--store", &site.url][..], &files].concat()));
    assert!(said.contains("not the owner's"), "{said}");
    assert_eq!(
        fs::read_dir(site.path("store"))
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().file_name() == "vaults")
            .count(),
        0
    );
}

#[test]
fn one_agent_does_not_reach_anothers_vault() {
    let site = Site::new();
    site.opd("dinkes");
    let (one, two) = (site.server("app-1", "dinkes"), site.server("app-2", "dinkes"));
    for server in [&one, &two] {
        site.approve(&server.name, "letters");
        server.write("letter", server.name.as_bytes());
        succeeded(&server.backup("letters"));
    }
    let vault = |server: &Server| {
        let name = fs::read_dir(server.path("state/vaults")).unwrap().next().unwrap().unwrap().file_name();
        name.into_string().unwrap()
    };
    // The second one's keys in the first one's hands, without the second one's certificate.
    let stolen = vault(&two);
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(two.path("state/vaults").join(&stolen))
        .arg(one.path("state/vaults"))
        .output()
        .unwrap();
    succeeded(&copied);
    let tree = one.path("tree");
    let run = ["backup", "--store", &site.url, "--vault", &stolen, "--dataset", "letters", tree.to_str().unwrap()];
    let said = failed(&one.run(&run));
    assert!(said.contains("not one of agent app-1") || said.contains("no vault"), "{said}");
    assert_eq!(site.points().len(), 2);
}
