//! A keeper's socket in front of the keeper, which holds back keys until a test lets go: so a drill, or a recovery, is in
//! the middle of its work for as long as the test wants.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};

#[derive(Default)]
struct State {
    asked: usize,
    open: bool,
}

pub struct Hold {
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Hold {
    /// Listens at `socket`, in front of `keeper`.
    pub fn new(socket: &Path, keeper: PathBuf) -> Self {
        let state: Arc<(Mutex<State>, Condvar)> = Arc::default();
        let listener = UnixListener::bind(socket).unwrap();
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, keeper) = (shared.clone(), keeper.clone());
                std::thread::spawn(move || pass(stream, &keeper, &shared));
            }
        });
        Self { state }
    }

    /// Waits until a key is asked for.
    pub fn asked(&self) {
        let (state, changed) = &*self.state;
        drop(changed.wait_while(state.lock().unwrap(), |state| state.asked == 0).unwrap());
        state.lock().unwrap().asked = 0;
    }

    /// From here on keys are given.
    pub fn let_go(&self) {
        let (state, changed) = &*self.state;
        state.lock().unwrap().open = true;
        changed.notify_all();
    }
}

fn pass(stream: UnixStream, keeper: &Path, (state, changed): &(Mutex<State>, Condvar)) {
    let Ok(ahead) = UnixStream::connect(keeper) else { return };
    let (mut to, mut ahead_to) = (stream.try_clone().unwrap(), ahead.try_clone().unwrap());
    let mut answers = BufReader::new(ahead);
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        if line.contains("\"unwrap\"") {
            let mut held = state.lock().unwrap();
            held.asked += 1;
            changed.notify_all();
            drop(changed.wait_while(held, |state| !state.open).unwrap());
        }
        let mut answer = String::new();
        let asked = ahead_to.write_all(format!("{line}\n").as_bytes());
        if asked.and_then(|()| answers.read_line(&mut answer)).is_err() || to.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}
