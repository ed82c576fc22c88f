//! What a program prints: all of it is read and hashed, the beginning is kept.

use std::fmt::Write as _;
use std::os::fd::{AsFd, OwnedFd};

use ring::digest::{Context, SHA256};
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;

use crate::wire::KEPT_BYTES;

/// A look takes at most so much of one, so that one that prints without end does not hold up the others.
const LOOK_BYTES: usize = 1 << 20;

pub struct Output {
    /// `None`: closed by all who had it.
    from: Option<OwnedFd>,
    kept: Vec<u8>,
    bytes: u64,
    hash: Context,
    /// Only kept from being full.
    is_adrift: bool,
}

impl Output {
    pub fn new(from: OwnedFd) -> rustix::io::Result<Self> {
        rustix::io::ioctl_fionbio(&from, true)?;
        Ok(Self { from: Some(from), kept: Vec::new(), bytes: 0, hash: Context::new(&SHA256), is_adrift: false })
    }

    pub fn waits_for(&self) -> Option<PollFd<'_>> {
        self.from.as_ref().map(|from| PollFd::from_borrowed_fd(from.as_fd(), PollFlags::IN))
    }

    /// What is there now.
    pub fn read(&mut self) {
        let mut buffer = [0; 16 << 10];
        let mut read = 0;
        while let Some(from) = self.from.as_ref().filter(|_| read < LOOK_BYTES) {
            match rustix::io::read(from, &mut buffer) {
                Ok(0) => self.from = None,
                Ok(count) => {
                    read += count;
                    self.take(&buffer[..count]);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => return,
                Err(_) => self.from = None,
            }
        }
    }

    fn take(&mut self, printed: &[u8]) {
        if self.is_adrift {
            return;
        }
        self.kept.extend_from_slice(&printed[..printed.len().min(KEPT_BYTES - self.kept.len())]);
        self.bytes += printed.len() as u64;
        self.hash.update(printed);
    }

    pub fn kept(&self) -> &[u8] {
        &self.kept
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    pub fn sha256(&self) -> String {
        self.hash.clone().finish().as_ref().iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }

    /// What still has it open would be ended by a line that nobody reads.
    pub fn adrift(self) -> Option<Self> {
        self.from.is_some().then(|| Self { kept: Vec::new(), is_adrift: true, ..self })
    }
}
