//! Onto another server: its agent restores, and this command follows the order and says whose turn it is.

use std::time::Duration;

use pulih_terminal::printable;

use super::{Failure, LOOK_EVERY, Run};
use crate::cli::ask::{answer, answer_of_server};
use crate::control::Ask;
use crate::drc::recovery::Ask as Recovery;
use crate::drc::recovery::order::{Dataset, ServersTurn};

/// For whoever serves the site to be there again.
const PATIENCE: Duration = Duration::from_secs(60);

impl Run<'_> {
    /// Waits until the server said what came of a dataset.
    pub(super) fn servers_turn(&self, id: &str, its: &Dataset, number: u64, left_bytes: u64) -> Result<bool, Failure> {
        let server = &self.wanted.target;
        let record = answer(self.dir, Ask::Recovery(Recovery::Recovery { id: id.to_owned() }))?;
        let after = record["steps"].as_array().map_or(0, Vec::len) as u64;
        eprintln!(
            "{} of {} ({}) is server {server}'s turn; there: pulih-agent recover --target DIR",
            its.label(),
            its.captured,
            its.opd
        );
        let turn = ServersTurn { recovery: id.to_owned(), point: its.point(), number, left_bytes, after };
        let ask = Ask::Recovery(Recovery::ServersTurn { turn });
        let mut silent = Duration::ZERO;
        loop {
            // Asked of whoever serves, and not done here: the server has to reach it.
            match answer_of_server(self.dir, &ask)? {
                Some(told) => {
                    silent = Duration::ZERO;
                    if let Some(outcome) = told["outcome"].as_str() {
                        let text = told["text"].as_str().unwrap_or_default();
                        let kind = if outcome == "done" { "done" } else { "error" };
                        eprintln!("{kind}: {}: {}", its.label(), printable(text));
                        return Ok(outcome == "done");
                    }
                }
                None if silent >= PATIENCE => {
                    return Err(Failure::Said(format!(
                        "nobody serves this site, and server {server} reaches nothing: start `pulih-controller serve`; \
                         the same command goes on with recovery {id}"
                    )));
                }
                None => silent += LOOK_EVERY,
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}
