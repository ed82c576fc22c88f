//! Which objects there are, in the order of their names, a folder at a time: what is in memory is one
//! folder's names, however many there are.

use std::collections::BTreeSet;

use pulih_ledger::ids::SiteId;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, vault_of, vaults};
use pulih_vault::store::{ObjectName, Store, StoreError};

/// What a site has under the BLAKE3 of its bytes. A part of a ledger has a number, a card its SHA-256.
const HASHED: [&str; 8] = ["drills", "keys", "plans", "policies", "proofs", "receipts", "recipes", "regulations"];

/// A part of a turn.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The ledger of a site, which is verified as one.
    Ledger(SiteId),
    /// What else there is of a site.
    Site(SiteId),
    /// What is not there of what a vault's snapshots need.
    Needs(VaultId),
    /// The objects below a folder of a vault.
    Folder(VaultId, ObjectName),
}

impl Part {
    /// The cursor once the part is done. Parts come in the order of this, and it lies beyond all names of
    /// the part and before those of the next: `/` is followed by `0`.
    pub fn end(&self) -> String {
        match self {
            Self::Ledger(site) => format!("site/{site}/"),
            Self::Site(site) => format!("site/{site}0"),
            Self::Needs(vault) => format!("vaults/{vault}/"),
            Self::Folder(_, folder) => format!("{folder}0"),
        }
    }

    /// The objects of the part that come after the cursor, with the hashes in their names.
    pub fn names(&self, store: &dyn Store, cursor: &str) -> Result<Vec<(ObjectName, ObjectHash)>, StoreError> {
        let mut found = Vec::new();
        let mut take = |name: ObjectName, hash: Option<ObjectHash>| {
            found.extend(hash.filter(|_| name.as_str() > cursor).map(|hash| (name, hash)));
        };
        match self {
            Self::Ledger(_) | Self::Needs(_) => {}
            Self::Site(site) => {
                store.list(&folder(&format!("site/{site}")), &mut |name| {
                    let hash = hash_in(&name);
                    take(name, hash);
                })?;
            }
            Self::Folder(vault, folder) => {
                let layout = Layout { vault: *vault };
                store.list(folder, &mut |name| {
                    let hash = layout.classify(&name).map(|kind| kind.hash());
                    take(name, hash);
                })?;
            }
        }
        found.sort_unstable();
        Ok(found)
    }
}

fn folder(text: &str) -> ObjectName {
    text.parse().expect("ids are within an object name's letters")
}

/// The hash that an object must have by its name; `None`: its name says none.
pub fn hash_in(name: &ObjectName) -> Option<ObjectHash> {
    if let Some(vault) = vault_of(name) {
        return Layout { vault }.classify(name).map(|kind| kind.hash());
    }
    let (above, last) = name.as_str().rsplit_once('/')?;
    let (_, kind) = above.strip_prefix("site/")?.split_once('/')?;
    if HASHED.contains(&kind) { last.parse().ok() } else { None }
}

/// All parts of a turn, for the sites whose ledgers are here, in order.
pub fn parts(store: &dyn Store, sites: &[SiteId]) -> Result<Vec<Part>, StoreError> {
    let mut parts: Vec<Part> =
        sites.iter().flat_map(|site| [Part::Ledger(site.clone()), Part::Site(site.clone())]).collect();
    let mut all = BTreeSet::new();
    store.list(&vaults(), &mut |name| all.extend(vault_of(&name)))?;
    for vault in all {
        let layout = Layout { vault };
        parts.push(Part::Needs(vault));
        let kinds = ["index", "reach", "snapshots", "vault"].map(|kind| layout.folder(kind));
        let packs = (0..=u8::MAX).map(|first| folder(&format!("{}/{first:02x}", layout.folder("packs"))));
        parts.extend(kinds.into_iter().chain(packs).map(|folder| Part::Folder(vault, folder)));
    }
    parts.sort_by_cached_key(Part::end);
    Ok(parts)
}

#[cfg(test)]
mod tests {
    use pulih_vault::store::DirStore;
    use pulih_vault::store::sim_disk::SimDisk;

    use super::*;

    #[test]
    fn every_object_comes_once_and_in_order_wherever_a_turn_was_left() {
        let store = DirStore::on(SimDisk::new());
        let hash = |n: u64| ObjectHash::of(&n.to_le_bytes());
        let mut expected = Vec::new();
        for vault in [VaultId([1; 16]), VaultId([0xab; 16])] {
            let layout = Layout { vault };
            for n in 0..20 {
                expected.extend([layout.pack(hash(n)), layout.index(hash(n)), layout.reach(hash(n))]);
            }
            store.create(&format!("vaults/{vault}/index/none").parse().unwrap(), b"").unwrap();
        }
        // The id of one begins with that of the other.
        let sites: [SiteId; 2] = ["pusat-33.19".parse().unwrap(), "pusat-33.19-b".parse().unwrap()];
        for site in &sites {
            expected.push(format!("site/{site}/policies/{}", hash(1)).parse().unwrap());
            store.create(&format!("site/{site}/ledger/tile/0/000").parse().unwrap(), b"").unwrap();
        }
        expected.iter().for_each(|name| store.create(name, b"").unwrap());
        expected.sort();
        let from = |cursor: &str| -> Vec<ObjectName> {
            let left = parts(&store, &sites).unwrap().into_iter().filter(|part| part.end().as_str() > cursor);
            left.flat_map(|part| part.names(&store, cursor).unwrap()).map(|(name, _)| name).collect()
        };
        let mut all = from("");
        all.sort();
        assert_eq!(all, expected);
        // In the order of a turn: what was left behind a cursor has come, and the rest comes.
        let order = from("");
        for (at, name) in order.iter().enumerate() {
            assert_eq!(from(name.as_str()), order[at + 1..]);
        }
        let ends: Vec<String> = parts(&store, &sites).unwrap().iter().map(Part::end).collect();
        assert!(ends.is_sorted() && ends.windows(2).all(|two| two[0] != two[1]));
    }
}
