//! What both command lines show people: sizes, spans, tables, and what a `doctor` found. Text goes
//! in, text comes out; nothing here writes anywhere.

mod csv;
mod findings;
mod number;
mod table;
mod text;

pub use csv::{csv_cell, csv_text};
pub use findings::{Finding, Findings, Verdict};
pub use number::{count, duration, size};
pub use table::{Align, Table};
pub use text::{printable, printable_lines, wrapped};
