//! A regency that does all that is asked: a DRC far away which its own people run, three kinds of data, a plan that an
//! auditor saw tested, and every word that people have to state.

use pulih_comply::packs::PACKED;
use pulih_ledger::entry::kinds::{CopyMade, CopyVerified, HoldPlaced, IncidentReported, OpdDescribed};
use pulih_policies::Class;
use pulih_vault::id::ObjectHash;
use pulih_vault::utc;

use super::super::region::people::{Person, Stated};
use super::super::region::servers::Office;
use super::super::region::{At, Files, Region};
use super::{Judged, day, drill, issue, judged, sizes};
use crate::drc::drills::order::Auditor;
use crate::drc::tests::bench::drc_now;
use crate::pusat::tests::bench::{DAY, now, wait};
use crate::record::time;

const PUSAT: &str = "name = \"Pusat Data Kabupaten Kudus\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\n\
    hosts = [\"localhost\"]\noperator = \"Diskominfo\"\n\
    [location]\nregency = \"33.19\"\nlatitude = -6.8048\nlongitude = 110.8405\n";
const DRC: &str = "name = \"DRC Kabupaten Kudus\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\n\
    hosts = [\"localhost\"]\nrole = \"drc\"\noperator = \"Diskominfo\"\noperator_is_asn = true\nprovider = \"Diskominfo\"\n\
    certificates = [{ name = \"SNI ISO/IEC 27001\", number = \"1\", until = \"2031-05-31\" }, \
    { name = \"TIA-942\", number = \"2\", until = \"2031-05-31\" }]\n\
    [location]\nregency = \"34.71\"\nlatitude = -7.7971\nlongitude = 110.3705\n";
/// Midnight in the policy's zone is seven hours before that of UTC.
const ZONE: i64 = 7 * 3600;
const OFFICES: [Office; 2] = [
    Office {
        opd: "dinkes",
        title: "Dinas Kesehatan",
        servers: &[("app-1", Class::Strategis), ("app-2", Class::NonPublik)],
    },
    Office { opd: "dukcapil", title: "Dinas Dukcapil", servers: &[("app-3", Class::Publik)] },
];
pub const SAVES: [(&str, &str); 3] = [("app-1", "rekam-medis"), ("app-2", "sistem"), ("app-3", "jaringan")];
pub const DECIDED: &str = "date = \"2026-08-01\", by = \"Kepala Dinas Kominfo\", decree = \"050/12/2026\" }";

/// All five words.
pub fn decisions() -> String {
    let within = |word: &str, span: &str| format!("{word} = {{ within = \"{span}\", {DECIDED}\n");
    let words = [("promptly", "24h"), ("regularly", "24h"), ("rekey", "30d"), ("scrub", "31d")];
    let words: String = words.iter().map(|(word, span)| within(word, span)).collect();
    format!("\n[decisions]\nfar = {{ km = 50, {DECIDED}\n{words}")
}

pub fn plan() -> String {
    let services = SAVES.map(|(agent, dataset)| {
        let opd = if agent == "app-3" { "dukcapil" } else { "dinkes" };
        format!(
            "[service.{dataset}]\ntitle = \"Layanan {dataset}\"\ntier = 1\nrto = \"8h\"\nresponsible = \"siti\"\n\
             datasets = [{{ opd = \"{opd}\", agent = \"{agent}\", dataset = \"{dataset}\" }}]\n"
        )
    });
    format!(
        "type = \"pulih/plan/v1\"\nname = \"kabupaten\"\nversion = 1\ntitle = \"Rencana kabupaten\"\n\
         [person.siti]\nname = \"Siti Rahayu, Diskominfo\"\nrole = \"koordinator\"\ncontact = \"0811\"\n{}\
         steps = [{{ name = \"arahkan-dns\", text = \"Arahkan DNS\", when = \"after\" }}]\n",
        services.concat()
    )
}

/// Every item that a clause of any pack needs.
fn state_all(region: &Region, by: &Person) {
    for packed in PACKED {
        region.regulate(packed.name);
        let regulation = packed.read().unwrap();
        for clause in &regulation.clauses {
            for item in clause.attest.iter().filter(|item| item.is_needed) {
                region.state(
                    by,
                    &Stated {
                        regulation: packed.name,
                        clause: clause.id.as_str(),
                        item: item.item.as_str(),
                        opinion: "met",
                        days: 400,
                    },
                );
            }
        }
    }
}

fn classify(region: &Region, walidata: &[Person; 2]) {
    let axes = [
        ["strategis", "terbatas", "tinggi", "information"],
        ["non-publik", "terbatas", "tinggi", "system"],
        ["publik", "terbatas", "tinggi", "infrastructure"],
    ];
    for (n, (server, dataset)) in SAVES.iter().enumerate() {
        region.classify(&walidata[n / 2], region.server(server), dataset, axes[n]);
    }
}

fn tested(region: &Region, by: &Person, auditor: &Person) {
    let named =
        Auditor { user: "rini".into(), institution: "Inspektorat Provinsi".into(), mandate: "700/12/2027".into() };
    let id = region.order(by, Some(named)).drill.to_string();
    region.open(auditor, &id);
    region.work(&id, sizes, |_, _| (240, true));
    wait(3600);
    region.attest(auditor, &id, "met", vec![], b"laporan");
}

/// The month before, as it begins and ends in the west.
fn month_before(now: i64) -> (i64, i64) {
    let begins = |at: i64| {
        let text = utc::rfc3339(at + ZONE);
        utc::parse(&format!("{}-01T00:00:00Z", &text[..7])).unwrap() - ZONE
    };
    let to = begins(now);
    (begins(to - 1), to)
}

/// A further copy of all data, made and read again. Its receipt is not here: no clause reads what is in it.
fn copied(region: &Region) {
    let (medium, receipt) = ("cakram brankas".to_owned(), ObjectHash::of(b"receipt"));
    let (snapshots, objects, bytes) = (3, 9, 4096);
    region.two.write(CopyMade { medium: medium.clone(), receipt, snapshots, objects, bytes });
    wait(3600);
    region.two.write(CopyVerified { medium, receipt, snapshots, objects, bytes });
}

fn incident(region: &Region, by: &Person) {
    let hold = HoldPlaced {
        hold: "h-1".parse().unwrap(),
        vault: region.server("app-1").vault,
        dataset: None,
        letter: "B/12/2027".into(),
        reason: "penyelidikan".into(),
    };
    region.act(At::Pusat, &region.dewi, hold, None).unwrap();
    let reported = IncidentReported {
        incident: "in-1".parse().unwrap(),
        hold: Some("h-1".parse().unwrap()),
        began: time(now() - 7200).unwrap(),
        reported: time(now()).unwrap(),
        letter: Some("800/77".into()),
        text: "serangan ransomware pada satu server".into(),
    };
    region.act(At::Pusat, by, reported, None).unwrap();
}

pub fn fleet() -> Judged {
    wait(DAY - now().rem_euclid(DAY));
    let region = Region::new(&Files(PUSAT, DRC), &OFFICES);
    let operator = region.appoint("budi", "Budi Santoso, Diskominfo", &["operator"], None, true);
    let auditor = region.appoint("rini", "Rini Wulandari", &["auditor"], None, false);
    let walidata = [("ani", "dinkes"), ("eko", "dukcapil")]
        .map(|(id, opd)| region.appoint(id, &format!("Walidata {opd}"), &["walidata"], Some(opd), false));
    for (server, dataset) in SAVES {
        region.approve(&operator, region.server(server), dataset, 700);
    }
    classify(&region, &walidata);
    for (opd, own_centre) in [("dinkes", true), ("dukcapil", false)] {
        let described =
            OpdDescribed { opd: opd.parse().unwrap(), own_centre, by: "Kepala Dinas".into(), letter: "440/19".into() };
        region.act(At::Pusat, &region.dewi, described, None).unwrap();
    }
    // A year in which the line is evaluated, month by month, and then three weeks day by day.
    let mut sequence = 0;
    let evaluate = || {
        let (from, to) = month_before(now());
        issue(&region, &operator, "bandwidth", from, to);
    };
    for _ in 0..14 {
        sequence += 1;
        day(&region, &SAVES, &[], sequence);
        evaluate();
        // Less than the shortest month has.
        wait(27 * DAY);
    }
    evaluate();
    region.follow(At::Pusat, 2, |text| format!("{text}{}", decisions()));
    region.follow(At::Drc, 2, |text| {
        let drills = |class: &str| format!("\n[class.{class}.drills]\nrestore = \"0 17 * * 1\"\n");
        format!("{text}{}{}", decisions(), ["strategis", "non-publik", "publik"].map(drills).concat())
    });
    region.plan(&region.dewi, 1, &plan());
    for of_weeks in 1..=20 {
        sequence += 1;
        day(&region, &SAVES, &[], sequence);
        drill(&region, "");
        wait(DAY / 2);
        match of_weeks {
            8 => tested(&region, &operator, &auditor),
            10 => incident(&region, &operator),
            // The own audit comes a month before the one by others.
            12 => [("internal", "internal", 40), ("data-centre", "government", 0), ("security", "accredited", 0)]
                .iter()
                .for_each(|(subject, body, days)| region.audit(&operator, subject, body, *days, 0)),
            14 => state_all(&region, &operator),
            16 => {
                region.two.drc.scrub(true, &[]).unwrap();
                region.two.pusat.pusat.scrub(true, &[]).unwrap();
            }
            _ => {}
        }
    }
    for kind in ["coverage", "evaluation", "monthly", "continuity"] {
        issue(&region, &operator, kind, now() - 31 * DAY, now());
    }
    copied(&region);
    day(&region, &SAVES, &[], sequence + 1);
    evaluate();
    region.settle();
    assert_eq!(now(), drc_now());
    let logs = region.logs();
    judged(&region.sources(&logs))
}
