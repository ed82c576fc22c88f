//! A server that saves by itself: the policy comes from the site, snapshots go there, and the
//! site's `status` shows the recovery points.

mod support;

use std::os::unix::fs::PermissionsExt as _;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{Server, Site, succeeded};

struct Daemon(Child);

impl Daemon {
    fn of(server: &Server) -> Self {
        let config = server.path("agent.toml");
        let tree = server.path("tree");
        let dataset =
            |name: &str| format!("[dataset.{name}]\nclass = \"non-publik\"\npaths = [{:?}]\n", tree.to_str().unwrap());
        std::fs::write(&config, dataset("letters") + &dataset("archive")).unwrap();
        std::fs::set_permissions(&config, std::fs::Permissions::from_mode(0o600)).unwrap();
        let mut command = Command::new(support::agent_program());
        command.env("PULIH_STATE", server.path("state")).env("PULIH_CONFIG", &config).arg("run");
        Self(command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Waits for what will come to be; the daemon's own pauses are at most a minute long.
fn until(what: &str, mut seen: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(180);
    while !seen() {
        assert!(Instant::now() < end, "{what} did not come");
        std::thread::sleep(Duration::from_millis(200));
    }
}

fn policy(site: &Site, version: u32, change: impl Fn(String) -> String) {
    let text = include_str!("../../policies/default.toml");
    let text = change(
        text.replace("version = 1", &format!("version = {version}")).replace("jitter = \"30m\"", "jitter = \"1m\""),
    );
    let file = site.path("policy.toml");
    std::fs::write(&file, text).unwrap();
    succeeded(&site.acting("siti", &["policy", "apply", file.to_str().unwrap()]));
}

#[test]
fn two_datasets_are_saved_by_schedule() {
    let site = Site::new();
    site.opd("dinkes");
    // Due every minute, so that one need not wait for the evening.
    policy(&site, 2, |text| {
        text.replace("schedules = [\"15 12 * * *\", \"0 21 * * *\"]", "schedules = [\"* * * * *\"]")
    });
    let server = site.server("app-1", "dinkes");
    server.write("letter", b"isi surat");
    site.approve("app-1", "letters");
    let daemon = Daemon::of(&server);
    until("the first point of letters", || site.points().len() == 1);
    // The other one is not approved: nothing of it was sent, and the site says what is wrong.
    until("the refusal's report", || {
        let status = site.json(&["status"]);
        status["agents"][0]["state"] == "enrolled" && status["agents"][0]["last_seen"].is_string()
    });
    site.approve("app-1", "archive");
    until("points of both", || site.points().len() == 2);
    assert!(site.points().iter().all(|point| point["late"] == false));
    let first = site.points()[1]["snapshot"].clone();
    server.write("letter", b"isi surat baru");
    until("a second point by schedule", || site.points()[1]["snapshot"] != first);
    // What the agent said of itself.
    until("its next runs", || site.points().iter().all(|point| point["next"].is_string()));
    drop(daemon);
    let config = server.path("agent.toml");
    let status = succeeded(&server.run(&["--json", "status", "--config", config.to_str().unwrap()]));
    assert!(status.contains("letters") && status.contains("archive"), "{status}");
}

#[test]
fn a_policy_that_leaves_out_more_is_not_followed_until_it_is_accepted_on_the_server() {
    let site = Site::new();
    site.opd("dinkes");
    policy(&site, 2, |text| text);
    let server = site.server("app-1", "dinkes");
    server.write("letter.doc", b"isi surat");
    site.approve("app-1", "letters");
    let _daemon = Daemon::of(&server);
    until("the first point", || site.points().len() == 1);
    policy(&site, 3, |text| {
        text.replace("schedules = [\"15 12 * * *\", \"0 21 * * *\"]", "schedules = [\"* * * * *\"]")
            .replace("excludes = [\"*.tmp\"", "excludes = [\"*.doc\", \"*.tmp\"")
    });
    until("the alarm", || site.alarms().contains(&"exclude-widened".to_owned()));
    until("a second point", || site.points()[0]["snapshot"].as_str().unwrap().starts_with("0000000002"));
    assert_eq!(server.restored("letters", 2, "letter.doc"), b"isi surat");
}
