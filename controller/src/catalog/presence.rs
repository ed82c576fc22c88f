//! What agents say of themselves: heartbeats, jobs; and alarms, which people look at.

use std::collections::{BTreeMap, BTreeSet};

use pulih_protocol::report::{Job, JobOutcome};
use pulih_vault::utc;
use rusqlite::params;

use super::{Catalog, Result};

/// Jobs that are kept of a dataset, and of all datasets of an agent.
const JOBS: i64 = 100;
const JOBS_OF_AGENT: i64 = 5000;

/// A site raises alarms for years, and those of the last days are asked for.
pub const TABLES: &str = "CREATE INDEX alarm_at ON alarm (at);";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Presence {
    pub agent: String,
    pub seen: i64,
    pub host: String,
    /// Its last report, as JSON.
    pub report: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alarm {
    pub at: i64,
    pub alarm: String,
    pub subject: String,
    pub text: String,
}

impl Catalog {
    pub fn set_presence(&self, its: &Presence) -> Result<()> {
        let sql = "INSERT OR REPLACE INTO presence (agent, seen, host, report) VALUES (?1, ?2, ?3, ?4)";
        self.change(sql, params![its.agent, its.seen, its.host, its.report])
    }

    pub fn presences(&self) -> Result<Vec<Presence>> {
        self.all("SELECT agent, seen, host, report FROM presence ORDER BY agent", [], |row| {
            Ok(Presence { agent: row.get(0)?, seen: row.get(1)?, host: row.get(2)?, report: row.get(3)? })
        })
    }

    pub fn add_job(&self, agent: &str, job: &Job) -> Result<()> {
        let outcome = match job.outcome {
            JobOutcome::Done => "done",
            JobOutcome::Unread => "unread",
            JobOutcome::Failed => "failed",
        };
        let sql = "INSERT OR IGNORE INTO job (agent, dataset, began, ended, outcome, snapshot, read_bytes, \
                   stored_bytes, unread, error) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";
        let (read, stored, unread) = (job.read_bytes as i64, job.stored_bytes as i64, job.unread as i64);
        let values =
            params![agent, job.dataset, job.began, job.ended, outcome, job.snapshot, read, stored, unread, job.error];
        self.change(sql, values)?;
        let sql = "DELETE FROM job WHERE agent = ?1 AND dataset = ?2 AND began NOT IN \
                   (SELECT began FROM job WHERE agent = ?1 AND dataset = ?2 ORDER BY began DESC LIMIT ?3)";
        self.change(sql, params![agent, job.dataset, JOBS])
    }

    /// The datasets that somebody approved or that have a snapshot, in the vaults of an agent.
    pub fn datasets_of_agent(&self, agent: &str) -> Result<BTreeSet<String>> {
        let sql = "SELECT p.dataset FROM approval p JOIN vault v ON v.id = p.vault WHERE v.agent = ?1 \
                   UNION SELECT s.dataset FROM standing s JOIN vault v ON v.id = s.vault WHERE v.agent = ?1";
        Ok(self.all(sql, [agent], |row| row.get(0))?.into_iter().collect())
    }

    /// When a dataset of an agent was saved last, or its server enrolled before anything was; `None`: nobody
    /// approved it.
    pub fn newest_of(&self, agent: &str, dataset: &str) -> Result<Option<i64>> {
        let sql = "SELECT MAX(at) FROM (SELECT s.accepted AS at FROM snapshot s JOIN vault v ON v.id = s.vault \
                   WHERE v.agent = ?1 AND s.dataset = ?2 AND s.partial = 0 UNION ALL SELECT a.enrolled FROM approval p \
                   JOIN vault v ON v.id = p.vault JOIN agent a ON a.name = v.agent WHERE a.name = ?1 AND p.dataset = ?2)";
        self.one(sql, [agent, dataset], |row| row.get(0)).map(Option::flatten)
    }

    /// Keeps the newest jobs of an agent.
    pub fn prune_jobs(&self, agent: &str) -> Result<()> {
        let sql = "DELETE FROM job WHERE agent = ?1 AND (dataset, began) NOT IN \
                   (SELECT dataset, began FROM job WHERE agent = ?1 ORDER BY began DESC LIMIT ?2)";
        if self.jobs_of(agent)? > JOBS_OF_AGENT { self.change(sql, params![agent, JOBS_OF_AGENT]) } else { Ok(()) }
    }

    pub fn jobs_of(&self, agent: &str) -> Result<i64> {
        Ok(self.one("SELECT COUNT(*) FROM job WHERE agent = ?1", [agent], |row| row.get(0))?.unwrap_or(0))
    }

    /// How many seconds each job on record took that brought a snapshot, by agent and dataset.
    pub fn job_seconds(&self) -> Result<Vec<(String, String, i64)>> {
        let sql =
            "SELECT agent, dataset, began, ended FROM job WHERE outcome <> 'failed' ORDER BY agent, dataset, began";
        let rows: Vec<(String, String, String, String)> =
            self.all(sql, [], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?;
        // Agents say when; what is no time says nothing.
        let seconds = |(agent, dataset, began, ended): (String, String, String, String)| {
            let seconds = utc::parse(&ended)?.checked_sub(utc::parse(&began)?)?;
            (seconds >= 0).then_some((agent, dataset, seconds))
        };
        Ok(rows.into_iter().filter_map(seconds).collect())
    }

    /// What went wrong in the last job of each dataset whose last job failed, by agent and dataset: of those that are
    /// approved or have a snapshot, as [`Self::datasets_of_agent`] has them.
    pub fn last_errors(&self) -> Result<BTreeMap<(String, String), String>> {
        // One look into the jobs of each, of which there are many.
        let sql = "SELECT j.agent, j.dataset, COALESCE(j.error, '') FROM \
                   (SELECT vault, dataset FROM standing UNION SELECT vault, dataset FROM approval) n \
                   CROSS JOIN vault v ON v.id = n.vault CROSS JOIN job j ON j.agent = v.agent AND j.dataset = n.dataset \
                   AND j.began = (SELECT MAX(began) FROM job WHERE agent = v.agent AND dataset = n.dataset) \
                   WHERE j.outcome = 'failed'";
        let rows = self.all(sql, [], |row| Ok(((row.get(0)?, row.get(1)?), row.get(2)?)))?;
        Ok(rows.into_iter().collect())
    }

    /// Alarms since a time, the newest first.
    pub fn alarms(&self, since: i64) -> Result<Vec<Alarm>> {
        let sql = "SELECT at, alarm, subject, text FROM alarm INDEXED BY alarm_at WHERE at >= ?1 ORDER BY rowid DESC LIMIT 1000";
        self.all(sql, [since], |row| {
            Ok(Alarm { at: row.get(0)?, alarm: row.get(1)?, subject: row.get(2)?, text: row.get(3)? })
        })
    }
}
