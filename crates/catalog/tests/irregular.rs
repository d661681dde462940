//! Events whose action is not called like them: every line of `irregular.txt`.

use std::collections::BTreeSet;

use trailtrim_catalog::{Catalog, Kind};

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
