//! Programs that try to leave the box: each question is whether it could, and the answer has to be no.

mod boxes;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::process::{Command, Stdio};

use boxes::{Place, Said, cannot, shell};

/// Each script ends with 0 if it could do what it may not.
fn none_can(place: &Place, scripts: &[&str]) -> Said {
    let ask = |script: &&str| {
        format!("{}status = 1\n", shell("ask", &format!("if ( {script} ); then exit 0; else exit 1; fi")))
    };
    let steps: Vec<String> = scripts.iter().map(ask).collect();
    let said = place.run(&steps.concat());
    for (script, program) in scripts.iter().zip(&said.programs) {
        assert_eq!(program["status"], 1, "{script}: {program}");
    }
    said.holds("Passed", "");
    assert_eq!(said.programs.len(), scripts.len());
    said
}

/// As a script for a question: 0 if `python` runs to its end.
fn python(code: &str) -> String {
    format!("exec /usr/bin/python3 -c '{code}'")
}

#[test]
fn nothing_of_the_host_is_there_to_read() {
    if cannot("nothing_of_the_host_is_there_to_read") {
        return;
    }
    let place = Place::new("read");
    let secret = place.folder.path().join("secret");
    fs::write(&secret, "of the host").unwrap();
    let outside = format!("test -e {}", secret.display());
    let own = format!("test -e {}", place.folder.path().display());
    let said = none_can(
        &place,
        &[
            "test -e /etc/shadow",
            "test -e /root || test -e /home || test -e /var || test -e /run || test -e /sys",
            "ls /etc | grep -qvE '^(passwd|group|hosts|nsswitch.conf)$'",
            &outside,
            &own,
            // What somebody left open in the runner.
            "ls -l /proc/self/fd | grep -qE ' (1?[0-9]) -> /(tmp|work|root|home)'",
            "env | grep -qvE '^(HOME=/tmp|PATH=/usr/bin:/bin|LANG=C.UTF-8|PWD=/tmp|OLDPWD=.*|SHLVL=.*|_=.*)$'",
        ],
    );
    assert!(said.programs.iter().all(|its| !its["output"].as_str().unwrap().contains("of the host")));
}

#[test]
fn what_the_runner_has_open_is_not_open_in_the_box() {
    if cannot("what_the_runner_has_open_is_not_open_in_the_box") {
        return;
    }
    let place = Place::new("open");
    let recipe = place.recipe(&shell("ask", "ls /proc/self/fd/ | grep -v '^[0-3]$'; ls /proc/self/fd/9/; true"));
    let script = "exec 9</etc 8</ ; exec \"$0\" \"$@\"";
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script, boxes::RUNNER]).arg(recipe).arg(place.data()).arg(&place.name);
    let said = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(said.contains("\"outcome\":\"Passed\""), "{said}");
    assert!(said.contains("cannot access '/proc/self/fd/9/'") && !said.contains("passwd"), "{said}");
}

#[test]
fn no_connection_reaches_the_host() {
    if cannot("no_connection_reaches_the_host") {
        return;
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let place = Place::new("network");
    let connect = python(&format!("import socket; socket.create_connection((\"127.0.0.1\", {port}), 5)"));
    // One of its own it has.
    let own = python(
        "import socket; s = socket.create_server((\"localhost\", 0)); socket.create_connection(s.getsockname(), 5); exit(1)",
    );
    none_can(&place, &[&connect, &python("import socket; socket.create_connection((\"192.0.2.1\", 80), 5)"), &own]);
    assert_eq!(listener.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
}

#[test]
fn no_process_of_the_host_is_seen_or_signalled() {
    if cannot("no_process_of_the_host_is_seen_or_signalled") {
        return;
    }
    let mut outside = Command::new("sleep").arg("600").stdin(Stdio::null()).spawn().unwrap();
    let place = Place::new("signal");
    let kill = format!("kill -9 {}", outside.id());
    none_can(
        &place,
        &[
            &kill,
            // Its own have small numbers.
            "ls /proc | grep -E '^[0-9]{4}'",
            "grep -ql sleep /proc/[0-9]*/comm",
        ],
    );
    assert!(outside.try_wait().unwrap().is_none(), "it was ended from inside");
    outside.kill().unwrap();
    outside.wait().unwrap();
}

#[test]
fn nothing_of_the_host_can_be_written_or_changed() {
    if cannot("nothing_of_the_host_can_be_written_or_changed") {
        return;
    }
    let place = Place::new("write");
    let before = fs::metadata("/dev/null").unwrap().mode();
    let pattern = fs::read("/proc/sys/kernel/core_pattern").unwrap();
    none_can(
        &place,
        &[
            "touch /usr/pulih-was-here",
            "touch /bin/pulih-was-here || touch /lib/pulih-was-here",
            "touch /pulih-was-here || touch /etc/pulih-was-here || touch /dev/pulih-was-here",
            "echo bad > /.pulih/program || echo bad > /etc/passwd",
            // Would be theirs if they were the host's root under another name.
            "chmod 0600 /dev/null",
            "cat /proc/sys/kernel/core_pattern > /tmp/it; cat /tmp/it > /proc/sys/kernel/core_pattern",
            "echo h > /proc/sysrq-trigger",
        ],
    );
    assert_eq!(fs::metadata("/dev/null").unwrap().mode(), before);
    assert_eq!(fs::read("/proc/sys/kernel/core_pattern").unwrap(), pattern);
}

#[test]
fn it_has_no_rights_and_gets_none() {
    if cannot("it_has_no_rights_and_gets_none") {
        return;
    }
    let place = Place::new("rights");
    none_can(
        &place,
        &[
            "mount -t tmpfs none /tmp",
            "mount --bind /usr /tmp",
            "umount /dev/shm || umount /data",
            "unshare --user true",
            "unshare --mount true || unshare --pid --fork true || unshare --net true",
            "chroot /usr /bin/true",
            "grep -E '^Cap(Inh|Prm|Eff|Bnd|Amb)' /proc/self/status | grep -qv 0000000000000000",
            "grep -q 'NoNewPrivs:.0' /proc/self/status",
            "test $(id -u) = 0 || test $(id -g) = 0",
            "touch /data/whose; exit 1",
        ],
    );
    // Nor is it the host's root under another name.
    let whose = fs::metadata(place.data().join("whose")).unwrap().uid();
    assert_ne!(whose, 0);
    // Nor an account, a service, or a user of somebody's container.
    if rustix::process::geteuid().is_root() {
        assert!((65_536..100_000).contains(&whose), "{whose}");
    }
}

/// `PTRACE_ATTACH` is 16.
const TRACE: &str =
    "import ctypes; c = ctypes.CDLL(None, use_errno=True); exit(1 if c.ptrace(16, 1, 0, 0) == -1 else 0)";

#[test]
fn the_supervisor_cannot_be_traced_read_or_ended() {
    if cannot("the_supervisor_cannot_be_traced_read_or_ended") {
        return;
    }
    let place = Place::new("supervisor");
    none_can(
        &place,
        &[
            &python(TRACE),
            "test -r /proc/1/mem && head -c 1 /proc/1/mem",
            "ls /proc/1/fd || cat /proc/1/environ || ls /proc/1/root",
            "echo bad > /proc/1/fd/1",
            "kill -9 1; kill -STOP 1; kill -TERM 1; kill -SEGV 1; exit 1",
        ],
    );
}

#[test]
fn whoever_fights_the_supervisor_makes_no_pass_of_a_wrong_answer() {
    if cannot("whoever_fights_the_supervisor_makes_no_pass_of_a_wrong_answer") {
        return;
    }
    let place = Place::new("fight");
    // An answer as the supervisor gives one, to whatever may be its pipe.
    let forge = "b=$(printf '\\000\\000\\000\\007\"Begun\"'); while :; do for n in 0 1 2 3 4 5 6 7 8 9; do \
                 echo \"$b\" > /proc/1/fd/$n; kill -9 1; kill -STOP 1; done; done 2>/dev/null";
    let steps = [&shell("up", forge), "background = true\n", &shell("ask", "echo wrong"), "equals = \"right\\n\"\n"];
    place.run(&steps.concat()).holds("Failed", "ask 1: what it printed is not what `equals` says");
}

/// Limits of one's own user may be lowered without tracing it.
#[test]
fn whoever_takes_the_supervisors_limits_makes_no_pass_either() {
    if cannot("whoever_takes_the_supervisors_limits_makes_no_pass_either") {
        return;
    }
    let place = Place::new("prlimit");
    for limit in ["--nofile=3", "--nproc=1", "--as=1", "--data=1", "--fsize=0", "--stack=1", "--cpu=1"] {
        let lower = shell("ask", &format!("prlimit --pid 1 {limit}"));
        // So much is printed that the supervisor takes more than a second of the processor.
        let spent = if limit == "--cpu=1" { shell("ask", "head -c 3G /dev/zero") } else { String::new() };
        let wrong = shell("ask", "echo wrong") + "equals = \"right\\n\"\n";
        let said = place.run(&[lower, spent, wrong].concat());
        assert_eq!(said.outcome, "Failed", "{limit}: {said:#?}");
    }
}

#[test]
fn a_link_of_the_data_leads_nowhere_and_what_it_names_stays_whose_it_is() {
    if cannot("a_link_of_the_data_leads_nowhere_and_what_it_names_stays_whose_it_is") {
        return;
    }
    let place = Place::new("link");
    let (file, folder) = (place.folder.path().join("file"), place.folder.path().join("folder"));
    fs::write(&file, "of the host").unwrap();
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("in"), "of the host").unwrap();
    symlink(&file, place.data().join("to-file")).unwrap();
    symlink(&folder, place.data().join("to-folder")).unwrap();
    symlink("/etc/shadow", place.data().join("to-shadow")).unwrap();
    let owner = fs::metadata(&file).unwrap().uid();
    none_can(
        &place,
        &[
            "cat /data/to-file",
            "ls /data/to-folder/in",
            "cat /data/to-shadow",
            "echo bad > /data/to-file || echo bad > /data/to-folder/in",
        ],
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "of the host");
    for path in [&file, &folder, &folder.join("in")] {
        assert_eq!(fs::metadata(path).unwrap().uid(), owner, "{path:?}");
    }
}
