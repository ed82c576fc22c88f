//! Vaults: the owner key that speaks for each, pinned when it is first seen, and the descriptions
//! that it signed, in their chain. Whoever signs otherwise is not heard, whatever the Pusat Data says.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::VaultPinned;
use pulih_vault::description::{Description, DescriptionName, MAX_NOTE_BYTES};
use pulih_vault::id::VaultId;
use pulih_vault::layout::Layout;
use pulih_vault::note::Fingerprint;
use pulih_vault::store::StoreError;
use pulih_vault::trust::{self, TrustedVault};

use super::error::PullError;
use super::there::There;
use super::urgency::Waiting;
use super::{Drc, lock};

impl Drc {
    /// The owner key that speaks for a vault here, if it was seen before.
    fn pinned(&self, vault: VaultId) -> Result<Option<Fingerprint>, PullError> {
        let pin = lock(&self.catalog).pin(&vault.to_string())?;
        let owner = pin.map(|pin| pin.owner.parse()).transpose();
        owner.map_err(|error: pulih_vault::error::Malformed| PullError::Here(error.to_string()))
    }

    /// What is believed here of a vault; `None` before its first description came.
    pub(super) fn trusted(&self, vault: VaultId) -> Result<Option<TrustedVault>, PullError> {
        let Some(owner) = self.pinned(vault)? else { return Ok(None) };
        let layout = Layout { vault };
        let has_any = !trust::description_names(&*self.store, vault)
            .map_err(|error| PullError::Here(error.to_string()))?
            .is_empty();
        if !has_any {
            return Ok(None);
        }
        let loaded = trust::load(&*self.store, vault, |key| key.fingerprint() == owner);
        loaded.map(Some).map_err(|error| PullError::Here(format!("{}: {error}", layout.folder("vault"))))
    }

    /// Takes the descriptions that follow those here, and returns what is believed then.
    pub(super) fn describe(&self, there: &dyn There, its: &Waiting, vault: VaultId) -> Result<TrustedVault, PullError> {
        let layout = Layout { vault };
        let owner = self.owner(its, vault)?;
        let folder = layout.folder("vault");
        let mut names =
            self.patiently(|| trust::description_names(there, vault).map_err(|e| PullError::vault(&folder, e)))?;
        names.sort_by_key(|name| name.number);
        for name in names {
            match self.take_description(there, its, vault, name, owner) {
                // One that is not believed keeps nobody from those that are.
                Err(PullError::Refused { object, why }) => self.refuse(its, &object, &why)?,
                taken => taken?,
            }
        }
        self.trusted(vault)?.ok_or_else(|| PullError::refused(&folder, "the vault has no description that is believed"))
    }

    fn take_description(
        &self,
        there: &dyn There,
        its: &Waiting,
        vault: VaultId,
        name: DescriptionName,
        owner: Fingerprint,
    ) -> Result<(), PullError> {
        let object = Layout { vault }.description(name);
        match self.store.size(&object) {
            Err(StoreError::NotFound { .. }) => {}
            known => return known.map(|_| ()).map_err(PullError::here),
        }
        let note = self.read(there, &object, name.hash, MAX_NOTE_BYTES)?;
        let opened = Description::open(&note, |key| key.fingerprint() == owner);
        let description = opened.map_err(|error| PullError::refused(&object, error))?;
        let known = self.trusted(vault)?;
        must_follow(its, vault, name, &description, known.as_ref()).map_err(|why| PullError::refused(&object, why))?;
        if known.is_none() {
            self.pin(its, vault, owner)?;
        }
        match self.store.create(&object, &note) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => Ok(()),
            Err(error) => Err(PullError::here(error)),
        }
    }

    /// The owner key that the mirrored ledger names for an OPD.
    fn named(&self, opd: &str) -> Result<Option<Fingerprint>, PullError> {
        let owner = lock(&self.mirrored).catalog.opd(opd)?.and_then(|opd| opd.owner);
        Ok(owner.and_then(|owner| owner.parse().ok()))
    }

    /// The pinned owner key, or before that the one that the mirrored ledger names for the OPD.
    fn owner(&self, its: &Waiting, vault: VaultId) -> Result<Fingerprint, PullError> {
        if let Some(pinned) = self.pinned(vault)? {
            return Ok(pinned);
        }
        let none = || PullError::refused(format!("opd {}", its.opd), "the ledger names no owner key for it");
        let named = self.named(&its.opd)?.ok_or_else(none)?;
        // Whoever has the Pusat Data can name a key of its own for a vault that was not seen yet.
        self.must_be_approved_owner(its, vault, named)?;
        Ok(named)
    }

    /// A ledger that names another owner than the one that is pinned changes nothing, and people hear of it.
    pub(super) fn mind_owner(&self, its: &Waiting, vault: VaultId) -> Result<(), PullError> {
        let (Some(pinned), Some(named)) = (self.pinned(vault)?, self.named(&its.opd)?) else { return Ok(()) };
        if pinned == named {
            return Ok(());
        }
        let why = format!("the ledger names the owner key {named} for it; {pinned} is pinned here and stays");
        self.refuse_part(&format!("opd {}", its.opd), &why)
    }

    /// From here on nobody else's key speaks for the vault.
    fn pin(&self, its: &Waiting, vault: VaultId, owner: Fingerprint) -> Result<(), PullError> {
        let mut record = lock(&self.record);
        if record.catalog.pin(&vault.to_string())?.is_some() {
            return Ok(());
        }
        let strange = |error: pulih_vault::error::Malformed| PullError::Here(error.to_string());
        let pinned = VaultPinned {
            vault,
            opd: its.opd.parse().map_err(strange)?,
            agent: its.agent.parse().map_err(strange)?,
            class: its.class.clone(),
            owner,
        };
        Ok(record.write((self.clock)(), &Actor::Site, vec![Body::VaultPinned(pinned)])?)
    }
}

/// That a description comes right after the newest one here.
fn must_follow(
    its: &Waiting,
    vault: VaultId,
    name: DescriptionName,
    description: &Description,
    known: Option<&TrustedVault>,
) -> Result<(), &'static str> {
    if description.vault != vault || description.number != name.number {
        return Err("it describes another vault or has another number than its name says");
    }
    if description.class.to_string() != its.class {
        return Err("it has another class than the ledger says");
    }
    match known {
        None if name.number == 1 => Ok(()),
        None => Err("the first description of the vault is not there"),
        Some(known) => {
            let (newest, before) = known.current();
            let follows = description.number == newest.number + 1 && description.predecessor == Some(*newest);
            if !follows {
                return Err("it does not follow the newest description that is here");
            }
            if description.class == before.class { Ok(()) } else { Err("a vault keeps its class") }
        }
    }
}
