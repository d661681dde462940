//! Maximal blocks to choose from.
//!
//! Those that one row or one column spans come first, then Close-by-One breadth first: blocks
//! spanned by two rows before those spanned by three. So where there are too many of them, what is
//! left out are the narrow ones.

use std::collections::{BTreeSet, VecDeque};

use fixedbitset::FixedBitSet;

use super::graph::{Graph, Rect};

/// Returns maximal blocks, at most about `most`, within `steps` comparisons of rows.
pub(super) fn maximal(graph: &Graph, most: usize, mut steps: usize) -> Vec<Rect> {
    let mut found = Vec::new();
    let mut known = BTreeSet::new();
    let mut keep = |rect: Rect| {
        if !rect.is_empty() && known.insert(rect.clone()) {
            found.push(rect);
        }
        found.len()
    };
    for cols in &graph.allowed {
        keep(Rect { rows: graph.common_rows(cols), cols: cols.clone() });
    }
    for rows in graph.columns() {
        keep(Rect { cols: graph.common_cols(&rows), rows });
    }

    let cols = graph.common_cols(&graph.no_rows());
    let mut open = VecDeque::from([(Rect { rows: graph.common_rows(&cols), cols }, 0)]);
    while let Some((rect, from)) = open.pop_front() {
        for row in from..graph.height() {
            if rect.rows.contains(row) {
                continue;
            }
            let Some(left) = steps.checked_sub(graph.height()) else { return found };
            steps = left;
            let Some(allowed) = graph.allowed.get(row) else { continue };
            let cols = &rect.cols & allowed;
            if cols.is_clear() {
                continue;
            }
            let rows = graph.common_rows(&cols);
            // Each block is reached from one other only: the one that lacks its largest row.
            if same_below(&rect.rows, &rows, row) {
                let next = Rect { rows, cols };
                if keep(next.clone()) >= most {
                    return found;
                }
                open.push_back((next, row + 1));
            }
        }
    }
    found
}

/// Returns whether both hold the same rows before `end`.
fn same_below(a: &FixedBitSet, b: &FixedBitSet, end: usize) -> bool {
    a.ones().take_while(|row| *row < end).eq(b.ones().take_while(|row| *row < end))
}
