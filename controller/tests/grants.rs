//! Content leaves the site under a grant of the walidata, and otherwise not at all.

mod support;

use support::raw::Raw;
use support::{Server, Site, failed, succeeded};

fn request(server: &Server, dataset: &str) -> String {
    let asked = server.run(&[
        "--json",
        "ask",
        "--store",
        &server.site.url,
        "--dataset",
        dataset,
        "--reason",
        "berkas terhapus",
    ]);
    let asked: serde_json::Value = serde_json::from_str(&succeeded(&asked)).unwrap();
    asked["request"].as_str().unwrap().to_owned()
}

fn restore(server: &Server, spec: &str, to: &str) -> std::process::Output {
    let (identity, target) = (server.path("identity"), server.path(to));
    server.run(&[
        "restore",
        "--store",
        &server.site.url,
        "--identity",
        identity.to_str().unwrap(),
        "--dataset",
        "letters",
        spec,
        "--target",
        target.to_str().unwrap(),
    ])
}

#[test]
fn a_file_comes_back_under_a_grant_and_not_without() {
    let site = Site::new();
    site.opd("dinkes");
    site.opd("disdik");
    let server = site.server("app-1", "dinkes");
    for dataset in ["letters", "archive"] {
        site.approve("app-1", dataset);
    }
    server.write("letter", b"isi surat");
    server.write("other", b"surat lain");
    succeeded(&server.backup("letters"));
    server.write("secret", b"arsip yang lain sama sekali");
    succeeded(&server.backup("archive"));

    let said = failed(&restore(&server, "latest", "out"));
    assert!(said.contains("pulih-agent ask"), "{said}");
    let id = request(&server, "letters");
    assert!(site.json(&["status"])["requests"][0]["request"] == id.as_str());
    // Asked is not given; and it is not given by whoever likes.
    failed(&restore(&server, "latest", "out"));
    for person in ["siti", "walidata-disdik"] {
        let said = failed(&site.acting(person, &["grant", "give", &id]));
        assert!(said.contains("walidata"), "{said}");
    }
    let unsigned = failed(&site.controller(&["grant", "give", &id]));
    assert!(unsigned.contains("signature"), "{unsigned}");
    let long = failed(&site.acting("walidata-dinkes", &["grant", "give", &id, "--until", "31d"]));
    assert!(long.contains("30 days"), "{long}");
    succeeded(&site.acting("walidata-dinkes", &["grant", "give", &id, "--until", "1h"]));

    // One file, then everything; bit for bit.
    let tree = server.path("tree");
    let one = format!("latest:{}", tree.join("letter").to_str().unwrap());
    succeeded(&restore(&server, &one, "one"));
    let below = |to: &str, name: &str| server.path(to).join(tree.strip_prefix("/").unwrap()).join(name);
    assert_eq!(std::fs::read(below("one", "letter")).unwrap(), b"isi surat");
    assert!(!below("one", "other").exists());
    succeeded(&restore(&server, "latest", "all"));
    assert_eq!(std::fs::read(below("all", "other")).unwrap(), b"surat lain");

    // The grant is for that dataset: a pack that only the other one needs stays where it is.
    let (identity, target) = (server.path("identity"), server.path("archive"));
    let other = server.run(&[
        "restore",
        "--store",
        &site.url,
        "--identity",
        identity.to_str().unwrap(),
        "--dataset",
        "archive",
        "latest",
        "--target",
        target.to_str().unwrap(),
    ]);
    assert!(failed(&other).contains("covers other snapshots"));

    // It is on the ledger who fetched what, and the grant can be ended.
    succeeded(&site.acting("walidata-dinkes", &["grant", "end", &id, "--reason", "selesai"]));
    assert!(failed(&restore(&server, "latest", "again")).contains("none in force"));
    let ended = failed(&site.acting("walidata-dinkes", &["grant", "give", &id]));
    assert!(ended.contains("answered already"), "{ended}");
}

#[test]
fn nobody_asks_for_what_is_not_theirs() {
    let site = Site::new();
    site.opd("dinkes");
    site.opd("disdik");
    let (server, other) = (site.server("app-1", "dinkes"), site.server("app-2", "disdik"));
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    let raw = Raw::of(&other, true);
    let asking = |vault: &str, dataset: &str, reason: &str| {
        let body = serde_json::json!({"vault": vault, "dataset": dataset, "reason": reason}).to_string();
        raw.send("POST", "/v1/restore-requests", body.as_bytes()).code()
    };
    assert_eq!(asking(&server.vault(), "letters", "mau lihat"), "not-found");
    assert_eq!(asking(&other.vault(), "letters", "mau lihat"), "not-found");
    assert_eq!(asking("x", "letters", "mau lihat"), "bad-request");
    assert_eq!(asking(&server.vault(), "../x", "mau lihat"), "bad-request");
    assert_eq!(asking(&server.vault(), "letters", "\n"), "bad-request");
    assert!(site.json(&["status"])["requests"].as_array().unwrap().is_empty());
}

#[test]
fn a_new_server_fetches_what_the_old_one_saved() {
    let site = Site::new();
    site.opd("dinkes");
    let (old, new) = (site.server("app-1", "dinkes"), site.server("app-2", "dinkes"));
    site.approve("app-1", "letters");
    old.write("letter", b"isi surat");
    succeeded(&old.backup("letters"));
    let (vault, identity) = (old.vault(), old.path("identity"));
    let ask =
        ["--json", "ask", "--store", &site.url, "--vault", &vault, "--dataset", "letters", "--reason", "server rusak"];
    let asked: serde_json::Value = serde_json::from_str(&succeeded(&new.run(&ask))).unwrap();
    let id = asked["request"].as_str().unwrap();
    let target = new.path("out");
    let fetch = || {
        new.run(&[
            "restore",
            "--store",
            &site.url,
            "--vault",
            &vault,
            "--identity",
            identity.to_str().unwrap(),
            "--dataset",
            "letters",
            "latest",
            "--target",
            target.to_str().unwrap(),
        ])
    };
    failed(&fetch());
    succeeded(&site.acting("walidata-dinkes", &["grant", "give", id]));
    succeeded(&fetch());
    let restored = target.join(old.path("tree").strip_prefix("/").unwrap()).join("letter");
    assert_eq!(std::fs::read(restored).unwrap(), b"isi surat");
    // It may read, and not write.
    let raw = Raw::of(&new, true);
    let hash = blake3::hash(b"isi").to_hex();
    let path = format!("/v1/objects/vaults/{vault}/packs/{}/{hash}", &hash[..2]);
    assert_eq!(raw.send("PUT", &path, b"isi").code(), "forbidden");
}
