//! An epoch hangs on what observing asks the catalog, and on no more: a corrected mapping must not
//! make anyone read an archive again.
//!
//! The catalogs here are the real one with a rule changed, compiled anew.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;

use trailtrim_aggregator::{Epoch, Scope};
use trailtrim_catalog::{Catalog, Visibility};
use trailtrim_catalog_compiler::{Input, compile, data};

/// A rule file, a text in it, and what takes the text's place.
type Change = (&'static str, &'static str, &'static str);

fn changed(changes: &[Change]) -> Catalog {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../catalog");
    let load = |name: &str| std::fs::read(own.join("data").join(name)).unwrap();
    let mut rules = BTreeMap::new();
    for entry in std::fs::read_dir(own.join("rules")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "toml") {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            rules.insert(name, std::fs::read_to_string(&path).unwrap());
        }
    }
    for (file, text, replaced) in changes {
        let rule = rules.get_mut(*file).unwrap();
        assert_eq!(rule.matches(text).count(), 1, "{text} in {file}");
        *rule = rule.replace(text, replaced);
    }
    let input = Input {
        services: data::from_lines(&load("iam.jsonl.zst")).unwrap(),
        models: data::from_lines(&load("operations.jsonl.zst")).unwrap(),
        rules,
        digest: format!("{changes:?}"),
        packages: Vec::new(),
    };
    Catalog::from_bytes(compile(&input).unwrap().leak()).unwrap()
}

fn epoch(catalog: Catalog) -> Epoch {
    Epoch::of(catalog, &Scope::default())
}

#[test]
fn a_corrected_mapping_is_no_new_epoch_and_another_part_to_keep_is_one() {
    let now = Catalog::embedded();
    let mapped = changed(&[
        (
            "s3.toml",
            "names = [\"GetBucketLifecycle\"]\nactions = [\"GetLifecycleConfiguration\"]",
            "names = [\"GetBucketLifecycle\"]\nactions = [\"GetBucketAcl\"]",
        ),
        (
            "visibility.toml",
            "actions = [\"sns:Publish\"]\ndata = \"AWS::SNS::Topic\"",
            "actions = [\"sns:Publish\"]\ndata = \"AWS::SNS::Other\"",
        ),
    ]);
    let action = |catalog: Catalog| {
        catalog.operation("s3.amazonaws.com", "GetBucketLifecycle").actions().next()
    };
    assert_eq!(action(now), Some("s3:GetLifecycleConfiguration"));
    assert_eq!(action(mapped), Some("s3:GetBucketAcl"));
    let visibility = mapped.action("sns:Publish").map(|facts| facts.visibility());
    assert_eq!(visibility, Some(Visibility::Data("AWS::SNS::Other")));
    assert_ne!(mapped.version().digest(), now.version().digest());
    assert_eq!(epoch(mapped), epoch(now));

    let kept = changed(&[(
        "events.toml",
        "fill.event-bus.EventBusName = [\"entries.eventBusName\", \"=default\"]",
        "fill.event-bus.EventBusName = [\"entries.busOfAnotherName\", \"=default\"]",
    )]);
    let paths = |catalog: Catalog| -> Vec<&'static str> {
        catalog.operation("events.amazonaws.com", "PutEvents").extraction().paths().collect()
    };
    assert_ne!(paths(kept), paths(now));
    assert_ne!(epoch(kept), epoch(now));
}
