//! A regency as many are: half of it is done. One office is silent, another's data is not classed, the house of the DRC
//! is somebody else's, nobody was appointed by decree, a drill failed, and what the plan leaves to people is not written.
//! That its datasets are approved is no merit of its own: a site takes in nothing that is not.

use pulih_ledger::entry::kinds::AuditHeld;
use pulih_ledger::ids::Sha256;
use pulih_policies::Class;

use super::super::region::servers::Office;
use super::super::region::{At, Files, Region};
use super::exemplary::{SAVES, plan};
use super::{Judged, day, drill, issue, judged};
use crate::pusat::tests::bench::{DAY, now, wait};
use crate::record::time;

const PUSAT: &str = "name = \"Pusat Data Kabupaten Kudus\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\n\
    hosts = [\"localhost\"]\noperator = \"Diskominfo\"\n\
    [location]\nregency = \"33.19\"\nlatitude = -6.8048\nlongitude = 110.8405\n";
const DRC: &str = "name = \"DRC Kabupaten Kudus\"\nregency = \"33.19\"\nlisten = \"127.0.0.1:1\"\n\
    hosts = [\"localhost\"]\nrole = \"drc\"\noperator = \"Diskominfo\"\nprovider = \"PT Awan Nusantara\"\n\
    certificates = [{ name = \"SNI ISO/IEC 27001\", number = \"1\", until = \"2031-05-31\" }]\n\
    [location]\nregency = \"34.71\"\nlatitude = -7.7971\nlongitude = 110.3705\n";
const OFFICES: [Office; 2] = [
    Office {
        opd: "dinkes",
        title: "Dinas Kesehatan",
        servers: &[("app-1", Class::Strategis), ("app-2", Class::NonPublik)],
    },
    Office { opd: "dukcapil", title: "Dinas Dukcapil", servers: &[("app-3", Class::Publik)] },
];

pub fn fleet() -> Judged {
    wait(DAY - now().rem_euclid(DAY));
    let region = Region::unappointed(&Files(PUSAT, DRC), &OFFICES);
    let operator = region.appoint("budi", "Budi", &["operator"], None, false);
    let walidata = ["dinkes", "dukcapil"].map(|opd| {
        let id = if opd == "dinkes" { "ani" } else { "eko" };
        region.appoint(id, &format!("Walidata {opd}"), &["walidata"], Some(opd), false)
    });
    for (server, dataset) in SAVES {
        region.approve(&operator, region.server(server), dataset, 700);
    }
    region.classify(&walidata[0], region.server("app-1"), "rekam-medis", ["strategis", "", "tinggi", "information"]);
    region.classify(&walidata[0], region.server("app-2"), "sistem", ["non-publik", "terbatas", "tinggi", "system"]);
    region.classify(
        &walidata[1],
        region.server("app-3"),
        "jaringan",
        ["publik", "terbatas", "tinggi", "infrastructure"],
    );
    region.follow(At::Drc, 2, |text| {
        let drills = |class: &str| format!("\n[class.{class}.drills]\nrestore = \"0 17 * * 1\"\n");
        let drills = ["strategis", "non-publik", "publik"].map(drills).concat();
        format!("{text}\n[opd.dukcapil.limits]\nshare_percent = 100\n{drills}")
    });
    let unwritten = plan();
    let (unwritten, _) = unwritten.split_once("steps = ").unwrap();
    region.plan(&region.dewi, 1, unwritten);
    for sequence in 1..=16 {
        day(&region, &SAVES, if sequence > 11 { &["app-3"] } else { &[] }, sequence);
        drill(&region, if sequence > 8 { "sistem" } else { "" });
        wait(DAY / 2);
        if sequence == 6 {
            region.two.pusat.pusat.scrub(true, &[]).unwrap();
        }
    }
    let held = AuditHeld {
        audit: "au-1".parse().unwrap(),
        subject: "data-centre".into(),
        by: "Inspektorat Daerah".into(),
        body: "internal".into(),
        letter: "700/1".into(),
        document_sha256: Sha256::of(b"audit"),
        held: time(now() - 900 * DAY).unwrap(),
        findings: vec![],
        accreditation: None,
    };
    region.act(At::Drc, &operator, held, None).unwrap();
    issue(&region, &operator, "monthly", now() - 31 * DAY, now());
    day(&region, &SAVES, &["app-3"], 17);
    region.settle();
    let logs = region.logs();
    judged(&region.sources(&logs))
}
