//! That parts of a report say what the law needs said.

use super::data::{Continuity, Judgement, Opinion};
use super::example::{self, utc};
use super::placed::lay_out;
use crate::Language;

const OPERATIONAL: &str = "uji operasional, belum memenuhi Pasal 55 ayat (4)";

#[test]
fn without_an_auditors_opinion_a_test_is_called_operational() {
    let data = Continuity { judgement: None, ..example::small() };
    for language in [Language::Indonesian, Language::English] {
        assert!(lay_out(&data, language).says(OPERATIONAL), "{language:?}");
        assert!(!lay_out(&example::small(), language).says(OPERATIONAL), "{language:?}");
    }
    assert!(lay_out(&data, Language::English).says("does not yet satisfy Article 55 paragraph (4)"));
}

#[test]
fn an_opinion_by_which_a_test_does_not_qualify_is_told_with_the_reason() {
    let judgement = Judgement {
        opinion: Opinion::NotMet,
        attested: utc("2027-03-04T09:40:00Z"),
        document_sha256: String::new(),
        qualifies: false,
        wrong: vec!["the auditor's key acted as an operator".into()],
        until: None,
        days_left: None,
    };
    let data = Continuity { judgement: Some(judgement), ..example::small() };
    let laid = lay_out(&data, Language::Indonesian);
    assert!(laid.says("tidak terpenuhi; ") && laid.says(OPERATIONAL));
    assert!(laid.says("the auditor's key acted as an operator"));
}

#[test]
fn a_clause_has_its_words_our_reading_and_the_verdict() {
    let indonesian = lay_out(&example::small(), Language::Indonesian);
    for said in [
        "Tafsir (bukan hukum)",
        "“Pusat Data wajib diaudit paling sedikit 1 (satu) kali dalam 2 (dua) tahun.”",
        "Audit terakhir tidak lebih lama dari 24 bulan.",
        "tidak terpenuhi Audit terakhir 812 hari yang lalu.",
        "Tindak lanjut: Minta audit Pusat Data, lalu catat hasilnya.",
        "pernyataan manual Pernyataan tentang sertifikat belum ada.",
        "tidak berlaku DRC dikelola Pemerintah Daerah.",
        "belum diuji",
    ] {
        assert!(indonesian.says(said), "{said}");
    }
    let english = lay_out(&example::small(), Language::English);
    for said in ["Reading (no law)", "not met The newest audit was 812 days ago.", "The newest audit is no older than"]
    {
        assert!(english.says(said), "{said}");
    }
}

#[test]
fn a_text_without_english_stands_in_indonesian() {
    let mut data = example::small();
    data.remarks[0].en = String::new();
    assert!(lay_out(&data, Language::English).says("pernah mundur 4 detik"));
}

#[test]
fn the_berita_acara_and_the_annex_let_anybody_verify() {
    let data = example::small();
    let laid = lay_out(&data, Language::Indonesian);
    for key in &data.minutes.keys {
        assert!(laid.says(&format!("{} {}", key.site, key.fingerprint)));
        assert!(laid.says(&format!("--site {}={}", key.site, key.fingerprint)));
    }
    assert!(laid.says("pulih-controller evidence verify bukti"));
    assert!(laid.says("scripts/verify-evidence.py bukti"));
}
