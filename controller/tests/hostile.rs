//! What a peer may not do, with bytes on the wire: each a clear refusal, and nothing changes on
//! the site's disk.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use support::raw::{Raw, answer};
use support::{Server, Site, failed, succeeded};

/// Every file below a folder, with its size.
fn files(folder: &Path) -> BTreeMap<PathBuf, u64> {
    let mut out = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            out.extend(files(&entry.path()));
        } else {
            out.insert(entry.path(), entry.metadata().unwrap().len());
        }
    }
    out
}

fn vaults(site: &Site) -> BTreeMap<PathBuf, u64> {
    files(&site.path("store/vaults"))
}

/// The names of a vault's objects of one kind, as the gateway takes them.
fn names(site: &Site, vault: &str, kind: &str) -> Vec<String> {
    let folder = site.path("store/vaults").join(vault).join(kind);
    let store = site.path("store");
    files(&folder).keys().map(|path| path.strip_prefix(&store).unwrap().to_str().unwrap().to_owned()).collect()
}

fn saved(site: &Site) -> (Server<'_>, String) {
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    succeeded(&server.backup("letters"));
    let vault = server.vault();
    (server, vault)
}

#[test]
fn what_is_no_object_of_the_vault_is_refused_and_changes_nothing() {
    let site = Site::new();
    let (server, vault) = saved(&site);
    let before = vaults(&site);
    let raw = Raw::of(&server, true);
    let hash = blake3::hash(b"isi").to_hex();
    let ab = &hash[..2];
    let pack = format!("/v1/objects/vaults/{vault}/packs/{ab}/{hash}");
    for (path, status) in [
        (format!("/v1/objects/vaults/{vault}/packs/../{hash}"), 400),
        (format!("/v1/objects/vaults/{vault}%2fpacks%2f{ab}%2f{hash}"), 400),
        (format!("/v1/objects/vaults/{vault}/packs/{ab}/%2e%2e"), 400),
        ("/v1/objects//etc/passwd".to_owned(), 400),
        ("/v1/objects/site/pusat-33.19/ledger/checkpoint/00000000000000000001".to_owned(), 400),
        (format!("/v1/objects/vaults/{vault}/packs/{hash}"), 400),
        (format!("/v1/objects/vaults/{vault}/tree/{ab}/{hash}"), 400),
        (format!("/v1/objects/vaults/00000000000000000000000000000000/packs/{ab}/{hash}"), 403),
        ("/v1/nothing".to_owned(), 404),
    ] {
        let answer = raw.send("PUT", &path, b"isi");
        assert_eq!(answer.status, status, "{path}: {}", String::from_utf8_lossy(&answer.body));
        assert!(!answer.code().is_empty(), "{path}");
    }
    // A wrong hash, too many bytes, too few.
    assert_eq!(raw.send("PUT", &pack, b"other").code(), "hash-mismatch");
    let mut stream = raw.connect();
    stream.write_all(raw.head("PUT", &pack, (256 << 20) + 1).as_bytes()).unwrap();
    assert_eq!(answer(&mut stream).code(), "too-large");
    assert_eq!(vaults(&site), before);
    // The same name with the right bytes is taken, and once.
    assert_eq!(raw.send("PUT", &pack, b"isi").status, 201);
    assert_eq!(raw.send("PUT", &pack, b"isi").code(), "already-exists");
    assert_eq!(raw.send("PUT", &pack, b"other").code(), "hash-mismatch");
    assert_eq!(fs::read(site.path("store").join(pack.trim_start_matches("/v1/objects/"))).unwrap(), b"isi");
}

#[test]
fn who_may_ask_is_checked_on_every_path() {
    let site = Site::new();
    let (server, vault) = saved(&site);
    let name = names(&site, &vault, "index").remove(0);
    let object = format!("/v1/objects/{name}");
    let nobody = Raw::of(&server, false);
    for (method, path) in [
        ("GET", "/v1/agent"),
        ("GET", "/v1/policy"),
        ("POST", "/v1/hello"),
        ("POST", "/v1/report"),
        ("POST", "/v1/renew"),
        ("POST", "/v1/restore-requests"),
        ("GET", &*format!("/v1/doomed?vault={vault}")),
        ("GET", &*format!("/v1/list?prefix=vaults/{vault}")),
        ("GET", &*object),
        ("PUT", &*object),
        ("DELETE", &*object),
    ] {
        let answer = nobody.send(method, path, b"{}");
        let expected = if method == "DELETE" { 405 } else { 401 };
        assert_eq!(answer.status, expected, "{method} {path}");
    }
    // With a certificate, but without a turn.
    let early = Raw::of(&server, true).without_lineage();
    assert_eq!(early.send("GET", &object, b"").code(), "hello-first");
    assert_eq!(early.send("GET", &format!("/v1/list?prefix=vaults/{vault}"), b"").code(), "hello-first");
    let known = Raw::of(&server, true);
    assert_eq!(known.send("GET", &object, b"").status, 200);
    // Nobody deletes.
    assert_eq!(known.send("DELETE", &object, b"").status, 405);

    // Another agent, on every path of the vault.
    let other = site.server("app-2", "dinkes");
    let raw = Raw::of(&other, true);
    for kind in ["vault", "packs", "index", "reach", "snapshots"] {
        for name in names(&site, &vault, kind) {
            for method in ["GET", "PUT"] {
                // A description is looked at before its vault is.
                if (kind, method) == ("vault", "PUT") {
                    continue;
                }
                let answer = raw.send(method, &format!("/v1/objects/{name}"), b"x");
                assert_eq!((answer.status, &*answer.code()), (403, "forbidden"), "{method} {name}");
            }
            assert_eq!(raw.send("HEAD", &format!("/v1/objects/{name}"), b"").status, 403);
        }
    }
    assert_eq!(raw.send("GET", &format!("/v1/list?prefix=vaults/{vault}"), b"").status, 403);
    assert_eq!(raw.send("GET", &format!("/v1/doomed?vault={vault}"), b"").status, 403);
    let all = raw.send("GET", "/v1/list?prefix=vaults", b"").body;
    assert!(!String::from_utf8(all).unwrap().contains(&vault));
}

#[test]
fn a_description_that_no_owner_signed_does_not_tell_whose_vault_it_is() {
    let site = Site::new();
    let (_, vault) = saved(&site);
    let other = site.server("app-2", "dinkes");
    let raw = Raw::of(&other, true);
    let put = |vault: &str, number: u32, hash: &str, bytes: &[u8]| {
        let answer = raw.send("PUT", &format!("/v1/objects/vaults/{vault}/vault/{number}-{hash}"), bytes);
        (answer.status, answer.code(), String::from_utf8(answer.body).unwrap().replace(vault, "V"))
    };
    let free = "0123456789abcdef0123456789abcdef";
    // Its own, which the owner signed: for another vault.
    let own = fs::read(site.path("store").join(names(&site, &other.vault(), "vault").remove(0))).unwrap();
    for bytes in [&b"palsu"[..], &own] {
        let hash = blake3::hash(bytes).to_hex().to_string();
        for (number, hash) in [(1, &hash), (2, &hash), (1, &"0".repeat(64))] {
            let answer = put(&vault, number, hash, bytes);
            assert_eq!(answer, put(free, number, hash, bytes));
            assert_eq!((answer.0, &*answer.1), (403, "forbidden"), "{answer:?}");
        }
    }
}

#[test]
fn a_manifest_is_believed_only_as_the_agent_signed_it_and_whole() {
    let site = Site::new();
    let (server, vault) = saved(&site);
    site.approve("app-1", "archive");
    let name = names(&site, &vault, "snapshots").remove(0);
    let note = fs::read(site.path("store").join(&name)).unwrap();
    let raw = Raw::of(&server, true);
    let put = |dataset: &str, sequence: u32, note: &[u8]| {
        let hash = blake3::hash(note).to_hex();
        raw.send("PUT", &format!("/v1/objects/vaults/{vault}/snapshots/{dataset}/{sequence:010}-{hash}"), note)
    };
    let before = vaults(&site);
    // The same bytes once more, of another sequence, of another dataset.
    assert_eq!(put("letters", 1, &note).code(), "already-exists");
    assert_eq!(put("letters", 2, &note).code(), "refused");
    assert_eq!(put("archive", 1, &note).code(), "refused");
    // A bit of the text, a bit of the signature, the signature gone.
    let text = String::from_utf8(note.clone()).unwrap();
    let changed = text.replacen("\"letters\"", "\"letterz\"", 1);
    assert_ne!(changed, text);
    assert_eq!(put("letters", 2, changed.as_bytes()).code(), "refused");
    let mut signature = note.clone();
    let at = signature.len() - 5;
    signature[at] = if signature[at] == b'A' { b'B' } else { b'A' };
    assert_eq!(put("letters", 1, &signature).code(), "refused");
    assert_eq!(put("letters", 1, text.split("\n\n").next().unwrap().as_bytes()).code(), "refused");
    // Another agent's key signed it: its own manifest, for this vault.
    let other = site.server("app-2", "dinkes");
    site.approve("app-2", "letters");
    other.write("letter", b"lain");
    succeeded(&other.backup("letters"));
    let foreign = fs::read(site.path("store").join(names(&site, &other.vault(), "snapshots").remove(0))).unwrap();
    assert_eq!(put("letters", 1, &foreign).code(), "refused");
    let after: Vec<_> = vaults(&site).into_iter().filter(|(path, _)| path.to_str().unwrap().contains(&vault)).collect();
    assert_eq!(after.into_iter().collect::<BTreeMap<_, _>>(), before);
}

#[test]
fn a_snapshot_that_is_not_complete_is_no_recovery_point() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    let vault = server.vault();
    site.approve("app-1", "letters");
    server.write("letter", b"isi surat");
    // Saved onto a disk, twice, and sent object by object: all but one pack.
    server.seed("letters");
    server.write("second", b"surat kedua");
    let disk = server.seed("letters");
    let objects = |kind: &str| -> Vec<(String, Vec<u8>)> {
        let found = files(&disk.join("vaults").join(&vault).join(kind));
        let name = |path: &Path| path.strip_prefix(&disk).unwrap().to_str().unwrap().to_owned();
        found.keys().map(|path| (name(path), fs::read(path).unwrap())).collect()
    };
    let raw = Raw::of(&server, true);
    let put = |(name, bytes): &(String, Vec<u8>)| raw.send("PUT", &format!("/v1/objects/{name}"), bytes);
    let (packs, manifest) = (objects("packs"), objects("snapshots").pop().unwrap());
    assert!(packs.len() > 1);
    for object in packs[1..].iter().chain(&objects("index")) {
        assert_eq!(put(object).status, 201);
    }
    assert_eq!(put(&manifest).status, 404, "its reach is not here");
    for object in objects("reach") {
        assert_eq!(put(&object).status, 201);
    }
    let refused = put(&manifest);
    assert_eq!(refused.code(), "refused");
    assert!(String::from_utf8(refused.body).unwrap().contains(&packs[0].0));
    assert!(site.points().is_empty());
    assert_eq!(put(&packs[0]).status, 201);
    assert_eq!(put(&manifest).status, 201);
    assert_eq!(site.points().len(), 1);
}

#[test]
fn a_peer_that_says_nothing_does_not_keep_others_out() {
    let site = Site::new();
    let (server, _) = saved(&site);
    let raw = Raw::of(&server, true);
    // Connections that end in the middle of a head and of a body.
    let held: Vec<_> = (0..40)
        .map(|n| {
            let mut stream = raw.connect();
            let head = raw.head("PUT", "/v1/objects/vaults/x", 1000);
            stream.write_all(&head.as_bytes()[..head.len() - n % 20 - 1]).unwrap();
            stream
        })
        .collect();
    server.write("letter", b"isi baru");
    succeeded(&server.backup("letters"));
    drop(held);
}

#[test]
fn a_dataset_that_is_not_approved_is_not_taken_in() {
    let site = Site::new();
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    server.write("letter", b"isi surat");
    let said = failed(&server.backup("letters"));
    assert!(said.contains("has not approved"), "{said}");
    assert!(site.points().is_empty());
    site.approve("app-1", "letters");
    succeeded(&server.backup("letters"));
    assert_eq!(site.points().len(), 1);
    // It ends, and nothing comes in after it.
    let approvals = site.json(&["approve", "list"]);
    let approval = approvals["approvals"][0]["approval"].as_str().unwrap();
    succeeded(&site.acting("walidata-dinkes", &["approve", "end", approval, "--reason", "pindah"]));
    server.write("letter", b"isi surat baru");
    assert!(failed(&server.backup("letters")).contains("no longer does"));
    assert_eq!(site.points()[0]["snapshot"].as_str().unwrap().split('-').next().unwrap(), "0000000001");
}
