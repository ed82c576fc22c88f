//! How the five reports without a cover begin, in each shape that data can have.

use super::data::{AskedBy, Both, Checkpoint, Head, Here, Signatory};
use super::example::{small, utc};
use super::hostile::Harm;

/// As large as JSON holds a figure.
pub const MOST: u64 = (1 << 53) - 1;

pub fn head() -> Head {
    let small = small();
    Head {
        uji: false,
        number: "045/31/DISKOMINFO/2027".into(),
        issued: utc("2027-02-01T02:00:00Z"),
        from: utc("2026-12-31T17:00:00Z"),
        to: utc("2027-01-31T17:00:00Z"),
        site: small.site,
        checkpoints: small.checkpoints,
        approval: small.approval,
        basis: vec![AskedBy {
            regulation: Both::new(
                "Peraturan Bupati Kaur Nomor 28 Tahun 2023 tentang Sistem Pemerintahan Berbasis Elektronik",
                "Regulation 28 of 2023 of the Regent of Kaur on electronic government",
            ),
            at: "Pasal 21 ayat (3)".into(),
            words: Both::new(
                "Pemantauan dan evaluasi penggunaan bandwidth dilakukan … melalui sistem otomatis dan dievaluasi setiap bulan.",
                "The use of bandwidth is monitored and evaluated … by an automatic system, and evaluated each month.",
            ),
            reading: Both::new(
                "Evaluasi bulan terakhir terbit paling lama 31 hari yang lalu.",
                "The newest evaluation was issued at most 31 days ago.",
            ),
        }],
        findings: vec![
            Both::new(
                "RSUD memakai 61 % dari seluruh lalu lintas bulan ini.",
                "The hospital (RSUD) used 61 % of this month's traffic.",
            ),
            Both::new("Satu server tidak memberi kabar selama 9 hari.", "One server was silent for 9 days."),
        ],
        remarks: small.remarks,
    }
}

pub fn nothing() -> Head {
    let head = head();
    let site = Here { office: String::new(), ..head.site };
    let (checkpoints, approval, basis, findings, remarks) = (vec![], vec![], vec![], vec![], vec![]);
    Head { number: String::new(), site, checkpoints, approval, basis, findings, remarks, ..head }
}

pub fn large() -> Head {
    let mut head = head();
    head.uji = true;
    head.site.regency = "Kabupaten Pangkajene dan Kepulauan Kuantan Singingi Bagian Selatan".into();
    head.findings = head.findings.iter().cycle().take(40).cloned().collect();
    head.basis = head.basis.iter().cycle().take(8).cloned().collect();
    head.basis[2].words.id = "setiap Perangkat Daerah wajib menyediakan cadangan; ".repeat(60);
    head.remarks = head.remarks.iter().cycle().take(30).cloned().collect();
    head
}

pub fn vast() -> Head {
    let mut head = head();
    head.checkpoints.iter_mut().for_each(|its: &mut Checkpoint| its.size = MOST);
    head
}

pub fn hostile(harm: &mut Harm) -> Head {
    let mut head = head();
    harm.texts([&mut head.number, &mut head.site.regency, &mut head.site.office]);
    head.checkpoints.iter_mut().for_each(|its| harm.text(&mut its.site));
    for Signatory { position, name, nip, .. } in &mut head.approval {
        harm.texts([position, name, nip]);
    }
    for its in &mut head.basis {
        harm.text(&mut its.at);
        harm.both([&mut its.regulation, &mut its.words, &mut its.reading]);
    }
    head.findings.iter_mut().chain(&mut head.remarks).for_each(|its| harm.both([its]));
    head
}
