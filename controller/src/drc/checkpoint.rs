//! Checkpoints of the Pusat Data's ledger, taken into the mirror: it opens by the newest one.

use pulih_ledger::LedgerError;
use pulih_ledger::checkpoint::MAX_CHECKPOINT_BYTES;
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::mirror::Mirror;

use super::error::PullError;
use super::there::There;
use super::{Drc, lock};

impl Drc {
    /// Takes the newest checkpoint that there is, once the mirror has come to it: it may have been signed since the
    /// last look, and the ledger have gone on after it.
    pub(super) fn newest_checkpoint(&self, site: &SiteId, size: u64, there: &dyn There) -> Result<(), PullError> {
        let is_new = lock(&self.mirrored).mirror.as_ref().is_some_and(|mirror| {
            let log = mirror.log();
            (log.checkpoint().size + 1..=log.size()).contains(&size)
        });
        if is_new { self.checkpoint_of(site, size, there) } else { Ok(()) }
    }

    /// Takes the checkpoint at which a key handed over, if that is what the mirror waits for.
    pub(super) fn owed_checkpoint(&self, site: &SiteId, there: &dyn There) -> Result<(), PullError> {
        let owed = lock(&self.mirrored).mirror.as_ref().and_then(Mirror::owed_checkpoint);
        owed.map_or(Ok(()), |size| self.checkpoint_of(site, size, there))
    }

    fn checkpoint_of(&self, site: &SiteId, size: u64, there: &dyn There) -> Result<(), PullError> {
        let name = Layout { site: site.clone() }.checkpoint(size);
        let note =
            self.patiently(|| there.read(&name, MAX_CHECKPOINT_BYTES).map_err(|error| PullError::there(&name, error)))?;
        let mut mirrored = lock(&self.mirrored);
        let taken = mirrored.mirror.as_mut().map_or(Ok(()), |mirror| mirror.take_checkpoint(size, &note));
        drop(mirrored);
        match taken {
            Err(LedgerError::RootMismatch { object, .. }) if object == name => {
                let why = format!("its checkpoint of {size} entries has another root hash: it was forked");
                Err(self.diverge(site, &note, &why))
            }
            // It is the mirror that is damaged, and this site's to heal.
            Err(error) if error.object().is_some_and(|object| *object != name) => {
                Err(PullError::Here(error.to_string()))
            }
            taken => taken.map_err(|error| PullError::ledger(&name, error)),
        }
    }
}
