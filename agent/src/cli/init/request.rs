//! `init --request`: keys are drawn and wait, and a file says what the owner must sign.

use std::path::Path;

use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{MAX_NOTE_BYTES, NewDescription, VaultSecrets, agent_key_name, parse_recipients};
use pulih_vault::id::VaultId;
use pulih_vault::note::{Fingerprint, SigningKey};
use pulih_vault::store::Store;
use pulih_vault::trust;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::json;

use super::{Context, Failure, Init, Outcome, other_owner, owner_on_record, refuse_second, waiting};
use crate::identity::write_new;
use crate::machine;
use crate::owner::{Act, Request};
use crate::state::{Pending, PendingAct, StateDir};

pub fn run(context: &mut Context, args: &Init, path: &Path) -> Result<Outcome, Failure> {
    let address = context.address()?;
    if path.exists() {
        let text = format!("{} is there already and is never overwritten; name another file", path.display());
        return Err(Failure::said(text));
    }
    let state = context.state()?;
    let stop = context.stop.clone();
    let _lock = state.lock_init(&stop, &mut |process| context.inform(&waiting(process)))?;
    let (store, _) = address.create(&state, context.turns(&state))?;
    let known = owner_on_record(context, &state)?;
    let owner = match (known, args.owner_fingerprint) {
        (Some(known), Some(given)) if known != given => return Err(other_owner(given, known)),
        (known, given) => given.or(known),
    };
    let (vault, pending, act) = match args.adopt {
        Some(vault) => adopt(&state, &*store, vault, owner)?,
        None => make(&state, &*store, args, owner)?,
    };
    let dir = state.vault(vault);
    dir.save_pending(&pending)?;
    let request = Request { host: machine::host(), act };
    if let Err(error) = write_new(path, "request", request.to_json().as_bytes()) {
        let _ = dir.forget_pending();
        return Err(error.into());
    }
    print(context, vault, args, path, pending.agent.verifier().fingerprint())
}

type Drawn = (VaultId, Pending, Act);

fn make(state: &StateDir, store: &dyn Store, args: &Init, owner: Option<Fingerprint>) -> Result<Drawn, Failure> {
    parse_recipients(&args.recipients).map_err(|error| Failure::usage(error.to_string()))?;
    refuse_second(state, store, args.class)?;
    let random = SystemRandom::new();
    let mut id = [0; 16];
    random.fill(&mut id).map_err(|_| Failure::said("the system gives no random bytes"))?;
    let vault = VaultId(id);
    let agent = SigningKey::generate(&agent_key_name(vault), &random)?;
    let secrets = VaultSecrets::generate(&random)?;
    let new = NewDescription {
        vault,
        // The owner says when.
        created: String::new(),
        class: args.class,
        chunker: ChunkSizes::DEFAULT,
        recipients: &args.recipients,
        agent: agent.verifier(),
        secrets: &secrets,
    };
    let draft = new.draft(&random)?;
    let act = Act::Make(draft.clone());
    Ok((vault, Pending { agent, owner, act: PendingAct::Make { draft, secrets } }, act))
}

fn adopt(state: &StateDir, store: &dyn Store, vault: VaultId, owner: Option<Fingerprint>) -> Result<Drawn, Failure> {
    if state.vault(vault).keys()?.is_some() {
        return Err(Failure::said(format!("this agent has the keys of vault {vault}: there is nothing to adopt")));
    }
    let trusted = trust::load(store, vault, |key| owner.is_none_or(|owner| key.fingerprint() == owner))?;
    let (name, description) = trusted.current();
    refuse_second(state, store, description.class)?;
    let note = store.read(&trusted.layout.description(*name), MAX_NOTE_BYTES)?;
    let description = String::from_utf8(note).map_err(|_| Failure::said("the vault's description is not text"))?;
    let agent = SigningKey::generate(&agent_key_name(vault), &SystemRandom::new())?;
    let transport = age::x25519::Identity::generate();
    let act = Act::Adopt { description, agent: agent.verifier(), transport: transport.to_public().to_string() };
    Ok((vault, Pending { agent, owner, act: PendingAct::Adopt { transport, predecessor: *name } }, act))
}

fn print(
    context: &mut Context,
    vault: VaultId,
    args: &Init,
    path: &Path,
    agent: Fingerprint,
) -> Result<Outcome, Failure> {
    let path = path.display();
    if context.global.json {
        context.out.json(&json!({
            "type": "pulih/init-request/v1", "vault": vault.to_string(), "adopt": args.adopt.is_some(),
            "agent_fingerprint": agent.to_string(), "request_file": path.to_string(),
        }))?;
        return Ok(Outcome::Done);
    }
    let identity = if args.adopt.is_some() { " --identity FILE" } else { "" };
    context.out.line(&format!(
        "Wrote {path}: what the owner must sign for vault {vault}.\n\n  this agent's key  {agent}\n\n\
         Take the file to where the owner key is. There the same key must be shown by\n\
         \x20 pulih-agent owner sign REQUEST --owner FILE{identity} --out ANSWER\n\
         Then bring the answer here:\n\
         \x20 pulih-agent init --store {} --answer ANSWER",
        context.address()?
    ))?;
    Ok(Outcome::Done)
}
