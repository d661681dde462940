//! Tests of elements of a list, as paths have them: `items[kind=put]`, `ids[^=i-]`.

/// What decides whether a path goes on in an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Choice {
    /// The member whose text is compared; "" for the element itself, which then is a text.
    pub(super) member: &'static str,
    sign: Sign,
    /// Whether the comparison must fail.
    not: bool,
    value: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    Equals,
    Begins,
    Ends,
    Contains,
}

impl Choice {
    /// Reads what stands between the brackets.
    fn read(text: &'static str) -> Option<Choice> {
        let (head, value) = text.split_once('=')?;
        let (head, sign) = [('^', Sign::Begins), ('$', Sign::Ends), ('*', Sign::Contains)]
            .into_iter()
            .find_map(|(mark, sign)| Some((head.strip_suffix(mark)?, sign)))
            .unwrap_or((head, Sign::Equals));
        let (member, not) = head.strip_suffix('!').map_or((head, false), |member| (member, true));
        Some(Choice { member, sign, not, value })
    }

    /// Returns whether a text is one of those that are meant, letter case aside. What is not there
    /// is "".
    pub(super) fn holds(&self, text: &str) -> bool {
        let (text, value) = (text.as_bytes(), self.value.as_bytes());
        let is = |part: Option<&[u8]>| part.is_some_and(|part| part.eq_ignore_ascii_case(value));
        let found = match self.sign {
            Sign::Equals => text.eq_ignore_ascii_case(value),
            Sign::Begins => is(text.get(..value.len())),
            Sign::Ends => is(text.len().checked_sub(value.len()).and_then(|at| text.get(at..))),
            Sign::Contains => {
                value.is_empty()
                    || text.windows(value.len()).any(|part| part.eq_ignore_ascii_case(value))
            }
        };
        found != self.not
    }
}

/// Returns the keys of a path, which dots part except within brackets.
pub(super) fn keys(path: &'static str) -> impl Iterator<Item = &'static str> {
    let mut within = false;
    path.split(move |letter| {
        within = (within || letter == '[') && letter != ']';
        letter == '.' && !within
    })
}

/// Splits a key into its name and the tests behind it.
pub(super) fn tests(key: &'static str) -> (&'static str, impl Iterator<Item = Choice>) {
    let (name, tests) = key.split_once('[').unwrap_or((key, ""));
    let tests = tests.split('[').filter_map(|test| Choice::read(test.strip_suffix(']')?));
    (name, tests)
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn dots_within_brackets_part_no_keys() {
        let path = "request.items[source^=aws.s3][kind!=].name";
        assert_eq!(
            keys(path).collect::<Vec<_>>(),
            ["request", "items[source^=aws.s3][kind!=]", "name"]
        );
        let (name, tests) = tests("items[source^=aws.s3][kind!=]");
        let members: Vec<_> = tests.map(|choice| choice.member).collect();
        assert_eq!((name, members), ("items", vec!["source", "kind"]));
    }

    #[test]
    fn a_choice_compares_without_case() {
        for (test, text, holds) in [
            ("=put", "Put", true),
            ("=", "", true),
            ("!=", "", false),
            ("!=put", "", true),
            ("^=i-", "I-0", true),
            ("^=i-", "i", false),
            ("!^=i-", "vol-0", true),
            ("$=.fifo", "q.FIFO", true),
            ("!$=.fifo", "q.fifo", false),
            ("*=role/", "arn:aws:iam::1:Role/r", true),
            ("!*=role/", "é", true),
        ] {
            assert_eq!(Choice::read(test).unwrap().holds(text), holds, "{test} of {text}");
        }
        assert_eq!(Choice::read("kind"), None);
    }
}
