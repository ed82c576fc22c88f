//! Runs one recipe over a folder and says how it ended: what the tests start, and kill.
//!
//!     pulih-sandbox-try RECIPE DATA NAME [interrupt]
//!
//! With `interrupt` it is interrupted once a program has ended. A line for each program, then `ended` as JSON.

use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};

use pulih_policies::Recipe;
use pulih_sandbox::{Program, Run, Told};

struct Lines {
    interrupts: bool,
    interrupted: AtomicBool,
}

impl Told for Lines {
    fn program(&self, its: &Program) {
        let output = String::from_utf8_lossy(its.output);
        let line = serde_json::json!({
            "phase": its.phase.as_str(), "number": its.number, "is_right": its.is_right, "text": its.text,
            "status": its.status, "output": output, "left_out": its.left_out,
        });
        println!("{line}");
        self.interrupted.store(self.interrupts, Ordering::Relaxed);
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["inside", "here"] => pulih_sandbox::inside(),
        ["missing"] => {
            println!("{}", pulih_sandbox::missing().unwrap_or_default());
            ExitCode::SUCCESS
        }
        ["sweep", name] => {
            println!("{}", pulih_sandbox::sweep(name));
            ExitCode::SUCCESS
        }
        [recipe, data, name] => run(recipe, data, name, false),
        [recipe, data, name, "interrupt"] => run(recipe, data, name, true),
        _ => {
            eprintln!("usage: pulih-sandbox-try RECIPE DATA NAME [interrupt] | sweep NAME | missing");
            ExitCode::from(2)
        }
    }
}

fn run(recipe: &str, data: &str, name: &str, interrupts: bool) -> ExitCode {
    let read = std::fs::read(recipe).map_err(|error| error.to_string());
    let recipe = match read.and_then(|bytes| Recipe::parse(recipe, &bytes).map_err(|refused| refused.to_string())) {
        Ok(recipe) => recipe,
        Err(text) => {
            eprintln!("{text}");
            return ExitCode::from(2);
        }
    };
    let lines = Lines { interrupts, interrupted: AtomicBool::new(false) };
    let (inside, data, interrupted) = (&["inside", "here"], data.as_ref(), &lines.interrupted);
    let ended = Run { name, recipe: &recipe, data, inside, interrupted, told: &lines }.run();
    let outcome = format!("{:?}", ended.outcome);
    let line = serde_json::json!({
        "outcome": outcome, "text": ended.text, "check_ms": ended.check.as_millis() as u64, "leftovers": ended.leftovers,
    });
    println!("{line}");
    ExitCode::SUCCESS
}
