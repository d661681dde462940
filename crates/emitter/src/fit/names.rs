//! Where a resource's name may be cut, and how much of it is fixed.

use crate::irredundant::escaped;

/// Colons before a resource's name in an ARN.
const HEAD_COLONS: usize = 5;

/// Returns where a resource can be cut so that the beginning with a `*` means it too: behind `/`
/// and `:` in the name, before all of the name, and before everything.
///
/// Nothing with a policy variable is cut, and nothing behind a `?`: what such a beginning covers
/// could not be told from its text.
pub(super) fn cuts(resource: &str) -> Vec<usize> {
    let Some(head) = head(resource) else { return Vec::new() };
    let mut cuts = vec![0];
    let mut rest = resource.get(head..).unwrap_or_default();
    let mut at = head;
    let mut ends = vec![head];
    while let Some(c) = rest.chars().next() {
        if let Some((_, after)) = escaped(rest) {
            at += rest.len() - after.len();
            rest = after;
            continue;
        }
        if rest.starts_with("${") {
            return Vec::new();
        }
        at += c.len_utf8();
        rest = rest.get(c.len_utf8()..).unwrap_or_default();
        match c {
            '/' | ':' => ends.push(at),
            '?' => {
                // Variables behind it still forbid any cut.
                if rest.replace("${*}", "").replace("${?}", "").replace("${$}", "").contains("${") {
                    return Vec::new();
                }
                break;
            }
            _ => {}
        }
    }
    let more = |end: &usize| !matches!(resource.get(*end..), None | Some("" | "*"));
    let plain = |end: &usize| !resource.get(..*end).unwrap_or_default().contains(['?', '$']);
    cuts.extend(ends.into_iter().filter(|end| more(end) && plain(end)));
    cuts
}

/// Returns how many parts of a resource are fixed: region, account and the segments of the name
/// that have no star.
pub(super) fn fixed_segments(resource: &str) -> usize {
    let Some(head) = head(resource) else { return 0 };
    let fixed = |segment: &&str| !segment.is_empty() && !segment.contains('*');
    let (before, name) = resource.split_at(head);
    before.split(':').skip(3).take(2).filter(fixed).count()
        + name.split(['/', ':']).filter(fixed).count()
}

/// Tells whether the beginning of a resource names an account or something in the name.
///
/// Where nothing is attached that bounds it, a pattern must: `arn:aws:s3:::*` means every bucket.
pub(super) fn is_bounded(pattern: &str) -> bool {
    head(pattern).is_some_and(|head| {
        let (before, name) = pattern.split_at(head);
        let account = before.split(':').nth(4).unwrap_or_default();
        let fixed = |segment: &str| !segment.is_empty() && !segment.contains('*');
        fixed(account) || name.split(['/', ':']).any(fixed)
    })
}

/// Returns where the name begins in an ARN.
fn head(resource: &str) -> Option<usize> {
    if !resource.starts_with("arn:") {
        return None;
    }
    resource.match_indices(':').nth(HEAD_COLONS - 1).map(|(at, _)| at + 1)
}

/// Returns the beginnings of an action that end with a word of its name, the service alone
/// included: `s3:`, `s3:Get`, `s3:GetObject`.
pub(super) fn action_beginnings(action: &str) -> Vec<&str> {
    let Some((service, name)) = action.split_once(':') else { return Vec::new() };
    if action.contains(['*', '?']) {
        return Vec::new();
    }
    let start = service.len() + 1;
    let mut ends = vec![start];
    let mut before = ' ';
    for (at, c) in name.char_indices() {
        if at > 0 && c.is_ascii_uppercase() && before.is_ascii_lowercase() {
            ends.push(start + at);
        }
        before = c;
    }
    ends.into_iter().filter_map(|end| action.get(..end)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_between_segments_only() {
        let beginnings = |resource: &'static str| -> Vec<&str> {
            cuts(resource).into_iter().map(|end| &resource[..end]).collect()
        };
        assert_eq!(
            beginnings("arn:aws:s3:::b/2026/key"),
            ["", "arn:aws:s3:::", "arn:aws:s3:::b/", "arn:aws:s3:::b/2026/"]
        );
        assert_eq!(beginnings("arn:aws:s3:::b/*"), ["", "arn:aws:s3:::"]);
        assert_eq!(beginnings("arn:aws:s3:::b/x?y/z"), ["", "arn:aws:s3:::", "arn:aws:s3:::b/"]);
        assert_eq!(beginnings("arn:aws:s3:::b/a${*}/z"), ["", "arn:aws:s3:::", "arn:aws:s3:::b/"]);
        for uncut in ["*", "arn:aws:s3:::b/${aws:username}/x", "arn:aws:s3:::b/?/${aws:username}"] {
            assert_eq!(cuts(uncut), [0_usize; 0], "{uncut}");
        }
    }

    #[test]
    fn segments_with_a_star_are_not_fixed() {
        for (resource, expected) in [
            ("*", 0),
            ("arn:aws:s3:::b/a/k", 3),
            ("arn:aws:s3:::b/a/*", 2),
            ("arn:aws:sqs:eu-west-1:111122223333:queue", 3),
            ("arn:aws:sqs:*:111122223333:queue", 2),
        ] {
            assert_eq!(fixed_segments(resource), expected, "{resource}");
        }
    }

    #[test]
    fn a_pattern_without_account_and_name_is_unbounded() {
        assert!(!is_bounded("*"));
        assert!(!is_bounded("arn:aws:s3:::*"));
        assert!(is_bounded("arn:aws:s3:::b/*"));
        assert!(is_bounded("arn:aws:sqs:eu-west-1:111122223333:*"));
    }

    #[test]
    fn actions_are_cut_between_words() {
        assert_eq!(action_beginnings("s3:GetObjectAcl"), ["s3:", "s3:Get", "s3:GetObject"]);
        assert_eq!(action_beginnings("s3:Get*"), [""; 0]);
    }
}
