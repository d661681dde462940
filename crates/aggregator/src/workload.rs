//! Who acts inside a role.
//!
//! `inScopeOf` is written by AWS and says to which function or instance credentials were issued. A
//! session name is chosen by whoever assumes the role: it is what there is otherwise, and is marked
//! so. Names that are new with every run are folded into their kind (`i-#`), by data:
//! `data/workloads.toml`. What is still too many is one workload of many names.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::OnceLock;

use serde::Deserialize;

use crate::call::Call;
use crate::calls::Calls;
use crate::sketch::{Count, Sketch, hash_segments};
use crate::stats::{Join, Stats};
use crate::trie::{Bounded, Quota, Shape, Trie};

/// By what a workload is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Attribution {
    /// `inScopeOf`: AWS's word.
    Scope,
    /// The provider of the identity that the session was begun by, where many people act in one role: AWS's
    /// word. What they call their sessions tells of no workload.
    Provider,
    /// The session name: the caller's word.
    Session,
    /// There is no session, or it has no name.
    None,
}

impl Attribution {
    const ALL: [Attribution; 4] =
        [Attribution::Scope, Attribution::Provider, Attribution::Session, Attribution::None];

    /// Returns the stable code: `scope`, `provider`, `session` or `none`.
    pub fn code(self) -> &'static str {
        match self {
            Attribution::Scope => "scope",
            Attribution::Provider => "provider",
            Attribution::Session => "session",
            Attribution::None => "none",
        }
    }

    /// Returns whether the caller could have written what it liked.
    pub fn chosen_by_caller(self) -> bool {
        self == Attribution::Session
    }

    /// The first segment of the workload's path.
    pub(crate) fn segment(self) -> &'static str {
        match self {
            Attribution::Scope => "scope/",
            Attribution::Provider => "provider/",
            Attribution::Session => "session/",
            Attribution::None => "none/",
        }
    }
}

/// One workload of a principal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Workload {
    /// By what it is known.
    pub attribution: Attribution,
    /// The ARN or session name, in which `#` stands for what differs with every run. Absent where
    /// nothing is known, and where there were more names than are kept apart.
    pub name: Option<Box<str>>,
}

impl Workload {
    /// Returns it in a line: `scope arn:…:function:orders`, `session deploy-#`, `session` where it
    /// stands for many, `none`. Session names come out of a log.
    pub fn label(&self) -> String {
        match &self.name {
            Some(name) => format!("{} {name}", self.attribution.code()),
            None => self.attribution.code().to_owned(),
        }
    }

    /// Returns whether it stands for all workloads of its kind, since there were too many to keep
    /// apart.
    pub fn is_many(&self) -> bool {
        self.name.is_none() && self.attribution != Attribution::None
    }
}

/// When and how often a workload acted.
#[derive(Clone, Debug, Default)]
pub struct Acted {
    names: Sketch,
    /// When, how often, which events.
    pub stats: Stats,
}

impl Acted {
    pub(crate) fn of(part: &Part<'_>) -> Acted {
        let mut acted = Acted { names: part.names(), stats: Stats::default() };
        part.calls.stats().for_each(|stats| acted.stats.join(stats.clone()));
        acted
    }

    /// Returns how many names it goes by: one, or more where a workload stands for many.
    pub fn names(&self) -> Count {
        self.names.count()
    }
}

impl Join for Acted {
    fn join(&mut self, other: Self) {
        self.names.join(&other.names);
        self.stats.join(other.stats);
    }
}

/// The calls of one workload, under one key of its principal.
pub(crate) struct Part<'u> {
    /// The ARN by which the principal went.
    pub(crate) by: &'u str,
    pub(crate) workload: Workload,
    pub(crate) calls: &'u Calls,
    path: Vec<&'u str>,
    folded: Option<&'u Sketch>,
}

impl Part<'_> {
    fn names(&self) -> Sketch {
        match self.folded {
            Some(names) => names.clone(),
            None => Sketch::of([hash_segments(self.path.iter().copied())]),
        }
    }
}

/// Returns what the keys of one principal did, by workload. Where one key has too many names to
/// keep apart, those of the others are among them.
pub(crate) fn parts<'u>(keys: impl IntoIterator<Item = (&'u str, &'u Workloads)>) -> Vec<Part<'u>> {
    let each = keys.into_iter().flat_map(|(by, workloads)| workloads.parts(by));
    let mut parts: Vec<Part<'u>> = each.collect();
    let many: BTreeSet<Attribution> = parts
        .iter()
        .filter(|part| part.workload.is_many())
        .map(|part| part.workload.attribution)
        .collect();
    for part in &mut parts {
        if many.contains(&part.workload.attribution) {
            part.workload.name = None;
        }
    }
    parts
}

/// What one principal did, by workload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workloads(pub(crate) Trie<Calls>);

impl Default for Workloads {
    fn default() -> Self {
        Workloads(Trie::new(Shape::Workloads))
    }
}

impl Workloads {
    fn parts<'u>(&'u self, by: &'u str) -> impl Iterator<Item = Part<'u>> {
        self.0.leaves().into_iter().filter_map(move |leaf| {
            let attribution = Attribution::ALL
                .into_iter()
                .find(|known| leaf.path.first() == Some(&known.segment()))?;
            let mut path = leaf.path;
            if let Some(name) = path.get_mut(1).filter(|_| attribution == Attribution::Scope) {
                *name = unqualified(name);
            }
            let name = path.get(1).filter(|_| attribution != Attribution::None);
            let workload = Workload { attribution, name: name.map(|name| (*name).into()) };
            Some(Part { by, workload, calls: leaf.value, path, folded: leaf.folded })
        })
    }

    /// Returns all calls with what is remembered of each, in no order; equal calls of several
    /// workloads come several times.
    pub fn iter(&self) -> impl Iterator<Item = (Call<'_>, &Stats)> {
        self.0.leaves().into_iter().flat_map(|leaf| leaf.value.iter())
    }

    /// Returns what is remembered of all calls.
    pub(crate) fn stats(&self) -> impl Iterator<Item = &Stats> {
        self.0.leaves().into_iter().flat_map(|leaf| leaf.value.stats())
    }

    /// Returns those of which the [frame](crate::names) is `wanted`.
    pub(crate) fn framed<'w>(
        &'w self,
        wanted: impl Fn(&Call<'_>) -> bool + Clone + 'w,
    ) -> impl Iterator<Item = (Call<'w>, &'w Stats)> {
        self.0.leaves().into_iter().flat_map(move |leaf| leaf.value.framed(wanted.clone()))
    }

    /// Returns whether any frame is `wanted`.
    pub(crate) fn any_frame(&self, wanted: impl Fn(&Call<'_>) -> bool) -> bool {
        self.0.leaves().into_iter().any(|leaf| leaf.value.any_frame(&wanted))
    }

    /// Returns the number of calls that are kept apart, of all workloads.
    pub fn len(&self) -> usize {
        self.0.leaves().iter().map(|leaf| leaf.value.len()).sum()
    }

    /// Returns whether there is no call.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// Changes the calls of a workload, by its path.
    pub(crate) fn update(
        &mut self,
        path: &[&str; 2],
        quota: Quota,
        change: impl FnOnce(&mut Calls),
    ) {
        self.0.update(path, quota, Calls::default, change);
    }

    pub(crate) fn join_within(&mut self, other: Self, quota: Quota) {
        self.0.join_within(other.0, quota);
    }

    /// Takes up calls of a workload as they stand in a file; `false` for a path that is none.
    pub(crate) fn put(
        &mut self,
        path: &[&str],
        folded: Option<Sketch>,
        calls: Calls,
        quota: Quota,
    ) -> bool {
        let valid = path.len() == if folded.is_some() { 1 } else { 2 }
            && Attribution::ALL.iter().any(|known| path.first() == Some(&known.segment()));
        if valid {
            self.0.put(path, folded, calls, quota);
        }
        valid
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    token: Vec<Token>,
    habit: Vec<Habit>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Habit {
    begins: String,
    ends: String,
    /// Whether the beginning is all of the name.
    #[serde(default)]
    whole: bool,
    told: String,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    kind: Kind,
    #[serde(default)]
    lengths: Vec<usize>,
    #[serde(default)]
    least: usize,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    Uuid,
    Hex,
    Digits,
}

const DATA: &str = include_str!("../data/workloads.toml");

/// Returns what usages depend on beside the code: the text of the data.
pub(crate) fn data() -> &'static str {
    DATA
}

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    // A test reads the data; without it every name would be kept as it is.
    RULES.get_or_init(|| toml::from_str(DATA).unwrap_or_default())
}

/// Says whose habit it is to name sessions like this, by their name as a workload has it; nothing where AWS
/// has none.
pub fn session_habit(name: &str) -> Option<&'static str> {
    let like = |habit: &&Habit| match habit.whole {
        true => name == habit.begins,
        false => name.starts_with(&habit.begins) && name.ends_with(&habit.ends),
    };
    rules().habit.iter().find(like).map(|habit| habit.told.as_str())
}

/// The shape of a UUID: lengths of its runs of hexadecimal digits.
const UUID: [usize; 5] = [8, 4, 4, 4, 12];

/// Returns where the first part of a name stands that is new with every run, if it has one: an id,
/// a clock reading, by `data/workloads.toml`.
pub fn run_token(name: &str) -> Option<Range<usize>> {
    let mut at = 0;
    while let Some(rest) = name.get(at..).filter(|rest| !rest.is_empty()) {
        if let Some(length) = token(rest) {
            return Some(at..at + length);
        }
        // On to the end of this run and the character after it.
        at += run(rest).max(rest.chars().next().map_or(0, char::len_utf8));
    }
    None
}

/// Returns the name with what differs from run to run replaced by `#`. A `#` of the name itself
/// stays: session names cannot hold one (IAM: `[\w+=,.@-]`).
pub(crate) fn fold_name(name: &str) -> String {
    let mut out = String::new();
    let mut rest = name;
    while let Some(token) = run_token(rest) {
        out.push_str(rest.get(..token.start).unwrap_or_default());
        out.push('#');
        rest = rest.get(token.end..).unwrap_or_default();
    }
    out.push_str(rest);
    out
}

/// Folds the last field of an ARN; an account is no run number.
pub(crate) fn fold_arn(arn: &str) -> String {
    let tail = arn.splitn(6, ':').nth(5).unwrap_or(arn);
    let head = arn.get(..arn.len() - tail.len()).unwrap_or_default();
    format!("{head}{}", fold_name(tail))
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    qualified: Vec<Qualified>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Qualified {
    types: Vec<String>,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

const QUALIFIED: &str = include_str!("../data/qualified.toml");

/// Returns the ARN to which credentials were issued without a qualifier behind the name, by
/// `data/qualified.toml`.
pub(crate) fn unqualified(arn: &str) -> &str {
    static NAMED: OnceLock<Named> = OnceLock::new();
    // A test reads the data; without it every version would be a workload of its own.
    let named = NAMED.get_or_init(|| toml::from_str(QUALIFIED).unwrap_or_default());
    let ends: Vec<usize> = arn.match_indices(':').map(|(at, _)| at).take(7).collect();
    let &[_, partition, service, _, account, kind, name] = ends.as_slice() else { return arn };
    let between = |from: usize, to: usize| arn.get(from + 1..to).unwrap_or_default();
    let (service, kind) = (between(partition, service), between(account, kind));
    let is_of = |listed: &String| listed.split_once(':') == Some((service, kind));
    let qualified = named.qualified.iter().flat_map(|one| &one.types).any(is_of);
    arn.get(..name).filter(|_| qualified).unwrap_or(arn)
}

/// Returns the length of the run of ASCII letters and digits at the beginning.
fn run(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_alphanumeric).count()
}

/// Returns the length of the token that stands at the beginning, whole runs of it.
fn token(text: &str) -> Option<usize> {
    let length = run(text);
    let word = text.get(..length)?;
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit());
    let digits = !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit());
    rules().token.iter().find_map(|token| match token.kind {
        Kind::Uuid => uuid(text),
        Kind::Hex => (hex
            && token.lengths.contains(&length)
            && word.bytes().any(|byte| byte.is_ascii_digit()))
        .then_some(length),
        Kind::Digits => (digits && length >= token.least).then_some(length),
    })
}

fn uuid(text: &str) -> Option<usize> {
    let mut at = 0;
    for (index, expected) in UUID.into_iter().enumerate() {
        if index > 0 {
            at += text.get(at..)?.strip_prefix('-').map(|_| 1)?;
        }
        let word = text.get(at..)?;
        let length = run(word);
        if length != expected || !word.bytes().take(length).all(|b| b.is_ascii_hexdigit()) {
            return None;
        }
        at += length;
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_data_is_read() {
        let rules: Rules = toml::from_str(DATA).unwrap();
        assert_eq!((rules.token.len(), rules.habit.len()), (3, 10));
        let named: Named = toml::from_str(QUALIFIED).unwrap();
        assert_eq!(named.qualified.len(), 1);
    }

    #[test]
    fn versions_and_aliases_of_a_function_are_one_workload() {
        let arn =
            |end: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:billing{end}");
        for (given, expected) in [
            (arn(""), arn("")),
            (arn(":live"), arn("")),
            (arn(":7"), arn("")),
            ("arn:aws:ec2:r:1:instance:i:7".to_owned(), "arn:aws:ec2:r:1:instance:i:7".to_owned()),
            ("arn:aws:ec2:r:1:instance/i-#".to_owned(), "arn:aws:ec2:r:1:instance/i-#".to_owned()),
            ("arn:aws:lambda:r:1:layer:l:7".to_owned(), "arn:aws:lambda:r:1:layer:l:7".to_owned()),
            ("session:of:someone".to_owned(), "session:of:someone".to_owned()),
        ] {
            assert_eq!(unqualified(&given), expected);
        }
        let mut workloads = Workloads::default();
        for end in ["", ":live", ":7"] {
            let name = arn(end);
            workloads.update(&[Attribution::Scope.segment(), &name], Quota::default(), |_| ());
        }
        let parts = parts([("", &workloads)]);
        let names: BTreeSet<&Workload> = parts.iter().map(|part| &part.workload).collect();
        assert_eq!(names.len(), 1, "{names:?}");
        let mut acted = Acted::default();
        parts.iter().for_each(|part| acted.join(Acted::of(part)));
        assert_eq!(acted.names().value, 1);
    }

    #[test]
    fn names_that_aws_gives_are_told_from_those_of_callers() {
        for (name, whose) in [
            ("i-0123456789abcdef0", Some("EC2")),
            ("eks-shop-orders-7d9f-0b5e1e5e-1111-4222-8333-444455556666", Some("EKS")),
            ("botocore-session-1700000000", Some("SDKs")),
            ("0123456789abcdef0123456789abcdef", Some("ECS")),
            ("jo-0123456789abcdef0123456789abcdef", None),
            ("i-am-jo", None),
            ("eks-deployer", None),
        ] {
            let told = session_habit(&fold_name(name));
            assert_eq!(
                told.is_some_and(|told| whose.is_some_and(|one| told.contains(one))),
                whose.is_some(),
                "{name}"
            );
            assert_eq!(told.is_some(), whose.is_some(), "{name}");
        }
    }

    #[test]
    fn names_of_one_run_are_folded_and_others_stay() {
        for (name, expected) in [
            ("i-0123456789abcdef0", "i-#"),
            ("0123456789abcdef0123456789abcdef", "#"),
            ("botocore-session-1700000000", "botocore-session-#"),
            ("eks-shop-orders-7d9f-0b5e1e5e-1111-4222-8333-444455556666", "eks-shop-orders-7d9f-#"),
            ("deploy-123456789", "deploy-#"),
            ("GitHubActions", "GitHubActions"),
            ("jo.2024@example.com", "jo.2024@example.com"),
            ("orders-api", "orders-api"),
            ("deadbeef", "deadbeef"),
            ("rôle-7", "rôle-7"),
            ("", ""),
        ] {
            assert_eq!(fold_name(name), expected);
        }
        assert_eq!(
            fold_arn("arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0"),
            "arn:aws:ec2:eu-west-1:111122223333:instance/i-#"
        );
    }
}
