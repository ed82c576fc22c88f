//! Drills: announced, started, their steps and how they ended; and how far each schedule has come.

use pulih_ledger::Actor;
use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{DrillAnnounced, DrillAuditor, DrillEnded, DrillStep};
use rusqlite::{OptionalExtension as _, Row, Transaction, params};

use super::follow::seconds;
use super::{Catalog, Result, recipes};

pub const TABLES: &str = "
    -- What follows from the ledger.
    CREATE TABLE drill (
        id TEXT PRIMARY KEY, kind TEXT NOT NULL, class TEXT, schedule TEXT, occurrence INTEGER, due INTEGER,
        points TEXT NOT NULL, scratch_bytes INTEGER NOT NULL, policy TEXT NOT NULL, until INTEGER NOT NULL, person TEXT,
        announced INTEGER NOT NULL, number INTEGER NOT NULL, started INTEGER, ended INTEGER, outcome TEXT,
        milliseconds INTEGER, log TEXT, leftovers INTEGER, text TEXT, plan TEXT, plan_version INTEGER,
        auditor TEXT, opened INTEGER, end_number INTEGER, attested INTEGER, opinion TEXT, sample_percent INTEGER,
        recipes TEXT NOT NULL
    ) STRICT;
    CREATE INDEX drill_open ON drill (number) WHERE ended IS NULL;
    CREATE TABLE drill_step (
        drill TEXT NOT NULL, step INTEGER NOT NULL, what TEXT NOT NULL, vault TEXT, dataset TEXT, name TEXT,
        outcome TEXT NOT NULL, began TEXT NOT NULL, milliseconds INTEGER NOT NULL, phases TEXT NOT NULL,
        files INTEGER NOT NULL, bytes INTEGER NOT NULL, total_files INTEGER NOT NULL, total_bytes INTEGER NOT NULL,
        text TEXT NOT NULL, PRIMARY KEY (drill, step)
    ) STRICT;
    CREATE TABLE drill_missed (
        schedule TEXT NOT NULL, occurrence INTEGER NOT NULL, due INTEGER NOT NULL, count INTEGER NOT NULL,
        reason TEXT NOT NULL, at INTEGER NOT NULL, PRIMARY KEY (schedule, occurrence)
    ) STRICT;
    CREATE TABLE drill_schedule (name TEXT PRIMARY KEY, occurrence INTEGER NOT NULL, due INTEGER NOT NULL) STRICT;
    -- When each dataset was last tried to its end, by what was done.
    CREATE TABLE drill_tried (
        what TEXT NOT NULL, vault TEXT NOT NULL, dataset TEXT NOT NULL, at INTEGER NOT NULL,
        PRIMARY KEY (what, vault, dataset)
    ) STRICT;
";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drill {
    pub id: String,
    pub kind: String,
    pub class: Option<String>,
    pub schedule: Option<String>,
    pub occurrence: Option<u64>,
    pub due: Option<i64>,
    /// `<vault>/<dataset>/<manifest>`, in order.
    pub points: Vec<String>,
    pub scratch_bytes: u64,
    pub policy: String,
    pub until: i64,
    /// Who ordered it; `None`: a schedule.
    pub person: Option<String>,
    pub announced: i64,
    pub started: Option<i64>,
    pub ended: Option<i64>,
    pub outcome: Option<String>,
    pub milliseconds: Option<u64>,
    pub log: Option<String>,
    pub leftovers: Option<u64>,
    pub text: Option<String>,
    pub plan: Option<String>,
    pub plan_version: Option<u64>,
    /// Who tests independently.
    pub auditor: Option<DrillAuditor>,
    pub opened: Option<i64>,
    pub attested: Option<i64>,
    pub opinion: Option<String>,
    /// `<name>/<version>/<BLAKE3>`, in order.
    pub recipes: Vec<String>,
    /// How many of a point's files in a hundred are restored; `None`: all of them.
    pub sample_percent: Option<u64>,
    /// The entries of its announcement and of its end.
    pub number: u64,
    pub end_number: Option<u64>,
}

/// A step as it stands in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    pub step: u64,
    pub what: String,
    /// `<vault>/<dataset>/<manifest>`, where it was of one.
    pub point: Option<String>,
    pub outcome: String,
    pub began: String,
    pub milliseconds: u64,
    /// JSON, by their names.
    pub phases: String,
    pub files: u64,
    pub bytes: u64,
    pub total_files: u64,
    pub total_bytes: u64,
    pub text: String,
}

/// Occurrences that were not announced in their windows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    pub schedule: String,
    pub occurrence: u64,
    pub due: i64,
    pub count: u64,
    pub reason: String,
}

/// Follows an entry of these kinds; others are not taken.
pub fn apply(db: &Transaction, index: u64, at: i64, actor: &Actor, body: &Body) -> rusqlite::Result<bool> {
    match body {
        Body::DrillAnnounced(its) => announced(db, index, at, actor, its)?,
        Body::DrillStarted(its) => {
            let sql = "UPDATE drill SET started = ?2 WHERE id = ?1 AND started IS NULL AND ended IS NULL";
            db.execute(sql, params![its.drill.as_str(), at]).map(drop)?;
        }
        Body::DrillStep(its) => step(db, at, its)?,
        Body::DrillEnded(its) => ended(db, index, at, its)?,
        Body::DrillOpened(its) => {
            let sql = "UPDATE drill SET opened = ?2 WHERE id = ?1 AND opened IS NULL";
            db.execute(sql, params![its.drill.as_str(), at]).map(drop)?;
        }
        Body::DrillAttested(its) => {
            let sql = "UPDATE drill SET attested = ?2, opinion = ?3 WHERE id = ?1 AND attested IS NULL";
            db.execute(sql, params![its.drill.as_str(), at, its.opinion]).map(drop)?;
        }
        Body::DrillMissed(its) => {
            let sql = "INSERT OR IGNORE INTO drill_missed (schedule, occurrence, due, count, reason, at) \
                       VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
            let (due, count) = (seconds(&its.due), its.count.unwrap_or(1) as i64);
            db.execute(sql, params![its.schedule, its.occurrence as i64, due, count, its.reason, at])?;
            come(db, &its.schedule, its.occurrence, due)?;
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn announced(db: &Transaction, index: u64, at: i64, actor: &Actor, its: &DrillAnnounced) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO drill (id, kind, class, schedule, occurrence, due, points, scratch_bytes, policy, \
               until, person, announced, number, plan, plan_version, auditor, sample_percent, recipes) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)";
    let person = match actor {
        Actor::Person { user, .. } => Some(user.as_str()),
        _ => None,
    };
    let auditor = its.auditor.as_ref().and_then(|auditor| serde_json::to_string(auditor).ok());
    let (due, occurrence) = (its.due.as_ref().map(seconds), its.occurrence.map(|its| its as i64));
    db.execute(
        sql,
        params![
            its.drill.as_str(),
            its.kind,
            its.class,
            its.schedule,
            occurrence,
            due,
            its.points.join(" "),
            its.scratch_bytes as i64,
            its.policy.to_string(),
            seconds(&its.until),
            person,
            at,
            index as i64,
            its.plan,
            its.plan_version.map(|version| version as i64),
            auditor,
            its.sample_percent.map(|percent| percent as i64),
            its.recipes.as_deref().unwrap_or_default().join(" "),
        ],
    )?;
    match (&its.schedule, its.occurrence, due) {
        (Some(schedule), Some(occurrence), Some(due)) => come(db, schedule, occurrence, due),
        _ => Ok(()),
    }
}

/// How far a schedule has come: it never goes back.
fn come(db: &Transaction, schedule: &str, occurrence: u64, due: i64) -> rusqlite::Result<()> {
    let sql = "INSERT INTO drill_schedule (name, occurrence, due) VALUES (?1, ?2, ?3) ON CONFLICT (name) DO UPDATE \
               SET occurrence = ?2, due = MAX(due, ?3) WHERE occurrence < ?2";
    db.execute(sql, params![schedule, occurrence as i64, due]).map(drop)
}

fn step(db: &Transaction, at: i64, its: &DrillStep) -> rusqlite::Result<()> {
    let sql = "INSERT OR IGNORE INTO drill_step (drill, step, what, vault, dataset, name, outcome, began, milliseconds, \
               phases, files, bytes, total_files, total_bytes, text) \
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)";
    let (vault, dataset) = (its.vault.map(|its| its.to_string()), its.dataset.as_ref().map(ToString::to_string));
    let phases = serde_json::to_string(&its.phases).unwrap_or_default();
    db.execute(
        sql,
        params![
            its.drill.as_str(),
            its.step as i64,
            its.what,
            vault,
            dataset,
            its.manifest.map(|name| name.to_string()),
            its.outcome,
            its.began.as_str(),
            its.milliseconds as i64,
            phases,
            its.files as i64,
            its.bytes as i64,
            its.total_files as i64,
            its.total_bytes as i64,
            its.text
        ],
    )?;
    // Also one that could not be tried has had its turn, or it would always come before the others.
    if let Some(recipe) = its.what.strip_prefix("application ") {
        recipes::turn(db, at, its.drill.as_str(), recipe)?;
    }
    if its.outcome == "skipped" {
        return Ok(());
    }
    let sql = "INSERT INTO drill_tried (what, vault, dataset, at) SELECT ?1, ?2, ?3, coalesce(\
               (SELECT announced FROM drill WHERE id = ?4), ?5) WHERE ?2 IS NOT NULL AND ?3 IS NOT NULL \
               ON CONFLICT (what, vault, dataset) DO UPDATE SET at = MAX(at, excluded.at)";
    db.execute(sql, params![its.what, vault, dataset, its.drill.as_str(), at]).map(drop)
}

fn ended(db: &Transaction, index: u64, at: i64, its: &DrillEnded) -> rusqlite::Result<()> {
    let sql = "UPDATE drill SET ended = ?2, outcome = ?3, milliseconds = ?4, log = ?5, leftovers = ?6, text = ?7, \
               end_number = ?8 WHERE id = ?1 AND ended IS NULL";
    let (milliseconds, leftovers) = (its.milliseconds as i64, its.leftovers as i64);
    let (id, log, number) = (its.drill.as_str(), its.log.to_string(), index as i64);
    let values = params![id, at, its.outcome, milliseconds, log, leftovers, its.text, number];
    db.execute(sql, values)?;
    if its.outcome != "skipped" {
        return Ok(());
    }
    let named: Option<String> =
        db.query_row("SELECT recipes FROM drill WHERE id = ?1", [id], |row| row.get(0)).optional()?;
    let named = words(&named.unwrap_or_default());
    named.iter().filter_map(|its| its.split('/').next()).try_for_each(|recipe| recipes::turn(db, at, id, recipe))
}

const DRILL: &str = "SELECT id, kind, class, schedule, occurrence, due, points, scratch_bytes, policy, until, person, \
                     announced, started, ended, outcome, milliseconds, log, leftovers, text, plan, plan_version, \
                     auditor, opened, attested, opinion, number, end_number, sample_percent, recipes FROM drill";

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

fn drill(row: &Row) -> rusqlite::Result<Drill> {
    let number = |at: usize| row.get::<_, Option<i64>>(at).map(|its| its.map(|its| its as u64));
    Ok(Drill {
        id: row.get(0)?,
        kind: row.get(1)?,
        class: row.get(2)?,
        schedule: row.get(3)?,
        occurrence: number(4)?,
        due: row.get(5)?,
        points: words(&row.get::<_, String>(6)?),
        scratch_bytes: row.get::<_, i64>(7)? as u64,
        policy: row.get(8)?,
        until: row.get(9)?,
        person: row.get(10)?,
        announced: row.get(11)?,
        started: row.get(12)?,
        ended: row.get(13)?,
        outcome: row.get(14)?,
        milliseconds: number(15)?,
        log: row.get(16)?,
        leftovers: number(17)?,
        text: row.get(18)?,
        plan: row.get(19)?,
        plan_version: number(20)?,
        // It was written from one.
        auditor: row.get::<_, Option<String>>(21)?.and_then(|text| serde_json::from_str(&text).ok()),
        opened: row.get(22)?,
        attested: row.get(23)?,
        opinion: row.get(24)?,
        number: row.get::<_, i64>(25)? as u64,
        end_number: number(26)?,
        sample_percent: number(27)?,
        recipes: words(&row.get::<_, String>(28)?),
    })
}

fn tried(row: &Row) -> rusqlite::Result<Tried> {
    let number = |at: usize| row.get::<_, i64>(at).map(|its| its as u64);
    let parts = [row.get::<_, Option<String>>(2)?, row.get(3)?, row.get(4)?];
    Ok(Tried {
        step: number(0)?,
        what: row.get(1)?,
        point: parts.into_iter().collect::<Option<Vec<_>>>().map(|parts| parts.join("/")),
        outcome: row.get(5)?,
        began: row.get(6)?,
        milliseconds: number(7)?,
        phases: row.get(8)?,
        files: number(9)?,
        bytes: number(10)?,
        total_files: number(11)?,
        total_bytes: number(12)?,
        text: row.get(13)?,
    })
}

impl Catalog {
    pub fn drill(&self, id: &str) -> Result<Option<Drill>> {
        self.one(&format!("{DRILL} WHERE id = ?1"), [id], drill)
    }

    /// All of them, the newest first.
    pub fn drills(&self) -> Result<Vec<Drill>> {
        self.all(&format!("{DRILL} ORDER BY number DESC"), [], drill)
    }

    /// Those that have not ended, in the order in which they were due.
    pub fn open_drills(&self) -> Result<Vec<Drill>> {
        self.all(&format!("{DRILL} WHERE ended IS NULL ORDER BY coalesce(due, announced), number"), [], drill)
    }

    pub fn drill_steps(&self, drill: &str) -> Result<Vec<Tried>> {
        let sql = "SELECT step, what, vault, dataset, name, outcome, began, milliseconds, phases, files, bytes, \
                   total_files, total_bytes, text FROM drill_step WHERE drill = ?1 ORDER BY step";
        self.all(sql, [drill], tried)
    }

    /// The newest occurrence of a schedule that is on the ledger, and when it was due.
    pub fn drill_schedule(&self, name: &str) -> Result<Option<(u64, i64)>> {
        let sql = "SELECT occurrence, due FROM drill_schedule WHERE name = ?1";
        self.one(sql, [name], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?)))
    }

    /// What was missed, the newest first.
    pub fn drills_missed(&self) -> Result<Vec<Missed>> {
        let sql =
            "SELECT schedule, occurrence, due, count, reason FROM drill_missed ORDER BY at DESC, due DESC LIMIT 1000";
        self.all(sql, [], |row| {
            Ok(Missed {
                schedule: row.get(0)?,
                occurrence: row.get::<_, i64>(1)? as u64,
                due: row.get(2)?,
                count: row.get::<_, i64>(3)? as u64,
                reason: row.get(4)?,
            })
        })
    }

    /// When a dataset was last tried to its end.
    pub fn drill_tried(&self, what: &str, vault: &str, dataset: &str) -> Result<Option<i64>> {
        let sql = "SELECT at FROM drill_tried WHERE what = ?1 AND vault = ?2 AND dataset = ?3";
        self.one(sql, [what, vault, dataset], |row| row.get(0))
    }

    /// Whether an alarm about something was ever raised.
    pub fn has_alarm(&self, alarm: &str, subject: &str) -> Result<bool> {
        let sql = "SELECT 1 FROM alarm WHERE alarm = ?1 AND subject = ?2 LIMIT 1";
        Ok(self.one(sql, [alarm, subject], |_| Ok(()))?.is_some())
    }
}
