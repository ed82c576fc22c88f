//! People: their keys, and the acts that they sign.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use pulih_ledger::Actor;
use pulih_ledger::entry::{Body, Entry, sign_act};
use pulih_ledger::ids::Sha256;
use pulih_policies::Span;
use pulih_vault::note::SigningKey;
use pulih_vault::utc;

use super::{Failure, Signed};
use crate::record::time;
use crate::site::SiteFile;
use crate::uji;

const MAX_KEY_BYTES: u64 = 4096;

fn said(error: impl std::fmt::Display) -> Failure {
    Failure::Said(error.to_string())
}

/// Makes a person's key in a new file, and prints its public half.
pub fn make_key(file: &Path, json: bool) -> Result<(), Failure> {
    let key = SigningKey::generate("pulih-person", &ring::rand::SystemRandom::new()).map_err(said)?;
    let cannot = |error| Failure::Said(format!("cannot make {}: {error}; it is never overwritten", file.display()));
    let mut out = OpenOptions::new().write(true).create_new(true).mode(0o600).open(file).map_err(cannot)?;
    let text = format!(
        "# Pulih: the key of one person. It signs what that person does; it stays with that person.\n{}\n",
        key.to_secret_text()
    );
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(cannot)?;
    let verifier = key.verifier();
    if json {
        let (key, fingerprint) = (verifier.to_string(), verifier.fingerprint().to_string());
        println!("{}", serde_json::json!({"type": "pulih/person-key/v1", "key": key, "fingerprint": fingerprint}));
    } else {
        println!("{verifier}");
    }
    Ok(())
}

fn read_key(file: &Path) -> Result<SigningKey, Failure> {
    let cannot = |error| Failure::Said(format!("cannot read the key {}: {error}", file.display()));
    let mut text = String::new();
    File::open(file).map_err(cannot)?.take(MAX_KEY_BYTES).read_to_string(&mut text).map_err(cannot)?;
    let line = text.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty()).unwrap_or_default();
    let bad = |error| Failure::Said(format!("{} is no person's key: {error}", file.display()));
    SigningKey::from_secret_text(line.trim()).map_err(bad)
}

/// The entry that says what a person does, as it will stand in the ledger. Without a person it is
/// the site's own, which it takes for the first person alone.
pub fn entry(site: &SiteFile, signed: &Signed, body: Body) -> Result<String, Failure> {
    let id = site.id().map_err(said)?;
    let at = time(uji::now()).map_err(said)?;
    let entry = match (&signed.user, &signed.sign_with) {
        (Some(user), Some(file)) => {
            let key = read_key(file)?;
            let actor = Actor::Person { user: user.parse().map_err(said)?, key: key.verifier().fingerprint() };
            sign_act(Entry::new(id.clone(), at, actor, body), &key).map_err(said)?
        }
        _ => Entry::new(id.clone(), at, Actor::Site, body),
    };
    String::from_utf8(entry.encode(&id).map_err(said)?).map_err(said)
}

/// A date (`2027-12-31`: to its end, UTC), a time (RFC 3339) or how long from now (`24h`).
pub fn until(text: &str) -> Result<i64, Failure> {
    if let Ok(span) = text.parse::<Span>() {
        return Ok(uji::now() + span.seconds() as i64);
    }
    let full = if text.contains('T') { text.to_owned() } else { format!("{text}T23:59:59Z") };
    let none = || Failure::Said(format!("{text:?} is no time: write a date (2027-12-31) or how long (24h, 30d, 1y)"));
    utc::parse(&full).ok_or_else(none)
}

/// SHA-256 of a document.
pub fn document(file: &Path) -> Result<Sha256, Failure> {
    let cannot = |error| Failure::Said(format!("cannot read {}: {error}", file.display()));
    let mut file = File::open(file).map_err(cannot)?;
    let mut digest = ring::digest::Context::new(&ring::digest::SHA256);
    let mut piece = vec![0; 64 << 10];
    loop {
        match file.read(&mut piece).map_err(cannot)? {
            0 => break,
            len => digest.update(&piece[..len]),
        }
    }
    let mut out = [0; 32];
    out.copy_from_slice(digest.finish().as_ref());
    Ok(Sha256(out))
}
