//! The call that a record tells of.
//!
//! Most calls were made a moment ago already, by the same caller and about the same things. So a record
//! has a [`Told::key`]: those of its texts that decide the call, as they stand there, and no time, id or
//! response of which nothing is kept. It is in the same module as the reading of the call since both must
//! agree: records with equal keys tell of equal calls.

use std::borrow::Cow;

use trailtrim_ingest::{Json, Record, Value};

use crate::call::{Call, Category, Copy, Denial, Part, Resource, put_optional};
use crate::callers::Identified;
use crate::denial;
use crate::extract::{Extractor, Spelling};
use crate::listed::Listed;

/// A record, and what is known of it beside.
#[derive(Debug)]
pub(crate) struct Told<'r> {
    record: &'r Record<'r>,
    who: &'r Identified,
    extractor: &'r Extractor,
    error_code: Option<Cow<'r, str>>,
    denial: Option<Denial<'r>>,
}

impl<'r> Told<'r> {
    pub(crate) fn of(
        record: &'r Record<'r>,
        who: &'r Identified,
        extractor: &'r Extractor,
    ) -> Told<'r> {
        let (error_code, denial) = error(record);
        Told { record, who, extractor, error_code, denial }
    }

    /// Returns the parts of the record that identifying parameters stand in, with what paths call them.
    fn roots(&self) -> [(&'static str, Option<&'r Json<'r>>); 3] {
        let Record { request_parameters, response_elements, additional_event_data, .. } =
            self.record;
        [
            ("request", request_parameters),
            ("response", response_elements),
            ("additional", additional_event_data),
        ]
        .map(|(root, json)| (root, json.as_ref().filter(|_| self.extractor.reads(root))))
    }

    fn recipient(&self) -> Option<&'r str> {
        let recipient = self.record.recipient_account_id.as_deref();
        recipient.filter(|account| !account.is_empty())
    }

    /// Appends what decides the call, and what it shows of where CloudTrail was looking, but for the
    /// time: all beside the caller, the source and the name of the event.
    pub(crate) fn key(&self, out: &mut Vec<u8>) {
        let record = self.record;
        let flag = |flag: Option<bool>| flag.map_or(2, u8::from);
        out.extend([flag(record.read_only), flag(record.management_event)]);
        for text in [
            record.aws_region.as_deref(),
            record.recipient_account_id.as_deref(),
            record.event_category.as_deref(),
            self.error_code.as_deref(),
            record.resources.as_ref().map(Json::text),
        ] {
            put_optional(out, text);
        }
        for (_, json) in self.roots() {
            put_optional(out, json.map(Json::text));
        }
        out.push(u8::from(self.denial.is_some()));
        if let Some(denial) = &self.denial {
            out.push(u8::from(denial.explicit));
            for text in [&denial.action, &denial.resource, &denial.policy] {
                put_optional(out, text.as_deref());
            }
        }
    }

    /// Returns the call. `listed` is what the record has in `resources[]`, `spelling` has buffers.
    pub(crate) fn call(self, listed: &[Listed<'r>], spelling: &mut Spelling) -> Call<'r> {
        let mut parts: Vec<Part<'r>> = Vec::with_capacity(8);
        for (root, json) in self.roots() {
            if let Some(json) = json {
                self.extractor.extract(root, json.value(), spelling, &mut parts);
            }
        }
        let (recipient, own) = (self.recipient(), self.who.account.as_deref());
        let Told { record, who, error_code, denial, .. } = self;
        let resources = listed.iter().filter_map(|Listed { arn, prefix, kind, account }| {
            let (is_prefix, arn) = (arn.is_none(), arn.as_ref().or(prefix.as_ref())?.clone());
            Some(Resource { arn, is_prefix, kind: kind.clone(), account: account.clone() })
        });
        // Without a recipient there is but one account to speak of.
        let owner =
            recipient.is_some_and(|recipient| own.is_some_and(|account| account != recipient));
        let data = match record.event_category.as_deref() {
            Some(category) => category.eq_ignore_ascii_case("Data"),
            None => record.management_event == Some(false),
        };
        let mut call = Call {
            event_source: Cow::Borrowed(&record.event_source),
            event_name: Cow::Borrowed(&record.event_name),
            region: Cow::Borrowed(record.aws_region.as_deref().unwrap_or_default()),
            account: Cow::Borrowed(recipient.or(own).unwrap_or_default()),
            category: if data { Category::Data } else { Category::Management },
            copy: if owner { Copy::Owner } else { Copy::Caller },
            via: who.invoked_by.as_deref().map(Cow::Borrowed),
            error_code,
            denial,
            parts,
            resources: resources.collect(),
            piece: false,
            open: None,
        };
        call.canonicalise();
        call
    }
}

/// Returns a call that keeps of a record its head and these parts alone: what it teaches, not what it does.
pub(crate) fn head<'r>(record: &'r Record<'_>, parts: Vec<Part<'r>>) -> Call<'r> {
    Call {
        event_source: Cow::Borrowed(&record.event_source),
        event_name: Cow::Borrowed(&record.event_name),
        region: Cow::Borrowed(record.aws_region.as_deref().unwrap_or_default()),
        account: Cow::Borrowed(record.recipient_account_id.as_deref().unwrap_or_default()),
        category: Category::Management,
        copy: Copy::Caller,
        via: None,
        error_code: None,
        denial: None,
        parts,
        resources: Vec::new(),
        piece: false,
        open: None,
    }
}

/// Returns whether a record tells of an error.
pub(crate) fn failed(record: &Record<'_>) -> bool {
    error(record) != (None, None)
}

/// Returns the error code, empty where there is an error without a readable code, and what a
/// message says of a denial.
pub(crate) fn error<'r>(record: &'r Record<'_>) -> (Option<Cow<'r, str>>, Option<Denial<'r>>) {
    let message = record.error_message.as_deref().filter(|message| !message.is_empty());
    let denial = message.and_then(denial::parse);
    if let Some(code) = record.error_code.as_deref().filter(|code| !code.is_empty()) {
        return (Some(Cow::Borrowed(code)), denial);
    }
    // A code of an unexpected type is an error all the same.
    let odd = record.odd_fields().any(|field| ["errorCode", "errorMessage"].contains(&field));
    if message.is_some() || odd {
        return (Some(Cow::Borrowed("")), denial);
    }
    // Some services put the error where the response would be.
    let response = record.response_elements.as_ref();
    let (code, denial) = response.map(|json| error_in_response(json.value())).unwrap_or_default();
    match (code, denial) {
        (None, None) => (None, None),
        (code, denial) => (Some(Cow::Owned(code.unwrap_or_default())), denial),
    }
}

/// Finds an error in a response. Any text there that speaks of authorization counts; other texts
/// are only believed under a name that means an error.
fn error_in_response(response: Value<'_>) -> (Option<String>, Option<Denial<'static>>) {
    let (mut code, mut denial) = (None, None);
    for (name, value) in response.members() {
        let is = |names: &[&str]| names.iter().any(|known| name.eq_ignore_ascii_case(known));
        if is(&["error"]) && value.is_object() {
            let (inner, refusal) = error_in_response(value);
            let named = value.members().find(|(key, _)| key.eq_ignore_ascii_case("code"));
            let named = named.and_then(|(_, code)| Some(code.as_text()?.into_owned()));
            code = code.or(inner).or(named).or_else(|| Some(String::new()));
            denial = denial.or(refusal);
            continue;
        }
        let Some(text) = value.as_text().filter(|text| !text.is_empty()) else { continue };
        if is(&["errorCode"]) {
            code = Some(text.into_owned());
        } else if is(&["errorMessage", "message"]) {
            denial = denial.or_else(|| denial::parse(&text).map(Denial::into_owned));
        }
    }
    (code, denial)
}
