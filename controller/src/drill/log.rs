//! The raw log of a drill: JSON lines without a path or content, in the site's folder until they are an object of the
//! store. What a power cut leaves of it says how far the drill had come.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Mutex;
use std::time::Instant;

use serde_json::{Value, json};

use crate::base::lock;

/// Of a whole log. What comes after that is counted.
const MAX_BYTES: u64 = 64 << 20;
/// Kept for its last line.
const LAST_BYTES: u64 = 4096;
/// Looked through for the newest line: one with what a program printed may have 64 KiB twice over.
const END_BYTES: u64 = 256 << 10;

/// What it is called in the site's folder.
pub fn name(drill: &str) -> String {
    format!("drill-{drill}.log")
}

struct Written {
    file: File,
    bytes: u64,
    left_out: u64,
}

pub struct Log {
    written: Mutex<Written>,
    clock: Instant,
}

impl Log {
    /// A new one; `clock` is when the drill began.
    pub fn create(path: &Path, drill: &str, clock: Instant) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(path)?;
        let log = Self { written: Mutex::new(Written { file, bytes: 0, left_out: 0 }), clock };
        log.line(json!({"drill": drill}));
        log.sync();
        Ok(log)
    }

    /// Milliseconds since the drill began.
    pub fn milliseconds(&self) -> u64 {
        self.clock.elapsed().as_millis() as u64
    }

    /// Adds a line, with the time. A log that cannot be written ends no drill: it says at its end what it lacks.
    pub fn line(&self, fields: Value) {
        let mut written = lock(&self.written);
        if let Err(line) = self.append(&mut written, fields, MAX_BYTES - LAST_BYTES) {
            written.left_out += line;
        }
    }

    /// Whether its folder in the scratch place may be there from here on: for whoever looks after a crash, perhaps where
    /// that place is not there. Also where the log is full.
    pub fn scratch(&self, may_be_there: bool) {
        let mut written = lock(&self.written);
        let _ = self.append(&mut written, json!({"scratch": may_be_there}), MAX_BYTES - LAST_BYTES / 2);
        let _ = written.file.sync_data();
    }

    /// `Err`: so many lines were left out.
    fn append(&self, written: &mut Written, mut fields: Value, most: u64) -> Result<(), u64> {
        if let Some(fields) = fields.as_object_mut() {
            fields.insert("ms".into(), self.milliseconds().into());
        }
        let line = format!("{fields}\n");
        let end = written.bytes + line.len() as u64;
        if end > most || written.file.write_all(line.as_bytes()).is_err() {
            return Err(1);
        }
        written.bytes = end;
        Ok(())
    }

    /// Whether lines were left out.
    pub fn is_full(&self) -> bool {
        lock(&self.written).left_out > 0
    }

    /// What there is survives a power cut.
    pub fn sync(&self) {
        // What fails here fails again where the log is read.
        let _ = lock(&self.written).file.sync_data();
    }

    /// How long it took is its last line.
    pub fn close(&self) -> u64 {
        let milliseconds = self.milliseconds();
        let mut written = lock(&self.written);
        let left_out = written.left_out;
        let last = if left_out > 0 { json!({"left_out": left_out}) } else { json!({"ended": true}) };
        let _ = self.append(&mut written, last, MAX_BYTES);
        let _ = written.file.sync_all();
        milliseconds
    }
}

/// The lines that are whole; of a drill that never began, one that says so.
pub fn whole(path: &Path, drill: &str) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => drop(file.take(MAX_BYTES).read_to_end(&mut bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    bytes.truncate(end);
    if bytes.is_empty() {
        bytes = format!("{}\n", json!({"drill": drill, "ms": 0})).into_bytes();
    }
    Ok(bytes)
}

/// Whether the drill's folder in the scratch place may be there.
pub fn has_scratch(path: &Path) -> io::Result<bool> {
    let mut bytes = Vec::new();
    match File::open(path) {
        Ok(file) => drop(file.take(MAX_BYTES).read_to_end(&mut bytes)?),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let said = |line: &[u8]| serde_json::from_slice::<Value>(line).ok()?["scratch"].as_bool();
    Ok(bytes.rsplit(|byte| *byte == b'\n').find_map(said).unwrap_or(false))
}

/// What its newest whole line says that can be read; 0 without one.
pub fn milliseconds(path: &Path) -> io::Result<u64> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let from = file.metadata()?.len().saturating_sub(END_BYTES);
    file.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    file.take(END_BYTES).read_to_end(&mut end)?;
    let whole = end.iter().rposition(|byte| *byte == b'\n').map_or(&[][..], |at| &end[..at]);
    let said = |line: &[u8]| serde_json::from_slice::<Value>(line).ok()?["ms"].as_u64();
    Ok(whole.rsplit(|byte| *byte == b'\n').find_map(said).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_power_cut_leaves_is_read_to_its_last_whole_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        assert_eq!(
            (milliseconds(&path).unwrap(), whole(&path, "d-1").unwrap()),
            (0, b"{\"drill\":\"d-1\",\"ms\":0}\n".to_vec())
        );
        std::fs::write(&path, "{\"drill\":\"d-1\",\"ms\":0}\n{\"ms\":42,\"ok\":true}\n{\"ms\":99").unwrap();
        assert_eq!(milliseconds(&path).unwrap(), 42);
        assert!(whole(&path, "d-1").unwrap().ends_with(b"{\"ms\":42,\"ok\":true}\n"));
        std::fs::write(&path, "{\"ms\":9").unwrap();
        assert_eq!((milliseconds(&path).unwrap(), whole(&path, "d-1").unwrap().len()), (0, 23));
    }

    #[test]
    fn a_long_line_and_one_that_cannot_be_read_hide_no_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        // What a program prints may take two characters for each.
        let (first, long) = (json!({"ms": 1}), json!({"ms": 777, "printed": "\"".repeat(64 << 10)}));
        std::fs::write(&path, format!("{first}\n{long}\n")).unwrap();
        assert_eq!(milliseconds(&path).unwrap(), 777);
        std::fs::write(&path, format!("{first}\n{long}\nno line\n[]\n{{\"ms\":9")).unwrap();
        assert_eq!(milliseconds(&path).unwrap(), 777);
    }

    #[test]
    fn what_is_too_much_is_left_out_and_counted() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let log = Log::create(&path, "d-1", Instant::now()).unwrap();
        lock(&log.written).bytes = MAX_BYTES - LAST_BYTES;
        (0..3).for_each(|file| log.line(json!({"file": file})));
        log.close();
        let text = String::from_utf8(whole(&path, "d-1").unwrap()).unwrap();
        assert!(text.lines().count() == 2 && text.contains("\"left_out\":3"), "{text}");
    }
}
