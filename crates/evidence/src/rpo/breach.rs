//! Seconds above the target without a break, and what they are put down to.

/// What kept points from coming, the first of these that fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    SiteAway,
    AgentSilent,
    Refused,
    Link,
    Failing,
    Partial,
    Behind,
    Overdue,
}

impl Cause {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SiteAway => "site-away",
            Self::AgentSilent => "agent-silent",
            Self::Refused => "refused",
            Self::Link => "link",
            Self::Failing => "failing",
            Self::Partial => "partial",
            Self::Behind => "behind",
            Self::Overdue => "overdue",
        }
    }
}

/// When something that keeps points from coming was so: `from` up to `to`, an instant where they are equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub cause: Cause,
    pub from: i64,
    pub to: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Its true beginning, which may be before the period.
    pub began: i64,
    /// The first second after it, or the period's end.
    pub ended: i64,
    /// Seconds of it within the period.
    pub seconds: u64,
    /// The largest X of it within the period.
    pub worst: u64,
    pub began_before: bool,
    /// It went on when the period ended.
    pub open: bool,
    /// What the newest point was dated when it began: from then on something was missing.
    newest: i64,
}

impl Breach {
    pub(super) fn new(began: i64, newest: i64, ended: i64, worst: u64, period: i64) -> Self {
        let mut its =
            Self { began, ended: began, seconds: 0, worst: 0, began_before: began < period, open: false, newest };
        its.go_on(ended, worst, period);
        its
    }

    pub(super) fn go_on(&mut self, ended: i64, worst: u64, period: i64) {
        if ended > period {
            self.seconds += ended.abs_diff(self.ended.max(period));
            self.worst = self.worst.max(worst);
        }
        self.ended = ended;
    }

    /// What the newest point was dated when it began.
    pub fn newest(&self) -> i64 {
        self.newest
    }

    /// All that was so meanwhile, in their order and each once; what is put down to nothing else is overdue.
    pub fn causes(&self, spans: &[Span]) -> Vec<Cause> {
        let meanwhile = |span: &&Span| span.from < self.ended && (span.to > self.newest || span.from >= self.newest);
        let mut causes: Vec<Cause> = spans.iter().filter(meanwhile).map(|span| span.cause).collect();
        causes.sort_unstable();
        causes.dedup();
        if causes.is_empty() {
            causes.push(Cause::Overdue);
        }
        causes
    }
}
