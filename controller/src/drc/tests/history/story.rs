//! What happens in the years: on which days a server is silent, the line is cut, people come to a drill or do not.

use std::sync::atomic::Ordering;

use pulih_ledger::cosign::{Cosigned, CosignerKey};
use pulih_ledger::entry::kinds::{
    DrillFinding, HoldPlaced, IncidentReported, ReportIssued, SuspicionEnded, SuspicionRaised, WitnessAdded,
};
use pulih_ledger::ids::Sha256;
use pulih_policies::Class;
use pulih_vault::note::SigningKey;
use pulih_vault::store::Store as _;
use ring::rand::SystemRandom;

use super::super::bench::drc_now;
use super::super::lock;
use super::super::region::drills::{Drilled, host};
use super::super::region::people::{Person, Stated};
use super::super::region::servers::Office;
use super::super::region::{At, Files, Region};
use super::record::{Came, Dataset, Targets};
use crate::drc::drills::order::Auditor;
use crate::pusat::tests::bench::{DAY, now, wait};
use crate::record::time;

/// Between two looks of everybody.
const STEP: i64 = 3 * 3600;
const PUSAT: &str = "name = \"Pusat Data Kabupaten Kudus\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\n\
    hosts = [\"localhost\"]\noperator = \"Diskominfo\"\n\
    [location]\nregency = \"33.19\"\nlatitude = -6.8048\nlongitude = 110.8405\n";
const DRC: &str = "name = \"DRC Kabupaten Kudus\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\n\
    hosts = [\"localhost\"]\nrole = \"drc\"\noperator = \"Diskominfo\"\nprovider = \"PT Awan Nusantara\"\n\
    certificates = [{ name = \"SNI ISO/IEC 27001\", number = \"ID-1\", until = \"2031-05-31\" }]\n\
    [location]\nregency = \"34.71\"\nlatitude = -7.7971\nlongitude = 110.3705\n";
const OFFICES: [Office; 4] = [
    Office { opd: "dinkes", title: "Dinas Kesehatan", servers: &[("app-1", Class::Strategis)] },
    Office { opd: "disdik", title: "Dinas Pendidikan", servers: &[("app-2", Class::NonPublik)] },
    Office { opd: "dukcapil", title: "Dinas Kependudukan", servers: &[("app-3", Class::Strategis)] },
    Office { opd: "bappeda", title: "Bappeda", servers: &[("app-4", Class::Publik)] },
];
/// Server, dataset, and of which looks it saves at one: each so manieth, from which on.
const SAVES: [(&str, &str, i64, i64); 5] = [
    ("app-1", "rekam-medis", 1, 0),
    ("app-2", "arsip", 8, 6),
    ("app-2", "rapor", 4, 1),
    ("app-3", "kependudukan", 1, 0),
    ("app-4", "dokumen", 8, 3),
];
pub const PLAN: &str = include_str!("rencana.toml");
pub const WITNESS: &str = "inspektorat";

/// How many files and bytes a snapshot has, by its dataset and number.
pub fn size(dataset: &str, sequence: u64) -> (u64, u64) {
    let of = dataset.len() as u64;
    (of * 40 + sequence % 7, (of << 28) + sequence % 4096)
}

/// Thousandths of the years at which something begins, and for how many days it goes on.
#[derive(Clone, Copy)]
pub struct Story {
    pub days: i64,
    pub silent: (i64, i64),
    pub cut: (i64, i64),
    /// Nobody gives a share for that long.
    pub sealed: (i64, i64),
    pub drills: &'static str,
}

pub struct Years {
    pub story: Story,
    pub region: Region,
    pub began: i64,
    pub datasets: Vec<Dataset>,
    pub drilled: Vec<Drilled>,
    /// Of each class at the Pusat Data, and at the DRC.
    pub targets: [[Targets; 3]; 2],
    pub auditor: Person,
    pub witness: SigningKey,
    /// Up to which size the witness co-signed, and when.
    pub witnessed: Option<(u64, i64)>,
    /// The drill that the auditor attested, when it opened it and when it attested it.
    pub attested: Option<(Drilled, i64, i64)>,
    pub held: Vec<(&'static str, i64)>,
    done: usize,
    operator: Person,
    fails: bool,
}

pub fn class_at(class: Class) -> usize {
    match class {
        Class::Strategis => 0,
        Class::NonPublik => 1,
        Class::Publik => 2,
    }
}

impl Years {
    pub fn new(story: Story) -> Self {
        wait(DAY - now().rem_euclid(DAY));
        let region = Region::new(&Files(PUSAT, DRC), &OFFICES);
        let operator = region.appoint("budi", "Budi Santoso, Diskominfo", &["operator"], None, true);
        let auditor = region.appoint("rini", "Rini Wulandari", &["auditor"], None, false);
        let walidata = region.appoint("ani", "Ani, Dinas Kesehatan", &["walidata"], Some("dinkes"), false);
        let mut datasets = Vec::new();
        for (server, name, ..) in SAVES {
            let its = region.server(server);
            region.approve(&operator, its, name, 732);
            datasets.push(Dataset {
                server,
                opd: its.opd,
                vault: its.vault.to_string(),
                class: its.class,
                name,
                approved: now(),
                ended: None,
                came: Vec::new(),
            });
        }
        let its = region.server("app-1");
        region.classify(&walidata, its, "rekam-medis", ["strategis", "terbatas", "tinggi", "information"]);
        region.regulate("kudus-48-2019");
        let targets = |hours: [u64; 3]| hours.map(|hours| vec![(i64::MIN, hours * 3600)]);
        Self {
            story,
            region,
            began: now(),
            datasets,
            drilled: Vec::new(),
            targets: [targets([4, 24, 48]), targets([8, 48, 72])],
            auditor,
            witness: SigningKey::generate(WITNESS, &SystemRandom::new()).unwrap(),
            witnessed: None,
            attested: None,
            held: Vec::new(),
            done: 0,
            operator,
            fails: false,
        }
    }

    pub fn tell(&mut self) {
        while now() < self.end() {
            let look = (now() - self.began) / STEP;
            self.look(look);
            while self.done < EVENTS.len() && self.at(EVENTS[self.done].0) <= now() {
                self.done += 1;
                EVENTS[self.done - 1].1(self);
            }
            wait(STEP - (now() - self.began).rem_euclid(STEP));
        }
        assert_eq!(self.done, EVENTS.len());
        // The last thing that is signed: by its time the report is dated.
        self.state("12-7", "not-met", 50);
        self.region.settle();
    }

    pub fn end(&self) -> i64 {
        self.began + self.story.days * DAY
    }

    fn at(&self, thousandths: i64) -> i64 {
        self.began + self.story.days * DAY * thousandths / 1000
    }

    fn is_within(&self, (thousandths, days): (i64, i64)) -> bool {
        let from = self.at(thousandths);
        (from..from + days * DAY).contains(&now())
    }

    /// Every three hours: who is heard saves, the line lets through what it does, and what is due is tried.
    fn look(&mut self, look: i64) {
        let (is_silent, is_cut) = (self.is_within(self.story.silent), self.is_within(self.story.cut));
        let is_open = !self.is_within(self.story.sealed);
        wait(600);
        let two = &self.region.two;
        for its in self.region.servers.iter().filter(|its| !(is_silent && its.name == "app-2")) {
            its.is_heard(&two.pusat);
        }
        for (n, (server, name, each, first)) in SAVES.iter().enumerate() {
            let its = &mut self.datasets[n];
            // Some runs are left out, and one office is silent.
            let is_due = look % each == *first % each && look % 37 != 5;
            if !is_due || its.ended.is_some() || (is_silent && *server == "app-2") {
                continue;
            }
            let sequence = its.came.len() as u64 + 1;
            let (files, bytes) = size(name, sequence);
            self.region.server(server).save(&two.pusat, name, sequence, files, bytes);
            its.came.push(Came { accepted: now(), complete: None });
        }
        wait(60 + look * 7 % 1100);
        two.line.is_down.store(is_cut, Ordering::Relaxed);
        assert_eq!(two.round().is_err(), is_cut);
        if !is_cut {
            let all = self.datasets.iter_mut().flat_map(|its| &mut its.came);
            all.for_each(|its| its.complete = its.complete.or_else(|| Some(drc_now())));
        }
        two.pusat.pusat.listen().unwrap();
        two.drc.listen().unwrap();
        self.drill(is_open);
    }

    fn drill(&mut self, is_open: bool) {
        while let Some(id) = self.region.two.drc.tend_drills(|| host(is_open)).unwrap() {
            let its = self.work(&id);
            self.drilled.push(its);
        }
    }

    fn work(&mut self, id: &str) -> Drilled {
        let fails = self.fails;
        let files = |point: &str| {
            let mut parts = point.split('/').skip(1);
            let dataset = parts.next().unwrap();
            size(dataset, parts.next().unwrap()[..10].parse().unwrap())
        };
        let of_this = self.drilled.len() as u64;
        let its = self.region.work(id, files, |n, _| (300 + 60 * n as u64 + of_this % 50, !(fails && n == 0)));
        // It is restores that fail: of what is only held against its name the story says nothing.
        self.fails &= its.announced.kind == "verify";
        its
    }

    /// Words that are due for renewal in so many days.
    fn state(&self, clause: &str, opinion: &str, days: i64) {
        let item = if clause == "12-6" { "perangkat-dipindahkan" } else { "keterhubungan" };
        self.region.state(&self.operator, &Stated { regulation: "kudus-48-2019", clause, item, opinion, days });
    }
}

type Event = fn(&mut Years);

/// In order: at which thousandth of the years, and what.
const EVENTS: [(i64, Event); 15] = [
    (5, |its| {
        its.region.plan(&its.region.dewi, 1, PLAN);
        let drills = its.story.drills;
        its.region.follow(At::Drc, 2, |text| {
            let text = text.replace("rpo_drc = \"72h\"", "rpo_drc = \"60h\"");
            let text = format!("{text}{}", decisions());
            let of = |class: &str| format!("[class.{class}.drills]\nrestore = \"{drills}\"\n");
            format!("{text}\n{}{}verify = \"{drills}\"\n", of("strategis"), of("non-publik"))
        });
        its.targets[1][2].push((now(), 60 * 3600));
    }),
    (40, |its| {
        its.region.order(&its.operator, None);
        its.drill(true);
    }),
    (120, |its| its.state("12-6", "met", 30)),
    (300, |its| {
        its.region.follow(At::Pusat, 2, |text| {
            format!("{}{}", text.replace("rpo_pusat = \"4h\"", "rpo_pusat = \"210m\""), decisions())
        });
        its.targets[0][0].push((now(), 210 * 60));
    }),
    (350, |its| {
        its.region.two.pusat.write(SuspicionRaised {
            suspicion: "s-1".parse().unwrap(),
            vault: its.region.server("app-2").vault,
            dataset: "rapor".parse().unwrap(),
            since: time(now() - 3600).unwrap(),
            measure: "uji".into(),
            text: "separuh isi berganti dalam satu cadangan".into(),
        });
    }),
    (360, |its| its.fails = true),
    (400, |its| {
        let reason = "ternyata pembaruan aplikasi".to_owned();
        let ended = SuspicionEnded { suspicion: "s-1".parse().unwrap(), reason };
        its.region.act(At::Pusat, &its.region.dewi, ended, None).unwrap();
        let key = CosignerKey::of(its.witness.verifier());
        let added = WitnessAdded {
            witness: WITNESS.parse().unwrap(),
            name: "Inspektorat Kudus".into(),
            institution: "Inspektorat Daerah".into(),
            key,
        };
        its.region.act(At::Drc, &its.region.dewi, added, None).unwrap();
    }),
    (450, |its| its.region.plan(&its.region.dewi, 2, &PLAN.replace("version = 1", "version = 2"))),
    (500, |its| {
        its.region.two.drc.checkpoint().unwrap();
        let (size, root) = {
            let record = lock(&its.region.two.drc.record);
            (record.log().checkpoint().size, record.log().checkpoint().root)
        };
        let issued = ReportIssued {
            report: "continuity".into(),
            from: time(its.began).unwrap(),
            to: time(drc_now()).unwrap(),
            size,
            root,
            data_sha256: Sha256::of(b"data"),
            pdf_sha256: Sha256::of(b"pdf"),
            language: "id".into(),
        };
        its.region.act(At::Drc, &its.operator, issued, None).unwrap();
    }),
    (550, |its| {
        let hold = HoldPlaced {
            hold: "h-1".parse().unwrap(),
            vault: its.region.server("app-3").vault,
            dataset: None,
            letter: "B/12/2027".into(),
            reason: "penyelidikan".into(),
        };
        its.region.act(At::Pusat, &its.region.dewi, hold, None).unwrap();
        let reported = IncidentReported {
            incident: "in-1".parse().unwrap(),
            hold: Some("h-1".parse().unwrap()),
            began: time(now() - 7200).unwrap(),
            reported: time(now()).unwrap(),
            letter: Some("800/77".into()),
            text: "serangan ransomware pada satu server".into(),
        };
        its.region.act(At::Pusat, &its.operator, reported, None).unwrap();
    }),
    (800, |its| {
        let its_own = its.datasets.iter_mut().find(|its| its.name == "arsip").unwrap();
        its_own.ended = Some(now());
        let approval = format!("a-app-2-arsip-{}", its_own.approved);
        its.region.end_approval(&its.operator, &approval);
    }),
    (850, |its| {
        for (subject, body, findings) in
            [("data-centre", "government", 1), ("security", "accredited", 0), ("internal", "internal", 2)]
        {
            its.region.audit(&its.operator, subject, body, 0, findings);
            its.held.push((subject, drc_now()));
        }
    }),
    (900, |its| {
        let auditor =
            Auditor { user: "rini".into(), institution: "Inspektorat Provinsi".into(), mandate: "700/12/2028".into() };
        let id = its.region.order(&its.operator, Some(auditor)).drill.to_string();
        wait(3600);
        let opened = drc_now();
        its.region.open(&its.auditor, &id);
        wait(600);
        let drill = its.work(&id);
        wait(4 * 3600);
        its.region.attest(&its.auditor, &id, "met-with-findings", findings(drc_now()), b"laporan uji");
        its.attested = Some((drill.clone(), opened, drc_now()));
        its.drilled.push(drill);
    }),
    (960, |its| {
        its.region.two.drc.checkpoint().unwrap();
        let log = its.region.two.drc.own_log();
        let size = log.checkpoint().size;
        let note = its.region.two.store.read(&log.layout().checkpoint(size), 1 << 16).unwrap();
        let mut note = Cosigned::open(&note, &its.region.two.drc.own_keys()).unwrap();
        note.add(&note.cosign(&its.witness, drc_now() as u64).unwrap()).unwrap();
        let taken = crate::evidence::witnesses::Ask::Take { note: note.to_note() };
        its.region.two.drc.answer_witnesses(&taken).unwrap();
        its.witnessed = Some((size, drc_now()));
        its.state("12-6", "met", 100);
    }),
    (970, |its| {
        // Within the month that the Dinas decided on.
        let (drc, pusat) = (&its.region.two.drc, &its.region.two.pusat.pusat);
        drc.scrub(true, &[]).unwrap();
        pusat.scrub(true, &[]).unwrap();
    }),
];

/// What the Dinas decided that vague words mean.
fn decisions() -> String {
    let decided = "date = \"2026-08-01\", by = \"Kepala Dinas Kominfo\", decree = \"050/12/2026\" }";
    format!("\n[decisions]\nscrub = {{ within = \"31d\", {decided}\nfar = {{ km = 50, {decided}\n")
}

pub fn findings(attested: i64) -> Vec<DrillFinding> {
    let finding = |text: &str, owner: &str| DrillFinding {
        text: text.to_owned(),
        owner: owner.to_owned(),
        until: time(attested + 90 * DAY).unwrap(),
    };
    vec![
        finding("pengalihan nama domain 40 menit terlambat", "Diskominfo"),
        finding("daftar penghubung belum diperbarui", "Dinas Kesehatan"),
    ]
}
