//! The kept parts of one call, as the rules may read them.

/// One call, as far as the rules need it. Implemented by whoever keeps the calls.
///
/// Everything in it comes out of a log and is untrusted: the rules escape what they put into a
/// resource, and never let a value leave its segment of an ARN.
pub trait Request {
    /// Returns the account in which the call was made, 12 digits, or "" if unknown.
    fn account(&self) -> &str;
    /// Returns the region, such as `eu-west-1`, or "" if unknown.
    fn region(&self) -> &str;
    /// Returns the partition: `aws`, `aws-cn`, `aws-us-gov`, …
    fn partition(&self) -> &str;
    /// Returns the ARN of the calling role or user, "" if unknown.
    fn caller(&self) -> &str;
    /// Returns the service that made the call for the caller (`invokedBy`).
    fn via(&self) -> Option<&str>;
    /// Returns the error code; `None` for a call that succeeded.
    fn error_code(&self) -> Option<&str>;
    /// Hands over each value kept at a path of [`Extraction::paths`](crate::Extraction::paths).
    ///
    /// At a path that ends in `?` any value means "present".
    fn values(&self, path: &str, each: &mut dyn FnMut(&str));
    /// Hands over each `(path, ARN)` that
    /// [`Extraction::scan_arns`](crate::Extraction::scan_arns) had kept.
    fn arns(&self, each: &mut dyn FnMut(&str, &str));
    /// Hands over each entry of the record's `resources[]`.
    fn resources(&self, each: &mut dyn FnMut(ResourceRef<'_>));
    /// Returns what other events of the trail taught about a name; see [`FactKind`].
    fn fact(&self, kind: FactKind, key: &str) -> Option<String>;
}

/// An entry of a record's `resources[]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResourceRef<'a> {
    /// The ARN, or the start of one.
    pub arn: &'a str,
    /// Whether it came as `ARNPrefix`: then it stands for all that begins so.
    pub is_prefix: bool,
    /// The CloudFormation-like type, such as `AWS::S3::Object`, if given.
    pub resource_type: Option<&'a str>,
    /// The owning account, if given.
    pub account: Option<&'a str>,
}

/// What one event can teach about another: the rule's key and the answer.
///
/// Which operations teach what is data: [`Operation::lessons`](crate::Operation::lessons). The
/// account data of `get-account-authorization-details` can answer the first two as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FactKind {
    /// Instance profile, by name or ARN → role inside it, name or ARN.
    InstanceProfileRole,
    /// `role/Name`, `user/Name`, `group/Name`, `policy/Name`, `instance-profile/Name`,
    /// `server-certificate/Name` → its ARN with the path.
    IamArn,
    /// Athena query execution id → its workgroup's name.
    AthenaWorkGroup,
    /// Athena query execution id, or name of a workgroup → the address (`s3://…`) where results are put.
    AthenaResults,
    /// EC2 association or attachment id (`rtbassoc-…`, `eipassoc-…`) → id of the resource.
    Ec2Association,
    /// ARN of an ECS task definition → the same, as proof that it was registered in the trail.
    EcsTaskDefinition,
    /// ARN of an ECS task definition → ARN of the role of its tasks.
    EcsTaskRole,
    /// ARN of an ECS task definition → ARN of the role that starts its tasks.
    EcsExecutionRole,
    /// Name of an EC2 launch template → its id.
    LaunchTemplate,
    /// ARN of a workload → what it is set up with. No rule asks for these; they tell what the workload needs
    /// and the log may never show.
    Setting(Setting),
}

/// What a workload is set up with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Setting {
    /// Where events go that it failed at: the ARN of a queue or a topic.
    DeadLetter,
    /// Where records of failed calls go: an ARN.
    OnFailure,
    /// Where records of calls go that went well: an ARN.
    OnSuccess,
    /// Where those go of a batch of events that it failed at: an ARN.
    BatchFailure,
    /// What its events are read from: the ARN of a queue or a stream.
    EventSource,
    /// What its events are no longer read from.
    EventSourceGone,
    /// The VPC that it is in.
    Network,
    /// Whether it is traced: `Active`.
    Tracing,
    /// The ARN of the role that it acts as.
    Role,
    /// That it is deleted, or a version of it.
    Gone,
}

impl Setting {
    /// All of them.
    pub const ALL: [Setting; 10] = [
        Setting::DeadLetter,
        Setting::OnFailure,
        Setting::OnSuccess,
        Setting::BatchFailure,
        Setting::EventSource,
        Setting::EventSourceGone,
        Setting::Network,
        Setting::Tracing,
        Setting::Role,
        Setting::Gone,
    ];

    /// Returns what rules call it: `dead-letter`.
    pub fn code(self) -> &'static str {
        match self {
            Setting::DeadLetter => "dead-letter",
            Setting::OnFailure => "on-failure",
            Setting::OnSuccess => "on-success",
            Setting::BatchFailure => "batch-failure",
            Setting::EventSource => "event-source",
            Setting::EventSourceGone => "event-source-gone",
            Setting::Network => "network",
            Setting::Tracing => "tracing",
            Setting::Role => "role",
            Setting::Gone => "gone",
        }
    }

    /// Tells whether it says what there is, or whose, and is nothing that the workload needs something for.
    pub fn is_of_life(self) -> bool {
        matches!(self, Setting::EventSourceGone | Setting::Role | Setting::Gone)
    }

    /// Tells whether it is of an event source mapping, which may go from one workload to another.
    pub fn is_of_mapping(self) -> bool {
        matches!(self, Setting::BatchFailure | Setting::EventSource | Setting::EventSourceGone)
    }
}

impl FactKind {
    /// Tells whether what has a name in one region is another thing than what has it in the next. IAM's names
    /// are the account's.
    pub fn is_regional(self) -> bool {
        !matches!(self, FactKind::InstanceProfileRole | FactKind::IamArn)
    }
}
