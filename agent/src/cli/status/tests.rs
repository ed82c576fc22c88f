use super::*;
use crate::state::LastRun;
use pulih_protocol::report::{AgentView, PointView, VaultView};

const NOON: i64 = 1_795_305_600 + 5 * 3600; // 2026-11-22 12:00 WIB
const DEFAULT: &str = include_str!("../../../../policies/default.toml");

struct Place {
    folder: tempfile::TempDir,
    state: StateDir,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = "[dataset.letters]\nclass = \"non-publik\"\npaths = [\"/srv\"]\n";
        fs::write(folder.path().join("agent.toml"), text).unwrap();
        fs::set_permissions(folder.path().join("agent.toml"), fs::Permissions::from_mode(0o600)).unwrap();
        Self { state: StateDir::at(folder.path().join("state")), folder }
    }

    fn collect(&self) -> Status {
        collect(&self.state, &self.folder.path().join("agent.toml"), NOON, false).unwrap()
    }

    fn follow(&self, text: &str) -> Followed {
        let policy = Followed::read(text.to_owned(), "x".into(), NOON - 60).unwrap();
        self.state.save_policy(&policy).unwrap();
        policy
    }
}

#[test]
fn a_server_that_knows_nothing_says_so() {
    let place = Place::new();
    let status = place.collect();
    assert!(status.site.is_none() && status.policy.is_none() && !status.daemon_runs);
    let letters = &status.datasets[0];
    assert_eq!((&*letters.dataset, &letters.next, &letters.last_point), ("letters", &None, &None));
    assert_eq!(letters.approved, None, "unknown is not refused");
}

#[test]
fn a_dataset_shows_its_point_its_next_run_and_its_backlog() {
    let place = Place::new();
    place.state.save_accepted_policy(&place.follow(DEFAULT)).unwrap();
    let due = NOON - 15 * 3600; // 21:00 yesterday
    let mut standing = crate::daemon::due::Standing::new(0);
    standing.succeed(due - 60);
    standing.fail(due, NOON - 30);
    let last = Some(LastRun { ended: NOON - 30, error: Some("the line".into()), snapshot: None });
    let memory = DatasetMemory { standing, running_since: Some(NOON - 60), last };
    place.state.save_memory(&Memory::from([("letters".parse().unwrap(), memory)])).unwrap();
    let point = PointView {
        snapshot: "0000000001-ab".into(),
        accepted: "2026-11-20T00:00:00Z".into(),
        captured: "2026-11-19T23:59:00Z".into(),
        at_drc: Some("2026-11-20T02:00:00Z".into()),
    };
    let datasets = vec![DatasetView { dataset: "letters".into(), approved: true, newest: Some(point) }];
    let other = DatasetView { dataset: "letters".into(), approved: false, newest: None };
    let vault = |class: &str, datasets| VaultView { vault: class.into(), class: class.into(), datasets };
    let vaults = vec![vault("publik", vec![other]), vault("non-publik", datasets)];
    let text = String::new;
    let view = AgentView { agent: text(), opd: text(), site: text(), at: text(), vaults };
    place.state.save_seen_view(&SeenView { seen: NOON - 600, view }).unwrap();

    let letters = place.collect().datasets.remove(0);
    assert_eq!(letters.approved, Some(true));
    assert_eq!(letters.last_point.unwrap().accepted, "2026-11-20T00:00:00Z");
    assert_eq!(letters.at_drc_since.as_deref(), Some("2026-11-20T02:00:00Z"));
    assert_eq!(letters.overdue_since, Some(utc::rfc3339(due)));
    let next = utc::parse(&letters.next.unwrap()).unwrap();
    assert!((NOON..=NOON + 30).contains(&next), "a minute after it failed, or a quarter less");
    let runs: Vec<_> = letters.next_runs.iter().map(|time| weekday(Some(Zone::Jakarta), time)).collect();
    assert_eq!(runs, ["Sun 2026-11-22 12:15 WIB", "Sun 2026-11-22 21:00 WIB", "Mon 2026-11-23 12:15 WIB"]);
    assert_eq!(letters.running_since, None, "a daemon that was killed runs nothing");
    assert_eq!(letters.last_run.unwrap().error.as_deref(), Some("the line"));
}

#[test]
fn excludes_that_wait_are_named() {
    let place = Place::new();
    place.state.save_accepted_policy(&place.follow(DEFAULT)).unwrap();
    place.follow(&DEFAULT.replace("\"*.tmp\", ", "\"*.tmp\", \"*.pdf\", ").replace("version = 1", "version = 2"));
    assert_eq!(place.collect().datasets[0].excludes_not_accepted, ["*.pdf"]);
}

#[test]
fn a_config_that_is_wrong_hides_nothing_else() {
    let place = Place::new();
    fs::write(place.folder.path().join("agent.toml"), "colour = 1").unwrap();
    place.follow(DEFAULT);
    let status = place.collect();
    assert!(status.config_error.unwrap().contains("colour"));
    assert!(status.policy.is_some() && status.datasets.is_empty());
}

#[test]
fn what_the_daemon_leaves_everyone_may_read() {
    let place = Place::new();
    place.follow(DEFAULT);
    let status = place.collect();
    leave_in(place.folder.path(), &status);
    let path = place.folder.path().join(FILE);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
    assert_eq!(left(&path).unwrap(), status);
    fs::write(&path, "{}").unwrap();
    assert!(left(&path).unwrap_err().to_string().contains("sudo"));
}
