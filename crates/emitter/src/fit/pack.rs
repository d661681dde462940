//! Statements into documents.
//!
//! First the whole statements, largest first, each into the first document with room. If that
//! takes too many documents, they are poured: in order, split where a document is full. A
//! statement is split by its resources, or by its actions where those alone are too many; the
//! parts together say what it said. What cannot be split and is too large stands alone, and the
//! document is then larger than allowed.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::{PolicyDocument, Selector, Statement};

use super::Limits;

/// Puts statements into documents, whole where possible; `None` where it takes more or larger
/// documents than allowed.
///
/// Statement ids stay; the parts of a split statement get ids of their own.
#[must_use]
pub fn pack(statements: Vec<Statement>, limits: &Limits) -> Option<Vec<PolicyDocument>> {
    if total(&statements, limits) > limits.documents * room(limits) {
        return None;
    }
    let documents = pack_anyway(statements, limits);
    fits(&documents, limits).then_some(documents)
}

/// As [`pack`], with as many and as large documents as it takes; says whether they keep the limits.
#[must_use]
pub fn pack_all(statements: Vec<Statement>, limits: &Limits) -> (Vec<PolicyDocument>, bool) {
    let documents = pack_anyway(statements, limits);
    let fits = fits(&documents, limits);
    (documents, fits)
}

/// Tells whether the documents are few and small enough.
pub(super) fn fits(documents: &[PolicyDocument], limits: &Limits) -> bool {
    documents.len() <= limits.documents
        && documents.iter().all(|document| limits.measure(document) <= limits.document)
}

/// As [`pack`], with as many documents as it takes.
pub(super) fn pack_anyway(statements: Vec<Statement>, limits: &Limits) -> Vec<PolicyDocument> {
    let sids = statements.iter().filter_map(|statement| statement.sid.clone()).collect();
    let mut packer = Packer { limits, room: room(limits), sids, parts: BTreeMap::new() };
    let whole = packer.whole(&statements);
    if fits(&whole, limits) {
        return whole;
    }
    let poured = packer.poured(statements);
    if poured.len() < whole.len() { poured } else { whole }
}

/// Returns the characters that a document has for statements and the commas after them.
pub(super) fn room(limits: &Limits) -> usize {
    (limits.document + 1).saturating_sub(limits.measure(&PolicyDocument::new(Vec::new())))
}

/// Returns the characters of the statements and their commas.
pub(super) fn total(statements: &[Statement], limits: &Limits) -> usize {
    statements.iter().map(|statement| size(statement, limits)).sum()
}

/// Returns the characters of a statement and a comma.
fn size(statement: &Statement, limits: &Limits) -> usize {
    limits.measure_json(statement) + 1
}

struct Packer<'l> {
    limits: &'l Limits,
    room: usize,
    /// Ids that are taken.
    sids: BTreeSet<String>,
    /// How many parts of a statement were given ids; those before are taken.
    parts: BTreeMap<String, usize>,
}

impl Packer<'_> {
    fn whole(&mut self, statements: &[Statement]) -> Vec<PolicyDocument> {
        let mut parts = Vec::new();
        for statement in statements {
            self.split(statement.clone(), self.room, &mut parts);
        }
        let mut order: Vec<(usize, usize)> =
            parts.iter().map(|part| size(part, self.limits)).zip(0..).collect();
        order.sort_by_key(|(size, n)| (Reverse(*size), *n));
        let mut bins: Vec<(usize, Vec<usize>)> = Vec::new();
        for (size, n) in order {
            match bins.iter_mut().find(|(taken, _)| taken + size <= self.room) {
                Some((taken, members)) => {
                    *taken += size;
                    members.push(n);
                }
                None => bins.push((size, vec![n])),
            }
        }
        // Largest first is for packing; what is read keeps its order.
        let mut bins: Vec<Vec<usize>> = bins.into_iter().map(|(_, members)| members).collect();
        bins.iter_mut().for_each(|members| members.sort_unstable());
        bins.sort();
        bins.iter()
            .map(|members| {
                PolicyDocument::new(members.iter().filter_map(|n| parts.get(*n)).cloned().collect())
            })
            .collect()
    }

    fn poured(&mut self, statements: Vec<Statement>) -> Vec<PolicyDocument> {
        let mut documents: Vec<Vec<Statement>> = Vec::new();
        let mut left = 0;
        for statement in statements {
            let mut parts = Vec::new();
            self.split(statement, left, &mut parts);
            for part in parts {
                let size = size(&part, self.limits);
                match documents.last_mut() {
                    Some(open) if size <= left => {
                        open.push(part);
                        left -= size;
                    }
                    _ => {
                        documents.push(vec![part]);
                        left = self.room.saturating_sub(size);
                    }
                }
            }
        }
        documents.into_iter().map(PolicyDocument::new).collect()
    }

    /// Splits a statement, where it must and can be: the first part is at most `first` large, the
    /// others a document.
    fn split(&mut self, statement: Statement, first: usize, out: &mut Vec<Statement>) {
        if size(&statement, self.limits) <= first {
            out.push(statement);
            return;
        }
        let base = statement.sid.clone();
        let mut open = vec![statement];
        while let Some(statement) = open.pop() {
            let room = if out.is_empty() { first } else { self.room };
            if size(&statement, self.limits) <= room {
                let sid = self.part_sid(base.as_deref());
                out.push(Statement { sid, ..statement });
            } else if let Some(ranges) = self.ranges(&statement, first) {
                let whole = ranges.len() == 1 && out.iter().all(|one| one.sid != base);
                for resources in ranges {
                    let sid = if whole { base.clone() } else { self.part_sid(base.as_deref()) };
                    let resource = Some(Selector::Only(resources));
                    out.push(Statement { sid, resource, ..statement.clone() });
                }
            } else if let Some(halves) = halved(&statement) {
                open.extend(halves.into_iter().rev());
            } else {
                // Too large, or the same id again where only the actions were split.
                let sid = if statement.sid.is_some() && out.iter().any(|one| one.sid == base) {
                    self.part_sid(base.as_deref())
                } else {
                    statement.sid.clone()
                };
                out.push(Statement { sid, ..statement });
            }
        }
    }

    /// Returns the resources in runs, of which the first fits into `first` and the others into a
    /// document; `None` where there is but one resource, or one is too large with all actions.
    fn ranges(&self, statement: &Statement, first: usize) -> Option<Vec<Vec<String>>> {
        let (Selector::Only(_), Some(Selector::Only(resources))) =
            (&statement.action, &statement.resource)
        else {
            return None;
        };
        // The id that a part gets is no longer than this one, but for ids that are taken.
        let sid = statement.sid.as_ref().map(|sid| format!("{sid}Part{}", resources.len() * 100));
        let bare =
            Statement { sid, resource: Some(Selector::Only(Vec::new())), ..statement.clone() };
        let frame = size(&bare, self.limits);
        let mut ranges: Vec<Vec<String>> = vec![Vec::new()];
        let (mut room, mut taken) = (first, frame);
        for resource in resources {
            let name = self.limits.measure_json(resource) + 1;
            if taken + name > room {
                room = self.room;
                taken = frame;
                ranges.push(Vec::new());
                if taken + name > room {
                    return None;
                }
            }
            taken += name;
            ranges.last_mut()?.push(resource.clone());
        }
        ranges.retain(|range| !range.is_empty());
        Some(ranges)
    }

    /// Takes an id for a part that no other statement has.
    fn part_sid(&mut self, base: Option<&str>) -> Option<String> {
        let base = base?;
        let part = self.parts.entry(base.to_owned()).or_default();
        loop {
            *part += 1;
            let sid = format!("{base}Part{part}");
            if self.sids.insert(sid.clone()) {
                return Some(sid);
            }
        }
    }
}

/// Returns the statement for each half of its actions.
fn halved(statement: &Statement) -> Option<[Statement; 2]> {
    let Selector::Only(actions) = &statement.action else { return None };
    if actions.len() < 2 {
        return None;
    }
    let (first, second) = actions.split_at(actions.len() / 2);
    let with =
        |some: &[String]| Statement { action: Selector::Only(some.to_vec()), ..statement.clone() };
    Some([with(first), with(second)])
}
