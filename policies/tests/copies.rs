//! What a policy asks of keys, copies and the last restore: what stays as it was without it, and what of it weakens.

use pulih_policies::{Class, Policy, diff};

const DEFAULT: &str = include_str!("../default.toml");

fn with(text: &str) -> Result<Policy, String> {
    Policy::parse("policy", format!("{DEFAULT}\n{text}\n").as_bytes()).map_err(|refused| refused.to_string())
}

fn codes(text: &str) -> Vec<(&'static str, String)> {
    let refused = Policy::parse("policy", format!("{DEFAULT}\n{text}\n").as_bytes()).unwrap_err();
    refused.problems.into_iter().map(|its| (its.kind.code(), its.field)).collect()
}

#[test]
fn what_is_not_said_is_not_in_the_canonical_form_and_has_its_default() {
    let bare = with("").unwrap();
    let empty = with("[class.publik.recovery]\n[class.publik.copies]").unwrap();
    assert_eq!(bare.hash(), empty.hash());
    let json = bare.canonical_json();
    assert!(!json.contains("recovery") && !json.contains("copies") && !json.contains("longest"), "{json}");
    let rules = bare.rules(Class::Publik, "dinkes", "surat").unwrap();
    assert_eq!((rules.recovery.least(), rules.copies.least(), rules.copies.further()), (1, 2, None));
    let text = "[class.publik]\nrecovery.least = 2\ncopies = { least = 3, further = '35d' }\ndrills.longest = '90d'";
    // Of a class that is there already, as a file says it.
    let said = DEFAULT.replacen("[class.publik]", text, 1);
    let said = Policy::parse("policy", said.as_bytes()).unwrap();
    let json = said.canonical_json();
    assert!(json.contains(r#""copies":{"further":3024000,"least":3}"#) && json.contains(r#""recovery":{"least":2}"#));
    assert!(json.contains(r#""drills":{"longest":7776000}"#), "{json}");
    // An OPD and a dataset take what their class says.
    let rules = said.rules(Class::Publik, "dinkes", "surat").unwrap();
    assert_eq!((rules.recovery.least(), rules.copies.least()), (2, 3));
    assert_eq!(codes("[opd.x.copies]\nleast = 3\nfurther = '1d'"), [("unknown-field", "opd.x.copies".into())]);
}

#[test]
fn a_third_copy_has_an_age_and_only_a_third_copy_has_one() {
    let of = |text: &str| codes(&format!("[class.publik.copies]\n{text}"));
    let field = |name: &str| format!("class.publik.copies{name}");
    assert_eq!(of("least = 3"), [("missing", field(""))]);
    assert_eq!(of("further = '35d'"), [("copies", field(".further"))]);
    assert_eq!(of("least = 2\nfurther = '35d'"), [("copies", field(".further"))]);
    assert_eq!(of("least = 1"), [("number", field(".least"))]);
    // Of a number that is none, nothing is said of what goes with it.
    assert_eq!(of("least = 4\nfurther = '35d'"), [("number", field(".least"))]);
    assert_eq!(of("least = 3\nfurther = 35"), [("wrong-type", field(".further"))]);
    assert_eq!(codes("[class.publik.recovery]\nleast = 17")[0].0, "number");
    assert_eq!(codes("[class.publik.recovery]\nlest = 2")[0].0, "unknown-field");
    // How many keys, and never whose.
    for reader in ["recipients = ['age1x']", "drc_key = 'age1x'"] {
        assert_eq!(codes(&format!("[class.publik.recovery]\n{reader}"))[0].0, "forbidden");
    }
}

#[test]
fn fewer_and_older_weakens() {
    let weakens = |old: &str, new: &str| -> Vec<&str> {
        diff(&with(old).unwrap(), &with(new).unwrap()).iter().filter_map(|its| its.weakens).collect()
    };
    let keys = |least: u32| format!("[class.publik.recovery]\nleast = {least}");
    assert_eq!(weakens(&keys(2), &keys(1)), ["fewer keys are asked for"]);
    assert_eq!(weakens(&keys(2), ""), ["fewer keys are asked for"]);
    assert_eq!((weakens(&keys(2), &keys(3)), weakens(&keys(1), "")), (vec![], vec![]));
    let third = |further: &str| format!("[class.publik.copies]\nleast = 3\nfurther = '{further}'");
    assert_eq!(weakens(&third("35d"), &third("36d")), ["a further copy may be older"]);
    assert_eq!(weakens(&third("35d"), "[class.publik.copies]\nleast = 2"), ["fewer copies are asked for"]);
    assert_eq!(weakens(&third("35d"), ""), ["fewer copies are asked for"]);
    assert_eq!((weakens(&third("35d"), &third("34d")), weakens("", &third("35d"))), (vec![], vec![]));
    let last = |longest: &str| format!("[class.publik.drills]\nlongest = '{longest}'");
    assert_eq!(weakens(&last("90d"), &last("91d")), ["the last restore may be longer ago"]);
    assert_eq!(weakens(&last("90d"), ""), ["the last restore may be longer ago"]);
    assert_eq!((weakens(&last("90d"), &last("89d")), weakens("", &last("90d"))), (vec![], vec![]));
}
