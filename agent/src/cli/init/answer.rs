//! `init --answer`: what the owner signed goes into the store, and pending keys become real.
//!
//! The description first: until it is read back nothing is written with those keys. What ends
//! early is done again with the same answer.

use std::path::Path;

use pulih_vault::description::{Class, MAX_NOTE_BYTES, VaultSecrets};
use pulih_vault::error::VaultError;
use pulih_vault::id::VaultId;
use pulih_vault::layout::Layout;
use pulih_vault::store::{Store, StoreError};
use pulih_vault::trust;

use super::{
    Context, Failure, Outcome, Report, look_over, other_owner, owner_on_record, print, refuse_second, waiting,
};
use crate::identity::read_bounded;
use crate::owner::{Answer, MAX_FILE_BYTES};
use crate::state::{Pending, PendingAct, VaultKeys};

pub fn run(context: &mut Context, path: &Path) -> Result<Outcome, Failure> {
    let address = context.address()?;
    let (file, _) = read_bounded(path, "answer", MAX_FILE_BYTES)?;
    let state = context.state()?;
    let stop = context.stop.clone();
    let _lock = state.lock_init(&stop, &mut |process| context.inform(&waiting(process)))?;
    // Which key is the owner's is settled below, once it is known which vault this is about.
    let answer = Answer::open(&file, |_| true)?;
    let vault = answer.description.vault;
    let dir = state.vault(vault);
    let Some(pending) = dir.pending()? else {
        return Err(Failure::said(format!(
            "nothing was asked for vault {vault} with this state, or it was answered already; `pulih-agent init --request` asks"
        )));
    };
    let fingerprint = answer.description.owner.fingerprint();
    for known in [owner_on_record(context, &state)?, pending.owner].into_iter().flatten() {
        if known != fingerprint {
            return Err(other_owner(fingerprint, known));
        }
    }
    let secrets = secrets(&answer, &pending)?;
    let (store, own) = address.create(&state, context.turns(&state))?;
    if dir.keys()?.is_none() {
        refuse_second(&state, &*store, answer.description.class)?;
    }
    let probe = own.filter(|_| address.folder().is_none()).map(|own| look_over(context, &own)).transpose()?;
    put(&*store, vault, &answer, &pending)?;
    let (class, recipients) = (answer.description.class, answer.description.recipients.clone());
    let mut made = report(context, vault, class, &answer)?;
    made.store_probe = probe;
    let keys = VaultKeys {
        vault,
        class,
        store: made.store.clone(),
        agent: pending.agent,
        secrets,
        owner: answer.description.owner,
        recipients,
        description: answer.name,
    };
    dir.save_keys(&keys)?;
    dir.forget_pending()?;
    print(context, &made)?;
    Ok(Outcome::Done)
}

/// The vault's secrets, if the answer is to what was asked.
fn secrets(answer: &Answer, pending: &Pending) -> Result<VaultSecrets, Failure> {
    let other =
        |what: &str| Failure::said(format!("this answers another request than the last one: {what}; ask again"));
    if answer.description.agent != pending.agent.verifier() {
        return Err(other("it names another agent's key"));
    }
    match &pending.act {
        PendingAct::Make { draft, secrets } => {
            if answer.description.draft() == *draft {
                Ok(secrets.clone())
            } else {
                Err(other("the description differs"))
            }
        }
        PendingAct::Adopt { transport, predecessor } => {
            if answer.description.predecessor != Some(*predecessor) {
                return Err(other("it follows another description"));
            }
            let sealed = answer.secrets.as_deref().ok_or_else(|| other("it brings no secrets"))?;
            let identities = [Box::new(transport.clone()) as _];
            VaultSecrets::unseal(sealed, answer.description.vault, &identities, "the secrets in the answer").map_err(
                |error| match error {
                    VaultError::NoMatchingIdentity { .. } => other("its secrets are not for this server"),
                    error => error.into(),
                },
            )
        }
    }
}

/// Puts the description into the store, and makes sure that it is the one in force there.
fn put(store: &dyn Store, vault: VaultId, answer: &Answer, pending: &Pending) -> Result<(), Failure> {
    let object = Layout { vault }.description(answer.name);
    let trusts = |key: &_| *key == answer.description.owner;
    if let PendingAct::Adopt { predecessor, .. } = &pending.act {
        let now = trust::load(store, vault, trusts)?.current().0;
        if now != *predecessor && now != answer.name {
            return Err(Failure::said(format!(
                "vault {vault} has the description {now} by now, and this answer follows {predecessor}; ask again"
            )));
        }
    }
    match store.create(&object, answer.note.as_bytes()) {
        // By an earlier attempt.
        Err(StoreError::AlreadyExists { .. }) => {}
        created => created?,
    }
    let back = store.read(&object, MAX_NOTE_BYTES)?;
    if back == answer.note.as_bytes() && trust::load(store, vault, trusts)?.current().0 == answer.name {
        Ok(())
    } else {
        Err(Failure::said(format!("the store gives back other bytes for {object} than were put into it")))
    }
}

fn report(context: &Context, vault: VaultId, class: Class, answer: &Answer) -> Result<Report, Failure> {
    Ok(Report {
        kind: "pulih/init/v1",
        vault: vault.to_string(),
        class,
        store: context.address()?.to_string(),
        state: context.state()?.path().display().to_string(),
        description: answer.name.to_string(),
        recipients: answer.description.recipients.clone(),
        owner_fingerprint: answer.description.owner.fingerprint().to_string(),
        owner_file: None,
        owner_made: false,
        identity_file: None,
        store_probe: None,
    })
}
