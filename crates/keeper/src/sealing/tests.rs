use ring::rand::SystemRandom;

use super::*;

struct Ceremony {
    identity: age::x25519::Identity,
    keys: BTreeMap<String, age::x25519::Identity>,
    glass: age::x25519::Identity,
    sealed: SealedKey,
}

fn ceremony(users: &[&str], needed: usize) -> Ceremony {
    let make = age::x25519::Identity::generate;
    let keys: BTreeMap<String, _> = users.iter().map(|user| ((*user).to_owned(), make())).collect();
    let people: Vec<_> = keys.iter().map(|(user, key)| (user.clone(), key.to_public().to_string())).collect();
    let (identity, glass) = (make(), make());
    let in_envelope = glass.to_public().to_string();
    let to = SealedTo { people: &people, needed, glass: Some(&in_envelope) };
    let sealed = seal(&identity, Class::Strategis, &to, "2026-11-22T00:00:00Z", &SystemRandom::new()).unwrap();
    Ceremony { identity, keys, glass, sealed }
}

impl Ceremony {
    fn parts(&self, user: &str) -> Parts {
        let identities: Vec<Box<dyn Identity + Send + Sync>> = vec![Box::new(self.keys[user].clone())];
        parts_of(opened(&self.sealed.person(user).unwrap().parts, &identities).unwrap().expose_secret()).unwrap()
    }

    fn given(&self, users: &[&str]) -> BTreeMap<String, Parts> {
        users.iter().map(|user| ((*user).to_owned(), self.parts(user))).collect()
    }
}

#[test]
fn every_group_of_enough_people_opens_it_and_no_smaller_one_does() {
    let users = ["adi", "budi", "dewi", "siti"];
    for needed in 2..=users.len() {
        let its = ceremony(&users, needed);
        for chosen in 0_u32..1 << users.len() {
            let group: Vec<&str> = (0..users.len()).filter(|at| chosen >> at & 1 == 1).map(|at| users[at]).collect();
            let joined = its.sealed.joined(&its.given(&group)).unwrap();
            let opens = joined.is_some_and(|found| found.to_public() == its.identity.to_public());
            assert_eq!(opens, group.len() >= needed, "{group:?} of {needed}");
        }
    }
}

#[test]
fn a_person_opens_no_other_ones_parts_and_no_part_is_the_identity() {
    let its = ceremony(&["budi", "siti"], 2);
    let budi: Vec<Box<dyn Identity + Send + Sync>> = vec![Box::new(its.keys["budi"].clone())];
    opened(&its.sealed.person("siti").unwrap().parts, &budi).unwrap_err();
    opened(&its.sealed.glass.as_ref().unwrap().identity, &budi).unwrap_err();
    let secret = its.identity.to_string();
    for user in ["budi", "siti"] {
        for part in its.parts(user).values() {
            assert_ne!(part.expose_secret(), secret.expose_secret().as_bytes());
        }
    }
    // What the file says in the open is no help to who reads it.
    assert!(!serde_json::to_string(&its.sealed).unwrap().contains("AGE-SECRET-KEY"));
}

#[test]
fn a_wrong_part_is_known_and_says_whose_it_is() {
    let its = ceremony(&["budi", "dewi", "siti"], 2);
    let mut parts = its.parts("budi");
    its.sealed.must_be_of("budi", &parts).unwrap();
    assert!(its.sealed.must_be_of("siti", &parts).unwrap_err().to_string().contains("siti"));
    assert!(its.sealed.must_be_of("eve", &parts).unwrap_err().to_string().contains("eve"));
    let mut bytes = parts["budi+siti"].expose_secret().to_vec();
    bytes[3] ^= 1;
    parts.insert("budi+siti".into(), bytes.into());
    assert!(its.sealed.must_be_of("budi", &parts).unwrap_err().to_string().contains("budi"));
    let mut missing = its.parts("budi");
    missing.remove("budi+siti");
    its.sealed.must_be_of("budi", &missing).unwrap_err();
}

#[test]
fn the_envelope_holds_the_whole_identity() {
    let its = ceremony(&["budi", "siti"], 2);
    let key: Vec<Box<dyn Identity + Send + Sync>> = vec![Box::new(its.glass.clone())];
    let text = opened(&its.sealed.glass.as_ref().unwrap().identity, &key).unwrap();
    assert_eq!(its.sealed.believed(&text).unwrap().to_public(), its.identity.to_public());
    let other = age::x25519::Identity::generate().to_string();
    assert!(its.sealed.believed(&other).is_err());
}

#[test]
fn nobody_is_two_people_and_one_is_not_enough() {
    let key = || age::x25519::Identity::generate().to_public().to_string();
    let (one, two) = (key(), key());
    let refused = |people: &[(&str, &str)], needed: usize, glass: Option<&str>| {
        let people: Vec<_> = people.iter().map(|(user, key)| ((*user).to_owned(), (*key).to_owned())).collect();
        let to = SealedTo { people: &people, needed, glass };
        let identity = age::x25519::Identity::generate();
        seal(&identity, Class::Strategis, &to, "", &SystemRandom::new()).unwrap_err().to_string()
    };
    assert!(refused(&[("siti", &one), ("budi", &two)], 1, None).contains("at least 2"));
    assert!(refused(&[("siti", &one), ("budi", &two)], 3, None).contains("at most all"));
    assert!(refused(&[("siti", &one)], 2, None).contains("2 to 8"));
    assert!(refused(&[("siti", &one), ("budi", &one)], 2, None).contains("twice"));
    assert!(refused(&[("siti", &one), ("siti", &two)], 2, None).contains("twice"));
    assert!(refused(&[("siti", &one), ("budi", &two)], 2, Some(&two)).contains("envelope"));
    assert!(refused(&[("siti", &one), ("budi", "age1nobody")], 2, None).contains("age1"));
}

#[test]
fn a_file_that_names_a_person_twice_is_refused() {
    let mut its = ceremony(&["budi", "dewi", "siti"], 2).sealed;
    let read = |its: &SealedKey| crate::KeyFile::parse(&serde_json::to_string(its).unwrap());
    assert!(read(&its).is_ok());
    its.people[2].user = "budi".into();
    let told = read(&its).err().unwrap().to_string();
    assert!(told.contains("twice"), "{told}");
}
