//! A DRC beside a site: its own folder, its own people, paired as two people would pair it.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;

use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, vault_of, vaults};
use pulih_vault::reach::chain;
use pulih_vault::store::{DirStore, ObjectName, Store};
use pulih_vault::trust;
use serde_json::Value;

use super::{Server, Site, succeeded};

pub struct Drc {
    pub folder: tempfile::TempDir,
    /// Where its gateway is, once it serves.
    pub url: String,
    serving: Option<Child>,
}

impl Drc {
    /// A new DRC with an admin, not paired yet.
    pub fn new() -> Self {
        // Free now; a site keeps its address when it is started again.
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let url = format!("https://localhost:{port}");
        let drc = Self { folder: tempfile::tempdir().unwrap(), url, serving: None };
        let listen = format!("listen = \"127.0.0.1:{port}\"\n");
        let file = "name = \"DRC Uji\"\nregency = \"33.19\"\nhosts = [\"localhost\"]\n\
                    role = \"drc\"\noperator = \"Diskominfo\"\nprovider = \"PT Awan\"\ncertificates = []\n\
                    [location]\nregency = \"34.71\"\nlatitude = -7.8\nlongitude = 110.4\n";
        std::fs::write(drc.path("site.toml"), listen + file).unwrap();
        let (file, store) = (drc.path("site.toml"), drc.path("store"));
        let init = ["init", "--role", "drc", "--site", file.to_str().unwrap(), "--store", store.to_str().unwrap()];
        succeeded(&drc.controller(&init));
        let key = drc.path("dewi.key");
        let verifier = succeeded(&drc.controller(&["user", "key", key.to_str().unwrap()]));
        let added = ["user", "add", "dewi", "--name", "Dewi", "--role", "admin", "--key", verifier.trim()];
        succeeded(&drc.controller(&added));
        drc
    }

    /// A new DRC that is paired with a site.
    pub fn paired(site: &Site) -> Self {
        let drc = Self::new();
        let fingerprint = drc.offer();
        let pusat = succeeded_json(&drc.accepted_by(site, &fingerprint));
        succeeded(&drc.accept(pusat["fingerprint"].as_str().unwrap()));
        drc
    }

    /// Writes this DRC's card, and says its fingerprint.
    pub fn offer(&self) -> String {
        let card = self.path("drc.card");
        let made = self.json(&["pair", "offer", "--out", card.to_str().unwrap()]);
        made["fingerprint"].as_str().unwrap().to_owned()
    }

    /// The site's admin accepts this DRC's card.
    pub fn accepted_by(&self, site: &Site, fingerprint: &str) -> Output {
        let (card, out) = (self.path("drc.card"), self.path("pusat.card"));
        let (card, out) = (card.to_str().unwrap(), out.to_str().unwrap());
        site.acting("siti", &["--json", "pair", "accept", card, "--fingerprint", fingerprint, "--out", out])
    }

    /// This DRC's admin accepts the site's card.
    pub fn accept(&self, fingerprint: &str) -> Output {
        let card = self.path("pusat.card");
        self.acting(&["pair", "accept", card.to_str().unwrap(), "--fingerprint", fingerprint])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-controller"));
        command.env("PULIH_CONTROLLER_STATE", self.path("site")).env("PULIH_KEEPER", self.path("keeper.sock"));
        command
    }

    pub fn controller(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    pub fn acting(&self, arguments: &[&str]) -> Output {
        self.acting_as("dewi", arguments)
    }

    pub fn acting_as(&self, id: &str, arguments: &[&str]) -> Output {
        let key = self.path(&format!("{id}.key"));
        self.controller(&[arguments, &["--as", id, "--sign-with", key.to_str().unwrap()]].concat())
    }

    /// Adds a person with a new key, signed by the admin.
    pub fn person(&self, id: &str, roles: &[&str]) {
        let key = self.path(&format!("{id}.key"));
        let verifier = succeeded(&self.controller(&["user", "key", key.to_str().unwrap()]));
        let mut added = vec!["user", "add", id, "--name", id, "--key", verifier.trim()];
        roles.iter().for_each(|role| added.extend(["--role", role]));
        succeeded(&self.acting(&added));
    }

    pub fn json(&self, arguments: &[&str]) -> Value {
        succeeded_json(&self.controller(&[&["--json"], arguments].concat()))
    }

    /// One round, whatever comes of it: whether it left nothing behind, and what it brought.
    pub fn replicate(&self) -> (bool, Value) {
        let output = self.controller(&["--json", "replicate", "--once"]);
        (output.status.success(), serde_json::from_slice(&output.stdout).unwrap_or_default())
    }

    pub fn start(&mut self) {
        self.start_with(&[]);
    }

    /// The same with other variables.
    pub fn start_with(&mut self, variables: &[(&str, &Path)]) {
        let mut command = self.command();
        command.envs(variables.iter().copied());
        let mut serving = command.arg("serve").stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert!(line.contains("pulls"), "{line}");
        self.serving = Some(serving);
    }

    /// Ends the serving process as the power would.
    pub fn kill(&mut self) {
        let mut serving = self.serving.take().unwrap();
        serving.kill().unwrap();
        serving.wait().unwrap();
    }

    pub fn declare(&self) {
        succeeded(&self.acting(&["disaster", "declare", "--reason", "uji"]));
    }

    pub fn end(&self) {
        succeeded(&self.acting(&["disaster", "end", "--reason", "uji"]));
    }

    pub fn stop(&mut self) {
        let mut serving = self.serving.take().unwrap();
        succeeded(&Command::new("kill").arg(serving.id().to_string()).output().unwrap());
        assert!(serving.wait().unwrap().success());
    }

    pub fn alarms(&self) -> BTreeSet<String> {
        let status = self.json(&["status"]);
        status["alarms"].as_array().unwrap().iter().map(|its| its["alarm"].as_str().unwrap().to_owned()).collect()
    }

    /// What `status` says of a dataset.
    pub fn dataset(&self, name: &str) -> Value {
        let status = self.json(&["status"]);
        let all = status["datasets"].as_array().unwrap();
        all.iter().find(|its| its["dataset"] == name).cloned().unwrap_or_default()
    }

    /// What [`whole_snapshots`] says of this DRC's store.
    pub fn whole_snapshots(&self) -> usize {
        whole_snapshots(&self.path("store"))
    }
}

/// Holds every snapshot that is visible in a store against all that it needs, byte for byte; says how many.
pub fn whole_snapshots(folder: &Path) -> usize {
    let store: Arc<dyn Store> = Arc::new(DirStore::open(folder).unwrap());
    let mut found = BTreeSet::new();
    store.list(&vaults(), &mut |name| found.extend(vault_of(&name))).unwrap();
    found.into_iter().map(|vault| whole_in(&*store, vault)).sum()
}

fn whole_in(store: &dyn Store, vault: VaultId) -> usize {
    let layout = Layout { vault };
    let names = trust::manifest_names(store, layout).unwrap();
    for (dataset, name) in &names {
        let trusted = trust::load(store, vault, |_| true).unwrap();
        let manifest = trusted.manifest(store, dataset, *name).unwrap();
        let reach = chain::load(store, layout, manifest.reach).unwrap();
        let hashed = |name: &ObjectName, hash: ObjectHash| {
            let bytes = store.read(name, 1 << 28).unwrap();
            assert_eq!(ObjectHash::of(&bytes), hash, "{name}");
        };
        reach.packs.keys().for_each(|hash| hashed(&layout.pack(*hash), *hash));
        reach.indexes.iter().for_each(|hash| hashed(&layout.index(*hash), *hash));
    }
    names.len()
}

fn succeeded_json(output: &Output) -> Value {
    serde_json::from_str(&succeeded(output)).unwrap()
}

impl Drop for Drc {
    fn drop(&mut self) {
        if let Some(mut serving) = self.serving.take() {
            let _ = serving.kill();
            let _ = serving.wait();
        }
    }
}

/// A site with one server, whose datasets are approved.
pub fn saved(datasets: &[&str]) -> Site {
    let site = Site::new();
    site.opd("dinkes");
    site.server("app-1", "dinkes");
    for dataset in datasets {
        site.approve("app-1", dataset);
    }
    site
}

pub fn server(site: &Site) -> Server<'_> {
    Server { site, name: "app-1".into() }
}

/// Bytes that neither compress nor repeat.
pub fn noise(seed: u64, len: usize) -> Vec<u8> {
    let mut out = vec![0; len];
    blake3::Hasher::new().update(&seed.to_le_bytes()).finalize_xof().fill(&mut out);
    out
}

pub fn packs(store: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut folders = vec![store.join("vaults")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().contains("/packs/") {
                found.insert(path);
            }
        }
    }
    found
}

/// Restores a dataset from a folder, with the OPD's identity, and holds it against the tree that was saved.
pub fn restores(server: &Server, store: &Path, dataset: &str) {
    let (identity, target) = (server.path("identity"), server.path(&format!("restored-{dataset}")));
    succeeded(&server.run(&[
        "restore",
        "--store",
        store.to_str().unwrap(),
        "--identity",
        identity.to_str().unwrap(),
        "--dataset",
        dataset,
        "latest",
        "--target",
        target.to_str().unwrap(),
    ]));
    let tree = server.path("tree");
    let restored = target.join(tree.strip_prefix("/").unwrap());
    succeeded(&Command::new("diff").args(["-r", "--no-dereference"]).arg(&tree).arg(&restored).output().unwrap());
    let times = |path: &Path| fs::symlink_metadata(path).unwrap().modified().unwrap();
    for entry in fs::read_dir(&tree).unwrap().map(Result::unwrap) {
        assert_eq!(times(&entry.path()), times(&restored.join(entry.file_name())));
    }
}

/// Changes a file of a store, which are read-only.
pub fn overwrite(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Saves a letter with this text.
pub fn back_up(site: &Site, text: &[u8]) {
    let server = server(site);
    server.write("letter", text);
    succeeded(&server.backup("letters"));
}
