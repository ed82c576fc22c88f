//! A site's gateway as a store: objects of the agent's own vaults, over mutual TLS.
//!
//! An object is spooled to a nameless file until it has a name, so that memory stays bounded and
//! a line that drops costs that object again and nothing else. What the gateway refuses for good
//! is an error at once; what may pass is tried again, with growing pauses.

mod client;
mod enroll;
mod error;
mod lines;
mod paced;
mod replica;
mod site;
mod turns;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use pulih_protocol::error::Code;
use pulih_protocol::grant::{Asked, Asking};
use pulih_protocol::path;
use pulih_protocol::recovery::{KeyAsked, KeyGiven, Now, StepEnded, StepTaken};
use pulih_protocol::report::AgentView;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::store::{ObjectName, Staged, Store, StoreError};

use client::Client;
pub use client::Credentials;
pub use enroll::{ca_sha256, enroll};
pub use error::{GatewayError, may_pass, refusal};
pub use replica::{Incoming, ReplicaStore};
pub use site::{Renewing, SiteClient};
pub use turns::Turns;

pub struct GatewayStore {
    client: Arc<Client>,
    spool: PathBuf,
}

impl GatewayStore {
    /// `spool` is a folder for objects on their way. A turn is taken before the first request
    /// about objects.
    pub fn open(credentials: &Credentials, spool: &Path, turns: Box<dyn Turns>) -> Result<Self, GatewayError> {
        let client = Client::new(credentials)?.taking_turns(turns);
        Ok(Self { client: Arc::new(client), spool: spool.to_owned() })
    }

    /// What the site knows of this agent.
    pub fn view(&self) -> Result<AgentView, GatewayError> {
        self.client.get_json(path::AGENT)
    }

    /// Packs of a vault that no new snapshot may need.
    pub fn doomed(&self, vault: VaultId) -> Result<BTreeSet<ObjectHash>, GatewayError> {
        self.client.packs(path::DOOMED, vault)
    }

    /// Packs of a vault of which little is needed. A site that knows none of it avoids none.
    pub fn avoided(&self, vault: VaultId) -> Result<BTreeSet<ObjectHash>, GatewayError> {
        match self.client.packs(path::AVOIDED, vault) {
            Err(GatewayError::Refused { body, .. }) if body.code == Code::NotFound => Ok(BTreeSet::new()),
            done => done,
        }
    }

    /// At a DRC: what this server has to restore now.
    pub fn recovery(&self) -> Result<Now, GatewayError> {
        self.client.get_in_turn(path::RECOVERY)
    }

    /// The file key of an object that this server's turn needs.
    pub fn recovery_key(&self, asked: &KeyAsked) -> Result<KeyGiven, GatewayError> {
        self.client.post_in_turn(path::RECOVERY_KEY, asked)
    }

    /// Says what came of a turn. Sent again it is the same step: the site writes it down once.
    pub fn recovery_step(&self, ended: &StepEnded) -> Result<StepTaken, GatewayError> {
        self.client.post_in_turn(path::RECOVERY_STEP, ended)
    }

    /// Asks the OPD's walidata for content. Sent once: a second one would be a second request.
    pub fn ask(&self, asking: &Asking) -> Result<Asked, GatewayError> {
        self.client.post(path::ASK, asking)
    }
}

fn object(name: &ObjectName) -> String {
    format!("{}{name}", path::OBJECTS)
}

impl Store for GatewayStore {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        let file = tempfile::tempfile_in(&self.spool)
            .map_err(|source| StoreError::Io { action: format!("make a file in {}", self.spool.display()), source })?;
        Ok(Box::new(Spooled { client: self.client.clone(), file }))
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.client.size(&object(name)).map_err(|error| error.of(name, "look for"))
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        let end = offset.checked_add(len as u64);
        if len == 0 {
            let size = self.size(name)?;
            return match end {
                Some(end) if end <= size => Ok(()),
                _ => Err(StoreError::OutOfRange { name: name.clone(), size, offset, end: offset }),
            };
        }
        let Some(end) = end else {
            return Err(StoreError::OutOfRange { name: name.clone(), size: 0, offset, end: u64::MAX });
        };
        self.client.read(&object(name), offset, len, out).map_err(|error| match error {
            GatewayError::OutOfRange { size } => StoreError::OutOfRange { name: name.clone(), size, offset, end },
            error => error.of(name, "read"),
        })
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        // Collected first: a list that breaks off in the middle begins anew.
        let names = self.client.list(prefix).map_err(|error| error.of(prefix, "list"))?;
        names.into_iter().for_each(each);
        Ok(())
    }
}

struct Spooled {
    client: Arc<Client>,
    file: File,
}

impl Write for Spooled {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Staged for Spooled {
    fn commit(mut self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        self.client.put(&object(name), &mut self.file).map_err(|error| error.of(name, "put"))
    }
}
