//! What is wrong with a policy file: what, where (file, line, column, field), and what to do.
//! Everything that is found is told at once, not only the first.

use std::fmt;
use std::ops::Range;

use crate::cron_text::CronError;
use crate::decision::DecisionProblem;
use crate::drills::WipeError;
use crate::exclude::PatternError;
use crate::keep::Tier;
use crate::name::NameError;
use crate::plan::PlanProblem;
use crate::quantity::{QuantityError, Span};
use crate::quote::short;
use crate::recipe::RecipeProblem;
use crate::regulation::RegulationProblem;
use crate::window::HoursError;
use crate::zone::ZoneError;

/// What is found beyond this many is only counted.
pub(crate) const MAX_LISTED: usize = 100;
/// Of a line of the file at most this many characters are shown, around the place.
const SHOWN_CHARS: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProblemKind {
    #[error("the file is larger than 1 MiB")]
    FileTooLarge,
    #[error("the file is not UTF-8 text")]
    NotText,
    #[error("this is not TOML: {0}")]
    Syntax(String),
    #[error("tables are nested too deeply")]
    TooDeep,
    #[error("`{0}` is nothing that a policy may carry")]
    Forbidden(String),
    #[error("there is no field `{key}` here")]
    UnknownField { key: String, near: Option<&'static str> },
    #[error("`{0}` is missing")]
    Missing(&'static str),
    #[error("this is {found}, not {expected}")]
    WrongType { expected: &'static str, found: &'static str },
    #[error("this is another type of file or a later version")]
    Type,
    #[error(transparent)]
    Name(#[from] NameError),
    #[error(transparent)]
    Zone(#[from] ZoneError),
    #[error(transparent)]
    Quantity(#[from] QuantityError),
    #[error("this is not a whole number from {least} to {most}")]
    Number { least: u32, most: u32 },
    #[error(transparent)]
    Hours(#[from] HoursError),
    #[error("this schedule cannot be read: {0}")]
    Schedule(#[from] CronError),
    #[error("this exclude cannot be used: {0}")]
    Exclude(#[from] PatternError),
    #[error("the list has {found} entries; it must have {least} to {most}")]
    Count { found: usize, least: usize, most: usize },
    #[error("two ranges of hours share some time")]
    Overlap,
    #[error("there are more than {0} OPD and datasets")]
    TooManyOverrides(usize),
    #[error("the first snapshot of a {tier} is kept for {kept}, not even a {tier}")]
    KeepTooShort { tier: Tier, kept: Span },
    #[error("the jitter of {0} is longer than half a day")]
    Jitter(Span),
    #[error("the RPO at the DRC ({drc}) is shorter than the one at the Pusat Data ({pusat})")]
    DrcBeforePusat { drc: Span, pusat: Span },
    #[error("between two runs there are up to {gap}, but no more than {rpo} of data may be lost")]
    ScheduleMissesRpo { gap: Span, rpo: Span },
    #[error("a drill's window of {0} is not within an hour and seven days")]
    DrillWindow(Span),
    #[error(transparent)]
    Wipe(#[from] WipeError),
    #[error("what was restored of class strategis does not stay")]
    DrillWipe,
    #[error("this says how old a further copy may be, and none is asked for")]
    CopiesFurther,
    #[error(transparent)]
    Decision(#[from] DecisionProblem),
    #[error(transparent)]
    Plan(#[from] PlanProblem),
    #[error(transparent)]
    Recipe(#[from] RecipeProblem),
    #[error(transparent)]
    Regulation(RegulationProblem),
}

impl ProblemKind {
    /// A stable word for it, as `docs/contracts/policy.md` lists them.
    pub fn code(&self) -> &'static str {
        match self {
            Self::FileTooLarge => "file-too-large",
            Self::NotText => "not-text",
            Self::Syntax(_) => "syntax",
            Self::TooDeep => "too-deep",
            Self::Forbidden(_) => "forbidden",
            Self::UnknownField { .. } => "unknown-field",
            Self::Missing(_) => "missing",
            Self::WrongType { .. } => "wrong-type",
            Self::Type => "type",
            Self::Name(_) => "name",
            Self::Zone(_) => "time-zone",
            Self::Quantity(_) => "quantity",
            Self::Number { .. } => "number",
            Self::Hours(_) => "hours",
            Self::Schedule(_) => "schedule",
            Self::Exclude(_) => "exclude",
            Self::Count { .. } => "count",
            Self::Overlap => "overlap",
            Self::TooManyOverrides(_) => "too-many-overrides",
            Self::KeepTooShort { .. } => "keep-too-short",
            Self::Jitter(_) => "jitter",
            Self::DrcBeforePusat { .. } => "drc-before-pusat",
            Self::ScheduleMissesRpo { .. } => "schedule-misses-rpo",
            Self::DrillWindow(_) => "drill-window",
            Self::Wipe(_) | Self::DrillWipe => "drill-wipe",
            Self::CopiesFurther => "copies",
            Self::Decision(its) => its.code(),
            Self::Plan(its) => its.code(),
            Self::Recipe(its) => its.code(),
            Self::Regulation(its) => its.code(),
        }
    }

    /// What to do about it.
    pub fn remedy(&self) -> String {
        let fixed = match self {
            Self::FileTooLarge => "check that this is the right file; one for a regency has a few hundred lines",
            Self::NotText => "save the file as UTF-8 text",
            Self::Syntax(_) => "correct the line; TOML writes `key = \"text\"`, `[table]` and `# comment`",
            Self::TooDeep => "write tables as `[opd.NAME.dataset.NAME]`",
            Self::Forbidden(_) => {
                "take it out: who may read or write is set by the owner's key alone, and what runs on a server is set \
                 on that server, so that a Pusat Data that was taken over can change neither"
            }
            Self::UnknownField { near: Some(near), .. } => return format!("did you mean `{near}`?"),
            Self::UnknownField { near: None, .. } => "take it out; the file's page in docs/contracts/ has the fields",
            Self::Missing(key) => return format!("add `{key}`; the file's page in docs/contracts/ says how"),
            Self::WrongType { expected, .. } => return format!("write {expected}"),
            Self::Type => "begin the file with `type = \"pulih/policy/v1\"`; a later version needs a newer program",
            Self::Name(_) => "write it so, as in `dukcapil`",
            Self::Zone(_) => "write `Asia/Jakarta` (WIB), `Asia/Makassar` (WITA) or `Asia/Jayapura` (WIT)",
            Self::Quantity(QuantityError::Zero(_)) => "write more than nothing, or take the field out",
            Self::Quantity(QuantityError::TooMuch(..)) => {
                "write less: what is locked for that long cannot be taken back"
            }
            Self::Quantity(_) => {
                "write a whole number and its unit: durations m, h, d, w, mo or y (\"4h\"), sizes KiB, MiB, GiB or TiB \
                 (\"500GiB\"), rates kbit/s, Mbit/s or Gbit/s (\"20Mbit/s\")"
            }
            Self::Number { least, most } => return format!("write a number from {least} to {most}"),
            Self::Hours(_) => "write two times of the day, as in \"18:00-06:00\"",
            Self::Schedule(CronError::BareStep { .. }) => "write the range too, as in `5-59/15`",
            Self::Schedule(CronError::Backwards { .. }) => "write two ranges, as in `22-23,0-6`",
            Self::Schedule(CronError::Never) => "choose a day that the month has",
            Self::Schedule(_) => {
                "write five fields (minute, hour, day, month, weekday) as in \"0 1 * * mon-fri\", or @hourly, @daily, \
                 @weekly, @monthly or @yearly"
            }
            Self::Exclude(_) => "write one pattern as in a .gitignore file, such as \"*.tmp\" or \"/var/cache/\"",
            Self::Count { least, most, .. } => return format!("write {least} to {most} entries"),
            Self::Overlap => "let one range end where the next begins",
            Self::TooManyOverrides(_) => "let classes say what most datasets share",
            Self::KeepTooShort { tier, .. } => {
                return format!("write at least \"{}\", so that one such point always stands", tier.longest());
            }
            Self::Jitter(_) => "write at most \"12h\"",
            Self::DrcBeforePusat { .. } => {
                "the DRC gets its copies from the Pusat Data: make `rpo_drc` at least as long"
            }
            Self::DrillWindow(_) => "write `1h` to `7d`",
            Self::Wipe(_) => "write `always`, or `passed` so that what failed stays for seven days",
            Self::DrillWipe => "write `always`, or take it out",
            Self::CopiesFurther => "write `least = 3` beside it, or take it out",
            Self::Decision(its) => its.remedy(),
            Self::Plan(its) => return its.remedy(),
            Self::Recipe(its) => return its.remedy(),
            Self::Regulation(its) => return its.remedy(),
            Self::ScheduleMissesRpo { .. } => "schedule more runs, widen the windows, or make `rpo_pusat` longer",
        };
        fixed.to_owned()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub kind: ProblemKind,
    /// The field as it is written in the file, `class.publik.keep.daily`; empty for the whole file,
    /// and cut where it is very long.
    pub field: String,
    /// Both from 1; columns count characters.
    pub line: usize,
    pub column: usize,
    /// The line, and how many characters of it to mark from which on. Nothing in it can do
    /// anything to a terminal.
    shown: String,
    mark: Range<usize>,
}

impl Problem {
    pub(crate) fn new(text: &str, span: Range<usize>, field: &str, kind: ProblemKind) -> Self {
        let start = floor(text, span.start);
        let end = floor(text, span.end).max(start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let before = text[line_start..start].chars().count();
        let marked = text[start..end.min(line_end)].chars().count().max(1);
        let skipped = before.saturating_sub(SHOWN_CHARS / 2);
        let printable = |c: char| if c.is_control() || is_format(c) { '\u{fffd}' } else { c };
        let shown: String = text[line_start..line_end]
            .trim_end_matches('\r')
            .chars()
            .skip(skipped)
            .take(SHOWN_CHARS)
            .map(printable)
            .collect();
        let mark = before - skipped..(before - skipped + marked).min(SHOWN_CHARS);
        let line = text[..line_start].bytes().filter(|&b| b == b'\n').count() + 1;
        Self { kind, field: short(field), line, column: before + 1, shown, mark }
    }
}

/// Marks that turn the direction of text or hide in it.
fn is_format(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// The nearest beginning of a character at `at` or before it.
fn floor(text: &str, at: usize) -> usize {
    let at = at.min(text.len());
    (0..=at).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0)
}

impl fmt::Display for Problem {
    /// `3:10: class.publik.rto: …`, then the line, then what to do.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let said = |text: String| {
            text.chars().map(|c| if c.is_control() || is_format(c) { '\u{fffd}' } else { c }).collect::<String>()
        };
        write!(f, "{}:{}: ", self.line, self.column)?;
        if !self.field.is_empty() {
            write!(f, "{}: ", said(self.field.clone()))?;
        }
        writeln!(f, "{}", said(self.kind.to_string()))?;
        let gutter = self.line.to_string();
        writeln!(f, "  {gutter} | {}", self.shown)?;
        let (blank, marks) = (" ".repeat(gutter.len()), "^".repeat(self.mark.len().max(1)));
        writeln!(f, "  {blank} | {}{marks}", " ".repeat(self.mark.start))?;
        write!(f, "  {blank} = {}", said(self.kind.remedy()))
    }
}

/// What a file was read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    Policy,
    Plan,
    Recipe,
    Regulation,
}

/// A file that is no policy, recovery plan, recipe or regulation pack. What was in force stays in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub schema: Schema,
    /// The file as the caller named it.
    pub file: String,
    /// In the order of the file; never empty, and at most 100.
    pub problems: Vec<Problem>,
    /// How many more were found.
    pub unlisted: usize,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let many = self.problems.len() + self.unlisted;
        let what = match self.schema {
            Schema::Policy => "policy",
            Schema::Plan => "recovery plan",
            Schema::Recipe => "application recipe",
            Schema::Regulation => "regulation pack",
        };
        write!(f, "{} is no {what}: {many} {} wrong", self.file, if many == 1 { "thing is" } else { "things are" })?;
        for problem in &self.problems {
            write!(f, "\n{}:{problem}", self.file)?;
        }
        if self.unlisted > 0 {
            write!(f, "\n… and {} more", self.unlisted)?;
        }
        Ok(())
    }
}

impl std::error::Error for Refused {}
