//! What `status` says of the DRC.

use pulih_protocol::drc::{HeadView, Heads};
use serde::{Deserialize, Serialize};

use super::super::drc;
use super::super::output::printable;
use crate::state::{Site, StateDir, StateError};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrcStatus {
    name: String,
    url: String,
    /// When it said what is told of it here, by its clock.
    said: Option<String>,
    /// Since when a disaster is declared there.
    disaster: Option<String>,
    /// Why it could not be asked just now.
    error: Option<String>,
}

/// The newest point of a dataset there.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrcPoint {
    snapshot: String,
    pub accepted: String,
    replicated: String,
}

impl From<&HeadView> for DrcPoint {
    fn from(head: &HeadView) -> Self {
        let (snapshot, accepted) = (head.snapshot.clone(), head.accepted.clone());
        Self { snapshot, accepted, replicated: head.replicated.clone() }
    }
}

impl DrcStatus {
    /// The DRC, and what it said last; with `ask`, just now.
    pub fn collect(
        state: &StateDir,
        site: Option<&Site>,
        now: i64,
        ask: bool,
    ) -> Result<(Option<Self>, Option<Heads>), StateError> {
        let (Some(site), Some(known)) = (site, state.drc()?) else { return Ok((None, None)) };
        let asked = ask.then(|| drc::ask(state, site, &known, now));
        let error = asked.and_then(Result::err).map(|failure| failure.words());
        let heads = drc::heads_seen(state, &site.agent, &known)?;
        let status = Self {
            name: known.card.name,
            url: known.card.url,
            said: heads.as_ref().map(|heads| heads.at.clone()),
            disaster: heads.as_ref().and_then(|heads| heads.disaster.clone()),
            error,
        };
        Ok((Some(status), heads))
    }

    /// The same for people; `local` prints a time.
    pub fn lines(&self, local: impl Fn(&str) -> String) -> Vec<String> {
        let said =
            self.said.as_deref().map_or("it said nothing yet".to_owned(), |at| format!("it last spoke {}", local(at)));
        let mut lines = vec![format!("{} ({}): {said}", printable(&self.name), self.url)];
        if let Some(since) = &self.disaster {
            lines.push(format!("  a disaster is declared there since {}", local(since)));
        }
        if let Some(error) = &self.error {
            lines.push(format!("  not reached: {}", printable(error)));
        }
        lines
    }
}
