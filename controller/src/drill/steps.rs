//! The steps of a drill, one after the other: each point that was announced, and each recipe once its points are back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pulih_evidence::sample::seed;
use pulih_policies::Recipe;
use pulih_restore::recover as restored;
use pulih_vault::manifest::Counts;
use serde_json::json;

use super::log::Log;
use super::{Worker, application, restore, verify};
use crate::drc::drills::order::{Applied, Order, Outcome, StepEnded, Subject};
use crate::drc::drills::{Ask, needs, restores};
use crate::drc::recovery::order::Dataset;
use crate::record::time;
use crate::recover::content;
use crate::uji;

/// Below the drill's folder: for each recipe one with its datasets.
const DATA: &str = "data";

/// What came of all of them.
pub struct Done {
    pub is_good: bool,
    /// What is still there of recipes' programs.
    pub leftovers: u64,
    /// For people.
    pub text: String,
}

struct Going<'g> {
    its: &'g Worker<'g>,
    order: &'g Order,
    log: &'g Log,
    step: u64,
    is_good: bool,
    leftovers: u64,
}

/// `folder`: the drill's own, where it restores.
pub fn all(its: &Worker, order: &Order, folder: Option<&Path>, log: &Log) -> Done {
    let mut going = Going { its, order, log, step: 0, is_good: true, leftovers: 0 };
    let text = match going.all(folder) {
        Ok(()) => String::new(),
        Err(why) => {
            // Without its step the drill does not pass.
            going.is_good = false;
            format!("a step was not written down: {why}")
        }
    };
    Done { is_good: going.is_good, leftovers: going.leftovers, text }
}

/// Which files of a point are restored; `None`: all.
fn drawn(order: &Order, item: &Dataset, files: u64) -> Result<Option<BTreeSet<u64>>, String> {
    let Some(percent) = order.sample_percent else { return Ok(None) };
    let first = order.first.as_ref().ok_or("nobody has co-signed what its sample is drawn from")?;
    let drawn = seed(&first.cosignature).map_err(|error| error.to_string())?.sample(&item.point(), files, percent);
    if drawn.is_empty() && files > 0 {
        return Err(format!("no file was drawn, and the snapshot counts {files}"));
    }
    Ok(Some(drawn))
}

/// What came of it, held against what the snapshot counts; no more of it is told than that.
fn counted(mut done: restored::Done, expected: u64, all: &Counts) -> restored::Done {
    if done.is_good && done.files != expected {
        done.is_good = false;
        done.text = format!("{}; {expected} files were to come back, and {} did", done.text, done.files);
    }
    if done.bytes > all.bytes {
        done.is_good = false;
        done.text = format!("{}; they have more bytes than the snapshot counts", done.text);
    }
    (done.files, done.bytes) = (done.files.min(all.files), done.bytes.min(all.bytes));
    done
}

fn milliseconds(span: Duration) -> u64 {
    span.as_millis() as u64
}

impl Going<'_> {
    fn all(&mut self, folder: Option<&Path>) -> Result<(), String> {
        let mut items: Vec<&Dataset> = self.order.items.iter().collect();
        let mut unread = Vec::new();
        for applied in &self.order.recipes {
            match self.read(applied) {
                Ok(recipe) => {
                    let (own, others) = items.into_iter().partition(|item| needs(&recipe, item));
                    items = others;
                    self.recipe(applied, &recipe, own, folder)?;
                }
                Err(why) => unread.push((applied, why)),
            }
        }
        items.into_iter().try_for_each(|item| self.point(item, folder).map(drop))?;
        // Nobody can say which points are theirs: they come after all of them.
        unread.into_iter().try_for_each(|(applied, why)| self.unread(applied, why))
    }

    fn read(&self, applied: &Applied) -> Result<Recipe, String> {
        let site = self.its.dir.site().map_err(|error| error.to_string())?.id().map_err(|error| error.to_string())?;
        application::read(&*self.its.store, &site, applied)
    }

    fn begun(&self, subject: Subject) -> StepEnded {
        StepEnded {
            drill: self.order.drill.clone(),
            subject,
            outcome: Outcome::Failed,
            began: time(uji::now()).map(|time| time.to_string()).unwrap_or_default(),
            milliseconds: 0,
            fetch_ms: 0,
            decrypt_ms: 0,
            write_ms: 0,
            verify_ms: 0,
            check_ms: 0,
            files: 0,
            bytes: 0,
            total_files: 0,
            total_bytes: 0,
            text: String::new(),
        }
    }

    /// Writes a step down; returns whether it passed.
    fn ended(&mut self, ended: StepEnded) -> Result<bool, String> {
        let passed = ended.outcome == Outcome::Passed;
        self.log.line(json!({"step": self.step, "passed": passed}));
        self.log.sync();
        self.is_good &= passed;
        (self.its.ask)(Ask::Step { ended }).map(|_| passed)
    }

    fn point(&mut self, item: &Dataset, folder: Option<&Path>) -> Result<bool, String> {
        self.step += 1;
        let (clock, at) = (Instant::now(), (self.log, self.step));
        eprintln!("drill {}: {} of {}", self.order.drill, item.label(), item.captured);
        let mut ended = self.begun(Subject::Point { point: item.point() });
        let counts = content(&*self.its.store, item);
        if let Ok(counts) = &counts {
            (ended.total_files, ended.total_bytes) = (counts.files, counts.bytes);
        }
        match (counts, folder) {
            // Nothing that came of it could be held against what there is.
            (Err(why), _) => ended.text = why,
            (Ok(_), None) if restores(&self.order.kind) => ended.text = "there is no scratch place".into(),
            (Ok(counts), Some(folder)) if restores(&self.order.kind) => {
                let store = self.its.store.clone();
                let done = match drawn(self.order, item, counts.files) {
                    Ok(only) => {
                        let expected = only.as_ref().map_or(counts.files, |drawn| drawn.len() as u64);
                        let most = counts.bytes;
                        let done = restore::restore(store, item, (most, only), self.its.keeper, folder, at);
                        counted(done, expected, &counts)
                    }
                    Err(text) => restored::Done { text, ..Default::default() },
                };
                ended.outcome = Outcome::of(done.is_good);
                (ended.files, ended.bytes, ended.text) = (done.files, done.bytes, done.text);
                (ended.fetch_ms, ended.decrypt_ms) = (milliseconds(done.fetch), milliseconds(done.decrypt));
                (ended.write_ms, ended.verify_ms) = (milliseconds(done.write), milliseconds(done.verify));
            }
            (Ok(_), _) => {
                let done = verify::verify(&*self.its.store, item, at);
                ended.outcome = Outcome::of(done.is_good);
                (ended.bytes, ended.text) = (done.bytes, done.text);
                (ended.fetch_ms, ended.verify_ms) = (milliseconds(done.fetch), milliseconds(done.verify));
            }
        }
        ended.milliseconds = milliseconds(clock.elapsed());
        self.ended(ended)
    }

    /// Restores what a recipe needs into a folder of its own, and runs it there.
    fn recipe(
        &mut self,
        applied: &Applied,
        recipe: &Recipe,
        own: Vec<&Dataset>,
        folder: Option<&Path>,
    ) -> Result<(), String> {
        let data = folder.map(|folder| folder.join(DATA).join(recipe.name.as_str()));
        let made = data.as_deref().map_or(Ok(()), fs::create_dir_all);
        let mut is_back = true;
        for item in own {
            is_back &= self.point(item, data.as_deref())?;
        }
        self.step += 1;
        let clock = Instant::now();
        let mut ended = self.begun(Subject::Recipe { recipe: applied.recipe.clone() });
        match (made, data) {
            (Err(error), _) => ended.text = format!("the scratch place cannot be used: {error}"),
            (_, None) => ended.text = "there is no scratch place".into(),
            (Ok(()), Some(_)) if !is_back => {
                ended.outcome = Outcome::Skipped;
                ended.text = "its data did not come back whole, so it was not run".into();
            }
            (Ok(()), Some(data)) => match application::places(self.its.dir, self.its.keeper) {
                Err(why) => ended.text = why,
                Ok(places) => match application::shows(&recipe.programs, &places) {
                    Some(why) => (ended.outcome, ended.text) = (Outcome::Skipped, why),
                    None => self.run(applied, recipe, &data, &mut ended),
                },
            },
        }
        ended.milliseconds = milliseconds(clock.elapsed());
        self.ended(ended).map(drop)
    }

    fn run(&mut self, applied: &Applied, recipe: &Recipe, data: &Path, ended: &mut StepEnded) {
        eprintln!("drill {}: recipe {} version {}", self.order.drill, applied.recipe, applied.version);
        let done = application::run(&self.order.drill, recipe, data, (self.log, self.step));
        (ended.outcome, ended.text) = (application::outcome(done.outcome), done.text);
        ended.check_ms = milliseconds(done.check);
        self.leftovers += done.leftovers;
    }

    /// A recipe that cannot be read was not run.
    fn unread(&mut self, applied: &Applied, why: String) -> Result<(), String> {
        self.step += 1;
        let ended = StepEnded { text: why, ..self.begun(Subject::Recipe { recipe: applied.recipe.clone() }) };
        self.ended(ended).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_did_not_come_back_whole_does_not_pass_whoever_says_so() {
        let done =
            |files, bytes| restored::Done { is_good: true, files, bytes, text: "seen".into(), ..Default::default() };
        let all = Counts { files: 3, bytes: 9, ..Counts::default() };
        // All of them, or a sample.
        assert!(counted(done(3, 9), 3, &all).is_good && counted(done(1, 4), 1, &all).is_good);
        for (files, expected) in [(0, 3), (2, 3), (4, 3), (3, 0)] {
            let held = counted(done(files, 9), expected, &all);
            assert!(!held.is_good && held.text.contains(&format!("{expected} files were to come back")), "{held:?}");
            assert!(held.files <= 3, "{held:?}");
        }
        let more = counted(done(3, 10), 3, &all);
        assert!(!more.is_good && more.bytes == 9 && more.text.contains("more bytes"), "{more:?}");
        let failed = restored::Done { files: 1, text: "why".into(), ..Default::default() };
        assert_eq!(counted(failed, 3, &all).text, "why");
    }
}
