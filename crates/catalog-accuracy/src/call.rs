//! An event of an operation with every kept member of its input, flat as the catalog keeps them.

use serde_json::{Map, Value, json};
use trailtrim_catalog::Catalog;
use trailtrim_catalog_compiler::data::{Model, ModelOperation};

/// How EC2's ids begin, for the members that hold them.
const IDS: [(&str, &str); 53] = [
    ("localgatewayroutetableid", "lgw-rtb-"),
    ("localgatewayroutetablevpcassociationid", "lgw-vpc-assoc-"),
    ("fpgaimageid", "afi-"),
    ("capacityreservationfleetid", "crf-"),
    ("clientvpnendpointid", "cvpn-endpoint-"),
    ("carriergatewayid", "cagw-"),
    ("instanceeventwindowid", "iew-"),
    ("networkinsightspathid", "nip-"),
    ("networkinsightsanalysisid", "nia-"),
    ("trafficmirrorfilterid", "tmf-"),
    ("trafficmirrorfilterruleid", "tmfr-"),
    ("trafficmirrorsessionid", "tms-"),
    ("trafficmirrortargetid", "tmt-"),
    ("transitgatewaymulticastdomainid", "tgw-mcast-domain-"),
    ("transitgatewayconnectpeerid", "tgw-connect-peer-"),
    ("vpcendpointserviceid", "vpce-svc-"),
    ("dedicatedhostid", "h-"),
    ("ipv4poolec2id", "ipv4pool-ec2-"),
    ("ipv6poolec2id", "ipv6pool-ec2-"),
    ("instanceid", "i-"),
    ("imageid", "ami-"),
    ("volumeid", "vol-"),
    ("snapshotid", "snap-"),
    ("vpcid", "vpc-"),
    ("subnetid", "subnet-"),
    ("securitygroupid", "sg-"),
    ("groupid", "sg-"),
    ("networkinterfaceid", "eni-"),
    ("internetgatewayid", "igw-"),
    ("natgatewayid", "nat-"),
    ("routetableid", "rtb-"),
    ("networkaclid", "acl-"),
    ("allocationid", "eipalloc-"),
    ("launchtemplateid", "lt-"),
    ("vpcendpointid", "vpce-"),
    ("flowlogid", "fl-"),
    ("vpcpeeringconnectionid", "pcx-"),
    ("transitgatewayid", "tgw-"),
    ("dhcpoptionsid", "dopt-"),
    ("customergatewayid", "cgw-"),
    ("vpngatewayid", "vgw-"),
    ("vpnconnectionid", "vpn-"),
    ("capacityreservationid", "cr-"),
    ("hostid", "h-"),
    ("prefixlistid", "pl-"),
    ("fleetid", "fleet-"),
    ("transitgatewayattachmentid", "tgw-attach-"),
    ("transitgatewayroutetableid", "tgw-rtb-"),
    ("egressonlyinternetgatewayid", "eigw-"),
    ("securitygroupruleid", "sgr-"),
    ("spotinstancerequestid", "sir-"),
    ("spotfleetrequestid", "sfr-"),
    ("resourceid", "i-"),
];

/// How ids of other services begin.
const OTHER_IDS: [(&str, &str, &str); 10] = [
    ("organizations", "rootid", "r-"),
    ("ssm", "target", "i-"),
    ("efs", "filesystemid", "fs-"),
    ("efs", "accesspointid", "fsap-"),
    ("efs", "resourceid", "fsap-"),
    ("ssm", "windowid", "mw-"),
    ("ssm", "baselineid", "pb-"),
    ("ssm", "instanceid", "mi-"),
    ("organizations", "parentid", "ou-"),
    ("organizations", "targetid", "ou-"),
];

/// Members that hold an ARN and are not called so, by the API's documentation.
const ARNS: [(&str, &str); 6] = [
    ("rds", "resourcename"),
    ("rds", "resourceidentifier"),
    ("redshift", "resourcename"),
    ("elasticache", "resourcename"),
    ("lambda", "resource"),
    ("cloudfront", "resource"),
];

/// Returns an event whose parameters are named as the API names them.
pub fn event(model: &Model, operation: &ModelOperation, actions: &[&str]) -> Value {
    let mut parameters = Map::new();
    for member in &operation.input {
        let member = member.trim_start_matches('!');
        // One call names a thing once, and mostly without a version.
        let twin = member.strip_suffix("ARN").or_else(|| member.strip_suffix("Arn"));
        let named = twin.is_some_and(|stem| {
            operation.input.iter().any(|other| {
                let other = other.trim_start_matches('!');
                ["Name", "Identifier", "Id"].iter().any(|end| other == format!("{stem}{end}"))
            })
        });
        if member.ends_with('?') || named || member == "VersionId" {
            continue;
        }
        let (stem, is_map) = match member.strip_suffix("{}") {
            Some(stem) => (stem, true),
            None => (member, false),
        };
        if is_map {
            parameters.insert(lower(stem), json!({ "a-key": {} }));
            continue;
        }
        let keys: Vec<&str> = stem.split('.').collect();
        let leaf = keys.last().copied().unwrap_or_default();
        let value = Value::String(value(model, leaf, actions));
        insert(&mut parameters, &keys, value);
    }
    if model.name == "s3" {
        // S3 writes two names of its own.
        for (own, written) in [("bucket", "bucketName"), ("key", "key")] {
            if let Some(value) = parameters.remove(own) {
                parameters.insert(written.to_owned(), value);
            }
        }
    }
    json!({
        "eventSource": format!("{}.amazonaws.com", model.signing),
        "eventName": operation.name,
        "awsRegion": "eu-west-1",
        "eventType": "AwsApiCall",
        "userIdentity": { "accountId": "123456789012", "type": "IAMUser",
            "arn": "arn:aws:iam::123456789012:user/tester" },
        "requestParameters": parameters,
    })
}

fn insert(parameters: &mut Map<String, Value>, keys: &[&str], value: Value) {
    let Some((key, rest)) = keys.split_first() else { return };
    if rest.is_empty() {
        parameters.entry(lower(key)).or_insert(value);
        return;
    }
    let inner = parameters.entry(lower(key)).or_insert_with(|| Value::Object(Map::new()));
    if let Value::Object(inner) = inner {
        insert(inner, rest, value);
    }
}

fn value(model: &Model, leaf: &str, actions: &[&str]) -> String {
    let name = leaf.to_ascii_lowercase();
    let singular = name.trim_end_matches('s');
    if model.name == "ec2"
        && let Some((_, prefix)) = IDS
            .iter()
            .filter(|(ending, _)| singular.ends_with(ending))
            .max_by_key(|(ending, _)| ending.len())
    {
        return format!("{prefix}0123456789abcdef0");
    }
    if singular.ends_with("rolearn") || singular == "role" {
        return "arn:aws:iam::123456789012:role/passed".to_owned();
    }
    if singular.ends_with("arn") {
        let stem = singular.trim_end_matches("arn");
        return arn_for(stem, actions).unwrap_or_else(|| {
            format!("arn:aws:{}:eu-west-1:123456789012:{stem}/a-{stem}", model.signing)
        });
    }
    let known = OTHER_IDS.iter().find(|(owner, id, _)| *owner == model.name && *id == singular);
    if let Some((_, _, prefix)) = known {
        return format!("{prefix}0123456789abcdef0");
    }
    if ARNS.contains(&(model.name.as_str(), &name)) {
        return arn_for("", actions).unwrap_or_default();
    }
    if singular == "queueurl" {
        return "https://sqs.eu-west-1.amazonaws.com/123456789012/a-queue".to_owned();
    }
    format!("a-{singular}")
}

/// Returns an ARN for a member `<something>Arn`: of the action's type that is called so, or of the
/// first if the name says nothing.
fn arn_for(stem: &str, actions: &[&str]) -> Option<String> {
    let types: Vec<_> = actions
        .iter()
        .filter_map(|action| Catalog::embedded().action(action))
        .flat_map(|facts| facts.resource_types())
        .collect();
    let plain = |name: &str| {
        name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
    };
    let called = types.iter().find(|kind| {
        let name = kind.name().split('/').next().unwrap_or_default();
        plain(name) == stem
    });
    let generic = ["", "resource", "source"].contains(&stem).then(|| types.first()).flatten();
    let only = (types.len() == 1).then(|| types.first()).flatten();
    called.or(generic).or(only)?.templates().next().map(filled)
}

/// Returns a template with every variable named.
pub fn filled(template: &str) -> String {
    let mut arn = String::new();
    for (at, part) in template.split("${").enumerate() {
        match part.split_once('}') {
            Some((variable, rest)) if at > 0 => {
                arn.push_str(match variable {
                    "Partition" => "aws",
                    "Region" => "eu-west-1",
                    "Account" => "123456789012",
                    _ => "named",
                });
                arn.push_str(rest);
            }
            _ => arn.push_str(part),
        }
    }
    // Some templates leave the account open.
    arn.replace('*', "123456789012")
}

/// Returns an id as the service makes them for an ARN's variable, if its form is known.
pub fn id(model: &Model, variable: &str) -> Option<String> {
    let variable = variable.to_ascii_lowercase();
    let of_ec2 = || {
        let known = IDS.iter().filter(|_| model.name == "ec2");
        known.filter(|(ending, _)| variable == *ending).map(|(_, prefix)| *prefix).next()
    };
    let others = OTHER_IDS.iter().find(|(owner, id, _)| *owner == model.name && *id == variable);
    let prefix = others.map(|(_, _, prefix)| *prefix).or_else(of_ec2)?;
    Some(format!("{prefix}0123456789abcdef0"))
}

fn lower(name: &str) -> String {
    let mut chars = name.chars();
    chars
        .next()
        .map(|first| first.to_ascii_lowercase().to_string() + chars.as_str())
        .unwrap_or_default()
}
