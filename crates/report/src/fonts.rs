//! The typefaces that reports are set in. They are in the program: what stands on a page depends on no machine.

use std::sync::LazyLock;

use typst::foundations::Bytes;
use typst::text::{Font, FontBook};
use typst::utils::LazyHash;

/// For reading, and for hashes and names of machines.
const FAMILIES: [&str; 2] = ["Libertinus Serif", "DejaVu Sans Mono"];

pub struct Fonts {
    pub book: LazyHash<FontBook>,
    pub all: Vec<Font>,
}

pub static FONTS: LazyLock<Fonts> = LazyLock::new(|| {
    let every = typst_assets::fonts().flat_map(|bytes| Font::iter(Bytes::new(bytes)));
    let all: Vec<Font> = every.filter(|font| FAMILIES.contains(&font.info().family.as_str())).collect();
    Fonts { book: LazyHash::new(FontBook::from_fonts(&all)), all }
});

/// Whether a character has a glyph however it is set: in each weight and slope, in one family or the other.
pub fn have(c: char) -> bool {
    let style = |font: &Font| {
        let variant = font.info().variant;
        (variant.weight.to_number() > 400, format!("{:?}", variant.style) != "Normal")
    };
    [(false, false), (false, true), (true, false), (true, true)].iter().all(|wanted| {
        FONTS.all.iter().any(|font| {
            let (bold, slanted) = style(font);
            let same = (bold, slanted) == *wanted;
            same && font.info().coverage.contains(u32::from(c))
        })
    })
}
