//! A ledger that others saw more of than there is: it was rolled back. Nothing is appended to it until its newest
//! copy is back, or a person says that it goes on from what there is: whatever were written meanwhile would be a
//! second past.

use pulih_ledger::cosign::Cosigned;
use pulih_ledger::entry::Entry;
use pulih_ledger::{Checkpoint, Log};
use pulih_vault::id::ObjectHash;
use pulih_vault::note::Unverified;

use super::{Record, RecordError};
use crate::site::SiteDir;

/// In the site's folder: the checkpoint that this site signed, and of which it has not all entries.
const FILE: &str = "ledger-behind";

/// What stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Behind {
    pub size: u64,
    /// Of the note; it is an object below `site/<id>/proofs/`.
    pub proof: ObjectHash,
}

impl Behind {
    /// For people; `entries`: how many there are.
    pub fn text(&self, entries: u64) -> String {
        format!(
            "it has {entries} entries, and others have a checkpoint of {}, signed by this site (proof {}): it was rolled \
             back. Bring its newest copy back (docs/contracts/ledger.md) and start again; if there is none, an admin says \
             so with `pulih-controller resume ledger`",
            self.size, self.proof
        )
    }
}

fn read(dir: &SiteDir) -> Result<Option<String>, RecordError> {
    if !dir.path(FILE).exists() {
        return Ok(None);
    }
    Ok(Some(dir.read(FILE)?))
}

impl Behind {
    /// What stands in a site's folder, for who asks for it by a command.
    pub fn of(dir: &SiteDir) -> Result<Option<Self>, RecordError> {
        let Some(note) = read(dir)? else { return Ok(None) };
        let its = Checkpoint::parse(Unverified::parse(note.as_bytes())?.claimed_text())?;
        Ok(Some(Self { size: its.size, proof: ObjectHash::of(note.as_bytes()) }))
    }
}

fn opened(note: &str, log: &Log) -> Option<Behind> {
    let its = Cosigned::open(note.as_bytes(), log.keys()).ok()?;
    Some(Behind { size: its.checkpoint().size, proof: ObjectHash::of(note.as_bytes()) })
}

/// Why nothing is appended, if so. What was missing may be back.
pub(super) fn standing(dir: &SiteDir, log: &Log) -> Result<Option<String>, RecordError> {
    let Some(note) = read(dir)? else { return Ok(None) };
    let its = Cosigned::open(note.as_bytes(), log.keys()).ok();
    let is_back = its.is_none_or(|its| {
        let its = its.checkpoint();
        its.size <= log.size() && log.root_at(its.size).is_ok_and(|root| root == its.root)
    });
    if is_back {
        dir.remove(FILE)?;
        return Ok(None);
    }
    Ok(opened(&note, log).map(|behind| behind.text(log.size())))
}

impl Record {
    /// Why nothing is appended, if so.
    pub fn behind(&self) -> Option<&str> {
        self.behind.as_deref()
    }

    /// What a person would give up.
    pub fn given_up(&self, dir: &SiteDir) -> Result<Option<Behind>, RecordError> {
        if self.behind.is_none() {
            return Ok(None);
        }
        Ok(read(dir)?.and_then(|note| opened(&note, self.log())))
    }

    /// From here on nothing is appended. `note` is a checkpoint that this site signed, of more entries than there are.
    pub fn fall_behind(&mut self, dir: &SiteDir, note: &str) -> Result<(), RecordError> {
        dir.write(FILE, note)?;
        self.behind = opened(note, self.log()).map(|behind| behind.text(self.size()));
        Ok(())
    }

    /// A person has looked, and it goes on from what there is. In this order: after a crash between the two it waits
    /// for a person once more.
    pub fn resume(&mut self, dir: &SiteDir, entries: &[Entry]) -> Result<(), RecordError> {
        self.append_at_any_rate(entries)?;
        dir.remove(FILE)?;
        self.behind = None;
        Ok(())
    }
}
