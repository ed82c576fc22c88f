//! What goes to standard output: text for people, JSON for programs.

use serde::Serialize;
use std::fmt;
use std::io::{self, Write};

use super::failure::Failure;

pub use pulih_terminal::{Align, Table, count, duration, printable, printable_lines, size};

/// Standard output. A reader that went away ends the command and is no failure to report.
pub struct Out<W: Write = io::BufWriter<io::Stdout>> {
    inner: W,
}

impl Out {
    pub fn stdout() -> Self {
        Self { inner: io::BufWriter::with_capacity(64 << 10, io::stdout()) }
    }
}

impl<W: Write> Out<W> {
    pub fn line(&mut self, text: &str) -> Result<(), Failure> {
        self.bytes(text.as_bytes())?;
        self.bytes(b"\n")
    }

    /// What ends its own lines.
    pub fn text(&mut self, text: &impl fmt::Display) -> Result<(), Failure> {
        self.inner.write_fmt(format_args!("{text}")).map_err(Failure::Output)
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.inner.write_all(bytes).map_err(Failure::Output)
    }

    /// One JSON value on one line.
    pub fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.inner, value).map_err(|error| Failure::Output(error.into()))?;
        self.bytes(b"\n")
    }

    pub fn flush(&mut self) -> Result<(), Failure> {
        self.inner.flush().map_err(Failure::Output)
    }
}
