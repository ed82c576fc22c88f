//! The state comes back as it was saved, and the lock lets one in.

use super::*;
use pulih_vault::description::{OWNER_KEY_NAME, agent_key_name};
use pulih_vault::id::ObjectHash;
use ring::rand::SystemRandom;
use std::sync::mpsc;

fn keys(vault: VaultId) -> VaultKeys {
    let random = SystemRandom::new();
    VaultKeys {
        vault,
        class: Class::Strategis,
        store: "/srv/store".into(),
        agent: SigningKey::generate(&agent_key_name(vault), &random).unwrap(),
        secrets: VaultSecrets::generate(&random).unwrap(),
        owner: SigningKey::generate(OWNER_KEY_NAME, &random).unwrap().verifier(),
        recipients: vec!["age1example".into()],
        description: DescriptionName { number: 1, hash: ObjectHash([5; 32]) },
    }
}

#[test]
fn keys_come_back_and_are_private() {
    let folder = tempfile::tempdir().unwrap();
    let state = StateDir::at(folder.path().join("new/state"));
    assert!(state.vaults().unwrap().is_empty());
    let id = VaultId([9; 16]);
    let vault = state.vault(id);
    assert!(vault.keys().unwrap().is_none());
    let saved = keys(id);
    vault.save_keys(&saved).unwrap();
    let loaded = vault.keys().unwrap().unwrap();
    assert_eq!(loaded.agent.verifier(), saved.agent.verifier());
    assert_eq!(loaded.secrets.id_key, saved.secrets.id_key);
    assert_eq!((loaded.owner, loaded.description), (saved.owner, saved.description));
    assert_eq!(state.vaults().unwrap().len(), 1);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&vault.keys_path()), 0o600);
    assert_eq!(mode(vault.path()), 0o700);
    assert_eq!(mode(state.path()), 0o700);
}

#[test]
fn damaged_keys_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let vault = StateDir::at(folder.path().to_owned()).vault(VaultId([9; 16]));
    vault.save_keys(&keys(VaultId([9; 16]))).unwrap();
    let json = fs::read_to_string(vault.keys_path()).unwrap();
    fs::write(vault.keys_path(), json.replace("SHA256:", "SHA256:A")).unwrap();
    let error = vault.keys().err().unwrap().to_string();
    assert!(error.contains("keys.json"), "{error}");
}

#[test]
fn a_dataset_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let vault = StateDir::at(folder.path().to_owned()).vault(VaultId([9; 16]));
    let name: DatasetName = "files".parse().unwrap();
    assert_eq!(vault.dataset(&name).unwrap(), None);
    for last in [None, Some(ManifestName { sequence: 4, hash: ObjectHash([1; 32]) })] {
        let state = DatasetState { chunker: ChunkSizes::SMALL, last };
        vault.save_dataset(&name, &state).unwrap();
        assert_eq!(vault.dataset(&name).unwrap(), Some(state));
    }
}

#[test]
fn a_second_lock_waits_and_knows_for_whom() {
    let folder = tempfile::tempdir().unwrap();
    let vault = StateDir::at(folder.path().to_owned()).vault(VaultId([9; 16]));
    let go = AtomicBool::new(false);
    let first = vault.lock(&go, &mut |_| panic!("nobody to wait for")).unwrap();
    let (tell, told) = mpsc::channel();
    std::thread::scope(|scope| {
        let second = scope.spawn(|| vault.lock(&go, &mut |process| tell.send(process).unwrap()));
        assert_eq!(told.recv().unwrap(), Some(std::process::id()));
        drop(first);
        assert!(second.join().unwrap().is_ok());
    });
}

#[test]
fn a_stopped_wait_ends() {
    let folder = tempfile::tempdir().unwrap();
    let vault = StateDir::at(folder.path().to_owned()).vault(VaultId([9; 16]));
    let stop = AtomicBool::new(true);
    let _first = vault.lock(&stop, &mut |_| ()).unwrap();
    assert!(matches!(vault.lock(&stop, &mut |_| ()), Err(StateError::Stopped)));
}
