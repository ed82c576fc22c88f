//! The DRC as this agent knows it. What its Pusat Data named first is kept: later only a person on this
//! server changes it, for otherwise whoever holds the Pusat Data could put a DRC of their own in its place,
//! and withhold in silence. What the DRC says is believed because its ledger's key signed it.

use pulih_protocol::drc::{DrcCard, HEADS_TYPE, HeadView, Heads};
use pulih_stores::Credentials;
use pulih_stores::gateway::ca_sha256;
use pulih_vault::error::Malformed;
use pulih_vault::hand_over::HandOver;
use pulih_vault::note::{Unverified, VerifierKey};
use pulih_vault::utc;
use serde::{Deserialize, Serialize};

use crate::state::Site;

/// What it is known by; the address may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDrc {
    pub card: DrcCard,
    /// Keys that its ledger had before the one in the card, and that its site may still name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub earlier: Vec<String>,
    /// The certificate that the DRC itself issued while this agent went on there, with its key, in PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<OwnCertificate>,
}

impl KnownDrc {
    /// What lets this agent in there: the DRC's own certificate if it gave one, or that of its Pusat Data.
    pub fn credentials(&self, site: &Site) -> Credentials {
        let (url, ca) = (self.card.url.clone(), self.card.ca.clone());
        match &self.own {
            Some(own) => Credentials { url, ca, certificate: own.certificate.clone(), key: own.key.clone() },
            None => Credentials { url, ca, ..site.credentials.clone() },
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnCertificate {
    pub certificate: String,
    pub key: String,
    /// When it ends, RFC 3339.
    pub not_after: String,
}

/// What becomes of a DRC that the site names.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Same,
    /// The first one, or a new address or name of the one that is known.
    Take(Box<KnownDrc>),
    /// It is none, or not the one that the token named.
    Refused(String),
    /// Another one than is known.
    Other(String),
}

/// `https://host:port`, and nothing behind it.
pub fn is_address(url: &str) -> bool {
    let letters = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b':' | b'[' | b']');
    url.strip_prefix("https://").is_some_and(|host| !host.is_empty() && host.bytes().all(letters))
}

fn ca_hash(pem: &str) -> Result<String, String> {
    ca_sha256(pem).map(|hash| hex(&hash)).map_err(|error| format!("its CA is none: {error}"))
}

/// Two lower-case digits for each byte.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| format!("{text}{byte:02x}"))
}

/// The SHA-256 of its CA in hexadecimal, if everything in a card is what it should be.
fn check(card: &DrcCard) -> Result<String, String> {
    let word = |text: &str, most: usize| !text.is_empty() && text.len() <= most && !text.contains(char::is_control);
    if !word(&card.site, 63) || !word(&card.name, 200) || !word(&card.url, 300) || !is_address(&card.url) {
        return Err("its id, name or address is none".to_owned());
    }
    card.key.parse::<VerifierKey>().map_err(|error| format!("its key is none: {error}"))?;
    ca_hash(&card.ca)
}

/// `promised` is the SHA-256 of the DRC's CA that the token of this server's enrolment named.
pub fn judge(known: Option<&KnownDrc>, promised: Option<&str>, offered: DrcCard) -> Verdict {
    let ca = match check(&offered) {
        Ok(ca) => ca,
        Err(why) => return Verdict::Refused(format!("the site names a DRC that is none: {why}")),
    };
    match known {
        None if promised.is_some_and(|promised| promised != ca) => Verdict::Refused(format!(
            "the site names the DRC {}, whose CA is not the one that this server's token named",
            offered.name
        )),
        None => Verdict::Take(Box::new(KnownDrc { card: offered, earlier: Vec::new(), own: None })),
        Some(known) if known.card == offered => Verdict::Same,
        Some(known) if known.earlier.contains(&offered.key) => {
            // It is the DRC itself that said which key came after that one.
            judge(Some(known), promised, DrcCard { key: known.card.key.clone(), ..offered })
        }
        Some(known) => {
            let (old, new) = (&known.card, &offered);
            if (&old.site, &old.ca, &old.key) == (&new.site, &new.ca, &new.key) {
                return Verdict::Take(Box::new(KnownDrc { card: offered, ..known.clone() }));
            }
            Verdict::Other(format!(
                "the site names another DRC than before: {} ({}) with the key {}, and {} ({}) with the key {} is known \
                 here and stays",
                new.name, new.url, new.key, old.name, old.url, old.key
            ))
        }
    }
}

/// The newest point that the DRC has of a dataset: of several vaults that had one of this name, the newest.
pub fn head<'h>(heads: &'h Heads, dataset: &str) -> Option<&'h HeadView> {
    heads.datasets.iter().filter(|its| its.dataset == dataset).max_by_key(|its| utc::parse(&its.accepted))
}

/// Whether what the DRC has is older than `target` seconds. Without any point there it counts from `saved`, since
/// when the site has one.
pub fn is_late(head: Option<&HeadView>, saved: Option<i64>, target: i64, now: i64) -> bool {
    let as_of = head.and_then(|head| utc::parse(&head.accepted)).or(saved);
    as_of.is_some_and(|at| now.saturating_sub(at) > target)
}

/// Most keys that a DRC hands over to one after the other.
const MOST_KEYS: usize = 64;

/// The keys that a note leads to from a key that is known: each handed over to the next.
fn keys_after(key: VerifierKey, note: &Unverified<'_>) -> Vec<VerifierKey> {
    // Nothing of it is believed but what each key signed itself.
    let claimed = serde_json::from_str::<Heads>(note.claimed_text().trim_end());
    let mut keys = vec![key];
    for handed in claimed.into_iter().flat_map(|its| its.handed_over).take(MOST_KEYS) {
        let Ok(its) = HandOver::claimed(handed.as_bytes()) else { continue };
        if keys.last() == Some(&its.old) && its.is_signed(handed.as_bytes(), &[&its.old]) {
            keys.push(its.new);
        }
    }
    keys
}

/// The DRC as it is known after it said this: by the newest of its keys.
pub fn known_after(known: &KnownDrc, note: &str) -> Option<KnownDrc> {
    let key: VerifierKey = known.card.key.parse().ok()?;
    let keys = keys_after(key, &Unverified::parse(note.as_bytes()).ok()?);
    let [before @ .., newest] = &keys[..] else { return None };
    let mut after = known.clone();
    after.earlier.extend(before.iter().map(ToString::to_string));
    after.card.key = newest.to_string();
    (!before.is_empty()).then_some(after)
}

/// What the DRC said, believed by its key, or by one that this handed over to; `agent` is to whom.
pub fn open_heads(note: &str, card: &DrcCard, agent: &str) -> Result<Heads, Malformed> {
    let bad = |why: String| Malformed::new("heads of the DRC", why);
    let key: VerifierKey = card.key.parse()?;
    let unverified = Unverified::parse(note.as_bytes())?;
    let keys = keys_after(key, &unverified);
    let newest: Vec<_> = keys.last().into_iter().collect();
    let (text, _) = unverified.verify(&newest).ok_or_else(|| bad("they are not signed by its key".to_owned()))?;
    let heads: Heads = serde_json::from_str(text.trim_end()).map_err(|error| bad(error.to_string()))?;
    if heads.kind != HEADS_TYPE || heads.site != card.site || heads.agent != agent {
        return Err(bad("they are of another type, DRC or agent".to_owned()));
    }
    let times = heads.datasets.iter().flat_map(|its| [&its.accepted, &its.replicated]);
    if !times.chain([&heads.at]).chain(&heads.disaster).all(|time| utc::parse(time).is_some()) {
        return Err(bad("a time in them is none".to_owned()));
    }
    Ok(heads)
}

#[cfg(test)]
mod tests {
    use pulih_vault::note::SigningKey;
    use ring::rand::SystemRandom;

    use super::*;

    fn signing() -> SigningKey {
        SigningKey::generate("pulih-ledger/drc-33.19", &SystemRandom::new()).unwrap()
    }

    fn card(key: &SigningKey) -> DrcCard {
        let ca = rcgen::CertificateParams::default().self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        DrcCard {
            site: "drc-33.19".into(),
            name: "DRC".into(),
            url: "https://drc:8443".into(),
            ca: ca.pem(),
            key: key.verifier().to_string(),
        }
    }

    fn taken(verdict: Verdict) -> KnownDrc {
        match verdict {
            Verdict::Take(known) => *known,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_first_drc_is_kept_and_another_is_not_taken() {
        let key = signing();
        let first = card(&key);
        let known = taken(judge(None, None, first.clone()));
        assert_eq!(judge(Some(&known), None, first.clone()), Verdict::Same);
        let moved = DrcCard { url: "https://drc2:8443".into(), ..first.clone() };
        assert_eq!(taken(judge(Some(&known), None, moved.clone())).card, moved);
        let strange = card(&signing());
        for other in [
            strange.clone(),
            DrcCard { key: strange.key.clone(), ..first.clone() },
            DrcCard { ca: strange.ca.clone(), ..first.clone() },
            DrcCard { site: "drc-33.20".into(), ..first.clone() },
        ] {
            assert!(matches!(judge(Some(&known), None, other), Verdict::Other(_)));
        }
    }

    #[test]
    fn the_token_says_which_ca_the_first_one_has() {
        let its = card(&signing());
        let promised = ca_hash(&its.ca).unwrap();
        assert!(matches!(judge(None, Some(&promised), its.clone()), Verdict::Take(_)));
        assert!(matches!(judge(None, Some(&promised), card(&signing())), Verdict::Refused(_)));
        for bad in [
            DrcCard { url: "http://drc".into(), ..its.clone() },
            DrcCard { ca: "no".into(), ..its.clone() },
            DrcCard { key: "no".into(), ..its.clone() },
            DrcCard { name: "a\u{1b}[0m".into(), ..its.clone() },
        ] {
            assert!(matches!(judge(None, None, bad), Verdict::Refused(_)));
        }
    }

    #[test]
    fn what_lags_behind_its_target_is_late_and_what_was_never_saved_is_not() {
        let head = |accepted: &str| HeadView {
            vault: "v".into(),
            dataset: "d".into(),
            snapshot: "1-x".into(),
            accepted: accepted.into(),
            replicated: accepted.into(),
        };
        let old = head("2026-11-22T00:00:00Z");
        let at = utc::parse(&old.accepted).unwrap();
        assert!(!is_late(Some(&old), Some(0), 60, at + 60));
        assert!(is_late(Some(&old), None, 60, at + 61));
        // Nothing is there yet: it counts from when the site had a point.
        assert!(!is_late(None, Some(at), 60, at + 60) && is_late(None, Some(at), 60, at + 61));
        assert!(!is_late(None, None, 60, at));
    }

    #[test]
    fn heads_are_believed_by_the_key_alone() {
        let key = signing();
        let its = card(&key);
        let said = Heads {
            kind: HEADS_TYPE.into(),
            site: its.site.clone(),
            agent: "app-1".into(),
            at: "2026-11-22T00:00:00Z".into(),
            disaster: None,
            handed_over: Vec::new(),
            moved: None,
            datasets: Vec::new(),
        };
        let signed = |said: &Heads, key: &SigningKey| key.sign(&(serde_json::to_string(said).unwrap() + "\n"));
        assert_eq!(open_heads(&signed(&said, &key), &its, "app-1").unwrap(), said);
        assert!(open_heads(&signed(&said, &signing()), &its, "app-1").is_err());
        assert!(open_heads(&signed(&said, &key), &its, "app-2").is_err());
        let of_another = Heads { site: "drc-33.20".into(), ..said.clone() };
        assert!(open_heads(&signed(&of_another, &key), &its, "app-1").is_err());
        let no_time = Heads { at: "soon".into(), ..said };
        assert!(open_heads(&signed(&no_time, &key), &its, "app-1").is_err());
    }

    #[test]
    fn a_key_is_followed_to_the_one_that_it_handed_over_to_and_no_further() {
        let [first, second, third] = [signing(), signing(), signing()];
        let known = KnownDrc { card: card(&first), earlier: Vec::new(), own: None };
        let handed = |old: &SigningKey, new: &SigningKey, by: &SigningKey| {
            HandOver { old: old.verifier(), new: new.verifier() }.statement(by)
        };
        let say = |key: &SigningKey, handed_over: Vec<String>| {
            let said = Heads {
                kind: HEADS_TYPE.into(),
                site: known.card.site.clone(),
                agent: "app-1".into(),
                at: "2026-11-22T00:00:00Z".into(),
                disaster: None,
                handed_over,
                moved: None,
                datasets: Vec::new(),
            };
            key.sign(&(serde_json::to_string(&said).unwrap() + "\n"))
        };
        let believed = |note: &str, card: &DrcCard| open_heads(note, card, "app-1").is_ok();
        let chain = vec![handed(&first, &second, &first), handed(&second, &third, &second)];
        let note = say(&third, chain.clone());
        assert!(believed(&note, &known.card) && believed(&say(&second, chain[..1].to_vec()), &known.card));
        // The old key's word is nobody's any more where it says itself that it handed over.
        assert!(!believed(&say(&first, chain.clone()), &known.card));
        for forged in [
            vec![handed(&first, &third, &third)],
            vec![chain[1].clone()],
            vec![handed(&first, &second, &third), chain[1].clone()],
            vec![chain[0].replace("site-key", "site-kex"), chain[1].clone()],
        ] {
            assert!(!believed(&say(&third, forged), &known.card));
        }
        let after = known_after(&known, &note).unwrap();
        assert_eq!(after.card.key, third.verifier().to_string());
        assert!(believed(&note, &after.card) && known_after(&after, &note).is_none());
        assert!(!believed(&say(&first, Vec::new()), &after.card), "what is known is not forgotten");
        // Its Pusat Data may go on to name the first one; a strange one is another DRC.
        assert_eq!(judge(Some(&after), None, known.card.clone()), Verdict::Same);
        let strange = DrcCard { key: signing().verifier().to_string(), ..known.card.clone() };
        assert!(matches!(judge(Some(&after), None, strange), Verdict::Other(_)));
    }
}
