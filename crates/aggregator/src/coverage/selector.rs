//! What a trail is told to log, and whether that surely includes something.
//!
//! Basic and advanced event selectors come to the same: an event is logged if
//! some selector has all its conditions met. A basic one is written out here as
//! the advanced ones that say the same.
//!
//! What is asked about is rarely one event: it is whatever a policy's pattern
//! allows. So conditions are asked whether *every* text of a pattern meets them;
//! where that is not certain the answer is no. A field that nothing is known of
//! is the pattern `*`.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use trailtrim_iam::wildcard;

use super::{Access, Class, Question};

/// The type whose selectors name buckets by the prefix of their objects.
const S3_OBJECT: &str = "AWS::S3::Object";

/// The field of who calls.
const CALLER: &str = "userIdentity.arn";

type Texts = BTreeSet<Box<str>>;

/// The conditions on one field of an event.
///
/// Of the including operators one must hold, if there are any; of the excluding ones all.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Condition {
    /// The field is one of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub equals: Texts,
    /// The field begins with one of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub starts_with: Texts,
    /// The field ends with one of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub ends_with: Texts,
    /// The field is none of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_equals: Texts,
    /// The field begins with none of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_starts_with: Texts,
    /// The field ends with none of these.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub not_ends_with: Texts,
}

impl Condition {
    /// Returns the condition that the field is exactly this.
    pub(crate) fn equal(value: &str) -> Self {
        Condition { equals: BTreeSet::from([value.into()]), ..Condition::default() }
    }

    fn begin(value: &str) -> Self {
        Condition { starts_with: BTreeSet::from([value.into()]), ..Condition::default() }
    }

    fn is_empty(&self) -> bool {
        *self == Condition::default()
    }

    /// Takes in more conditions on the same field; all must hold.
    ///
    /// Including operators of two entries for one field would have to hold both, which a set of
    /// alternatives cannot say: such a condition is kept as one that nothing is known to meet.
    pub(crate) fn and(self, other: Condition) -> Self {
        if self.includes() && other.includes() && self != other {
            return Condition::unmeetable();
        }
        let union = |mut a: Texts, b: Texts| {
            a.extend(b);
            a
        };
        Condition {
            equals: union(self.equals, other.equals),
            starts_with: union(self.starts_with, other.starts_with),
            ends_with: union(self.ends_with, other.ends_with),
            not_equals: union(self.not_equals, other.not_equals),
            not_starts_with: union(self.not_starts_with, other.not_starts_with),
            not_ends_with: union(self.not_ends_with, other.not_ends_with),
        }
    }

    /// Returns a condition that no text meets.
    fn unmeetable() -> Self {
        Condition { not_starts_with: BTreeSet::from(["".into()]), ..Condition::default() }
    }

    fn includes(&self) -> bool {
        !(self.equals.is_empty() && self.starts_with.is_empty() && self.ends_with.is_empty())
    }

    /// Returns whether every text of the pattern surely meets the condition.
    fn holds_for_all(&self, pattern: &Pattern<'_>) -> bool {
        let Pattern { head, tail, open, whole } = pattern;
        let included = !self.includes()
            || (!open && self.equals.contains(&**whole))
            || self.starts_with.iter().any(|value| head.starts_with(&**value))
            || self.ends_with.iter().any(|value| tail.ends_with(&**value));
        // Where the known beginning is shorter than the excluded one, the rest may make it up.
        let begins = |value: &str| head.starts_with(value) || (*open && value.starts_with(head));
        let ends = |value: &str| tail.ends_with(value) || (*open && value.ends_with(tail));
        included
            && !self.not_equals.iter().any(|value| wildcard::matches(whole, value))
            && !self.not_starts_with.iter().any(|value| begins(value))
            && !self.not_ends_with.iter().any(|value| ends(value))
    }
}

/// What makes a text of a policy stand for more than itself.
const WILD: [char; 5] = ['*', '?', '$', '{', '}'];

/// Returns whether a resource of a policy may mean others than the one that is spelled so.
pub(crate) fn is_pattern(text: &str) -> bool {
    text.contains(WILD)
}

/// A pattern with `*` and `?`: what all its texts begin and end with.
struct Pattern<'p> {
    whole: Cow<'p, str>,
    head: &'p str,
    tail: &'p str,
    /// Whether it has more than one text.
    open: bool,
}

impl<'p> Pattern<'p> {
    /// Reads a pattern; a policy variable (`${aws:username}`) may stand for any text.
    fn new(text: &'p str) -> Self {
        match (text.find(WILD), text.rfind(WILD)) {
            (Some(first), Some(last)) => {
                let head = text.get(..first).unwrap_or_default();
                let tail = text.get(last + 1..).unwrap_or_default();
                // What is between is taken for anything, if it is more than stars and marks.
                let plain = !text.contains(['$', '{', '}']);
                let whole = if plain { text.into() } else { format!("{head}*{tail}").into() };
                Pattern { whole, head, tail, open: true }
            }
            _ => Pattern { whole: text.into(), head: text, tail: text, open: false },
        }
    }
}

/// One selector: conditions by the name of the field, as `resources.ARN`; all must be met.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Selector(BTreeMap<Box<str>, Condition>);

impl Selector {
    /// Adds a condition on a field.
    #[must_use]
    pub(crate) fn on(mut self, field: &str, condition: Condition) -> Self {
        if !condition.is_empty() {
            let before = self.0.remove(field);
            let both = match before {
                Some(before) => before.and(condition),
                None => condition,
            };
            self.0.insert(field.into(), both);
        }
        self
    }

    /// Returns the conditions by field.
    pub fn conditions(&self) -> &BTreeMap<Box<str>, Condition> {
        &self.0
    }

    /// Returns whether it takes reads, or writes, at all.
    pub(crate) fn takes(&self, access: Access) -> bool {
        let wanted = Pattern::new(access.read_only());
        self.0.get("readOnly").is_none_or(|condition| condition.holds_for_all(&wanted))
    }

    /// Returns whether it takes events of some callers only.
    pub(crate) fn picks_callers(&self) -> bool {
        self.0.contains_key(CALLER)
    }

    /// Returns whether it takes events of the question's class of some callers only, of whom the one that
    /// is asked about need not be one.
    pub(crate) fn may_leave_out(&self, question: &Question<'_>) -> bool {
        let holds = |field: &str| {
            self.0.get(field).is_none_or(|condition| {
                let texts = texts(field, question);
                texts.iter().all(|pattern| condition.holds_for_all(&Pattern::new(pattern)))
            })
        };
        holds("eventCategory") && holds("resources.type") && !holds(CALLER)
    }

    /// Returns whether every event that the question is about is surely selected.
    pub(crate) fn selects(&self, question: &Question<'_>) -> bool {
        self.0.iter().all(|(field, condition)| {
            texts(field, question)
                .iter()
                .all(|pattern| condition.holds_for_all(&Pattern::new(pattern)))
        })
    }
}

/// Returns what is known of a field, as patterns; a condition must hold for each.
fn texts<'q>(field: &str, question: &Question<'q>) -> Vec<Cow<'q, str>> {
    let known = |text: Option<&'q str>| vec![Cow::Borrowed(text.unwrap_or("*"))];
    match (field, question.class) {
        ("eventCategory", class) => known(Some(class.category())),
        ("readOnly", _) => known(Some(question.access.read_only())),
        ("eventSource", _) => known(question.event_source),
        ("eventName", _) => known(question.event_name),
        ("eventType", _) => known(Some("AwsApiCall")),
        ("resources.type", Class::Data(kind)) => known(Some(kind)),
        ("resources.ARN", Class::Data(kind)) => vec![resource(kind, question.resource)],
        (CALLER, _) => question.principal.map_or(known(None), callers),
        _ => known(None),
    }
}

/// Returns the pattern of ARNs that an event on the resource carries.
///
/// Calls on a bucket itself carry the prefix of all its objects, `arn:aws:s3:::bucket/`.
fn resource<'q>(kind: &str, pattern: &'q str) -> Cow<'q, str> {
    let bucket = pattern.split(":::").nth(1).unwrap_or_default();
    if kind == S3_OBJECT && !bucket.is_empty() && !bucket.contains(['/', '*', '?', '$']) {
        return Cow::Owned(format!("{pattern}/"));
    }
    Cow::Borrowed(pattern)
}

/// Returns what `userIdentity.arn` may be in records of a principal.
fn callers(principal: &str) -> Vec<Cow<'_, str>> {
    let mut all = vec![Cow::Borrowed(principal)];
    if let Some((head, role)) = principal.split_once(":role/")
        && let Some(name) = role.rsplit('/').next()
    {
        // The ARN of a session has the role's name without its path.
        all.push(Cow::Owned(format!(
            "{}:assumed-role/{name}/*",
            head.replacen(":iam:", ":sts:", 1)
        )));
    }
    all
}

/// A basic selector, as read.
#[derive(Clone, Debug)]
pub(crate) struct Basic {
    /// What `readOnly` must be; both where absent.
    pub(crate) access: Option<Access>,
    pub(crate) management: bool,
    pub(crate) excluded: Vec<String>,
    /// Types with the ARNs that are listed for them.
    pub(crate) data: Vec<(String, Vec<String>)>,
}

impl Basic {
    /// Returns the advanced selectors that say the same, for a trail in this partition.
    pub(crate) fn selectors(&self, partition: &str) -> Vec<Selector> {
        let base = |category: &str| {
            let selector = Selector::default().on("eventCategory", Condition::equal(category));
            match self.access {
                Some(Access::Read) => selector.on("readOnly", Condition::equal("true")),
                Some(Access::Write) => selector.on("readOnly", Condition::equal("false")),
                None => selector,
            }
        };
        let mut all = Vec::new();
        if self.management {
            let excluded = self.excluded.iter().map(|source| source.as_str().into()).collect();
            let condition = Condition { not_equals: excluded, ..Condition::default() };
            all.push(base("Management").on("eventSource", condition));
        }
        for (kind, values) in &self.data {
            for value in values {
                let selector = base("Data").on("resources.type", Condition::equal(kind));
                all.push(selector.on("resources.ARN", listed(kind, value, partition)));
            }
        }
        all
    }
}

/// Returns the condition on the ARN that a value of `DataResources` stands for.
fn listed(kind: &str, value: &str, partition: &str) -> Condition {
    let parts: Vec<&str> = value.split(':').collect();
    match parts.as_slice() {
        // `arn:aws:lambda`, or `arn:aws:s3:::`: every resource of the type.
        ["arn", of, _] | ["arn", of, "s3", "", "", ""] if *of == partition => Condition::default(),
        ["arn", _, _] => Condition::begin(&format!("{value}:")),
        _ if kind == S3_OBJECT && value.contains('/') => Condition::begin(value),
        _ if kind == S3_OBJECT => Condition::begin(&format!("{value}/")),
        // ARNs of functions and tables are exact.
        _ => Condition::equal(value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(values: &[&str]) -> Texts {
        values.iter().map(|value| Box::from(*value)).collect()
    }

    fn check(condition: &Condition, cases: &[(&str, bool)]) {
        for (pattern, expected) in cases {
            assert_eq!(condition.holds_for_all(&Pattern::new(pattern)), *expected, "{pattern}");
        }
    }

    #[test]
    fn equals_takes_only_what_is_one_text() {
        let condition = Condition { equals: texts(&["a", "b"]), ..Condition::default() };
        check(&condition, &[("a", true), ("b", true), ("c", false), ("?", false), ("*", false)]);
    }

    #[test]
    fn starts_with_takes_patterns_whose_beginning_is_known() {
        let condition = Condition { starts_with: texts(&["arn:b/"]), ..Condition::default() };
        check(
            &condition,
            &[
                ("arn:b/", true),
                ("arn:b/*", true),
                ("arn:b/k*", true),
                ("arn:b*", false),
                ("arn:?/x", false),
                ("arn:${aws:username}/x", false),
                ("arn:b/${aws:username}", true),
            ],
        );
    }

    #[test]
    fn ends_with_takes_patterns_whose_end_is_known() {
        let condition = Condition { ends_with: texts(&[".log"]), ..Condition::default() };
        check(&condition, &[("a.log", true), ("*.log", true), ("a*", false), ("*log", false)]);
    }

    #[test]
    fn not_equals_refuses_patterns_that_may_be_it() {
        let condition = Condition { not_equals: texts(&["abc"]), ..Condition::default() };
        check(
            &condition,
            &[
                ("abc", false),
                ("abd", true),
                ("ab?", false),
                ("*c", false),
                ("x*", true),
                ("a${v}", false),
            ],
        );
    }

    #[test]
    fn not_starts_with_refuses_patterns_that_may_begin_so() {
        let condition = Condition { not_starts_with: texts(&["logs/"]), ..Condition::default() };
        check(
            &condition,
            &[
                ("logs/a", false),
                ("logs", true),
                ("logs*", false),
                ("lo*", false),
                ("*", false),
                ("data/*", true),
            ],
        );
    }

    #[test]
    fn not_ends_with_refuses_patterns_that_may_end_so() {
        let condition = Condition { not_ends_with: texts(&[".tmp"]), ..Condition::default() };
        check(
            &condition,
            &[("a.tmp", false), ("a.txt", true), ("*.txt", true), ("a*", false), ("*mp", false)],
        );
    }

    #[test]
    fn of_including_operators_one_must_hold_and_of_excluding_ones_all() {
        let condition = Condition {
            equals: texts(&["exact"]),
            starts_with: texts(&["Get"]),
            ends_with: texts(&["Item"]),
            not_equals: texts(&["GetItem"]),
            not_starts_with: texts(&["Put"]),
            ..Condition::default()
        };
        check(
            &condition,
            &[
                ("exact", true),
                ("GetObject", true),
                ("DeleteItem", true),
                ("GetItem", false),
                ("PutItem", false),
                ("Other", false),
            ],
        );
    }

    #[test]
    fn two_entries_for_one_field_are_never_taken_for_alternatives() {
        let begin = |text: &str| Condition { starts_with: texts(&[text]), ..Condition::default() };
        let both = begin("a").and(begin("ab"));
        check(&both, &[("a", false), ("abc", false)]);
        let narrowed =
            begin("a").and(Condition { not_equals: texts(&["ab"]), ..Condition::default() });
        check(&narrowed, &[("ac", true), ("ab", false)]);
    }

    fn data<'q>(kind: &'q str, resource: &'q str) -> Question<'q> {
        Question::data("111122223333", "eu-west-1", kind, Access::Write, resource)
    }

    #[test]
    fn basic_values_stand_for_all_for_a_prefix_or_for_one() {
        let basic = |kind: &str, value: &str| Basic {
            access: None,
            management: false,
            excluded: Vec::new(),
            data: vec![(kind.to_owned(), vec![value.to_owned()])],
        };
        let function = "AWS::Lambda::Function";
        let arn = "arn:aws:lambda:eu-west-1:111122223333:function:f";
        for (kind, value, resource, expected) in [
            (S3_OBJECT, "arn:aws:s3", "*", true),
            (S3_OBJECT, "arn:aws:s3:::", "arn:aws:s3:::b/k", true),
            (S3_OBJECT, "arn:aws-cn:s3", "arn:aws:s3:::b/k", false),
            (S3_OBJECT, "arn:aws:s3:::b/", "arn:aws:s3:::b/*", true),
            (S3_OBJECT, "arn:aws:s3:::b/", "arn:aws:s3:::b", true),
            (S3_OBJECT, "arn:aws:s3:::b/logs", "arn:aws:s3:::b", false),
            (S3_OBJECT, "arn:aws:s3:::b/logs", "arn:aws:s3:::b/logs-2026/*", true),
            (S3_OBJECT, "arn:aws:s3:::b", "arn:aws:s3:::b2/k", false),
            (function, "arn:aws:lambda", "arn:aws:lambda:*:*:function:*", true),
            (function, arn, arn, true),
            (function, arn, "arn:aws:lambda:eu-west-1:111122223333:function:f2", false),
            (function, arn, "arn:aws:lambda:eu-west-1:111122223333:function:f*", false),
            ("AWS::DynamoDB::Table", "arn:aws:lambda", "*", false),
        ] {
            let asked = if kind == "AWS::DynamoDB::Table" { function } else { kind };
            let found = basic(kind, value)
                .selectors("aws")
                .iter()
                .any(|selector| selector.selects(&data(asked, resource)));
            assert_eq!(found, expected, "{kind} {value}: {resource}");
        }
    }

    #[test]
    fn read_and_write_and_left_out_sources_are_told_apart() {
        let basic = Basic {
            access: Some(Access::Read),
            management: true,
            excluded: vec!["kms.amazonaws.com".to_owned()],
            data: Vec::new(),
        };
        let selectors = basic.selectors("aws");
        let ask = |source: Option<&'static str>, access| {
            let mut question = Question::management("111122223333", "eu-west-1", access);
            question.event_source = source;
            selectors.iter().any(|selector| selector.selects(&question))
        };
        assert!(ask(Some("ec2.amazonaws.com"), Access::Read));
        assert!(!ask(Some("ec2.amazonaws.com"), Access::Write));
        assert!(!ask(Some("kms.amazonaws.com"), Access::Read));
        assert!(!ask(None, Access::Read), "any service is also the one that is left out");
    }

    #[test]
    fn a_selector_on_callers_knows_a_role_by_its_sessions() {
        let without = |arn: &str| {
            let condition = Condition { not_starts_with: texts(&[arn]), ..Condition::default() };
            Selector::default().on("userIdentity.arn", condition)
        };
        let mut question = data("AWS::SQS::Queue", "*");
        let hidden = without("arn:aws:sts::111122223333:assumed-role/worker/");
        assert!(!hidden.selects(&question), "whoever calls may be the one that is left out");
        question.principal = Some("arn:aws:iam::111122223333:role/app/worker");
        assert!(!hidden.selects(&question));
        question.principal = Some("arn:aws:iam::111122223333:role/app/other");
        assert!(hidden.selects(&question));
    }
}
