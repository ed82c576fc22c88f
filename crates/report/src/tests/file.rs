//! That the file is the same each time, is what an archive takes, and is of the data that it names.

use super::data::Continuity;
use super::shapes::{Shape, made};
use super::{Kind, example, hostile, report};
use crate::json::sha256;
use crate::{Language, lay_out};

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn the_same_data_gives_the_same_bytes() {
    let first = lay_out(&report(&example::small()), Language::Indonesian).unwrap();
    let other = lay_out(&report(&example::small()), Language::English).unwrap();
    assert_ne!(first.bytes, other.bytes);
    assert_eq!(first.data_sha256, other.data_sha256);
    assert_eq!(first, lay_out(&report(&example::small()), Language::Indonesian).unwrap());
    let mut changed = example::small();
    changed.rpo[0].worst_seconds = Some(3_413);
    assert_ne!(first.data_sha256, lay_out(&report(&changed), Language::Indonesian).unwrap().data_sha256);
}

#[test]
fn it_is_pdf_a_2a_with_its_title_author_date_and_language() {
    for (language, code, title) in [
        (Language::Indonesian, "id", "Laporan Uji Keberlangsungan"),
        (Language::English, "en", "Continuity Test Report"),
    ] {
        let pdf = lay_out(&report(&example::small()), language).unwrap();
        assert!(pdf.bytes.starts_with(b"%PDF-1.7"));
        for text in [
            "<pdfaid:part>2</pdfaid:part>",
            "<pdfaid:conformance>A</pdfaid:conformance>",
            "<pdfuaid:part>1</pdfuaid:part>",
            &format!("{title} – Kabupaten Kuantan Singingi"),
            "Dinas Komunikasi, Informatika, Statistik dan Persandian",
            "<xmp:CreateDate>2027-03-10T02:00:00+00:00</xmp:CreateDate>",
            &format!("<rdf:li>{code}</rdf:li>"),
        ] {
            assert!(has(&pdf.bytes, text), "{text}");
        }
        assert!((8..=14).contains(&pdf.pages), "{}", pdf.pages);
    }
}

#[test]
fn an_archive_takes_hostile_and_empty_data_too() {
    for data in [hostile::hostile(), example::empty()] {
        for language in [Language::Indonesian, Language::English] {
            lay_out(&report(&data), language).unwrap();
        }
    }
}

#[test]
fn the_hash_is_of_the_data_as_canonical_json() {
    let data = example::small();
    let json = report(&data).to_json().unwrap();
    let pdf = lay_out(&report(&data), Language::Indonesian).unwrap();
    assert_eq!(pdf.data_sha256, sha256(json.as_bytes()));
    assert_eq!(sha256(b""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert!(json.starts_with(r#"{"approval":[{"duty":"prepared","name":"#), "{}", &json[..60]);
    assert!(json.contains(r#""type":"pulih/report/continuity/v1""#));
    assert!(!json.contains(": ") || !json.contains('\n'));
    let again: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(again, report(&data).value().unwrap());
}

#[test]
fn the_csv_has_every_value_and_no_formula() {
    let mut data: Continuity = example::small();
    data.findings[0].text = "=HYPERLINK(\"http://x\"), \"a\"".into();
    let csv = report(&data).to_csv().unwrap();
    let lines: Vec<&str> = csv.lines().collect();
    assert_eq!(lines[0], "part,row,field,value");
    for line in [
        "rpo,1,worst_seconds,3412",
        "rto_datasets,2,phases.fetch,1900000",
        "site,,zone,WIB",
        "test,,auditor.mandate,700/98/INSP/2027",
        "regulations,1,clauses.3.verdict,not-met",
        "regulations,1,clauses.2.attested.1.by,\"Drs. Hendra Wijaya, Inspektur Daerah\"",
        "minutes,,keys.2.site,drc-14.09",
        "steps,5,milliseconds,",
        "findings,1,text,\"'=HYPERLINK(\"\"http://x\"\"), \"\"a\"\"\"",
        "uji,,,false",
    ] {
        assert!(lines.contains(&line), "{line}");
    }
    let mut values = Vec::new();
    hostile::texts(&report(&data).value().unwrap(), &mut values);
    assert!(values.iter().all(|value| csv.contains(&value.replace('"', "\"\""))));
}

#[test]
fn each_kind_is_named_in_its_data_and_in_its_file() {
    let titles = [
        ("continuity", "Laporan Uji Keberlangsungan"),
        ("bandwidth", "Evaluasi Bulanan Jalur Data"),
        ("coverage", "Laporan Cakupan dan Supervisi"),
        ("evaluation", "Laporan Monitoring dan Evaluasi"),
        ("monthly", "Laporan Bulanan kepada Bupati"),
        ("budget", "Lembar Anggaran per OPD"),
    ];
    for (kind, (name, title)) in Kind::ALL.into_iter().zip(titles) {
        let report = made(kind, Shape::Small);
        let json = report.to_json().unwrap();
        assert!(json.contains(&format!(r#""type":"pulih/report/{name}/v1""#)), "{name}");
        let again: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(again, report.value().unwrap(), "{name}");
        let pdf = lay_out(&report, Language::Indonesian).unwrap();
        assert_eq!(pdf, lay_out(&report, Language::Indonesian).unwrap(), "{name}");
        assert_eq!(pdf.data_sha256, sha256(json.as_bytes()), "{name}");
        for text in [
            &format!("{title} – Kabupaten Kuantan Singingi"),
            &format!("pulih/report/{name}/v1"),
            "<pdfaid:conformance>A</pdfaid:conformance>",
            "<pdfuaid:part>1</pdfuaid:part>",
        ] {
            assert!(has(&pdf.bytes, text), "{name}: {text}");
        }
    }
}

#[test]
fn an_archive_takes_each_kind_in_each_shape() {
    for kind in Kind::ALL.into_iter().filter(|kind| *kind != Kind::Continuity) {
        for (shape, _) in Shape::ALL {
            lay_out(&made(kind, shape), Language::English)
                .unwrap_or_else(|error| panic!("{kind:?} {shape:?}: {error}"));
        }
    }
}

#[test]
fn the_csv_of_each_kind_has_every_value() {
    let lines = [
        (Kind::Bandwidth, "opds,1,days.31,"),
        (Kind::Bandwidth, "bands,3,bits_per_second,7500001"),
        (Kind::Bandwidth, "head,,site.zone,WIB"),
        (Kind::Coverage, "opds,2,why.2.id,Dua himpunan data belum disetujui."),
        (Kind::Evaluation, "audits,1,findings.1.owner,Diskominfo"),
        (Kind::Evaluation, "clocks,2,days_left,-235"),
        (Kind::Evaluation, "clocks,4,last,"),
        (Kind::Monthly, "tonight,,forecast_ms,51164250"),
        (Kind::Budget, "offices,1,datasets.2.dataset,farmasi"),
        (Kind::Budget, "common,1,at,Pasal 54 ayat (2)"),
    ];
    for (kind, line) in lines {
        let report = made(kind, Shape::Small);
        let csv = report.to_csv().unwrap();
        assert!(csv.starts_with("part,row,field,value\r\n"), "{kind:?}");
        assert!(csv.lines().any(|its| its.starts_with(line)), "{kind:?}: {line}");
        let mut values = Vec::new();
        hostile::texts(&report.value().unwrap(), &mut values);
        assert!(values.iter().all(|value| csv.contains(&value.replace('"', "\"\""))), "{kind:?}");
    }
}
