//! Commands about a site that may be served: what they ask, and how the answer is shown.

use serde_json::Value;

use super::{Agent, Command, Failure, Opd, serve};
use crate::control::{self, Ask, SOCKET, act};
use crate::site::SiteDir;

pub fn run(dir: &SiteDir, command: &Command, json: bool) -> Result<(), Failure> {
    let ask = match command {
        Command::Opd(Opd::Add { name, title, owner }) => Ask::OpdAdd {
            name: name.clone(),
            title: title.clone(),
            owner: owner.clone(),
        },
        Command::Agent(Agent::Invite { name, opd }) => Ask::AgentInvite { agent: name.clone(), opd: opd.clone() },
        Command::Agent(Agent::Revoke { name, reason }) => {
            Ask::AgentRevoke { agent: name.clone(), reason: reason.clone() }
        },
        Command::Agent(Agent::List) => Ask::AgentList,
        Command::Status => Ask::Status,
        Command::Init(_) | Command::Serve | Command::Rebuild => return Err(Failure::Said("this is not a question".into())),
    };
    dir.site()?;
    let socket = dir.path(SOCKET);
    let reached = control::ask(&socket, &ask)
        .map_err(|error| Failure::Said(format!("cannot ask the process that serves the site: {error}")))?;
    let answer = match reached {
        Some(answer) => answer.map_err(|body| Failure::Said(body.message))?,
        None => {
            let (pusat, _lock) = serve::open(dir)?;
            act(&pusat, ask)?
        }
    };
    if json {
        println!("{answer}");
    } else {
        print!("{}", shown(command, &answer));
    }
    Ok(())
}

fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or("-")
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

fn shown(command: &Command, answer: &Value) -> String {
    match command {
        Command::Agent(Agent::Invite { name, .. }) => {
            let host = answer["hosts"][0].as_str().unwrap_or("HOST");
            format!(
                "On the server of {name}, as root, before {}:\n\n  pulih-agent enroll https://{host}:{} --token {}\n\n\
                 Who has the token can enroll in its place: send it the way you would send a key.\n",
                text(answer, "expires"),
                answer["port"],
                text(answer, "token"),
            )
        }
        Command::Agent(Agent::List) => table(
            &["AGENT", "OPD", "HOST", "LAST SEEN", "STATE"],
            list(answer, "agents").iter().map(|agent| {
                let state = if agent["revoked"].is_null() { "enrolled" } else { "revoked" };
                ["agent", "opd", "host", "last_seen"].map(|name| text(agent, name)).into_iter().chain([state]).collect()
            }),
            "No server is enrolled yet; `pulih-controller agent invite` prints a token for one.\n",
        ),
        Command::Status => table(
            &["OPD", "AGENT", "DATASET", "LAST RECOVERY POINT", "CAPTURED"],
            list(answer, "recovery_points")
                .iter()
                .map(|point| ["opd", "agent", "dataset", "accepted", "captured"].map(|name| text(point, name)).to_vec()),
            "No recovery point yet.\n",
        ),
        Command::Agent(Agent::Revoke { name, .. }) => format!("Agent {name} is shut out from its next request on.\n"),
        Command::Opd(Opd::Add { name, .. }) => format!("Added the OPD {name}.\n"),
        Command::Init(_) | Command::Serve | Command::Rebuild => String::new(),
    }
}

/// Columns as wide as what is in them.
fn table<'v>(heads: &[&'v str], rows: impl Iterator<Item = Vec<&'v str>>, empty: &str) -> String {
    let rows: Vec<Vec<&str>> = rows.collect();
    if rows.is_empty() {
        return empty.to_owned();
    }
    let all = || std::iter::once(heads.to_vec()).chain(rows.iter().cloned());
    let wide = |at: usize| all().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..heads.len()).map(wide).collect();
    let line = |row: Vec<&str>| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned() + "\n"
    };
    all().map(line).collect()
}
