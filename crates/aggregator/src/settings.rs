//! How workloads are set up: where a function's failures go, what its events are read from.
//!
//! Whoever sets a workload up is told by AWS how it is now, and the trail keeps that answer. What the
//! workload's role needs for it may never show: nothing failed yet, or what is read and written leaves data
//! events that nobody recorded. Only answers are believed, and of what there is one of, only the latest.

use std::collections::{BTreeMap, BTreeSet};

use trailtrim_catalog::Setting;

use crate::activity::Principal;
use crate::identity::account_of;
use crate::stats::Stats;
use crate::workload::{Attribution, unqualified};

/// What a workload is set up with, and who says so.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetUp {
    /// The ARN of the workload, without a qualifier.
    pub workload: String,
    /// What is set.
    pub setting: Setting,
    /// To what.
    pub value: String,
    /// The event that tells it last: `eventSource`, `eventName` and its time, seconds since 1970.
    pub told: (String, String, i64),
}

/// Event source, event name and time.
type Told = (String, String, i64);

/// Everything that the trail tells of workloads, by their ARNs as answers have them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings(BTreeMap<(String, Setting), BTreeMap<String, Told>>);

impl Settings {
    /// Takes up what an answer says of a workload; no value where it says that there is none.
    pub(crate) fn note(
        &mut self,
        workload: &str,
        setting: Setting,
        value: Option<&str>,
        (source, name): (&str, &str),
        stats: &Stats,
    ) {
        let Some(at) = stats.last().filter(|_| value.is_some() || setting.is_single()) else {
            return;
        };
        let told = (source.to_owned(), name.to_owned(), at);
        let values = self.0.entry((workload.to_owned(), setting)).or_default();
        put(values, value.unwrap_or_default().to_owned(), told);
    }

    pub(crate) fn join(&mut self, other: Settings) {
        for (key, values) in other.0 {
            let known = self.0.entry(key).or_default();
            values.into_iter().for_each(|(value, told)| put(known, value, told));
        }
    }

    /// Sorts what is known by the workloads that it is of.
    pub(crate) fn by_workload(&self) -> ByWorkload<'_> {
        let mut sorted =
            ByWorkload { settings: self, arns: BTreeMap::new(), names: BTreeMap::new() };
        for key in self.0.keys() {
            let workload = unqualified(&key.0);
            sorted.arns.entry(workload).or_default().push(key);
            if let (Some(account), Some(name)) = (account_of(workload), workload.rsplit(':').next())
            {
                sorted.names.entry((account, name)).or_default().push(workload);
            }
        }
        sorted
    }

    /// Returns what counts of the answers on one setting of a workload.
    fn counting(&self, key: &(String, Setting)) -> impl Iterator<Item = (&String, &Told)> {
        let (arn, setting) = key;
        let values = self.0.get(key);
        let latest = values.and_then(|values| values.values().map(|told| told.2).max());
        values.into_iter().flatten().filter(move |(value, told)| {
            let is_over = match setting {
                Setting::EventSourceGone => true,
                Setting::EventSource => self.is_gone(arn, value, told.2),
                // Of two answers of one second either may be the later one.
                _ if setting.is_single() => Some(told.2) != latest,
                _ => false,
            };
            !value.is_empty() && !is_over
        })
    }

    fn is_gone(&self, arn: &str, value: &str, since: i64) -> bool {
        let gone = self.0.get(&(arn.to_owned(), Setting::EventSourceGone));
        gone.and_then(|gone| gone.get(value)).is_some_and(|told| told.2 > since)
    }
}

/// Everything that the trail tells of workloads, to be asked for each principal.
#[derive(Debug)]
pub(crate) struct ByWorkload<'s> {
    settings: &'s Settings,
    /// By the workload's ARN without a qualifier.
    arns: BTreeMap<&'s str, Vec<&'s (String, Setting)>>,
    /// Those ARNs, by the account and the name that a workload's sessions show.
    names: BTreeMap<(&'s str, &'s str), Vec<&'s str>>,
}

impl ByWorkload<'_> {
    /// Returns how the workloads of a principal are set up, in order.
    pub(crate) fn of(&self, principal: &Principal) -> Vec<SetUp> {
        let mut keys = BTreeSet::new();
        for workload in principal.workloads.keys() {
            let Some(name) = workload.name.as_deref() else { continue };
            let of_arn = |arn: &str| self.arns.get(arn).into_iter().flatten().copied();
            if workload.attribution == Attribution::Scope {
                keys.extend(of_arn(name));
            } else if let Some(arns) = self.names.get(&(principal.account.as_str(), name)) {
                keys.extend(arns.iter().copied().flat_map(of_arn));
            }
        }
        let of_key = |key: &(String, Setting)| {
            let set_up = |(value, told): (&String, &Told)| SetUp {
                workload: unqualified(&key.0).to_owned(),
                setting: key.1,
                value: value.clone(),
                told: told.clone(),
            };
            self.settings.counting(key).map(set_up).collect::<Vec<SetUp>>()
        };
        keys.into_iter().flat_map(of_key).collect()
    }
}

fn put(values: &mut BTreeMap<String, Told>, value: String, told: Told) {
    let known = values.entry(value).or_insert_with(|| told.clone());
    if (told.2, &told) > (known.2, known) {
        *known = told;
    }
}

#[cfg(test)]
mod tests {
    use trailtrim_catalog::Catalog;
    use trailtrim_ingest::{Provenance, Record};

    use crate::observe::Observer;
    use crate::resolve::resolve;
    use crate::scope::Scope;

    const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:orders";

    fn by_deployer(hour: u8, name: &str, response: &str) -> String {
        format!(
            r#"{{"eventSource":"lambda.amazonaws.com","eventName":"{name}","eventTime":"2026-03-02T{hour:02}:00:00Z",
            "eventID":"{hour}{name}","awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventType":"AwsApiCall",
            "userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::111122223333:user/deployer","accountId":"111122223333"}},
            "requestParameters":{{"functionName":"orders"}},"responseElements":{response}}}"#
        )
    }

    fn by_function() -> String {
        format!(
            r#"{{"eventSource":"s3.amazonaws.com","eventName":"ListBuckets","eventTime":"2026-03-02T03:00:00Z","eventID":"x",
            "awsRegion":"eu-west-1","recipientAccountId":"111122223333","eventType":"AwsApiCall","userIdentity":{{"type":"AssumedRole",
            "arn":"arn:aws:sts::111122223333:assumed-role/orders-role/s","accountId":"111122223333",
            "inScopeOf":{{"issuerType":"AWS::Lambda::Function","credentialsIssuedTo":"{FUNCTION}:4"}},
            "sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE","accountId":"111122223333",
            "arn":"arn:aws:iam::111122223333:role/orders-role"}}}}}},"requestParameters":null,"responseElements":null}}"#
        )
    }

    fn set_up(records: &[String]) -> Vec<String> {
        let scope = Scope::default();
        let mut observer = Observer::new(Catalog::embedded(), &scope);
        for text in records.iter().chain([&by_function()]) {
            observer.observe(&Provenance::bare(&"a".into()), &Record::parse(text).unwrap());
        }
        let activity = resolve(&observer.into_usage(), Catalog::embedded());
        let its = |arn: &str| {
            activity.principals.iter().find(|one| one.arn.ends_with(arn)).unwrap().set_up.clone()
        };
        assert!(records.is_empty() || its("user/deployer").is_empty());
        its("role/orders-role")
            .iter()
            .map(|one| format!("{} {}", one.setting.code(), one.value))
            .collect()
    }

    #[test]
    fn the_latest_answer_counts() {
        let configured = |hour, name, more: &str| {
            by_deployer(hour, name, &format!(r#"{{"functionArn":"{FUNCTION}"{more}}}"#))
        };
        let queue =
            r#","deadLetterConfig":{"targetArn":"arn:aws:sqs:eu-west-1:111122223333:failed"}"#;
        let in_vpc = r#","vpcConfig":{"vpcId":"vpc-1","subnetIds":["subnet-1","subnet-2"]}"#;
        let made = configured(1, "CreateFunction20150331", &[queue, in_vpc].concat());
        let both = ["dead-letter arn:aws:sqs:eu-west-1:111122223333:failed", "network vpc-1"];
        assert_eq!(set_up(std::slice::from_ref(&made)), both);
        let changed = |hour| configured(hour, "UpdateFunctionConfiguration20150331v2", in_vpc);
        assert_eq!(set_up(&[made.clone(), changed(2)]), ["network vpc-1"]);
        assert_eq!(set_up(&[made.clone(), changed(0)]), both);
        // What failed changed nothing, and another function's is another's.
        let failed = changed(2)
            .replace(r#""eventName""#, r#""errorCode":"ResourceConflictException","eventName""#);
        assert_eq!(set_up(&[made.clone(), failed]), both);
        assert_eq!(set_up(&[made.replace(FUNCTION, &format!("{FUNCTION}-2"))]), [""; 0]);
    }

    #[test]
    fn a_source_counts_until_its_mapping_is_deleted() {
        let mapping = |hour, name, of: &str| {
            by_deployer(
                hour,
                name,
                &format!(
                    r#"{{"functionArn":"{FUNCTION}","eventSourceArn":"arn:aws:sqs:eu-west-1:111122223333:{of}"}}"#
                ),
            )
        };
        let (made, gone) = ("CreateEventSourceMapping20150331", "DeleteEventSourceMapping20150331");
        let (a, b) = (
            "event-source arn:aws:sqs:eu-west-1:111122223333:a",
            "event-source arn:aws:sqs:eu-west-1:111122223333:b",
        );
        assert_eq!(set_up(&[mapping(1, made, "a"), mapping(1, made, "b")]), [a, b]);
        assert_eq!(
            set_up(&[mapping(1, made, "a"), mapping(1, made, "b"), mapping(2, gone, "a")]),
            [b]
        );
        assert_eq!(set_up(&[mapping(1, gone, "a"), mapping(2, made, "a")]), [a]);
    }
}
