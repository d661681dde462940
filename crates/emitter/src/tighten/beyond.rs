//! What the catalog does not know of a service that stays as it is attached.
//!
//! A call that no rule maps leaves its service as it is. What the catalog knows of it is kept action by action; a
//! pattern (`newsvc:*`) may mean more than that, and stays for it.

use trailtrim_iam::pattern;

use super::allow::Allow;
use super::bearing::Bearing;
use super::settings::Settings;
use super::verdict::Frozen;

/// Returns what the catalog does not know of services that stay as they are attached, which stays as well, with
/// the statements that have it and why: but for what others of them have anyway.
pub(super) fn beyond<'x, 'a>(
    allows: &'x [Allow<'a>],
    bearing: &Bearing,
    settings: &Settings,
    frozen: &'x Frozen,
) -> Vec<(&'x Allow<'a>, String, &'x str)> {
    let withheld = |action: &str| settings.withheld(action);
    let mut all = Vec::new();
    for allow in allows {
        for (service, why) in &frozen.services {
            let wide = allow.beyond(service, &frozen.calls, &withheld).into_iter();
            let taken = wide
                .filter(|wide| allow.resources.iter().any(|one| bearing.takes(wide, one)))
                .map(|wide| (allow, wide, why.as_str()));
            all.extend(taken);
        }
    }
    let holds = |(by, wide, _): &(&Allow<'_>, String, &str), one: &Allow<'_>, action: &str| {
        let (asked, given) = (&by.statement.condition, &one.statement.condition);
        pattern::covers_action(wide, action)
            && asked.iter().all(|clause| given.iter().any(|other| other == clause))
            && match (by.exceptions.is_empty(), one.exceptions.is_empty()) {
                (true, _) => one.resources.iter().all(|resource| {
                    by.resources.iter().any(|wide| pattern::covers(wide, resource))
                }),
                (false, false) => by.exceptions == one.exceptions,
                (false, true) => false,
            }
    };
    let is_idle = |at: usize, (allow, action, _): &(&Allow<'_>, String, &str)| {
        all.iter().enumerate().any(|(other, by)| {
            // Of two that mean the same the first stays.
            other != at
                && holds(by, allow, action)
                && (other < at || !holds(&(*allow, action.clone(), ""), by.0, &by.1))
        })
    };
    let idle: Vec<bool> = all.iter().enumerate().map(|(at, one)| is_idle(at, one)).collect();
    all.into_iter().zip(idle).filter(|(_, idle)| !idle).map(|(one, _)| one).collect()
}
