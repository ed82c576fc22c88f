//! A real database: made, filled and shut down hard in one box, then brought up from what was on the disk in another.

mod boxes;

use std::fs;
use std::path::PathBuf;

use boxes::{Place, cannot};

/// The folder of the newest one that is installed.
fn programs() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").ok()?.flatten().map(|entry| entry.path().join("bin"));
    versions.filter(|folder| folder.join("initdb").exists() && folder.join("postgres").exists()).max()
}

#[test]
fn a_database_that_was_restored_comes_up_and_answers() {
    let test = "a_database_that_was_restored_comes_up_and_answers";
    if cannot(test) {
        return;
    }
    let Some(bin) = programs() else {
        println!("{test}: skipped: PostgreSQL is not installed");
        return;
    };
    let bin = bin.display();
    let mut place = Place::new("postgres");
    (place.limits.memory, place.limits.disk) = ("1GiB", "1GiB");
    let serve = format!(
        "[[up]]\nrun = [\"{bin}/postgres\", \"-D\", \"/data/pg\", \"-k\", \"/tmp\"]\nbackground = true\n\
         ready = {{ run = [\"{bin}/pg_isready\", \"-h\", \"/tmp\"], within = \"30s\" }}\n"
    );
    let ask = |sql: &str| format!("[[ask]]\nrun = [\"{bin}/psql\", \"-h\", \"/tmp\", \"-Atc\", \"{sql}\"]\n");
    let down =
        |how: &str| format!("[[down]]\nrun = [\"{bin}/pg_ctl\", \"stop\", \"-D\", \"/data/pg\", \"-m\", \"{how}\"]\n");
    let env = "env = { PGUSER = \"simrs\", PGDATABASE = \"postgres\" }\n";
    let initdb =
        format!("[[up]]\nrun = [\"{bin}/initdb\", \"-D\", \"/data/pg\", \"-U\", \"simrs\", \"-A\", \"trust\"]\n");
    let fill = ask("create table pasien as select generate_series(1, 1200) as id");
    // As a power cut would leave it.
    let made = place.run(&[env, &initdb, &serve, &fill, &down("immediate")].concat());
    made.holds("Passed", "");
    let count = ask("select count(*) > 1000 from pasien") + "equals = \"t\\n\"\n";
    let number = ask("select count(*) from pasien") + "at_least = 1200\nat_most = 1200\n";
    let said = place.run(&[env, &serve, &count, &number, &down("fast")].concat());
    said.holds("Passed", "");
    assert!(said.output("up", 1).contains("automatic recovery"), "{said:#?}");
    let wrong = ask("select count(*) > 2000 from pasien") + "equals = \"t\\n\"\n";
    place.run(&[env, &serve, &wrong, &down("fast")].concat()).holds("Failed", "ask 1");
}
