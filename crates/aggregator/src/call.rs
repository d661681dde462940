//! A call: everything about an API event that decides what it needs, and
//! nothing that does not.
//!
//! Equal calls share one entry of the usage. A call's identity is its whole
//! canonical encoding, never a hash of it: log content is in the hands of
//! whoever made the call, and a collision would drop a permission in silence.
//! The encoding is also what is looked up.

use std::borrow::Cow;

use trailtrim_catalog::{Catalog, Operation};

use crate::names::Taken;
use crate::sketch::Count;

/// Whose copy of an event this is. Readers prefer the caller's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Copy {
    /// Delivered to the caller's own account.
    Caller,
    /// Delivered to another account, which owns the resource.
    Owner,
}

/// The `eventCategory`, inferred where the record is too old to have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Category {
    /// Management event.
    Management,
    /// Data event.
    Data,
}

/// One entry of a record's `resources[]`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Resource<'a> {
    /// `ARN` or `ARNPrefix`.
    pub arn: Cow<'a, str>,
    /// Whether it was given as `ARNPrefix`: the beginning of ARNs, not one.
    pub is_prefix: bool,
    /// `type`, such as `AWS::S3::Object`; often absent.
    pub kind: Option<Cow<'a, str>>,
    /// `accountId` of the owner; often absent.
    pub account: Option<Cow<'a, str>>,
}

/// A path of the record and one value there. Paths are those of the catalog's
/// extraction lists, or where an ARN was found.
pub type Part<'a> = (Cow<'a, str>, Cow<'a, str>);

/// The path of the part that stands in a call whose parameters the log does not have as they were. It
/// is the root alone, which no extraction list names.
pub(crate) const CUT: &str = "request";

/// The same for a call of which the log does not have the answer as it was.
pub(crate) const CUT_ANSWER: &str = "response";

/// What a call is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// `eventSource`, such as `s3.amazonaws.com`.
    pub event_source: Cow<'a, str>,
    /// `eventName` as logged, with any date suffix.
    pub event_name: Cow<'a, str>,
    /// `awsRegion`.
    pub region: Cow<'a, str>,
    /// The account whose resources the parameters name: the recipient's.
    pub account: Cow<'a, str>,
    /// Management or data event.
    pub category: Category,
    /// Whose copy this is.
    pub copy: Copy,
    /// `userIdentity.invokedBy`: the service that acted on the caller's behalf.
    pub via: Option<Cow<'a, str>>,
    /// The error code; empty where there was only a message.
    pub error_code: Option<Cow<'a, str>>,
    /// What the message of a denial says.
    pub denial: Option<Denial<'a>>,
    /// The identifying parameters, sorted, without repetition.
    pub parts: Vec<Part<'a>>,
    /// `resources[]`, sorted, without repetition.
    pub resources: Vec<Resource<'a>>,
    /// Whether the record named more things at one place than one call keeps, and this is about
    /// one of each only.
    pub piece: bool,
    /// Set where the call stands for many, whose names were more than the quota keeps.
    pub open: Option<Open>,
}

/// The names that one call stands for. See [`Quota`](crate::Quota).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// The word that stands in the call where the names would differ. No text out of the log
    /// holds it.
    pub stand_in: String,
    /// How all these names begin, names that nest joined by `/`.
    pub beginning: String,
    /// How many names there were.
    pub names: Count,
}

/// What the message of an authorization failure names (DOMAIN 3.2); each piece
/// may be missing, as messages are cut at 1 KB and differ between services.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial<'a> {
    /// The action in IAM's words, as the message spells it.
    pub action: Option<Cow<'a, str>>,
    /// The resource, without quotes.
    pub resource: Option<Cow<'a, str>>,
    /// The kind of policy that denied.
    pub policy: Option<Cow<'a, str>>,
    /// Whether the message says "explicit deny".
    pub explicit: bool,
}

impl Denial<'_> {
    /// Returns the same, without borrowing from the record.
    pub(crate) fn into_owned(self) -> Denial<'static> {
        let own = |text: Option<Cow<'_, str>>| text.map(|text| Cow::Owned(text.into_owned()));
        Denial {
            action: own(self.action),
            resource: own(self.resource),
            policy: own(self.policy),
            explicit: self.explicit,
        }
    }
}

impl<'a> Call<'a> {
    /// Brings parts and resources into canonical order, so that equal calls encode equally.
    pub fn canonicalise(&mut self) {
        self.parts.sort_unstable();
        self.parts.dedup();
        self.resources.sort_unstable();
        self.resources.dedup();
    }

    /// Appends the canonical encoding, without `open`, and with what was taken out of the call
    /// replaced. The call must be canonical.
    pub(crate) fn encode_with(&self, taken: Option<&Taken>, out: &mut Vec<u8>) {
        let text = |place, text| match taken {
            Some(taken) => taken.at(place),
            None => text,
        };
        let flags = u8::from(self.category == Category::Data)
            | u8::from(self.copy == Copy::Owner) << 1
            | u8::from(self.denial.as_ref().is_some_and(|denial| denial.explicit)) << 2
            | u8::from(self.denial.is_some()) << 3
            | u8::from(self.piece) << 4;
        out.push(flags);
        for text in [&self.event_source, &self.event_name, &self.region, &self.account] {
            put(out, text);
        }
        put_optional(out, self.via.as_deref());
        put_optional(out, self.error_code.as_deref());
        if let Some(denial) = &self.denial {
            put_optional(out, denial.action.as_deref());
            put_optional(out, denial.resource.as_deref().map(|arn| text(Place::Denied, arn)));
            put_optional(out, denial.policy.as_deref());
        }
        put_length(out, self.parts.len());
        for (index, (path, value)) in self.parts.iter().enumerate() {
            put(out, path);
            put(out, text(Place::Part(index), value));
        }
        put_length(out, self.resources.len());
        for (index, resource) in self.resources.iter().enumerate() {
            out.push(u8::from(resource.is_prefix));
            put(out, text(Place::Resource(index), &resource.arn));
            put_optional(out, resource.kind.as_deref());
            put_optional(out, resource.account.as_deref());
        }
    }

    /// Reads an encoding; `None` if it is not one.
    pub fn decode(bytes: &'a [u8]) -> Option<Call<'a>> {
        let mut reader = Reader::new(bytes);
        let flags = reader.byte()?;
        let [event_source, event_name, region, account] =
            [reader.text()?, reader.text()?, reader.text()?, reader.text()?].map(Cow::Borrowed);
        let via = reader.optional()?;
        let error_code = reader.optional()?;
        let denial = if flags & 8 != 0 {
            Some(Denial {
                action: reader.optional()?,
                resource: reader.optional()?,
                policy: reader.optional()?,
                explicit: flags & 4 != 0,
            })
        } else {
            None
        };
        let mut parts = Vec::new();
        for _ in 0..reader.length()? {
            parts.push((reader.text()?.into(), reader.text()?.into()));
        }
        let mut resources = Vec::new();
        for _ in 0..reader.length()? {
            resources.push(Resource {
                is_prefix: reader.byte()? != 0,
                arn: reader.text()?.into(),
                kind: reader.optional()?,
                account: reader.optional()?,
            });
        }
        let category = if flags & 1 != 0 { Category::Data } else { Category::Management };
        let copy = if flags & 2 != 0 { Copy::Owner } else { Copy::Caller };
        reader.bytes.is_empty().then_some(Call {
            event_source,
            event_name,
            region,
            account,
            category,
            copy,
            via,
            error_code,
            denial,
            parts,
            resources,
            piece: flags & 16 != 0,
            open: None,
        })
    }

    /// Hands each value kept at `path` to `each`.
    pub fn values(&self, path: &str, each: &mut dyn FnMut(&str)) {
        let start = self.parts.partition_point(|(at, _)| at.as_ref() < path);
        for (at, value) in self.parts.iter().skip(start) {
            if at != path {
                break;
            }
            each(value);
        }
    }

    /// Returns whether the log does not have the parameters as they were, so that nothing follows
    /// from a member that is not there.
    pub(crate) fn is_cut(&self) -> bool {
        self.parts.iter().any(|(path, _)| path == CUT)
    }

    /// Returns the same of the answer.
    pub(crate) fn is_answer_cut(&self) -> bool {
        self.parts.iter().any(|(path, _)| path == CUT_ANSWER)
    }

    /// Hands each text that a log can choose freely to `change`.
    pub(crate) fn texts(&mut self, mut change: impl FnMut(&mut Cow<'a, str>)) {
        self.parts.iter_mut().for_each(|(_, value)| change(value));
        self.resources.iter_mut().for_each(|resource| change(&mut resource.arn));
        self.denial.iter_mut().filter_map(|denial| denial.resource.as_mut()).for_each(change);
    }

    /// Returns the catalog's entry for the operation.
    pub fn operation(&self, catalog: Catalog) -> Operation {
        catalog.operation(&self.event_source, &self.event_name)
    }
}

/// Where in a call a text stands that a log can choose freely.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Place {
    /// The value of the part of this number.
    Part(usize),
    /// The ARN of the resource of this number.
    Resource(usize),
    /// The resource of the denial.
    Denied,
}

pub(crate) fn put_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push((length & 0x7f) as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

pub(crate) fn put(out: &mut Vec<u8>, text: &str) {
    put_length(out, text.len());
    out.extend_from_slice(text.as_bytes());
}

/// Absent is 0; a text is its length plus one.
pub(crate) fn put_optional(out: &mut Vec<u8>, text: Option<&str>) {
    match text {
        None => out.push(0),
        Some(text) => {
            put_length(out, text.len() + 1);
            out.extend_from_slice(text.as_bytes());
        }
    }
}

/// Reads what [`put_length`], [`put`] and [`put_optional`] have written.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader { bytes }
    }

    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.bytes.split_first()?;
        self.bytes = rest;
        Some(*first)
    }

    pub(crate) fn length(&mut self) -> Option<usize> {
        let mut length = 0usize;
        for shift in (0..usize::BITS).step_by(7) {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(length);
            }
        }
        None
    }

    pub(crate) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(taken)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        let length = self.length()?;
        std::str::from_utf8(self.take(length)?).ok()
    }

    fn optional(&mut self) -> Option<Option<Cow<'a, str>>> {
        match self.length()? {
            0 => Some(None),
            length => {
                let text = std::str::from_utf8(self.take(length - 1)?).ok()?;
                Some(Some(Cow::Borrowed(text)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text() -> impl Strategy<Value = Cow<'static, str>> {
        "[a-z.:/*é]{0,12}".prop_map(Cow::Owned)
    }

    prop_compose! {
        fn call()(
            names in (text(), text(), text(), text()),
            data in any::<bool>(), owner in any::<bool>(),
            via in prop::option::of(text()), error_code in prop::option::of(text()),
            denial in prop::option::of((prop::option::of(text()), prop::option::of(text()), any::<bool>())),
            parts in prop::collection::vec((text(), text()), 0..5),
            resources in prop::collection::vec((text(), any::<bool>(), prop::option::of(text())), 0..3),
        ) -> Call<'static> {
            let mut call = Call {
                event_source: names.0, event_name: names.1, region: names.2, account: names.3,
                category: if data { Category::Data } else { Category::Management },
                copy: if owner { Copy::Owner } else { Copy::Caller },
                via, error_code,
                denial: denial.map(|(action, resource, explicit)| Denial {
                    action, resource: resource.clone(), policy: resource, explicit,
                }),
                parts,
                resources: resources.into_iter().map(|(arn, is_prefix, kind)| Resource {
                    arn, is_prefix, kind: kind.clone(), account: kind,
                }).collect(),
                piece: data,
                open: None,
            };
            call.canonicalise();
            call
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_back_what_was_encoded(call in call()) {
            let mut bytes = Vec::new();
            call.encode_with(None, &mut bytes);
            prop_assert_eq!(Call::decode(&bytes), Some(call));
        }

        #[test]
        fn different_calls_encode_differently(a in call(), b in call()) {
            let (mut left, mut right) = (Vec::new(), Vec::new());
            a.encode_with(None, &mut left);
            b.encode_with(None, &mut right);
            prop_assert_eq!(a == b, left == right);
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Call::decode(&bytes);
        }
    }

    #[test]
    fn values_are_found_by_their_path() {
        let mut bytes = vec![0];
        for _ in 0..4 {
            put(&mut bytes, "x");
        }
        bytes.extend([0, 0, 0, 0]);
        let mut call = Call::decode(&bytes).unwrap();
        for (path, value) in
            [("request.b", "2"), ("request.a", "1"), ("request.b", "1"), ("request.ba", "9")]
        {
            call.parts.push((path.into(), value.into()));
        }
        call.canonicalise();
        let mut found = Vec::new();
        call.values("request.b", &mut |value| found.push(value.to_owned()));
        assert_eq!(found, ["1", "2"]);
    }
}
