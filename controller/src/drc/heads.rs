//! Heads for agents: what the newest point of each of their datasets here is, signed, so that a Pusat Data
//! cannot withhold in silence. In the same note stands whether a disaster is declared, and where the Pusat
//! Data went: what an agent needs when its own does not answer.

use pulih_protocol::drc::{HEADS_TYPE, HeadView, Heads, Moved};
use pulih_vault::utc;

use super::{Drc, lock};
use crate::cards;
use crate::catalog::Agent;
use crate::gateway::answer::{Answer, Refusal};
use crate::pki::CertificateHash;

impl Drc {
    /// The agent that a certificate was issued to: as this site knows it, or, while agents are at home at the
    /// Pusat Data, as the mirror does.
    fn agent_of(&self, certificate: CertificateHash) -> Answer<Agent> {
        let now = self.now();
        if let Some((agent, _)) = lock(&self.catalog).agent_of(certificate, now)? {
            return Ok(agent);
        }
        let mirrored = lock(&self.mirrored).catalog.agent_of(certificate, now)?;
        mirrored.map(|(agent, _)| agent).ok_or_else(Refusal::unknown_certificate)
    }

    /// A signed note for the agent that shows a certificate.
    pub fn heads(&self, certificate: CertificateHash) -> Answer<String> {
        let agent = self.agent_of(certificate)?;
        let (stocks, disaster) = {
            let catalog = lock(&self.catalog);
            let own = catalog.vaults_of(&agent.name)?.into_iter().filter(|vault| vault.opd == agent.opd);
            let stocks: Vec<_> = own.map(|vault| catalog.stocks_of(&vault.id)).collect::<Result<_, _>>()?;
            (stocks, catalog.disaster()?)
        };
        let points = stocks.into_iter().flatten().filter_map(|its| its.newest);
        let heads = Heads {
            kind: HEADS_TYPE.to_owned(),
            site: self.id()?.to_string(),
            agent: agent.name.clone(),
            at: utc::rfc3339(self.now()),
            disaster: disaster.map(|its| utc::rfc3339(its.declared)),
            handed_over: self.handed_over()?,
            moved: self.moved()?,
            datasets: points
                .map(|its| HeadView {
                    accepted: utc::rfc3339(its.accepted.min(its.replicated)),
                    replicated: utc::rfc3339(its.replicated),
                    vault: its.vault,
                    dataset: its.dataset,
                    snapshot: its.snapshot,
                })
                .collect(),
        };
        lock(&self.record).sign_statement(&heads).map_err(|error| Refusal::internal(&error))
    }

    /// The new Pusat Data, if there is one.
    fn moved(&self) -> Answer<Option<Moved>> {
        let Some(moved) = lock(&self.catalog).moved()? else { return Ok(None) };
        let hash = moved.card.parse().map_err(|error| Refusal::internal(&error))?;
        let card = cards::load(&*self.store, &self.id()?, &hash)?;
        let card = card.ok_or_else(|| Refusal::internal(&"the card of the new Pusat Data is not in the store"))?;
        Ok(Some(Moved { site: moved.site, url: moved.url, ca: card.ca }))
    }
}
