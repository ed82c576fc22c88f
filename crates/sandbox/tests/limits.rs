//! Recipes that take more than they may: ended, failed, and nothing of them is left.

mod boxes;

use std::fs;

use boxes::{HIDDEN, Place, cannot, hide, shell};

#[test]
fn forks_without_end_are_held_and_gone_afterwards() {
    if cannot("forks_without_end_are_held_and_gone_afterwards") {
        return;
    }
    let mut place = Place::new("forks");
    place.limits.memory = "2GiB";
    place.limits.time = "2s";
    let bomb = "import os
while True:
  try: os.fork()
  except OSError: pass";
    let bomb = format!("exec /usr/bin/python3 -c '{bomb}' {}", place.name);
    place.run(&shell("ask", &bomb)).holds("Failed", "`time`");
}

#[test]
fn more_processes_than_allowed_are_not_to_be_had() {
    if cannot("more_processes_than_allowed_are_not_to_be_had") {
        return;
    }
    let mut place = Place::new("processes");
    place.limits.processes = 10;
    let count = shell("ask", "for n in 1 2 3 4 5 6 7; do sleep 60 & done; ls /proc | grep -c '^[0-9]'");
    let said = place.run(&(count + "at_least = 9\nat_most = 13\n"));
    said.holds("Passed", "");
    let many = shell("ask", "for n in $(seq 30); do sleep 60 & done; true");
    let said = place.run(&many);
    said.holds("Failed", "ask 1");
    assert!(said.output("ask", 1).contains("fork"), "{said:#?}");
}

#[test]
fn more_memory_than_allowed_ends_it() {
    if cannot("more_memory_than_allowed_ends_it") {
        return;
    }
    if !rustix::process::geteuid().is_root() {
        println!("more_memory_than_allowed_ends_it: skipped: needs root, to make a group");
        return;
    }
    let mut place = Place::new("memory");
    place.limits.memory = "64MiB";
    let eat = "kept = [b\"x\" * (1 << 20) for _ in range(1 << 12)]\nwhile True: pass";
    let one = format!("exec /usr/bin/python3 -c '{}' {}", eat, place.name);
    place.run(&shell("ask", &one)).holds("Failed", "`memory`");
    // Together, none of them alone.
    let many = format!(
        "for n in 1 2 3 4 5 6 7 8; do /usr/bin/python3 -c 'kept = b\"x\" * (20 << 20)\nwhile True: pass' {} & done; wait",
        place.name
    );
    place.run(&shell("ask", &many)).holds("Failed", "`memory`");
}

#[test]
fn what_is_in_memory_alone_counts_as_memory() {
    if cannot("what_is_in_memory_alone_counts_as_memory") {
        return;
    }
    let place = Place::new("tmpfs");
    // `/tmp` and `/dev/shm` are 64 MiB each; the rest of what is in memory cannot be written.
    let fill = "head -c 70M /dev/zero > /tmp/a; head -c 70M /dev/zero > /dev/shm/a; cat /tmp/a /dev/shm/a | wc -c";
    let said = place.run(&[&shell("ask", fill), "at_least = 1\nat_most = 134217728\n"].concat());
    said.holds("Passed", "");
}

#[test]
fn one_file_cannot_be_larger_than_what_may_be_written() {
    if cannot("one_file_cannot_be_larger_than_what_may_be_written") {
        return;
    }
    let mut place = Place::new("file");
    place.limits.disk = "8MiB";
    place.run(&shell("ask", "exec dd if=/dev/zero of=/data/large bs=1M count=4000")).holds("Failed", "ask 1");
    assert!(fs::metadata(place.data().join("large")).unwrap().len() <= 8 << 20);
    let sparse = place.run(&shell("ask", "truncate -s 1T /data/sparse"));
    sparse.holds("Failed", "ask 1");
}

#[test]
fn a_large_file_that_was_restored_can_be_written_in() {
    if cannot("a_large_file_that_was_restored_can_be_written_in") {
        return;
    }
    let mut place = Place::new("restored");
    place.limits.disk = "8MiB";
    fs::write(place.data().join("table"), vec![7; 20 << 20]).unwrap();
    let write =
        "dd if=/dev/zero of=/data/table bs=1M count=1 seek=19 conv=notrunc 2>/dev/null && stat -c %s /data/table";
    place.run(&[&shell("ask", write), "equals = \"20971520\\n\"\n"].concat()).holds("Passed", "");
}

#[test]
fn many_files_that_are_large_together_end_it() {
    if cannot("many_files_that_are_large_together_end_it") {
        return;
    }
    let mut place = Place::new("files");
    place.limits.disk = "8MiB";
    // Also what is quicker than a look.
    let quick = "for n in 1 2 3 4; do head -c 4M /dev/zero > /data/$n; done";
    place.run(&shell("ask", quick)).holds("Failed", "`disk`");
}

#[test]
fn files_that_are_deleted_and_still_open_or_mapped_end_it() {
    if cannot("files_that_are_deleted_and_still_open_or_mapped_end_it") {
        return;
    }
    for how in HIDDEN {
        let mut place = Place::new("deleted");
        place.limits.disk = "8MiB";
        place.run(&hide(how)).holds("Failed", "`disk`");
    }
}

#[test]
fn small_files_without_end_end_it() {
    if cannot("small_files_without_end_end_it") {
        return;
    }
    let mut place = Place::new("small");
    place.limits.disk = "8MiB";
    let create = format!(": {}; n=0; while :; do n=$((n+1)); : > /data/$n; done", place.name);
    place.run(&shell("ask", &create)).holds("Failed", "`disk`");
}

#[test]
fn folders_in_folders_without_end_end_it() {
    if cannot("folders_in_folders_without_end_end_it") {
        return;
    }
    let place = Place::new("folders");
    let nest = format!(
        ": {}; cd /data; n=0; while [ $n -lt 300 ]; do mkdir d && cd d; n=$((n+1)); done; sleep 60",
        place.name
    );
    place.run(&shell("ask", &nest)).holds("Failed", "200 deep");
}

#[test]
fn more_time_than_allowed_ends_all_of_it() {
    if cannot("more_time_than_allowed_ends_all_of_it") {
        return;
    }
    let mut place = Place::new("time");
    place.limits.time = "2s";
    // Twice forked, in a session of its own, and deaf.
    let daemon = format!(
        "import os, signal, time\nif os.fork(): os._exit(0)\nos.setsid()\nif os.fork(): os._exit(0)\n\
         for s in range(1, 65):\n  try: signal.signal(s, signal.SIG_IGN)\n  except (OSError, ValueError): pass\n\
         open(\"/data/is-up\", \"w\").close()\nwhile True: time.sleep(1) # {}",
        place.name
    );
    let up = format!("exec /usr/bin/python3 -c '{daemon}'");
    let ask = "while [ ! -e /data/is-up ]; do sleep 0.1; done; while :; do sleep 1; done";
    place.run(&[shell("up", &up), shell("ask", ask)].concat()).holds("Failed", "`time`");
    assert!(place.data().join("is-up").exists(), "the daemon was there");
}

#[test]
fn what_is_printed_without_end_is_read_and_thrown_away() {
    if cannot("what_is_printed_without_end_is_read_and_thrown_away") {
        return;
    }
    let mut place = Place::new("print");
    let much = "head -c 300M /dev/zero | tr '\\0' y; echo bad >&2";
    let said = place.run(&[&shell("ask", much), "sha256 = \"", SHA256_OF_MUCH, "\"\n"].concat());
    said.holds("Passed", "");
    assert_eq!(said.output("ask", 1).len(), 64 << 10);
    assert!(said.output("ask", 1).ends_with("ybad\n"));
    assert_eq!(said.program("ask", 1)["left_out"], (300 << 20) + 4 - (64 << 10));
    // All of it counts, not what is kept.
    let longer = "head -c 65536 /dev/zero; printf x";
    let said = place.run(&[&shell("ask", longer), "matches = \"^\"\nat_most = 1\n"].concat());
    said.holds("Failed", "no whole number");
    place.limits.time = "2s";
    place.run(&shell("ask", "exec yes")).holds("Failed", "`time`");
}

const SHA256_OF_MUCH: &str = "daaae4cf8665bf7a0a20d090b18746ee40a933dad024c565341470e0ee422e22";

#[test]
fn what_is_never_ready_fails_in_its_time_and_is_taken_down() {
    if cannot("what_is_never_ready_fails_in_its_time_and_is_taken_down") {
        return;
    }
    let place = Place::new("ready");
    let up = |ready: &str| {
        let ready =
            format!("background = true\nready = {{ run = [\"/bin/sh\", \"-c\", \"{ready}\"], within = \"1s\" }}\n");
        let down = shell("down", "kill -TERM -1; echo down");
        [shell("up", "exec sleep 600"), ready, shell("ask", "true"), down].concat()
    };
    for ready in ["exit 1", "exec sleep 600"] {
        let said = place.run(&up(ready));
        said.holds("Failed", "ready 1: it was not ready in its time");
        let phases: Vec<&str> = said.programs.iter().map(|its| its["phase"].as_str().unwrap()).collect();
        assert!(!phases.contains(&"ask") && phases.contains(&"down"), "{said:#?}");
    }
}
