//! What the keeper holds: online identities, which are always open, and sealed ones, which are open
//! for a session after their people gave their parts. Time is seconds since 1970.

use std::collections::BTreeMap;
use std::path::Path;

use age::Identity as _;
use age_core::format::{FileKey, Stanza};
use age_core::secrecy::SecretString;
use pulih_policies::Class;
use serde::{Deserialize, Serialize};

use crate::key::{KeyError, KeyFile};
use crate::sealing::{Parts, SealedKey};

/// The longest session of a sealed identity.
pub const MAX_SESSION_SECONDS: i64 = 12 * 3600;
/// How long a part waits for the others.
const PART_SECONDS: i64 = 3600;

/// How one identity stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub class: String,
    pub recipient: String,
    pub sealed: bool,
    /// Whether packs can be opened with it now.
    pub open: bool,
    /// Until when, of a sealed one that is open.
    pub until: Option<i64>,
    pub needed: usize,
    pub people: Vec<String>,
    /// Who gave a part, of a sealed one that is not open yet.
    pub given: Vec<String>,
    /// It only waits for the word that it was written down.
    pub ready: bool,
    /// Whether there is a copy in an envelope.
    pub glass: bool,
}

struct Sealed {
    file: SealedKey,
    given: BTreeMap<String, (Parts, i64)>,
    ready: Option<(age::x25519::Identity, i64)>,
    open: Option<(age::x25519::Identity, i64)>,
}

enum Key {
    Online(Vec<age::x25519::Identity>),
    Sealed(Box<Sealed>),
}

pub struct Held {
    keys: BTreeMap<Class, Key>,
}

fn bad(why: impl Into<String>) -> KeyError {
    KeyError::Bad(why.into())
}

impl Sealed {
    /// What has waited or was open for too long is forgotten.
    fn forget(&mut self, now: i64) {
        // A clock that was set back makes nothing last longer than it may.
        let lasts = |since: i64, seconds: i64| (0..seconds).contains(&(now - since));
        self.given.retain(|_, (_, since)| lasts(*since, PART_SECONDS));
        self.ready.take_if(|(_, since)| !lasts(*since, PART_SECONDS));
        self.open.take_if(|(_, until)| now >= *until || *until - now > MAX_SESSION_SECONDS);
    }
}

impl Held {
    /// Reads every `*.key` of a folder: one for each class at most.
    pub fn read(folder: &Path) -> Result<Self, KeyError> {
        let cannot = |source| KeyError::Io { action: "read", path: folder.to_owned(), source };
        let mut keys = BTreeMap::new();
        for entry in std::fs::read_dir(folder).map_err(cannot)? {
            let path = entry.map_err(cannot)?.path();
            if path.extension().is_none_or(|extension| extension != "key") {
                continue;
            }
            let file = KeyFile::read(&path)?;
            let class = file.class();
            let key = match file {
                KeyFile::Online { identities, .. } => Key::Online(identities),
                KeyFile::Sealed(file) => {
                    Key::Sealed(Box::new(Sealed { file: *file, given: BTreeMap::new(), ready: None, open: None }))
                }
            };
            if keys.insert(class, key).is_some() {
                let why = format!("another key file is of the class {class} too; the keeper takes one for each class");
                return Err(KeyError::File { path, why });
            }
        }
        Ok(Self { keys })
    }

    pub fn standings(&mut self, now: i64) -> Vec<Standing> {
        let standing = |(class, key): (&Class, &mut Key)| match key {
            Key::Online(identities) => Standing {
                class: class.to_string(),
                recipient: identities.first().map(|its| its.to_public().to_string()).unwrap_or_default(),
                sealed: false,
                open: true,
                until: None,
                needed: 0,
                people: Vec::new(),
                given: Vec::new(),
                ready: false,
                glass: false,
            },
            Key::Sealed(its) => {
                its.forget(now);
                Standing {
                    class: class.to_string(),
                    recipient: its.file.recipient.clone(),
                    sealed: true,
                    open: its.open.is_some(),
                    until: its.open.as_ref().map(|(_, until)| *until),
                    needed: its.file.needed,
                    people: its.file.people.iter().map(|person| person.user.clone()).collect(),
                    given: its.given.keys().cloned().collect(),
                    ready: its.ready.is_some(),
                    glass: its.file.glass.is_some(),
                }
            }
        };
        self.keys.iter_mut().map(standing).collect()
    }

    fn sealed(&mut self, class: Class, now: i64) -> Result<&mut Sealed, KeyError> {
        match self.keys.get_mut(&class) {
            Some(Key::Sealed(its)) => {
                its.forget(now);
                Ok(its)
            }
            Some(Key::Online(_)) => Err(bad(format!("the identity of class {class} is online: nobody opens it"))),
            None => Err(bad(format!("this site has no identity for class {class}"))),
        }
    }

    /// The age file with a person's parts, base64: it opens to that person alone.
    pub fn parts_of(&mut self, class: Class, user: &str, now: i64) -> Result<String, KeyError> {
        let its = self.sealed(class, now)?;
        let people: Vec<&str> = its.file.people.iter().map(|person| person.user.as_str()).collect();
        let none = || bad(format!("{user} has no part of the identity of class {class}; {} have", people.join(", ")));
        its.file.person(user).map(|person| person.parts.clone()).ok_or_else(none)
    }

    /// A person gives parts. Says whether that was enough.
    pub fn give(&mut self, class: Class, user: &str, parts: Parts, now: i64) -> Result<bool, KeyError> {
        let its = self.sealed(class, now)?;
        its.file.must_be_of(user, &parts)?;
        its.given.insert(user.to_owned(), (parts, now));
        let given = its.given.iter().map(|(user, (parts, _))| (user.clone(), parts.clone())).collect();
        if let Some(identity) = its.file.joined(&given)? {
            its.ready = Some((identity, now));
        }
        Ok(its.ready.is_some())
    }

    /// The age file in which the whole identity lies for the key of the envelope, base64.
    pub fn glass_of(&mut self, class: Class, now: i64) -> Result<String, KeyError> {
        let its = self.sealed(class, now)?;
        let none = || bad(format!("the identity of class {class} was sealed without a copy in an envelope"));
        its.file.glass.as_ref().map(|glass| glass.identity.clone()).ok_or_else(none)
    }

    /// The whole identity, which the key of the envelope opened.
    pub fn give_glass(&mut self, class: Class, text: &SecretString, now: i64) -> Result<(), KeyError> {
        let its = self.sealed(class, now)?;
        its.ready = Some((its.file.believed(text)?, now));
        Ok(())
    }

    /// It was written down: from now on packs are opened, until then.
    pub fn open(&mut self, class: Class, until: i64, now: i64) -> Result<(), KeyError> {
        if !(1..=MAX_SESSION_SECONDS).contains(&(until - now)) {
            return Err(bad(format!("a session is at most {} hours", MAX_SESSION_SECONDS / 3600)));
        }
        let its = self.sealed(class, now)?;
        let (identity, _) =
            its.ready.take().ok_or_else(|| bad(format!("the identity of class {class} still misses parts")))?;
        its.given.clear();
        its.open = Some((identity, until));
        Ok(())
    }

    /// Ends a session before its time.
    pub fn close(&mut self, class: Class, now: i64) -> Result<(), KeyError> {
        let its = self.sealed(class, now)?;
        (its.open, its.ready) = (None, None);
        its.given.clear();
        Ok(())
    }

    /// The file key of the pack whose header has these stanzas. `None`: it is not encrypted to this identity.
    pub fn unwrap(&mut self, class: Class, stanzas: &[Stanza], now: i64) -> Result<Option<FileKey>, KeyError> {
        let closed = |its: &Sealed| {
            bad(format!(
                "the identity of class {class} is sealed: it takes {} of {}; `pulih-controller keys open`",
                its.file.needed,
                its.file.people.iter().map(|person| person.user.as_str()).collect::<Vec<_>>().join(", ")
            ))
        };
        let opened = match self.keys.get_mut(&class) {
            None => return Err(bad(format!("this site has no identity for class {class}"))),
            Some(Key::Online(identities)) => identities.iter().find_map(|identity| identity.unwrap_stanzas(stanzas)),
            Some(Key::Sealed(its)) => {
                its.forget(now);
                let (identity, _) = its.open.as_ref().ok_or_else(|| closed(its))?;
                identity.unwrap_stanzas(stanzas)
            }
        };
        opened.transpose().map_err(|error| bad(format!("the header is damaged: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::NewKey;
    use crate::sealing::{opened, parts_of};
    use age::Recipient as _;
    use age_core::secrecy::ExposeSecret as _;

    const NOW: i64 = 1_795_000_000;

    struct Bench {
        held: Held,
        people: BTreeMap<String, age::x25519::Identity>,
        strategis: String,
        publik: String,
        _folder: tempfile::TempDir,
    }

    fn bench() -> Bench {
        let folder = tempfile::tempdir().unwrap();
        let people: BTreeMap<_, _> =
            ["budi", "siti"].map(|user| (user.to_owned(), age::x25519::Identity::generate())).into();
        let (sealed, online) = (NewKey::generate(Class::Strategis), NewKey::generate(Class::Publik));
        let to: Vec<_> = people.iter().map(|(user, key)| (user.clone(), key.to_public().to_string())).collect();
        let random = ring::rand::SystemRandom::new();
        sealed.write_sealed(&folder.path().join("strategis.key"), &to, 2, None, "now", &random).unwrap();
        online.write_online(&folder.path().join("publik.key"), "now").unwrap();
        std::fs::write(folder.path().join("README"), "no key").unwrap();
        let held = Held::read(folder.path()).unwrap();
        Bench { held, people, strategis: sealed.recipient(), publik: online.recipient(), _folder: folder }
    }

    fn header(recipient: &str) -> Vec<Stanza> {
        let to = crate::key::read_recipient(recipient).unwrap();
        to.wrap_file_key(&FileKey::new(Box::new([7; 16]))).unwrap().0
    }

    impl Bench {
        fn give(&mut self, user: &str, now: i64) -> Result<bool, KeyError> {
            let sealed = self.held.parts_of(Class::Strategis, user, now).unwrap();
            let identities: Vec<Box<dyn age::Identity + Send + Sync>> = vec![Box::new(self.people[user].clone())];
            let parts = parts_of(opened(&sealed, &identities).unwrap().expose_secret()).unwrap();
            self.held.give(Class::Strategis, user, parts, now)
        }

        fn opens(&mut self, now: i64) -> bool {
            let header = header(&self.strategis);
            matches!(self.held.unwrap(Class::Strategis, &header, now), Ok(Some(_)))
        }
    }

    #[test]
    fn an_online_identity_opens_its_own_packs_and_no_others() {
        let mut bench = bench();
        let key = bench.held.unwrap(Class::Publik, &header(&bench.publik), NOW).unwrap().unwrap();
        assert_eq!(key.expose_secret(), &[7; 16]);
        assert!(bench.held.unwrap(Class::Publik, &header(&bench.strategis), NOW).unwrap().is_none());
        let none = bench.held.unwrap(Class::NonPublik, &header(&bench.publik), NOW).err().unwrap().to_string();
        assert!(none.contains("no identity for class non-publik"), "{none}");
    }

    #[test]
    fn a_sealed_one_takes_two_and_a_word_that_it_was_written_down() {
        let mut bench = bench();
        assert!(!bench.give("siti", NOW).unwrap());
        assert!(!bench.opens(NOW));
        bench.held.open(Class::Strategis, NOW + 60, NOW).unwrap_err();
        // The same person twice is one person.
        assert!(!bench.give("siti", NOW).unwrap());
        assert!(bench.give("budi", NOW).unwrap());
        assert!(!bench.opens(NOW), "it was not written down yet");
        bench.held.open(Class::Strategis, NOW + 60, NOW).unwrap();
        assert!(bench.opens(NOW + 59) && !bench.opens(NOW + 60));
        // It is over: the next session takes both again.
        bench.held.open(Class::Strategis, NOW + 120, NOW + 60).unwrap_err();
    }

    #[test]
    fn parts_wait_an_hour_and_a_session_is_bounded() {
        let mut bench = bench();
        bench.give("siti", NOW).unwrap();
        assert!(!bench.give("budi", NOW + PART_SECONDS).unwrap(), "the first part is forgotten");
        assert!(bench.give("siti", NOW + PART_SECONDS).unwrap());
        let now = NOW + PART_SECONDS;
        bench.held.open(Class::Strategis, now + MAX_SESSION_SECONDS + 1, now).unwrap_err();
        bench.held.open(Class::Strategis, now + MAX_SESSION_SECONDS, now).unwrap();
        assert!(bench.opens(now + 1));
        assert!(!bench.opens(now - MAX_SESSION_SECONDS), "a clock that was set back makes no session longer");
        bench.give("siti", now).unwrap();
        bench.give("budi", now).unwrap();
        bench.held.open(Class::Strategis, now + 60, now).unwrap();
        bench.held.close(Class::Strategis, now).unwrap();
        assert!(!bench.opens(now));
    }
}
