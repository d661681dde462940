//! One CloudTrail record, borrowed from the text it was found in.
//!
//! Surprising here:
//! - Keys are matched exactly first and without regard to case second: Athena and its exports
//!   know only lower-case columns. An exact spelling wins over a folded one, a later duplicate
//!   over an earlier.
//! - JSON `null` is the same as a missing field.
//! - A value of the wrong type loses that field only; which fields were lost can be asked
//!   ([`Record::odd_fields`]).
//! - Nested fields may stand as strings that hold JSON; they read as if they were the object.

use std::borrow::Cow;

use chrono::{DateTime, NaiveDate, NaiveDateTime, Utc};

use crate::grammar;
use crate::json::{Json, Members, as_bool, unquote};

/// A CloudTrail record: scalar fields as text, nested ones as JSON.
///
/// Field names and meanings are those of AWS's "CloudTrail record contents". All are optional
/// except the two without which it would be no record.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Record<'a> {
    /// `eventSource`, as `s3.amazonaws.com`.
    pub event_source: Cow<'a, str>,
    /// `eventName`, as `GetObject`.
    pub event_name: Cow<'a, str>,
    /// `eventVersion`, as `1.08`.
    pub event_version: Option<Cow<'a, str>>,
    /// `eventTime`, or where it is missing Logstash's `@timestamp`. See [`Record::time`].
    pub event_time: Option<Cow<'a, str>>,
    /// `awsRegion`.
    pub aws_region: Option<Cow<'a, str>>,
    /// `sourceIPAddress`: an address, a service name or `AWS Internal`.
    pub source_ip_address: Option<Cow<'a, str>>,
    /// `userAgent`.
    pub user_agent: Option<Cow<'a, str>>,
    /// `errorCode`.
    pub error_code: Option<Cow<'a, str>>,
    /// `errorMessage`.
    pub error_message: Option<Cow<'a, str>>,
    /// `requestID`.
    pub request_id: Option<Cow<'a, str>>,
    /// `eventID`.
    pub event_id: Option<Cow<'a, str>>,
    /// `eventType`, as `AwsApiCall`.
    pub event_type: Option<Cow<'a, str>>,
    /// `eventCategory`, as `Management`.
    pub event_category: Option<Cow<'a, str>>,
    /// `recipientAccountId`.
    pub recipient_account_id: Option<Cow<'a, str>>,
    /// `sharedEventID`.
    pub shared_event_id: Option<Cow<'a, str>>,
    /// `vpcEndpointId`.
    pub vpc_endpoint_id: Option<Cow<'a, str>>,
    /// `readOnly`.
    pub read_only: Option<bool>,
    /// `managementEvent`.
    pub management_event: Option<bool>,
    /// `sessionCredentialFromConsole`.
    pub session_credential_from_console: Option<bool>,
    /// `userIdentity`, an object.
    pub user_identity: Option<Json<'a>>,
    /// `requestParameters`, usually an object; a text where CloudTrail hides it as a whole.
    pub request_parameters: Option<Json<'a>>,
    /// `responseElements`. Holds live secrets: never to be kept or shown.
    pub response_elements: Option<Json<'a>>,
    /// `additionalEventData`.
    pub additional_event_data: Option<Json<'a>>,
    /// `resources`, an array of objects.
    pub resources: Option<Json<'a>>,
    /// `addendum`, an object.
    pub addendum: Option<Json<'a>>,
    /// `serviceEventDetails`.
    pub service_event_details: Option<Json<'a>>,
    /// `tlsDetails`, an object.
    pub tls_details: Option<Json<'a>>,
    /// `eventContext`, an object.
    pub event_context: Option<Json<'a>>,
    odd: OddFields,
}

/// Why a piece of JSON is no record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotARecord {
    /// It is not valid JSON.
    #[error("not valid JSON")]
    NotJson,
    /// It is valid JSON, but no object.
    #[error("not an object")]
    NotAnObject,
    /// It is an object without an event name.
    #[error("an object without `eventName`")]
    NoEventName,
    /// It is an object with an event name, but without an event source.
    #[error("an object without `eventSource`")]
    NoEventSource,
}

impl<'a> Record<'a> {
    /// Reads one record out of JSON text.
    ///
    /// # Errors
    /// Where the text is not one JSON object with an `eventName` and an `eventSource`.
    pub fn parse(text: &'a str) -> Result<Self, NotARecord> {
        let text = grammar::check(text).map_err(|_| NotARecord::NotJson)?;
        if !text.starts_with('{') {
            return Err(NotARecord::NotAnObject);
        }
        let mut slots = Slots::default();
        let mut members = Members::of(text);
        while let Some((key, value)) = members.next_raw() {
            slots.put(&key, value);
        }
        slots.into_record()
    }

    /// Returns the time of the call, to the second or finer; `None` where it cannot be read.
    ///
    /// Accepted are RFC 3339 and, as Athena prints them, the same with a space for the `T` and
    /// without a zone, then in UTC, which is the only zone CloudTrail writes.
    pub fn time(&self) -> Option<DateTime<Utc>> {
        parse_time(self.event_time.as_deref()?)
    }

    /// Returns the names of the fields that were dropped for having an unexpected type.
    pub fn odd_fields(&self) -> impl Iterator<Item = &'static str> {
        let odd = self.odd;
        let fields = if odd == OddFields(0) { &[] } else { FIELDS.as_slice() };
        fields.iter().enumerate().filter(move |(slot, _)| odd.has(*slot)).map(|(_, f)| f.name)
    }

    /// Returns whether this is a CloudTrail Insights event, which is no call.
    pub fn is_insight(&self) -> bool {
        self.event_type.as_deref() == Some("AwsCloudTrailInsight")
            || self.event_category.as_deref() == Some("Insight")
    }

    /// Returns whether this is of a later major version than 1. A change that is not compatible raises it
    /// (CloudTrail user guide, "CloudTrail record contents", `eventVersion`), so that nothing is certain
    /// of what its fields mean. Services number what they send to queues and functions as well, by
    /// sources such as `aws:s3`: those are no versions of CloudTrail.
    pub fn is_of_later_version(&self) -> bool {
        let version = self.event_version.as_deref().unwrap_or_default();
        let major = version.split('.').next().unwrap_or_default();
        !self.event_source.starts_with("aws:") && major.parse::<u32>().is_ok_and(|major| major > 1)
    }
}

/// Reads a time as CloudTrail or one of its exporters prints it.
fn parse_time(text: &str) -> Option<DateTime<Utc>> {
    if let Some(time) = parse_usual_time(text.as_bytes()) {
        return Some(time);
    }
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Some(time.to_utc());
    }
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f UTC"]
        .iter()
        .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
        .map(|time| time.and_utc())
}

/// Reads `2026-03-02T10:00:00Z`, which is how CloudTrail writes nearly every time.
fn parse_usual_time(text: &[u8]) -> Option<DateTime<Utc>> {
    let [a, b, c, d, b'-', e, f, b'-', g, h, b'T', i, j, b':', k, l, b':', m, n, b'Z'] = text
    else {
        return None;
    };
    let digit = |byte: &u8| byte.is_ascii_digit().then(|| u32::from(byte - b'0'));
    let two = |tens, ones| Some(digit(tens)? * 10 + digit(ones)?);
    let year = two(a, b)? * 100 + two(c, d)?;
    let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, two(e, f)?, two(g, h)?)?;
    Some(date.and_hms_opt(two(i, j)?, two(k, l)?, two(m, n)?)?.and_utc())
}

/// A set of indices into [`FIELDS`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct OddFields(u32);

impl OddFields {
    fn add(&mut self, slot: usize) {
        self.0 |= u32::try_from(slot).map_or(0, |slot| 1u32.checked_shl(slot).unwrap_or(0));
    }

    fn has(self, slot: usize) -> bool {
        u32::try_from(slot).is_ok_and(|slot| self.0.checked_shr(slot).unwrap_or(0) & 1 == 1)
    }
}

/// What CloudTrail writes in the place of an object that is secret as a whole. It is no damage.
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// What a field may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape {
    /// A string.
    Text,
    /// A string, or a number whose digits are meant as such.
    TextOrNumber,
    /// A boolean, or a string that spells one.
    Flag,
    /// An object or array, also inside a string, or the word that hides it.
    Nested,
    /// An object, also inside a string.
    Object,
    /// An array, also inside a string.
    Array,
}

impl Shape {
    const fn is_text(self) -> bool {
        matches!(self, Shape::Text | Shape::TextOrNumber)
    }
}

struct Field {
    name: &'static str,
    shape: Shape,
}

const fn field(name: &'static str, shape: Shape) -> Field {
    Field { name, shape }
}

/// Returns whether `key` is exactly the name of a field that is read.
pub(crate) fn is_field(key: &[u8]) -> bool {
    FIELDS.iter().any(|field| field.name.as_bytes() == key)
}

/// Returns whether `key` is the name of a field that is read, but for its case.
pub(crate) fn is_field_in_any_case(key: &[u8]) -> bool {
    FIELDS.iter().any(|field| field.name.as_bytes().eq_ignore_ascii_case(key))
}

/// Returns the name of a field by its index.
#[expect(clippy::indexing_slicing, reason = "of a field that there is")]
pub(crate) const fn field_name(slot: usize) -> &'static [u8] {
    FIELDS[slot].name.as_bytes()
}

/// How many fields are read.
pub(crate) const FIELD_COUNT: usize = 29;

/// The index of `userIdentity`.
pub(crate) const USER_IDENTITY: usize = 20;

/// The index of `tlsDetails`.
pub(crate) const TLS_DETAILS: usize = 27;

/// The indices of the fields in the order in which CloudTrail writes them.
pub(crate) const WRITTEN: [u8; FIELD_COUNT] = [
    2, 20, 3, 0, 1, 5, 6, 7, 8, 9, 21, 22, 23, 10, 11, 17, 24, 12, 18, 14, 15, 16, 25, 28, 26, 13,
    27, 19, 4,
];

/// The fields that are read, in the order of [`Slots::into_record`].
const FIELDS: [Field; FIELD_COUNT] = [
    field("eventSource", Shape::Text),
    field("eventName", Shape::Text),
    field("eventVersion", Shape::TextOrNumber),
    field("eventTime", Shape::Text),
    field("@timestamp", Shape::Text),
    field("awsRegion", Shape::Text),
    field("sourceIPAddress", Shape::Text),
    field("userAgent", Shape::Text),
    field("errorCode", Shape::TextOrNumber),
    field("errorMessage", Shape::Text),
    field("requestID", Shape::Text),
    field("eventID", Shape::Text),
    field("eventType", Shape::Text),
    field("eventCategory", Shape::Text),
    field("recipientAccountId", Shape::Text),
    field("sharedEventID", Shape::Text),
    field("vpcEndpointId", Shape::Text),
    field("readOnly", Shape::Flag),
    field("managementEvent", Shape::Flag),
    field("sessionCredentialFromConsole", Shape::Flag),
    field("userIdentity", Shape::Object),
    field("requestParameters", Shape::Nested),
    field("responseElements", Shape::Nested),
    field("additionalEventData", Shape::Nested),
    field("resources", Shape::Array),
    field("addendum", Shape::Object),
    field("serviceEventDetails", Shape::Nested),
    field("tlsDetails", Shape::Object),
    field("eventContext", Shape::Object),
];

/// The raw values found for [`FIELDS`].
#[derive(Default)]
pub(crate) struct Slots<'a>([Option<Slot<'a>>; FIELD_COUNT]);

/// The raw value found for a field.
#[derive(Clone, Copy)]
pub(crate) struct Slot<'a> {
    raw: &'a str,
    /// Whether it was found under its exact name.
    exact: bool,
    /// Whether it is known to be a string without escapes.
    plain: bool,
}

impl<'a> Slot<'a> {
    /// The value of a field under its exact name.
    pub(crate) fn exact(raw: &'a str, plain: bool) -> Slot<'a> {
        Slot { raw, exact: true, plain }
    }
}

impl<'a> Slots<'a> {
    /// Starts with what was found, in the order of the fields.
    pub(crate) fn of(found: impl Iterator<Item = Option<Slot<'a>>>) -> Slots<'a> {
        let mut slots = Slots::default();
        slots.0.iter_mut().zip(found).for_each(|(place, slot)| *place = slot);
        slots
    }

    /// Takes a member; returns whether it is a field at all.
    pub(crate) fn put(&mut self, key: &str, value: &'a str) -> bool {
        let exact = FIELDS.iter().position(|field| field.name == key);
        let folded = || FIELDS.iter().position(|field| field.name.eq_ignore_ascii_case(key));
        let Some(slot) = exact.or_else(folded) else { return false };
        let exact = exact.is_some();
        if let Some(place) = self.0.get_mut(slot)
            && (exact || !place.is_some_and(|known| known.exact))
        {
            *place = Some(Slot { raw: value, exact, plain: false });
        }
        true
    }

    /// Returns whether event name and source were found under their exact names.
    pub(crate) fn is_exact(&self) -> bool {
        self.0.iter().take(2).all(|slot| slot.is_some_and(|known| known.exact))
    }

    pub(crate) fn into_record(self) -> Result<Record<'a>, NotARecord> {
        Record::of(self.0.into_iter())
    }
}

impl<'a> Record<'a> {
    /// Reads the fields, whose values come in the order of [`FIELDS`].
    pub(crate) fn of(
        found: impl Iterator<Item = Option<Slot<'a>>>,
    ) -> Result<Record<'a>, NotARecord> {
        let mut take = Take { slots: found.zip(&FIELDS).enumerate(), odd: OddFields(0) };
        let named = |text: Option<Cow<'a, str>>| text.filter(|text| !text.is_empty());
        let event_source = named(take.text());
        let event_name = named(take.text()).ok_or(NotARecord::NoEventName)?;
        let mut record = Record {
            event_source: event_source.ok_or(NotARecord::NoEventSource)?,
            event_name,
            event_version: take.text(),
            event_time: {
                let time = take.text();
                let timestamp = take.text();
                time.or(timestamp)
            },
            aws_region: take.text(),
            source_ip_address: take.text(),
            user_agent: take.text(),
            error_code: take.text(),
            error_message: take.text(),
            request_id: take.text(),
            event_id: take.text(),
            event_type: take.text(),
            event_category: take.text(),
            recipient_account_id: take.text(),
            shared_event_id: take.text(),
            vpc_endpoint_id: take.text(),
            read_only: take.flag(),
            management_event: take.flag(),
            session_credential_from_console: take.flag(),
            user_identity: take.json(),
            request_parameters: take.json(),
            response_elements: take.json(),
            additional_event_data: take.json(),
            resources: take.json(),
            addendum: take.json(),
            service_event_details: take.json(),
            tls_details: take.json(),
            event_context: take.json(),
            odd: OddFields(0),
        };
        record.odd = take.odd;
        Ok(record)
    }
}

/// Takes the values of the slots one after the other, noting what does not fit.
struct Take<I> {
    slots: I,
    odd: OddFields,
}

impl<'a, I: Iterator<Item = (usize, (Option<Slot<'a>>, &'static Field))>> Take<I> {
    /// Reads the next slot with `read`; a value that it cannot read is noted as odd.
    #[inline(always)]
    fn next<T>(&mut self, read: impl FnOnce(Slot<'a>, Shape) -> Option<T>) -> Option<T> {
        let (slot, (value, field)) = self.slots.next()?;
        let value = value?;
        // A plain string never says so where text is meant, and most are.
        if !(value.plain && field.shape.is_text()) && is_absent(value.raw, field.shape) {
            return None;
        }
        let read = read(value, field.shape);
        if read.is_none() {
            self.odd.add(slot);
        }
        read
    }

    fn text(&mut self) -> Option<Cow<'a, str>> {
        self.next(|Slot { raw, plain, .. }, shape| match raw.as_bytes().first()? {
            _ if plain => raw.get(1..raw.len() - 1).map(Cow::Borrowed),
            b'"' => unquote(raw),
            b'-' | b'0'..=b'9' if shape == Shape::TextOrNumber => Some(Cow::Borrowed(raw)),
            _ => None,
        })
    }

    fn flag(&mut self) -> Option<bool> {
        self.next(|slot, _| as_bool(slot.raw))
    }

    fn json(&mut self) -> Option<Json<'a>> {
        self.next(|Slot { raw, .. }, shape| {
            let json = match unquote(raw) {
                Some(inner) if inner == HIDDEN && shape == Shape::Nested => {
                    return Some(Json::trusted(raw));
                }
                Some(inner) => Json::parse(inner).ok()?,
                None => Json::trusted(raw),
            };
            let fits = match shape {
                Shape::Object => json.is_object(),
                Shape::Array => json.is_array(),
                _ => json.is_object() || json.is_array(),
            };
            fits.then_some(json)
        })
    }
}

/// Returns whether a value says that there is none: `null`, and for anything but text also the
/// empty string and `"null"`, which is how columns of exports without a value print.
fn is_absent(raw: &str, shape: Shape) -> bool {
    raw == "null" || (!shape.is_text() && matches!(raw, "\"\"" | "\"null\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Record<'_> {
        Record::parse(text).unwrap()
    }

    #[test]
    fn indices_are_those_of_the_names() {
        assert_eq!(field_name(USER_IDENTITY), b"userIdentity");
        assert_eq!(field_name(TLS_DETAILS), b"tlsDetails");
        let mut written = WRITTEN;
        written.sort_unstable();
        assert!(written.iter().enumerate().all(|(at, slot)| at == usize::from(*slot)));
    }

    #[test]
    fn fields_are_borrowed_unless_they_are_escaped() {
        let record = parse(
            r#"{"eventName":"GetObject","eventSource":"s3.amazonaws.com","userAgent":"a\/b"}"#,
        );
        assert!(matches!(record.event_name, Cow::Borrowed("GetObject")));
        assert!(matches!(record.user_agent, Some(Cow::Owned(ref text)) if text == "a/b"));
    }

    #[test]
    fn null_is_the_same_as_missing() {
        let record = parse(
            r#"{"eventName":"a","eventSource":"b","errorCode":null,"requestParameters":null,"readOnly":null}"#,
        );
        assert_eq!(record, parse(r#"{"eventName":"a","eventSource":"b"}"#));
        assert_eq!(record.odd_fields().count(), 0);
    }

    #[test]
    fn lower_case_columns_with_json_in_strings_read_the_same() {
        let plain = parse(
            r#"{"eventName":"a","eventSource":"b","readOnly":true,"requestParameters":{"k":"v"},"resources":[{"ARN":"x"}]}"#,
        );
        let exported = parse(
            r#"{"eventname":"a","eventsource":"b","readonly":"true","requestparameters":"{\"k\":\"v\"}","responseelements":"null","additionaleventdata":"","resources":"[{\"ARN\":\"x\"}]"}"#,
        );
        assert_eq!(exported, plain);
    }

    #[test]
    fn an_exact_name_wins_over_a_folded_one_and_the_later_over_the_earlier() {
        let record = parse(
            r#"{"eventname":"1","eventName":"2","EVENTNAME":"3","eventSource":"b","eventSource":"c"}"#,
        );
        assert_eq!((&*record.event_name, &*record.event_source), ("2", "c"));
    }

    #[test]
    fn a_field_of_another_type_is_dropped_and_named() {
        let record = parse(
            r#"{"eventName":"a","eventSource":"b","awsRegion":{"x":1},"userIdentity":[],"resources":{},"readOnly":"perhaps","requestParameters":"cut off {","eventVersion":1.08,"recipientAccountId":12345678901}"#,
        );
        let odd: Vec<_> = record.odd_fields().collect();
        let expected = [
            "awsRegion",
            "recipientAccountId",
            "readOnly",
            "userIdentity",
            "requestParameters",
            "resources",
        ];
        assert_eq!(odd, expected);
        assert_eq!(record.event_version.as_deref(), Some("1.08"));
        assert_eq!((record.aws_region, record.read_only), (None, None));
    }

    #[test]
    fn what_has_no_name_or_source_is_no_record() {
        let why = |text| Record::parse(text).unwrap_err();
        assert_eq!(why("{}"), NotARecord::NoEventName);
        assert_eq!(why(r#"{"eventName":""}"#), NotARecord::NoEventName);
        assert_eq!(why(r#"{"eventName":"a","eventSource":7}"#), NotARecord::NoEventSource);
        assert_eq!(why("[]"), NotARecord::NotAnObject);
        assert_eq!(why("{"), NotARecord::NotJson);
    }

    #[test]
    fn times_are_read_in_the_ways_they_are_printed() {
        let time = |text: &str| {
            let json = format!(r#"{{"eventName":"a","eventSource":"b",{text}}}"#);
            parse(&json).time().map(|time| time.to_rfc3339())
        };
        let expected = Some("2024-02-29T10:00:00+00:00".to_owned());
        for text in [
            r#""eventTime":"2024-02-29T10:00:00Z""#,
            r#""eventtime":"2024-02-29 10:00:00""#,
            r#""eventTime":"2024-02-29 10:00:00.000 UTC""#,
            r#""eventTime":"2024-02-29T12:00:00+02:00""#,
            r#""@timestamp":"2024-02-29T10:00:00.000Z""#,
            r#""@timestamp":"2020-01-01T00:00:00Z","eventTime":"2024-02-29T10:00:00Z""#,
        ] {
            assert_eq!(time(text), expected, "{text}");
        }
        assert_eq!(time(r#""eventTime":"yesterday""#), None);
    }

    #[test]
    fn insight_events_are_told_by_type_or_category() {
        assert!(
            parse(r#"{"eventName":"a","eventSource":"b","eventCategory":"Insight"}"#).is_insight()
        );
        assert!(
            parse(r#"{"eventName":"a","eventSource":"b","eventType":"AwsCloudTrailInsight"}"#)
                .is_insight()
        );
        assert!(
            !parse(r#"{"eventName":"a","eventSource":"b","eventCategory":"Data"}"#).is_insight()
        );
    }
}
