//! `resources[]` of a record: read once, for the call and for what it proves of coverage.

use std::borrow::Cow;

use smallvec::SmallVec;
use trailtrim_ingest::{Record, Value};

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
    record.resources.iter().flat_map(|json| json.value().elements()).map(entry).collect()
}

fn entry(entry: Value<'_>) -> Listed<'_> {
    let mut listed = Listed::default();
    for (name, value) in entry.members() {
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
        let all: Vec<_> = json.value().elements().map(entry).collect();
        let text = |text: &'static str| Some(Cow::Borrowed(text));
        let first = Listed { arn: text("two"), kind: text("A"), ..Listed::default() };
        let second = Listed { prefix: text("three"), ..Listed::default() };
        assert_eq!(all, [first, second, Listed::default()]);
    }
}
