//! The raw log of a drill: what was not as it should be, and whether every file that a sample draws was tried.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use serde_json::Value;

use super::Drill;
use super::judge::{SAMPLES, is_restored, point_of};
use crate::sample::seed;

/// A line of a file or a question. Of other lines nothing is asked.
#[derive(Deserialize)]
struct Line {
    step: u64,
    ok: bool,
    #[serde(default)]
    file: Value,
}

/// A line that is text, and an object. `step`, `ok` or `file` twice is none.
fn read(line: &[u8]) -> Option<Line> {
    let text = std::str::from_utf8(line).ok().filter(|text| text.trim_ascii_start().starts_with('{'))?;
    serde_json::from_str(text).ok()
}

#[derive(Default)]
pub struct Lines {
    /// Steps in which something was not as it should be.
    pub not_ok: BTreeSet<u64>,
    /// Of each step the files that were.
    files: BTreeMap<u64, BTreeSet<u64>>,
}

impl Lines {
    pub fn read(bytes: &[u8]) -> Self {
        let mut lines = Self::default();
        for line in bytes.split(|byte| *byte == b'\n').filter_map(read) {
            if !line.ok {
                lines.not_ok.insert(line.step);
            } else if let Some(file) = line.file.as_u64() {
                lines.files.entry(line.step).or_default().insert(file);
            }
        }
        lines
    }
}

impl Drill {
    /// What the log lacks of the sample, if one was drawn.
    pub(super) fn not_drawn<E>(
        &self,
        lines: &Lines,
        files_of: &dyn Fn(&str) -> Result<Option<u64>, E>,
    ) -> Result<Vec<String>, E> {
        let percent = self.announced.as_ref().and_then(|announced| announced.sample_percent);
        let line = self.started.as_ref().and_then(|started| started.cosignature.as_deref());
        let seed = line.and_then(|line| seed(line).ok());
        let (Some(percent), Some(seed)) = (percent.filter(|percent| SAMPLES.contains(percent)), seed) else {
            return Ok(Vec::new());
        };
        let mut wrong = Vec::new();
        for step in self.steps.iter().filter(|step| is_restored(step)) {
            let Some(point) = point_of(step) else { continue };
            let Some(files) = files_of(&point)? else { continue };
            let tried = lines.files.get(&step.step);
            let drawn = seed.sample(&point, files, percent as u8);
            let missing = drawn.into_iter().find(|file| tried.is_none_or(|tried| !tried.contains(file)));
            wrong.extend(
                missing.map(|file| format!("the log of step {} lacks file {file}, which was drawn", step.step)),
            );
        }
        Ok(wrong)
    }
}
