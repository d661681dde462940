//! What one pattern of a policy means beside another: inside it, or in common with it.
//!
//! For those who write policies: a resource that was seen has to be cut to what
//! is attached, and the result is a pattern again. Patterns are those of an
//! identity policy of version 2012-10-17; for an older document see [`modern`].

use std::borrow::Cow;

use crate::document::Version;
use crate::glob::{self, Colons, Glob, Lacking, Token};
use crate::wildcard;

/// How many patterns an intersection may have before it is no help to anyone.
const WAYS: usize = 16;

/// Tells whether every resource that `narrow` means, `wide` surely means too, however `*` is read
/// beside colons.
///
/// It may say no where the answer is yes (a union of cases that no single rule shows). A policy
/// variable is covered by itself and by `*` only.
///
/// ```
/// use trailtrim_iam::pattern::covers;
/// assert!(covers("arn:aws:s3:::b/*", "arn:aws:s3:::b/in/*"));
/// assert!(!covers("arn:aws:s3:::b/?*", "arn:aws:s3:::b/*"));
/// assert!(covers("arn:aws:sqs", "arn:aws:sqs:eu-west-1:111122223333:q"));
/// ```
#[must_use]
pub fn covers(wide: &str, narrow: &str) -> bool {
    wide == narrow
        || wide == "*"
        || narrow.starts_with(beginning(wide))
            && covers_name(wide, narrow).unwrap_or_else(|| covers_any(wide, narrow))
}

/// As [`covers`], where a `*` may stand for the parts of an ARN that `wide` lacks, as one of AWS's pages has it.
///
/// ```
/// use trailtrim_iam::pattern::{covers, covers_run_on};
/// let (wide, queue) = ("arn:aws:sqs:*:q", "arn:aws:sqs:eu-west-1:111122223333:q");
/// assert!(covers_run_on(wide, queue) && !covers(wide, queue));
/// ```
#[must_use]
pub fn covers_run_on(wide: &str, narrow: &str) -> bool {
    covers(wide, narrow) || covers_in(wide, narrow, Colons::RunOn)
}

/// As [`covers`], of the name of a thing beside a pattern of names, which is what most are: there is one reading
/// where both have all of their colons, part by part.
fn covers_name(wide: &str, narrow: &str) -> Option<bool> {
    if narrow.contains(['*', '?', '$']) || wide.contains('$') {
        return None;
    }
    let (mut wide, mut narrow) = (wide.splitn(6, ':'), narrow.splitn(6, ':'));
    let mut all = true;
    for _ in 0..6 {
        all &= wildcard::matches(wide.next()?, narrow.next()?);
    }
    Some(all)
}

/// As [`covers`], where either may be any pattern.
fn covers_any(wide: &str, narrow: &str) -> bool {
    [Colons::RunOn, Colons::Within].into_iter().all(|colons| covers_in(wide, narrow, colons))
}

/// As [`covers`], in one reading.
fn covers_in(wide: &str, narrow: &str, colons: Colons) -> bool {
    let wide = read(wide, colons);
    let narrow = read(narrow, colons);
    narrow.iter().all(|narrow| wide.iter().any(|wide| wide.covers(narrow)))
}

/// Compiles a pattern of an identity policy.
fn read(pattern: &str, colons: Colons) -> Vec<Glob> {
    glob::resource(pattern, Version::V2012, colons, Lacking::Anything)
}

/// Tells whether every action that `narrow` means, `wide` means too; letter case aside.
///
/// ```
/// use trailtrim_iam::pattern::covers_action;
/// assert!(covers_action("s3:Get*", "s3:getobject*"));
/// ```
#[must_use]
pub fn covers_action(wide: &str, narrow: &str) -> bool {
    // `Action: "*"` is asked about each action there is: those are plain text.
    match narrow.split_once(':') {
        Some((service, name)) if !narrow.contains(['*', '?']) => match wide.split_once(':') {
            Some((services, names)) => takes(services, service) && takes(names, name),
            None => wide.ends_with('*') && takes(wide, service),
        },
        _ => covers_any_action(wide, narrow),
    }
}

/// As [`covers_action`], where either may be a pattern.
fn covers_any_action(wide: &str, narrow: &str) -> bool {
    let (wide, narrow) = (glob::action(wide), glob::action(narrow));
    narrow.iter().all(|narrow| wide.iter().any(|wide| wide.covers(narrow)))
}

/// Tells whether a pattern matches a text, letter case aside. Most are a name or its beginning.
fn takes(pattern: &str, text: &str) -> bool {
    let (start, rest) = pattern.split_at(pattern.find(['*', '?']).unwrap_or(pattern.len()));
    let same = text.get(..start.len()).is_some_and(|text| text.eq_ignore_ascii_case(start));
    same && match rest {
        "" => text.len() == start.len(),
        "*" => true,
        _ => wildcard::matches_ignore_case(pattern, text),
    }
}

/// Returns what every text begins with that a pattern means: most pairs of patterns differ there.
fn beginning(pattern: &str) -> &str {
    pattern.split(['*', '?', '$']).next().unwrap_or_default()
}

/// Tells whether two patterns have nothing in common, as far as their beginnings show.
fn differ_at_once(a: &str, b: &str) -> bool {
    let (start, other) = (beginning(a), beginning(b));
    let both = start.len().min(other.len());
    // One that is a name is nothing longer.
    let shorter = |name: &str, start: &str, other: &str| {
        name == start && is_name(name) && other.len() > name.len()
    };
    start.as_bytes().get(..both) != other.as_bytes().get(..both)
        || shorter(a, start, other)
        || shorter(b, other, start)
}

/// Returns patterns whose union is what two resource patterns have in common: none where they are
/// disjoint, `None` where it takes too many patterns or depends on how `*` is read beside colons.
///
/// ```
/// use trailtrim_iam::pattern::overlap;
/// assert_eq!(overlap("b/*", "b/in/*").as_deref(), Some(&["b/in/*".to_owned()][..]));
/// assert_eq!(overlap("b/*.csv", "b/in/*").as_deref(), Some(&["b/in/*.csv".to_owned()][..]));
/// assert_eq!(overlap("b/*", "c/*").as_deref(), Some(&[][..]));
/// ```
#[must_use]
pub fn overlap(a: &str, b: &str) -> Option<Vec<String>> {
    if covers(a, b) {
        return Some(vec![b.to_owned()]);
    }
    if covers(b, a) {
        return Some(vec![a.to_owned()]);
    }
    if differ_at_once(a, b) {
        return Some(Vec::new());
    }
    let mut readings = Vec::new();
    for colons in [Colons::RunOn, Colons::Within] {
        let mut common = Vec::new();
        for a in read(a, colons) {
            for b in read(b, colons) {
                common.extend(glob::intersect(&a, &b, WAYS, &mut 0)?);
            }
        }
        let mut texts: Vec<String> = common.iter().map(text).collect();
        texts.sort();
        texts.dedup();
        readings.push(texts);
    }
    let first = readings.pop()?;
    if readings.iter().any(|other| *other != first) {
        return None;
    }
    // What another of them covers says nothing more.
    let idle = |at: usize, one: &String| {
        let wider = |(place, wide): (usize, &String)| {
            place != at && covers(wide, one) && (place < at || !covers(one, wide))
        };
        first.iter().enumerate().any(wider)
    };
    let kept = first.iter().enumerate().filter(|(at, one)| !idle(*at, one));
    Some(kept.map(|(_, one)| one.clone()).collect())
}

/// Tells whether a resource pattern can mean one thing alone: what it says. An incomplete ARN means more.
///
/// ```
/// use trailtrim_iam::pattern::is_name;
/// assert!(is_name("arn:aws:s3:::b") && !is_name("arn:aws:s3:::b*") && !is_name("arn:aws:s3"));
/// ```
#[must_use]
pub fn is_name(pattern: &str) -> bool {
    let whole = || !pattern.starts_with("arn:") || pattern.split(':').count() >= 6;
    !pattern.contains(['*', '?', '$']) && whole()
}

/// Tells whether a resource pattern holds a policy variable (`${aws:username}`; not `${*}`).
#[must_use]
pub fn has_variable(pattern: &str) -> bool {
    glob::value(pattern, Version::V2012).variables().next().is_some()
}

/// Tells whether a resource pattern means nothing where a request does not have a context key (in lower
/// case): it holds the key's variable, without a text to take in its place.
#[must_use]
pub fn needs_key(pattern: &str, key: &str) -> bool {
    let glob = glob::value(pattern, Version::V2012);
    glob.variables().any(|variable| variable.key == key && variable.default.is_none())
}

/// Returns a resource pattern that holds anything where it has a policy variable.
#[must_use]
pub fn without_variables(pattern: &str) -> String {
    let glob = glob::value(pattern, Version::V2012);
    let open = glob.tokens().iter().map(|token| match token {
        Token::Variable(_) => Token::Many,
        other => other.clone(),
    });
    text(&Glob::new(open))
}

/// Returns a pattern of a document of some version as one of 2012-10-17 with the same meaning:
/// before it, `${` had none.
#[must_use]
pub fn modern(pattern: &str, version: Version) -> Cow<'_, str> {
    match version {
        Version::V2008 if pattern.contains("${") => Cow::Owned(pattern.replace("${", "${$}{")),
        _ => Cow::Borrowed(pattern),
    }
}

fn text(glob: &Glob) -> String {
    let mut text = String::new();
    for token in glob.tokens() {
        match token {
            Token::Char(c @ ('*' | '?' | '$')) => text.extend(['$', '{', *c, '}']),
            Token::Char(c) => text.push(*c),
            Token::Separator => text.push(':'),
            Token::One => text.push('?'),
            Token::Many | Token::Everything => text.push('*'),
            Token::Variable(variable) => match &variable.default {
                None => text.push_str(&format!("${{{}}}", variable.key)),
                Some(default) => text.push_str(&format!("${{{}, '{default}'}}", variable.key)),
            },
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_overlap_is_a_pattern_again() {
        for (a, b, common) in [
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b/k", &["arn:aws:s3:::b/k"][..]),
            ("*", "arn:aws:s3:::b/k", &["arn:aws:s3:::b/k"]),
            (
                "arn:aws:dynamodb:*:1:table/*",
                "arn:aws:dynamodb:eu:*:table/a*",
                &["arn:aws:dynamodb:eu:1:table/a*"],
            ),
            ("arn:aws:s3:::b/${*}*", "arn:aws:s3:::b/*x", &["arn:aws:s3:::b/${*}*x"]),
            ("arn:aws:s3:::b/a*", "arn:aws:s3:::b/*a", &["arn:aws:s3:::b/a", "arn:aws:s3:::b/a*a"]),
            ("arn:aws:s3:::b/*", "arn:aws:sqs:*:*:q", &[]),
        ] {
            assert_eq!(overlap(a, b).unwrap(), common, "{a} {b}");
            assert_eq!(overlap(b, a).unwrap(), common, "{b} {a}");
        }
    }

    #[test]
    fn old_documents_know_no_variables() {
        assert_eq!(modern("b/${aws:username}", Version::V2008), "b/${$}{aws:username}");
        assert!(!has_variable(&modern("b/${aws:username}", Version::V2008)));
        assert!(has_variable("b/${aws:username}"));
        assert!(!has_variable("b/${*}"));
    }

    #[test]
    fn a_variable_without_a_default_needs_its_key() {
        for (pattern, needs) in [
            ("b/${aws:username}/*", true),
            ("b/${AWS:UserName}", true),
            ("b/${aws:username, 'nobody'}", false),
            ("b/${aws:userid}", false),
            ("b/aws:username", false),
        ] {
            assert_eq!(needs_key(pattern, "aws:username"), needs, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn a_plain_action_is_covered_as_a_pattern_would_be(
            wide in "[aB:*?]{0,6}", narrow in "[Ab]{0,2}:?[abB:]{0,3}",
        ) {
            prop_assert_eq!(covers_action(&wide, &narrow), covers_any_action(&wide, &narrow));
        }

        #[test]
        fn a_name_is_covered_as_a_pattern_would_be(
            wide in "([a*?]{0,2}:){0,5}[ab:*?]{0,6}", narrow in "([ab]{0,2}:){4,5}[ab:*]{0,4}",
        ) {
            if let Some(known) = covers_name(&wide, &narrow) {
                prop_assert_eq!(known, covers_any(&wide, &narrow));
            }
        }

        #[test]
        fn an_overlap_means_what_both_mean(
            a in "arn:aws:s3:::[ab*?]{0,5}", b in "arn:aws:s3:::[ab*?]{0,5}", t in "[ab]{0,6}",
        ) {
            let resource = format!("arn:aws:s3:::{t}");
            if let Some(common) = overlap(&a, &b) {
                prop_assert_eq!(
                    common.iter().any(|one| wildcard::matches(one, &resource)),
                    wildcard::matches(&a, &resource) && wildcard::matches(&b, &resource),
                    "{:?}", common
                );
                for one in &common {
                    prop_assert!(covers(&a, one) || a.contains('?'), "{a} {one}");
                }
            }
        }
    }
}
