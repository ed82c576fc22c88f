//! Reports as PDF files. A report is laid out from data that came to it whole: no figure is reckoned here, no clock,
//! file or network is asked, and the same data gives the same bytes. `docs/contracts/report.md` is the page of it.

mod csv;
pub mod data;
mod error;
mod fonts;
mod json;
mod language;
mod pdf;
mod printable;
mod report;
mod templates;
#[cfg(test)]
mod tests;
mod utc;
mod world;

pub use error::ReportError;
pub use language::Language;
pub use pdf::{Pdf, lay_out};
pub use report::{Kind, Report};
pub use utc::Utc;
