//! One attempt to save a dataset at the site: only if its OPD has approved that it is saved there.

use pulih_policies::Pattern;
use pulih_protocol::report::AgentView;
use pulih_stores::gateway::SiteClient;
use pulih_vault::layout::DatasetName;

use super::super::Context;
use super::super::address::StoreAddress;
use super::super::choose::{Writable, of_class};
use super::super::drc;
use super::super::failure::Failure;
use super::super::save::{Save, walk_options};
use super::NOT_ENROLLED;
use super::shared::{Log, Shared};
use crate::backup::{Outcome, Source};
use crate::config::Dataset;
use crate::rewrite::RewriteLimit;
use crate::source::Excludes;
use crate::spool::SpoolLimit;
use crate::state::Site;

pub struct Attempt<'a> {
    pub shared: &'a Shared,
    pub context: &'a Context,
    pub name: &'a DatasetName,
    pub dataset: &'a Dataset,
    pub spool: SpoolLimit,
    pub rewrite: RewriteLimit,
    /// Those of the policy that are followed.
    pub excludes: &'a [Pattern],
}

impl Attempt<'_> {
    pub fn run(&self) -> Result<Outcome, Failure> {
        let state = &self.shared.state;
        // Read anew: the certificate may have been renewed since.
        let site = state.site()?.ok_or_else(|| Failure::said(NOT_ENROLLED))?;
        match self.shared.view(&SiteClient::open(&site.credentials)?) {
            Ok(view) => self.save_at(&site, &site.credentials.url, &view),
            Err(failure) if failure.is_away() => self.elsewhere(&site, failure),
            Err(failure) => Err(failure),
        }
    }

    /// Where the Pusat Data does not answer: the DRC says whether agents go on there, or at a new Pusat Data.
    fn elsewhere(&self, site: &Site, why: Failure) -> Result<Outcome, Failure> {
        let state = &self.shared.state;
        let Some(known) = state.drc()? else { return Err(why) };
        let heads = match drc::ask(state, site, &known, (self.shared.clock)()) {
            Ok(heads) => heads,
            Err(failure) => {
                return Err(why.as_cause_of(format!("the DRC was asked too, and did not answer: {}", failure.words())));
            }
        };
        let known = state.drc()?.unwrap_or(known);
        if heads.disaster.is_some() {
            self.context.inform(&format!("{} takes {} in: a disaster is declared there", known.card.name, self.name));
            let view = SiteClient::open(&known.credentials(site))?.view()?;
            return self.save_at(site, &known.card.url, &view);
        }
        match drc::move_to(state, site, &known, &heads)? {
            Some(site) => {
                self.context.inform(&format!("going on at {} ({})", site.name, site.credentials.url));
                let view = self.shared.view(&SiteClient::open(&site.credentials)?)?;
                self.save_at(&site, &site.credentials.url, &view)
            }
            None => Err(why),
        }
    }

    fn save_at(&self, site: &Site, url: &str, view: &AgentView) -> Result<Outcome, Failure> {
        let state = &self.shared.state;
        let opened = StoreAddress::Gateway(url.to_owned()).open(state, self.context.turns(state))?;
        let vault = of_class(state, &*opened.store, self.dataset.class.as_str(), url)?;
        self.must_be_approved(site, &vault, view)?;
        let monitor = Log::new(self.shared);
        let save = Save {
            opened: &opened,
            vault: &vault,
            dataset: self.name,
            chunks: self.dataset.chunks,
            spool: self.spool,
            rewrite: self.rewrite,
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
            view.site, site.opd
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
