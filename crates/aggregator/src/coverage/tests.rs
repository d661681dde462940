//! What proves coverage and what does not, on small logs made here.

use super::*;
use proptest::prelude::*;

const ACCOUNT: &str = "111122223333";
const REGION: &str = "eu-west-1";
const EC2: &str = "ec2.amazonaws.com";
const FUNCTION: &str = "arn:aws:lambda:eu-west-1:111122223333:function:f";
const TRAIL: &str = "arn:aws:cloudtrail:eu-west-1:111122223333:trail/main";
/// 2026-03-02, as a day since 1970.
const MONDAY: i32 = 20514;

/// A record's fields beside its time, to be repeated.
fn fields(source: &str, name: &str, reads: bool, more: &str) -> String {
    format!(
        r#""eventSource":"{source}","eventName":"{name}","readOnly":{reads},"recipientAccountId":"{ACCOUNT}"{more}"#
    )
}

fn management(source: &str, reads: bool) -> String {
    let more = format!(r#","awsRegion":"{REGION}","eventCategory":"Management""#);
    fields(source, "Something", reads, &more)
}

fn invoke() -> String {
    let more = format!(
        r#","awsRegion":"{REGION}","eventCategory":"Data","resources":[{{"type":"AWS::Lambda::Function","ARN":"{FUNCTION}"}}]"#
    );
    fields("lambda.amazonaws.com", "Invoke", false, &more)
}

/// Takes up a record at an hour, counted from Monday.
fn add(coverage: &mut Coverage, fields: &str, hour: i64) {
    let time = chrono::DateTime::from_timestamp(i64::from(MONDAY) * 86_400 + hour * 3600, 0);
    let time = time.unwrap().format("%Y-%m-%dT%H:%M:%SZ");
    let text = format!(r#"{{"eventTime":"{time}",{fields}}}"#);
    let record = Record::parse(&text).unwrap();
    coverage.note(&record);
    coverage.see(&record);
}

/// A week with a record of the kind every eight hours.
fn week(kinds: &[String]) -> Coverage {
    let mut coverage = Coverage::default();
    for hour in (4..24 * 7).step_by(8) {
        kinds.iter().for_each(|fields| add(&mut coverage, fields, hour));
    }
    coverage
}

fn reads(source: &'static str) -> Question<'static> {
    Question { event_source: Some(source), ..Question::management(ACCOUNT, REGION, Access::Read) }
}

fn invokes(resource: &str) -> Question<'_> {
    Question {
        event_source: Some("lambda.amazonaws.com"),
        event_name: Some("Invoke"),
        ..Question::data(ACCOUNT, REGION, "AWS::Lambda::Function", Access::Write, resource)
    }
}

fn days(coverage: &Coverage, question: &Question<'_>) -> Vec<i32> {
    coverage.covered_days(question).into_iter().map(|day| day - MONDAY).collect()
}

fn declare(coverage: &mut Coverage, selectors: &str) {
    let text = format!(r#"{{"TrailARN":"{TRAIL}",{selectors}}}"#);
    coverage.declare(Declaration::parse(&text).unwrap());
}

const ALL_FUNCTIONS: &str = r#""EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":false,
    "DataResources":[{"Type":"AWS::Lambda::Function","Values":["arn:aws:lambda"]}]}]"#;

#[test]
fn presence_covers_its_own_kind_between_the_first_and_the_last_day() {
    let coverage = week(&[management(EC2, true)]);
    assert_eq!(days(&coverage, &reads(EC2)), [1, 2, 3, 4, 5]);
    assert_eq!(days(&coverage, &reads("sqs.amazonaws.com")), [1, 2, 3, 4, 5]);
    for other in [
        Question { access: Access::Write, ..reads(EC2) },
        Question { account: "444455556666", ..reads(EC2) },
        Question { region: "us-east-1", ..reads(EC2) },
        reads("kms.amazonaws.com"),
        reads("iam.amazonaws.com"),
        reads("sts.amazonaws.com"),
        Question { event_source: None, ..reads(EC2) },
        invokes(FUNCTION),
    ] {
        assert_eq!(days(&coverage, &other), [0; 0], "{other:?}");
    }
}

#[test]
fn a_source_that_may_be_left_out_stands_for_itself() {
    let coverage = week(&[management("kms.amazonaws.com", true)]);
    assert_eq!(days(&coverage, &reads("kms.amazonaws.com")), [1, 2, 3, 4, 5]);
    assert_eq!(days(&coverage, &reads(EC2)), [0; 0]);
}

#[test]
fn global_services_and_us_east_1_prove_nothing_of_each_other() {
    let of = |source| management(source, true).replace(REGION, "us-east-1");
    let east = |source| Question { region: "us-east-1", ..reads(source) };
    let global = week(&[of("iam.amazonaws.com")]);
    assert_eq!(days(&global, &east(EC2)), [0; 0]);
    assert_eq!(days(&global, &reads("iam.amazonaws.com")), [1, 2, 3, 4, 5]);
    assert_eq!(days(&global, &east("sts.amazonaws.com")), [0; 0]);
    let regional = week(&[of(EC2), of("sts.amazonaws.com")]);
    assert_eq!(days(&regional, &east("iam.amazonaws.com")), [0; 0]);
    let both = week(&[of("iam.amazonaws.com"), of(EC2)]);
    assert_eq!(days(&both, &east("sts.amazonaws.com")), [1, 2, 3, 4, 5]);
}

#[test]
fn records_that_do_not_say_enough_prove_nothing() {
    for fields in [
        management(EC2, true).replace(r#""readOnly":true,"#, ""),
        management(EC2, true).replace(r#","eventCategory":"Management""#, ""),
        management(EC2, true).replace(ACCOUNT, ""),
        management(EC2, true).replace("Management", "NetworkActivity"),
        management(EC2, true).replace(r#""awsRegion":"eu-west-1""#, r#""awsRegion":"global""#),
    ] {
        assert_eq!(days(&week(std::slice::from_ref(&fields)), &reads(EC2)), [0; 0], "{fields}");
    }
}

#[test]
fn a_data_event_proves_that_very_resource_under_that_very_name() {
    let coverage = week(&[invoke()]);
    assert_eq!(days(&coverage, &invokes(FUNCTION)), [1, 2, 3, 4, 5]);
    for other in [
        invokes("arn:aws:lambda:eu-west-1:111122223333:function:g"),
        invokes("arn:aws:lambda:eu-west-1:111122223333:function:*"),
        invokes("*"),
        Question { event_name: None, ..invokes(FUNCTION) },
        Question { event_name: Some("InvokeAsync"), ..invokes(FUNCTION) },
        Question { access: Access::Read, ..invokes(FUNCTION) },
        Question { class: Class::Data("AWS::S3::Object"), ..invokes(FUNCTION) },
    ] {
        assert_eq!(days(&coverage, &other), [0; 0], "{other:?}");
    }
}

#[test]
fn of_several_resources_none_is_proved_except_beside_one_that_no_selector_names() {
    let on = |resources: &str| {
        let more =
            format!(r#","awsRegion":"{REGION}","eventCategory":"Data","resources":[{resources}]"#);
        week(&[fields("s3.amazonaws.com", "GetObject", true, &more)])
    };
    let object = r#"{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/k"}"#;
    let bucket = r#"{"type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::b","accountId":"1"}"#;
    let other = r#"{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::b/l"}"#;
    let get = Question {
        event_name: Some("GetObject"),
        ..Question::data(ACCOUNT, REGION, "AWS::S3::Object", Access::Read, "arn:aws:s3:::b/k")
    };
    assert_eq!(days(&on(&format!("{object},{bucket}")), &get), [1, 2, 3, 4, 5]);
    assert_eq!(days(&on(&format!("{bucket},{object},{other}")), &get), [0; 0]);
}

#[test]
fn a_declared_trail_covers_what_it_selects_while_its_files_are_there() {
    let mut coverage = week(&[management(EC2, true)]);
    declare(&mut coverage, ALL_FUNCTIONS);
    assert_eq!(days(&coverage, &invokes("*")), [1, 2, 3, 4, 5]);
    assert_eq!(days(&coverage, &Question { event_name: None, ..invokes(FUNCTION) }).len(), 5);
    // Nothing says that it reaches another region, another account, or anything else.
    assert_eq!(days(&coverage, &Question { access: Access::Write, ..reads(EC2) }), [0; 0]);
    let elsewhere = management(EC2, true).replace(REGION, "us-east-1");
    coverage.join(week(&[elsewhere]));
    assert_eq!(days(&coverage, &Question { region: "us-east-1", ..invokes("*") }), [0; 0]);
    let described =
        format!(r#"{{"trailList":[{{"TrailARN":"{TRAIL}","IsMultiRegionTrail":true}}]}}"#);
    coverage.declare(Declaration::parse(&described).unwrap());
    assert_eq!(days(&coverage, &Question { region: "us-east-1", ..invokes("*") }), [1, 2, 3, 4, 5]);
    // A region without files is not covered, whatever was declared.
    assert_eq!(days(&coverage, &Question { region: "us-west-2", ..invokes("*") }), [0; 0]);
}

#[test]
fn a_trail_of_all_regions_has_global_services_in_its_home() {
    let mut coverage = week(&[management(EC2, true).replace(REGION, "us-east-1")]);
    declare(&mut coverage, r#""EventSelectors":[{}]"#);
    let iam = reads("iam.amazonaws.com");
    assert_eq!(days(&coverage, &iam), [0; 0]);
    let described = format!(r#"{{"Trail":{{"TrailARN":"{TRAIL}","IsMultiRegionTrail":true}}}}"#);
    coverage.declare(Declaration::parse(&described).unwrap());
    assert_eq!(days(&coverage, &iam), [1, 2, 3, 4, 5]);
}

#[test]
fn where_declarations_differ_only_what_all_say_counts() {
    let mut coverage = week(&[management(EC2, true)]);
    declare(&mut coverage, ALL_FUNCTIONS);
    declare(&mut coverage, &ALL_FUNCTIONS.replace("All", "ReadOnly"));
    assert_eq!(days(&coverage, &invokes("*")), [0; 0]);
    assert_eq!(days(&coverage, &Question { access: Access::Read, ..invokes("*") }).len(), 5);
}

/// A change to the trail, written as CloudTrail records it.
fn changed(name: &str, request: &str) -> String {
    let more = format!(
        r#","awsRegion":"{REGION}","eventCategory":"Management","requestParameters":{{{request}}}"#
    );
    fields("cloudtrail.amazonaws.com", name, false, &more)
}

fn by_name(name: &str) -> String {
    changed(name, r#""name":"main""#)
}

#[test]
fn selectors_that_change_count_from_then_on() {
    let mut coverage = week(&[management(EC2, true)]);
    declare(&mut coverage, ALL_FUNCTIONS);
    let put = |values: &str| {
        changed(
            "PutEventSelectors",
            &format!(
                r#""trailName":"{TRAIL}","eventSelectors":[{{"readWriteType":"All","includeManagementEvents":true,
                "dataResources":[{{"type":"AWS::Lambda::Function","values":[{values}]}}],"excludeManagementEventSources":[]}}]"#
            ),
        )
    };
    // Of what was selected before the first change that is seen, nothing is known.
    add(&mut coverage, &put(r#""arn:aws:lambda""#), 24 * 3 + 12);
    assert_eq!(days(&coverage, &invokes("*")), [4, 5]);
    // Between two changes the first one holds, and the declaration is of after the last.
    let mut narrowed = coverage.clone();
    add(&mut narrowed, &put(""), 24 * 5 + 12);
    assert_eq!(days(&narrowed, &invokes("*")), [4]);
    // What cannot be read selects nothing that is known.
    add(&mut coverage, &changed("PutEventSelectors", r#""trailName":"main""#), 24 * 4);
    assert_eq!(days(&coverage, &invokes("*")), [0; 0]);
}

#[test]
fn a_failed_change_is_none() {
    let mut coverage = week(&[management(EC2, true)]);
    declare(&mut coverage, ALL_FUNCTIONS);
    let failed = format!(r#"{},"errorCode":"TrailNotFoundException""#, by_name("StopLogging"));
    add(&mut coverage, &failed, 60);
    assert_eq!(days(&coverage, &invokes("*")).len(), 5);
}

#[test]
fn a_stopped_trail_covers_nothing_until_it_is_started() {
    let mut coverage = week(&[management(EC2, true)]);
    declare(&mut coverage, ALL_FUNCTIONS);
    add(&mut coverage, &by_name("StopLogging"), 24 * 2 + 1);
    assert_eq!(days(&coverage, &invokes("*")), [1]);
    add(&mut coverage, &by_name("StartLogging"), 24 * 4 + 1);
    assert_eq!(days(&coverage, &invokes("*")), [1, 5]);
    // The other trail that still logs shows by presence, except on days of doubt.
    assert_eq!(days(&coverage, &reads(EC2)), [1, 3, 5]);
    let mut started = week(&[management(EC2, true)]);
    declare(&mut started, ALL_FUNCTIONS);
    add(&mut started, &by_name("StartLogging"), 24 * 3 + 1);
    assert_eq!(days(&started, &invokes("*")), [4, 5]);
    add(&mut started, &by_name("DeleteTrail"), 24 * 5 + 1);
    assert_eq!(days(&started, &invokes("*")), [4]);
}

#[test]
fn a_trail_that_nobody_declared_adds_nothing() {
    let mut coverage = week(&[management(EC2, true)]);
    let put = ALL_FUNCTIONS
        .replace("EventSelectors", "eventSelectors")
        .replace("ReadWriteType", "readWriteType");
    add(&mut coverage, &by_name("CreateTrail"), 25);
    add(&mut coverage, &by_name("StartLogging"), 25);
    add(&mut coverage, &changed("PutEventSelectors", &format!(r#""trailName":"main",{put}"#)), 26);
    assert_eq!(days(&coverage, &invokes("*")), [0; 0]);
}

#[test]
fn a_reach_that_changed_is_known_only_from_then_on() {
    let elsewhere = management(EC2, true).replace(REGION, "us-east-1");
    let mut coverage = week(&[management(EC2, true), elsewhere]);
    declare(&mut coverage, ALL_FUNCTIONS);
    let described =
        format!(r#"{{"trailList":[{{"TrailARN":"{TRAIL}","IsMultiRegionTrail":true}}]}}"#);
    coverage.declare(Declaration::parse(&described).unwrap());
    let update = format!(
        r#"{},"responseElements":{{"trailARN":"{TRAIL}","isMultiRegionTrail":true}}"#,
        by_name("UpdateTrail")
    );
    add(&mut coverage, &update, 24 * 3);
    assert_eq!(days(&coverage, &Question { region: "us-east-1", ..invokes("*") }), [3, 4, 5]);
    assert_eq!(days(&coverage, &invokes("*")), [1, 2, 3, 4, 5]);
}

#[test]
fn what_is_left_out_of_the_evidence_is_not_covered() {
    let mut coverage = week(&[management(EC2, true)]);
    declare(&mut coverage, ALL_FUNCTIONS);
    let monday = i64::from(MONDAY) * 86_400;
    coverage.exclude(monday + 86_400 * 2 + 3600, monday + 86_400 * 2 + 7200);
    assert_eq!(days(&coverage, &reads(EC2)), [1, 3, 4, 5]);
    assert_eq!(days(&coverage, &invokes("*")), [1, 3, 4, 5]);
}

#[test]
fn rows_tell_every_kind_with_its_days() {
    let mut coverage =
        week(&[management(EC2, true), management("kms.amazonaws.com", false), invoke()]);
    declare(&mut coverage, &ALL_FUNCTIONS.replace("arn:aws:lambda", FUNCTION));
    assert_eq!(coverage.window(), Some((MONDAY, MONDAY + 6)));
    let rows: Vec<(Kind, Access, usize, usize)> = coverage
        .rows()
        .into_iter()
        .map(|row| (row.kind, row.access, row.seen.len(), row.covered.len()))
        .collect();
    let kind = || "AWS::Lambda::Function".to_owned();
    let (key, _) = TrailKey::from_arn(TRAIL).unwrap();
    let selector = coverage.trails()[&key].selectors().next().unwrap().clone();
    assert_eq!(
        rows,
        [
            (Kind::Management(None), Access::Read, 7, 5),
            (Kind::Management(None), Access::Write, 0, 0),
            (Kind::Management(Some("kms.amazonaws.com".to_owned())), Access::Write, 7, 5),
            (Kind::Data(kind(), Proof::Any(0)), Access::Read, 0, 0),
            (
                Kind::Data(kind(), Proof::Selected(key.clone(), selector.clone())),
                Access::Read,
                0,
                5
            ),
            (Kind::Data(kind(), Proof::Any(1)), Access::Write, 7, 0),
            (Kind::Data(kind(), Proof::Selected(key, selector)), Access::Write, 0, 5),
            (
                Kind::Data(kind(), Proof::Present("Invoke".to_owned(), FUNCTION.to_owned())),
                Access::Write,
                7,
                5
            ),
        ]
    );
}

fn any_step() -> impl Strategy<Value = (u8, i64)> {
    (0u8..9, 0i64..200)
}

fn build(steps: &[(u8, i64)]) -> Coverage {
    let mut coverage = Coverage::default();
    for (kind, hour) in steps {
        match kind {
            0 => add(&mut coverage, &management(EC2, hour % 2 == 0), *hour),
            1 => add(&mut coverage, &management("kms.amazonaws.com", true), *hour),
            2 => add(&mut coverage, &management("iam.amazonaws.com", true), *hour),
            3 => add(
                &mut coverage,
                &invoke().replace("function:f", &format!("function:f{}", hour % 5)),
                *hour,
            ),
            4 => add(&mut coverage, &by_name("StopLogging"), *hour),
            5 => add(&mut coverage, &by_name("StartLogging"), *hour),
            6 => add(&mut coverage, &management(EC2, true).replace(REGION, "us-east-1"), *hour),
            7 => declare(&mut coverage, ALL_FUNCTIONS),
            _ => coverage.exclude(*hour, hour + 1),
        }
    }
    coverage
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn coverage_is_a_semilattice_and_survives_being_written(
        a in prop::collection::vec(any_step(), 0..60), b in prop::collection::vec(any_step(), 0..60),
        c in prop::collection::vec(any_step(), 0..60),
    ) {
        let joined = |a: &Coverage, b: &Coverage| {
            let mut both = a.clone();
            both.join(b.clone());
            both
        };
        let (ca, cb, cc) = (build(&a), build(&b), build(&c));
        prop_assert_eq!(joined(&ca, &cb), joined(&cb, &ca));
        prop_assert_eq!(joined(&joined(&ca, &cb), &cc), joined(&ca, &joined(&cb, &cc)));
        prop_assert_eq!(joined(&ca, &ca), ca.clone());
        let whole: Vec<_> = a.iter().chain(&b).chain(&c).copied().collect();
        let whole = build(&whole);
        prop_assert_eq!(&joined(&joined(&ca, &cb), &cc), &whole);
        let mut read = Coverage::default();
        for piece in whole.pieces() {
            let text = serde_json::to_string(&piece).unwrap();
            read.join(serde_json::from_str::<OwnedPiece>(&text).unwrap().into());
        }
        prop_assert_eq!(read, whole);
    }

    #[test]
    fn only_so_many_resources_are_kept_in_whatever_order(
        names in prop::collection::vec(0u32..4000, 1500..2500),
    ) {
        let see = |names: &[u32]| {
            let mut coverage = Coverage::default();
            for name in names {
                let fields = invoke().replace("function:f", &format!("function:f{name:05}"));
                add(&mut coverage, &fields, i64::from(name % 50));
            }
            coverage
        };
        let whole = see(&names);
        let (left, right) = names.split_at(names.len() / 3);
        let mut joined = see(right);
        joined.join(see(left));
        prop_assert_eq!(joined, whole);
    }
}

#[test]
fn calls_of_other_services_count_where_they_can_be_made() {
    // Reads of S3 objects are recorded, and no management event is.
    let mut coverage = Coverage::default();
    for hour in (4..24 * 7).step_by(8) {
        for reads in [true, false] {
            let more = format!(
                r#","awsRegion":"{REGION}","eventCategory":"Data","resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::code/f.zip"}}]"#
            );
            add(&mut coverage, &fields("s3.amazonaws.com", "GetObject", reads, &more), hour);
        }
    }
    declare(
        &mut coverage,
        r#""EventSelectors":[{"ReadWriteType":"All","IncludeManagementEvents":false,
            "DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]"#,
    );
    let events = ActionEvents::of(trailtrim_catalog::Catalog::embedded());
    assert!(events.carriers("s3:GetObject").any(|action| action == "lambda:CreateFunction"));
    let place = Place {
        account: ACCOUNT,
        region: REGION,
        resource: "arn:aws:s3:::code/*",
        principal: None,
    };
    let days = |can: &dyn Fn(&str) -> bool| {
        coverage.covered_days_of(&events, "s3:GetObject", &place, can, &mut Asked::default()).len()
    };
    assert_eq!(days(&|_| true), 0);
    assert_eq!(days(&|action| action == "lambda:CreateFunction"), 0);
    assert!(days(&|_| false) >= 5);
    // What may come with such a call does not make it.
    assert!(days(&|action| action == "s3:GetObjectVersion") >= 5);
}

#[test]
fn data_events_count_for_a_management_event_where_they_can_be_made() {
    let events = ActionEvents::of(trailtrim_catalog::Catalog::embedded());
    let management = recorded_all_week("[]");
    let days = |can: &dyn Fn(&str) -> bool| {
        let place = Place { account: ACCOUNT, region: REGION, resource: "*", principal: None };
        let mut asked = Asked::default();
        management.covered_days_of(&events, "iottwinmaker:GetEntity", &place, can, &mut asked).len()
    };
    let values = |action: &str| action == "iottwinmaker:GetPropertyValue";
    assert!(days(&|_| false) >= 5);
    assert_eq!(days(&values), 0);
    // That is no event of the action's own, whatever is declared of what it is used on.
    let place = Place { account: ACCOUNT, region: REGION, resource: "*", principal: None };
    let action = "iottwinmaker:GetEntity";
    let lack = management.lack(&events, action, &place, &values, &mut Asked::default()).unwrap();
    assert!(lack.foreign && lack.data.is_some(), "{lack:?}");
    assert_eq!(lack.needed, Some("iottwinmaker:GetPropertyValue"));
}

#[test]
fn what_one_region_alone_takes_is_covered_where_that_is() {
    let events = ActionEvents::of(trailtrim_catalog::Catalog::embedded());
    let days = |coverage: &Coverage, action: &str, region: &str| {
        let place = Place { account: ACCOUNT, region, resource: "*", principal: None };
        let anybody = |_: &str| true;
        coverage.covered_days_of(&events, action, &place, &anybody, &mut Asked::default()).len()
    };
    let kinds = [management(EC2, true), management(EC2, false)];
    let here = week(&kinds);
    let within = |region| week(&kinds.each_ref().map(|fields| fields.replace(REGION, region)));
    let oregon = within("us-west-2");
    for action in ["globalaccelerator:UpdateAccelerator", "s3:CreateMultiRegionAccessPoint"] {
        assert_eq!(days(&here, action, REGION), 0, "{action}");
        assert!(days(&oregon, action, REGION) >= 5, "{action}");
    }
    assert!(days(&here, "s3:CreateBucket", REGION) >= 5);
    // Where several take them, whoever calls has the choice.
    let routes = ["s3:SubmitMultiRegionAccessPointRoutes", "ecr-public:CreateRepository"];
    let mut all = week(&kinds);
    for region in ["ap-northeast-1", "ap-southeast-2", "us-east-1"] {
        all.join(within(region));
    }
    for action in routes {
        assert_eq!(days(&all, action, "eu-central-1"), 0, "{action}");
    }
    assert!(days(&all, "savingsplans:CreateSavingsPlan", "eu-central-1") >= 5);
    assert_eq!(days(&oregon, "savingsplans:CreateSavingsPlan", "us-west-2"), 0);
    all.join(oregon);
    for action in routes {
        assert!(days(&all, action, "eu-central-1") >= 5, "{action}");
    }
}

#[test]
fn what_is_enough_for_a_call_is_carried_by_nobody() {
    let events = ActionEvents::of(trailtrim_catalog::Catalog::embedded());
    let days = |coverage: &Coverage, action: &str| {
        let place = Place {
            account: ACCOUNT,
            region: REGION,
            resource: "arn:aws:s3:::b/*",
            principal: None,
        };
        let nobody = |_: &str| false;
        coverage.covered_days_of(&events, action, &place, &nobody, &mut Asked::default()).len()
    };
    // A read that names a version needs nothing but the permission for versions.
    let enough = ["s3:GetObjectVersion", "s3:DeleteObjectVersion", "s3:GetObjectVersionTagging"];

    let management = recorded_all_week("[]");
    for action in enough {
        assert_eq!(days(&management, action), 0, "{action}");
    }
    // What nobody can make shows nowhere, and is no more certain than all that a trail may leave out.
    assert_eq!(days(&management, "iam:PassRole"), 0);
    assert_eq!(days(&management, "kms:CreateGrant"), 5);

    let objects = recorded_all_week(r#"[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]"#);
    for action in enough {
        assert_eq!(days(&objects, action), 5, "{action}");
    }
    assert_eq!(days(&objects, "iam:PassRole"), 0);
}

#[test]
fn presence_proves_nothing_of_callers_that_a_declared_trail_may_leave_out() {
    let mut coverage = week(&[management(EC2, true), invoke()]);
    assert!(!coverage.picks_callers());
    declare(
        &mut coverage,
        r#""AdvancedEventSelectors":[{"FieldSelectors":[{"Field":"eventCategory","Equals":["Management"]},
            {"Field":"userIdentity.arn","NotStartsWith":["arn:aws:sts::111122223333:assumed-role/hidden/"]}]}]"#,
    );
    assert!(coverage.picks_callers());
    let of = |principal| days(&coverage, &Question { principal, ..reads(EC2) });
    assert!(of(Some("arn:aws:iam::111122223333:role/app/hidden")).is_empty());
    assert!(of(None).is_empty(), "whoever calls may be the one that is left out");
    assert_eq!(of(Some("arn:aws:iam::111122223333:role/app/other")), [1, 2, 3, 4, 5]);
    // Of data events the trail leaves nobody out.
    assert_eq!(days(&coverage, &invokes(FUNCTION)), [1, 2, 3, 4, 5]);
}

/// Management events of a week, all of which are recorded, and what is declared of data events.
fn recorded_all_week(data: &str) -> Coverage {
    let mut coverage = Coverage::default();
    for hour in (4..24 * 7).step_by(8) {
        for reads in [true, false] {
            let more = format!(r#","awsRegion":"{REGION}""#);
            add(&mut coverage, &fields("kms.amazonaws.com", "CreateGrant", reads, &more), hour);
        }
    }
    declare(
        &mut coverage,
        &format!(
            r#""EventSelectors":[{{"ReadWriteType":"All","IncludeManagementEvents":true,"DataResources":{data}}}]"#
        ),
    );
    coverage
}

#[test]
fn only_records_as_they_were_delivered_prove_anything() {
    use trailtrim_ingest::{Framing, Label, Provenance};
    let user = format!(
        r#""userIdentity":{{"type":"IAMUser","arn":"arn:aws:iam::{ACCOUNT}:user/jo","accountId":"{ACCOUNT}"}}"#
    );
    let text =
        format!(r#"{{"eventTime":"2026-03-02T10:00:00Z",{user},{}}}"#, management(EC2, true));
    let (scope, file) = (crate::Scope::default(), Label::from("a"));
    for (framing, proves) in [
        (Framing::Records, true),
        (Framing::Bare, true),
        (Framing::ExportLines, true),
        (Framing::LookupEvents, false),
        (Framing::LogEvents, false),
        (Framing::EventBridge, false),
        (Framing::Elastic, false),
        (Framing::Query, false),
    ] {
        let catalog = trailtrim_catalog::Catalog::embedded();
        let mut observer = crate::Observer::new(catalog, &scope);
        let at = Provenance { framing, ..Provenance::bare(&file) };
        observer.observe(&at, &Record::parse(&text).unwrap());
        let usage = observer.into_usage();
        assert_eq!(usage.principals.len(), 1, "used all the same");
        assert_eq!(usage.coverage.accounts().count() == 1, proves, "{framing:?}");
    }
}

#[test]
fn an_event_that_may_be_of_two_types_is_covered_where_both_are() {
    let events = ActionEvents::of(trailtrim_catalog::Catalog::embedded());
    let days = |types: &[&str]| {
        let mut coverage = week(&[management("events.amazonaws.com", true)]);
        let selectors = types.iter().map(|kind| {
            format!(
                r#"{{"FieldSelectors":[{{"Field":"eventCategory","Equals":["Data"]}},{{"Field":"resources.type","Equals":["{kind}"]}}]}}"#
            )
        });
        let selectors: Vec<String> = selectors.collect();
        let selectors = format!(r#""AdvancedEventSelectors":[{}]"#, selectors.join(","));
        declare(&mut coverage, &selectors);
        let place = Place { account: ACCOUNT, region: REGION, resource: "*", principal: None };
        let nobody = |_: &str| false;
        let asked = &mut Asked::default();
        coverage.covered_days_of(&events, "events:PutEvents", &place, &nobody, asked).len()
    };
    assert_eq!(days(&["AWS::Events::EventBus"]), 0);
    assert!(days(&["AWS::Events::EventBus", "AWS::Events::Endpoint"]) >= 5);
}

/// As what a call is recorded is not known from its action: one side alone proves nothing, and is told.
#[test]
fn of_a_trail_that_has_one_side_alone_that_is_told() {
    let events = ActionEvents::of(trailtrim_catalog::Catalog::embedded());
    let place = Place { account: ACCOUNT, region: REGION, resource: "*", principal: None };
    let anybody = |_: &str| true;
    let of = |kinds: &[String]| {
        let coverage = week(kinds);
        let action = "sqs:DeleteQueue";
        let days =
            coverage.covered_days_of(&events, action, &place, &anybody, &mut Asked::default());
        (
            days.len(),
            coverage.covered_side(&events, action, &place, &anybody, &mut Asked::default()),
        )
    };
    let (reads, writes) = (management(EC2, true), management(EC2, false));
    let (days, side) = of(&[reads.clone(), writes.clone()]);
    assert!(days >= 5 && side.is_none(), "{days} {side:?}");
    let (days, side) = of(&[writes]);
    assert_eq!((days, side.map(|one| one.0)), (0, Some(Access::Write)));
    assert!(side.is_some_and(|one| one.1 >= 5), "{side:?}");
    let (days, side) = of(&[reads]);
    assert_eq!((days, side.map(|one| one.0)), (0, Some(Access::Read)));
}
