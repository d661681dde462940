//! The shortest statements for a set of grants.
//!
//! A statement grants each of its actions on each of its resources: a *block*. Which blocks make a
//! given set of (action, resource) grants, no more and no less, at the fewest characters, is a
//! biclique cover, which is NP-hard. So:
//!
//! 1. Actions that are granted on `*` alone share one block. The others stand by service, for
//!    people read policies by service.
//! 2. Alike actions, and alike resources, count as one ([`graph`]); parts that share nothing are
//!    covered apart.
//! 3. Of maximal blocks ([`candidates`]) the greedy choice is taken ([`greedy`]), beside it both
//!    plain groupings: a statement for each set of resources, a statement for each set of actions.
//! 4. Each of the three is shrunk, and the best is searched for cheaper parts ([`polish`]).
//! 5. Where a part has no more than ten different actions and resources, branch and bound finds
//!    the best there is, or in a dense part of that size what it found when its steps ran out
//!    ([`exact`]).
//!
//! What holds of the result, always: it grants what was asked for and nothing else; without any
//! action or resource of any block it would not; it is no longer than either plain grouping; and
//! it depends on the set alone. All limits are counts of steps, never time. A *cost* is characters
//! as [`PolicyDocument::size`](trailtrim_iam::PolicyDocument::size) counts them.

use std::collections::{BTreeMap, BTreeSet};

use fixedbitset::FixedBitSet;
use trailtrim_iam::{Condition, PolicyDocument, Statement};

use crate::sid::{HASH_CHARS, service_name};
use graph::{Graph, Print, Rect};

mod candidates;
mod exact;
mod graph;
mod greedy;
mod polish;
#[cfg(test)]
mod tests;

/// Maximal blocks to choose from, at most.
const CANDIDATES: usize = 2_000;

/// Comparisons of rows to find them with.
const CANDIDATE_STEPS: usize = 2_000_000;

/// Edges to look at while choosing.
const GREEDY_STEPS: usize = 10_000_000;

/// Steps of the search for cheaper parts.
const SEARCH_STEPS: usize = 200_000;

/// Steps of branch and bound for one part.
const EXACT_STEPS: usize = 50_000;

/// A statement's actions and resources.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Block {
    /// The actions, as given.
    pub actions: BTreeSet<String>,
    /// The resource patterns, as given.
    pub resources: BTreeSet<String>,
}

/// Pairs of an action and a resource pattern.
pub type Grants = BTreeSet<(String, String)>;

/// Returns blocks that together grant exactly what is asked for, all under the same
/// conditions.
///
/// Blocks hold actions of one service each, but for the actions that are granted on `*` alone:
/// these share a block, which comes last. Both sides of a grant are plain text here: leave out
/// beforehand what a wildcard beside it covers.
///
/// ```
/// use trailtrim_emitter::cover::cover;
/// let grant = |action: &str, resource: &str| (action.to_owned(), resource.to_owned());
/// let blocks = cover(&[
///     grant("s3:GetObject", "arn:aws:s3:::a/*"),
///     grant("s3:GetObject", "arn:aws:s3:::b/*"),
///     grant("s3:PutObject", "arn:aws:s3:::b/*"),
///     grant("s3:ListAllMyBuckets", "*"),
/// ].into());
/// assert_eq!(blocks.len(), 3);
/// ```
#[must_use]
pub fn cover(grants: &Grants) -> Vec<Block> {
    cover_under(grants, 0, Effort::Full)
}

/// How hard to look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effort {
    /// All that the module's page says.
    Full,
    /// Without the search for cheaper parts and the proof: for trying things out. Never cheaper
    /// than with it.
    Quick,
}

/// Returns what [`cover`] does, where each statement has `extra` more characters: its condition,
/// or a longer id.
pub(crate) fn cover_under(grants: &Grants, extra: usize, effort: Effort) -> Vec<Block> {
    let mut resources_of: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (action, resource) in grants {
        resources_of.entry(action).or_default().insert(resource);
    }
    let mut everywhere: BTreeSet<String> = BTreeSet::new();
    let mut services: BTreeMap<&str, Vec<(&str, BTreeSet<&str>)>> = BTreeMap::new();
    for (action, resources) in resources_of {
        if resources.len() == 1 && resources.contains("*") {
            everywhere.insert(action.to_owned());
        } else {
            services.entry(service(action)).or_default().push((action, resources));
        }
    }
    let mut blocks: Vec<Block> = services
        .into_iter()
        .flat_map(|(service, actions)| of_service(&actions, frame(service) + extra, effort))
        .collect();
    if !everywhere.is_empty() {
        blocks.push(Block { actions: everywhere, resources: BTreeSet::from(["*".to_owned()]) });
    }
    blocks
}

/// Returns the part of an action before its colon.
pub(crate) fn service(action: &str) -> &str {
    action.split(':').next().unwrap_or_default()
}

fn of_service(actions: &[(&str, BTreeSet<&str>)], frame: usize, effort: Effort) -> Vec<Block> {
    let mut names: Vec<&str> = actions.iter().flat_map(|(_, list)| list.iter().copied()).collect();
    names.sort_unstable();
    names.dedup();
    let row = |list: &BTreeSet<&str>| -> FixedBitSet {
        let mut row = FixedBitSet::with_capacity(names.len());
        row.extend(list.iter().filter_map(|name| names.binary_search(name).ok()));
        row
    };
    let edges: Vec<FixedBitSet> = actions.iter().map(|(_, list)| row(list)).collect();
    let whole = Graph {
        allowed: edges.clone(),
        required: edges,
        row_print: actions.iter().map(|(action, _)| print(action)).collect(),
        col_print: names.iter().map(|name| print(name)).collect(),
        frame,
    };
    let merged = whole.part(&whole.required);
    let mut blocks: Vec<Block> = Vec::new();
    for rows in merged.graph.components() {
        let required: Vec<FixedBitSet> = (0..)
            .zip(&merged.graph.required)
            .map(|(n, row)| if rows.contains(n) { row.clone() } else { merged.graph.no_cols() })
            .collect();
        let part = merged.graph.part(&required);
        blocks.extend(of_component(&part.graph, effort).iter().map(|rect| {
            let rect = merged.expand(&part.expand(rect, &merged.graph), &whole);
            let action = |n| actions.get(n).map(|(action, _): &(&str, _)| (*action).to_owned());
            let resource = |n| names.get(n).map(|name: &&str| (*name).to_owned());
            Block {
                actions: rect.rows.ones().filter_map(action).collect(),
                resources: rect.cols.ones().filter_map(resource).collect(),
            }
        }));
    }
    blocks.sort();
    blocks
}

/// Returns the characters of a statement without its lists, and of the comma after it.
fn frame(service: &str) -> usize {
    const FIXED: &str = r#"{"Sid":"","Effect":"Allow","Action":,"Resource":},"#;
    FIXED.len() + service_name(service).len() + HASH_CHARS
}

/// Returns the characters that a condition adds to its statement.
pub(crate) fn condition_chars(condition: &Condition) -> usize {
    if condition.is_empty() {
        return 0;
    }
    let statement =
        Statement { condition: condition.clone(), ..Statement::allow([""; 0], [""; 0]) };
    let size = |statement| PolicyDocument::new(vec![statement]).size();
    size(statement) - size(Statement::allow([""; 0], [""; 0]))
}

/// Returns how many characters JSON writes for one.
fn json_chars(c: char) -> usize {
    match c {
        '"' | '\\' | '\u{8}' | '\u{c}' | '\n' | '\r' | '\t' => 2,
        '\0'..'\u{20}' => 6,
        _ => 1,
    }
}

/// Returns the characters of a name in a list, with quotes and a comma.
pub(crate) fn name_chars(name: &str) -> usize {
    3 + name.chars().map(json_chars).sum::<usize>()
}

/// Returns the characters of a block's statement and of the comma after it.
pub(crate) fn block_chars(block: &Block, extra: usize) -> usize {
    let list = |names: &BTreeSet<String>| {
        let chars = names.iter().map(|name| name_chars(name)).sum();
        Print { chars, names: names.len() }.list()
    };
    let service = block.actions.first().map_or("", |action| service(action));
    frame(service) + extra + list(&block.actions) + list(&block.resources)
}

fn print(name: &str) -> Print {
    Print { chars: name_chars(name), names: 1 }
}

fn of_component(graph: &Graph, effort: Effort) -> Vec<Rect> {
    if let [required] = graph.required.as_slice() {
        let mut rows = graph.no_rows();
        rows.insert(0);
        return vec![Rect { rows, cols: required.clone() }];
    }
    let row = |n: usize| {
        let mut rows = graph.no_rows();
        rows.insert(n);
        rows
    };
    let by_actions: Vec<Rect> = (0..)
        .zip(&graph.required)
        .map(|(n, cols)| Rect { rows: row(n), cols: cols.clone() })
        .collect();
    let by_resources: Vec<Rect> = (0..)
        .zip(graph.columns())
        .map(|(n, rows)| {
            let mut cols = graph.no_cols();
            cols.insert(n);
            Rect { rows, cols }
        })
        .collect();
    let candidates = candidates::maximal(graph, CANDIDATES, CANDIDATE_STEPS);
    let chosen = greedy::greedy(graph, &candidates, GREEDY_STEPS);
    let mut best: Option<(usize, Vec<Rect>)> = None;
    for mut cover in [chosen, by_actions, by_resources] {
        polish::shrink(graph, &mut cover);
        cover.sort();
        let cost = graph.total(&cover);
        if best.as_ref().is_none_or(|best| (cost, &cover) < (best.0, &best.1)) {
            best = Some((cost, cover));
        }
    }
    let Some((_, mut cover)) = best else { return Vec::new() };
    if effort == Effort::Quick {
        return cover;
    }
    polish::search(graph, &mut cover, SEARCH_STEPS);
    polish::shrink(graph, &mut cover);
    let cost = graph.total(&cover);
    match exact::exact(graph, cost, &mut EXACT_STEPS.clone()) {
        Some(mut better) => {
            polish::shrink(graph, &mut better);
            better
        }
        None => cover,
    }
}
