//! What comes over first: the dataset that is nearest to breaking its DRC target, or deepest past
//! it. Pure: the same waiting snapshots, points and targets always give the same order.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use pulih_policies::Class;

/// A snapshot that the Pusat Data accepted and that is not here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub vault: String,
    pub dataset: String,
    pub snapshot: String,
    pub opd: String,
    pub agent: String,
    pub class: String,
    /// The earlier of when the ledger there says that it was accepted and when it was captured.
    pub accepted: i64,
    /// When the ledger there says that it was accepted, and whether late.
    pub there: i64,
    pub late: bool,
    /// When it was captured, as the ledger there says; the manifest has to say the same.
    pub captured: String,
    pub keep_until: Option<i64>,
    pub tiers: String,
    pub stored_bytes: u64,
    pub partial: bool,
    /// What is still to fetch, as far as the ledger tells.
    pub estimate_bytes: u64,
}

/// Vault and name of a dataset.
pub type Dataset = (String, String);

/// What is here of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Here {
    /// The time of its newest recovery point: when it was accepted there or was complete here, the earlier.
    pub newest: Option<i64>,
    /// The newest acceptance of all that is here.
    pub accepted: Option<i64>,
    /// Most bytes that a snapshot here needs.
    pub stored_bytes: u64,
}

impl Waiting {
    pub fn of(&self) -> Dataset {
        (self.vault.clone(), self.dataset.clone())
    }

    /// Its place among the snapshots of its dataset, as the ledger there has them.
    pub fn place(&self) -> (i64, &str) {
        (self.there, &self.snapshot)
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    /// The newest of its dataset: by when that is due, class, and what there is to fetch.
    Newest {
        due: i64,
        class: usize,
        bytes: u64,
    },
    /// An older one: the newest first.
    Older(Reverse<i64>),
    Partial(Reverse<i64>),
}

/// Puts waiting snapshots in the order in which they come over. `target` is a dataset's DRC target in seconds.
pub fn order(
    mut waiting: Vec<Waiting>,
    here: &BTreeMap<Dataset, Here>,
    target: impl Fn(&Waiting) -> i64,
) -> Vec<Waiting> {
    let (mut newest, mut oldest) = (BTreeMap::<Dataset, i64>::new(), BTreeMap::<Dataset, i64>::new());
    for its in waiting.iter().filter(|its| !its.partial) {
        let its_newest = newest.entry(its.of()).or_insert(its.accepted);
        *its_newest = its.accepted.max(*its_newest);
        let its_oldest = oldest.entry(its.of()).or_insert(its.accepted);
        *its_oldest = its.accepted.min(*its_oldest);
    }
    let rank = |its: &Waiting| {
        let (dataset, back) = (its.of(), Reverse(its.accepted));
        let here = here.get(&dataset).copied().unwrap_or_default();
        if its.partial {
            return Rank::Partial(back);
        }
        if newest.get(&dataset) != Some(&its.accepted) || here.accepted.is_some_and(|at| at >= its.accepted) {
            return Rank::Older(back);
        }
        let from = here.newest.or(oldest.get(&dataset).copied()).unwrap_or(its.accepted);
        let class = Class::ALL.iter().position(|class| class.as_str() == its.class).unwrap_or(Class::ALL.len());
        Rank::Newest { due: from.saturating_add(target(its)), class, bytes: its.estimate_bytes }
    };
    waiting.sort_by_cached_key(|its| (rank(its), its.of(), its.snapshot.clone()));
    waiting
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(dataset: &str, class: &str, accepted: i64, bytes: u64) -> Waiting {
        Waiting {
            vault: "v".into(),
            dataset: dataset.into(),
            snapshot: format!("{accepted:010}"),
            opd: String::new(),
            agent: String::new(),
            class: class.into(),
            accepted,
            there: accepted,
            late: false,
            captured: String::new(),
            keep_until: None,
            tiers: String::new(),
            stored_bytes: bytes,
            partial: false,
            estimate_bytes: bytes,
        }
    }

    fn here(dataset: &str, newest: i64) -> (Dataset, Here) {
        let its = Here { newest: Some(newest), accepted: Some(newest), stored_bytes: 0 };
        (("v".into(), dataset.into()), its)
    }

    fn names(ordered: &[Waiting]) -> Vec<String> {
        ordered.iter().map(|its| format!("{}@{}", its.dataset, its.accepted)).collect()
    }

    #[test]
    fn the_nearest_to_its_target_comes_first_and_the_newest_before_all_older_ones() {
        let here = BTreeMap::from([here("a", 100), here("b", 400), here("c", 50)]);
        let target = |its: &Waiting| if its.dataset == "c" { 1000 } else { 100 };
        let all = vec![
            waiting("a", "publik", 510, 1),
            waiting("a", "publik", 520, 1),
            waiting("b", "strategis", 530, 1),
            waiting("c", "strategis", 540, 1),
            waiting("d", "publik", 20, 1),
            waiting("d", "publik", 550, 1),
        ];
        // Never here: due from its oldest on, 120; a: 200; b: 500; c: 1050.
        assert_eq!(names(&order(all, &here, target)), ["d@550", "a@520", "b@530", "c@540", "a@510", "d@20"]);
    }

    #[test]
    fn on_a_tie_the_class_and_then_the_size_decide() {
        let here = BTreeMap::from([here("a", 1), here("b", 1), here("c", 1)]);
        let all =
            vec![waiting("a", "publik", 10, 1), waiting("b", "strategis", 10, 900), waiting("c", "strategis", 10, 5)];
        assert_eq!(names(&order(all, &here, |_| 60)), ["c@10", "b@10", "a@10"]);
    }

    #[test]
    fn what_is_older_than_what_is_here_is_no_news_and_partial_ones_are_last() {
        let here = BTreeMap::from([here("a", 100)]);
        let mut partial = waiting("b", "strategis", 500, 1);
        partial.partial = true;
        let all = vec![partial, waiting("a", "strategis", 50, 1), waiting("b", "publik", 20, 1)];
        assert_eq!(names(&order(all, &here, |_| 1)), ["b@20", "a@50", "b@500"]);
    }
}
