//! `drill`: tries whether what is kept comes back, by a schedule or by hand, and shows what came of it.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use clap::{Args, Subcommand};
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
use crate::drc::drills::order::{Planned, Wanted};
use crate::drc::drills::{Ask as Drills, RESTORE};
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
    /// End a drill that waits or goes on
    Cancel {
        drill: String,
        /// Why, for the ledger
        #[arg(long)]
        reason: String,
    },
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
    #[arg(value_name = "DATASET", required_unless_present = "class", conflicts_with = "class")]
    datasets: Vec<String>,
    /// verify: read every object that is needed; restore: bring it back whole, and read it again
    #[arg(long, value_parser = ["verify", "restore"])]
    kind: String,
    /// Some datasets of this class, as a schedule would choose them
    #[arg(long)]
    class: Option<String>,
    /// Say what would be tried and what is in the way; nothing is written
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    signed: Signed,
    #[command(flatten)]
    at_keeper: AtKeeper,
}

/// Returns the exit status.
pub fn run(dir: &SiteDir, command: &Drill, json: bool) -> Result<u8, Failure> {
    let shown = match command {
        Drill::Run(args) => return order(dir, args, json),
        Drill::Work { drill, of_server, at_keeper } => return work(dir, drill, *of_server, at_keeper),
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
    let fields = ["step", "point", "outcome", "milliseconds", "files", "bytes", "text"];
    out += &columns(its, "steps", &fields, "No step has ended.\n");
    out
}

fn plan(dir: &SiteDir, args: &Order) -> Result<Planned, Failure> {
    let wanted = Wanted { kind: args.kind.clone(), class: args.class.clone(), datasets: args.datasets.clone() };
    serde_json::from_value(answer(dir, Ask::Drill(Drills::Plan { wanted }))?).map_err(said)
}

fn show_plan(planned: &Planned, json: bool) {
    if json {
        let its = &planned.announced;
        println!(
            "{}",
            json!({
                "type": "pulih/drill-plan/v1", "kind": its.kind, "class": its.class, "points": its.points,
                "scratch_bytes": its.scratch_bytes, "forecast_seconds": planned.forecast_seconds,
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
    let waits = sealed(&planned, &args.at_keeper);
    let entry = person::entry(&dir.site()?, &args.signed, planned.announced.into())?;
    answer(dir, Ask::Act { entry, attachment: None })?;
    eprintln!("drill {id} is announced");
    waits.iter().for_each(|why| eprintln!("note: it waits: {}", printable(why)));
    let ended = followed(dir, &id, &args.at_keeper.keeper)?;
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
    if planned.announced.kind != RESTORE {
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
