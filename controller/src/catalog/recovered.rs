//! Looking up plans, recoveries and their steps.

use pulih_vault::utc;
use rusqlite::{Row, params};

use super::{Catalog, Result};

/// Steps that count for the rate: the newest ones.
const RATED_STEPS: i64 = 20;

/// A plan that was applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedPlan {
    pub name: String,
    pub version: u64,
    pub object: String,
    pub applied: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovery {
    pub id: String,
    pub disaster: Option<String>,
    pub plan: Option<String>,
    pub target: String,
    pub reason: Option<String>,
    pub began: i64,
    /// `<vault>/<dataset>/<manifest>`, in order.
    pub points: Vec<String>,
    pub ended: Option<i64>,
    pub outcome: Option<String>,
    pub milliseconds: Option<u64>,
    /// The agent that restores it on its own server; `None`: this host.
    pub server: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub step: u64,
    pub what: String,
    pub vault: Option<String>,
    pub dataset: Option<String>,
    pub snapshot: Option<String>,
    pub outcome: String,
    pub began: String,
    pub milliseconds: u64,
    pub files: u64,
    pub bytes: u64,
    pub text: String,
    /// Approve, fetch, write, verify, in milliseconds.
    pub phases: Option<[u64; 4]>,
    /// The agent whose word it is; `None`: this site saw it.
    pub server: Option<String>,
}

impl Step {
    /// When it ended, seconds since 1970.
    pub fn ended(&self) -> i64 {
        utc::parse(&self.began).unwrap_or(0) + self.milliseconds as i64 / 1000
    }

    /// Whether it brought this point into place, or tried to.
    pub fn is_of(&self, point: &str) -> bool {
        let its = [&self.vault, &self.dataset, &self.snapshot].map(|part| part.as_deref().unwrap_or_default());
        its.join("/") == point
    }

    /// Whether it need not be done again.
    pub fn is_done(&self) -> bool {
        self.outcome == "done" || self.outcome == "skipped"
    }
}

fn plan(row: &Row) -> rusqlite::Result<AppliedPlan> {
    Ok(AppliedPlan {
        name: row.get(0)?,
        version: row.get::<_, i64>(1)? as u64,
        object: row.get(2)?,
        applied: row.get(3)?,
    })
}

fn recovery(row: &Row) -> rusqlite::Result<Recovery> {
    let points: String = row.get(6)?;
    Ok(Recovery {
        id: row.get(0)?,
        disaster: row.get(1)?,
        plan: row.get(2)?,
        target: row.get(3)?,
        reason: row.get(4)?,
        began: row.get(5)?,
        points: points.split_whitespace().map(str::to_owned).collect(),
        ended: row.get(7)?,
        outcome: row.get(8)?,
        milliseconds: row.get::<_, Option<i64>>(9)?.map(|its| its as u64),
        server: row.get(10)?,
    })
}

fn step(row: &Row) -> rusqlite::Result<Step> {
    let number = |at: usize| row.get::<_, i64>(at).map(|its| its as u64);
    let phase = |at: usize| row.get::<_, Option<i64>>(at).map(|its| its.map(|its| its as u64));
    let phases = match (phase(11)?, phase(12)?, phase(13)?, phase(14)?) {
        (Some(approve), Some(fetch), Some(write), Some(verify)) => Some([approve, fetch, write, verify]),
        _ => None,
    };
    Ok(Step {
        step: number(0)?,
        what: row.get(1)?,
        vault: row.get(2)?,
        dataset: row.get(3)?,
        snapshot: row.get(4)?,
        outcome: row.get(5)?,
        began: row.get(6)?,
        milliseconds: number(7)?,
        files: number(8)?,
        bytes: number(9)?,
        text: row.get(10)?,
        phases,
        server: row.get(15)?,
    })
}

const RECOVERY: &str =
    "SELECT id, disaster, plan, target, reason, began, points, ended, outcome, milliseconds, server FROM recovery";

impl Catalog {
    /// The newest version of each plan.
    pub fn plans(&self) -> Result<Vec<AppliedPlan>> {
        let sql = "SELECT name, MAX(version), object, applied FROM plan GROUP BY name ORDER BY name";
        self.all(sql, [], plan)
    }

    pub fn plan(&self, name: &str) -> Result<Option<AppliedPlan>> {
        let sql = "SELECT name, version, object, applied FROM plan WHERE name = ?1 ORDER BY version DESC LIMIT 1";
        self.one(sql, [name], plan)
    }

    /// The object of a version that was applied.
    pub fn plan_version(&self, name: &str, version: u64) -> Result<Option<String>> {
        let sql = "SELECT object FROM plan WHERE name = ?1 AND version = ?2";
        self.one(sql, params![name, version as i64], |row| row.get(0))
    }

    /// The recoveries, the newest first.
    pub fn recoveries(&self) -> Result<Vec<Recovery>> {
        self.all(&format!("{RECOVERY} ORDER BY number DESC"), [], recovery)
    }

    pub fn recovery(&self, id: &str) -> Result<Option<Recovery>> {
        self.one(&format!("{RECOVERY} WHERE id = ?1"), [id], recovery)
    }

    /// The newest order onto a server.
    pub fn order_for(&self, server: &str) -> Result<Option<Recovery>> {
        self.one(&format!("{RECOVERY} WHERE server = ?1 ORDER BY number DESC LIMIT 1"), [server], recovery)
    }

    pub fn steps(&self, recovery: &str) -> Result<Vec<Step>> {
        let sql = "SELECT step, what, vault, dataset, name, outcome, began, milliseconds, files, bytes, text, \
                   approve, fetch, write, verify, server FROM recovery_step WHERE recovery = ?1 ORDER BY step";
        self.all(sql, [recovery], step)
    }

    /// Bytes of content a second that the newest recoveries of datasets onto this host came to, with all of their
    /// phases.
    pub fn recovery_rate(&self) -> Result<Option<u64>> {
        let sql = "SELECT SUM(bytes), SUM(milliseconds) FROM (SELECT s.bytes, s.milliseconds FROM recovery_step s \
                   JOIN recovery r ON r.id = s.recovery WHERE s.vault IS NOT NULL AND s.server IS NULL AND s.outcome = 'done' \
                   ORDER BY r.number DESC, s.step DESC LIMIT ?1)";
        let sums =
            self.one(sql, [RATED_STEPS], |row| Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, Option<i64>>(1)?)))?;
        let Some((Some(bytes @ 1..), Some(milliseconds @ 1..))) = sums else { return Ok(None) };
        Ok(Some((bytes as u64).saturating_mul(1000) / milliseconds as u64))
    }

    /// Whether one person did this alone, since a time.
    pub fn glass_since(&self, what: &str, since: i64) -> Result<bool> {
        let sql = "SELECT 1 FROM glass WHERE what = ?1 AND at >= ?2";
        Ok(self.one(sql, params![what, since], |_| Ok(()))?.is_some())
    }

    /// Who signed, since a time, that the identity of a class is to be opened, each with until when.
    pub fn openings(&self, class: &str, since: i64) -> Result<Vec<(String, i64)>> {
        let sql = "SELECT people, until FROM opened WHERE class = ?1 AND at >= ?2";
        self.all(sql, params![class, since], |row| Ok((row.get(0)?, row.get(1)?)))
    }
}
