//! From the data to the bytes of a PDF file.

use serde_json::json;
use typst::diag::SourceDiagnostic;
use typst::foundations::{Datetime, Smart};
use typst_layout::PagedDocument;
use typst_pdf::{PdfOptions, PdfStandard, PdfStandards, Timestamp};

use crate::error::ReportError;
use crate::json::sha256;
use crate::language::Language;
use crate::printable;
use crate::report::Report;
use crate::utc::Utc;
use crate::world::Sealed;

/// Layouts that Typst keeps in memory for the next report: none, a controller writes few of them.
const KEPT_LAYOUTS: usize = 0;

/// A report as a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pdf {
    pub bytes: Vec<u8>,
    /// SHA-256 of the data as canonical JSON, as it stands on each page.
    pub data_sha256: String,
    pub pages: usize,
}

/// Lays a report out. The same data and language give the same bytes.
pub fn lay_out(report: &Report, language: Language) -> Result<Pdf, ReportError> {
    let (document, data_sha256) = pages(report, language)?;
    let ident = format!("{} {data_sha256} {}", report.kind().type_name(), language.code());
    let options = PdfOptions {
        ident: Smart::Custom(ident),
        creator: Smart::Custom(Some("Pulih".to_owned())),
        timestamp: timestamp(report.issued()),
        standards: PdfStandards::new(&STANDARDS).map_err(|error| ReportError::Export(error.message().to_string()))?,
        ..PdfOptions::default()
    };
    let bytes = typst_pdf::pdf(&document, &options).map_err(|errors| ReportError::Export(told(&errors, None)))?;
    let pages = document.pages().len();
    drop(document);
    typst::comemo::evict(KEPT_LAYOUTS);
    Ok(Pdf { bytes, data_sha256, pages })
}

/// When the file says that it was made: when the report was issued.
fn timestamp(issued: &Utc) -> Option<Timestamp> {
    let [year, month, day, hour, minute, second] = issued.parts();
    let part = |its: u32| u8::try_from(its).ok();
    let date = (i32::try_from(year).ok()?, part(month)?, part(day)?);
    Datetime::from_ymd_hms(date.0, date.1, date.2, part(hour)?, part(minute)?, part(second)?).map(Timestamp::new_utc)
}

/// For archives: tagged, with the text of each glyph (docs/decisions.md); and for whoever has it read aloud.
const STANDARDS: [PdfStandard; 2] = [PdfStandard::A_2a, PdfStandard::Ua_1];

/// The pages, and the hash of the data.
pub(crate) fn pages(report: &Report, language: Language) -> Result<(PagedDocument, String), ReportError> {
    let data_sha256 = sha256(report.to_json()?.as_bytes());
    let mut value = report.value()?;
    printable::value(&mut value);
    let view = json!({ "kind": report.kind().name(), "language": language, "data_sha256": data_sha256 });
    let world = Sealed::new(report.kind(), value.to_string(), view.to_string())?;
    let compiled = typst::compile::<PagedDocument>(&world);
    let document = compiled.output.map_err(|errors| ReportError::Layout(told(&errors, Some(&world))))?;
    // A layout that does not settle, or a typeface that is not there: what it gives may differ from what was meant.
    if compiled.warnings.is_empty() {
        Ok((document, data_sha256))
    } else {
        Err(ReportError::Layout(told(&compiled.warnings, Some(&world))))
    }
}

/// The first problems, with the place in a template where that is known.
fn told(problems: &[SourceDiagnostic], world: Option<&Sealed>) -> String {
    let each = problems.iter().take(3).map(|its| {
        let mut text = its.message.to_string();
        for hint in &its.hints {
            text.extend([" (", hint.v.as_str(), ")"]);
        }
        if let Some(place) = world.and_then(|world| world.place(its.span)) {
            text.extend([" at ", place.as_str()]);
        }
        text
    });
    each.collect::<Vec<_>>().join("; ")
}
