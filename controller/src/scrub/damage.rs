//! What was found damaged: on the ledger first, once; then healed from whoever has the right bytes;
//! and where nobody has them, named with the snapshots that are lost.

use std::collections::BTreeMap;

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, ObjectDamaged, ObjectHealed, ObjectLost};
use pulih_vault::id::VaultId;
use pulih_vault::layout::vault_of;
use pulih_vault::store::{ObjectName, StoreError};

use super::look::right_bytes;
use super::names::hash_in;
use super::sources::Source;
use crate::base::{Base, lock};
use crate::gateway::answer::Answer;

/// Entries of one append.
const AT_ONCE: usize = 500;
/// Snapshots that one entry names.
const MOST_SNAPSHOTS: usize = 300;
/// Snapshots that an alarm names.
const SOME: usize = 5;

/// What became of damaged objects.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Mended {
    pub healed: Vec<ObjectName>,
    /// Nobody who was asked has them.
    pub lost: Vec<ObjectName>,
    /// Nobody could be asked, or not everybody.
    pub waiting: Vec<ObjectName>,
}

/// What asking for the right bytes came to.
enum Asked {
    Has(String, Vec<u8>),
    /// All were asked.
    Nobody,
    /// Some could not be, as the words say.
    Later(String),
}

impl Base {
    /// Writes down what is damaged and was not known to be; says how many those are.
    pub fn note_damage(&self, found: &[(ObjectName, String)]) -> Answer<usize> {
        let mut record = lock(&self.record);
        let mut new = Vec::new();
        for (object, reason) in found {
            if record.catalog.damage_of(object.as_str())?.is_none() {
                new.push((object, reason));
            }
        }
        for some in new.chunks(AT_ONCE) {
            let (first, why) = some[0];
            let text = match some.len() {
                1 => format!("{first}: {why}"),
                count => format!("{count} objects are damaged or gone; the first is {first}: {why}"),
            };
            eprintln!("alarm: {text}");
            let alarm = Alarm { alarm: "object-damaged".into(), subject: first.to_string(), text };
            let damaged = some
                .iter()
                .map(|(object, reason)| ObjectDamaged { object: object.to_string(), reason: (*reason).clone() }.into());
            let bodies: Vec<Body> = damaged.chain([alarm.into()]).collect();
            record.write(self.now(), &Actor::Site, bodies)?;
        }
        Ok(new.len())
    }

    /// Heals what can be healed. Each is on the ledger as damaged already.
    pub fn mend(&self, objects: &[ObjectName], sources: &[Source]) -> Answer<Mended> {
        let _alone = lock(&self.scrubbing.mending);
        let mut mended = Mended::default();
        for object in objects {
            if self.scrubbing.is_ending() {
                return Err(super::ending());
            }
            match ask(object, sources) {
                Asked::Has(source, bytes) => {
                    self.heal(object, &source, &bytes)?;
                    mended.healed.push(object.clone());
                }
                Asked::Nobody => mended.lost.push(object.clone()),
                Asked::Later(why) => {
                    eprintln!("warning: {object} is not healed yet: {why}");
                    mended.waiting.push(object.clone());
                }
            }
        }
        self.note_lost(&mended.lost)?;
        Ok(mended)
    }

    fn heal(&self, object: &ObjectName, source: &str, bytes: &[u8]) -> Answer<()> {
        match self.keeps.heal(object, bytes) {
            // Another writer put it there just now; what it is, the next look says.
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        self.note_healed(object, source, bytes.len() as u64)
    }

    /// Writes down that an object is what it should be again.
    pub fn note_healed(&self, object: &ObjectName, source: &str, bytes: u64) -> Answer<()> {
        eprintln!("note: {object} was healed from {source}");
        let healed = ObjectHealed { object: object.to_string(), source: source.to_owned(), bytes };
        Ok(lock(&self.record).write(self.now(), &Actor::Site, vec![healed.into()])?)
    }

    /// Writes down what nobody has, with the snapshots that it costs; once.
    fn note_lost(&self, objects: &[ObjectName]) -> Answer<()> {
        let mut by_vault: BTreeMap<VaultId, Vec<ObjectName>> = BTreeMap::new();
        for object in objects {
            let known = lock(&self.catalog).damage_of(object.as_str())?;
            if let Some(vault) = vault_of(object).filter(|_| known.is_none_or(|its| its.costs.is_none())) {
                by_vault.entry(vault).or_default().push(object.clone());
            }
        }
        for (vault, objects) in by_vault {
            for (object, mut snapshots) in self.costs(vault, &objects)? {
                let count = snapshots.len();
                let some = snapshots.iter().take(SOME).cloned().collect::<Vec<_>>().join(", ");
                let text = format!("nobody who was asked has {object}; {count} snapshots need it: {some}");
                eprintln!("alarm: {text}");
                snapshots.truncate(MOST_SNAPSHOTS);
                let alarm = Alarm { alarm: "object-lost".into(), subject: object.to_string(), text };
                let lost = ObjectLost { object: object.to_string(), vault, snapshots };
                lock(&self.record).write(self.now(), &Actor::Site, vec![lost.into(), alarm.into()])?;
            }
        }
        Ok(())
    }
}

/// Asks one after the other for the right bytes, which are held against the name.
fn ask(object: &ObjectName, sources: &[Source]) -> Asked {
    let Some(hash) = hash_in(object) else { return Asked::Later("its name says no hash".into()) };
    let mut later = sources.is_empty().then(|| "there is nobody to ask; name a store with --from".to_owned());
    for source in sources {
        match right_bytes(&*source.store, object, hash) {
            Ok(Some(bytes)) => return Asked::Has(source.name.clone(), bytes),
            Ok(None) => {}
            Err(error) => later = Some(format!("{}: {error}", source.name)),
        }
    }
    later.map_or(Asked::Nobody, Asked::Later)
}
