//! Which files need not be opened, told from their key.
//!
//! A key states where and when a file was *delivered*, its records where and when a call was
//! made, and the record decides. So a file is left closed only where no record in it can be
//! wanted by account, region and time, be it for what IAM's records tell of any region's policies;
//! each bound has slack for what is known to differ:
//! - delivery follows the event, by minutes as a rule and by days at times;
//! - until November 2021 events of global services were delivered in every region's folder of
//!   some trails, while `awsRegion` said `us-east-1`.

use std::path::Path;

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};

/// How far a delivery's clock may be behind that of the events in it.
const CLOCK_SLACK: TimeDelta = TimeDelta::hours(1);

/// How late a file may be delivered and still hold an event.
///
/// AWS states about five minutes and promises nothing; redeliveries after an outage have taken
/// days. Two weeks is a bound chosen with a wide margin.
const DELIVERY_SLACK: TimeDelta = TimeDelta::days(14);

/// The regions, one a partition, that global services record their events under.
const GLOBAL_REGIONS: [&str; 3] = ["us-east-1", "us-gov-west-1", "cn-north-1"];

/// How regions begin of whose partitions it is not documented which that is.
const UNDOCUMENTED: [&str; 3] = ["us-iso", "eu-iso", "eusc-"];

/// When no folder but that of a global region received global events any more.
///
/// AWS moved them on 2021-11-22 ("CloudTrail concepts", global service events); with
/// [`DELIVERY_SLACK`] on top.
const GLOBAL_EVENTS_MOVED: DateTime<Utc> = match DateTime::from_timestamp(1_638_748_800, 0) {
    Some(moved) => moved,
    None => DateTime::UNIX_EPOCH,
};

/// What the caller will drop anyway, so that whole files need not be opened.
///
/// This only saves work: a file is left closed when *no* record in it can be wanted, all others
/// are read, and the caller still filters record by record, accounts by `recipientAccountId`,
/// regions by `awsRegion`, times by `eventTime`. The default prunes nothing but digest and
/// Insights files, which hold no calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Prune {
    /// Wanted account ids; empty means all.
    pub accounts: Vec<String>,
    /// Wanted regions; empty means all. Those that global services record their events under are read with any.
    pub regions: Vec<String>,
    /// Start of the wanted time (inclusive), by event time.
    pub since: Option<DateTime<Utc>>,
    /// End of the wanted time (exclusive), by event time. What global services record is read beyond it.
    pub until: Option<DateTime<Utc>>,
}

impl Prune {
    /// Returns whether the file at `path` holds nothing wanted, judging by its key.
    pub(crate) fn leaves_closed(&self, path: &Path) -> bool {
        let Some(key) = Key::of(path) else { return false };
        key.service != Service::CloudTrail
            || (!self.accounts.is_empty() && !self.accounts.contains(&key.account))
            || self.region_unwanted(&key)
            || self.since.is_some_and(|since| key.delivered + CLOCK_SLACK < since)
            || self.delivered_after(&key)
    }

    /// Whatever regions are wanted, IAM's records say since when a policy is attached: the folder that has
    /// them is read too, and before they were moved there any folder.
    fn region_unwanted(&self, key: &Key) -> bool {
        !self.regions.is_empty() && !self.regions.contains(&key.region) && !key.may_be_global()
    }

    /// A policy that was changed since was not what it is: IAM's records count beyond the end.
    fn delivered_after(&self, key: &Key) -> bool {
        self.until.is_some_and(|until| key.delivered > until + DELIVERY_SLACK)
            && !key.may_be_global()
    }
}

/// What CloudTrail's folder below the account is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    /// `CloudTrail`, log files.
    CloudTrail,
    /// `CloudTrail-Digest`, hashes of log files.
    Digest,
    /// `CloudTrail-Insight`, statistics.
    Insight,
}

/// What a key says, where all of it agrees with itself.
///
/// Only a complete key counts: real collections hold renamed files whose events belong to
/// another account than the name says.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    account: String,
    service: Service,
    region: String,
    delivered: DateTime<Utc>,
}

impl Key {
    /// Whether records of global services may be in the folder.
    fn may_be_global(&self) -> bool {
        GLOBAL_REGIONS.contains(&self.region.as_str())
            || UNDOCUMENTED.iter().any(|begins| self.region.starts_with(begins))
            || self.delivered <= GLOBAL_EVENTS_MOVED
    }

    /// Reads `…/AWSLogs/[o-id/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/ACCOUNT_CloudTrail_REGION_YYYYMMDDTHHmmZ_…`
    /// (AWS, "Finding your CloudTrail log files"; digests have further parts before the time).
    fn of(path: &Path) -> Option<Self> {
        let mut parts = path.components().rev().map(|part| part.as_os_str().to_str());
        let mut next = || parts.next().flatten();
        let name = next()?;
        let (day, month, year) = (next()?, next()?, next()?);
        let (region, folder, account) = (next()?, next()?, next()?);
        let above = next()?;
        let in_organization = above.starts_with("o-") && next()? == "AWSLogs";
        if above != "AWSLogs" && !in_organization {
            return None;
        }
        let service = match folder {
            "CloudTrail" => Service::CloudTrail,
            "CloudTrail-Digest" => Service::Digest,
            "CloudTrail-Insight" => Service::Insight,
            _ => return None,
        };
        let rest = name.strip_prefix(account)?.strip_prefix('_')?.strip_prefix(folder)?;
        let rest = rest.strip_prefix('_')?.strip_prefix(region)?.strip_prefix('_')?;
        let stamp = rest
            .split(['_', '.'])
            .find(|part| part.ends_with('Z') && part.get(8..9) == Some("T"))?;
        let time = stamp.strip_suffix('Z')?;
        // Log files carry minutes, digests seconds; only minutes matter.
        let time = NaiveDateTime::parse_from_str(time.get(..13)?, "%Y%m%dT%H%M").ok()?.and_utc();
        let agrees = account.len() == 12
            && account.bytes().all(|byte| byte.is_ascii_digit())
            && time.format("%Y/%m/%d").to_string() == format!("{year}/{month}/{day}");
        agrees.then(|| Self {
            account: account.to_owned(),
            service,
            region: region.to_owned(),
            delivered: time,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "/x/AWSLogs/111122223333/CloudTrail/eu-west-1/2024/03/05/111122223333_CloudTrail_eu-west-1_20240305T1015Z_abcdefgh.json.gz";

    fn at(text: &str) -> Option<DateTime<Utc>> {
        Some(text.parse().unwrap())
    }

    fn regions(regions: &[&str]) -> Prune {
        let regions = regions.iter().map(|region| (*region).to_owned()).collect();
        Prune { regions, ..Prune::default() }
    }

    fn closed(prune: &Prune, path: &str) -> bool {
        prune.leaves_closed(Path::new(path))
    }

    #[test]
    fn by_default_only_what_holds_no_calls_stays_closed() {
        assert!(!closed(&Prune::default(), LOG));
        for folder in ["CloudTrail-Digest", "CloudTrail-Insight"] {
            let path = format!(
                "AWSLogs/o-abc123/111122223333/{folder}/eu-west-1/2024/03/05/111122223333_{folder}_eu-west-1_trail_eu-west-1_20240305T101500Z.json.gz"
            );
            assert!(closed(&Prune::default(), &path), "{path}");
        }
    }

    #[test]
    fn a_key_that_is_incomplete_or_contradicts_itself_decides_nothing() {
        let prune = Prune { accounts: vec!["999999999999".to_owned()], ..Prune::default() };
        assert!(closed(&prune, LOG));
        assert!(closed(&prune, &LOG.replace("AWSLogs/", "AWSLogs/o-a1b2c3/")));
        // An old example of AWS's documentation has no `_` before the last part.
        assert!(closed(&prune, &LOG.replace("Z_abcdefgh", "Z.abcdefgh")));
        for (from, to) in [
            ("/x/AWSLogs/111122223333/CloudTrail/eu-west-1/2024/03/05/", ""),
            ("AWSLogs", "logs"),
            ("AWSLogs/", "AWSLogs/prefix/"),
            ("/111122223333_", "/444455556666_"),
            ("_eu-west-1_", "_eu-west-2_"),
            ("/03/05/", "/03/06/"),
            ("T1015Z", "T9915Z"),
            ("CloudTrail_", "Config_"),
        ] {
            let path = LOG.replace(from, to);
            assert_ne!(path, LOG);
            assert!(!closed(&prune, &path), "{path}");
        }
    }

    #[test]
    fn time_has_slack_on_both_sides() {
        let since = |time| Prune { since: at(time), ..Prune::default() };
        assert!(!closed(&since("2024-03-05T11:15:00Z"), LOG));
        assert!(closed(&since("2024-03-05T11:15:01Z"), LOG));
        let until = |time| Prune { until: at(time), ..Prune::default() };
        assert!(!closed(&until("2024-02-20T10:15:00Z"), LOG));
        assert!(closed(&until("2024-02-20T10:14:59Z"), LOG));
        let global = LOG.replace("eu-west-1", "us-east-1");
        assert!(!closed(&until("2024-01-01T00:00:00Z"), &global), "policies change later, too");
    }

    #[test]
    fn a_region_prunes_unless_global_events_may_be_there() {
        assert!(!closed(&regions(&["eu-west-1"]), LOG));
        assert!(closed(&regions(&["eu-west-2"]), LOG));
        assert!(closed(&regions(&["us-east-1"]), LOG));
        let old = LOG.replace("2024/03/05", "2021/11/05").replace("20240305", "20211105");
        assert!(!closed(&regions(&["us-east-1"]), &old));
        assert!(!closed(&regions(&["eu-west-2"]), &old));
        for region in ["us-east-1", "us-iso-east-1", "us-isob-west-1", "eu-isoe-west-1"] {
            assert!(!closed(&regions(&["eu-west-2"]), &LOG.replace("eu-west-1", region)));
        }
    }
}
