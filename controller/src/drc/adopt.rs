//! Adoption: what the mirrored ledger says of offices, servers and approvals becomes this site's own word,
//! so that agents can go on here. Planned from the mirror as it is, then written; a run that ends early is
//! gone on with, and one that is over adds nothing.
//!
//! Taken is what belongs to a vault that was pinned here. The owner keys are those that were pinned,
//! whatever the mirror says; what it ended is over, and what it refused stays refused.

use std::collections::{BTreeMap, BTreeSet};

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    AdoptedCertificate, AgentAdopted, ApprovalEnded, ApprovalGiven, CloneRefused, LineageBegun, OpdAdded, SiteAdopted,
};
use pulih_ledger::hash::Hash;
use pulih_ledger::ids::{Sha256, SiteId};
use pulih_vault::note::Fingerprint;

use super::{Drc, Mirrored, lock};
use crate::cards;
use crate::catalog::{Agent, Approval, Catalog, Lineage, Vault};
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::CertificateHash;
use crate::record::{Record, time};

/// Of one agent: it gets three a day at most, and uses one.
const CERTIFICATES: usize = 16;
/// Of one vault.
const APPROVALS: usize = 256;
/// Refused copies of one server.
const CLONES: usize = 16;
/// Of a text for people that another site's ledger has.
const WORDS_BYTES: usize = 1000;
const TITLE_BYTES: usize = 200;

/// What is taken over of one server.
struct Server {
    agent: Agent,
    certificates: Vec<(CertificateHash, i64)>,
    clones: Vec<Lineage>,
}

/// What is taken over, as the mirror has it now.
struct Adoption {
    from: SiteId,
    size: u64,
    root: Hash,
    cards: Vec<Sha256>,
    /// Offices with their names for people.
    titles: BTreeMap<String, String>,
    servers: Vec<Server>,
    approvals: Vec<Approval>,
    ended: BTreeSet<String>,
}

fn wrong(error: &dyn std::fmt::Display) -> Refusal {
    Refusal::internal(error)
}

/// What is too long to be written down again, or cannot be printed, must not keep the rest from being adopted.
fn is_printable(text: &str, most: usize) -> bool {
    !text.trim().is_empty() && text.len() <= most && !text.contains(char::is_control)
}

impl Adoption {
    fn plan(from: SiteId, mirrored: &Mirrored, vaults: &[Vault], now: i64) -> Answer<Option<Self>> {
        let Some(mirror) = &mirrored.mirror else { return Ok(None) };
        let there = &mirrored.catalog;
        let offices: BTreeSet<&String> = vaults.iter().map(|vault| &vault.opd).collect();
        let titles = there
            .opds()?
            .into_iter()
            .filter(|opd| offices.contains(&opd.name) && is_printable(&opd.title, TITLE_BYTES));
        let titles = titles.map(|opd| (opd.name, opd.title)).collect();
        let agents: BTreeSet<(&String, &String)> = vaults.iter().map(|vault| (&vault.agent, &vault.opd)).collect();
        let servers = agents.into_iter().filter_map(|(agent, opd)| server(there, agent, opd, now).transpose());
        let servers = servers.collect::<Answer<_>>()?;
        let (approvals, ended) = approvals(there, vaults, now)?;
        let cards = there.known_cards()?.iter().filter_map(|card| card.parse().ok()).collect();
        let (size, root) = (mirror.log().size(), mirror.log().root());
        Ok(Some(Self { from, size, root, cards, titles, servers, approvals, ended }))
    }
}

/// What the mirror has of a server; of one that it revoked, that no certificate is good.
fn server(there: &Catalog, agent: &str, opd: &str, now: i64) -> Answer<Option<Server>> {
    let Some(known) = there.agent(agent)?.filter(|known| known.opd == opd) else { return Ok(None) };
    let mut certificates = there.certificates_of(agent, now)?;
    certificates.truncate(if known.revoked.is_some() { 0 } else { CERTIFICATES });
    let clones = there
        .lineages(agent)?
        .into_iter()
        .filter(|its| its.clone && is_printable(&its.host, TITLE_BYTES) && is_printable(&its.machine, TITLE_BYTES));
    let clones = clones.take(CLONES).collect();
    Ok(Some(Server { agent: known, certificates, clones }))
}

/// Approvals in force, and those that are over.
fn approvals(there: &Catalog, vaults: &[Vault], now: i64) -> Answer<(Vec<Approval>, BTreeSet<String>)> {
    let owners: BTreeMap<&String, &String> = vaults.iter().map(|vault| (&vault.id, &vault.opd)).collect();
    let (mut taken, mut ended, mut counts) = (Vec::new(), BTreeSet::new(), BTreeMap::<String, usize>::new());
    for its in there.approvals()? {
        if owners.get(&its.vault) != Some(&&its.opd) {
            continue;
        }
        if its.ended.is_some() {
            ended.insert(its.id);
            continue;
        }
        let count = counts.entry(its.vault.clone()).or_default();
        let is_sound = [&its.by, &its.letter].iter().all(|text| is_printable(text, WORDS_BYTES));
        if is_sound && its.until.is_none_or(|until| until > now) && *count < APPROVALS {
            *count += 1;
            taken.push(its);
        }
    }
    Ok((taken, ended))
}

impl Drc {
    /// Adopts what the mirror has, if a disaster is declared and this was not done to its end.
    pub fn adopt_if_due(&self) -> Answer<()> {
        let Some(disaster) = lock(&self.catalog).disaster()? else { return Ok(()) };
        if lock(&self.catalog).has_adopted_in(&disaster.id)? {
            return Ok(());
        }
        self.adopt(Some(&disaster.id))
    }

    /// At a new Pusat Data that has all that the DRC has: what the DRC's ledger says becomes its own word.
    pub(super) fn adopt_filled(&self) -> Answer<()> {
        let Some(peer) = self.pusat()? else { return Ok(()) };
        let size = lock(&self.mirrored).mirror.as_ref().map_or(0, |mirror| mirror.log().size());
        if lock(&self.catalog).has_adopted_from(&peer.site, size)? {
            return Ok(());
        }
        self.adopt(None)
    }

    /// Adopts what the mirror has now. Before a first pairing there is nothing to adopt.
    pub(super) fn adopt(&self, disaster: Option<&str>) -> Answer<()> {
        let _alone = lock(&self.adopting);
        let Some(peer) = self.pusat()? else { return Ok(()) };
        let from = peer.site.parse().map_err(|error| wrong(&error))?;
        let now = self.now();
        let vaults = lock(&self.catalog).vaults()?;
        let planned = {
            let mut mirrored = lock(&self.mirrored);
            // A round may be between the mirror and the catalog that follows it.
            mirrored.catch_up()?;
            Adoption::plan(from, &mirrored, &vaults, now)?
        };
        let Some(mut its) = planned else { return Ok(()) };
        let mut cards = Vec::new();
        for card in its.cards {
            if self.take_over_card(&peer.site, &card)? {
                cards.push(card);
            }
        }
        its.cards = cards;
        // The certificates were issued by the site itself, by whose card it was paired.
        its.cards.extend(peer.card.parse::<Sha256>().ok());
        // Before the agents: keys that these descriptions name are older than their adoption.
        self.intake.prepare()?;
        let mut record = lock(&self.record);
        adopt_offices(&mut record, &its, now)?;
        adopt_approvals(&mut record, &its, now)?;
        let done: BTreeSet<String> = record.catalog.adopted_agents()?.into_iter().collect();
        for server in its.servers.iter().filter(|server| !done.contains(&server.agent.name)) {
            adopt_server(&mut record, &its.from, server, now)?;
        }
        let disaster = disaster.map(str::parse).transpose().map_err(|error| wrong(&error))?;
        let (from, size, root, cards) = (its.from, its.size, its.root, its.cards);
        let adopted = SiteAdopted { from, size, root, cards, disaster };
        Ok(record.write(now, &Actor::Site, vec![adopted.into()])?)
    }

    /// A card that the other site believed becomes an object of this one, if it came over.
    fn take_over_card(&self, from: &str, card: &Sha256) -> Answer<bool> {
        let from = from.parse().map_err(|error| wrong(&error))?;
        let Some(text) = cards::text(&*self.store, &from, card)? else { return Ok(false) };
        cards::put(&*self.store, &self.id()?, &text)?;
        Ok(true)
    }
}

fn adopt_offices(record: &mut Record, its: &Adoption, now: i64) -> Answer<()> {
    let mut bodies = Vec::new();
    for opd in record.catalog.opds()? {
        let Some(title) = its.titles.get(&opd.name).filter(|title| **title != opd.title) else { continue };
        let owner: Option<Fingerprint> =
            opd.owner.map(|owner| owner.parse()).transpose().map_err(|error| wrong(&error))?;
        let id = opd.name.parse().map_err(|error| wrong(&error))?;
        bodies.push(Body::OpdAdded(OpdAdded { opd: id, name: title.clone(), owner }));
    }
    Ok(record.write(now, &Actor::Site, bodies)?)
}

fn adopt_approvals(record: &mut Record, its: &Adoption, now: i64) -> Answer<()> {
    let here: BTreeMap<String, Approval> =
        record.catalog.approvals()?.into_iter().map(|approval| (approval.id.clone(), approval)).collect();
    let mut bodies = Vec::new();
    for one in its.approvals.iter().filter(|one| !here.contains_key(&one.id)) {
        bodies.push(Body::ApprovalGiven(given(one)?));
    }
    for known in here.values().filter(|known| known.ended.is_none() && its.ended.contains(&known.id)) {
        let approval = known.id.parse().map_err(|error| wrong(&error))?;
        bodies.push(ApprovalEnded { approval, reason: format!("ended at {}", its.from) }.into());
    }
    Ok(record.write(now, &Actor::Site, bodies)?)
}

fn given(its: &Approval) -> Answer<ApprovalGiven> {
    Ok(ApprovalGiven {
        approval: its.id.parse().map_err(|error| wrong(&error))?,
        opd: its.opd.parse().map_err(|error| wrong(&error))?,
        vault: its.vault.parse().map_err(|error| wrong(&error))?,
        dataset: its.dataset.parse().map_err(|error| wrong(&error))?,
        by: its.by.clone(),
        letter: its.letter.clone(),
        document_sha256: its.document.parse().map_err(|error| wrong(&error))?,
        until: its.until.map(time).transpose().map_err(|error| wrong(&error))?,
    })
}

/// In one append: its copies are refused before it is let in.
fn adopt_server(record: &mut Record, from: &SiteId, its: &Server, now: i64) -> Answer<()> {
    let agent: pulih_ledger::ids::AgentId = its.agent.name.parse().map_err(|error| wrong(&error))?;
    if record.catalog.agent(agent.as_str())?.is_some_and(|here| here.revoked.is_some()) {
        return Ok(());
    }
    if its.certificates.is_empty() && record.catalog.certificates_of(agent.as_str(), now)?.is_empty() {
        return Ok(());
    }
    let known = record.catalog.lineages(agent.as_str())?;
    let mut bodies = Vec::new();
    for clone in its.clones.iter().filter(|clone| known.iter().all(|known| known.id != clone.id)) {
        let (lineage, machine, host) = (clone.id.clone(), clone.machine.clone(), clone.host.clone());
        let begun = LineageBegun { agent: agent.clone(), lineage, of: None, machine, host };
        let refused = CloneRefused {
            agent: agent.clone(),
            lineage: begun.lineage.clone(),
            host: begun.host.clone(),
            machine: begun.machine.clone(),
        };
        bodies.extend([Body::from(begun), refused.into()]);
    }
    let mut certificates = Vec::new();
    for (hash, not_after) in &its.certificates {
        let not_after = time(*not_after).map_err(|error| wrong(&error))?;
        certificates.push(AdoptedCertificate { certificate_sha256: Sha256(hash.0), not_after });
    }
    let opd = its.agent.opd.parse().map_err(|error| wrong(&error))?;
    bodies.push(AgentAdopted { agent, opd, from: from.clone(), certificates }.into());
    Ok(record.write(now, &Actor::Site, bodies)?)
}
