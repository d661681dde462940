//! Grants as a bit matrix: actions are rows, resources are columns.
//!
//! Rows that look alike are one row (and so are columns): some smallest cover treats them alike.
//! For if the one is in the blocks S, the other in the blocks T, then both can be in whichever of
//! S and T is the shorter list, at no greater price.

use std::collections::BTreeMap;

use fixedbitset::FixedBitSet;

/// Rows × columns: one block.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rect {
    pub(super) rows: FixedBitSet,
    pub(super) cols: FixedBitSet,
}

/// How a row or a column prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Print {
    /// Characters of its names, each with quotes and a comma.
    pub(super) chars: usize,
    /// How many names it stands for.
    pub(super) names: usize,
}

/// What must be covered, and what may be.
#[derive(Clone, Debug)]
pub(super) struct Graph {
    /// For each row the columns that a block may join with it.
    pub(super) allowed: Vec<FixedBitSet>,
    /// For each row the columns with which some block must.
    pub(super) required: Vec<FixedBitSet>,
    pub(super) row_print: Vec<Print>,
    pub(super) col_print: Vec<Print>,
    /// Characters of a statement without its lists.
    pub(super) frame: usize,
}

/// A graph whose rows and columns each stand for several of another one.
pub(super) struct Merged {
    pub(super) graph: Graph,
    rows: Vec<Vec<usize>>,
    cols: Vec<Vec<usize>>,
}

impl Print {
    /// Returns the characters of a list: a list of one name has no brackets, and the last name no
    /// comma.
    pub(super) fn list(self) -> usize {
        match self.names {
            0 => 0,
            1 => self.chars - 1,
            _ => self.chars + 1,
        }
    }

    pub(super) fn with(self, other: Print) -> Print {
        Print { chars: self.chars + other.chars, names: self.names + other.names }
    }
}

impl Rect {
    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_clear() || self.cols.is_clear()
    }
}

impl Graph {
    pub(super) fn height(&self) -> usize {
        self.row_print.len()
    }

    pub(super) fn width(&self) -> usize {
        self.col_print.len()
    }

    pub(super) fn no_rows(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.height())
    }

    pub(super) fn no_cols(&self) -> FixedBitSet {
        FixedBitSet::with_capacity(self.width())
    }

    /// Returns the characters that the block prints as.
    pub(super) fn cost(&self, rect: &Rect) -> usize {
        let print = |of: &[Print], at: &FixedBitSet| {
            at.ones()
                .filter_map(|at| of.get(at))
                .fold(Print::default(), |sum, one| sum.with(*one))
                .list()
        };
        self.frame + print(&self.row_print, &rect.rows) + print(&self.col_print, &rect.cols)
    }

    pub(super) fn total(&self, rects: &[Rect]) -> usize {
        rects.iter().map(|rect| self.cost(rect)).sum()
    }

    /// Returns the columns that all of the rows may be joined with.
    pub(super) fn common_cols(&self, rows: &FixedBitSet) -> FixedBitSet {
        let mut cols = self.no_cols();
        cols.insert_range(..);
        for row in rows.ones().filter_map(|row| self.allowed.get(row)) {
            cols.intersect_with(row);
        }
        cols
    }

    /// Returns the rows that may be joined with all of the columns.
    pub(super) fn common_rows(&self, cols: &FixedBitSet) -> FixedBitSet {
        let mut rows = self.no_rows();
        rows.extend(
            (0..).zip(&self.allowed).filter(|(_, row)| cols.is_subset(row)).map(|(n, _)| n),
        );
        rows
    }

    /// Returns for each column the rows that may be joined with it.
    pub(super) fn columns(&self) -> Vec<FixedBitSet> {
        transposed(&self.allowed, self.width())
    }

    /// Returns the sets of rows that no column connects.
    pub(super) fn components(&self) -> Vec<FixedBitSet> {
        let columns = self.columns();
        let mut seen = self.no_rows();
        let mut components = Vec::new();
        for start in 0..self.height() {
            if seen.contains(start) {
                continue;
            }
            let mut component = self.no_rows();
            let mut open = vec![start];
            let mut seen_cols = self.no_cols();
            while let Some(row) = open.pop() {
                if component.put(row) {
                    continue;
                }
                for col in self.allowed.get(row).into_iter().flat_map(FixedBitSet::ones) {
                    if !seen_cols.put(col) {
                        open.extend(columns.get(col).into_iter().flat_map(FixedBitSet::ones));
                    }
                }
            }
            seen.union_with(&component);
            components.push(component);
        }
        components
    }

    /// Returns the part that has a required edge among `required`, given by row, with alike rows
    /// and columns merged.
    pub(super) fn part(&self, required: &[FixedBitSet]) -> Merged {
        let mut cols = self.no_cols();
        required.iter().for_each(|row| cols.union_with(row));
        let mut rows: BTreeMap<(FixedBitSet, &FixedBitSet), Vec<usize>> = BTreeMap::new();
        for (n, (must, may)) in required.iter().zip(&self.allowed).enumerate() {
            if !must.is_clear() {
                rows.entry((may & &cols, must)).or_default().push(n);
            }
        }
        let mut rows: Vec<(Vec<usize>, FixedBitSet, FixedBitSet)> =
            rows.into_iter().map(|((may, must), members)| (members, may, must.clone())).collect();
        rows.sort();
        let by_col = |matrix: Vec<FixedBitSet>| transposed(&matrix, self.width());
        let may = by_col(rows.iter().map(|(_, may, _)| may.clone()).collect());
        let must = by_col(rows.iter().map(|(_, _, must)| must.clone()).collect());
        let mut merged: BTreeMap<(&FixedBitSet, &FixedBitSet), Vec<usize>> = BTreeMap::new();
        for (n, key) in may.iter().zip(&must).enumerate() {
            if cols.contains(n) {
                merged.entry(key).or_default().push(n);
            }
        }
        let mut cols: Vec<(Vec<usize>, &FixedBitSet, &FixedBitSet)> =
            merged.into_iter().map(|((may, must), members)| (members, may, must)).collect();
        cols.sort();
        let print = |of: &[Print], members: &[usize]| {
            members.iter().filter_map(|n| of.get(*n)).fold(Print::default(), |sum, n| sum.with(*n))
        };
        let by_row = |matrix: Vec<FixedBitSet>| transposed(&matrix, rows.len());
        let graph = Graph {
            allowed: by_row(cols.iter().map(|(_, may, _)| (*may).clone()).collect()),
            required: by_row(cols.iter().map(|(_, _, must)| (*must).clone()).collect()),
            row_print: rows.iter().map(|(of, ..)| print(&self.row_print, of)).collect(),
            col_print: cols.iter().map(|(of, ..)| print(&self.col_print, of)).collect(),
            frame: self.frame,
        };
        Merged {
            graph,
            rows: rows.into_iter().map(|(members, ..)| members).collect(),
            cols: cols.into_iter().map(|(members, ..)| members).collect(),
        }
    }
}

impl Merged {
    /// Returns the block in the terms of the graph that this one was made from.
    pub(super) fn expand(&self, rect: &Rect, from: &Graph) -> Rect {
        let members = |of: &[Vec<usize>], at: &FixedBitSet, mut all: FixedBitSet| {
            all.extend(at.ones().filter_map(|n| of.get(n)).flatten().copied());
            all
        };
        Rect {
            rows: members(&self.rows, &rect.rows, from.no_rows()),
            cols: members(&self.cols, &rect.cols, from.no_cols()),
        }
    }
}

/// Swaps rows and columns.
fn transposed(matrix: &[FixedBitSet], width: usize) -> Vec<FixedBitSet> {
    let mut columns = vec![FixedBitSet::with_capacity(matrix.len()); width];
    for (n, row) in matrix.iter().enumerate() {
        for col in row.ones() {
            if let Some(column) = columns.get_mut(col) {
                column.insert(n);
            }
        }
    }
    columns
}
