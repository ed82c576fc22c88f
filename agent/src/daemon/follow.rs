//! Which policy an agent follows. What the site offers is read anew here, and taken only if it is
//! a policy, and no older one. Its excludes are followed as far as this server has accepted them:
//! whoever holds the Pusat Data must not be able to leave data out of backups in silence.

use pulih_policies::{Class, Pattern, Policy, Rules, wider};
use pulih_protocol::policy::PolicyInForce;

/// A policy with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    pub policy: Policy,
    /// The file as the site handed it out.
    pub text: String,
    /// What the site called it. [`Followed::hash`] is what it is.
    pub claimed: String,
    /// When the agent took it, seconds since 1970.
    pub taken: i64,
}

impl Followed {
    pub fn read(text: String, claimed: String, taken: i64) -> Result<Self, String> {
        let policy = Policy::parse("policy", text.as_bytes()).map_err(|refused| refused.to_string())?;
        Ok(Self { policy, text, claimed, taken })
    }

    pub fn hash(&self) -> String {
        self.policy.hash().to_string()
    }

    /// `kabupaten version 3`.
    pub fn title(&self) -> String {
        format!("{} version {}", self.policy.name, self.policy.version)
    }
}

/// What becomes of a policy that the site offers.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Take(Box<Followed>),
    /// It is the one that is followed.
    Same,
    /// It is no policy: perhaps it carries what none may.
    Refused(String),
    Older(String),
}

pub fn judge(followed: Option<&Followed>, offered: PolicyInForce, now: i64) -> Verdict {
    let new = match Followed::read(offered.text, offered.hash, now) {
        Ok(new) => new,
        Err(why) => return Verdict::Refused(why),
    };
    match followed {
        Some(old) if new.policy.version < old.policy.version => Verdict::Older(format!(
            "the site offers policy {}, and {} is in force here; the newer one stays",
            new.title(),
            old.title()
        )),
        Some(old) if old.text == new.text && old.claimed == new.claimed => Verdict::Same,
        _ => Verdict::Take(Box::new(new)),
    }
}

/// What holds for a dataset, and by which patterns the policy would leave out more than was
/// accepted: those are not followed, and the accepted list stays.
pub struct Holding {
    pub rules: Rules,
    pub wider: Vec<Pattern>,
}

/// `accepted` is the policy whose excludes a person on this server accepted.
pub fn holding(policy: &Policy, accepted: Option<&Policy>, class: Class, opd: &str, dataset: &str) -> Option<Holding> {
    let mut rules = policy.rules(class, opd, dataset)?;
    let accepted = accepted.and_then(|policy| policy.rules(class, opd, dataset));
    let accepted = accepted.map(|rules| rules.excludes).unwrap_or_default();
    let wider: Vec<Pattern> = wider(&accepted, &rules.excludes).into_iter().cloned().collect();
    if !wider.is_empty() {
        rules.excludes = accepted;
    }
    Some(Holding { rules, wider })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DEFAULT: &str = include_str!("../../../policies/default.toml");

    fn offered(text: String) -> PolicyInForce {
        PolicyInForce { hash: blake3::hash(text.as_bytes()).to_string(), text, applied: "2026-11-22T00:00:00Z".into() }
    }

    fn version(number: u32) -> String {
        DEFAULT.replace("version = 1", &format!("version = {number}"))
    }

    fn taken(verdict: Verdict) -> Followed {
        match verdict {
            Verdict::Take(followed) => *followed,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_policy_is_taken_once_and_never_an_older_one() {
        let first = taken(judge(None, offered(version(3)), 7));
        assert_eq!((first.taken, first.title()), (7, "kabupaten version 3".into()));
        assert_eq!(judge(Some(&first), offered(version(3)), 8), Verdict::Same);
        assert!(matches!(judge(Some(&first), offered(version(2)), 8), Verdict::Older(_)));
        assert_eq!(taken(judge(Some(&first), offered(version(4)), 8)).policy.version, 4);
    }

    #[test]
    fn what_carries_a_reader_or_a_command_is_refused() {
        for line in ["recipients = [\"age1x\"]", "signer = \"x\"", "command = \"rm\"", "colour = 1"] {
            let text = format!("{line}\n{DEFAULT}");
            let Verdict::Refused(why) = judge(None, offered(text), 0) else { panic!("{line} was taken") };
            assert!(why.contains(line.split(' ').next().unwrap()), "{why}");
        }
    }

    #[test]
    fn wider_excludes_wait_until_they_are_accepted() {
        let narrow: Policy = Policy::parse("a", version(1).as_bytes()).unwrap();
        let text = version(2).replace("\"*.tmp\", ", "\"*.tmp\", \"*.pdf\", ");
        let wide = Policy::parse("b", text.as_bytes()).unwrap();
        let of = |policy: &Policy, accepted: Option<&Policy>| {
            let holding = holding(policy, accepted, Class::NonPublik, "dinkes", "letters").unwrap();
            let texts = |list: &[Pattern]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            (texts(&holding.rules.excludes), texts(&holding.wider))
        };
        let (accepted, none) = of(&narrow, Some(&narrow));
        assert_eq!(accepted.len(), 3);
        assert!(none.is_empty());
        assert_eq!(of(&wide, Some(&narrow)), (accepted.clone(), vec!["*.pdf".to_owned()]));
        assert_eq!(of(&wide, Some(&wide)).1, Vec::<String>::new());
        // Fewer excludes need nobody's consent.
        assert_eq!(of(&narrow, Some(&wide)), (accepted, vec![]));
        // Without a policy that was accepted, none of them is.
        assert_eq!(of(&narrow, None).0, Vec::<String>::new());
    }
}
