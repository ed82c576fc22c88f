//! Answers as people read them.

use std::fmt::Write as _;
use std::time::Duration;

use pulih_terminal::{Table, duration, printable, size};
use serde_json::Value;

use super::{
    Agent, Approve, Command, Grant, Opd, Pair, Policy, User, attest, audit, copies, dataset, disaster, incident,
    keeping, opd, plan, proposal, recipe, regulation, scrub,
};

/// Words that an agent or another person wrote are among them.
pub(super) fn field(value: &Value, name: &str) -> String {
    match value[name].as_str() {
        None if value[name].is_number() => value[name].to_string(),
        Some("") | None => "-".to_owned(),
        Some(text) => printable(text),
    }
}

pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

/// What `--json` prints, for people.
pub fn text(command: &Command, answer: &Value) -> String {
    match command {
        Command::Status if answer["type"] == "pulih/drc-status/v1" => status_of_drc(answer),
        Command::Status => status(answer),
        Command::Agent(Agent::Invite { name, .. }) => invited(name, answer),
        Command::Agent(Agent::List) => agents(answer),
        Command::Agent(Agent::Revoke { name, .. }) => format!("Agent {name} is shut out from its next request on.\n"),
        Command::Opd(Opd::Add { name, .. }) => format!("Added the OPD {name}.\n"),
        Command::Opd(Opd::Describe(its)) => opd::text(its),
        Command::Opd(Opd::List) => table(
            &["OPD", "NAME", "STORED", "QUOTA"],
            list(answer, "opds").iter().map(|its| {
                let quota = its["quota"].as_u64().map_or_else(|| "-".into(), size);
                vec![field(its, "opd"), field(its, "title"), size(its["bytes"].as_u64().unwrap_or(0)), quota]
            }),
            "No OPD yet; `pulih-controller opd add` adds one.\n",
        ),
        Command::User(User::Add(its)) => format!("{} may act with that key.\n", its.id),
        Command::User(_) => table(
            &["USER", "NAME", "ROLES", "OPD", "DECREE", "UNTIL"],
            list(answer, "users").iter().map(|its| {
                let roles: Vec<&str> = list(its, "roles").iter().filter_map(Value::as_str).collect();
                let rest = ["opd", "decree", "until"].map(|name| field(its, name));
                [vec![field(its, "user"), field(its, "name"), roles.join(" ")], rest.into()].concat()
            }),
            "Nobody yet; `pulih-controller user add` adds the first admin.\n",
        ),
        Command::Approve(Approve::Give { dataset, agent, .. }) => format!(
            "Dataset {dataset} of {agent} is approved until {} (approval {}).\n",
            field(&answer["entry"], "until"),
            field(&answer["entry"], "approval")
        ),
        Command::Approve(Approve::End { approval, .. }) => format!("Approval {approval} has ended.\n"),
        Command::Approve(Approve::List) => columns(
            answer,
            "approvals",
            &["approval", "opd", "dataset", "by", "letter", "until", "ended"],
            "No approval yet: no dataset is taken in without one.\n",
        ),
        Command::Grant(Grant::Give { request, .. }) => {
            format!("Content of request {request} may be fetched until {}.\n", field(&answer["entry"], "until"))
        }
        Command::Grant(Grant::End { grant, .. }) => format!("{grant} has ended.\n"),
        Command::Grant(Grant::List) => columns(
            answer,
            "grants",
            &["grant", "agent", "dataset", "snapshot", "reason", "until", "ended"],
            "Nobody has asked for content.\n",
        ),
        Command::Policy(Policy::Show) => answer["text"].as_str().unwrap_or_default().to_owned(),
        Command::Policy(_) if answer["entry"]["type"] == "pulih/ledger/change-proposed/v1" => {
            proposal::made(&answer["entry"])
        }
        Command::Policy(_) => format!(
            "{} version {} is in force; agents fetch it within a minute.\n",
            field(&answer["entry"], "policy"),
            answer["entry"]["version"]
        ),
        Command::Import { .. } => imported(answer),
        Command::Retain(args) => keeping::retain_text(args, answer),
        Command::Hold(command) => keeping::hold_text(command, answer),
        Command::Suspicion(command) => keeping::suspicion_text(command, answer),
        Command::Delete(command) => keeping::delete_text(command, answer),
        Command::Pair(Pair::End { site, .. }) => format!("{site} is no longer paired with this site.\n"),
        Command::Pair(Pair::List) => columns(
            answer,
            "peers",
            &["site", "role", "name", "since", "ended"],
            "No site is paired with this one; `pulih-controller pair offer` at the DRC begins it.\n",
        ),
        Command::Replicate(_) => copies::text(answer),
        Command::Scrub(_) => scrub::text(answer),
        Command::Disaster(command) => disaster::text(command, answer),
        Command::Plan(command) => plan::text(command, answer),
        Command::Recipe(command) => recipe::text(command, answer),
        Command::Attest(command) => attest::text(command, answer),
        Command::Audit(command) => audit::text(command, answer),
        Command::Dataset(command) => dataset::text(command, answer),
        Command::Incident(command) => incident::text(command, answer),
        Command::Regulation(command) => regulation::text(command, answer),
        Command::Proposal(command) => proposal::text(command, answer),
        Command::Resume(_) => "It goes on from here.\n".to_owned(),
        Command::Recover(_)
        | Command::Evidence(_)
        | Command::Comply(_)
        | Command::Report(_)
        | Command::Witness(_)
        | Command::Drill(_)
        | Command::Keys(_)
        | Command::Init(_)
        | Command::Pair(_)
        | Command::Serve(_)
        | Command::Doctor(_)
        | Command::Rebuild => String::new(),
    }
}

/// How a server is enrolled with a token.
fn invited(name: &str, answer: &Value) -> String {
    let host = answer["hosts"][0].as_str().unwrap_or("HOST");
    format!(
        "On the server of {name}, as root, before {}:\n\n  pulih-agent enroll https://{host}:{} --token {}\n\n\
         Who has the token can enroll in its place: send it the way you would send a key.\n",
        field(answer, "expires"),
        answer["port"],
        field(answer, "token"),
    )
}

fn status(answer: &Value) -> String {
    let mut out = format!(
        "{} at {}; policy {} version {}\n\n",
        field(answer, "site"),
        field(answer, "at"),
        field(answer, "policy"),
        answer["policy_version"]
    );
    out += &table(
        &["OPD", "AGENT", "DATASET", "LAST RECOVERY POINT", "AGE", "TARGET", "NEXT RUN", "STATE"],
        list(answer, "datasets").iter().map(|its| {
            let state = match (its["approved"].as_bool(), its["late"].as_bool(), its["accepted"].is_null()) {
                (Some(false), ..) => "not approved",
                _ if !its["suspicion"].is_null() => "SUSPECTED",
                (_, _, true) => "no point yet",
                (_, Some(true), _) => "LATE",
                _ => "ok",
            };
            vec![
                field(its, "opd"),
                field(its, "agent"),
                field(its, "dataset"),
                field(its, "accepted"),
                its["exposure_seconds"].as_u64().map_or_else(|| "-".into(), span),
                its["rpo_seconds"].as_u64().map_or_else(|| "-".into(), span),
                field(its, "next"),
                state.into(),
            ]
        }),
        "No dataset yet.\n",
    );
    for its in list(answer, "datasets").iter().filter(|its| !its["error"].is_null()) {
        let _ = writeln!(out, "\n{} of {}: {}", field(its, "dataset"), field(its, "agent"), field(its, "error"));
    }
    for its in list(answer, "agents").iter().filter(|its| its["state"] != "enrolled") {
        let _ = writeln!(
            out,
            "\nagent {}: {}, last seen {}",
            field(its, "agent"),
            field(its, "state"),
            field(its, "last_seen")
        );
    }
    out += &keeping::standing_text(answer);
    for its in list(answer, "requests") {
        let _ = writeln!(
            out,
            "\nrequest {}: {} asks for {}: {}",
            field(its, "request"),
            field(its, "agent"),
            field(its, "dataset"),
            field(its, "reason")
        );
    }
    out + &scrub::status(&answer["store"]) + &alarms(answer)
}

fn status_of_drc(answer: &Value) -> String {
    let peer = &answer["peer"];
    let mut out = format!(
        "{} at {}; policy {} version {}\n",
        field(answer, "site"),
        field(answer, "at"),
        field(answer, "policy"),
        answer["policy_version"]
    );
    if peer.is_null() {
        out += "Not paired with a Pusat Data; `pulih-controller pair offer` begins it.\n\n";
    } else {
        let _ = writeln!(
            out,
            "{}: last heard {}, {} entries of its ledger\n",
            field(peer, "name"),
            field(peer, "heard"),
            peer["entries"]
        );
    }
    if !answer["stopped"].is_null() {
        let _ = writeln!(out, "STOPPED: {}\n", field(answer, "stopped"));
    }
    if peer["unread_entries"].as_u64().is_some_and(|count| count > 0) {
        let _ = writeln!(out, "{} entries of its ledger cannot be read here.\n", peer["unread_entries"]);
    }
    for name in ["diverged", "error"].iter().filter(|name| !peer[**name].is_null()) {
        let _ = writeln!(out, "{name}: {}\n", field(peer, name));
    }
    out += &table(
        &["OPD", "AGENT", "DATASET", "NEWEST POINT HERE", "AGE", "TARGET", "POINTS", "WAITING", "TO FETCH", "STATE"],
        list(answer, "datasets").iter().map(|its| {
            let state = match (its["late"].as_bool(), its["accepted"].is_null()) {
                _ if !its["suspicion"].is_null() => "SUSPECTED",
                (_, true) => "nothing here yet",
                (Some(true), _) => "LATE",
                _ => "ok",
            };
            vec![
                field(its, "opd"),
                field(its, "agent"),
                field(its, "dataset"),
                field(its, "accepted"),
                its["exposure_seconds"].as_u64().map_or_else(|| "-".into(), span),
                its["rpo_seconds"].as_u64().map_or_else(|| "-".into(), span),
                its["points"].to_string(),
                its["waiting"].to_string(),
                size(its["backlog_bytes"].as_u64().unwrap_or(0)),
                state.into(),
            ]
        }),
        "No dataset yet.\n",
    );
    let backlog = answer["backlog_bytes"].as_u64().unwrap_or(0);
    if backlog > 0 {
        let estimate = answer["estimate_seconds"].as_u64().map_or_else(|| "not known yet".into(), span);
        let _ = writeln!(out, "\nAbout {} to fetch; at the rate that was measured: {estimate}", size(backlog));
    }
    for its in list(answer, "datasets").iter().filter(|its| !its["error"].is_null()) {
        let _ = writeln!(out, "\n{} of {}: {}", field(its, "dataset"), field(its, "agent"), field(its, "error"));
    }
    out += &keeping::standing_text(answer);
    out + &scrub::status(&answer["store"]) + &alarms(answer)
}

pub(super) fn replicated(answer: &Value) -> String {
    let mut out = format!(
        "{} snapshots came, with {} objects ({}); {} wait. The mirrored ledger has {} entries.\n",
        answer["snapshots"],
        answer["objects"],
        size(answer["bytes"].as_u64().unwrap_or(0)),
        answer["waiting"],
        answer["entries"]
    );
    for why in list(answer, "refused") {
        let _ = writeln!(out, "  not taken: {}", printable(why.as_str().unwrap_or_default()));
    }
    out
}

fn alarms(answer: &Value) -> String {
    let mut out = String::new();
    let alarms = list(answer, "alarms");
    if !alarms.is_empty() {
        out += "\nAlarms of the last seven days:\n";
    }
    for its in alarms {
        let _ = writeln!(out, "  {}  {}: {}", field(its, "at"), field(its, "alarm"), field(its, "text"));
    }
    out
}

fn agents(answer: &Value) -> String {
    columns(
        answer,
        "agents",
        &["agent", "opd", "host", "last_seen", "state"],
        "No server is enrolled yet; `pulih-controller agent invite` prints a token for one.\n",
    )
}

fn imported(answer: &Value) -> String {
    let mut out = String::new();
    for its in list(answer, "vaults") {
        let _ = writeln!(
            out,
            "Vault {} of {}: took in {} objects ({}) and {} snapshots.",
            field(its, "vault"),
            field(its, "agent"),
            its["objects"],
            size(its["bytes"].as_u64().unwrap_or(0)),
            its["snapshots"]
        );
        for why in list(its, "refused") {
            let _ = writeln!(out, "  not taken in: {}", printable(why.as_str().unwrap_or_default()));
        }
    }
    out
}

pub(super) fn span(seconds: u64) -> String {
    duration(Duration::from_secs(seconds))
}

/// A table of fields under their own names.
pub(super) fn columns(answer: &Value, name: &str, fields: &[&str], empty: &str) -> String {
    let heads: Vec<String> = fields.iter().map(|name| name.replace('_', " ").to_uppercase()).collect();
    let heads: Vec<&str> = heads.iter().map(String::as_str).collect();
    let rows = list(answer, name).iter().map(|its| fields.iter().map(|name| field(its, name)).collect());
    table(&heads, rows, empty)
}

pub(super) fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>, empty: &str) -> String {
    let mut table = Table::left(heads.iter().copied());
    rows.for_each(|row| table.row(row));
    if table.is_empty() { empty.to_owned() } else { table.to_string() }
}
