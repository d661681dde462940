//! `resources[]` of a record: read once, for the call and for what it proves of coverage.

use std::borrow::Cow;

use smallvec::SmallVec;
use trailtrim_ingest::{Cursor, Record, Value};

/// One entry, in CloudTrail's spelling or a table export's. Empty texts count as missing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Listed<'r> {
    pub(crate) arn: Option<Cow<'r, str>>,
    /// `ARNPrefix`: the beginning of ARNs.
    pub(crate) prefix: Option<Cow<'r, str>>,
    /// `type`.
    pub(crate) kind: Option<Cow<'r, str>>,
    /// `accountId`.
    pub(crate) account: Option<Cow<'r, str>>,
}

/// Most records name one or two.
pub(crate) type All<'r> = SmallVec<[Listed<'r>; 2]>;

/// Returns the entries of a record.
pub(crate) fn of<'r>(record: &'r Record<'_>) -> All<'r> {
    record.resources.as_ref().map(|json| entries(json.value())).unwrap_or_default()
}

fn entries(json: Value<'_>) -> All<'_> {
    let mut all = All::new();
    let mut at = json.cursor();
    if at.is_array() {
        at.enter();
        while at.has_element() {
            all.push(entry(&mut at));
        }
    }
    all
}

fn entry<'r>(at: &mut Cursor<'r>) -> Listed<'r> {
    let mut listed = Listed::default();
    if !at.is_object() {
        at.value();
        return listed;
    }
    at.enter();
    while let Some(name) = at.key()
        && let Some(value) = at.value()
    {
        let slot = if name.eq_ignore_ascii_case("ARN") {
            &mut listed.arn
        } else if name.eq_ignore_ascii_case("type") {
            &mut listed.kind
        } else if name.eq_ignore_ascii_case("accountId") {
            &mut listed.account
        } else if name.eq_ignore_ascii_case("ARNPrefix") {
            &mut listed.prefix
        } else {
            continue;
        };
        // The last of equal keys counts, as with most parsers.
        *slot = value.as_text().filter(|text| !text.is_empty());
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_equal_keys_the_last_counts_and_nothing_is_missing() {
        let json =
            r#"[{"type":"A","ARN":"one","arn":"two","accountId":""},{"ARNPrefix":"three"},4]"#;
        let json = trailtrim_ingest::Json::parse(json).unwrap();
        let all = entries(json.value());
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        let first = Listed { arn: text("two"), kind: text("A"), ..Listed::default() };
        let second = Listed { prefix: text("three"), ..Listed::default() };
        assert_eq!(all.as_slice(), [first, second, Listed::default()]);
    }
}
