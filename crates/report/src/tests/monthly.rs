//! A regent's page to lay out.

use super::data::{Both, Monthly, Tonight};
use super::evaluation::clocks;
use super::example::utc;
use super::head::{self, MOST};
use super::hostile::Harm;

pub fn small() -> Monthly {
    let mut head = head::head();
    head.approval.truncate(2);
    Monthly {
        head,
        tonight: Tonight {
            datasets: 120,
            recoverable: 118,
            worst_seconds: Some(93_605),
            worst_dataset: "arsip-surat (setda-1), Sekretariat Daerah".into(),
            forecast_ms: Some(51_164_250),
        },
        opds: 32,
        covered: 27,
        covered_before: Some(25),
        inside_hundredths: Some(9_871),
        inside_before: Some(9_412),
        drills_passed: 9,
        drills_failed: 1,
        last_passed: Some(utc("2027-01-28T03:00:00Z")),
        clocks: clocks(),
        risks: vec![
            Both::new(
                "Dua himpunan data Badan Pendapatan Daerah belum ada di DRC; bila Pusat Data hilang, keduanya hilang.",
                "Two datasets of the revenue office are not at the DRC: with the data centre they are lost.",
            ),
            Both::new("Audit Pusat Data terlambat 235 hari.", "The data centre's audit is 235 days late."),
            Both::new("Lima OPD belum tercakup.", "Five offices are not covered."),
        ],
        asks: vec![
            Both::new(
                "Memerintahkan lima OPD mendaftarkan servernya sebelum akhir Februari 2027.",
                "Have five offices enrol their servers before the end of February 2027.",
            ),
            Both::new("Menugaskan audit Pusat Data.", "Order the audit of the data centre."),
        ],
    }
}

pub fn empty() -> Monthly {
    Monthly {
        head: head::nothing(),
        tonight: Tonight {
            datasets: 0,
            recoverable: 0,
            worst_seconds: None,
            worst_dataset: String::new(),
            forecast_ms: None,
        },
        opds: 0,
        covered: 0,
        covered_before: None,
        inside_hundredths: None,
        inside_before: None,
        drills_passed: 0,
        drills_failed: 0,
        last_passed: None,
        clocks: vec![],
        risks: vec![],
        asks: vec![],
    }
}

/// More of everything, and longer, than the page has room for.
pub fn large() -> Monthly {
    let long = |both: &Both| Both::new(format!("{} ", both.id).repeat(9), format!("{} ", both.en).repeat(9));
    let small = small();
    let mut head = head::large();
    head.approval = head.approval.iter().cycle().take(9).cloned().collect();
    head.findings = head.findings.iter().map(long).collect();
    Monthly {
        head,
        tonight: Tonight { worst_dataset: small.tonight.worst_dataset.repeat(9), ..small.tonight },
        clocks: small.clocks.iter().cycle().take(40).cloned().collect(),
        risks: small.risks.iter().map(long).cycle().take(40).collect(),
        asks: small.asks.iter().map(long).cycle().take(40).collect(),
        ..small
    }
}

/// All that `large` has, with the largest figures.
pub fn vast() -> Monthly {
    let most = Some(MOST);
    let mut data = large();
    data.head.checkpoints.iter_mut().for_each(|its| its.size = MOST);
    data.tonight.datasets = MOST;
    data.tonight.recoverable = MOST - 1;
    (data.tonight.worst_seconds, data.tonight.forecast_ms) = (most, most);
    (data.opds, data.covered, data.covered_before) = (MOST, MOST, most);
    (data.inside_hundredths, data.inside_before) = (most, most);
    (data.drills_passed, data.drills_failed) = (MOST, MOST);
    data.clocks.iter_mut().for_each(|its| its.days_left = Some(-(MOST as i64)));
    data
}

pub fn hostile(harm: &mut Harm) -> Monthly {
    let mut data = Monthly { head: head::hostile(harm), ..vast() };
    data.head.uji = true;
    data.head.findings.truncate(1);
    harm.text(&mut data.tonight.worst_dataset);
    data.risks.iter_mut().chain(&mut data.asks).for_each(|its| harm.both([its]));
    data
}
