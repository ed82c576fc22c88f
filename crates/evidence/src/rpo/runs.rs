//! Every X of a period, as runs of whole numbers that come once each.

/// Of each run the least and the largest X, both included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Runs(Vec<(u64, u64)>);

impl Runs {
    pub(super) fn of(runs: Vec<(u64, u64)>) -> Self {
        Self(runs)
    }

    pub(super) fn join(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }

    pub fn worst(&self) -> Option<u64> {
        self.0.iter().map(|run| run.1).max()
    }

    /// The least x with at least so many thousandths of all seconds at or below it, for each of `thousandths`.
    pub fn quantiles<const N: usize>(&self, thousandths: [u64; N]) -> [Option<u64>; N] {
        let all: u128 = self.0.iter().map(|(least, most)| u128::from(most - least) + 1).sum();
        if all == 0 {
            return [None; N];
        }
        let mut edges: Vec<(u64, bool)> = Vec::with_capacity(self.0.len() * 2);
        for (least, most) in &self.0 {
            edges.extend([(*least, true), (most.saturating_add(1), false)]);
        }
        edges.sort_unstable();
        thousandths.map(|share| Some(least_with(&edges, (u128::from(share) * all).div_ceil(1000))))
    }
}

/// The least x up to which there are so many seconds. `edges`: where a run begins (`true`), and after its end.
fn least_with(edges: &[(u64, bool)], needed: u128) -> u64 {
    let (mut seen, mut dense, mut at) = (0_u128, 0_u128, 0);
    for (edge, begins) in edges {
        let here = u128::from(edge - at) * dense;
        if dense > 0 && seen + here >= needed {
            // The seconds at `at`, `at + 1`, … count `dense` each.
            return at + (needed - seen).div_ceil(dense).max(1) as u64 - 1;
        }
        seen += here;
        at = *edge;
        dense = if *begins { dense + 1 } else { dense - 1 };
    }
    at.saturating_sub(1)
}
