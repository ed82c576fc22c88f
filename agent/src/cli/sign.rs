//! `owner sign`: where the owner key is, a person sees what a server asks for, and signs it.

use std::io::{BufRead as _, IsTerminal as _, Write as _};

use pulih_vault::description::{Description, DescriptionName, Draft, VaultSecrets};
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;
use ring::rand::SystemRandom;
use serde_json::json;

use super::Context;
use super::args::Sign;
use super::failure::{Failure, Outcome};
use super::output::printable;
use super::owner::warn_if_open;
use crate::identity::{IdentityFile, OwnerKey, read_bounded, read_owner, write_new};
use crate::owner::{Act, Answer, MAX_FILE_BYTES, Request};

/// What would be signed.
struct Plan {
    host: String,
    draft: Draft,
    /// Of an adoption: when the description before was signed, and the secrets for the server.
    adopted: Option<(String, String)>,
}

pub fn run(context: &mut Context, args: &Sign) -> Result<Outcome, Failure> {
    if args.out.exists() {
        let text = format!("{} is there already and is never overwritten; name another file", args.out.display());
        return Err(Failure::said(text));
    }
    let (file, _) = read_bounded(&args.request, "request", MAX_FILE_BYTES)?;
    let request = Request::parse(&file)?;
    let owner = read_owner(&args.owner)?;
    warn_if_open(context, &args.owner, &owner);
    let identity = args.identity.as_deref().map(IdentityFile::read).transpose()?;
    if let Some(warning) = identity.as_ref().and_then(IdentityFile::warning) {
        context.warn(&warning);
    }
    let plan = Plan::of(request, &owner, identity.as_ref())?;
    tell(context, &plan, &owner)?;
    if !args.yes && !confirmed(context)? {
        return Err(Failure::said("not signed"));
    }
    let note = plan.draft.sign(&utc::rfc3339((context.clock)()), &owner.key)?;
    let answer = Answer::sign(&note, plan.adopted.as_ref().map(|(_, secrets)| secrets.as_str()), &owner.key);
    write_new(&args.out, "answer", answer.as_bytes())?;
    if context.global.json {
        context.out.json(&json!({
            "type": "pulih/owner-signed/v1",
            "vault": plan.draft.vault.to_string(), "class": plan.draft.class, "adopt": plan.adopted.is_some(),
            "description": DescriptionName { number: plan.draft.number(), hash: ObjectHash::of(note.as_bytes()) }.to_string(),
            "recipients": plan.draft.recipients, "host": plan.host,
            "agent_fingerprint": plan.draft.agent.fingerprint().to_string(),
            "owner_fingerprint": owner.key.verifier().fingerprint().to_string(),
            "answer_file": args.out.display().to_string(),
        }))?;
    } else {
        context.out.line(&format!(
            "Signed. Bring {} to {}, and run there: pulih-agent init --store URL --answer FILE",
            args.out.display(),
            printable(&plan.host)
        ))?;
    }
    Ok(Outcome::Done)
}

impl Plan {
    fn of(request: Request, owner: &OwnerKey, identity: Option<&IdentityFile>) -> Result<Self, Failure> {
        let host = request.host;
        match request.act {
            Act::Make(draft) => {
                check_binding(&draft, owner, identity)?;
                if let Some(identity) = identity {
                    let what = format!("the secrets of vault {}", draft.vault);
                    VaultSecrets::unseal(&draft.secrets, draft.vault, &identity.identities, &what)?;
                }
                Ok(Self { host, draft, adopted: None })
            }
            Act::Adopt { description: note, agent, transport } => {
                let identity = identity.ok_or_else(|| {
                    Failure::usage(
                        "the vault's secrets go to the server that adopts it: give a recovery identity with --identity",
                    )
                })?;
                let current = Description::open(note.as_bytes(), |key| *key == owner.key.verifier())?;
                let name = DescriptionName { number: current.number, hash: ObjectHash::of(note.as_bytes()) };
                let secrets = current.open_secrets(&identity.identities)?;
                let random = SystemRandom::new();
                let draft = current.handed_to(name, agent, &secrets, &random)?;
                check_binding(&draft, owner, Some(identity))?;
                let sealed = secrets.seal(draft.vault, &[transport], &random)?;
                Ok(Self { host, draft, adopted: Some((current.created, sealed)) })
            }
        }
    }
}

/// The identity file says whose its vaults are.
fn check_binding(draft: &Draft, owner: &OwnerKey, identity: Option<&IdentityFile>) -> Result<(), Failure> {
    let ours = owner.key.verifier().fingerprint();
    match identity.and_then(|file| file.owner_of(draft.vault)) {
        Some(theirs) if theirs != ours => Err(Failure::said(format!(
            "the identity file says that the owner of vault {} is {theirs}; this owner key is {ours}",
            draft.vault
        ))),
        _ => Ok(()),
    }
}

fn tell(context: &mut Context, plan: &Plan, owner: &OwnerKey) -> Result<(), Failure> {
    if context.global.json {
        return Ok(());
    }
    let draft = &plan.draft;
    let what = match &plan.adopted {
        None => format!("A new vault of class {}, for the server {}.", draft.class, printable(&plan.host)),
        Some((created, _)) => format!(
            "The vault of class {} goes to the server {}, with its secrets. Its old server writes no more.\n\
             The request says that its newest description is number {}, signed at {}.",
            draft.class,
            printable(&plan.host),
            draft.number() - 1,
            printable(created)
        ),
    };
    context.out.line(&format!("{what}\n"))?;
    let mut row = |name: &str, value: &str| context.out.line(&format!("  {name:<19} {value}"));
    row("vault", &draft.vault.to_string())?;
    row("description", &format!("number {}", draft.number()))?;
    for recipient in &draft.recipients {
        row("can read it", recipient)?;
    }
    row("writes it: its key", &draft.agent.fingerprint().to_string())?;
    row("signed by", &owner.key.verifier().fingerprint().to_string())?;
    context.out.line("\nThe key that writes it must be the one that the server printed.")
}

fn confirmed(context: &mut Context) -> Result<bool, Failure> {
    let stdin = std::io::stdin();
    if !stdin.is_terminal() || context.global.json {
        return Err(Failure::usage("nobody can be asked here; look at the request on a terminal, or give --yes"));
    }
    context.out.flush()?;
    let _ = write!(std::io::stderr(), "Sign this? Type yes: ");
    let mut line = String::new();
    let read = stdin.lock().read_line(&mut line);
    Ok(read.is_ok() && line.trim() == "yes")
}
