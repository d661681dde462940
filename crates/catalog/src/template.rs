//! ARN templates: matching an ARN strictly, and filling one in.
//!
//! A template is the reference's own text, `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.

use memchr::memchr_iter;
use smallvec::SmallVec;

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Literal(&'t str),
    Variable(&'t str),
}

/// Splits a template into its pieces.
pub(crate) fn pieces(template: &str) -> impl Iterator<Item = Piece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let (piece, after) = first(rest)?;
        rest = after;
        Some(piece)
    })
}

/// Splits the first piece off a template.
///
/// Byte by byte: pieces are a few letters long, and most templates that are tried do not match.
fn first(template: &str) -> Option<(Piece<'_>, &str)> {
    const OPEN: &str = "${";
    if let Some(after) = template.strip_prefix(OPEN) {
        return match after.bytes().position(|byte| byte == b'}') {
            Some(end) => Some((Piece::Variable(after.get(..end)?), after.get(end + 1..)?)),
            None => (!after.is_empty()).then_some((Piece::Literal(after), "")),
        };
    }
    let at = template.as_bytes().windows(OPEN.len()).position(|bytes| bytes == OPEN.as_bytes());
    let (literal, tail) = template.split_at_checked(at.unwrap_or(template.len()))?;
    (!literal.is_empty()).then_some((Piece::Literal(literal), tail))
}

/// Returns where the first separator of an ARN's parts stands, or the end.
fn separator(text: &str) -> usize {
    text.bytes().position(|byte| matches!(byte, b':' | b'/')).unwrap_or(text.len())
}

/// Variables and what they stand for. Most templates that are tried do not match, so it takes no memory of its own.
pub(crate) type Captures<'t, 'a> = SmallVec<[(&'t str, &'a str); 8]>;

/// Returns what each variable stands for if the ARN is one of the template's, else nothing.
///
/// Strict: partition, region and account hold no `:` or `/`, the last variable takes all that is
/// left, others end at the next separator.
pub(crate) fn captures<'t, 'a>(template: &'t str, arn: &'a str) -> Option<Captures<'t, 'a>> {
    let mut found = Captures::new();
    (may_match(template, arn) && walk(template, arn, &mut found)).then_some(found)
}

/// How many `:` an ARN has in front of what names a resource.
const HEAD: usize = 5;

/// Returns whether what names the resource begins as the template says: most of a service's templates are told apart
/// there, before its parts are.
fn may_match(template: &str, arn: &str) -> bool {
    let (Some((head, kind)), Some((_, rest))) = (behind_head(template), behind_head(arn)) else {
        return true;
    };
    // A `*` of the template's own may stand for more than one part, and what is no whole ARN's may hold any.
    let end = kind.bytes().position(|byte| matches!(byte, b'$' | b'*')).unwrap_or(kind.len());
    !head.starts_with("arn:")
        || head.contains('*')
        || kind.get(..end).is_none_or(|literal| rest.starts_with(literal))
}

fn behind_head(text: &str) -> Option<(&str, &str)> {
    let colon = memchr_iter(b':', text.as_bytes()).nth(HEAD - 1)?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

fn walk<'t, 'a>(template: &'t str, text: &'a str, found: &mut Captures<'t, 'a>) -> bool {
    let Some((piece, rest)) = first(template) else { return text.is_empty() };
    match piece {
        Piece::Literal(literal) => match literal.bytes().position(|byte| byte == b'*') {
            // Some templates have a `*` of their own, which stands for anything.
            Some(star) => {
                let head = literal.get(..star).unwrap_or_default();
                let behind = template.len() - rest.len() - (literal.len() - star - 1);
                let remaining = template.get(behind..).unwrap_or_default();
                text.strip_prefix(head).is_some_and(|after| {
                    let kept = found.len();
                    after.char_indices().map(|(at, _)| at).chain([after.len()]).any(|at| {
                        found.truncate(kept);
                        walk(remaining, after.get(at..).unwrap_or_default(), found)
                    })
                })
            }
            None => text.strip_prefix(literal).is_some_and(|after| walk(rest, after, found)),
        },
        Piece::Variable(variable) => {
            let ambient = ["Partition", "Region", "Account"].contains(&variable);
            let separated = rest.starts_with([':', '/']);
            let longest = if ambient || variable == "BucketName" {
                separator(text)
            } else if rest.is_empty() {
                text.len()
            } else if rest.starts_with(':') {
                text.bytes().position(|byte| byte == b':').unwrap_or(text.len())
            } else {
                separator(text)
            };
            // Nothing that follows can begin within the value where it begins with a separator that
            // the value does not hold; else the longest value first, and shorter ones where a
            // literal such as `-` comes next.
            let shortest = if separated || rest.is_empty() { longest } else { 0 };
            let kept = found.len();
            let mut ends = (shortest..=longest).rev().filter(|end| text.is_char_boundary(*end));
            ends.any(|end| {
                let (value, after) = text.split_at_checked(end).unwrap_or((text, ""));
                if value.is_empty() && !ambient {
                    return false;
                }
                found.truncate(kept);
                found.push((variable, value));
                walk(rest, after, found)
            })
        }
    }
}

/// Returns how much of a template is literal: the more, the more particular it is.
pub(crate) fn weight(template: &str) -> usize {
    pieces(template)
        .map(|piece| if let Piece::Literal(literal) = piece { literal.len() } else { 0 })
        .sum()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Captures, Piece, captures, may_match, pieces, walk};
    use crate::Catalog;

    #[test]
    fn no_template_is_passed_over_that_matches() {
        let mut matched = 0;
        for service in Catalog::embedded().services() {
            let kinds = service.actions().flat_map(|action| action.resource_types());
            let templates: BTreeSet<&str> = kinds.flat_map(|kind| kind.templates()).collect();
            let names = ["a", "*", "i-0/x", "x:y", "r-1:2/z*"];
            let arn = |template: &&str, name: &str| -> String {
                let part = |piece| match piece {
                    Piece::Literal(text) => text,
                    Piece::Variable("Region") => "us-east-1",
                    Piece::Variable("Account" | "Partition") => "aws",
                    Piece::Variable(_) => name,
                };
                pieces(template).map(part).collect()
            };
            let arns = templates.iter().flat_map(|one| names.map(|name| arn(one, name)));
            for arn in arns.collect::<Vec<_>>() {
                for template in &templates {
                    if walk(template, &arn, &mut Captures::new()) {
                        matched += 1;
                        assert!(may_match(template, &arn), "{template} {arn}");
                    }
                }
            }
        }
        assert!(matched > 10_000, "{matched}");
    }

    #[test]
    fn matches_are_strict() {
        let object = "arn:${Partition}:s3:::${BucketName}/${ObjectName}";
        let found = captures(object, "arn:aws:s3:::b/k/l").unwrap();
        assert_eq!(
            found.as_slice(),
            [("Partition", "aws"), ("BucketName", "b"), ("ObjectName", "k/l")]
        );
        assert_eq!(captures(object, "arn:aws:s3:::b"), None);
        assert_eq!(captures("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b/k"), None);
        let stream = "arn:${Partition}:logs:${Region}:${Account}:log-group:${G}:log-stream:${S}";
        let found = captures(stream, "arn:aws:logs:eu-west-1:1:log-group:/aws/l:log-stream:x/[y]");
        assert_eq!(found.unwrap().last(), Some(&("S", "x/[y]")));
    }
}
