//! Chooses blocks one by one: the one that saves most.

use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

use fixedbitset::FixedBitSet;

use super::graph::{Graph, Print, Rect};

/// What a candidate would do now.
struct Offer {
    /// The block without what is covered already.
    rect: Rect,
    cost: usize,
    /// What its uncovered edges would cost one by one.
    alone: usize,
}

/// A candidate's place in the queue, by what it last offered.
#[derive(PartialEq, Eq)]
struct Rank {
    cost: usize,
    alone: usize,
    candidate: usize,
}

impl Ord for Rank {
    fn cmp(&self, other: &Rank) -> Ordering {
        let product = |a: usize, b: usize| (a as u128) * (b as u128);
        product(self.cost, other.alone)
            .cmp(&product(other.cost, self.alone))
            .then(self.candidate.cmp(&other.candidate))
    }
}

impl PartialOrd for Rank {
    fn partial_cmp(&self, other: &Rank) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns a cover of candidates; what they leave after `steps` is covered row by row.
pub(super) fn greedy(graph: &Graph, candidates: &[Rect], mut steps: usize) -> Vec<Rect> {
    let mut uncovered = graph.required.clone();
    let mut chosen = Vec::new();
    let mut queue: BinaryHeap<Reverse<Rank>> = BinaryHeap::new();
    for (candidate, rect) in candidates.iter().enumerate() {
        if let Some(Offer { cost, alone, .. }) = offer(graph, rect, &uncovered, &mut steps) {
            queue.push(Reverse(Rank { cost, alone, candidate }));
        }
    }
    while let Some(Reverse(Rank { candidate, .. })) = queue.pop() {
        if steps == 0 {
            break;
        }
        let Some(rect) = candidates.get(candidate) else { continue };
        let Some(now) = offer(graph, rect, &uncovered, &mut steps) else { continue };
        let rank = Rank { cost: now.cost, alone: now.alone, candidate };
        // An offer is renewed only when its turn comes: most get no better by what others cover.
        if queue.peek().is_some_and(|Reverse(next)| *next < rank) {
            queue.push(Reverse(rank));
            continue;
        }
        for row in now.rect.rows.ones() {
            if let Some(left) = uncovered.get_mut(row) {
                left.difference_with(&now.rect.cols);
            }
        }
        chosen.push(now.rect);
    }
    for (row, cols) in uncovered.into_iter().enumerate() {
        if !cols.is_clear() {
            let mut rows = graph.no_rows();
            rows.insert(row);
            chosen.push(Rect { rows, cols });
        }
    }
    chosen
}

fn offer(
    graph: &Graph,
    rect: &Rect,
    uncovered: &[FixedBitSet],
    steps: &mut usize,
) -> Option<Offer> {
    let (mut rows, mut cols) = (graph.no_rows(), graph.no_cols());
    let mut alone = 0;
    let chars = |of: &[Print], n: usize| of.get(n).map_or(0, |print| print.chars);
    for row in rect.rows.ones() {
        let Some(uncovered) = uncovered.get(row) else { continue };
        let new = &rect.cols & uncovered;
        let with_row = graph.frame + chars(&graph.row_print, row);
        let mut edges = 0;
        for col in new.ones() {
            alone += with_row + chars(&graph.col_print, col);
            edges += 1;
        }
        *steps = steps.saturating_sub(edges + 1);
        if edges > 0 {
            rows.insert(row);
            cols.union_with(&new);
        }
    }
    let rect = Rect { rows, cols };
    (!rect.is_empty()).then(|| Offer { cost: graph.cost(&rect), alone, rect })
}
