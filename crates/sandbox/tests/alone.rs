//! A runner who is not root and was given no group: limits of each process bound what is in the box.

mod boxes;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use boxes::{HIDDEN, Place, cannot, hide, shell};

fn alone(test: &str) -> Place {
    Place { is_alone: true, ..Place::new(test) }
}

#[test]
fn a_recipe_passes_without_a_group_too() {
    if cannot("a_recipe_passes_without_a_group_too") {
        return;
    }
    let place = alone("alone");
    let steps = [shell("up", "exec sleep 600"), "background = true\n".into(), shell("ask", "echo it > /data/new")];
    place.run(&steps.concat()).holds("Passed", "");
    assert!(place.data().join("new").exists());
}

#[test]
fn without_a_group_one_process_cannot_take_more_memory_and_many_are_ended() {
    if cannot("without_a_group_one_process_cannot_take_more_memory_and_many_are_ended") {
        return;
    }
    let mut place = alone("alone-memory");
    place.limits.memory = "128MiB";
    let one = shell("ask", "exec /usr/bin/python3 -c 'b\"x\" * (200 << 20)'");
    let said = place.run(&one);
    said.holds("Failed", "ask 1");
    assert!(said.output("ask", 1).contains("MemoryError"), "{said:#?}");
    let eat = format!("/usr/bin/python3 -c 'kept = b\"x\" * (40 << 20)\nwhile True: pass' {} &", place.name);
    place.run(&shell("ask", &format!("{} wait", eat.repeat(6)))).holds("Failed", "`memory`");
}

#[test]
fn without_a_group_forks_are_held_and_all_ends_in_time() {
    if cannot("without_a_group_forks_are_held_and_all_ends_in_time") {
        return;
    }
    let mut place = alone("alone-forks");
    place.limits.time = "2s";
    place.limits.processes = 20;
    let bomb = "import os\nwhile True:\n  try: os.fork()\n  except OSError: open(\"/data/held\", \"w\").close()";
    let bomb = format!("exec /usr/bin/python3 -c '{bomb}' {}", place.name);
    let said = place.run(&shell("ask", &bomb));
    assert!(place.data().join("held").exists(), "no fork was refused");
    said.holds("Failed", "");
}

#[test]
fn a_folder_that_is_closed_to_the_one_who_measures_ends_it() {
    if cannot("a_folder_that_is_closed_to_the_one_who_measures_ends_it") {
        return;
    }
    let place = alone("alone-closed");
    let close = format!(": {}; mkdir /data/d && chmod 0 /data/d && sleep 60", place.name);
    place.run(&shell("ask", &close)).holds("Failed", "closed a folder");
    // For the test's own folder to go away.
    fs::set_permissions(place.data().join("d"), fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn without_a_group_hidden_files_are_seen_too() {
    if cannot("without_a_group_hidden_files_are_seen_too") {
        return;
    }
    for how in HIDDEN {
        let mut place = alone("alone-deleted");
        place.limits.disk = "8MiB";
        place.run(&hide(how)).holds("Failed", "`disk`");
    }
}

#[test]
fn without_a_group_a_killed_runner_leaves_nothing() {
    if cannot("without_a_group_a_killed_runner_leaves_nothing") {
        return;
    }
    let place = alone("alone-killed");
    let steps =
        [shell("up", "(exec sleep 600) & true"), shell("ask", &format!(": {}; while :; do sleep 1; done", place.name))];
    boxes::kill_and_sweep(&place, &steps.concat());
}
