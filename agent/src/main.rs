//! The agent on an office's server: it walks what is to be saved, streams it into a vault and
//! brings it back.

use std::io::Write as _;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

fn main() -> ExitCode {
    let stop = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first signal finds the flag not set and sets it; the second ends
        // the process as if nobody had caught it.
        let registered =
            flag::register_conditional_default(signal, stop.clone()).and_then(|_| flag::register(signal, stop.clone()));
        if let Err(error) = registered {
            let _ = writeln!(std::io::stderr(), "error: cannot catch signals: {error}");
            return ExitCode::FAILURE;
        }
    }
    pulih_agent::cli::main(stop)
}
