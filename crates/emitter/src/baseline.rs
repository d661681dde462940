//! What a workload needs whatever it does: a Lambda function's own log, for one.
//!
//! CloudTrail shows little of it (`PutLogEvents` leaves no event), so a draft from behaviour alone
//! would lack it. `data/baseline.toml` says what each kind of workload needs and from where that is
//! known, and what those need that the trail shows being set up with more: a queue for what failed, one
//! that events are read from. A workload is believed by AWS's word (`inScopeOf`); by a session's name, which anyone may
//! choose, only where the role itself did what the workload alone has reason to do.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use serde::Deserialize;
use trailtrim_aggregator::{Attribution, Over, Principal, SetUp, Workload};
use trailtrim_iam::resource::escape;

use crate::irredundant::covers;
use crate::report::time;

/// How many things that are left out stand in a sentence.
const LEFT_OUT: usize = 20;

const DATA: &str = include_str!("../data/baseline.toml");

/// What one workload of a principal needs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Baseline {
    /// The ARN to which credentials were issued, or the session's name. `#` stands for what differs
    /// with every run.
    pub workload: String,
    /// By what the workload is known.
    pub known_by: Attribution,
    /// What is needed and what the draft does not allow already: action and resources.
    pub needs: BTreeMap<String, BTreeSet<String>>,
    /// Why.
    pub reason: &'static str,
    /// From where that is known.
    pub source: &'static str,
    /// The event that tells it, where not all of the kind need it: `eventSource`, `eventName` and its time,
    /// seconds since 1970.
    pub told: Option<(String, String, i64)>,
    /// Why that may be over, where it may: it is no reason to add.
    pub may_be_over: Option<Over>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Data {
    workload: Vec<Kind>,
    acting: Vec<Acting>,
}

/// What a principal acts as that a service makes calls with.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Acting {
    via: String,
    /// Services that it calls with the credentials of whoever sets it up.
    forwards: Vec<String>,
    acts_as: String,
    companion: Vec<Extra>,
}

/// A kind of workload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kind {
    workload: String,
    acts_as: String,
    reason: String,
    source: String,
    witness: Witness,
    need: Vec<Need>,
    #[serde(default)]
    companion: Vec<Extra>,
    #[serde(default)]
    setting: Vec<Set>,
}

/// What those of a kind need that the trail shows being set up so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Set {
    /// Codes of settings; see [`Setting`](trailtrim_catalog::Setting).
    told: Vec<String>,
    /// The service of the value, which is an ARN.
    #[serde(default)]
    service: Option<String>,
    /// The value, where it is a word.
    #[serde(default)]
    word: Option<String>,
    /// What the value has in it.
    #[serde(default)]
    with: Option<String>,
    need: Vec<Need>,
    reason: String,
    source: String,
}

/// What only some workloads of a kind need, so that it is kept and never added.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Extra {
    actions: Vec<String>,
    /// Whether it is kept only on what somebody wrote down by its whole name.
    #[serde(default)]
    named: bool,
    reason: String,
    #[serde(rename = "source")]
    _source: String,
}

/// Actions that go with what a principal acts as.
pub(crate) struct WorkloadCompanion {
    /// What the principal acts as, in words.
    pub(crate) with: &'static str,
    /// The actions.
    pub(crate) actions: &'static [String],
    /// Whether they are kept only on what is attached by its whole name.
    pub(crate) named: bool,
    /// Why.
    pub(crate) reason: &'static str,
}

/// What shows that a session is of such a workload.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Witness {
    actions: Vec<String>,
    /// Service and resource; what is in it counts as well.
    resource: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Need {
    action: String,
    resources: Vec<String>,
}

/// Where a workload is and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    partition: String,
    region: String,
    account: String,
    name: String,
}

fn data() -> &'static Data {
    static READ: OnceLock<Data> = OnceLock::new();
    // A test reads the data; without it there would be no baseline.
    READ.get_or_init(|| toml::from_str(DATA).unwrap_or_default())
}

fn kinds() -> &'static [Kind] {
    &data().workload
}

/// Returns what the workloads of a principal need and `allowed` does not hold: the resources that
/// a draft grants without conditions, by action.
pub(crate) fn baseline(
    principal: &Principal,
    allowed: &BTreeMap<&str, BTreeSet<&str>>,
) -> Vec<Baseline> {
    let mut found: BTreeSet<Baseline> = BTreeSet::new();
    for workload in workloads(principal) {
        for kind in kinds() {
            for place in kind.places(workload, principal) {
                let mut add = |needs, reason, source, told, may_be_over| {
                    found.insert(Baseline {
                        workload: workload.name.as_deref().unwrap_or_default().to_owned(),
                        known_by: workload.attribution,
                        needs,
                        reason,
                        source,
                        told,
                        may_be_over,
                    });
                };
                add(place.lacks(&kind.need, "", allowed), &kind.reason, &kind.source, None, None);
                for set_up in &principal.set_up {
                    let is_here = kind.issued_to(&set_up.workload).as_ref() == Some(&place);
                    for set in kind.setting.iter().filter(|set| is_here && set.is(set_up)) {
                        let needs = place.lacks(&set.need, &set_up.value, allowed);
                        let told = Some(set_up.told.clone());
                        add(needs, &set.reason, &set.source, told, set_up.may_be_over);
                    }
                }
            }
        }
    }
    // What is certain comes first, so that nothing uncertain stands in its place, and of that AWS's word; what a
    // session's name says beyond that is listed as such.
    let mut known: BTreeSet<(String, String)> = BTreeSet::new();
    let mut all: Vec<Baseline> = found.into_iter().collect();
    all.sort_by(|a, b| (a.may_be_over, a.known_by, a).cmp(&(b.may_be_over, b.known_by, b)));
    for one in &mut all {
        for (action, resources) in &mut one.needs {
            resources.retain(|resource| known.insert((action.clone(), resource.clone())));
        }
        one.needs.retain(|_, resources| !resources.is_empty());
    }
    all.retain(|one| !one.needs.is_empty());
    all
}

/// Says what workloads were set up with that is no reason to add, since it may be over, for each why.
pub fn left_out(all: &[Baseline]) -> Vec<String> {
    let mut told: BTreeMap<Over, Vec<String>> = BTreeMap::new();
    for one in all {
        let Some((why, (_, event, at))) = one.may_be_over.zip(one.told.as_ref()) else { continue };
        let needs = one.needs.iter().map(|(action, resources)| {
            let resources: Vec<&str> = resources.iter().map(String::as_str).collect();
            format!("{action} on {}", resources.join(", "))
        });
        let needs = needs.collect::<Vec<String>>().join(", ");
        let (of, at) = (&one.workload, time(*at).unwrap_or_default());
        told.entry(why).or_default().push(format!("{needs} for {of} (told by {event} at {at})"));
    }
    let told = told.into_iter().map(|(why, mut all)| {
        let more = all.len().saturating_sub(LEFT_OUT);
        all.truncate(LEFT_OUT);
        let more = if more > 0 { format!("; and {more} more") } else { String::new() };
        format!("left out, since it may be over ({}): {}{more}", why.as_str(), all.join("; "))
    });
    told.collect()
}

/// Returns what goes with the workloads of a principal, by their kind, and with what services act as by it:
/// what some of a kind need and the log rarely shows. What is told of how one is set up ends none of it: nothing tells
/// that the role has no other workload, version or alias, which did nothing that was recorded.
pub(crate) fn workload_companions(principal: &Principal) -> Vec<WorkloadCompanion> {
    let acts_as = |kind: &&Kind| {
        workloads(principal).any(|workload| !kind.places(workload, principal).is_empty())
    };
    let kinds = kinds().iter().filter(acts_as);
    let kinds = kinds.map(|kind| (&kind.acts_as, &kind.companion));
    let acting = data().acting.iter().filter(|acting| acting.is(principal));
    let all = kinds.chain(acting.map(|acting| (&acting.acts_as, &acting.companion)));
    let companions = all.flat_map(|(acts_as, companion)| {
        companion.iter().map(move |extra| WorkloadCompanion {
            with: acts_as,
            actions: &extra.actions,
            named: extra.named,
            reason: &extra.reason,
        })
    });
    companions.collect()
}

/// Returns whether workloads of the principal may be set up in ways that are not told, since who does that does it
/// for more than are kept apart.
pub(crate) fn set_up_is_incomplete(principal: &Principal) -> bool {
    let untold = |place: &Place| principal.set_up_untold.contains(&place.region);
    kinds().iter().filter(|kind| !kind.setting.is_empty()).any(|kind| {
        let mut places = workloads(principal).flat_map(|one| kind.places(one, principal));
        places.any(|place| untold(&place))
    })
}

/// Returns whether the principal has workloads of which the names were too many to keep, so that
/// some baseline may be missing.
pub(crate) fn baseline_is_incomplete(principal: &Principal) -> bool {
    workloads(principal)
        .any(|workload| workload.attribution == Attribution::Scope && workload.is_many())
}

/// Returns the workloads that a draft is for: one, where they are told apart.
fn workloads(principal: &Principal) -> impl Iterator<Item = &Workload> {
    let all = principal.workload.is_none().then(|| principal.workloads.keys());
    principal.workload.iter().chain(all.into_iter().flatten())
}

impl Acting {
    /// Tells whether the service makes calls by the principal's role, and not only for it.
    fn is(&self, principal: &Principal) -> bool {
        let granted = || principal.rows.iter().filter(|(key, _)| key.outcome.grants());
        let is_forwarded = |action: &str| {
            let service = action.split(':').next().unwrap_or_default();
            self.forwards.iter().any(|forwarded| forwarded == service)
        };
        let calls_itself = || {
            granted().any(|(_, row)| {
                row.via.is_empty() && row.events.iter().any(|(source, _)| *source == self.via)
            })
        };
        let mut of_it = granted().filter(|(_, row)| row.via.contains(&self.via)).peekable();
        of_it.peek().is_some()
            && (of_it.any(|(key, _)| !is_forwarded(&key.action)) || !calls_itself())
    }
}

impl Kind {
    /// Returns where workloads of this kind are that go by the name.
    fn places(&self, workload: &Workload, principal: &Principal) -> BTreeSet<Place> {
        let Some(name) = workload.name.as_deref() else { return BTreeSet::new() };
        match workload.attribution {
            Attribution::Scope => self.issued_to(name).into_iter().collect(),
            Attribution::Session => self.witnessed(name, principal),
            Attribution::Provider | Attribution::None => BTreeSet::new(),
        }
    }

    /// Reads the ARN to which credentials were issued.
    fn issued_to(&self, arn: &str) -> Option<Place> {
        let (service, before) = self.workload.split_once(':')?;
        let before = before.strip_suffix("{name}")?;
        let mut fields = arn.splitn(6, ':').skip(1);
        let partition = fields.next()?;
        if fields.next()? != service {
            return None;
        }
        let (region, account) = (fields.next()?, fields.next()?);
        let name = fields.next()?.strip_prefix(before)?.split(':').next()?;
        Some(Place {
            partition: partition.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            name: name.to_owned(),
        })
        .filter(|place| !place.name.is_empty())
    }

    /// Finds where the principal did what shows that the session is of this kind.
    fn witnessed(&self, session: &str, principal: &Principal) -> BTreeSet<Place> {
        let resource = self.witness.resource.replace("{name}", session);
        let Some((service, wanted)) = resource.split_once(':') else { return BTreeSet::new() };
        let granted = principal
            .rows
            .keys()
            .filter(|key| key.outcome.grants() && self.witness.actions.contains(&key.action));
        let places = granted.filter_map(|key| {
            let mut fields = key.resource.splitn(6, ':').skip(1);
            let (partition, found) = (fields.next()?, fields.next()?);
            let (region, account) = (fields.next()?, fields.next()?);
            let inside = fields.next()?.strip_prefix(wanted)?;
            let same = found == service && (inside.is_empty() || inside.starts_with(':'));
            same.then(|| Place {
                partition: partition.to_owned(),
                region: region.to_owned(),
                account: account.to_owned(),
                name: session.to_owned(),
            })
        });
        places.collect()
    }
}

impl Set {
    /// Tells whether a workload is set up like this.
    fn is(&self, set_up: &SetUp) -> bool {
        let value = set_up.value.as_str();
        let of_service = |service: &String| {
            let mut fields = value.split(':');
            fields.next() == Some("arn") && fields.nth(1) == Some(service)
        };
        self.told.iter().any(|code| code == set_up.setting.code())
            && self.service.as_ref().is_none_or(of_service)
            && self.word.as_ref().is_none_or(|word| word == value)
            && self.with.as_ref().is_none_or(|part| value.contains(part))
    }
}

impl Place {
    /// Returns what is needed here, with what the workload is set up with, and `allowed` does not hold.
    fn lacks(
        &self,
        needs: &[Need],
        value: &str,
        allowed: &BTreeMap<&str, BTreeSet<&str>>,
    ) -> BTreeMap<String, BTreeSet<String>> {
        let mut lacking: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for need in needs {
            let granted = |resource: &str| {
                let wide = allowed.get(need.action.as_str()).into_iter().flatten();
                wide.into_iter().any(|wide| covers(wide, resource))
            };
            let resources = need.resources.iter().map(|template| self.fill(template, value));
            let missing = resources.filter(|resource| !granted(resource));
            lacking.entry(need.action.clone()).or_default().extend(missing);
        }
        lacking.retain(|_, resources| !resources.is_empty());
        lacking
    }

    /// Fills a template in; what differs with every run is a star, and a value is taken as it is.
    fn fill(&self, template: &str, value: &str) -> String {
        let fields = [
            ("{partition}", &self.partition),
            ("{region}", &self.region),
            ("{account}", &self.account),
            ("{name}", &self.name),
        ];
        let mut text = template.to_owned();
        for (field, value) in fields {
            text = text.replace(field, &escape(value).text.replace('#', "*"));
        }
        let stream = value.split("/consumer/").next().unwrap_or(value);
        let text = text.replace("{stream}", &escape(stream).text);
        text.replace("{value}", &escape(value).text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use trailtrim_aggregator::{Acted, Outcome, Row, RowKey};
    use trailtrim_catalog::{Catalog, Setting};

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";
    const STREAM: &str = "arn:aws:kinesis:eu-west-1:111122223333:stream/orders";
    const GROUP: &str = "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/orders";

    fn principal(workloads: &[(Attribution, &str)], rows: &[(&str, &str, Outcome)]) -> Principal {
        let mut principal = Principal::new("arn:aws:iam::111122223333:role/r").unwrap();
        for (attribution, name) in workloads {
            let name = (!name.is_empty()).then(|| (*name).into());
            let workload = Workload { attribution: *attribution, name };
            principal.workloads.insert(workload, Acted::default());
        }
        for (action, resource, outcome) in rows {
            let key = RowKey {
                action: (*action).into(),
                resource: (*resource).into(),
                conditions: Vec::new(),
                outcome: *outcome,
            };
            principal.rows.insert(key, Row::default());
        }
        principal
    }

    fn needs(principal: &Principal, allowed: &[(&str, &str)]) -> Vec<(Attribution, String)> {
        let mut by_action: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (action, resource) in allowed {
            by_action.entry(action).or_default().insert(resource);
        }
        let mut all = Vec::new();
        for one in baseline(principal, &by_action) {
            for (action, resources) in one.needs {
                for resource in resources {
                    all.push((one.known_by, format!("{action} {resource}")));
                }
            }
        }
        all
    }

    fn all(known_by: Attribution, group: &str) -> Vec<(Attribution, String)> {
        [
            format!("logs:CreateLogGroup {group}"),
            format!("logs:CreateLogGroup {group}:*"),
            format!("logs:CreateLogStream {group}:log-stream:*"),
            format!("logs:PutLogEvents {group}:log-stream:*"),
        ]
        .map(|need| (known_by, need))
        .into()
    }

    #[test]
    fn the_data_is_read_and_names_what_the_catalog_knows() {
        let data: Data = toml::from_str(DATA).unwrap();
        let place = Place {
            partition: "aws".into(),
            region: "eu-west-1".into(),
            account: "111122223333".into(),
            name: "x".into(),
        };
        for kind in &data.workload {
            assert!(kind.workload.ends_with("{name}") && kind.witness.resource.contains("{name}"));
            let actions = kind.need.iter().map(|need| &need.action).chain(&kind.witness.actions);
            let companions = kind.companion.iter().flat_map(|extra| &extra.actions);
            actions
                .chain(companions)
                .for_each(|action| assert!(Catalog::embedded().action(action).is_some()));
            for need in &kind.need {
                for template in &need.resources {
                    let resource = place.fill(template, "");
                    let action = Catalog::embedded().action(&need.action).unwrap();
                    assert!(!resource.contains(['{', '}']), "{template}");
                    assert!(action.shape(&resource).is_some(), "`{resource}` is not of its type");
                }
            }
        }
        let codes = Setting::ALL.map(Setting::code);
        for set in data.workload.iter().flat_map(|kind| &kind.setting) {
            assert!(set.told.iter().all(|code| codes.contains(&code.as_str())), "{:?}", set.told);
            let value = match (set.service.as_deref(), set.with.as_deref()) {
                (Some("kinesis"), Some(_)) => format!("{STREAM}/consumer/c:1700000000"),
                (Some("kinesis"), None) => STREAM.to_owned(),
                (Some("sqs" | "sns"), _) => format!("arn:aws:{}:eu-west-1:111122223333:orders", set.service.as_deref().unwrap()),
                (Some("lambda"), _) => FUNCTION.to_owned(),
                (Some("events"), _) => "arn:aws:events:eu-west-1:111122223333:event-bus/orders".to_owned(),
                (Some("s3"), _) => "arn:aws:s3:::orders".to_owned(),
                (Some("dynamodb"), _) => "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/stream/2026-01-01T00:00:00.000".to_owned(),
                (service, _) => service.unwrap_or("vpc-1").to_owned(),
            };
            for need in &set.need {
                let action = Catalog::embedded().action(&need.action).unwrap();
                // What AWS's own policies have on all stays so.
                for template in need.resources.iter().filter(|template| *template != "*") {
                    let resource = place.fill(template, &value);
                    assert!(!resource.contains(['{', '}']), "{template}");
                    assert!(action.shape(&resource).is_some(), "`{resource}` is not of its type");
                }
            }
        }
        for action in data.acting.iter().flat_map(|one| &one.companion).flat_map(|one| &one.actions)
        {
            assert!(Catalog::embedded().action(action).is_some(), "{action}");
        }
    }

    #[test]
    fn a_function_gets_its_own_log() {
        let one = principal(&[(Attribution::Scope, FUNCTION)], &[]);
        assert_eq!(needs(&one, &[]), all(Attribution::Scope, GROUP));
        let qualified = format!("{FUNCTION}:live");
        let both = [(Attribution::Scope, FUNCTION), (Attribution::Scope, qualified.as_str())];
        assert_eq!(needs(&principal(&both, &[]), &[]), all(Attribution::Scope, GROUP));
    }

    #[test]
    fn what_some_functions_need_goes_with_acting_as_one() {
        let goes = |workloads: &[(Attribution, &str)], rows: &[(&str, &str, Outcome)]| {
            let all = workload_companions(&principal(workloads, rows));
            all.iter().any(|one| one.actions.contains(&"sqs:SendMessage".to_owned()))
        };
        assert!(goes(&[(Attribution::Scope, FUNCTION)], &[]));
        // Destinations of which most functions have none are kept by their names alone.
        let all = workload_companions(&principal(&[(Attribution::Scope, FUNCTION)], &[]));
        let named = all.iter().filter(|one| one.named).flat_map(|one| one.actions);
        let destinations =
            ["lambda:InvokeFunction", "events:PutEvents", "sqs:SendMessage", "sns:Publish"];
        assert_eq!(named.collect::<Vec<_>>(), destinations);
        // Whoever invokes it is none, and a session may have any name.
        let invokes = [("lambda:InvokeFunction", FUNCTION, Outcome::Granted)];
        assert!(!goes(&[(Attribution::Session, "orders")], &invokes));
    }

    #[test]
    fn what_the_draft_allows_is_not_added_again() {
        let one = principal(&[(Attribution::Scope, FUNCTION)], &[]);
        let stream = format!("{GROUP}:log-stream:*");
        let inside = format!("{GROUP}:*");
        let allowed = [
            ("logs:CreateLogStream", stream.as_str()),
            ("logs:CreateLogGroup", GROUP),
            ("logs:PutLogEvents", "arn:aws:logs:eu-west-1:111122223333:log-group:/other:*"),
        ];
        assert_eq!(
            needs(&one, &allowed),
            [
                (Attribution::Scope, format!("logs:CreateLogGroup {inside}")),
                (Attribution::Scope, format!("logs:PutLogEvents {stream}")),
            ]
        );
    }

    #[test]
    fn a_session_name_counts_only_where_the_role_did_what_the_function_does() {
        let session = [(Attribution::Session, "orders")];
        assert_eq!(needs(&principal(&session, &[]), &[]), []);
        let stream = format!("{GROUP}:log-stream:2026/11/26/[1]x");
        for (resource, outcome, counts) in [
            (stream.as_str(), Outcome::Granted, true),
            (GROUP, Outcome::Granted, true),
            (GROUP, Outcome::Denied, false),
            (
                "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/orders2",
                Outcome::Granted,
                false,
            ),
            ("arn:aws:logs:eu-west-1:111122223333:log-group:orders", Outcome::Granted, false),
        ] {
            let one = principal(&session, &[("logs:CreateLogStream", resource, outcome)]);
            let expected = if counts { all(Attribution::Session, GROUP) } else { Vec::new() };
            assert_eq!(needs(&one, &[]), expected, "{resource} {outcome:?}");
        }
        // Where AWS says it too, its word stands.
        let both = [(Attribution::Session, "orders"), (Attribution::Scope, FUNCTION)];
        let one = principal(&both, &[("logs:CreateLogStream", &stream, Outcome::Granted)]);
        assert_eq!(needs(&one, &[]), all(Attribution::Scope, GROUP));
    }

    #[test]
    fn other_workloads_and_odd_names_get_nothing() {
        for arn in [
            "arn:aws:ec2:eu-west-1:111122223333:instance/i-#",
            "arn:aws:lambda:eu-west-1:111122223333:function:",
            "arn:aws:lambda:eu-west-1:111122223333:layer:x",
            "orders",
        ] {
            assert_eq!(needs(&principal(&[(Attribution::Scope, arn)], &[]), &[]), [], "{arn}");
        }
        let hostile = "arn:aws:lambda:eu-west-1:111122223333:function:*";
        let one = principal(&[(Attribution::Scope, hostile)], &[]);
        assert!(needs(&one, &[]).iter().all(|(_, need)| need.contains("/aws/lambda/${*}")));
        let folded = "arn:aws:lambda:eu-west-1:111122223333:function:job-#";
        let one = principal(&[(Attribution::Scope, folded)], &[]);
        assert!(
            needs(&one, &[])
                .iter()
                .any(|(_, need)| need.ends_with("/aws/lambda/job-*:log-stream:*"))
        );
        assert!(!baseline_is_incomplete(&one));
        assert!(baseline_is_incomplete(&principal(&[(Attribution::Scope, "")], &[])));
    }

    #[test]
    fn of_workloads_told_apart_each_gets_its_own() {
        let other = "arn:aws:lambda:eu-west-1:111122223333:function:other";
        let both = [(Attribution::Scope, FUNCTION), (Attribution::Scope, other)];
        let mut one = principal(&both, &[]);
        assert_eq!(needs(&one, &[]).len(), 8);
        one.workload =
            Some(Workload { attribution: Attribution::Scope, name: Some(FUNCTION.into()) });
        assert_eq!(needs(&one, &[]), all(Attribution::Scope, GROUP));
    }

    #[test]
    fn what_a_function_is_set_up_with_is_needed_by_it_alone() {
        let set_up = |workload: &str, setting, value: &str| SetUp {
            workload: workload.to_owned(),
            setting,
            part: String::new(),
            value: value.to_owned(),
            may_be_over: None,
            told: ("lambda.amazonaws.com".to_owned(), "CreateFunction20150331".to_owned(), 0),
        };
        let queue = "arn:aws:sqs:eu-west-1:111122223333:failed";
        let mut principal = principal(&[(Attribution::Scope, FUNCTION)], &[]);
        principal.set_up = vec![
            set_up(FUNCTION, Setting::DeadLetter, queue),
            set_up(FUNCTION, Setting::Tracing, "PassThrough"),
            set_up(FUNCTION, Setting::OnFailure, "kafka://topic"),
            set_up(FUNCTION, Setting::EventSource, &format!("{STREAM}/consumer/c:1700000000")),
            // In another region there is another function of that name.
            set_up(&FUNCTION.replace("eu-west-1", "eu-west-3"), Setting::Network, "vpc-1"),
        ];
        let own_log = [
            ("logs:CreateLogGroup", "*"),
            ("logs:CreateLogStream", "*"),
            ("logs:PutLogEvents", "*"),
        ];
        let scope = |need: String| (Attribution::Scope, need);
        let mut expected = vec![scope(format!("sqs:SendMessage {queue}"))];
        expected.push(scope(format!("kinesis:SubscribeToShard {STREAM}/consumer/c:1700000000")));
        for action in [
            "DescribeStream",
            "DescribeStreamSummary",
            "GetRecords",
            "GetShardIterator",
            "ListShards",
        ] {
            expected.push(scope(format!("kinesis:{action} {STREAM}")));
        }
        let mut found = needs(&principal, &own_log);
        found.sort();
        expected.sort();
        assert_eq!(found, expected);
        // Nor what the draft has.
        let mut allowed = own_log.to_vec();
        allowed.extend([("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:*")]);
        assert!(!needs(&principal, &allowed).iter().any(|(_, need)| need.starts_with("sqs:")));
    }
    #[test]
    fn what_a_later_answer_may_have_changed_is_no_reason_to_add() {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:failed";
        let drafted = |may_be_over| {
            let calls = [("sqs:ListQueues", "*", Outcome::Granted)];
            let mut one = principal(&[(Attribution::Scope, FUNCTION)], &calls);
            one.set_up = vec![SetUp {
                workload: FUNCTION.to_owned(),
                setting: Setting::DeadLetter,
                part: String::new(),
                value: queue.to_owned(),
                told: (String::new(), "CreateFunction20150331".to_owned(), 0),
                may_be_over,
            }];
            let options = crate::DraftOptions::default();
            let draft = crate::draft(&one, Catalog::embedded(), options);
            let lists =
                |missing: &crate::MissingCompanions| missing.actions.contains("sns:Publish");
            let added = draft.baseline.iter().any(|one| one.told.is_some());
            let missing = draft.missing_companions.iter().filter(|one| lists(one)).count();
            (added, missing, left_out(&draft.left_out))
        };
        // As a dead-letter target, and as a destination.
        assert_eq!(drafted(None), (true, 2, vec![]));
        let left_out = format!(
            "left out, since it may be over (more workloads were deleted since than are kept apart (--name-quota), and \
             this may be one): sqs:SendMessage on {queue} for {FUNCTION} (told by CreateFunction20150331 at \
             1970-01-01T00:00:00Z)"
        );
        assert_eq!(drafted(Some(Over::Deleted)), (false, 2, vec![left_out]));
        let mut one = principal(&[(Attribution::Scope, FUNCTION)], &[]);
        assert!(!set_up_is_incomplete(&one));
        one.set_up_untold = BTreeSet::from(["eu-west-1".to_owned()]);
        assert!(set_up_is_incomplete(&one));
    }

    #[test]
    fn what_is_certain_of_one_function_is_added_whatever_is_uncertain_of_another() {
        let queue = "arn:aws:sqs:eu-west-1:111122223333:failed";
        let stream = format!("{GROUP}:log-stream:x").replace("orders", "g");
        let rows = [
            ("logs:CreateLogStream", stream.as_str(), Outcome::Granted),
            ("sqs:ListQueues", "*", Outcome::Granted),
        ];
        let workloads = [(Attribution::Scope, FUNCTION), (Attribution::Session, "g")];
        let mut one = principal(&workloads, &rows);
        let set_up = |name: &str, may_be_over| SetUp {
            workload: FUNCTION.replace("orders", name),
            setting: Setting::DeadLetter,
            part: String::new(),
            value: queue.to_owned(),
            told: (String::new(), String::new(), 0),
            may_be_over,
        };
        one.set_up = vec![set_up("orders", Some(Over::Moved)), set_up("g", None)];
        let draft = crate::draft(&one, Catalog::embedded(), crate::DraftOptions::default());
        let sends = |one: &&Baseline| one.needs.contains_key("sqs:SendMessage");
        let added: Vec<&Baseline> = draft.baseline.iter().filter(sends).collect();
        assert_eq!(added.iter().map(|one| &*one.workload).collect::<Vec<_>>(), ["g"]);
        assert_eq!(left_out(&draft.left_out), [""; 0]);
    }

    #[test]
    fn what_is_told_of_one_function_leaves_open_what_others_of_the_role_need() {
        let mut one = principal(&[(Attribution::Scope, FUNCTION)], &[]);
        let goes = |one: &Principal| {
            let all = workload_companions(one).into_iter();
            all.flat_map(|one| one.actions).cloned().collect::<Vec<String>>()
        };
        let open = goes(&one);
        assert!(open.contains(&"ec2:CreateNetworkInterface".to_owned()));
        // A published version keeps what it was published with, an alias has its own, and another function of the
        // role may have done nothing that the log shows.
        one.set_up = vec![SetUp {
            workload: FUNCTION.to_owned(),
            setting: Setting::DeadLetter,
            part: String::new(),
            value: "arn:aws:sqs:eu-west-1:111122223333:failed".to_owned(),
            told: (String::new(), "CreateFunction20150331".to_owned(), 0),
            may_be_over: None,
        }];
        assert_eq!(goes(&one), open);
    }
}
