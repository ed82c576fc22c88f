//! `docs/contracts/policy.md` and the code say the same.

use std::collections::BTreeSet;
use std::path::Path;

use pulih_policies::{Policy, Refused};

const DEFAULT: &str = include_str!("../default.toml");

/// What a class may say of drills, keys and copies.
const DRILLS: &str = "[class.publik.drills]\nverify = \"@weekly\"\nrestore = \"@monthly\"\napplication = \"@yearly\"\ndatasets = 7\nsample_percent = 5\n\
    window = \"12h\"\nwipe = \"passed\"\nlongest = \"90d\"\n[class.publik.recovery]\nleast = 2\n\
    [class.publik.copies]\nleast = 3\nfurther = \"35d\"\n[plan-drills.x]\nschedule = \"@yearly\"\nwindow = \"1d\"\n";

/// What a policy may say of vague words.
const DECISIONS: &str = r#"
    [decisions]
    far = { km = 50, date = "2026-08-01", by = "Kepala Diskominfo", decree = "050/12/2026" }
    promptly = { within = "24h", date = "2026-08-01", by = "Kepala Diskominfo", decree = "050/12/2026" }
    regularly = { within = "36h", date = "2026-08-01", by = "Kepala Diskominfo", decree = "050/12/2026" }
    rekey = { within = "30d", date = "2026-08-01", by = "Kepala Diskominfo", decree = "050/12/2026" }
    scrub = { within = "31d", date = "2026-08-01", by = "Kepala Diskominfo", decree = "050/12/2026" }
"#;

/// A file that says everything that can be said.
const EVERYTHING: &str = r#"
    [opd.x]
    schedules = ["@hourly"]
    windows = ["00:00-24:00"]
    jitter = "1m"
    excludes = ["*.tmp"]
    [opd.x.targets]
    rpo_pusat = "1h"
    rpo_drc = "2h"
    rto = "3h"
    [opd.x.keep]
    newest = 4
    hourly = "1h"
    daily = "1d"
    weekly = "1w"
    monthly = "1mo"
    yearly = "1y"
    [opd.x.limits]
    quota = "1KiB"
    share_percent = 1
    bandwidth = [{ hours = "07:00-08:00", rate = "1kbit/s" }]
"#;

fn page() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/policy.md")).unwrap()
}

fn section<'a>(page: &'a str, title: &str) -> &'a str {
    page.split(&format!("\n## {title}\n")).nth(1).unwrap().split("\n## ").next().unwrap()
}

/// The first and third columns of a section's tables.
fn rows<'a>(page: &'a str, title: &str) -> Vec<(&'a str, &'a str)> {
    let row = |line: &'a str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let name = cells.get(1)?.strip_prefix('`')?.strip_suffix('`')?;
        Some((name, cells.get(3).copied().unwrap_or_default()))
    };
    section(page, title).lines().filter_map(row).collect()
}

#[track_caller]
fn parse(text: &str) -> Policy {
    Policy::parse("policy", text.as_bytes()).unwrap_or_else(|refused| panic!("{refused}"))
}

fn refused(text: &str) -> Refused {
    Policy::parse("policy", text.as_bytes()).unwrap_err()
}

#[test]
fn the_page_lists_every_field() {
    let page = page();
    let on_page = |title| rows(&page, title).into_iter().map(|(name, _)| name.to_owned()).collect::<BTreeSet<_>>();
    let fields = parse(&format!("{DEFAULT}{EVERYTHING}{DRILLS}{DECISIONS}")).fields();
    let in_code = |prefix: &str| -> BTreeSet<String> {
        fields.keys().filter_map(|field| field.to_string().strip_prefix(prefix).map(str::to_owned)).collect()
    };
    let of_policy =
        |field: &String| !["class.", "opd.", "plan-drills.", "decisions."].iter().any(|part| field.starts_with(part));
    let mut policy: BTreeSet<String> = in_code("").into_iter().filter(of_policy).collect();
    policy.insert("type".to_owned());
    assert_eq!(on_page("Fields of the policy"), policy);
    let (class, limits): (BTreeSet<_>, BTreeSet<_>) =
        in_code("opd.x.").into_iter().partition(|f| !f.starts_with("limits."));
    assert_eq!(on_page("Fields of a class"), class);
    assert!(limits.is_subset(&policy));
    let drills: BTreeSet<String> =
        in_code("class.publik.").into_iter().filter(|field| field.starts_with("drills.")).collect();
    assert_eq!(on_page("Drills of a class"), drills);
    let counts = |field: &String| field.starts_with("recovery.") || field.starts_with("copies.");
    assert_eq!(on_page("Keys and copies of a class"), in_code("class.publik.").into_iter().filter(counts).collect());
    assert_eq!(on_page("Drills of a plan"), in_code("plan-drills.x."));
    // What each of them has is said once.
    let each = |field: String| {
        let (word, name) = field.split_once('.').unwrap_or_default();
        if ["date", "by", "decree"].contains(&name) { format!("*.{name}") } else { format!("{word}.{name}") }
    };
    assert_eq!(on_page("Decisions"), in_code("decisions.").into_iter().map(each).collect());
}

#[test]
fn what_is_needed_and_the_defaults_are_as_the_page_says() {
    let page = page();
    // A class with nothing but what is needed.
    let least = |class: &str| {
        format!(
            "[class.{class}]\nschedules = [\"@daily\"]\ntargets.rpo_pusat = \"2d\"\ntargets.rpo_drc = \"3d\"\n\
             targets.rto = \"1d\"\nkeep.monthly = \"1mo\"\nkeep.yearly = \"1y\"\n"
        )
    };
    let head = "type = \"pulih/policy/v1\"\nname = \"x\"\nversion = 1\ntime_zone = \"Asia/Jayapura\"\napprovals.max_age = \"1y\"\n";
    let text = format!("{head}{}{}{}", least("strategis"), least("non-publik"), least("publik"));
    let policy = parse(&text);
    let fields = policy.fields();
    let value = |name: &str| {
        let of_class = fields.iter().find(|(field, _)| field.to_string() == format!("class.publik.{name}"));
        of_class.map(|(_, value)| value.to_string())
    };
    for (name, needed) in rows(&page, "Fields of a class") {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} = ")));
        let expected = match needed {
            "yes" => {
                let without = text.replace(line.unwrap_or_else(|| panic!("{name}")), "");
                let refused = refused(&without);
                let last = name.split('.').next_back().unwrap();
                assert!(refused.to_string().contains(&format!("`{last}` is missing")), "{refused}");
                continue;
            }
            "default: not kept" => None,
            "default: all day" | "default: none" => Some("[]".to_owned()),
            other => Some(other.strip_prefix("default: ").unwrap().trim_matches('`').to_owned()),
        };
        assert!(line.is_none(), "{name}");
        assert_eq!(value(name), expected, "{name}");
    }
    for (name, needed) in rows(&page, "Fields of the policy") {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} = ")));
        assert_eq!(line.is_some(), needed == "yes", "{name}");
        if let Some(line) = line {
            assert_eq!(refused(&text.replace(line, "")).problems[0].kind.code(), "missing", "{name}");
        }
    }
    assert_eq!((policy.quota("x"), policy.bits_per_second("x", 0)), (None, None));
}

#[test]
fn each_code_on_the_page_has_a_file_that_earns_it() {
    let with = |old: &str, new: &str| {
        assert!(DEFAULT.contains(old), "{old}");
        DEFAULT.replacen(old, new, 1).into_bytes()
    };
    let and = |text: &str| format!("{DEFAULT}\n{text}\n").into_bytes();
    let many = (0..2001).map(|n| format!("[opd.o{n}]\n")).collect::<Vec<_>>().concat();
    let earned: Vec<(&str, Vec<u8>)> = vec![
        ("file-too-large", vec![b'#'; (1 << 20) + 1]),
        ("not-text", b"\xff".to_vec()),
        ("syntax", with("version = 1", "version 1")),
        ("too-deep", and("a = {a={a={a={a={}}}}}")),
        ("forbidden", and("[opd.x]\nrecipients = []")),
        ("unknown-field", and("[opd.x]\nrto = '1h'")),
        ("missing", with("version = 1\n", "")),
        ("wrong-type", with("version = 1", "version = '1'")),
        ("type", with("policy/v1", "policy/v2")),
        ("name", and("[opd.X]")),
        ("time-zone", with("Asia/Jakarta\"", "Asia/Pontianak\"")),
        ("quantity", with("\"1TiB\"", "\"1TB\"")),
        ("number", with("share_percent = 50", "share_percent = 101")),
        ("hours", with("\"18:00-06:00\"", "\"18-06\"")),
        ("schedule", with("\"30 1 * * *\"", "\"30 1 30 2 *\"")),
        ("exclude", with("\"*.tmp\"", "\"*\"")),
        ("count", with("[\"30 1 * * *\"]", "[]")),
        ("overlap", with("\"17:00-07:00\"", "\"16:59-07:00\"")),
        ("too-many-overrides", and(&many)),
        ("keep-too-short", with("hourly = \"3d\"", "hourly = \"59m\"")),
        ("jitter", with("jitter = \"1h\"", "jitter = \"13h\"")),
        ("drc-before-pusat", with("rpo_drc = \"8h\"", "rpo_drc = \"3h\"")),
        ("schedule-misses-rpo", with("0 */2 * * *", "0 */5 * * *")),
        ("drill-window", and("[class.publik.drills]\nwindow = \"59m\"")),
        ("drill-wipe", and("[class.strategis.drills]\nwipe = \"passed\"")),
        ("copies", and("[class.publik.copies]\nfurther = \"35d\"")),
        ("date", and(&DECISIONS.replacen("2026-08-01", "2026-02-30", 1))),
        ("text", and(&DECISIONS.replacen("050/12/2026", " ", 1))),
    ];
    for (code, bytes) in &earned {
        let refused = Policy::parse("policy", bytes).expect_err(code);
        let codes: Vec<_> = refused.problems.iter().map(|problem| problem.kind.code()).collect();
        assert_eq!(codes, [*code], "{refused}");
        assert!(!refused.problems[0].kind.remedy().is_empty());
    }
    let page = page();
    let on_page: Vec<&str> = rows(&page, "Errors").into_iter().map(|(code, _)| code).collect();
    assert_eq!(on_page, earned.iter().map(|(code, _)| *code).collect::<Vec<_>>());
}

#[test]
fn a_decision_without_its_decree_or_with_another_words_unit_is_refused() {
    let codes = |text: &str| -> Vec<&str> {
        refused(&format!("{DEFAULT}\n{text}\n")).problems.iter().map(|its| its.kind.code()).collect()
    };
    assert_eq!(codes("[decisions.far]\nkm = 50\ndate = '2026-08-01'\nby = 'x'"), ["missing"]);
    assert_eq!(
        codes("[decisions.far]\nwithin = '24h'\ndate = '2026-08-01'\nby = 'x'\ndecree = 'y'"),
        ["missing", "unknown-field"]
    );
    assert_eq!(codes("[decisions.scrub]\nwithin = 31\ndate = '2026-08-01'\nby = 'x'\ndecree = 'y'"), ["wrong-type"]);
    assert_eq!(codes("[decisions.far]\nkm = 20001\ndate = '2026-08-01'\nby = 'x'\ndecree = 'y'"), ["number"]);
    assert_eq!(codes("[decisions.fast]\nwithin = '24h'"), ["unknown-field"]);
    // It changes what is said of backups, and no backup.
    let (old, new) = (parse(DEFAULT), parse(&format!("{DEFAULT}{DECISIONS}")));
    let changes = pulih_policies::diff(&old, &new);
    assert!(changes.len() == 20 && changes.iter().all(|its| its.weakens.is_none()));
    assert!(new.canonical_json().contains(
        r#""decisions":{"far":{"by":"Kepala Diskominfo","date":"2026-08-01","decree":"050/12/2026","km":50}"#
    ));
}

#[test]
fn the_canonical_form_is_the_one_on_the_page() {
    let policy = parse(&format!("{DEFAULT}{EVERYTHING}"));
    let json = policy.canonical_json();
    assert!(json.contains("\"publik\":{\"excludes\":[") && json.contains("\"jitter\":3600,"), "{json}");
    assert!(json.contains(
        r#""limits":{"bandwidth":[{"bits_per_second":1000,"hours":"07:00-08:00"}],"quota":1024,"share_percent":1}"#
    ));
    assert!(json.ends_with(r#""time_zone":"Asia/Jakarta","type":"pulih/policy/v1","version":1}"#), "{json}");
    // Sorted and without spaces: what a parser that sorts prints again.
    let value: serde_json::Value = serde_json::from_str(&json).unwrap();
    let sorted = |value: &serde_json::Value| value.as_object().unwrap().keys().map(String::as_str).is_sorted();
    assert!(sorted(&value) && sorted(&value["class"]) && sorted(&value["opd"]["x"]["keep"]));
    // How it is written makes no difference.
    let other = DEFAULT
        .replace("\"0 */2 * * *\"", "'0  */2 * * *'")
        .replace("\"4h\"", "\"240 m\"")
        .replace("version = 1", "version = 0x1 # satu")
        .replace('\n', "\r\n");
    assert_eq!(parse(DEFAULT).hash(), parse(&other).hash());
    assert_ne!(parse(DEFAULT).hash(), parse(&DEFAULT.replace("jitter = \"1h\"", "jitter = \"2h\"")).hash());
}

/// Frozen: what was signed once must have the same hash for ever. If this fails, the canonical
/// form has changed, and every signature over a policy with it.
#[test]
fn the_hash_of_a_policy_does_not_change() {
    let text = include_str!("frozen-v1.toml");
    assert_eq!(parse(text).hash().to_hex().as_str(), include_str!("frozen-v1.b3").trim());
}
