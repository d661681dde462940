//! When a parameter's name and an ARN variable's name mean the same thing.
//!
//! Two names are compared in lower case without punctuation. The *safe affix* rule lets `TableName`
//! be filled from `tableIdentifier` but never from `tableId`, and lets a bare `name` fill a
//! variable only of the type that it must be the name of. Looser rules were measured: of forty
//! fuzzy fills about fourteen were wrong.

/// Returns a name in the form it is compared in.
pub(crate) fn normal(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect()
}

/// Behind a path whose texts are lists with commas.
pub(crate) const LISTS: &str = "[,]";

/// Returns one key of a path in the form it is compared in: `items[kind=Put]` and `a+b` too.
fn normal_key(key: &str) -> String {
    if key == "**" {
        return key.to_owned();
    }
    let joined = |keys: &str| keys.split('+').map(normal).collect::<Vec<_>>().join("+");
    let Some((list, tests)) = key.split_once('[') else { return joined(key) };
    let tests = tests.split('[').filter_map(|test| {
        let (member, value) = test.trim_end_matches(']').split_once('=')?;
        let sign = member.trim_start_matches(|c: char| !"!^$*".contains(c));
        Some(format!("[{}{sign}={}]", normal(member), value.to_ascii_lowercase()))
    });
    normal(list) + &tests.collect::<String>()
}

/// Returns the keys of a path, which dots part except within brackets.
pub(crate) fn keys(path: &str) -> Vec<&str> {
    let mut within = false;
    path.split(|letter| {
        within = (within || letter == '[') && letter != ']';
        letter == '.' && !within
    })
    .collect()
}

/// Returns a path without its tests of elements, and what else stands in brackets.
pub(crate) fn untested(path: &str) -> String {
    let mut within = false;
    path.chars()
        .filter(|letter| {
            within = (within || *letter == '[') && *letter != ']';
            !(within || *letter == ']')
        })
        .collect()
}

/// Returns what is wrong with how a path is written.
pub(crate) fn path_problem(path: &str) -> Option<&'static str> {
    let keys = keys(path.strip_suffix(LISTS).unwrap_or(path));
    let tests = keys.iter().filter_map(|key| Some(key.split_once('[')?.1));
    let is_test = |test: &str| {
        let read =
            test.trim_end_matches(['?']).strip_suffix(']').and_then(|test| test.split_once('='));
        read.is_some_and(|(member, _)| {
            let signs = member.trim_start_matches(|c: char| !"!^$*".contains(c));
            ["", "!", "^", "!^", "$", "!$", "*", "!*"].contains(&signs)
        })
    };
    if !tests.flat_map(|tests| tests.split('[')).all(is_test) {
        return Some(
            "write a test of a list's elements as `[member=text]`, with `!`, `^`, `$` or `*` before the `=`",
        );
    }
    let deep = keys.iter().filter(|key| **key == "**").count();
    if deep > 1 || keys.last() == Some(&"**") || keys.first() == Some(&"**") {
        return Some("`**` stands once in a path, and keys are before and behind it");
    }
    None
}

/// Returns a dotted path in the form it is compared in; `?`, `{}` and `**` are kept.
pub(crate) fn normal_path(path: &str) -> String {
    let (stem, ending) = match path {
        path if path.ends_with(LISTS) => (path.trim_end_matches(LISTS), LISTS),
        path if path.ends_with("{}") => (path.trim_end_matches("{}"), "{}"),
        path if path.ends_with('?') => (path.trim_end_matches('?'), "?"),
        path => (path, ""),
    };
    let keys: Vec<String> = keys(stem).into_iter().map(normal_key).collect();
    format!("{}{ending}", keys.join("."))
}

/// What the end of a name says that its values are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    Id,
    Name,
    Identifier,
    Bare,
}

fn split(name: &str) -> (&str, Ending) {
    let name = ["withpath", "withoutleadingslash"]
        .iter()
        .find_map(|tail| name.strip_suffix(tail))
        .unwrap_or(name);
    for (tail, ending) in [
        ("identifiers", Ending::Identifier),
        ("identifier", Ending::Identifier),
        ("names", Ending::Name),
        ("name", Ending::Name),
        ("uuid", Ending::Id),
        ("guid", Ending::Id),
        ("ids", Ending::Id),
        ("id", Ending::Id),
    ] {
        if let Some(base) = name.strip_suffix(tail) {
            return (base, ending);
        }
    }
    (name, Ending::Bare)
}

const GENERIC: [&str; 10] = [
    "id",
    "name",
    "resourceid",
    "identifier",
    "resourcename",
    "uuid",
    "resourcepath",
    "resourceidentifier",
    "guid",
    "resource",
];

/// Returns whether a variable's name says nothing of what it identifies.
pub(crate) fn is_generic(variable: &str) -> bool {
    GENERIC.contains(&variable)
}

/// Returns whether the plural or singular of one name is the other.
pub(crate) fn same(variable: &str, member: &str) -> bool {
    variable == member
        || member.strip_suffix('s') == Some(variable)
        || (variable.ends_with('y') && member.strip_suffix("ies") == variable.strip_suffix('y'))
}

/// What an operation's name says of its resources; texts in normal form.
pub(crate) struct Call {
    /// Whether it makes something new.
    pub(crate) creates: bool,
    /// The operation's name.
    pub(crate) name: String,
    /// The resource type in question.
    pub(crate) kind: String,
}

/// Returns whether a member's name leaves open what it identifies.
pub(crate) fn is_bare(member: &str) -> bool {
    ["id", "ids", "name", "names", "identifier", "identifiers"].contains(&member)
}

/// Returns whether a member may fill a variable of a resource type; names in normal form.
pub(crate) fn fills(variable: &str, member: &str, call: &Call) -> bool {
    let (variable_base, variable_ending) = split(variable);
    let (member_base, member_ending) = split(member);
    let allowed = match variable_ending {
        Ending::Id => matches!(member_ending, Ending::Id | Ending::Identifier | Ending::Bare),
        Ending::Name => matches!(member_ending, Ending::Name | Ending::Identifier | Ending::Bare),
        Ending::Identifier | Ending::Bare => true,
    };
    if !allowed || (member_ending == Ending::Bare && member_base != variable_base) {
        return false;
    }
    if !variable_base.is_empty() && variable_base == member_base && !is_generic(variable) {
        return true;
    }
    let kind_base = split(&call.kind).0;
    if is_generic(variable) && !member_base.is_empty() && member_base == kind_base {
        return true;
    }
    // A bare name is the name of what the operation is called after.
    let belongs =
        is_generic(variable) || (!variable_base.is_empty() && kind_base.ends_with(variable_base));
    let about = call.name.contains(kind_base) && !kind_base.is_empty();
    // What is made has no id yet, unless it is made for something that has one.
    let makes = call.creates && !call.name.ends_with(&format!("for{}", call.kind));
    is_bare(member) && belongs && about && !(makes && variable_ending == Ending::Id)
}

/// Returns whether a member is the type's name without its first words, where the operation's name
/// has them all: `GetExportJob` has a `jobId`, `DeleteConnectionAlias` an `aliasId`. Ids are not
/// filled from names, nor from identifiers, which may be names.
pub(crate) fn is_short_for(variable: &str, member: &str, call: &Call) -> bool {
    let (variable_base, variable_ending) = split(variable);
    let (member_base, member_ending) = split(member);
    let kind_base = split(&call.kind).0;
    let same_ending = match variable_ending {
        Ending::Id => member_ending == Ending::Id && !call.creates,
        Ending::Name => member_ending == Ending::Name,
        Ending::Bare => matches!(member_ending, Ending::Id | Ending::Name),
        Ending::Identifier => false,
    };
    let of_kind = kind_base.ends_with(member_base) && variable_base.ends_with(member_base);
    same_ending && member_base.len() > 2 && call.name.contains(kind_base) && of_kind
}

/// Returns whether a member is the name of what a variable has the id of.
pub(crate) fn named_by(variable: &str, kind: &str, member: &str) -> bool {
    let (variable_base, ending) = split(variable);
    let (member_base, member_ending) = split(member);
    let about = [variable_base, split(kind).0].contains(&member_base) && !member_base.is_empty();
    ending == Ending::Id && member_ending == Ending::Name && about
}

/// Returns whether a variable is called like an id.
pub(crate) fn is_id(variable: &str) -> bool {
    split(variable).1 == Ending::Id
}

#[cfg(test)]
mod tests {
    use super::{Call, fills, is_short_for, normal_path};

    #[test]
    fn affixes_are_safe() {
        let call = |name: &str, kind: &str| Call {
            creates: name.starts_with("create"),
            name: name.to_owned(),
            kind: kind.to_owned(),
        };
        let update = |kind| call("updatetable", kind);
        assert!(fills("tablename", "tableidentifier", &update("table")));
        assert!(!fills("tableid", "tablename", &update("table")));
        assert!(!fills("tablename", "tableid", &update("table")));
        assert!(fills("clustername", "name", &call("describecluster", "cluster")));
        assert!(!fills("clustername", "name", &call("createnodegroup", "cluster")));
        assert!(!fills("clustername", "name", &call("createnodegroup", "nodegroup")));
        assert!(!fills("resourceid", "id", &call("createcluster", "cluster")));
        assert!(fills("resourceid", "detectorid", &call("getdetector", "detector")));
        assert!(!fills("tenantid", "id", &call("createtenant", "tenant")));
        assert!(fills("tenantid", "id", &call("createinvalidationfortenant", "tenant")));
    }

    #[test]
    fn members_may_leave_out_what_the_operation_says() {
        let call = |name: &str, kind: &str| Call {
            creates: name.starts_with("create"),
            name: name.to_owned(),
            kind: kind.to_owned(),
        };
        assert!(is_short_for("exportjobid", "jobid", &call("getexportjob", "exportjob")));
        assert!(!is_short_for("exportjobid", "jobid", &call("createexportjob", "exportjob")));
        assert!(!is_short_for("exportjobid", "jobname", &call("getexportjob", "exportjob")));
        assert!(!is_short_for("exportjobid", "jobidentifier", &call("getexportjob", "exportjob")));
        assert!(!is_short_for("exportjobid", "jobid", &call("listtasks", "exportjob")));
        assert!(!is_short_for("devicefleetname", "devicename", &call("getdevice", "device")));
    }

    #[test]
    fn paths_keep_their_endings() {
        assert_eq!(normal_path("request.RequestItems{}"), "request.requestitems{}");
        assert_eq!(normal_path("request.**.InstanceId"), "request.**.instanceid");
        assert_eq!(normal_path("request.x-amz-acl?"), "request.xamzacl?");
        let chosen = normal_path("request.requestItems[Operation=Put].tableName");
        assert_eq!(chosen, "request.requestitems[operation=put].tablename");
        let joined = normal_path("request.entries.databaseName+tableName");
        assert_eq!(joined, "request.entries.databasename+tablename");
    }
}
