//! Events whose action is not called like them: every line of `irregular.txt`.

use std::collections::BTreeSet;

use trailtrim_catalog::{Catalog, Kind, Visibility};

#[test]
fn irregular_events_name_their_actions() {
    let catalog = Catalog::embedded();
    let mut wrong = Vec::new();
    let lines = include_str!("irregular.txt").lines().filter(|line| !line.starts_with('#'));
    for line in lines {
        let mut words = line.split(' ');
        let (source, name) = (words.next().unwrap(), words.next().unwrap());
        let operation = catalog.operation(&format!("{source}.amazonaws.com"), name);
        let actions: BTreeSet<&str> = operation.actions().collect();
        let expected: BTreeSet<&str> = words.filter(|word| *word != "-").collect();
        let kind = if expected.is_empty() { Kind::NoPermission } else { Kind::Mapped };
        if operation.kind() != kind || !expected.is_subset(&actions) {
            wrong.push(format!("{source} {name}: {expected:?}, but {actions:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_needs_no_permission_says_so() {
    let catalog = Catalog::embedded();
    for (source, name, kind) in [
        ("sts", "GetCallerIdentity", Kind::NoPermission),
        ("sts", "GetSessionToken", Kind::NoPermission),
        ("dynamodb", "DescribeEndpoints", Kind::NoPermission),
        ("signin", "ConsoleLogin", Kind::NotAnApiCall),
        ("s3", "GetStorageLensDashboardDataInternal", Kind::NotAnApiCall),
        ("s3", "NoSuchOperation", Kind::Unknown),
        ("lambda", "CreateFunction20159999x", Kind::Unknown),
        ("nobody", "Anything", Kind::Unknown),
    ] {
        let operation = catalog.operation(&format!("{source}.amazonaws.com"), name);
        assert_eq!(operation.kind(), kind, "{source} {name}");
    }
    assert_eq!(catalog.operation("monitoring.amazonaws.com", "New").service(), Some("cloudwatch"));
    assert_eq!(catalog.operation("nobody.amazonaws.com", "New").service(), Some("nobody"));
}

/// Returns the kept list: the type of each event, its line.
fn data_events() -> Vec<(&'static str, &'static str)> {
    let mut kind = "";
    let mut events = Vec::new();
    for line in include_str!("data-events.txt").lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with("AWS::") {
            kind = line;
        } else {
            events.push((kind, line));
        }
    }
    events
}

#[test]
fn data_events_name_their_actions() {
    let catalog = Catalog::embedded();
    let mut wrong = Vec::new();
    for (kind, line) in data_events() {
        let mut words = line.split(' ');
        let (source, name) = (words.next().unwrap(), words.next().unwrap());
        let operation = catalog.operation(&format!("{source}.amazonaws.com"), name);
        let actions: BTreeSet<&str> = operation.actions().collect();
        let expected: BTreeSet<&str> = words.filter(|word| *word != "-").collect();
        let is_mapped = operation.kind() == Kind::Mapped;
        let is_shown = |action: &&str| {
            let sight = catalog.action(action).map(|facts| facts.visibility());
            matches!(sight, Some(Visibility::Data(data)) if data == kind)
        };
        let fits = if expected.is_empty() {
            operation.kind() == Kind::NoPermission
        } else {
            let shown = kind == "AWS::" || expected.iter().any(is_shown);
            is_mapped && expected.is_subset(&actions) && shown
        };
        if !fits {
            wrong.push(format!("{line}: {} {actions:?}", operation.kind().as_str()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_filter_by_tags_tags_nothing() {
    let catalog = Catalog::embedded();
    for (source, name) in [("glue", "ListSessions"), ("glue", "ListJobs"), ("glue", "ListCrawlers")]
    {
        let operation = catalog.operation(&format!("{source}.amazonaws.com"), name);
        let actions: Vec<&str> = operation.actions().collect();
        assert_eq!(actions, [format!("{source}:{name}")]);
    }
}
