//! Sheets to lay out.

use super::data::{Both, Budget, Exposed, Gap, OfficeBudget};
use super::example::utc;
use super::head::{self, MOST};
use super::hostile::Harm;

fn exposed(agent: &str, dataset: &str) -> Exposed {
    Exposed {
        agent: agent.into(),
        dataset: dataset.into(),
        class: "strategis".into(),
        bytes: Some(268_435_456_000),
        exposure_seconds: Some(3_412),
        target_seconds: Some(3_600),
        at_drc_seconds: Some(93_605),
        rto_target_seconds: Some(14_400),
        tested: Some(utc("2026-11-18T03:00:00Z")),
    }
}

fn gap(gap: (&str, &str), at: &str) -> Gap {
    Gap {
        gap: Both::new(gap.0, gap.1),
        exposure: Both::new(
            "Sampai 26 jam pekerjaan pada 2 himpunan data hilang bila Pusat Data hilang.",
            "Up to 26 hours of work of 2 datasets are lost with the data centre.",
        ),
        regulation: Both::new(
            "Peraturan Bupati Kuantan Singingi Nomor 33 Tahun 2020",
            "Regulation 33 of 2020 of the Regent of Kuantan Singingi",
        ),
        at: at.into(),
        words: Both::new(
            "Pusat Data wajib diaudit paling sedikit 1 (satu) kali dalam 2 (dua) tahun.",
            "The data centre must be audited at least once in two years.",
        ),
        remedy: Both::new(
            "Tambah jalur agar salinan di DRC tidak lebih tua dari sasaran.",
            "Add capacity, so that copies at the DRC are no older than the target.",
        ),
    }
}

pub fn small() -> Budget {
    let unknown = Exposed {
        class: String::new(),
        bytes: None,
        exposure_seconds: None,
        target_seconds: None,
        at_drc_seconds: None,
        rto_target_seconds: None,
        tested: None,
        ..exposed("gizi-1", "gizi")
    };
    let wordless = Gap {
        words: Both::default(),
        ..gap(("Server cadangan belum ada", "There is no spare server"), "Pasal 10 ayat (1)")
    };
    Budget {
        head: head::head(),
        offices: vec![
            OfficeBudget {
                opd: "rsud".into(),
                name: "Rumah Sakit Umum Daerah Teluk Kuantan".into(),
                datasets: vec![exposed("app-1", "rekam-medis"), exposed("app-2", "farmasi"), unknown],
                gaps: vec![
                    gap(("Jalur ke DRC terlalu lambat", "The line to the DRC is too slow"), "Pasal 55 ayat (2)"),
                    wordless,
                ],
            },
            OfficeBudget { opd: "kesbangpol".into(), name: String::new(), datasets: vec![], gaps: vec![] },
        ],
        common: vec![gap(("Audit Pusat Data terlambat", "The data centre's audit is late"), "Pasal 54 ayat (2)")],
    }
}

pub fn empty() -> Budget {
    Budget { head: head::nothing(), offices: vec![], common: vec![] }
}

pub fn large() -> Budget {
    let small = small();
    let mut offices: Vec<OfficeBudget> = (0..100)
        .map(|i| {
            let mut its = small.offices[i % 2].clone();
            its.opd = format!("perangkat-daerah-{i:03}");
            its
        })
        .collect();
    offices[0].datasets = small.offices[0].datasets.iter().cycle().take(120).cloned().collect();
    offices[2].gaps = small.offices[0].gaps.iter().cycle().take(40).cloned().collect();
    offices[2].gaps[1].words.id = "setiap Perangkat Daerah wajib menyediakan cadangan; ".repeat(60);
    Budget { head: head::large(), offices, common: small.common.iter().cycle().take(30).cloned().collect() }
}

pub fn vast() -> Budget {
    let mut data = Budget { head: head::vast(), ..small() };
    for its in data.offices.iter_mut().flat_map(|its| &mut its.datasets) {
        let most = Some(MOST);
        (its.bytes, its.exposure_seconds, its.target_seconds) = (most, most, most);
        (its.at_drc_seconds, its.rto_target_seconds) = (most, most);
    }
    data
}

pub fn hostile(harm: &mut Harm) -> Budget {
    let mut data = Budget { head: head::hostile(harm), ..small() };
    for its in &mut data.offices {
        harm.texts([&mut its.opd, &mut its.name]);
        its.datasets.iter_mut().for_each(|its| harm.texts([&mut its.agent, &mut its.dataset, &mut its.class]));
    }
    for its in data.offices.iter_mut().flat_map(|its| &mut its.gaps).chain(&mut data.common) {
        harm.both([&mut its.gap, &mut its.exposure, &mut its.regulation, &mut its.words, &mut its.remedy]);
        harm.text(&mut its.at);
    }
    data
}
