//! A regulation's clauses to lay out: each verdict, a statement, and a warning.

use super::data::{Attested, Both, Clause, ClauseKind, Counts, Opinion, Regulation, Verdict, Warning};
use super::example::{hash, utc};

fn clause(id: &str, place: &str, kind: ClauseKind, words: (&str, &str), reading: (&str, &str)) -> Clause {
    Clause {
        id: id.into(),
        place: place.into(),
        kind,
        words: Both::new(words.0, words.1),
        reading: Both::new(reading.0, reading.1),
        verdict: Verdict::Met,
        why: Both::new("Syarat terpenuhi menurut fakta.", "The facts meet the expression."),
        remedy: Both::new("Umumkan uji baru dengan auditor.", "Announce a new test with an auditor."),
        attested: vec![],
        warnings: vec![],
        entries: vec!["drc-14.09/48213".into(), "drc-14.09/48214".into(), "drc-14.09/48260".into()],
    }
}

fn clauses() -> Vec<Clause> {
    let tested = clause(
        "55-3",
        "Pasal 55 ayat (3)",
        ClauseKind::Automatic,
        (
            "Rencana keberlangsungan kegiatan yang telah disusun wajib diuji secara berkala paling sedikit 1(satu) \
             kali dalam 2(dua) tahun.",
            "The continuity plan that was drawn up must be tested periodically, at least once in two years.",
        ),
        (
            "Uji berkala terakhir yang memenuhi syarat tidak lebih lama dari 24 bulan.",
            "The newest qualifying test is no older than 24 months.",
        ),
    );
    let mut audited = clause(
        "55-4",
        "Pasal 55 ayat (4)",
        ClauseKind::Both,
        (
            "Uji secara berkala sebagaimana dimaksud pada ayat (3) dilaksanakan oleh auditor Sistem elektronik internal \
             dan/atau eksternal sesuai dengan ketentuan peraturan perundang-undangan.",
            "The periodic test of paragraph (3) is carried out by an internal or external auditor of electronic \
             systems, as the law provides.",
        ),
        (
            "Auditor yang disebut dalam pengumuman menandatangani mulai dan hasil uji, dan tidak mengelola apa pun yang diuji.",
            "The auditor named in the announcement signed its start and its result, and operates none of it.",
        ),
    );
    audited.attested = vec![Attested {
        asks: Both::new("Auditor memenuhi syarat sebagai auditor sistem elektronik", "The auditor is qualified"),
        opinion: Opinion::Met,
        by: "Drs. Hendra Wijaya, Inspektur Daerah".into(),
        letter: "700/112/INSP/2027".into(),
        document_sha256: hash(61),
        until: utc("2028-03-01T17:00:00Z"),
    }];
    audited.warnings = vec![Warning {
        what: Both::new("Pernyataan auditor berakhir", "The auditor's statement ends"),
        until: utc("2027-08-01T17:00:00Z"),
        days_left: 145,
    }];
    let mut centre = clause(
        "54-2",
        "Pasal 54 ayat (2)",
        ClauseKind::Automatic,
        (
            "Pusat Data wajib diaudit paling sedikit 1 (satu) kali dalam 2 (dua) tahun.",
            "The data centre must be audited at least once in two years.",
        ),
        ("Audit terakhir tidak lebih lama dari 24 bulan.", "The newest audit is no older than 24 months."),
    );
    centre.verdict = Verdict::NotMet;
    centre.why = Both::new("Audit terakhir 812 hari yang lalu.", "The newest audit was 812 days ago.");
    centre.remedy =
        Both::new("Minta audit Pusat Data, lalu catat hasilnya.", "Have the centre audited, and record it.");
    let mut licence = clause(
        "54-1",
        "Pasal 54 ayat (1)",
        ClauseKind::Manual,
        ("Pusat Data … mempunyai sertifikat kelayakan", "The data centre … has a certificate of fitness"),
        ("", ""),
    );
    licence.verdict = Verdict::ToAttest;
    licence.why = Both::new("Pernyataan tentang sertifikat belum ada.", "Nobody has stated it yet.");
    licence.entries = vec![];
    let mut third = clause(
        "10-2",
        "Pasal 10 ayat (2)",
        ClauseKind::Manual,
        ("Pihak ketiga … berkedudukan di Indonesia", "The third party … is seated in Indonesia"),
        ("Berlaku bila DRC dikelola pihak ketiga.", "It applies where a third party runs the DRC."),
    );
    third.verdict = Verdict::NotApplicable;
    third.why = Both::new("DRC dikelola Pemerintah Daerah.", "The government runs the DRC itself.");
    let mut plan = clause(
        "10-1",
        "Pasal 10 ayat (1)",
        ClauseKind::Automatic,
        ("prosedur yang telah ditetapkan dan teruji", "procedures that are established and tested"),
        ("Rencana yang berlaku telah diuji dalam versi yang sama.", "The plan in force was tested in that version."),
    );
    plan.verdict = Verdict::Untested;
    plan.why = Both::new("Fakta `plans` tidak ada.", "The fact `plans` is absent.");
    vec![tested, audited, centre, licence, third, plan]
}

pub fn regulation() -> Regulation {
    Regulation {
        name: "kuantan-singingi-33-2020".into(),
        version: 1,
        title: Both::new(
            "Peraturan Bupati Kuantan Singingi Nomor 33 Tahun 2020 tentang Tata Kelola Sistem Pemerintahan Berbasis Elektronik",
            "Regulation 33 of 2020 of the Regent of Kuantan Singingi on the governance of electronic government",
        ),
        hash: hash(31),
        text_sha256: hash(32),
        counts: Counts { met: 2, not_met: 1, to_attest: 1, not_applicable: 1, untested: 1 },
        clauses: clauses(),
    }
}
