//! Which files a drill with a sample restores: drawn from what another site said *after* the drill was announced, so
//! that nobody can choose files that are known to be good. Pure; `docs/contracts/evidence.md`, *drill-started*.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use pulih_vault::error::Malformed;
use ring::digest::{Context, SHA256};

/// Most files that are drawn of a point.
pub const MAX_DRAWN: u64 = 100_000;
/// What the seed's hash begins with, so that no other hash passes for it.
const PREFIX: &[u8] = b"pulih/drill/sample/v1\n";
/// Of a key, before what it signed.
const ID_BYTES: usize = 4;
/// The time and the Ed25519 signature.
const SIGNED_BYTES: usize = 72;

/// What a sample is drawn from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed([u8; 32]);

fn sha256(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    parts.iter().for_each(|part| context.update(part));
    let mut hash = [0; 32];
    hash.copy_from_slice(context.finish().as_ref());
    hash
}

/// The seed that a co-signature's signature line gives. Whether it verifies is asked elsewhere.
pub fn seed(line: &str) -> Result<Seed, Malformed> {
    let bad = || Malformed::new("co-signature", "it is no signature line with a time");
    let blob = line.strip_prefix("\u{2014} ").and_then(|rest| rest.split_once(' ')).map(|(_, blob)| blob);
    let bytes = blob.and_then(|blob| BASE64.decode(blob).ok()).ok_or_else(bad)?;
    let signed = bytes.get(ID_BYTES..).filter(|signed| signed.len() == SIGNED_BYTES).ok_or_else(bad)?;
    Ok(Seed(sha256(&[PREFIX, signed])))
}

/// How many of so many files are drawn.
pub fn drawn_of(files: u64, percent: u8) -> u64 {
    let share = (u128::from(files) * u128::from(percent)).div_ceil(100).max(1);
    u64::try_from(share).unwrap_or(u64::MAX).min(MAX_DRAWN).min(files)
}

impl Seed {
    /// The numbers of the files that are drawn of a point, by the order of its tree, from 0. `point` is its text,
    /// `<vault>/<dataset>/<manifest>`, and `files` what its manifest counts.
    pub fn sample(&self, point: &str, files: u64, percent: u8) -> BTreeSet<u64> {
        let most = drawn_of(files, percent) as usize;
        let mut drawn = BTreeSet::new();
        for i in 0_u64.. {
            if drawn.len() >= most {
                break;
            }
            let hash = sha256(&[&self.0, point.as_bytes(), &i.to_be_bytes()]);
            let first = hash.first_chunk::<8>().map_or(0, |first| u64::from_be_bytes(*first));
            drawn.insert(first % files);
        }
        drawn
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn line(signed: &[u8]) -> String {
        format!("\u{2014} pulih-ledger/pusat-33.19 {}", BASE64.encode([&[1, 2, 3, 4], signed].concat()))
    }

    #[test]
    fn the_seed_is_of_what_comes_after_the_keys_id_and_of_nothing_else() {
        let signed = [7; SIGNED_BYTES];
        let known = seed(&line(&signed)).unwrap();
        let expected = ring::digest::digest(&SHA256, &[b"pulih/drill/sample/v1\n", &signed[..]].concat());
        assert_eq!(known.0, expected.as_ref());
        let other = format!("\u{2014} drc {}", BASE64.encode([&[9; 4], &signed[..]].concat()));
        assert_eq!(seed(&other).unwrap(), known);
        for bad in ["", "\u{2014} a", "- a AAAA", "\u{2014} a !", &line(&[7; 71]), &line(&[7; 73]), &line(&[])] {
            assert!(seed(bad).is_err(), "{bad:?}");
        }
    }

    /// Computed by another program (Python's hashlib) from the contract's words.
    #[test]
    fn a_known_sample_stays_as_it_is() {
        let seed = seed(&line(&[7; SIGNED_BYTES])).unwrap();
        let point = format!("{}/rekam-medis/0000000001-{}", "07".repeat(16), "ab".repeat(32));
        let drawn: Vec<u64> = seed.sample(&point, 1000, 1).into_iter().collect();
        assert_eq!(drawn, [80, 140, 199, 286, 356, 364, 462, 596, 881, 947]);
    }

    #[test]
    fn the_ends_of_what_can_be_drawn() {
        let seed = Seed([1; 32]);
        assert_eq!(seed.sample("p", 0, 50).len(), 0);
        assert_eq!(seed.sample("p", 1, 1), BTreeSet::from([0]));
        assert_eq!((drawn_of(200, 1), drawn_of(201, 1), drawn_of(99, 99)), (2, 3, 99));
        assert_eq!(drawn_of(u64::MAX, 99), MAX_DRAWN);
    }

    proptest! {
        #[test]
        fn a_sample_is_so_many_different_files_of_the_point(bytes: [u8; 32], files in 1_u64..3000, percent in 1_u8..100) {
            let seed = Seed(bytes);
            let drawn = seed.sample("v/d/m", files, percent);
            prop_assert_eq!(drawn.len() as u64, drawn_of(files, percent));
            prop_assert!(drawn.iter().all(|file| *file < files));
            prop_assert_eq!(&seed.sample("v/d/m", files, percent), &drawn);
            // A larger share of the same draw has the smaller one in it.
            prop_assert!(drawn.is_superset(&seed.sample("v/d/m", files, 1.max(percent / 2))));
        }
    }
}
