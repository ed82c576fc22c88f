//! A snapshot's last steps: packs, reach, manifest, in this order.

use std::time::{Instant, SystemTime};

use pulih_vault::description::parse_recipients;
use pulih_vault::envelope::Recipients;
use pulih_vault::error::{Malformed, Result, VaultError};
use pulih_vault::id::ObjectHash;
use pulih_vault::layout::ManifestName;
use pulih_vault::manifest::{Facts, Manifest};
use pulih_vault::reach::{Reach, chain};
use pulih_vault::tree::node::Root;
use pulih_vault::utc::rfc3339;
use pulih_vault::writer::{PackWriter, Target, create_named};

use super::super::known::LiveBytes;
use super::super::{Backup, BackupError};
use super::Snapshot;
use crate::PROGRAM;

impl Snapshot<'_> {
    /// Stores packs, reach and manifest of the tree below `root`; `next` writes what comes after.
    pub(super) fn store(
        &mut self,
        root: Option<Root>,
        partial: bool,
        next: Option<PackWriter>,
    ) -> std::result::Result<(ManifestName, Manifest, LiveBytes), BackupError> {
        let facts = self.facts(root, partial);
        let facts_at = self.assembler.settle(next, &facts.sign(self.backup.agent))?;
        let live = self.assembler.live(&self.before);
        let mut needed = live.clone();
        if let Some((frame, bytes)) = facts_at
            && let Some(pack) = self.assembler.known.pack_of_frame(frame)
        {
            *needed.entry(pack).or_default() += bytes;
        }
        let reach = self.assembler.known.reach(&needed);
        let (name, manifest) = self.write(facts, &reach)?;
        self.newest = Some(name);
        (self.backup.stored)(name)?;
        Ok((name, manifest, live))
    }

    fn facts(&self, tree: Option<Root>, partial: bool) -> Facts {
        let backup = self.backup;
        Facts {
            vault: backup.layout.vault,
            dataset: backup.dataset.clone(),
            // Also after one that this agent wrote and that is not here: no two have one number, wherever they are.
            sequence: self.newest.max(backup.expected).map_or(0, |name| name.sequence) + 1,
            captured: rfc3339(seconds(self.started)),
            partial,
            program: PROGRAM.into(),
            host: backup.host.clone(),
            description: backup.description_name,
            chunker: backup.chunker,
            tree,
            counts: self.counts,
        }
    }

    /// Reach, then manifest: with it the snapshot exists.
    fn write(&mut self, facts: Facts, reach: &Reach) -> std::result::Result<(ManifestName, Manifest), BackupError> {
        let backup = self.backup;
        let store = &*backup.store;
        let hash = chain::store(store, backup.layout, reach, self.reach, backup.writer.whole_reach_bytes)?;
        self.changes.new_bytes = self.assembler.written_bytes - self.assembler.rewriting.spent();
        self.changes.stored_bytes = self.assembler.stored_bytes;
        let sequence = facts.sequence;
        // Only the first manifest of a run follows one that it did not expect.
        let is_first = self.newest == backup.newest;
        let rejoined = backup.expected.filter(|_| is_first && backup.expected != backup.newest);
        let manifest = Manifest {
            facts,
            finished: rfc3339(seconds((backup.clock)())),
            rebuilt: false,
            changes: self.changes,
            reach: hash,
            previous: self.newest,
            rejoined,
            head: backup.head.clone(),
        };
        let note = manifest.sign(backup.agent);
        // What is written must be readable: by the very code that will read it.
        let again = Manifest::open(note.as_bytes(), backup.description)?;
        if again != manifest {
            return Err(VaultError::from(Malformed::new("manifest", "it does not come back as it was written")).into());
        }
        let name = ManifestName { sequence, hash: ObjectHash::of(note.as_bytes()) };
        create_named(store, &backup.layout.manifest(&backup.dataset, name), name.hash, note.as_bytes())?;
        self.reach = Some(hash);
        Ok((name, manifest))
    }
}

fn seconds(time: SystemTime) -> i64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64)
}

pub(super) fn start_writer(backup: &Backup) -> Result<PackWriter> {
    let recipients = &backup.description.recipients;
    let index_recipients = || -> Result<Recipients> {
        let mut all = parse_recipients(recipients)?;
        all.add(Box::new(backup.secrets.index_identity()?.to_public()));
        Ok(all)
    };
    let target = Target {
        store: backup.store.clone(),
        layout: backup.layout,
        pack_recipients: parse_recipients(recipients)?,
        index_recipients: index_recipients()?,
        random: Box::new(ring::rand::SystemRandom::new()),
        pack_size: backup.pack_size.clone(),
        clock: Box::new(Instant::now),
    };
    Ok(PackWriter::start(target, backup.writer))
}
