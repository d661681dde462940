//! Which grants say nothing new, because a wildcard beside them says it.
//!
//! Works on the text of resource patterns alone, without comparing pair by pair, and errs on one
//! side only: it may keep what is idle, never drop what is not.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_iam::wildcard;

/// A letter that no pattern holds: a private-use character cannot stand in a policy.
const ANY: char = '\u{E000}';

/// One thing to grant: an action on a resource under conditions.
pub(crate) type Grant<'p, C> = (&'p str, &'p str, &'p [C]);

/// Leaves out what another grant of the same action covers.
pub(crate) fn irredundant<'p, C: Ord>(grants: &BTreeSet<Grant<'p, C>>) -> BTreeSet<Grant<'p, C>> {
    let covering = Covering::of(grants);
    let idle = |grant: Grant<'p, C>| {
        covering.of_grant(grant).into_iter().any(|wide| {
            // Of two that mean the same (`a*` and `a**`) the first stays.
            let same = wide.2 == grant.2 && covers(grant.1, wide.1);
            !same || wide.1 < grant.1
        })
    };
    grants.iter().copied().filter(|grant| !idle(*grant)).collect()
}

/// Finds the grants that cover another one, without looking at all of them: a principal
/// may have used a hundred thousand resources.
pub(crate) struct Covering<'s, 'p, C> {
    grants: &'s BTreeSet<Grant<'p, C>>,
    /// The grants with a star that can hold other resources, by action and by what stands before
    /// the star.
    starred: BTreeMap<(&'p str, &'p str), Vec<Grant<'p, C>>>,
    /// How long those beginnings are, by action.
    lengths: BTreeMap<&'p str, BTreeSet<usize>>,
}

impl<'s, 'p, C: Ord> Covering<'s, 'p, C> {
    pub(crate) fn of(grants: &'s BTreeSet<Grant<'p, C>>) -> Covering<'s, 'p, C> {
        let (mut starred, mut lengths) = (BTreeMap::new(), BTreeMap::new());
        for &grant in grants {
            let (action, resource, _) = grant;
            if !can_cover(resource) {
                continue;
            }
            let start = resource.split('*').next().unwrap_or_default();
            starred.entry((action, start)).or_insert_with(Vec::new).push(grant);
            lengths.entry(action).or_insert_with(BTreeSet::new).insert(start.len());
        }
        Covering { grants, starred, lengths }
    }

    /// Returns the other grants that cover this one.
    pub(crate) fn of_grant(&self, grant: Grant<'p, C>) -> Vec<Grant<'p, C>> {
        let (action, resource, conditions) = grant;
        let mut found = Vec::new();
        let unconditioned: Grant<'p, C> = (action, resource, &[]);
        if !conditions.is_empty() && self.grants.contains(&unconditioned) {
            found.push(unconditioned);
        }
        let Some(lengths) = self.lengths.get(action) else { return found };
        let text = sample(resource, 1);
        for &length in lengths {
            let Some(start) = text.get(..length) else { continue };
            for &wide in self.starred.get(&(action, start)).into_iter().flatten() {
                if wide.1 != resource
                    && (wide.2.is_empty() || wide.2 == conditions)
                    && wildcard::matches(wide.1, &text)
                {
                    found.push(wide);
                }
            }
        }
        found
    }
}

/// Returns whether a resource may cover others than itself, as far as [`covers`] can tell.
fn can_cover(resource: &str) -> bool {
    resource.contains('*') && !resource.contains(['?', '$'])
}

/// Returns whether every resource that `narrow` means, `wide` means too. It may
/// say no where the answer is yes, and then only leaves an idle resource in.
///
/// In a `wide` whose only wildcard is `*`, a letter that no pattern holds can
/// only be taken by a star, which then takes any other text as well: so a `*` of
/// `narrow` lies inside iff that letter does. A `?` in `wide` breaks this (`b/?*`
/// does not hold `b/`), and an escape in it is no wildcard.
pub(crate) fn covers(wide: &str, narrow: &str) -> bool {
    if wide == narrow {
        return true;
    }
    let special = narrow.contains(['*', '?', '$']);
    can_cover(wide)
        && if special {
            wildcard::matches(wide, &sample(narrow, 1))
        } else {
            wildcard::matches(wide, narrow)
        }
}

/// Returns a text that `pattern` matches: escapes are taken off, a `?` is [`ANY`] and a `*` a run of
/// so many of it. Of the patterns that are shorter than the run and hold no such letter, only those
/// match it that hold all that `pattern` means.
pub(crate) fn sample(pattern: &str, run: usize) -> String {
    let mut text = String::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        if let Some((literal, after)) = escaped(rest) {
            text.push(literal);
            rest = after;
            continue;
        }
        match c {
            '*' => text.extend(std::iter::repeat_n(ANY, run)),
            '?' => text.push(ANY),
            c => text.push(c),
        }
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
    }
    text
}

/// Reads `${*}`, `${?}` or `${$}` at the start of `text`.
pub(crate) fn escaped(text: &str) -> Option<(char, &str)> {
    let inner = text.strip_prefix("${")?;
    let c = inner.chars().next().filter(|c| matches!(c, '*' | '?' | '$'))?;
    Some((c, inner.get(1..)?.strip_prefix('}')?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_catalog::Condition;

    #[test]
    fn a_pattern_covers_what_lies_inside_it() {
        for (wide, narrow, expected) in [
            ("b/*", "b/a", true),
            ("b/*", "b/a/*", true),
            ("b/a/*", "b/*", false),
            ("b/?", "b/*", false),
            ("b/?*", "b/*", false),
            ("*", "anything", true),
            ("b/*", "b/${*}", true),
            ("b/${*}", "b/${?}", false),
            ("b/${*}", "b/x", false),
            ("b/${*}", "b/${*}", true),
            ("b/*", "b/secret-??????", true),
        ] {
            assert_eq!(covers(wide, narrow), expected, "{wide} {narrow}");
        }
    }

    fn grants<'a>(list: &[Grant<'a, Condition>]) -> BTreeSet<Grant<'a, Condition>> {
        list.iter().copied().collect()
    }

    #[test]
    fn what_another_grant_covers_is_left_out() {
        let via = [Condition {
            operator: "StringEquals".into(),
            key: "kms:ViaService".into(),
            values: vec!["s3.eu-west-1.amazonaws.com".into()],
        }];
        let list: [Grant<'_, Condition>; 6] = [
            ("s3:GetObject", "b/*", &[]),
            ("s3:GetObject", "b/a", &[]),
            ("s3:GetObject", "c/a", &[]),
            ("kms:Decrypt", "key/1", &via),
            ("kms:Decrypt", "key/1", &[]),
            ("kms:Decrypt", "key/2", &via),
        ];
        let all = grants(&list);
        let kept = irredundant(&all);
        assert_eq!(
            kept,
            grants(&[
                ("s3:GetObject", "b/*", &[]),
                ("s3:GetObject", "c/a", &[]),
                ("kms:Decrypt", "key/1", &[]),
                ("kms:Decrypt", "key/2", &via),
            ])
        );
    }

    #[test]
    fn of_two_that_mean_the_same_one_stays() {
        let all = grants(&[("s3:GetObject", "b/*", &[]), ("s3:GetObject", "b/**", &[])]);
        assert_eq!(irredundant(&all), grants(&[("s3:GetObject", "b/*", &[])]));
    }
}
