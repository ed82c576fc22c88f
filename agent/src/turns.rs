//! This agent's turns at its site: what it says in a hello, and what it writes down before and
//! after.
//!
//! A turn is written down before it is said, and until it is answered both it and the one before
//! are kept: so a crash, a lost answer or a cut line ends in the same hello once more, and only a
//! state that was taken back in time says one that is past.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use pulih_protocol::hello::{Hello, Welcome};
use pulih_stores::{GatewayError, Turns};
use ring::rand::{SecureRandom as _, SystemRandom};

use crate::state::{Home, StateDir, StateError, Turn};
use crate::{PROGRAM, machine};

pub struct KeptTurns {
    pub state: StateDir,
    pub home: Home,
    /// The file that names this machine: see [`machine::fingerprint`].
    pub machine_id: PathBuf,
    /// Ends a wait for another process of this agent.
    pub stop: Arc<AtomicBool>,
    pub warn: fn(&str),
}

const REJOINED: &str = "the site has seen a newer state of this agent than the one here: this server was put back from \
    an image, or a copy of it lives. It goes on with a new lineage, and the Pusat Data is alarmed; if you did not put \
    it back, ask there";

impl Turns for KeptTurns {
    fn take(&self, say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>) -> Result<Welcome, GatewayError> {
        let _lock = self.state.lock_turn(&self.stop).map_err(local)?;
        let mut turn = match self.state.turn(self.home) {
            Err(StateError::Damaged { path, .. }) => {
                // The site takes it for a state that was put back, and says so to its people.
                (self.warn)(&format!("{} is damaged; this agent joins its site anew", path.display()));
                Turn::default()
            }
            turn => turn.map_err(local)?,
        };
        let next = match turn.next.take() {
            Some(unanswered) => unanswered,
            None => draw().map_err(|error| GatewayError::Turns(error.into()))?,
        };
        turn.next = Some(next.clone());
        self.state.save_turn(self.home, &turn).map_err(local)?;
        let host = machine::host();
        let welcome = say(&Hello {
            lineage: turn.lineage,
            last: turn.last,
            next: next.clone(),
            machine: machine::fingerprint(&self.machine_id, &host),
            host,
            program: PROGRAM.to_owned(),
        })?;
        let taken = Turn { lineage: Some(welcome.lineage.clone()), last: Some(next), next: None };
        self.state.save_turn(self.home, &taken).map_err(local)?;
        if welcome.rejoined {
            (self.warn)(REJOINED);
        }
        Ok(welcome)
    }
}

fn local(error: StateError) -> GatewayError {
    GatewayError::Turns(Box::new(error))
}

/// 32 hexadecimal digits.
fn draw() -> Result<String, &'static str> {
    let mut bytes = [0; 16];
    SystemRandom::new().fill(&mut bytes).map_err(|_| "the system gives no random bytes")?;
    Ok(format!("{:032x}", u128::from_be_bytes(bytes)))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::atomic::{AtomicU32, Ordering};

    use pulih_protocol::error::{Code, ErrorBody};

    use super::*;

    static WARNED: AtomicU32 = AtomicU32::new(0);

    fn turns(folder: &tempfile::TempDir) -> KeptTurns {
        KeptTurns {
            state: StateDir::at(folder.path().join("state")),
            home: Home::Site,
            machine_id: folder.path().join("machine-id"),
            stop: Arc::new(AtomicBool::new(false)),
            warn: |_| {
                WARNED.fetch_add(1, Ordering::Relaxed);
            },
        }
    }

    #[allow(clippy::unnecessary_wraps)] // As a site answers.
    fn welcome(rejoined: bool) -> Result<Welcome, GatewayError> {
        Ok(Welcome { lineage: "line".into(), rejoined, at: "2026-11-22T00:00:00Z".into() })
    }

    fn lost() -> Result<Welcome, GatewayError> {
        let body = ErrorBody::new(Code::Busy, "later");
        Err(GatewayError::Refused { url: "https://site".into(), body })
    }

    /// A turn with this outcome, and the hello that was said.
    fn take(turns: &KeptTurns, answer: &dyn Fn() -> Result<Welcome, GatewayError>) -> Hello {
        let said = RefCell::new(None);
        let _ = turns.take(&|hello| {
            // Before it is said it is on disk.
            assert_eq!(turns.state.turn(Home::Site).unwrap().next.as_ref(), Some(&hello.next));
            *said.borrow_mut() = Some(hello.clone());
            answer()
        });
        said.into_inner().unwrap()
    }

    #[test]
    fn each_hello_says_what_the_last_one_promised() {
        let folder = tempfile::tempdir().unwrap();
        let first = take(&turns(&folder), &|| welcome(false));
        assert_eq!((&first.lineage, &first.last), (&None, &None));
        assert_eq!((first.next.len(), first.machine.len()), (32, 64));
        // Another process goes on where this one was.
        let second = take(&turns(&folder), &|| welcome(false));
        assert_eq!((second.lineage.as_deref(), second.last.as_ref()), (Some("line"), Some(&first.next)));
        assert_ne!(second.next, first.next);
        assert_eq!(second.machine, first.machine);
    }

    #[test]
    fn a_hello_whose_answer_was_lost_is_said_again() {
        let folder = tempfile::tempdir().unwrap();
        let turns = turns(&folder);
        let before = take(&turns, &|| welcome(false));
        let unanswered = take(&turns, &lost);
        for _ in 0..2 {
            let again = take(&turns, &lost);
            assert_eq!(again, unanswered);
        }
        let answered = take(&turns, &|| welcome(false));
        assert_eq!((answered.last.as_ref(), &answered.next), (Some(&before.next), &unanswered.next));
        assert_eq!(take(&turns, &lost).last, Some(unanswered.next));
    }

    #[test]
    fn a_state_that_was_put_back_is_told_and_a_damaged_one_joins_anew() {
        let folder = tempfile::tempdir().unwrap();
        let turns = turns(&folder);
        take(&turns, &|| welcome(false));
        let warned = WARNED.load(Ordering::Relaxed);
        take(&turns, &|| welcome(true));
        assert!(WARNED.load(Ordering::Relaxed) > warned);
        std::fs::write(folder.path().join("state/turn.json"), "{\"type\":1").unwrap();
        assert_eq!(take(&turns, &|| welcome(false)).lineage, None);
    }

    #[test]
    fn processes_take_turns_one_after_the_other() {
        let folder = tempfile::tempdir().unwrap();
        let site = std::sync::Mutex::new(None::<String>);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let turns = turns(&folder);
                    turns
                        .take(&|hello| {
                            let mut last = site.lock().unwrap();
                            assert_eq!(hello.last, *last, "a turn was taken beside another");
                            *last = Some(hello.next.clone());
                            welcome(false)
                        })
                        .unwrap();
                });
            }
        });
        assert_eq!(turns(&folder).state.turn(Home::Site).unwrap().last, site.into_inner().unwrap());
    }
}
