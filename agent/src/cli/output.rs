//! What goes to standard output: numbers, times and tables for people, JSON for programs.

use serde::Serialize;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::time::Duration;

use super::failure::Failure;

pub use crate::monitor::printable;

/// Text of several lines, each made printable.
pub fn printable_lines(text: &str) -> String {
    text.split('\n').map(printable).collect::<Vec<_>>().join("\n")
}

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `512 B`, `1.5 KiB`, `20.3 GiB`.
pub fn size(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // 1023.95 would be shown as 1024.0.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `8s`, `1m04s`, `2h05m`, `3d07h`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{:02}s", seconds % 60),
        3600..86_400 => format!("{hours}h{:02}m", minutes % 60),
        _ => format!("{}d{:02}h", hours / 24, hours % 24),
    }
}

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

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

/// A table for people: columns two spaces apart, as wide as what is in them.
pub struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// A row; cells are made printable, since they may come from a store.
    pub fn row(&mut self, cells: &[String]) {
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells.iter().map(|cell| printable(cell)).collect());
    }

    pub fn print<W: Write>(&self, out: &mut Out<W>) -> Result<(), Failure> {
        let width = |i: usize, title: &str| {
            let cells = self.rows.iter().map(|row| row[i].chars().count());
            cells.max().unwrap_or(0).max(title.len())
        };
        let widths: Vec<usize> = self.columns.iter().enumerate().map(|(i, (title, _))| width(i, title)).collect();
        let titles: Vec<String> = self.columns.iter().map(|(title, _)| (*title).to_owned()).collect();
        for row in std::iter::once(&titles).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, &width), (_, align)) in row.iter().zip(&widths).zip(&self.columns) {
                let _ = match align {
                    Align::Left => write!(line, "{cell:<width$}  "),
                    Align::Right => write!(line, "{cell:>width$}  "),
                };
            }
            out.line(line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_one_decimal() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_048_575, "1.0 MiB"),
            (5 << 29, "2.5 GiB"),
            (u64::MAX, "16.0 EiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }

    #[test]
    fn counts_and_durations_are_readable() {
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(count(123), "123");
        let shown = |seconds| duration(Duration::from_secs(seconds));
        assert_eq!([shown(8), shown(64), shown(7500), shown(284_400)], ["8s", "1m04s", "2h05m", "3d07h"]);
    }

    #[test]
    fn a_table_lines_up() {
        let mut table = Table::new(&[("NAME", Align::Left), ("SIZE", Align::Right)]);
        table.row(&["a".into(), "10 B".into()]);
        table.row(&["long\u{7}er".into(), "9.0 KiB".into()]);
        let mut out = Out { inner: Vec::new() };
        table.print(&mut out).unwrap();
        let text = String::from_utf8(out.inner).unwrap();
        assert_eq!(text, "NAME            SIZE\na               10 B\nlong\\u{7}er  9.0 KiB\n");
    }
}
