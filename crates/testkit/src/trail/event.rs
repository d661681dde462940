//! One API call as CloudTrail records it.

use std::sync::Arc;

use super::clock::{Seconds, iso_onto};
use super::denial::Denial;
use super::identity::Identity;
use super::json::{Object, quote_onto};
use crate::random::Random;

/// A permission that a call needs: an IAM action and the ARN it is checked against.
///
/// `*` stands for a resource where the action takes none.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// `service:Action`, as IAM spells it.
    pub action: &'static str,
    /// The ARN, or `*`.
    pub resource: String,
}

/// An entry of `resources[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// The CloudFormation-like type, such as `AWS::S3::Object`; empty where CloudTrail gives none.
    pub kind: &'static str,
    /// The ARN.
    pub arn: String,
    /// The owner, where CloudTrail names it.
    pub owner: Option<String>,
}

/// What is called: everything about an event that does not depend on who, when and how it ended.
#[derive(Clone, Debug)]
pub struct Call {
    /// The service's host name, as in `eventSource`.
    pub source: &'static str,
    /// The event name, which is often but not always the operation's.
    pub name: &'static str,
    /// The API version, where the service writes one.
    pub version: Option<&'static str>,
    /// `requestParameters` as JSON.
    pub parameters: String,
    /// `responseElements` as JSON.
    pub response: String,
    /// `resources[]`; absent where empty.
    pub resources: Vec<Resource>,
    /// Whether the call only reads.
    pub reads: bool,
    /// Whether it is a data event.
    pub data: bool,
    /// What a policy must allow for it, written down by hand and independent of any catalog.
    pub needs: Vec<Need>,
}

impl Call {
    /// Returns a reading management call without parameters, response or resources.
    pub fn new(source: &'static str, name: &'static str) -> Self {
        Self {
            source,
            name,
            version: None,
            parameters: "null".to_owned(),
            response: "null".to_owned(),
            resources: Vec::new(),
            reads: true,
            data: false,
            needs: Vec::new(),
        }
    }

    /// Sets the parameters.
    #[must_use]
    pub fn parameters(mut self, parameters: Object) -> Self {
        self.parameters = parameters.end();
        self
    }

    /// Sets the response.
    #[must_use]
    pub fn response(mut self, response: Object) -> Self {
        self.response = response.end();
        self
    }

    /// Adds an entry to `resources[]`.
    #[must_use]
    pub fn resource(mut self, kind: &'static str, arn: &str, owner: Option<&str>) -> Self {
        self.resources.push(Resource {
            kind,
            arn: arn.to_owned(),
            owner: owner.map(str::to_owned),
        });
        self
    }

    /// Adds a permission that the call needs.
    #[must_use]
    pub fn need(mut self, action: &'static str, resource: &str) -> Self {
        self.needs.push(Need { action, resource: resource.to_owned() });
        self
    }

    /// Marks the call as one that changes something.
    #[must_use]
    pub fn writes(mut self) -> Self {
        self.reads = false;
        self
    }

    /// Marks the call as a data event.
    #[must_use]
    pub fn data(mut self) -> Self {
        self.data = true;
        self
    }

    /// Sets the API version.
    #[must_use]
    pub fn version(mut self, version: &'static str) -> Self {
        self.version = Some(version);
        self
    }
}

/// How a call ended.
#[derive(Clone, Debug)]
pub enum Ending {
    /// It succeeded.
    Done,
    /// It was refused; parameters are kept or lost as the service does.
    Denied(Denial),
    /// It failed for another reason after it was authorized: code and message.
    Failed(&'static str, String),
    /// It failed before anyone knows whether it was authorized: throttled, malformed.
    Unsettled(&'static str, String),
}

/// One record.
#[derive(Clone, Debug)]
pub struct Event {
    /// Who called.
    pub who: Arc<Identity>,
    /// The service that called on the principal's behalf.
    pub invoked_by: Option<&'static str>,
    /// What was called.
    pub call: Call,
    /// How it ended.
    pub ending: Ending,
    /// When.
    pub time: Seconds,
    /// Where.
    pub region: String,
    /// The account whose trail has the record.
    pub recipient: String,
    /// The record's id.
    pub id: String,
    /// The request's id.
    pub request: String,
    /// Ties copies of one action in several accounts together.
    pub shared: Option<String>,
    /// The caller's address, or the service's host name.
    pub address: String,
    /// The caller's software.
    pub agent: String,
}

impl Event {
    /// Says whether the call proves that the principal holds the permission.
    pub fn granted(&self) -> bool {
        matches!(self.ending, Ending::Done | Ending::Failed(..))
    }

    /// Returns the ARN of a trail of the one account and place that deliver it: all of a place's events
    /// are in its region.
    pub fn trail_arn(&self) -> String {
        let partition = match self.region.split('-').next() {
            Some("cn") => "aws-cn",
            _ if self.region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        };
        format!("arn:{partition}:cloudtrail:{}:{}:trail/main", self.region, self.recipient)
    }

    /// Appends the record as one line of JSON without a line break.
    pub fn write(&self, out: &mut String) {
        let call = &self.call;
        let mut object = Object::onto(std::mem::take(out))
            .text("eventVersion", "1.11")
            .with("userIdentity", |out| self.who.write(self.invoked_by, out))
            .with("eventTime", |out| {
                out.push('"');
                iso_onto(self.time, out);
                out.push('"');
            })
            .text("eventSource", call.source)
            .text("eventName", call.name)
            .text("awsRegion", &self.region)
            .text("sourceIPAddress", &self.address)
            .text("userAgent", &self.agent);
        let mut parameters = call.parameters.as_str();
        match &self.ending {
            Ending::Done => {}
            Ending::Denied(denial) => {
                if denial.drops_parameters() {
                    parameters = "null";
                }
                object = object
                    .text("errorCode", denial.code)
                    .text("errorMessage", &denial.message(&self.who, call));
            }
            Ending::Failed(code, message) | Ending::Unsettled(code, message) => {
                object = object.text("errorCode", code).text("errorMessage", message);
            }
        }
        let done = matches!(self.ending, Ending::Done);
        object = object
            .raw("requestParameters", parameters)
            .raw("responseElements", if done { &call.response } else { "null" });
        if call.source == "s3.amazonaws.com" {
            object = object.with("additionalEventData", |out| self.additional(out));
        }
        object = object
            .text("requestID", &self.request)
            .text("eventID", &self.id)
            .flag("readOnly", call.reads);
        if !call.resources.is_empty() {
            object = object.with("resources", |out| write_resources(&call.resources, out));
        }
        object = object
            .text(
                "eventType",
                match *self.who {
                    Identity::Nobody(_) => "AwsServiceEvent",
                    _ => "AwsApiCall",
                },
            )
            .text_if("apiVersion", call.version)
            .flag("managementEvent", !call.data)
            .text("recipientAccountId", &self.recipient)
            .text_if("sharedEventID", self.shared.as_deref())
            .text("eventCategory", if call.data { "Data" } else { "Management" });
        // There is no TLS session to describe where a service made the call.
        if self.invoked_by.is_none() && !matches!(*self.who, Identity::Service(_)) {
            let service = call.source.strip_suffix(".amazonaws.com").unwrap_or(call.source);
            let suffix = if self.region.starts_with("cn-") { ".cn" } else { "" };
            let host = format!("{service}.{}.amazonaws.com{suffix}", self.region);
            let tls = Object::new()
                .text("tlsVersion", "TLSv1.3")
                .text("cipherSuite", "TLS_AES_128_GCM_SHA256")
                .text("clientProvidedHostHeader", &host);
            object = object.object("tlsDetails", tls);
        }
        *out = object.end();
    }

    fn additional(&self, out: &mut String) {
        let (sent, received) = if self.call.reads { (self.time % 4096, 0) } else { (0, 1877) };
        *out = Object::onto(std::mem::take(out))
            .text("SignatureVersion", "SigV4")
            .text("CipherSuite", "TLS_AES_128_GCM_SHA256")
            .number("bytesTransferredIn", received)
            .text("AuthenticationMethod", "AuthHeader")
            .text(
                "x-amz-id-2",
                &Random::new(self.time.unsigned_abs()).fork(&self.id).alphanumeric(76),
            )
            .number("bytesTransferredOut", sent)
            .end();
    }
}

fn write_resources(resources: &[Resource], out: &mut String) {
    out.push('[');
    for (index, resource) in resources.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push('{');
        if let Some(owner) = &resource.owner {
            out.push_str("\"accountId\":");
            quote_onto(owner, out);
            out.push(',');
        }
        if !resource.kind.is_empty() {
            out.push_str("\"type\":");
            quote_onto(resource.kind, out);
            out.push(',');
        }
        out.push_str("\"ARN\":");
        quote_onto(&resource.arn, out);
        out.push('}');
    }
    out.push(']');
}
