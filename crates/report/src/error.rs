use thiserror::Error;

/// Why there is no report.
#[derive(Debug, Error)]
pub enum ReportError {
    #[error("`{0}` is no time: write it as 2026-11-22T01:23:45Z")]
    Time(String),
    /// JSON holds no larger whole number exactly.
    #[error("`{0}` is above 9007199254740991 or below its negative: a ledger has no such figure")]
    Figure(String),
    #[error("the report's data cannot be written as JSON: {0}")]
    Data(#[from] serde_json::Error),
    /// A mistake in the templates, or more than they can hold: the data is not at fault by what it says.
    #[error("the report cannot be laid out: {0}. Keep the data (JSON) and report this as a defect")]
    Layout(String),
    #[error("the report cannot be written as PDF/A: {0}. Keep the data (JSON) and report this as a defect")]
    Export(String),
}
