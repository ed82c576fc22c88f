//! A Pusat Data of very many objects, without anyone's content: packs of a few bytes under their own hashes;
//! descriptions, reaches and manifests that are signed; a ledger that has accepted each snapshot.
//!
//! `crowd STORE LEDGER_KEY KEYS VAULTS PACKS FIRST LAST`: the snapshots from number FIRST to LAST of each of so many
//! vaults, each of which needs so many packs, ten of them other ones than the snapshot before. KEYS is a file with
//! the keys of owner and agents, made where there is none.

use std::collections::BTreeSet;
use std::error::Error;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use pulih_ledger::entry::Body;
use pulih_ledger::entry::kinds::{AgentEnrolled, AgentInvited, CertificateIssued, OpdAdded, SnapshotAccepted};
use pulih_ledger::ids::{AgentId, Sha256};
use pulih_ledger::{Actor, Entry, Ledger};
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, DescriptionName, NewDescription, OWNER_KEY_NAME, VaultSecrets, agent_key_name};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, ManifestName};
use pulih_vault::manifest::{Changes, Counts, Facts, Manifest};
use pulih_vault::note::SigningKey;
use pulih_vault::reach::{PackUse, Reach, chain};
use pulih_vault::store::{DirStore, Store};
use pulih_vault::utc;
use ring::rand::SystemRandom;

/// Packs that a snapshot has and the one before it has not.
const FRESH: u64 = 10;
/// When the first snapshot was accepted; each comes an hour later.
const BEGIN: i64 = 1_790_000_000;
/// Anyone's: nothing is opened here.
const RECIPIENT: &str = "age1lggyhqrw2nlhcxprm67z43rta597azn8gknawjehu9d9dl0jq3yqqvfafg";

type Done<T> = Result<T, Box<dyn Error>>;

fn at(number: u64) -> String {
    utc::rfc3339(BEGIN + 3600 * number as i64)
}

fn agent(number: u64) -> Done<AgentId> {
    Ok(format!("app-{number}").parse()?)
}

/// The owner's key first, then each agent's.
fn keys(file: &Path, vaults: u64) -> Done<Vec<SigningKey>> {
    if !file.exists() {
        let random = SystemRandom::new();
        let mut made = vec![SigningKey::generate(OWNER_KEY_NAME, &random)?];
        for number in 1..=vaults {
            made.push(SigningKey::generate(&agent_key_name(vault(number)), &random)?);
        }
        let lines: Vec<_> = made.iter().map(|key| key.to_secret_text().as_str().to_owned()).collect();
        fs::write(file, lines.join("\n"))?;
        return Ok(made);
    }
    let text = fs::read_to_string(file)?;
    text.lines().map(|line| Ok(SigningKey::from_secret_text(line)?)).collect()
}

fn vault(number: u64) -> VaultId {
    VaultId([number as u8; 16])
}

fn pack(vault: u64, number: u64) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&vault.to_le_bytes());
    bytes[8..].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// Not synced one by one, as an agent would have it: what is measured comes later.
fn write_pack(store: &Path, layout: Layout, bytes: &[u8]) -> Done<ObjectHash> {
    let hash = ObjectHash::of(bytes);
    let path = store.join(layout.pack(hash).as_str());
    if let Some(folder) = path.parent().filter(|folder| !folder.exists()) {
        fs::create_dir_all(folder)?;
    }
    if !path.exists() {
        fs::write(path, bytes)?;
    }
    Ok(hash)
}

fn entry(number: u64, body: impl Into<Body>) -> Done<Entry> {
    Ok(Entry::new("pusat-33.19".parse()?, at(number).parse()?, Actor::Site, body.into()))
}

/// The vault's description in the store, and the entries by which its agent is known.
fn begin(store: &dyn Store, owner: &SigningKey, key: &SigningKey, number: u64) -> Done<Vec<Entry>> {
    let (random, token) = (SystemRandom::new(), Sha256([number as u8; 32]));
    let draft = NewDescription {
        vault: vault(number),
        created: at(0),
        class: Class::NonPublik,
        chunker: ChunkSizes::DEFAULT,
        recipients: &[RECIPIENT.to_owned()],
        agent: key.verifier(),
        secrets: &VaultSecrets::generate(&random)?,
    };
    let note = draft.draft(&random)?.sign(&at(0), owner)?;
    let name = DescriptionName { number: 1, hash: ObjectHash::of(note.as_bytes()) };
    store.create(&Layout { vault: vault(number) }.description(name), note.as_bytes())?;
    let (opd, agent) = ("dinkes", agent(number)?);
    Ok(vec![
        entry(0, OpdAdded { opd: opd.parse()?, name: opd.into(), owner: Some(owner.verifier().fingerprint()) })?,
        entry(
            0,
            AgentInvited {
                agent: agent.clone(),
                opd: opd.parse()?,
                token_sha256: token,
                expires: at(48).parse()?,
                again: false,
            },
        )?,
        entry(
            0,
            CertificateIssued {
                agent: agent.clone(),
                serial: format!("{number:02x}"),
                certificate_sha256: token,
                not_before: at(0).parse()?,
                not_after: at(2000).parse()?,
                token_sha256: Some(token),
            },
        )?,
        entry(
            0,
            AgentEnrolled {
                agent,
                opd: opd.parse()?,
                vault: vault(number),
                class: Class::NonPublik.to_string(),
                owner: owner.verifier().fingerprint(),
                key: key.verifier(),
                host: "crowd".into(),
            },
        )?,
    ])
}

/// The description that the store has of a vault.
fn described(store: &dyn Store, layout: Layout) -> Done<DescriptionName> {
    let names = pulih_vault::trust::description_names(store, layout.vault)?;
    names.into_iter().next().ok_or_else(|| "the vault has no description".into())
}

fn main() -> Done<()> {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, folder, key, file, vaults, packs, first, last] = &arguments[..] else {
        return Err("crowd STORE LEDGER_KEY KEYS VAULTS PACKS FIRST LAST".into());
    };
    let (vaults, packs): (u64, u64) = (vaults.parse()?, packs.parse()?);
    let (first, last): (u64, u64) = (first.parse()?, last.parse()?);
    let keys = keys(Path::new(file), vaults)?;
    let store = Arc::new(DirStore::open(Path::new(folder))?);
    let ledger_key = SigningKey::from_secret_text(fs::read_to_string(key)?.trim())?;
    let mut ledger = Ledger::open(store.clone(), &"pusat-33.19".parse()?, ledger_key)?;
    for number in 1..=vaults {
        let layout = Layout { vault: vault(number) };
        let key = keys.get(number as usize).ok_or("there are fewer keys than vaults")?;
        if first == 1 {
            ledger.append(&begin(&*store, &keys[0], key, number)?)?;
        }
        let description = described(&*store, layout)?;
        let used = PackUse { stored_bytes: 16, live_bytes: 16, all_bytes: 16 };
        let mut reach = Reach { packs: [].into(), indexes: BTreeSet::new() };
        // The window of the snapshot before the first one: packs that are there already, but at the beginning.
        let mut base = None;
        for snapshot in first..=last {
            let window = snapshot * FRESH..snapshot * FRESH + packs;
            let wanted = if reach.packs.is_empty() { window.clone() } else { window.end - FRESH..window.end };
            for its in wanted {
                let hash = write_pack(Path::new(folder), layout, &pack(number, its))?;
                reach.packs.insert(hash, used);
            }
            for its in window.start - FRESH..window.start {
                reach.packs.remove(&ObjectHash::of(&pack(number, its)));
            }
            let hash = chain::store(&*store, layout, &reach, base, 64 << 10)?;
            base = Some(hash);
            let facts = Facts {
                vault: layout.vault,
                dataset: "letters".parse()?,
                sequence: snapshot,
                captured: at(snapshot),
                partial: false,
                program: "crowd".into(),
                host: "crowd".into(),
                description,
                chunker: ChunkSizes::DEFAULT,
                tree: None,
                counts: Counts::default(),
            };
            let manifest = Manifest {
                facts,
                finished: at(snapshot),
                rebuilt: false,
                changes: Changes::default(),
                reach: hash,
                previous: None,
                rejoined: None,
                head: None,
            };
            let note = manifest.sign(key);
            let name = ManifestName { sequence: snapshot, hash: ObjectHash::of(note.as_bytes()) };
            store.create(&layout.manifest(&"letters".parse()?, name), note.as_bytes())?;
            let accepted = SnapshotAccepted {
                vault: layout.vault,
                dataset: "letters".parse()?,
                manifest: name,
                captured: at(snapshot).parse()?,
                keep_until: Some(at(snapshot + 9000).parse()?),
                tiers: vec!["day".into()],
                stored_bytes: 16 * packs,
                partial: false,
                late: false,
            };
            ledger.append(&[entry(snapshot, accepted)?])?;
        }
    }
    ledger.checkpoint()?;
    println!("{} entries", ledger.log().size());
    Ok(())
}
