//! Writes a report of example data, to look at: `example KIND small|large|empty|hostile|vast id|en PATH`.

use std::process::ExitCode;

use pulih_report::{Kind, Language, Report, Utc, data, lay_out};

#[path = "../src/tests/bandwidth.rs"]
mod bandwidth;
#[path = "../src/tests/budget.rs"]
mod budget;
#[path = "../src/tests/clauses.rs"]
mod clauses;
#[path = "../src/tests/coverage.rs"]
mod coverage;
#[path = "../src/tests/crowded.rs"]
mod crowded;
#[path = "../src/tests/evaluation.rs"]
mod evaluation;
#[path = "../src/tests/example.rs"]
mod example;
#[path = "../src/tests/head.rs"]
mod head;
#[allow(dead_code)]
#[path = "../src/tests/hostile.rs"]
mod hostile;
#[path = "../src/tests/measured.rs"]
mod measured;
#[path = "../src/tests/monthly.rs"]
mod monthly;
#[path = "../src/tests/shapes.rs"]
mod shapes;

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let found = |text: &str| {
        let kind = Kind::ALL.into_iter().find(|kind| kind.name() == text)?;
        Some(kind)
    };
    let shape = |text: &str| shapes::Shape::ALL.into_iter().find(|(_, name)| *name == text).map(|(shape, _)| shape);
    let asked = match given.as_slice() {
        [kind, which, language, path] => {
            found(kind).zip(shape(which)).map(|(kind, shape)| (kind, shape, language, path))
        }
        _ => None,
    };
    let Some((kind, shape, language, path)) = asked else {
        eprintln!(
            "example continuity|bandwidth|coverage|evaluation|monthly|budget small|large|empty|hostile|vast id|en PATH"
        );
        return ExitCode::from(2);
    };
    let language = if language == "en" { Language::English } else { Language::Indonesian };
    let began = std::time::Instant::now();
    match lay_out(&shapes::made(kind, shape), language) {
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
