//! Data to lay out: a regency's test as one might be, and a report of which nothing is known. `examples/example.rs`
//! makes files of these, and of those that are crowded or hostile, to look at.

use super::Utc;
use super::clauses::regulation;
use super::data::{
    Auditor, Basis, Both, Checkpoint, Component, Continuity, Duty, EntryRef, Here, Minutes, Outcome, Person, Place,
    Role, Scope, Signatory, SiteKey, Test, TestKind, Witness, Zone,
};
use super::measured::measured;

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
