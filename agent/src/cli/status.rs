//! `status`: how this server's datasets stand, on one screen, whether or not the daemon runs and
//! the site can be reached. The daemon leaves the same, without secrets, where every user of the
//! server may read it.

mod drc;

use std::fs;
use std::io::{ErrorKind, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use pulih_policies::{Timetable, Zone};
use pulih_protocol::drc::Heads;
use pulih_protocol::report::DatasetView;
use pulih_stores::gateway::SiteClient;
use pulih_vault::layout::DatasetName;
use pulih_vault::utc;
use serde::{Deserialize, Serialize};

use super::Context;
use super::args::Status as Args;
use super::failure::{Failure, Outcome};
use super::output::{Table, duration, printable};
use super::run::shared::Shared;
use super::run::{config_place, or_anew};
use crate::config::{Config, Dataset};
use crate::daemon::due::{Whose, next_run};
use crate::daemon::follow::{Followed, holding};
use crate::drc::{head, is_late};
use crate::state::{DatasetMemory, Memory, SeenView, StateDir, StateError};
use drc::{DrcPoint, DrcStatus};

const TYPE: &str = "pulih/status/v1";
const FILE: &str = "status.json";
const MAX_BYTES: u64 = 4 << 20;
/// Where systemd puts what the daemon leaves for others to read.
const LEFT: &str = "/run/pulih-agent/status.json";

/// `docs/contracts/json.md`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Status {
    #[serde(rename = "type")]
    kind: String,
    at: String,
    site: Option<SiteStatus>,
    daemon_runs: bool,
    /// None: no DRC is known.
    #[serde(default)]
    drc: Option<DrcStatus>,
    policy: Option<PolicyStatus>,
    reports_waiting: usize,
    config_error: Option<String>,
    datasets: Vec<DatasetStatus>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SiteStatus {
    name: String,
    url: String,
    agent: String,
    opd: String,
    certificate_until: String,
    /// When the site said what is told of it here.
    seen: Option<String>,
    /// Why it could not be reached just now.
    error: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PolicyStatus {
    name: String,
    version: u32,
    hash: String,
    time_zone: String,
    taken: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DatasetStatus {
    dataset: String,
    class: String,
    approved: Option<bool>,
    last_point: Option<PointStatus>,
    at_drc_since: Option<String>,
    #[serde(default)]
    drc_point: Option<DrcPoint>,
    /// It is older than the policy's target.
    #[serde(default)]
    drc_late: Option<bool>,
    running_since: Option<String>,
    next: Option<String>,
    next_runs: Vec<String>,
    overdue_since: Option<String>,
    last_run: Option<RunStatus>,
    excludes_not_accepted: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct PointStatus {
    snapshot: String,
    accepted: String,
    captured: String,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct RunStatus {
    ended: String,
    error: Option<String>,
}

pub fn run(context: &mut Context, args: &Args) -> Result<Outcome, Failure> {
    let state = context.state()?;
    let now = (context.clock)();
    let path = config_place(args.config.as_ref());
    let status = match collect(&state, &path, now, true) {
        // Others than the agent's user see what it left for them.
        Err(StateError::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => left(LEFT.as_ref())?,
        // A user who has no agent of their own means the server's.
        Ok(status) if status.site.is_none() && context.global.state.is_none() && Path::new(LEFT).exists() => {
            left(LEFT.as_ref())?
        }
        status => status?,
    };
    if context.global.json {
        context.out.json(&status)?;
    } else {
        print(context, &status, now)?;
    }
    Ok(Outcome::Done)
}

/// Leaves the status where every user of the server may read it, if systemd made a place for it.
pub fn leave(shared: &Shared) {
    let Some(folder) = std::env::var_os("RUNTIME_DIRECTORY").map(PathBuf::from) else { return };
    let Ok(status) = collect(&shared.state, &shared.config, (shared.clock)(), false) else { return };
    leave_in(&folder, &status);
}

fn leave_in(folder: &Path, status: &Status) {
    let (path, temp) = (folder.join(FILE), folder.join(".status.new"));
    // It is made again in a minute.
    let _ = serde_json::to_vec(status).map_err(std::io::Error::from).and_then(|json| {
        fs::write(&temp, json)?;
        fs::set_permissions(&temp, fs::Permissions::from_mode(0o644))?;
        fs::rename(&temp, &path)
    });
}

fn left(path: &Path) -> Result<Status, Failure> {
    let none = |why: &dyn std::fmt::Display| {
        Failure::said(format!(
            "the agent's state is another user's, and {} tells nothing ({why}); run `sudo pulih-agent status`",
            path.display()
        ))
    };
    let mut json = String::new();
    fs::File::open(path)
        .and_then(|file| file.take(MAX_BYTES).read_to_string(&mut json))
        .map_err(|error| none(&error))?;
    let status: Status = serde_json::from_str(&json).map_err(|error| none(&error))?;
    if status.kind == TYPE { Ok(status) } else { Err(none(&"it is of another type")) }
}

/// What can be known: from the state, and with `ask` from the site.
fn collect(state: &StateDir, config: &Path, now: i64, ask: bool) -> Result<Status, StateError> {
    let site = state.site()?;
    let mut seen = or_anew(state.seen_view())?;
    let mut error = None;
    if let (Some(site), true) = (&site, ask) {
        match SiteClient::open(&site.credentials).and_then(|client| client.view()) {
            Ok(view) => seen = Some(SeenView { seen: now, view }),
            Err(failure) => error = Some(Failure::from(failure).words()),
        }
    }
    let (drc, heads) = DrcStatus::collect(state, site.as_ref(), now, ask)?;
    let policy = or_anew(state.policy())?;
    let accepted = or_anew(state.accepted_policy())?;
    let (config, config_error) = match Config::read(config) {
        Ok(config) => (Some(config), None),
        Err(error) => (None, Some(error.to_string())),
    };
    let memory = or_anew(state.memory())?;
    let daemon_runs = state.daemon_runs();
    let (agent, opd) = site.as_ref().map_or(("", ""), |site| (&site.agent, &site.opd));
    let known = Known {
        agent,
        opd,
        policy: policy.as_ref(),
        accepted: accepted.as_ref(),
        heads: heads.as_ref(),
        daemon_runs,
        now,
    };
    let datasets = known.datasets(config.as_ref(), &memory, seen.as_ref());
    Ok(Status {
        kind: TYPE.into(),
        at: utc::rfc3339(now),
        site: site.map(|site| SiteStatus {
            name: site.name,
            url: site.credentials.url,
            agent: site.agent,
            opd: site.opd,
            certificate_until: site.not_after,
            seen: seen.map(|seen| utc::rfc3339(seen.seen)),
            error,
        }),
        daemon_runs,
        drc,
        policy: policy.map(|its| PolicyStatus {
            name: its.policy.name.to_string(),
            version: its.policy.version,
            hash: its.hash(),
            time_zone: its.policy.zone.to_string(),
            taken: utc::rfc3339(its.taken),
        }),
        reports_waiting: or_anew(state.outbox())?.waiting(),
        config_error,
        datasets,
    })
}

/// What a dataset's status follows from.
struct Known<'a> {
    agent: &'a str,
    opd: &'a str,
    policy: Option<&'a Followed>,
    accepted: Option<&'a Followed>,
    heads: Option<&'a Heads>,
    daemon_runs: bool,
    now: i64,
}

impl Known<'_> {
    fn datasets(&self, config: Option<&Config>, memory: &Memory, seen: Option<&SeenView>) -> Vec<DatasetStatus> {
        let configured = config.map(|config| &config.datasets).into_iter().flatten();
        configured
            .map(|(name, dataset)| {
                let vaults = seen.map(|seen| &seen.view.vaults).into_iter().flatten();
                let mut its =
                    vaults.filter(|vault| vault.class == dataset.class.as_str()).flat_map(|its| &its.datasets);
                let view = its.find(|view| view.dataset == name.as_str());
                self.dataset(name, dataset, memory.get(name), view, seen.is_some())
            })
            .collect()
    }

    fn dataset(
        &self,
        name: &DatasetName,
        dataset: &Dataset,
        memory: Option<&DatasetMemory>,
        view: Option<&DatasetView>,
        seen: bool,
    ) -> DatasetStatus {
        let accepted = self.accepted.map(|its| &its.policy);
        let holding = self.policy.and_then(|its| {
            holding(&its.policy, accepted, dataset.class, self.opd, name.as_str()).zip(Some(its.policy.zone))
        });
        let table: Option<Timetable> = holding.as_ref().map(|(holding, zone)| holding.rules.timetable(*zone));
        let whose = Whose { agent: self.agent, dataset: name.as_str() };
        let standing = memory.map(|memory| &memory.standing);
        // What begins when, as a daemon that runs all along has it.
        let next =
            table.as_ref().zip(standing).and_then(|(table, its)| next_run(table, whose, its, self.now, i64::MIN));
        let newest = view.and_then(|view| view.newest.as_ref());
        let head = self.heads.and_then(|heads| head(heads, name.as_str()));
        let said = head.filter(|head| newest.is_some_and(|point| point.snapshot == head.snapshot));
        let at_drc_since =
            newest.and_then(|point| point.at_drc.clone()).or_else(|| said.map(|head| head.replicated.clone()));
        let target = holding.as_ref().map(|(holding, _)| holding.rules.targets.rpo_drc.seconds() as i64);
        let saved = standing.and_then(|its| its.served.map(|_| its.known));
        let drc_late = self.heads.and(target).map(|target| is_late(head, saved, target, self.now));
        let running = memory.and_then(|memory| memory.running_since).filter(|_| self.daemon_runs);
        DatasetStatus {
            dataset: name.to_string(),
            class: dataset.class.to_string(),
            approved: seen.then(|| view.is_some_and(|view| view.approved)),
            last_point: newest.map(|point| PointStatus {
                snapshot: point.snapshot.clone(),
                accepted: point.accepted.clone(),
                captured: point.captured.clone(),
            }),
            at_drc_since,
            drc_point: head.map(DrcPoint::from),
            drc_late,
            running_since: running.map(utc::rfc3339),
            next: next.map(|run| utc::rfc3339(run.begins.max(self.now))),
            next_runs: table.iter().flat_map(|table| table.next_n(self.now, 3)).map(utc::rfc3339).collect(),
            overdue_since: next
                .zip(standing)
                .and_then(|(run, standing)| run.overdue_since(standing, self.now))
                .map(utc::rfc3339),
            last_run: memory
                .and_then(|memory| memory.last.as_ref())
                .map(|last| RunStatus { ended: utc::rfc3339(last.ended), error: last.error.clone() }),
            excludes_not_accepted: holding
                .iter()
                .flat_map(|(holding, _)| &holding.wider)
                .map(|pattern| pattern.as_str().to_owned())
                .collect(),
        }
    }
}

fn print(context: &mut Context, status: &Status, now: i64) -> Result<(), Failure> {
    let zone = status.policy.as_ref().and_then(|policy| policy.time_zone.parse().ok());
    let local = |text: &str| local(zone, text);
    match &status.site {
        None => context.out.line("Not enrolled with a Pusat Data.")?,
        Some(site) => {
            context.out.line(&format!("{} ({}), as {} of {}", site.name, site.url, site.agent, site.opd))?;
            if let Some(error) = &site.error {
                let since = site.seen.as_deref().map_or("never reached before".to_owned(), |seen| {
                    let ago = utc::parse(seen).map_or(0, |seen| now.saturating_sub(seen).max(0));
                    let ago = duration(Duration::from_secs(ago as u64));
                    format!("below is what it said {ago} ago, at {}", local(seen))
                });
                context.out.line(&format!("  not reached: {error}\n  {since}"))?;
            }
        }
    }
    if let Some(drc) = &status.drc {
        drc.lines(local).iter().try_for_each(|line| context.out.line(line))?;
    }
    match &status.policy {
        None => context.out.line("No policy yet: nothing is scheduled.")?,
        Some(its) => {
            context.out.line(&format!("Policy {} version {}, since {}", its.name, its.version, local(&its.taken)))?;
        }
    }
    if !status.daemon_runs {
        context.out.line("The daemon does not run: `systemctl start pulih-agent`, or `pulih-agent run`.")?;
    }
    if status.reports_waiting > 0 {
        context.out.line(&format!("{} reports wait for the site.", status.reports_waiting))?;
    }
    if let Some(error) = &status.config_error {
        context.warn(error);
    }
    if status.datasets.is_empty() {
        return Ok(());
    }
    context.out.line("")?;
    context.out.text(&table(status, local))?;
    context.out.line("")?;
    for dataset in &status.datasets {
        let name = &dataset.dataset;
        let runs: Vec<String> = dataset.next_runs.iter().map(|time| weekday(zone, time)).collect();
        if !runs.is_empty() {
            context.out.line(&format!("{name}: scheduled {}", runs.join(", ")))?;
        }
        if dataset.drc_late == Some(true) {
            let point = dataset
                .drc_point
                .as_ref()
                .map_or("nothing".to_owned(), |its| format!("nothing newer than a point of {}", local(&its.accepted)));
            context.out.line(&format!("{name}: LATE at the DRC, which has {point}; ask the Pusat Data why"))?;
        }
        if dataset.approved == Some(false) {
            context.out.line(&format!("{name}: its OPD has not approved that it is saved at the site"))?;
        }
        if let Some(error) = dataset.last_run.as_ref().and_then(|last| last.error.as_ref()) {
            context.out.line(&format!("{name}: {}", printable(error)))?;
        }
        if !dataset.excludes_not_accepted.is_empty() {
            let patterns = dataset.excludes_not_accepted.join("  ");
            context
                .out
                .line(&format!("{name}: the policy would leave out {patterns}; see `pulih-agent accept-policy`"))?;
        }
    }
    Ok(())
}

fn table(status: &Status, local: impl Fn(&str) -> String) -> Table {
    let titles = ["DATASET", "LAST RECOVERY POINT", "AT THE DRC SINCE", "NEXT RUN", "BACKLOG", "LAST RUN"];
    let mut table = Table::left(titles);
    for its in &status.datasets {
        let or_dash = |text: Option<&String>| text.map_or_else(|| "-".to_owned(), |text| local(text));
        let last = match &its.last_run {
            None => "-".to_owned(),
            Some(last) if last.error.is_some() => format!("failed {}", local(&last.ended)),
            Some(last) => format!("done {}", local(&last.ended)),
        };
        table.row([
            its.dataset.clone(),
            or_dash(its.last_point.as_ref().map(|point| &point.accepted)),
            or_dash(its.at_drc_since.as_ref()),
            if its.running_since.is_some() { "running".to_owned() } else { or_dash(its.next.as_ref()) },
            its.overdue_since.as_ref().map_or_else(|| "-".to_owned(), |since| format!("since {}", local(since))),
            last,
        ]);
    }
    table
}

fn local(zone: Option<Zone>, text: &str) -> String {
    match (zone, utc::parse(text)) {
        (Some(zone), Some(time)) => zone.print(time),
        _ => utc::human_text(text),
    }
}

fn weekday(zone: Option<Zone>, text: &str) -> String {
    match (zone, utc::parse(text)) {
        (Some(zone), Some(time)) => zone.print_with_weekday(time),
        _ => utc::human_text(text),
    }
}

#[cfg(test)]
mod tests;
