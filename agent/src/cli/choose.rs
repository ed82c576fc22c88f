//! Which vault a command means, and which owner key it believes for it.

use std::fmt::Write as _;
use std::path::Path;

use pulih_vault::description::{Class, Description, DescriptionName};
use pulih_vault::id::VaultId;
use pulih_vault::layout::{Layout, vault_of, vaults};
use pulih_vault::note::{Fingerprint, VerifierKey};
use pulih_vault::store::{Store, StoreError};
use pulih_vault::trust::{self, TrustedVault};

use super::address::StoreAddress;
use super::failure::Failure;
use super::{Context, shell};
use crate::identity::IdentityFile;
use crate::state::{Lock, StateDir, VaultDir, VaultKeys};

/// A vault that this agent writes into.
pub struct Writable {
    pub dir: VaultDir,
    pub keys: VaultKeys,
}

impl Writable {
    /// The vault's descriptions, believed by the owner key that was pinned at `init`.
    pub fn trusted(&self, context: &Context, store: &dyn Store) -> Result<TrustedVault, Failure> {
        let trusted = trust::load(store, self.keys.vault, |owner| *owner == self.keys.owner)?;
        warn_of_passed_over(context, &trusted);
        Ok(trusted)
    }

    /// The description in force, if it lets this agent write.
    pub fn current<'t>(&self, trusted: &'t TrustedVault) -> Result<&'t (DescriptionName, Description), Failure> {
        let current = trusted.current();
        if current.1.agent == self.keys.agent.verifier() {
            return Ok(current);
        }
        Err(Failure::said(format!(
            "vault {} was handed to another server by its description number {}, signed at {}: this agent writes into it no more",
            self.keys.vault, current.1.number, current.1.created
        )))
    }

    /// Waits until no other backup of this vault runs, and says so to who looks on.
    pub fn lock(&self, context: &Context) -> Result<Lock, Failure> {
        let mut waiting = |process: Option<u32>| {
            let who = process.map_or(String::new(), |id| format!(" (process {id})"));
            context.inform(&format!("another backup of this vault is running{who}; waiting"));
        };
        Ok(self.dir.lock(&context.stop, &mut waiting)?)
    }
}

/// A vault that is read, and what is known of it apart from the store.
pub struct Readable {
    pub vault: VaultId,
    /// The owner key's fingerprint, pinned by this agent or in the identity file.
    pub owner: Option<Fingerprint>,
    pub identity: Option<IdentityFile>,
    /// This agent's folder and keys for the vault, if it is one of its own.
    pub own: Option<Writable>,
}

impl Readable {
    /// The vault's descriptions. Where there is no owner key to compare, any is believed that
    /// is consistent in itself, and a person is told so.
    pub fn trusted(&self, context: &Context, store: &dyn Store) -> Result<TrustedVault, Failure> {
        let trusts = |owner: &VerifierKey| self.owner.is_none_or(|known| owner.fingerprint() == known);
        let trusted = trust::load(store, self.vault, trusts)?;
        warn_of_passed_over(context, &trusted);
        if self.owner.is_none() {
            context.warn(&format!(
                "there is no owner key to compare: the vault says its owner's is {}; compare it with the printed sheet",
                trusted.current().1.owner.fingerprint()
            ));
        }
        Ok(trusted)
    }
}

/// A description that was passed over may have been the newest: damaged, or not the owner's.
fn warn_of_passed_over(context: &Context, vault: &TrustedVault) {
    for (object, error) in &vault.passed_over {
        context.warn(&format!("a description is not believed: {object}: {error}"));
    }
}

/// The vaults of this agent's state that are in a store: those whose description is there.
pub fn own_vaults(state: &StateDir, store: &dyn Store) -> Result<Vec<Writable>, Failure> {
    let mut found = Vec::new();
    for dir in state.vaults()? {
        if let Some(keys) = dir.keys()?
            && is_in(store, &keys)?
        {
            found.push(Writable { dir, keys });
        }
    }
    Ok(found)
}

fn is_in(store: &dyn Store, keys: &VaultKeys) -> Result<bool, Failure> {
    match store.size(&Layout { vault: keys.vault }.description(keys.description)) {
        Ok(_) => Ok(true),
        Err(StoreError::NotFound { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// The vault that a backup goes into.
pub fn for_writing(context: &Context, store: &dyn Store) -> Result<Writable, Failure> {
    let (state, address) = (context.state()?, context.address()?);
    if let Some(vault) = context.global.vault {
        let dir = state.vault(vault);
        let keys = dir.keys()?.ok_or_else(|| {
            Failure::said(format!(
                "this agent has no keys of vault {vault} in {}; a reinstalled server takes its vault over with `pulih-agent init --adopt {vault}`",
                state.path().display()
            ))
        })?;
        return if is_in(store, &keys)? {
            Ok(Writable { dir, keys })
        } else {
            Err(Failure::said(format!("vault {vault} is not in the store {address}; check --store")))
        };
    }
    let mut own = own_vaults(&state, store)?;
    match own.len() {
        0 => Err(none_to_write(&state, &address)),
        1 => Ok(own.remove(0)),
        _ => Err(several(own.iter().map(|its| (its.keys.vault, Some(its.keys.class))))),
    }
}

/// A folder may be a wrong one, a new one, or a disk that is to be carried to the site.
fn none_to_write(state: &StateDir, address: &StoreAddress) -> Failure {
    let seed = match (address.folder(), state.site()) {
        (Some(folder), Ok(Some(_))) => {
            let to = shell::word(folder.as_os_str());
            format!(
                "; if it is a disk that carries a first backup to the Pusat Data, `pulih-agent seed --to {to}` makes it ready"
            )
        }
        _ => String::new(),
    };
    Failure::said(format!(
        "this agent has no vault in the store {address}; check --store, or make one with `pulih-agent init --store {address} --identity-out FILE`{seed}"
    ))
}

/// This agent's vault of a class at the site `url`.
pub fn of_class(state: &StateDir, store: &dyn Store, class: &str, url: &str) -> Result<Writable, Failure> {
    let mut own = own_vaults(state, store)?;
    own.retain(|its| its.keys.class.to_string() == class);
    match own.len() {
        0 => Err(Failure::said(format!(
            "this agent has no vault of class {class} at {url}; make one with `pulih-agent init --store {url} --class {class} --owner FILE --recipient age1…`"
        ))),
        1 => Ok(own.remove(0)),
        _ => Err(Failure::said(format!(
            "this agent has several vaults of class {class} at {url}; take the keys of those that are not to be written away from {}",
            state.path().display()
        ))),
    }
}

fn several(vaults: impl Iterator<Item = (VaultId, Option<Class>)>) -> Failure {
    let mut text = "there are several vaults in this store; name one with --vault:".to_owned();
    for (vault, class) in vaults {
        let _ = write!(text, "\n  {vault}");
        if let Some(class) = class {
            let _ = write!(text, "  {class}");
        }
    }
    Failure::usage(text)
}

/// The vault that is read: the one named, else that of the identity file, else this agent's,
/// else the only one in the store.
pub fn for_reading(context: &Context, store: &dyn Store, identity: Option<&Path>) -> Result<Readable, Failure> {
    let identity = identity.map(IdentityFile::read).transpose()?;
    if let Some(warning) = identity.as_ref().and_then(IdentityFile::warning) {
        context.warn(&warning);
    }
    // Reading must go on where there is no state, and no place for one.
    let state = context.state().ok();
    let vault = match context.global.vault {
        Some(vault) => vault,
        None => find_vault(store, identity.as_ref(), state.as_ref())?,
    };
    if trust::description_names(store, vault)?.is_empty() {
        let address = context.address()?;
        return Err(Failure::said(format!("vault {vault} is not in the store {address}; check --store and --vault")));
    }
    let own = match state.map(|state| state.vault(vault)) {
        Some(dir) => dir.keys()?.map(|keys| Writable { dir, keys }),
        None => None,
    };
    let owner = one_owner(vault, own.as_ref(), identity.as_ref())?;
    Ok(Readable { vault, owner, identity, own })
}

fn find_vault(
    store: &dyn Store,
    identity: Option<&IdentityFile>,
    state: Option<&StateDir>,
) -> Result<VaultId, Failure> {
    let mut named: Vec<VaultId> = identity.iter().flat_map(|file| &file.bindings).map(|its| its.vault).collect();
    named.sort();
    named.dedup();
    let mut found = Vec::new();
    for &vault in &named {
        if !trust::description_names(store, vault)?.is_empty() {
            found.push((vault, None));
        }
    }
    if let (Some(vault), true) = (named.first(), found.is_empty()) {
        return Err(Failure::said(format!(
            "the identity file is for vault {vault}, which is not in this store; check --store"
        )));
    }
    if let (Some(state), true) = (state, found.is_empty()) {
        found.extend(own_vaults(state, store)?.iter().map(|its| (its.keys.vault, Some(its.keys.class))));
    }
    if found.is_empty() {
        found.extend(vaults_in(store)?.into_iter().map(|vault| (vault, None)));
    }
    match found[..] {
        [] => Err(Failure::said("there is no vault in this store; check --store, or make one with `pulih-agent init`")),
        [(vault, _)] => Ok(vault),
        _ => Err(several(found.into_iter())),
    }
}

/// All vaults of a store. Looks at the name of every object: for when nothing else says which.
fn vaults_in(store: &dyn Store) -> Result<Vec<VaultId>, Failure> {
    let mut found = std::collections::BTreeSet::new();
    store.list(&vaults(), &mut |object| {
        if object.as_str().split('/').nth(2) == Some("vault") {
            found.extend(vault_of(&object));
        }
    })?;
    Ok(found.into_iter().collect())
}

fn one_owner(
    vault: VaultId,
    own: Option<&Writable>,
    identity: Option<&IdentityFile>,
) -> Result<Option<Fingerprint>, Failure> {
    let pinned = own.map(|own| own.keys.owner.fingerprint());
    let carried = identity.and_then(|file| file.owner_of(vault));
    match (pinned, carried) {
        (Some(pinned), Some(carried)) if pinned != carried => Err(Failure::said(format!(
            "two owner keys for vault {vault}: this agent pinned {pinned}, the identity file says {carried}; compare both with the printed sheet"
        ))),
        _ => Ok(carried.or(pinned)),
    }
}
