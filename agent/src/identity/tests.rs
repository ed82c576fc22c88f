//! Identity files come back as they were written, and what is wrong with one is named.

use super::*;
use ring::rand::SystemRandom;

const VAULT: VaultId = VaultId([7; 16]);

fn owner() -> Fingerprint {
    let random = SystemRandom::new();
    SigningKey::generate(OWNER_KEY_NAME, &random).unwrap().verifier().fingerprint()
}

fn read_text(text: &str) -> Result<IdentityFile, IdentityError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("identity");
    std::fs::write(&path, text).unwrap();
    IdentityFile::read(&path)
}

#[test]
fn a_written_identity_comes_back_and_is_never_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opd.identity");
    let (new, owner) = (NewIdentity::generate(), owner());
    new.write(&path, "2026-11-22T01:23:45Z", VAULT, owner).unwrap();
    let file = IdentityFile::read(&path).unwrap();
    assert_eq!(file.recipients, [new.recipient()]);
    assert_eq!(file.owner_of(VAULT), Some(owner));
    assert_eq!(file.owner_of(VaultId([8; 16])), None);
    assert_eq!(file.warning(), None);
    let again = NewIdentity::generate().write(&path, "now", VAULT, owner);
    assert!(matches!(again, Err(IdentityError::Exists { .. })));
    assert_eq!(IdentityFile::read(&path).unwrap().recipients, [new.recipient()]);
}

#[test]
fn a_file_that_others_read_is_warned_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opd.identity");
    NewIdentity::generate().write(&path, "now", VAULT, owner()).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
    assert!(IdentityFile::read(&path).unwrap().warning().is_some());
}

#[test]
fn identity_files_may_be_put_end_to_end() {
    let folder = tempfile::tempdir().unwrap();
    let other = VaultId([8; 16]);
    let owners = [owner(), owner()];
    let mut text = String::new();
    for (i, vault) in [VAULT, other].into_iter().enumerate() {
        let path = folder.path().join(i.to_string());
        NewIdentity::generate().write(&path, "now", vault, owners[i]).unwrap();
        text += &std::fs::read_to_string(&path).unwrap();
    }
    let file = read_text(&text).unwrap();
    assert_eq!(file.identities.len(), 2);
    assert_eq!(file.owner_of(VAULT), Some(owners[0]));
    assert_eq!(file.owner_of(other), Some(owners[1]));
}

#[test]
fn what_is_wrong_is_said_without_the_secret() {
    let secret = "AGE-SECRET-KEY-1NOTREALLYONE";
    for bad in [
        "",
        "# only a comment\n",
        secret,
        "age-encryption.org/v1\n-> scrypt",
        "# pulih vault: nonsense\n",
        "# pulih owner: MD5:abc\n",
    ] {
        let error = read_text(bad).err().unwrap().to_string();
        assert!(!error.contains(secret), "{error}");
    }
    let twice = format!("{VAULT_LINE} {VAULT}\n{OWNER_LINE} {}\n{OWNER_LINE} {}\n", owner(), owner());
    assert!(read_text(&twice).is_err());
}

#[test]
fn an_owner_key_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = owner_beside(&folder.path().join("opd.identity"));
    let random = SystemRandom::new();
    let made = read_or_make_owner(&path, &random).unwrap();
    let read = read_or_make_owner(&path, &random).unwrap();
    assert!(made.made && !read.made);
    assert_eq!(made.key.verifier(), read.key.verifier());
    assert!(path.ends_with("opd.identity.owner"));
    let agent = SigningKey::generate("pulih-agent/x", &random).unwrap().to_secret_text();
    std::fs::write(&path, agent).unwrap();
    assert!(read_owner(&path).is_err());
}
