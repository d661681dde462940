//! A diff in words: what every form of it says alike.
//!
//! Nothing here is escaped; whoever writes the words down has to.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::LazyLock;

use serde::Deserialize;
use trailtrim_iam::Selector;

use super::{ActionDiff, PrincipalDiff, RestView, Status, UsedResource, WrittenAs};
use crate::finding::Finding;
use crate::proof::Proofs;
use crate::report::Seen;
use crate::tighten::{Class, Explanation};

impl Status {
    /// Returns what became of the principal.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Status::Tightened => "tightened",
            Status::Partial => "partly tightened: some services stay as they are attached",
            Status::Unchanged => "unchanged: nothing can be taken away",
            Status::Inactive => "inactive: no draft",
            Status::DoesNotFit => "the draft does not fit AWS's limits: none is proposed",
            Status::NothingAttached => "nothing is attached",
            Status::ServiceLinked => "service-linked: its policy is AWS's",
        }
    }

    /// Returns whether there is a draft that is proposed.
    #[must_use]
    pub fn proposes(self) -> bool {
        matches!(self, Status::Tightened | Status::Partial)
    }
}

impl Class {
    /// Returns the class in a word or two.
    #[must_use]
    pub fn told(self) -> &'static str {
        match self {
            Class::Used => "used",
            Class::Demanded => "demanded",
            Class::Companion => "companion",
            Class::Unobservable => "unobservable",
            Class::TooNew => "too new",
            Class::Pinned => "pinned",
            Class::Frozen => "frozen",
            Class::Unused => "unused",
            Class::AllowedElsewhere => "allowed elsewhere",
            Class::Withheld => "withheld",
            Class::Forbidden => "forbidden",
            Class::ToFit => "to fit AWS's limits",
        }
    }
}

impl PrincipalDiff {
    /// Returns what the draft takes the place of, with sizes; nothing where none is proposed.
    #[must_use]
    pub fn replacement(&self) -> Option<String> {
        let draft = self.draft.as_ref().filter(|_| self.status.proposes())?;
        let before: usize = self.attached.iter().map(|policy| policy.size).sum();
        let after: usize = draft.documents.iter().map(|document| document.size).sum();
        Some(format!(
            "{} of {after} characters, in place of {} of {before}",
            count(draft.documents.len(), "document"),
            count(self.attached.len(), "policy"),
        ))
    }
}

impl ActionDiff {
    /// Tells whether nothing of it stays in its statement.
    #[must_use]
    pub fn goes(&self) -> bool {
        match self.class {
            Class::Withheld => true,
            Class::AllowedElsewhere => self.rest == RestView::Nothing,
            _ => false,
        }
    }

    /// Returns what becomes of an action that was used.
    #[must_use]
    pub fn told(&self) -> String {
        match (&self.rest, self.class) {
            (_, Class::Withheld) => "goes".to_owned(),
            (RestView::AsAttached, _) => format!("stays as attached, {}", self.why),
            (RestView::Nothing, _) if self.used.iter().all(UsedResource::stays) => {
                "stays on".to_owned()
            }
            (RestView::Nothing, _) => "scoped to".to_owned(),
            (RestView::PassedTo { services, roles }, _) => {
                format!("scoped, and {}, {}", passes(services, roles), self.why)
            }
            (RestView::Outside { .. } | RestView::On { .. }, _) => format!("scoped, {}", self.why),
        }
    }
}

/// Says which roles may be passed to which services.
pub(crate) fn passes(services: &[String], roles: &BTreeMap<String, Vec<String>>) -> String {
    let any = (!services.is_empty()).then(|| format!("to be passed to {}", services.join(", ")));
    let each = roles.iter().map(|(role, to)| format!("{role} to be passed to {}", to.join(", ")));
    any.into_iter().chain(each).collect::<Vec<_>>().join(" and ")
}

impl UsedResource {
    /// Tells whether the draft has it as it is attached.
    fn stays(&self) -> bool {
        self.resource == "*" || self.written_as.as_ref().is_some_and(|one| one.why == WHOLE)
    }

    /// Returns how it was used. How the draft has it is told once for all that it has so.
    #[must_use]
    pub fn told(&self) -> String {
        let perhaps = if self.surely { "" } else { ", by this statement or another" };
        format!("{}: {}{perhaps}", self.outcome, self.seen.told())
    }
}

/// Why a draft has all that is attached in place of what was seen.
const WHOLE: &str = "as it is attached, since what of it was used can't be told in patterns";

impl WrittenAs {
    /// Says that resources of a statement stay as they are attached: those of them that are drafted.
    pub(super) fn whole(attached: &Selector<Vec<String>>, drafted: &BTreeSet<&str>) -> WrittenAs {
        let all = || attached.listed().iter().map(String::as_str);
        let stay: Vec<&str> = all().filter(|one| drafted.contains(one)).collect();
        let stay = if stay.is_empty() { all().collect() } else { stay };
        let listed = stay.join(", ");
        let pattern = if attached.is_negated() { format!("all but {listed}") } else { listed };
        WrittenAs { pattern, why: WHOLE.to_owned() }
    }
}

impl Seen {
    /// Returns how often and until when.
    #[must_use]
    pub fn told(&self) -> String {
        let last = self.last_seen.as_deref().unwrap_or("an unknown time");
        let about = if self.calls_estimated { "≈" } else { "" };
        let calls = count(usize::try_from(self.calls).unwrap_or(usize::MAX), "call");
        format!("{about}{calls} on {}, last {last}", count(self.days, "day"))
    }
}

impl Explanation {
    /// Returns the explanation.
    #[must_use]
    pub fn told(&self) -> String {
        match self {
            Explanation::PolicyChanged { at } => format!("its policies changed at {at}"),
            Explanation::ResourcePolicy { action, resource } => {
                format!("{action} was called before on {resource}, and may have let it")
            }
            Explanation::TrustPolicy { resource } => {
                format!("the trust policy of {resource} names it, which is enough in one account")
            }
            Explanation::AccountSetting { setting } => {
                format!("{setting} allows that to all users")
            }
            Explanation::UnknownPolicy { name } => format!("the document of {name} was not given"),
            Explanation::Inferred => "nothing proves that the call needed it".to_owned(),
            Explanation::OtherSpelling { resource } => {
                format!("{resource} is allowed, and no document says how the service spells it")
            }
            Explanation::Through { resource } => {
                format!(
                    "it went through {resource}, which is allowed, and the resource's policy may leave the rest to that"
                )
            }
        }
    }
}

impl Finding {
    /// Returns the statement it is about, where it is about one.
    #[must_use]
    pub fn place(&self) -> Option<String> {
        let (policy, at) = (self.policy.as_ref()?, self.statement?);
        Some(format!("{policy}, statement {at}"))
    }
}

impl Proofs {
    /// Returns what was proved, a line for each proof.
    #[must_use]
    pub fn told(&self) -> Vec<String> {
        let replay = &self.replay;
        let about = if replay.estimated { "≈" } else { "" };
        let mut told = match replay.conditional > 0 && replay.failed.is_empty() {
            // What hangs on a condition is not denied because of that: it hangs on it today as well.
            true => format!(
                "replay: nothing that is allowed today is denied; {about}{} of {about}{} calls are \
                 allowed for certain, {about}{} under a condition that stays and that what is kept of the \
                 log does not decide{}",
                replay.allowed,
                replay.calls,
                replay.conditional,
                undecided(&replay.condition_keys)
            ),
            false => {
                format!(
                    "replay: {about}{} of {about}{} calls allowed",
                    replay.allowed, replay.calls
                )
            }
        };
        for (number, what) in [
            (
                replay.on_arns,
                "of what takes no resource by the reference, where ARNs are attached: whether these allow \
                 it is not known",
            ),
            (replay.not_attached, "not attached"),
            (replay.withheld, "withheld as asked"),
            (replay.unmapped, "not mapped"),
        ] {
            if number > 0 {
                // Writing to a string cannot fail.
                let _ = write!(told, ", {about}{number} {what}");
            }
        }
        let access = match self.no_new_access.failures.first() {
            None => format!("no new access: proved in {} steps", self.no_new_access.steps),
            Some(first) => format!("NEW ACCESS: {first}"),
        };
        let idle = match self.irredundant.idle.first() {
            None if self.irredundant.for_others.is_empty() => format!(
                "nothing idle: each of {} actions and resources is needed",
                self.irredundant.tried
            ),
            None => format!(
                "nothing idle in the drafts: each of {} actions and resources is needed, but not by this one \
                 what is shared of {}",
                self.irredundant.tried,
                self.irredundant.for_others.join(", ")
            ),
            Some(first) => format!("IDLE: {first}"),
        };
        vec![told, access, idle]
    }

    /// Returns how an earlier draft would have done, where that was tried.
    #[must_use]
    pub fn foretold(&self) -> Option<String> {
        let backtest = self.backtest.as_ref()?;
        let about = if backtest.estimated { "≈" } else { "" };
        let (cuts, then) = (backtest.cuts, backtest.cut_then);
        if cuts > 0 && then == 0 && backtest.denied_calls == 0 {
            return Some(format!(
                "backtest: tells nothing, since by {} nothing was cut yet of what this draft cuts, as a rule since \
                 too few days were covered: fewer `--unused-days` try it, and `trailtrim backtest` with what was \
                 used alone",
                backtest.split
            ));
        }
        let less = match then < cuts {
            true => {
                format!(", when it cut {then} of the {} that are cut now,", count(cuts, "action"))
            }
            false => String::new(),
        };
        Some(format!(
            "backtest: the draft as of {}{less} would have denied {about}{} of {about}{} later calls",
            backtest.split, backtest.denied_calls, backtest.calls
        ))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Key {
    name: String,
    told: String,
    #[serde(rename = "reason")]
    _reason: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key: Vec<Key>,
}

static KEYS: LazyLock<Vec<Key>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the file is compiled in, and a test reads it")]
    let file: File = toml::from_str(include_str!("../../data/condition-keys.toml"))
        .expect("data/condition-keys.toml has the shape of `File`");
    file.key
});

/// Names context keys that calls hang on, with what is the rule for them. Some stand in no record
/// (`aws:SecureTransport`), others in some, and are not kept for each call (`aws:SourceIp`).
fn undecided(keys: &BTreeSet<String>) -> String {
    if keys.is_empty() {
        return String::new();
    }
    let each = keys.iter().map(|key| {
        match KEYS.iter().find(|known| known.name.eq_ignore_ascii_case(key)) {
            Some(known) => format!("{}: {}", known.name, known.told),
            None => key.clone(),
        }
    });
    format!(" ({})", each.collect::<Vec<_>>().join("; "))
}

/// Returns a number of things: `1 policy`, `2 policies`, `3 days`.
#[must_use]
pub fn count(number: usize, what: &str) -> String {
    let stem = what.strip_suffix('y').filter(|stem| !stem.ends_with(['a', 'e', 'o', 'u']));
    match (number, stem) {
        (1, _) => format!("1 {what}"),
        (_, Some(stem)) => format!("{number} {stem}ies"),
        _ => format!("{number} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{KEYS, count, undecided};

    #[test]
    fn a_key_that_no_log_tells_comes_with_what_is_the_rule() {
        assert!(KEYS.iter().all(|key| !key.told.is_empty()));
        let keys = BTreeSet::from(["aws:securetransport".to_owned(), "x:y".to_owned()]);
        let told = undecided(&keys);
        assert!(told.starts_with(" (aws:SecureTransport: ") && told.ends_with("; x:y)"), "{told}");
        assert_eq!(undecided(&BTreeSet::new()), "");
    }

    #[test]
    fn things_are_counted_as_people_say() {
        let told = [count(1, "policy"), count(2, "policy"), count(0, "day"), count(3, "call")];
        assert_eq!(told, ["1 policy", "2 policies", "0 days", "3 calls"]);
    }
}
