//! What fuzzing begins with, in `fuzz/seeds/<target>/`: the vectors as bytes, so that a target
//! is past the magic numbers at once.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pulih_vault::description::VaultSecrets;
use pulih_vault::tree::node::Child;

use crate::fixture::{
    AGENT, BOUNDARY_SECRET, ID_KEY, INDEX_IDENTITY, OWNER, VAULT, check_file, signing_key, some_hash, some_id,
};
use crate::objects::{frame_lists, index_header, reaches};
use crate::sealed::{description, facts, manifest, read_pack};
use crate::tree::{children, entries, leaf};

fn seed(target: &str, name: &str, bytes: &[u8]) {
    check_file(&format!("fuzz/seeds/{target}/{name}"), bytes);
}

/// The text that a note signs.
fn text(note: &str) -> &[u8] {
    let (text, _) = note.rsplit_once("\n\n").unwrap();
    text.as_bytes()
}

#[test]
fn of_notes() {
    let (note, _) = description();
    let note_text = std::str::from_utf8(&note).unwrap();
    let secrets =
        VaultSecrets { id_key: ID_KEY, boundary_secret: BOUNDARY_SECRET, index_identity: INDEX_IDENTITY.to_owned() };
    let owner = signing_key(OWNER).verifier();
    seed("description", "note", &note);
    seed("description", "text", text(note_text));
    seed("description", "secrets", secrets.to_json(VAULT).as_bytes());
    seed("description", "verifier-key", owner.to_string().as_bytes());
    seed("description", "signing-key", OWNER.as_bytes());
    seed("description", "fingerprint", owner.fingerprint().to_string().as_bytes());
    seed("description", "name", format!("1-{}", some_hash(1)).as_bytes());

    let manifest = manifest().sign(&signing_key(AGENT));
    let facts = facts().sign(&signing_key(AGENT));
    seed("manifest", "note", manifest.as_bytes());
    seed("manifest", "text", text(&manifest));
    seed("manifest", "facts", text(&facts));

    let value: serde_json::Value = serde_json::from_slice(text(note_text)).unwrap();
    let armored = value["secrets"].as_str().unwrap();
    let body: String = armored.lines().filter(|line| !line.starts_with('-')).collect();
    seed("envelope", "secrets", &BASE64.decode(body).unwrap());
    seed("envelope", "stanzas", b"-> X25519 arg other\nAAAA\n-> grease\n\n--- payload");
}

#[test]
fn of_objects() {
    for (i, list) in frame_lists().iter().enumerate() {
        let trailer = list.to_trailer(VAULT);
        let stored: u64 = list.0.iter().map(|frame| u64::from(frame.stored_bytes)).sum();
        let plain_bytes = (stored + trailer.len() as u64).to_le_bytes();
        seed("pack", &format!("trailer-{i}"), &[&plain_bytes[..], &trailer].concat());
        let mut bytes = vec![0; 8];
        list.put(&mut bytes);
        seed("pack", &format!("list-{i}"), &bytes);
    }

    let (old, new) = reaches();
    let full = old.to_object().encode(VAULT);
    let change = new.to_change(&old, some_hash(1), 0).encode(VAULT);
    let len = (full.len() as u16).to_le_bytes();
    seed("reach", "change", &[&len[..], &full, &change].concat());

    let pack = read_pack().indexed;
    let header = index_header(&[(pack.hash, pack.stored_bytes)], &[some_hash(1)]);
    let mut body = Vec::new();
    pack.frames.put(&mut body);
    pack.ids.iter().for_each(|id| body.extend_from_slice(&id.0));
    seed("index", "plain", &[&header[..], &body].concat());
    seed("index", "frame", &[&header[..], &raw_frame(&body)].concat());
}

/// A zstd frame with one raw block: the same whichever version of zstd is linked.
fn raw_frame(body: &[u8]) -> Vec<u8> {
    let mut out = vec![0x28, 0xb5, 0x2f, 0xfd, 0xa0];
    out.extend_from_slice(&(body.len() as u32).to_le_bytes());
    let block = (body.len() as u32) << 3 | 1;
    out.extend_from_slice(&block.to_le_bytes()[..3]);
    out.extend_from_slice(body);
    out
}

#[test]
fn of_trees() {
    seed("tree", "leaf", &leaf());
    seed("tree", "inner", &children().iter().flat_map(Child::to_line).collect::<Vec<_>>());
    for (i, entry) in entries().iter().enumerate() {
        seed("tree", &format!("entry-{i}"), &entry.to_line());
    }
    seed("tree", "list", &[some_id(1).0, some_id(2).0].concat());
    seed("tree", "name", br"a\\b\xff\xc3");
}
