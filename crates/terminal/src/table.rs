//! A table for people: columns two spaces apart, as wide as what is in them.

use std::fmt::{self, Write as _};

use crate::printable;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
}

pub struct Table {
    columns: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub fn new<T: Into<String>>(columns: impl IntoIterator<Item = (T, Align)>) -> Self {
        let columns = columns.into_iter().map(|(title, align)| (title.into(), align)).collect();
        Self { columns, rows: Vec::new() }
    }

    /// Columns that all begin at their left edge.
    pub fn left<T: Into<String>>(titles: impl IntoIterator<Item = T>) -> Self {
        Self::new(titles.into_iter().map(|title| (title, Align::Left)))
    }

    /// A row; cells are made printable, since they may come from a store.
    pub fn row<T: AsRef<str>>(&mut self, cells: impl IntoIterator<Item = T>) {
        let cells: Vec<String> = cells.into_iter().map(|cell| printable(cell.as_ref())).collect();
        debug_assert_eq!(cells.len(), self.columns.len());
        self.rows.push(cells);
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let titles: Vec<String> = self.columns.iter().map(|(title, _)| title.clone()).collect();
        let all = || std::iter::once(&titles).chain(&self.rows);
        let wide = |at: usize| all().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..titles.len()).map(wide).collect();
        for row in all() {
            let mut line = String::new();
            for ((cell, &width), (_, align)) in row.iter().zip(&widths).zip(&self.columns) {
                match align {
                    Align::Left => write!(line, "{cell:<width$}  "),
                    Align::Right => write!(line, "{cell:>width$}  "),
                }?;
            }
            writeln!(f, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up() {
        let mut table = Table::new([("NAME", Align::Left), ("SIZE", Align::Right)]);
        assert!(table.is_empty());
        table.row(["a", "10 B"]);
        table.row(["long\u{7}er", "9.0 KiB"]);
        assert_eq!(table.to_string(), "NAME            SIZE\na               10 B\nlong\\u{7}er  9.0 KiB\n");
    }
}
