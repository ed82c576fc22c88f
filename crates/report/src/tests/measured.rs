//! What a test measured and found.

use super::data::{
    Continuity, DatasetRto, Finding, Judgement, Opinion, Outcome, Phases, Role, Rpo, ServiceRto, Source, Step, Vital,
    What,
};
use super::example::{empty, hash, utc};

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

/// What was measured and found, of no site.
pub fn measured() -> Continuity {
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
            rpo(Role::Drc, PAJAK, 14_400, 21_009, 20_411),
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
