//! Lines of a drill's log, of which the verifier needs no more.

use serde::Deserialize;

/// A line of a drill's log: of a file or a question.
#[derive(Debug, Clone, Deserialize)]
pub struct LogLine {
    pub step: u64,
    pub ok: bool,
}
