//! What a power cut leaves of a simulated disk. What was synced is there in every case; about
//! the rest each policy takes another liberty that real file systems take.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::state::{File, Folder, Inode, Node, ROOT, State};

/// What becomes of that which was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerCut {
    /// All of it is lost.
    LosesUnsynced,
    /// All of it survives.
    KeepsUnsynced,
    /// Names survive; of each file only the synced bytes do.
    KeepsNames,
    /// Names and lengths survive; bytes never synced read as zeros.
    Zeros,
    /// Names and lengths survive; bytes never synced read as something else.
    Garbage,
    /// Of each name and each file this seed decides.
    Random(u64),
}

impl PowerCut {
    /// Every policy, with so many seeds of the random one.
    pub fn all(seeds: u64) -> Vec<Self> {
        let mut all = vec![Self::LosesUnsynced, Self::KeepsUnsynced, Self::KeepsNames, Self::Zeros, Self::Garbage];
        all.extend((0..seeds).map(Self::Random));
        all
    }
}

/// `SplitMix64`: small, and the same on every machine, so that a failure can be repeated.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.roll() % bound
    }
}

/// The disk as it comes back, with everything on it durable and no faults planned.
pub(super) fn survivor(before: &State, cut: PowerCut) -> State {
    let mut after = before.after_kill();
    after.nodes.clear();
    let mut survival = Survival {
        before,
        after,
        cut,
        dice: Dice(match cut {
            PowerCut::Random(seed) => seed,
            _ => 0,
        }),
        done: BTreeSet::new(),
    };
    survival.bring_back(ROOT);
    survival.after
}

struct Survival<'a> {
    before: &'a State,
    after: State,
    cut: PowerCut,
    dice: Dice,
    done: BTreeSet<Inode>,
}

impl Survival<'_> {
    /// Brings back a node some surviving name leads to. A file with two names comes back once.
    fn bring_back(&mut self, inode: Inode) {
        let before = self.before;
        if !self.done.insert(inode) {
            return;
        }
        match before.nodes.get(&inode) {
            Some(Node::Folder(folder)) => {
                let entries = self.entries(folder);
                for child in entries.values() {
                    self.bring_back(*child);
                    if let Ok(file) = self.after.file_mut(*child) {
                        file.links += 1;
                    }
                }
                let folder = Folder { synced: entries.clone(), entries };
                self.after.nodes.insert(inode, Node::Folder(folder));
            }
            Some(Node::File(file)) => {
                let data = self.contents(file);
                let file = File { synced: data.len(), data, links: 0, handles: 0, is_locked: false };
                self.after.nodes.insert(inode, Node::File(file));
            }
            None => {}
        }
    }

    fn entries(&mut self, folder: &Folder) -> BTreeMap<String, Inode> {
        match self.cut {
            PowerCut::LosesUnsynced => folder.synced.clone(),
            PowerCut::Random(_) => {
                let mut entries = BTreeMap::new();
                let names: BTreeSet<_> = folder.synced.keys().chain(folder.entries.keys()).collect();
                for name in names {
                    let side = match self.dice.below(2) {
                        0 => &folder.synced,
                        _ => &folder.entries,
                    };
                    if let Some(inode) = side.get(name) {
                        entries.insert(name.clone(), *inode);
                    }
                }
                entries
            }
            _ => folder.entries.clone(),
        }
    }

    fn contents(&mut self, file: &File) -> Arc<Vec<u8>> {
        let unsynced = file.data.len() - file.synced;
        let cut = match self.cut {
            PowerCut::Random(_) => match self.dice.below(4) {
                0 => PowerCut::KeepsNames,
                1 => PowerCut::KeepsUnsynced,
                2 => PowerCut::Zeros,
                _ => PowerCut::Garbage,
            },
            cut => cut,
        };
        if unsynced == 0 || cut == PowerCut::KeepsUnsynced {
            return Arc::clone(&file.data);
        }
        let mut data = file.data[..file.synced].to_vec();
        // At random also a piece of what was not synced arrives, and the length need not.
        let mut rest = unsynced;
        if let PowerCut::Random(_) = self.cut {
            let arrived = self.dice.below(unsynced as u64 + 1) as usize;
            data.extend_from_slice(&file.data[file.synced..file.synced + arrived]);
            rest = self.dice.below((unsynced - arrived) as u64 + 1) as usize;
        }
        match cut {
            PowerCut::Zeros => data.resize(data.len() + rest, 0),
            PowerCut::Garbage => {
                let start = data.len();
                let other = file.data[start..start + rest].iter().map(|byte| !byte);
                data.extend(other);
            }
            _ => {}
        }
        Arc::new(data)
    }
}
