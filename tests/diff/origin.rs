//! From where calls came, where it becomes a condition.

use super::claims::messages;
use super::*;

/// A log in which the records of the worker are changed.
fn changed(from: &str, to: &str, which: impl Fn(usize) -> bool) -> TempDir {
    let mut log = managed_week();
    let of_worker = log.records.iter_mut().filter(|one| one.contains("role/worker"));
    for (_, record) in of_worker.enumerate().filter(|(at, _)| which(*at)) {
        assert!(record.contains(from), "{record}");
        *record = record.replacen(from, to, 1);
    }
    log.write(1)
}

/// Returns the condition of the draft and what is said of the worker.
fn asked(trail: &TempDir, kinds: &[&str]) -> (Value, String) {
    let files = Files::new();
    let attached = policy(&["sqs:UntagQueue"], &[QUEUE]);
    let attached = files.write("policy.json", &attached.to_string());
    let kinds = kinds.iter().flat_map(|kind| ["--condition", kind]);
    let options: Vec<&str> =
        WEEK.into_iter().chain(kinds).chain(["--attached", &attached]).collect();
    let (_, made) = described(trail.path(), &options);
    let worker = of(&made, "worker");
    let [draft] = drafted(worker)[..] else { panic!("{worker:#}") };
    let [statement] = list(draft, "Statement") else { panic!("{draft:#}") };
    (statement["Condition"].clone(), worker["notes"].to_string())
}

#[test]
fn an_address_is_asked_for_only_of_calls_that_have_one() {
    let told = "no `aws:SourceIp` where calls went through a VPC endpoint";
    let (all, ip) = (|_: usize| true, ["source-ip"]);
    let endpoint = r#""vpcEndpointId":"vpce-1","recipientAccountId""#;
    let address = json!({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}});
    let (condition, notes) = asked(&managed_week().write(1), &ip);
    assert_eq!((condition, notes.contains(told)), (address, false), "{notes}");
    // All through an endpoint, or one of them.
    let through = changed(r#""recipientAccountId""#, endpoint, all);
    let (condition, notes) = asked(&through, &ip);
    assert!(condition.is_null() && notes.contains(told), "{condition} {notes}");
    let (condition, notes) = asked(&through, &["source-ip", "source-vpce"]);
    assert_eq!(condition, json!({"StringEquals": {"aws:SourceVpce": "vpce-1"}}), "{notes}");
    let one = changed(r#""recipientAccountId""#, endpoint, |at| at == 3);
    let (condition, notes) = asked(&one, &["source-ip", "source-vpce"]);
    assert!(condition.is_null() && notes.contains("sqs:UntagQueue"), "{notes}");
    for private in ["10.0.1.7", "172.20.0.1", "100.64.3.9", "fd00::7"] {
        let (condition, notes) = asked(&changed("198.51.100.7", private, all), &ip);
        assert!(condition.is_null() && notes.contains(told), "{private} {condition} {notes}");
    }
    let (condition, _) = asked(&changed("198.51.100.7", "2001:db8:1:2::3", all), &ip);
    assert_eq!(condition, json!({"IpAddress": {"aws:SourceIp": "2001:db8:1::/48"}}));
}

#[test]
fn what_stands_in_place_of_an_endpoint_is_none() {
    let mask = r#""vpcEndpointId":"AWS Internal","vpcEndpointAccountId":"AWS Internal","recipientAccountId""#;
    let masked = changed(r#""recipientAccountId""#, mask, |_| true);
    let (condition, notes) = asked(&masked, &["source-vpce"]);
    assert!(condition.is_null(), "{condition} {notes}");
    // Which one it was is unknown, and so is whether what is attached allowed it.
    let mut attached = policy(&["sqs:UntagQueue"], &[QUEUE]);
    attached["Statement"][0]["Condition"] =
        json!({"StringEqualsIfExists": {"aws:SourceVpce": "vpce-1"}});
    let files = Files::new();
    let attached = files.write("policy.json", &attached.to_string());
    let options: Vec<&str> = WEEK.into_iter().chain(["--attached", &attached]).collect();
    let found = |trail: &TempDir| {
        let (_, made) = described(trail.path(), &options);
        !messages(of(&made, "worker"), "unexplained-access").is_empty()
    };
    assert!(!found(&masked));
    let other = changed(
        r#""recipientAccountId""#,
        r#""vpcEndpointId":"vpce-2","recipientAccountId""#,
        |_| true,
    );
    assert!(found(&other));
}
