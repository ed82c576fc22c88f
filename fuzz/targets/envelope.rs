//! age files from arbitrary bytes: as they are, and with a header MAC that is made good, so that
//! what lies behind it is reached. What is opened here, the `age` crate opens to the same bytes.
#![no_main]

use std::io::Read as _;
use std::sync::LazyLock;

use age::Identity;
use age_core::format::{FileKey, Stanza};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use libfuzzer_sys::fuzz_target;
use pulih_fuzz::identities;
use pulih_vault::envelope::{self, Opener};
use pulih_vault::reader::Identities;
use ring::{hkdf, hmac};

static X25519: LazyLock<Identities> = LazyLock::new(identities);
static ANY_STANZA: LazyLock<Identities> = LazyLock::new(|| vec![Box::new(AnyStanza)]);

/// Opens every header with one file key.
struct AnyStanza;

const FILE_KEY: [u8; 16] = [7; 16];

impl Identity for AnyStanza {
    fn unwrap_stanza(&self, _: &Stanza) -> Option<Result<FileKey, age::DecryptError>> {
        Some(Ok(FileKey::new(Box::new(FILE_KEY))))
    }
}

/// An age file with `stanzas` in its header, a MAC that fits, and `payload` behind it.
fn with_mac(stanzas: &[u8], payload: &[u8]) -> Vec<u8> {
    let mut out = [b"age-encryption.org/v1\n", stanzas, b"---"].concat();
    let key = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&FILE_KEY);
    let info: [&[u8]; 1] = [b"header"];
    let okm = key.expand(&info, hkdf::HKDF_SHA256.hmac_algorithm()).expect("the length is one of HKDF");
    let mac = hmac::sign(&hmac::Key::from(okm), &out);
    out.extend_from_slice(format!(" {}\n", STANDARD_NO_PAD.encode(mac)).as_bytes());
    out.extend_from_slice(payload);
    out
}

/// What the `age` crate makes of a file: `None` if it refuses the header, which it may do where
/// this reader does not.
fn by_age(file: &[u8], identities: &Identities) -> Option<std::io::Result<Vec<u8>>> {
    let decryptor = age::Decryptor::new(file).ok()?;
    let mut reader = decryptor.decrypt(std::iter::once(&*identities[0] as &dyn Identity)).ok()?;
    let mut plain = Vec::new();
    Some(reader.read_to_end(&mut plain).map(|_| plain))
}

fn check(file: &[u8], identities: &Identities) {
    let opened = envelope::open(file, identities, "a file");
    if let Ok(plain) = &opened {
        if let Some(theirs) = by_age(file, identities) {
            assert_eq!(theirs.expect("age opens what is opened here"), *plain);
        }
    }
    // A reader asks for more bytes until they are enough; that must end, and at the same answer.
    let total = file.len() as u64;
    for len in [0, 1, 21, 22, 100, file.len() / 2, file.len().saturating_sub(1)] {
        let start = &file[..len.min(file.len())];
        if let Ok(Some(opener)) = Opener::new(start, total, identities, "a file") {
            assert!(opener.plain_bytes() <= total);
            let (from, sealed) = opener.sealed_range(0, opener.plain_bytes());
            assert!(from <= total && from + sealed <= total);
        }
    }
    match Opener::new(file, total, identities, "a file") {
        Ok(None) => panic!("more bytes are wanted than there are"),
        Ok(Some(opener)) => {
            // Offsets come from an index, which may be wrong; they are bounded there.
            let seed = total.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let (at, len) = (seed >> 40, seed & 0xffff);
            let (from, sealed) = opener.sealed_range(at, len);
            let from = (from as usize).min(file.len());
            let mut part = file[from..(from + sealed as usize).min(file.len())].to_vec();
            let _ = opener.open_range(&mut part, at, len as usize);
        }
        Err(_) => assert!(opened.is_err()),
    }
}

fuzz_target!(|data: &[u8]| {
    check(data, &X25519);
    let at = data.windows(3).position(|three| three == b"---").unwrap_or(data.len());
    check(&with_mac(&data[..at], &data[at..]), &ANY_STANZA);
});
