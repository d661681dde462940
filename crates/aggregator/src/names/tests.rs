use super::*;
use crate::call::{Category, Copy, Resource};
use crate::trie::{Segments, segments};
use proptest::prelude::*;

fn call(parts: &[(&str, &str)], resources: &[&str]) -> Call<'static> {
    let own = |text: &str| Cow::Owned(text.to_owned());
    let mut call = Call {
        event_source: own("s3.amazonaws.com"),
        event_name: own("GetObject"),
        region: own("eu-west-1"),
        account: own("111122223333"),
        category: Category::Data,
        copy: Copy::Caller,
        via: None,
        error_code: None,
        denial: None,
        parts: parts.iter().map(|(path, value)| (own(path), own(value))).collect(),
        resources: resources
            .iter()
            .map(|arn| Resource { arn: own(arn), is_prefix: false, kind: None, account: None })
            .collect(),
        piece: false,
        open: None,
    };
    call.canonicalise();
    call
}

struct Names {
    containers: Vec<String>,
    names: Vec<String>,
}

fn take(call: &mut Call<'static>) -> Names {
    let mut taken = Taken::default();
    taken.take(call);
    let mut encoded = Vec::new();
    call.encode_with(Some(&taken), &mut encoded);
    let own = |text: &str| Cow::Owned(text.to_owned());
    for (index, (_, value)) in call.parts.iter_mut().enumerate() {
        *value = own(taken.at(Place::Part(index)));
    }
    for (index, resource) in call.resources.iter_mut().enumerate() {
        resource.arn = own(taken.at(Place::Resource(index)));
    }
    let mut plain = Vec::new();
    call.encode_with(None, &mut plain);
    assert_eq!(encoded, plain);
    Names {
        containers: taken.containers().map(str::to_owned).collect(),
        names: taken.names().map(str::to_owned).collect(),
    }
}

fn paths(names: &Names) -> (Segments<'_>, Segments<'_>) {
    let (mut outer, mut inner) = (Segments::new(), Segments::new());
    names.containers.iter().for_each(|name| segments(name, &mut outer));
    names.names.iter().for_each(|name| segments(name, &mut inner));
    (outer, inner)
}

fn round(call: &Call<'static>) -> (Call<'static>, Names) {
    let mut frame = call.clone();
    let names = take(&mut frame);
    let (outer, inner) = paths(&names);
    let filling = Filling { containers: Level::new(&outer, None), names: Level::new(&inner, None) };
    let filled = fill(&frame, &filling);
    drop((outer, inner));
    (filled, names)
}

#[test]
fn the_data_is_read() {
    let rules: Rules = toml::from_str(DATA).unwrap();
    assert!(rules.divide.iter().all(|divide| divide.key.is_some() != divide.service.is_some()));
    assert!(rules.endings.contains(&"name".to_owned()));
}

#[test]
fn one_name_at_several_places_is_one_name() {
    let call = call(
        &[("request.bucketname", "b"), ("request.key", "x/y"), ("request.xamzacl", "private")],
        &["arn:aws:s3:::b", "arn:aws:s3:::b/x/y"],
    );
    let (back, names) = round(&call);
    assert_eq!(back, call);
    assert_eq!((names.containers, names.names), (vec!["b".to_owned()], vec!["x/y".to_owned()]));
}

#[test]
fn arns_alone_tell_bucket_and_key() {
    let call = call(&[], &["arn:aws:s3:::b/x/y"]);
    let (back, names) = round(&call);
    assert_eq!(back, call);
    assert_eq!((names.containers, names.names), (vec!["b".to_owned()], vec!["x/y".to_owned()]));
}

#[test]
fn what_rules_test_stays_in_the_frame() {
    let copy = "/src/a/b%20c?versionId=abc";
    for (path, value, kept) in [
        ("request.xamzcopysource", copy, "/\0\u{100}/\0\u{200}?versionId=\0\u{201}"),
        ("request.keyid", "alias/shop", "alias/\0\u{200}"),
        ("request.instanceid", "i-0123456789abcdef0", "i-\0\u{200}"),
        (
            "request.functionname",
            "arn:aws:lambda:eu-west-1:1:function:f:live",
            "arn:aws:lambda:eu-west-1:1:function:\0\u{200}",
        ),
        ("request.xamzacl", "private", "private"),
    ] {
        let call = call(&[(path, value)], &[]);
        let mut frame = call.clone();
        take(&mut frame);
        let shown: String = frame.parts[0]
            .1
            .chars()
            .map(|c| match c {
                '\0' => "\\0".to_owned(),
                '\u{100}'.. => c.escape_unicode().to_string(),
                c => c.to_string(),
            })
            .collect();
        assert_eq!(
            shown,
            kept.replace('\0', "\\0")
                .chars()
                .map(|c| match c {
                    '\u{100}'.. => c.escape_unicode().to_string(),
                    c => c.to_string(),
                })
                .collect::<String>(),
            "{path}"
        );
        assert_eq!(round(&call).0, call, "{path}");
    }
}

#[test]
fn what_stands_in_brackets_is_no_part_of_a_key() {
    for (path, key) in [
        ("request.vpczoneidentifier[,]", Some("vpczoneidentifier")),
        ("request.ids[^=a.b][!$=c]", Some("ids")),
        ("request.items[source^=aws.s3].name", Some("name")),
        ("request.requestitems{}", Some("requestitems")),
        ("request.items[kind=a]?", None),
    ] {
        assert_eq!(last_key(path), key, "{path}");
    }
}

#[test]
fn a_folded_name_is_open_at_each_of_its_places() {
    let call =
        call(&[("request.bucketname", "b"), ("request.key", "x/y")], &["arn:aws:s3:::b/x/y"]);
    let mut frame = call.clone();
    take(&mut frame);
    let count = Count { value: 7, estimated: false };
    let filling =
        Filling { containers: Level::new(&["b"], None), names: Level::new(&["x/"], Some(count)) };
    let open = fill(&frame, &filling);
    assert_eq!(open.parts[1].1, "x/anyname0");
    assert_eq!(open.resources[0].arn, "arn:aws:s3:::b/x/anyname0");
    let told = open.open.unwrap();
    assert_eq!((told.beginning.as_str(), told.names), ("b/x/", count));
}

#[test]
fn a_stand_in_is_no_text_of_the_log() {
    let call = call(&[("request.bucketname", "AnyName0"), ("request.key", "anyname1")], &[]);
    let mut frame = call.clone();
    take(&mut frame);
    let filling = Filling {
        containers: Level::new(&["AnyName0"], None),
        names: Level::new(&["anyname1/"], Some(Count { value: 300, estimated: true })),
    };
    assert_eq!(fill(&frame, &filling).open.unwrap().stand_in, "anyname2");
}

#[test]
fn a_call_about_many_things_is_kept_as_calls_about_one() {
    let ids: Vec<String> = (0..20).map(|n| format!("i-{n:017x}")).collect();
    let mut parts: Vec<(&str, &str)> =
        ids.iter().map(|id| ("request.instanceid", id.as_str())).collect();
    parts.push(("request.force", "true"));
    let pieces = pieces(&call(&parts, &[]));
    assert_eq!(pieces.len(), 20);
    assert!(pieces.iter().all(|piece| piece.piece && piece.parts.len() == 2));
    assert!(super::pieces(&call(&parts[..8], &[])).is_empty());
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ab/:?\0]{0,6}",
        Just("arn:aws:s3:::b/a".to_owned()),
        Just("arn:aws:logs:r:1:log-group:/a/b:log-stream:c".to_owned()),
        Just("i-0123456789abcdef0".to_owned()),
        "arn:aws:[ab]:[ab]?:1:[ab]/[ab:/\0]{0,5}",
        "/?[ab]/[ab/]{0,4}(\\?versionId=[ab]{0,2})?",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn a_call_comes_back_from_frame_and_names(
        parts in prop::collection::vec((prop::sample::select(vec![
            "request.bucketname", "request.key", "request.xamzcopysource", "request.keyid",
            "request.flag", "request.tags?", "request.map{}", "response.loggroupname",
        ]), text()), 0..6),
        resources in prop::collection::vec(text(), 0..3),
    ) {
        let parts: Vec<_> = parts.iter().map(|(path, value)| (*path, value.as_str())).collect();
        let resources: Vec<_> = resources.iter().map(String::as_str).collect();
        let call = call(&parts, &resources);
        let mut frame = call.clone();
        let names = take(&mut frame);
        let counts = (names.containers.len() as u16, names.names.len() as u16);
        prop_assert_eq!(references(&mut frame), Some(counts));
        prop_assert_eq!(round(&call).0, call);
    }
}
