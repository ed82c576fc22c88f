//! Which datasets a drill takes: never tried ones first, then the longest untried. The site cannot choose what it
//! would like to be asked.

use super::super::recovery::order::Dataset;
use super::super::{Drc, lock};
use crate::catalog::Catalog;
use crate::drc::recovery::parse_point;
use crate::gateway::answer::{Answer, Refusal};
use pulih_protocol::error::Code;

/// A dataset that could be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate<T> {
    /// `<vault>/<dataset>`.
    pub dataset: String,
    pub tried: Option<i64>,
    pub its: T,
}

/// So many of them, in the order in which they are tried.
pub fn choose<T>(mut all: Vec<Candidate<T>>, most: usize, occurrence: u64) -> Vec<T> {
    let drawn = |its: &Candidate<T>| {
        let text = format!("{}{occurrence}", its.dataset);
        let hash = ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
        // `None` comes before every time.
        (its.tried, hash.as_ref().to_vec())
    };
    all.sort_by_cached_key(drawn);
    all.into_iter().take(most).map(|its| its.its).collect()
}

impl Drc {
    /// The datasets of a class of which a complete point that is not suspected is here.
    pub(super) fn chosen(
        catalog: &Catalog,
        class: &str,
        kind: &str,
        most: usize,
        occurrence: u64,
    ) -> Answer<Vec<Dataset>> {
        let mut all = Vec::new();
        for pin in catalog.pins()?.into_iter().filter(|pin| pin.class == class) {
            for dataset in catalog.datasets_of(&pin.vault)? {
                let Some(point) = catalog.newest_before_suspicion(&pin.vault, &dataset)? else { continue };
                let tried = catalog.drill_tried(kind, &pin.vault, &dataset)?;
                let its = format!("{}/{dataset}/{}", pin.vault, point.snapshot);
                all.push(Candidate { dataset: format!("{}/{dataset}", pin.vault), tried, its });
            }
        }
        choose(all, most, occurrence).iter().map(|point| Self::of_point(catalog, point)).collect()
    }

    /// What is known here of a point.
    pub(super) fn of_point(catalog: &Catalog, point: &str) -> Answer<Dataset> {
        let none = || Refusal::new(Code::NotFound, format!("{point} is not at this site"));
        let (vault, dataset, snapshot) = parse_point(point)?;
        let pin = catalog.pin(vault)?.ok_or_else(none)?;
        let its = catalog.points(vault, dataset)?.into_iter().find(|its| its.snapshot == snapshot);
        Ok(Dataset {
            service: None,
            opd: pin.opd,
            agent: pin.agent,
            vault: vault.to_owned(),
            class: pin.class,
            dataset: dataset.to_owned(),
            snapshot: snapshot.to_owned(),
            captured: its.as_ref().map(|its| its.captured.clone()).unwrap_or_default(),
            stored_bytes: its.map_or(0, |its| its.stored_bytes),
            owner: pin.owner,
            is_other: false,
            done: false,
        })
    }

    /// The points that were announced.
    pub(super) fn drill_items(&self, points: &[String]) -> Answer<Vec<Dataset>> {
        let catalog = lock(&self.catalog);
        points.iter().map(|point| Self::of_point(&catalog, point)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidates(all: &[(&str, Option<i64>)]) -> Vec<Candidate<String>> {
        let of = |(name, tried): &(&str, Option<i64>)| Candidate {
            dataset: (*name).to_owned(),
            tried: *tried,
            its: (*name).to_owned(),
        };
        all.iter().map(of).collect()
    }

    #[test]
    fn never_tried_ones_come_first_then_the_longest_untried() {
        let all = candidates(&[("new", Some(30)), ("old", Some(10)), ("never", None), ("middle", Some(20))]);
        assert_eq!(choose(all.clone(), 3, 1), ["never", "old", "middle"]);
        assert_eq!(choose(all, 300, 1).len(), 4);
    }

    #[test]
    fn at_the_same_time_the_order_changes_with_the_occurrence_and_with_nothing_else() {
        let names: Vec<String> = (0..20).map(|n| format!("v/d{n}")).collect();
        let all: Vec<(&str, Option<i64>)> = names.iter().map(|name| (name.as_str(), None)).collect();
        let reversed: Vec<_> = all.iter().rev().copied().collect();
        assert_eq!(choose(candidates(&all), 5, 7), choose(candidates(&reversed), 5, 7));
        assert_ne!(choose(candidates(&all), 5, 7), choose(candidates(&all), 5, 8));
    }

    #[test]
    fn each_dataset_has_its_turn_within_as_many_drills_as_it_takes() {
        let mut tried = vec![None; 23];
        for drill in 1..=5u64 {
            let all = (0..23).map(|n| Candidate { dataset: format!("v/{n}"), tried: tried[n], its: n }).collect();
            choose(all, 5, drill).into_iter().for_each(|n| tried[n] = Some(drill as i64));
        }
        assert!(tried.iter().all(Option::is_some));
    }
}
