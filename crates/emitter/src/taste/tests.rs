mod properties;

use trailtrim_aggregator::EventKey;

use super::*;

/// What was seen: action, resource, and on which days.
type Given<'a> = (&'a str, &'a str, &'a [i32]);

fn stats(name: &str, days: &[i32]) -> Stats {
    let mut stats = Stats::default();
    for day in days {
        let id = format!("{name} {day}");
        let time = Some(i64::from(*day) * 86_400);
        let event = EventKey { key: &id, event_id: &id, time, region: "eu-west-1" };
        stats.add(event, &trailtrim_aggregator::Label::from("file"));
    }
    stats
}

fn choose_with(given: &[Given<'_>], taste: Taste, attached: &[&str]) -> Choice {
    let stats: Vec<Stats> = given
        .iter()
        .map(|(action, resource, days)| stats(&format!("{action}{resource}"), days))
        .collect();
    let seen = given.iter().zip(&stats).map(|((action, resource, _), stats)| Seen {
        action,
        resource,
        stats,
        written: false,
        life: None,
    });
    let attached = |_: &str| attached.iter().map(|text| (*text).to_owned()).collect();
    let days: BTreeSet<i32> = given.iter().flat_map(|(_, _, days)| *days).copied().collect();
    choose(seen, days.len() >= 3, &|_| taste, &attached, Catalog::embedded())
}

/// What shows that somebody was there on several days.
const BUSY: Given<'_> = ("ec2:DescribeInstances", "*", &[1, 17, 30]);

/// What becomes of one resource that was seen on one day, of who acts on others as well.
fn once(action: &str, resource: &str, taste: Taste) -> String {
    let given = [(action, resource, &[5][..]), BUSY];
    choose_with(&given, taste, &[]).resource(action, resource).to_owned()
}

#[test]
fn recovery_points_are_of_one_run_whichever_service_made_them() {
    for (resource, expected) in [
        ("arn:aws:backup:r:1:recovery-point:5e1e5e00-1", "arn:aws:backup:r:1:recovery-point:*"),
        ("arn:aws:ec2:r::snapshot/snap-0a", "arn:aws:ec2:r::snapshot/*"),
        ("arn:aws:rds:r:1:snapshot:awsbackup:job-1", "arn:aws:rds:r:1:snapshot:*"),
        (
            "arn:aws:elasticfilesystem:r:1:file-system/fs-1",
            "arn:aws:elasticfilesystem:r:1:file-system/fs-1",
        ),
    ] {
        assert_eq!(once("backup:StartRestoreJob", resource, Taste::Balanced), expected);
    }
}

/// 20 November 2026, so that the dates in keys are of then.
const NOVEMBER: i32 = 20_777;

const EC2: &str = "arn:aws:ec2:eu-west-1:111122223333:";

#[test]
fn names_of_one_run_are_written_as_what_they_are_one_of() {
    for (action, resource, expected) in [
        (
            "ec2:TerminateInstances",
            "arn:aws:ec2:eu-west-1:111122223333:instance/i-0a",
            "arn:aws:ec2:eu-west-1:111122223333:instance/*",
        ),
        (
            "states:StopExecution",
            "arn:aws:states:eu-west-1:111122223333:execution:orders:e1",
            "arn:aws:states:eu-west-1:111122223333:execution:orders:*",
        ),
        (
            "logs:PutLogEvents",
            "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/x:log-stream:2026/11/26/[1]a",
            "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/x:log-stream:*",
        ),
        (
            "ecs:StopTask",
            "arn:aws:ecs:eu-west-1:111122223333:task/shop/0a1b",
            "arn:aws:ecs:eu-west-1:111122223333:task/shop/*",
        ),
        (
            "cloudformation:UpdateStack",
            "arn:aws:cloudformation:eu-west-1:111122223333:stack/app/0b5e",
            "arn:aws:cloudformation:eu-west-1:111122223333:stack/app/*",
        ),
        (
            "ecs:RunTask",
            "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:41",
            "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:*",
        ),
        (
            "lambda:PutProvisionedConcurrencyConfig",
            "arn:aws:lambda:eu-west-1:111122223333:function:f:41",
            "arn:aws:lambda:eu-west-1:111122223333:function:f:*",
        ),
        (
            "batch:TerminateJob",
            "arn:aws-cn:batch:cn-north-1:111122223333:job/0b5e",
            "arn:aws-cn:batch:cn-north-1:111122223333:job/*",
        ),
        (
            "ssm:TerminateSession",
            "arn:aws:ssm:eu-west-1:111122223333:session/jo-0a",
            "arn:aws:ssm:eu-west-1:111122223333:session/*",
        ),
        (
            "sagemaker:StopTrainingJob",
            "arn:aws:sagemaker:eu-west-1:111122223333:training-job/x-1",
            "arn:aws:sagemaker:eu-west-1:111122223333:training-job/*",
        ),
    ] {
        assert_eq!(once(action, resource, Taste::Balanced), expected);
        assert_eq!(once(action, resource, Taste::Exact), resource);
    }
}

#[test]
fn the_next_version_has_another_number_where_several_were_seen() {
    let function = |end: &str| format!("arn:aws:lambda:eu-west-1:111122223333:function:ship{end}");
    let names = [":10", ":11", ":live", ":$LATEST", "", ":12-b"].map(function);
    // Each for more than a week: a version is used until the next deployment, however long that takes.
    let given = |names: &[String]| -> Vec<String> {
        let days = [1, 20];
        let seen = names.iter().map(|name| ("lambda:InvokeFunction", name.as_str(), &days[..]));
        let choice = choose_with(&seen.collect::<Vec<Given<'_>>>(), Taste::Balanced, &[]);
        let told = choice.generalisations().first();
        let told = told.map(|one| one.adds.as_str());
        let expected = "every other version or alias of `ship` in eu-west-1 of 111122223333";
        assert!(told.is_none_or(|told| told == expected), "{told:?}");
        names.iter().map(|name| choice.resource("lambda:InvokeFunction", name).to_owned()).collect()
    };
    let all = function(":*");
    let [_, _, live, latest, whole, word] = names.clone();
    assert_eq!(given(&names), [all.clone(), all, live, latest, whole, word]);
    assert_eq!(given(&names[1..]), names[1..]);
    for (action, names, expected) in [
        (
            "bedrock:GetPrompt",
            ["arn:aws:bedrock:r:1:prompt/P0:3", "arn:aws:bedrock:r:1:prompt/P0:4"],
            "arn:aws:bedrock:r:1:prompt/P0:*",
        ),
        // Queues are called as they are.
        ("sqs:SendMessage", ["arn:aws:sqs:r:1:3", "arn:aws:sqs:r:1:4"], "arn:aws:sqs:r:1:3"),
    ] {
        let seen = names.map(|name| (action, name, [5].as_slice()));
        assert_eq!(choose_with(&seen, Taste::Balanced, &[]).resource(action, names[0]), expected);
        assert_eq!(once(action, names[0], Taste::Balanced), names[0]);
    }
}

#[test]
fn what_is_deleted_by_names_that_last_stays_exact() {
    let key = |name: &str| format!("arn:aws:s3:::state/prod/app/{name}");
    let (lock, state, odd) = (key("terraform.tfstate.tflock"), key("terraform.tfstate"), key("x"));
    let (days, day) = ([1, 20].as_slice(), [5].as_slice());
    let written: [Given<'_>; 3] = [
        ("s3:PutObject", &lock, days),
        ("s3:PutObject", &state, days),
        ("s3:DeleteObject", &lock, days),
    ];
    let balanced = |given: &[Given<'_>]| {
        let choice = choose_with(given, Taste::Balanced, &[]);
        [("s3:PutObject", &state), ("s3:DeleteObject", &lock)]
            .map(|(action, resource)| choice.resource(action, resource).to_owned())
    };
    assert_eq!(balanced(&written), [key("*"), lock.clone()]);
    // One more that was deleted once says nothing of the next, and several do.
    let few = [&written[..], &[("s3:DeleteObject", &odd, day)]].concat();
    assert_eq!(balanced(&few), [key("*"), lock.clone()]);
    let another = key("y");
    let several = [&few[..], &[("s3:DeleteObject", &another, day)]].concat();
    assert_eq!(balanced(&several), [key("*"), key("*")]);
    // Dates go on, also where the names below them lasted.
    let dated = "arn:aws:s3:::state/2026-11-26/lock";
    assert_eq!(once("s3:DeleteObject", dated, Taste::Balanced), "arn:aws:s3:::state/20??-??*");
    let prefix = choose_with(&written, Taste::Prefix, &[]);
    assert_eq!(prefix.resource("s3:DeleteObject", &lock), key("*"));
}

#[test]
fn what_is_deleted_is_cut_behind_what_its_names_share() {
    let balanced = |names: &[&str]| {
        let keys: Vec<String> =
            names.iter().map(|name| format!("arn:aws:s3:::lake/t/{name}")).collect();
        let log = "arn:aws:s3:::lake/t/_log/0.json";
        let deleted = keys.iter().zip(1..).map(|(key, day)| (key.as_str(), vec![day]));
        let deleted: Vec<_> = deleted.collect();
        let mut given: Vec<Given<'_>> =
            deleted.iter().map(|(key, days)| ("s3:DeleteObject", *key, &days[..])).collect();
        given.push(("s3:PutObject", log, &[1, 2, 20]));
        let choice = choose_with(&given, Taste::Balanced, &[]);
        let all = keys.iter().map(|key| choice.resource("s3:DeleteObject", key).to_owned());
        let all: BTreeSet<String> = all.collect();
        let told = choice.generalisations().iter().find(|one| one.rule == Rule::SeveralKeys);
        assert_eq!(told.map(|one| one.names), (all.len() < keys.len()).then_some(keys.len()));
        all.iter().map(|to| to.replace("arn:aws:s3:::lake/t/", "")).collect::<Vec<_>>()
    };
    let parts = [
        "part-00000-0b5e1e5e-1111-4222-8333-444455556666-c000.parquet",
        "part-00000-1b5e1e5e-1111-4222-8333-444455556666-c000.parquet",
        "part-00001-2b5e1e5e-1111-4222-8333-444455556666-c000.parquet",
    ];
    assert_eq!(balanced(&parts), ["part-*"]);
    assert_eq!(balanced(&parts[..2]), parts[..2], "two may be all there are");
    // A word is another word next time, and so is a number or an id.
    assert_eq!(balanced(&["tmp_alps", "tmp_alpha", "tmp_alpine"]), ["tmp_*"]);
    assert_eq!(balanced(&["chunk1", "chunk2", "chunk30"]), ["chunk*"]);
    assert_eq!(balanced(&["alps", "alpha", "alpine"]), ["*"]);
    assert_eq!(balanced(&["écho-a", "écho-b", "écho-c"]), ["écho-*"]);
    assert_eq!(balanced(&["x-${*}a", "x-${$}b", "x-${*}c"]), ["x-*"]);
}

#[test]
fn what_guards_or_changes_what_is_there_goes_by_its_own_names() {
    let key = "arn:aws:s3:::lake/a/b.bin";
    let (all, days, day) = ("arn:aws:s3:::lake/a/*", [1, 20].as_slice(), [5].as_slice());
    let read = ["c", "d", "e"].map(|name| format!("arn:aws:s3:::lake/a/{name}"));
    let mut beside: Vec<Given<'_>> = read.iter().map(|key| ("s3:GetObject", &**key, day)).collect();
    beside.extend(read.iter().map(|key| ("s3:DeleteObject", &**key, day)));
    beside.push(("s3:PutObject", key, days));
    for action in [
        "s3:BypassGovernanceRetention",
        "s3:PutObjectLegalHold",
        "s3:PutObjectRetention",
        "s3:RestoreObject",
        "s3:PutObjectVersionAcl",
        "s3:DeleteObjectTagging",
        "s3:UpdateObjectEncryption",
    ] {
        let given = [&beside[..], &[(action, key, days)]].concat();
        let choice = choose_with(&given, Taste::Balanced, &[]);
        assert_eq!(choice.resource("s3:PutObject", key), all);
        assert_eq!(choice.resource(action, key), key, "{action}");
        // Several names of a day each have a next one.
        let each = read.iter().map(|key| (action, &**key, day));
        let choice = choose_with(&each.collect::<Vec<Given<'_>>>(), Taste::Balanced, &[]);
        assert_eq!(choice.resource(action, &read[0]), all, "{action}");
    }
    for action in
        ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectTagging", "s3:AbortMultipartUpload"]
    {
        assert_eq!(
            choose_with(&[(action, key, days)], Taste::Balanced, &[]).resource(action, key),
            all
        );
    }
}

#[test]
fn what_an_upload_locks_goes_by_the_prefix_that_it_writes_to() {
    let stats = [stats("a", &[1]), stats("b", &[9])];
    let keys = ["arn:aws:s3:::b/in/alpha", "arn:aws:s3:::b/in/beta"];
    for action in ["s3:PutObjectLegalHold", "s3:PutObjectRetention"] {
        for (event, expected) in
            [("PutObject", "arn:aws:s3:::b/in/*"), ("PutObjectLegalHold", keys[0])]
        {
            let events = [("s3.amazonaws.com".to_owned(), event.to_owned())];
            let seen = keys.iter().zip(&stats).map(|(resource, stats)| Seen {
                action,
                resource,
                stats,
                written: is_written(action, events.iter()),
                life: None,
            });
            let choice =
                choose(seen, true, &|_| Taste::Balanced, &|_| Vec::new(), Catalog::embedded());
            assert_eq!(choice.resource(action, keys[0]), expected, "{action} {event}");
        }
    }
}

#[test]
fn what_is_written_for_long_under_a_date_keeps_its_names() {
    let keys: Vec<String> = (1..10)
        .map(|day| format!("arn:aws:s3:::lake/orders/dt=2026-11-0{day}/all.parquet"))
        .collect();
    let daily: Vec<i32> = (NOVEMBER..NOVEMBER + 60).collect();
    let to = |given: &[Given<'_>]| {
        choose_with(given, Taste::Balanced, &[]).resource(given[0].0, &keys[0]).to_owned()
    };
    let put: Vec<Given<'_>> = keys.iter().map(|key| ("s3:PutObject", &**key, &daily[..])).collect();
    assert_eq!(to(&put), keys[0], "neither all of that day nor another one");
    let once: Vec<Given<'_>> =
        keys[1..4].iter().map(|key| ("s3:DeleteObject", &**key, &daily[..1])).collect();
    let delete = [&[("s3:DeleteObject", &*keys[0], &daily[..])], &once[..], &put[..]].concat();
    assert_eq!(to(&delete), keys[0]);
    let prefix = choose_with(&put, Taste::Prefix, &[]);
    let by_prefix = "arn:aws:s3:::lake/orders/dt=2026-11-01/*";
    assert_eq!(prefix.resource("s3:PutObject", &keys[0]), by_prefix, "as was asked for");
    // One date had its own days: the next will have others.
    let moves =
        [&put[..], &[("s3:PutObject", "arn:aws:s3:::lake/orders/dt=2026-10-31/x", &[NOVEMBER])]]
            .concat();
    assert_eq!(to(&moves), "arn:aws:s3:::lake/orders/dt=*");
    // So it does where it was the date's own time.
    assert_eq!(to(&[("s3:PutObject", &keys[0], &daily[..1])]), "arn:aws:s3:::lake/orders/dt=*");
}

#[test]
fn of_one_key_there_is_no_most() {
    let given = [("s3:GetObject", "arn:aws:s3:::b/in/020/x", &[5][..]), BUSY];
    let choice = choose_with(&given, Taste::Balanced, &[]);
    let [told] = choice.generalisations() else { panic!("{choice:?}") };
    assert_eq!(
        (told.rule, &*told.why),
        (Rule::OneDayKey, "the only key here was seen on one day only")
    );
}

#[test]
fn named_things_stay_exact() {
    for (action, resource) in [
        ("dynamodb:GetItem", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders"),
        ("dynamodb:Query", "arn:aws:dynamodb:eu-west-1:111122223333:table/orders/index/by-day"),
        ("sqs:SendMessage", "arn:aws:sqs:eu-west-1:111122223333:orders-2026-11-26"),
        ("lambda:InvokeFunction", "arn:aws:lambda:eu-west-1:111122223333:function:f"),
        (
            "lambda:PutProvisionedConcurrencyConfig",
            "arn:aws:lambda:eu-west-1:111122223333:function:f:live",
        ),
        ("s3:ListBucket", "arn:aws:s3:::b"),
        ("glue:StartJobRun", "arn:aws:glue:eu-west-1:111122223333:job/nightly"),
        ("ec2:CreateSubnet", "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-0a"),
        ("ssm:GetParameter", "arn:aws:ssm:eu-west-1:111122223333:parameter/app/prod/url"),
        ("logs:CreateLogGroup", "arn:aws:logs:eu-west-1:111122223333:log-group:/aws/lambda/f"),
    ] {
        assert_eq!(once(action, resource, Taste::Balanced), resource);
    }
}

#[test]
fn instances_that_all_lasted_are_kept_for_their_names() {
    let (one, two) = (format!("{EC2}instance/i-1"), format!("{EC2}instance/i-2"));
    let action = "ec2:StartInstances";
    let lasting: Given<'_> = (action, &one, &[1, 8]);
    assert_eq!(choose_with(&[lasting], Taste::Balanced, &[]).resource(action, &one), one);
    let both = choose_with(&[lasting, (action, &two, &[3])], Taste::Balanced, &[]);
    assert_eq!(both.resource(action, &one), format!("{EC2}instance/*"));
    let [told] = both.generalisations() else { panic!("{both:?}") };
    assert_eq!((told.rule, told.names, told.names_of_one_day), (Rule::ShortLived, 2, 1));
    assert_eq!(told.from, [one, two]);
    assert_eq!(told.adds, "every other instance in eu-west-1 of 111122223333");
    assert_eq!((told.stats.days().len(), told.stats.calls().value), (3, 3));
}

#[test]
fn dates_in_a_top_level_leave_what_is_no_date() {
    let conf: Given<'_> =
        ("s3:GetObject", "arn:aws:s3:::b/conf/settings.json", &[NOVEMBER, NOVEMBER + 9]);
    for action in ["s3:GetObject", "s3:PutObject", "s3:DeleteObject"] {
        let keys = ["2026-11-20/root.csv", "2026-11-21/root.csv", "20261121.csv", "2026/11/21/x"];
        let keys = keys.map(|key| format!("arn:aws:s3:::b/{key}"));
        let mut given: Vec<Given<'_>> =
            keys.iter().map(|key| (action, &**key, &[NOVEMBER][..])).collect();
        given.extend([conf, BUSY]);
        let choice = choose_with(&given, Taste::Balanced, &[]);
        let to = keys.each_ref().map(|key| choice.resource(action, key));
        assert_eq!(
            to,
            ["20??-??*", "20??-??*", "20??????*", "20??/*"]
                .map(|to| format!("arn:aws:s3:::b/{to}"))
        );
        assert_eq!(choice.resource(conf.0, conf.1), conf.1);
        assert!(choice.generalisations().iter().all(Generalisation::is_judged));
    }
}

/// Of months by their whole names the next may be longer, and so it may for days without a zero where none of two digits
/// were seen: no pattern but the bucket would hold them all.
#[test]
fn dates_in_words_in_a_top_level_have_a_form_where_forms_hold_the_next() {
    let at = |name: &str| format!("arn:aws:s3:::b/{name}");
    let of = |keys: &[&str]| {
        let keys: Vec<String> = keys.iter().map(|key| at(&format!("{key}/a.csv"))).collect();
        let mut given: Vec<Given<'_>> =
            keys.iter().map(|key| ("s3:PutObject", &**key, &[NOVEMBER][..])).collect();
        given.push(BUSY);
        let choice = choose_with(&given, Taste::Balanced, &[]);
        let to = keys.iter().map(|key| choice.resource("s3:PutObject", key).to_owned());
        to.collect::<BTreeSet<String>>()
    };
    let both: &[&str] = &["?-???-20??*", "??-???-20??*"];
    for (keys, forms) in [
        (&["Nov-2026"][..], &["???-20??*"][..]),
        (&["05-Nov-2026"], &["??-???-20??*"]),
        (&["5-Nov-2026", "15-Nov-2026"], both),
        (&["5Nov2026", "15Nov2026"], &["????20??*", "?????20??*"]),
        (&["15-Nov-2026"], &["??-???-20??*"]),
        (&["05-May-2026", "06-May-2026"], &["??-???-20??*"]),
        (&["05Nov2026"], &["?????20??*"]),
        (&["2026Nov"], &["20?????*"]),
        (&["2026/november", "2026/may"], &["20??/*"]),
        (&["1998/01"], &["19??/*"]),
    ] {
        assert_eq!(of(keys), forms.iter().map(|form| at(form)).collect(), "{keys:?}");
    }
    for names in [&["5-Nov-2026", "6-Nov-2026"][..], &["05-November-2026"], &["2026-november"]] {
        assert_eq!(of(names), names.iter().map(|name| at(&format!("{name}/*"))).collect());
    }
}

/// Neither one other name nor what is deleted by hand once makes names of dates.
#[test]
fn what_else_is_in_a_top_level_leaves_dates_in_words_their_forms() {
    let at = |name: &str| format!("arn:aws:s3:::b/{name}");
    for (keys, foreign, own) in [
        (
            ["05-Nov-2026/a", "15-Nov-2026/a"],
            "1-November-2026-notes.txt",
            "1-November-2026-notes.txt",
        ),
        (["05-Nov-2026/a", "15-Nov-2026/a"], "1-Nov-2026-notes.txt", "1-Nov-2026-notes.txt"),
        (["5-Nov-2026/a", "15-Nov-2026/a"], "november-2026.txt", "november-2026.txt"),
        (["5-Nov-2026/a", "15-Nov-2026/a"], "15-Nov-2026/bad", "??-???-20??*"),
    ] {
        let [one, other, foreign] = [keys[0], keys[1], foreign].map(at);
        let put = [&one, &other].map(|key| ("s3:PutObject", &**key, &[NOVEMBER][..]));
        let deleted = ("s3:DeleteObject", &*foreign, &[NOVEMBER][..]);
        let given: Vec<Given<'_>> = put.into_iter().chain([deleted, BUSY]).collect();
        let choice = choose_with(&given, Taste::Balanced, &[]);
        let form = |key: &str| if key.starts_with("5") { "?-???-20??*" } else { "??-???-20??*" };
        assert_eq!(choice.resource("s3:PutObject", &one), at(form(keys[0])));
        assert_eq!(choice.resource("s3:PutObject", &other), at(form(keys[1])));
        assert_eq!(choice.resource("s3:DeleteObject", &foreign), at(own));
    }
}

/// Directories that come and go keep what they share.
#[test]
fn directories_by_whole_names_of_months_keep_what_follows_them() {
    let keys: Vec<(String, [i32; 1])> = (1..=24)
        .map(|day| (format!("arn:aws:s3:::b/{day:02}-November-2026/a.csv"), [NOVEMBER + day]))
        .collect();
    let given: Vec<Given<'_>> =
        keys.iter().map(|(key, days)| ("s3:PutObject", &**key, &days[..])).collect();
    let choice = choose_with(&given, Taste::Balanced, &[]);
    for (key, _) in &keys {
        assert_eq!(choice.resource("s3:PutObject", key), "arn:aws:s3:::b/*/a.csv");
    }
}

#[test]
fn months_by_name_quarters_and_fiscal_years_are_dates() {
    let month: Vec<i32> = (NOVEMBER - 19..NOVEMBER + 11).collect();
    for (action, key, expected) in [
        ("s3:GetObject", "reports/Nov-2026/summary.csv", "reports/*"),
        ("s3:GetObject", "reports/2026/november/summary.csv", "reports/*"),
        ("s3:GetObject", "reports/Jan-2026/summary.csv", "reports/Jan-2026/summary.csv"),
        ("s3:GetObject", "words/may/summary.csv", "words/may/summary.csv"),
        ("s3:PutObject", "q/2026Q4/summary.csv", "q/*"),
        ("s3:PutObject", "close/fy26/p11/summary.csv", "close/*"),
    ] {
        let resource = format!("arn:aws:s3:::b/{key}");
        let choice = choose_with(&[(action, &resource, &month)], Taste::Balanced, &[]);
        assert_eq!(choice.resource(action, &resource), format!("arn:aws:s3:::b/{expected}"));
    }
}

#[test]
fn a_name_seen_once_by_who_came_once_says_nothing_of_the_next() {
    let names: Vec<String> = (1..=3).map(|n| format!("{EC2}instance/i-{n}")).collect();
    let all = format!("{EC2}instance/*");
    let keys: Vec<String> = (1..=3).map(|n| format!("arn:aws:s3:::hr/payroll/{n}.csv")).collect();
    let to = |action: &str, given: &[Given<'_>]| {
        choose_with(given, Taste::Balanced, &[]).resource(action, given[0].1).to_owned()
    };
    let (day, next) = ([17].as_slice(), [30].as_slice());
    for (action, names, all) in
        [("ssm:StartSession", &names, &*all), ("s3:GetObject", &keys, "arn:aws:s3:::hr/payroll/*")]
    {
        let of = |at: usize, days| -> Given<'_> { (action, &names[at], days) };
        assert_eq!(to(action, &[of(0, day)]), names[0]);
        let alone = choose_with(&[of(0, day)], Taste::Balanced, &[]);
        let told = alone.listed_undecided();
        let [told] = told.as_slice() else { panic!("{told:?}") };
        assert!(told.ends_with(&format!("put `{all}` in its place")), "{told}");
        let widened = choose_with(&[of(0, day)], Taste::Type, &[]);
        assert_eq!(widened.listed_undecided(), [""; 0], "as was asked for");
        assert_eq!(to(action, &[of(0, day), of(1, day)]), names[0]);
        assert_eq!(to(action, &[of(0, day), of(1, day), of(2, day)]), all, "a habit");
        assert_eq!(to(action, &[of(0, day), of(1, next)]), all, "the one after the other");
        assert_eq!(to(action, &[of(0, day), BUSY]), all, "not again on other days");
    }
}

#[test]
fn what_others_use_for_long_does_not_come_and_go() {
    for (action, kind) in [
        ("ssm:StartSession", "arn:aws:ec2:eu-west-1:111122223333:instance/"),
        ("s3:GetObject", "arn:aws:s3:::cfg/prod/"),
    ] {
        let names = ["i-1", "i-2", "i-3"].map(|name| format!("{kind}{name}"));
        let stats = [5, 6, 7].map(|day| stats("x", &[day]));
        let to = |count: usize, life| {
            let seen = names.iter().zip(&stats).take(count).map(|(resource, stats)| Seen {
                action,
                resource,
                stats,
                written: false,
                life,
            });
            let taste = |_: &str| Taste::Balanced;
            let choice = choose(seen, true, &taste, &|_| Vec::new(), Catalog::embedded());
            choice.resource(action, &names[0]).to_owned()
        };
        assert_eq!(to(1, None), format!("{kind}*"));
        assert_eq!(to(1, Some((1, 40))), names[0]);
        assert_eq!(to(2, Some((1, 40))), names[0]);
        assert_eq!(to(3, Some((1, 40))), format!("{kind}*"), "another each day");
    }
}

#[test]
fn a_fleet_that_is_replaced_at_once_comes_and_goes() {
    let names: Vec<String> = (0..9).map(|n| format!("{EC2}instance/i-{n}")).collect();
    let days = |first: i32, last: i32| (first..=last).collect::<Vec<i32>>();
    let to = |lives: &[Vec<i32>]| {
        let action = "ssm:UpdateInstanceInformation";
        let given = names.iter().zip(lives).map(|(name, days)| (action, &**name, &days[..]));
        let choice = choose_with(&given.collect::<Vec<Given<'_>>>(), Taste::Balanced, &[]);
        choice.resource(action, &names[0]).to_owned()
    };
    let all = format!("{EC2}instance/*");
    let weeks = [days(0, 13), days(14, 27), days(28, 41)];
    let fleets: Vec<Vec<i32>> = weeks.iter().flat_map(|life| vec![life.clone(); 3]).collect();
    assert_eq!(to(&fleets), all);
    assert_eq!(to(&fleets[2..4]), all);
    assert_eq!(to(&[days(0, 14), days(13, 30)]), all, "both are there on the day of the change");
    assert_eq!(to(&[days(0, 14), days(12, 30)]), names[0]);
    assert_eq!(to(&[vec![0, 10], vec![20, 30]]), names[0], "used by turns, for all that is known");
    assert_eq!(to(&[days(0, 41), days(0, 13), days(14, 41)]), names[0], "one of them stayed");
}

#[test]
fn one_image_is_a_choice_and_several_are_a_habit() {
    let images: Vec<String> =
        (0..3).map(|n| format!("arn:aws:ec2:eu-west-1::image/ami-{n}")).collect();
    let given: Vec<Given<'_>> =
        images.iter().map(|image| ("ec2:RunInstances", image.as_str(), [4].as_slice())).collect();
    let to = |given: &[Given<'_>]| {
        choose_with(given, Taste::Balanced, &[]).resource("ec2:RunInstances", &images[0]).to_owned()
    };
    assert_eq!(to(&given[..2]), images[0]);
    assert_eq!(to(&given), "arn:aws:ec2:eu-west-1::image/*");
}

#[test]
fn to_share_a_snapshot_is_no_habit_before_several_were() {
    let snapshots: Vec<String> =
        (0..3).map(|n| format!("arn:aws:ec2:eu-west-1::snapshot/snap-{n}")).collect();
    let given = |action| {
        let given = snapshots.iter().map(|one| (action, one.as_str(), [4].as_slice()));
        given.collect::<Vec<Given<'_>>>()
    };
    let to = |given: &[Given<'_>]| {
        let choice = choose_with(given, Taste::Balanced, &[]);
        choice.resource(given[0].0, &snapshots[0]).to_owned()
    };
    let all = "arn:aws:ec2:eu-west-1::snapshot/*";
    assert_eq!(to(&[given("ec2:DeleteSnapshot")[0], BUSY]), all);
    assert_eq!(to(&given("ec2:ModifySnapshotAttribute")[..2]), snapshots[0]);
    assert_eq!(to(&given("ec2:ModifySnapshotAttribute")), all);
}

#[test]
fn many_names_are_no_burden() {
    // Compared pair by pair, this would take minutes.
    let keys: Vec<String> =
        (0..60_000).map(|n| format!("arn:aws:s3:::b/{}/{n:06}/k", n % 100)).collect();
    let given: Vec<Given<'_>> =
        keys.iter().map(|key| ("s3:GetObject", key.as_str(), [0].as_slice())).collect();
    let choice = choose_with(&given, Taste::Balanced, &[]);
    assert_eq!(choice.generalisations().len(), 100);
    assert_eq!(choice.resource("s3:GetObject", &keys[0]), "arn:aws:s3:::b/0/*");
}

#[test]
fn what_must_never_be_widened_is_not() {
    let role = "arn:aws:iam::111122223333:role/team/a";
    for taste in Taste::ALL {
        for (action, resource) in [
            ("iam:PassRole", role),
            ("sts:AssumeRole", role),
            ("sts:TagSession", role),
            ("iam:AttachRolePolicy", role),
            ("s3:ListBucket", "arn:aws:s3:::b"),
            ("s3:PutBucketPolicy", "arn:aws:s3:::b"),
            ("ec2:DescribeInstances", "*"),
        ] {
            assert_eq!(once(action, resource, taste), resource, "{action} {taste:?}");
        }
    }
    for (action, resource, whole) in [
        (
            "kms:Decrypt",
            "arn:aws:kms:eu-west-1:111122223333:key/0a",
            "arn:aws:kms:eu-west-1:111122223333:key/*",
        ),
        (
            "secretsmanager:GetSecretValue",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:a/b-012345",
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:*",
        ),
        ("iam:GetRole", role, "arn:aws:iam::111122223333:role/*"),
    ] {
        assert_eq!(once(action, resource, Taste::Prefix), resource);
        assert_eq!(once(action, resource, Taste::Type), whole);
    }
    // An ACL goes with the object that is written, and no further.
    assert_eq!(once("s3:PutObjectAcl", "arn:aws:s3:::b/in/k", Taste::Type), "arn:aws:s3:::b/in/*");
}

#[test]
fn prefix_and_type_go_as_far_as_they_say() {
    for (action, resource, prefix, whole) in [
        ("s3:GetObject", "arn:aws:s3:::b/k", "arn:aws:s3:::b/*", "arn:aws:s3:::b/*"),
        ("s3:GetObject", "arn:aws:s3:::b/a/c/k", "arn:aws:s3:::b/a/c/*", "arn:aws:s3:::b/*"),
        (
            "ssm:GetParameter",
            "arn:aws:ssm:r:1:parameter/app/prod/url",
            "arn:aws:ssm:r:1:parameter/app/prod/*",
            "arn:aws:ssm:r:1:parameter/*",
        ),
        (
            "dynamodb:Query",
            "arn:aws:dynamodb:r:1:table/t/index/i",
            "arn:aws:dynamodb:r:1:table/t/index/i",
            "arn:aws:dynamodb:r:1:table/*/index/*",
        ),
        (
            "logs:CreateLogGroup",
            "arn:aws:logs:r:1:log-group:/g",
            "arn:aws:logs:r:1:log-group:/g",
            "arn:aws:logs:r:1:log-group:*",
        ),
        (
            "logs:CreateLogGroup",
            "arn:aws:logs:r:1:log-group:/aws/f:*",
            "arn:aws:logs:r:1:log-group:/aws/*:*",
            "arn:aws:logs:r:1:log-group:*:*",
        ),
        (
            "logs:CreateLogGroup",
            "arn:aws:logs:r:1:log-group:/aws/f",
            "arn:aws:logs:r:1:log-group:/aws/*",
            "arn:aws:logs:r:1:log-group:*",
        ),
        ("sqs:SendMessage", "arn:aws:sqs:r:1:q", "arn:aws:sqs:r:1:q", "arn:aws:sqs:r:1:*"),
    ] {
        assert_eq!(once(action, resource, Taste::Prefix), prefix);
        assert_eq!(once(action, resource, Taste::Type), whole);
    }
}

#[test]
fn an_attached_pattern_that_names_the_thing_is_taken() {
    for (action, resource, attached, expected) in [
        (
            "s3:GetObject",
            "arn:aws:s3:::b/in/2026/11/26/k",
            "arn:aws:s3:::b/in/*",
            "arn:aws:s3:::b/in/*",
        ),
        ("s3:GetObject", "arn:aws:s3:::b/in/k", "arn:aws:s3:::b/*", "arn:aws:s3:::b/in/*"),
        ("s3:GetObject", "arn:aws:s3:::b/in/k", "arn:aws:s3:::b*/in/*", "arn:aws:s3:::b/in/*"),
        ("s3:GetObject", "arn:aws:s3:::b/in/k", "arn:aws:s3:::b/in*", "arn:aws:s3:::b/in*"),
        (
            "dynamodb:Query",
            "arn:aws:dynamodb:r:1:table/t/index/i",
            "arn:aws:dynamodb:*:*:table/t/index/*",
            "arn:aws:dynamodb:r:1:table/t/index/*",
        ),
        (
            "dynamodb:Query",
            "arn:aws:dynamodb:r:1:table/t/index/i",
            "arn:aws:dynamodb:*:*:table/*",
            "arn:aws:dynamodb:r:1:table/t/index/i",
        ),
        (
            "glue:GetTable",
            "arn:aws:glue:r:1:table/d/t",
            "arn:aws:glue:r:1:table/d/*",
            "arn:aws:glue:r:1:table/d/t",
        ),
        (
            "sqs:SendMessage",
            "arn:aws:sqs:r:1:orders",
            "arn:aws:sqs:r:1:ord*",
            "arn:aws:sqs:r:1:orders",
        ),
    ] {
        let given = [(action, resource, &[1][..]), BUSY];
        let choice = choose_with(&given, Taste::Balanced, &[attached, "*"]);
        assert_eq!(choice.resource(action, resource), expected, "{attached}");
    }
    let resource = "arn:aws:s3:::b/in/sub/k";
    let two = ["arn:aws:s3:::b/in/*", "arn:aws:s3:::b/in/sub/*"];
    let choice = choose_with(&[("s3:GetObject", resource, &[1])], Taste::Balanced, &two);
    assert_eq!(choice.resource("s3:GetObject", resource), two[1]);
    assert_eq!(choice.generalisations()[0].rule, Rule::Attached);
}

#[test]
fn a_name_that_stands_for_many_stays() {
    for taste in Taste::ALL {
        for (action, resource) in [
            ("s3:GetObject", "arn:aws:s3:::b/a/c*"),
            ("s3:GetObject", "arn:aws:s3:::b/a:*"),
            ("ec2:StopInstances", "arn:aws:ec2:eu-west-1:111122223333:instance/*"),
            ("sqs:SendMessage", "arn:aws:sqs:r:1:*"),
        ] {
            assert_eq!(once(action, resource, taste), resource);
        }
    }
    // A star in a name is none of ours.
    assert_eq!(
        once("s3:GetObject", "arn:aws:s3:::b/a/${*}", Taste::Balanced),
        "arn:aws:s3:::b/a/*"
    );
}

#[test]
fn a_service_may_have_a_taste_of_its_own() {
    let (key, queue) = ("arn:aws:s3:::b/a/k", "arn:aws:sqs:r:1:q");
    let stats = stats("x", &[1]);
    let seen = [("s3:PutObject", key), ("sqs:SendMessage", queue)];
    let seen = seen.map(|(action, resource)| Seen {
        action,
        resource,
        stats: &stats,
        written: false,
        life: None,
    });
    let taste_of = |service: &str| if service == "s3" { Taste::Exact } else { Taste::Type };
    let choice = choose(seen, true, &taste_of, &|_| Vec::new(), Catalog::embedded());
    assert_eq!(choice.resource("s3:PutObject", key), key);
    assert_eq!(choice.resource("sqs:SendMessage", queue), "arn:aws:sqs:r:1:*");
}
