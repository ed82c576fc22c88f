//! What a comparison of two policies says, and what it says weakens.

use proptest::prelude::*;
use pulih_policies::{Change, Policy, diff};

const DEFAULT: &str = include_str!("../default.toml");

#[track_caller]
fn parse(text: &str) -> Policy {
    Policy::parse("policy", text.as_bytes()).unwrap_or_else(|refused| panic!("{refused}"))
}

fn next(text: &str) -> String {
    text.replacen("version = 1", "version = 2", 1)
}

fn line(change: &Change) -> String {
    let said = |value: &Option<_>| {
        value.as_ref().map_or_else(|| "-".to_owned(), |value: &pulih_policies::Value| value.to_string())
    };
    let weakens = change.weakens.map_or_else(String::new, |why| format!(" ({why})"));
    format!("{}: {} -> {}{weakens}", change.field, said(&change.old), said(&change.new))
}

/// The changes from one text to the next version with another piece of text, without the version.
#[track_caller]
fn changes(before: &str, old: &str, new: &str) -> Vec<String> {
    assert!(before.contains(old), "{old}");
    let after = next(&before.replacen(old, new, 1));
    let changes = diff(&parse(before), &parse(&after));
    changes.iter().map(line).filter(|line| line != "version: 1 -> 2").collect()
}

#[test]
fn each_change_says_what_it_does() {
    for (old, new, expected) in [
        ("rpo_pusat = \"4h\"", "rpo_pusat = \"5h\"", "class.strategis.targets.rpo_pusat: 4h -> 5h (more may be lost)"),
        ("rpo_pusat = \"4h\"", "rpo_pusat = \"3h\"", "class.strategis.targets.rpo_pusat: 4h -> 3h"),
        ("rpo_drc = \"48h\"", "rpo_drc = \"96h\"", "class.non-publik.targets.rpo_drc: 2d -> 4d (more may be lost)"),
        ("rto = \"72h\"", "rto = \"96h\"", "class.publik.targets.rto: 3d -> 4d (recovery may take longer)"),
        ("newest = 6", "newest = 5", "class.strategis.keep.newest: 6 -> 5 (fewer points are kept)"),
        ("hourly = \"3d\"\n", "", "class.strategis.keep.hourly: 3d -> - (points are kept for less long)"),
        ("daily = \"14d\"", "daily = \"15d\"", "class.publik.keep.daily: 14d -> 15d"),
        ("daily = \"14d\"", "daily = \"13d\"", "class.publik.keep.daily: 14d -> 13d (points are kept for less long)"),
        ("daily = \"14d\"", "daily = \"14d\"\nweekly = \"8w\"", "class.publik.keep.weekly: - -> 56d"),
        (
            "yearly = \"10y\"",
            "yearly = \"9y\"",
            "class.strategis.keep.yearly: 10y -> 9y (points are kept for less long)",
        ),
        (
            "[\"30 1 * * *\"]",
            "[\"30 1 * * 1-6\"]",
            "class.publik.schedules: [\"30 1 * * *\"] -> [\"30 1 * * 1-6\"] (backups may come further apart)",
        ),
        ("[\"30 1 * * *\"]", "[\"30 2 * * *\"]", "class.publik.schedules: [\"30 1 * * *\"] -> [\"30 2 * * *\"]"),
        ("[\"18:00-06:00\"]", "[\"02:00-03:00\"]", "class.publik.windows: [\"18:00-06:00\"] -> [\"02:00-03:00\"]"),
        ("jitter = \"1h\"", "jitter = \"2h\"", "class.publik.jitter: 1h -> 2h (backups may come further apart)"),
        (
            "excludes = [\"*.tmp\", \"~$*\"",
            "excludes = [\"*.tmp\", \"*.log\", \"~$*\"",
            "class.non-publik.excludes: [\"*.tmp\", \"~$*\", \".Trash-*/\"] -> \
             [\"*.tmp\", \"*.log\", \"~$*\", \".Trash-*/\"] (more is left out of backups)",
        ),
        ("quota = \"1TiB\"", "quota = \"512GiB\"", "limits.quota: 1TiB -> 512GiB (less may be stored)"),
        ("quota = \"1TiB\"\n", "", "limits.quota: 1TiB -> -"),
        ("share_percent = 50", "share_percent = 49", "limits.share_percent: 50 -> 49 (less may arrive)"),
        ("share_percent = 50\n", "", "limits.share_percent: 50 -> -"),
        (
            "\"500Mbit/s\"",
            "\"400Mbit/s\"",
            "limits.bandwidth: [\"07:00-17:00 100Mbit/s\", \"17:00-07:00 500Mbit/s\"] -> \
             [\"07:00-17:00 100Mbit/s\", \"17:00-07:00 400Mbit/s\"] (less may arrive)",
        ),
        ("max_age = \"2y\"", "max_age = \"3y\"", "approvals.max_age: 2y -> 3y (staler approvals count)"),
        ("name = \"kabupaten\"", "name = \"lain\"", "name: kabupaten -> lain"),
        ("\"Asia/Jakarta\"\n", "\"Asia/Makassar\"\n", "time_zone: Asia/Jakarta -> Asia/Makassar"),
    ] {
        assert_eq!(changes(DEFAULT, old, new), [expected]);
    }
}

#[test]
fn a_version_that_does_not_rise_weakens() {
    let (old, new) = (parse(&next(DEFAULT)), parse(DEFAULT));
    let changes: Vec<String> = diff(&old, &new).iter().map(line).collect();
    assert_eq!(changes, ["version: 2 -> 1 (an older version takes the place of a newer one)"]);
    assert_eq!(diff(&old, &old), []);
}

#[test]
fn what_holds_counts_and_not_what_is_written() {
    let exception = format!("{DEFAULT}\n[opd.x]\nkeep = {{ daily = '60d' }}\n");
    // Taken out, the class holds, which keeps less; in publik least of all.
    assert_eq!(
        changes(&exception, "\n[opd.x]\nkeep = { daily = '60d' }\n", ""),
        ["opd.x.keep.daily: 60d -> - (points are kept for less long)"]
    );
    // Put in, it keeps more in each class.
    assert_eq!(
        changes(&format!("{DEFAULT}#end"), "#end", "\n[opd.x]\nkeep = { daily = '60d' }\n"),
        ["opd.x.keep.daily: - -> 60d"]
    );
    // More than publik, less than the others.
    assert_eq!(
        changes(&format!("{DEFAULT}#end"), "#end", "\n[opd.x.dataset.y]\nkeep = { daily = '20d' }\n"),
        ["opd.x.dataset.y.keep.daily: - -> 20d (points are kept for less long)"]
    );
    // The dataset already says otherwise: for it nothing changes, for others of the OPD it does.
    let dataset = format!("{DEFAULT}\n[opd.x]\njitter = '1m'\n[opd.x.dataset.y]\njitter = '2m'\n");
    assert_eq!(changes(&dataset, "jitter = '1m'\n", ""), ["opd.x.jitter: 1m -> - (backups may come further apart)"]);
    // An OPD whose own quota was below the general one loses nothing with it.
    let quota = format!("{DEFAULT}\n[opd.x]\nlimits = {{ quota = '1GiB' }}\n");
    assert_eq!(changes(&quota, "\n[opd.x]\nlimits = { quota = '1GiB' }\n", ""), ["opd.x.limits.quota: 1GiB -> -"]);
    assert_eq!(
        changes(&format!("{DEFAULT}#end"), "#end", "\n[opd.x]\nlimits = { quota = '1GiB' }\n"),
        ["opd.x.limits.quota: - -> 1GiB (less may be stored)"]
    );
}

fn some_policy() -> impl Strategy<Value = String> {
    let days = |least: u32| least..2000u32;
    (
        1u32..9,
        days(31),
        days(366),
        prop::option::of(days(1)),
        25u32..100,
        0u32..60,
        prop::option::of(days(1)),
        1u32..100,
    )
        .prop_map(|(version, monthly, yearly, daily, rpo, jitter, of_office, share)| {
            let mut text = DEFAULT
                .replacen("version = 1", &format!("version = {version}"), 1)
                .replacen("monthly = \"24mo\"", &format!("monthly = \"{monthly}d\""), 1)
                .replacen("yearly = \"10y\"", &format!("yearly = \"{yearly}d\""), 1)
                .replacen("rpo_pusat = \"48h\"", &format!("rpo_pusat = \"{}h\"", rpo.min(72)), 1)
                .replacen("jitter = \"1h\"", &format!("jitter = \"{}m\"", jitter + 1), 1)
                .replacen("share_percent = 50", &format!("share_percent = {share}"), 1);
            if let Some(daily) = daily {
                text = text.replacen("daily = \"14d\"", &format!("daily = \"{daily}d\""), 1);
            }
            let exception = of_office.map(|daily| format!("\n[opd.x]\nkeep = {{ daily = '{daily}d' }}\n"));
            text + &exception.unwrap_or_default()
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_change_that_weakens_one_way_does_not_the_other_way(a in some_policy(), b in some_policy()) {
        let (a, b) = (parse(&a), parse(&b));
        let (there, back) = (diff(&a, &b), diff(&b, &a));
        prop_assert_eq!(there.len(), back.len());
        prop_assert_eq!(there.is_empty(), a.hash() == b.hash());
        for (there, back) in there.iter().zip(&back) {
            prop_assert_eq!((&there.field, &there.old, &there.new), (&back.field, &back.new, &back.old));
            // An exception may weaken one class and strengthen another; a class cannot.
            let plain = !there.field.to_string().starts_with("opd.");
            prop_assert!(!plain || there.weakens.is_none() || back.weakens.is_none());
        }
    }
}
