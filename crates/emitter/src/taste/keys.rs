//! Where the keys of one container are cut.
//!
//! A key is cut at its first date, at the first directory that is an id of one run where several were
//! seen, or at the first directory of those that come and go, whatever they are called; what is left is
//! cut to its parent prefix if it is written, or if most keys beside it were seen on one day only. What is deleted or
//! changed goes by its own names: they stay exact where they are few or all of them last, and else are cut to what
//! they share. Under a date that stays no name tells of the next, and keys stay exact.
//!
//! In a container's top level there is no prefix to cut to but the whole container: that needs several keys of
//! a day, and where directories differ there and what follows them does not, that stays
//! (`*/in/file.json`).
//!
//! Names that stand for many already, since there were too many to keep, are cut at dates and ids as
//! well: what was folded is a day's or a month's directory as often as not.
//!
//! Whether something is cut is decided for all keys that the cut would unite, so that asking
//! again about what is left gives the same.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::run_token;

use super::dates::{date_at, date_in, month_at, no_month_at, stretch_of, stretches_of, year_at};
use super::rules::{Rules, Use};
use super::worded::Ways;
use super::{Rule, Span};

/// How many directories in one place it takes to see that they come and go: what is read once of a few
/// named ones may be all there is.
const DIRECTORIES: usize = 10;

/// On how many days new ones must have come.
const DAYS: usize = 5;

/// How many calls there must be under a year to take it for a date: of so many names, none is a document
/// about that year.
const MANY: u64 = 32;

/// What a date stands for that a single name may be used for all through: a week, a month, and no year, which
/// is as long as most logs.
const PERIOD: std::ops::RangeInclusive<i32> = 2..=31;

/// How many different endings may stay where a whole container would be granted else.
const ENDINGS: usize = 3;

/// Where a key is cut, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Cut<'a> {
    /// How much of its beginning stays.
    pub(super) at: usize,
    /// What of its end stays, behind the star.
    pub(super) ending: &'a str,
    /// By which rule.
    pub(super) rule: Rule,
}

impl Cut<'_> {
    fn at(at: usize, rule: Rule) -> Self {
        Cut { at, ending: "", rule }
    }
}

/// The names of one container.
#[derive(Debug, Default)]
pub(super) struct Names<'a> {
    /// Keys.
    pub(super) keys: BTreeMap<&'a str, Span>,
    /// Those of them that these cuts are for, by what they are for: others are evidence alone.
    pub(super) own: BTreeMap<&'a str, Span>,
    /// Those of them that are deleted or changed, by when they were.
    pub(super) touched: BTreeMap<&'a str, Span>,
    /// Those of them that somebody in the log used for long.
    pub(super) lasting: BTreeSet<&'a str>,
    /// Whether whoever used them acted on several days.
    pub(super) often: bool,
    /// The last day on which anything was seen.
    pub(super) until: Option<i32>,
    /// Whether keys that stay are written by their parent prefix afterwards.
    pub(super) by_prefix: bool,
    /// What stands before the star of names that stand for many.
    pub(super) folded: BTreeMap<&'a str, Span>,
    /// The ways to write days in words of which those of one digit are dates as well.
    pub(super) ways: Ways,
}

impl Names<'_> {
    /// Whether most of these keys are of a day. Of whoever acted on one or two days alone, it takes several keys, or
    /// others on the other day; and of what others use for long, new ones on several days.
    fn mostly_of_a_day(&self, keys: &[(&str, Span)], rules: &Rules) -> bool {
        let of_a_day = || keys.iter().filter(|(_, span)| span.one_day());
        let passing = || of_a_day().filter(|(key, _)| !self.lasting.contains(key));
        let days = |spans: &mut dyn Iterator<Item = &(&str, Span)>| {
            spans.filter_map(|(_, span)| span.first).collect::<BTreeSet<i32>>().len()
        };
        let enough = self.often || passing().count() >= rules.several || days(&mut passing()) > 1;
        (2 * passing().count() > keys.len() && enough)
            || (2 * of_a_day().count() > keys.len() && days(&mut of_a_day()) >= rules.several)
    }

    /// Returns those of these keys that are of a day, where most are, of whoever acted too briefly to tell more.
    fn perhaps_of_a_day<'k>(&self, keys: &[(&'k str, Span)]) -> Vec<&'k str> {
        let passing =
            keys.iter().filter(|(key, span)| span.one_day() && !self.lasting.contains(key));
        let passing: Vec<&str> = passing.map(|(key, _)| *key).collect();
        if 2 * passing.len() > keys.len() { passing } else { Vec::new() }
    }
}

/// Where names are cut; those that stay as they are are left out.
#[derive(Debug, Default)]
pub(super) struct Cuts<'a> {
    pub(super) keys: BTreeMap<&'a str, Cut<'a>>,
    /// By what stands before the star.
    pub(super) folded: BTreeMap<&'a str, Cut<'a>>,
    /// By keys that are deleted or changed, where nothing in their directories tells.
    touched: BTreeMap<&'a str, Cut<'a>>,
    /// Keys that may be of a day and stay, with how much of them the parent prefix is.
    undecided: BTreeMap<&'a str, usize>,
}

impl<'a> Cuts<'a> {
    /// Returns where a key is cut for an action that does so with it.
    pub(super) fn of(&self, key: &str, makes: Use) -> Option<&Cut<'a>> {
        let by_place = |cut: &&Cut<'_>| !matches!(cut.rule, Rule::WrittenKey | Rule::OneDayKey);
        let cut = self.keys.get(key);
        match makes.of_what_is() {
            true => cut.filter(by_place).or_else(|| self.touched.get(key)),
            false => cut,
        }
    }

    /// Returns where a key would be cut if the log went on for longer and most beside it were of a day.
    pub(super) fn undecided(&self, key: &str, makes: Use) -> Option<usize> {
        self.undecided.get(key).filter(|_| !makes.of_what_is()).copied()
    }
}

/// Returns where each name is cut.
pub(super) fn cuts<'a>(names: &Names<'a>, written: bool, rules: &Rules) -> Cuts<'a> {
    let places = Places::of(names, rules);
    let mut dated = Dated::of(names, rules);
    loop {
        let (cuts, prefixes) = cut_once(names, &dated, &places, written, rules);
        // What stands for many, given or made, may have a date that passes where no name alone tells.
        if !dated.take_up(&prefixes, rules) {
            return cuts;
        }
    }
}

/// The prefixes that cutting leaves. Of each what was seen of all that it stands for, and of those names
/// alone that are to be written by it: who asks again has no more than that.
type Prefixes<'a> = BTreeMap<&'a str, [Span; 2]>;

/// Cuts names by the dates and places known. Returns also the prefixes that are left.
fn cut_once<'a>(
    names: &Names<'a>,
    dated: &Dated<'a>,
    places: &Places<'a>,
    written: bool,
    rules: &Rules,
) -> (Cuts<'a>, Prefixes<'a>) {
    let mut cuts = Cuts::default();
    let mut prefixes = Prefixes::new();
    let own = |key: &str| names.own.get(key).copied().unwrap_or_default();
    let mut stands = |prefix: &'a str, all: Span, own: Span| {
        let [known, known_own] = prefixes.entry(prefix).or_default();
        known.join(all);
        known_own.join(own);
    };
    let mut left: BTreeMap<&str, Vec<(&'a str, Span)>> = BTreeMap::new();
    let first = |date: Option<usize>, place: Option<Cut<'a>>| {
        let date = date.map(|at| Cut::at(at, Rule::DatedKey));
        [date, place].into_iter().flatten().min_by_key(|cut| cut.at)
    };
    for (&key, &span) in &names.keys {
        match first(dated.cut(key, rules), places.cut(key, key, rules)) {
            Some(cut) => {
                let beginning = key.get(..cut.at).filter(|_| cut.ending.is_empty());
                beginning.into_iter().for_each(|one| stands(one, span, own(key)));
                cuts.keys.insert(key, cut);
            }
            None => {
                let parent = key.get(..parent(key)).unwrap_or_default();
                left.entry(parent).or_default().push((key, span));
            }
        }
    }
    for (&beginning, &span) in &names.folded {
        let known = beginning.get(..parent(beginning)).unwrap_or_default();
        let cut = first(dated.cut(beginning, rules), places.cut(known, "", rules));
        let to = cut.map_or(beginning, |cut| beginning.get(..cut.at).unwrap_or_default());
        stands(to, span, span);
        cuts.folded.extend(cut.map(|cut| (beginning, cut)));
    }
    for (parent, keys) in left {
        let of_a_day = keys.iter().filter(|(_, span)| span.one_day()).count();
        let mostly = names.mostly_of_a_day(&keys, rules);
        let rule = if written { Rule::WrittenKey } else { Rule::OneDayKey };
        // What is left under a date is used beyond it: it has names of its own, and nothing says what else comes.
        let dated = date_in(parent, &names.ways, rules).is_some();
        let cut = match parent {
            "" => mostly && of_a_day >= rules.several,
            _ => (written && !dated) || mostly,
        };
        // All that is written under a date may tell that it passes where no name alone does.
        if cut || names.by_prefix || (written && dated) {
            keys.iter().for_each(|(key, span)| stands(parent, *span, own(key)));
        }
        let touched = || {
            keys.iter()
                .filter_map(|(key, _)| names.touched.get_key_value(key))
                .map(|(key, span)| (*key, *span))
        };
        if let Some(at) = several(parent, &touched().collect::<Vec<_>>(), rules).filter(|_| !dated)
        {
            for (key, span) in touched() {
                stands(key.get(..at).unwrap_or_default(), span, span);
                cuts.touched.insert(key, Cut::at(at, Rule::SeveralKeys));
            }
        }
        if cut {
            let each = keys.into_iter().map(|(key, _)| (key, Cut::at(parent.len(), rule)));
            cuts.keys.extend(each);
        } else if !written && !dated && !parent.is_empty() {
            let open = names.perhaps_of_a_day(&keys).into_iter();
            cuts.undecided.extend(open.map(|key| (key, parent.len())));
        }
    }
    (cuts, prefixes)
}

/// Returns where keys of one parent are cut that are deleted or changed, where there are several and not all last:
/// behind what they share, since what else lies there was never touched.
fn several(parent: &str, touched: &[(&str, Span)], rules: &Rules) -> Option<usize> {
    let passing = touched.iter().any(|(_, span)| !span.lasts(rules.lasting_days));
    if touched.len() < rules.several || !passing {
        return None;
    }
    let names: Vec<&str> = touched.iter().filter_map(|(key, _)| key.get(parent.len()..)).collect();
    let at = parent.len() + shared(&names);
    let of_a_day = touched.iter().filter(|(_, span)| span.one_day()).count();
    // All of a container takes more.
    let enough = at > 0 || (2 * of_a_day > touched.len() && of_a_day >= rules.several);
    enough.then_some(at)
}

/// Returns the length of the beginning that names share, without what is another word or number each time: up to the
/// first digit or id, else up to the last mark between words.
pub(crate) fn shared(names: &[&str]) -> usize {
    let Some((first, others)) = names.split_first() else { return 0 };
    let same = |other: &&str| {
        let same = first.chars().zip(other.chars()).take_while(|(one, other)| one == other);
        same.map(|(one, _)| one.len_utf8()).sum()
    };
    let ids = names.iter().filter_map(|name| run_token(name)).map(|id| id.start);
    let length = others.iter().map(same).chain(ids).min().unwrap_or_default();
    let beginning = first.get(..length).unwrap_or_default();
    let numbered = |name: &&str| {
        name.get(length..).is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    };
    if let Some(digit) = beginning.find(|c: char| c.is_ascii_digit()) {
        return digit;
    }
    // `${*}` is one letter.
    let mark = |(_, c): &(usize, char)| !c.is_alphanumeric() && !matches!(c, '$' | '{' | '*');
    match names.iter().all(numbered) {
        true => length,
        false => beginning.char_indices().rev().find(mark).map_or(0, |(at, c)| at + c.len_utf8()),
    }
}

/// Returns the length of a key's parent prefix, its `/` included.
pub(super) fn parent(key: &str) -> usize {
    key.rfind('/').map_or(0, |slash| slash + 1)
}

/// The dates in names.
struct Dated<'a> {
    /// What stands before dates that do not last.
    passing: BTreeSet<&'a str>,
    /// What stands before six digits that were seen in the month that they may mean: where nothing says so, they
    /// are no dates.
    months: BTreeSet<&'a str>,
    /// What stands before six digits that are no month: none behind it are.
    numbers: BTreeSet<&'a str>,
    /// What stands before years that do not last: alone, they are no dates either.
    years: BTreeSet<&'a str>,
    /// The ways to write days in words of which those of one digit are dates as well.
    ways: Ways,
}

impl<'a> Dated<'a> {
    fn of(names: &Names<'a>, rules: &Rules) -> Dated<'a> {
        let mut dated = Dated {
            passing: BTreeSet::new(),
            months: BTreeSet::new(),
            numbers: BTreeSet::new(),
            years: BTreeSet::new(),
            ways: names.ways.clone(),
        };
        for key in names.keys.keys().chain(names.folded.keys()) {
            dated.numbers.extend(no_month_at(key).and_then(|at| key.get(..at)));
        }
        let of_now = |(key, span): &(&&str, &Span)| {
            let month = key.get(..).filter(|key| month_at(key) == Some(0));
            month.is_some_and(|month| is_now(month, **span, rules))
        };
        // There it would be all of the container.
        if names.keys.iter().filter(of_now).count() < rules.several {
            dated.numbers.insert("");
        }
        for (&key, &span) in &names.keys {
            let date = date_in(key, &names.ways, rules).and_then(|at| key.split_at_checked(at));
            let passing = date.filter(|(_, date)| one_passes(date, span, rules));
            dated.passing.extend(passing.map(|(before, _)| before));
            dated.take_up_month(key, span, rules);
        }
        dated
    }

    /// Takes up what prefixes tell that stand for many names. Returns whether that is anything new.
    fn take_up(&mut self, prefixes: &Prefixes<'a>, rules: &Rules) -> bool {
        let mut new = false;
        let each = prefixes.iter().flat_map(|(&prefix, spans)| spans.map(|span| (prefix, span)));
        for (prefix, span) in each.filter(|(_, span)| span.first.is_some()) {
            new |= self.take_up_month(prefix, span, rules);
            let date = date_in(prefix, &self.ways, rules);
            if let Some((before, date)) = date.and_then(|at| prefix.split_at_checked(at)) {
                new |= passes(date, span, rules) && self.passing.insert(before);
            } else if let Some((before, year)) =
                year_at(prefix).and_then(|at| prefix.split_at_checked(at))
            {
                let many = span.calls >= MANY && !before.is_empty();
                new |= many && is_now(year, span, rules) && self.years.insert(before);
            }
        }
        new
    }

    /// Takes up what may be a month, where it was seen then. Returns whether that is anything new.
    fn take_up_month(&mut self, name: &'a str, span: Span, rules: &Rules) -> bool {
        let month = month_at(name).and_then(|at| name.split_at_checked(at));
        month.is_some_and(|(before, month)| {
            !self.numbers.contains(before)
                && is_now(month, span, rules)
                && self.months.insert(before)
        })
    }

    fn cut(&self, name: &str, rules: &Rules) -> Option<usize> {
        let known = |at: usize, all: &BTreeSet<&str>| {
            name.get(..at).is_some_and(|before| all.contains(before))
        };
        let month = month_at(name).filter(|at| known(*at, &self.months));
        let date = date_in(name, &self.ways, rules);
        if month.is_some() || date.is_some() {
            let date = date.filter(|at| known(*at, &self.passing));
            return [month, date].into_iter().flatten().min();
        }
        let directories = directories(name).into_iter();
        let years = directories.filter(|(_, end)| name.get(..end + 1).and_then(year_at).is_some());
        let mut starts = years.map(|(start, _)| start);
        starts.find(|start| known(*start, &self.years))
    }
}

/// Whether a name with a date in it does not last. One of a week or a month may be used all through it, and is no
/// more when that is over; one of a day that was used for a week is kept for its name.
fn one_passes(date: &str, span: Span, rules: &Rules) -> bool {
    let periods =
        stretches_of(date, rules).filter(|(begin, end)| PERIOD.contains(&(end - begin + 1)));
    periods.into_iter().any(|period| in_its_time(period, span, rules))
        || !span.lasts(rules.lasting_days)
}

/// Whether many names under one date do not last: a month's directory is used all month, and its names
/// a day each, so what counts is that it was no more when the month was over.
fn passes(date: &str, span: Span, rules: &Rules) -> bool {
    is_now(date, span, rules) || !span.lasts(rules.lasting_days)
}

/// Whether something was seen in the time that its date stands for.
pub(super) fn is_now(date: &str, span: Span, rules: &Rules) -> bool {
    stretch_of(date, rules).is_some_and(|stretch| in_its_time(stretch, span, rules))
}

/// Give or take a week: neither long after, as what is kept for good, nor long before.
fn in_its_time((begin, end): (i32, i32), span: Span, rules: &Rules) -> bool {
    span.first.zip(span.last).is_some_and(|(first, last)| {
        first + rules.lasting_days >= begin && last <= end + rules.lasting_days
    })
}

/// Directories, or names in the top level, that differ from run to run.
struct Places<'a> {
    /// Ids of one run, by what stands before: how long each was seen.
    ids: BTreeMap<&'a str, BTreeMap<&'a str, Span>>,
    /// All directories, by what stands before.
    directories: BTreeMap<&'a str, BTreeMap<&'a str, Span>>,
    /// What follows ids and directories of the top level, by the rule; empty where too much does.
    endings: BTreeMap<Rule, BTreeSet<&'a str>>,
    several: usize,
    lasting_days: i32,
    until: Option<i32>,
}

impl<'a> Places<'a> {
    fn of(names: &Names<'a>, rules: &Rules) -> Places<'a> {
        let mut found = Places {
            ids: BTreeMap::new(),
            directories: BTreeMap::new(),
            endings: BTreeMap::new(),
            several: rules.several,
            lasting_days: rules.lasting_days,
            until: names.until,
        };
        for (key, span) in &names.keys {
            add(&mut found.ids, key, ids(key), *span);
            add(&mut found.directories, key, named(key, rules), *span);
        }
        for (beginning, span) in &names.folded {
            // Of the last segment only the beginning is left.
            let known = beginning.get(..parent(beginning)).unwrap_or_default();
            add(&mut found.ids, known, ids(known), *span);
            add(&mut found.directories, known, named(known, rules), *span);
        }
        found.endings = [Rule::VaryingKey, Rule::PassingDirectory]
            .into_iter()
            .map(|rule| (rule, found.endings_of(names, rule, rules)))
            .collect();
        found
    }

    /// Returns what follows the top level where it is cut, if that is always one of a few and each follows
    /// several.
    fn endings_of(&self, names: &Names<'a>, rule: Rule, rules: &Rules) -> BTreeSet<&'a str> {
        let mut endings: BTreeMap<&str, usize> = BTreeMap::new();
        for key in names.keys.keys() {
            let Some((_, end)) = self.place(key, rule, rules).filter(|(start, _)| *start == 0)
            else {
                continue;
            };
            match key.get(end..).map(|rest| steady(rest, rules)) {
                Some(ending) if !ending.is_empty() => *endings.entry(ending).or_default() += 1,
                _ => return BTreeSet::new(),
            }
        }
        let few = endings.len() <= ENDINGS && endings.values().all(|each| *each >= self.several);
        if few { endings.into_keys().collect() } else { BTreeSet::new() }
    }

    /// Returns the first place of a key at which it is to be cut by a rule, with its end.
    fn place(&self, key: &str, rule: Rule, rules: &Rules) -> Option<(usize, usize)> {
        let places = if rule == Rule::VaryingKey { ids(key) } else { named(key, rules) };
        let (seen, several) = match rule {
            Rule::VaryingKey => (&self.ids, self.several),
            _ => (&self.directories, DIRECTORIES),
        };
        places.into_iter().find(|(start, _)| {
            let here = key.get(..*start).and_then(|before| seen.get(before));
            here.is_some_and(|here| {
                here.len() >= several
                    && match rule {
                        Rule::VaryingKey => {
                            here.values().any(|span| !span.lasts(self.lasting_days))
                        }
                        _ => self.come_and_go(here),
                    }
            })
        })
    }

    /// Returns where a key, or what is known of its beginning, is cut. `whole` is the key, "" where there
    /// is none.
    fn cut(&self, key: &str, whole: &'a str, rules: &Rules) -> Option<Cut<'a>> {
        let cut = |rule: Rule| {
            let (at, end) = self.place(key, rule, rules)?;
            let ending = whole.get(end..).map(|rest| steady(rest, rules)).unwrap_or_default();
            let stays = at == 0 && self.endings.get(&rule).is_some_and(|all| all.contains(ending));
            // Nothing but an ending keeps what is called by a name from being the whole container.
            if at == 0 && !stays && rule == Rule::PassingDirectory {
                return None;
            }
            Some(Cut { at, ending: if stays { ending } else { "" }, rule })
        };
        let cuts = [cut(Rule::VaryingKey), cut(Rule::PassingDirectory)];
        cuts.into_iter().flatten().min_by_key(|cut| cut.at)
    }

    /// Whether four in five of so many directories were seen on one day only, and new ones kept coming: on
    /// several days, and to the end.
    fn come_and_go(&self, directories: &BTreeMap<&str, Span>) -> bool {
        let of_a_day = directories.values().filter(|span| span.one_day()).count();
        let days: BTreeSet<i32> = directories.values().filter_map(|span| span.first).collect();
        let newest = days.last().zip(self.until);
        directories.len() >= DIRECTORIES
            && of_a_day * 5 >= directories.len() * 4
            && days.len() >= DAYS
            && newest.is_some_and(|(newest, until)| newest + self.lasting_days >= until)
    }
}

/// Returns what of the rest of a key holds neither date nor id: all of it, else the file's name, else
/// nothing.
fn steady<'a>(rest: &'a str, rules: &Rules) -> &'a str {
    let passing = |text: &str| {
        let directories = || directories(text).into_iter();
        let year = |(_, end): (usize, usize)| text.get(..end + 1).and_then(year_at).is_some();
        date_at(text, rules).is_some()
            || directories().any(year)
            || text.split('/').any(|segment| run_token(segment).is_some())
    };
    let file = rest.get(rest.rfind('/').unwrap_or_default()..).unwrap_or_default();
    [rest, file].into_iter().find(|text| !passing(text)).unwrap_or_default()
}

/// Returns where the directories of a key begin and end that hold neither date nor id: those have rules of
/// their own.
fn named(key: &str, rules: &Rules) -> Vec<(usize, usize)> {
    let mut all = directories(key);
    all.retain(|(start, end)| {
        let segment = key.get(*start..*end).unwrap_or_default();
        date_at(segment, rules).is_none() && run_token(segment).is_none()
    });
    all
}

fn add<'a>(
    seen: &mut BTreeMap<&'a str, BTreeMap<&'a str, Span>>,
    key: &'a str,
    places: Vec<(usize, usize)>,
    span: Span,
) {
    for (start, end) in places {
        let (Some(before), Some(name)) = (key.get(..start), key.get(start..end)) else { continue };
        seen.entry(before).or_default().entry(name).or_default().join(span);
    }
}

/// Returns where the directories of a key begin and end.
fn directories(key: &str) -> Vec<(usize, usize)> {
    let mut start = 0;
    key.match_indices('/')
        .map(|(end, _)| (std::mem::replace(&mut start, end + 1), end))
        .filter(|(start, end)| start < end)
        .collect()
}

/// Returns where ids begin and where their segments end. A file's name is not looked at, as its
/// parent prefix says as much, unless there is no such prefix and something stands before the id.
fn ids(key: &str) -> Vec<(usize, usize)> {
    let mut places = Vec::new();
    let mut start = 0;
    for segment in key.split('/') {
        let end = start + segment.len();
        let last = end == key.len();
        if let Some(token) = run_token(segment)
            && (!last || (start == 0 && token.start > 0))
        {
            places.push((start + token.start, end));
        }
        start = end + 1;
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::taste::rules::rules;

    const A: &str = "0b5e1e5e-1111-4222-8333-444455556666";
    const B: &str = "1b5e1e5e-1111-4222-8333-444455556666";
    const C: &str = "2b5e1e5e-1111-4222-8333-444455556666";

    fn cut_to(keys: &[(&str, i32, i32)], written: bool) -> Vec<String> {
        let spans = keys.iter().map(|(key, first, last)| (*key, Span::days(*first, *last)));
        let keys: BTreeMap<&str, Span> = spans.collect();
        let until = keys.values().filter_map(|span| span.last).max();
        let names = Names { own: keys.clone(), keys, until, often: true, ..Names::default() };
        let cuts = cuts(&names, written, rules());
        let to = |key: &str| match cuts.keys.get(key) {
            Some(Cut { at, ending, .. }) => format!("{}*{ending}", &key[..*at]),
            None => key.to_owned(),
        };
        names.keys.keys().map(|key| to(key)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn folded_to(folded: &[(&str, i32, i32)]) -> Vec<String> {
        let span = |first: i32, last: i32| Span { calls: MANY, ..Span::days(first, last) };
        let spans = folded.iter().map(|(name, first, last)| (*name, span(*first, *last)));
        let names = Names { folded: spans.collect(), ..Names::default() };
        let cuts = cuts(&names, true, rules());
        let to = |name: &str| cuts.folded.get(name).map_or(name.len(), |cut| cut.at);
        let cut = names.folded.keys().map(|name| format!("{}*", &name[..to(name)]));
        cut.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// 1 March 2026.
    const MARCH: i32 = 20_513;

    #[test]
    fn what_was_folded_under_a_date_goes_on_after_it() {
        let months =
            [("app/2026/03/", MARCH, MARCH + 30), ("app/2026/04/", MARCH + 31, MARCH + 40)];
        assert_eq!(folded_to(&months), ["app/*"]);
        assert_eq!(folded_to(&months[..1]), ["app/*"], "that month alone is over some day, too");
        assert_eq!(folded_to(&[("Config/2026/", MARCH, MARCH + 60)]), ["Config/*"]);
        assert_eq!(folded_to(&[("t/dt=2026-03-10/", MARCH + 9, MARCH + 9)]), ["t/dt=*"]);
        // A data set of then that is read now is a name.
        assert_eq!(folded_to(&[("v/2024-01-15/", MARCH, MARCH + 60)]), ["v/2024-01-15/*"]);
        assert_eq!(folded_to(&[("v/2024/", MARCH, MARCH + 60)]), ["v/2024/*"]);
        let tenants = [A, B, C].map(|id| format!("t/{id}/"));
        let tenants: Vec<_> = tenants.iter().map(|name| (&**name, 0, 2)).collect();
        assert_eq!(folded_to(&tenants), ["t/*"]);
    }

    #[test]
    fn directories_that_come_and_go_are_cut_before_them() {
        let releases: Vec<String> = (0..12).map(|day| format!("rel/v1.{day}.0/app.zip")).collect();
        let of = |days: i32, later: i32| {
            let seen = releases.iter().zip(0..).map(|(key, day)| (&**key, day / days, day / days));
            let other = ("other", later, later);
            cut_to(&seen.chain([other]).collect::<Vec<_>>(), false)
        };
        assert_eq!(of(1, 12), ["other", "rel/*"]);
        assert_eq!(of(6, 12).len(), 13, "what came in one go may be all there is");
        assert_eq!(of(1, 40).len(), 13, "no new one came for long");
        let dated = |key: fn(i32) -> String| {
            let keys: Vec<String> = (10..24).map(key).collect();
            let seen = keys.iter().zip(0..).map(|(key, day)| (&**key, day, day));
            cut_to(&seen.collect::<Vec<_>>(), true)
        };
        assert_eq!(dated(|day| format!("logs/app-2026-03-{day}/x")), ["logs/app-*"]);
        assert_eq!(dated(|day| format!("dt=2026-03-{day}/x")), ["dt=*"]);
    }

    #[test]
    fn what_follows_ids_of_the_top_level_stays_where_it_is_one_of_a_few() {
        let of = |ending: fn(usize) -> String| {
            let keys = [A, B, C].iter().enumerate().map(|(at, id)| format!("{id}/{}", ending(at)));
            let keys: Vec<String> = keys.collect();
            let seen = keys.iter().zip(0..).map(|(key, day)| (&**key, day, day));
            cut_to(&seen.collect::<Vec<_>>(), true)
        };
        assert_eq!(of(|_| "in/file.json".to_owned()), ["*/in/file.json"]);
        assert_eq!(of(|at| format!("{at}.json")), ["*"]);
        assert_eq!(of(|at| format!("2026-0{}/x.pdf", at + 1)), ["*/x.pdf"]);
        assert_eq!(of(|_| "2026-03.pdf".to_owned()), ["*"]);
    }

    #[test]
    fn what_is_written_goes_to_its_prefix() {
        assert_eq!(cut_to(&[("a/b/k", 0, 30)], true), ["a/b/*"]);
        assert_eq!(cut_to(&[("a/b/", 0, 0)], true), ["a/b/*"]);
        assert_eq!(cut_to(&[("k", 0, 0)], true), ["k"], "a bucket is no prefix");
        assert_eq!(cut_to(&[("k", 0, 0), ("l", 1, 1), ("m", 2, 2)], true), ["*"]);
        let lasting = [("k", 0, 9), ("l", 1, 1), ("m", 0, 9), ("n", 2, 3)];
        assert_eq!(cut_to(&lasting, true), ["k", "l", "m", "n"]);
    }

    #[test]
    fn what_is_read_goes_to_its_prefix_if_most_beside_it_is_of_a_day() {
        assert_eq!(cut_to(&[("in/a", 3, 3)], false), ["in/*"]);
        assert_eq!(cut_to(&[("in/a", 3, 3), ("in/b", 3, 4)], false), ["in/a", "in/b"]);
        assert_eq!(cut_to(&[("in/a", 3, 3), ("in/b", 3, 4), ("in/c", 1, 1)], false), ["in/*"]);
        assert_eq!(cut_to(&[("in/x/a", 3, 3), ("in/b", 3, 4)], false), ["in/b", "in/x/*"]);
    }

    #[test]
    fn dates_are_cut_unless_all_of_them_last() {
        let keys = [("d/2026/11/26/a", 0, 0), ("d/2026/11/27/a", 1, 1)];
        assert_eq!(cut_to(&keys, false), ["d/*"]);
        assert_eq!(cut_to(&[("report-2026-11.csv", 0, 0)], true), ["report-*"]);
        assert_eq!(cut_to(&[("v/2024-01-15/m", 0, 20)], false), ["v/2024-01-15/m"]);
        let mixed = [("v/2024-01-15/m", 0, 20), ("v/2024-01-16/m", 0, 2)];
        assert_eq!(cut_to(&mixed, false), ["v/*"]);
    }

    #[test]
    fn a_month_or_a_week_may_be_used_all_through() {
        let months = |name: fn(&str) -> String| {
            let [february, march] = ["02", "03"].map(name);
            cut_to(&[(&february, MARCH - 28, MARCH - 1), (&march, MARCH, MARCH + 19)], false)
        };
        assert_eq!(months(|month| format!("in/2026-{month}/stock.csv")), ["in/*"]);
        assert_eq!(months(|month| format!("in/year=2026/month={month}/x")), ["in/year=*"]);
        assert_eq!(months(|month| format!("in/2026{month}.csv")), ["in/*"]);
        assert_eq!(months(|month| format!("in/2026/{month}/1.csv")), ["in/*"]);
        for behind in ["shard=1", "week=1", "hour=05"] {
            let month = |month: &str| format!("in/year=2026/month={month}/{behind}/x");
            let [february, march] = ["02", "03"].map(month);
            let keys = [(&*february, MARCH - 28, MARCH - 1), (&*march, MARCH, MARCH + 19)];
            assert_eq!(cut_to(&keys, false), ["in/year=*"], "{behind}");
        }
        let weeks =
            [("in/2026W09.csv", MARCH - 6, MARCH + 1), ("in/2026W10.csv", MARCH + 1, MARCH + 9)];
        assert_eq!(cut_to(&weeks, false), ["in/*"]);
        // What is kept for good, or is of the future, is a name; a year is as long as the log.
        for (key, first, last) in [
            ("v/2025-11/model", MARCH, MARCH + 30),
            ("v/202511/model", MARCH, MARCH),
            ("until/2030-12/cert", MARCH, MARCH + 30),
            ("in/year=2026/x", MARCH, MARCH + 30),
            ("in/2026-03-01/x", MARCH, MARCH + 7),
        ] {
            let expected = if first == last { "v/202511/*" } else { key };
            assert_eq!(cut_to(&[(key, first, last)], false), [expected]);
        }
    }

    #[test]
    fn six_digits_are_months_where_all_beside_them_are() {
        let one_by_one = |keys: &[&str]| {
            let seen = keys.iter().map(|key| (*key, MARCH, MARCH + 20));
            cut_to(&seen.collect::<Vec<_>>(), false)
        };
        assert_eq!(one_by_one(&["in/202602.pdf", "in/202603.pdf"]), ["in/*"]);
        assert_eq!(one_by_one(&["in/202603.pdf", "in/202613.pdf"]).len(), 2, "orders");
        // The whole container takes several keys of their months.
        for last in [MARCH - 3, MARCH + 5] {
            let top = ["202602.json", "202603.json", "202603-b.json"];
            let top = top.map(|key| (key, MARCH - 3, last));
            assert_eq!(cut_to(&top, false), ["*"]);
            assert_eq!(cut_to(&top[1..], false).len(), 2);
        }
        let top = [("202602.json", MARCH, MARCH + 30), ("202603.json", MARCH, MARCH)];
        assert_eq!(cut_to(&top[1..2], false), ["202603.json"]);
    }

    #[test]
    fn ids_are_cut_where_several_were_seen_and_not_all_last() {
        let keys = |days: i32| [A, B, C].map(|id| (format!("t/{id}/doc"), 0, days));
        let few = |keys: &[(String, i32, i32)]| {
            let keys: Vec<_> = keys.iter().map(|(key, a, b)| (key.as_str(), *a, *b)).collect();
            cut_to(&keys, true)
        };
        assert_eq!(few(&keys(0)), ["t/*"]);
        assert_eq!(few(&keys(0)[..2]).len(), 2, "two may be all there are");
        assert_eq!(few(&keys(7)).len(), 3, "three tenants of long standing");
        let top = [A, B, C].map(|id| (format!("img-{id}.png"), 0, 0));
        assert_eq!(few(&top), ["img-*"]);
    }
}
