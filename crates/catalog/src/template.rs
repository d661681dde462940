//! ARN templates: matching an ARN strictly, and filling one in.
//!
//! A template is the reference's own text, `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.

/// A piece of a template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece<'t> {
    Literal(&'t str),
    Variable(&'t str),
}

/// Splits a template into its pieces.
pub(crate) fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((literal, after)) = rest.split_once("${") {
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        match after.split_once('}') {
            Some((variable, tail)) => {
                pieces.push(Piece::Variable(variable));
                rest = tail;
            }
            None => {
                rest = after;
                break;
            }
        }
    }
    if !rest.is_empty() {
        pieces.push(Piece::Literal(rest));
    }
    pieces
}

/// Returns what each variable stands for if the ARN is one of the template's, else nothing.
///
/// Strict: partition, region and account hold no `:` or `/`, the last variable takes all that is
/// left, others end at the next separator.
pub(crate) fn captures<'t, 'a>(template: &'t str, arn: &'a str) -> Option<Vec<(&'t str, &'a str)>> {
    let pieces = pieces(template);
    let mut found = Vec::new();
    walk(&pieces, arn, &mut found).then_some(found)
}

fn walk<'t, 'a>(pieces: &[Piece<'t>], text: &'a str, found: &mut Vec<(&'t str, &'a str)>) -> bool {
    let Some((piece, rest)) = pieces.split_first() else { return text.is_empty() };
    match piece {
        Piece::Literal(literal) => match literal.split_once('*') {
            // Some templates have a `*` of their own, which stands for anything.
            Some((head, tail)) => text.strip_prefix(head).is_some_and(|after| {
                let tail = [Piece::Literal(tail)];
                let remaining: Vec<Piece<'_>> = tail
                    .into_iter()
                    .filter(|p| *p != Piece::Literal(""))
                    .chain(rest.iter().copied())
                    .collect();
                let kept = found.len();
                after.char_indices().map(|(at, _)| at).chain([after.len()]).any(|at| {
                    found.truncate(kept);
                    walk(&remaining, after.get(at..).unwrap_or_default(), found)
                })
            }),
            None => text.strip_prefix(literal).is_some_and(|after| walk(rest, after, found)),
        },
        Piece::Variable(variable) => {
            let ambient = ["Partition", "Region", "Account"].contains(variable);
            let longest = if ambient || *variable == "BucketName" {
                text.find([':', '/']).unwrap_or(text.len())
            } else if rest.is_empty() {
                text.len()
            } else if matches!(rest.first(), Some(Piece::Literal(next)) if next.starts_with(':')) {
                text.find(':').unwrap_or(text.len())
            } else {
                text.find([':', '/']).unwrap_or(text.len())
            };
            let kept = found.len();
            // The longest value first; shorter ones where a literal such as `-` comes next.
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let ends: Vec<usize> = ends.filter(|end| *end <= longest).collect();
            ends.into_iter().rev().any(|end| {
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
        .iter()
        .map(|piece| if let Piece::Literal(literal) = piece { literal.len() } else { 0 })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::captures;

    #[test]
    fn matches_are_strict() {
        let object = "arn:${Partition}:s3:::${BucketName}/${ObjectName}";
        let found = captures(object, "arn:aws:s3:::b/k/l").unwrap();
        assert_eq!(found, [("Partition", "aws"), ("BucketName", "b"), ("ObjectName", "k/l")]);
        assert_eq!(captures(object, "arn:aws:s3:::b"), None);
        assert_eq!(captures("arn:${Partition}:s3:::${BucketName}", "arn:aws:s3:::b/k"), None);
        let stream = "arn:${Partition}:logs:${Region}:${Account}:log-group:${G}:log-stream:${S}";
        let found = captures(stream, "arn:aws:logs:eu-west-1:1:log-group:/aws/l:log-stream:x/[y]");
        assert_eq!(found.unwrap().last(), Some(&("S", "x/[y]")));
    }
}
