//! How a command ends: done, done with files unread, or failed; and the words for it.

use std::error::Error;
use std::io::{self, ErrorKind, Write as _};
use std::process::ExitCode;

use pulih_stores::{GatewayError, S3Error};
use pulih_vault::error::{Malformed, VaultError};
use pulih_vault::store::StoreError;

use crate::backup::BackupError;
use crate::config::ConfigError;
use crate::identity::IdentityError;
use crate::state::StateError;
use pulih_restore::RestoreError;
use pulih_restore::target::TargetError;

/// How a command that ran to its end came out. `docs/contracts/exit-status.md`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Done, but some files could not be read.
    Unread,
    /// What was found wrong was printed already.
    FoundWrong,
}

impl Outcome {
    pub fn status(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::FoundWrong => 1,
            Self::Unread => 3,
        }
    }
}

/// Why a command did not run to its end: what happened, to what, and what to do now.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The command was not given as it should be.
    #[error("{0}")]
    Usage(String),
    #[error(transparent)]
    Vault(#[from] VaultError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error(transparent)]
    Restore(#[from] RestoreError),
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error(transparent)]
    Gateway(#[from] GatewayError),
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    S3(#[from] S3Error),
    #[error("cannot write to standard output")]
    Output(#[source] io::Error),
    /// A whole sentence.
    #[error("{0}")]
    Said(String),
    /// A failure and what it means for the command.
    #[error("{what}")]
    While { what: String, source: Box<Failure> },
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Vault(error.into())
    }
}

impl From<Malformed> for Failure {
    fn from(error: Malformed) -> Self {
        Self::Vault(error.into())
    }
}

impl Failure {
    pub fn usage(what: impl Into<String>) -> Self {
        Self::Usage(what.into())
    }

    pub fn said(what: impl Into<String>) -> Self {
        Self::Said(what.into())
    }

    /// This failure as the cause of another.
    #[must_use]
    pub fn as_cause_of(self, what: impl Into<String>) -> Self {
        Self::While { what: what.into(), source: Box::new(self) }
    }

    pub fn status(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            _ => 1,
        }
    }

    /// The error and its causes in one line, for reports and logs.
    pub fn words(&self) -> String {
        let report = self.report().unwrap_or_default();
        report.strip_prefix("error: ").unwrap_or(&report).replace("\n  because: ", ": ").replace('\n', "; ")
    }

    /// The error and its causes, each on a line. A cause whose words are in a line above is left
    /// out. `None`: whoever read standard output went away, and needs no words about it.
    pub fn report(&self) -> Option<String> {
        if matches!(self, Self::Output(error) if error.kind() == ErrorKind::BrokenPipe) {
            return None;
        }
        let mut text = format!("error: {self}");
        let mut cause = self.source();
        while let Some(error) = cause {
            let words = error.to_string();
            if !text.contains(&words) {
                text.push_str("\n  because: ");
                text.push_str(&words);
            }
            cause = error.source();
        }
        if matches!(self, Self::Usage(_)) {
            text.push_str("\n`pulih-agent help` shows how commands are given");
        }
        Some(pulih_terminal::printable_lines(&text))
    }
}

/// The exit status of a command; tells standard error why it failed.
pub fn end(result: Result<Outcome, Failure>) -> ExitCode {
    match result {
        Ok(outcome) => outcome.status().into(),
        Err(failure) => {
            if let Some(text) = failure.report() {
                // Where standard error is closed there is nobody to tell.
                let _ = writeln!(io::stderr(), "{text}");
            }
            failure.status().into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_told_once() {
        let inner = VaultError::untrusted("vault x", "nobody signed it");
        let failure = Failure::from(inner).as_cause_of("the vault was not made");
        let report = failure.report().unwrap();
        assert_eq!(report, "error: the vault was not made\n  because: vault x: nobody signed it");
        let said = StoreError::Io { action: "read".into(), source: io::Error::other("the disk") };
        assert_eq!(Failure::from(said).report().unwrap(), "error: cannot read: the disk");
    }

    #[test]
    fn a_reader_that_went_away_is_told_nothing() {
        let gone = Failure::Output(ErrorKind::BrokenPipe.into());
        assert_eq!((gone.report(), gone.status()), (None, 1));
    }
}
