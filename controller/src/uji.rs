//! The mark of a build for trials: its clock can be a file that a test moves, and whatever its ledgers sign says so by
//! their origin. Such a ledger is never taken for a site's evidence, and no other build writes to it.

#[cfg(not(feature = "uji"))]
use std::sync::OnceLock;
#[cfg(feature = "uji")]
use std::sync::atomic::{AtomicI64, Ordering};
#[cfg(not(feature = "uji"))]
use std::time::Instant;

use pulih_ledger::ids::SiteId;
#[cfg(not(feature = "uji"))]
pub use pulih_vault::utc::now;

/// Whether this is such a build.
pub const IS_UJI: bool = cfg!(feature = "uji");
/// What every command of it says first.
pub const WARNING: &str = "UJI: this build's clock is not the world's; nothing that it writes is evidence of anything";
const MARKED: &str = "pulih-ledger-uji/";
const PLAIN: &str = "pulih-ledger/";

/// The name of the key, and so the origin of the ledger, of a site that this build makes.
pub fn origin(site: &SiteId) -> String {
    format!("{}{site}", if IS_UJI { MARKED } else { PLAIN })
}

/// The site of a ledger's origin, and whether it is marked.
pub fn site_of(origin: &str) -> Option<(SiteId, bool)> {
    let marked = origin.strip_prefix(MARKED).map(|site| (site, true));
    let (site, is_uji) = marked.or_else(|| origin.strip_prefix(PLAIN).map(|site| (site, false)))?;
    Some((site.parse().ok()?, is_uji))
}

/// Why this build does not write to a ledger of this origin, if it does not.
pub fn refusal(origin: &str) -> Option<&'static str> {
    match (origin.starts_with(MARKED), IS_UJI) {
        (true, false) => Some("it was made by a build for trials (uji), and is read and verified alone"),
        (false, true) => Some("this is a build for trials (uji), and the ledger is a site's own"),
        _ => None,
    }
}

/// Seconds since 1970, by the file that `PULIH_UJI_CLOCK` names (RFC 3339); without one by the world's clock. While
/// the file cannot be read, as it is written, time stands still.
#[cfg(feature = "uji")]
pub fn now() -> i64 {
    static LAST: AtomicI64 = AtomicI64::new(i64::MIN);
    let Some(file) = std::env::var_os("PULIH_UJI_CLOCK") else { return pulih_vault::utc::now() };
    let text = std::fs::read_to_string(file).unwrap_or_default();
    if let Some(now) = pulih_vault::utc::parse(text.trim()) {
        LAST.store(now, Ordering::Relaxed);
        return now;
    }
    match LAST.load(Ordering::Relaxed) {
        i64::MIN => pulih_vault::utc::now(),
        last => last,
    }
}

/// Seconds by a clock that nobody sets. A build for trials has none but the one that is moved.
#[cfg(feature = "uji")]
pub fn steady() -> i64 {
    now()
}

/// Seconds by a clock that nobody sets, and that stands while the machine sleeps.
#[cfg(not(feature = "uji"))]
pub fn steady() -> i64 {
    static BEGAN: OnceLock<Instant> = OnceLock::new();
    BEGAN.get_or_init(Instant::now).elapsed().as_secs() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_says_whose_it_is_and_whether_it_is_marked() {
        let site: SiteId = "drc-33.19".parse().unwrap();
        assert_eq!(site_of("pulih-ledger/drc-33.19"), Some((site.clone(), false)));
        assert_eq!(site_of("pulih-ledger-uji/drc-33.19"), Some((site.clone(), true)));
        assert_eq!(site_of("pulih-ledger-uji"), None);
        assert_eq!(site_of("pulih-ledger/"), None);
        assert_eq!(site_of(&origin(&site)), Some((site.clone(), IS_UJI)));
        assert!(refusal(&origin(&site)).is_none());
        let other = if IS_UJI { "pulih-ledger/drc-33.19" } else { "pulih-ledger-uji/drc-33.19" };
        assert!(refusal(other).is_some());
    }
}
