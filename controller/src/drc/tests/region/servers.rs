//! Offices of a regency and their servers, each with a vault of its class, which save what a story says.

use std::collections::BTreeSet;

use pulih_policies::Class as PolicyClass;
use pulih_protocol::enroll::Request;
use pulih_vault::chunker::ChunkSizes;
use pulih_vault::description::{Class, DescriptionName, NewDescription, OWNER_KEY_NAME, VaultSecrets, agent_key_name};
use pulih_vault::id::{ObjectHash, VaultId};
use pulih_vault::layout::{Layout, ManifestName};
use pulih_vault::manifest::{Changes, Counts, Facts, Manifest};
use pulih_vault::note::SigningKey;
use pulih_vault::reach::{PackUse, Reach, chain};
use pulih_vault::store::Store as _;
use pulih_vault::utc;
use ring::rand::SystemRandom;

use super::super::lock;
use crate::pusat::Came;
use crate::pusat::tests::bench::{Bench, RECIPIENT, csr, manifest_name, now};

/// An office, and its servers by name and class.
pub struct Office {
    pub opd: &'static str,
    pub title: &'static str,
    pub servers: &'static [(&'static str, PolicyClass)],
}

pub struct Server {
    pub name: &'static str,
    pub opd: &'static str,
    pub class: PolicyClass,
    pub vault: VaultId,
    pub first: DescriptionName,
    key: SigningKey,
}

pub fn enroll(pusat: &Bench, offices: &[Office]) -> Vec<Server> {
    let mut all = Vec::new();
    for office in offices {
        let owner = SigningKey::generate(OWNER_KEY_NAME, &SystemRandom::new()).unwrap();
        pusat.pusat.add_opd(office.opd, office.title, &owner.verifier().fingerprint().to_string()).unwrap();
        for (name, class) in office.servers {
            let vault = VaultId([all.len() as u8 + 1; 16]);
            all.push(Server::enroll(pusat, &owner, office.opd, name, *class, vault));
        }
    }
    all
}

impl Server {
    fn enroll(
        pusat: &Bench,
        owner: &SigningKey,
        opd: &'static str,
        name: &'static str,
        class: PolicyClass,
        vault: VaultId,
    ) -> Self {
        let random = SystemRandom::new();
        let secret = crate::pki::hex(&pusat.pusat.invite(name, opd, false).unwrap().token.secret);
        let request = Request { secret, csr: csr(), host: name.to_owned(), program: "uji".into() };
        pusat.pusat.enroll(&request).unwrap();
        let key = SigningKey::generate(&agent_key_name(vault), &random).unwrap();
        let draft = NewDescription {
            vault,
            created: utc::rfc3339(now()),
            class: match class {
                PolicyClass::Strategis => Class::Strategis,
                PolicyClass::NonPublik => Class::NonPublik,
                PolicyClass::Publik => Class::Publik,
            },
            chunker: ChunkSizes::DEFAULT,
            recipients: &[RECIPIENT.to_owned()],
            agent: key.verifier(),
            secrets: &VaultSecrets::generate(&random).unwrap(),
        };
        let draft = draft.draft(&random).unwrap();
        let note = draft.sign(&utc::rfc3339(now()), owner).unwrap();
        let first = DescriptionName { number: draft.number(), hash: ObjectHash::of(note.as_bytes()) };
        let server = Self { name, opd, class, vault, first, key };
        pusat.pusat.describe(&server.agent(pusat), vault, first, note.as_bytes()).unwrap();
        server.is_heard(pusat);
        server
    }

    fn agent(&self, pusat: &Bench) -> crate::catalog::Agent {
        lock(&pusat.pusat.catalog).agent(self.name).unwrap().unwrap()
    }

    pub fn is_heard(&self, pusat: &Bench) {
        pusat.pusat.seen(self.name, self.name);
    }

    /// A whole snapshot of so many files and bytes, taken in.
    pub fn save(&self, pusat: &Bench, dataset: &str, sequence: u64, files: u64, bytes: u64) -> ManifestName {
        let layout = Layout { vault: self.vault };
        let id = self.vault.to_string();
        let content = format!("{} {dataset} {sequence}", self.name);
        let pack = ObjectHash::of(content.as_bytes());
        pusat.store.put(&layout.pack(pack), content.as_bytes());
        // What it says of itself is as small as it is: quotas go by that.
        let length = content.len() as u64;
        let used = PackUse { stored_bytes: length, live_bytes: length, all_bytes: length };
        let reach = Reach { packs: [(pack, used)].into(), indexes: BTreeSet::new() };
        let reach = chain::store(&*pusat.store, layout, &reach, None, 0).unwrap();
        {
            let catalog = lock(&pusat.pusat.catalog);
            for name in [layout.pack(pack), layout.reach(reach)] {
                let size = pusat.store.size(&name).unwrap();
                catalog.add_object(&id, name.as_str(), size).unwrap();
            }
        }
        let facts = Facts {
            vault: self.vault,
            dataset: dataset.parse().unwrap(),
            sequence,
            captured: utc::rfc3339(now()),
            partial: false,
            program: "uji".into(),
            host: self.name.to_owned(),
            description: self.first,
            chunker: ChunkSizes::DEFAULT,
            tree: None,
            counts: Counts { files, bytes, ..Counts::default() },
        };
        let note = Manifest {
            facts,
            finished: utc::rfc3339(now()),
            rebuilt: false,
            changes: Changes::default(),
            reach,
            previous: None,
            rejoined: None,
            head: None,
        }
        .sign(&self.key);
        let name = manifest_name(sequence, &note);
        let dataset = dataset.parse().unwrap();
        pusat.pusat.accept(&self.agent(pusat), self.vault, &dataset, name, note.as_bytes(), Came::Now).unwrap();
        name
    }
}
