//! That nothing is cut off, nothing overlaps and nothing of the data is left out, whatever the data is.

use super::data::Continuity;
use super::placed::{is_sound, lay_out, solid};
use super::said::every_text;
use super::{crowded, example, hostile, report};
use crate::{Language, printable};

const BOTH: [Language; 2] = [Language::Indonesian, Language::English];

#[test]
fn all_that_the_data_says_is_on_the_pages() {
    let data = example::small();
    let written = is_sound(&data, Language::Indonesian).text();
    let mut texts = Vec::new();
    every_text(&report(&data).value().unwrap(), "", &mut texts);
    assert!(texts.len() > 150, "{}", texts.len());
    for text in texts {
        assert!(written.contains(&solid(&text)), "left out: {text}");
    }
    // Numbers, times and durations as they are said.
    for shown in [
        "10 Maret 2027, 09:00:00 WIB",
        "00:46:30,250",
        "1 hari 02:00:05",
        "268.435.456.000",
        "99,87 %",
        "168 km",
        "145 hari lagi",
        "112.004",
        "2027-03-02 09:25:40",
        "Rabu",
    ] {
        assert!(written.contains(&solid(shown)), "not as expected: {shown}");
    }
}

#[test]
fn a_report_of_which_nothing_is_known_says_so_in_each_part() {
    for language in BOTH {
        let laid = is_sound(&example::empty(), language);
        assert!((6..=10).contains(&laid.pages), "{}", laid.pages);
    }
    let laid = lay_out(&example::empty(), Language::Indonesian);
    for words in [
        "Belum ada pejabat penanda tangan yang tercatat.",
        "Tidak ada peraturan yang tercatat sebagai dasar uji.",
        "Belum ada situs yang tercatat.",
        "Belum pernah ada uji yang diumumkan.",
        "Tidak ada langkah yang tercatat.",
        "Tidak ada temuan.",
        "Tidak ada auditor yang menyatakan pendapat",
        "Tidak ada entri yang dirujuk.",
        "Tidak ada checkpoint.",
    ] {
        assert!(laid.says(words), "{words}");
    }
}

#[test]
fn hundreds_of_rows_and_long_names_go_over_pages() {
    let data = crowded::large();
    let laid = is_sound(&data, Language::Indonesian);
    assert!((100..=250).contains(&laid.pages), "{}", laid.pages);
    let written = laid.text();
    for i in [0, 1, 149, 298, 299] {
        assert!(written.contains(&format!("kecamatan-{i:03}")), "{i}");
    }
    // Of an annex over many pages each has the heading.
    let heading = "IndeksJenisWaktu(WIB)SHA-256";
    let pages = (1..=laid.pages).filter(|page| laid.text_of(*page).contains(heading)).count();
    assert!(pages > 8, "{pages}");
}

#[test]
fn the_largest_figures_fit() {
    for language in BOTH {
        let laid = is_sound(&crowded::vast(), language);
        let day =
            if language == Language::English { "104,249,991d08:59:00.991" } else { "104.249.991hari08:59:00,991" };
        assert!(laid.says(day));
    }
    let mut data = crowded::vast();
    data.rpo[1].worst_seconds = Some(1 << 53);
    let refused = crate::lay_out(&report(&data), Language::English).unwrap_err().to_string();
    assert!(refused.starts_with("`rpo.2.worst_seconds` is above"), "{refused}");
}

#[test]
fn a_simulated_clock_marks_every_page() {
    for (uji, marks) in [(true, 1), (false, 0)] {
        let data = Continuity { uji, ..example::small() };
        for language in BOTH {
            let laid = is_sound(&data, language);
            for page in 1..=laid.pages {
                let found = laid.runs.iter().filter(|run| run.page == page && run.turned && run.text == "UJI").count();
                assert_eq!(found, marks, "page {page}");
            }
        }
    }
    let data = Continuity { uji: true, ..example::small() };
    let laid = lay_out(&data, Language::Indonesian);
    assert!((1..=laid.pages).all(|page| laid.text_of(page).contains("BUKANLAPORANRESMI")));
}

#[test]
fn hostile_text_is_text() {
    let data = hostile::hostile();
    for language in BOTH {
        let laid = is_sound(&data, language);
        let written = laid.text();
        for text in [hostile::MARKUP, hostile::LONG, hostile::TURNED] {
            let shown = solid(&printable::text(text));
            let found = written.matches(&shown).count();
            // The same in each part; a few are broken by the end of a page.
            assert!(found > 25, "{found} times: {shown}");
        }
        for raw in ['\u{202e}', '\u{2066}', '\u{200b}', '🔥', '\0'] {
            assert!(!laid.runs.iter().any(|run| run.text.contains(raw)), "{raw:?}");
        }
    }
}

#[test]
fn each_page_names_the_report_its_checkpoint_its_number_and_its_data() {
    let data = example::small();
    let (document, hash) = crate::pdf::pages(&report(&data), Language::English).unwrap();
    let laid = super::placed::placed(&document);
    for page in 1..=laid.pages {
        let text = laid.text_of(page);
        assert!(text.contains(&format!("Page{page}of{}", laid.pages)), "{page}");
        assert!(text.contains(&hash[..16]), "{page}");
        if page > 1 {
            assert!(text.contains("ContinuityTestReport–KabupatenKuantanSingingi"), "{page}");
            assert!(text.contains("Checkpointdrc-14.09·48,291"), "{page}");
        }
    }
}
