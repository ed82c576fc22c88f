//! The daemon as a real process, against a site in the test's own: it saves by the policy, reports,
//! takes no policy that it should not, and ends cleanly.

mod daemon_site;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::process::{Child, Command, Output};
use std::time::{Duration, Instant};

use daemon_site::{FakeSite, count, text};
use pulih_agent::state::StateDir;
use pulih_protocol::report::{Job, JobOutcome, Report};
use serde_json::Value;

const DEFAULT: &str = include_str!("../../policies/default.toml");
const GOOD_UNTIL: &str = "2999-01-01T00:00:00Z";
/// Much longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

struct Server {
    folder: tempfile::TempDir,
    site: FakeSite,
    daemon: Option<Child>,
    systemd: UnixDatagram,
}

impl Server {
    /// An enrolled server with a vault, two datasets and a daemon that does not run yet.
    fn new(policy: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let site = FakeSite::start(policy);
        let systemd = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        systemd.set_read_timeout(Some(DEADLINE)).unwrap();
        let server = Self { folder, site, daemon: None, systemd };
        server.site.enroll(&StateDir::at(server.path("state")), GOOD_UNTIL);
        let (owner, identity) = (server.path("owner"), server.path("identity"));
        let arguments = ["--owner", owner.to_str().unwrap(), "--identity-out", identity.to_str().unwrap()];
        succeeded(&server.run(&[&["init", "--store", &server.site.url][..], &arguments].concat()));
        let mut config = String::new();
        for name in ["letters", "site"] {
            let tree = server.path(name);
            fs::create_dir(&tree).unwrap();
            fs::write(tree.join("file"), name).unwrap();
            fs::write(tree.join("scan.pdf"), name).unwrap();
            let table = format!("[dataset.{name}]\nclass = \"non-publik\"\npaths = [{:?}]\n", tree.to_str().unwrap());
            config.push_str(&table);
        }
        fs::write(server.path("agent.toml"), config).unwrap();
        succeeded(&Command::new("chmod").arg("600").arg(server.path("agent.toml")).output().unwrap());
        server
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_pulih-agent"));
        command.env("PULIH_STATE", self.path("state")).env("PULIH_CONFIG", self.path("agent.toml"));
        command
    }

    fn run(&self, arguments: &[&str]) -> Output {
        self.command().args(arguments).output().unwrap()
    }

    fn start(&mut self) {
        let log = fs::OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        let mut command = self.command();
        command.arg("run").env("NOTIFY_SOCKET", self.path("notify")).stderr(log);
        self.daemon = Some(command.spawn().unwrap());
        self.hears("READY=1");
    }

    /// Waits until the daemon says this to systemd.
    fn hears(&self, expected: &str) {
        let mut bytes = [0; 1000];
        loop {
            let len = self.systemd.recv(&mut bytes).unwrap();
            if &bytes[..len] == expected.as_bytes() {
                return;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.daemon.as_ref().unwrap().id().to_string();
        succeeded(&Command::new("kill").arg(format!("-{name}")).arg(id).output().unwrap());
    }

    fn stop(&mut self) {
        self.signal("TERM");
        assert!(self.daemon.take().unwrap().wait().unwrap().success());
        self.hears("STOPPING=1");
    }

    /// Waits until a report is such.
    fn reported<T>(&self, mut wanted: impl FnMut(&Report) -> Option<T>) -> T {
        let end = Instant::now() + DEADLINE;
        loop {
            if let Some(found) = self.site.inner().reports.iter().find_map(&mut wanted) {
                return found;
            }
            let said = || fs::read_to_string(self.path("log")).unwrap();
            assert!(Instant::now() < end, "{:#?}\n{}", self.site.inner().reports, said());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn job(&self, dataset: &str) -> Job {
        self.reported(|report| report.jobs.iter().find(|job| job.dataset == dataset).cloned())
    }

    fn alarm(&self, alarm: &str) -> String {
        self.reported(|report| report.alarms.iter().find(|its| its.alarm == alarm).map(|its| its.text.clone()))
    }

    fn status(&self) -> Value {
        serde_json::from_str(&succeeded(&self.run(&["status", "--json"]))).unwrap()
    }

    /// Another policy is in force, and the daemon is asked to look.
    fn apply(&self, policy: String) {
        self.site.inner().policy = policy;
        self.signal("HUP");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut daemon) = self.daemon.take() {
            let _ = daemon.kill();
            let _ = daemon.wait();
        }
    }
}

fn until(mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < end);
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn succeeded(output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{out}\n{err}", output.status);
    out.into_owned()
}

fn version(number: u32) -> String {
    DEFAULT.replace("version = 1", &format!("version = {number}"))
}

#[test]
fn datasets_are_saved_by_the_policy_and_reported() {
    let mut server = Server::new(DEFAULT);
    server.start();
    for dataset in ["letters", "site"] {
        let job = server.job(dataset);
        assert_eq!((job.outcome, job.error), (JobOutcome::Done, None));
        assert!(job.stored_bytes > 0 && job.snapshot.is_some());
    }
    assert_eq!(count(&server.site, "snapshots"), 2);
    // Nobody reports twice, and what the site took is forgotten.
    server.signal("HUP");
    let idle = server.reported(|report| (report.jobs.is_empty() && report.policy.is_some()).then(|| report.clone()));
    assert_eq!(idle.policy.unwrap().len(), 64);
    let again = server.run(&["run"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&again.stderr).contains("another"));

    let status = server.status();
    assert_eq!(status["daemon_runs"], true);
    for dataset in status["datasets"].as_array().unwrap() {
        assert!(text(&dataset["last_point"], "snapshot").starts_with("0000000001-"));
        assert_eq!((&dataset["approved"], &dataset["overdue_since"]), (&Value::Bool(true), &Value::Null));
        assert_eq!(dataset["next_runs"].as_array().unwrap().len(), 3);
    }
    server.stop();
    assert_eq!(server.status()["daemon_runs"], false);
    // One that begins again has nothing to make up for.
    server.start();
    server.stop();
    assert_eq!(count(&server.site, "snapshots"), 2);
}

#[test]
fn nothing_is_sent_without_an_approval() {
    let mut server = Server::new(DEFAULT);
    server.site.inner().approved = false;
    server.start();
    let job = server.job("letters");
    assert_eq!(job.outcome, JobOutcome::Failed);
    assert!(job.error.unwrap().contains("no approval"));
    server.stop();
    assert_eq!((count(&server.site, "packs"), count(&server.site, "snapshots")), (0, 0));
    let status = server.status();
    assert_eq!(status["datasets"][0]["approved"], false);
    assert!(status["datasets"][0]["overdue_since"].is_string());
}

#[test]
fn what_failed_is_tried_again_until_it_succeeds() {
    let mut server = Server::new(DEFAULT);
    server.site.inner().refuse_packs = true;
    server.start();
    assert_eq!(server.job("letters").outcome, JobOutcome::Failed);
    assert_eq!(count(&server.site, "snapshots"), 0);
    server.site.inner().refuse_packs = false;
    let done =
        |report: &Report| report.jobs.iter().any(|job| job.dataset == "letters" && job.outcome == JobOutcome::Done);
    server.reported(|report| done(report).then_some(()));
    server.stop();
    assert_eq!(server.status()["datasets"][0]["overdue_since"], Value::Null);
}

#[test]
fn a_policy_that_is_none_or_older_is_not_taken() {
    let mut server = Server::new(&version(3));
    server.start();
    let followed = server.reported(|report| report.policy.clone());
    server.apply(format!("recipients = [\"age1x\"]\n{}", version(4)));
    assert!(server.alarm("policy-refused").contains("recipients"));
    server.apply(version(2));
    assert!(server.alarm("policy-older").contains("version 2"));
    assert_eq!(server.site.inner().reports.last().unwrap().policy.as_ref(), Some(&followed));
    server.apply(version(5));
    server.reported(|report| report.policy.as_ref().filter(|&policy| *policy != followed).cloned());
    server.stop();
}

#[test]
fn wider_excludes_are_followed_once_they_are_accepted() {
    let mut server = Server::new(DEFAULT);
    server.start();
    server.job("site");
    server.apply(version(2).replace("\"*.tmp\", ", "\"*.tmp\", \"*.pdf\", "));
    let alarm = server.alarm("exclude-widened");
    assert!(alarm.contains("*.pdf") && alarm.contains("accept-policy"), "{alarm}");
    server.stop();
    assert_eq!(server.status()["datasets"][0]["excludes_not_accepted"][0], "*.pdf");
    assert!(succeeded(&server.run(&["accept-policy", "--dry-run"])).contains("*.pdf"));
    assert_eq!(server.status()["datasets"][0]["excludes_not_accepted"][0], "*.pdf");
    let accepted: Value = serde_json::from_str(&succeeded(&server.run(&["accept-policy", "--json"]))).unwrap();
    assert_eq!((&accepted["accepted"], &accepted["version"]), (&Value::Bool(true), &Value::from(2)));
    assert_eq!(server.status()["datasets"][0]["excludes_not_accepted"], Value::Array(Vec::new()));
}

#[test]
fn without_the_site_the_last_that_is_known_is_shown_and_followed() {
    let mut server = Server::new(DEFAULT);
    server.start();
    server.job("site");
    let state = StateDir::at(server.path("state"));
    let known = || {
        let vaults = state.seen_view().unwrap().unwrap().view.vaults;
        vaults.iter().flat_map(|vault| &vault.datasets).filter(|its| its.newest.is_some()).count()
    };
    until(|| known() == 2);
    server.stop();
    // Nobody answers there.
    let mut site = state.site().unwrap().unwrap();
    site.credentials.url = "https://localhost:1".into();
    state.save_site(&site).unwrap();
    server.start();
    let status = server.status();
    assert!(text(&status["site"], "error").contains("cannot reach") && status["site"]["seen"].is_string());
    for dataset in status["datasets"].as_array().unwrap() {
        assert!(dataset["last_point"].is_object() && dataset["next"].is_string(), "{dataset}");
    }
    let shown = succeeded(&server.run(&["status"]));
    assert!(shown.contains("not reached") && shown.contains("kabupaten version 1"), "{shown}");
    server.stop();
}

#[test]
fn certificates_are_renewed_in_time_and_after_their_end() {
    let mut server = Server::new(DEFAULT);
    let state = StateDir::at(server.path("state"));
    server.site.inner().renew = true;
    server.start();
    let renewed = || state.site().unwrap().unwrap().not_after == "2027-02-20T00:00:00Z";
    until(renewed);
    server.stop();
    assert_eq!(server.site.renewals(), 1);

    server.site.enroll(&state, "2020-01-01T00:00:00Z");
    server.start();
    until(renewed);
    server.stop();
    assert_eq!(server.site.renewals(), 2);
}
