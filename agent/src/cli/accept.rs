//! `accept-policy`: a person on this server agrees that the policy leaves more out of backups than
//! was agreed before. What is shown is what is accepted.

use pulih_policies::{Class, Pattern, wider};
use serde::Serialize;

use super::Context;
use super::args::AcceptPolicy;
use super::failure::{Failure, Outcome};
use super::run::{config_place, or_anew};
use crate::config::Config;
use crate::daemon::follow::Followed;

#[derive(Serialize)]
struct Report {
    #[serde(rename = "type")]
    kind: &'static str,
    policy: String,
    version: u32,
    hash: String,
    wider: Vec<Wider>,
    accepted: bool,
}

/// By which patterns more is left out of what.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Wider {
    class: &'static str,
    /// None: every dataset of the class of which the policy says nothing else.
    dataset: Option<String>,
    patterns: Vec<String>,
}

pub fn run(context: &mut Context, args: &AcceptPolicy) -> Result<Outcome, Failure> {
    let state = context.state()?;
    let Some(site) = state.site()? else { return Err(Failure::said("this server is not enrolled with a Pusat Data")) };
    let Some(policy) = state.policy()? else {
        return Err(Failure::said("there is no policy yet; `pulih-agent run` fetches it from the site"));
    };
    let accepted = or_anew(state.accepted_policy())?;
    let config = Config::read(&config_place(args.config.as_ref()))?;
    let wider = all_wider(&policy, accepted.as_ref(), &site.opd, &config);
    let accept = !args.dry_run;
    if accept {
        state.save_accepted_policy(&policy)?;
    }
    if context.global.json {
        context.out.json(&Report {
            kind: "pulih/accept-policy/v1",
            policy: policy.policy.name.to_string(),
            version: policy.policy.version,
            hash: policy.hash(),
            wider,
            accepted: accept,
        })?;
        return Ok(Outcome::Done);
    }
    if wider.is_empty() {
        context.out.line(&format!("Policy {} leaves out no more than was accepted here.", policy.title()))?;
        return Ok(Outcome::Done);
    }
    context.out.line(&format!("Policy {} leaves more out of backups than was accepted here:", policy.title()))?;
    for its in &wider {
        let whose = its
            .dataset
            .as_deref()
            .map_or_else(|| format!("all of class {}", its.class), |name| format!("{name} ({})", its.class));
        context.out.line(&format!("  {whose}: {}", super::output::printable(&its.patterns.join("  "))))?;
    }
    context.out.line(if accept {
        "Accepted: the next backups leave it out."
    } else {
        "Not accepted yet: until then the list that was accepted is followed. Without --dry-run this command accepts it."
    })?;
    Ok(Outcome::Done)
}

/// Also what is of no dataset of this server now, since a later one would have it.
fn all_wider(policy: &Followed, accepted: Option<&Followed>, opd: &str, config: &Config) -> Vec<Wider> {
    let office = policy.policy.offices.iter().find(|(name, _)| name.as_str() == opd);
    let named = office.into_iter().flat_map(|(_, office)| office.datasets.keys()).map(|name| name.as_str().to_owned());
    let own = config.datasets.keys().map(ToString::to_string);
    let names: std::collections::BTreeSet<String> = named.chain(own).collect();
    let mut all = Vec::new();
    for class in Class::ALL {
        let patterns = |name: &str| -> Vec<String> {
            let rules = |its: &Followed| its.policy.rules(class, opd, name).map(|rules| rules.excludes);
            let (new, old) = (rules(policy).unwrap_or_default(), accepted.and_then(rules).unwrap_or_default());
            wider(&old, &new).into_iter().map(Pattern::as_str).map(str::to_owned).collect()
        };
        let of_class = patterns("");
        for name in &names {
            let its = patterns(name);
            // Of a class that it does not have, a dataset of this server needs no word.
            let configured = config.datasets.iter().find(|(known, _)| known.as_str() == name);
            let other = configured.is_some_and(|(_, dataset)| dataset.class != class);
            if !its.is_empty() && !other && (configured.is_some() || its != of_class) {
                all.push(Wider { class: class.as_str(), dataset: Some(name.clone()), patterns: its });
            }
        }
        if !of_class.is_empty() {
            all.push(Wider { class: class.as_str(), dataset: None, patterns: of_class });
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = include_str!("../../../policies/default.toml");

    fn read(text: String) -> Followed {
        Followed::read(text, String::new(), 0).unwrap()
    }

    #[test]
    fn everything_that_will_be_left_out_is_shown() {
        let config = "[dataset.letters]\nclass = \"non-publik\"\npaths = [\"/srv\"]\n";
        let config = Config::parse("agent.toml".as_ref(), config).unwrap();
        let old = read(DEFAULT.to_owned());
        let text = DEFAULT.replacen("\"*.tmp\", ", "\"*.tmp\", \"*.pdf\", ", 1);
        let new = read(format!("{text}\n[opd.dinkes.dataset.scans]\nexcludes = [\"*.tif\"]\n"));
        let shown = |of: &str| {
            let all = all_wider(&new, Some(&old), of, &config);
            all.iter().map(|its| format!("{} {:?} {:?}", its.class, its.dataset, its.patterns)).collect::<Vec<_>>()
        };
        assert_eq!(shown("disdik"), ["non-publik Some(\"letters\") [\"*.pdf\"]", "non-publik None [\"*.pdf\"]"]);
        let of_dinkes = shown("dinkes");
        for class in Class::ALL {
            assert!(of_dinkes.contains(&format!("{class} Some(\"scans\") [\"*.tif\"]")), "{of_dinkes:?}");
        }
        assert_eq!(all_wider(&old, Some(&new), "disdik", &config), []);
        // Where nothing was accepted, all of it is new.
        assert_eq!(all_wider(&old, None, "disdik", &config).len(), 3);
    }
}
