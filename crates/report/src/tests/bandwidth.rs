//! A month's traffic to lay out.

use super::data::{Band, Bandwidth, Traffic};
use super::example::utc;
use super::head::{self, MOST};
use super::hostile::Harm;

fn office(opd: &str, name: &str, received_bytes: u64, share: u64) -> Traffic {
    Traffic {
        opd: opd.into(),
        name: name.into(),
        received_bytes,
        sent_bytes: received_bytes / 900,
        before_bytes: Some(received_bytes - received_bytes / 7),
        share_percent: Some(share),
        limit_bits_per_second: Some(20_000_000),
        busiest_at: Some(utc("2027-01-11T19:00:00Z")),
        busiest_bytes: received_bytes / 40,
        measured_seconds: 2_678_400 - 3_605,
        points: 1_204,
        days: (0..31).map(|day| received_bytes / 31 + (day * 7 % 5) * received_bytes / 100).collect(),
    }
}

pub fn small() -> Bandwidth {
    let unmeasured = Traffic {
        received_bytes: 0,
        sent_bytes: 0,
        before_bytes: None,
        share_percent: None,
        limit_bits_per_second: None,
        busiest_at: None,
        busiest_bytes: 0,
        measured_seconds: 0,
        points: 0,
        days: vec![0; 31],
        ..office("kesbangpol", "", 7, 0)
    };
    Bandwidth {
        head: head::head(),
        period_seconds: 2_678_400,
        bands: vec![
            Band { hours: "07:00-17:00".into(), bits_per_second: 5_000_000 },
            Band { hours: "17:00-07:00".into(), bits_per_second: 20_000_000 },
            Band { hours: "12:00-13:00".into(), bits_per_second: 7_500_001 },
        ],
        received_bytes: 441_912_087_553,
        sent_bytes: 512_004_118,
        before_bytes: Some(388_104_992_011),
        days: (0..31).map(|day| 9_000_000_000 + (day * 11 % 7) * 1_713_000_411).collect(),
        opds: vec![
            office("rsud", "Rumah Sakit Umum Daerah Teluk Kuantan", 269_566_373_407, 61),
            office("bapenda", "Badan Pendapatan Daerah", 101_639_780_137, 23),
            office("setda", "Sekretariat Daerah", 70_705_934_009, 16),
            unmeasured,
        ],
    }
}

pub fn empty() -> Bandwidth {
    let (bands, days, opds) = (vec![], vec![], vec![]);
    Bandwidth {
        head: head::nothing(),
        period_seconds: 0,
        bands,
        received_bytes: 0,
        sent_bytes: 0,
        before_bytes: None,
        days,
        opds,
    }
}

pub fn large() -> Bandwidth {
    let name = "Dinas Pemberdayaan Masyarakat, Desa, Kependudukan dan Pencatatan Sipil";
    let opds = (0..300).map(|i| office(&format!("perangkat-daerah-{i:03}"), name, 900_000_011 * (i + 1), i % 4));
    Bandwidth { head: head::large(), opds: opds.collect(), ..small() }
}

pub fn vast() -> Bandwidth {
    let mut data = Bandwidth { head: head::vast(), ..small() };
    data.bands.iter_mut().for_each(|its| its.bits_per_second = MOST);
    data.days = vec![MOST; 31];
    (data.received_bytes, data.sent_bytes, data.before_bytes) = (MOST, MOST, Some(MOST));
    data.period_seconds = MOST;
    for its in &mut data.opds {
        (its.received_bytes, its.sent_bytes, its.before_bytes) = (MOST, MOST, Some(MOST));
        (its.share_percent, its.limit_bits_per_second) = (Some(MOST), Some(MOST));
        (its.busiest_bytes, its.measured_seconds, its.points) = (MOST, MOST, MOST);
        its.days = vec![MOST; 31];
    }
    data
}

pub fn hostile(harm: &mut Harm) -> Bandwidth {
    let mut data = Bandwidth { head: head::hostile(harm), ..small() };
    data.bands.iter_mut().for_each(|its| harm.text(&mut its.hours));
    data.opds.iter_mut().for_each(|its| harm.texts([&mut its.opd, &mut its.name]));
    data
}
