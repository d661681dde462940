//! Which attached statements allowed what a principal did.
//!
//! One statement that surely allowed something keeps it, and the others remember which; where none surely did,
//! all stay that may have. A user that was renamed asked by the name that it had then.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey};
use trailtrim_iam::Principal as Asking;

use super::allow::{Allow, Place, Reach};
use super::bearing::Bearing;
use super::fence::Gate;
use super::verdict::{Elsewhere, Seen};
use crate::attached::Askings;
use crate::renewed::renewed;

/// How many things are told that another statement keeps, of each action of a statement.
pub(crate) const ELSEWHERE: usize = 20;

/// What was used and no attached statement allows.
#[derive(Clone, Debug)]
pub struct NotAttached<'a> {
    /// The principal that did it.
    pub principal: &'a str,
    /// What it did.
    pub key: &'a RowKey,
    /// What is known of it.
    pub row: &'a Row,
    /// Whether a statement would allow it, and a Deny statement or the boundary forbids it.
    pub forbidden: bool,
}

/// The observations of all statements of some principals.
pub(crate) struct Assigned<'a> {
    /// By bundle, place and action.
    seen: BTreeMap<(usize, Place, &'a str), Vec<Seen<'a>>>,
    /// By the same, what each allows as well as the statement that keeps it.
    elsewhere: BTreeMap<(usize, Place, &'a str), Vec<Elsewhere<'a>>>,
    /// By the same, for actions on what its user makes anew each time: all of that, with the statement that keeps it.
    keepers: BTreeMap<(usize, Place, &'a str), Vec<Keeper<'a>>>,
    /// What no statement allows.
    pub(crate) not_attached: Vec<NotAttached<'a>>,
}

/// Something that was seen, and the statement that keeps it, by its bundle and place.
pub(super) type Keeper<'a> = (&'a RowKey, (usize, Place));

/// Finds for each thing that a principal did the statements that allowed it, in all of its bundles.
///
/// Where some surely did, one of them is enough: the first without a condition, else the first. Before
/// these goes one that lets each of many identities to its own things.
/// Where each may have, by its condition or by those of its resources that a pattern may stand for,
/// all of them stay. What a Deny statement or the boundary forbids is not attached either. Those that
/// are not needed are not unused because of that: they remember which statement keeps what they allow.
pub(crate) fn assign<'a>(
    principal: &'a Principal,
    bundles: &[(usize, &[Allow<'a>])],
    asked: Asked<'_, 'a>,
    into: &mut Assigned<'a>,
) {
    let askings = Askings::of(principal);
    let renewed = renewed(principal, asked.1.catalog());
    // Statements by action, asked once.
    let mut holding: BTreeMap<&str, Vec<(usize, &Allow<'a>)>> = BTreeMap::new();
    for (key, row) in &principal.rows {
        let holders = holding.entry(&key.action).or_insert_with(|| {
            let all = bundles.iter().flat_map(|(at, allows)| allows.iter().map(|one| (*at, one)));
            all.filter(|(_, allow)| allow.holds_action(&key.action)).collect()
        });
        let reached = |name| Reached::of((key, row), holders, asked, name);
        let by_name: Vec<Reached<'_, '_>> = askings.at(row).into_iter().map(reached).collect();
        let any = by_name.iter().any(|one| one.any);
        // What surely allowed all of it goes before what did under one of its user's names.
        let whole = by_name.iter().map(Reached::sure_places).reduce(|a, b| &a & &b);
        let whole = whole.unwrap_or_default();
        let mut kept: Vec<(Reaching<'_, 'a>, bool)> = Vec::new();
        let mut others: Vec<(Reaching<'_, 'a>, (usize, &Allow<'a>))> = Vec::new();
        for Reached { mut sure, mut partly, perhaps, .. } in by_name {
            sure.sort_by_key(|(bundle, allow, common)| {
                // What lets each identity to its own things lets none to others'.
                let to_own = row.own.as_ref().is_some_and(|own| allow.needs(own.key));
                (
                    !whole.contains(&(*bundle, allow.place)),
                    !to_own,
                    common.is_none(),
                    !allow.statement.condition.is_empty(),
                    *bundle,
                    allow.place,
                )
            });
            partly.extend(perhaps);
            let mut sure = sure.into_iter();
            match sure.next() {
                Some(keeper) => {
                    let by = (keeper.0, keeper.1);
                    others.extend(sure.chain(partly).map(|one| (one, by)));
                    keep(&mut kept, keeper, true);
                }
                None => partly.into_iter().for_each(|one| keep(&mut kept, one, false)),
            }
        }
        others.retain(|(one, _)| !kept.iter().any(|(there, _)| is_same(there, one)));
        for ((bundle, allow, _), (by, keeper)) in others {
            if renewed.contains_key(key.action.as_str()) {
                let all = into.keepers.entry((bundle, allow.place, &key.action)).or_default();
                all.push((key, (by, keeper.place)));
            }
            let elsewhere = Elsewhere {
                principal: &principal.arn,
                key,
                row,
                policy: keeper.policy,
                shared: keeper.shared,
                statement: keeper.place.statement,
            };
            // They are told as examples, and may be many for each of many statements.
            let told = into.elsewhere.entry((bundle, allow.place, &key.action)).or_default();
            if told.len() < ELSEWHERE {
                told.push(elsewhere);
            }
        }
        if kept.is_empty() {
            // What was refused needs no policy that allows it.
            if key.outcome.grants() {
                let principal = &principal.arn;
                into.not_attached.push(NotAttached { principal, key, row, forbidden: any });
            }
            continue;
        }
        for ((bundle, allow, common), surely) in kept {
            let seen = Seen { principal: &principal.arn, key, row, common, surely };
            into.seen.entry((bundle, allow.place, &key.action)).or_default().push(seen);
        }
    }
}

/// What a call had to pass, and what an action can be about.
type Asked<'g, 'a> = (&'g Gate<'g, 'a>, &'g Bearing);

/// Leaves out of what something that was seen has in common with a statement what it cannot have been about, if
/// anything is left.
fn taken(bearing: &Bearing, key: &RowKey, parts: Vec<String>) -> Vec<String> {
    let takes = |one: &String| *one == key.resource || bearing.takes(&key.action, one);
    match parts.iter().any(takes) {
        true => parts.into_iter().filter(takes).collect(),
        false => parts,
    }
}

type Reaching<'b, 'a> = (usize, &'b Allow<'a>, Option<Vec<String>>);

fn is_same(a: &Reaching<'_, '_>, b: &Reaching<'_, '_>) -> bool {
    (a.0, a.1.place) == (b.0, b.1.place)
}

/// Keeps a statement once, as surely as it allowed all of what it is kept for.
fn keep<'b, 'a>(kept: &mut Vec<(Reaching<'b, 'a>, bool)>, one: Reaching<'b, 'a>, surely: bool) {
    match kept.iter_mut().find(|(there, _)| is_same(there, &one)) {
        Some((_, known)) => *known &= surely,
        None => kept.push((one, surely)),
    }
}

/// The statements that allowed something, as surely as each did, with what it has in common with each.
#[derive(Default)]
struct Reached<'b, 'a> {
    sure: Vec<Reaching<'b, 'a>>,
    partly: Vec<Reaching<'b, 'a>>,
    perhaps: Vec<Reaching<'b, 'a>>,
    /// Whether any did, be it that a Deny statement or the boundary forbids it.
    any: bool,
}

impl<'b, 'a> Reached<'b, 'a> {
    fn of(
        (key, row): (&RowKey, &Row),
        holders: &[(usize, &'b Allow<'a>)],
        (gate, bearing): Asked<'_, '_>,
        asking: Option<&Asking>,
    ) -> Reached<'b, 'a> {
        let mut reached = Reached::default();
        for &(bundle, allow) in holders {
            let (to, common) = match allow.reach(key, row, asking) {
                Reach::Surely(common) => (&mut reached.sure, common),
                Reach::Partly(common) => (&mut reached.partly, common),
                Reach::Perhaps(common) => (&mut reached.perhaps, common),
                Reach::No => continue,
            };
            let common = common.map(|parts| taken(bearing, key, parts));
            reached.any = true;
            if gate.pass(key, row, common.as_deref(), asking) {
                to.push((bundle, allow, common));
            }
        }
        reached
    }

    /// Returns where those stand that surely allowed it.
    fn sure_places(&self) -> BTreeSet<(usize, Place)> {
        self.sure.iter().map(|(bundle, allow, _)| (*bundle, allow.place)).collect()
    }
}

impl<'a> Assigned<'a> {
    pub(crate) fn new() -> Self {
        Assigned {
            seen: BTreeMap::new(),
            elsewhere: BTreeMap::new(),
            keepers: BTreeMap::new(),
            not_attached: Vec::new(),
        }
    }

    pub(super) fn of(
        &self,
        place: &(usize, Place, &'a str),
    ) -> (Vec<Seen<'a>>, Vec<Elsewhere<'a>>) {
        let seen = self.seen.get(place).cloned().unwrap_or_default();
        (seen, self.elsewhere.get(place).cloned().unwrap_or_default())
    }

    /// Returns what else it allows of things that its user makes anew each time, with the statements that keep it.
    pub(super) fn keepers(&self, place: &(usize, Place, &'a str)) -> &[Keeper<'a>] {
        self.keepers.get(place).map_or(&[], Vec::as_slice)
    }
}
