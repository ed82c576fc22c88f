//! Sentences of reports, in both languages: how long, how many.

use pulih_report::data::Both;

const UNITS: [(u64, &str, &str); 4] =
    [(86_400, "hari", "day"), (3600, "jam", "hour"), (60, "menit", "minute"), (1, "detik", "second")];

/// The two largest units of it, rounded up: of what may be lost, and for how long, no less is said than there is.
pub fn span(seconds: u64) -> Both {
    let first = UNITS.iter().position(|(unit, ..)| seconds >= *unit).unwrap_or(UNITS.len() - 1);
    let smallest = UNITS.get(first + 1).map_or(1, |(unit, ..)| *unit);
    let mut rest = seconds.div_ceil(smallest) * smallest;
    let (mut id, mut en) = (Vec::new(), Vec::new());
    for (unit, its, their) in UNITS {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            id.push(format!("{count} {its}"));
            en.push(format!("{count} {their}{}", if count == 1 { "" } else { "s" }));
        }
    }
    if id.is_empty() {
        return Both::new("0 detik", "0 seconds");
    }
    Both::new(id.join(" "), en.join(" "))
}

/// `1 dataset`, `2 datasets`.
pub fn plural(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_never_shorter_than_they_are() {
        let said = |seconds| span(seconds).en;
        assert_eq!(said(0), "0 seconds");
        assert_eq!(said(59), "59 seconds");
        assert_eq!(said(61), "1 minute 1 second");
        assert_eq!(said(3599), "59 minutes 59 seconds");
        assert_eq!(said(3601), "1 hour 1 minute");
        assert_eq!(said(2 * 86_400 - 1), "2 days");
        assert_eq!(span(3 * 86_400 + 4 * 3600).id, "3 hari 4 jam");
    }
}
