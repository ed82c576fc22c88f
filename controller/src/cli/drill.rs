//! `drill`: tries whether what is kept comes back, by a schedule or by hand, and shows what came of it.

mod audit;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Subcommand};
use pulih_evidence::qualifying::OPINIONS;
use pulih_keeper::Standing;
use pulih_terminal::{printable, size};
use serde_json::{Value, json};

use super::ask::{answer, answer_if_served, said};
use super::keys::AtKeeper;
use super::recover::in_the_way;
use super::show::{columns, field, list};
use super::{Failure, Signed, person};
use crate::catalog::Catalog;
use crate::control::Ask;
use crate::drc::drills::order::{Auditor, Planned, Wanted};
use crate::drc::drills::{Ask as Drills, KINDS, restores};
use crate::drill;
use crate::recover::{self, missing};
use crate::site::SiteDir;
use crate::store;

/// Between looks at a drill that whoever serves the site does.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Between attempts where it has to wait, and nobody serves the site.
const AGAIN: Duration = Duration::from_secs(5);
/// It was not tried: skipped, or missed.
const NOT_TRIED: u8 = 3;

#[derive(Debug, Subcommand)]
pub enum Drill {
    /// Order a drill, and follow it to its end
    Run(Order),
    /// List drills, and what was missed
    List,
    /// Show a drill with its steps
    Show { drill: String },
    /// Show when each schedule of the policy comes next
    Schedule,
    /// Let a drill start whose independent auditor you are, and follow it to its end
    Open {
        drill: String,
        #[command(flatten)]
        signed: Signed,
        #[command(flatten)]
        at_keeper: AtKeeper,
    },
    /// Say of a drill whose auditor you are, after its end, whether it met what the plan promises
    #[command(after_long_help = ATTEST)]
    Attest {
        drill: String,
        #[arg(long, value_parser = OPINIONS)]
        opinion: String,
        /// A TOML file with what is to be mended
        #[arg(long, value_name = "FILE")]
        findings: Option<PathBuf>,
        /// The report, of which the ledger keeps the SHA-256
        #[arg(long, value_name = "FILE")]
        document: Option<PathBuf>,
        #[command(flatten)]
        signed: Signed,
    },
    /// End a drill that waits or goes on
    Cancel {
        drill: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
    },
    /// What supervises a recipe's programs
    #[command(hide = true)]
    Inside,
    /// The process that does a drill
    #[command(hide = true)]
    Work {
        #[arg(long)]
        drill: String,
        /// Ask whoever serves the site, and nobody else
        #[arg(long)]
        of_server: bool,
        #[command(flatten)]
        at_keeper: AtKeeper,
    },
}

#[derive(Debug, Args)]
pub struct Order {
    /// `DATASET` or `AGENT/DATASET`
    #[arg(value_name = "DATASET", required_unless_present_any = ["class", "plan", "recipe"], conflicts_with = "class")]
    datasets: Vec<String>,
    /// verify: read every object that is needed; restore: bring it back whole, and read it again;
    /// application: bring back what a recipe needs, and run that over it; plan: restore all of a recovery plan, in its
    /// order
    #[arg(long, value_parser = KINDS)]
    kind: String,
    /// The recovery plan
    #[arg(long, value_name = "PLAN", conflicts_with_all = ["class", "datasets"])]
    plan: Option<String>,
    /// The application recipe in force
    #[arg(long, value_name = "RECIPE", conflicts_with_all = ["class", "datasets", "plan"])]
    recipe: Option<String>,
    /// Who tests it independently: a user with the role `auditor` alone, who opens it and attests it
    #[arg(long, value_name = "USER", requires_all = ["institution", "mandate"])]
    auditor: Option<String>,
    /// Who sends the auditor
    #[arg(long, value_name = "NAME", requires = "auditor")]
    institution: Option<String>,
    /// Number of the decree that sends the auditor
    #[arg(long, value_name = "NUMBER", requires = "auditor")]
    mandate: Option<String>,
    /// Some datasets of this class, as a schedule would choose them
    #[arg(long)]
    class: Option<String>,
    /// Restore so many files of a hundred of each point: drawn from what another site says after the announcement
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u64).range(1..=99))]
    sample: Option<u64>,
    /// Say what would be tried and what is in the way; nothing is written
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signed: Signed,
    #[command(flatten)]
    at_keeper: AtKeeper,
}

const ATTEST: &str = "\
The file with findings, at most 50 of them:

  [[finding]]
  text = \"DNS dialihkan 40 menit terlambat\"
  owner = \"Diskominfo\"
  until = \"2027-06-01\"";

/// Returns the exit status.
pub fn run(dir: &SiteDir, command: &Drill, json: bool) -> Result<u8, Failure> {
    let shown = match command {
        Drill::Run(args) => return order(dir, args, json),
        Drill::Inside => return Err(Failure::Said("this asks nothing of a site".into())),
        Drill::Work { drill, of_server, at_keeper } => return work(dir, drill, *of_server, at_keeper),
        Drill::Open { drill, signed, at_keeper } => return audit::open(dir, drill, signed, at_keeper, json),
        Drill::Attest { drill, opinion, findings, document, signed } => {
            let files = audit::Files { findings: findings.as_deref(), document: document.as_deref() };
            audit::attest(dir, drill, opinion, &files, signed)?
        }
        Drill::List => answer(dir, Ask::Drill(Drills::List))?,
        Drill::Show { drill } => answer(dir, Ask::Drill(Drills::Show { id: drill.clone() }))?,
        Drill::Schedule => answer(dir, Ask::Drill(Drills::Schedule))?,
        Drill::Cancel { drill, reason } => {
            answer(dir, Ask::Drill(Drills::Cancel { id: drill.clone(), reason: reason.clone() }))?
        }
    };
    if json {
        println!("{shown}");
    } else {
        print!("{}", text(command, &shown));
    }
    Ok(0)
}

fn text(command: &Drill, shown: &Value) -> String {
    match command {
        Drill::List => {
            let fields = ["drill", "kind", "class", "schedule", "occurrence", "announced", "state", "outcome", "text"];
            let mut out = columns(shown, "drills", &fields, "No drill was announced here yet.\n");
            if !list(shown, "missed").is_empty() {
                out += "\nMissed:\n";
                out += &columns(shown, "missed", &["schedule", "occurrence", "due", "count", "reason"], "");
            }
            out
        }
        Drill::Schedule => {
            let mut out = String::new();
            for its in list(shown, "schedules") {
                let (schedule, line) = (field(its, "schedule"), field(its, "line"));
                let _ = writeln!(out, "{schedule} ({line}), {} so far", its["occurrences"]);
                for time in list(its, "next") {
                    let _ = writeln!(out, "  {}", time.as_str().unwrap_or("-"));
                }
            }
            if let Some(why) = shown["stopped"].as_str() {
                let _ = writeln!(
                    out,
                    "STOPPED: {}. Set the clock right, or: pulih-controller resume expiry --reason …",
                    printable(why)
                );
            }
            if out.is_empty() { "The policy in force asks for no drills.\n".into() } else { out }
        }
        _ => record(shown),
    }
}

fn record(its: &Value) -> String {
    let outcome = if its["outcome"].is_null() { field(its, "state") } else { field(its, "outcome") };
    let mut out = format!(
        "Drill {} ({}), announced {}: {outcome}\n{}\n",
        field(its, "drill"),
        field(its, "kind"),
        field(its, "announced"),
        if its["text"].is_null() { String::new() } else { field(its, "text") + "\n" }
    );
    let auditor = &its["auditor"];
    if !auditor.is_null() {
        let _ = writeln!(
            out,
            "Auditor {} ({}, {}): opened {}, attested {}, opinion {}",
            field(auditor, "name"),
            field(auditor, "institution"),
            field(auditor, "mandate"),
            field(auditor, "opened"),
            field(auditor, "attested"),
            field(auditor, "opinion")
        );
    }
    let fields = ["step", "what", "point", "outcome", "milliseconds", "files", "bytes", "text"];
    out += &columns(its, "steps", &fields, "No step has ended.\n");
    out
}

fn plan(dir: &SiteDir, args: &Order) -> Result<Planned, Failure> {
    let named = args.auditor.clone().zip(args.institution.clone()).zip(args.mandate.clone());
    let auditor = named.map(|((user, institution), mandate)| Auditor { user, institution, mandate });
    let (kind, class, plan) = (args.kind.clone(), args.class.clone(), args.plan.clone());
    let (datasets, sample_percent) = (args.datasets.clone(), args.sample);
    let recipe = args.recipe.clone();
    let wanted = Wanted { kind, class, plan, recipe, datasets, auditor, sample_percent };
    serde_json::from_value(answer(dir, Ask::Drill(Drills::Plan { wanted }))?).map_err(said)
}

fn show_plan(planned: &Planned, json: bool) {
    if json {
        let its = &planned.announced;
        println!(
            "{}",
            json!({
                "type": "pulih/drill-plan/v1", "kind": its.kind, "class": its.class, "plan": its.plan,
                "recipes": its.recipes.as_deref().unwrap_or_default(),
                "auditor": its.auditor.as_ref().map(|auditor| &auditor.user), "points": its.points,
                "sample_percent": its.sample_percent, "scratch_bytes": its.scratch_bytes, "forecast_seconds": planned.forecast_seconds,
                "problems": planned.problems,
            })
        );
        return;
    }
    for its in &planned.items {
        println!("  {}: point of {}, class {}", its.label(), its.captured, its.class);
    }
    println!("{} datasets; {} of scratch place at most.", planned.items.len(), size(planned.announced.scratch_bytes));
}

/// A person's signed order is the announcement.
fn order(dir: &SiteDir, args: &Order, json: bool) -> Result<u8, Failure> {
    let planned = plan(dir, args)?;
    if args.dry_run || !json {
        show_plan(&planned, json);
    }
    if !planned.problems.is_empty() {
        return Err(in_the_way(&planned.problems));
    }
    if args.dry_run {
        return Ok(0);
    }
    let id = planned.announced.drill.to_string();
    let (auditor, until) = (planned.announced.auditor.clone(), planned.announced.until.to_string());
    let (waits, sample) = (sealed(&planned, &args.at_keeper), planned.announced.sample_percent);
    let entry = person::entry(&dir.site()?, &args.signed, planned.announced.into())?;
    answer(dir, Ask::Act { entry, attachment: None })?;
    eprintln!("drill {id} is announced");
    if let Some(auditor) = auditor {
        eprintln!("note: it waits until {until} for `drill open {id}` by {}, with that person's own key", auditor.user);
        let shown = answer(dir, Ask::Drill(Drills::Show { id }))?;
        print!("{}", if json { format!("{shown}\n") } else { record(&shown) });
        return Ok(0);
    }
    if sample.is_some() {
        eprintln!(
            "note: it waits until {until} for the site whose ledger this one mirrors to co-sign its announcement"
        );
    }
    waits.iter().for_each(|why| eprintln!("note: it waits: {}", printable(why)));
    to_its_end(dir, &id, &args.at_keeper.keeper, json)
}

/// Follows a drill; returns the exit status.
fn to_its_end(dir: &SiteDir, id: &str, keeper: &Path, json: bool) -> Result<u8, Failure> {
    let ended = followed(dir, id, keeper)?;
    if json {
        println!("{ended}");
    } else {
        print!("\n{}", record(&ended));
    }
    Ok(match ended["outcome"].as_str() {
        Some("passed") => 0,
        Some("skipped" | "missed") => NOT_TRIED,
        _ => 1,
    })
}

/// Who has to come before it can start.
fn sealed(planned: &Planned, at: &AtKeeper) -> Vec<String> {
    if !restores(&planned.announced.kind) {
        return Vec::new();
    }
    let is_sealed = |its: &Standing| !its.open && planned.items.iter().any(|item| item.class == its.class);
    match recover::standings(at.connect()) {
        Ok(standings) => standings.iter().filter(|its| is_sealed(its)).map(missing).collect(),
        // Whoever serves the site may see it.
        Err(_) => Vec::new(),
    }
}

/// Until it has ended: whoever serves the site does it, or else a process of this command.
fn followed(dir: &SiteDir, id: &str, keeper: &Path) -> Result<Value, Failure> {
    let show = Ask::Drill(Drills::Show { id: id.to_owned() });
    loop {
        let served = answer_if_served(dir, &show)?;
        let is_served = served.is_some();
        let shown = match served {
            Some(shown) => shown,
            None => answer(dir, show.clone())?,
        };
        if !shown["ended"].is_null() {
            return Ok(shown);
        }
        if is_served {
            std::thread::sleep(LOOK_EVERY);
            continue;
        }
        by_itself(dir, id, keeper)?;
        if answer(dir, show.clone())?["ended"].is_null() {
            std::thread::sleep(AGAIN);
        }
    }
}

fn by_itself(dir: &SiteDir, id: &str, keeper: &Path) -> Result<(), Failure> {
    let child = drill::spawn(dir, keeper, id, false).map_err(said)?;
    let catalog = Catalog::open(&dir.path("catalog.sqlite"))?;
    if let Some(why) = drill::follow(child, || drill::people_first(dir, &catalog).ok().flatten()) {
        eprintln!("warning: drill {id} was broken off: {}", printable(&why));
    }
    Ok(())
}

fn work(dir: &SiteDir, id: &str, of_server: bool, at: &AtKeeper) -> Result<u8, Failure> {
    let gone = || "nobody serves this site any more".to_owned();
    let ask = |ask: Drills| {
        let asked = if of_server {
            answer_if_served(dir, &Ask::Drill(ask)).and_then(|told| told.ok_or_else(|| Failure::Said(gone())))
        } else {
            answer(dir, Ask::Drill(ask))
        };
        asked.map_err(|failure| failure.to_string())
    };
    let store = store::open(dir)?.store;
    let worker = drill::Worker { dir, store, keeper: &at.keeper, scratch: dir.site()?.drill_scratch, ask: &ask };
    drill::work(&worker, id).map_err(Failure::Said)?;
    Ok(0)
}
