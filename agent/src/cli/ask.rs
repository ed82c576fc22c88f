//! `ask`: asks the OPD's walidata for content. Who may read it then, and for how long, is settled
//! at the site.

use pulih_protocol::grant::Asking;
use pulih_protocol::report::MAX_TEXT_BYTES;
use pulih_vault::id::VaultId;
use pulih_vault::layout::ManifestName;
use pulih_vault::store::Store;
use serde_json::json;

use super::Context;
use super::args::Ask;
use super::choose::{for_reading, for_writing};
use super::failure::{Failure, Outcome};
use super::output::printable;

pub fn run(context: &mut Context, args: &Ask) -> Result<Outcome, Failure> {
    let reason = args.reason.trim();
    if reason.is_empty() || reason.len() > MAX_TEXT_BYTES || reason.contains(char::is_control) {
        return Err(Failure::usage(format!(
            "the reason is a line for the walidata, of at most {MAX_TEXT_BYTES} bytes"
        )));
    }
    let elsewhere =
        || Failure::usage("only a site is asked (https://host:port); a folder is read by whoever can read its files");
    if context.address()?.folder().is_some() {
        return Err(elsewhere());
    }
    let opened = context.open()?;
    let gateway = opened.gateway.ok_or_else(elsewhere)?;
    let vault = match context.global.vault {
        Some(vault) => vault,
        None => for_writing(context, &*opened.store)?.keys.vault,
    };
    let snapshot = match &args.snapshot {
        Some(spec) => Some(snapshot(context, &*opened.store, args, spec)?.to_string()),
        None => None,
    };
    let asking =
        Asking { vault: vault.to_string(), dataset: args.dataset.to_string(), snapshot, reason: reason.to_owned() };
    let asked = gateway.ask(&asking)?;
    print(context, vault, &asking, &asked.request)
}

/// The whole name of a snapshot. Given whole, nothing is read: of a vault that is not this
/// agent's nothing can be, before the grant.
fn snapshot(context: &Context, store: &dyn Store, args: &Ask, spec: &str) -> Result<ManifestName, Failure> {
    if let Ok(name) = spec.parse() {
        return Ok(name);
    }
    let trusted = for_reading(context, store, None)?.trusted(context, store)?;
    Ok(trusted.resolve(store, spec, Some(&args.dataset))?.name)
}

fn print(context: &mut Context, vault: VaultId, asking: &Asking, request: &str) -> Result<Outcome, Failure> {
    if context.global.json {
        context.out.json(&json!({
            "type": "pulih/asked/v1", "request": request, "vault": vault.to_string(), "dataset": asking.dataset,
            "snapshot": asking.snapshot,
        }))?;
    } else {
        let request = printable(request);
        context.out.line(&format!(
            "Asked for {} of vault {vault}: request {request}.\n\n\
             The walidata gives the grant at the Pusat Data, for a time:\n  \
             pulih-controller grant give {request} --until 24h\n\
             Then `pulih-agent restore` reads what was asked for, until the grant ends.",
            asking.snapshot.as_ref().map_or_else(
                || format!("dataset {}", asking.dataset),
                |snapshot| format!("snapshot {snapshot} of dataset {}", asking.dataset)
            ),
        ))?;
    }
    Ok(Outcome::Done)
}
