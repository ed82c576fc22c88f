//! Writes a report of example data, to look at: `continuity small|large|empty|hostile id|en PATH`.

use std::process::ExitCode;

use pulih_report::{Language, Utc, data, lay_out};

#[path = "../src/tests/clauses.rs"]
mod clauses;
#[path = "../src/tests/crowded.rs"]
mod crowded;
#[path = "../src/tests/example.rs"]
mod example;
#[allow(dead_code)]
#[path = "../src/tests/hostile.rs"]
mod hostile;
#[path = "../src/tests/measured.rs"]
mod measured;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [which, language, path] = given.as_slice() else {
        eprintln!("continuity small|large|empty|hostile id|en PATH");
        return ExitCode::from(2);
    };
    let data = match which.as_str() {
        "small" => example::small(),
        "large" => crowded::large(),
        "hostile" => hostile::hostile(),
        _ => example::empty(),
    };
    let language = if language == "en" { Language::English } else { Language::Indonesian };
    let began = std::time::Instant::now();
    match lay_out(&data.into(), language) {
        Ok(pdf) => {
            println!("{} pages, {} bytes, {} ms", pdf.pages, pdf.bytes.len(), began.elapsed().as_millis());
            std::fs::write(path, pdf.bytes).map_or(ExitCode::FAILURE, |()| ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
