//! Onto another server: its agent restores, and this command follows the order and says whose turn it is.

use std::time::{Duration, Instant};

use pulih_terminal::printable;
use serde_json::Value;

use super::{Failure, LOOK_EVERY, Run};
use crate::cli::ask::answer_if_served;
use crate::control::Ask;
use crate::drc::recovery::Ask as Recovery;
use crate::drc::recovery::order::{Dataset, ServersTurn};

/// For whoever serves the site to be there again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Run<'_> {
    /// Waits until the server said what came of a dataset.
    pub(super) fn servers_turn(&self, id: &str, its: &Dataset, number: u64, left_bytes: u64) -> Result<bool, Failure> {
        let server = &self.wanted.target;
        let record = self.of_server(id, &Ask::Recovery(Recovery::Recovery { id: id.to_owned() }))?;
        let after = record["steps"].as_array().map_or(0, Vec::len) as u64;
        eprintln!(
            "{} of {} ({}) is server {server}'s turn; there: pulih-agent recover --target DIR",
            its.label(),
            its.captured,
            its.opd
        );
        let turn = ServersTurn { recovery: id.to_owned(), point: its.point(), number, left_bytes, after };
        let ask = Ask::Recovery(Recovery::ServersTurn { turn });
        loop {
            let told = self.of_server(id, &ask)?;
            if let Some(outcome) = told["outcome"].as_str() {
                let kind = if outcome == "done" { "done" } else { "error" };
                eprintln!("{kind}: {}: {}", its.label(), printable(told["text"].as_str().unwrap_or_default()));
                return Ok(outcome == "done");
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }

    /// Asks whoever serves the site, and nobody else: the server has to reach it. It may be started again meanwhile.
    fn of_server(&self, id: &str, ask: &Ask) -> Result<Value, Failure> {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(told) = answer_if_served(self.dir, ask)? {
                return Ok(told);
            }
            if Instant::now() >= end {
                return Err(Failure::Said(format!(
                    "nobody serves this site, and server {} reaches nothing: start `pulih-controller serve`; the same \
                     command goes on with recovery {id}",
                    self.wanted.target
                )));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
