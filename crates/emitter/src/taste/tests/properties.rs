//! Whatever was seen: what is chosen holds it, is of its type, and does not hang on the order.

use proptest::prelude::*;
use trailtrim_iam::wildcard;

use super::*;

const UUID: &str = "0b5e1e5e-1111-4222-8333-44445555666";

fn keys() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        Just("a".to_owned()),
        Just("in".to_owned()),
        Just("dt=2026-11-2".to_owned()),
        "[ab]{1,2}",
        "2026|11|2[0-9]|2026/11",
        "v[0-9]",
        "20261[12]2[0-9]",
        "[0-9]".prop_map(|digit| format!("{UUID}{digit}")),
        Just("${*}x".to_owned()),
        Just("é".to_owned()),
        Just(String::new()),
        "[a-c][*]?",
    ];
    prop::collection::vec(segment, 1..5).prop_map(|segments| segments.join("/"))
}

fn pairs() -> impl Strategy<Value = (&'static str, String)> {
    let object = [
        "s3:GetObject",
        "s3:PutObject",
        "s3:PutObjectAcl",
        "s3:DeleteObject",
        "s3:GetObjectTagging",
    ];
    prop_oneof![
        4 => (prop::sample::select(object.to_vec()), "[bc]", keys()).prop_map(|(action, bucket, key)| {
            (action, format!("arn:aws:s3:::{bucket}/{key}"))
        }),
        1 => (prop::sample::select(vec!["ec2:StopInstances", "ec2:StartInstances"]), "[a-d]")
            .prop_map(|(action, id)| (action, format!("{EC2}instance/i-{id}"))),
        1 => "[a-d]".prop_map(|id| ("ec2:RunInstances", format!("arn:aws:ec2:eu-west-1::image/ami-{id}"))),
        1 => ("[ab]", "[a-c](/[a-c])?").prop_map(|(group, stream)| {
            ("logs:PutLogEvents", format!("arn:aws:logs:r:1:log-group:/aws/{group}:log-stream:{stream}"))
        }),
        1 => ("/?[ab](/[ab])?(:\\*)?").prop_map(|group| {
            ("logs:CreateLogGroup", format!("arn:aws:logs:r:1:log-group:{group}"))
        }),
        1 => "[ab](/[ab]){0,2}".prop_map(|name| ("ssm:GetParameter", format!("arn:aws:ssm:r:1:parameter/{name}"))),
        1 => "f(:([0-9]|live|[*]))?".prop_map(|name| ("lambda:InvokeFunction", format!("arn:aws:lambda:r:1:function:{name}"))),
        1 => "[ab]".prop_map(|name| ("iam:PassRole", format!("arn:aws:iam::1:role/{name}"))),
        1 => "[ab]".prop_map(|name| ("kms:Decrypt", format!("arn:aws:kms:r:1:key/{name}"))),
        1 => Just(("ec2:DescribeInstances", "*".to_owned())),
    ]
}

type Owned = Vec<(&'static str, String, Vec<i32>)>;

fn history() -> impl Strategy<Value = Owned> {
    let days = prop::collection::vec(NOVEMBER..NOVEMBER + 12, 0..4);
    prop::collection::vec((pairs(), days), 0..30).prop_map(|all| {
        all.into_iter().map(|((action, resource), days)| (action, resource, days)).collect()
    })
}

fn attached() -> impl Strategy<Value = Vec<&'static str>> {
    let patterns = vec![
        "arn:aws:s3:::b/a/*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::b/a*",
        "*",
        "arn:aws:s3:::b/in/dt=*",
        "arn:aws:ec2:*:*:instance/*",
        "arn:aws:logs:*:*:log-group:/aws/a:log-stream:*",
        "arn:aws:s3:::b/${aws:username}/*",
    ];
    prop::collection::vec(prop::sample::select(patterns), 0..3)
}

fn run(history: &Owned, taste: Taste, attached: &[&str]) -> Choice {
    let given: Vec<Given<'_>> = history
        .iter()
        .map(|(action, resource, days)| (*action, resource.as_str(), days.as_slice()))
        .collect();
    choose_with(&given, taste, attached)
}

/// Returns what was chosen, with the days of all that it stands for.
fn rewritten(history: &Owned, choice: &Choice) -> Owned {
    let all = history.iter().map(|(action, resource, days)| {
        (*action, choice.resource(action, resource).to_owned(), days.clone())
    });
    all.collect()
}

/// Returns whether one pattern means all that another means. No `?` stands in what is generated, so
/// a letter that is in no pattern stands for every star of the narrow one.
fn covers(wide: &str, narrow: &str) -> bool {
    let literal = |text: &str| text.replace("${*}", "\u{E001}").replace("${$}", "\u{E002}");
    wildcard::matches(&literal(wide), &literal(narrow).replace('*', "\u{E000}"))
}

fn fields(arn: &str) -> Vec<&str> {
    arn.splitn(6, ':').take(5).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn what_is_chosen_holds_what_was_seen_and_is_of_its_type(history in history(), attached in attached()) {
        for taste in Taste::ALL {
            let choice = run(&history, taste, &attached);
            for (action, resource, _) in &history {
                let to = choice.resource(action, resource);
                prop_assert!(covers(to, resource), "{} does not hold {}", to, resource);
                prop_assert_eq!(fields(to), fields(resource));
                let facts = Catalog::embedded().action(action).unwrap();
                let template = |arn: &str| facts.shape(arn).map(|shape| shape.template());
                if to != resource {
                    prop_assert_eq!(template(to), template(resource), "{} for {}", to, resource);
                }
            }
        }
    }

    #[test]
    fn each_taste_reaches_as_far_as_the_one_before(history in history(), attached in attached()) {
        let choices = Taste::ALL.map(|taste| run(&history, taste, &attached));
        for (action, resource, _) in &history {
            for pair in choices.windows(2) {
                let (narrow, wide) = (pair[0].resource(action, resource), pair[1].resource(action, resource));
                prop_assert!(covers(wide, narrow), "{} does not hold {}", wide, narrow);
            }
        }
    }

    #[test]
    fn choosing_again_changes_nothing(history in history(), attached in attached()) {
        for taste in Taste::ALL {
            let once = rewritten(&history, &run(&history, taste, &attached));
            let twice = rewritten(&once, &run(&once, taste, &attached));
            prop_assert_eq!(once, twice);
        }
    }

    #[test]
    fn order_and_repetition_play_no_part(
        (history, shuffled) in history().prop_flat_map(|history| (Just(history.clone()), Just(history).prop_shuffle())),
        attached in attached(),
    ) {
        let repeated: Owned = shuffled.iter().chain(&shuffled).cloned().collect();
        for taste in Taste::ALL {
            let (one, other) = (run(&history, taste, &attached), run(&repeated, taste, &attached));
            prop_assert_eq!(&one.chosen, &other.chosen);
            let told = |choice: &Choice| format!("{:?}", choice.generalisations());
            prop_assert_eq!(told(&one), told(&other));
        }
    }

    #[test]
    fn everything_that_is_written_otherwise_is_told(history in history(), attached in attached()) {
        for taste in Taste::ALL {
            let choice = run(&history, taste, &attached);
            for (action, resource, _) in &history {
                let to = choice.resource(action, resource);
                let told = choice.generalisations().iter().any(|one| one.to == to && one.actions.contains(*action));
                prop_assert!(to == resource || told, "nothing is told of {} for {}", to, resource);
            }
            for one in choice.generalisations() {
                prop_assert!(one.names >= one.names_of_one_day && !one.why.is_empty() && !one.adds.is_empty());
                prop_assert_eq!(one.from.len(), one.names.min(SAMPLE));
            }
        }
    }
}
