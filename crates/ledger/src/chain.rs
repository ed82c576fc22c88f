//! Which key signs a log from which size on. A log that never changed its key has a chain of one.

use pulih_vault::error::Malformed;
use pulih_vault::note::VerifierKey;

/// The keys of one log: never none, each from a larger size on than the one before, all of the log's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChain {
    first: VerifierKey,
    /// Keys that took over, with the size of the log after the entry that says so.
    later: Vec<(u64, VerifierKey)>,
    /// From which sizes is not known: each may have signed at any.
    is_loose: bool,
}

impl KeyChain {
    pub fn first(key: VerifierKey) -> Self {
        Self { first: key, later: Vec::new(), is_loose: false }
    }

    /// The keys of a log that is not here, one after the other: a checkpoint is believed by any of them.
    pub fn any_of(keys: impl IntoIterator<Item = VerifierKey>) -> Result<Self, Malformed> {
        let mut keys = keys.into_iter();
        let first = keys.next().ok_or_else(|| Malformed::new("chain of keys", "it has no key"))?;
        let mut chain = Self { is_loose: true, ..Self::first(first) };
        for (from, key) in (1..).zip(keys) {
            chain.push(from, key)?;
        }
        Ok(chain)
    }

    /// Whether those signed a checkpoint of this size who must have; if not, one of them.
    pub fn check(&self, size: u64, has_signed: impl Fn(&VerifierKey) -> bool) -> Result<(), &VerifierKey> {
        if self.is_loose {
            return if self.keys().any(has_signed) { Ok(()) } else { Err(self.newest()) };
        }
        match self.for_checkpoint(size).into_iter().flatten().find(|key| !has_signed(key)) {
            Some(key) => Err(key),
            None => Ok(()),
        }
    }

    /// A further key: the log had `from` entries when the old one had signed the last of its own.
    pub fn push(&mut self, from: u64, key: VerifierKey) -> Result<(), Malformed> {
        let newest = self.later.last().map_or(0, |(from, _)| *from);
        let bad = |why: &str| Malformed::new("chain of keys", why);
        if from <= newest {
            return Err(bad("a key takes over before the one that it follows"));
        }
        if !self.can_go_on_with(&key) {
            return Err(bad("a key has another name than the log, or had its time before"));
        }
        self.later.push((from, key));
        Ok(())
    }

    /// Whether a key may be the next: of the log's name, and none that was one before.
    pub fn can_go_on_with(&self, key: &VerifierKey) -> bool {
        key.name() == self.first.name() && self.keys().all(|known| known != key)
    }

    /// The log's origin.
    pub fn origin(&self) -> &str {
        self.first.name()
    }

    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        std::iter::once(&self.first).chain(self.later.iter().map(|(_, key)| key))
    }

    /// The key that signs now.
    pub fn newest(&self) -> &VerifierKey {
        self.later.last().map_or(&self.first, |(_, key)| key)
    }

    /// The size from which on it signs.
    pub fn newest_from(&self) -> u64 {
        self.later.last().map_or(0, |(from, _)| *from)
    }

    /// The key that signs a batch which starts there.
    pub fn for_batch(&self, start: u64) -> &VerifierKey {
        let taken = self.later.iter().rev().find(|(from, _)| *from <= start);
        taken.map_or(&self.first, |(_, key)| key)
    }

    /// The keys that must both have signed a checkpoint: the second one where a key takes over at its size.
    pub fn for_checkpoint(&self, size: u64) -> [Option<&VerifierKey>; 2] {
        let new = self.for_batch(size);
        let old = self.for_batch(size.saturating_sub(1));
        [Some(old), (old != new).then_some(new)]
    }
}

impl From<VerifierKey> for KeyChain {
    fn from(key: VerifierKey) -> Self {
        Self::first(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulih_vault::note::SigningKey;

    fn key(name: &str) -> VerifierKey {
        SigningKey::generate(name, &ring::rand::SystemRandom::new()).unwrap().verifier()
    }

    #[test]
    fn each_size_has_its_key_and_where_one_takes_over_both() {
        let (one, two, three) = (key("log"), key("log"), key("log"));
        let mut chain = KeyChain::first(one.clone());
        chain.push(7, two.clone()).unwrap();
        chain.push(9, three.clone()).unwrap();
        for (size, old, new) in [
            (0, &one, None),
            (6, &one, None),
            (7, &one, Some(&two)),
            (8, &two, None),
            (9, &two, Some(&three)),
            (10, &three, None),
        ] {
            assert_eq!(chain.for_checkpoint(size), [Some(old), new], "{size}");
        }
        assert_eq!([6, 7, 8, 9].map(|start| chain.for_batch(start)), [&one, &two, &two, &three]);
        assert!(chain.newest() == &three && chain.keys().eq([&one, &two, &three]));
        assert!(chain.push(9, key("log")).is_err() && chain.push(10, key("other")).is_err());
        assert!(chain.push(10, one.clone()).is_err() && chain.newest_from() == 9);
        assert!(chain.check(7, |key| *key == one).is_err() && chain.check(7, |key| *key == one || *key == two).is_ok());
        let loose = KeyChain::any_of([one.clone(), two.clone()]).unwrap();
        assert!([0, 1, 2, 9].into_iter().all(|size| loose.check(size, |key| *key == two).is_ok()));
        assert_eq!(loose.check(0, |key| *key == three), Err(&two));
        assert!(KeyChain::first(one).push(0, two).is_err());
    }
}
