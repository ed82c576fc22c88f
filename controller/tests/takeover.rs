//! The Pusat Data is gone, and agents go on at the DRC: real processes, with vaults that stay unbroken.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use support::drc::Drc;
use support::{Server, Site, failed, succeeded};

const DATASETS: [&str; 3] = ["letters", "archive", "maps"];

/// A site with a DRC, and one server whose datasets are saved at both.
fn two_sites() -> (Site, Drc) {
    let site = Site::new();
    let drc = Drc::paired(&site);
    site.opd("dinkes");
    let server = site.server("app-1", "dinkes");
    for dataset in DATASETS {
        site.approve("app-1", dataset);
        write(&server, dataset, "content", dataset.as_bytes());
        succeeded(&backup(&server, &site.url, dataset));
    }
    assert!(drc.replicate().0);
    (site, drc)
}

fn server(site: &Site) -> Server<'_> {
    Server { site, name: "app-1".into() }
}

fn write(server: &Server, dataset: &str, name: &str, bytes: &[u8]) {
    let folder = server.path("tree").join(dataset);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

/// Saves the folder of one dataset.
fn backup(server: &Server, url: &str, dataset: &str) -> Output {
    let tree = server.path("tree").join(dataset);
    server.run(&["backup", "--quiet", "--store", url, "--dataset", dataset, tree.to_str().unwrap()])
}

/// What cannot be compressed, and so is a pack of its own.
fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

/// Restores the newest snapshot of a dataset from a folder, and holds it against what was saved.
fn restores(server: &Server, store: &Path, dataset: &str) {
    let target = tempfile::tempdir().unwrap();
    let (identity, tree) = (server.path("identity"), server.path("tree").join(dataset));
    let (store, identity, to) = (store.to_str().unwrap(), identity.to_str().unwrap(), target.path().to_str().unwrap());
    let from = ["restore", "--store", store, "--identity", identity, "--dataset", dataset];
    succeeded(&server.run(&[&from[..], &["latest", "--target", to]].concat()));
    let restored = target.path().join(tree.strip_prefix("/").unwrap());
    succeeded(&Command::new("diff").args(["-r", "--no-dereference"]).arg(&tree).arg(&restored).output().unwrap());
}

/// Numbers of the snapshots of a dataset in a store, in order.
fn numbers(server: &Server, store: &Path, dataset: &str) -> Vec<u32> {
    let folder = store.join("vaults").join(server.vault()).join("snapshots").join(dataset);
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut numbers: Vec<u32> = names.map(|name| name.split('-').next().unwrap().parse().unwrap()).collect();
    numbers.sort_unstable();
    numbers
}

/// `pulih-agent run` for one dataset, until it is dropped.
struct Daemon(Child);

impl Daemon {
    fn of(server: &Server, dataset: &str) -> Self {
        let (config, tree) = (server.path("agent.toml"), server.path("tree").join(dataset));
        let text = format!("[dataset.{dataset}]\nclass = \"non-publik\"\npaths = [{:?}]\n", tree.to_str().unwrap());
        fs::write(&config, text).unwrap();
        fs::set_permissions(&config, fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(support::agent_program());
        command.env("PULIH_STATE", server.path("state")).env("PULIH_CONFIG", &config).arg("run");
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(120);
    while !seen() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// The Pusat Data with all that it had.
fn delete(site: &mut Site) {
    site.kill();
    fs::remove_dir_all(site.path("site")).unwrap();
    fs::remove_dir_all(site.path("store")).unwrap();
}

#[test]
fn agents_go_on_at_the_drc_once_a_disaster_is_declared_and_not_before() {
    let (mut site, mut drc) = two_sites();
    // What the Pusat Data accepted last never reached the DRC.
    write(&server(&site), "letters", "large", &noise(1, 3 << 20));
    succeeded(&backup(&server(&site), &site.url, "letters"));
    delete(&mut site);
    let server = server(&site);
    drc.start();
    write(&server, "letters", "content", b"baru");
    let refused = failed(&backup(&server, &drc.url, "letters"));
    assert!(refused.contains("no disaster is declared"), "{refused}");
    // A command that would let a server in is refused as well.
    assert!(failed(&drc.controller(&["agent", "invite", "app-2", "--opd", "dinkes"])).contains("no disaster"));

    drc.declare();
    for dataset in DATASETS {
        write(&server, dataset, "more", &noise(2, 2 << 20));
        succeeded(&backup(&server, &drc.url, dataset));
        restores(&server, &drc.path("store"), dataset);
    }
    // Three that were pulled and three that came from the agent; each with all that it needs.
    assert_eq!(drc.whole_snapshots(), 6);
    // The second number was used at the Pusat Data: it is used for nothing else.
    assert_eq!(numbers(&server, &drc.path("store"), "letters"), [1, 3]);
    assert_eq!(numbers(&server, &drc.path("store"), "maps"), [1, 2]);
    assert_eq!(drc.dataset("letters")["points"], 2);
    // It goes on from there, and what is there already is not sent again.
    write(&server, "letters", "content", b"lebih baru");
    let again = succeeded(&server.run(&[
        "--json",
        "backup",
        "--store",
        &drc.url,
        "--dataset",
        "letters",
        server.path("tree/letters").to_str().unwrap(),
    ]));
    let again: serde_json::Value = serde_json::from_str(&again).unwrap();
    assert!(again["snapshot"]["changes"]["stored_bytes"].as_u64().unwrap() < 1 << 20, "{again}");
    // A catalog that is made again says the same.
    let before = drc.json(&["status"])["datasets"].clone();
    drc.stop();
    succeeded(&drc.controller(&["rebuild"]));
    let ages = |its: &serde_json::Value| {
        let mut rows = its.as_array().unwrap().clone();
        rows.iter_mut().for_each(|row| drop(row.as_object_mut().unwrap().remove("exposure_seconds")));
        rows
    };
    assert_eq!(ages(&before), ages(&drc.json(&["status"])["datasets"]));
    drc.start();
    succeeded(&backup(&server, &drc.url, "letters"));
    // Over is over.
    drc.end();
    assert!(failed(&backup(&server, &drc.url, "letters")).contains("no disaster is declared"));
}

/// A new Pusat Data in the place of the one that is gone, paired so that it reads at the DRC.
fn new_pusat(drc: &Drc) -> Site {
    let mut pusat = Site::new();
    pusat.stop();
    succeeded(&drc.acting(&["pair", "end", "pusat-33.19", "--reason", "it is gone"]));
    let (offered, card) = (pusat.path("new.card"), pusat.path("drc.card"));
    let (offered, card) = (offered.to_str().unwrap(), card.to_str().unwrap());
    let print = |made: serde_json::Value| made["fingerprint"].as_str().unwrap().to_owned();
    let made = print(pusat.json(&["pair", "offer", "--out", offered]));
    let out = drc.acting(&["--json", "pair", "accept", offered, "--fingerprint", &made, "--out", card]);
    let made = print(serde_json::from_str(&succeeded(&out)).unwrap());
    succeeded(&pusat.acting("siti", &["pair", "accept", card, "--fingerprint", &made]));
    pusat
}

#[test]
fn a_new_pusat_data_is_filled_from_the_drc_and_agents_go_on_there_with_their_vaults_unbroken() {
    let (mut old, mut drc) = two_sites();
    delete(&mut old);
    drc.start();
    drc.declare();
    let server = server(&old);
    write(&server, "letters", "content", b"baru");
    succeeded(&backup(&server, &drc.url, "letters"));
    let mut pusat = new_pusat(&drc);
    succeeded(&pusat.controller(&["replicate", "--once"]));
    // What came in between comes with the next round; and agents are told of nothing before that.
    write(&server, "maps", "content", b"baru");
    succeeded(&backup(&server, &drc.url, "maps"));
    let offered = pusat.path("new.card");
    let offered = offered.to_str().unwrap();
    let print = pusat.json(&["pair", "show", offered])["fingerprint"].as_str().unwrap().to_owned();
    let moving = ["pair", "move", offered, "--fingerprint", &print];
    assert!(failed(&drc.acting(&moving)).contains("end the disaster first"));
    drc.end();
    succeeded(&pusat.controller(&["replicate", "--once"]));
    succeeded(&drc.acting(&moving));
    // Every point with the date that it had, and not an earlier one.
    let kept = |points: Vec<serde_json::Value>| -> Vec<_> {
        points.iter().map(|its| (its["dataset"].clone(), its["snapshot"].clone(), its["keep_until"].clone())).collect()
    };
    let there: Vec<_> = DATASETS.iter().map(|name| drc.dataset(name)).collect();
    let (mut there, mut here) = (kept(there), kept(pusat.points()));
    there.sort_by_key(|its| its.0.to_string());
    here.sort_by_key(|its| its.0.to_string());
    assert_eq!(there, here);
    pusat.start();

    // The daemon finds its way: its Pusat Data is gone, and the DRC says where the new one is.
    write(&server, "letters", "content", b"di pusat data baru");
    let daemon = Daemon::of(&server, "letters");
    until("a snapshot at the new Pusat Data", || numbers(&server, &pusat.path("store"), "letters").len() == 3);
    drop(daemon);
    assert_eq!(numbers(&server, &pusat.path("store"), "letters"), [1, 2, 3]);
    restores(&server, &pusat.path("store"), "letters");
    restores(&server, &pusat.path("store"), "archive");
    let identity = server.path("identity");
    let store = pusat.path("store");
    let check = ["check", "--store", store.to_str().unwrap(), "--identity", identity.to_str().unwrap(), "--read-data"];
    succeeded(&server.run(&check));
    // By hand it goes there too: it is this agent's site now.
    succeeded(&backup(&server, &pusat.url, "archive"));
    // A site that agents go on at is not filled any more.
    pusat.stop();
    assert!(failed(&pusat.controller(&["replicate", "--once"])).contains("no longer filled"));
    pusat.start();

    // The DRC pulls from it as it did before; what it has of the old one's ledger stays.
    let before = fs::read_dir(drc.path("store/site/pusat-33.19/ledger/batch")).unwrap().count();
    succeeded(&drc.acting(&["pair", "end", "pusat-33.19", "--reason", "it is filled"]));
    succeeded(&pusat.acting("siti", &["pair", "end", "drc-33.19", "--reason", "it is filled"]));
    let print = drc.offer();
    let made: serde_json::Value = serde_json::from_str(&succeeded(&drc.accepted_by(&pusat, &print))).unwrap();
    succeeded(&drc.accept(made["fingerprint"].as_str().unwrap()));
    let (whole, came) = drc.replicate();
    assert!(whole, "{came}");
    assert_eq!(numbers(&server, &drc.path("store"), "letters"), [1, 2, 3]);
    assert_eq!(fs::read_dir(drc.path("store/site/pusat-33.19/ledger/batch")).unwrap().count(), before);
    assert!(drc.path("store/site/pusat-33.19/mirrors").is_dir());
    assert_eq!(drc.alarms().iter().filter(|alarm| *alarm == "ledger-diverged").count(), 0);
}

#[test]
fn another_drc_is_refused_until_a_person_on_the_server_accepts_it() {
    let (site, mut drc) = two_sites();
    drc.start();
    let server = server(&site);
    let known = || fs::read_to_string(server.path("state/drc.json")).unwrap();
    let first = known();
    assert!(first.contains(&drc.url));
    // The DRC itself says what it has, and signs it.
    let status: serde_json::Value = serde_json::from_str(&succeeded(&server.run(&["--json", "status"]))).unwrap();
    assert_eq!(status["drc"]["url"].as_str(), Some(&*drc.url));
    assert!(status["drc"]["said"].is_string() && status["drc"]["error"].is_null(), "{status}");
    let heads = fs::read_to_string(server.path("state/heads.json")).unwrap();
    assert!(DATASETS.iter().all(|name| heads.contains(name)), "{heads}");

    // A Pusat Data in strange hands is paired with a DRC of theirs.
    let other = Drc::new();
    succeeded(&site.acting("siti", &["pair", "end", "drc-33.19", "--reason", "x"]));
    succeeded(&other.accepted_by(&site, &other.offer()));
    let saved = backup(&server, &site.url, "letters");
    succeeded(&saved);
    assert!(String::from_utf8_lossy(&saved.stderr).contains("names another DRC than before"));
    assert_eq!(known(), first);
    // What the DRC said stands in the snapshot, signed by both.
    let folder = site.path("store/vaults").join(server.vault()).join("snapshots/letters");
    let newest = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).max().unwrap();
    assert!(fs::read_to_string(newest).unwrap().contains("pulih/drc-heads/v1"));
    succeeded(&server.run(&["accept-drc", "--dry-run"]));
    assert_eq!(known(), first);
    succeeded(&server.run(&["accept-drc"]));
    assert!(known().contains(&other.url));
}

#[test]
fn a_daemon_goes_to_the_drc_by_itself() {
    let (mut site, mut drc) = two_sites();
    {
        let server = server(&site);
        let _daemon = Daemon::of(&server, "letters");
        // Due at once, for the daemon never met it; and from here on it has a policy.
        until("a snapshot at the Pusat Data", || numbers(&server, &site.path("store"), "letters").len() == 2);
    }
    assert!(drc.replicate().0);
    delete(&mut site);
    drc.start();
    drc.declare();
    let server = server(&site);
    write(&server, "letters", "content", b"di drc");
    // It is due again, without a wait for the evening.
    let _ = fs::remove_file(server.path("state/daemon.json"));
    let _daemon = Daemon::of(&server, "letters");
    until("a snapshot at the DRC", || numbers(&server, &drc.path("store"), "letters").len() == 3);
    restores(&server, &drc.path("store"), "letters");
}
