//! `owner`: the key of an OPD that says who may read and write its vaults.

use std::path::Path;

use ring::rand::SystemRandom;
use serde_json::json;

use super::args::Owner;
use super::failure::{Failure, Outcome};
use super::{Context, sign};
use crate::identity::{OwnerKey, read_or_make_owner, read_owner};

pub fn run(context: &mut Context, args: &Owner) -> Result<Outcome, Failure> {
    match args {
        Owner::New { file } => {
            if file.exists() {
                let text = format!("{} is there already and is never overwritten; name another file", file.display());
                return Err(Failure::said(text));
            }
            let owner = read_or_make_owner(file, &SystemRandom::new())?;
            show(context, file, &owner)
        }
        Owner::Sign(args) => sign::run(context, args),
        Owner::Show { file } => {
            let owner = read_owner(file)?;
            show(context, file, &owner)
        }
    }
}

pub fn warn_if_open(context: &Context, file: &Path, owner: &OwnerKey) {
    if owner.open_to_others {
        let path = file.display();
        context.warn(&format!("other users of this machine can read the owner key {path}; run `chmod 600` on it"));
    }
}

fn show(context: &mut Context, file: &Path, owner: &OwnerKey) -> Result<Outcome, Failure> {
    warn_if_open(context, file, owner);
    let verifier = owner.key.verifier();
    let fingerprint = verifier.fingerprint().to_string();
    if context.global.json {
        let key = verifier.to_string();
        context.out.json(&json!({"type": "pulih/owner/v1", "verifier": key, "fingerprint": fingerprint}))?;
    } else {
        context.out.line(&fingerprint)?;
    }
    Ok(Outcome::Done)
}
