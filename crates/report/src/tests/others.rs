//! That the five reports without a cover hold whatever their data is.

use super::placed::{is_sound, lay_out, solid};
use super::said::{every_figure, every_text};
use super::shapes::{Shape, made};
use super::{Kind, hostile};
use crate::{Language, printable};

const BOTH: [Language; 2] = [Language::Indonesian, Language::English];
const OTHERS: [Kind; 5] = [Kind::Bandwidth, Kind::Coverage, Kind::Evaluation, Kind::Monthly, Kind::Budget];

#[test]
fn nothing_is_cut_off_and_nothing_overlaps_in_any_shape() {
    for kind in OTHERS {
        for (shape, _) in Shape::ALL {
            for language in BOTH {
                is_sound(&made(kind, shape), language);
            }
        }
    }
}

#[test]
fn all_that_the_data_says_is_on_the_pages() {
    for kind in [Kind::Bandwidth, Kind::Coverage, Kind::Evaluation, Kind::Budget] {
        let report = made(kind, Shape::Small);
        let written = lay_out(&report, Language::Indonesian).text();
        let value = report.value().unwrap();
        let (mut texts, mut figures) = (Vec::new(), Vec::new());
        every_text(&value, "", &mut texts);
        every_figure(&value, "", &mut figures);
        assert!(texts.len() > 30 && figures.len() > 10, "{kind:?}: {} and {}", texts.len(), figures.len());
        for said in texts.iter().chain(&figures) {
            assert!(written.contains(&solid(said)), "{kind:?} left out: {said}");
        }
    }
}

/// The same words of a table's row, in order: a small figure is found anywhere on a page.
#[test]
fn rows_have_their_figures_in_their_columns() {
    let rows = [
        (
            Kind::Bandwidth,
            "rsud 269,5 GB 269.566.373.407 231 GB 231.056.891.492 61 % 299,5 MB 299.518.192 2027-01-12 02:00:00 6,7 GB 6.739.159.335 20 Mbit/s 30 hari 22:59:55 1.204",
        ),
        (Kind::Bandwidth, "kesbangpol 0 B – – 0 B – 00:00:00 0"),
        (Kind::Bandwidth, "12:00-13:00 7.500.001 bit/s"),
        (Kind::Coverage, "Desember 2026 31 25"),
        (Kind::Coverage, "3 1 7 2 4 3 2027-01-31 23:40:11 belum tercakup"),
        (Kind::Coverage, "0 0 0 0 0 0 belum pernah belum tercakup"),
        (Kind::Evaluation, "Februari 2026 22 / 32 94,12 % 18.226 9 1 212,8 GB 212.884.120.113"),
        (Kind::Evaluation, "Januari 2026 19 / 32 – 18.223 9 1 –"),
        (Kind::Evaluation, "strategis Pusat Data 14 1 jam 99,87 % 01:30:02 3×"),
        (Kind::Evaluation, "non-publik Pusat Data 61 berbeda-beda 94,20 % 1 hari 02:00:05 12×"),
        (Kind::Evaluation, "Uji pemulihan data 11 1 1 0"),
        (Kind::Evaluation, "Audit Pusat Data 11 Juni 2024 11 Juni 2026 lewat 235 hari"),
        (Kind::Evaluation, "Audit internal belum pernah – –"),
        (Kind::Evaluation, "kuantan-singingi-33-2020 17 1 4 2 3"),
        (
            Kind::Budget,
            "rekam-medis app-1 · strategis 268,4 GB 268.435.456.000 00:56:52 1 jam 1 hari 02:00:05 4 jam 2026-11-18",
        ),
        (Kind::Budget, "gizi gizi-1 – – – – – belum pernah"),
        (Kind::Budget, "Rumah Sakit Umum Daerah Teluk Kuantan rsud 3 2"),
    ];
    for (kind, row) in rows {
        assert!(lay_out(&made(kind, Shape::Small), Language::Indonesian).says(row), "{kind:?}: {row}");
    }
}

#[test]
fn of_what_nothing_is_known_a_report_says_so() {
    let words = [
        (Kind::Bandwidth, "Tidak ada batas kecepatan yang tercatat."),
        (Kind::Bandwidth, "Tidak ada lalu lintas harian yang tercatat."),
        (Kind::Coverage, "Tidak ada bulan yang terhitung dalam masa ini."),
        (Kind::Coverage, "Tidak ada OPD yang tercatat."),
        (Kind::Coverage, "Tidak ada tindakan supervisi yang tercatat dalam masa ini."),
        (Kind::Evaluation, "Tidak ada uji yang diumumkan dalam masa ini."),
        (Kind::Evaluation, "Tidak ada audit yang tercatat dalam masa ini."),
        (Kind::Evaluation, "Tidak ada gangguan serius yang dilaporkan dalam masa ini."),
        (Kind::Evaluation, "Tidak ada paket peraturan yang berlaku di situs ini."),
        (Kind::Evaluation, "Tidak ada ketentuan yang belum terpenuhi."),
        (Kind::Monthly, "Belum ada himpunan data yang dicadangkan."),
        (Kind::Monthly, "Tidak ada risiko yang tercatat."),
        (Kind::Budget, "Tidak ada kesenjangan yang tercatat."),
    ];
    for (kind, said) in words {
        assert!(lay_out(&made(kind, Shape::Empty), Language::Indonesian).says(said), "{kind:?}: {said}");
    }
}

#[test]
fn hundreds_of_offices_go_over_pages_and_each_has_the_heading() {
    for (kind, heading) in [(Kind::Bandwidth, "Jam tersibuk (WIB)"), (Kind::Coverage, "Titik terbaru (WIB)")] {
        let laid = lay_out(&made(kind, Shape::Large), Language::Indonesian);
        for i in [0, 1, 149, 299] {
            assert!(laid.says(&format!("perangkat-daerah-{i:03}")), "{kind:?} {i}");
        }
        let pages = (1..=laid.pages).filter(|page| laid.text_of(*page).contains(&solid(heading))).count();
        assert!(pages > 10, "{kind:?} {pages}");
    }
}

#[test]
fn hostile_text_is_text() {
    for (kind, language) in OTHERS.into_iter().flat_map(|kind| BOTH.map(|language| (kind, language))) {
        let laid = lay_out(&made(kind, Shape::Hostile), language);
        let written = laid.text();
        for text in [hostile::MARKUP, hostile::TURNED] {
            let found = written.matches(&solid(&printable::text(text))).count();
            assert!(found >= 2, "{kind:?} {found} times: {text}");
        }
        for raw in ['\u{202e}', '\u{2066}', '\u{200b}', '🔥', '\0'] {
            assert!(!laid.runs.iter().any(|run| run.text.contains(raw)), "{kind:?} {raw:?}");
        }
    }
}

#[test]
fn a_simulated_clock_marks_every_page() {
    for (kind, shape, marks) in OTHERS.into_iter().flat_map(|kind| [(kind, Shape::Large, 1), (kind, Shape::Small, 0)]) {
        let laid = lay_out(&made(kind, shape), Language::Indonesian);
        for page in 1..=laid.pages {
            let found = laid.runs.iter().filter(|run| run.page == page && run.turned && run.text == "UJI").count();
            assert_eq!(found, marks, "{kind:?} page {page}");
            assert_eq!(laid.text_of(page).contains("BUKANLAPORANRESMI"), marks == 1, "{kind:?} page {page}");
        }
    }
}

#[test]
fn a_budget_has_a_sheet_for_each_office_and_one_of_the_dinas() {
    let laid = lay_out(&made(Kind::Budget, Shape::Small), Language::Indonesian);
    let first = |heading: &str| (2..=laid.pages).find(|page| laid.text_of(*page).contains(&solid(heading))).unwrap();
    let sheets = ["4 Rumah Sakit Umum Daerah Teluk Kuantan", "5 kesbangpol", "6 Lembar Dinas: kebutuhan bersama"];
    assert_eq!(sheets.map(first), [2, 3, 4]);
    for page in 2..=4 {
        assert!(laid.text_of(page).contains("NIP"), "{page}");
    }
    // Each gap has a line for what it costs.
    assert_eq!(laid.text().matches("Program/koderekening").count(), 3);
}

#[test]
fn a_gap_is_on_the_same_page_as_the_line_for_its_costs() {
    let laid = lay_out(&made(Kind::Budget, Shape::Large), Language::Indonesian);
    let mut gaps = 0;
    for page in 1..=laid.pages {
        let text = laid.text_of(page);
        // One has a text so long that it goes over the page.
        if !text.contains("wajibmenyediakancadangan") {
            let found = text.matches("tidaklebihtuadarisasaran").count();
            assert_eq!(text.matches("Program/koderekening").count(), found, "page {page}");
            gaps += found;
        }
    }
    assert!(gaps > 150, "{gaps}");
}
