use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use trailtrim_iam::{PolicyDocument, Statement};

use super::*;

fn grant(action: &str, resource: &str) -> (String, String) {
    (action.to_owned(), resource.to_owned())
}

fn pairs(blocks: &[Block]) -> Grants {
    let of = |block: &Block| -> Vec<(String, String)> {
        let Block { actions, resources } = block;
        actions.iter().flat_map(|a| resources.iter().map(move |r| (a.clone(), r.clone()))).collect()
    };
    blocks.iter().flat_map(of).collect()
}

/// What a document of the blocks measures, with ids as long as the service's name asks for.
fn printed(blocks: &[Block]) -> usize {
    let statement = |block: &Block| {
        let service = block.actions.first().map_or("", |action| service(action));
        Statement::allow(&block.actions, &block.resources).with_sid(format!(
            "{}{:08x}",
            service_name(service),
            0
        ))
    };
    PolicyDocument::new(blocks.iter().map(statement).collect()).size()
}

/// A statement for each set of resources, and one for each set of actions, of one service each.
fn groupings(grants: &Grants) -> [Vec<Block>; 2] {
    let mut by_action: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    let mut by_resource: BTreeMap<(&str, &str), BTreeSet<String>> = BTreeMap::new();
    for (action, resource) in grants {
        by_action.entry(action).or_default().insert(resource.clone());
        by_resource.entry((service(action), resource)).or_default().insert(action.clone());
    }
    let mut same_resources: BTreeMap<(&str, BTreeSet<String>), BTreeSet<String>> = BTreeMap::new();
    for (action, resources) in by_action {
        let same = same_resources.entry((service(action), resources)).or_default();
        same.insert(action.to_owned());
    }
    let mut same_actions: BTreeMap<BTreeSet<String>, BTreeSet<String>> = BTreeMap::new();
    for ((_, resource), actions) in by_resource {
        same_actions.entry(actions).or_default().insert(resource.to_owned());
    }
    [
        same_resources
            .into_iter()
            .map(|((_, resources), actions)| Block { actions, resources })
            .collect(),
        same_actions.into_iter().map(|(actions, resources)| Block { actions, resources }).collect(),
    ]
}

/// Checks what is promised of every cover.
fn check(grants: &Grants) -> Vec<Block> {
    let blocks = cover(grants);
    assert_eq!(&pairs(&blocks), grants);
    let mut held: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for block in &blocks {
        for action in &block.actions {
            for resource in &block.resources {
                *held.entry((action, resource)).or_default() += 1;
            }
        }
    }
    for block in &blocks {
        let only_here = |action: &str, resource: &str| held[&(action, resource)] == 1;
        for action in &block.actions {
            assert!(block.resources.iter().any(|r| only_here(action, r)), "{action} idle");
        }
        for resource in &block.resources {
            assert!(block.actions.iter().any(|a| only_here(a, resource)), "{resource} idle");
        }
        let services: BTreeSet<&str> = block.actions.iter().map(|a| service(a)).collect();
        assert!(services.len() == 1 || block.resources.iter().eq(["*"]), "{services:?}");
    }
    for plain in groupings(grants) {
        assert!(printed(&blocks) <= printed(&plain), "{blocks:#?} for {plain:#?}");
    }
    blocks
}

/// The cheapest cover by looking at every rectangle: cost by the set of edges that is covered.
fn cheapest(grants: &Grants) -> usize {
    let list: Vec<&(String, String)> = grants.iter().collect();
    let actions: Vec<&String> =
        list.iter().map(|(a, _)| a).collect::<BTreeSet<_>>().into_iter().collect();
    let resources: Vec<&String> =
        list.iter().map(|(_, r)| r).collect::<BTreeSet<_>>().into_iter().collect();
    let chosen = |of: &[&String], mask: usize| -> BTreeSet<String> {
        of.iter()
            .enumerate()
            .filter(|(n, _)| mask >> n & 1 == 1)
            .map(|(_, s)| (*s).clone())
            .collect()
    };
    let mut rectangles = Vec::new();
    for a in 1..1 << actions.len() {
        for r in 1..1 << resources.len() {
            let block = Block { actions: chosen(&actions, a), resources: chosen(&resources, r) };
            let inside = pairs(std::slice::from_ref(&block));
            if inside.is_subset(grants) {
                let edges: usize =
                    (0..list.len()).filter(|n| inside.contains(list[*n])).map(|n| 1 << n).sum();
                // One statement and its comma, without what a document has once.
                let cost = printed(&[block]) - printed(&[]) + 1;
                rectangles.push((edges, cost));
            }
        }
    }
    let all = (1_usize << list.len()) - 1;
    let mut costs = vec![usize::MAX; all + 1];
    costs[0] = 0;
    for covered in 0..all {
        if costs[covered] == usize::MAX {
            continue;
        }
        let next = 1 << (!covered).trailing_zeros();
        for (edges, cost) in rectangles.iter().filter(|(edges, _)| edges & next != 0) {
            let more = covered | edges;
            costs[more] = costs[more].min(costs[covered] + cost);
        }
    }
    costs[all]
}

/// A matrix of grants whose names vary in length; `shape` is one bit for each pair.
fn matrix(actions: &[u8], resources: &[u8], shape: &[bool]) -> Grants {
    let mut grants = Grants::new();
    let mut bits = shape.iter();
    for (a, long) in actions.iter().enumerate() {
        for (r, length) in resources.iter().enumerate() {
            if *bits.next().unwrap() {
                let action = format!("s3:A{a}{}", "x".repeat(usize::from(*long)));
                let resource = format!("arn:{r}{}", "\"".repeat(usize::from(*length)));
                grants.insert((action, resource));
            }
        }
    }
    grants
}

fn grants(most: usize, services: usize) -> impl Strategy<Value = Grants> {
    let sizes = (1..=most, 1..=most, 0.05..0.95_f64);
    sizes.prop_flat_map(move |(height, width, density)| {
        let shape = prop::collection::vec(prop::bool::weighted(density), height * width);
        shape.prop_map(move |shape| {
            let mut grants = Grants::new();
            for (n, _) in shape.iter().enumerate().filter(|(_, is)| **is) {
                let (a, r) = (n / width, n % width);
                // What has `*` has nothing else.
                let resource = if a % 5 == 4 { "*".into() } else { format!("arn:x:{r}") };
                grants.insert((format!("service{}:Action{a}", a % services), resource));
            }
            grants
        })
    })
}

fn small() -> impl Strategy<Value = Grants> {
    (1..=4_usize, 1..=4_usize).prop_flat_map(|(height, width)| {
        let lengths = |n| prop::collection::vec(0..30_u8, n);
        let shape = prop::collection::vec(any::<bool>(), height * width);
        (lengths(height), lengths(width), shape)
            .prop_map(|(actions, resources, shape)| matrix(&actions, &resources, &shape))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn small_covers_are_the_cheapest(grants in small()) {
        let blocks = check(&grants);
        prop_assert_eq!(printed(&blocks) + usize::from(!grants.is_empty()), printed(&[]) + cheapest(&grants));
    }

    #[test]
    fn what_is_promised_holds(grants in grants(12, 2)) {
        check(&grants);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]

    #[test]
    fn what_is_promised_holds_of_larger_ones(grants in grants(40, 3)) {
        check(&grants);
    }
}

#[test]
fn nothing_needs_nothing() {
    assert_eq!(cover(&Grants::new()), []);
}

#[test]
fn actions_on_everything_stand_apart() {
    let blocks = check(&Grants::from([
        grant("ec2:DescribeTags", "*"),
        grant("s3:GetObject", "arn:aws:s3:::b/*"),
        grant("s3:ListAllMyBuckets", "*"),
    ]));
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(
        blocks,
        [
            Block { actions: names(&["s3:GetObject"]), resources: names(&["arn:aws:s3:::b/*"]) },
            Block {
                actions: names(&["ec2:DescribeTags", "s3:ListAllMyBuckets"]),
                resources: names(&["*"])
            },
        ]
    );
}

#[test]
fn long_names_are_written_once() {
    // Reading everywhere, writing in one place: the ARN is longer than the action.
    let bucket = |n: usize| format!("arn:aws:s3:::a-bucket-with-a-rather-long-name-{n}/*");
    let blocks = check(&Grants::from([
        ("s3:Get".to_owned(), bucket(1)),
        ("s3:Get".to_owned(), bucket(2)),
        ("s3:Put".to_owned(), bucket(2)),
    ]));
    assert_eq!(blocks.iter().map(|block| block.resources.len()).sum::<usize>(), 2);
}

#[test]
fn a_condition_makes_statements_dear() {
    // Two statements of which one action or one resource stands twice; a third would be shorter
    // only if statements cost nothing.
    let grants =
        matrix(&[0, 0, 0], &[9, 9, 9], &[true, true, false, false, true, true, true, true, true]);
    let few = cover_under(&grants, 10_000, Effort::Full);
    assert_eq!(pairs(&few), grants);
    assert!(few.len() <= cover(&grants).len());
    assert_eq!(few.len(), 2);
}

#[test]
fn one_action_on_thousands_of_resources_is_one_block() {
    let grants: Grants = (0..5_000)
        .map(|n| ("s3:GetObject".to_owned(), format!("arn:aws:s3:::bucket/key-{n}")))
        .collect();
    assert_eq!(check(&grants).len(), 1);
}

#[test]
fn hundreds_of_actions_on_hundreds_of_resources() {
    // A fixed generator: the rows are all different.
    let mut state = 1_u64;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 33
    };
    let mut grants = Grants::new();
    for action in 0..400 {
        let (start, length) = (next() % 250, 1 + next() % 50);
        for resource in (start..start + length).filter(|n| n % (1 + action % 3) == 0) {
            grants.insert((
                format!("dynamodb:Action{action}"),
                format!("arn:aws:dynamodb:eu-west-1:111122223333:table/{resource}"),
            ));
        }
    }
    check(&grants);
}
