//! Drills in a policy: what stays as it was without them, and what of them weakens.

use pulih_policies::{Class, Policy, Wipe, diff};

const DEFAULT: &str = include_str!("../default.toml");

#[track_caller]
fn parse(text: &str) -> Policy {
    Policy::parse("policy", text.as_bytes()).unwrap_or_else(|refused| panic!("{refused}"))
}

fn with(drills: &str) -> Policy {
    parse(&format!("{DEFAULT}\n[class.publik.drills]\n{drills}\n"))
}

#[test]
fn what_is_not_said_is_not_in_the_canonical_form_and_has_its_default() {
    let (bare, empty) = (parse(DEFAULT), with(""));
    assert_eq!(bare.hash(), empty.hash());
    assert!(!bare.canonical_json().contains("drills"));
    let drills = &bare.classes[&Class::Publik].drills;
    assert_eq!((drills.datasets(), drills.window().seconds(), drills.wipe()), (5, 6 * 3600, Wipe::Always));
    let said = with("restore = \"@weekly\"\nwindow = \"1d\"");
    assert!(said.canonical_json().contains(r#""drills":{"restore":"0 0 * * 0","window":86400}"#));
    // An OPD and a dataset take what their class says.
    let rules = said.rules(Class::Publik, "dinkes", "surat").unwrap();
    assert_eq!(rules.drills, said.classes[&Class::Publik].drills);
    assert!(Policy::parse("policy", format!("{DEFAULT}\n[opd.x.drills]\nverify = \"@daily\"\n").as_bytes()).is_err());
}

#[test]
fn less_often_fewer_and_later_weakens() {
    let usual = "verify = \"@weekly\"\ndatasets = 5\nwindow = \"6h\"";
    for (new, why) in [
        ("verify = \"@daily\"\ndatasets = 6\nwindow = \"5h\"", None),
        ("verify = \"@weekly\"", None),
        ("verify = \"@weekly\"\nwipe = \"passed\"", None),
        ("verify = \"@weekly\"\napplication = \"@yearly\"", None),
        ("verify = \"@monthly\"", Some("drills may come further apart")),
        ("datasets = 5", Some("drills may come further apart")),
        ("verify = \"@weekly\"\ndatasets = 4", Some("a drill tries fewer datasets")),
        ("verify = \"@weekly\"\nwindow = \"7h\"", Some("a drill may start later")),
        ("verify = \"@weekly\"\nsample_percent = 100", None),
        ("verify = \"@weekly\"\nrestore = \"@weekly\"\nsample_percent = 1", None),
    ] {
        let changes = diff(&with(usual), &with(new));
        let weakens: Vec<_> = changes.iter().filter_map(|change| change.weakens).collect();
        assert_eq!(weakens, why.into_iter().collect::<Vec<_>>(), "{new}");
    }
    let yearly = with("application = \"@yearly\"");
    assert!(diff(&yearly, &with("")).iter().any(|its| its.weakens == Some("drills may come further apart")));
    let sample = |percent: u32| with(&format!("restore = \"@weekly\"\nsample_percent = {percent}"));
    let weakens = |old: &Policy, new: &Policy| diff(old, new).iter().find_map(|change| change.weakens);
    let why = Some("a drill restores less of each dataset");
    assert_eq!((weakens(&sample(6), &sample(5)), weakens(&sample(5), &sample(6))), (why, None));
    assert_eq!((weakens(&with("restore = \"@weekly\""), &sample(99)), weakens(&sample(100), &sample(99))), (why, why));
}

#[test]
fn a_plan_is_drilled_by_a_line_of_its_own() {
    let plan = |text: &str| parse(&format!("{DEFAULT}\n{text}\n"));
    assert_eq!(plan("[plan-drills]").hash(), parse(DEFAULT).hash());
    let usual = plan("[plan-drills.kabupaten]\nschedule = \"@monthly\"");
    let its = usual.plan_drills.values().next().unwrap();
    assert_eq!((its.window().seconds(), its.schedule.as_str()), (6 * 3600, "0 0 1 * *"));
    assert!(usual.canonical_json().contains(r#""plan-drills":{"kabupaten":{"schedule":"0 0 1 * *"}}"#));
    for (new, why) in [
        ("[plan-drills.kabupaten]\nschedule = \"@weekly\"", None),
        ("[plan-drills.kabupaten]\nschedule = \"@yearly\"", Some("drills may come further apart")),
        ("[plan-drills.kabupaten]\nschedule = \"@monthly\"\nwindow = \"7h\"", Some("a drill may start later")),
        ("", Some("drills may come further apart")),
    ] {
        let changes = diff(&usual, &plan(new));
        let weakens: Vec<_> = changes.iter().filter_map(|change| change.weakens).collect();
        assert_eq!(weakens, why.into_iter().collect::<Vec<_>>(), "{new}");
    }
    for bad in [
        "[plan-drills.x]",
        "[plan-drills.x]\nschedule = \"@daily\"\nwindow = \"1m\"",
        "[plan-drills.X]\nschedule = \"@daily\"",
    ] {
        assert!(Policy::parse("policy", format!("{DEFAULT}\n{bad}\n").as_bytes()).is_err(), "{bad}");
    }
}
