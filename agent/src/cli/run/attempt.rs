//! One attempt to save a dataset at the site: only if its OPD has approved that it is saved there.

use pulih_policies::Pattern;
use pulih_protocol::report::AgentView;
use pulih_stores::gateway::SiteClient;
use pulih_vault::layout::DatasetName;

use super::super::Context;
use super::super::address::StoreAddress;
use super::super::choose::{Writable, of_class};
use super::super::failure::Failure;
use super::super::save::{Save, walk_options};
use super::NOT_ENROLLED;
use super::shared::{Log, Shared};
use crate::backup::{Outcome, Source};
use crate::config::Dataset;
use crate::source::Excludes;
use crate::spool::SpoolLimit;
use crate::state::Site;

pub struct Attempt<'a> {
    pub shared: &'a Shared,
    pub context: &'a Context,
    pub name: &'a DatasetName,
    pub dataset: &'a Dataset,
    pub spool: SpoolLimit,
    /// Those of the policy that are followed.
    pub excludes: &'a [Pattern],
}

impl Attempt<'_> {
    pub fn run(&self) -> Result<Outcome, Failure> {
        let state = &self.shared.state;
        // Read anew: the certificate may have been renewed since.
        let site = state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
        let view = self.shared.view(&SiteClient::open(&site.credentials)?)?;
        let address = StoreAddress::Gateway(site.credentials.url.clone());
        let opened = address.open(state, self.context.turns(state))?;
        let vault = of_class(state, &*opened.store, self.dataset.class.as_str(), &site.credentials.url)?;
        self.must_be_approved(&site, &vault, &view)?;
        let monitor = Log::new(self.shared);
        let save = Save {
            opened: &opened,
            vault: &vault,
            dataset: self.name,
            chunks: self.dataset.chunks,
            spool: self.spool,
            interrupted: &self.context.stop,
            monitor: &monitor,
        };
        save.run(self.context, self.source()?)
    }

    fn must_be_approved(&self, site: &Site, vault: &Writable, view: &AgentView) -> Result<(), Failure> {
        let (name, id) = (self.name, vault.keys.vault.to_string());
        let mut datasets = view.vaults.iter().filter(|its| its.vault == id).flat_map(|its| &its.datasets);
        if datasets.any(|its| its.dataset == name.as_str() && its.approved) {
            return Ok(());
        }
        Err(Failure::said(format!(
            "{} has no approval in force that dataset {name} of {} is saved there, so nothing was sent; the OPD's \
             owner gives it, and `pulih-controller approve` at the site records it",
            site.name, site.opd
        )))
    }

    fn source(&self) -> Result<Source, Failure> {
        let policy = self.excludes.iter().map(|pattern| pattern.as_str().to_owned());
        let patterns: Vec<String> = policy.chain(self.dataset.excludes.iter().cloned()).collect();
        let excludes = Excludes::new(&patterns, &[]).map_err(|error| Failure::said(error.to_string()))?;
        let (caches, one) = (self.dataset.exclude_caches, self.dataset.one_file_system);
        let options = walk_options(&self.shared.state, None, excludes, caches, one);
        Ok(Source::Paths { roots: self.dataset.paths.clone(), options })
    }
}
