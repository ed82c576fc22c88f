//! Application recipes: what one says, and everything that is wrong told at once.

use std::path::Path;

use proptest::prelude::*;
use pulih_policies::{Answered, Recipe};

const GOOD: &str = include_str!("recipe/simrs.toml");

fn refused(text: &str) -> Vec<(String, usize, &'static str)> {
    let refused = Recipe::parse("simrs.toml", text.as_bytes()).unwrap_err();
    refused.problems.iter().map(|its| (its.field.clone(), its.line, its.kind.code())).collect()
}

#[test]
fn a_recipe_says_what_comes_up_what_is_asked_and_what_goes_down() {
    let recipe = Recipe::parse("simrs.toml", GOOD.as_bytes()).unwrap();
    assert_eq!((recipe.name.as_str(), recipe.version, recipe.datasets.len()), ("simrs", 3, 1));
    let limits = recipe.limits;
    assert_eq!((limits.time.seconds(), limits.memory.bytes(), limits.processes), (1200, 2 << 30, 200));
    let up = &recipe.up[0];
    assert!(up.background && up.run.argv().len() == 5);
    assert_eq!(up.ready.as_ref().unwrap().within.seconds(), 60);
    let answer =
        |printed: &'static str| Answered { status: Some(0), printed: printed.as_bytes(), is_all: true, sha256: "" };
    assert!(recipe.ask[0].expect.check(&answer("t\n")).is_ok() && recipe.ask[0].expect.check(&answer("f\n")).is_err());
    let all: Vec<&str> = recipe.all_programs().map(|its| its.path().rsplit('/').next().unwrap()).collect();
    assert_eq!(all, ["postgres", "pg_isready", "psql", "pg_ctl"]);
    assert_eq!(recipe.env["PGUSER"], "simrs");
}

#[test]
fn what_is_wrong_names_its_line_and_field() {
    let line = |needle: &str| GOOD.lines().position(|line| line.contains(needle)).unwrap() + 1;
    let change = |from: &str, to: &str| {
        assert!(GOOD.contains(from), "{from}");
        refused(&GOOD.replacen(from, to, 1))
    };
    assert_eq!(change("recipe/v1", "recipe/v2"), [("type".into(), 1, "type")]);
    assert_eq!(change("\"20m\"", "\"25h\""), [("limits.time".into(), line("limits"), "limit")]);
    assert_eq!(change("\"20m\"", "\"0s\"")[0].2, "quantity");
    assert_eq!(change("\"2GiB\"", "\"1MiB\"")[0].2, "limit");
    assert_eq!(change("\"8GiB\"", "\"65TiB\"")[0].2, "limit");
    for number in ["0", "10001", "-1"] {
        assert_eq!(change("processes = 200", &format!("processes = {number}"))[0].2, "number");
    }
    assert_eq!(change("time = \"20m\", ", ""), [("limits".into(), line("limits"), "missing")]);
    assert_eq!(change("[[ask]]", "[[asked]]")[0].2, "missing");
    assert_eq!(change("background = true", "background = \"yes\"")[0].2, "wrong-type");
    assert_eq!(change("equals = \"t\\n\"", "equal = \"t\\n\"")[0].2, "unknown-field");
    assert_eq!(change("equals = \"t\\n\"", "matches = \"(\"")[0].2, "pattern");
    assert_eq!(change("equals = \"t\\n\"", "matches = \"(a{1000}){1000}\"")[0].2, "pattern");
    assert_eq!(change("equals = \"t\\n\"", "sha256 = \"AB\"")[0].2, "hash");
    assert_eq!(change("equals = \"t\\n\"", "at_least = \"3\"")[0].2, "whole");
    assert_eq!(change("equals = \"t\\n\"", "at_least = 3\nat_most = 2")[0].2, "beside");
    assert_eq!(change("run = [\"/usr/bin/psql\"", "run = [\"psql\"")[0].2, "program");
    assert_eq!(change("run = [\"/usr/bin/psql\"", "run = [\"/usr/../etc/psql\"")[0].2, "program");
    assert_eq!(change("run = [\"/usr/bin/psql\"", "run = [\"/usrbin/psql\"")[0].2, "program");
    assert_eq!(change("PGUSER", "pg-user")[0].2, "variable");
    assert_eq!(change("\"-Atc\"", "\"\\u0000\"")[0].2, "argument");
    let two = change(
        "dataset = \"basis-data\" }]",
        "dataset = \"b\" }, { opd = \"x\", agent = \"app-1\", dataset = \"b\" }]",
    );
    assert_eq!(two[0].2, "twice");
    let many = GOOD.replacen("\"20m\"", "\"25h\"", 1).replacen("background = true", "background = 1", 1);
    assert_eq!(refused(&many).len(), 2, "both are told");
}

#[test]
fn no_folder_with_sockets_secrets_or_the_hosts_own_data_comes_into_the_box() {
    for folder in [
        "/",
        "/etc",
        "/etc/shadow",
        "/var",
        "/run",
        "/home",
        "/root",
        "/proc",
        "/sys",
        "/dev",
        "/tmp",
        "/data",
        "/srv",
        "/usr/../etc",
        "/usr/",
        "usr",
        "",
        "/usr/./lib",
        "/usr2",
        "/var/run",
        "/boot",
    ] {
        let found = refused(&GOOD.replacen("\"/bin\"]", &format!("\"/bin\", {folder:?}]"), 1));
        assert_eq!(found[0].2, "folder", "{folder}");
    }
    for folder in ["/opt/simrs", "/usr/lib/postgresql", "/etc/alternatives", "/etc/ld.so.cache"] {
        let text = GOOD.replacen("\"/bin\"]", &format!("\"/bin\", {folder:?}]"), 1);
        assert!(Recipe::parse("simrs.toml", text.as_bytes()).is_ok(), "{folder}");
    }
}

#[test]
fn what_is_too_much_is_refused_before_it_is_read() {
    let many = |key: &str| format!("{GOOD}{}", format!("\n[[{key}]]\nrun = [\"/usr/bin/true\"]\n").repeat(101));
    for key in ["up", "ask", "down"] {
        assert_eq!(refused(&many(key))[0].2, "count", "{key}");
    }
    let arguments = format!("[\"/usr/bin/psql\"{}]", ", \"a\"".repeat(100));
    let text = GOOD.replacen(
        "[\"/usr/bin/psql\", \"-h\", \"/tmp\", \"-Atc\", \"select count(*) > 1000 from pasien\"]",
        &arguments,
        1,
    );
    assert_eq!(refused(&text)[0].2, "count");
    let long = GOOD.replacen("select count", &"x".repeat(4097), 1);
    assert_eq!(refused(&long)[0].2, "argument");
    assert_eq!(refused(&format!("{GOOD}#{}", "x".repeat(1 << 20)))[0].2, "file-too-large");
}

#[test]
fn the_page_has_the_recipe_of_the_test_and_every_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/contracts/recipe.md");
    let page = std::fs::read_to_string(page).unwrap();
    let example: String =
        GOOD.lines().map(|line| if line.is_empty() { "\n".into() } else { format!("    {line}\n") }).collect();
    assert!(page.contains(&example), "the example on the page is the one that is tested");
    let codes =
        ["type", "twice", "argument", "folder", "program", "variable", "limit", "beside", "pattern", "hash", "whole"];
    for code in codes {
        assert!(page.contains(&format!("| `{code}` |")), "{code}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0..GOOD.len()) {
        let _ = Recipe::parse("r", &bytes);
        let mut changed = GOOD.as_bytes().to_vec();
        changed.splice(at..at, bytes.iter().take(4).copied());
        if let Err(refused) = Recipe::parse("r", &changed) {
            prop_assert!((1..=100).contains(&refused.problems.len()));
        }
    }
}

#[test]
fn a_key_that_no_policy_may_have_is_unknown_here_too() {
    for key in ["script", "recipients", "token"] {
        assert_eq!(refused(&format!("{key} = \"x\"\n{GOOD}")), [(key.to_owned(), 1, "unknown-field")], "{key}");
    }
}
