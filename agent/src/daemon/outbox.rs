//! What the site has still to be told: runs that ended and alarms, kept within bounds until it
//! has taken them.

use pulih_protocol::report::{AgentAlarm, Job, MAX_TEXT_BYTES};
use serde::{Deserialize, Serialize};

use pulih_terminal::printable;

/// What is kept of each kind: the newest, for they say how things stand.
const MOST: usize = 256;
/// What goes with one report: the gateway takes bodies of 1 MiB.
const AT_ONCE: usize = 64;
/// Alarms that were raised, so that each is raised once.
const MOST_RAISED: usize = 1024;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outbox {
    jobs: Vec<Job>,
    alarms: Vec<AgentAlarm>,
    /// What alarms were about, oldest first.
    raised: Vec<String>,
    /// Jobs and alarms that had to make room before the site took them.
    dropped: u64,
}

/// What goes with one report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion {
    pub jobs: Vec<Job>,
    pub alarms: Vec<AgentAlarm>,
}

impl Outbox {
    pub fn add(&mut self, mut job: Job) {
        job.error = job.error.map(|text| short(&text));
        self.jobs.push(job);
        self.dropped += trim(&mut self.jobs, MOST);
    }

    /// Whether there was such an alarm about this: a policy's hash, say.
    pub fn was_raised(&self, alarm: &str, about: &str) -> bool {
        self.raised.contains(&key(alarm, about))
    }

    /// Raises an alarm, once for each `about`.
    pub fn raise(&mut self, alarm: &str, about: &str, text: &str) {
        if self.was_raised(alarm, about) {
            return;
        }
        self.raised.push(key(alarm, about));
        trim(&mut self.raised, MOST_RAISED);
        self.alarms.push(AgentAlarm { alarm: alarm.to_owned(), text: short(text) });
        self.dropped += trim(&mut self.alarms, MOST);
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.jobs.len() + self.alarms.len()
    }

    pub fn is_full(&self) -> bool {
        self.jobs.len() >= MOST || self.alarms.len() >= MOST
    }

    pub fn more_than_one_portion(&self) -> bool {
        self.jobs.len() > AT_ONCE || self.alarms.len() > AT_ONCE
    }

    /// The oldest ones.
    pub fn portion(&self) -> Portion {
        Portion {
            jobs: self.jobs[..self.jobs.len().min(AT_ONCE)].to_vec(),
            alarms: self.alarms[..self.alarms.len().min(AT_ONCE)].to_vec(),
        }
    }

    /// The site has taken `portion`. What made room for others meanwhile is no longer here.
    pub fn taken(&mut self, portion: &Portion) {
        self.jobs.retain(|job| !portion.jobs.contains(job));
        self.alarms.retain(|alarm| !portion.alarms.contains(alarm));
    }
}

fn key(alarm: &str, about: &str) -> String {
    format!("{alarm} {about}")
}

/// Takes the oldest away. How many.
fn trim<T>(list: &mut Vec<T>, most: usize) -> u64 {
    let over = list.len().saturating_sub(most);
    list.drain(..over);
    over as u64
}

/// Text that a report may carry: one line, no more bytes than the site takes.
pub fn short(text: &str) -> String {
    let mut line = printable(&text.split_whitespace().collect::<Vec<_>>().join(" "));
    if line.len() > MAX_TEXT_BYTES {
        let end = (0..=MAX_TEXT_BYTES - '…'.len_utf8()).rev().find(|&at| line.is_char_boundary(at)).unwrap_or(0);
        line.truncate(end);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulih_protocol::report::JobOutcome;

    fn job(number: usize) -> Job {
        Job {
            dataset: "letters".into(),
            began: format!("{number}"),
            ended: format!("{number}"),
            outcome: JobOutcome::Failed,
            snapshot: None,
            read_bytes: 0,
            stored_bytes: 0,
            unread: 0,
            error: Some("line one\n  line two \u{1b}[2J".into()),
        }
    }

    #[test]
    fn what_the_site_took_is_told_no_more() {
        let mut outbox = Outbox::default();
        (0..100).for_each(|number| outbox.add(job(number)));
        let portion = outbox.portion();
        assert_eq!((portion.jobs.len(), &*portion.jobs[0].began), (AT_ONCE, "0"));
        assert!(outbox.more_than_one_portion());
        // One that ends while the report is under way stays.
        outbox.add(job(100));
        outbox.taken(&portion);
        assert_eq!((outbox.waiting(), &*outbox.portion().jobs[0].began), (101 - AT_ONCE, "64"));
    }

    #[test]
    fn the_oldest_make_room_and_are_counted() {
        let mut outbox = Outbox::default();
        (0..MOST + 5).for_each(|number| outbox.add(job(number)));
        assert_eq!((outbox.waiting(), outbox.dropped), (MOST, 5));
        assert_eq!(outbox.portion().jobs[0].began, "5");
    }

    #[test]
    fn an_alarm_is_raised_once_for_each_cause() {
        let mut outbox = Outbox::default();
        for about in ["hash 1", "hash 1", "hash 2"] {
            outbox.raise("policy-refused", about, "no policy");
        }
        assert_eq!(outbox.waiting(), 2);
        outbox.taken(&outbox.portion());
        outbox.raise("policy-refused", "hash 1", "no policy");
        assert_eq!(outbox.waiting(), 0, "also when it was taken");
    }

    #[test]
    fn texts_are_one_line_and_bounded() {
        let mut outbox = Outbox::default();
        outbox.add(job(0));
        assert_eq!(outbox.portion().jobs[0].error.as_deref(), Some("line one line two \\u{1b}[2J"));
        let long = short(&"é".repeat(MAX_TEXT_BYTES));
        assert!(long.len() <= MAX_TEXT_BYTES && long.ends_with('…'));
    }
}
