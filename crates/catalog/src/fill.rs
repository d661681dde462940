//! Filling ARN templates from a call's parts.

use std::collections::BTreeSet;

use trailtrim_iam::resource::escape;

use crate::table::layout::{LISTED, NESTED, TRANSFORMS, kind_of, root, source};
use crate::table::{Node, Table};
use crate::template::{Piece, captures, pieces};
use crate::transform::{Place, Value, apply, secret};
use crate::{Origin, Request};

/// Variables that say nothing of what they identify.
const GENERIC: [&str; 6] = ["ResourceId", "ResourceName", "Id", "Name", "Identifier", "UUID"];

/// Transforms that make something else out of an ARN, or of what begins as one.
const READS_ARNS: [&str; 17] = [
    "between_slashes",
    "drop_last_colon",
    "unqualified",
    "before_pipe",
    "encoded",
    "iam_kind",
    "iam_owner",
    "iam_last",
    "arn_last",
    "copy_arn",
    "owner",
    "within",
    "above",
    "above_one",
    "above_two",
    "arn_account",
    "arn_region",
];

/// What stands for the streams of a log group behind its ARN.
const STREAMS: &str = ":*";

/// More ARNs than this out of one call are folded into the type.
const MOST: usize = 1000;

/// Fills templates of one call.
pub(crate) struct Filler<'r> {
    table: Table,
    request: &'r dyn Request,
    /// Resource types of the operation's service, by which ARNs in place of names are read.
    types: Node,
}

/// What a template came to: patterns with their origin.
pub(crate) enum Filled {
    /// Every variable is known, or starred because a server makes it up.
    Whole(Vec<(String, Origin)>),
    /// Some variable is unknown.
    Partly(Vec<(String, Origin)>),
    /// No parameter says anything.
    Nothing,
}

/// Returns an ARN out of a record as a policy names it. A log group's ARN comes with `:*` for its
/// streams, the one star that is meant as one.
pub(crate) fn literal(arn: &str) -> String {
    match arn.strip_suffix(STREAMS) {
        Some(group) if group.contains(":log-group:") => escape(group).text.into_owned() + STREAMS,
        _ => escape(arn).text.into_owned(),
    }
}

/// Returns how ARNs spell a word of a request, by a list such as `CLOUDFRONT=global;REGIONAL=regional`.
fn spelled<'w>(words: &'w str, text: &str) -> Option<&'w str> {
    let mut pairs = words.split(';').filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(word, _)| word.eq_ignore_ascii_case(text)).map(|(_, own)| own)
}

/// Why a resource holds wildcards where the record has none.
const UNSPEAKABLE: &str = "a policy cannot hold some of the name's characters";

/// Returns an ARN out of a record as a policy names it, and how sure that is.
pub(crate) fn observed(arn: &str) -> (String, Origin) {
    if let Some(whole) = whole_secret(arn) {
        let from = arn.to_owned();
        return (whole, Origin::Widened { from, why: PARTIAL.to_owned() });
    }
    let origin = if escape(arn).widened {
        Origin::Widened { from: arn.to_owned(), why: UNSPEAKABLE.to_owned() }
    } else {
        Origin::Observed
    };
    (literal(arn), origin)
}

/// Why a secret's ARN has wildcards where the record has none.
const PARTIAL: &str = "the record leaves out the six characters that a secret's ARN ends with";

/// Completes the ARN of a secret that lacks its ending, which calls may leave out and policies may not.
/// One that ends like a whole ARN counts as whole, as Secrets Manager takes it itself.
fn whole_secret(arn: &str) -> Option<String> {
    let mut parts = arn.splitn(7, ':');
    let is_secret = parts.nth(2)? == "secretsmanager" && parts.nth(2)? == "secret";
    let is_name = |name: &&str| !(name.is_empty() || name.contains(':'));
    let value = secret(parts.next().filter(is_name).filter(|_| is_secret)?);
    (value.tail != "*").then(|| escape(arn).text.into_owned() + value.tail)
}

/// A template with the variables filled so far.
#[derive(Clone, Default)]
struct Draft {
    variables: Vec<(Value, Fate)>,
}

impl Draft {
    fn places(&self) -> impl Iterator<Item = Place> {
        self.variables.iter().filter_map(|(value, _)| value.place)
    }

    fn with(&self, value: &(Value, Fate)) -> Draft {
        let mut draft = self.clone();
        draft.variables.push(value.clone());
        draft
    }

    /// Returns those of a variable's values that belong to the others. What is made of one value
    /// stays together: of several addresses in a list, each has a bucket and a key of its own.
    /// `shared` are the paths that other variables are made of too.
    fn partners<'v>(
        &self,
        values: &'v [(Value, Fate)],
        shared: &[&str],
    ) -> impl Iterator<Item = &'v (Value, Fate)> {
        let own: Vec<Place> = self.places().filter(|(path, _)| shared.contains(path)).collect();
        values.iter().filter(move |(value, _)| match value.place {
            Some(place) if !own.is_empty() => own.contains(&place),
            Some((path, _)) => !shared.contains(&path),
            None => own.is_empty(),
        })
    }
}

/// Values for account and region out of a rule, where the call's own are not meant.
#[derive(Default)]
struct Ambient {
    accounts: Vec<Value>,
    regions: Vec<Value>,
}

impl Ambient {
    /// Returns the value for a draft: the one that is made of the same as the draft's names.
    fn of<'v>(values: &'v [Value], draft: &Draft) -> Option<&'v Value> {
        let same = |value: &&Value| draft.places().any(|place| value.place == Some(place));
        values.iter().find(same).or(values.first())
    }
}

/// What a variable's text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Known,
    /// Fixed by the rule: as good as known, but no word of the call's.
    Constant,
    Server,
    Unknown,
}

impl<'r> Filler<'r> {
    pub(crate) fn new(table: Table, request: &'r dyn Request, prefix: &str) -> Filler<'r> {
        let service = table.root().node(root::SERVICE_INDEX).find(prefix);
        Filler { table, request, types: service.unwrap_or_else(|| table.node(0)).node(3) }
    }

    /// Hands over each value at a path, or each ARN that the record lists.
    fn read(&self, path: &str, each: &mut dyn FnMut(&str)) {
        if path != LISTED {
            return self.request.values(path, each);
        }
        self.request.resources(&mut |resource| {
            if !resource.is_prefix {
                each(resource.arn);
            }
        });
    }

    /// Returns the values of one source.
    pub(crate) fn values(&self, node: Node, kind: &str) -> Vec<Value> {
        match node.number(0) {
            source::CONSTANT => vec![Value::plain(node.string(2))],
            source::PATH if node.string(2) == "caller" => vec![Value::plain(self.request.caller())],
            source::PATH | source::ALSO | source::BEFORE => {
                let mut values = Vec::new();
                let (path, words) = (node.string(2), node.string(3));
                let mut number = 0;
                self.read(path, &mut |text| {
                    let value = match words {
                        "" => self.changed(node.number(1), text, kind),
                        words => spelled(words, text).map(Value::plain),
                    };
                    // What a record lists is several things, and each may tell a part.
                    let place = (path != LISTED).then_some((path, number));
                    values.extend(value.map(|value| Value { place, ..value }));
                    number += 1;
                });
                values.retain(|value| !value.text.is_empty() || !value.tail.is_empty());
                values
            }
            _ => Vec::new(),
        }
    }

    /// Returns a text after its transforms, the innermost first. An ARN stays whole unless that one reads ARNs.
    fn changed(&self, transforms: u32, text: &str, kind: &str) -> Option<Value> {
        let name = TRANSFORMS.get((transforms % NESTED) as usize).copied()?;
        if text.starts_with("arn:") && !READS_ARNS.contains(&name) {
            // A group's ARN may come with its streams already.
            let streams = name == "streams_of" && !text.ends_with(STREAMS);
            return Some(Value { tail: if streams { STREAMS } else { "" }, ..Value::plain(text) });
        }
        let mut value = apply(self.table, transforms % NESTED, text, kind, self.request)?;
        let mut others = transforms / NESTED;
        while others != 0 {
            let outer = apply(self.table, others % NESTED, &value.text, kind, self.request)?;
            value = Value {
                account: outer.account.or(value.account),
                region: outer.region.or(value.region),
                ..outer
            };
            others /= NESTED;
        }
        Some(value)
    }

    /// Fills the templates of a type, and takes the first that comes out whole.
    pub(crate) fn fill(&self, kind: Node, required: bool) -> Filled {
        let mut partly = Vec::new();
        for template in kind.node(kind_of::FILLS).nodes() {
            match self.template(template, kind, required) {
                Filled::Whole(found) => return Filled::Whole(found),
                Filled::Partly(found) if partly.is_empty() => partly = found,
                _ => {}
            }
        }
        if partly.is_empty() { Filled::Nothing } else { Filled::Partly(partly) }
    }

    /// Returns the whole type in this region and in this account, or in the one that the call names.
    pub(crate) fn widest(&self, kind: Node) -> (String, Origin) {
        let template = kind.node(kind_of::TYPE).node(1).string(0);
        let name = kind.node(kind_of::TYPE).string(0);
        let account = self.ambient_of(kind, "Account");
        let region = self.ambient_of(kind, "Region");
        let mut text = String::new();
        let mut starred = false;
        for piece in pieces(template) {
            match piece {
                Piece::Literal(literal) => text.push_str(literal),
                Piece::Variable("Account") if account.is_some() => {
                    text.extend(account.iter().map(|value| escape(&value.text).text));
                }
                Piece::Variable("Region") if region.is_some() => {
                    text.extend(region.iter().map(|value| escape(&value.text).text));
                }
                Piece::Variable(variable) => match self.ambient(variable) {
                    Some(value) => text.push_str(&value),
                    None => {
                        starred = true;
                        text.push('*');
                    }
                },
            }
        }
        if !starred {
            return (text, Origin::Derived { rule: format!("the only `{name}` of the account") });
        }
        let why = match kind.number(kind_of::MADE) {
            1 => "the call makes it, and the next call makes another",
            2 => "the call is on all of them",
            _ if kind.node(kind_of::FILLS).nodes().any(is_made_by_server) => {
                "a server makes its id, and the call names it otherwise"
            }
            _ if kind
                .node(kind_of::FILLS)
                .nodes()
                .any(|one| one.node(1).nodes().any(is_server)) =>
            {
                "a server makes a part of its name, and the call does not say which it is"
            }
            _ => "the record does not say which",
        };
        (text, Origin::Widened { from: name.to_owned(), why: why.to_owned() })
    }

    /// Returns the account that the call names as the owner of a type's resources, or their region.
    fn ambient_of(&self, kind: Node, variable: &str) -> Option<Value> {
        let name = kind.node(kind_of::TYPE).string(0);
        kind.node(kind_of::FILLS).nodes().find_map(|template| {
            let filled = pieces(template.string(0))
                .filter(|piece| matches!(piece, Piece::Variable(name) if *name != "Partition"));
            let at = filled.enumerate().find_map(|(at, piece)| {
                matches!(piece, Piece::Variable(name) if name == variable).then_some(at)
            })?;
            self.head(template.node(1).node(u32::try_from(at).ok()?), name).into_iter().next()
        })
    }

    /// Returns what rules say of an account or a region. Neither holds a separator.
    fn head(&self, sources: Node, kind: &str) -> Vec<Value> {
        let mut values: Vec<Value> =
            sources.nodes().flat_map(|source| self.values(source, kind)).collect();
        values.retain(|value| !value.text.contains([':', '/']));
        values
    }

    fn ambient(&self, variable: &str) -> Option<String> {
        let value = match variable {
            "Partition" => self.request.partition(),
            "Region" => self.request.region(),
            "Account" => self.request.account(),
            _ => return None,
        };
        Some(if value.is_empty() { "*".to_owned() } else { escape(value).text.into_owned() })
    }

    fn template(&self, node: Node, kind: Node, required: bool) -> Filled {
        let template = node.string(0);
        let name = kind.node(kind_of::TYPE).string(0);
        let pieces: Vec<Piece<'_>> = pieces(template).collect();
        let mut whole_arns = BTreeSet::new();
        let mut drafts = vec![Draft::default()];
        let mut ambient = Ambient::default();
        let mut list = 0;
        for (at, piece) in pieces.iter().enumerate() {
            let Piece::Variable(variable) = piece else { continue };
            if *variable == "Partition" {
                continue;
            }
            let sources = node.node(1).node(list);
            list += 1;
            match *variable {
                "Account" => {
                    ambient.accounts = self.head(sources, name);
                    continue;
                }
                "Region" => {
                    ambient.regions = self.head(sources, name);
                    continue;
                }
                _ => {}
            }
            let literal = |at: Option<usize>| match at.and_then(|at| pieces.get(at)) {
                Some(Piece::Literal(literal)) => *literal,
                _ => "",
            };
            let around = (literal(at.checked_sub(1)), literal(at.checked_add(1)));
            let values = self.variable(sources, kind, variable, around, &mut whole_arns);
            let before: BTreeSet<&str> =
                drafts.iter().flat_map(Draft::places).map(|(path, _)| path).collect();
            let shared: Vec<&str> = values
                .iter()
                .filter_map(|(value, _)| Some(value.place?.0))
                .filter(|path| before.contains(path))
                .collect();
            let mut longer = Vec::new();
            for draft in &drafts {
                let partners = longer.len();
                longer.extend(draft.partners(&values, &shared).map(|value| draft.with(value)));
                // What has no such part is of another type, or is meant as a whole.
                if longer.len() == partners && required {
                    let open = Value { tail: "*", ..Value::default() };
                    longer.push(draft.with(&(open, Fate::Unknown)));
                }
                if longer.len() > MOST {
                    return Filled::Nothing;
                }
            }
            drafts = longer;
        }
        if !whole_arns.is_empty() {
            // A list may have names beside ARNs.
            let named = |draft: &&Draft| {
                let is = |fate: Fate| draft.variables.iter().any(|(_, own)| *own == fate);
                is(Fate::Known) && !is(Fate::Unknown)
            };
            let named = drafts.iter().filter(named);
            let rendered = named.map(|draft| self.render(&pieces, draft, &ambient, name));
            let found: BTreeSet<_> = whole_arns.iter().map(|arn| observed(arn)).collect();
            return Filled::Whole(found.into_iter().chain(rendered).collect());
        }
        let some = |wanted: Fate| {
            drafts.iter().flat_map(|draft| &draft.variables).any(|(_, fate)| *fate == wanted)
        };
        let unknown = some(Fate::Unknown);
        let fixed = !unknown && !some(Fate::Server);
        if !(some(Fate::Known) || (required && fixed)) {
            return Filled::Nothing;
        }
        let found: BTreeSet<(String, Origin)> =
            drafts.iter().map(|draft| self.render(&pieces, draft, &ambient, name)).collect();
        let found = found.into_iter().collect();
        if unknown { Filled::Partly(found) } else { Filled::Whole(found) }
    }

    /// Returns what a variable can be. An ARN in its place is read by the service's templates.
    fn variable(
        &self,
        sources: Node,
        kind: Node,
        variable: &str,
        (before, next): (&str, &str),
        whole_arns: &mut BTreeSet<String>,
    ) -> Vec<(Value, Fate)> {
        let leads = before.is_empty();
        // Some templates have the start of the id: `ou-${OrganizationalUnitId}`.
        let start = before.rsplit(['/', ':']).next().filter(|start| start.ends_with('-'));
        let mut guards = kind.string(kind_of::GUARD).split('|');
        let guard = guards.next().unwrap_or_default();
        let others: Vec<&str> = guards.collect();
        let is_own = |text: &str| {
            text.starts_with(guard) && !others.iter().any(|other| text.starts_with(other))
        };
        let name = kind.node(kind_of::TYPE).string(0);
        let mut found: Vec<(Value, Fate)> = Vec::new();
        let mut before = None;
        let mut form = None;
        for source in sources.nodes() {
            if source.number(0) == source::FORM {
                form = Some(source);
                continue;
            }
            if source.number(0) == source::BEFORE {
                before = before.or_else(|| self.values(source, name).into_iter().next());
                continue;
            }
            if source.number(0) != source::ALSO && !(found.is_empty() && whole_arns.is_empty()) {
                continue;
            }
            if source.number(0) == source::SERVER {
                return vec![(Value { tail: "*", ..Value::default() }, Fate::Server)];
            }
            let constant = source.number(0) == source::CONSTANT;
            let mut values = Vec::new();
            for value in self.values(source, name) {
                if value.text.starts_with("arn:") {
                    let templates = kind.node(kind_of::TYPE).node(1);
                    if templates.strings().any(|template| captures(template, &value.text).is_some())
                    {
                        whole_arns.insert(value.text + value.tail);
                    } else if leads {
                        // A rule's template that begins with an ARN, and goes on behind it.
                        values.push(value);
                    } else if let Some(inner) = self.inside(&value.text, variable) {
                        values.push(Value { place: value.place, ..inner });
                    }
                    continue;
                }
                // A name that holds a separator would move into another segment of the ARN.
                let breaks = !(next.is_empty() || value.as_is)
                    && (value.text.contains(':')
                        || (next.starts_with('/') && value.text.contains('/') && name != "rule"));
                let is_id = constant || form.is_none_or(|form| has_form(form, &value.text));
                if !breaks && is_id && is_own(&value.text) {
                    let rest = start.and_then(|start| value.text.strip_prefix(start));
                    let text = rest.unwrap_or(&value.text).to_owned();
                    values.push(Value { text, ..value });
                }
            }
            let fate = if constant { Fate::Constant } else { Fate::Known };
            found.extend(values.into_iter().map(|value| (value, fate)));
        }
        if let Some(before) = before {
            for (value, _) in found.iter_mut().filter(|(_, fate)| *fate == Fate::Known) {
                value.text = format!("{}/{}", before.text, value.text);
            }
        }
        if !found.is_empty() {
            return found;
        }
        vec![(Value { tail: "*", ..Value::default() }, Fate::Unknown)]
    }

    /// Returns a variable's value inside an ARN of some type of the service.
    fn inside(&self, arn: &str, variable: &str) -> Option<Value> {
        // `ResourceId` means another thing in each type.
        if GENERIC.contains(&variable) {
            return None;
        }
        for kind in self.types.nodes() {
            for template in kind.node(1).strings() {
                let Some(found) = captures(template, arn) else { continue };
                let get = |wanted: &str| {
                    let value = found.iter().find(|(name, _)| *name == wanted)?.1;
                    (!value.is_empty()).then(|| value.to_owned())
                };
                // Some ARNs have no region, which says that there is none.
                let region = found.iter().find(|(name, _)| *name == "Region");
                if let Some(text) = get(variable) {
                    return Some(Value {
                        text,
                        account: get("Account"),
                        region: region.map(|(_, region)| (*region).to_owned()),
                        partition: get("Partition"),
                        ..Value::default()
                    });
                }
            }
        }
        None
    }

    fn render(
        &self,
        pieces: &[Piece<'_>],
        draft: &Draft,
        ambient: &Ambient,
        name: &str,
    ) -> (String, Origin) {
        let own = |pick: fn(&Value) -> &Option<String>| {
            draft.variables.iter().find_map(|(value, _)| pick(value).clone())
        };
        let mut text = String::new();
        let mut variables = draft.variables.iter();
        let mut widened = None;
        for piece in pieces {
            let variable = match piece {
                Piece::Literal(literal) => {
                    if literal.contains('*') {
                        widened = Some("the call does not say which, or makes it".to_owned());
                    }
                    text.push_str(literal);
                    continue;
                }
                Piece::Variable(variable) => *variable,
            };
            let named = match variable {
                "Partition" => own(|value| &value.partition),
                "Region" => own(|value| &value.region)
                    .or_else(|| Some(Ambient::of(&ambient.regions, draft)?.text.clone())),
                "Account" => own(|value| &value.account)
                    .or_else(|| Some(Ambient::of(&ambient.accounts, draft)?.text.clone())),
                _ => None,
            };
            if variable == "Region" && draft.variables.iter().any(|(value, _)| value.any_region) {
                text.push('*');
                widened = Some("the call may be answered in any region".to_owned());
                continue;
            }
            if let Some(known) = named
                .map(|named| escape(&named).text.into_owned())
                .or_else(|| self.ambient(variable))
            {
                if known == "*" {
                    widened = Some(format!("the record does not say the `{variable}`"));
                }
                text.push_str(&known);
                continue;
            }
            if let Some((value, fate)) = variables.next() {
                let escaped = escape(&value.text);
                text.push_str(&escaped.text);
                text.push_str(value.tail);
                // A group of logs has two ARNs, and calls name all of it.
                if !value.tail.is_empty() && value.tail != STREAMS {
                    widened = Some(match name {
                        "rule" => "no call names all of it".to_owned(),
                        kind => {
                            format!("no call names all of the `{}`", kind.trim_end_matches('*'))
                        }
                    });
                }
                if escaped.widened {
                    widened = Some(UNSPEAKABLE.to_owned());
                }
                if *fate == Fate::Unknown {
                    widened = Some(format!("the record does not say the `{variable}`"));
                }
            }
        }
        let assumed = draft.variables.iter().find_map(|(value, _)| value.assumed);
        let origin = match widened {
            Some(why) => Origin::Widened { from: name.to_owned(), why },
            None if assumed.is_some() => {
                Origin::Assumed { why: assumed.unwrap_or_default().to_owned() }
            }
            None if name == "rule" => {
                Origin::Derived { rule: "a rule of this operation".to_owned() }
            }
            None => Origin::Derived { rule: format!("the ARN of a `{name}`, from parameters") },
        };
        (text, origin)
    }
}

/// Returns whether a server makes all that ARNs of a template have in them. Else a call could have named some of
/// it, and did not: a list need not be narrowed.
fn is_made_by_server(template: Node) -> bool {
    let filled = pieces(template.string(0))
        .filter_map(|piece| match piece {
            Piece::Variable(name) => Some(name),
            Piece::Literal(_) => None,
        })
        .filter(|name| *name != "Partition");
    let mut own = (0..)
        .zip(filled)
        .filter(|(_, name)| !matches!(*name, "Account" | "Region"))
        .map(|(at, _)| template.node(1).node(at))
        .peekable();
    own.peek().is_some() && own.all(is_server)
}

/// Returns whether nothing but a server fills a variable.
fn is_server(sources: Node) -> bool {
    sources.len() == 1 && sources.node(0).number(0) == source::SERVER
}

/// Returns whether a text can be an id of the form that rules describe.
fn has_form(form: Node, text: &str) -> bool {
    let count = u32::try_from(text.chars().count()).unwrap_or(u32::MAX);
    let (of, with) = (form.string(2), form.string(5));
    (form.number(3)..=form.number(4)).contains(&count)
        && text.chars().all(|letter| is_of(of, letter))
        && (with.is_empty() || text.chars().any(|letter| is_of(with, letter)))
}

/// Returns whether a character is one of a class such as `a-z0-9_`.
fn is_of(class: &str, letter: char) -> bool {
    let mut rest = class.chars();
    while let Some(from) = rest.next() {
        let mut ahead = rest.clone();
        let until = match (ahead.next(), ahead.next()) {
            (Some('-'), Some(until)) => {
                rest = ahead;
                until
            }
            _ => from,
        };
        if (from..=until).contains(&letter) {
            return true;
        }
    }
    false
}
