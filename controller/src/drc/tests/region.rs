//! A regency: two sites that are paired, offices with servers of every class, and people who act at either site under
//! their own keys. What stands on the ledgers stands there as it would of a real one.

pub mod drills;
pub mod people;
pub mod servers;

use pulih_ledger::Log;
use pulih_ledger::entry::Body;
use pulih_ledger::ids::SiteId;
use pulih_vault::note::SigningKey;
use ring::rand::SystemRandom;

use super::bench::{DRC, PUSAT, Two, drc_now};
use crate::evidence::read::{Extent, Sources};
use crate::gateway::answer::Answer;
use crate::pusat::tests::bench::{Bench, in_memory, now};
use crate::site::{SiteDir, SiteRole};
use people::Person;
use servers::{Office, Server};

/// Of `site.toml` of both sites, the Pusat Data's first.
pub struct Files<'a>(pub &'a str, pub &'a str);

pub struct Region {
    pub two: Two,
    pub servers: Vec<Server>,
    /// An admin at both sites.
    pub dewi: Person,
}

/// At which of the two sites.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Pusat,
    Drc,
}

impl Region {
    /// Its admin is appointed by decree.
    pub fn new(files: &Files, offices: &[Office]) -> Self {
        Self::of(files, offices, Some("800/12/2026"))
    }

    /// The same, and nobody ever was.
    pub fn unappointed(files: &Files, offices: &[Office]) -> Self {
        Self::of(files, offices, None)
    }

    fn of(files: &Files, offices: &[Office], decree: Option<&str>) -> Self {
        let pusat = Bench::of(in_memory(), files.0);
        let servers = servers::enroll(&pusat, offices);
        let first = servers[0].first;
        let two = Two::of(pusat, first, in_memory(), files.1);
        std::fs::create_dir_all(two.drc.site.drill_scratch.as_ref().unwrap()).unwrap();
        two.pusat.pusat.describe_site().unwrap();
        two.drc.describe_site().unwrap();
        let key = SigningKey::generate("pulih-person", &SystemRandom::new()).unwrap();
        let dewi = Person { id: "dewi", key };
        let appointed = people::added(&dewi, "Dewi Lestari, Diskominfo", &["admin"], None, decree);
        two.pusat.write(appointed.clone());
        two.write(appointed);
        Self { two, servers, dewi }
    }

    pub fn server(&self, name: &str) -> &Server {
        self.servers.iter().find(|its| its.name == name).unwrap()
    }

    /// What a person does, signed.
    pub fn act(&self, at: At, by: &Person, body: impl Into<Body>, attachment: Option<&str>) -> Answer<()> {
        match at {
            At::Pusat => self.two.pusat.pusat.act(&by.sign(PUSAT, now(), body), attachment),
            At::Drc => self.two.drc.act(&by.sign(DRC, drc_now(), body), attachment),
        }
    }

    /// Somebody else, whom the admin adds at both sites.
    pub fn appoint(&self, id: &'static str, name: &str, roles: &[&str], opd: Option<&str>, decree: bool) -> Person {
        let its = Person { id, key: SigningKey::generate("pulih-person", &SystemRandom::new()).unwrap() };
        let decree = decree.then_some("800/12/2026");
        for at in [At::Pusat, At::Drc] {
            // A DRC knows no offices of its own.
            let opd = if at == At::Pusat { opd } else { None };
            if at == At::Pusat || !roles.contains(&"walidata") {
                let added = people::added(&its, name, roles, opd, decree);
                self.act(at, &self.dewi, added, None).unwrap();
            }
        }
        its
    }

    /// The ledgers as the DRC has them: its own, and the Pusat Data's as it is mirrored there.
    pub fn logs(&self) -> [Log; 2] {
        let keys = [&self.two.drc.record, &self.two.pusat.pusat.record].map(|it| super::lock(it).key().clone());
        let sites = [DRC, PUSAT].map(|its| its.parse::<SiteId>().unwrap());
        let [own, peer] = [0, 1].map(|at| Log::open(self.two.store.clone(), &sites[at], keys[at].clone()).unwrap());
        [own, peer]
    }

    pub fn sources<'s>(&'s self, [own, peer]: &'s [Log; 2]) -> Sources<'s> {
        Sources {
            site: DRC.parse().unwrap(),
            role: SiteRole::Drc,
            store: &*self.two.store,
            own: Extent::signed(own),
            peer: Some(Extent::signed(peer)),
        }
    }

    /// All that was written has a checkpoint, and the DRC has it.
    pub fn settle(&self) {
        self.two.drc.checkpoint().unwrap();
        self.two.pusat.pusat.checkpoint().unwrap();
        self.two.round().unwrap();
        self.two.drc.checkpoint().unwrap();
    }

    /// The DRC's folder, as its host has it: a program can be pointed at it.
    pub fn give_drc_to(&self, folder: &std::path::Path) {
        super::bench::copy_into(self.two.folder.path(), folder);
        let (store, dir) = (folder.join("objects"), SiteDir::at(folder.to_owned()));
        std::fs::rename(folder.join("store"), &store).unwrap();
        dir.write("store", store.to_str().unwrap()).unwrap();
        dir.write("ca.key", &self.two.ca_key).unwrap();
    }
}
