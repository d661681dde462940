//! The values of a context key that make a difference.
//!
//! Two values that every clause of both policies judges alike need no second
//! look, so a key has finitely many cases: absent, each value that is
//! mentioned, one value for each way in which patterns overlap, one between
//! each two numbers, and one that nobody mentions. Where such a list cannot be
//! complete it says so, and then it can show new access but not disprove it.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    eval::{
        Policies,
        condition::Clause,
        operator::{Test, milliseconds, network, number},
        principal,
    },
    glob::{self, Glob, Token},
};

/// Patterns of one key beyond which its list is not completed.
const PATTERNS: usize = 256;

/// Values up to which all sets of a multi-valued key are listed.
const SET_VALUES: usize = 5;

/// Principals that nobody mentions.
const STRANGERS: [&str; 2] =
    ["arn:aws:iam::999900001111:role/stranger", "arn:aws:iam::999900001111:user/stranger"];

/// The cases of one key.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    /// The values of each case; `None` where the request does not have the key.
    pub(super) values: Vec<Option<Vec<String>>>,
    /// Whether every case is among them.
    pub(super) exact: bool,
}

/// The cases of all keys that two sets of policies ask for.
pub(super) struct Domains {
    keys: BTreeMap<String, Domain>,
    fallback: Domain,
    /// Whether any statement has a `Principal` element.
    names_principals: bool,
}

impl Domains {
    pub(super) fn new(existing: &Policies, new: &Policies) -> Self {
        let rules = || existing.rules.iter().chain(&new.rules);
        let mut clauses: Vec<&Clause> = rules().flat_map(|rule| &rule.clauses).collect();
        clauses.sort();
        clauses.dedup();
        let mut principals: BTreeSet<String> = STRANGERS.map(str::to_owned).into();
        for named in rules().filter_map(|rule| rule.principal.as_ref()).flat_map(|p| p.listed()) {
            principals.extend(named.globs.iter().flat_map(examples_of_principals));
        }
        let resources: BTreeSet<&Glob> =
            rules().filter_map(|rule| rule.resource.as_ref()).flat_map(|r| r.listed()).collect();
        let in_resources = resources.iter().flat_map(|glob| glob.variables());
        let asked = clauses.iter().flat_map(|clause| clause.keys());
        let mut keys = BTreeMap::new();
        for key in asked.chain(in_resources.map(|variable| variable.key.as_str())) {
            if !keys.contains_key(key) {
                let names = names_in_place_of(key, &resources);
                keys.insert(key.to_owned(), Domain::of(key, &clauses, &principals, names));
            }
        }
        let fallback = Domain { values: vec![None, Some(vec!["example".to_owned()])], exact: true };
        let names_principals = rules().any(|rule| rule.principal.is_some());
        Self { keys, fallback, names_principals }
    }

    pub(super) fn of(&self, key: &str) -> &Domain {
        self.keys.get(key).unwrap_or(&self.fallback)
    }

    /// Returns what is left of a principal pattern where a key that describes
    /// the principal has these values.
    pub(super) fn narrow(&self, who: &Glob, key: &str, values: Option<&[String]>) -> Vec<Glob> {
        let wanted = match (key, values) {
            ("aws:principalarn" | "aws:principalaccount", None) => vec![
                pattern(&[Token::Char('S'), Token::Separator, Token::Many]),
                pattern(&[Token::Char('F'), Token::Separator, Token::Many]),
                pattern(&[Token::Char('C'), Token::Separator, Token::Many]),
                pattern(&[Token::Char('N')]),
            ],
            ("aws:principalarn", Some([arn])) => principal::of_principal_arn(arn),
            ("aws:principalaccount", Some([account])) => {
                let mut tokens = vec![Token::Char('A'), Token::Separator];
                tokens.extend(account.chars().map(Token::Char));
                tokens.extend([Token::Separator, Token::Many, Token::Separator, Token::Many]);
                vec![pattern(&tokens)]
            }
            _ => return vec![who.clone()],
        };
        if *who == Glob::everything() {
            // In an identity policy nobody is named; then nothing is narrowed.
            return if self.names_principals { wanted } else { vec![who.clone()] };
        }
        wanted
            .iter()
            .flat_map(|w| glob::intersect(who, w, PATTERNS, &mut 0).unwrap_or_default())
            .collect()
    }
}

/// Returns what other resource patterns have where one has the variable: for
/// `home/${aws:username}` beside `home/alice`, `alice`.
fn names_in_place_of(key: &str, resources: &BTreeSet<&Glob>) -> BTreeSet<String> {
    let is_key = |token: &Token| matches!(token, Token::Variable(v) if v.key == key);
    let mut names = BTreeSet::new();
    for with in resources {
        let Some(at) = with.tokens().iter().position(is_key) else { continue };
        let (before, rest) = with.tokens().split_at(at);
        let behind = rest.get(1..).unwrap_or_default();
        for other in resources {
            let inside = other.tokens().strip_prefix(before);
            if let Some(name) = inside.and_then(|inside| inside.strip_suffix(behind))
                && !name.iter().any(|t| matches!(t, Token::Variable(_) | Token::Separator))
            {
                names.insert(filled(&Glob::new(name.iter().cloned()), 'x', 1));
            }
        }
    }
    names
}

fn pattern(tokens: &[Token]) -> Glob {
    Glob::new(tokens.iter().cloned())
}

/// Returns ARNs of principals that a pattern names.
fn examples_of_principals(glob: &Glob) -> Vec<String> {
    let text = glob.to_string();
    let mut parts = text.split(':');
    match (parts.next(), parts.next(), parts.next()) {
        (Some("A"), Some(account), Some(entity)) if account != "*" => {
            let entities = if entity == "*" { vec!["root", "role/stranger"] } else { vec![entity] };
            entities.iter().map(|entity| format!("arn:aws:iam::{account}:{entity}")).collect()
        }
        _ => Vec::new(),
    }
}

impl Domain {
    fn of(
        key: &str,
        all: &[&Clause],
        principals: &BTreeSet<String>,
        names: BTreeSet<String>,
    ) -> Self {
        let own: Vec<&Clause> = all.iter().copied().filter(|clause| clause.key == key).collect();
        let mut cases = Cases { values: names, exact: true };
        // Values of such keys differ in more than what their own clauses say.
        let named = !cases.values.is_empty();
        let linked = cases.add_links(key, all) || named;
        if named {
            cases.values.insert("example".to_owned());
        }
        cases.add_text(&own);
        cases.add_ordered(&own);
        cases.add_networks(&own);
        if key == "aws:principalarn" {
            cases.values.extend(principals.iter().cloned());
        }
        if key == "aws:principalaccount" {
            let accounts = principals.iter().filter_map(|arn| arn.split(':').nth(4));
            cases.values.extend(accounts.map(ToOwned::to_owned));
        }
        let has = |test: fn(Test) -> bool| own.iter().any(|clause| test(clause.operator.test));
        let kinds = [
            has(|test| matches!(test, Test::Number(_))),
            has(|test| matches!(test, Test::Date(_))),
            has(|test| test == Test::IpAddress),
            has(|test| test == Test::Binary),
            has(is_text),
        ];
        if kinds.iter().filter(|kind| **kind).count() > 1 {
            cases.exact = false;
        }
        let only_bool = own.iter().all(|c| matches!(c.operator.test, Test::Bool | Test::Null));
        if only_bool && has(|test| test == Test::Bool) {
            cases.values = BTreeSet::from(["false".to_owned(), "true".to_owned()]);
        }
        if cases.values.is_empty() {
            cases.values.insert("example".to_owned());
        }
        let mut singles: Vec<String> = cases.values.into_iter().collect();
        if !linked && !key.starts_with("aws:principal") {
            let mut seen = BTreeSet::new();
            singles.retain(|value| seen.insert(signature(&own, value)));
        }
        let mut values: Vec<Option<Vec<String>>> = vec![None];
        let mut exact = cases.exact;
        if own.iter().any(|clause| clause.operator.set.is_some()) {
            let (sets, complete) = subsets(&singles);
            values.extend(sets.into_iter().map(Some));
            exact &= complete;
        } else {
            values.extend(singles.into_iter().map(|value| Some(vec![value])));
        }
        Self { values, exact }
    }
}

/// Tells which clauses a value compares with; alike values are one case.
fn signature(clauses: &[&Clause], value: &str) -> Vec<bool> {
    let compares = |clause: &&Clause| {
        clause.values.iter().any(|policy| clause.operator.test.compares(policy, value))
    };
    clauses.iter().map(compares).collect()
}

fn is_text(test: Test) -> bool {
    matches!(
        test,
        Test::StringEquals
            | Test::StringEqualsIgnoreCase
            | Test::StringLike
            | Test::Arn
            | Test::Bool
    )
}

/// Lists the sets of values, all if they are few.
fn subsets(singles: &[String]) -> (Vec<Vec<String>>, bool) {
    let mut sets: Vec<Vec<String>> = singles.iter().map(|value| vec![value.clone()]).collect();
    if singles.len() > SET_VALUES {
        for (index, a) in singles.iter().enumerate() {
            sets.extend(singles.iter().skip(index + 1).map(|b| vec![a.clone(), b.clone()]));
        }
        return (sets, false);
    }
    let mut from = 0;
    while from < sets.len() {
        let Some(set) = sets.get(from).cloned() else { break };
        let later = singles.iter().skip_while(|value| Some(*value) != set.last()).skip(1);
        sets.extend(later.map(|value| set.iter().chain([value]).cloned().collect()));
        from += 1;
    }
    (sets, true)
}

/// The cases of a key, while they are gathered.
struct Cases {
    values: BTreeSet<String>,
    exact: bool,
}

impl Cases {
    /// Adds the values that let this key be equal, and unequal, to another that
    /// it is compared with. Returns whether there is such a key.
    fn add_links(&mut self, key: &str, all: &[&Clause]) -> bool {
        let mut linked = BTreeSet::from([key.to_owned()]);
        loop {
            let before = linked.len();
            for clause in all.iter().filter(|clause| clause.has_variables()) {
                if clause.keys().any(|key| linked.contains(key)) {
                    linked.extend(clause.keys().map(ToOwned::to_owned));
                }
            }
            if linked.len() == before {
                break;
            }
        }
        if linked.len() == 1 {
            return false;
        }
        for (index, key) in linked.iter().enumerate() {
            self.values.insert(format!("example{index}"));
            for clause in all.iter().filter(|clause| clause.key == *key) {
                for value in &clause.values {
                    let plain = clause.operator.test == Test::StringEquals
                        || !value.tokens().contains(&Token::Many) && value.ones() == [0];
                    match value.tokens() {
                        [Token::Variable(_)] => {}
                        tokens
                            if plain && !tokens.iter().any(|t| matches!(t, Token::Variable(_))) =>
                        {
                            self.values.insert(value.to_string());
                        }
                        _ => self.exact = false,
                    }
                }
                let simple = matches!(
                    clause.operator.test,
                    Test::StringEquals | Test::StringLike | Test::Null
                );
                self.exact &= simple && clause.operator.set.is_none();
            }
        }
        true
    }

    /// Adds what tells apart the patterns and texts of the clauses.
    fn add_text(&mut self, own: &[&Clause]) {
        let text: Vec<&&Clause> = own.iter().filter(|c| is_text(c.operator.test)).collect();
        let others = own.iter().any(|clause| clause.operator.test == Test::Null);
        if text.is_empty() {
            if others && self.values.is_empty() {
                self.values.insert("example".to_owned());
            }
            return;
        }
        let is_arn = text.iter().any(|clause| clause.operator.test == Test::Arn);
        let mut patterns: BTreeSet<Glob> = BTreeSet::new();
        let (mut wild, mut folded, mut mixed) = (0, false, false);
        for clause in &text {
            for value in clause.values.iter().filter(|value| value.variables().next().is_none()) {
                let literal = !value
                    .tokens()
                    .iter()
                    .any(|token| matches!(token, Token::Many | Token::One | Token::Everything));
                wild += usize::from(!literal);
                let shown = value.to_string();
                if clause.operator.test == Test::StringEqualsIgnoreCase {
                    folded = true;
                    self.values.extend([
                        shown.to_lowercase(),
                        shown.to_uppercase(),
                        swapped(&shown),
                    ]);
                }
                if is_arn && clause.operator.test != Test::Arn {
                    mixed |= !literal;
                    patterns.insert(glob::literal_resource(&shown));
                } else {
                    patterns.insert(value.clone());
                }
            }
        }
        if (folded && wild > 0) || mixed {
            self.exact = false;
        }
        let start = if is_arn { Glob::everything() } else { pattern(&[Token::Many]) };
        let mut overlaps: Vec<Glob> = vec![start];
        for pattern in &patterns {
            let mut more = Vec::new();
            for known in &overlaps {
                match glob::intersect(known, pattern, PATTERNS, &mut 0) {
                    Some(common) => more.extend(common),
                    None => self.exact = false,
                }
            }
            more.retain(|glob| !overlaps.contains(glob));
            overlaps.extend(more);
            overlaps.truncate(PATTERNS.max(patterns.len() + 1));
        }
        if overlaps.len() >= PATTERNS.max(patterns.len() + 1) {
            self.exact = false;
        }
        let letter = unused(&patterns);
        self.exact &= letter.is_some();
        let letter = letter.unwrap_or('x');
        let width = patterns.iter().flat_map(Glob::ones).max().unwrap_or(0) + 1;
        let counts =
            patterns.iter().map(Glob::ones).fold(Vec::new(), |mut most: Vec<usize>, counts| {
                most.resize(most.len().max(counts.len()), 0);
                most.iter_mut().zip(counts).for_each(|(most, count)| *most = count.max(*most));
                most
            });
        let mut open = overlaps;
        while let Some(overlap) = open.pop() {
            if self.values.len() + open.len() > 2 * PATTERNS {
                self.exact = false;
                break;
            }
            match overlap.split(&counts) {
                Some((none, some)) => open.extend([none, some]),
                None => {
                    self.values.insert(filled(&overlap, letter, width));
                }
            }
        }
        if is_arn {
            self.values.insert(format!("arn:aws:iam::999900001111:role/{letter}"));
        }
    }

    /// Adds each number or date that is mentioned, and one on each side of it.
    fn add_ordered(&mut self, own: &[&Clause]) {
        let values = |wanted: fn(Test) -> bool| -> Vec<String> {
            own.iter()
                .filter(|clause| wanted(clause.operator.test))
                .flat_map(|clause| clause.values.iter().map(ToString::to_string))
                .collect()
        };
        let numbers = values(|test| matches!(test, Test::Number(_)));
        let mut sorted: Vec<f64> = numbers.iter().filter_map(|text| number(text)).collect();
        self.exact &= sorted.len() == numbers.len();
        sorted.sort_by(f64::total_cmp);
        sorted.dedup();
        if let (Some(first), Some(last)) = (sorted.first(), sorted.last()) {
            self.values.extend([(first - 1.0).to_string(), (last + 1.0).to_string()]);
        }
        self.values.extend(sorted.iter().map(ToString::to_string));
        let between = sorted.iter().zip(sorted.iter().skip(1));
        self.values.extend(between.map(|(a, b)| (a + (b - a) / 2.0).to_string()));

        let dates = values(|test| matches!(test, Test::Date(_)));
        let times: BTreeSet<i64> = dates.iter().filter_map(|text| milliseconds(text)).collect();
        self.exact &= dates.iter().all(|text| milliseconds(text).is_some());
        for time in &times {
            for time in [time.saturating_sub(1000), *time, time.saturating_add(1000)] {
                if let Some(date) = chrono::DateTime::from_timestamp_millis(time) {
                    self.values.insert(date.to_rfc3339());
                }
            }
        }
    }

    /// Adds the first address of each network and the first behind it: every
    /// combination of networks begins at one of these.
    fn add_networks(&mut self, own: &[&Clause]) {
        let clauses = own.iter().filter(|clause| clause.operator.test == Test::IpAddress);
        let mut any = false;
        for value in clauses.flat_map(|clause| &clause.values) {
            any = true;
            let Some(network) = network(&value.to_string()) else {
                self.exact = false;
                continue;
            };
            self.values.insert(network.network().to_string());
            match network {
                ipnet::IpNet::V4(network) => {
                    if let Some(next) = u32::from(network.broadcast()).checked_add(1) {
                        self.values.insert(std::net::Ipv4Addr::from(next).to_string());
                    }
                }
                ipnet::IpNet::V6(network) => {
                    if let Some(next) = u128::from(network.broadcast()).checked_add(1) {
                        self.values.insert(std::net::Ipv6Addr::from(next).to_string());
                    }
                }
            }
        }
        if any {
            self.values.extend(["0.0.0.0".to_owned(), "::".to_owned()]);
        }
        for clause in own.iter().filter(|clause| clause.operator.test == Test::Binary) {
            self.values.extend(clause.values.iter().map(ToString::to_string));
            self.values.insert("bm9ib2R5".to_owned());
        }
    }
}

fn swapped(text: &str) -> String {
    let swap = |c: char| match c {
        c if c.is_ascii_lowercase() => c.to_ascii_uppercase(),
        c => c.to_ascii_lowercase(),
    };
    text.chars().map(swap).collect()
}

/// Returns a letter that no pattern contains.
fn unused(patterns: &BTreeSet<Glob>) -> Option<char> {
    let used: BTreeSet<&Token> = patterns.iter().flat_map(Glob::tokens).collect();
    let mut letters = ('a'..='z').rev().chain('0'..='9').chain(['_', '~', '^', '%', '!', '=']);
    letters.find(|letter| !used.contains(&Token::Char(*letter)))
}

/// Returns a typical member: each `*` becomes `width` letters, each `?` one.
fn filled(glob: &Glob, letter: char, width: usize) -> String {
    let mut out = String::new();
    for token in glob.tokens() {
        match token {
            Token::Char(c) => out.push(*c),
            Token::Separator => out.push(':'),
            Token::One => out.push(letter),
            Token::Many | Token::Everything | Token::Variable(_) => {
                out.extend(std::iter::repeat_n(letter, width));
            }
        }
    }
    out
}
