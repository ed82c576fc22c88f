//! What stands in the table is what the snapshots say when all of them are looked at, whatever happened.

use std::path::Path;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{
    ObjectLost, SnapshotAccepted, SnapshotReplicated, SnapshotsExpired, SuspicionEnded, SuspicionRaised, VaultPinned,
};
use pulih_ledger::ids::SiteId;
use pulih_ledger::{Actor, time::Time};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{DatasetName, ManifestName};
use pulih_vault::note::SigningKey;
use rusqlite::params;

use super::super::replicas::{Replica, Stock};
use super::super::{Catalog, Point, Standing};

/// The newest recovery points and the stocks, by a look at every snapshot.
impl Catalog {
    fn standings_by_scan(&self) -> Vec<Standing> {
        self.standings_where(
            "WHERE (s.vault, s.dataset, s.name) IN (SELECT vault, dataset, name FROM (SELECT vault, dataset, name, \
             ROW_NUMBER() OVER (PARTITION BY vault, dataset ORDER BY accepted DESC, name DESC) AS place FROM snapshot \
             WHERE partial = 0 AND expired IS NULL) WHERE place = 1) \
             ORDER BY a.opd, a.name, s.dataset, s.vault",
        )
        .unwrap()
    }

    fn stocks_by_scan(&self) -> Vec<Stock> {
        let sql = "SELECT vault, dataset, SUM(partial = 0), MAX(stored_bytes) FROM snapshot \
                   WHERE expired IS NULL GROUP BY vault, dataset";
        let row = |row: &rusqlite::Row| {
            let (points, stored_bytes) = (row.get::<_, i64>(2)? as u64, row.get::<_, i64>(3)? as u64);
            Ok(Stock { vault: row.get(0)?, dataset: row.get(1)?, points, stored_bytes, newest: None })
        };
        let sql_newest = "SELECT s.vault, s.dataset, s.name, s.accepted, COALESCE(r.replicated, s.accepted), \
                   CASE WHEN r.name IS NULL THEN s.keep_until ELSE r.keep_until END, s.stored_bytes, s.partial \
                   FROM snapshot s LEFT JOIN replica r ON r.vault = s.vault AND r.dataset = s.dataset \
                   AND r.name = s.name WHERE s.vault = ?1 AND s.dataset = ?2 AND s.partial = 0 \
                   AND s.expired IS NULL ORDER BY s.accepted DESC, s.name DESC LIMIT 1";
        let newest = |row: &rusqlite::Row| {
            Ok(Replica {
                vault: row.get(0)?,
                dataset: row.get(1)?,
                snapshot: row.get(2)?,
                accepted: row.get(3)?,
                replicated: row.get(4)?,
                keep_until: row.get(5)?,
                stored_bytes: row.get::<_, i64>(6)? as u64,
                partial: row.get(7)?,
            })
        };
        let mut all = self.all(sql, [], row).unwrap();
        for its in &mut all {
            its.newest = self.one(sql_newest, [&its.vault, &its.dataset], newest).unwrap();
        }
        all
    }

    fn unlocked_by_scan(&self, now: i64) -> (u64, Option<i64>) {
        let sql = "SELECT COUNT(*), MIN(s.accepted) FROM snapshot s WHERE s.keep_until > ?1 AND s.expired IS NULL \
                   AND NOT EXISTS (SELECT 1 FROM locked l WHERE l.vault = s.vault AND l.dataset = s.dataset \
                   AND l.name = s.name)";
        self.one(sql, [now], |row| Ok((row.get::<_, i64>(0)? as u64, row.get(1)?))).unwrap().unwrap()
    }

    fn least_lock_by_scan(&self) -> Option<i64> {
        let sql = "SELECT MIN(coalesce(l.until, s.keep_until)) FROM locked l JOIN snapshot s ON s.vault = l.vault \
                   AND s.dataset = l.dataset AND s.name = l.name WHERE s.expired IS NULL";
        self.one(sql, [], |row| row.get(0)).unwrap().flatten()
    }

    /// Holds what is looked up fast against what all snapshots say.
    pub fn hold_against_scan(&self, now: i64) {
        let (standings, stocks) = (self.standings().unwrap(), self.stocks().unwrap());
        assert_eq!(standings, self.standings_by_scan());
        assert_eq!(stocks, self.stocks_by_scan());
        assert_eq!(self.count_unlocked(now).unwrap(), self.unlocked_by_scan(now));
        assert_eq!(self.unlocked_points(now).unwrap().len() as u64, self.unlocked_by_scan(now).0);
        assert_eq!(self.least_lock().unwrap(), self.least_lock_by_scan());
        for vault in self.vaults().unwrap() {
            let of_it = standings.iter().filter(|its| its.point.vault == vault.id);
            assert!(self.standings_of(&vault.id).unwrap().iter().eq(of_it));
            let of_it: Vec<_> = stocks.iter().filter(|its| its.vault == vault.id).collect();
            assert!(self.stocks_of(&vault.id).unwrap().iter().eq(of_it.iter().copied()));
            assert!(self.datasets_of(&vault.id).unwrap().iter().eq(of_it.iter().map(|its| &its.dataset)));
        }
    }
}

/// Xorshift: the same at each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }

    fn one_in(&mut self, many: u64) -> bool {
        self.below(many) == 0
    }
}

const VAULTS: u64 = 2;
const DATASETS: [&str; 2] = ["letters", "archive"];
const BEGAN: i64 = 1_795_000_000;

fn time(seconds: u64) -> Time {
    crate::record::time(BEGAN + seconds as i64).unwrap()
}

fn manifest(sequence: u64) -> ManifestName {
    ManifestName { sequence, hash: ObjectHash::of(&sequence.to_le_bytes()) }
}

/// Something that happens to one of few datasets, about one of few snapshots.
fn happening(chance: &mut Chance) -> Body {
    let vault = VaultId([chance.below(VAULTS) as u8; 16]);
    let dataset: DatasetName = DATASETS[chance.below(2) as usize].parse().unwrap();
    let its = manifest(chance.below(30));
    let (bytes, partial) = (chance.below(5) * 100, chance.one_in(4));
    let keep_until = (!chance.one_in(3)).then(|| time(1000 + chance.below(2000)));
    let tiers = vec![["hour", "day"][chance.below(2) as usize].to_owned()];
    match chance.below(10) {
        0..3 => SnapshotAccepted {
            vault,
            dataset,
            manifest: its,
            captured: time(chance.below(500)),
            keep_until,
            tiers,
            stored_bytes: bytes,
            partial,
            late: chance.one_in(3),
        }
        .into(),
        3..6 => SnapshotReplicated {
            from: "pusat-33.19".parse::<SiteId>().unwrap(),
            vault,
            dataset,
            manifest: its,
            accepted: time(chance.below(500)),
            captured: time(chance.below(500)),
            keep_until,
            tiers,
            stored_bytes: bytes,
            partial,
            provisional: chance.one_in(2),
        }
        .into(),
        6 => SuspicionRaised {
            suspicion: format!("s-{}", chance.below(20)).parse().unwrap(),
            vault,
            dataset,
            since: time(chance.below(500)),
            measure: "silence".into(),
            text: "x".into(),
        }
        .into(),
        7 => {
            let suspicion = format!("s-{}", chance.below(20)).parse().unwrap();
            SuspicionEnded { suspicion, reason: "x".into() }.into()
        }
        8 => ObjectLost { object: "x".into(), vault, snapshots: vec![format!("{dataset}/{its}")] }.into(),
        _ => {
            let manifests = (0..=chance.below(12)).map(|_| manifest(chance.below(30)).to_string()).collect();
            SnapshotsExpired { vault, dataset, manifests, deletion: None }.into()
        }
    }
}

fn pinned() -> Vec<Body> {
    let owner = SigningKey::generate("pulih-owner", &ring::rand::SystemRandom::new()).unwrap();
    let pin = |n: u8| VaultPinned {
        vault: VaultId([n; 16]),
        opd: format!("opd-{n}").parse().unwrap(),
        agent: format!("app-{n}").parse().unwrap(),
        class: "publik".into(),
        owner: owner.verifier().fingerprint(),
    };
    (0..VAULTS as u8).map(|n| pin(n).into()).collect()
}

fn follow(catalog: &mut Catalog, at: u64, bodies: &[Body]) {
    let (at, from) = (time(at), catalog.next_entry().unwrap());
    catalog.follow_all(from, bodies.iter().map(|body| Some((&at, &Actor::Site, Some(body))))).unwrap();
}

/// The locks of a store come and go beside the ledger.
fn lock_some(catalog: &Catalog, chance: &mut Chance) {
    let vault = VaultId([chance.below(VAULTS) as u8; 16]).to_string();
    let points: Vec<Point> = catalog.points(&vault, DATASETS[chance.below(2) as usize]).unwrap();
    let Some(point) = points.get(chance.below(30) as usize) else { return };
    if chance.one_in(4) {
        // As a version before wrote it down.
        let sql = "INSERT OR REPLACE INTO locked (vault, dataset, name) VALUES (?1, ?2, ?3)";
        catalog.change(sql, params![point.vault, point.dataset, point.snapshot]).unwrap();
    } else {
        catalog.set_locked(point, BEGAN + chance.below(3000) as i64).unwrap();
    }
}

/// As the version before left it.
fn take_back(path: &Path) {
    let db = rusqlite::Connection::open(path).unwrap();
    db.execute_batch(
        "DROP TABLE standing; DROP TRIGGER point_locked; DROP TRIGGER point_let_go; DROP INDEX locked_until;
         DROP INDEX snapshot_unlocked; DROP INDEX alarm_at; ALTER TABLE snapshot DROP COLUMN is_locked;
         DROP TABLE silence; DROP TABLE agent_clock; DROP TABLE alive; DROP TABLE drill; DROP TABLE drill_step;
         DROP TABLE drill_missed; DROP TABLE drill_schedule; DROP TABLE drill_tried; DROP TABLE witness; DROP TABLE next_key;
         DROP TABLE recipe; DROP TABLE recipe_tried; DROP TABLE regulation; DROP TABLE attestation; DROP TABLE audit;
         DROP TABLE incident; DROP TABLE classified; DROP TABLE description; ALTER TABLE user DROP COLUMN decree;
         ALTER TABLE user DROP COLUMN until; ALTER TABLE opd DROP COLUMN at; ALTER TABLE opd DROP COLUMN measured;
         DROP TABLE traffic; DROP TABLE metered;
         PRAGMA user_version = 4;",
    )
    .unwrap();
}

#[test]
fn what_stands_is_what_all_snapshots_say_at_every_step_and_in_a_catalog_of_before() {
    let (mut most, mut none) = (0, false);
    for seed in 1..=6 {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("catalog.sqlite");
        let mut catalog = Catalog::open(&path).unwrap();
        let mut chance = Chance(seed * 0x9E37_79B9_7F4A);
        follow(&mut catalog, 0, &pinned());
        for step in 0..400 {
            let many = 1 + chance.below(3);
            let bodies: Vec<Body> = (0..many).map(|_| happening(&mut chance)).collect();
            follow(&mut catalog, step, &bodies);
            lock_some(&catalog, &mut chance);
            catalog.hold_against_scan(BEGAN + chance.below(2000) as i64);
            let settled = catalog.unsettled(&VaultId([0; 16]).to_string()).unwrap();
            if let Some(point) = settled.first().filter(|_| chance.one_in(2)) {
                catalog.settle(point).unwrap();
                catalog.hold_against_scan(BEGAN);
            }
            most = most.max(catalog.standings().unwrap().len());
            none |= step > 100 && catalog.standings().unwrap().len() < 4;
        }
        let (standings, stocks) = (catalog.standings().unwrap(), catalog.stocks().unwrap());
        drop(catalog);
        take_back(&path);
        let catalog = Catalog::open(&path).unwrap();
        assert_eq!((catalog.standings().unwrap(), catalog.stocks().unwrap()), (standings, stocks));
        catalog.hold_against_scan(BEGAN + 1000);
    }
    assert!(most == 4 && none, "every dataset had a point, and one lost its last");
}

#[test]
fn what_is_kept_of_a_dataset_is_known_without_a_look_at_every_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let mut catalog = Catalog::open(&folder.path().join("catalog.sqlite")).unwrap();
    follow(&mut catalog, 0, &pinned());
    for sql in [super::STANDING, super::STOCK, super::LOOK_AGAIN] {
        let mut statement = catalog.db.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let count = statement.parameter_count();
        let values = rusqlite::params_from_iter(vec!["x"; count]);
        let steps = statement.query_map(values, |row| row.get::<_, String>(3)).unwrap();
        for step in steps.map(Result::unwrap) {
            assert!(!step.starts_with("SCAN s") || step.starts_with("SCAN standing"), "{sql}: {step}");
            assert!(!step.contains("TEMP B-TREE"), "{sql}: {step}");
        }
    }
}
