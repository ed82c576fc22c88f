//! The rolling scrub: all objects in the order of their names, from where the last process left off, at
//! the pace of a daily budget; or all at once, when a person asks for it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pulih_ledger::Actor;
use pulih_ledger::entry::kinds::ScrubFinished;
use pulih_ledger::layout::Layout;
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{self as vault_layout, ObjectKind, vault_of};
use pulih_vault::store::ObjectName;
use pulih_vault::utc;
use serde::Serialize;

use super::damage::Mended;
use super::look::{Found, look};
use super::names::{Part, hash_in, parts};
use super::sources::Source;
use crate::base::{Base, lock};
use crate::catalog::Turn;
use crate::gateway::answer::{Answer, Refusal};
use crate::parallel;
use crate::record::time;

const DAY_SECONDS: u64 = 24 * 3600;
/// Where `site.toml` sets no budget, all is read within so many days, with time to spare in a month.
const TURN_DAYS: u64 = 25;
/// Small stores are read sooner.
const LEAST_PER_DAY: u64 = 1 << 30;
/// Threads that read when a person waits for it.
const THREADS: usize = 4;
/// Objects between two marks of how far a scrub has come.
const AT_ONCE: usize = 32;
/// Looks for what is missing in a vault, one after the other: a manifest, its chain of reaches, the rest.
const MOST_LOOKS: usize = 12;
/// Bytes that may be read in a row when the budget was not used for a while.
const BURST_SECONDS: u64 = 60;
/// Between tries to heal what is known to be damaged.
const AGAIN: Duration = Duration::from_secs(3600);

/// The turn that goes on, as far as it is in memory.
#[derive(Default)]
pub struct Rolling {
    /// Whether `parts` are those of the turn.
    is_laid_out: bool,
    parts: VecDeque<Part>,
    part: Option<Part>,
    names: VecDeque<(ObjectName, ObjectHash)>,
    /// Bytes that may be read now; below zero after a large object.
    allowed: i64,
    /// When `allowed` grew last, and when known damage was tried last.
    grown: Option<Instant>,
    tried: Option<Instant>,
}

/// What one run of the scrub found.
#[derive(Debug, Default, Serialize)]
pub struct Scrubbed {
    #[serde(rename = "type")]
    kind: &'static str,
    pub began: String,
    /// Whether the turn came to its end.
    pub finished: bool,
    pub objects: u64,
    pub bytes: u64,
    pub seconds: f64,
    pub damaged: Vec<String>,
    pub healed: Vec<String>,
    pub lost: Vec<Lost>,
    /// Damaged, and nobody could be asked, or not everybody.
    pub waiting: Vec<String>,
}

#[derive(Debug, Serialize)]
pub struct Lost {
    pub object: String,
    pub snapshots: Vec<String>,
}

/// How a run reads.
#[derive(Clone, Copy)]
struct Pace {
    /// `None`: to the end of the turn.
    bytes: Option<u64>,
    threads: usize,
    at_once: usize,
}

/// The vault of a manifest or reach.
fn says_what_is_needed(object: &ObjectName) -> Option<VaultId> {
    let vault = vault_of(object)?;
    let kind = vault_layout::Layout { vault }.classify(object)?;
    matches!(kind, ObjectKind::Manifest(..) | ObjectKind::Reach(_)).then_some(vault)
}

impl Base {
    /// Bytes that are read in a day.
    pub fn scrub_per_day(&self) -> Answer<u64> {
        if let Some(size) = self.site.scrub_per_day() {
            return Ok(size);
        }
        Ok((lock(&self.catalog).stored_bytes()? / TURN_DAYS).max(LEAST_PER_DAY))
    }

    /// Scrubs as a person asked: a day's share of the turn that goes on, or a whole one from its
    /// beginning. What was damaged before is tried again.
    pub fn scrub(&self, all: bool, sources: &[Source]) -> Answer<Scrubbed> {
        let mut rolling = lock(&self.scrubbing.running);
        let per_day = self.scrub_per_day()?;
        if all {
            lock(&self.catalog).set_scrub_turn(None)?;
            *rolling = Rolling::default();
        }
        let stored = lock(&self.catalog).stored_bytes()?;
        self.scrubbing.progress.begin(if all { stored } else { stored.min(per_day) });
        let mut done = Scrubbed { kind: "pulih/scrubbed/v1", ..Scrubbed::default() };
        self.try_again(true, sources, &mut done)?;
        let bytes = (!all).then_some(per_day);
        self.run(&mut rolling, Pace { bytes, threads: THREADS, at_once: AT_ONCE }, sources, &mut done)?;
        Ok(done)
    }

    /// What a serving site does every few seconds: as much as the daily budget allows by now.
    pub fn scrub_a_little(&self, sources: impl FnOnce() -> Answer<Vec<Source>>) -> Answer<()> {
        // A person's scrub reads the same, and faster.
        let Ok(mut rolling) = self.scrubbing.running.try_lock() else { return Ok(()) };
        let (now, per_second) = (Instant::now(), self.scrub_per_day()? as f64 / DAY_SECONDS as f64);
        let since = rolling.grown.replace(now).map_or(Duration::ZERO, |last| now - last);
        let most = (per_second * BURST_SECONDS as f64) as i64;
        rolling.allowed = (rolling.allowed + (per_second * since.as_secs_f64()) as i64).min(most);
        let tries = rolling.tried.is_none_or(|last| now - last > AGAIN);
        if rolling.allowed <= 0 && !tries {
            return Ok(());
        }
        let sources = sources()?;
        let mut done = Scrubbed::default();
        if tries {
            self.try_again(rolling.tried.is_none(), &sources, &mut done)?;
            rolling.tried = Some(now);
        }
        if let Ok(bytes @ 1..) = u64::try_from(rolling.allowed) {
            let pace = Pace { bytes: Some(bytes), threads: 1, at_once: 1 };
            let ran = self.run(&mut rolling, pace, &sources, &mut done);
            rolling.allowed -= done.bytes as i64;
            ran?;
        }
        Ok(())
    }

    /// Looks once more at what is known to be damaged; `lost`: also at what nobody had.
    fn try_again(&self, lost: bool, sources: &[Source], done: &mut Scrubbed) -> Answer<()> {
        let known = lock(&self.catalog).damages()?;
        let mut bad = Vec::new();
        for its in known.into_iter().filter(|its| lost || its.costs.is_none()) {
            let Ok(object) = its.object.parse::<ObjectName>() else { continue };
            let Some(hash) = hash_in(&object) else { continue };
            match look(&*self.store, &object, hash, &|_| !self.scrubbing.is_ending()) {
                // A person brought it back, or this process ended before it was written down.
                Found::Sound(bytes) => self.note_healed(&object, self.id()?.as_str(), bytes)?,
                Found::Stopped => return Err(super::ending()),
                _ => bad.push(object),
            }
        }
        let mended = self.mend(&bad, sources)?;
        self.tell(&bad, mended, done)
    }

    fn run(&self, rolling: &mut Rolling, pace: Pace, sources: &[Source], done: &mut Scrubbed) -> Answer<()> {
        let began = Instant::now();
        let turn = lock(&self.catalog).scrub_turn()?;
        let mut turn = turn.unwrap_or_else(|| Turn { began: self.now(), ..Turn::default() });
        done.began = utc::rfc3339(turn.began);
        if !rolling.is_laid_out {
            self.lay_out(rolling, &turn)?;
        }
        loop {
            if self.scrubbing.is_ending() {
                return Err(super::ending());
            }
            if rolling.names.is_empty() {
                if let Some(part) = rolling.part.take() {
                    turn.cursor = part.end();
                    lock(&self.catalog).set_scrub_turn(Some(&turn))?;
                }
                let Some(part) = rolling.parts.pop_front() else { break };
                let found = self.begin_part(&part, &turn.cursor, sources, done)?;
                turn.damaged += found.0;
                turn.healed += found.1;
                rolling.names = part.names(&*self.store, &turn.cursor)?.into();
                rolling.part = Some(part);
                continue;
            }
            if pace.bytes.is_some_and(|most| done.bytes >= most) {
                done.seconds = began.elapsed().as_secs_f64();
                return Ok(());
            }
            let some: Vec<_> = rolling.names.iter().take(pace.at_once).cloned().collect();
            self.scrub_some(&some, pace.threads, sources, &mut turn, done)?;
            rolling.names.drain(..some.len());
            if let Some((last, _)) = some.last() {
                turn.cursor = last.to_string();
            }
            lock(&self.catalog).set_scrub_turn(Some(&turn))?;
        }
        *rolling =
            Rolling { allowed: rolling.allowed, grown: rolling.grown, tried: rolling.tried, ..Rolling::default() };
        self.finish(&turn)?;
        done.finished = true;
        done.seconds = began.elapsed().as_secs_f64();
        Ok(())
    }

    /// The parts of a turn that are still to come.
    fn lay_out(&self, rolling: &mut Rolling, turn: &Turn) -> Answer<()> {
        let sites: Vec<_> = self.ledgers()?.into_iter().map(|(site, _)| site).collect();
        rolling.parts = parts(&*self.store, &sites)?.into();
        rolling.parts.retain(|part| part.end() > turn.cursor);
        rolling.is_laid_out = true;
        Ok(())
    }

    fn finish(&self, turn: &Turn) -> Answer<()> {
        let began = time(turn.began).map_err(|error| Refusal::internal(&error))?;
        let &Turn { objects, bytes, damaged, healed, .. } = turn;
        let finished = ScrubFinished { began, objects, bytes, damaged, healed };
        lock(&self.record).write(self.now(), &Actor::Site, vec![finished.into()])?;
        Ok(lock(&self.catalog).set_scrub_turn(None)?)
    }

    /// What is done once for a part, before its objects are read; how many were found damaged, and healed.
    fn begin_part(&self, part: &Part, cursor: &str, sources: &[Source], done: &mut Scrubbed) -> Answer<(u64, u64)> {
        match part {
            Part::Ledger(site) => {
                let key = self.ledgers()?.into_iter().find(|(known, _)| known == site);
                let found = key.map_or(Ok(0), |(site, key)| self.scrub_ledger(&site, &key))?;
                Ok((found as u64, 0))
            }
            Part::Needs(vault) if cursor < part.end().as_str() => self.look_for_missing(*vault, sources, done),
            _ => Ok((0, 0)),
        }
    }

    /// Finds what snapshots of a vault need and the store does not have.
    fn look_for_missing(&self, vault: VaultId, sources: &[Source], done: &mut Scrubbed) -> Answer<(u64, u64)> {
        let (mut new, mut healed) = (0, 0);
        // Once a manifest or reach is back, it says what else is missing.
        for _ in 0..MOST_LOOKS {
            let missing = self.really_missing(vault)?;
            let found: Vec<_> = missing.iter().map(|name| (name.clone(), "it is gone".to_owned())).collect();
            new += self.note_damage(&found)? as u64;
            let mended = self.mend(&missing, sources)?;
            let back = mended.healed.len() as u64;
            healed += back;
            self.tell(&missing, mended, done)?;
            if back == 0 {
                break;
            }
        }
        Ok((new, healed))
    }

    /// Brings back what snapshots of a vault need and the store does not have; says how many that are.
    pub fn bring_back(&self, vault: VaultId, sources: &[Source]) -> Answer<u64> {
        Ok(self.look_for_missing(vault, sources, &mut Scrubbed::default())?.1)
    }

    /// What is missing for snapshots that are here, now that the first look is over.
    fn really_missing(&self, vault: VaultId) -> Answer<Vec<ObjectName>> {
        let mut missing = self.missing(vault)?;
        if missing.is_empty() {
            return Ok(missing);
        }
        self.must_be_alive()?;
        // What came, or was given up together with its snapshots, meanwhile.
        missing.retain(|name| self.store.size(name).is_err());
        let costs = self.costs(vault, &missing)?;
        missing.retain(|name| costs.get(name).is_some_and(|snapshots| !snapshots.is_empty()));
        Ok(missing)
    }

    /// Reads some objects, and heals those of them that are damaged.
    fn scrub_some(
        &self,
        some: &[(ObjectName, ObjectHash)],
        threads: usize,
        sources: &[Source],
        turn: &mut Turn,
        done: &mut Scrubbed,
    ) -> Answer<()> {
        let known: BTreeSet<String> = lock(&self.catalog).damages()?.into_iter().map(|its| its.object).collect();
        let (bytes, objects) = (AtomicU64::new(0), AtomicU64::new(0));
        let odd: Mutex<Vec<(ObjectName, Found)>> = Mutex::default();
        let read = |count: u64| {
            bytes.fetch_add(count, Ordering::Relaxed);
            self.scrubbing.progress.advance(count);
            !self.scrubbing.is_ending()
        };
        parallel::each(some, threads, |(name, hash)| {
            let mut found = look(&*self.store, name, *hash, &read);
            if let Found::Unread(_) = found {
                found = look(&*self.store, name, *hash, &read);
            }
            objects.fetch_add(1, Ordering::Relaxed);
            match found {
                Found::Stopped => return Err(super::ending()),
                Found::Sound(bytes) if known.contains(name.as_str()) => {
                    self.note_healed(name, self.id()?.as_str(), bytes)?;
                }
                Found::Sound(_) => {}
                found => lock(&odd).push((name.clone(), found)),
            }
            Ok(())
        })?;
        let (bytes, objects) = (bytes.into_inner(), objects.into_inner());
        (done.bytes, done.objects) = (done.bytes + bytes, done.objects + objects);
        (turn.bytes, turn.objects) = (turn.bytes + bytes, turn.objects + objects);
        let odd = std::mem::take(&mut *lock(&odd));
        if odd.is_empty() {
            return Ok(());
        }
        let damaged = self.judge(odd)?;
        let objects: Vec<ObjectName> = damaged.iter().map(|(name, _)| name.clone()).collect();
        self.note_damage(&damaged)?;
        let mended = self.mend(&objects, sources)?;
        turn.damaged += objects.len() as u64;
        turn.healed += mended.healed.len() as u64;
        // As long as a manifest or reach was damaged, nobody could tell what its snapshot needs.
        let spoke: BTreeSet<VaultId> = mended.healed.iter().filter_map(says_what_is_needed).collect();
        self.tell(&objects, mended, done)?;
        for vault in spoke {
            let (damaged, healed) = self.look_for_missing(vault, sources, done)?;
            turn.damaged += damaged;
            turn.healed += healed;
        }
        Ok(())
    }

    /// Which of them are damaged: not if it is the store that cannot be read now, and not what was
    /// deleted after it was listed.
    fn judge(&self, odd: Vec<(ObjectName, Found)>) -> Answer<Vec<(ObjectName, String)>> {
        self.must_be_alive()?;
        let mut damaged = Vec::new();
        for (name, found) in odd {
            match found {
                Found::Damaged(why) => damaged.push((name, why)),
                Found::Unread(why) => damaged.push((name, format!("it cannot be read: {why}"))),
                Found::Gone => {
                    let Some(vault) = vault_of(&name) else { continue };
                    let costs = self.costs(vault, std::slice::from_ref(&name))?;
                    if costs.values().any(|snapshots| !snapshots.is_empty()) {
                        damaged.push((name, "it is gone".into()));
                    }
                }
                Found::Sound(_) | Found::Stopped => {}
            }
        }
        Ok(damaged)
    }

    /// Whether the store can be read: the ledger's first object is in every site's.
    pub(super) fn is_alive(&self) -> bool {
        let Ok(site) = self.id() else { return false };
        self.store.read(&Layout { site }.checkpoint(0), 1 << 20).is_ok()
    }

    pub(super) fn must_be_alive(&self) -> Answer<()> {
        let Ok(site) = self.id() else { return Err(Refusal::internal(&"the site has no id")) };
        self.store.read(&Layout { site }.checkpoint(0), 1 << 20).map(drop).map_err(|error| {
            eprintln!("error: the store cannot be read now, so nothing in it is called damaged: {error}");
            Refusal::from(error)
        })
    }

    fn tell(&self, damaged: &[ObjectName], mended: Mended, done: &mut Scrubbed) -> Answer<()> {
        done.damaged.extend(damaged.iter().map(ToString::to_string));
        done.healed.extend(mended.healed.iter().map(ToString::to_string));
        done.waiting.extend(mended.waiting.iter().map(ToString::to_string));
        let catalog = lock(&self.catalog);
        for object in mended.lost {
            let snapshots = catalog.damage_of(object.as_str())?.and_then(|its| its.costs).unwrap_or_default();
            done.lost.push(Lost { object: object.to_string(), snapshots });
        }
        Ok(())
    }
}
