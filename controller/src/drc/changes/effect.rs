//! What was approved takes effect, once its wait is over.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{ChangeMade, ChangeRefused, HoldReleased, PolicyApplied};
use pulih_policies::Policy;
use pulih_protocol::error::Code;
use pulih_vault::id::ObjectHash;
use pulih_vault::store::ObjectName;

use super::super::{Drc, lock};
use super::{HOLD_RELEASE, OWNER_KEY, POLICY, SITE_KEYS, bad};
use crate::card::{Card, MAX_BYTES as MAX_CARD_BYTES, fingerprint};
use crate::catalog::{Catalog, Proposal};
use crate::gateway::answer::{Answer, Refusal};
use crate::policy;

impl Drc {
    /// Whatever is approved and has waited long enough takes effect, or ends with the reason why it cannot.
    pub fn make_changes(&self) -> Answer<()> {
        let now = self.now();
        let is_due = |its: &Proposal| its.is_open() && its.not_before.is_some_and(|from| from <= now);
        if !lock(&self.catalog).proposals()?.iter().any(is_due) {
            return self.mend_card();
        }
        {
            let mut record = lock(&self.record);
            for its in record.catalog.proposals()?.into_iter().filter(is_due) {
                let proposal = its.id.parse().map_err(|error| Refusal::internal(&error))?;
                let bodies = match self.effect(&record.catalog, &its) {
                    Ok(mut bodies) => {
                        bodies.push(ChangeMade { proposal }.into());
                        bodies
                    }
                    Err(refusal) if refusal.code == Code::Internal => return Err(refusal),
                    Err(refusal) => vec![ChangeRefused { proposal, reason: refusal.message }.into()],
                };
                self.announce_before_change(&mut record);
                record.write(now, &Actor::Site, bodies)?;
                self.reload_policy(&record.catalog)?;
            }
        }
        self.reorder();
        self.mend_card()
    }

    /// The entries by which a proposal takes effect.
    fn effect(&self, catalog: &Catalog, its: &Proposal) -> Answer<Vec<Body>> {
        match its.change.as_str() {
            POLICY => self.policy_of(its),
            HOLD_RELEASE => {
                let hold = its.hold.as_deref().ok_or_else(|| bad("it names no hold"))?;
                let hold = hold.parse().map_err(|error: pulih_vault::error::Malformed| bad(error.to_string()))?;
                Ok(vec![HoldReleased { hold, reason: its.text.clone() }.into()])
            }
            SITE_KEYS => {
                let text = self.card_of(its)?;
                let card = Card::parse(&text).map_err(|error| bad(error.to_string()))?;
                self.check_keys(catalog, &card)?;
                Ok(vec![card.paired(&text).map_err(|error| bad(error.to_string()))?.into()])
            }
            // Looked for when the vault's first description comes.
            OWNER_KEY => Ok(Vec::new()),
            other => Err(bad(format!("this version does not know how {other:?} takes effect"))),
        }
    }

    fn policy_of(&self, its: &Proposal) -> Answer<Vec<Body>> {
        let in_force = self.in_force();
        // Another one came in between: what was approved was held against what is no longer in force.
        if in_force.since > its.at {
            return Err(bad("another policy was applied since it was proposed; propose it again"));
        }
        let object = its.object.as_deref().and_then(|hash| hash.parse::<ObjectHash>().ok());
        let object = object.ok_or_else(|| bad("it names no policy"))?;
        let text = self.policy_text(its, object)?;
        let next = policy::next(&in_force, &text)?;
        let object = policy::put(&*self.store, &self.site, &text)?;
        let applied = PolicyApplied { policy: next.name.to_string(), version: next.version.into(), object };
        Ok(vec![applied.into()])
    }

    /// A policy's text: of a person's proposal it is this site's own, else it lies with the mirror.
    fn policy_text(&self, its: &Proposal, hash: ObjectHash) -> Answer<String> {
        let name: ObjectName = match &its.from {
            None => policy::object(&self.site, hash)?,
            Some(site) => format!("site/{site}/policies/{hash}").parse().map_err(|error| Refusal::internal(&error))?,
        };
        let text = self.named_text(&name, hash, pulih_policies::MAX_BYTES as u64)?;
        Policy::parse("policy", text.as_bytes()).map_err(|error| bad(error.to_string()))?;
        Ok(text)
    }

    fn named_text(&self, name: &ObjectName, hash: ObjectHash, limit: u64) -> Answer<String> {
        let bytes = self.store.read(name, limit)?;
        if ObjectHash::of(&bytes) != hash {
            return Err(Refusal::internal(&format!("{name} in the store is damaged")));
        }
        String::from_utf8(bytes).map_err(|error| Refusal::internal(&error))
    }

    fn card_of(&self, its: &Proposal) -> Answer<String> {
        let hash = its.object.as_deref().and_then(|hash| hash.parse::<ObjectHash>().ok());
        let hash = hash.ok_or_else(|| bad("it names no card"))?;
        self.named_text(&self.card_object(hash)?, hash, MAX_CARD_BYTES as u64)
    }

    /// What the Pusat Data is read with follows the card that the ledger names, also after a crash between the two.
    fn mend_card(&self) -> Answer<()> {
        let Some(peer) = self.pusat()?.filter(|peer| peer.ended.is_none()) else { return Ok(()) };
        if self.has_card(&peer.card)? {
            return Ok(());
        }
        let made = lock(&self.catalog).proposals()?.into_iter().filter(|its| its.change == SITE_KEYS);
        for its in made.filter(|its| its.made.is_some()) {
            match self.card_of(&its) {
                Ok(text) if fingerprint(&text).to_string() == peer.card => return self.read_with(&text),
                Ok(_) | Err(Refusal { code: Code::NotFound, .. }) => {}
                Err(refusal) => return Err(refusal),
            }
        }
        Ok(())
    }
}
