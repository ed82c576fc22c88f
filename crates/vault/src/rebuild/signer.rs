//! Who signs a manifest that is made again: the agent that wrote the snapshot, or the owner.

use crate::description::Description;
use crate::note::SigningKey;

/// The keys that are at hand.
#[derive(Clone, Copy, Default)]
pub struct Signers<'a> {
    pub agent: Option<&'a SigningKey>,
    pub owner: Option<&'a SigningKey>,
}

impl Signers<'_> {
    /// The key whose signature is believed under `description`.
    pub fn of(&self, description: &Description) -> Option<&SigningKey> {
        let agent = self.agent.filter(|key| key.verifier() == description.agent);
        agent.or_else(|| self.owner.filter(|key| key.verifier() == description.owner))
    }
}
