//! What everyone did, in IAM's words: what [`resolve`](crate::resolve()) makes of a usage.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::{Condition, Confidence, Origin};

use crate::assumed::Assumptions;
use crate::call::Call;
use crate::federated::Federated;
use crate::history::PolicyChanges;
use crate::identity::{Outsider, account_of};
use crate::lives;
use crate::outcome::Outcome;
use crate::settings::SetUp;
use crate::signed_in::SignIns;
use crate::sorted::Sorted;
use crate::stats::{Join, Stats};
use crate::usage::OtherEvent;
use crate::workload::{Acted, Workload};

/// What everyone did.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Roles and users, ordered by ARN.
    pub principals: Vec<Principal>,
    /// Callers that never get a policy.
    pub outsiders: BTreeMap<Outsider, Stats>,
    /// Records that are no API calls.
    pub other_events: BTreeMap<OtherEvent, Stats>,
    /// Records that amend an earlier one of the same event: where the two differ, both count.
    pub amended: Stats,
    /// When it changed what somebody is allowed.
    pub policy_changes: PolicyChanges,
    /// The roles that were assumed, by principals, services and federated users.
    pub assumed: Assumptions,
    /// The principals that signed in, or were seen in another record that is no API call.
    pub signed_in: SignIns,
    /// The principals of which calls are kept out as foreign evidence.
    pub excluded: SignIns,
}

/// Whether a principal is a role or a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalKind {
    /// An IAM role.
    Role,
    /// An IAM user.
    User,
}

impl PrincipalKind {
    /// Returns `role` or `user`.
    pub fn code(self) -> &'static str {
        match self {
            PrincipalKind::Role => "role",
            PrincipalKind::User => "user",
        }
    }
}

/// The roles that events of one name brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Those that the records name.
    pub roles: BTreeSet<String>,
    /// Whether they may have brought others: what some of the calls had was left out, or nobody knows what they have.
    pub untold: bool,
}

impl Brought {
    /// Adds what others brought.
    pub fn join(&mut self, other: Brought) {
        self.roles.extend(other.roles);
        self.untold |= other.untold;
    }
}

/// What one role or user did.
#[derive(Clone, Debug)]
pub struct Principal {
    /// The ARN, with its path.
    pub arn: String,
    /// The account, 12 digits.
    pub account: String,
    /// Role or user.
    pub kind: PrincipalKind,
    /// Path and name: `service/orders-api`.
    pub name: String,
    /// The unique ids seen under this ARN. More than one: it was deleted and made anew.
    pub ids: BTreeSet<String>,
    /// When the last one of several that had this ARN was first seen, in seconds since 1970.
    pub reborn: Option<i64>,
    /// The ARNs that a user went by before, each with when it last did, seconds since 1970: it has another name or
    /// path now, and the same unique id.
    pub former: BTreeMap<String, i64>,
    /// Whether the path in the ARN is known; a record of a bare session has lost it.
    pub path_known: bool,
    /// The Identity Center permission set the role was made for.
    pub permission_set: Option<String>,
    /// Permissions used, or tried.
    pub rows: BTreeMap<RowKey, Row>,
    /// Events that name no permission, by why.
    pub unmapped: BTreeMap<UnmappedKey, Stats>,
    /// Services of which some call could not be mapped: what is granted of them is not all.
    pub frozen: BTreeSet<String>,
    /// Events that could not be mapped and brought roles, or may have, each with these. Whoever makes such calls may have to pass
    /// them.
    pub brought: BTreeMap<(String, String), Brought>,
    /// The workload that all this is of, where they are told apart; see [`resolve_by_workload`].
    pub workload: Option<Workload>,
    /// By which providers its sessions were begun in which many people act in one role.
    pub federated: Federated,
    /// Who acted in the principal's name. Session names are chosen by whoever assumes a role.
    pub workloads: BTreeMap<Workload, Acted>,
    /// How these are set up, as far as the trail tells.
    pub set_up: Vec<SetUp>,
    /// The regions of its account in which who set workloads up did so for more than are kept apart.
    pub set_up_untold: BTreeSet<String>,
}

/// One permission with one outcome.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RowKey {
    /// The action, in canonical case.
    pub action: String,
    /// The resource as a policy names it.
    pub resource: String,
    /// Conditions that held in every one of the calls.
    pub conditions: Vec<Condition>,
    /// What came of it.
    pub outcome: Outcome,
}

/// What is known of one permission.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// How the resource was found; several where calls differ.
    pub origins: Sorted<Origin>,
    /// The least sure naming among the calls.
    pub confidence: Option<Confidence>,
    /// Whether some call is certain to need it, and not merely likely (`iam:PassRole` by its
    /// parameters).
    pub certain: bool,
    /// The events behind it: `(eventSource, eventName)`.
    pub events: Sorted<(String, String)>,
    /// The services that acted on the principal's behalf.
    pub via: Sorted<String>,
    /// The regions that were called, by `awsRegion`; "" where a record names none.
    pub regions: Sorted<String>,
    /// The error codes seen.
    pub error_codes: Sorted<String>,
    /// The kinds of policy that messages of denial blame.
    pub denied_by: Sorted<String>,
    /// The denied calls by what their messages say; empty where none was denied.
    pub refusals: BTreeMap<Refusal, Stats>,
    /// What the identity of the sessions is called, where its id stands in the resource and was the caller's
    /// own in every call.
    pub own: Option<Box<Own>>,
    /// The ARNs by which whoever made the calls then went, of a user that had several; empty else.
    pub by: Sorted<String>,
    /// The first and the last day on which anyone in the log used the thing, where that is more than this row tells.
    pub life: Option<(i32, i32)>,
    /// When, how often, which events.
    pub stats: Stats,
}

/// The id of an identity whose session a call was made in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Own {
    /// The context key that has it.
    pub key: &'static str,
    /// The id.
    pub id: String,
}

/// Who refused, as the message says.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Refusal {
    /// The kind of policy (`identity-based`, `service-control`, …); absent where the message
    /// names none.
    pub policy: Option<String>,
    /// Whether the message speaks of an explicit deny.
    pub explicit: bool,
}

impl Refusal {
    pub(crate) fn of(call: &Call<'_>) -> Refusal {
        call.denial.as_ref().map_or_else(Refusal::default, |denial| Refusal {
            policy: denial.policy.as_deref().map(str::to_owned),
            explicit: denial.explicit,
        })
    }
}

impl Row {
    /// Tells whether a service used this with the principal's credentials, by its name in `invokedBy`.
    pub fn went_through(&self, service: &str) -> bool {
        self.via.iter().any(|one| one == service)
    }

    /// What one call tells, but for how its resource was found.
    pub(crate) fn of(call: &Call<'_>, outcome: Outcome, stats: &Stats) -> Row {
        let denied_by = call.denial.as_ref().and_then(|denial| denial.policy.as_deref());
        Row {
            origins: Sorted::default(),
            confidence: Some(Confidence::Exact),
            certain: true,
            events: [(call.event_source.to_string(), call.event_name.to_string())]
                .into_iter()
                .collect(),
            via: call.via.iter().map(|service| service.to_string()).collect(),
            regions: [call.region.to_string()].into_iter().collect(),
            error_codes: call.error_code.iter().map(|code| code.to_string()).collect(),
            denied_by: denied_by.map(str::to_owned).into_iter().collect(),
            refusals: (outcome == Outcome::Denied)
                .then(|| (Refusal::of(call), stats.clone()))
                .into_iter()
                .collect(),
            own: None,
            by: Sorted::default(),
            life: None,
            stats: stats.clone(),
        }
    }
}

impl Join for Row {
    fn join(&mut self, other: Self) {
        self.origins.extend(other.origins);
        self.confidence = self.confidence.max(other.confidence);
        self.certain |= other.certain;
        self.events.extend(other.events);
        self.via.extend(other.via);
        self.regions.extend(other.regions);
        self.error_codes.extend(other.error_codes);
        self.denied_by.extend(other.denied_by);
        for (refusal, stats) in other.refusals {
            self.refusals.entry(refusal).or_default().join(stats);
        }
        if self.own != other.own {
            self.own = None;
        }
        self.by.extend(other.by);
        self.life = [self.life, other.life].into_iter().flatten().reduce(lives::join);
        self.stats.join(other.stats);
    }
}

/// Events that name no permission.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnmappedKey {
    /// What the catalog says of the event.
    pub kind: Unmapped,
    /// `eventSource`.
    pub event_source: String,
    /// `eventName`.
    pub event_name: String,
    /// What came of the calls.
    pub outcome: Outcome,
    /// The action that could not be given a resource, if that much is known.
    pub action: Option<String>,
    /// Why, in words.
    pub why: String,
}

/// Why an event names no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Unmapped {
    /// It needs none.
    NoPermission,
    /// It is not a call that IAM authorizes.
    NotAnApiCall,
    /// The operation is known, its action is not in the catalog.
    Unverified,
    /// The catalog does not know it.
    Unknown,
    /// The action is known, what it acted on is not.
    Unresolved,
}

impl Unmapped {
    /// Returns the stable code of the kind.
    pub fn code(self) -> &'static str {
        match self {
            Unmapped::NoPermission => "no-permission",
            Unmapped::NotAnApiCall => "not-an-api-call",
            Unmapped::Unverified => "unverified",
            Unmapped::Unknown => "unknown",
            Unmapped::Unresolved => "unresolved",
        }
    }

    /// Returns whether a needed permission may be missing because of it.
    pub fn loses(self) -> bool {
        matches!(self, Unmapped::Unverified | Unmapped::Unknown | Unmapped::Unresolved)
    }
}

impl Principal {
    /// Returns a role or user that did nothing yet, by its ARN; nothing if it is neither's.
    pub fn new(arn: &str) -> Option<Principal> {
        let (kind, name) = kind_and_name(arn)?;
        Some(Principal {
            arn: arn.to_owned(),
            account: account_of(arn).unwrap_or_default().to_owned(),
            kind,
            name: name.to_owned(),
            ids: BTreeSet::new(),
            reborn: None,
            former: BTreeMap::new(),
            path_known: true,
            permission_set: permission_set(name),
            rows: BTreeMap::new(),
            unmapped: BTreeMap::new(),
            frozen: BTreeSet::new(),
            brought: BTreeMap::new(),
            workload: None,
            federated: Federated::new(),
            workloads: BTreeMap::new(),
            set_up: Vec::new(),
            set_up_untold: BTreeSet::new(),
        })
    }

    /// Returns the days (since 1970-01-01, UTC) on which it did something, some several times, in
    /// no order.
    pub fn days(&self) -> impl Iterator<Item = i32> {
        let rows = self.rows.values().map(|row| &row.stats);
        rows.chain(self.unmapped.values()).flat_map(|stats| stats.days().each())
    }
}

/// Splits `arn:aws:iam::1:role/path/Name` into the kind and `path/Name`.
pub(crate) fn kind_and_name(arn: &str) -> Option<(PrincipalKind, &str)> {
    let mut fields = arn.splitn(6, ':');
    let (Some("arn"), Some(partition), Some("iam"), Some(""), Some(account), Some(resource)) =
        (fields.next(), fields.next(), fields.next(), fields.next(), fields.next(), fields.next())
    else {
        return None;
    };
    let is_label = |byte: u8| byte.is_ascii_lowercase() || byte == b'-';
    let plausible = partition.starts_with("aws") && partition.bytes().all(is_label);
    if !plausible || account.is_empty() || !account.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match resource.split_once('/')? {
        ("role", name) if !name.is_empty() => Some((PrincipalKind::Role, name)),
        ("user", name) if !name.is_empty() => Some((PrincipalKind::User, name)),
        _ => None,
    }
}

/// Returns the permission set that Identity Center made a role for:
/// `aws-reserved/sso.amazonaws.com/[region/]AWSReservedSSO_<set>_<16 hex digits>`.
pub fn permission_set(name: &str) -> Option<String> {
    // A bare session has lost the path; the name is reserved all the same.
    let path = name.strip_prefix("aws-reserved/sso.amazonaws.com/");
    let role = path.or_else(|| (!name.contains('/')).then_some(name))?.rsplit('/').next()?;
    let (set, suffix) = role.strip_prefix("AWSReservedSSO_")?.rsplit_once('_')?;
    (suffix.len() == 16 && suffix.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .then(|| set.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_permission_set_is_read_off_the_role_name() {
        let name =
            "aws-reserved/sso.amazonaws.com/eu-west-1/AWSReservedSSO_Power_User_0123456789abcdef";
        assert_eq!(permission_set(name).as_deref(), Some("Power_User"));
        assert_eq!(permission_set("aws-reserved/sso.amazonaws.com/AWSReservedSSO_Power_x"), None);
        assert_eq!(permission_set("team/AWSReservedSSO_Power_0123456789abcdef"), None);
    }

    #[test]
    fn only_roles_and_users_are_principals() {
        assert_eq!(kind_and_name("arn:aws:iam::1:role/a/b"), Some((PrincipalKind::Role, "a/b")));
        assert_eq!(kind_and_name("arn:aws-cn:iam::1:user/jo"), Some((PrincipalKind::User, "jo")));
        for arn in [
            "arn:aws:iam::1:root",
            "arn:aws:sts::1:federated-user/f",
            "arn:evil:iam::1:role/x",
            "arn:aws:iam::*:role/x",
            "arn:aws:iam:::role/x",
            "arn:aws:iam::1:role/",
            "",
        ] {
            assert_eq!(kind_and_name(arn), None, "{arn}");
        }
    }
}
