//! That the regent's page is one page, and says what the data says.

use super::data::{Monthly, Tonight};
use super::monthly;
use super::placed::{is_sound, lay_out};
use super::shapes::{Shape, made};
use super::{Kind, report};
use crate::Language;

const BOTH: [Language; 2] = [Language::Indonesian, Language::English];

#[test]
fn it_is_one_page_whatever_the_data_is() {
    for (shape, _) in Shape::ALL {
        for language in BOTH {
            assert_eq!(is_sound(&made(Kind::Monthly, shape), language).pages, 1, "{shape:?} {language:?}");
        }
    }
}

fn says(tonight: Tonight, indonesian: &str, english: &str) {
    let data = Monthly { tonight, ..monthly::small() };
    for (language, sentence) in [(Language::Indonesian, indonesian), (Language::English, english)] {
        assert!(lay_out(&data, language).says(sentence), "{sentence}");
    }
}

#[test]
fn its_sentence_says_what_comes_back_and_what_is_lost() {
    let tonight = monthly::small().tonight;
    says(
        tonight.clone(),
        "Jika Pusat Data hilang malam ini, 118 dari 120 himpunan data dapat dikembalikan dari Pusat Pemulihan Bencana \
         (DRC); sisanya hilang. Dari yang kembali, pekerjaan yang hilang paling lama 1 hari 2 jam 5 detik. \
         Mengembalikan semuanya diperkirakan memakan waktu 14 jam 12 menit 45 detik.",
        "If the data centre were lost tonight, 118 of 120 datasets could be brought back from the disaster recovery \
         centre (DRC); the rest would be lost. Of what comes back, at most 1 day 2 hours 5 seconds of work would be \
         lost. Bringing all of it back is forecast to take 14 hours 12 minutes 45 seconds.",
    );
    says(
        Tonight { recoverable: 120, worst_seconds: None, worst_dataset: String::new(), forecast_ms: None, ..tonight },
        "seluruh 120 himpunan data dapat dikembalikan dari Pusat Pemulihan Bencana (DRC). Berapa lama pekerjaan yang \
         hilang tidak diketahui. Berapa lama pengembaliannya belum pernah diukur.",
        "all 120 datasets could be brought back from the disaster recovery centre (DRC). How much work would be lost \
         is not known. How long that takes was never measured.",
    );
    let none = Tonight { recoverable: 0, worst_seconds: Some(9), ..monthly::small().tonight };
    let laid = lay_out(&Monthly { tonight: none, ..monthly::small() }, Language::Indonesian);
    assert!(laid.says("0 dari 120 himpunan data") && !laid.says("pekerjaan yang hilang paling lama"));
}

#[test]
fn its_figures_are_those_of_the_data() {
    let laid = lay_out(&monthly::small(), Language::Indonesian);
    let hash = crate::json::sha256(report(&monthly::small()).to_json().unwrap().as_bytes());
    assert!(laid.says(&format!("Checkpoint: drc-14.09 · 48.291 | pusat-14.09 · 112.004 Hash data (SHA-256): {hash}")));
    for said in [
        "118 / 120 Himpunan data dapat kembali",
        "1 hari 02:00:05 Pekerjaan yang hilang, paling lama",
        "14:12:44,250 Sampai semuanya kembali (perkiraan)",
        "Kehilangan terbesar: arsip-surat (setda-1), Sekretariat Daerah",
        "27 / 32 OPD tercakup bulan sebelumnya: 25",
        "98,71 % Dalam sasaran bulan sebelumnya: 94,12 %",
        "9 / 1 Uji berhasil / gagal terakhir berhasil: 28 Januari 2027",
        "Uji berkala oleh auditor 4 Maret 2026 4 Maret 2028 396 hari lagi",
        "2. Audit Pusat Data terlambat 235 hari.",
        "1. Memerintahkan lima OPD mendaftarkan servernya sebelum akhir Februari 2027.",
        "Pasal 21 ayat (3) Peraturan Bupati Kaur",
        "Siti Rahayu, S.Kom., M.T.",
    ] {
        assert!(laid.says(said), "{said}");
    }
}

#[test]
fn a_text_that_is_too_long_ends_in_an_ellipsis_and_the_page_says_where_all_of_it_is() {
    let data = monthly::large();
    let laid = lay_out(&data, Language::Indonesian);
    assert!(laid.says("bila Pusat Data hilang, keduanya hilang. Dua himpunan data Badan"));
    assert!(!laid.says(data.risks[0].id.trim()));
    assert!(laid.says("5. Audit") && !laid.says("6. Lima"));
    assert!(laid.text().matches('…').count() >= 8);
    assert!(laid.says("Data JSON yang terbit bersama halaman ini memuat semuanya secara utuh."));
}
