//! How to write the resources that were seen: as they are, or as what they are one of.
//!
//! Some names are of one run only: an execution, a log stream, a key with a date in it. A policy
//! that names them is stale on its first day. [`choose`] puts a pattern in the place of such names,
//! by the rules of `data/taste.toml` and by how long each name was seen, and tells of each pattern
//! what it stands for, why, and what it adds. Named things (tables, queues, functions, buckets) stay
//! exact unless asked for otherwise.
//!
//! What holds for every [`Taste`]: partition, region, account and a container's name (a bucket) are
//! never widened; what is chosen is of the same resource type; passed and assumed roles stay exact;
//! a name that stands for many already stays as it is; `X` and its companion `X:*` go together. In
//! reach, `exact` ⊆ `balanced` ⊆ `prefix` ⊆ `type`.
//!
//! Decisions are made for all names that one pattern would stand for, never for one alone. So the
//! order of what was seen plays no part, and choosing again from what was chosen changes nothing.

mod attached;
mod chooser;
mod dates;
mod item;
mod keys;
mod kind;
mod rules;
#[cfg(test)]
mod tests;
mod unsure;
mod worded;

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::{Principal, Row, RowKey, Stats};
use trailtrim_catalog::{Catalog, Part};

use crate::turnover::listed;

use attached::narrowing;
use chooser::{Chooser, Uses};
use dates::{date_at, month_at, stretches_of};
use item::Item;
use keys::is_now;
pub(crate) use keys::shared;
use kind::{Kinds, form_of};
use rules::rules;
use unsure::Undecided;
pub(crate) use unsure::undecided;

/// How many of the names behind a generalisation are listed.
pub const SAMPLE: usize = 8;

/// How to write resources.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Taste {
    /// As they were seen.
    Exact,
    /// Names of one run by what they are one of, keys that are written or of a day by their parent
    /// prefix, and all else as it was seen.
    #[default]
    Balanced,
    /// Every key and every name with a path by its parent prefix.
    Prefix,
    /// Every name by its resource type.
    Type,
}

impl Taste {
    /// Every taste, the narrowest first.
    pub const ALL: [Taste; 4] = [Taste::Exact, Taste::Balanced, Taste::Prefix, Taste::Type];

    /// Returns the stable code: `exact`, `balanced`, `prefix` or `type`.
    pub fn code(self) -> &'static str {
        match self {
            Taste::Exact => "exact",
            Taste::Balanced => "balanced",
            Taste::Prefix => "prefix",
            Taste::Type => "type",
        }
    }
}

/// One thing that a principal did.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The action.
    pub action: &'a str,
    /// The resource as a policy names it.
    pub resource: &'a str,
    /// When and how often.
    pub stats: &'a Stats,
    /// Whether it is about what the call wrote, by [`is_written`].
    pub written: bool,
    /// The first and the last day on which anyone used the thing, where that is more.
    pub life: Option<(i32, i32)>,
}

impl<'a> Seen<'a> {
    /// What a row of a principal tells.
    pub(crate) fn of(key: &'a RowKey, row: &'a Row) -> Seen<'a> {
        Seen {
            action: &key.action,
            resource: &key.resource,
            stats: &row.stats,
            written: is_written(&key.action, row.events.iter()),
            life: row.life,
        }
    }
}

/// Returns whether principals acted on several days: of who was there on one or two, a name that was used once says
/// nothing of the next.
pub(crate) fn is_often<'p>(principals: impl IntoIterator<Item = &'p Principal>) -> bool {
    let mut days = BTreeSet::new();
    let mut all = principals.into_iter().flat_map(Principal::days);
    all.any(|day| days.insert(day) && days.len() >= rules().several)
}

/// Returns whether an action was about an object that one of these calls, by source and name, wrote.
pub fn is_written<'e>(
    action: &str,
    mut events: impl Iterator<Item = &'e (String, String)>,
) -> bool {
    events.any(|(_, name)| rules().is_written_with(action, name))
}

/// By which rule a pattern came to stand for names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// The attached policy has a pattern that names the thing already.
    Attached,
    /// Names of this type are of one run.
    OneRun,
    /// Names of this type may be of one run, and the evidence shows that they are.
    ShortLived,
    /// The key holds a date.
    DatedKey,
    /// Several ids stand in one place of the key.
    VaryingKey,
    /// Directories of the key come and go.
    PassingDirectory,
    /// The object is written.
    WrittenKey,
    /// Most keys beside it were seen on one day only.
    OneDayKey,
    /// Several keys were deleted or changed in this place, and not all of them lasted.
    SeveralKeys,
    /// [`Taste::Prefix`] was asked for.
    ParentPrefix,
    /// [`Taste::Type`] was asked for.
    WholeType,
}

impl Rule {
    /// Returns the stable code, in kebab-case.
    pub fn code(self) -> &'static str {
        match self {
            Rule::Attached => "attached-pattern",
            Rule::OneRun => "one-run",
            Rule::ShortLived => "short-lived",
            Rule::DatedKey => "dated-key",
            Rule::VaryingKey => "varying-key",
            Rule::PassingDirectory => "passing-directory",
            Rule::WrittenKey => "written-key",
            Rule::OneDayKey => "one-day-key",
            Rule::SeveralKeys => "several-keys",
            Rule::ParentPrefix => "parent-prefix",
            Rule::WholeType => "whole-type",
        }
    }

    /// Says why, where the rule alone tells.
    fn why(self) -> &'static str {
        match self {
            Rule::Attached => "the attached policy names the thing already",
            Rule::OneRun => "names of this type are of one run",
            Rule::ShortLived => "things of this type come and go",
            Rule::DatedKey => "the key holds a date, and the next one another",
            Rule::VaryingKey => "several ids stand in this place of the key, and not all lasted",
            Rule::PassingDirectory => {
                "most directories in this place of the key were seen on one day only, others on the next"
            }
            Rule::WrittenKey => "objects are written here, and the next may have another name",
            Rule::OneDayKey => "most keys here were seen on one day only",
            Rule::SeveralKeys => {
                "several keys were deleted or changed here, not all lasted, and the next may have another name"
            }
            Rule::ParentPrefix => "names are written by their parent prefix, as was asked for",
            Rule::WholeType => "names are written by their resource type, as was asked for",
        }
    }
}

/// A pattern that stands for names that were seen.
#[derive(Clone, Debug)]
pub struct Generalisation {
    /// The pattern.
    pub to: String,
    /// The rule.
    pub rule: Rule,
    /// The actions that are granted on it.
    pub actions: BTreeSet<String>,
    /// Some of the names: the first [`SAMPLE`].
    pub from: Vec<String>,
    /// How many different names there were.
    pub names: usize,
    /// How many of them were seen on one day only.
    pub names_of_one_day: usize,
    /// Why, in words.
    pub why: String,
    /// What the pattern adds to what was seen, in words.
    pub adds: String,
    /// When and how often the names were seen, together.
    pub stats: Stats,
}

impl Generalisation {
    /// Whether what was seen decided, and not what the names are, or it begins with a date of any year: what else is
    /// called so is worth a look.
    #[must_use]
    pub fn is_judged(&self) -> bool {
        let by_form = self.rule == Rule::DatedKey && self.to.contains('?');
        by_form || matches!(self.rule, Rule::ShortLived | Rule::OneDayKey)
    }

    /// Returns it in a sentence.
    #[must_use]
    pub fn told(&self) -> String {
        let names = match (self.names, self.from.first()) {
            (1, Some(name)) => format!("`{name}` alone"),
            (names, _) => format!("{names} names"),
        };
        format!("{} on `{}`, of {names}: {}", listed(&self.actions), self.to, self.why)
    }
}

/// How the resources of one principal are written.
#[derive(Clone, Debug, Default)]
pub struct Choice {
    chosen: BTreeMap<String, BTreeMap<String, String>>,
    generalisations: Vec<Generalisation>,
    /// Names that may be of one run and were seen too briefly to tell, by the pattern that would stand for them.
    undecided: BTreeMap<String, Undecided>,
}

impl Choice {
    /// Returns how to write a resource that was seen with an action.
    pub fn resource<'c>(&'c self, action: &str, resource: &'c str) -> &'c str {
        let chosen = self.chosen.get(action).and_then(|resources| resources.get(resource));
        chosen.map_or(resource, String::as_str)
    }

    /// Says of which names that a policy lists as they were chosen it cannot be told whether they come and go.
    pub fn listed_undecided(&self) -> Vec<String> {
        undecided(std::iter::once(self), |_, _, pattern| Some(pattern.to_owned()))
    }

    /// Returns the patterns that stand for names, ordered by pattern and rule.
    pub fn generalisations(&self) -> &[Generalisation] {
        &self.generalisations
    }
}

/// Chooses how to write what one principal did.
///
/// `taste_of` tells the taste for a service, by its IAM prefix; `attached` the resource patterns of
/// attached policies that allow an action, empty where nothing is known of them. What is chosen may
/// go beyond the attached patterns: the caller intersects. `often` tells whether it acted on several days, by
/// [`is_often`].
pub fn choose<'a>(
    seen: impl IntoIterator<Item = Seen<'a>>,
    often: bool,
    taste_of: &dyn Fn(&str) -> Taste,
    attached: &dyn Fn(&str) -> Vec<String>,
    catalog: Catalog,
) -> Choice {
    let mut by_action: BTreeMap<&str, BTreeMap<&str, Evidence<'_>>> = BTreeMap::new();
    for Seen { action, resource, stats, written, life } in seen {
        let evidence = by_action.entry(action).or_default().entry(resource).or_default();
        evidence.add(stats, life);
        evidence.written |= written;
    }
    let rules = rules();
    let mut kinds = Kinds::new(rules, catalog);
    let evidence = by_action.values().flat_map(BTreeMap::values);
    let until = evidence.filter_map(|one| one.span.last).max();
    let mut chooser = Chooser::new(rules, often, until);
    for (action, resources) in &by_action {
        let taste = taste_of(action.split(':').next().unwrap_or_default());
        let Some(facts) = catalog.action(action) else { continue };
        if taste == Taste::Exact || rules.never(action) {
            continue;
        }
        let level = facts.access_level();
        let guarded = rules.guards_level(level);
        let patterns = attached(action);
        let mut uses = Uses {
            taste: if guarded { taste.min(Taste::Prefix) } else { taste },
            guarded,
            makes: rules.use_of(action, level, false),
            patterns: narrowing(&patterns, facts),
        };
        for (resource, evidence) in resources {
            uses.makes = rules.use_of(action, level, evidence.written);
            let item = Item::new(action, resource, evidence, facts, &mut kinds);
            if let Some(item) = item {
                chooser.take(item, &uses);
            }
        }
    }
    chooser.finish()
}

/// Returns how a taste would write an action's resource that stands alone.
pub(crate) fn written_as(action: &str, resource: &str, taste: Taste, catalog: Catalog) -> String {
    let stats = Stats::default();
    let seen = Seen { action, resource, stats: &stats, written: false, life: None };
    let choice = choose([seen], true, &|_| taste, &|_| Vec::new(), catalog);
    choice.resource(action, resource).to_owned()
}

/// Returns whether an action's resource is a key that holds a date, and if so, whether it was used beyond it.
pub(crate) fn dated_key(
    action: &str,
    resource: &str,
    stats: &Stats,
    catalog: Catalog,
) -> Option<bool> {
    let rules = rules();
    // Most names hold none anywhere.
    date_at(resource, rules).or_else(|| month_at(resource))?;
    let shape = catalog.action(action).and_then(|facts| facts.shape(resource));
    let shape = shape.filter(|shape| rules.is_key(&form_of(shape.template())))?;
    let Some(Part::Variable(key)) = shape.parts().last() else { return None };
    let span = Span::of(stats);
    let Some(at) = date_at(key, rules) else {
        // Six digits are a month where that was then, and in the top level they may be cut nowhere.
        let is_month = month_at(key) == Some(0) && is_now(key, span, rules);
        return is_month.then_some(false);
    };
    let date = key.get(at..)?;
    let ends = stretches_of(date, rules).map(|(_, end)| end).max();
    Some(ends.zip(span.last).is_some_and(|(end, last)| last > end + rules.lasting_days))
}

/// From when to when something was seen, in days, and how often.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    first: Option<i32>,
    last: Option<i32>,
    calls: u64,
}

impl Span {
    #[cfg(test)]
    fn days(first: i32, last: i32) -> Span {
        Span { first: Some(first), last: Some(last), calls: 1 }
    }

    fn of(stats: &Stats) -> Span {
        let (days, calls) = (stats.days(), stats.calls().value);
        Span { first: days.first(), last: days.last(), calls }
    }

    fn join(&mut self, other: Span) {
        self.first = [self.first, other.first].into_iter().flatten().min();
        self.last = self.last.max(other.last);
        self.calls = self.calls.saturating_add(other.calls);
    }

    fn one_day(self) -> bool {
        self.first == self.last
    }

    /// Whether it was seen again so many days after it was first seen.
    fn lasts(self, days: i32) -> bool {
        self.first.zip(self.last).is_some_and(|(first, last)| last - first >= days)
    }
}

/// What was seen of one resource with one action.
#[derive(Debug, Default)]
struct Evidence<'a> {
    span: Span,
    /// The same by whomever in the log.
    life: Span,
    stats: Vec<&'a Stats>,
    /// Whether some of it is about what a call wrote.
    written: bool,
}

impl<'a> Evidence<'a> {
    fn add(&mut self, stats: &'a Stats, life: Option<(i32, i32)>) {
        let span = Span::of(stats);
        self.span.join(span);
        self.life.join(span);
        if let Some((first, last)) = life {
            self.life.join(Span { first: Some(first), last: Some(last), calls: 0 });
        }
        self.stats.push(stats);
    }
}
