//! Offices covered and not, to lay out.

use super::data::{Act, Both, Coverage, MonthCovered, OfficeCovered};
use super::example::utc;
use super::head::{self, MOST};
use super::hostile::Harm;

fn office(opd: &str, name: &str, datasets: u64) -> OfficeCovered {
    OfficeCovered {
        opd: opd.into(),
        name: name.into(),
        servers: 3,
        silent_servers: 0,
        datasets,
        unapproved: 0,
        fresh: datasets,
        newest: Some(utc("2027-01-31T16:40:11Z")),
        at_drc: datasets,
        covered: true,
        why: vec![],
    }
}

fn months() -> Vec<MonthCovered> {
    let of = |(i, covered): (usize, u64)| MonthCovered {
        from: utc(["2026-10-31T17:00:00Z", "2026-11-30T17:00:00Z", "2026-12-31T17:00:00Z"][i]),
        opds: 30 + i as u64,
        covered,
    };
    [22, 25, 27].into_iter().enumerate().map(of).collect()
}

pub fn small() -> Coverage {
    let late = OfficeCovered {
        silent_servers: 1,
        unapproved: 2,
        fresh: 4,
        at_drc: 3,
        covered: false,
        why: vec![
            Both::new("Server pajak-2 tanpa kabar sejak 22 Januari.", "The server pajak-2 is silent since 22 January."),
            Both::new("Dua himpunan data belum disetujui.", "Two datasets are not approved."),
        ],
        ..office("bapenda", "Badan Pendapatan Daerah", 7)
    };
    let none = OfficeCovered {
        servers: 0,
        datasets: 0,
        fresh: 0,
        newest: None,
        at_drc: 0,
        covered: false,
        why: vec![Both::new("Belum ada server yang didaftarkan.", "No server is enrolled yet.")],
        ..office("kesbangpol", "", 0)
    };
    Coverage {
        head: head::head(),
        opds_total: 32,
        covered: 27,
        datasets: 118,
        fresh: 113,
        months: months(),
        opds: vec![office("rsud", "Rumah Sakit Umum Daerah Teluk Kuantan", 12), late, none],
        acts: vec![
            Act {
                at: utc("2027-01-04T03:15:00Z"),
                what: Both::new(
                    "Laporan cakupan triwulan IV 2026 terbit.",
                    "The coverage report of the fourth quarter of 2026 was issued.",
                ),
                entry: "drc-14.09/47100".into(),
            },
            Act {
                at: utc("2027-01-22T18:02:09Z"),
                what: Both::new("Peringatan: cadangan Bapenda terlambat.", "Alarm: backups of Bapenda are late."),
                entry: "pusat-14.09/109113".into(),
            },
        ],
    }
}

pub fn empty() -> Coverage {
    let (months, opds, acts) = (vec![], vec![], vec![]);
    Coverage { head: head::nothing(), opds_total: 0, covered: 0, datasets: 0, fresh: 0, months, opds, acts }
}

pub fn large() -> Coverage {
    let small = small();
    let opds = (0..300).map(|i| {
        let mut its = small.opds[i % 3].clone();
        its.opd = format!("perangkat-daerah-{i:03}");
        its.why = its.why.iter().cycle().take(its.why.len() * (i % 4 + 1)).cloned().collect();
        its
    });
    Coverage {
        head: head::large(),
        opds: opds.collect(),
        months: small.months.iter().cycle().take(60).cloned().collect(),
        acts: small.acts.iter().cycle().take(200).cloned().collect(),
        ..small
    }
}

pub fn vast() -> Coverage {
    let mut data = Coverage { head: head::vast(), ..small() };
    (data.opds_total, data.covered, data.datasets, data.fresh) = (MOST, MOST, MOST, MOST);
    data.months.iter_mut().for_each(|its| (its.opds, its.covered) = (MOST, MOST));
    for its in &mut data.opds {
        (its.servers, its.silent_servers, its.datasets) = (MOST, MOST, MOST);
        (its.unapproved, its.fresh, its.at_drc) = (MOST, MOST, MOST);
    }
    data
}

pub fn hostile(harm: &mut Harm) -> Coverage {
    let mut data = Coverage { head: head::hostile(harm), ..small() };
    for its in &mut data.opds {
        harm.texts([&mut its.opd, &mut its.name]);
        its.why.iter_mut().for_each(|its| harm.both([its]));
    }
    for its in &mut data.acts {
        harm.both([&mut its.what]);
        harm.text(&mut its.entry);
    }
    data
}
