//! Chains of trust that hold, and stores that try to break them.

use ring::rand::SystemRandom;
use std::path::Path;

use super::*;
use crate::chunker::ChunkSizes;
use crate::description::{Class, NewDescription, OWNER_KEY_NAME, VaultSecrets, agent_key_name};
use crate::manifest::{Changes, Counts, Facts};
use crate::note::SigningKey;
use crate::store::DirStore;

const VAULT: VaultId = VaultId([7; 16]);

struct Keys {
    owner: SigningKey,
    agent: SigningKey,
}

fn keys() -> Keys {
    let random = SystemRandom::new();
    Keys {
        owner: SigningKey::generate(OWNER_KEY_NAME, &random).unwrap(),
        agent: SigningKey::generate(&agent_key_name(VAULT), &random).unwrap(),
    }
}

fn store(path: &Path) -> DirStore {
    DirStore::create(path).unwrap()
}

fn describe(store: &dyn Store, keys: &Keys) -> DescriptionName {
    let random = SystemRandom::new();
    let recipient = age::x25519::Identity::generate().to_public().to_string();
    let note = NewDescription {
        vault: VAULT,
        created: "2026-11-22T01:23:45Z".into(),
        class: Class::NonPublik,
        chunker: ChunkSizes::DEFAULT,
        recipients: &[recipient],
        agent: keys.agent.verifier(),
        secrets: &VaultSecrets::generate(&random).unwrap(),
    }
    .sign(&keys.owner, &random)
    .unwrap();
    put_description(store, 1, &note)
}

fn put_description(store: &dyn Store, number: u32, note: &str) -> DescriptionName {
    let name = DescriptionName { number, hash: ObjectHash::of(note.as_bytes()) };
    store.create(&Layout { vault: VAULT }.description(name), note.as_bytes()).unwrap();
    name
}

fn put_snapshot(
    store: &dyn Store,
    key: &SigningKey,
    description: DescriptionName,
    dataset: &str,
    sequence: u64,
    partial: bool,
) -> ManifestName {
    let note = Manifest {
        facts: Facts {
            vault: VAULT,
            dataset: dataset.parse().unwrap(),
            sequence,
            captured: "2026-11-22T01:23:45Z".into(),
            partial,
            program: "test".into(),
            host: "server".into(),
            description,
            chunker: ChunkSizes::DEFAULT,
            tree: None,
            counts: Counts::default(),
        },
        finished: "2026-11-22T01:24:00Z".into(),
        rebuilt: false,
        changes: Changes::default(),
        reach: ObjectHash([3; 32]),
        previous: None,
        rejoined: None,
        head: None,
    }
    .sign(key);
    let name = ManifestName { sequence, hash: ObjectHash::of(note.as_bytes()) };
    let object = Layout { vault: VAULT }.manifest(&dataset.parse().unwrap(), name);
    store.create(&object, note.as_bytes()).unwrap();
    name
}

fn overwrite(folder: &Path, object: &ObjectName, bytes: &[u8]) {
    let path = folder.join(object.as_str());
    std::fs::remove_file(&path).unwrap();
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn only_the_owners_description_is_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys, stranger) = (store(folder.path()), keys(), keys());
    let ours = describe(&store, &keys);
    let theirs = describe(&store, &stranger);
    let owner = keys.owner.verifier();
    let vault = load(&store, VAULT, |key| *key == owner).unwrap();
    assert_eq!(vault.current().0, ours);
    assert_eq!(vault.passed_over.len(), 1);
    assert!(vault.description(theirs).is_none());
    assert!(load(&store, VAULT, |_| false).is_err());
    assert!(load(&store, VaultId([8; 16]), |_| true).is_err());
}

#[test]
fn two_first_descriptions_by_one_owner_are_for_the_owner_to_settle() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys) = (store(folder.path()), keys());
    describe(&store, &keys);
    describe(&store, &keys);
    let error = load(&store, VAULT, |_| true).unwrap_err().to_string();
    assert!(error.contains("two descriptions with the number 1"), "{error}");
}

#[test]
fn a_damaged_description_is_not_believed() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys) = (store(folder.path()), keys());
    let name = describe(&store, &keys);
    overwrite(folder.path(), &Layout { vault: VAULT }.description(name), b"{}");
    let error = load(&store, VAULT, |_| true).unwrap_err();
    assert!(matches!(error, VaultError::HashMismatch { .. }), "{error}");
}

#[test]
fn snapshots_are_found_by_prefix_and_as_latest() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys) = (store(folder.path()), keys());
    let description = describe(&store, &keys);
    let first = put_snapshot(&store, &keys.agent, description, "files", 1, false);
    let second = put_snapshot(&store, &keys.agent, description, "files", 2, false);
    put_snapshot(&store, &keys.agent, description, "files", 3, true);
    let vault = load(&store, VAULT, |_| true).unwrap();
    assert_eq!(vault.resolve(&store, "latest", None).unwrap().name, second);
    let id = first.hash.to_string();
    assert_eq!(vault.resolve(&store, &id, None).unwrap().name, first);
    assert_eq!(vault.resolve(&store, &id[..12], None).unwrap().name, first);
    for bad in ["", "abc", "LATEST", "../x", &id[..3]] {
        assert!(vault.resolve(&store, bad, None).is_err(), "{bad}");
    }

    let database = put_snapshot(&store, &keys.agent, description, "database", 1, false);
    let error = vault.resolve(&store, "latest", None).unwrap_err().to_string();
    assert!(error.contains("database, files"), "{error}");
    let dataset = "database".parse().unwrap();
    assert_eq!(vault.resolve(&store, "latest", Some(&dataset)).unwrap().name, database);
    assert_eq!(vault.manifests(&store).unwrap().len(), 4);
}

#[test]
fn a_forged_or_moved_snapshot_is_listed_with_its_error() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys, stranger) = (store(folder.path()), keys(), keys());
    let description = describe(&store, &keys);
    put_snapshot(&store, &stranger.agent, description, "files", 5, false);
    let real = put_snapshot(&store, &keys.agent, description, "files", 1, false);
    let layout = Layout { vault: VAULT };
    let dataset: DatasetName = "files".parse().unwrap();
    let bytes = store.read(&layout.manifest(&dataset, real), MAX_NOTE_BYTES).unwrap();
    let moved = ManifestName { sequence: 9, hash: real.hash };
    store.create(&layout.manifest(&dataset, moved), &bytes).unwrap();

    let vault = load(&store, VAULT, |_| true).unwrap();
    let listed = vault.manifests(&store).unwrap();
    let fine: Vec<u64> = listed.iter().filter(|(_, _, m)| m.is_ok()).map(|(n, _, _)| n.sequence).collect();
    assert_eq!(fine, [1]);
    // The newest by its name is not believed, and an older one does not take its place unseen.
    let error = vault.resolve(&store, "latest", None).unwrap_err();
    let VaultError::LatestNotBelieved { newest, earlier: Some(earlier), .. } = &error else { panic!("{error}") };
    assert_eq!((newest.sequence, earlier.name), (9, real));
    // That id names it, though the moved one has the same.
    assert_eq!(vault.resolve(&store, &real.hash.to_string(), None).unwrap().name, real);
    let claimed = claimed_manifests(&store, VAULT).unwrap();
    assert_eq!(claimed.iter().filter(|(_, _, m)| m.is_ok()).count(), 2);
}

#[test]
fn a_newest_snapshot_that_is_not_believed_names_the_newest_good_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys, stranger) = (store(folder.path()), keys(), keys());
    let description = describe(&store, &keys);
    let vault = load(&store, VAULT, |_| true).unwrap();
    let latest = || match vault.resolve(&store, "latest", None).unwrap_err() {
        VaultError::LatestNotBelieved { newest, earlier, source, .. } => {
            (newest, earlier.map(|earlier| earlier.name), source.to_string())
        }
        error => panic!("{error}"),
    };
    // Nothing but a forged one.
    let alone = put_snapshot(&store, &stranger.agent, description, "files", 1, false);
    assert_eq!(latest().0, alone);
    assert_eq!(latest().1, None);
    // Beside a sound one of the same number.
    let first = put_snapshot(&store, &keys.agent, description, "files", 1, false);
    assert_eq!((latest().0, latest().1), (alone, Some(first)));
    // Past a partial one, which is no recovery point, and another forged one.
    let second = put_snapshot(&store, &keys.agent, description, "files", 2, false);
    put_snapshot(&store, &stranger.agent, description, "files", 3, false);
    put_snapshot(&store, &keys.agent, description, "files", 4, true);
    let damaged = put_snapshot(&store, &keys.agent, description, "files", 5, false);
    overwrite(folder.path(), &vault.layout.manifest(&"files".parse().unwrap(), damaged), b"{}");
    let (newest, earlier, why) = latest();
    assert_eq!((newest, earlier), (damaged, Some(second)));
    assert!(why.contains("do not have the hash"), "{why}");
}

/// A store that does not read one of its objects.
struct Ailing {
    inner: DirStore,
    object: ObjectName,
    error: fn(&ObjectName) -> StoreError,
}

impl Store for Ailing {
    fn stage(&self) -> std::result::Result<Box<dyn crate::store::Staged>, StoreError> {
        self.inner.stage()
    }

    fn size(&self, name: &ObjectName) -> std::result::Result<u64, StoreError> {
        self.inner.size(name)
    }

    fn read_range(
        &self,
        name: &ObjectName,
        offset: u64,
        len: usize,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), StoreError> {
        if *name == self.object { Err((self.error)(name)) } else { self.inner.read_range(name, offset, len, out) }
    }

    fn list(&self, prefix: &ObjectName, each: &mut dyn FnMut(ObjectName)) -> std::result::Result<(), StoreError> {
        self.inner.list(prefix, each)
    }
}

#[test]
fn a_description_that_cannot_be_read_is_not_passed_over_for_an_older_one() {
    let folder = tempfile::tempdir().unwrap();
    let (store, keys) = (store(folder.path()), keys());
    let first = describe(&store, &keys);
    let vault = load(&store, VAULT, |_| true).unwrap();
    let mut draft = vault.current().1.draft();
    (draft.predecessor, draft.agent) = (Some(first), self::keys().agent.verifier());
    let second = put_description(&store, 2, &draft.sign("2026-11-22T02:23:45Z", &keys.owner).unwrap());
    assert_eq!(load(&store, VAULT, |_| true).unwrap().current().0, second);

    let object = Layout { vault: VAULT }.description(second);
    let broken: fn(&ObjectName) -> StoreError =
        |name| StoreError::Io { action: format!("read {name}"), source: std::io::ErrorKind::BrokenPipe.into() };
    for error in [broken, |name| StoreError::NotFound { name: name.clone() }] {
        let inner = DirStore::open(folder.path()).unwrap();
        let ailing = Ailing { inner, object: object.clone(), error };
        assert!(matches!(load(&ailing, VAULT, |_| true), Err(VaultError::Store(_))));
    }
    // What is not a description, whole or not, is passed over.
    overwrite(folder.path(), &object, &vec![b'x'; MAX_NOTE_BYTES as usize + 1]);
    assert_eq!(load(&store, VAULT, |_| true).unwrap().current().0, first);
}
