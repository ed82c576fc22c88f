//! How much comes and goes for each office: counted as bodies pass, by the hour of this site's clock. What passes
//! touches atomics alone; a lock is taken once an hour and body. Nothing is counted twice, and what could not be written
//! down is counted on.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use hyper::body::{Frame, SizeHint};

use crate::pusat::Pusat;

/// In seconds. The zones of Indonesia are whole hours from UTC: an hour there is one here.
pub const HOUR: i64 = 3600;
/// What two clocks may differ by because each cuts off parts of a second.
const CUT_OFF: i64 = 2;

/// What passed of an office in an hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passed {
    pub opd: String,
    /// When the hour began, seconds since 1970.
    pub hour: i64,
    pub received: u64,
    pub sent: u64,
}

/// For so many seconds of an hour bodies were counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Served {
    pub hour: i64,
    pub seconds: u64,
}

#[derive(Debug, Default)]
struct Counter {
    received: AtomicU64,
    sent: AtomicU64,
}

/// Up to when it was written down for how long bodies were counted: by the site's clock, and by one that nobody sets.
#[derive(Debug, Clone, Copy)]
struct Mark {
    clock: i64,
    steady: i64,
}

pub struct Meter {
    /// Seconds since 1970.
    clock: fn() -> i64,
    counters: Mutex<HashMap<(String, i64), Arc<Counter>>>,
    /// Absent while nothing is served.
    mark: Mutex<Option<Mark>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Meter {
    pub fn new(clock: fn() -> i64) -> Self {
        Self { clock, counters: Mutex::default(), mark: Mutex::default() }
    }

    /// From here on bodies are counted. `steady`: seconds by a clock that nobody sets.
    pub fn begin(&self, steady: i64) {
        *lock(&self.mark) = Some(Mark { clock: (self.clock)(), steady });
    }

    fn counter(&self, opd: &str, hour: i64) -> Arc<Counter> {
        lock(&self.counters).entry((opd.to_owned(), hour)).or_default().clone()
    }

    /// Hands over what passed since the last time, and for how long it was counted. If it was not kept, it is handed
    /// over again with the next.
    pub fn settle<E>(&self, steady: i64, keep: impl FnOnce(&[Passed], &[Served]) -> Result<(), E>) -> Result<(), E> {
        let mut mark = lock(&self.mark);
        let now = Mark { clock: (self.clock)(), steady };
        let served = mark.map(|since| spread(since, now)).unwrap_or_default();
        let passed = self.take(now.clock);
        let kept = keep(&passed, &served);
        match kept {
            Ok(()) => *mark = mark.map(|_| now),
            Err(_) => self.give_back(&passed),
        }
        kept
    }

    fn take(&self, now: i64) -> Vec<Passed> {
        let mut passed = Vec::new();
        lock(&self.counters).retain(|(opd, hour), counter| {
            // A body holds on to the counter of its hour: what nobody holds and is over is counted no more.
            let is_over = Arc::get_mut(counter).is_some() && *hour != hour_of(now);
            let (received, sent) =
                (counter.received.swap(0, Ordering::Relaxed), counter.sent.swap(0, Ordering::Relaxed));
            if received > 0 || sent > 0 {
                passed.push(Passed { opd: opd.clone(), hour: *hour, received, sent });
            }
            !is_over
        });
        passed
    }

    fn give_back(&self, passed: &[Passed]) {
        for its in passed {
            let counter = self.counter(&its.opd, its.hour);
            counter.received.fetch_add(its.received, Ordering::Relaxed);
            counter.sent.fetch_add(its.sent, Ordering::Relaxed);
        }
    }
}

pub fn hour_of(at: i64) -> i64 {
    at - at.rem_euclid(HOUR)
}

/// The time between two marks, by hours. A machine that slept served nobody, and a clock that was set served no longer:
/// what counts is the shorter of the two, up to now.
fn spread(since: Mark, now: Mark) -> Vec<Served> {
    let (clock, steady) = (now.clock.saturating_sub(since.clock), now.steady.saturating_sub(since.steady));
    let seconds = if clock.abs_diff(steady) < CUT_OFF as u64 { clock } else { clock.min(steady) };
    let mut at = now.clock - seconds.max(0);
    let mut hours = Vec::new();
    while at < now.clock {
        let hour = hour_of(at);
        let end = now.clock.min(hour + HOUR);
        hours.push(Served { hour, seconds: end.abs_diff(at) });
        at = end;
    }
    hours
}

/// Whose request it is, as soon as that is known.
#[derive(Clone, Default)]
pub struct Whose(Arc<OnceLock<String>>);

impl Whose {
    pub fn is_of(&self, opd: &str) {
        self.0.get_or_init(|| opd.to_owned());
    }
}

#[derive(Clone, Copy)]
enum Way {
    Received,
    Sent,
}

/// A body that is counted as it passes.
struct Counted {
    body: Body,
    way: Way,
    whose: Whose,
    meter: Arc<Meter>,
    /// Of the hour in which the last piece passed.
    counter: Option<(i64, Arc<Counter>)>,
}

impl Counted {
    fn count(&mut self, bytes: usize) {
        // What nobody's agent sends is nobody's traffic.
        let Some(opd) = self.whose.0.get() else { return };
        let hour = hour_of((self.meter.clock)());
        let counter = match &mut self.counter {
            Some((known, counter)) if *known == hour => counter,
            its => &mut its.insert((hour, self.meter.counter(opd, hour))).1,
        };
        let count = match self.way {
            Way::Received => &counter.received,
            Way::Sent => &counter.sent,
        };
        count.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

impl hyper::body::Body for Counted {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(data) = frame.data_ref()
        {
            self.count(data.len());
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// Has the bodies of a request and of its answer counted.
pub async fn metered(State(site): State<Arc<Pusat>>, request: Request, next: Next) -> Response {
    let whose = Whose::default();
    let counted =
        |body, way| Body::new(Counted { body, way, whose: whose.clone(), meter: site.meter.clone(), counter: None });
    let mut request = request.map(|body| counted(body, Way::Received));
    request.extensions_mut().insert(whose.clone());
    next.run(request).await.map(|body| counted(body, Way::Sent))
}

#[cfg(test)]
mod tests;
