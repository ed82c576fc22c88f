//! Work on many objects at once, on a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::base::lock;
use crate::gateway::answer::{Answer, Refusal};

/// Does `work` for all items, on `threads` threads at most. The first error ends it.
pub fn each<T: Sync>(items: &[T], threads: usize, work: impl Fn(&T) -> Answer<()> + Sync) -> Answer<()> {
    let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
    let first: Mutex<Option<Refusal>> = Mutex::new(None);
    let run = || {
        while !failed.load(Ordering::Relaxed)
            && let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed))
        {
            if let Err(refusal) = work(item) {
                failed.store(true, Ordering::Relaxed);
                lock(&first).get_or_insert(refusal);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(items.len()) {
            scope.spawn(run);
        }
        run();
    });
    let refusal = lock(&first).take();
    refusal.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use pulih_protocol::error::Code;

    use super::*;

    #[test]
    fn all_is_done_once_and_the_first_error_ends_it() {
        let (items, sum) = ((1..=100).collect::<Vec<u64>>(), AtomicU64::new(0));
        each(&items, 4, |item| {
            sum.fetch_add(*item, Ordering::Relaxed);
            Ok(())
        })
        .unwrap();
        assert_eq!(sum.into_inner(), 5050);
        let done = AtomicU64::new(0);
        let refusal = each(&items, 1, |item| {
            done.fetch_add(1, Ordering::Relaxed);
            if *item == 3 { Err(Refusal::new(Code::Refused, "three")) } else { Ok(()) }
        });
        assert_eq!((refusal.unwrap_err().message, done.into_inner()), ("three".to_owned(), 3));
        each::<u64>(&[], 4, |_| Ok(())).unwrap();
    }
}
