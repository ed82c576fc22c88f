//! What the engine tells of its progress, apart from how it is shown. Telling costs an addition
//! to a counter: whoever shows it looks at the counters ten times a second.

mod lines;

use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use pulih_terminal::printable;
use pulih_vault::tree::name;

pub use lines::{Rate, summary_line};

/// How often a terminal's bar is drawn again.
const BAR_EVERY: Duration = Duration::from_millis(100);
/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A step forward, or the sum of them. What does not apply stays 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Progress {
    /// Files and other entries that are done.
    pub files: u64,
    /// Bytes of content that were read or written.
    pub bytes: u64,
    /// Of these, bytes of chunks that the vault did not have.
    pub new_bytes: u64,
    /// Of these, bytes that the vault had already.
    pub known_bytes: u64,
    /// Bytes that went into the store.
    pub stored_bytes: u64,
}

/// What the engine tells while it works, from any thread.
pub trait Monitor: Send + Sync {
    /// More to do was found.
    fn found(&self, _files: u64, _bytes: u64) {}
    /// All there is to do was found: from now on an estimate is worth something.
    fn found_all(&self) {}
    fn advance(&self, _step: Progress) {}
    /// A file was read again from where it was brought to: its number in the order of the tree, from 0, its size, and
    /// whether it is the snapshot's.
    fn file(&self, _number: u64, _bytes: u64, _is_right: bool) {}
    /// A file whose content could not be read when it was saved, by its number: there is nothing to hold it against.
    fn unread(&self, _number: u64) {}
    /// So many bytes wait to be stored now.
    fn waiting(&self, _bytes: u64) {}
    /// Something could not be read, written or trusted; the run goes on without it.
    fn problem(&self, path: &[u8], what: &str);
    /// Something that a person should know and that is no failure.
    fn note(&self, path: &[u8], what: &str);
}

/// Tells nobody.
pub struct Silent;

impl Monitor for Silent {
    fn problem(&self, _: &[u8], _: &str) {}
    fn note(&self, _: &[u8], _: &str) {}
}

/// Sums of all that was told.
#[derive(Debug, Default)]
pub struct Tally {
    found_files: AtomicU64,
    found_bytes: AtomicU64,
    found_all: AtomicBool,
    files: AtomicU64,
    bytes: AtomicU64,
    new_bytes: AtomicU64,
    known_bytes: AtomicU64,
    stored_bytes: AtomicU64,
    waiting_bytes: AtomicU64,
}

/// A tally at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    pub found_files: u64,
    pub found_bytes: u64,
    pub found_all: bool,
    /// What waits to be stored.
    pub waiting_bytes: u64,
    pub done: Progress,
}

impl Tally {
    fn found(&self, files: u64, bytes: u64) {
        self.found_files.fetch_add(files, Ordering::Relaxed);
        self.found_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn advance(&self, step: Progress) {
        let add = |to: &AtomicU64, n: u64| {
            if n > 0 {
                to.fetch_add(n, Ordering::Relaxed);
            }
        };
        add(&self.files, step.files);
        add(&self.bytes, step.bytes);
        add(&self.new_bytes, step.new_bytes);
        add(&self.known_bytes, step.known_bytes);
        add(&self.stored_bytes, step.stored_bytes);
    }

    pub fn totals(&self) -> Totals {
        let get = |from: &AtomicU64| from.load(Ordering::Relaxed);
        Totals {
            found_files: get(&self.found_files),
            found_bytes: get(&self.found_bytes),
            found_all: self.found_all.load(Ordering::Relaxed),
            waiting_bytes: get(&self.waiting_bytes),
            done: Progress {
                files: get(&self.files),
                bytes: get(&self.bytes),
                new_bytes: get(&self.new_bytes),
                known_bytes: get(&self.known_bytes),
                stored_bytes: get(&self.stored_bytes),
            },
        }
    }
}

/// Keeps all that it is told, for tests.
#[derive(Debug, Default)]
pub struct Recording {
    pub tally: Tally,
    problems: Mutex<Vec<(String, String)>>,
    notes: Mutex<Vec<(String, String)>>,
}

impl Recording {
    /// Path and what, in the order they were told.
    pub fn problems(&self) -> Vec<(String, String)> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn notes(&self) -> Vec<(String, String)> {
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Monitor for Recording {
    fn found(&self, files: u64, bytes: u64) {
        self.tally.found(files, bytes);
    }
    fn found_all(&self) {
        self.tally.found_all.store(true, Ordering::Relaxed);
    }
    fn advance(&self, step: Progress) {
        self.tally.advance(step);
    }
    fn waiting(&self, bytes: u64) {
        self.tally.waiting_bytes.store(bytes, Ordering::Relaxed);
    }
    fn problem(&self, path: &[u8], what: &str) {
        let told = (name::escape(path), what.to_owned());
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
    fn note(&self, path: &[u8], what: &str) {
        let told = (name::escape(path), what.to_owned());
        self.notes.lock().unwrap_or_else(PoisonError::into_inner).push(told);
    }
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// A bar on a terminal, plain lines elsewhere.
    Progress,
    /// Problems and notes only.
    Problems,
}

/// Shows progress on standard error, from a thread of its own, until it is dropped.
pub struct Shown {
    tally: Arc<Tally>,
    bar: Option<ProgressBar>,
    end: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Shown {
    pub fn new(show: Show) -> Self {
        let tally = Arc::new(Tally::default());
        if show == Show::Problems {
            return Self { tally, bar: None, end: None };
        }
        let bar = std::io::stderr().is_terminal().then(new_bar);
        let (sender, receiver) = mpsc::channel();
        let (its_tally, its_bar) = (tally.clone(), bar.clone());
        let draw = move || {
            let mut rate = Rate::new(Instant::now());
            let every = if its_bar.is_some() { BAR_EVERY } else { LINE_EVERY };
            while receiver.recv_timeout(every) == Err(RecvTimeoutError::Timeout) {
                let totals = its_tally.totals();
                let line = summary_line(&totals, rate.update(Instant::now(), totals.done.bytes));
                match &its_bar {
                    Some(bar) => show_on(bar, &totals, line),
                    None => to_stderr(&line),
                }
            }
        };
        // Without a thread there is no progress to see, which is no reason to stop the work.
        let thread = std::thread::Builder::new().name("progress".into()).spawn(draw);
        Self { tally, bar, end: thread.ok().map(|thread| (sender, thread)) }
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    fn line(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| to_stderr(text)),
            None => to_stderr(text),
        }
    }
}

fn new_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
    let style = ProgressStyle::with_template("{bar:24} {wide_msg}").expect("a template that a test draws");
    bar.set_style(style.progress_chars("=> "));
    bar
}

fn show_on(bar: &ProgressBar, totals: &Totals, line: String) {
    if totals.found_all {
        bar.set_length(totals.found_bytes);
        bar.set_position(totals.done.bytes.min(totals.found_bytes));
    }
    bar.set_message(line);
    bar.tick();
}

fn to_stderr(line: &str) {
    // Nobody is left to tell that standard error is closed.
    let _ = writeln!(std::io::stderr(), "{line}");
}

impl Monitor for Shown {
    fn found(&self, files: u64, bytes: u64) {
        self.tally.found(files, bytes);
    }
    fn found_all(&self) {
        self.tally.found_all.store(true, Ordering::Relaxed);
    }
    fn advance(&self, step: Progress) {
        self.tally.advance(step);
    }
    fn waiting(&self, bytes: u64) {
        self.tally.waiting_bytes.store(bytes, Ordering::Relaxed);
    }
    fn problem(&self, path: &[u8], what: &str) {
        self.line(&format!("warning: {}: {}", printable(&name::escape(path)), printable(what)));
    }
    fn note(&self, path: &[u8], what: &str) {
        self.line(&format!("note: {}: {}", printable(&name::escape(path)), printable(what)));
    }
}

impl Drop for Shown {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.end.take() {
            drop(sender);
            let _ = thread.join();
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_adds_up() {
        let monitor = Recording::default();
        monitor.found(2, 300);
        monitor.found_all();
        for _ in 0..2 {
            monitor.advance(Progress { files: 1, bytes: 150, new_bytes: 50, known_bytes: 100, stored_bytes: 20 });
        }
        monitor.problem(b"a\xff", "no");
        let totals = monitor.tally.totals();
        assert_eq!((totals.found_files, totals.found_bytes, totals.found_all), (2, 300, true));
        assert_eq!(totals.done, Progress { files: 2, bytes: 300, new_bytes: 100, known_bytes: 200, stored_bytes: 40 });
        assert_eq!(monitor.problems(), [("a\\xff".to_owned(), "no".to_owned())]);
        assert!(monitor.notes().is_empty());
    }

    #[test]
    fn a_bar_can_be_drawn_and_ends_at_once() {
        show_on(&new_bar(), &Totals::default(), "working".into());
        drop(Shown::new(Show::Progress));
    }
}
