use proptest::prelude::*;
use trailtrim_iam::{Limits as Search, compare};

use super::held::action_covers;
use super::*;
use crate::irredundant::covers;

fn grants<A: Into<String>, R: Into<String>>(list: impl IntoIterator<Item = (A, R)>) -> Grants {
    list.into_iter().map(|(action, resource)| (action.into(), resource.into())).collect()
}

/// One Allow statement for each pair.
fn policy<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> PolicyDocument {
    let allow = |(action, resource)| Statement::allow([action], [resource]);
    PolicyDocument::new(pairs.into_iter().map(allow).collect())
}

fn no_new_access(existing: &[PolicyDocument], new: &[PolicyDocument]) -> bool {
    let (existing, new): (Vec<_>, Vec<_>) = (existing.iter().collect(), new.iter().collect());
    compare(&existing, &new, &Search::default()).new_access() == Some(false)
}

fn sids(documents: &[PolicyDocument]) -> Vec<&str> {
    let of = |document: &PolicyDocument| document.statements.len();
    let sids: Vec<&str> = documents
        .iter()
        .flat_map(|document| &document.statements)
        .filter_map(|statement| statement.sid.as_deref())
        .collect();
    assert_eq!(sids.len(), documents.iter().map(of).sum::<usize>());
    sids
}

/// What is promised of every answer: within limits if it says so, ids once each, all that is
/// wanted, nothing beyond the ceiling. Returns the documents and steps.
fn check(
    partitions: Vec<Partition<'_>>,
    limits: &Limits,
    ceiling: Option<&PolicyDocument>,
) -> (Fit, Vec<PolicyDocument>, Vec<Step>) {
    let wanted = Wanted { partitions, fixed: Vec::new() };
    let fit = fit(&wanted, limits, Catalog::embedded());
    let (documents, steps) = match &fit {
        Fit::Fitted { documents, steps } => {
            assert!(pack::fits(documents, limits));
            (documents.clone(), steps.clone())
        }
        Fit::DoesNotFit(nearest) => {
            assert!(!pack::fits(&nearest.documents, limits));
            assert!(pack::fits(&nearest.documents, &nearest.needed));
            assert!(nearest.needed.documents <= nearest.needed_exactly.documents);
            (nearest.documents.clone(), nearest.steps.clone())
        }
    };
    let ids = sids(&documents);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len(), "{ids:?}");
    for partition in &wanted.partitions {
        // Where there are thousands, the engine is asked of some of them.
        let every = 1 + partition.grants.len() / 200;
        let some = partition.grants.iter().step_by(every);
        let mut asked = policy(some.map(|(action, resource)| (&**action, &**resource)));
        asked.statements.iter_mut().for_each(|one| one.condition = partition.condition.clone());
        assert!(no_new_access(&documents, &[asked]), "something wanted is not granted");
    }
    if let Some(ceiling) = ceiling {
        let mut ceilings = vec![ceiling.clone()];
        for partition in &wanted.partitions {
            let mut same = ceiling.clone();
            same.statements.iter_mut().for_each(|one| one.condition = partition.condition.clone());
            ceilings.push(same);
        }
        assert!(no_new_access(&ceilings, &documents), "beyond the ceiling");
    }
    for step in &steps {
        assert!(!step.from.is_empty(), "{step:?}");
        let nothing = step.gained_actions.is_empty();
        assert_eq!(nothing, step.gained_level == GainedLevel::Nothing, "{step:?}");
    }
    (fit, documents, steps)
}

fn ceiling_of(pairs: &[(&str, &str)]) -> impl Fn(&str, &str) -> bool {
    let pairs = grants(pairs.iter().map(|(action, resource)| (*action, *resource)));
    move |action: &str, resource: &str| {
        pairs.iter().any(|(a, r)| action_covers(a, action) && covers(r, resource))
    }
}

fn plain<'a>(grants: Grants, ceiling: Option<&'a Ceiling<'a>>) -> Partition<'a> {
    Partition { grants, condition: Condition::default(), ceiling, patterns: Vec::new() }
}

/// Thousands of objects, in folders of days under few prefixes, and two odd ones.
fn objects() -> Grants {
    let mut all = Grants::new();
    for n in 0..5_000 {
        let (prefix, day) = (["in", "out", "archive"][n % 3], n / 3 % 40);
        let key = format!("arn:aws:s3:::documents/{prefix}/2026-{day:02}/object-{n:05}.json");
        all.extend(grants([("s3:GetObject", key.clone())]));
        if prefix == "out" {
            all.extend(grants([("s3:PutObject", key)]));
        }
    }
    all.extend(grants([
        ("s3:GetObject", "arn:aws:s3:::settings/app.toml"),
        ("s3:ListBucket", "arn:aws:s3:::documents"),
    ]));
    all
}

#[test]
fn thousands_of_objects_become_their_prefixes() {
    let pairs = [("s3:*", "arn:aws:s3:::documents*"), ("s3:GetObject", "arn:aws:s3:::settings/*")];
    let ceiling = ceiling_of(&pairs);
    let ceiling = &ceiling as &Ceiling<'_>;
    for (limits, ceiling) in [
        (Limits::managed(), Some(ceiling)),
        (Limits::inline_role(), None),
        (Limits::inline_user(), Some(ceiling)),
    ] {
        let bound = policy(pairs);
        let bound = ceiling.map(|_| &bound);
        let (fit, documents, steps) = check(vec![plain(objects(), ceiling)], &limits, bound);
        assert!(matches!(fit, Fit::Fitted { .. }), "{limits:?}");
        assert!(steps.iter().any(|step| step.why == Why::Prefix));
        let json: String = documents.iter().map(PolicyDocument::to_json).collect();
        assert!(json.contains("arn:aws:s3:::settings/app.toml"), "the odd one stays exact");
        assert!(!json.contains("documents*") && !json.contains("\"*\""));
    }
}

#[test]
fn room_is_used_before_anything_is_widened() {
    // Reading gives ground first. Then there is room for some days' writing as it was.
    let (_, _, few) = check(vec![plain(objects(), None)], &Limits::managed(), None);
    let small = Limits { document: 1_000, documents: 1, bytes: false };
    let (_, _, many) = check(vec![plain(objects(), None)], &small, None);
    let writing = |steps: &[Step]| -> Vec<String> {
        let writes = |step: &&Step| step.gained_level == GainedLevel::Level(AccessLevel::Write);
        steps.iter().filter(writes).flat_map(|step| step.to.resources.clone()).collect()
    };
    let (few, many) = (writing(&few), writing(&many));
    let of_a_day = |name: &String| name.contains("/out/2026-");
    assert!((1..40).contains(&few.len()) && few.iter().all(of_a_day), "{few:#?}");
    assert!(!many.is_empty() && !many.iter().any(of_a_day), "{many:#?}");
}

fn tables() -> Grants {
    let arn = |n: usize| format!("arn:aws:dynamodb:eu-west-1:111122223333:table/tenant-{n:04}");
    (0..5_000)
        .flat_map(|n| {
            [("dynamodb:GetItem".to_owned(), arn(n)), ("dynamodb:Query".to_owned(), arn(n))]
        })
        .collect()
}

#[test]
fn thousands_of_tables_become_what_is_attached() {
    let attached = "arn:aws:dynamodb:eu-west-1:111122223333:table/tenant-*";
    let pairs = [("dynamodb:*", attached)];
    let ceiling = ceiling_of(&pairs);
    let partition = |patterns: &[&str]| Partition {
        patterns: patterns.iter().map(|one| (*one).to_owned()).collect(),
        ..plain(tables(), Some(&ceiling))
    };
    let (fit, documents, steps) =
        check(vec![partition(&[attached])], &Limits::managed(), Some(&policy(pairs)));
    assert!(matches!(fit, Fit::Fitted { .. }));
    assert_eq!((documents.len(), steps.len()), (1, 1));
    assert_eq!(steps[0].to.resources, BTreeSet::from([attached.to_owned()]));
    assert_eq!(steps[0].gained_level, GainedLevel::Level(AccessLevel::Read));
    assert_eq!(steps[0].from.len(), 10_000);

    // Whoever does not say what is attached gets no answer beyond it either.
    let (fit, ..) = check(vec![partition(&[])], &Limits::managed(), Some(&policy(pairs)));
    let Fit::DoesNotFit(nearest) = fit else { panic!("{fit:?}") };
    assert!(nearest.needed.documents > 10, "{:?}", nearest.needed);
    assert!(nearest.steps.iter().all(|step| step.why == Why::ActionPattern));
}

/// Real actions, each on a resource of its own and on some shared ones.
fn hundreds_of_actions() -> Grants {
    let catalog = Catalog::embedded();
    let mut all = Grants::new();
    for (service, count) in [("ec2", 250), ("sagemaker", 150)] {
        let actions = catalog.service(service).unwrap().actions();
        for (n, action) in actions.filter(|one| one.resource_types().next().is_some()).enumerate() {
            if n == count {
                break;
            }
            for shared in [n % 7, 7 + n % 11, 18 + n] {
                let arn = format!("arn:aws:{service}:eu-west-1:111122223333:thing/{shared:04}");
                all.extend(grants([(action.id(), arn)]));
            }
        }
    }
    let actions: BTreeSet<&String> = all.iter().map(|(action, _)| action).collect();
    assert_eq!(actions.len(), 400);
    all
}

#[test]
fn hundreds_of_actions_fit_or_it_is_said() {
    let (fit, ..) = check(vec![plain(hundreds_of_actions(), None)], &Limits::managed(), None);
    assert!(matches!(fit, Fit::Fitted { .. }));

    let pairs = [("ec2:*", "*"), ("sagemaker:*", "*")];
    let ceiling = ceiling_of(&pairs);
    let wanted = vec![plain(hundreds_of_actions(), Some(&ceiling))];
    let (fit, ..) = check(wanted, &Limits::managed(), Some(&policy(pairs)));
    assert!(matches!(fit, Fit::Fitted { .. }));

    // Where the ceiling is the wanted itself, nothing can be given.
    let all = hundreds_of_actions();
    let exact = |action: &str, resource: &str| all.contains(&(action.into(), resource.into()));
    let tiny = Limits { document: 1_000, documents: 1, bytes: false };
    let (fit, ..) = check(vec![plain(all.clone(), Some(&exact))], &tiny, None);
    let Fit::DoesNotFit(nearest) = fit else { panic!("{fit:?}") };
    assert_eq!((nearest.needed, nearest.steps), (nearest.needed_exactly, Vec::new()));
}

#[test]
fn without_a_ceiling_nothing_unbounded_comes() {
    let buckets = (0..400).map(|n| ("s3:GetObject", format!("arn:aws:s3:::bucket-{n}/key")));
    let limits = Limits { document: 2_048, documents: 1, bytes: false };
    let (fit, ..) = check(vec![plain(grants(buckets.clone()), None)], &limits, None);
    assert!(matches!(fit, Fit::DoesNotFit(_)));
    let everything = |_: &str, _: &str| true;
    let (fit, ..) = check(vec![plain(grants(buckets), Some(&everything))], &limits, None);
    assert!(matches!(fit, Fit::Fitted { .. }));
}

#[test]
fn actions_become_patterns_only_at_last_without_a_ceiling() {
    let names = ["GetObject", "GetObjectAcl", "GetObjectTagging", "GetObjectVersion"];
    let all = grants(names.map(|name| (format!("s3:{name}"), "arn:aws:s3:::b/k")));
    let whole = Limits { document: 400, documents: 1, bytes: false };
    let (_, documents, steps) = check(vec![plain(all.clone(), None)], &whole, None);
    assert!(steps.is_empty());
    let size = whole.measure(&documents[0]);
    let tight = Limits { document: size - 1, ..whole };
    let (_, _, steps) = check(vec![plain(all, None)], &tight, None);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].why, Why::ActionPattern);
    assert_eq!(steps[0].to.actions, BTreeSet::from(["s3:GetObject*".to_owned()]));
    assert!(steps[0].gained_actions.contains("s3:GetObjectRetention"));
    assert!(!steps[0].gained_actions.contains("s3:GetObject"));
}

#[test]
fn the_lower_access_level_gives_ground_first() {
    let names = |action: &'static str, kind: &'static str| {
        (0..30).map(move |n| (action, format!("arn:aws:s3:::b/{kind}/object-number-{n}")))
    };
    let all = grants(names("s3:GetObject", "read").chain(names("s3:PutObject", "write")));
    let limits = Limits { document: 2_048, documents: 1, bytes: false };
    let (_, _, steps) = check(vec![plain(all, None)], &limits, None);
    assert_eq!(steps.len(), 1);
    assert_eq!(steps[0].gained_level, GainedLevel::Level(AccessLevel::Read));
    assert_eq!(steps[0].to.resources, BTreeSet::from(["arn:aws:s3:::b/read/*".to_owned()]));
}

#[test]
fn what_is_fixed_stays_as_it_is() {
    let deny = Statement::deny(["s3:DeleteObject"], ["*"]).with_sid("Keep");
    let actions = ["ec2:DescribeTags", "s3:ListAllMyBuckets"];
    let wanted = Wanted {
        partitions: vec![plain(grants(actions.map(|action| (action, "*"))), None)],
        fixed: vec![deny.clone()],
    };
    let fit = fit(&wanted, &Limits::managed(), Catalog::embedded());
    let Fit::Fitted { documents, steps } = fit else { panic!("{fit:?}") };
    assert!(steps.is_empty());
    let all = Statement::allow(actions, ["*"]).with_sid("ActionsWithoutResource");
    assert_eq!(documents, [PolicyDocument::new(vec![all, deny])]);
}

#[test]
fn a_statement_too_large_is_split() {
    let names: Vec<String> = (0..300).map(|n| format!("arn:aws:s3:::bucket/key-{n:04}")).collect();
    let one = Statement::allow(["s3:GetObject", "s3:PutObject"], names.clone()).with_sid("Objects");
    let other = Statement::allow(["sqs:SendMessage"], ["*"]).with_sid("ObjectsPart1");
    let all = vec![one.clone(), other.clone()];
    let limits = Limits { document: 3_000, documents: 4, bytes: false };
    let documents = pack(all.clone(), &limits).unwrap();
    assert!(documents.len() > 1);
    let ids = sids(&documents);
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
    let before = [PolicyDocument::new(all.clone())];
    assert!(no_new_access(&before, &documents) && no_new_access(&documents, &before));

    assert_eq!(pack(all, &Limits { documents: 3, ..limits }), None);
    let small = Limits { document: 200, documents: 1_000, bytes: false };
    let names = names.get(..20).unwrap().to_vec();
    let wide = Statement::allow((0..12).map(|n| format!("s3:Action{n}")), names.clone());
    let documents = pack(vec![wide.clone()], &small).unwrap();
    let before = [PolicyDocument::new(vec![wide])];
    assert!(no_new_access(&before, &documents) && no_new_access(&documents, &before));
    // Everything but a list cannot be cut into parts.
    let but = Statement {
        resource: Some(trailtrim_iam::Selector::AllBut(names)),
        ..Statement::allow(["s3:GetObject"], [""; 0])
    };
    assert_eq!(pack(vec![but], &small), None);
}

#[test]
fn documents_are_filled_before_they_are_too_many() {
    // Three statements of two thirds of a document each fit into two only if one is split.
    let statement = |name: char| {
        let names = (0..20).map(|n| format!("arn:aws:s3:::{name}/{n:030}"));
        Statement::allow(["s3:GetObject"], names).with_sid(name)
    };
    let all: Vec<Statement> = "abc".chars().map(statement).collect();
    let size = PolicyDocument::new(vec![all[0].clone()]).size();
    let limits = Limits { document: size * 5 / 3, documents: 2, bytes: false };
    let documents = pack(all.clone(), &limits).unwrap();
    assert_eq!(documents.len(), 2);
    assert_eq!(pack(all.clone(), &Limits { documents: 3, ..limits }).unwrap().len(), 3);
    let before = [PolicyDocument::new(all)];
    assert!(no_new_access(&before, &documents) && no_new_access(&documents, &before));
}

#[test]
fn a_permission_set_counts_bytes() {
    let document = policy([("s3:GetObject", "arn:aws:s3:::b/é")]);
    let (characters, bytes) = (Limits::inline_role(), Limits::permission_set());
    assert_eq!(characters.measure(&document) + 1, bytes.measure(&document));
}

/// Names that share beginnings, of two services.
fn some_grants() -> impl Strategy<Value = Grants> {
    let action = prop::sample::select(vec![
        "s3:GetObject",
        "s3:GetObjectAcl",
        "s3:PutObject",
        "s3:DeleteObject",
        "sqs:SendMessage",
        "sqs:ReceiveMessage",
        "s3:Unheard",
    ]);
    let resource = prop_oneof![
        "arn:aws:s3:::[ab](/[ab]{1,2}){1,3}(/\\*)?",
        "arn:aws:sqs:eu-west-1:111122223333:[a-d]{1,3}",
    ];
    prop::collection::btree_set((action.prop_map(str::to_owned), resource), 1..25)
}

/// Patterns around what is wanted, so that much but not all may be widened.
fn some_ceiling() -> impl Strategy<Value = Vec<(&'static str, &'static str)>> {
    let actions = vec!["*", "s3:*", "s3:Get*", "sqs:*", "s3:PutObject", "sqs:SendMessage"];
    let resources =
        vec!["*", "arn:aws:s3:::a/*", "arn:aws:s3:::*", "arn:aws:s3:::a/a*", "arn:aws:sqs:*:*:*"];
    prop::collection::vec((prop::sample::select(actions), prop::sample::select(resources)), 0..4)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn never_beyond_and_never_less(
        wanted in some_grants(),
        conditioned in some_grants(),
        pairs in some_ceiling(),
        ceiled in any::<bool>(),
        document in 250..900_usize,
        documents in 1..3_usize,
    ) {
        let mut all = grants(pairs.iter().copied());
        all.extend(wanted.iter().chain(&conditioned).cloned());
        let bound = policy(all.iter().map(|(action, resource)| (&**action, &**resource)));
        let ceiling = |action: &str, resource: &str| {
            all.iter().any(|(a, r)| action_covers(a, action) && covers(r, resource))
        };
        let mut condition = Condition::default();
        condition.add("StringEquals", "aws:RequestedRegion", ["eu-west-1"]);
        let ceiling = ceiled.then_some(&ceiling as &Ceiling<'_>);
        let partitions = || {
            let conditioned = plain(conditioned.clone(), ceiling);
            vec![
                plain(wanted.clone(), ceiling),
                Partition { condition: condition.clone(), ..conditioned },
            ]
        };
        let limits = Limits { document, documents, bytes: false };
        let (fit, ..) = check(partitions(), &limits, ceiled.then_some(&bound));
        let (again, ..) = check(partitions(), &limits, None);
        prop_assert_eq!(fit, again);
    }
}
