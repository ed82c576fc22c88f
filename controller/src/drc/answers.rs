//! Commands that a DRC answers.

use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::Drc;
use crate::control::{Answers, Ask, acted, elsewhere, json, peers, policy, text, users, vaults};
use crate::gateway::answer::Answer;
use crate::scrub;

impl Answers for Drc {
    fn answer_text(&self, ask: Ask) -> Answer<Box<RawValue>> {
        if matches!(ask, Ask::Status) { text(&self.status()?) } else { text(&self.answer(ask)?) }
    }

    fn answer(&self, ask: Ask) -> Answer<Value> {
        match ask {
            Ask::Status => json(self.status()?),
            Ask::Replicate => json(self.replicate()?),
            Ask::Keep { order } => self.intake().keeping(order),
            Ask::Vaults { agent } => Ok(vaults(self.vaults(agent.as_deref())?)),
            Ask::UserList => Ok(users(self.users()?)),
            Ask::PolicyShow => Ok(policy(&self.in_force())),
            Ask::Checkpoint => {
                self.checkpoint()?;
                Ok(json!({"type": "pulih/checkpoint/v1", "entries": self.entries()}))
            }
            Ask::PeerList => Ok(peers(self.peers()?)),
            Ask::Witness(ask) => self.answer_witnesses(&ask),
            Ask::Attest(ask) => self.answer_attest(&ask),
            Ask::Act { entry, attachment } => {
                self.act(&entry, attachment.as_deref())?;
                Ok(acted(&entry))
            }
            Ask::PairOffer => Ok(json!({"type": "pulih/card-made/v1", "site": null, "card": self.offer()?})),
            Ask::PairTake { card } => {
                Ok(json!({"type": "pulih/card-made/v1", "site": self.take_card(&card)?, "card": null}))
            }
            Ask::Store(scrub::Ask::Compare) => json(self.compare()?),
            Ask::Store(ask) => self.answer_store(ask, self.sources()?),
            Ask::Recovery(ask) => self.answer_recovery(&ask),
            // A new Pusat Data, which reads here until it has everything.
            Ask::PairCertify { .. } => self.intake().answer(ask),
            Ask::OpdAdd { .. }
            | Ask::OpdList
            | Ask::AgentInvite { .. }
            | Ask::AgentRevoke { .. }
            | Ask::ApprovalList
            | Ask::GrantList
            | Ask::Grant { .. } => {
                self.intake().must_take_in()?;
                self.intake().answer(ask)
            }
            Ask::Changes(ask) => self.answer_changes(&ask),
            Ask::Drill(ask) => self.answer_drills(&ask),
            Ask::Key(ask) => self.answer_keys(ask),
            Ask::Import { .. } => Err(elsewhere("Pusat Data")),
        }
    }
}
