//! What the daemon keeps: where each dataset stands, the policy it follows, the one whose excludes
//! were accepted here, what the site has still to be told, and what it last said of this agent.
//!
//! `<state>/daemon.json`, `policy.json`, `accepted-policy.json`, `outbox.json`, `view.json`, and
//! `run.lock`. None of them is secret or needed to restore; each is replaced whole.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;

use pulih_protocol::report::AgentView;
use pulih_vault::error::Malformed;
use pulih_vault::layout::DatasetName;
use pulih_vault::utc;
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Lock, StateDir, StateError, io_at, make_private_dir, read_bounded, write_file};
use crate::daemon::due::Standing;
use crate::daemon::follow::Followed;
use crate::daemon::outbox::Outbox;

const STANDINGS: (&str, &str) = ("daemon.json", "pulih/agent-daemon/v1");
const POLICY: (&str, &str) = ("policy.json", "pulih/agent-policy/v1");
const ACCEPTED: (&str, &str) = ("accepted-policy.json", "pulih/agent-policy/v1");
const OUTBOX: (&str, &str) = ("outbox.json", "pulih/agent-outbox/v1");
const VIEW: (&str, &str) = ("view.json", "pulih/agent-view/v1");
/// A policy of 1 MiB, and as much again for what JSON makes of its quotes and lines.
const MAX_BYTES: u64 = 4 << 20;

/// How a dataset's last run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Seconds since 1970.
    pub ended: i64,
    /// Why it failed; none: it did not.
    pub error: Option<String>,
    /// `<sequence>-<hash>` of the snapshot that was made last, by this run or one before.
    pub snapshot: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatasetMemory {
    pub standing: Standing,
    /// A run began then and has not ended, unless the daemon was killed.
    pub running_since: Option<i64>,
    pub last: Option<LastRun>,
}

pub type Memory = BTreeMap<DatasetName, DatasetMemory>;

/// What the site said of this agent, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenView {
    /// Seconds since 1970, by this server's clock.
    pub seen: i64,
    pub view: AgentView,
}

#[derive(Serialize, Deserialize)]
struct PolicyText {
    text: String,
    claimed: String,
    taken: String,
}

#[derive(Serialize, Deserialize)]
struct Typed<T> {
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    content: T,
}

/// By text, since names of datasets are checked when they are read.
#[derive(Serialize, Deserialize)]
struct Standings {
    datasets: BTreeMap<String, DatasetMemory>,
}

impl StateDir {
    /// Held by the one daemon of this state; `None` if another one holds it.
    pub fn lock_run(&self) -> Result<Option<Lock>, StateError> {
        make_private_dir(self.path())?;
        let path = self.path().join("run.lock");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false).mode(0o600);
        let file = options.open(&path).map_err(io_at("open lock", &path))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Lock { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(io_at("lock", &path)(error.into())),
        }
    }

    /// Whether a daemon works with this state.
    pub fn daemon_runs(&self) -> bool {
        // A shared lock does not get in the way of a daemon that starts just now for long.
        File::open(self.path().join("run.lock"))
            .is_ok_and(|file| flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK))
    }

    pub fn memory(&self) -> Result<Memory, StateError> {
        let Some(Standings { datasets }) = self.load(STANDINGS)? else { return Ok(Memory::new()) };
        // A name that is none was never a dataset.
        Ok(datasets.into_iter().filter_map(|(name, memory)| Some((name.parse().ok()?, memory))).collect())
    }

    pub fn save_memory(&self, memory: &Memory) -> Result<(), StateError> {
        let datasets = memory.iter().map(|(name, memory)| (name.to_string(), memory.clone())).collect();
        self.save(STANDINGS, Standings { datasets })
    }

    /// The policy that the agent follows.
    pub fn policy(&self) -> Result<Option<Followed>, StateError> {
        self.load_policy(POLICY)
    }

    pub fn save_policy(&self, policy: &Followed) -> Result<(), StateError> {
        self.write_policy(POLICY, policy)
    }

    /// The policy whose excludes were accepted on this server.
    pub fn accepted_policy(&self) -> Result<Option<Followed>, StateError> {
        self.load_policy(ACCEPTED)
    }

    pub fn save_accepted_policy(&self, policy: &Followed) -> Result<(), StateError> {
        self.write_policy(ACCEPTED, policy)
    }

    pub fn outbox(&self) -> Result<Outbox, StateError> {
        Ok(self.load(OUTBOX)?.unwrap_or_default())
    }

    pub fn save_outbox(&self, outbox: &Outbox) -> Result<(), StateError> {
        self.save(OUTBOX, outbox)
    }

    pub fn seen_view(&self) -> Result<Option<SeenView>, StateError> {
        self.load(VIEW)
    }

    pub fn save_seen_view(&self, view: &SeenView) -> Result<(), StateError> {
        self.save(VIEW, view)
    }

    fn load_policy(&self, (name, kind): (&str, &str)) -> Result<Option<Followed>, StateError> {
        let Some(PolicyText { text, claimed, taken }) = self.load((name, kind))? else { return Ok(None) };
        let taken = utc::parse(&taken).unwrap_or(0);
        let damaged = |why| StateError::DamagedCache { path: self.path().join(name), why };
        Followed::read(text, claimed, taken).map(Some).map_err(damaged)
    }

    fn write_policy(&self, file: (&str, &str), policy: &Followed) -> Result<(), StateError> {
        let (text, claimed) = (policy.text.clone(), policy.claimed.clone());
        self.save(file, PolicyText { text, claimed, taken: utc::rfc3339(policy.taken) })
    }

    pub(super) fn load<T: DeserializeOwned>(&self, (name, kind): (&str, &str)) -> Result<Option<T>, StateError> {
        let path = self.path().join(name);
        let Some(json) = read_bounded(&path, MAX_BYTES)? else { return Ok(None) };
        let read: Result<Typed<T>, String> = serde_json::from_slice(&json).map_err(|error| error.to_string());
        let why = match read {
            Ok(its) if its.kind == kind => return Ok(Some(its.content)),
            Ok(its) => format!("its type is {:?}", its.kind),
            Err(why) => why,
        };
        Err(StateError::DamagedCache { path, why: Malformed::new("file of the daemon", why).to_string() })
    }

    pub(super) fn save<T: Serialize>(&self, (name, kind): (&str, &str), content: T) -> Result<(), StateError> {
        let typed = Typed { kind: kind.to_owned(), content };
        let json = serde_json::to_string_pretty(&typed).expect("text and numbers are JSON") + "\n";
        write_file(self.path(), name, json.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state() -> (tempfile::TempDir, StateDir) {
        let folder = tempfile::tempdir().unwrap();
        let state = StateDir::at(folder.path().join("state"));
        (folder, state)
    }

    #[test]
    fn what_was_kept_comes_back() {
        let (_folder, state) = state();
        assert_eq!(state.memory().unwrap(), Memory::new());
        assert_eq!((state.policy().unwrap(), state.seen_view().unwrap()), (None, None));
        let mut standing = Standing::new(5);
        standing.fail(7, 9);
        let last = Some(LastRun { ended: 9, error: Some("the line".into()), snapshot: None });
        let memory =
            Memory::from([("letters".parse().unwrap(), DatasetMemory { standing, running_since: Some(8), last })]);
        state.save_memory(&memory).unwrap();
        assert_eq!(state.memory().unwrap(), memory);
        let text = include_str!("../../../policies/default.toml").to_owned();
        let policy = Followed::read(text, "claimed".into(), 1_795_305_600).unwrap();
        state.save_policy(&policy).unwrap();
        assert_eq!(state.policy().unwrap(), Some(policy));
        assert_eq!(state.accepted_policy().unwrap(), None);
        let mut outbox = Outbox::default();
        outbox.raise("policy-refused", "x", "words");
        state.save_outbox(&outbox).unwrap();
        assert_eq!(state.outbox().unwrap(), outbox);
    }

    #[test]
    fn a_damaged_file_is_named() {
        let (_folder, state) = state();
        state.save_outbox(&Outbox::default()).unwrap();
        for (name, text) in [("outbox.json", "{"), ("outbox.json", "{\"type\": \"other\"}")] {
            std::fs::write(state.path().join(name), text).unwrap();
            assert!(state.outbox().unwrap_err().to_string().contains(name));
        }
    }

    #[test]
    fn one_daemon_runs_on_a_state() {
        let (_folder, state) = state();
        let held = state.lock_run().unwrap();
        assert!(held.is_some());
        assert!(state.lock_run().unwrap().is_none());
        assert!(state.daemon_runs());
        drop(held);
        assert!(!state.daemon_runs());
        assert!(state.lock_run().unwrap().is_some());
    }
}
