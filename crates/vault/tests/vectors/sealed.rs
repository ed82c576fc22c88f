//! Vectors with age files in them: a pack, an index, a description; and what is signed under it.
//! Their files are kept and read; what the JSON says of them is made by reading them.

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, Description, DescriptionName, NewDescription, VaultSecrets};
use pulih_vault::envelope::{self, Recipients};
use pulih_vault::frame::{Compressor, Decompressor, Search};
use pulih_vault::id::{ChunkId, ObjectHash};
use pulih_vault::index::{self, IndexedPack};
use pulih_vault::layout::ManifestName;
use pulih_vault::manifest::{Changes, Counts, Facts, Manifest};
use pulih_vault::note::VerifierKey;
use pulih_vault::pack::{FrameKind, FrameList, FrameShape};
use pulih_vault::reader::chunk_id;
use pulih_vault::tree::node::Root;
use ring::rand::SystemRandom;
use serde_json::{Value, json};

use crate::fixture::{
    AGENT, BOUNDARY_SECRET, ID_KEY, INDEX_IDENTITY, INDEX_RECIPIENT, OWNER, RECOVERY_IDENTITY, RECOVERY_RECIPIENT,
    VAULT, check, file, hex, identities, signing_key, some_hash, some_id, xof,
};
use crate::objects::frames_json;
use crate::tree::leaf;

fn recipients(texts: &[&str]) -> Recipients {
    let one = |text: &&str| Box::new(text.parse::<age::x25519::Recipient>().unwrap()) as _;
    Recipients::new(texts.iter().map(one).collect())
}

/// Frames of every kind; the first does not compress, so that the age file has two segments.
fn contents() -> Vec<(FrameKind, Vec<Vec<u8>>)> {
    let list = [some_id(1).0, some_id(2).0].concat();
    vec![
        (FrameKind::Content, vec![xof("pulih test vector: pack", 70_000), b"small".to_vec(), vec![0; 10_000]]),
        (FrameKind::Tree, vec![leaf()]),
        (FrameKind::List, vec![list]),
        (FrameKind::Unknown(200), vec![b"of a later version".to_vec()]),
        (FrameKind::Facts, vec![facts().sign(&signing_key(AGENT)).into_bytes()]),
    ]
}

fn make_pack() -> Vec<u8> {
    let mut list = FrameList::default();
    let (mut plain, mut packed) = (Vec::new(), Vec::new());
    for (kind, chunks) in contents() {
        Compressor::new().compress(&chunks.concat(), Search::Short, &mut packed).unwrap();
        plain.extend_from_slice(&packed);
        let chunks = chunks.iter().map(|chunk| chunk.len() as u32).collect();
        list.0.push(FrameShape { kind, stored_bytes: packed.len() as u32, chunks });
    }
    plain.extend_from_slice(&list.to_trailer(VAULT));
    envelope::seal(&recipients(&[RECOVERY_RECIPIENT]), &SystemRandom::new(), &plain).unwrap()
}

/// The pack as it is checked in, read whole: it holds what `contents` held when it was made.
pub struct ReadPack {
    pub indexed: IndexedPack,
    plain: Vec<u8>,
    content: Vec<u8>,
}

pub fn read_pack() -> ReadPack {
    let pack = file("pack.age", make_pack);
    let plain = envelope::open(&pack, &identities(RECOVERY_IDENTITY), "the pack").unwrap();
    let frames = FrameList::from_pack(&plain, plain.len() as u64, VAULT).unwrap();
    let (mut at, mut ids, mut content, mut out) = (0, Vec::new(), Vec::new(), Vec::new());
    for frame in &frames.0 {
        let end = at + frame.stored_bytes as usize;
        Decompressor::new().decompress(&plain[at..end], frame.plain_bytes() as usize, &mut out).unwrap();
        let mut rest = &out[..];
        for &len in &frame.chunks {
            let (chunk, more) = rest.split_at(len as usize);
            ids.push(chunk_id(&ID_KEY, chunk));
            rest = more;
        }
        content.append(&mut out);
        at = end;
    }
    let indexed = IndexedPack { hash: ObjectHash::of(&pack), stored_bytes: pack.len() as u64, frames, ids };
    ReadPack { indexed, plain, content }
}

fn ids_json(ids: &[ChunkId]) -> Value {
    ids.iter().map(|id| hex(&id.0)).collect()
}

#[test]
fn a_pack() {
    let ReadPack { indexed, plain, content } = read_pack();
    let case = json!({
        "file": "pack.age",
        "hash": indexed.hash.to_string(),
        "identity": RECOVERY_IDENTITY,
        "vault": VAULT.to_string(),
        "id_key": hex(&ID_KEY),
        "plain_bytes": plain.len(),
        "plain_hash": ObjectHash::of(&plain).to_string(),
        "content_hash": ObjectHash::of(&content).to_string(),
        "frames": frames_json(&indexed.frames),
        "ids": ids_json(&indexed.ids),
    });
    let about = "A pack of section 5: `identity` opens it to `plain_bytes` bytes of `plain_hash`, which zstd \
        decompresses to bytes of `content_hash`; its table is `frames`, its chunks have `ids`.";
    check("pack", about, vec![case]);
}

#[test]
fn an_index() {
    let pack = read_pack().indexed;
    let bytes = file("index.bin", || {
        let to = recipients(&[RECOVERY_RECIPIENT, INDEX_RECIPIENT]);
        index::encode(VAULT, std::slice::from_ref(&pack), &to, &SystemRandom::new()).unwrap()
    });
    for identity in [RECOVERY_IDENTITY, INDEX_IDENTITY] {
        let (header, packs) = index::decode(&bytes, VAULT, &identities(identity), "the index").unwrap();
        assert_eq!(header.packs, [(pack.hash, pack.stored_bytes)]);
        assert_eq!(packs, std::slice::from_ref(&pack));
    }
    let case = json!({
        "file": "index.bin",
        "hash": ObjectHash::of(&bytes).to_string(),
        "identities": [RECOVERY_IDENTITY, INDEX_IDENTITY],
        "vault": VAULT.to_string(),
        "packs": [{
            "hash": pack.hash.to_string(),
            "stored": pack.stored_bytes,
            "frames": frames_json(&pack.frames),
            "ids": ids_json(&pack.ids),
        }],
    });
    check("index", "An index of section 6, of the pack in pack.json; each of `identities` opens it.", vec![case]);
}

/// The description as it is checked in.
pub fn description() -> (Vec<u8>, Description) {
    let note = file("description.note", || {
        let secrets = VaultSecrets {
            id_key: ID_KEY,
            boundary_secret: BOUNDARY_SECRET,
            index_identity: INDEX_IDENTITY.to_owned(),
        };
        let new = NewDescription {
            vault: VAULT,
            created: "2026-11-01T00:00:00Z".to_owned(),
            class: Class::NonPublik,
            chunker: ChunkSizes::DEFAULT,
            recipients: &[RECOVERY_RECIPIENT.to_owned()],
            agent: signing_key(AGENT).verifier(),
            secrets: &secrets,
        };
        new.sign(&signing_key(OWNER), &SystemRandom::new()).unwrap().into_bytes()
    });
    let owner = signing_key(OWNER).verifier();
    let description = Description::open(&note, |key: &VerifierKey| *key == owner).unwrap();
    assert!(Description::open(&note, |key| *key != owner).is_err());
    (note, description)
}

fn description_name() -> DescriptionName {
    DescriptionName { number: 1, hash: ObjectHash::of(&description().0) }
}

#[test]
fn a_description() {
    let (_, description) = description();
    let secrets = description.open_secrets(&identities(RECOVERY_IDENTITY)).unwrap();
    assert!(description.open_secrets(&identities(INDEX_IDENTITY)).is_err());
    let case = json!({
        "file": "description.note",
        "name": description_name().to_string(),
        "identity": RECOVERY_IDENTITY,
        "vault": description.vault.to_string(),
        "class": description.class.to_string(),
        "created": description.created,
        "chunker": description.chunker,
        "recipients": description.recipients,
        "owner": description.owner.to_string(),
        "owner_fingerprint": description.owner.fingerprint().to_string(),
        "agent": description.agent.to_string(),
        "predecessor": Value::Null,
        "id_key": hex(&secrets.id_key),
        "boundary_secret": hex(&secrets.boundary_secret),
        "index_identity": secrets.index_identity,
    });
    let about = "A description of section 3: `owner` signed it, and `identity` opens the secrets, the last three.";
    check("description", about, vec![case]);
}

pub fn facts() -> Facts {
    Facts {
        vault: VAULT,
        dataset: "home.2-a_b".parse().unwrap(),
        sequence: 7,
        captured: "2026-11-02T01:00:00Z".to_owned(),
        partial: false,
        program: "pulih-agent 0.1.0".to_owned(),
        host: "server-1".to_owned(),
        description: DescriptionName { number: 1, hash: some_hash(20) },
        chunker: ChunkSizes::DEFAULT,
        tree: Some(Root { root: some_id(1), level: 2 }),
        counts: Counts { files: 1 << 40, dirs: 2, others: 3, bytes: u64::MAX, unread: 4, noted: 5 },
    }
}

pub fn manifest() -> Manifest {
    Manifest {
        facts: Facts { description: description_name(), ..facts() },
        finished: "2026-11-02T01:00:09Z".to_owned(),
        rebuilt: false,
        changes: Changes { new: 1, changed: 2, unchanged: 3, removed: 4, read_bytes: 5, new_bytes: 6, stored_bytes: 7 },
        reach: some_hash(21),
        previous: Some(ManifestName { sequence: 6, hash: some_hash(22) }),
        rejoined: None,
        head: None,
    }
}

#[test]
fn manifests_and_facts() {
    let (_, description) = description();
    let (agent, owner) = (signing_key(AGENT), signing_key(OWNER));
    let empty =
        Manifest { facts: Facts { tree: None, partial: true, ..manifest().facts }, previous: None, ..manifest() };
    let rebuilt = Manifest { rebuilt: true, rejoined: manifest().previous, ..manifest() };
    let case = |signer: &VerifierKey, type_: &str, note: &str| {
        let (text, _) = note.rsplit_once("\n\n").unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        json!({"type": type_, "signer": signer.to_string(), "note": note, "value": value})
    };
    let mut cases = Vec::new();
    for (manifest, key) in [(manifest(), &agent), (empty, &agent), (rebuilt, &owner)] {
        let note = manifest.sign(key);
        assert_eq!(Manifest::open(note.as_bytes(), &description).unwrap(), manifest);
        cases.push(case(&key.verifier(), "pulih/manifest/v1", &note));
    }
    // Only what was rebuilt may be the owner's; facts are not a manifest.
    assert!(Manifest::open(manifest().sign(&owner).as_bytes(), &description).is_err());
    let note = facts().sign(&agent);
    assert_eq!(Facts::open(note.as_bytes(), &description).unwrap(), facts());
    assert!(Manifest::open(note.as_bytes(), &description).is_err());
    cases.push(case(&agent.verifier(), "pulih/facts/v1", &note));
    let about = "Manifests of section 10 and facts of section 9, under the description in description.json: `note` is \
        signed by `signer`, and its JSON is `value`.";
    check("manifest", about, cases);
}
