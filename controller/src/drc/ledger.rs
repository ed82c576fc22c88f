//! The mirror of the Pusat Data's ledger: it grows by what is signed and goes on from it. What does
//! not go on is kept as proof.

use std::sync::Arc;

use pulih_ledger::checkpoint::{Distrust, MAX_CHECKPOINT_BYTES};
use pulih_ledger::entry::{ReadEntry, View};
use pulih_ledger::head::Head;
use pulih_ledger::ids::SiteId;
use pulih_ledger::layout::Layout;
use pulih_ledger::mirror::{MAX_BATCH_BYTES, Mirror};
use pulih_ledger::{LedgerError, Recorded};
use pulih_policies::Policy;
use pulih_vault::error::Malformed;
use pulih_vault::id::ObjectHash;
use pulih_vault::note::VerifierKey;
use pulih_vault::store::{ObjectName, Store, StoreError};
use pulih_vault::utc;

use super::error::PullError;
use super::rehomed::Rehomed;
use super::there::There;
use super::{Drc, Mirrored, lock};
use crate::attest;
use crate::card;
use crate::cards;
use crate::catalog::{Catalog, PeerSite};
use crate::gateway::answer::{Answer, Refusal};
use crate::portions::portions;

/// Cards that are kept of another site: it is paired a few times in its life.
const MOST_CARDS: usize = 64;
const MOST_PACKS: usize = 64;
/// A site whose clock is off by more than this is not heard by it, in seconds.
const CLOCKS_APART: i64 = 24 * 3600;
/// A head that is older by no more than this may be one of a clock that was set right, in seconds.
const SET_BACK: i64 = 300;

impl Mirrored {
    /// The catalog takes in what the mirror has and it does not.
    pub(super) fn catch_up(&mut self) -> Answer<()> {
        let Some(mirror) = &self.mirror else { return Ok(()) };
        let (size, next) = (mirror.log().size(), self.catalog.next_entry()?);
        if next > size {
            let text = format!(
                "the catalog pusat.sqlite follows {next} entries and the mirror has {size}; `pulih-controller rebuild` \
                 makes it again"
            );
            return Err(Refusal::internal(&text));
        }
        for portion in portions(mirror.log(), next) {
            let portion = portion.map_err(|error| Refusal::internal(&error))?;
            // The other site's to write well: what is not understood changes nothing here but how much of it
            // there is, and must not keep what comes after it from being known.
            let read = |its: &Recorded| its.read().ok().filter(|its| !matches!(its.view, View::Misread { .. }));
            let entries: Vec<Option<ReadEntry>> = portion.iter().map(read).collect();
            let followed = entries.iter().map(|its| its.as_ref().map(|its| (&its.at, &its.actor, its.body())));
            self.catalog.follow_all(portion[0].index, followed)?;
        }
        Ok(())
    }
}

/// How a head's time stands to those that were seen and to this site's clock.
#[derive(Debug, PartialEq, Eq)]
enum News {
    /// Signed since the last one that was seen: the site is there.
    Fresh,
    /// Of the same second as the last one.
    Known,
    /// A little older than one that was seen.
    Older,
    /// Older than one that was seen: kept and sent again, or by a clock that was set back.
    Replayed,
    /// By a clock that is more than a day off this one.
    Strange,
}

fn news(at: i64, seen: Option<i64>, now: i64) -> News {
    match seen {
        _ if now.abs_diff(at) > CLOCKS_APART.unsigned_abs() => News::Strange,
        Some(seen) if at < seen.saturating_sub(SET_BACK) => News::Replayed,
        Some(seen) if at < seen => News::Older,
        Some(seen) if at == seen => News::Known,
        _ => News::Fresh,
    }
}

fn id_of(peer: &PeerSite) -> Answer<SiteId> {
    peer.site.parse().map_err(|error| Refusal::internal(&error))
}

/// A head that one of these keys signed.
fn open_head(note: &[u8], keys: &[VerifierKey]) -> Result<Head, Distrust> {
    let [older @ .., newest] = keys else { return Err(Malformed::new("head", "no key is known for it").into()) };
    older.iter().map(|key| Head::open(note, key)).find(Result::is_ok).unwrap_or_else(|| Head::open(note, newest))
}

impl Drc {
    /// The site that this one is paired with, or was last, and pulls from: a DRC from its Pusat Data, a new Pusat Data
    /// from the DRC.
    pub(super) fn pusat(&self) -> Answer<Option<PeerSite>> {
        let (peers, role) = (lock(&self.catalog).peers()?, self.site.role.other().as_str());
        Ok(peers.into_iter().filter(|peer| peer.role == role).max_by_key(|peer| (peer.ended.is_none(), peer.since)))
    }

    /// Opens what is mirrored already.
    pub(super) fn open_mirror(&self) -> Answer<()> {
        let Some(peer) = self.pusat()? else { return Ok(()) };
        let (site, keys) = (id_of(&peer)?, self.keys_of(&peer)?);
        let last = lock(&self.catalog).last_divergence(site.as_str())?;
        let (store, catalog) = self.place_of(&peer)?;
        let catalog = Catalog::open(&self.dir.path(&catalog))?;
        let mut mirrored = lock(&self.mirrored);
        *mirrored = Mirrored { mirror: None, catalog, diverged: None };
        match Mirror::open(store, &site, keys[0].clone()) {
            Ok(mirror) => mirrored.mirror = Some(mirror),
            Err(LedgerError::NoLedger { .. }) => {}
            Err(error) => return Err(Refusal::internal(&error)),
        }
        let size = mirrored.mirror.as_ref().map(|mirror| mirror.log().size());
        mirrored.diverged = last.filter(|(at, _)| Some(*at) == size).map(|(_, reason)| reason);
        mirrored.catch_up()
    }

    /// Where the mirror of a site is, and the file of the catalog that follows it. A site that comes again with
    /// another key, as a new Pusat Data, has them beside those of the one before.
    pub(super) fn place_of(&self, peer: &PeerSite) -> Answer<(Arc<dyn Store>, String)> {
        let catalog = lock(&self.catalog);
        // A key that was handed over to is of the same ledger as the first of them.
        let (key, _) = catalog.keys_after(&peer.site, &peer.key)?;
        let plain = catalog.first_key(&peer.site)?.is_none_or(|first| first == key);
        if plain {
            return Ok((Arc::clone(&self.store), format!("{}.sqlite", peer.role)));
        }
        let place = &blake3::hash(key.as_bytes()).to_hex()[..16];
        let (from, to) = (format!("site/{}/ledger", peer.site), format!("site/{}/mirrors/{place}/ledger", peer.site));
        let store = Rehomed { store: Arc::clone(&self.store), from, to };
        // What was said of the ledger before it is not about this one.
        let said = pulih_ledger::layout::Layout { site: self.id()? }.all_cosigned(
            &peer.site.parse().map_err(|error: pulih_vault::error::Malformed| Refusal::internal(&error))?,
        );
        let to = format!("site/{}/mirrors/{place}/cosigned", peer.site);
        let store = Rehomed { store: Arc::new(store), from: said.to_string(), to };
        Ok((Arc::new(store), format!("{}-{place}.sqlite", peer.role)))
    }

    /// Brings the mirror to where the Pusat Data's ledger is now; returns how many entries came.
    /// `most`: batches.
    pub(super) fn follow_ledger(&self, peer: &PeerSite, there: &dyn There, most: usize) -> Result<u64, PullError> {
        let _alone = lock(&self.following);
        let (site, keys) = (id_of(peer)?, self.keys_of(peer)?);
        let note = self.patiently(|| there.head())?;
        let head = open_head(&note, &self.keys_from_now(&keys))
            .map_err(|error| PullError::refused(format!("the head of the ledger of {site}"), error))?;
        let news = self.judge_time(peer, &head)?;
        self.begin_mirror(peer, &site, &keys, there)?;
        let began = self.mirror_size();
        if head.size < began {
            if matches!(news, News::Replayed | News::Older) {
                let why = format!("{site} answers with a head of its ledger that is older than what it had");
                return Err(PullError::Line(why));
            }
            let why = format!("it has fewer entries than the {began} that it had: it was rolled back");
            return Err(self.diverge(&site, &note, &why));
        }
        let grown = self.grow(&site, &head, &note, there, most);
        // Whatever came counts, also if it went no further.
        lock(&self.mirrored).catch_up()?;
        grown?;
        let root = lock(&self.mirrored).mirror.as_ref().map(|mirror| mirror.log().root());
        if self.mirror_size() == head.size && root != Some(head.root) {
            let why = format!("of the same {} entries it has another root hash: it was forked", head.size);
            return Err(self.diverge(&site, &note, &why));
        }
        let came = self.mirror_size() - began;
        let mut mirrored = lock(&self.mirrored);
        if mirrored.mirror.as_ref().is_some_and(|mirror| mirror.log().size() >= head.size) {
            mirrored.diverged = None;
        }
        let object = mirrored.catalog.policy()?.map(|(object, _)| object);
        drop(mirrored);
        self.take_policy(&site, object, there)?;
        self.take_packs(&site, there)?;
        self.take_cards(&site, there)?;
        self.exchange_statements(peer, there)?;
        if news == News::Fresh {
            let catalog = lock(&self.catalog);
            catalog.set_signed(&peer.site, utc::parse(head.at.as_str()).unwrap_or(0))?;
            catalog.set_heard(&peer.site, self.now())?;
        }
        self.mind_unread(peer)?;
        Ok(came)
    }

    /// What a head's time says. What it signs is taken in any case: it grows from the mirror or does not.
    fn judge_time(&self, peer: &PeerSite, head: &Head) -> Result<News, PullError> {
        let (now, at) = (self.now(), utc::parse(head.at.as_str()).unwrap_or(0));
        let news = news(at, lock(&self.catalog).signed(&peer.site)?, now);
        let why = match news {
            News::Strange => "is more than a day off the clock here; one of the two is wrong",
            News::Replayed => {
                "is older than that of one seen before: it was kept and sent again, or its clock was set back"
            }
            News::Fresh | News::Known | News::Older => return Ok(news),
        };
        let text = format!("the time in the head of the ledger of {}, {}, {why}", peer.name, head.at);
        self.alarm_about("peer-clock", &peer.site, &text)?;
        Ok(news)
    }

    /// Entries of the mirrored ledger that say nothing here are no secret.
    fn mind_unread(&self, peer: &PeerSite) -> Result<(), PullError> {
        let unread = lock(&self.mirrored).catalog.unread_entries()?;
        if unread == 0 {
            return Ok(());
        }
        let text =
            format!("{unread} entries of the ledger of {} cannot be read here; what they say has no effect", peer.name);
        self.alarm_about("ledger-unread", &peer.site, &text)
    }

    /// Takes batch after batch until the mirror has what the head says, and so many at most in one look.
    fn grow(&self, site: &SiteId, head: &Head, note: &[u8], there: &dyn There, most: usize) -> Result<(), PullError> {
        for _ in 0..most {
            self.owed_checkpoint(site, there)?;
            if self.mirror_size() >= head.size {
                break;
            }
            self.go_on()?;
            self.next_batch(site, note, there)?;
            if self.mirror_size() == head.checkpoint {
                self.newest_checkpoint(site, head.checkpoint, there)?;
            }
        }
        self.newest_checkpoint(site, head.checkpoint, there)
    }

    fn mirror_size(&self) -> u64 {
        lock(&self.mirrored).mirror.as_ref().map_or(0, |mirror| mirror.log().size())
    }

    /// A mirror begins with the checkpoint of no entries.
    fn begin_mirror(
        &self,
        peer: &PeerSite,
        site: &SiteId,
        keys: &[VerifierKey],
        there: &dyn There,
    ) -> Result<(), PullError> {
        if let Some(mirror) = &mut lock(&self.mirrored).mirror {
            keys.iter().for_each(|key| mirror.accept(key.clone()));
            return Ok(());
        }
        let name = Layout { site: site.clone() }.checkpoint(0);
        let first =
            self.patiently(|| there.read(&name, MAX_CHECKPOINT_BYTES).map_err(|error| PullError::there(&name, error)))?;
        let mirror = Mirror::begin(self.place_of(peer)?.0, site, keys[0].clone(), &first);
        let mut mirror = mirror.map_err(|error| PullError::ledger(&name, error))?;
        keys.iter().for_each(|key| mirror.accept(key.clone()));
        lock(&self.mirrored).mirror = Some(mirror);
        Ok(())
    }

    /// Takes the batch that comes next, which the head says is there.
    fn next_batch(&self, site: &SiteId, head: &[u8], there: &dyn There) -> Result<(), PullError> {
        let Some(name) = lock(&self.mirrored).mirror.as_ref().map(Mirror::next) else {
            return Err(PullError::Here("the mirror is not open".into()));
        };
        let read = |name: &ObjectName| match there.read(name, MAX_BATCH_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(StoreError::NotFound { .. }) => Ok(None),
            Err(error) => Err(PullError::there(name, error)),
        };
        let Some(batch) = self.patiently(|| read(&name))? else {
            let why = format!("it says that it goes on, and {name}, where the mirror ends, is not there");
            return Err(self.diverge(site, head, &why));
        };
        let mut mirrored = lock(&self.mirrored);
        let taken = mirrored.mirror.as_mut().map_or(Ok(()), |mirror| mirror.take(&batch));
        drop(mirrored);
        match taken {
            Ok(()) => Ok(()),
            Err(LedgerError::RootMismatch { .. }) => {
                let why = format!(
                    "{name} does not hash up to what was signed after the mirror's entries: it is damaged there, or forked"
                );
                Err(self.diverge(site, &batch, &why))
            }
            Err(error) => Err(PullError::ledger(&name, error)),
        }
    }

    /// The ledger no longer goes on from the mirror: what was signed is kept, and people are told, once.
    pub(super) fn diverge(&self, site: &SiteId, proof: &[u8], reason: &str) -> PullError {
        match self.write_divergence(site, proof, reason) {
            Ok(()) => PullError::Line(format!("the ledger of {site} does not go on from the mirror here: {reason}")),
            Err(error) => error,
        }
    }

    fn write_divergence(&self, site: &SiteId, proof: &[u8], reason: &str) -> Result<(), PullError> {
        let mut mirrored = lock(&self.mirrored);
        mirrored.diverged = Some(reason.to_owned());
        let Some((size, root)) = mirrored.mirror.as_ref().map(|its| (its.log().size(), its.log().root())) else {
            return Ok(());
        };
        drop(mirrored);
        // It is told what this site said of its ledger once more: it may not know what became of it.
        lock(&self.exchange).handed = None;
        Ok(self.base.write_divergence(site, (size, root), proof, reason)?)
    }

    /// Keeps the cards that the other site believed: in them are the CAs of certificates that may be adopted. What is
    /// not there, as before cards were kept, keeps nothing else from coming.
    fn take_cards(&self, site: &SiteId, there: &dyn There) -> Result<(), PullError> {
        let known = lock(&self.mirrored).catalog.known_cards()?;
        for hash in known.iter().filter_map(|card| card.parse().ok()).take(MOST_CARDS) {
            if cards::text(&*self.store, site, &hash)?.is_some() {
                continue;
            }
            let name: ObjectName = format!("site/{site}/cards/{hash}")
                .parse()
                .map_err(|error: pulih_vault::id::BadId| PullError::Here(error.to_string()))?;
            let bytes = match there.read(&name, card::MAX_BYTES as u64) {
                Err(StoreError::NotFound { .. }) => continue,
                read => read.map_err(|error| PullError::there(&name, error))?,
            };
            let text = String::from_utf8(bytes).map_err(|error| PullError::refused(&name, error))?;
            if card::fingerprint(&text) != hash {
                return Err(PullError::refused(&name, "it does not have the hash in its name"));
            }
            cards::put(&*self.store, site, &text)?;
        }
        Ok(())
    }

    /// Keeps the regulation packs that the Pusat Data follows: what it is held against is judged here too. What is not
    /// there keeps nothing else from coming.
    fn take_packs(&self, site: &SiteId, there: &dyn There) -> Result<(), PullError> {
        let known = lock(&self.mirrored).catalog.regulation_objects()?;
        for hash in known.iter().filter_map(|hash| hash.parse::<ObjectHash>().ok()).take(MOST_PACKS) {
            let name = attest::pack::object(site, hash)?;
            if self.is_here(&name)? {
                continue;
            }
            let bytes = match there.read(&name, pulih_policies::MAX_BYTES as u64) {
                Err(StoreError::NotFound { .. }) => continue,
                read => read.map_err(|error| PullError::there(&name, error))?,
            };
            if ObjectHash::of(&bytes) != hash {
                return Err(PullError::refused(&name, "it does not have the hash in its name"));
            }
            match self.store.create(&name, &bytes) {
                Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
                Err(error) => return Err(PullError::here(error)),
            }
        }
        Ok(())
    }

    /// Keeps the text of the policy that the Pusat Data follows. It is not followed here.
    fn take_policy(&self, site: &SiteId, object: Option<String>, there: &dyn There) -> Result<(), PullError> {
        let Some(hash) = object.and_then(|hash| hash.parse::<ObjectHash>().ok()) else { return Ok(()) };
        let name: ObjectName = format!("site/{site}/policies/{hash}")
            .parse()
            .map_err(|error: pulih_vault::id::BadId| PullError::Here(error.to_string()))?;
        let limit = pulih_policies::MAX_BYTES as u64;
        let bytes = self.read_nearest(there, &name, hash, limit)?;
        let policy = Policy::parse("policy", &bytes).map_err(|error| PullError::refused(&name, error))?;
        match self.store.create(&name, &bytes) {
            Ok(()) | Err(StoreError::AlreadyExists { .. }) => {}
            Err(error) => return Err(PullError::here(error)),
        }
        self.propose_policy(site, hash, &policy)
    }
}
