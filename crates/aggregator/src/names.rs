//! Parts a call from the names in it, and puts them together again.
//!
//! The *frame* of a call is the call with each name replaced by a reference. Calls with one frame
//! differ in nothing but names, which are kept in tries under a quota. Names are of two kinds:
//! containers (a bucket) and what is in them (keys). Which parts are names is data:
//! `data/names.toml`.
//!
//! One name mostly stands at several places of a record (`request.key`, the end of an ARN in
//! `resources[]`); there it is the same reference, so that what is folded is folded everywhere.
//!
//! A reference is U+0000, then U+0100 plus the number of a container or U+0200 plus that of
//! another name; a U+0000 of the log itself is doubled.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use foldhash::fast::RandomState;
use memchr::{memchr_iter, memchr2};
use serde::Deserialize;

use crate::call::{Call, Open, Part, Place};
use crate::sketch::Count;

/// More names in one call than this stay in its frame.
const MOST: usize = 64;

/// A call about more things than this at one place is kept as one call for each.
const TOGETHER: usize = 8;

const CONTAINER: u32 = 0x100;
const NAME: u32 = 0x200;

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rules {
    endings: Vec<String>,
    containers: Vec<String>,
    untyped: Vec<String>,
    whole: Vec<String>,
    addressed: Vec<Addressed>,
    divide: Vec<Divide>,
}

/// Where the address of something is `https://host/account/name`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Addressed {
    key: String,
    domains: Vec<String>,
}

impl Addressed {
    /// Splits an address at a host of AWS's: `https://host/`, the account, the name.
    fn split<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str, &'t str)> {
        let (scheme, rest) = text.split_once("://")?;
        let (host, path) = rest.split_once('/')?;
        let bare = host.split(':').next()?;
        let is_host = matches!(scheme, "https" | "http")
            && self.domains.iter().any(|domain| bare.ends_with(domain.as_str()));
        let (account, name) = path.split_once('/').filter(|_| is_host)?;
        Some((text.strip_suffix(path)?, account, name))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Divide {
    key: Option<String>,
    service: Option<String>,
    at: String,
    #[serde(default)]
    container: bool,
    #[expect(dead_code, reason = "for people; read so that none is without")]
    reason: String,
}

impl Divide {
    fn split<'t>(&self, text: &'t str) -> Option<(&'t str, &'t str)> {
        // A searcher of texts is costly to set up, and most words are a single letter.
        match *self.at.as_bytes() {
            [byte] => text.split_once(char::from(byte)),
            _ => text.split_once(self.at.as_str()),
        }
    }
}

const DATA: &str = include_str!("../data/names.toml");

fn rules() -> &'static Rules {
    static RULES: OnceLock<Rules> = OnceLock::new();
    // A test reads the data; without it every name would stay in its frame.
    RULES.get_or_init(|| toml::from_str(DATA).unwrap_or_default())
}

/// Returns what usages depend on beside the code: the text of the data.
pub(crate) fn data() -> &'static str {
    DATA
}

impl Rules {
    /// Returns the rank of a path among containers.
    fn container(&self, key: &str) -> Option<usize> {
        self.containers.iter().position(|container| container == key)
    }

    fn is_name(&self, key: &str) -> bool {
        self.endings.iter().any(|ending| key.ends_with(ending.as_str()))
    }
}

/// The last key of an extraction path, without the mark of a map's keys and what stands in brackets;
/// nothing for a path that only tells presence.
fn last_key(path: &str) -> Option<&str> {
    let (from, to) = last_key_at(path)?;
    path.get(from..to)
}

/// Returns where in a path its last key stands.
fn last_key_at(path: &str) -> Option<(usize, usize)> {
    let mut start = path;
    while let Some((before, _)) = start.strip_suffix(']').and_then(|start| start.rsplit_once('[')) {
        start = before;
    }
    let from = start.rfind('.').map_or(0, |dot| dot + 1);
    let key = start.strip_suffix("{}").filter(|start| start.len() >= from).unwrap_or(start);
    (!start.ends_with('?')).then_some((from, key.len()))
}

/// What is to be written of a text, in its order.
enum Step<'t> {
    /// What may hold known names, or be a new one.
    Name(&'t str),
    /// A known name, by its list and its place there.
    Known(u32, usize),
    Separator(char),
}

/// The names of one call and its texts with references in their place; a buffer, used again from call
/// to call.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    arena: String,
    /// By number of the part; of the part's text.
    parts: Vec<Range<usize>>,
    resources: Vec<Range<usize>>,
    denied: Option<Range<usize>>,
    containers: Vec<Range<usize>>,
    names: Vec<Range<usize>>,
    /// Ranks of the parts, their numbers, and what else is known of their paths.
    order: Vec<(usize, usize, Kind)>,
    out: String,
    /// What is known of paths, as [`kind`](Self::kind) returns it.
    kinds: HashMap<Box<str>, Kind, RandomState>,
}

/// What is known of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    /// The rank among the paths of containers, `usize::MAX` for others.
    rank: usize,
    is_name: bool,
    /// Where in the path its last key stands; nowhere where it only tells presence.
    key: (usize, usize),
}

/// How many paths are remembered.
const KINDS: usize = 4096;

impl Taken {
    /// Takes the names out of a call; what was taken before is gone.
    pub(crate) fn take(&mut self, call: &Call<'_>) {
        let rules = rules();
        let own = &*call.account;
        self.arena.clear();
        self.containers.clear();
        self.names.clear();
        self.parts.clear();
        self.parts.resize(call.parts.len(), 0..0);
        self.resources.clear();
        // Containers first, in the order of the data, so that what is in them comes after.
        let mut order = std::mem::take(&mut self.order);
        order.clear();
        for (index, (path, _)) in call.parts.iter().enumerate() {
            let kind = self.kind(rules, path);
            order.push((kind.rank, index, kind));
        }
        order.sort_unstable();
        for (rank, index, Kind { is_name, key: (from, to), .. }) in &order {
            let Some((path, value)) = call.parts.get(*index) else { continue };
            let container = *rank != usize::MAX;
            let text = if value.starts_with("arn:") || container || *is_name {
                let key = path.get(*from..*to).unwrap_or_default();
                self.text(rules, own, value, key, container)
            } else {
                let start = self.arena.len();
                literal(value, &mut self.arena);
                start..self.arena.len()
            };
            if let Some(part) = self.parts.get_mut(*index) {
                *part = text;
            }
        }
        self.order = order;
        for resource in &call.resources {
            let text = self.text(rules, own, &resource.arn, "", false);
            self.resources.push(text);
        }
        let denied = call.denial.as_ref().and_then(|denial| denial.resource.as_deref());
        self.denied = denied.map(|resource| self.text(rules, own, resource, "", false));
    }

    /// Returns what is known of a path.
    fn kind(&mut self, rules: &Rules, path: &str) -> Kind {
        if let Some(kind) = self.kinds.get(path) {
            return *kind;
        }
        let key = last_key(path);
        let kind = Kind {
            rank: key.and_then(|key| rules.container(key)).unwrap_or(usize::MAX),
            is_name: key.is_some_and(|key| rules.is_name(key)),
            key: last_key_at(path).unwrap_or_default(),
        };
        // The paths of rules are few, but those where an ARN was found are the caller's.
        if self.kinds.len() >= KINDS {
            self.kinds.clear();
        }
        self.kinds.insert(path.into(), kind);
        kind
    }

    /// Returns the text with references that stands for one of the call's.
    pub(crate) fn at(&self, place: Place) -> &str {
        let range = match place {
            Place::Part(index) => self.parts.get(index),
            Place::Resource(index) => self.resources.get(index),
            Place::Denied => self.denied.as_ref(),
        };
        self.get(range.unwrap_or(&(0..0)))
    }

    /// Returns the containers, in the order of their numbers.
    pub(crate) fn containers(&self) -> impl ExactSizeIterator<Item = &str> {
        self.containers.iter().map(|range| self.get(range))
    }

    /// Returns the other names, in the order of their numbers.
    pub(crate) fn names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.names.iter().map(|range| self.get(range))
    }

    fn get(&self, range: &Range<usize>) -> &str {
        self.arena.get(range.clone()).unwrap_or_default()
    }

    /// Appends the text with references in it, and returns where it stands.
    fn text(
        &mut self,
        rules: &Rules,
        own: &str,
        text: &str,
        key: &str,
        container: bool,
    ) -> Range<usize> {
        // Names go to the arena before the text that refers to them.
        let mut out = std::mem::take(&mut self.out);
        out.clear();
        let mut service = "";
        let mut rest = text;
        if let Some(after) = text.strip_prefix("arn:") {
            let mut colons = memchr_iter(b':', after.as_bytes());
            let mut colon = || colons.next();
            let (partition, end) = (colon(), colon());
            service = partition
                .and_then(|at| after.get(at + 1..end.unwrap_or(after.len())))
                .unwrap_or_default();
            // The head of an ARN: partition, service, region and account are few.
            if let (Some(_), Some(at)) = (colon(), colon())
                && let Some(tail) = after.get(at + 1..)
                && !service.is_empty()
            {
                let (head, _) = text.split_at(text.len() - tail.len());
                literal(head, &mut out);
                rest = tail;
                let typed = !rules.untyped.iter().any(|untyped| untyped == service);
                if typed && let Some(at) = memchr2(b':', b'/', tail.as_bytes()) {
                    let (kind, name) = tail.split_at(at + 1);
                    literal(kind, &mut out);
                    rest = name;
                }
            }
        }
        let addressed = rules.addressed.iter().find(|addressed| addressed.key == key);
        if let Some((host, account, name)) = addressed.and_then(|one| one.split(rest)) {
            literal(host, &mut out);
            // There are as many accounts as a caller cares to name.
            match account == own {
                true => literal(account, &mut out),
                false => self.name(account, container, &mut out),
            }
            out.push('/');
            rest = name;
        }
        self.divided(rules, rest, key, service, container, &mut out);
        let start = self.arena.len();
        self.arena.push_str(&out);
        self.out = out;
        start..self.arena.len()
    }

    fn divided(
        &mut self,
        rules: &Rules,
        text: &str,
        key: &str,
        service: &str,
        container: bool,
        out: &mut String,
    ) {
        let mut rest = text;
        for divide in &rules.divide {
            let wanted = match (&divide.key, &divide.service) {
                (Some(wanted), None) => !key.is_empty() && key.ends_with(wanted.as_str()),
                (None, Some(wanted)) => wanted == service,
                _ => false,
            };
            // A word in front is kept apart, and the same word may divide what follows.
            while wanted && let Some((head, tail)) = divide.split(rest) {
                if !head.is_empty() {
                    self.name(head, divide.container, out);
                }
                literal(&divide.at, out);
                rest = tail;
                if !head.is_empty() {
                    break;
                }
            }
        }
        self.name(rest, container, out);
    }

    /// Appends a reference to a name, known or new.
    fn name(&mut self, text: &str, container: bool, out: &mut String) {
        // A text may be one known name thousands of times over: what stands around one waits here, and not on the stack.
        let mut waiting = Vec::new();
        let mut next = Some(Step::Name(text));
        while let Some(step) = next.take().or_else(|| waiting.pop()) {
            match step {
                Step::Known(base, index) => reference(base, index, out),
                Step::Separator(separator) => out.push(separator),
                Step::Name("") => {}
                Step::Name(text) => {
                    let (prefix, text) = id(text);
                    literal(prefix, out);
                    let Some(((from, to), base, index)) = self.known(text) else {
                        self.new_name(text, container, out);
                        continue;
                    };
                    // One separator stands between a known name and the rest; it is ASCII.
                    let (before, after) =
                        (text.get(..from).unwrap_or(""), text.get(to..).unwrap_or(""));
                    if let Some(separator) = after.chars().next() {
                        waiting.push(Step::Name(after.get(1..).unwrap_or("")));
                        waiting.push(Step::Separator(separator));
                    }
                    waiting.push(Step::Known(base, index));
                    if let Some(separator) = before.chars().next_back() {
                        waiting.push(Step::Separator(separator));
                        waiting.push(Step::Name(before.get(..before.len() - 1).unwrap_or("")));
                    }
                }
            }
        }
    }

    /// Appends a reference to a name that is new.
    fn new_name(&mut self, text: &str, container: bool, out: &mut String) {
        if self.containers.len() + self.names.len() >= MOST {
            return literal(text, out);
        }
        let start = self.arena.len();
        self.arena.push_str(text);
        let (list, base) =
            if container { (&mut self.containers, CONTAINER) } else { (&mut self.names, NAME) };
        reference(base, list.len(), out);
        list.push(start..self.arena.len());
    }

    /// Returns where the longest known name stands in a text, at its beginning or end, and the
    /// reference to it.
    fn known(&self, text: &str) -> Option<((usize, usize), u32, usize)> {
        let mut best: Option<((usize, usize), u32, usize)> = None;
        let containers =
            self.containers().enumerate().map(|(index, name)| (CONTAINER, index, name));
        let names = self.names().enumerate().map(|(index, name)| (NAME, index, name));
        for (base, index, name) in containers.chain(names) {
            let place = match text.strip_prefix(name) {
                Some("") => (0, text.len()),
                Some(rest) if rest.starts_with(['/', ':']) => (0, name.len()),
                _ => match text.strip_suffix(name) {
                    Some(rest) if rest.ends_with(['/', ':']) => (rest.len(), text.len()),
                    _ => continue,
                },
            };
            let length = place.1 - place.0;
            if length > best.as_ref().map_or(0, |((from, to), ..)| to - from) {
                best = Some((place, base, index));
            }
        }
        best
    }
}

fn reference(base: u32, index: usize, out: &mut String) {
    let number = u32::try_from(index).ok().and_then(|index| char::from_u32(base + index));
    out.push('\0');
    out.push(number.unwrap_or(char::REPLACEMENT_CHARACTER));
}

/// Appends a text in which a U+0000 is no reference.
fn literal(text: &str, out: &mut String) {
    if text.as_bytes().contains(&0) {
        out.push_str(&text.replace('\0', "\0\0"));
    } else {
        out.push_str(text);
    }
}

/// Splits `i-0123456789abcdef0` after the hyphen: rules tell resources by what their ids begin
/// with. Source: EC2 user guide, "Resource IDs": 8 or 17 hexadecimal digits after a short word.
fn id(text: &str) -> (&str, &str) {
    for length in [8, 17] {
        let Some((start, digits)) = text.split_at_checked(text.len().wrapping_sub(length)) else {
            continue;
        };
        let Some(word) = start.strip_suffix('-') else { continue };
        let is_id = digits.bytes().all(|byte| byte.is_ascii_hexdigit())
            && (1..=16).contains(&word.len())
            && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
        if is_id {
            return (start, digits);
        }
    }
    ("", text)
}

/// Splits a call about very many things into calls about one each; such calls come in endless
/// combinations that mean nothing.
///
/// Returns nothing where the call stays whole.
pub(crate) fn pieces<'a>(call: &Call<'a>) -> Vec<Call<'a>> {
    if call.parts.len() <= TOGETHER && call.resources.len() <= TOGETHER {
        return Vec::new();
    }
    let rules = rules();
    let is_name = |path: &str, value: &str| {
        value.starts_with("arn:") || last_key(path).is_some_and(|key| rules.is_name(key))
    };
    // Parts are sorted by path: a place with many values is a run.
    let runs: Vec<(usize, usize)> = call
        .parts
        .chunk_by(|(a, _), (b, _)| a == b)
        .scan(0, |start, run| {
            *start += run.len();
            Some((*start - run.len(), run))
        })
        .filter(|(_, run)| run.len() > TOGETHER && run.iter().all(|(p, v)| is_name(p, v)))
        .map(|(start, run)| (start, run.len()))
        .collect();
    let many = call.resources.len() > TOGETHER;
    let longest = runs.iter().map(|(_, length)| *length).max().unwrap_or(0);
    let longest = longest.max(if many { call.resources.len() } else { 0 });
    if longest == 0 {
        return Vec::new();
    }
    (0..longest)
        .map(|turn| {
            let mut piece = call.clone();
            piece.piece = true;
            let kept = |index: usize| {
                runs.iter()
                    .find(|(start, length)| (*start..start + length).contains(&index))
                    .is_none_or(|(start, length)| index == start + turn % length)
            };
            let parts = std::mem::take(&mut piece.parts).into_iter().enumerate();
            piece.parts = parts.filter(|(index, _)| kept(*index)).map(|(_, part)| part).collect();
            if many {
                let at = turn % call.resources.len();
                piece.resources = call.resources.get(at).cloned().into_iter().collect();
            }
            piece
        })
        .collect()
}

/// What stands at the references of a frame: names, and perhaps the beginning of one more.
#[derive(Debug, Default)]
pub(crate) struct Filling<'n> {
    pub(crate) containers: Level<'n>,
    pub(crate) names: Level<'n>,
}

/// Names of one kind, out of the path of a trie.
#[derive(Debug, Default)]
pub(crate) struct Level<'n> {
    whole: Vec<Cow<'n, str>>,
    /// How the first name that is not whole begins, and how many there are.
    open: Option<(String, Count)>,
}

impl<'n> Level<'n> {
    pub(crate) fn new(path: &[&'n str], folded: Option<Count>) -> Level<'n> {
        let mut whole = Vec::new();
        let names = path.split_inclusive(|segment| !segment.ends_with('/'));
        let mut beginning = String::new();
        for segments in names {
            let ends = segments.last().is_some_and(|last| !last.ends_with('/'));
            match segments {
                [name] if ends => whole.push(Cow::Borrowed(*name)),
                _ if ends => whole.push(Cow::Owned(segments.concat())),
                _ => beginning = segments.concat(),
            }
        }
        Level { whole, open: folded.map(|count| (beginning, count)) }
    }

    fn get(&self, index: usize, stand_in: &str) -> Cow<'_, str> {
        match (self.whole.get(index), &self.open) {
            (Some(name), _) => Cow::Borrowed(name),
            (None, Some((beginning, _))) if index == self.whole.len() => {
                Cow::Owned(format!("{beginning}{stand_in}"))
            }
            (None, _) => Cow::Owned(stand_in.to_owned()),
        }
    }

    fn texts(&self) -> impl Iterator<Item = &str> {
        let open = self.open.iter().map(|(beginning, _)| beginning.as_str());
        self.whole.iter().map(|name| &**name).chain(open)
    }
}

/// Puts names into a frame.
pub(crate) fn fill<'a>(frame: &Call<'a>, filling: &Filling<'_>) -> Call<'a> {
    let mut call = frame.clone();
    let folded = filling.names.open.as_ref().or(filling.containers.open.as_ref());
    let stand_in = folded.map(|_| stand_in(frame, filling)).unwrap_or_default();
    call.texts(|text| {
        if text.contains('\0') {
            *text = Cow::Owned(filled(text, filling, &stand_in));
        }
    });
    call.open = folded.map(|(_, names)| {
        let texts = filling.containers.texts().chain(filling.names.texts());
        let beginning = texts.collect::<Vec<_>>().join("/");
        Open { stand_in, beginning, names: *names }
    });
    call.canonicalise();
    call
}

fn filled(text: &str, filling: &Filling<'_>, stand_in: &str) -> String {
    // Most texts have one name or two.
    let mut out = String::with_capacity(text.len() + 64);
    let mut rest = text;
    while let Some((plain, reference)) = rest.split_once('\0') {
        out.push_str(plain);
        let mut chars = reference.chars();
        let Some(number) = chars.next().map(u32::from) else { return out };
        rest = chars.as_str();
        let (level, index) = match number {
            0 => {
                out.push('\0');
                continue;
            }
            NAME.. => (&filling.names, number - NAME),
            _ => (&filling.containers, number.saturating_sub(CONTAINER)),
        };
        out.push_str(&level.get(usize::try_from(index).unwrap_or(usize::MAX), stand_in));
    }
    out.push_str(rest);
    out
}

/// Returns a word that none of the texts holds.
fn stand_in(frame: &Call<'_>, filling: &Filling<'_>) -> String {
    let mut frame = frame.clone();
    let mut texts: Vec<String> = filling
        .containers
        .texts()
        .chain(filling.names.texts())
        .map(str::to_ascii_lowercase)
        .collect();
    frame.texts(|text| texts.push(text.to_ascii_lowercase()));
    let mut number = 0u32;
    loop {
        let word = format!("anyname{number}");
        if !texts.iter().any(|text| text.contains(&word)) {
            return word;
        }
        number += 1;
    }
}

/// Returns whether the names of a frame are of a kind that is never written as a pattern.
pub(crate) fn are_whole(frame: &Call<'_>) -> bool {
    let whole = |known: &str| rules().whole.iter().any(|whole| whole == known);
    let is_whole = |text: &str| {
        let mut fields = text.splitn(6, ':');
        let service = fields.nth(2).unwrap_or_default();
        let kind = fields.nth(2).and_then(|tail| tail.split('/').next()).unwrap_or_default();
        text.contains('\0') && whole(&format!("{service}:{kind}"))
    };
    let of_part = |(path, value): &Part<'_>| is_whole(value) || last_key(path).is_some_and(whole);
    frame.parts.iter().any(of_part) || frame.resources.iter().any(|one| is_whole(&one.arn))
}

/// Returns how many containers and names a frame refers to, or nothing where its references are
/// not those of [`take`]: the bytes come out of a file.
pub(crate) fn references(frame: &mut Call<'_>) -> Option<(u16, u16)> {
    let (mut containers, mut names, mut valid) = (0u16, 0u16, true);
    frame.texts(|text| {
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            if c != '\0' {
                continue;
            }
            let number = chars.next().map(u32::from);
            let (highest, base) = match number {
                Some(0) => continue,
                Some(CONTAINER..NAME) => (&mut containers, CONTAINER),
                Some(NAME..0x300) => (&mut names, NAME),
                _ => {
                    valid = false;
                    continue;
                }
            };
            let index = number.and_then(|number| u16::try_from(number - base).ok());
            *highest = (*highest).max(index.map_or(u16::MAX, |index| index + 1));
        }
    });
    (valid && usize::from(containers) + usize::from(names) <= MOST).then_some((containers, names))
}

#[cfg(test)]
mod tests;
