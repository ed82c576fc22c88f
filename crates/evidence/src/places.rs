//! Names of a bundle's files, both ways, and how large each may be: the table of `docs/contracts/evidence.md`.

use std::fmt;
use std::str::FromStr;

use pulih_ledger::bundle::{MAX_BUNDLE_BYTES, MAX_ENTRY_BYTES};
use pulih_ledger::checkpoint::MAX_CHECKPOINT_BYTES;
use pulih_ledger::edge::{MAX_TREE_SIZE, TILE_WIDTH};
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::tlog_proof::{MAX_ADD_CHECKPOINT_BYTES, MAX_TLOG_PROOF_BYTES};
use pulih_vault::error::Malformed;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};

/// Most files of a bundle, and most sites.
pub const MAX_FILES: usize = 4_000_000;
pub const MAX_SITES: usize = 64;
/// Longest name.
pub const MAX_NAME_BYTES: usize = 200;
const KIB: u64 = 1 << 10;
/// First parts of names that are no site's.
const NO_SITES: [&str; 2] = ["manifests", "witness"];

/// What an object is that an entry names by its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    Drills,
    Keys,
    Plans,
    Policies,
    Proofs,
    Recipes,
    Regulations,
}

impl Kept {
    pub const ALL: [Self; 7] =
        [Self::Drills, Self::Keys, Self::Plans, Self::Policies, Self::Proofs, Self::Recipes, Self::Regulations];

    /// The folder's name, in a bundle and below `site/<id>/` in a store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Drills => "drills",
            Self::Keys => "keys",
            Self::Plans => "plans",
            Self::Policies => "policies",
            Self::Proofs => "proofs",
            Self::Recipes => "recipes",
            Self::Regulations => "regulations",
        }
    }
}

/// A file that belongs to a site's log.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    Keys,
    Checkpoint,
    /// One that is kept, of so many entries.
    Kept(u64),
    Tile {
        level: usize,
        index: u64,
        width: usize,
    },
    Bundle {
        index: u64,
        width: usize,
    },
    /// An entry before the period, and that it is in the log.
    Proof(u64),
    Entry(u64),
    Consistency(u64),
    /// What the site co-signed of another's log.
    Cosigned(SiteId, u64),
    Object(Kept, ObjectHash),
}

/// A file of a bundle.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// `bundle.json`: nothing in it is believed.
    About,
    Of(SiteId, Part),
    Manifest(VaultId, DatasetName, ManifestName),
    Witness(SiteId),
}

impl Place {
    /// Most bytes that it may have.
    pub fn limit(&self) -> u64 {
        let Self::Of(_, part) = self else {
            return match self {
                Self::Manifest(..) => 1 << 20,
                Self::Witness(_) => KIB,
                _ => 64 * KIB,
            };
        };
        match part {
            Part::Keys => 64 * KIB,
            Part::Checkpoint | Part::Kept(_) | Part::Cosigned(..) => MAX_CHECKPOINT_BYTES,
            Part::Tile { .. } => 8 * KIB,
            Part::Bundle { .. } => MAX_BUNDLE_BYTES,
            Part::Proof(_) => MAX_TLOG_PROOF_BYTES,
            Part::Entry(_) => MAX_ENTRY_BYTES as u64,
            Part::Consistency(_) => MAX_ADD_CHECKPOINT_BYTES,
            Part::Object(..) => 64 << 20,
        }
    }
}

/// Whether a text can be a file's name in a bundle, whatever it is the name of.
pub fn is_name(name: &str) -> bool {
    let letter = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/');
    name.len() <= MAX_NAME_BYTES
        && name.bytes().all(letter)
        && name.split('/').all(|part| !part.is_empty() && !part.starts_with('.'))
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (site, part) = match self {
            Self::About => return f.write_str("bundle.json"),
            Self::Manifest(vault, dataset, name) => return write!(f, "manifests/{vault}/{dataset}/{name}"),
            Self::Witness(id) => return write!(f, "witness/{id}"),
            Self::Of(site, part) => (site, part),
        };
        // Tiles and bundles are named as in the store.
        let stored = |name: &str| name.strip_prefix(&format!("site/{site}/ledger/")).unwrap_or(name).to_owned();
        let layout = Layout { site: site.clone() };
        write!(f, "{site}/")?;
        match part {
            Part::Keys => f.write_str("keys"),
            Part::Checkpoint => f.write_str("checkpoint"),
            Part::Kept(size) => write!(f, "checkpoints/{size:020}"),
            Part::Tile { level, index, width } => f.write_str(&stored(layout.tile(*level, *index, *width).as_str())),
            Part::Bundle { index, width } => f.write_str(&stored(layout.bundle(*index, *width).as_str())),
            Part::Proof(index) => write!(f, "entries/{index:020}"),
            Part::Entry(index) => write!(f, "entries/{index:020}.json"),
            Part::Consistency(size) => write!(f, "consistency/{size:020}"),
            Part::Cosigned(other, size) => write!(f, "cosigned/{other}/{size:020}"),
            Part::Object(kind, hash) => write!(f, "objects/{}/{hash}", kind.name()),
        }
    }
}

impl FromStr for Place {
    type Err = Malformed;
    fn from_str(name: &str) -> Result<Self, Malformed> {
        // Written again it must be the same: there is one name for each file.
        let place = is_name(name).then(|| parse(name)).flatten().filter(|place| place.to_string() == name);
        place.ok_or_else(|| Malformed::new("name in a bundle", format!("{name:?} is none")))
    }
}

fn parse(name: &str) -> Option<Place> {
    let Some((first, rest)) = name.split_once('/') else {
        return (name == "bundle.json").then_some(Place::About);
    };
    match first {
        "manifests" => {
            let mut parts = rest.splitn(3, '/');
            let (vault, dataset, name) = (parts.next()?, parts.next()?, parts.next()?);
            Some(Place::Manifest(vault.parse().ok()?, dataset.parse().ok()?, name.parse().ok()?))
        }
        "witness" => Some(Place::Witness(rest.parse().ok()?)),
        site => Some(Place::Of(site_id(site)?, part(rest)?)),
    }
}

/// A site's id that is not the first part of other names.
pub fn site_id(text: &str) -> Option<SiteId> {
    text.parse().ok().filter(|_| !NO_SITES.contains(&text))
}

fn part(name: &str) -> Option<Part> {
    let Some((folder, rest)) = name.split_once('/') else {
        return match name {
            "keys" => Some(Part::Keys),
            "checkpoint" => Some(Part::Checkpoint),
            _ => None,
        };
    };
    match folder {
        "checkpoints" => Some(Part::Kept(number(rest)?)),
        "consistency" => Some(Part::Consistency(number(rest)?)),
        "entries" => match rest.strip_suffix(".json") {
            Some(index) => Some(Part::Entry(number(index)?)),
            None => Some(Part::Proof(number(rest)?)),
        },
        "cosigned" => {
            let (other, size) = rest.split_once('/')?;
            Some(Part::Cosigned(site_id(other)?, number(size)?))
        }
        "objects" => {
            let (kind, hash) = rest.split_once('/')?;
            let kind = Kept::ALL.into_iter().find(|its| its.name() == kind)?;
            Some(Part::Object(kind, hash.parse().ok()?))
        }
        "tile" => {
            let (level, path) = rest.split_once('/')?;
            let (index, width) = tile(path)?;
            match level {
                "entries" => Some(Part::Bundle { index, width }),
                level => Some(Part::Tile { level: level.parse().ok().filter(|level| *level < 64)?, index, width }),
            }
        }
        _ => None,
    }
}

fn number(text: &str) -> Option<u64> {
    text.parse().ok().filter(|number| *number <= MAX_TREE_SIZE)
}

/// `x001/x234/067` and `067.p/8`.
fn tile(path: &str) -> Option<(u64, usize)> {
    let (path, width) = match path.split_once(".p/") {
        Some((path, width)) => (path, width.parse().ok().filter(|width| (1..TILE_WIDTH).contains(width))?),
        None => (path, TILE_WIDTH),
    };
    let digits = path.replace(['/', 'x'], "");
    Some((number(&digits)?, width))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        let hash = "0123456789abcdef".repeat(4);
        for name in [
            "bundle.json",
            "pusat-33.19/keys",
            "pusat-33.19/checkpoint",
            "pusat-33.19/checkpoints/00000000000000000007",
            "pusat-33.19/tile/0/x001/x234/067",
            "pusat-33.19/tile/3/000.p/1",
            "pusat-33.19/tile/entries/000",
            "pusat-33.19/tile/entries/x001/000.p/255",
            "pusat-33.19/entries/00000000000000000007",
            "pusat-33.19/entries/00000000000000000007.json",
            "pusat-33.19/consistency/00000000000000000007",
            "pusat-33.19/cosigned/drc-33.19/00000000000000000007",
            &format!("pusat-33.19/objects/drills/{hash}"),
            &format!("pusat-33.19/objects/regulations/{hash}"),
            &format!("manifests/{}/rekam-medis/0000000007-{hash}", &hash[..32]),
            "witness/inspektorat-33.19",
        ] {
            assert_eq!(name.parse::<Place>().unwrap().to_string(), name);
        }
    }

    #[test]
    fn there_is_one_name_for_each_file_and_no_other_passes() {
        for name in [
            "",
            "keys",
            "bundle.json/x",
            "pusat/checkpoints/7",
            "pusat/checkpoints/99999999999999999999",
            "pusat/tile/0/1",
            "pusat/tile/0/000.p/0",
            "pusat/tile/0/000.p/256",
            "pusat/tile/00/000",
            "pusat/tile/64/000",
            "pusat/tile/0/x000/001",
            "pusat/objects/cards/00",
            "Pusat/keys",
            "witness/keys/x",
            "manifests/checkpoint",
        ] {
            assert!(name.parse::<Place>().is_err(), "{name}");
        }
        // A site of such a name could not be told from what stands there.
        assert!(site_id("witness").is_none() && site_id("manifests").is_none());
        for bad in ["/etc/passwd", "a//b", "../x", "a/../b", "a/.b", "a b", "a\\b", "é", "a/", &"a".repeat(201)] {
            assert!(!is_name(bad), "{bad}");
        }
    }
}
