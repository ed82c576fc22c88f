//! Damage in this site's own store, as pulling meets it: written down as such and never blamed on the
//! Pusat Data, and put right with bytes that have the hash.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{Alarm, ObjectDamaged, ObjectHealed};
use pulih_vault::store::ObjectName;

use super::error::PullError;
use super::{Drc, lock};

/// Objects that are named on the ledger when many are gone at once; the alarm says how many there are.
const NAMED: usize = 100;

impl Drc {
    /// An object is here, and is not what its name says.
    pub(super) fn damaged(&self, name: &ObjectName, reason: &str) -> Result<(), PullError> {
        let text = format!("{name} here is damaged: {reason}. It is fetched again");
        self.write_damage(std::slice::from_ref(name), reason, text)
    }

    /// Objects that were here are not here any more.
    pub(super) fn gone(&self, names: &[ObjectName]) -> Result<(), PullError> {
        let Some(first) = names.first() else { return Ok(()) };
        let text =
            format!("{} objects that were here are gone, {first} among them. They are fetched again", names.len());
        self.write_damage(names, "it was here, and is gone", text)
    }

    fn write_damage(&self, names: &[ObjectName], reason: &str, text: String) -> Result<(), PullError> {
        eprintln!("alarm: {text}");
        let damaged = |name: &ObjectName| ObjectDamaged { object: name.to_string(), reason: reason.to_owned() }.into();
        let mut bodies: Vec<Body> = names.iter().take(NAMED).map(damaged).collect();
        let subject = self.site.name.clone();
        bodies.push(Alarm { alarm: "object-damaged".into(), subject, text }.into());
        Ok(lock(&self.record).write(self.now(), &Actor::Site, bodies)?)
    }

    /// Puts the right bytes, which were held against the name, in the place of damaged ones.
    pub(super) fn put_right(&self, name: &ObjectName, bytes: &[u8]) -> Result<(), PullError> {
        self.keeps.heal(name, bytes).map_err(PullError::here)?;
        let healed =
            ObjectHealed { object: name.to_string(), source: self.peer_id()?.to_string(), bytes: bytes.len() as u64 };
        Ok(lock(&self.record).write(self.now(), &Actor::Site, vec![healed.into()])?)
    }
}
