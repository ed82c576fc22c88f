//! Commands about a site that may be served: what they ask of it.

use std::io;
use std::path::Path;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    ApprovalEnded, ApprovalGiven, RestoreGrantEnded, RestoreGrantGiven, SiteUnpaired, UserAdded,
};
use pulih_protocol::error::ErrorBody;
use serde_json::Value;
use serde_json::value::RawValue;

use super::{
    Agent, Approve, Command, Failure, Grant, Opd, Pair, Policy, Signed, User, UserToAdd, attest, audit, copies,
    dataset, disaster, incident, keeping, opd, person, plan, policy, proposal, recipe, regulation, scrub, serve, show,
};
use crate::control::{self, Ask, SOCKET};
use crate::pusat::draw;
use crate::record::time;
use crate::site::SiteDir;

pub(super) fn said(error: impl std::fmt::Display) -> Failure {
    Failure::Said(error.to_string())
}

/// Asks whoever serves the site, or does it here if nobody does.
pub fn answer(dir: &SiteDir, ask: Ask) -> Result<Value, Failure> {
    dir.site()?;
    if let Some(answer) = answer_of_server(dir, &ask)? {
        return Ok(answer);
    }
    let (opened, _lock) = serve::open(dir)?;
    Ok(opened.answer(ask)?)
}

/// The same, as the text of it.
fn answer_text(dir: &SiteDir, ask: Ask) -> Result<Box<RawValue>, Failure> {
    dir.site()?;
    if let Some(text) = told(control::ask_text(&dir.path(SOCKET), &ask))? {
        return Ok(text);
    }
    let (opened, _lock) = serve::open(dir)?;
    Ok(opened.answer_text(ask)?)
}

/// The same of whoever serves it alone; `None` if nobody does.
pub(super) fn answer_of_server(dir: &SiteDir, ask: &Ask) -> Result<Option<Value>, Failure> {
    told(control::ask(&dir.path(SOCKET), ask))
}

/// The same of what may be asked again: whoever went away in the midst of it is not there.
pub(super) fn answer_if_served(dir: &SiteDir, ask: &Ask) -> Result<Option<Value>, Failure> {
    match control::ask(&dir.path(SOCKET), ask) {
        Err(error) if control::went_away(&error) => Ok(None),
        reached => told(reached),
    }
}

fn told<T>(reached: io::Result<Option<Result<T, ErrorBody>>>) -> Result<Option<T>, Failure> {
    let reached =
        reached.map_err(|error| Failure::Said(format!("cannot ask the process that serves the site: {error}")))?;
    reached.transpose().map_err(|body| Failure::Said(body.message))
}

/// The same of what takes long, with its progress on standard error.
fn answer_shown(dir: &SiteDir, ask: Ask) -> Result<Value, Failure> {
    dir.site()?;
    if let Some(answer) = copies::shown(|| copies::of_server(dir), || answer_of_server(dir, &ask))? {
        return Ok(answer);
    }
    let (opened, _lock) = serve::open(dir)?;
    let base = opened.base();
    Ok(copies::shown(|| Some(base.scrubbing.progress.now()), || opened.answer(ask))?)
}

pub fn run(dir: &SiteDir, command: &Command, json: bool) -> Result<(), Failure> {
    let ask = asked(dir, command)?;
    if json && matches!(ask, Ask::Status) {
        // A megabyte at a large site, which need not be read to be handed on.
        println!("{}", answer_text(dir, ask)?.get());
        return Ok(());
    }
    let answer = if let Ask::Store(_) = ask { answer_shown(dir, ask)? } else { answer(dir, ask)? };
    if json {
        println!("{answer}");
    } else {
        print!("{}", show::text(command, &answer));
    }
    match command {
        Command::Replicate(_) => copies::whole(&answer),
        Command::Scrub(_) => scrub::sound(&answer),
        _ => Ok(()),
    }
}

fn asked(dir: &SiteDir, command: &Command) -> Result<Ask, Failure> {
    Ok(match command {
        Command::Opd(Opd::Add { name, title, owner }) => {
            Ask::OpdAdd { name: name.clone(), title: title.clone(), owner: owner.clone() }
        }
        Command::Opd(Opd::Describe(its)) => opd::asked(dir, its)?,
        Command::Opd(Opd::List) => Ask::OpdList,
        Command::Agent(Agent::Invite { name, opd, again }) => {
            Ask::AgentInvite { agent: name.clone(), opd: opd.clone(), again: *again }
        }
        Command::Agent(Agent::Revoke { name, reason }) => {
            Ask::AgentRevoke { agent: name.clone(), reason: reason.clone() }
        }
        Command::Agent(Agent::List) | Command::Status => Ask::Status,
        Command::User(User::Add(its)) => acting(dir, &its.signed, added(its)?.into())?,
        Command::User(User::List) => Ask::UserList,
        Command::Approve(Approve::Give { dataset, agent, vault, by, letter, document, until, signed }) => {
            let (opd, vault) = vault_of(dir, agent, vault.as_deref())?;
            let given = ApprovalGiven {
                approval: draw("a")?.parse().map_err(said)?,
                opd: opd.parse().map_err(said)?,
                vault: vault.parse().map_err(said)?,
                dataset: dataset.parse().map_err(said)?,
                by: by.clone(),
                letter: letter.clone(),
                document_sha256: person::document(document)?,
                until: Some(time(person::until(until)?).map_err(said)?),
            };
            acting(dir, signed, given.into())?
        }
        Command::Approve(Approve::End { approval, reason, signed }) => {
            let ended = ApprovalEnded { approval: approval.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, ended.into())?
        }
        Command::Approve(Approve::List) => Ask::ApprovalList,
        Command::Grant(Grant::Give { request, until, signed }) => {
            let asked = answer(dir, Ask::Grant { id: request.clone() })?;
            let field = |name: &str| asked[name].as_str().map(str::to_owned);
            let given = RestoreGrantGiven {
                grant: request.parse().map_err(said)?,
                vault: field("vault").unwrap_or_default().parse().map_err(said)?,
                dataset: field("dataset").as_deref().map(str::parse).transpose().map_err(said)?,
                manifest: field("snapshot").as_deref().map(str::parse).transpose().map_err(said)?,
                to: field("agent").unwrap_or_default().parse().map_err(said)?,
                reason: field("reason").unwrap_or_default(),
                until: time(person::until(until)?).map_err(said)?,
            };
            acting(dir, signed, given.into())?
        }
        Command::Grant(Grant::End { grant, reason, signed }) => {
            let ended = RestoreGrantEnded { grant: grant.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, ended.into())?
        }
        Command::Grant(Grant::List) => Ask::GrantList,
        Command::Policy(Policy::Show) => Ask::PolicyShow,
        Command::Policy(Policy::Apply { file, signed }) => {
            let (text, its) = policy::read(file)?;
            proposal::policy(dir, signed, text, &its)?
        }
        Command::Import { folder } => Ask::Import { folder: absolute(folder)? },
        Command::Retain(args) => keeping::retain(dir, args)?,
        Command::Hold(command) => keeping::hold(dir, command)?,
        Command::Suspicion(command) => keeping::suspicion(dir, command)?,
        Command::Delete(command) => keeping::delete(dir, command)?,
        Command::Pair(Pair::End { site, reason, signed }) => {
            let ended = SiteUnpaired { peer: site.parse().map_err(said)?, reason: reason.clone() };
            acting(dir, signed, ended.into())?
        }
        Command::Pair(Pair::List) => Ask::PeerList,
        Command::Replicate(args) => copies::asked(args)?,
        Command::Scrub(args) => scrub::asked(args)?,
        Command::Disaster(command) => disaster::asked(dir, command)?,
        Command::Plan(command) => plan::asked(dir, command)?,
        Command::Recipe(command) => recipe::asked(dir, command)?,
        Command::Attest(command) => attest::asked(dir, command)?,
        Command::Audit(command) => audit::asked(dir, command)?,
        Command::Dataset(command) => dataset::asked(dir, command)?,
        Command::Incident(command) => incident::asked(dir, command)?,
        Command::Regulation(command) => regulation::asked(dir, command)?,
        Command::Proposal(command) => proposal::asked(dir, command)?,
        Command::Resume(command) => proposal::resumed(dir, command)?,
        Command::Init(_)
        | Command::Pair(Pair::Offer { .. } | Pair::Show { .. } | Pair::Accept { .. } | Pair::Move { .. })
        | Command::Serve(_)
        | Command::Doctor(_)
        | Command::Rebuild
        | Command::Recover(_)
        | Command::Evidence(_)
        | Command::Comply(_)
        | Command::Report(_)
        | Command::Witness(_)
        | Command::Drill(_)
        | Command::Keys(_)
        | Command::User(User::Key { .. })
        | Command::Policy(Policy::Check { .. } | Policy::Diff { .. } | Policy::Simulate(_)) => {
            return Err(Failure::Said("this asks nothing of a site".into()));
        }
    })
}

/// A person, as the ledger will have that person.
fn added(its: &UserToAdd) -> Result<UserAdded, Failure> {
    Ok(UserAdded {
        user: its.id.parse().map_err(said)?,
        name: its.name.clone(),
        roles: its.roles.clone(),
        opd: its.opd.as_deref().map(str::parse).transpose().map_err(said)?,
        key: its.key.trim().parse().map_err(said)?,
        decree: its.decree.clone(),
        until: its.until.as_deref().map(person::until).transpose()?.map(time).transpose().map_err(said)?,
    })
}

/// A store's address as whoever serves the site understands it: a folder by its absolute path.
pub(super) fn address(text: &str) -> Result<String, Failure> {
    match pulih_stores::open::scheme(text.as_bytes()) {
        Some(_) => Ok(text.to_owned()),
        None => absolute(Path::new(text)),
    }
}

fn absolute(folder: &Path) -> Result<String, Failure> {
    let path = std::path::absolute(folder).map_err(said)?;
    path.to_str().map(str::to_owned).ok_or_else(|| Failure::Said("the folder's name must be UTF-8".into()))
}

pub(super) fn acting(dir: &SiteDir, signed: &Signed, body: Body) -> Result<Ask, Failure> {
    Ok(Ask::Act { entry: person::entry(&dir.site()?, signed, body)?, attachment: None })
}

/// The OPD and the id of an agent's vault.
pub(super) fn vault_of(dir: &SiteDir, agent: &str, vault: Option<&str>) -> Result<(String, String), Failure> {
    let answer = answer(dir, Ask::Vaults { agent: Some(agent.to_owned()) })?;
    let all = answer["vaults"].as_array().cloned().unwrap_or_default();
    let of = |its: &Value| {
        let field = |name: &str| its[name].as_str().unwrap_or_default().to_owned();
        (field("opd"), field("vault"))
    };
    let mut fitting = all.iter().map(of).filter(|(_, id)| vault.is_none_or(|only| only == id));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Failure::Said(format!(
            "agent {agent} has no such vault here; `pulih-agent init` on its server makes one"
        ))),
        (Some(_), Some(_)) => {
            let ids: Vec<String> =
                all.iter().map(|its| format!("{} ({})", of(its).1, its["class"].as_str().unwrap_or("?"))).collect();
            Err(Failure::Said(format!("agent {agent} has several vaults; say which with --vault: {}", ids.join(", "))))
        }
    }
}
