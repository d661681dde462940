//! The cheapest cover of a small graph, by branch and bound.
//!
//! Each required edge goes into one of the blocks so far, which grows by its row and column, or
//! opens a block; edges that the blocks hold by then are done. The edge with the fewest ways comes
//! next. What is left has a price of at least: for edges of which no two share a row or a column,
//! each adds a row or a column to some block, and those that fit into no block nor with one
//! another open one each.

use fixedbitset::FixedBitSet;

use super::graph::{Graph, Print, Rect};

/// Rows and columns of a graph that is small enough.
pub(super) const SIDE: usize = 10;

/// Rows or columns as bits.
type Set = u16;

/// What a list pays for brackets and commas once it holds two names, against one.
const BRACKETS: usize = 2;

#[derive(Clone, Copy)]
struct Block {
    rows: Set,
    cols: Set,
}

#[derive(Clone, Copy)]
struct Edge {
    row: usize,
    col: usize,
}

struct Search<'g> {
    allowed: Vec<Set>,
    rows: &'g [Print],
    cols: &'g [Print],
    /// A statement's frame and the two lists without their names.
    frame: usize,
    /// What a cover must cost less than.
    bound: usize,
    best: Option<Vec<Block>>,
    steps: usize,
}

/// Returns the cheapest cover that costs less than `bound`, if there is one.
///
/// Where `steps` do not suffice it is the best that was found, and `steps` is then 0.
pub(super) fn exact(graph: &Graph, bound: usize, steps: &mut usize) -> Option<Vec<Rect>> {
    if graph.height() > SIDE || graph.width() > SIDE {
        return None;
    }
    let masks = |matrix: &[FixedBitSet]| -> Vec<Set> {
        matrix.iter().map(|row| row.ones().fold(0, |mask, col| mask | bit(col))).collect()
    };
    let mut search = Search {
        allowed: masks(&graph.allowed),
        rows: &graph.row_print,
        cols: &graph.col_print,
        frame: graph.frame.saturating_sub(BRACKETS),
        bound,
        best: None,
        steps: *steps,
    };
    search.run(&mut Vec::new(), &masks(&graph.required), 0);
    *steps = search.steps;
    let set = |mask: Set, mut all: FixedBitSet| {
        all.extend(bits(mask));
        all
    };
    let rect = |block: Block| Rect {
        rows: set(block.rows, graph.no_rows()),
        cols: set(block.cols, graph.no_cols()),
    };
    Some(search.best?.into_iter().map(rect).collect())
}

impl Search<'_> {
    fn run(&mut self, blocks: &mut Vec<Block>, uncovered: &[Set], cost: usize) {
        let Some(left) = self.steps.checked_sub(1) else { return };
        self.steps = left;
        if cost + self.least(blocks, uncovered) >= self.bound {
            return;
        }
        let Some(edge) = self.tightest(blocks, uncovered) else {
            self.bound = cost;
            self.best = Some(blocks.clone());
            return;
        };
        // Cheap ways first, so that the bound falls soon; opening a block is the last.
        let mut ways: Vec<(usize, usize)> = (0..)
            .zip(blocks.iter())
            .filter(|(_, block)| self.fits(**block, edge))
            .map(|(n, block)| (self.growth(*block, edge), n))
            .collect();
        ways.sort_unstable();
        for (more, n) in ways {
            let Some(block) = blocks.get(n).copied() else { continue };
            let grown =
                Block { rows: block.rows | bit(edge.row), cols: block.cols | bit(edge.col) };
            if let Some(place) = blocks.get_mut(n) {
                *place = grown;
            }
            self.run(blocks, &without(uncovered, grown), cost + more);
            if let Some(place) = blocks.get_mut(n) {
                *place = block;
            }
        }
        let opened = Block { rows: bit(edge.row), cols: bit(edge.col) };
        blocks.push(opened);
        self.run(blocks, &without(uncovered, opened), cost + self.alone(edge));
        blocks.pop();
    }

    /// Returns the uncovered edge that the fewest blocks can take.
    fn tightest(&self, blocks: &[Block], uncovered: &[Set]) -> Option<Edge> {
        edges(uncovered)
            .min_by_key(|edge| blocks.iter().filter(|block| self.fits(**block, *edge)).count())
    }

    /// Returns what covering the rest costs at least.
    fn least(&self, blocks: &[Block], uncovered: &[Set]) -> usize {
        let (mut rows, mut cols): (Set, Set) = (0, 0);
        let mut opening: Vec<Edge> = Vec::new();
        let mut least = 0;
        for must_open in [true, false] {
            for edge in edges(uncovered) {
                if rows & bit(edge.row) != 0 || cols & bit(edge.col) != 0 {
                    continue;
                }
                if must_open {
                    let joins = |block: &Block| self.fits(*block, edge);
                    let together = |other: &Edge| {
                        self.fits(Block { rows: bit(other.row), cols: bit(other.col) }, edge)
                    };
                    if blocks.iter().any(joins) || opening.iter().any(together) {
                        continue;
                    }
                    opening.push(edge);
                    least += self.alone(edge);
                } else {
                    least += chars(self.rows, edge.row).min(chars(self.cols, edge.col));
                }
                rows |= bit(edge.row);
                cols |= bit(edge.col);
            }
        }
        least
    }

    /// Returns whether the block may grow by the edge.
    fn fits(&self, block: Block, edge: Edge) -> bool {
        let cols = block.cols | bit(edge.col);
        bits(block.rows | bit(edge.row))
            .all(|row| self.allowed.get(row).is_some_and(|allowed| allowed & cols == cols))
    }

    fn alone(&self, edge: Edge) -> usize {
        let list = |of: &[Print], n| chars(of, n) + brackets(of, bit(n));
        self.frame + list(self.rows, edge.row) + list(self.cols, edge.col)
    }

    fn growth(&self, block: Block, edge: Edge) -> usize {
        let list = |of: &[Print], old: Set, n: usize| {
            let new = old | bit(n);
            if new == old { 0 } else { chars(of, n) + brackets(of, new) - brackets(of, old) }
        };
        list(self.rows, block.rows, edge.row) + list(self.cols, block.cols, edge.col)
    }
}

fn bit(n: usize) -> Set {
    1 << n
}

fn bits(mut mask: Set) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let n = mask.trailing_zeros();
        mask &= mask.wrapping_sub(1);
        (n < Set::BITS).then_some(n as usize)
    })
}

fn chars(of: &[Print], n: usize) -> usize {
    of.get(n).map_or(0, |print| print.chars)
}

/// Returns what a list of these pays for holding more than one name.
fn brackets(of: &[Print], at: Set) -> usize {
    let names: usize = bits(at).filter_map(|n| of.get(n)).map(|print| print.names).sum();
    if names > 1 { BRACKETS } else { 0 }
}

fn edges(matrix: &[Set]) -> impl Iterator<Item = Edge> {
    matrix.iter().enumerate().flat_map(|(row, cols)| bits(*cols).map(move |col| Edge { row, col }))
}

fn without(uncovered: &[Set], block: Block) -> Vec<Set> {
    let rest = |(row, cols): (usize, &Set)| {
        if block.rows & bit(row) == 0 { *cols } else { cols & !block.cols }
    };
    uncovered.iter().enumerate().map(rest).collect()
}
