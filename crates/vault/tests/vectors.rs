//! The test vectors of `tests/vectors/`: what the code makes is what they say, and what they
//! say is read again.
//!
//! A difference means that other readers of `docs/format.md` would no longer agree with this
//! one. If that is meant, `PULIH_WRITE_VECTORS=1 cargo test -p pulih-vault --test vectors`
//! writes them again. Files with random bytes in them (`pack.age`, `index.bin`,
//! `description.note`) are written only where they are absent: a reader must go on reading them.

#[path = "vectors/cutting.rs"]
mod cutting;
#[path = "vectors/fixture.rs"]
mod fixture;
#[path = "vectors/objects.rs"]
mod objects;
#[path = "vectors/sealed.rs"]
mod sealed;
#[path = "vectors/seeds.rs"]
mod seeds;
#[path = "vectors/tree.rs"]
mod tree;

use fixture::{check, hex, pattern, signing_key, xof};
use pulih_vault::note::{SigningKey, Unverified};
use pulih_vault::reader::chunk_id;
use pulih_vault::tree::name::{escape, unescape};
use pulih_vault::wire::{Reader, put_varint};
use serde_json::json;

#[test]
fn varints() {
    let values = [0, 1, 127, 128, 300, 16_383, 16_384, 0xffff_ffff, 1 << 32, 1 << 63, u64::MAX];
    let mut cases: Vec<_> = values
        .iter()
        .map(|&value| {
            let mut bytes = Vec::new();
            put_varint(&mut bytes, value);
            assert_eq!(Reader::new("varint", &bytes).varint().unwrap(), value);
            // As text: not every JSON reader keeps 64 bits of a number.
            json!({"value": value.to_string(), "bytes": hex(&bytes)})
        })
        .collect();
    let refused: [&[u8]; 7] = [
        &[],
        &[0x80],
        &[0x80, 0x00],
        &[0xff, 0x80, 0x00],
        &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02],
        &[0xff; 10],
        &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01],
    ];
    for bytes in refused {
        assert!(Reader::new("varint", bytes).varint().is_err());
        cases.push(json!({"refused": hex(bytes)}));
    }
    check("varint", "The varints of the conventions: `value` in decimal is `bytes`.", cases);
}

#[test]
fn escapes() {
    let names: [&[u8]; 10] = [
        b"",
        b"plain",
        b"a/b",
        b"back\\slash",
        b"\\x41",
        "caf\u{e9} \u{1f4be}".as_bytes(),
        b"latin1 \xe9",
        b"\xff\xc3\xa9\xe2\x82x",
        b"\xed\xa0\x80",
        b"tab\tquote\"newline\n",
    ];
    let mut cases = Vec::new();
    for name in names {
        let text = escape(name);
        assert_eq!(unescape(&text).as_deref(), Some(name));
        cases.push(json!({"bytes": hex(name), "text": text}));
    }
    // Each would be a second spelling of a name, or is none.
    for text in ["\\", "\\x4", "\\xZZ", "\\x+f", "\\xFF", "\\n", "\\x41", "\\xc3\\xa9", "end\\"] {
        assert_eq!(unescape(text), None, "{text}");
        cases.push(json!({"refused": text}));
    }
    check("escape", "Names of section 8: `bytes` stand in JSON as `text`.", cases);
}

#[test]
fn chunk_ids() {
    let mut cases = Vec::new();
    for seed in ["", "another key"] {
        let id_key: [u8; 32] = xof(seed, 32).try_into().unwrap();
        for length in [1, 63, 64, 65, 1024, 1025, 65_536] {
            let id = chunk_id(&id_key, &pattern(length));
            let text = serde_json::to_value(id).unwrap();
            cases.push(json!({"id_key": hex(&id_key), "length": length, "id": hex(&id.0), "json": text}));
        }
    }
    let about = "Chunk ids of section 4. The content is `length` bytes, of which byte i is i modulo 251.";
    check("chunk-id", about, cases);
}

#[test]
fn notes() {
    let texts = ["{}\n", "{\"a\":\n\n1}\n", "{\"host\":\"caf\u{e9} \u{2014} x\"}\n"];
    let mut cases = Vec::new();
    for key in [fixture::OWNER, fixture::AGENT] {
        let signer = signing_key(key);
        let verifier = signer.verifier();
        assert_eq!(signer.to_secret_text(), key);
        assert!(SigningKey::from_secret_text(&key.replace("+AQ", "+AA")).is_err());
        for text in texts {
            let note = signer.sign(text);
            let read = Unverified::parse(note.as_bytes()).unwrap();
            assert_eq!(read.verify(&[&verifier]).map(|(text, _)| text), Some(text));
            cases.push(json!({
                "signing_key": key,
                "verifier_key": verifier.to_string(),
                "fingerprint": verifier.fingerprint().to_string(),
                "text": text,
                "note": note,
            }));
        }
    }
    let about = "Signed notes of section 2: `signing_key` makes `note` of `text`. Ed25519 is deterministic.";
    check("note", about, cases);
}
