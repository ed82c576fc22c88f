//! What a policy file may say, what it may not, and how it is told.

use pulih_policies::{Class, MAX_BYTES, MAX_OVERRIDES, Policy, Refused, Zone};

const DEFAULT: &str = include_str!("../default.toml");

fn parse(text: &str) -> Result<Policy, Refused> {
    Policy::parse("kebijakan.toml", text.as_bytes())
}

/// The default policy with one piece of text in place of another.
#[track_caller]
fn with(old: &str, new: &str) -> String {
    assert!(DEFAULT.contains(old), "{old}");
    DEFAULT.replacen(old, new, 1)
}

#[track_caller]
fn refused(text: &str) -> Refused {
    parse(text).expect_err("this is a policy")
}

/// Each problem as its code and field.
fn told(refused: &Refused) -> Vec<(&str, &str)> {
    refused.problems.iter().map(|problem| (problem.kind.code(), problem.field.as_str())).collect()
}

#[test]
fn the_default_is_a_policy_and_says_what_it_means() {
    let policy = parse(DEFAULT).unwrap_or_else(|refused| panic!("{refused}"));
    assert_eq!((policy.name.as_str(), policy.version, policy.zone), ("kabupaten", 1, Zone::Jakarta));
    let rules = policy.rules(Class::Strategis, "dukcapil", "files").unwrap();
    assert_eq!(rules.targets.rpo_pusat.to_string(), "4h");
    assert_eq!((rules.keep.newest, rules.keep.yearly.to_string()), (6, "10y".to_owned()));
    let noon = 1_795_305_600 + 5 * 3600; // 2026-11-22 12:00 WIB
    let next = policy.rules(Class::Publik, "dukcapil", "web").unwrap().timetable(policy.zone).next_three(noon);
    assert_eq!(next, ["Mon 2026-11-23 01:30 WIB", "Tue 2026-11-24 01:30 WIB", "Wed 2026-11-25 01:30 WIB"]);
    // What is commented out in it must be right as well.
    let parts = DEFAULT.split("untuk memakainya:").skip(1).map(|part| part.split("\n# ----").next().unwrap());
    let examples = parts.collect::<String>().replace("\n# ", "\n").replace("\n#\n", "\n");
    let policy = parse(&format!("{DEFAULT}\n{examples}")).unwrap_or_else(|refused| panic!("{refused}"));
    let siak = policy.rules(Class::Strategis, "dukcapil", "siak-db").unwrap();
    assert_eq!((siak.targets.rpo_pusat.to_string(), siak.targets.rto.to_string()), ("1h".to_owned(), "8h".to_owned()));
    assert_eq!(policy.quota("dukcapil").unwrap().to_string(), "4TiB");
    assert_eq!(policy.quota("dinkes").unwrap().to_string(), "1TiB");
    assert_eq!(policy.decisions.len(), pulih_policies::Word::ALL.len());
}

#[test]
fn the_nearest_value_counts() {
    let text = format!(
        "{DEFAULT}
        [opd.dinkes]
        jitter = '1m'
        excludes = ['*.bak']
        limits = {{ share_percent = 10, bandwidth = [{{ hours = '06:00-20:00', rate = '2Mbit/s' }}] }}
        [opd.dinkes.dataset.\"rekam.medis\"]
        jitter = '2m'
        keep = {{ daily = '90d' }}
        [opd.dinkes.dataset.identity]
        jitter = '3m'"
    );
    let policy = parse(&text).unwrap_or_else(|refused| panic!("{refused}"));
    let rules = |dataset| policy.rules(Class::NonPublik, "dinkes", dataset).unwrap();
    assert_eq!(rules("rekam.medis").jitter.to_string(), "2m");
    assert_eq!(rules("rekam.medis").keep.daily.unwrap().to_string(), "90d");
    assert_eq!(rules("rekam.medis").keep.weekly.unwrap().to_string(), "91d");
    assert_eq!(rules("rekam.medis").excludes[0].as_str(), "*.bak");
    assert_eq!(rules("other").jitter.to_string(), "1m");
    assert_eq!(policy.rules(Class::NonPublik, "other", "rekam.medis").unwrap().jitter.to_string(), "30m");
    // By day 2 Mbit/s is less than a tenth of 100; by night there is only the share.
    assert_eq!(policy.bits_per_second("dinkes", 12 * 60), Some(2_000_000));
    assert_eq!(policy.bits_per_second("dinkes", 22 * 60), Some(50_000_000));
    assert_eq!(policy.bits_per_second("other", 22 * 60), Some(250_000_000));
}

#[test]
fn a_problem_shows_its_place_and_what_to_do() {
    let text = with("rpo_pusat = \"4h\"", "rpo_pusat = \"4 jam\"");
    let line = text.lines().position(|line| line.contains("4 jam")).unwrap() + 1;
    let said = refused(&text).to_string();
    let expected = format!(
        "kebijakan.toml is no policy: 1 thing is wrong\n\
         kebijakan.toml:{line}:13: class.strategis.targets.rpo_pusat: \"4 jam\" has no unit that is known here\n  \
         {line} | rpo_pusat = \"4 jam\" # dihitung dari titik pemulihan di Pusat Data\n     \
         |             ^^^^^^^\n     \
         = write a whole number and its unit: durations m, h, d, w, mo or y"
    );
    assert!(said.starts_with(&expected), "{said}\n--\n{expected}");
}

#[test]
fn columns_count_characters_and_long_lines_are_cut() {
    let text = with("name = \"kabupaten\"", &format!("name = {{ \"é\u{1b}[31m{}\" = 1 }}", "é".repeat(500)));
    let said = refused(&text).to_string();
    assert!(!said.contains('\u{1b}') && said.lines().all(|line| line.chars().count() < 300), "{said}");
    let text = with("rto = \"8h\"", "\"é\" = 1\nrto = \"8h\"; # é");
    let refused = refused(&text);
    assert_eq!((refused.problems[0].kind.code(), refused.problems[0].column), ("syntax", 11), "{refused}");
}

#[test]
fn all_problems_are_told_in_the_order_of_the_file() {
    let text = with("version = 1", "version = 0")
        .replace("Asia/Jakarta\"\n", "Asia/Singapore\"\n")
        .replace("rpo_pusat = \"48h\"", "rpo_pusta = \"48h\"")
        .replace("monthly = \"24mo\"", "monthly = \"1d\"");
    let refused = refused(&text);
    let expected = [
        ("number", "version"),
        ("time-zone", "time_zone"),
        ("keep-too-short", "class.strategis.keep.monthly"),
        ("missing", "class.publik.targets"),
        ("unknown-field", "class.publik.targets.rpo_pusta"),
    ];
    assert_eq!(told(&refused), expected, "{refused}");
    assert!(refused.to_string().contains("did you mean `rpo_pusat`?"));
}

#[test]
fn whatever_reads_writes_or_runs_is_refused_wherever_it_stands() {
    for (place, field) in [
        ("[opd.x]\nrecipients = ['age1x']", "opd.x.recipients"),
        ("[class.publik.hooks]\nafter = 'reboot'", "class.publik.hooks"),
        ("[opd.x.dataset.y]\nkeep = { command = 'rm' }", "opd.x.dataset.y.keep.command"),
        ("[opd.x]\nlimits = { bandwidth = [{ hours = '1', signers = [] }] }", "opd.x.limits.bandwidth.signers"),
        ("[opd]\nrecipients = ['age1x']", "opd.recipients"),
        ("[opd.x.dataset]\nrun = 'sh'", "opd.x.dataset.run"),
        ("[anything.deeper.\"owner-key\"]", "anything.deeper.owner-key"),
        ("[approvals.identity]", "approvals.identity"),
        ("[[opd.x.script]]", "opd.x.script"),
    ] {
        let refused = refused(&format!("{DEFAULT}\n{place}\n"));
        assert!(told(&refused).contains(&("forbidden", field)), "{refused}");
        assert!(refused.to_string().contains("taken over"), "{refused}");
        let again = refused.problems.iter().filter(|problem| problem.field == field).count();
        assert_eq!(again, 1, "{refused}");
    }
    assert!(parse(&format!("{DEFAULT}\n[opd.x.dataset.script]\njitter = '1m'\n")).is_ok());
}

#[test]
fn a_class_must_keep_a_monthly_and_a_yearly_point() {
    for (old, new, code) in [
        ("monthly = \"24mo\"\n", "", "missing"),
        ("yearly = \"10y\"\n", "", "missing"),
        ("monthly = \"24mo\"", "monthly = \"30d\"", "keep-too-short"),
        ("yearly = \"10y\"", "yearly = \"365d\"", "keep-too-short"),
        ("newest = 6", "newest = 0", "number"),
    ] {
        assert_eq!(refused(&with(old, new)).problems[0].kind.code(), code, "{new}");
    }
    let over = format!("{DEFAULT}\n[opd.x.dataset.y]\nkeep = {{ yearly = '1mo' }}\n");
    assert_eq!(told(&refused(&over)), [("keep-too-short", "opd.x.dataset.y.keep.yearly")]);
}

#[test]
fn an_exception_is_refused_only_if_no_class_bears_it() {
    let with_dataset = |said: &str| parse(&format!("{DEFAULT}\n[opd.x.dataset.y]\n{said}\n"));
    // Every two hours, as strategis has it.
    assert!(with_dataset("targets = { rpo_pusat = '2h' }").is_ok());
    let refused = with_dataset("targets = { rpo_pusat = '1h' }").unwrap_err();
    assert_eq!(told(&refused), [("schedule-misses-rpo", "opd.x.dataset.y.targets.rpo_pusat")]);
    assert!(with_dataset("targets = { rpo_pusat = '1h' }\nschedules = ['@hourly']").is_ok());
    let refused = with_dataset("schedules = ['@monthly']").unwrap_err();
    assert_eq!(told(&refused), [("schedule-misses-rpo", "opd.x.dataset.y.schedules")]);
}

#[test]
fn sizes_are_bounded() {
    let large = format!("{DEFAULT}#{}", " ".repeat(MAX_BYTES));
    assert_eq!(told(&refused(&large)), [("file-too-large", "")]);
    let many = (0..=MAX_OVERRIDES).map(|n| format!("[opd.o{n}]\njitter = '1m'\n")).collect::<Vec<_>>().concat();
    assert_eq!(told(&refused(&format!("{DEFAULT}\n{many}"))), [("too-many-overrides", "opd")]);
    let unknown = (0..500).map(|n| format!("field-{n} = 1\n")).collect::<Vec<_>>().concat();
    let refused = refused(&format!("{unknown}{DEFAULT}"));
    assert_eq!((refused.problems.len(), refused.unlisted), (100, 400));
    assert!(refused.to_string().ends_with("… and 400 more"));
}

#[test]
fn nesting_ends_before_the_stack_does() {
    // As deep as the bounds on braces and on keys allow, and far deeper.
    let key = |parts: usize| vec!["a"; parts].join(".");
    for text in [
        format!("[{}]\n{} = {}1{}", key(79), key(79), format!("{{ {} = ", key(79)).repeat(4), "}".repeat(4)),
        format!("a = {}", "{ a = ".repeat(100_000)),
        format!("a = {}", "[".repeat(1_000_000)),
        format!("{} = 1", key(500_000)),
        format!("[{}]", key(500_000)),
        format!("{}1{}", format!("{} = {{", key(79)).repeat(79), "}".repeat(79)),
    ] {
        assert!(parse(&text).is_err());
    }
}

#[test]
fn what_is_no_text_is_refused_with_its_place() {
    let mut bytes = DEFAULT.as_bytes().to_vec();
    let at = DEFAULT.find("version").unwrap();
    bytes[at] = 0xff;
    let refused = Policy::parse("x", &bytes).unwrap_err();
    assert_eq!(told(&refused), [("not-text", "")]);
    assert_eq!(refused.problems[0].line, DEFAULT[..at].lines().count() + 1);
    assert!(Policy::parse("x", &[b"\xef\xbb\xbf", DEFAULT.as_bytes()].concat()).is_ok(), "a mark of some editors");
}
