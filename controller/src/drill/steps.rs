//! The steps of a drill, one after the other: each point that was announced, and each recipe once its points are back.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use pulih_evidence::sample::seed;
use pulih_policies::Recipe;
use serde_json::json;

use super::log::Log;
use super::{Worker, application, restore, verify};
use crate::drc::drills::order::{Applied, Order, Outcome, StepEnded, Subject};
use crate::drc::drills::{Ask, restores};
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
    let seed = seed(&first.cosignature).map_err(|error| error.to_string())?;
    Ok(Some(seed.sample(&item.point(), files, percent)))
}

fn milliseconds(span: Duration) -> u64 {
    span.as_millis() as u64
}

impl Going<'_> {
    fn all(&mut self, folder: Option<&Path>) -> Result<(), String> {
        let mut items: Vec<&Dataset> = self.order.items.iter().collect();
        for applied in &self.order.recipes {
            let recipe = self.read(applied);
            let is_its = |item: &&Dataset| recipe.as_ref().is_ok_and(|recipe| needs(recipe, item));
            let (own, others) = items.into_iter().partition(is_its);
            items = others;
            self.recipe(applied, recipe.as_ref(), own, folder)?;
        }
        items.into_iter().try_for_each(|item| self.point(item, folder).map(drop))
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
        let counts = content(&*self.its.store, item).ok();
        (ended.total_files, ended.total_bytes) = counts.map_or((0, 0), |counts| (counts.files, counts.bytes));
        match folder {
            Some(folder) if restores(&self.order.kind) => {
                let (store, most) = (self.its.store.clone(), ended.total_bytes);
                let done = match drawn(self.order, item, ended.total_files) {
                    Ok(only) => restore::restore(store, item, (most, only), self.its.keeper, folder, at),
                    Err(text) => pulih_restore::recover::Done { text, ..Default::default() },
                };
                ended.outcome = Outcome::of(done.is_good);
                (ended.files, ended.bytes, ended.text) = (done.files, done.bytes, done.text);
                (ended.fetch_ms, ended.decrypt_ms) = (milliseconds(done.fetch), milliseconds(done.decrypt));
                (ended.write_ms, ended.verify_ms) = (milliseconds(done.write), milliseconds(done.verify));
            }
            _ => {
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
        recipe: Result<&Recipe, &String>,
        own: Vec<&Dataset>,
        folder: Option<&Path>,
    ) -> Result<(), String> {
        let made = match (recipe, folder) {
            (Err(why), _) => Err(why.clone()),
            (_, None) => Err("there is no scratch place".into()),
            (Ok(recipe), Some(folder)) => {
                let data = folder.join(DATA).join(recipe.name.as_str());
                let made = fs::create_dir_all(&data);
                made.map(|()| (recipe, data)).map_err(|error| format!("the scratch place cannot be used: {error}"))
            }
        };
        let mut is_back = true;
        if let Ok((_, data)) = &made {
            for item in own {
                is_back &= self.point(item, Some(data))?;
            }
        }
        self.step += 1;
        let clock = Instant::now();
        let mut ended = self.begun(Subject::Recipe { recipe: applied.recipe.clone() });
        match made {
            Err(why) => ended.text = why,
            Ok(_) if !is_back => {
                ended.outcome = Outcome::Skipped;
                ended.text = "its data did not come back whole, so it was not run".into();
            }
            Ok((recipe, data)) => {
                eprintln!("drill {}: recipe {} version {}", self.order.drill, applied.recipe, applied.version);
                let done = application::run(&self.order.drill, recipe, &data, (self.log, self.step));
                (ended.outcome, ended.text) = (application::outcome(done.outcome), done.text);
                ended.check_ms = milliseconds(done.check);
                self.leftovers += done.leftovers;
            }
        }
        ended.milliseconds = milliseconds(clock.elapsed());
        self.ended(ended).map(drop)
    }
}

fn needs(recipe: &Recipe, item: &Dataset) -> bool {
    recipe.datasets.iter().any(|part| {
        (part.opd.as_str(), part.agent.as_str(), part.dataset.as_str()) == (&*item.opd, &*item.agent, &*item.dataset)
    })
}
