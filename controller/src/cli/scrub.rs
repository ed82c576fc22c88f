//! Reading everything again.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Args;
use pulih_stores::StoreUrl;
use pulih_stores::open::process_env;
use pulih_stores::s3::Options;
use pulih_terminal::{count, printable, size};
use pulih_vault::note::{SigningKey, VerifierKey};
use serde_json::Value;

use super::Failure;
use super::ask::said;
use super::keys::AtKeeper;
use super::show::{field, list};
use crate::control::Ask;
use crate::copy::verify;
use crate::scrub::{self, Env, Source};
use crate::site::SiteDir;

/// Snapshots that are named of one object.
const NAMED: usize = 12;

#[derive(Debug, Args)]
pub struct Scrub {
    /// Everything, now, instead of a day's share from where the last scrub left off
    #[arg(long)]
    all: bool,
    /// A further place to heal from: a folder, or `s3://bucket/prefix`; can be given several times
    #[arg(long, value_name = "STORE")]
    from: Vec<String>,
    /// Read a further copy and hold it against its receipt, instead of this site's store
    #[arg(long, value_name = "STORE", conflicts_with_all = ["all", "from"])]
    pub copy: Option<String>,
    /// Have the site itself read the copy, and write down on its ledger that it is whole (`copy-verified`)
    #[arg(long, requires = "copy", conflicts_with = "key")]
    pub record: bool,
    /// The key of the ledger whose receipt is on the copy, if it is not this site's
    #[arg(long, value_name = "KEY", requires = "copy")]
    key: Option<String>,
    #[command(flatten)]
    pub naming: Naming,
}

#[derive(Debug, Args)]
pub struct Naming {
    /// Name the files that known damage costs, as the keeper or an identity opens the vaults; nothing is changed
    #[arg(long, conflicts_with_all = ["all", "from", "copy"])]
    pub files: bool,
    /// An OPD's recovery identity, which opens its vaults instead of the keeper
    #[arg(long, value_name = "FILE", requires = "files")]
    identity: Option<PathBuf>,
    /// Files that are named of each object and snapshot, 1,000 at most; all are counted
    #[arg(long, value_name = "N", requires = "files", default_value_t = 20,
        value_parser = clap::value_parser!(u16).range(1..=1000))]
    paths: u16,
    #[command(flatten)]
    keeper: AtKeeper,
}

/// Names the files that damage costs.
pub fn files(dir: &SiteDir, args: &Naming, json: bool) -> Result<(), Failure> {
    super::files::run(dir, args.identity.as_deref(), &args.keeper, args.paths.into(), json)
}

/// Reads a further copy. Nothing is changed, and no site need be here.
pub fn copy(dir: &SiteDir, address: &str, args: &Scrub, json: bool) -> Result<(), Failure> {
    let key: VerifierKey = match &args.key {
        Some(text) => text.trim().parse().map_err(said)?,
        None => SigningKey::from_secret_text(dir.read("ledger.key")?.trim()).map_err(said)?.verifier(),
    };
    let site = verify::site_of(&key).ok_or_else(|| Failure::Said("this is not the key of a ledger".into()))?;
    let url = StoreUrl::parse(address.as_ref(), &process_env).map_err(said)?;
    let opened = url.open(&process_env, &Options::new(std::env::temp_dir())).map_err(said)?;
    let source = Source { name: url.to_string(), store: opened.store };
    let progress = scrub::Progress::default();
    let read = |bytes| progress.advance(bytes);
    let found = super::copies::shown(|| Some(progress.now()), || verify::check(&source, &site, &key, &read))?;
    let answer = serde_json::to_value(&found).map_err(said)?;
    if json {
        println!("{answer}");
    } else {
        print!("{}", copy_text(&answer));
    }
    whole(found.problems.len())
}

/// That nothing is wrong with a copy.
fn whole(problems: usize) -> Result<(), Failure> {
    match problems {
        0 => Ok(()),
        count => Err(Failure::Said(format!("{count} objects of the copy are damaged or gone; make it anew"))),
    }
}

fn copy_text(answer: &Value) -> String {
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let mut out = format!(
        "{} of {}: {} snapshots by the receipt of {}; read {} objects, {}.\n",
        field(answer, "medium"),
        field(answer, "site"),
        count(number("snapshots")),
        field(answer, "at"),
        count(number("objects")),
        size(number("bytes"))
    );
    for its in list(answer, "problems") {
        let _ = writeln!(out, "  {}: {}", field(its, "object"), field(its, "error"));
    }
    if list(answer, "problems").is_empty() {
        out += "It is what the receipt says.\n";
    }
    out
}

/// What the command asks of the site.
pub fn asked(args: &Scrub) -> Result<Ask, Failure> {
    if let Some(copy) = &args.copy {
        let copy = super::ask::address(copy)?;
        return Ok(Ask::Store(scrub::Ask::Verify { copy, env: Env::of_process() }));
    }
    let from = args.from.iter().map(|address| super::ask::address(address)).collect::<Result<_, _>>()?;
    Ok(Ask::Store(scrub::Ask::Scrub { all: args.all, from, env: Env::of_process() }))
}

/// What `--json` prints, for people.
pub fn text(answer: &Value) -> String {
    if answer["type"] == "pulih/copy-check/v1" {
        let mut out = copy_text(answer);
        if list(answer, "problems").is_empty() {
            out += "That is on the ledger.\n";
        }
        return out;
    }
    let number = |name: &str| answer[name].as_u64().unwrap_or(0);
    let seconds = answer["seconds"].as_f64().unwrap_or(0.0);
    let mut out = format!("Read {} objects, {}", count(number("objects")), size(number("bytes")));
    if seconds >= 1.0 {
        let _ = write!(out, ", {}/s", size((number("bytes") as f64 / seconds) as u64));
    }
    out += if answer["finished"] == true { "; the turn is complete.\n" } else { "; the turn goes on.\n" };
    for (name, what) in [("healed", "healed"), ("waiting", "damaged, and nobody could be asked yet")] {
        for object in list(answer, name) {
            let _ = writeln!(out, "  {what}: {}", printable(object.as_str().unwrap_or_default()));
        }
    }
    for lost in list(answer, "lost") {
        let _ = writeln!(out, "  LOST: {}", field(lost, "object"));
        let snapshots = list(lost, "snapshots");
        for snapshot in snapshots.iter().take(NAMED) {
            let _ = writeln!(out, "    with snapshot {}", printable(snapshot.as_str().unwrap_or_default()));
        }
        if snapshots.len() > NAMED {
            let _ = writeln!(out, "    and {} more", snapshots.len() - NAMED);
        }
    }
    if list(answer, "damaged").is_empty() {
        out += "No damage found.\n";
    }
    out
}

/// That nothing is damaged any more.
pub fn sound(answer: &Value) -> Result<(), Failure> {
    if answer["type"] == "pulih/copy-check/v1" {
        return whole(list(answer, "problems").len());
    }
    match list(answer, "lost").len() + list(answer, "waiting").len() {
        0 => Ok(()),
        left => Err(Failure::Said(format!(
            "{left} objects are damaged; `pulih-controller scrub --from STORE` heals from another copy"
        ))),
    }
}

/// What `status` says of the store itself.
pub fn status(store: &Value) -> String {
    let mut out = match store["scrubbed"].as_object() {
        None => "\nNo whole scrub has ended yet.\n".to_owned(),
        Some(_) => format!("\nThe last whole scrub ended {}.\n", field(&store["scrubbed"], "ended")),
    };
    for its in list(store, "damaged") {
        let state = if its["lost"].is_null() { "damaged" } else { "LOST" };
        let _ = writeln!(
            out,
            "  {state} since {}: {} ({})",
            field(its, "since"),
            field(its, "object"),
            field(its, "reason")
        );
    }
    for its in list(store, "copies") {
        let snapshots = count(its["snapshots"].as_u64().unwrap_or(0));
        let _ = writeln!(out, "Copy of {}: {}, {snapshots} snapshots", field(its, "at"), field(its, "medium"));
    }
    out
}
