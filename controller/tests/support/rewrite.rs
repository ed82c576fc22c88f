//! History that is rewritten by whoever has a site, with its own key.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pulih_ledger::entry::kinds::OpdAdded;
use pulih_ledger::{Actor, Entry, Ledger, Log, View};
use pulih_vault::note::SigningKey;
use pulih_vault::store::{DirStore, Store};

/// What somebody makes of a site's ledger who has its key: as many entries, and from number `from` on they are
/// others. `place`: where its folder and its store are.
pub fn rewrite(place: &Path, site: &str, from: u64) {
    let folder = place.join("store");
    let key = || {
        let text = fs::read_to_string(place.join("site/ledger.key")).unwrap();
        SigningKey::from_secret_text(text.trim()).unwrap()
    };
    let (store, id) = (Arc::new(DirStore::open(&folder).unwrap()) as Arc<dyn Store>, site.parse().unwrap());
    let log = Log::open(store.clone(), &id, key().verifier()).unwrap();
    let mut entries: Vec<Entry> = Vec::new();
    for recorded in log.entries(0) {
        let its = recorded.unwrap().read().unwrap();
        let act = its.raw.get("act").and_then(|act| act.as_str()).map(str::to_owned);
        let View::Known(body) = its.view else { panic!("of another version") };
        entries.push(Entry { site: its.site, at: its.at, actor: its.actor, body: *body, act });
    }
    assert!(from < entries.len() as u64);
    for (n, entry) in entries.iter_mut().enumerate().skip(from as usize) {
        let body = OpdAdded { opd: format!("other-{n}").parse().unwrap(), name: "x".into(), owner: None };
        *entry = Entry::new(entry.site.clone(), entry.at.clone(), Actor::Site, body.into());
    }
    for part in ["batch", "tile", "checkpoint"] {
        fs::remove_dir_all(folder.join("site").join(site).join("ledger").join(part)).unwrap();
    }
    // A store keeps folders that it knows; another one looks anew.
    let store = Arc::new(DirStore::open(&folder).unwrap()) as Arc<dyn Store>;
    let mut ledger = Ledger::create(store, &id, key()).unwrap();
    ledger.append(&entries).unwrap();
    ledger.checkpoint().unwrap();
}
