//! A year to lay out.

use super::data::{
    AuditRow, Both, ClassRpo, Clock, ClockKind, Counts, DrillCount, Evaluation, Finding, Incident, Month, PackCounts,
    Role, Source, TestKind, Unmet, Verdict,
};
use super::example::utc;
use super::head::{self, MOST};
use super::hostile::Harm;

pub fn clocks() -> Vec<Clock> {
    let clock = |what, last: Option<&str>, until: Option<&str>, days_left| Clock {
        what,
        last: last.map(utc),
        until: until.map(utc),
        days_left,
    };
    vec![
        clock(ClockKind::Test, Some("2026-03-04T09:40:00Z"), Some("2028-03-04T09:40:00Z"), Some(396)),
        clock(ClockKind::DataCentreAudit, Some("2024-06-11T03:00:00Z"), Some("2026-06-11T03:00:00Z"), Some(-235)),
        clock(ClockKind::SecurityAudit, Some("2026-02-18T03:00:00Z"), Some("2027-02-18T03:00:00Z"), Some(17)),
        clock(ClockKind::InternalAudit, None, None, None),
    ]
}

fn month(from: &str, covered: u64, inside_hundredths: Option<u64>, received_bytes: Option<u64>) -> Month {
    Month {
        from: utc(from),
        opds: 32,
        covered,
        points: 18_204 + covered,
        inside_hundredths,
        drills_passed: 9,
        drills_failed: 1,
        received_bytes,
    }
}

fn rpo() -> Vec<ClassRpo> {
    let class = |class: &str, place, datasets, target_seconds, inside_hundredths, worst_seconds, breaches| ClassRpo {
        class: class.into(),
        place,
        datasets,
        target_seconds,
        inside_hundredths,
        worst_seconds,
        breaches,
    };
    vec![
        class("strategis", Role::Pusat, 14, Some(3_600), Some(9_987), Some(5_402), 3),
        class("strategis", Role::Drc, 14, Some(7_200), Some(10_000), Some(7_011), 0),
        class("non-publik", Role::Pusat, 61, None, Some(9_420), Some(93_605), 12),
        class("publik", Role::Drc, 43, Some(86_400), None, None, 0),
    ]
}

fn audit() -> AuditRow {
    AuditRow {
        subject: "Pusat Data".into(),
        by: "Drs. Hendra Wijaya".into(),
        body: "Inspektorat Daerah".into(),
        held: utc("2026-02-18T03:00:00Z"),
        findings: vec![
            Finding {
                source: Source::Auditor,
                text: "Genset ruang server belum diuji tahun ini.".into(),
                owner: "Diskominfo".into(),
                until: Some(utc("2026-05-30T17:00:00Z")),
            },
            Finding {
                source: Source::Auditor,
                text: "Daftar OPD belum lengkap.".into(),
                owner: String::new(),
                until: None,
            },
        ],
    }
}

fn verdicts() -> (Vec<PackCounts>, Vec<Unmet>) {
    let regulation = Both::new(
        "Peraturan Bupati Kuantan Singingi Nomor 33 Tahun 2020 tentang Tata Kelola Sistem Pemerintahan Berbasis Elektronik",
        "Regulation 33 of 2020 of the Regent of Kuantan Singingi on the governance of electronic government",
    );
    let counts = Counts { met: 17, not_met: 1, to_attest: 4, not_applicable: 2, untested: 3 };
    let pack = PackCounts { name: "kuantan-singingi-33-2020".into(), title: regulation.clone(), counts };
    let unmet = Unmet {
        regulation,
        at: "Pasal 54 ayat (2)".into(),
        verdict: Verdict::NotMet,
        why: Both::new("Audit terakhir 812 hari yang lalu.", "The newest audit was 812 days ago."),
        remedy: Both::new("Minta audit Pusat Data, lalu catat hasilnya.", "Have the centre audited, and record it."),
    };
    let untested = Unmet {
        at: "Pasal 10 ayat (1)".into(),
        verdict: Verdict::Untested,
        why: Both::new("Fakta `plans` tidak ada.", "The fact `plans` is absent."),
        remedy: Both::default(),
        ..unmet.clone()
    };
    (vec![pack], vec![unmet, untested])
}

pub fn small() -> Evaluation {
    let (verdicts, unmet) = verdicts();
    let drill = |kind, passed, failed, missed, other| DrillCount { kind, passed, failed, missed, other };
    Evaluation {
        head: head::head(),
        months: vec![
            month("2025-12-31T17:00:00Z", 19, None, None),
            month("2026-01-31T17:00:00Z", 22, Some(9_412), Some(212_884_120_113)),
            month("2026-02-28T17:00:00Z", 25, Some(9_871), Some(301_558_220_014)),
            month("2026-03-31T17:00:00Z", 32, Some(10_000), Some(988)),
        ],
        rpo: rpo(),
        drills: vec![
            drill(TestKind::Verify, 96, 2, 0, 1),
            drill(TestKind::Restore, 11, 1, 1, 0),
            drill(TestKind::Application, 3, 0, 0, 0),
            drill(TestKind::Plan, 1, 1, 0, 0),
        ],
        clocks: clocks(),
        audits: vec![audit(), AuditRow { findings: vec![], body: String::new(), ..audit() }],
        incidents: vec![Incident {
            began: utc("2026-08-14T20:11:00Z"),
            reported: utc("2026-08-15T01:30:00Z"),
            text: "Jaringan penyedia terputus selama 9 jam akibat kabel serat optik terpotong.".into(),
            letter: "045/881/DISKOMINFO/2026".into(),
            held: true,
        }],
        verdicts,
        unmet,
    }
}

pub fn empty() -> Evaluation {
    Evaluation {
        head: head::nothing(),
        months: vec![],
        rpo: vec![],
        drills: vec![],
        clocks: vec![],
        audits: vec![],
        incidents: vec![],
        verdicts: vec![],
        unmet: vec![],
    }
}

pub fn large() -> Evaluation {
    let small = small();
    let mut unmet: Vec<Unmet> = small.unmet.iter().cycle().take(120).cloned().collect();
    unmet[5].why.id = "cadangan setiap Perangkat Daerah terlambat; ".repeat(60);
    let mut audits: Vec<AuditRow> = small.audits.iter().cycle().take(30).cloned().collect();
    audits[2].findings = audits[0].findings.iter().cycle().take(60).cloned().collect();
    Evaluation {
        head: head::large(),
        months: small.months.iter().cycle().take(24).cloned().collect(),
        rpo: small.rpo.iter().cycle().take(80).cloned().collect(),
        audits,
        incidents: small.incidents.iter().cycle().take(50).cloned().collect(),
        verdicts: small.verdicts.iter().cycle().take(7).cloned().collect(),
        unmet,
        ..small
    }
}

pub fn vast() -> Evaluation {
    let mut data = Evaluation { head: head::vast(), ..small() };
    for its in &mut data.months {
        (its.opds, its.covered, its.points) = (MOST, MOST, MOST);
        (its.inside_hundredths, its.received_bytes) = (Some(MOST), Some(MOST));
        (its.drills_passed, its.drills_failed) = (MOST, MOST);
    }
    for its in &mut data.rpo {
        (its.datasets, its.breaches, its.target_seconds) = (MOST, MOST, Some(MOST));
        (its.inside_hundredths, its.worst_seconds) = (Some(MOST), Some(MOST));
    }
    data.drills.iter_mut().for_each(|its| {
        (its.passed, its.failed, its.missed, its.other) = (MOST, MOST, MOST, MOST);
    });
    data.clocks.iter_mut().for_each(|its| its.days_left = Some(-(MOST as i64)));
    data.verdicts[0].counts =
        Counts { met: MOST, not_met: MOST, to_attest: MOST, not_applicable: MOST, untested: MOST };
    data
}

pub fn hostile(harm: &mut Harm) -> Evaluation {
    let mut data = Evaluation { head: head::hostile(harm), ..small() };
    data.rpo.iter_mut().for_each(|its| harm.text(&mut its.class));
    for its in &mut data.audits {
        harm.texts([&mut its.subject, &mut its.by, &mut its.body]);
        its.findings.iter_mut().for_each(|its| harm.texts([&mut its.text, &mut its.owner]));
    }
    data.incidents.iter_mut().for_each(|its| harm.texts([&mut its.text, &mut its.letter]));
    for its in &mut data.verdicts {
        harm.text(&mut its.name);
        harm.both([&mut its.title]);
    }
    for its in &mut data.unmet {
        harm.text(&mut its.at);
        harm.both([&mut its.regulation, &mut its.why, &mut its.remedy]);
    }
    data
}
