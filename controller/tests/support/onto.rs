//! A recovery onto a server: the operator's command, the server's, and one that asks what it likes.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use pulih_protocol::error::Code;
use pulih_protocol::hello::{Hello, Welcome};
use pulih_protocol::path;
use pulih_protocol::recovery::{KeyAsked, Now, StepEnded, Turn};
use pulih_stores::gateway::refusal;
use pulih_stores::{Credentials, GatewayError, GatewayStore, Turns};
use pulih_vault::reach::chain;
use pulih_vault::store::{DirStore, ObjectName, Store as _};
use pulih_vault::trust;
use serde_json::Value;

use super::drc::Drc;
use super::keeper::Keeper;
use super::night::{night, uid};
use super::raw::Raw;
use super::{Site, agent_program, succeeded};

/// A server that has nothing but a certificate of the DRC.
pub struct NewServer {
    pub folder: PathBuf,
}

impl NewServer {
    pub fn new(drc: &Drc, name: &str) -> Self {
        let its = Self { folder: drc.path(name) };
        let token = drc.json(&["agent", "invite", name, "--opd", "dinkes"])["token"].as_str().unwrap().to_owned();
        succeeded(&its.command().args(["enroll", &drc.url, "--token", &token]).output().unwrap());
        its
    }

    pub fn target(&self) -> PathBuf {
        self.folder.join("pulih")
    }

    pub fn command(&self) -> Command {
        let mut command = Command::new(agent_program());
        command.env("PULIH_STATE", self.folder.join("state"));
        command
    }

    /// What it got when it enrolled.
    pub fn credentials(&self) -> Value {
        serde_json::from_slice(&fs::read(self.folder.join("state/site.json")).unwrap()).unwrap()
    }

    pub fn recover(&self) -> Command {
        let mut command = self.command();
        command.args(["--json", "recover", "--target"]).arg(self.target());
        command
    }
}

/// The operator's command, which follows the order until it has ended.
pub fn follow(drc: &Drc, order: &[&str]) -> Child {
    let key = drc.path("dewi.key");
    let mut command = drc.command();
    command.args(["--json", "recover"]).args(order).args(["--as", "dewi", "--sign-with"]).arg(key);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

pub fn ended(child: Child) -> Output {
    child.wait_with_output().unwrap()
}

/// A DRC that serves in a disaster, with a keeper; the Pusat Data is gone.
pub fn drc_in_a_disaster(datasets: &[(&str, &str)]) -> (Drc, Keeper, Site) {
    let mut drc = Drc::new();
    let mut keeper = Keeper::new(&drc);
    let recipient = keeper.online("publik");
    let site = night(&drc, "publik", &recipient, datasets);
    keeper.start(&[&uid()]);
    drc.start();
    drc.declare();
    (drc, keeper, site)
}

/// A server that asks what it likes, with the certificate of one that enrolled.
pub struct Curious(pub GatewayStore);

struct Anew;

impl Turns for Anew {
    fn take(&self, say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>) -> Result<Welcome, GatewayError> {
        say(&hello(None, b"turn", b"machine"))
    }
}

/// With the lineage that another hello gave.
struct Known(String);

impl Turns for Known {
    fn take(&self, _: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>) -> Result<Welcome, GatewayError> {
        Ok(Welcome { lineage: self.0.clone(), rejoined: false, at: String::new() })
    }
}

/// What a machine says first; `before` is the lineage that it has and the turn that gave it.
pub fn hello(before: Option<(&str, &[u8])>, next: &[u8], machine: &[u8]) -> Hello {
    let digits = |what: &[u8]| blake3::hash(what).to_hex().to_string();
    let turn = |what: &[u8]| digits(what)[..32].to_owned();
    Hello {
        lineage: before.map(|(lineage, _)| lineage.to_owned()),
        last: before.map(|(_, last)| turn(last)),
        next: turn(next),
        machine: digits(machine),
        host: "baru".into(),
        program: "uji".into(),
    }
}

impl Curious {
    pub fn of(server: &NewServer) -> Self {
        Self::taking(server, Box::new(Anew))
    }

    /// Says hello as a machine would, and goes on in the lineage that this gives.
    pub fn saying(server: &NewServer, hello: &Hello) -> (Self, String) {
        let raw = Raw::with(&server.credentials(), true);
        let answer = raw.send("POST", path::HELLO, &serde_json::to_vec(hello).unwrap());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let welcome: Welcome = serde_json::from_slice(&answer.body).unwrap();
        (Self::taking(server, Box::new(Known(welcome.lineage.clone()))), welcome.lineage)
    }

    fn taking(server: &NewServer, turns: Box<dyn Turns>) -> Self {
        let kept = server.credentials();
        let text = |name: &str| kept[name].as_str().unwrap().to_owned();
        let (url, ca, certificate, key) = (text("url"), text("ca"), text("certificate"), text("key"));
        let credentials = Credentials { url, ca, certificate, key };
        Self(GatewayStore::open(&credentials, &server.folder, turns).unwrap())
    }

    /// What its turn is, once it is.
    pub fn turn(&self) -> Turn {
        until("the server's turn", || match self.0.recovery().unwrap() {
            Now::Restore(turn) => Some(turn),
            _ => None,
        })
    }

    pub fn key(&self, recovery: &str, object: &ObjectName) -> Option<Code> {
        let asked = KeyAsked { recovery: recovery.into(), object: object.to_string() };
        match self.0.recovery_key(&asked) {
            Ok(given) => {
                assert!(given.bytes().is_some());
                None
            }
            Err(error) => Some(error.code().unwrap()),
        }
    }

    pub fn read(&self, object: &ObjectName) -> Option<Code> {
        self.0.read(object, 1 << 28).err().map(|error| refusal(&error).unwrap())
    }

    /// Neither the object nor its key, with which refusal.
    pub fn gets_nothing(&self, recovery: &str, object: &ObjectName) {
        let refused = (self.read(object), self.key(recovery, object));
        assert_eq!(refused, (Some(Code::Forbidden), Some(Code::Forbidden)), "{object}");
    }
}

/// What a snapshot of the DRC needs.
pub struct Needed {
    pub manifest: ObjectName,
    pub reach: Vec<ObjectName>,
    pub indexes: Vec<ObjectName>,
    pub packs: Vec<ObjectName>,
}

/// The snapshots of a vault's dataset, the oldest first, and its description.
pub fn needed(drc: &Drc, vault: &str, dataset: &str) -> (Vec<Needed>, ObjectName) {
    let store = DirStore::open(&drc.path("store")).unwrap();
    let trusted = trust::load(&store, vault.parse().unwrap(), |_| true).unwrap();
    let layout = trusted.layout;
    let mut names = trust::manifest_names(&store, layout).unwrap();
    names.retain(|(its, _)| its.as_str() == dataset);
    names.sort_by_key(|(_, name)| name.sequence);
    let of = |(dataset, name): &(_, _)| {
        let manifest = trusted.manifest(&store, dataset, *name).unwrap();
        let loaded = chain::load_chain(&store, layout, manifest.reach, u64::MAX).unwrap();
        Needed {
            manifest: layout.manifest(dataset, *name),
            reach: loaded.chain.iter().map(|hash| layout.reach(*hash)).collect(),
            indexes: loaded.reach.indexes.iter().map(|hash| layout.index(*hash)).collect(),
            packs: loaded.reach.packs.keys().map(|hash| layout.pack(*hash)).collect(),
        }
    };
    (names.iter().map(of).collect(), layout.description(trusted.current().0))
}

pub fn until<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(seen) = seen() {
            return seen;
        }
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The word of a server about its turn.
pub fn said_of(turn: &Turn, text: &str) -> StepEnded {
    StepEnded {
        recovery: turn.recovery.clone(),
        vault: turn.vault.clone(),
        dataset: turn.dataset.clone(),
        snapshot: turn.snapshot.clone(),
        after: turn.after,
        outcome: "done".into(),
        milliseconds: 7,
        fetch: 1,
        write: 2,
        verify: 3,
        files: 4,
        bytes: 5,
        text: text.into(),
    }
}
