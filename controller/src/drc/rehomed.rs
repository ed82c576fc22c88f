//! A store in which one folder stands at another place. A new Pusat Data has the id of the one that is gone
//! and a ledger of its own: both mirrors stay, each at a place of its own.

use std::io::{self, Write};
use std::sync::Arc;

use pulih_vault::store::{ObjectName, Staged, Store, StoreError};

pub struct Rehomed {
    pub store: Arc<dyn Store>,
    /// The folder as it is asked for, and where it is; without a final slash.
    pub from: String,
    pub to: String,
}

fn moved(name: &ObjectName, from: &str, to: &str) -> Result<ObjectName, StoreError> {
    let Some(rest) = name.as_str().strip_prefix(from).filter(|rest| rest.is_empty() || rest.starts_with('/')) else {
        return Ok(name.clone());
    };
    let place = format!("{to}{rest}").parse();
    place.map_err(|error| StoreError::Io { action: format!("name {name} at {to}"), source: io::Error::other(error) })
}

impl Rehomed {
    fn at(&self, name: &ObjectName) -> Result<ObjectName, StoreError> {
        moved(name, &self.from, &self.to)
    }
}

impl Store for Rehomed {
    fn stage(&self) -> Result<Box<dyn Staged>, StoreError> {
        let (from, to) = (self.from.clone(), self.to.clone());
        Ok(Box::new(Moving { staged: self.store.stage()?, from, to }))
    }

    fn size(&self, name: &ObjectName) -> Result<u64, StoreError> {
        self.store.size(&self.at(name)?)
    }

    fn read_range(&self, name: &ObjectName, offset: u64, len: usize, out: &mut Vec<u8>) -> Result<(), StoreError> {
        self.store.read_range(&self.at(name)?, offset, len, out)
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> Result<(), StoreError> {
        self.store.list(&self.at(prefix)?, &mut |name| {
            // As it was asked for; what has no such name is not an object.
            if let Ok(name) = moved(&name, &self.to, &self.from) {
                each(name);
            }
        })
    }
}

struct Moving {
    staged: Box<dyn Staged>,
    from: String,
    to: String,
}

impl Write for Moving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.staged.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.staged.flush()
    }
}

impl Staged for Moving {
    fn commit(self: Box<Self>, name: &ObjectName) -> Result<(), StoreError> {
        self.staged.commit(&moved(name, &self.from, &self.to)?)
    }
}

#[cfg(test)]
mod tests {
    use pulih_vault::store::DirStore;

    use super::*;

    #[test]
    fn two_folders_of_one_name_stay_apart() {
        let folder = tempfile::tempdir().unwrap();
        let plain: Arc<dyn Store> = Arc::new(DirStore::create(folder.path()).unwrap());
        let its = Rehomed { store: plain.clone(), from: "site/a/ledger".into(), to: "site/a/mirrors/1/ledger".into() };
        let name = |text: &str| text.parse::<ObjectName>().unwrap();
        for store in [&*plain, &its as &dyn Store] {
            store.create(&name("site/a/ledger/checkpoint/0"), b"x").unwrap();
            store.create(&name("site/a/ledgers"), b"x").err();
        }
        assert_eq!(plain.size(&name("site/a/mirrors/1/ledger/checkpoint/0")).unwrap(), 1);
        let mut listed = Vec::new();
        its.list(&name("site/a/ledger"), &mut |name| listed.push(name.to_string())).unwrap();
        assert_eq!(listed, ["site/a/ledger/checkpoint/0"]);
        assert_eq!(its.read(&name("site/a/ledger/checkpoint/0"), 1).unwrap(), b"x");
    }
}
