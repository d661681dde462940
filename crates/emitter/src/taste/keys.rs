//! Where the keys of one container are cut.
//!
//! A key is cut at its first date, or at the first directory that is an id of one run where several
//! were seen; what is left is cut to its parent prefix if it is written, or if most keys beside it
//! were seen on one day only. In a container's top level there is no prefix to cut to but the whole
//! container, and that needs several keys of a day.
//!
//! Whether something is cut is decided for all keys that the cut would unite, so that asking
//! again about what is left gives the same.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_aggregator::run_token;

use super::dates::date_at;
use super::rules::Rules;
use super::{Rule, Span};

/// A beginning of a key, up to which it is kept, and why.
pub(super) type Cut = (usize, Rule);

/// Returns where each key is cut; those that stay as they are are left out. `folded` holds what
/// stands before the star of names that are prefixes already: they are evidence as well.
pub(super) fn cuts<'a>(
    keys: &BTreeMap<&'a str, Span>,
    folded: &BTreeMap<&'a str, Span>,
    written: bool,
    rules: &Rules,
) -> BTreeMap<&'a str, Cut> {
    let dated = Dated::of(keys, rules);
    let ids = Ids::of(keys, folded, rules);
    let mut cuts = BTreeMap::new();
    let mut left: BTreeMap<&str, Vec<(&'a str, Span)>> = BTreeMap::new();
    for (&key, &span) in keys {
        let date = dated.cut(key).map(|at| (at, Rule::DatedKey));
        let id = ids.cut(key).map(|at| (at, Rule::VaryingKey));
        match [date, id].into_iter().flatten().min() {
            Some(cut) => {
                cuts.insert(key, cut);
            }
            None => {
                let parent = key.get(..parent(key)).unwrap_or_default();
                left.entry(parent).or_default().push((key, span));
            }
        }
    }
    for (parent, keys) in left {
        let of_a_day = keys.iter().filter(|(_, span)| span.one_day()).count();
        let mostly = 2 * of_a_day > keys.len();
        let rule = if written { Rule::WrittenKey } else { Rule::OneDayKey };
        let cut = match parent {
            "" => mostly && of_a_day >= rules.several,
            _ => written || mostly,
        };
        if cut {
            cuts.extend(keys.into_iter().map(|(key, _)| (key, (parent.len(), rule))));
        }
    }
    cuts
}

/// Returns the length of a key's parent prefix, its `/` included.
pub(super) fn parent(key: &str) -> usize {
    key.rfind('/').map_or(0, |slash| slash + 1)
}

/// The dates in keys.
struct Dated<'a> {
    places: BTreeMap<&'a str, usize>,
    /// What stands before dates that do not last.
    passing: BTreeSet<&'a str>,
}

impl<'a> Dated<'a> {
    fn of(keys: &BTreeMap<&'a str, Span>, rules: &Rules) -> Dated<'a> {
        let (mut places, mut passing) = (BTreeMap::new(), BTreeSet::new());
        for (&key, span) in keys {
            let Some(at) = date_at(key, rules) else { continue };
            places.insert(key, at);
            if !span.lasts(rules.lasting_days) {
                passing.extend(key.get(..at));
            }
        }
        Dated { places, passing }
    }

    fn cut(&self, key: &'a str) -> Option<usize> {
        let at = *self.places.get(key)?;
        self.passing.contains(key.get(..at)?).then_some(at)
    }
}

/// The ids of one run that are directories, or the name itself in the top level.
struct Ids<'a> {
    /// By what stands before: how long each id was seen.
    seen: BTreeMap<&'a str, BTreeMap<&'a str, Span>>,
    several: usize,
    lasting_days: i32,
}

impl<'a> Ids<'a> {
    fn of(
        keys: &BTreeMap<&'a str, Span>,
        folded: &BTreeMap<&'a str, Span>,
        rules: &Rules,
    ) -> Ids<'a> {
        let mut seen: BTreeMap<&str, BTreeMap<&str, Span>> = BTreeMap::new();
        let mut add = |key: &'a str, places: Vec<(usize, usize)>, span: &Span| {
            for (start, end) in places {
                let (Some(before), Some(id)) = (key.get(..start), key.get(start..end)) else {
                    continue;
                };
                seen.entry(before).or_default().entry(id).or_default().join(*span);
            }
        };
        for (key, span) in keys {
            add(key, places(key), span);
        }
        for (prefix, span) in folded {
            // Of the last segment only the beginning is left.
            let known = prefix.get(..parent(prefix)).unwrap_or_default();
            add(prefix, places(known), span);
        }
        Ids { seen, several: rules.several, lasting_days: rules.lasting_days }
    }

    fn cut(&self, key: &str) -> Option<usize> {
        places(key).into_iter().map(|(start, _)| start).find(|start| {
            let ids = key.get(..*start).and_then(|before| self.seen.get(before));
            ids.is_some_and(|ids| {
                ids.len() >= self.several && ids.values().any(|span| !span.lasts(self.lasting_days))
            })
        })
    }
}

/// Returns where ids begin and where their segments end. A file's name is not looked at, as its
/// parent prefix says as much, unless there is no such prefix and something stands before the id.
fn places(key: &str) -> Vec<(usize, usize)> {
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
        let cuts = cuts(&keys, &BTreeMap::new(), written, rules());
        let to = |key: &str| match cuts.get(key) {
            Some((at, _)) => format!("{}*", &key[..*at]),
            None => key.to_owned(),
        };
        keys.keys().map(|key| to(key)).collect::<BTreeSet<_>>().into_iter().collect()
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
