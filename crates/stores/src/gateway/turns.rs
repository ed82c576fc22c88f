//! Turns: the hello that goes before the first request about objects, and the lineage that goes
//! with each of them.
//!
//! Where an agent keeps its turns is the agent's own affair; here is when one is taken.

use std::sync::{Mutex, PoisonError};

use pulih_protocol::error::Code;
use pulih_protocol::hello::{Hello, Welcome};

use super::error::GatewayError;

/// Of what a site gives as a lineage: it goes into a header as it stands.
const MAX_LINEAGE_BYTES: usize = 128;

/// Where an agent keeps its turns, so that they outlast its processes.
pub trait Turns: Send + Sync {
    /// Takes one turn: says hello with the turn that is on record and a next one, which is
    /// written down *before* `say` is called with it, and writes down what came. Several
    /// processes of an agent do so one after the other. A turn whose answer was lost is said
    /// again as it was.
    fn take(&self, say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>) -> Result<Welcome, GatewayError>;
}

/// The lineage of this process, once it has said hello.
pub struct Lineage {
    turns: Box<dyn Turns>,
    /// Held while a turn is taken, so that all threads wait for one hello.
    current: Mutex<Option<String>>,
}

impl Lineage {
    pub fn new(turns: Box<dyn Turns>) -> Self {
        Self { turns, current: Mutex::new(None) }
    }

    /// Does something with the lineage in a header, after a hello if there was none; and once
    /// more, after another, if the site does not know it any longer.
    pub fn with<T>(
        &self,
        say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>,
        mut ask: impl FnMut(&str) -> Result<T, GatewayError>,
    ) -> Result<T, GatewayError> {
        let lineage = self.current(None, say)?;
        match ask(&lineage) {
            Err(GatewayError::Refused { body, .. }) if body.code == Code::HelloFirst => {
                ask(&self.current(Some(&lineage), say)?)
            }
            answer => answer,
        }
    }

    /// The lineage now; `stale` is one that the site does not know.
    fn current(
        &self,
        stale: Option<&str>,
        say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>,
    ) -> Result<String, GatewayError> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lineage) = current.as_ref().filter(|lineage| Some(lineage.as_str()) != stale) {
            return Ok(lineage.clone());
        }
        let welcome = self.turns.take(say)?;
        *current = Some(welcome.lineage.clone());
        Ok(welcome.lineage)
    }
}

/// Whether a site's lineage can stand in a header.
pub fn is_lineage(text: &str) -> bool {
    !text.is_empty() && text.len() <= MAX_LINEAGE_BYTES && text.bytes().all(|b| b.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use pulih_protocol::error::ErrorBody;

    use super::*;

    /// Turns of a test: each hello's `next` is its number.
    struct Counted(AtomicU32);

    impl Turns for Counted {
        fn take(&self, say: &dyn Fn(&Hello) -> Result<Welcome, GatewayError>) -> Result<Welcome, GatewayError> {
            let next = self.0.fetch_add(1, Ordering::Relaxed).to_string();
            let text = || "test".to_owned();
            say(&Hello { lineage: None, last: None, next, machine: text(), host: text(), program: text() })
        }
    }

    fn refused(code: Code) -> GatewayError {
        GatewayError::Refused { url: "https://site".into(), body: ErrorBody::new(code, "no") }
    }

    #[allow(clippy::unnecessary_wraps)] // As a site answers.
    fn welcome(hello: &Hello) -> Result<Welcome, GatewayError> {
        Ok(Welcome { lineage: format!("lineage-{}", hello.next), rejoined: false, at: String::new() })
    }

    fn lineage() -> Lineage {
        Lineage::new(Box::new(Counted(AtomicU32::new(0))))
    }

    #[test]
    fn one_hello_serves_every_request() {
        let lineage = lineage();
        for _ in 0..3 {
            assert_eq!(lineage.with(&welcome, |said| Ok(said.to_owned())).unwrap(), "lineage-0");
        }
    }

    #[test]
    fn a_lineage_that_is_not_known_any_longer_is_replaced_once() {
        let lineage = lineage();
        let mut asked = Vec::new();
        let answer = lineage.with(&welcome, |said| {
            asked.push(said.to_owned());
            if said == "lineage-0" { Err(refused(Code::HelloFirst)) } else { Ok(()) }
        });
        assert!(answer.is_ok());
        assert_eq!(asked, ["lineage-0", "lineage-1"]);
        // A site that knows none is not asked without end.
        let mut asked = 0;
        let answer: Result<(), _> = lineage.with(&welcome, |_| {
            asked += 1;
            Err(refused(Code::HelloFirst))
        });
        assert!(answer.is_err());
        assert_eq!(asked, 2);
    }

    #[test]
    fn a_clone_asks_for_nothing() {
        let answer = lineage().with(&|_| Err(refused(Code::Clone)), |_| -> Result<(), _> { unreachable!() });
        assert!(matches!(answer, Err(GatewayError::Refused { body, .. }) if body.code == Code::Clone));
    }

    #[test]
    fn a_lineage_fits_a_header() {
        assert!(is_lineage("0123abcd"));
        for bad in ["", "a b", "a\r\nx: y", "\u{e9}", &"a".repeat(129)] {
            assert!(!is_lineage(bad), "{bad:?}");
        }
    }
}
