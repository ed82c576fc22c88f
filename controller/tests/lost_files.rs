//! Damage that nobody can heal is named with the files that it costs, to whoever can open the vault, and to
//! nobody else. Two sites, real processes.

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use support::drc::{Drc, noise, overwrite, packs, server};
use support::keeper::Keeper;
use support::{Server, Site, failed, succeeded};

/// A server whose vault the DRC's keeper opens too, and a DRC that has its three snapshots. Each has five files more than
/// the one before, and a tree of its own.
struct Sites {
    site: Site,
    drc: Drc,
    keeper: Keeper,
    /// The packs that each of them added.
    packs: [BTreeSet<PathBuf>; 3],
}

impl Sites {
    fn new() -> Self {
        let drc = Drc::new();
        let mut keeper = Keeper::new(&drc);
        let recipient = keeper.online("publik");
        let site = Site::new();
        site.opd("dinkes");
        site.server_for("app-1", "dinkes", &["--class", "publik", "--recipient", &recipient]);
        site.approve("app-1", "letters");
        let mut saved = Vec::new();
        for seed in 1..=3 {
            let server = server(&site);
            fs::create_dir_all(server.path(&format!("tree/{seed}"))).unwrap();
            for file in 0..4 {
                server.write(&format!("{seed}/letter-{file}"), &noise(seed * 10 + file, 600_000));
            }
            server.write(&format!("{seed}/short"), format!("short {seed}").as_bytes());
            succeeded(&server.backup("letters"));
            saved.push(packs(&site.path("store")));
        }
        let fingerprint = drc.offer();
        let pusat: Value = serde_json::from_str(&succeeded(&drc.accepted_by(&site, &fingerprint))).unwrap();
        succeeded(&drc.accept(pusat["fingerprint"].as_str().unwrap()));
        assert!(drc.replicate().0);
        let uid = succeeded(&std::process::Command::new("id").arg("-u").output().unwrap());
        keeper.start(&[uid.trim()]);
        let relative = |path: &PathBuf| path.strip_prefix(site.path("store")).unwrap().to_owned();
        let added = |at: usize| {
            let before = at.checked_sub(1).map(|before| &saved[before]);
            saved[at].iter().filter(|pack| !before.is_some_and(|its| its.contains(*pack))).map(relative).collect()
        };
        let packs = [added(0), added(1), added(2)];
        Self { site, drc, keeper, packs }
    }

    fn server(&self) -> Server<'_> {
        server(&self.site)
    }

    /// Does it to an object at both sites.
    fn everywhere(&self, object: &Path, change: impl Fn(&Path)) {
        for store in [self.site.path("store"), self.drc.path("store")] {
            change(&store.join(object));
        }
    }

    /// Files that a snapshot should have and that do not come back from the DRC's store as they were.
    fn not_restored(&self, sequence: usize) -> BTreeSet<String> {
        let server = self.server();
        let folder = self.drc.path("store/vaults").join(server.vault()).join("snapshots/letters");
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let name = names.into_iter().find(|its| its.starts_with(&format!("{sequence:010}-"))).unwrap();
        let (store, identity) = (self.drc.path("store"), server.path("identity"));
        let target = tempfile::tempdir().unwrap();
        let text = |path: &Path| path.to_str().unwrap().to_owned();
        let (store, identity, into) = (text(&store), text(&identity), text(target.path()));
        let id = name.split('-').next_back().unwrap();
        let from = ["restore", "--store", &store, "--identity", &identity, "--dataset", "letters", id];
        let output = server.run(&[&from[..], &["--target", &into]].concat());
        let tree = server.path("tree");
        let back = target.path().join(tree.strip_prefix("/").unwrap());
        let missing: BTreeSet<String> = (1..=sequence)
            .flat_map(|seed| {
                ["letter-0", "letter-1", "letter-2", "letter-3", "short"].map(|name| format!("{seed}/{name}"))
            })
            .filter(|name| fs::read(back.join(name)).ok() != fs::read(tree.join(name)).ok())
            .collect();
        assert_eq!(output.status.success(), missing.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
        missing
    }

    /// What `scrub --files` prints, with the keeper's or an OPD's identity.
    fn files(&self, arguments: &[&str]) -> (Output, Value) {
        let output = self.keeper.run(&[&["--json", "scrub", "--files"], arguments].concat());
        let json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        (output, json)
    }

    /// By object and snapshot, the files that are named, below the tree that was saved.
    fn named(&self, report: &Value) -> BTreeMap<(String, usize), BTreeSet<String>> {
        let mut named = BTreeMap::new();
        let tree = self.server().path("tree");
        let below = |path: &Value| {
            let path = Path::new("/").join(path.as_str().unwrap());
            path.strip_prefix(&tree).unwrap().to_str().unwrap().to_owned()
        };
        for object in report["vaults"].as_array().unwrap().iter().flat_map(|its| its["objects"].as_array().unwrap()) {
            for its in object["snapshots"].as_array().unwrap() {
                let sequence =
                    its["snapshot"].as_str().unwrap().strip_prefix("letters/").unwrap()[..10].parse().unwrap();
                let files: BTreeSet<String> = its["files"].as_array().unwrap().iter().map(below).collect();
                named.insert((object["object"].as_str().unwrap().to_owned(), sequence), files);
            }
        }
        named
    }
}

/// Every file below a folder with its bytes' hash.
fn all_bytes(folder: &Path) -> BTreeMap<PathBuf, [u8; 32]> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else {
                let hash = *blake3::hash(&fs::read(&path).unwrap()).as_bytes();
                found.insert(path, hash);
            }
        }
    }
    found
}

/// The largest of some packs: where content is.
fn largest(store: &Path, packs: &BTreeSet<PathBuf>) -> PathBuf {
    packs.iter().max_by_key(|pack| fs::metadata(store.join(pack)).unwrap().len()).unwrap().clone()
}

/// What is said of each damaged object in each snapshot.
fn costs(report: &Value) -> Vec<&Value> {
    let vaults = report["vaults"].as_array().unwrap().iter();
    let objects = vaults.flat_map(|vault| vault["objects"].as_array().unwrap());
    let is_whole = |object: &Value| object["snapshots"].as_array().unwrap().len() as u64 == object["snapshots_count"];
    assert!(objects.clone().all(is_whole));
    objects.flat_map(|object| object["snapshots"].as_array().unwrap()).collect()
}

#[test]
fn the_files_that_are_named_are_those_that_do_not_come_back() {
    let sites = Sites::new();
    let store = sites.drc.path("store");
    assert!(sites.files(&[]).0.status.success(), "nothing is damaged");
    // Of what the first snapshot wrote one byte is another one; what the second one wrote, its tree too, is gone.
    let part = largest(&store, &sites.packs[0]);
    let flip = |bytes: &mut Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
    };
    sites.everywhere(&part, |path| overwrite(path, flip));
    for pack in &sites.packs[1] {
        sites.everywhere(pack, |path| fs::remove_file(path).unwrap());
    }
    failed(&sites.drc.controller(&["scrub", "--all"]));
    let [first, second, third] = [1, 2, 3].map(|sequence| sites.not_restored(sequence));
    let of_second = |name: &&String| name.starts_with("2/");
    assert!(!first.is_empty() && first.len() < 5, "{first:?}");
    assert_eq!((second.len(), third.iter().filter(of_second).count(), third.len()), (10, 5, 5 + first.len()));

    let before = all_bytes(&store);
    let identity = sites.server().path("identity");
    let mut reports = Vec::new();
    for opened_by in [&[][..], &["--identity", identity.to_str().unwrap()]] {
        let (output, report) = sites.files(opened_by);
        assert_eq!(output.status.code(), Some(1), "something is damaged");
        let named = sites.named(&report);
        let of = |sequence: usize| -> BTreeSet<String> {
            named.iter().filter(|((_, its), _)| *its == sequence).flat_map(|(_, files)| files.clone()).collect()
        };
        assert_eq!((of(1), of(3)), (first.clone(), third.clone()), "{report:#}");
        assert_eq!(named[&(part.to_str().unwrap().to_owned(), 1)], first);
        // Where the listing itself is lost, nobody knows the names, and that is said.
        let unknown = |number: &str| -> u64 {
            let its = costs(&report).into_iter().filter(|its| its["snapshot"].as_str().unwrap().starts_with(number));
            its.map(|its| its["unknown_count"].as_u64().unwrap()).sum()
        };
        let unknown = ["1", "2", "3"].map(|number| unknown(&format!("letters/000000000{number}-")));
        assert!(of(2).is_empty() && unknown[1] >= 10 && unknown[0] + unknown[2] == 0, "{report:#}");
        let states = report["vaults"][0]["objects"].as_array().unwrap().iter().map(|its| &its["state"]);
        assert!(states.clone().count() == 1 + sites.packs[1].len() && states.clone().all(|state| state == "lost"));
        reports.push(report);
    }
    assert_eq!(reports[0], reports[1]);
    assert!(all_bytes(&store) == before, "nothing is written");

    // One of each snapshot is named, the rest counted.
    let (_, report) = sites.files(&["--paths", "1"]);
    let counts = costs(&report).into_iter().map(|its| (&its["files"], its["files_count"].as_u64().unwrap()));
    let counts: Vec<_> = counts.map(|(named, all)| (named.as_array().unwrap().len() as u64, all)).collect();
    assert!(counts.iter().all(|(named, all)| *named == (*all).min(1)) && counts.iter().any(|(_, all)| *all > 1));
    let told = String::from_utf8(sites.keeper.run(&["scrub", "--files"]).stdout).unwrap();
    assert!(third.iter().all(|name| told.contains(&format!("/{name}\n"))) && told.contains("LOST"), "{told}");
    assert!(told.contains("the listing itself is lost"), "{told}");
}

#[test]
fn an_identity_that_does_not_open_the_vault_names_nothing_and_is_told_so() {
    let sites = Sites::new();
    let pack = largest(&sites.drc.path("store"), &sites.packs[0]);
    sites.everywhere(&pack, |path| fs::remove_file(path).unwrap());
    failed(&sites.drc.controller(&["scrub", "--all"]));
    sites.keeper.own("other");
    let other = sites.drc.path("other.age");
    let (output, report) = sites.files(&["--identity", other.to_str().unwrap()]);
    let why = failed(&output);
    assert!(why.contains("does not open vault") && why.contains(&sites.server().vault()) && report.is_null(), "{why}");
    let file = sites.drc.path("site.toml");
    assert!(failed(&sites.files(&["--identity", file.to_str().unwrap()]).0).contains("is no age key"));
}
