//! Makes a cover cheaper, and never dearer.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

use super::exact::exact;
use super::graph::{Graph, Rect};

/// Branch-and-bound steps for one small part of a cover.
const PART_STEPS: usize = 1_000;

/// Blocks that are taken apart together with one of their neighbours.
const NEIGHBOURS: usize = 3;

/// How many blocks hold each edge.
struct Counts(Vec<Vec<u32>>);

impl Counts {
    fn of(graph: &Graph, cover: &[Rect]) -> Counts {
        let mut counts = Counts(vec![vec![0; graph.width()]; graph.height()]);
        cover.iter().for_each(|rect| counts.change(&rect.rows, &rect.cols, 1));
        counts
    }

    fn change(&mut self, rows: &FixedBitSet, cols: &FixedBitSet, by: i32) {
        for row in rows.ones() {
            let Some(row) = self.0.get_mut(row) else { continue };
            for col in cols.ones() {
                if let Some(count) = row.get_mut(col) {
                    *count = count.saturating_add_signed(by);
                }
            }
        }
    }

    fn at(&self, row: usize, col: usize) -> u32 {
        self.0.get(row).and_then(|row| row.get(col)).copied().unwrap_or_default()
    }

    /// Returns whether other blocks hold all required edges of the rectangle too.
    fn spare(&self, graph: &Graph, rows: &FixedBitSet, cols: &FixedBitSet) -> bool {
        rows.ones().all(|row| {
            graph.required.get(row).is_none_or(|required| {
                cols.ones().all(|col| !required.contains(col) || self.at(row, col) > 1)
            })
        })
    }
}

/// Takes out what other blocks hold too, the dearest first, until nothing can go, and joins blocks
/// that share all rows or all columns.
pub(super) fn shrink(graph: &Graph, cover: &mut Vec<Rect>) {
    join(cover);
    let mut counts = Counts::of(graph, cover);
    cover.sort_by_cached_key(|rect| (std::cmp::Reverse(graph.cost(rect)), rect.clone()));
    cover.retain(|rect| {
        let idle = counts.spare(graph, &rect.rows, &rect.cols);
        if idle {
            counts.change(&rect.rows, &rect.cols, -1);
        }
        !idle
    });
    while shrink_once(graph, cover, &mut counts) {}
    cover.retain(|rect| !rect.is_empty());
    join(cover);
}

/// A row (or a column) of a block, dearest first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Part {
    chars: std::cmp::Reverse<usize>,
    block: usize,
    is_row: bool,
    at: usize,
}

fn shrink_once(graph: &Graph, cover: &mut [Rect], counts: &mut Counts) -> bool {
    let mut parts = Vec::new();
    for (block, rect) in cover.iter().enumerate() {
        for (is_row, set, print) in
            [(true, &rect.rows, &graph.row_print), (false, &rect.cols, &graph.col_print)]
        {
            parts.extend(set.ones().filter_map(|at| {
                let chars = std::cmp::Reverse(print.get(at)?.chars);
                Some(Part { chars, block, is_row, at })
            }));
        }
    }
    parts.sort_unstable();
    let mut changed = false;
    for Part { block, is_row, at, .. } in parts {
        let Some(rect) = cover.get_mut(block) else { continue };
        let mut one = if is_row { graph.no_rows() } else { graph.no_cols() };
        one.insert(at);
        let (rows, cols) = if is_row { (&one, &rect.cols) } else { (&rect.rows, &one) };
        if counts.spare(graph, rows, cols) {
            counts.change(rows, cols, -1);
            let side = if is_row { &mut rect.rows } else { &mut rect.cols };
            side.remove(at);
            changed = true;
        }
    }
    changed
}

/// Joins blocks that share all rows or all columns.
fn join(cover: &mut Vec<Rect>) {
    loop {
        let before = cover.len();
        let mut by_rows: BTreeMap<FixedBitSet, FixedBitSet> = BTreeMap::new();
        for Rect { rows, cols } in cover.drain(..) {
            by_rows.entry(rows).or_default().union_with(&cols);
        }
        let mut by_cols: BTreeMap<FixedBitSet, FixedBitSet> = BTreeMap::new();
        for (rows, cols) in by_rows {
            by_cols.entry(cols).or_default().union_with(&rows);
        }
        cover.extend(by_cols.into_iter().map(|(cols, rows)| Rect { rows, cols }));
        if cover.len() == before {
            return;
        }
    }
}

/// Takes a few neighbouring blocks apart at a time and covers what only they hold in the cheapest
/// way, until that gains nothing or the steps are used up.
pub(super) fn search(graph: &Graph, cover: &mut Vec<Rect>, mut steps: usize) {
    loop {
        let before = graph.total(cover);
        let mut at = 0;
        while at < cover.len() {
            for group in groups(cover, at) {
                if steps == 0 {
                    return;
                }
                recover(graph, cover, &group, &mut steps);
            }
            at += 1;
        }
        shrink(graph, cover);
        if graph.total(cover) >= before {
            return;
        }
    }
}

/// Returns groups of blocks around one of them: it and each later neighbour, and it and the
/// nearest of all.
fn groups(cover: &[Rect], at: usize) -> Vec<Vec<usize>> {
    let Some(rect) = cover.get(at) else { return Vec::new() };
    let mut near: Vec<(std::cmp::Reverse<usize>, usize)> = Vec::new();
    for (n, other) in cover.iter().enumerate() {
        let shared =
            rect.rows.intersection_count(&other.rows) + rect.cols.intersection_count(&other.cols);
        if n != at && shared > 0 {
            near.push((std::cmp::Reverse(shared), n));
        }
    }
    near.sort_unstable();
    let mut groups: Vec<Vec<usize>> =
        near.iter().filter(|(_, n)| *n > at).map(|(_, n)| vec![at, *n]).collect();
    if near.len() > 1 {
        groups.push(
            std::iter::once(at).chain(near.iter().take(NEIGHBOURS).map(|(_, n)| *n)).collect(),
        );
    }
    groups
}

/// Replaces the blocks of the group by cheaper ones, if there are any.
fn recover(graph: &Graph, cover: &mut Vec<Rect>, group: &[usize], steps: &mut usize) {
    let inside = |n: &usize| group.contains(n);
    let mut required = vec![graph.no_cols(); graph.height()];
    let mut bound = 0;
    for rect in group.iter().filter_map(|n| cover.get(*n)) {
        bound += graph.cost(rect);
        for row in rect.rows.ones() {
            if let Some(required) = required.get_mut(row) {
                required.union_with(&rect.cols);
            }
        }
    }
    for (row, required) in required.iter_mut().enumerate() {
        if required.is_clear() {
            continue;
        }
        if let Some(all) = graph.required.get(row) {
            required.intersect_with(all);
        }
        for (n, rect) in cover.iter().enumerate() {
            if !inside(&n) && rect.rows.contains(row) {
                required.difference_with(&rect.cols);
            }
        }
    }
    let part = graph.part(&required);
    let mut part_steps = PART_STEPS.min(*steps);
    let given = part_steps;
    let better = exact(&part.graph, bound, &mut part_steps);
    *steps = steps.saturating_sub(given - part_steps + group.len() + cover.len());
    let Some(better) = better else { return };
    let mut n = 0;
    cover.retain(|_| {
        n += 1;
        !inside(&(n - 1))
    });
    cover.extend(better.iter().map(|rect| part.expand(rect, graph)));
}
