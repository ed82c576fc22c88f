//! Names of a ledger's objects: the one place that joins them, and that takes them apart.

use pulih_vault::store::ObjectName;

use crate::edge::{MAX_TREE_SIZE, TILE_WIDTH};
use crate::ids::SiteId;

/// Digits of a size or an index in a name: those of the largest `u64`, so that names sort.
const DIGITS: usize = 20;
/// A folder of batches has those whose starts differ in so many last digits: at most 1,000.
const FOLDER_DIGITS: usize = 3;
const STARTS_IN_FOLDER: u64 = 1_000;

/// The objects of one site's ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    pub site: SiteId,
}

/// `<N>` and `.p/<W>` of C2SP tlog-tiles: `x001/x234/067`, and `.p/7` where it is not full.
fn tile_path(index: u64, width: usize) -> String {
    let mut path = format!("{:03}", index % 1000);
    let mut rest = index / 1000;
    while rest > 0 {
        path = format!("x{:03}/{path}", rest % 1000);
        rest /= 1000;
    }
    if width < TILE_WIDTH { format!("{path}.p/{width}") } else { path }
}

/// A number written as [`Layout`] writes it, and in no other way.
fn parse_padded(text: &str) -> Option<u64> {
    let is_padded = text.len() == DIGITS && text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|number| is_padded && *number <= MAX_TREE_SIZE)
}

impl Layout {
    fn name(&self, below: &str) -> ObjectName {
        format!("site/{}/ledger/{below}", self.site).parse().expect("a site's id is within an object name's letters")
    }

    /// All of the ledger.
    pub fn folder(&self) -> ObjectName {
        format!("site/{}/ledger", self.site).parse().expect("a site's id is within an object name's letters")
    }

    /// Entries `index * 256` and on, `width` of them (1 to 256).
    pub fn bundle(&self, index: u64, width: usize) -> ObjectName {
        self.name(&format!("tile/entries/{}", tile_path(index, width)))
    }

    /// Hashes `index * 256` and on of a level, `width` of them (1 to 256).
    pub fn tile(&self, level: usize, index: u64, width: usize) -> ObjectName {
        self.name(&format!("tile/{level}/{}", tile_path(index, width)))
    }

    /// The entries that one append added at `start`.
    pub fn batch(&self, start: u64) -> ObjectName {
        let number = format!("{start:0DIGITS$}");
        self.name(&format!("batch/{}/{number}", &number[..DIGITS - FOLDER_DIGITS]))
    }

    /// Folders of all batches that start at `from` to `to`.
    pub fn batch_folders(&self, from: u64, to: u64) -> impl Iterator<Item = ObjectName> {
        let width = DIGITS - FOLDER_DIGITS;
        (from / STARTS_IN_FOLDER..=to / STARTS_IN_FOLDER)
            .map(move |thousand| self.name(&format!("batch/{thousand:0width$}")))
    }

    /// Where the batch `object` starts, if it is one of this ledger's.
    pub fn batch_start(&self, object: &ObjectName) -> Option<u64> {
        let start = parse_padded(object.as_str().rsplit('/').next()?)?;
        (self.batch(start) == *object).then_some(start)
    }

    /// The signed head of the first `size` entries.
    pub fn checkpoint(&self, size: u64) -> ObjectName {
        self.name(&format!("checkpoint/{size:0DIGITS$}"))
    }

    pub fn checkpoints(&self) -> ObjectName {
        self.name("checkpoint")
    }

    /// The size of the checkpoint `object`, if it is one of this ledger's.
    pub fn checkpoint_size(&self, object: &ObjectName) -> Option<u64> {
        let size = parse_padded(object.as_str().rsplit('/').next()?)?;
        (self.checkpoint(size) == *object).then_some(size)
    }

    /// What the holder of a key, by its id, said of this ledger at a size.
    pub fn cosignature(&self, size: u64, key: [u8; 4]) -> ObjectName {
        self.name(&format!("cosignature/{size:0DIGITS$}/{:08x}", u32::from_be_bytes(key)))
    }

    /// What all others said of this ledger.
    pub fn cosignatures(&self) -> ObjectName {
        self.name("cosignature")
    }

    /// What all others said of this ledger at a size.
    pub fn cosignatures_at(&self, size: u64) -> ObjectName {
        self.name(&format!("cosignature/{size:0DIGITS$}"))
    }

    /// The size and the id of the key that `object` is named by, if it is a co-signature of this ledger.
    pub fn cosignature_of(&self, object: &ObjectName) -> Option<(u64, [u8; 4])> {
        let mut parts = object.as_str().rsplit('/');
        let (key, size) = (parts.next()?, parse_padded(parts.next()?)?);
        let key = u32::from_str_radix(key, 16).ok()?.to_be_bytes();
        (self.cosignature(size, key) == *object).then_some((size, key))
    }

    /// What this site said of another's ledger at a size.
    pub fn cosigned(&self, other: &SiteId, size: u64) -> ObjectName {
        let name = format!("{}/{size:0DIGITS$}", self.all_cosigned(other));
        name.parse().expect("a site's id is within an object name's letters")
    }

    /// All that this site said of another's ledger.
    pub fn all_cosigned(&self, other: &SiteId) -> ObjectName {
        let name = format!("site/{}/cosigned/{other}", self.site);
        name.parse().expect("a site's id is within an object name's letters")
    }

    /// The size of what this site said of another's ledger, if `object` is that.
    pub fn cosigned_size(&self, other: &SiteId, object: &ObjectName) -> Option<u64> {
        let size = parse_padded(object.as_str().rsplit('/').next()?)?;
        (self.cosigned(other, size) == *object).then_some(size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout() -> Layout {
        Layout { site: "pusat".parse().unwrap() }
    }

    #[test]
    fn tiles_have_the_names_of_the_specification() {
        let below = |name: ObjectName| name.as_str().strip_prefix("site/pusat/ledger/").unwrap().to_owned();
        assert_eq!(below(layout().tile(3, 1_234_067, 256)), "tile/3/x001/x234/067");
        assert_eq!(below(layout().bundle(1_234_067, 8)), "tile/entries/x001/x234/067.p/8");
        assert_eq!(below(layout().tile(0, 0, 1)), "tile/0/000.p/1");
        assert_eq!(below(layout().bundle(1000, 256)), "tile/entries/x001/000");
        assert_eq!(below(layout().checkpoint(7)), "checkpoint/00000000000000000007");
        assert_eq!(below(layout().batch(12_345)), "batch/00000000000000012/00000000000000012345");
    }

    #[test]
    fn names_come_back_and_no_other_is_taken_for_one() {
        for number in [0, 1, 999, 1000, 70_000, MAX_TREE_SIZE] {
            assert_eq!(layout().batch_start(&layout().batch(number)), Some(number));
            assert_eq!(layout().checkpoint_size(&layout().checkpoint(number)), Some(number));
            assert_eq!(layout().batch_start(&layout().checkpoint(number)), None);
        }
        for other in [
            "site/drc/ledger/checkpoint/00000000000000000007",
            "site/pusat/ledger/checkpoint/7",
            "site/pusat/ledger/checkpoint/99999999999999999999",
            "site/pusat/ledger/checkpoint/old/00000000000000000007",
        ] {
            assert_eq!(layout().checkpoint_size(&other.parse().unwrap()), None, "{other}");
        }
        let wrong = "site/pusat/ledger/batch/00000000000000013/00000000000000012345".parse().unwrap();
        assert_eq!(layout().batch_start(&wrong), None);
    }

    #[test]
    fn cosignatures_come_back_by_their_names() {
        let (drc, key) = ("drc".parse().unwrap(), [0x0c, 3, 0xf0, 2]);
        let its = layout().cosignature(7, key);
        assert_eq!(its.as_str(), "site/pusat/ledger/cosignature/00000000000000000007/0c03f002");
        assert_eq!(layout().cosignature_of(&its), Some((7, key)));
        let said = layout().cosigned(&drc, 7);
        assert_eq!(said.as_str(), "site/pusat/cosigned/drc/00000000000000000007");
        assert_eq!((layout().cosigned_size(&drc, &said), layout().cosignature_of(&said)), (Some(7), None));
        assert_eq!(layout().cosigned_size(&layout().site, &said), None);
        for other in ["00000000000000000007/c03f002", "00000000000000000007/+c03f002", "7/0c03f002", "0c03f002"] {
            let name = format!("site/pusat/ledger/cosignature/{other}").parse::<ObjectName>();
            assert!(name.is_err() || layout().cosignature_of(&name.unwrap()).is_none(), "{other}");
        }
    }

    #[test]
    fn folders_hold_all_starts_between() {
        let folders: Vec<_> = layout().batch_folders(1_998, 3_000).collect();
        assert_eq!(folders.len(), 3);
        for start in [1_998, 2_000, 2_999, 3_000] {
            let batch = layout().batch(start);
            assert!(folders.iter().any(|folder| batch.as_str().starts_with(&format!("{folder}/"))));
        }
    }
}
