//! What the runner and the supervisor in the box say to each other: one request, one answer, over two pipes. The
//! runner believes nothing of it: lengths are bounded before memory is taken, and an answer that does not fit its
//! request ends the box.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::stage::Stage;

/// A program's arguments are 100 texts of 4096 bytes, and JSON may take six bytes for one.
const MAX_REQUEST_BYTES: usize = 4 << 20;
const MAX_ANSWER_BYTES: usize = 64 << 10;
/// What is kept of what a program prints.
pub const KEPT_BYTES: usize = 64 << 10;

#[derive(Debug, Serialize, Deserialize)]
pub enum Request {
    /// To the process that becomes the box, before it does.
    Stage(Stage),
    Begin(Begin),
    /// Which of these programs are not there.
    Look(Vec<String>),
    Run(Start),
    /// How the background program of that number ended, if it did.
    Ended(usize),
    /// Waits until nothing else is in the box; with `terminate` it is told to end.
    Empty {
        milliseconds: u64,
        terminate: bool,
    },
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Begin {
    pub env: Vec<(String, String)>,
    /// The largest file that a program may make.
    pub file_bytes: u64,
    /// Where no group of the host bounds memory and processes.
    pub alone: Option<Alone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alone {
    pub memory_bytes: u64,
    pub processes: u64,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Start {
    pub argv: Vec<String>,
    pub background: bool,
    /// Of one that is waited for: then it is killed.
    pub milliseconds: u64,
}

/// After it come, of one that ended, what it printed and what it complained of, each as a frame of bytes.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    Begun,
    Absent(Vec<usize>),
    Goes(usize),
    Ended(End),
    NoProgram,
    /// An error number: it is there and could not be started.
    NotStarted(i32),
    /// Processes that are still there.
    Left(u64),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// `None`: a signal ended it.
    pub status: Option<i32>,
    pub overdue: bool,
    /// Of its standard output, kept or not.
    pub printed_bytes: u64,
    pub sha256: String,
    pub complained_bytes: u64,
}

pub fn send(to: &mut impl Write, frame: &[u8]) -> io::Result<()> {
    let length = u32::try_from(frame.len()).map_err(io::Error::other)?;
    to.write_all(&length.to_be_bytes())?;
    to.write_all(frame)?;
    to.flush()
}

pub fn send_json(to: &mut impl Write, what: &impl Serialize) -> io::Result<()> {
    send(to, &serde_json::to_vec(what).map_err(io::Error::other)?)
}

fn take(from: &mut impl Read, most: usize) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    from.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length) as usize;
    if length > most {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than it may be"));
    }
    let mut frame = vec![0; length];
    from.read_exact(&mut frame)?;
    Ok(frame)
}

fn json<T: DeserializeOwned>(frame: &[u8]) -> io::Result<T> {
    serde_json::from_slice(frame).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "not what was asked for"))
}

pub fn take_request<T: DeserializeOwned>(from: &mut impl Read) -> io::Result<T> {
    json(&take(from, MAX_REQUEST_BYTES)?)
}

pub fn take_answer(from: &mut impl Read) -> io::Result<Answer> {
    json(&take(from, MAX_ANSWER_BYTES)?)
}

pub fn take_output(from: &mut impl Read) -> io::Result<Vec<u8>> {
    take(from, KEPT_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_is_too_long_cut_off_or_of_another_form_is_refused() {
        let mut line = Vec::new();
        send_json(&mut line, &Answer::Left(3)).unwrap();
        assert_eq!(take_answer(&mut line.as_slice()).unwrap(), Answer::Left(3));
        for cut in 0..line.len() {
            assert!(take_answer(&mut &line[..cut]).is_err(), "{cut}");
        }
        let long = [&(MAX_ANSWER_BYTES as u32 + 1).to_be_bytes()[..], &vec![b' '; MAX_ANSWER_BYTES + 1]].concat();
        assert_eq!(take_answer(&mut long.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
        let mut other = Vec::new();
        send(&mut other, b"{\"Passed\":true}").unwrap();
        assert_eq!(take_answer(&mut other.as_slice()).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}
