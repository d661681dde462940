//! Reads what a trail is told to log: `get-event-selectors`, `describe-trails`, `get-trail`.
//!
//! The same shapes stand in the records of `PutEventSelectors` and `CreateTrail`,
//! spelled with a small first letter. Inside a selector nothing unknown is
//! passed over: a restriction that was not understood would make the trail look
//! as if it logged more than it does.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, de::Error as _};

use super::Access;
use super::selector::{Basic, Condition, Selector};
use super::trails::{Reach, TrailKey};

/// Why text is no description of trails.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeclarationError {
    /// It is not JSON, or not of the shape.
    #[error(
        "line {line}, column {column}: {detail}; give what `aws cloudtrail get-event-selectors` or `describe-trails` prints as JSON"
    )]
    Malformed {
        /// Line of the place, from 1.
        line: usize,
        /// Column of the place, from 1.
        column: usize,
        /// What is wrong there.
        detail: String,
    },
    /// It holds nothing.
    #[error(
        "empty; give what `aws cloudtrail get-event-selectors` or `describe-trails` prints as JSON"
    )]
    Empty,
}

/// What files say of trails.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declaration {
    pub(crate) selectors: Vec<(TrailKey, BTreeSet<Selector>)>,
    pub(crate) reaches: Vec<(TrailKey, Reach)>,
}

impl Declaration {
    /// Reads the text of a file: one document, several after one another, or an array of them.
    ///
    /// # Errors
    /// [`DeclarationError`] with the place, where anything is not understood.
    pub fn parse(text: &str) -> Result<Declaration, DeclarationError> {
        let start = text.len() - text.trim_start().len();
        let mut declaration = Declaration::default();
        let malformed = |error: &serde_json::Error| {
            // Positions have a place of their own in the message.
            let detail = error.to_string();
            let detail = detail.split(" at line ").next().unwrap_or_default().replace('\n', " ");
            DeclarationError::Malformed { line: error.line(), column: error.column(), detail }
        };
        if text.trim_start().starts_with('[') {
            let documents: Vec<Document> =
                serde_json::from_str(text).map_err(|error| malformed(&error))?;
            for document in documents {
                document.declare(&mut declaration).map_err(|detail| at(text, start, detail))?;
            }
        } else {
            let mut documents = serde_json::Deserializer::from_str(text).into_iter::<Document>();
            let mut from = start;
            while let Some(document) = documents.next() {
                let document = document.map_err(|error| malformed(&error))?;
                document.declare(&mut declaration).map_err(|detail| at(text, from, detail))?;
                from = documents.byte_offset();
            }
        }
        if declaration == Declaration::default() {
            return Err(DeclarationError::Empty);
        }
        Ok(declaration)
    }
}

/// Names the place of a byte.
fn at(text: &str, byte: usize, detail: &str) -> DeclarationError {
    let before = text.get(..byte).unwrap_or_default();
    // The documents may be separated by line breaks.
    let rest = text.get(byte..).unwrap_or_default();
    let byte = byte + (rest.len() - rest.trim_start().len());
    let before = text.get(..byte).unwrap_or(before);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    DeclarationError::Malformed { line, column, detail: detail.to_owned() }
}

/// Any of the documents that are read. What a tool adds beside them is of no interest.
#[derive(Deserialize)]
struct Document {
    #[serde(rename = "TrailARN", alias = "trailARN")]
    arn: Option<TrailArn>,
    #[serde(rename = "EventSelectors", alias = "eventSelectors")]
    basic: Option<Vec<BasicText>>,
    #[serde(rename = "AdvancedEventSelectors", alias = "advancedEventSelectors")]
    advanced: Option<Vec<AdvancedText>>,
    #[serde(rename = "trailList", alias = "TrailList")]
    list: Option<Vec<TrailText>>,
    #[serde(rename = "Trail", alias = "trail")]
    trail: Option<TrailText>,
}

impl Document {
    fn declare(self, declaration: &mut Declaration) -> Result<(), &'static str> {
        for trail in self.list.iter().flatten().chain(&self.trail) {
            declaration.reaches.push((trail.arn.key.clone(), trail.reach()));
        }
        if self.basic.is_none() && self.advanced.is_none() {
            let described = self.list.is_some() || self.trail.is_some();
            return if described { Ok(()) } else { Err("neither event selectors nor trails") };
        }
        let Some(arn) = self.arn else { return Err("event selectors without `TrailARN`") };
        let selectors = selectors(self.basic, self.advanced, &arn.partition);
        declaration.selectors.push((arn.key, selectors));
        Ok(())
    }
}

fn selectors(
    basic: Option<Vec<BasicText>>,
    advanced: Option<Vec<AdvancedText>>,
    partition: &str,
) -> BTreeSet<Selector> {
    let basic = basic.into_iter().flatten().flat_map(|text| text.basic().selectors(partition));
    basic.chain(advanced.into_iter().flatten().map(AdvancedText::selector)).collect()
}

/// Reads the selectors out of the response to `PutEventSelectors`, or its request.
///
/// `None` where they are not all understood.
pub(crate) fn recorded_selectors(json: &str, partition: &str) -> Option<BTreeSet<Selector>> {
    let document: Document = serde_json::from_str(json).ok()?;
    if document.basic.is_none() && document.advanced.is_none() {
        return None;
    }
    Some(selectors(document.basic, document.advanced, partition))
}

/// Returns the selector of a trail that nobody gave any: every management event, nothing else.
pub(crate) fn of_new_trail() -> Selector {
    Selector::default().on("eventCategory", Condition::equal("Management"))
}

/// Reads how far a trail reaches out of the response to `CreateTrail` or `UpdateTrail`.
pub(crate) fn recorded_reach(json: &str) -> Option<Reach> {
    serde_json::from_str::<TrailText>(json).ok().map(|text| text.reach())
}

struct TrailArn {
    key: TrailKey,
    partition: String,
}

impl<'de> Deserialize<'de> for TrailArn {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        TrailKey::from_arn(&text)
            .map(|(key, partition)| TrailArn { key, partition: partition.to_owned() })
            .ok_or_else(|| D::Error::custom(format!("`{text}` is not the ARN of a trail")))
    }
}

#[derive(Deserialize)]
struct TrailText {
    #[serde(rename = "TrailARN", alias = "trailARN")]
    arn: TrailArn,
    #[serde(rename = "IsMultiRegionTrail", alias = "isMultiRegionTrail")]
    multi_region: Option<bool>,
    #[serde(rename = "IsOrganizationTrail", alias = "isOrganizationTrail")]
    organization: Option<bool>,
    #[serde(rename = "IncludeGlobalServiceEvents", alias = "includeGlobalServiceEvents")]
    global: Option<bool>,
}

impl TrailText {
    fn reach(&self) -> Reach {
        Reach {
            regions: self.multi_region.unwrap_or_default(),
            organization: self.organization.unwrap_or_default(),
            global: self.global.unwrap_or_default(),
        }
    }
}

#[derive(Deserialize, Clone, Copy)]
enum ReadWriteType {
    All,
    ReadOnly,
    WriteOnly,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BasicText {
    #[serde(rename = "ReadWriteType", alias = "readWriteType")]
    access: Option<ReadWriteType>,
    #[serde(rename = "IncludeManagementEvents", alias = "includeManagementEvents")]
    management: Option<bool>,
    #[serde(rename = "DataResources", alias = "dataResources")]
    data: Option<Vec<DataText>>,
    #[serde(rename = "ExcludeManagementEventSources", alias = "excludeManagementEventSources")]
    excluded: Option<Vec<String>>,
}

impl BasicText {
    fn basic(self) -> Basic {
        Basic {
            access: match self.access {
                Some(ReadWriteType::ReadOnly) => Some(Access::Read),
                Some(ReadWriteType::WriteOnly) => Some(Access::Write),
                Some(ReadWriteType::All) | None => None,
            },
            management: self.management.unwrap_or(true),
            excluded: self.excluded.unwrap_or_default(),
            data: self
                .data
                .into_iter()
                .flatten()
                .map(|data| (data.kind, data.values.unwrap_or_default()))
                .collect(),
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DataText {
    #[serde(rename = "Type", alias = "type")]
    kind: String,
    #[serde(rename = "Values", alias = "values")]
    values: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AdvancedText {
    #[serde(rename = "Name", alias = "name")]
    _name: Option<String>,
    #[serde(rename = "FieldSelectors", alias = "fieldSelectors")]
    fields: Vec<FieldText>,
}

impl AdvancedText {
    fn selector(self) -> Selector {
        self.fields.into_iter().fold(Selector::default(), |selector, text| {
            let set = |values: Option<Vec<String>>| {
                values.into_iter().flatten().map(String::into_boxed_str).collect()
            };
            let condition = Condition {
                equals: set(text.equals),
                starts_with: set(text.starts_with),
                ends_with: set(text.ends_with),
                not_equals: set(text.not_equals),
                not_starts_with: set(text.not_starts_with),
                not_ends_with: set(text.not_ends_with),
            };
            selector.on(&text.field, condition)
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FieldText {
    #[serde(rename = "Field", alias = "field")]
    field: String,
    #[serde(rename = "Equals", alias = "equals")]
    equals: Option<Vec<String>>,
    #[serde(rename = "StartsWith", alias = "startsWith")]
    starts_with: Option<Vec<String>>,
    #[serde(rename = "EndsWith", alias = "endsWith")]
    ends_with: Option<Vec<String>>,
    #[serde(rename = "NotEquals", alias = "notEquals")]
    not_equals: Option<Vec<String>>,
    #[serde(rename = "NotStartsWith", alias = "notStartsWith")]
    not_starts_with: Option<Vec<String>>,
    #[serde(rename = "NotEndsWith", alias = "notEndsWith")]
    not_ends_with: Option<Vec<String>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coverage::Question;

    const ARN: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";

    fn one(fields: &str) -> Selector {
        let text = format!(
            r#"{{"TrailARN":"{ARN}","AdvancedEventSelectors":[{{"Name":"n","FieldSelectors":[{fields}]}}]}}"#
        );
        let declaration = Declaration::parse(&text).unwrap();
        let (_, selectors) = declaration.selectors.into_iter().next().unwrap();
        selectors.into_iter().next().unwrap()
    }

    #[test]
    fn advanced_selectors_are_read_with_every_operator() {
        let selector = one(r#"{"Field":"eventCategory","Equals":["Data"]},
            {"Field":"resources.type","Equals":["AWS::S3::Object"]},
            {"Field":"resources.ARN","StartsWith":["arn:aws:s3:::b/"],"NotStartsWith":["arn:aws:s3:::b/logs/"],
             "NotEndsWith":[".tmp"],"NotEquals":["arn:aws:s3:::b/x"],"EndsWith":[],"Equals":[]},
            {"Field":"eventName","EndsWith":["Object"]},{"Field":"readOnly","Equals":["false"]}"#);
        let ask = |resource: &'static str, name, access| {
            let mut question =
                Question::data("111122223333", "eu-west-1", "AWS::S3::Object", access, resource);
            question.event_name = name;
            selector.selects(&question)
        };
        let put = Some("PutObject");
        assert!(ask("arn:aws:s3:::b/data/*.csv", put, Access::Write));
        for (resource, name, access) in [
            ("arn:aws:s3:::b/data/*.csv", put, Access::Read),
            ("arn:aws:s3:::b/data/*.csv", None, Access::Write),
            ("arn:aws:s3:::b/data/*.csv", Some("PutObjectAcl"), Access::Write),
            ("arn:aws:s3:::b/logs/a", put, Access::Write),
            ("arn:aws:s3:::b/*", put, Access::Write),
            ("arn:aws:s3:::b/a.tmp", put, Access::Write),
            ("arn:aws:s3:::b/x", put, Access::Write),
            ("arn:aws:s3:::c/a", put, Access::Write),
        ] {
            assert!(!ask(resource, name, access), "{resource} {name:?} {access:?}");
        }
    }

    #[test]
    fn several_trails_stand_in_one_text() {
        let one = |name: &str| {
            format!(
                r#"{{"TrailARN":"{ARN}-{name}","EventSelectors":[{{"ReadWriteType":"All"}}],"ResponseMetadata":{{}}}}"#
            )
        };
        let stream = format!("\u{20}{}\n{}", one("a"), one("b"));
        let array = format!("[{},{}]", one("a"), one("b"));
        assert_eq!(Declaration::parse(&stream), Declaration::parse(&array));
        assert_eq!(Declaration::parse(&stream).unwrap().selectors.len(), 2);
        let described = format!(
            r#"{{"trailList":[{{"Name":"main","TrailARN":"{ARN}","IsMultiRegionTrail":true,"IsOrganizationTrail":false}}]}}"#
        );
        let described = Declaration::parse(&described).unwrap();
        assert_eq!(
            described.reaches.first().map(|(_, reach)| *reach),
            Some(Reach { regions: true, organization: false, global: false })
        );
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_place() {
        let arn = format!(r#""TrailARN":"{ARN}""#);
        for (text, place, detail) in [
            ("{\n  oops".to_owned(), (2, 3), "key must be a string"),
            ("[]".to_owned(), (0, 0), ""),
            (" \n".to_owned(), (0, 0), ""),
            ("\n {\"Events\":[]}".to_owned(), (2, 2), "neither event selectors nor trails"),
            ("{\"EventSelectors\":[]}".to_owned(), (1, 1), "without `TrailARN`"),
            (
                "{\"TrailARN\":\n\"main\",\"EventSelectors\":[]}".to_owned(),
                (2, 6),
                "`main` is not the ARN",
            ),
            (
                format!("{{{arn},\n\"EventSelectors\":[{{\"ReadWriteType\":\"Some\"}}]}}"),
                (2, 41),
                "unknown variant `Some`",
            ),
            (
                format!(
                    "{{{arn},\n\"AdvancedEventSelectors\":[{{\"FieldSelectors\":[{{\"Field\":\"eventName\",\"Contains\":[]}}]}}]}}"
                ),
                (2, 76),
                "unknown field `Contains`",
            ),
        ] {
            match Declaration::parse(&text) {
                Err(DeclarationError::Malformed { line, column, detail: found }) => {
                    assert_eq!((line, column), place, "{text}: {found}");
                    assert!(found.contains(detail), "{text}: {found}");
                }
                other => assert_eq!((other, detail), (Err(DeclarationError::Empty), ""), "{text}"),
            }
        }
    }
}
