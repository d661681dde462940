//! Principals as the report tells of them, each when it is asked for.

use std::collections::{BTreeSet, HashMap};

use foldhash::fast::FixedState;
use rayon::prelude::*;
use trailtrim_aggregator::{Activity, Label, Stats};

use super::build::describe;
use super::{EventFile, Principal, Seen};
use crate::{Draft, PermissionSets};

/// The principals of a run and what was drafted for them.
#[derive(Debug)]
pub struct Described<'a> {
    activity: &'a Activity,
    drafts: &'a [Draft],
    paths: &'a [Option<String>],
    files: Files,
    /// Where the permission sets of the roles were found.
    sets: PermissionSets,
}

/// The files that hold the events, in the order of their paths.
#[derive(Debug)]
pub(super) struct Files {
    paths: Vec<Label>,
    /// Their places, by where in memory a label lies: mostly all events of a file share one, which is
    /// found sooner than equal texts of that length are compared.
    places: HashMap<usize, usize, FixedState>,
}

impl<'a> Described<'a> {
    /// Takes principals with their drafts and, below the output directory, the paths of those that
    /// are written: both in the order of the principals.
    #[must_use]
    pub fn new(activity: &'a Activity, drafts: &'a [Draft], paths: &'a [Option<String>]) -> Self {
        let roles = activity.principals.iter();
        let roles = roles.filter_map(|one| Some((&*one.arn, one.permission_set.as_deref()?)));
        let sets = PermissionSets::of(roles);
        Described { activity, drafts, paths, files: Files::of(activity), sets }
    }

    /// Says whether only some principals or accounts were looked at.
    #[must_use]
    pub fn selected(self, selected: bool) -> Self {
        Described { sets: self.sets.selected(selected), ..self }
    }

    /// Describes all of them, ordered by ARN. Works on the current rayon pool.
    #[must_use]
    pub fn all(&self) -> Vec<Principal> {
        let all = (0..self.len()).into_par_iter();
        all.filter_map(|at| self.one(at)).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.activity.principals.len().min(self.drafts.len())
    }

    /// Returns how much there is to say of one.
    pub(super) fn rows(&self, at: usize) -> usize {
        self.activity.principals.get(at).map_or(0, |one| one.rows.len() + one.unmapped.len())
    }

    pub(super) fn one(&self, at: usize) -> Option<Principal> {
        let (principal, draft) = (self.activity.principals.get(at)?, self.drafts.get(at)?);
        let path = self.paths.get(at).and_then(Option::as_deref);
        let mut one = describe(principal, draft, path, &self.sets);
        let Principal { generalisations, grants, not_granted, unmapped, .. } = &mut one;
        generalisations.iter_mut().for_each(|one| self.files.name(&mut one.seen));
        grants.iter_mut().chain(not_granted).for_each(|one| self.files.name(&mut one.seen));
        unmapped.iter_mut().for_each(|one| self.files.name(&mut one.seen));
        Some(one)
    }

    pub(super) fn activity(&self) -> &'a Activity {
        self.activity
    }

    pub(super) fn paths(&self) -> impl Iterator<Item = &'a str> {
        self.paths.iter().filter_map(Option::as_deref)
    }

    pub(super) fn files(&self) -> &Files {
        &self.files
    }
}

impl Files {
    fn of(activity: &Activity) -> Files {
        let Activity { principals, outsiders, other_events, amended, .. } = activity;
        let of_principals = principals
            .iter()
            .flat_map(|one| one.rows.values().map(|row| &row.stats).chain(one.unmapped.values()));
        let of_others = outsiders.values().chain(other_events.values()).chain([amended]);
        let mut texts: HashMap<usize, &Label, FixedState> = HashMap::default();
        for file in of_principals.chain(of_others).flat_map(Stats::files) {
            texts.entry(file.address()).or_insert(file);
        }
        let paths: BTreeSet<&Label> = texts.values().copied().collect();
        let paths: Vec<Label> = paths.into_iter().cloned().collect();
        let place = |(at, text)| Some((at, paths.binary_search(text).ok()?));
        Files { places: texts.into_iter().filter_map(place).collect(), paths }
    }

    pub(super) fn paths(&self) -> &[Label] {
        &self.paths
    }

    /// Says in which of the files each event is.
    fn name(&self, seen: &mut Seen) {
        for event in &mut seen.evidence {
            let EventFile::Path(path) = &event.file else { continue };
            if let Some(place) = self.places.get(&path.address()) {
                event.file = EventFile::Place(*place);
            }
        }
    }

    /// Does the same.
    pub(super) fn named(&self, mut seen: Seen) -> Seen {
        self.name(&mut seen);
        seen
    }
}
