//! What is known of an event, and what it needed.

use std::collections::BTreeSet;

use crate::table::layout::{event, grant, kind, pass, plan, root, test};
use crate::table::{Node, Table};
use crate::{
    ActionFacts, Extraction, FactKind, Lesson, Request, Resolution, Setting, Unresolved, resolve,
};

/// What an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// A call that needs IAM actions, all of them in the catalog.
    Mapped,
    /// A call that needs no permission (`sts:GetCallerIdentity`).
    NoPermission,
    /// Not an API call that IAM authorizes (a sign-in, a console-internal read).
    NotAnApiCall,
    /// A known API operation whose action is not in the catalog, mostly since it is newer: it
    /// grants nothing and freezes its service.
    Unverified,
    /// Nothing known: it grants nothing and freezes its service.
    Unknown,
}

impl Kind {
    /// Returns the name in output: `no-permission`.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::Mapped => "mapped",
            Kind::NoPermission => "no-permission",
            Kind::NotAnApiCall => "not-an-api-call",
            Kind::Unverified => "unverified",
            Kind::Unknown => "unknown",
        }
    }
}

/// How an event's actions were named.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// Service and action have the event's own name.
    Exact,
    /// A written rule names the action.
    Rule,
    /// The name was bent to fit (`Batch` dropped): probable, not certain.
    Heuristic,
}

impl Confidence {
    /// Returns the name in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Confidence::Exact => "exact",
            Confidence::Rule => "rule",
            Confidence::Heuristic => "heuristic",
        }
    }
}

impl Confidence {
    pub(crate) fn from_number(number: u32) -> Confidence {
        match number {
            0 => Confidence::Exact,
            1 => Confidence::Rule,
            _ => Confidence::Heuristic,
        }
    }
}

/// What is known of an event.
#[derive(Clone, Debug)]
pub struct Operation {
    table: Table,
    event: Option<Node>,
    prefix: Box<str>,
    /// Whether its source has events of several services.
    shared: bool,
}

/// Returns the label of a source: `s3` of `s3.amazonaws.com`.
pub(crate) fn label(event_source: &str) -> String {
    let source = event_source.trim().to_ascii_lowercase();
    let source = source.strip_suffix(".cn").unwrap_or(&source);
    source.strip_suffix(".amazonaws.com").unwrap_or(source).to_owned()
}

/// How many bytes the date of an API's version takes: `2020_05_31`.
const LONGEST_DATE: usize = 10;

/// Returns the name without the date of an API's version: `Invoke20150331v2`,
/// `CreateDistribution2020_05_31`.
pub fn undated(name: &str) -> &str {
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let stem = match name.rsplit_once('v') {
        Some((stem, version)) if is_digits(version) => stem,
        _ => name,
    };
    // Anyone can write names of any length into a log: only as much is looked at as a date can take.
    let first = stem.len().saturating_sub(LONGEST_DATE).max(1);
    for at in first..stem.len() {
        let Some((head, date)) = stem.split_at_checked(at) else { continue };
        let digits: String = date.chars().filter(|c| !['_', '-'].contains(c)).collect();
        if digits.len() == 8
            && is_digits(&digits)
            && digits.starts_with("20")
            && date.starts_with('2')
            && date.ends_with(|c: char| c.is_ascii_digit())
            && !head.ends_with(|c: char| c.is_ascii_digit())
        {
            return head.trim_end_matches(['_', '-']);
        }
    }
    name
}

impl Operation {
    pub(crate) fn find(table: Table, event_source: &str, event_name: &str) -> Operation {
        let label = label(event_source);
        let events = table.root().node(root::EVENT_INDEX);
        let look = |name: &str| events.find(&format!("{label}:{}", name.to_ascii_lowercase()));
        let name = event_name.trim();
        let event = look(name).or_else(|| look(undated(name)));
        let source = table.root().node(root::SOURCE_INDEX).find(&label);
        let known = match event {
            Some(event) => event.node(event::PLAN).string(plan::PREFIX),
            None => source.map_or("", |source| source.string(1)),
        };
        let shared = source.is_some_and(|source| source.number(2) != 0);
        let prefix = if known.is_empty() {
            label.split('.').next().unwrap_or_default().into()
        } else {
            known.into()
        };
        Operation { table, event, prefix, shared }
    }

    pub(crate) fn all(table: Table) -> impl Iterator<Item = (&'static str, Operation)> {
        // A slot of the index that holds nothing is the empty node.
        let events = table.root().node(root::EVENT_INDEX).nodes();
        events.filter_map(move |event| {
            let (label, _) = event.string(0).rsplit_once(':')?;
            let prefix = event.node(event::PLAN).string(plan::PREFIX).into();
            Some((label, Operation { table, event: Some(event), prefix, shared: false }))
        })
    }

    fn plan(&self) -> Option<Node> {
        self.event.map(|event| event.node(event::PLAN))
    }

    /// Returns the plans of all models that the source speaks for.
    fn plans(&self) -> impl Iterator<Item = Node> {
        let plan = self.plan();
        let variants = plan.map(|plan| plan.node(plan::VARIANTS));
        let of_variants = variants.into_iter().flat_map(Node::nodes).map(|pair| pair.node(1));
        plan.into_iter().chain(of_variants)
    }

    /// Returns whether events of other services than its own stand under its source.
    pub(crate) fn is_of_shared_source(&self) -> bool {
        self.shared
    }

    /// Returns what the event is.
    pub fn kind(&self) -> Kind {
        match self.plan().map(|plan| plan.number(plan::KIND)) {
            None => Kind::Unknown,
            Some(kind::MAPPED) => Kind::Mapped,
            Some(kind::NO_PERMISSION) => Kind::NoPermission,
            Some(kind::NOT_AN_API_CALL) => Kind::NotAnApiCall,
            Some(_) => Kind::Unverified,
        }
    }

    /// Returns the operation's name in canonical case, without the date of a version; "" if
    /// unknown.
    pub fn name(&self) -> &'static str {
        self.event.map_or("", |event| event.string(event::NAME))
    }

    /// Returns how the actions were named.
    pub fn confidence(&self) -> Confidence {
        self.plan().map_or(Confidence::Exact, |plan| {
            Confidence::from_number(plan.number(plan::CONFIDENCE))
        })
    }

    /// Returns the IAM prefix of the service, which freezes when the event is not mapped. For a
    /// source that nobody knows it is the source's first label.
    pub fn service(&self) -> Option<&str> {
        Some(&self.prefix).filter(|prefix| !prefix.is_empty()).map(|prefix| &**prefix)
    }

    /// Returns the actions the event can need, in canonical case, without repetition; which of
    /// them one call needed is for [`Operation::resolve`].
    pub fn actions(&self) -> impl Iterator<Item = &'static str> {
        let mut seen = BTreeSet::new();
        self.plans()
            .flat_map(|plan| plan.node(plan::GRANTS).nodes())
            .map(|grant| ActionFacts::new(grant.node(grant::ACTION)).id())
            .filter(move |action| seen.insert(*action))
    }

    /// Returns whether no call gets along without an action: it is granted whatever the call has, or both where
    /// it has a member and where it has not.
    pub fn always_needs(&self, action: &str) -> bool {
        let mut plans = self.plans().filter(|plan| plan.node(plan::GRANTS).len() > 0).peekable();
        plans.peek().is_some()
            && plans.all(|plan| {
                let grants = plan.node(plan::GRANTS).nodes();
                let tests: Vec<Node> = grants
                    .filter(|grant| ActionFacts::new(grant.node(grant::ACTION)).id() == action)
                    .map(|grant| grant.node(grant::TESTS))
                    .collect();
                let only = |tests: &Node, code: u32| {
                    let test = tests.node(0);
                    (tests.len() == 1 && test.number(0) == code).then(|| test.string(1))
                };
                let on = |code: u32| tests.iter().filter_map(move |tests| only(tests, code));
                tests.iter().any(|tests| tests.len() == 0)
                    || on(test::PRESENT).any(|path| on(test::ABSENT).any(|other| other == path))
            })
    }

    /// Returns whether some parameter of it passes a role to a service.
    pub fn passes_roles(&self) -> bool {
        self.plans().any(|plan| plan.node(plan::PASSES).nodes().next().is_some())
    }

    /// Returns the roles that a call passes; also of one whose own action nobody knows, for which nothing is
    /// granted.
    pub fn passed(&self, request: &dyn Request) -> BTreeSet<String> {
        let plan = self.plan().filter(|_| self.passes_roles());
        let grants =
            plan.map(|plan| resolve::resolve(self.table, (self.name(), plan), request).grants);
        let passes = grants.into_iter().flatten().filter(|grant| grant.action == "iam:PassRole");
        passes.map(|grant| grant.resource).collect()
    }

    /// Returns the services that it passes roles to; nothing where of some role that it passes it is not
    /// known to which.
    pub fn passed_to(&self) -> Option<BTreeSet<&'static str>> {
        let mut all = BTreeSet::new();
        for pass in self.plans().flat_map(|plan| plan.node(plan::PASSES).nodes()) {
            let mut takers = pass.node(pass::TAKERS).strings().peekable();
            takers.peek()?;
            all.extend(takers);
        }
        (!all.is_empty()).then_some(all)
    }

    /// Returns which parts of a record identify a call.
    pub fn extraction(&self) -> Extraction {
        Extraction {
            paths: self.event.map(|event| event.node(event::PATHS)),
            skipped: Some(self.table.root().node(root::SKIPPED)),
            scan_arns: self.event.is_some_and(|event| event.number(event::SCAN) != 0),
        }
    }

    /// Returns what an event of this operation teaches about names in others. The paths are
    /// among those of the extraction.
    pub fn lessons(&self) -> impl Iterator<Item = Lesson> {
        self.plans().flat_map(|plan| plan.node(plan::LESSONS).nodes()).map(|lesson| Lesson {
            kind: match lesson.number(0) {
                0 => FactKind::InstanceProfileRole,
                1 => FactKind::IamArn,
                2 => FactKind::AthenaWorkGroup,
                3 => FactKind::Ec2Association,
                4 => FactKind::EcsTaskDefinition,
                5 => FactKind::EcsTaskRole,
                6 => FactKind::EcsExecutionRole,
                7 => FactKind::AthenaResults,
                8 => FactKind::LaunchTemplate,
                9 => FactKind::Setting(Setting::DeadLetter),
                10 => FactKind::Setting(Setting::OnFailure),
                11 => FactKind::Setting(Setting::OnSuccess),
                12 => FactKind::Setting(Setting::EventSource),
                13 => FactKind::Setting(Setting::EventSourceGone),
                14 => FactKind::Setting(Setting::Network),
                15 => FactKind::Setting(Setting::Tracing),
                16 => FactKind::Setting(Setting::BatchFailure),
                17 => FactKind::Setting(Setting::Role),
                _ => FactKind::Setting(Setting::Gone),
            },
            key: lesson.string(1),
            key_prefix: lesson.string(2),
            value: lesson.string(3),
            part: lesson.string(4),
        })
    }

    /// Returns the permissions that a call needed.
    pub fn resolve(&self, request: &dyn Request) -> Resolution {
        let nothing = |why: &str| Resolution {
            grants: Vec::new(),
            unresolved: vec![Unresolved { action: None, why: why.to_owned() }],
        };
        match (self.kind(), self.plan()) {
            (Kind::Mapped, Some(plan)) => {
                resolve::resolve(self.table, (self.name(), plan), request)
            }
            (Kind::NoPermission | Kind::NotAnApiCall, _) => Resolution::default(),
            (Kind::Unverified, _) => nothing("the operation's action is not in the catalog"),
            _ => nothing("no rule and no action of this name in the catalog"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Operation, undated};
    use crate::table::layout::{grant, kind_of, plan, test};
    use crate::table::{Node, Table};
    use crate::{AccessLevel, ActionFacts};

    type Tests = BTreeSet<(u32, &'static str, &'static str)>;

    /// Returns the tagging action of a grant, when it applies and to which types.
    fn tagging(node: Node) -> Option<(&'static str, Tests, BTreeSet<&'static str>)> {
        let action = ActionFacts::new(node.node(grant::ACTION));
        let tests = node.node(grant::TESTS).nodes();
        let types = node.node(grant::TYPES).nodes();
        (action.access_level() == AccessLevel::Tagging).then(|| {
            (
                action.id(),
                tests.map(|test| (test.number(0), test.string(1), test.string(2))).collect(),
                types.map(|kind| name(kind.node(kind_of::TYPE))).collect(),
            )
        })
    }

    /// Returns the name of a resource type. That of a rule's own template is what its ARN calls it, or stays
    /// "rule" where that is a variable.
    fn name(kind: Node) -> &'static str {
        let called = || {
            let tail = kind.node(1).string(0).splitn(6, ':').nth(5)?;
            let (word, _) = tail.split_once(['/', ':'])?;
            (!word.is_empty() && !word.contains(['$', '*'])).then_some(word)
        };
        match kind.string(0) {
            "rule" => called().unwrap_or("rule"),
            name => name,
        }
    }

    /// What a call makes is tagged by one grant: from the reference, from a rule or by inference. A call
    /// that only tags may have one more for ids of a kind, told by their beginning. Of two spellings of an
    /// ARN no document says at times which is checked, and what a call makes may be tagged beside what it is asked for.
    #[test]
    fn no_tagging_grant_stands_twice() {
        let mut spelled_twice = BTreeSet::from([
            "apigateway CreateDomainName: apigateway:TagResource".to_owned(),
            "apigateway CreatePortalProduct: apigateway:TagResource".to_owned(),
            "appsync CreateGraphqlApi: appsync:TagResource".to_owned(),
            "codedeploy AddTagsToOnPremisesInstances: codedeploy:AddTagsToOnPremisesInstances".to_owned(),
            "codedeploy RemoveTagsFromOnPremisesInstances: codedeploy:RemoveTagsFromOnPremisesInstances".to_owned(),
            "ec2 CreateRouteServerEndpoint: ec2:CreateTags".to_owned(),
            "elasticbeanstalk CreatePlatformVersion: elasticbeanstalk:AddTags".to_owned(),
            "license-manager CreateLicenseAssetGroup: license-manager:TagResource".to_owned(),
            "license-manager CreateLicenseAssetRuleset: license-manager:TagResource".to_owned(),
            "license-manager TagResource: license-manager:TagResource".to_owned(),
            "license-manager UntagResource: license-manager:UntagResource".to_owned(),
            "license-manager UpdateLicenseAssetGroup: license-manager:TagResource".to_owned(),
            "lightsail CreateDomain: lightsail:TagResource".to_owned(),
            "resource-groups CreateGroup: resource-groups:Tag".to_owned(),
            // In the call's region and in that of the copy.
            "cloudhsm CopyBackupToRegion: cloudhsm:TagResource".to_owned(),
            "cloudhsmv2 CopyBackupToRegion: cloudhsm:TagResource".to_owned(),
            "cognito-idp CreateUserPoolReplica: cognito-idp:TagResource".to_owned(),
            // As the reference writes a device's instance, without an account, and as the call does.
            "devicefarm TagResource: devicefarm:TagResource".to_owned(),
            "devicefarm UntagResource: devicefarm:UntagResource".to_owned(),
            // In the caller's account and in the owner's.
            "directconnect AllocateHostedConnection: directconnect:TagResource".to_owned(),
            "directconnect AllocatePrivateVirtualInterface: directconnect:TagResource".to_owned(),
            "directconnect AllocatePublicVirtualInterface: directconnect:TagResource".to_owned(),
            "directconnect AllocateTransitVirtualInterface: directconnect:TagResource".to_owned(),
            "mediaconnect CreateRouterInput: mediaconnect:TagResource".to_owned(),
            "mediaconnect CreateRouterNetworkInterface: mediaconnect:TagResource".to_owned(),
            "mediaconnect CreateRouterOutput: mediaconnect:TagResource".to_owned(),
            "mgn CreateApplication: mgn:TagResource".to_owned(),
            "mgn CreateWave: mgn:TagResource".to_owned(),
            "mgn StartCutover: mgn:TagResource".to_owned(),
            "mgn StartTest: mgn:TagResource".to_owned(),
            "mgn TerminateTargetInstances: mgn:TagResource".to_owned(),
            "organizations CreatePolicy: organizations:TagResource".to_owned(),
            "organizations TagResource: organizations:TagResource".to_owned(),
            "organizations UntagResource: organizations:UntagResource".to_owned(),
            // On the channel by the reference, on the stream by the guide.
            "kinesis CreateChannel: kinesis:CreateChannel".to_owned(),
            // An object by its bucket and by its access point.
            "s3-outposts CopyObject: s3-outposts:PutObjectTagging".to_owned(),
            "s3-outposts CreateMultipartUpload: s3-outposts:PutObjectTagging".to_owned(),
            "s3-outposts DeleteObjectTagging: s3-outposts:DeleteObjectTagging".to_owned(),
            "s3-outposts DeleteObjectTagging: s3-outposts:DeleteObjectVersionTagging".to_owned(),
            "s3-outposts PutObject: s3-outposts:PutObjectTagging".to_owned(),
            "s3-outposts PutObjectTagging: s3-outposts:PutObjectTagging".to_owned(),
            "s3-outposts PutObjectTagging: s3-outposts:PutObjectVersionTagging".to_owned(),
        ]);
        // Tasks of Partner Central, with the account and without, under each of its sources.
        for part in ["", "-account", "-benefits", "-channel", "-prm", "-selling"] {
            for name in ["TagResource", "UntagResource"] {
                spelled_twice.insert(format!("partnercentral{part} {name}: partnercentral:{name}"));
            }
        }
        let (mut seen, mut twice) = (0, BTreeSet::new());
        for (source, operation) in Operation::all(Table::embedded()) {
            for plan in operation.plans() {
                let tags = plan.node(plan::GRANTS).nodes().filter_map(tagging);
                let own = format!(":{}", operation.name());
                let of_a_kind = |action: &str, tests: &Tests| {
                    action.ends_with(&own) && tests.iter().any(|(code, ..)| *code == test::STARTS)
                };
                let grants: Vec<_> =
                    tags.filter(|(action, tests, _)| !of_a_kind(action, tests)).collect();
                seen += grants.len();
                for (at, (action, tests, types)) in grants.iter().enumerate() {
                    let again = grants.iter().skip(at + 1).any(|(other, others, kinds)| {
                        // A template without a word may be of any type.
                        let own = types.contains("rule") || kinds.contains("rule");
                        let same = types == kinds || !types.is_disjoint(kinds) || own;
                        let both = tests.is_subset(others) || others.is_subset(tests);
                        action == other && same && both
                    });
                    if again {
                        twice.insert(format!("{source} {}: {action}", operation.name()));
                    }
                }
            }
        }
        assert!(seen > 1000, "only {seen} tagging grants were found");
        assert_eq!(twice, spelled_twice);
    }

    #[test]
    fn only_dates_are_dropped() {
        assert_eq!(undated("UpdateFunctionCode20150331v2"), "UpdateFunctionCode");
        assert_eq!(undated("CreateDistribution2020_05_31"), "CreateDistribution");
        assert_eq!(undated("ListObjectsV2"), "ListObjectsV2");
        assert_eq!(undated("Get2020-05-31"), "Get");
        // A name of whatever length is one of a few steps.
        let long = "x".repeat(1 << 20);
        assert_eq!(undated(&format!("{long}20150331")), long);
        assert_eq!(undated(&long), long);
        assert_eq!(undated("GetFunction20150331"), "GetFunction");
        assert_eq!(undated("DescribeFleet12345678"), "DescribeFleet12345678");
    }
}
