//! Data to lay out: a regency's test as one might be, and a report of which nothing is known. `examples/continuity.rs`
//! makes files of these, and of those that are crowded or hostile, to look at.

use super::Utc;
use super::clauses::regulation;
use super::data::{
    Auditor, Basis, Both, Checkpoint, Component, Continuity, DatasetRto, Duty, EntryRef, Finding, Here, Judgement,
    Minutes, Opinion, Outcome, Person, Phases, Place, Role, Rpo, Scope, ServiceRto, Signatory, SiteKey, Source, Step,
    Test, TestKind, Vital, What, Witness, Zone,
};

pub fn utc(text: &str) -> Utc {
    Utc::read(text).unwrap()
}

/// A hash of 64 digits, another one for each number.
pub fn hash(n: u64) -> String {
    let part = |turned: u32| (n + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(turned);
    format!("{:016x}{:016x}{:016x}{:016x}", part(0), part(13), part(26), part(39))
}

fn fingerprint(n: u64) -> String {
    format!("SHA256:{}+/{}", &hash(n)[..20], &hash(n + 7)[..21])
}

pub fn empty() -> Continuity {
    Continuity {
        uji: false,
        number: String::new(),
        issued: utc("2027-03-10T02:00:00Z"),
        from: utc("2025-03-09T17:00:00Z"),
        to: utc("2027-03-09T17:00:00Z"),
        site: Here {
            site: "drc-14.09".into(),
            regency: "Kabupaten Kuantan Singingi".into(),
            regency_code: "14.09".into(),
            office: String::new(),
            zone: Zone::Wib,
        },
        checkpoints: vec![],
        approval: vec![],
        basis: vec![],
        scope: Scope::default(),
        organisation: vec![],
        test: None,
        steps: vec![],
        rpo: vec![],
        rto_services: vec![],
        rto_datasets: vec![],
        vital: vec![],
        findings: vec![],
        judgement: None,
        minutes: Minutes::default(),
        regulations: vec![],
        entries: vec![],
        remarks: vec![],
    }
}

fn signatory(duty: Duty, position: &str, name: &str, nip: &str) -> Signatory {
    Signatory { duty, position: position.into(), name: name.into(), nip: nip.into() }
}

pub fn component(role: Role, name: &str, opd: &str, class: &str, bytes: Option<u64>) -> Component {
    Component { role, name: name.into(), opd: opd.into(), class: class.into(), bytes }
}

pub fn rpo(
    place: Role,
    (opd, agent, dataset, class): (&str, &str, &str, &str),
    target: u64,
    worst: u64,
    now: u64,
) -> Rpo {
    Rpo {
        place,
        opd: opd.into(),
        agent: agent.into(),
        dataset: dataset.into(),
        class: class.into(),
        target_seconds: Some(target),
        exposure_seconds: Some(now),
        p95_seconds: Some(worst / 2 + now / 2),
        worst_seconds: Some(worst),
        inside_hundredths: Some(if worst <= target { 10_000 } else { 9_987 }),
        breaches: u64::from(worst > target) * 3,
        inside: Some(now <= target),
    }
}

pub fn rto((opd, agent, dataset, class): (&str, &str, &str, &str), target: u64, phases: [u64; 6]) -> DatasetRto {
    let [approve, fetch, decrypt, write, verify, check] = phases;
    let milliseconds = phases.iter().sum();
    DatasetRto {
        opd: opd.into(),
        agent: agent.into(),
        dataset: dataset.into(),
        class: class.into(),
        target_seconds: Some(target),
        milliseconds: Some(milliseconds),
        forecast: dataset == "surat",
        inside: Some(milliseconds <= target * 1000),
        phases: Some(Phases { approve, fetch, decrypt, write, verify, check }),
        by: "d-90aa".into(),
        at: Some(utc("2027-03-02T03:05:11Z")),
    }
}

pub fn step(
    number: u64,
    what: What,
    name: &str,
    service: &str,
    planned: (u64, u64),
    actual: Option<(u64, u64)>,
) -> Step {
    Step {
        number,
        what,
        name: name.into(),
        service: service.into(),
        planned_from_ms: Some(planned.0),
        planned_ms: Some(planned.1),
        began: actual.map(|_| utc("2027-03-02T02:25:40Z")),
        from_ms: actual.map(|(from, _)| from),
        milliseconds: actual.map(|(_, took)| took),
        outcome: if actual.is_some() { Outcome::Passed } else { Outcome::Skipped },
        text: String::new(),
    }
}

const SIMRS: (&str, &str, &str, &str) = ("RSUD", "app-1", "rekam-medis", "strategis");
const SURAT: (&str, &str, &str, &str) = ("Sekretariat Daerah", "arsip-1", "surat", "non-publik");
const PAJAK: (&str, &str, &str, &str) = ("Bapenda", "pajak-2", "basis-data-pajak-daerah", "strategis");
const WEB: (&str, &str, &str, &str) = ("Diskominfo", "web-1", "situs-resmi", "publik");

fn steps() -> Vec<Step> {
    let minute = 60_000;
    let mut steps = vec![
        step(1, What::Restore, "direktori", "Direktori pengguna", (0, 10 * minute), Some((2_140, 7 * minute + 310))),
        step(
            2,
            What::Restore,
            "rekam-medis",
            "Rekam medis RSUD",
            (10 * minute, 60 * minute),
            Some((450_000, 2_790_250)),
        ),
        step(
            3,
            What::Restore,
            "basis-data-pajak-daerah",
            "Pajak daerah",
            (70 * minute, 40 * minute),
            Some((3_300_000, 3_120_000)),
        ),
        step(
            4,
            What::Application,
            "simrs",
            "Rekam medis RSUD",
            (110 * minute, 10 * minute),
            Some((6_500_000, 312_000)),
        ),
        step(5, What::Manual, "arahkan-dns", "Rekam medis RSUD", (120 * minute, 15 * minute), None),
    ];
    steps[2].outcome = Outcome::Failed;
    steps[2].text = "2 berkas berbeda dari manifes".into();
    steps
}

fn test() -> Test {
    Test {
        drill: "d-90aa".into(),
        kind: TestKind::Plan,
        title: "Rencana pemulihan layanan Kabupaten Kuantan Singingi".into(),
        plan: "kabupaten".into(),
        plan_version: Some(4),
        plan_hash: hash(1),
        scenario: Both::new(
            "Pusat Data tidak dapat dipakai setelah perangkat pemeras mengenkripsi seluruh server. Layanan dikembalikan di \
             Pusat Pemulihan Bencana menurut urutan rencana, dari titik pemulihan terbaru yang tidak dicurigai.",
            "The data centre is lost after ransomware encrypted all servers. Services are brought back at the disaster \
             recovery centre in the plan's order, from the newest points that are not suspected.",
        ),
        announced: utc("2027-02-27T01:00:00Z"),
        opened: Some(utc("2027-03-02T02:10:00Z")),
        started: Some(utc("2027-03-02T02:25:38Z")),
        ended: Some(utc("2027-03-02T04:19:11Z")),
        outcome: Outcome::Failed,
        milliseconds: Some(6_812_250),
        points: 4,
        sample_percent: None,
        leftovers: Some(0),
        log: hash(2),
        text: String::new(),
        auditor: Some(Auditor {
            name: "Drs. Hendra Wijaya".into(),
            institution: "Inspektorat Daerah Kabupaten Kuantan Singingi".into(),
            mandate: "700/98/INSP/2027".into(),
            fingerprint: fingerprint(3),
        }),
    }
}

fn minutes() -> Minutes {
    Minutes {
        number: "045/BA/DISKOMINFO/2027".into(),
        place: "Teluk Kuantan".into(),
        keys: vec![
            SiteKey { site: "pusat-14.09".into(), fingerprint: fingerprint(11) },
            SiteKey { site: "drc-14.09".into(), fingerprint: fingerprint(12) },
        ],
        witnesses: vec![
            Witness {
                name: "inspektorat-14.09".into(),
                institution: "Inspektorat Daerah".into(),
                fingerprint: fingerprint(13),
                size: Some(48_280),
                seen: Some(utc("2027-03-06T02:51:09Z")),
            },
            Witness {
                name: "bssn".into(),
                institution: "Badan Siber dan Sandi Negara".into(),
                fingerprint: fingerprint(14),
                size: None,
                seen: None,
            },
        ],
    }
}

pub fn entry(site: &str, index: u64, kind: &str) -> EntryRef {
    EntryRef { site: site.into(), index, kind: kind.into(), at: utc("2027-03-02T02:10:00Z"), sha256: hash(index) }
}

/// What was measured and found, of no site.
fn measured() -> Continuity {
    let services = [("Direktori pengguna", 3600, 420_310, false), ("Rekam medis RSUD", 14_400, 3_240_250, false)];
    let service = |(name, target, took, forecast): (&str, u64, u64, bool)| ServiceRto {
        service: name.into(),
        target_seconds: Some(target),
        milliseconds: Some(took),
        forecast,
        inside: Some(took <= target * 1000),
    };
    let mut rto_services: Vec<ServiceRto> = services.into_iter().map(service).collect();
    rto_services.push(service(("Pajak daerah", 3600, 6_420_000, false)));
    rto_services.push(service(("Arsip surat", 86_400, 21_600_000, true)));
    Continuity {
        steps: steps(),
        rpo: vec![
            rpo(Role::Pusat, SIMRS, 3600, 3_412, 1_880),
            rpo(Role::Pusat, PAJAK, 3600, 93_605, 2_011),
            rpo(Role::Pusat, SURAT, 86_400, 84_122, 12_004),
            rpo(Role::Pusat, WEB, 604_800, 201_444, 200_101),
            rpo(Role::Drc, SIMRS, 14_400, 9_120, 4_410),
            rpo(Role::Drc, PAJAK, 14_400, 12_009, 20_411),
        ],
        rto_services,
        rto_datasets: vec![
            rto(SIMRS, 7200, [120_000, 1_301_000, 141_200, 739_000, 296_110, 312_000]),
            rto(PAJAK, 3600, [60_000, 1_900_000, 301_000, 1_200_000, 480_000, 0]),
            rto(SURAT, 14_400, [60_000, 301_000, 41_200, 139_000, 96_110, 0]),
        ],
        vital: vec![
            Vital {
                function: "Mencari pasien menurut nomor rekam medis".into(),
                service: "Rekam medis RSUD".into(),
                recipe: "simrs".into(),
                milliseconds: Some(312_000),
                outcome: Outcome::Passed,
                text: String::new(),
            },
            Vital {
                function: "Menghitung tagihan pajak".into(),
                service: "Pajak daerah".into(),
                recipe: "simpad".into(),
                milliseconds: None,
                outcome: Outcome::Skipped,
                text: "program psql tidak ada di situs ini".into(),
            },
        ],
        findings: vec![
            Finding {
                source: Source::Auditor,
                text: "DNS dialihkan 40 menit terlambat".into(),
                owner: "Diskominfo".into(),
                until: Some(utc("2027-05-31T17:00:00Z")),
            },
            Finding {
                source: Source::Test,
                text: "basis-data-pajak-daerah: 2 berkas berbeda dari manifes".into(),
                owner: String::new(),
                until: None,
            },
        ],
        judgement: Some(Judgement {
            opinion: Opinion::MetWithFindings,
            attested: utc("2027-03-04T09:40:00Z"),
            document_sha256: hash(41),
            qualifies: true,
            wrong: vec![],
            until: Some(utc("2029-03-04T09:40:00Z")),
            days_left: Some(725),
        }),
        ..empty()
    }
}

pub fn small() -> Continuity {
    Continuity {
        number: "045/112/DISKOMINFO/2027".into(),
        site: Here { office: "Dinas Komunikasi, Informatika, Statistik dan Persandian".into(), ..empty().site },
        checkpoints: vec![
            Checkpoint {
                site: "drc-14.09".into(),
                size: 48_291,
                root: "CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=".into(),
            },
            Checkpoint {
                site: "pusat-14.09".into(),
                size: 112_004,
                root: "7oXo5Qm0bLrBv0Hq5hJ3ZJ0e9l3sV7o0n2yQm1w9x0A=".into(),
            },
        ],
        approval: vec![
            signatory(
                Duty::Prepared,
                "Kepala Bidang Persandian dan Statistik",
                "Siti Rahayu, S.Kom., M.T.",
                "19840312 200903 2 004",
            ),
            signatory(Duty::Reviewed, "Inspektur Daerah", "Drs. Hendra Wijaya", "19690817 199503 1 002"),
            signatory(Duty::Acknowledged, "Sekretaris Daerah", "", ""),
            signatory(Duty::Approved, "Bupati Kuantan Singingi", "", ""),
        ],
        basis: vec![Basis {
            title: regulation().title,
            clauses: vec!["Pasal 10 ayat (1)".into(), "Pasal 55 ayat (3)".into(), "Pasal 55 ayat (4)".into()],
            text_sha256: hash(32),
        }],
        scope: Scope {
            distance_km: Some(168),
            places: vec![
                Place {
                    role: Role::Pusat,
                    site: "pusat-14.09".into(),
                    regency: "Kabupaten Kuantan Singingi".into(),
                    operator: "Diskominfo Kuantan Singingi".into(),
                    provider: String::new(),
                },
                Place {
                    role: Role::Drc,
                    site: "drc-14.09".into(),
                    regency: "Kota Pekanbaru".into(),
                    operator: "Diskominfo Kuantan Singingi".into(),
                    provider: "Pemerintah Provinsi Riau".into(),
                },
            ],
            components: vec![
                component(Role::Pusat, "rekam-medis (app-1)", "RSUD", "strategis", Some(268_435_456_000)),
                component(
                    Role::Pusat,
                    "basis-data-pajak-daerah (pajak-2)",
                    "Bapenda",
                    "strategis",
                    Some(7_516_192_768),
                ),
                component(Role::Pusat, "surat (arsip-1)", "Sekretariat Daerah", "non-publik", Some(41_203)),
                component(Role::Drc, "Penyimpanan objek cadangan", "", "", Some(1_099_511_627_776)),
                component(Role::Drc, "Tempat uji pemulihan", "", "", None),
            ],
        },
        organisation: vec![
            Person {
                name: "Siti Rahayu, Diskominfo".into(),
                role: "koordinator pemulihan".into(),
                contact: "0811-2345-678".into(),
            },
            Person {
                name: "Budi Santoso, RSUD".into(),
                role: "penanggung jawab aplikasi".into(),
                contact: "0812-3456-7890".into(),
            },
        ],
        test: Some(test()),
        minutes: minutes(),
        regulations: vec![regulation()],
        entries: vec![
            entry("drc-14.09", 48_213, "drill-announced"),
            entry("drc-14.09", 48_214, "drill-opened"),
            entry("drc-14.09", 48_215, "drill-started"),
            entry("drc-14.09", 48_260, "drill-ended"),
            entry("drc-14.09", 48_288, "drill-attested"),
        ],
        remarks: vec![Both::new(
            "Jam situs pusat-14.09 pernah mundur 4 detik; angka dihitung menurut waktu yang tercatat.",
            "The clock of pusat-14.09 once went back by 4 seconds; figures go by the times on record.",
        )],
        ..measured()
    }
}
