//! What is not there, and what does not go away.

mod boxes;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::process::Command;

use boxes::{Place, RUNNER, cannot, shell};

#[test]
fn a_program_that_is_not_on_this_host_is_skipped_before_anything_comes_up() {
    if cannot("a_program_that_is_not_on_this_host_is_skipped_before_anything_comes_up") {
        return;
    }
    let place = Place::new("absent");
    let steps = [&shell("up", "touch /data/came-up"), "[[ask]]\nrun = [\"/usr/bin/no-such-program\"]\n"].concat();
    place.run(&steps).holds("Skipped", "/usr/bin/no-such-program is not there");
    assert!(!place.data().join("came-up").exists());
}

/// The host as it looks to one whose service manager, or whose administrator, took something away.
fn on_a_host_where(test: &str, done: &str, place: &Place) -> Option<String> {
    if !rustix::process::geteuid().is_root() {
        println!("{test}: skipped: needs root, to take something away from the host for itself");
        return None;
    }
    let recipe = place.recipe(&shell("ask", "true"));
    let mut command = Command::new("unshare");
    command.args(["--mount", "/bin/sh", "-c", &format!("{done} && exec \"$0\" \"$@\""), RUNNER]);
    let output = command.arg(recipe).arg(place.data()).arg(&place.name).output().unwrap();
    assert_eq!(place.left(), Vec::<String>::new());
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn a_host_without_bwrap_skips_and_says_what_to_install() {
    let test = "a_host_without_bwrap_skips_and_says_what_to_install";
    if cannot(test) {
        return;
    }
    let hide = "for b in /usr/bin/bwrap /usr/local/bin/bwrap; do [ ! -e $b ] || mount --bind /dev/null $b; done";
    let Some(said) = on_a_host_where(test, hide, &Place::new("no-bwrap")) else { return };
    assert!(said.contains("\"outcome\":\"Skipped\"") && said.contains("apt-get install bubblewrap"), "{said}");
}

#[test]
fn a_host_that_lets_no_box_be_made_skips_and_says_why() {
    let test = "a_host_that_lets_no_box_be_made_skips_and_says_why";
    if cannot(test) {
        return;
    }
    // As `ProtectKernelTunables=` of systemd does: then the kernel gives no user namespace a `/proc`.
    let cover = "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys";
    let place = Place::new("no-proc");
    let Some(said) = on_a_host_where(test, cover, &place) else { return };
    assert!(said.contains("\"outcome\":\"Skipped\"") && said.contains("no box can be made here"), "{said}");
    assert!(!said.contains(place.folder.path().to_str().unwrap()), "{said}");
}

#[test]
fn a_program_that_the_data_should_have_and_has_not_fails() {
    if cannot("a_program_that_the_data_should_have_and_has_not_fails") {
        return;
    }
    let place = Place::new("absent-data");
    let said = place.run("[[ask]]\nrun = [\"/data/rahasia/bin/app\"]\n");
    said.holds("Failed", "ask 1: the restored data does not have this program");
    assert!(!said.text.contains("rahasia"), "no path of the data: {said:?}");
}

#[test]
fn what_down_leaves_running_fails() {
    if cannot("what_down_leaves_running_fails") {
        return;
    }
    let place = Place::new("left");
    let up =
        [&shell("up", &format!("(exec sleep 600) & : {}", place.name)), &shell("ask", "true"), &shell("down", "true")];
    let up: Vec<String> = up.iter().map(|its| (*its).clone()).collect();
    place.run(&up.concat()).holds("Failed", "still there 30 seconds after it was taken down");
}

#[test]
fn what_ended_before_it_was_taken_down_fails() {
    if cannot("what_ended_before_it_was_taken_down_fails") {
        return;
    }
    let place = Place::new("early");
    let up = shell("up", "echo $$ > /data/pid; exit 3");
    let until_gone = "until [ -s /data/pid ]; do :; done; while [ -e /proc/$(cat /data/pid) ]; do :; done";
    let steps = [up, "background = true\n".into(), shell("ask", until_gone)];
    place.run(&steps.concat()).holds("Failed", "up 1: it ended with status 3 before it was taken down");
}

#[test]
fn what_does_not_come_up_is_not_asked_and_is_taken_down() {
    if cannot("what_does_not_come_up_is_not_asked_and_is_taken_down") {
        return;
    }
    let place = Place::new("not-up");
    let steps = [shell("up", "exit 1"), shell("up", "true"), shell("ask", "true"), shell("down", "touch /data/down")];
    let said = place.run(&steps.concat());
    said.holds("Failed", "up 1: it ended with status 1");
    assert_eq!(said.programs.len(), 2, "{said:#?}");
    assert!(place.data().join("down").exists());
}

#[test]
fn a_question_that_fails_does_not_end_the_others() {
    if cannot("a_question_that_fails_does_not_end_the_others") {
        return;
    }
    let place = Place::new("questions");
    let said = place.run(&[shell("ask", "exit 1"), shell("ask", "kill -9 $$"), shell("ask", "true")].concat());
    said.holds("Failed", "ask 1: it ended with status 1; ask 2: it ended by a signal");
    assert_eq!(said.program("ask", 3)["is_right"], true);
}

#[test]
fn without_down_what_came_up_is_told_to_end() {
    if cannot("without_down_what_came_up_is_told_to_end") {
        return;
    }
    let place = Place::new("told");
    let up = [
        &shell("up", "trap 'echo told > /data/told; exit 0' TERM; : > /data/up; while :; do sleep 0.1; done"),
        "background = true\n",
    ];
    let steps = [&up.concat(), &shell("ask", "while [ ! -e /data/up ]; do sleep 0.1; done")];
    place.run(&steps.map(String::as_str).concat()).holds("Passed", "");
    assert_eq!(fs::read_to_string(place.data().join("told")).unwrap(), "told\n");
}

#[test]
fn a_daemon_that_was_started_in_passing_may_go_on_printing() {
    if cannot("a_daemon_that_was_started_in_passing_may_go_on_printing") {
        return;
    }
    let place = Place::new("daemon");
    // More than a pipe holds, after who started it has ended.
    let up =
        "(trap '' HUP; while [ ! -e /data/go ]; do sleep 0.05; done; head -c 1M /dev/zero && : > /data/done) & true";
    let ask = "touch /data/go; n=0; while [ ! -e /data/done ] && [ $n -lt 200 ]; do sleep 0.1; n=$((n+1)); done; test -e /data/done";
    let said = place.run(&[shell("up", up), shell("ask", ask)].concat());
    said.holds("Passed", "");
}

#[test]
fn an_interrupted_recipe_ends_at_once_and_leaves_nothing() {
    if cannot("an_interrupted_recipe_ends_at_once_and_leaves_nothing") {
        return;
    }
    let place = Place { is_interrupted: true, ..Place::new("interrupted") };
    let up = shell("up", &format!("(exec sleep 600) & : {}", place.name));
    let said = place.run(&[up, shell("ask", "sleep 600"), shell("down", "true")].concat());
    said.holds("Failed", "it was interrupted");
    assert_eq!(said.programs.len(), 1, "{said:#?}");
}

#[test]
fn after_the_runner_was_killed_nothing_goes_on_and_the_sweep_takes_the_rest() {
    if cannot("after_the_runner_was_killed_nothing_goes_on_and_the_sweep_takes_the_rest") {
        return;
    }
    let place = Place::new("killed");
    let steps = [
        shell("up", &format!("(trap '' HUP TERM; exec sleep 600) & : {}", place.name)),
        shell("ask", &format!(": {}; while :; do sleep 1; done", place.name)),
    ];
    boxes::kill_and_sweep(&place, &steps.concat());
    // And the next one of that name runs.
    place.run(&shell("ask", "true")).holds("Passed", "");
}

/// As where the host lets no group be made: the sweep has nothing but the processes.
#[test]
fn a_sweep_beside_a_runner_that_hangs_returns_once_nothing_of_the_box_is_left() {
    let test = "a_sweep_beside_a_runner_that_hangs_returns_once_nothing_of_the_box_is_left";
    if cannot(test) {
        return;
    }
    let place = Place { is_alone: true, ..Place::new("hangs") };
    // Each takes memory, so that the box is not gone at once.
    let eat = format!("/usr/bin/python3 -c 'kept = b\"x\" * (8 << 20)\nwhile True: pass' {} &", place.name);
    let steps = [shell("up", &eat.repeat(12)), shell("ask", &format!(": {}; while :; do sleep 1; done", place.name))];
    let mut runner = place.start(&steps.concat());
    let mut lines = BufReader::new(runner.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("\"phase\":\"up\""));
    let pid = runner.id().to_string();
    assert!(Command::new("kill").args(["-STOP", &pid]).status().unwrap().success());
    let swept = Command::new(RUNNER).args(["sweep", &place.name]).output().unwrap();
    let left: Vec<String> = place.left().into_iter().filter(|its| !its.starts_with(&format!("{pid} "))).collect();
    assert_eq!((String::from_utf8(swept.stdout).unwrap().as_str(), left), ("0\n", Vec::new()));
    runner.kill().unwrap();
    runner.wait().unwrap();
}
