//! The files of a report, and the entry that says that it was issued.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

use pulih_ledger::entry::kinds::ReportIssued;
use pulih_ledger::ids::Sha256;
use pulih_report::{Language, Pdf, Report};
use pulih_terminal::count;
use serde_json::json;

use crate::cli::ask::{answer, said};
use crate::cli::{Failure, Signed, person};
use crate::control::Ask;
use crate::evidence::read::Extent;
use crate::record::time;
use crate::site::{SiteDir, SiteFile};

/// A report, laid out, and as of what.
pub struct Issued<'a> {
    pub data: &'a Report,
    pub pdf: &'a Pdf,
    pub language: Language,
    pub period: (i64, i64),
    pub own: Extent<'a>,
    pub peer: Option<Extent<'a>>,
}

/// Writes its files, puts its hashes on the ledger where somebody signs it, and says what there is now.
pub fn issue(
    dir: &SiteDir,
    site: &SiteFile,
    made: &Issued,
    out: &Path,
    signed: &Signed,
    json: bool,
) -> Result<(), Failure> {
    let files = [
        (out.to_owned(), made.pdf.bytes.clone()),
        (out.with_extension("json"), made.data.to_json().map_err(said)?.into_bytes()),
        (out.with_extension("csv"), made.data.to_csv().map_err(said)?.into_bytes()),
    ];
    for (path, bytes) in &files {
        write_new(path, bytes)?;
    }
    let (kind, size) = (made.data.kind().name(), made.own.size);
    let pdf_sha256 = Sha256::of(&made.pdf.bytes);
    let is_issued = signed.user.is_some();
    if is_issued {
        let (from, to) = made.period;
        let issued = ReportIssued {
            report: kind.into(),
            from: time(from).map_err(said)?,
            to: time(to).map_err(said)?,
            size,
            root: made.own.log.checkpoint_at(size).map_err(said)?.root,
            data_sha256: made.pdf.data_sha256.parse().map_err(said)?,
            pdf_sha256,
            language: made.language.code().into(),
        };
        let entry = person::entry(site, signed, issued.into())?;
        answer(dir, Ask::Act { entry, attachment: None })?;
    }
    if json {
        println!(
            "{}",
            json!({
                "type": "pulih/report-made/v1", "report": kind, "path": out.display().to_string(),
                "pages": made.pdf.pages, "data_sha256": made.pdf.data_sha256, "pdf_sha256": pdf_sha256.to_string(),
                "size": size, "peer_size": made.peer.map(|part| part.size), "issued": is_issued,
            })
        );
        return Ok(());
    }
    println!(
        "{}: {}, as of {} entries of {}.\ndata SHA-256 {}\nPDF  SHA-256 {pdf_sha256}\n{}",
        out.display(),
        if made.pdf.pages == 1 { "1 page".to_owned() } else { format!("{} pages", count(made.pdf.pages as u64)) },
        count(size),
        made.own.log.layout().site,
        made.pdf.data_sha256,
        if is_issued { "It is issued: its hashes are on the ledger." } else { "It is not issued." },
    );
    Ok(())
}

/// Nothing is overwritten: what was signed stays what it was.
fn write_new(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let cannot = |error| Failure::Said(format!("cannot write {}: {error}; nothing is overwritten", path.display()));
    let mut file = OpenOptions::new().write(true).create_new(true).open(path).map_err(cannot)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(cannot)
}
