//! `scripts/verify-evidence.py` beside this crate's verifier.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use pulih_evidence::report::{Code, Report};
use pulih_evidence::source::open;
use pulih_evidence::verify::Trust;
use pulih_vault::utc;
use serde_json::Value;

use super::codes;
use super::sites::report_of;

/// What the script says: its status, and its answer.
fn by_script(bundle: &Path, trust: &Trust) -> (i32, Value) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/verify-evidence.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(bundle).arg("--json");
    for (site, fingerprint) in &trust.sites {
        command.arg("--site").arg(format!("{site}={fingerprint}"));
    }
    for (witness, fingerprint) in &trust.witnesses {
        command.arg("--witness").arg(format!("{witness}={fingerprint}"));
    }
    command.args(trust.since.iter().flat_map(|since| ["--since".to_owned(), utc::rfc3339(*since)]));
    let done = command.output().unwrap_or_else(|error| panic!("python3 is needed here: {error}"));
    let errors = String::from_utf8_lossy(&done.stderr);
    let answer = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {errors}"));
    (done.status.code().unwrap(), answer)
}

/// Codes with the files or entries that they are about.
fn problems(answer: &Value) -> BTreeSet<(String, String)> {
    let text = |problem: &Value, name: &str| problem[name].as_str().unwrap().to_owned();
    let all = answer["problems"].as_array().unwrap().iter();
    all.map(|problem| (text(problem, "code"), text(problem, "where"))).collect()
}

/// Both say the same of a bundle: returns the codes.
pub fn agree_by(what: &str, bundle: &Path, trust: &Trust) -> Vec<Code> {
    codes(&report_by_both(what, bundle, trust))
}

/// The same: returns what this crate says.
pub fn report_by_both(what: &str, bundle: &Path, trust: &Trust) -> Report {
    let told = report_of(&*open(bundle).unwrap(), trust);
    let ours = serde_json::to_value(&told).unwrap();
    let (status, its) = by_script(bundle, trust);
    assert_eq!(problems(&its), problems(&ours), "{what}");
    assert_eq!(status, i32::from(!problems(&ours).is_empty()), "{what}");
    for field in ["type", "sites", "drills", "entries"] {
        assert_eq!(its[field], ours[field], "{what}: {field}");
    }
    // What came due by a policy the script does not reckon.
    let remarks = |of: &Value| -> usize {
        let all = of["remarks"].as_array().unwrap().iter();
        all.filter(|remark| !remark.as_str().unwrap().contains("came due")).count()
    };
    assert_eq!(remarks(&its), remarks(&ours), "{what}");
    told
}
