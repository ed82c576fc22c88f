//! Bodies that come too slowly to ever be whole are given up: a site that sends a byte a minute would
//! hold whoever reads for ever. Only the time in which the reader waits for bytes counts, so that whoever
//! is slow himself (a disk, a limit of bandwidth) does not take the line for dead.

use std::io::{self, Read};
use std::time::{Duration, Instant};

/// Bytes a second that a body must have after a first while: a pack of 4 MiB in an hour, as a
/// gateway asks of what it takes in.
pub const LEAST_RATE: u64 = 1200;
const PATIENCE: Duration = Duration::from_secs(60);

/// A body that has to come at [`LEAST_RATE`].
pub struct Paced<R> {
    body: R,
    came: u64,
    waited: Duration,
    clock: fn() -> Instant,
}

impl<R: Read> Paced<R> {
    pub fn new(body: R) -> Self {
        Self::with(body, Instant::now)
    }

    fn with(body: R, clock: fn() -> Instant) -> Self {
        Self { body, came: 0, waited: Duration::ZERO, clock }
    }
}

impl<R: Read> Read for Paced<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let began = (self.clock)();
        let read = self.body.read(out)?;
        self.waited += (self.clock)().saturating_duration_since(began);
        self.came += read as u64;
        let due = self.waited.saturating_sub(PATIENCE).as_secs() * LEAST_RATE;
        if read > 0 && self.came < due {
            let why = format!("{} bytes came in {} s: too slow to ever be whole", self.came, self.waited.as_secs());
            return Err(io::Error::new(io::ErrorKind::TimedOut, why));
        }
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! { static PASSED: Cell<Duration> = const { Cell::new(Duration::ZERO) } }

    fn clock() -> Instant {
        thread_local! { static BEGAN: Instant = Instant::now() }
        BEGAN.with(|began| *began + PASSED.get())
    }

    /// Gives so many bytes at once, and so long after it was asked.
    struct Line(usize, Duration);

    impl Read for Line {
        fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
            PASSED.set(PASSED.get() + self.1);
            let len = self.0.min(out.len());
            out[..len].fill(1);
            Ok(len)
        }
    }

    /// Reads a mebibyte.
    fn whole(line: Line) -> io::Result<usize> {
        let (mut body, mut out, mut came) = (Paced::with(line, clock), vec![0; 64 << 10], 0);
        while came < 1 << 20 {
            came += body.read(&mut out)?;
        }
        Ok(came)
    }

    #[test]
    fn a_byte_now_and_then_is_given_up_and_a_slow_line_is_not() {
        assert_eq!(whole(Line(1, Duration::from_secs(50))).unwrap_err().kind(), io::ErrorKind::TimedOut);
        // 14.4 kbit/s, in pieces that come every ten seconds.
        assert!(whole(Line(18_000, Duration::from_secs(10))).unwrap() >= 1 << 20);
    }

    #[test]
    fn a_reader_that_is_slow_itself_is_not_the_line() {
        let mut body = Paced::with(Line(1, Duration::ZERO), clock);
        for _ in 0..100 {
            PASSED.set(PASSED.get() + Duration::from_secs(600));
            assert_eq!(body.read(&mut [0; 16]).unwrap(), 1);
        }
    }
}
