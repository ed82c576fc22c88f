//! `init`: makes a vault. Keys and files first, the description last: until that is in the
//! store nothing believes in the vault, so an attempt that ends early leaves none.

mod answer;
mod request;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use pulih_stores::probe::Held;
use pulih_stores::{Opened as OwnStore, Probe};
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{
    Class, Description, DescriptionName, MAX_NOTE_BYTES, NewDescription, VaultSecrets, agent_key_name, parse_recipients,
};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::Layout;
use pulih_vault::note::{Fingerprint, SigningKey};
use pulih_vault::store::Store;
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;

use super::Context;
use super::address::StoreAddress;
use super::args::Init;
use super::choose::own_vaults;
use super::failure::{Failure, Outcome};
use crate::identity::{NewIdentity, OwnerKey, owner_beside, read_or_make_owner};
use crate::state::{StateDir, VaultKeys};
use pulih_vault::utc;

/// What was made; also the command's JSON.
#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    vault: String,
    class: Class,
    store: String,
    state: String,
    description: String,
    recipients: Vec<String>,
    owner_fingerprint: String,
    /// `None`: it is elsewhere.
    owner_file: Option<String>,
    /// Whether the owner key was made now, or was there.
    owner_made: bool,
    identity_file: Option<String>,
    /// What the store was found to do; a folder is not tried.
    #[serde(skip_serializing_if = "Option::is_none")]
    store_probe: Option<Probe>,
}

pub fn run(context: &mut Context, args: &Init) -> Result<Outcome, Failure> {
    match (&args.request, &args.answer) {
        (Some(path), _) => request::run(context, args, path),
        (None, Some(path)) => answer::run(context, path),
        (None, None) => here(context, args),
    }
}

/// Makes a vault with an owner key that is on this server.
fn here(context: &mut Context, args: &Init) -> Result<Outcome, Failure> {
    let address = context.address()?;
    let owner_path = owner_path(args)?;
    if !args.recipients.is_empty() {
        parse_recipients(&args.recipients).map_err(|error| Failure::usage(error.to_string()))?;
    }
    if let Some(path) = args.identity_out.as_deref().filter(|path| path.exists()) {
        return Err(Failure::said(format!(
            "{} is there already and is never overwritten; name another file with --identity-out",
            path.display()
        )));
    }
    let state = context.state()?;
    let stop = context.stop.clone();
    let _lock = state.lock_init(&stop, &mut |process| context.inform(&waiting(process)))?;
    let (store, own) = address.create(&state, context.turns(&state))?;
    refuse_second(&state, &*store, args.class)?;
    let probe = own.filter(|_| address.folder().is_none()).map(|own| look_over(context, &own)).transpose()?;
    let random = SystemRandom::new();
    let plan = Plan::draw(args, &random)?;
    let keys = state.vault(plan.vault).keys_path();
    let mut made = plan
        .carry_out(context, &*store, &owner_path, &random)
        .map_err(|failure| failure.as_cause_of(what_is_left(args, &owner_path, &keys)))?;
    made.store_probe = probe;
    print(context, &made)?;
    Ok(Outcome::Done)
}

fn refuse_second(state: &StateDir, store: &dyn Store, class: Class) -> Result<(), Failure> {
    match own_vaults(state, store)?.iter().find(|own| own.keys.class == class) {
        Some(own) => Err(Failure::said(format!(
            "this agent has a vault of class {class} in this store already: {}; `backup` writes into it, and there is no flag for a second one",
            own.keys.vault
        ))),
        None => Ok(()),
    }
}

/// The owner key that the site has on record for this agent's OPD, if the store is that site.
fn owner_on_record(context: &Context, state: &StateDir) -> Result<Option<Fingerprint>, Failure> {
    match (context.address()?, state.site()?) {
        (StoreAddress::Gateway(_), Some(site)) => Ok(Some(site.owner.parse()?)),
        _ => Ok(None),
    }
}

/// Tries what the store promises, before anything is entrusted to it.
fn look_over(context: &Context, opened: &OwnStore) -> Result<Probe, Failure> {
    let probe = opened.probe().map_err(|error| Failure::said(error.to_string()))?;
    if !probe.is_create_only() {
        let found = probe.findings().into_iter().take(3).filter(|(_, finding)| finding.held != Held::Yes);
        let words: Vec<_> = found.map(|(name, finding)| format!("  {name}: {}", finding.words)).collect();
        return Err(Failure::said(format!(
            "no vault was made: {} does not keep what is in it from being replaced, which was tried:\n{}\n\
             docs/stores.md names servers that do",
            probe.store,
            words.join("\n")
        )));
    }
    for (name, finding) in probe.findings() {
        let words = format!("the store, as it was tried: {name}: {}", finding.words);
        match finding.held {
            Held::Yes => {}
            Held::No => context.warn(&words),
            Held::Untested => context.inform(&words),
        }
    }
    Ok(probe)
}

fn waiting(process: Option<u32>) -> String {
    let who = process.map_or(String::new(), |id| format!(" (process {id})"));
    format!("another init with this state is running{who}; waiting")
}

fn owner_path(args: &Init) -> Result<PathBuf, Failure> {
    let beside = || args.identity_out.as_deref().map(owner_beside);
    args.owner
        .clone()
        .or_else(beside)
        .ok_or_else(|| Failure::usage("where is the owner key? give --owner FILE; it is made there if there is none"))
}

fn what_is_left(args: &Init, owner: &Path, keys: &Path) -> String {
    // Its description may be in the store: then a backup would believe in it.
    if !matches!(keys.try_exists(), Ok(false)) {
        return format!(
            "it is not certain that the vault was made, and its keys could not be taken back: delete {} and run `init` again with other files",
            keys.display()
        );
    }
    let mut text = "the vault was not made; put right what is named below and run `init` again".to_owned();
    if let Some(path) = args.identity_out.as_deref().filter(|path| path.exists()) {
        let (path, owner) = (path.display(), owner.display());
        let _ = write!(
            text,
            ", after deleting {path}, which reads no vault (the owner key {owner} can stay and is used again)"
        );
    }
    text
}

/// All that is drawn at random, before anything is written.
struct Plan<'a> {
    args: &'a Init,
    vault: VaultId,
    agent: SigningKey,
    secrets: VaultSecrets,
    identity: Option<NewIdentity>,
    recipients: Vec<String>,
}

impl<'a> Plan<'a> {
    fn draw(args: &'a Init, random: &SystemRandom) -> Result<Self, Failure> {
        let mut id = [0; 16];
        random.fill(&mut id).map_err(|_| Failure::said("the system gives no random bytes"))?;
        let vault = VaultId(id);
        let identity = args.identity_out.is_some().then(NewIdentity::generate);
        let mut recipients: Vec<String> = identity.iter().map(NewIdentity::recipient).collect();
        recipients.extend(args.recipients.iter().cloned());
        // The same reader twice would only make every pack's header longer.
        let mut seen = std::collections::BTreeSet::new();
        recipients.retain(|recipient| seen.insert(recipient.clone()));
        Ok(Self {
            args,
            vault,
            agent: SigningKey::generate(&agent_key_name(vault), random)?,
            secrets: VaultSecrets::generate(random)?,
            identity,
            recipients,
        })
    }

    fn carry_out(
        self,
        context: &Context,
        store: &dyn Store,
        owner_path: &Path,
        random: &SystemRandom,
    ) -> Result<Report, Failure> {
        let created = utc::rfc3339((context.clock)());
        let state = context.state()?;
        let owner = read_or_make_owner(owner_path, random)?;
        if owner.open_to_others {
            let path = owner_path.display();
            context.warn(&format!("other users of this machine can read the owner key {path}; run `chmod 600` on it"));
        }
        let verifier = owner.key.verifier();
        let fingerprint = verifier.fingerprint();
        if let (Some(identity), Some(path)) = (&self.identity, &self.args.identity_out) {
            identity.write(path, &created, self.vault, fingerprint)?;
        }
        let note = self.describe(created, &owner, random)?;
        let description = DescriptionName { number: 1, hash: ObjectHash::of(note.as_bytes()) };
        let made = self.made(context, &owner, owner_path, description, fingerprint)?;
        let vault = self.vault;
        let keys = VaultKeys {
            vault,
            class: self.args.class,
            store: made.store.clone(),
            agent: self.agent,
            secrets: self.secrets,
            owner: verifier,
            recipients: self.recipients,
            description,
        };
        state.vault(vault).save_keys(&keys)?;
        if let Err(failure) = put(store, vault, description, &note, &keys) {
            // The description may be in the store all the same. Without keys nobody writes into
            // that vault, so that its identity can be thrown away without harm.
            let _ = state.vault(vault).forget_keys();
            return Err(failure);
        }
        Ok(made)
    }

    fn describe(&self, created: String, owner: &OwnerKey, random: &SystemRandom) -> Result<String, Failure> {
        let new = NewDescription {
            vault: self.vault,
            created,
            class: self.args.class,
            chunker: ChunkSizes::DEFAULT,
            recipients: &self.recipients,
            agent: self.agent.verifier(),
            secrets: &self.secrets,
        };
        Ok(new.sign(&owner.key, random)?)
    }

    fn made(
        &self,
        context: &Context,
        owner: &OwnerKey,
        owner_path: &Path,
        description: DescriptionName,
        fingerprint: Fingerprint,
    ) -> Result<Report, Failure> {
        Ok(Report {
            kind: "pulih/init/v1",
            vault: self.vault.to_string(),
            class: self.args.class,
            store: context.address()?.to_string(),
            state: context.state()?.path().display().to_string(),
            description: description.to_string(),
            recipients: self.recipients.clone(),
            owner_fingerprint: fingerprint.to_string(),
            owner_file: Some(owner_path.display().to_string()),
            owner_made: owner.made,
            identity_file: self.args.identity_out.as_deref().map(|path| path.display().to_string()),
            store_probe: None,
        })
    }
}

fn other_owner(found: Fingerprint, known: Fingerprint) -> Failure {
    Failure::said(format!(
        "the owner key has the fingerprint {found}, and {known} is on record for this agent's OPD; use the key that is on record"
    ))
}

/// Puts the description into the store and reads it back as a stranger would.
fn put(store: &dyn Store, vault: VaultId, name: DescriptionName, note: &str, keys: &VaultKeys) -> Result<(), Failure> {
    let object = Layout { vault }.description(name);
    store.create(&object, note.as_bytes())?;
    let back = store.read(&object, MAX_NOTE_BYTES)?;
    let description = Description::open(&back, |owner| *owner == keys.owner)?;
    if back == note.as_bytes() && description.vault == vault && description.agent == keys.agent.verifier() {
        Ok(())
    } else {
        Err(Failure::said(format!("the store gives back other bytes for {object} than were put into it")))
    }
}

fn print(context: &mut Context, made: &Report) -> Result<(), Failure> {
    if context.global.json {
        return context.out.json(made);
    }
    // A first description makes a vault; a later one gives it to this agent.
    let is_new = made.description.starts_with("1-");
    let mut text = format!(
        "{} vault {} of class {} in {}.\n\n  owner's fingerprint  {}\n",
        if is_new { "Made" } else { "Took over" },
        made.vault,
        made.class,
        made.store,
        made.owner_fingerprint,
    );
    if let Some(path) = &made.owner_file {
        let how = if made.owner_made { "made now" } else { "was there" };
        let _ = writeln!(text, "  owner key            {path} ({how})");
    }
    if let Some(path) = &made.identity_file {
        let _ = writeln!(text, "  recovery identity    {path} (made now)");
    }
    for recipient in &made.recipients {
        let _ = writeln!(text, "  can read it          {recipient}");
    }
    let _ = writeln!(text, "  this agent's keys    {}", made.state);
    if made.owner_file.is_some() {
        text.push_str(ADVICE);
    }
    if is_new && made.identity_file.is_none() {
        text.push_str(
            "\nNo recovery identity was made here. Write the vault's id and the owner's fingerprint beside those\n\
             of the recipients: without the fingerprint a restore cannot tell whose vault it reads.\n",
        );
    }
    context.out.line(text.trim_end())
}

const ADVICE: &str = "
Take these off this server now: it needs none of them to back up.
  - Recovery identity: reads all that is saved. Whoever loses it loses the backups. Copy it to two
    media that are kept apart and offline, and print it.
  - Owner key: says who may read and write the vault. Keep it offline, apart from the identity, with
    the walidata; it is needed again to change recipients or to adopt a reinstalled server.
  - When both copies have been read back, delete the files here (`shred -u FILE`).
  - Write the owner's fingerprint on the printed sheet: it is what a restore compares.
";
