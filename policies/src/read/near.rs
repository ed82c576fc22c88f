//! The known key that was probably meant.

/// A key that needs so few changes of a letter is taken for a slip.
const MOST_CHANGES: usize = 2;
const MAX_CHARS: usize = 40;

pub fn nearest(key: &str, known: &[&'static str]) -> Option<&'static str> {
    let plain = |key: &str| key.to_lowercase().replace('-', "_").chars().collect::<Vec<_>>();
    let key = plain(key);
    if key.len() > MAX_CHARS {
        return None;
    }
    let near = |name: &&'static str| {
        let name = plain(name);
        // A letter more or less may be wrong in three.
        (changes(&key, &name), MOST_CHANGES.min(name.len() / 3 + 1))
    };
    let scored = known.iter().map(|name| (near(name), *name));
    scored.filter(|((changes, most), _)| changes <= most).min_by_key(|((changes, _), _)| *changes).map(|(_, name)| name)
}

/// How many letters must be added, taken away or replaced to make one of the other.
fn changes(a: &[char], b: &[char]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_what_was_meant() {
        let known = &["rpo_pusat", "rpo_drc", "rto", "schedules", "non-publik"];
        for (key, near) in [
            ("rpo-pusat", Some("rpo_pusat")),
            ("rpo_pust", Some("rpo_pusat")),
            ("RTO", Some("rto")),
            ("schedule", Some("schedules")),
            ("nonpublik", Some("non-publik")),
            ("colour", None),
            ("x", None),
            ("", None),
        ] {
            assert_eq!(nearest(key, known), near, "{key}");
        }
        assert_eq!(nearest(&"x".repeat(1_000_000), known), None);
    }
}
